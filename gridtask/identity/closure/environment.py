"""Variables of the environment that the program itself has set, and the code reads.

What a process is started with is its surroundings, and does not count. What code
sets when it is imported, by whatever statement or from whatever file, does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache

_MIN_PREFIX = 3
_OWN = "GRIDTASK_"
_told: set[str] = set()
"""On a worker: what the driver's program has set; it began with them."""


@lru_cache(maxsize=1)
def _at_start() -> dict[str, str]:
    """Return the environment that the process was started with, where that shows."""
    try:
        with open("/proc/self/environ", "rb") as file:
            rows = file.read().split(b"\0")
    except OSError:
        return {}
    pairs = [os.fsdecode(row).partition("=") for row in rows if row]
    return {name: value for name, _, value in pairs}


def read_environment(texts: Iterable[str]) -> dict[str, str]:
    """Return the variables that the program has set and that texts in code name.

    A text may be the beginning of a name. Where no text names any variable at all,
    every one that was set may be meant.
    """
    begun = _at_start()
    found = {
        name: value
        for name, value in os.environ.items()
        if (begun.get(name) != value or name in _told) and not name.startswith(_OWN)
    }
    said = {text for text in texts if len(text) >= _MIN_PREFIX}
    if said.isdisjoint(os.environ) and not any(
        name.startswith(text) for text in said for name in os.environ
    ):
        return found
    return {
        name: value
        for name, value in found.items()
        if any(name.startswith(text) for text in said)
    }


def take_environment(variables: dict[str, str]) -> None:
    """Set what the driver's program has set (on a worker)."""
    _told.update(variables)
    os.environ.update(variables)
