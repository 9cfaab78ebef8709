"""Memory for copies of records that are not known to be on disk."""

from __future__ import annotations

from collections.abc import Sequence

from gridtask.fs import Buffer
from gridtask.store.views import new_memory

SMALL_COPY = 1 << 16
"""Bytes of a copy that may as well be new: new memory costs little up to here."""


class Copies:
    """Copies of what waits for its sync, in memory that is used again and again.

    New memory costs a page fault every 4 kB, twice the time of copying.

    Parameters
    ----------
    n_bytes : int
        Room for larger copies; what does not fit lies elsewhere.
    """

    def __init__(self, n_bytes: int) -> None:
        self._n_bytes = n_bytes
        self._room = memoryview(b"")
        self._end = 0

    def add(self, parts: Sequence[Buffer], n_bytes: int) -> Buffer:
        """Return `parts` together, as they are now; valid until `clear`."""
        start, end = self._end, self._end + n_bytes
        if n_bytes < SMALL_COPY or end > self._n_bytes:
            return b"".join(parts)
        if not self._room:
            self._room = new_memory(self._n_bytes)
        self._end = end
        at = start
        for part in parts:
            self._room[at : at + len(part)] = part
            at += len(part)
        return self._room[start:end]

    def clear(self) -> None:
        """Forget all copies."""
        self._end = 0
