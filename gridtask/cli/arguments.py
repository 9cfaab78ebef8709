"""The arguments that select calls, the same for all verbs."""

from __future__ import annotations

import argparse
import re

AGE_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
"""Units of an age; there are no months, so that ``m`` can only be minutes."""


def parse_age(text: str) -> float:
    """Convert an age such as ``"7d"`` to seconds.

    Parameters
    ----------
    text : str
        A non-negative decimal number and one of the units ``s m h d w``.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    argparse.ArgumentTypeError
        If `text` is anything else.

    Examples
    --------
    >>> parse_age("1.5h")
    5400.0
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhdw])", text)
    if match is None:
        msg = f"{text!r} is not an age: expected a number and s, m, h, d or w, as in 7d"
        raise argparse.ArgumentTypeError(msg)
    return float(match[1]) * AGE_SECONDS[match[2]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what selects calls to a verb's arguments."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="TASK|KEY",
        help="a task's name, or a call's key or the first digits of it",
    )
    parser.add_argument(
        "--older",
        type=parse_age,
        metavar="AGE",
        help="only calls computed at least so long ago: 30m, 12h, 7d, 2w",
    )
    parser.add_argument("--failed", action="store_true", help="only failed calls")
