"""Few files: what a map does for the cache folder when it has its results."""

from __future__ import annotations

import time
from contextlib import suppress

from gridtask.debug import debug
from gridtask.errors import GridTaskError
from gridtask.store.store import Folder

TIDY_BYTES = 64 << 20
"""So much is copied at the end of a map at most; ``gridtask gc`` copies all."""

TIDY_SECONDS = 2.0
"""So long a map waits for it at most. Some 100,000 small results are put
together in that time; the rest is left to the next map."""


def tidy(folder: Folder) -> None:
    """Put many small files of results together, where there are that many.

    What cannot be done now, on a full disk for example, is left to the next
    time: nothing depends on it.
    """
    end = time.monotonic() + TIDY_SECONDS
    with suppress(GridTaskError, OSError):
        done = folder.compact(max_bytes=TIDY_BYTES, max_seconds=TIDY_SECONDS)
        debug("%s: compaction: %s", folder.name, done or "not needed")
        folder.sweep(max_seconds=end - time.monotonic())
