"""Few files: what a map does for the cache folder when it has its results."""

from __future__ import annotations

from contextlib import suppress

from gridtask.errors import GridTaskError
from gridtask.store.store import Folder

TIDY_BYTES = 64 << 20
"""So much is copied at the end of a map at most; ``gridtask gc`` copies all."""


def tidy(folder: Folder) -> None:
    """Put many small files of results together, where there are that many.

    What cannot be done now, on a full disk for example, is left to the next
    time: nothing depends on it.
    """
    with suppress(GridTaskError, OSError):
        folder.compact(max_bytes=TIDY_BYTES)
        folder.sweep()
