"""Memory for large records: private, writable views of their file, and new memory.

The pages of views are shared with all other processes until they are written.
"""

from __future__ import annotations

import errno
import mmap
import sys
from collections.abc import Iterator
from typing import Any

from gridtask.store.blocks import MAX_BLOCK

MIN_VIEW = 1 << 20
"""Smaller records are copied: quicker, and their file stays free."""

_POPULATE_READ = 22
"""madvise(2), MADV_POPULATE_READ: Linux 5.14."""

_NO_RESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000)
_SPARES_DESCRIPTOR = sys.version_info >= (3, 13)


class Views:
    """Views of one file, in one mapping: before Python 3.13 each takes a descriptor.

    Parameters
    ----------
    fd : int
        The file.
    n_bytes : int
        Its length; it may grow, but what is there never changes.
    """

    def __init__(self, fd: int, n_bytes: int) -> None:
        self._fd = fd
        self._n_bytes = n_bytes
        self._mapping: mmap.mmap | None = None

    def view(self, start: int, end: int) -> memoryview | None:
        """Return bytes of the file; None if they are rather to be read.

        They are brought into memory now. So a disk's error is found by reading
        after this was refused; met later it would be a signal, SIGBUS.
        """
        try:
            if self._mapping is None:
                self._mapping = map_private(self._fd, self._n_bytes)
            _populate(self._mapping, start, end)
        except (OSError, ValueError):  # ValueError: the file is shorter
            return None
        return memoryview(self._mapping)[start:end]


def new_memory(n_bytes: int) -> memoryview:
    """Return writable memory to read into.

    Large memory is not touched here: the zeros of a bytearray would take half as
    long as reading does.
    """
    if n_bytes < MIN_VIEW:
        return memoryview(bytearray(n_bytes))
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    return memoryview(mmap.mmap(-1, n_bytes, flags=flags))


def map_private(fd: int, n_bytes: int, offset: int = 0) -> mmap.mmap:
    """Map bytes of a file, without claiming memory for copies of its pages."""
    options: dict[str, Any] = {"trackfd": False} if _SPARES_DESCRIPTOR else {}
    return mmap.mmap(
        fd,
        n_bytes,
        flags=mmap.MAP_PRIVATE | _NO_RESERVE,
        prot=mmap.PROT_READ | mmap.PROT_WRITE,
        offset=offset,
        **options,
    )


def blocks_of(mapping: mmap.mmap, start: int) -> Iterator[memoryview]:
    """Yield a mapping's bytes from `start` on in blocks, each brought into memory.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    view = memoryview(mapping)
    while start < len(view):
        end = min(start + MAX_BLOCK, len(view))
        _populate(mapping, start, end)
        yield view[start:end]
        start = end


def _populate(mapping: mmap.mmap, start: int, end: int) -> None:
    """Read pages now, where the kernel can."""
    first = start - start % mmap.PAGESIZE
    try:
        mapping.madvise(_POPULATE_READ, first, end - first)
    except OSError as error:
        if error.errno != errno.EINVAL:  # that is an older kernel
            raise
