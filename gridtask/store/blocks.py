"""What is read at once: small neighbours together, large records in blocks."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from gridtask import fs
from gridtask.fs import Buffer
from gridtask.store import record

MAX_BLOCK = 2 << 20
"""Most bytes of neighbouring records that are read at once."""

MAX_SHARED_BLOCK = 1 << 20
"""The same for records with buffers: an array that is kept keeps its block."""

MAX_GAP = 1 << 16
"""Unwanted bytes between two records that are read rather than skipped."""

_PLACE = struct.Struct("<16s12xIQQ16xIHxB")

# Names of this module are looked up faster, once for each record.
_ENTRY_SIZE, _HEADER_SIZE = record.ENTRY.size, record.HEADER_SIZE

Place = tuple[bytes, int, int, int, int, int, int]
"""Key, sequence number, offset, lengths of payload, meta and pad, flags."""


def plan_reads(
    index: Buffer, rows: Iterable[int]
) -> Iterator[tuple[list[Place], int, int]]:
    """Yield what to read at once: places of records, start, end in bytes.

    Parameters
    ----------
    index : bytes-like
        The entries of a file.
    rows : iterable of int
        Numbers of records, ascending, without repetition.
    """
    unpack = _PLACE.unpack_from
    block: list[Place] = []
    start = end = limit = 0
    for row in rows:
        place = unpack(index, row * _ENTRY_SIZE)
        _, _, offset, payload_len, meta_len, pad, _ = place
        stop = offset + _HEADER_SIZE + meta_len + pad + payload_len
        if pad:
            limit = min(limit, start + MAX_SHARED_BLOCK)
        if stop > limit or not end <= offset <= end + MAX_GAP:
            if block:
                yield block, start, end
                block = []
            start = offset & -record.BUFFER_ALIGNMENT
            limit = start + MAX_BLOCK
        block.append(place)
        end = stop
    if block:
        yield block, start, end


def blocks_of(fd: int, offset: int, n_bytes: int) -> Iterator[Buffer]:
    """Yield a range of a file in blocks, each soon reused; a short file ends it."""
    buffer = bytearray(min(MAX_BLOCK, n_bytes))
    while n_bytes > 0:
        view = memoryview(buffer)[:n_bytes]
        n_read = fs.read_into(fd, view, offset)
        if n_read == 0:
            return
        yield view[:n_read]
        offset += n_read
        n_bytes -= n_read
