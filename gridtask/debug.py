"""What gridtask decides, and why: with ``GRIDTASK_DEBUG=1``, on stderr.

A worker's go into its log. Nothing is imported or put together unless asked for.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

VARIABLE = "GRIDTASK_DEBUG"


def is_on() -> bool:
    """Tell whether decisions are to be told; what is shown then may cost time."""
    return os.environ.get(VARIABLE, "0") not in ("", "0")


def debug(text: str, *values: object) -> None:
    """Tell of a decision, under the caller's module.

    Parameters
    ----------
    text : str
        With ``%s`` and the like for `values`.
    """
    if is_on():
        _logger().debug(text, *values, stacklevel=2)


def _logger() -> logging.Logger:
    """Return the logger ``gridtask.debug``, which writes to stderr as it is now."""
    import logging

    logger = logging.getLogger(__name__)
    if not logger.handlers:
        form = "%(asctime)s.%(msecs)03d gridtask %(module)s: %(message)s"
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter(form, datefmt="%H:%M:%S"))
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False  # it was asked for here
    for known in logger.handlers:
        if isinstance(known, logging.StreamHandler):
            known.setStream(sys.stderr)
    return logger
