"""Packs: files of records that were first written elsewhere.

A pack is written under another name and appears whole, by a rename. It lists
the files whose records it holds: these may then be removed.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from gridtask import fs
from gridtask.fs import Buffer
from gridtask.store import record
from gridtask.store.blocks import MAX_BLOCK, Place, plan_reads
from gridtask.store.reader import SMALL_RECORD, SegmentReader
from gridtask.store.record import Kind, Replaced
from gridtask.store.segment import Copy, SegmentWriter
from gridtask.store.upkeep import UNFINISHED

FINISHED = ".pack"

WRITE_BYTES = 1 << 20
"""So much of many small files is written at once."""


class PackWriter:
    """Writes one pack.

    Parameters
    ----------
    folder : Path
        Where.
    meta : mapping
        What the pack says of itself, for people.
    """

    def __init__(self, folder: Path, meta: Mapping[str, object]) -> None:
        self._folder = folder
        self._stem = os.urandom(16).hex()
        self._segment = SegmentWriter.create(self._unfinished, flags=record.PACK)
        self.n_records = 0
        self._waiting: list[Copy] = []
        self._n_waiting_bytes = 0
        try:
            self._segment.append(Kind.META, meta=meta)
        except OSError:
            self.abandon()
            raise

    @property
    def _unfinished(self) -> Path:
        return self._folder / (self._stem + UNFINISHED)

    def copy(self, file: SegmentReader, rows: Sequence[int]) -> list[int]:
        """Copy records of a file, in blocks.

        Parameters
        ----------
        file : SegmentReader
            The file.
        rows : sequence of int
            Numbers of its records, ascending.

        Returns
        -------
        damaged : list of int
            Those that are not as their checksums say; they are left out.

        Raises
        ------
        OSError
            If something cannot be read or written.
        """
        damaged = []
        for is_large, group in groupby(rows, lambda row: _is_large(file, row)):
            chosen = list(group)
            if is_large:
                damaged += [r for r in chosen if not self._copy_large(file, r)]
            else:
                damaged += self._copy_small(file, chosen)
        self.n_records += len(rows) - len(damaged)
        return damaged

    def _copy_small(self, file: SegmentReader, rows: list[int]) -> list[int]:
        """Copy records that are read and written many at a time."""
        damaged = []
        for block in read_copies(file, rows):
            for row, copy in block:
                if copy is None:
                    damaged.append(row)
                else:
                    self._waiting.append(copy)
            # Copies are views of what was read: they hold all of it.
            self._n_waiting_bytes += min(file.size, MAX_BLOCK)
            if self._n_waiting_bytes >= WRITE_BYTES:
                self._flush()
        return damaged

    def _flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._segment.copy(self._waiting)
            self._waiting, self._n_waiting_bytes = [], 0

    def _copy_large(self, file: SegmentReader, row: int) -> bool:
        """Copy one record block by block; return whether it was intact."""
        entry = file.entry(row)
        head = file.read(entry.offset, record.HEADER_SIZE + entry.meta_len)
        body = record.body_of(head, entry)
        if body is None:
            return False
        meta = head[record.HEADER_SIZE :]
        self._flush()
        return self._segment.copy_large(entry, body, meta, file.blocks(entry))

    def publish(self, replaced: Sequence[Replaced], used_at: float) -> Path:
        """Give the pack its name: from now on it is read.

        Parameters
        ----------
        replaced : sequence of (str, int)
            Files of which all that counts is in the pack.
        used_at : float
            When the records were last used, POSIX seconds.

        Returns
        -------
        path : Path
            The pack.

        Raises
        ------
        OSError
            If that fails; then no pack is there.
        """
        path = self._folder / (self._stem + FINISHED)
        try:
            self._flush()
            self._segment.append(Kind.REP, [json.dumps(replaced).encode()])
            self._segment.mark_used(used_at)
            self._segment.seal()
            fs.publish(self._unfinished, path)
        except OSError:
            self.abandon()
            raise
        return path

    def abandon(self) -> None:
        """Remove what was written."""
        with contextlib.suppress(OSError):
            self._segment.close()
        with contextlib.suppress(OSError):
            fs.remove(self._unfinished)


def _is_large(file: SegmentReader, row: int) -> bool:
    """Return whether a record should be copied by itself."""
    return file.size > MAX_BLOCK and file.entry(row).payload_len > MAX_BLOCK


def read_copies(
    file: SegmentReader, rows: Sequence[int]
) -> Iterator[list[tuple[int, Copy | None]]]:
    """Yield records, read by read; None in the place of a damaged one.

    Parameters
    ----------
    file : SegmentReader
        The file.
    rows : sequence of int
        Numbers of its records, ascending.
    """
    numbers = iter(rows)
    for places, start, end in plan_reads(file.index, rows):
        read = file.read(start, end - start).ljust(end - start, b"\0")
        is_small = len(read) <= len(places) * SMALL_RECORD
        data = read if is_small else memoryview(read)
        yield [
            (row, _copy_from(data, start, place, file, row))
            for place, row in zip(places, numbers, strict=False)
        ]


def _copy_from(
    data: Buffer, start: int, place: Place, file: SegmentReader, row: int
) -> Copy | None:
    """Return a record that lies in `data`, if it is as its index says."""
    key, seq, offset, payload_len, meta_len, pad, _ = place
    meta_at = offset - start + record.HEADER_SIZE
    meta_end = meta_at + meta_len
    payload_at = meta_end + pad
    head = data[offset - start : meta_end]
    payload = data[payload_at : payload_at + payload_len]
    has_seq, has_key, body = record.IDENTITY.unpack_from(head)
    if has_seq != seq or has_key != key:
        return None
    meta = data[meta_at:meta_end]
    if record.body_checksum(meta, [payload]) != body:
        return None
    if not record.has_checksum(head, record.RECORD_HEADER.size):
        # The index is checksummed too, and says all but the body's checksum.
        head = record.pack_record_header(file.entry(row), body) + meta
    return Copy(*file.raw_entry(row), head, payload)
