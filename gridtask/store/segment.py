"""Segments: append-only files of records, written by one process.

A segment grows until it is sealed by a footer, then never changes. Packs and
run files have the same format. Damage costs the records that it hits and no
others, and never gives a wrong value: every byte that matters is checksummed,
and a scan finds the next record behind a bad header.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_64

from gridtask import fs
from gridtask.fs import Buffer
from gridtask.store import record
from gridtask.store.reader import SegmentReader
from gridtask.store.record import ENTRY, Entry, Kind

__all__ = ["Copy", "Entry", "Kind", "SegmentReader", "SegmentWriter"]

SMALL = 1 << 16
"""Bytes: a payload up to this is copied so that one buffer is written."""

_U16, _U32, _U64 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<Q")

MAX_CLOCK_ERROR_NS = 60 * 10**9
"""A clock that differs more from the file server's is not believed."""


class Copy(NamedTuple):
    """A record of another file, verified.

    Attributes
    ----------
    entry, origin : bytes-like, bytes
        Its entry in that file's index, and the file it was first written in.
    head, payload : bytes-like
        Header and meta, intact; and what follows.
    """

    entry: Buffer
    origin: bytes
    head: Buffer
    payload: Buffer

    @property
    def meta(self) -> Buffer:
        """What it says of itself, as JSON."""
        return self.head[record.HEADER_SIZE :]


class Draft(NamedTuple):
    """A record that has no place yet. See `SegmentWriter.append`."""

    kind: int
    parts: Sequence[Buffer]
    key: bytes
    code: bytes
    meta: bytes
    t_end_ns: int
    seconds: float
    peak_mb: int
    aligned: bool


class SegmentWriter:
    """Writes one new file. Not for use by several threads or after a fork."""

    def __init__(self, fd: int, path: str, header: record.FileHeader) -> None:
        self._fd = fd
        self._unwritten_header = header.pack()
        self._end = record.FILE_HEADER_SIZE
        self._touched = 0
        self._index = bytearray()
        self._origins = {header.file_id: 0}
        self._created_ns = header.created_ns
        self._clock_error_ns = 0
        self._made_at_ns = time.monotonic_ns()
        self.path = path
        self.file_id = header.file_id

    @classmethod
    def create(
        cls, path: str | Path, *, flags: int = 0, job_id: int = 0, task: int = 0
    ) -> SegmentWriter:
        """Create the file.

        Parameters
        ----------
        path : str or Path
            Its name must be free.
        flags : int
            `record.PACK` or `record.RUN_FILE`.
        job_id, task : int
            The array task that writes, for people.

        Raises
        ------
        FileExistsError
            If the name is taken.
        """
        fd = fs.create(path)
        now = time.time_ns()
        error = now - fs.modified_ns(fd)
        error = error if abs(error) > MAX_CLOCK_ERROR_NS else 0
        header = record.FileHeader(flags, os.urandom(16), now - error, job_id, task)
        writer = cls(fd, str(path), header)
        writer._clock_error_ns = error
        return writer

    def append(
        self,
        kind: Kind,
        parts: Sequence[Buffer] = (),
        *,
        key: bytes = record.NO_KEY,
        code: bytes = record.NO_CODE,
        meta: Mapping[str, object] | None = None,
        t_end_ns: int | None = None,
        seconds: float = 0.0,
        peak_mb: int = 0,
        aligned: bool = False,
    ) -> int:
        """Write a record. It is committed when `sync` has returned.

        Parameters
        ----------
        kind : Kind
            What the record holds.
        parts : sequence of bytes-like
            The payload.
        key, code : bytes
            16 and 8 bytes.
        meta : mapping, optional
            For people: a few short values that JSON knows (up to some 4 kB).
        t_end_ns : int, optional
            When the call ended; default now, by the file server's clock where
            this machine's is wrong.
        seconds, peak_mb : float, int
            Duration in seconds and peak memory in MB.
        aligned : bool
            Whether the payload has buffers and must lie 64-aligned.

        Returns
        -------
        seq : int
            The record's sequence number in this file.

        Raises
        ------
        OSError
            If it cannot be written. The writer is as it was before.
        """
        packed = record.pack_meta(meta)
        at_ns = self.now_ns() if t_end_ns is None else t_end_ns
        rest = (packed, at_ns, seconds, peak_mb, aligned)
        return self.write(Draft(kind, parts, key, code, *rest))

    def write(self, draft: Draft) -> int:
        """Write a record as `append` does."""
        kind, parts, key, code, meta, t_end_ns, seconds, peak_mb, aligned = draft
        at, seq = self._end, len(self._index) // ENTRY.size
        n_bytes = sum(map(len, parts))
        pad = self._pad(len(meta), at) if aligned else 0
        ids = (kind, record.HAS_BUFFERS if aligned else 0, seq, key, code, self.file_id)
        sizes = (at, n_bytes, len(meta))
        entry = Entry(*ids, *sizes, t_end_ns, seconds, peak_mb, pad)
        head = record.pack_record_header(entry, record.body_checksum(meta, parts))
        after = at + record.HEADER_SIZE + len(meta) + pad + n_bytes
        end = record.align(after)
        before = (self._unwritten_header, head, meta, bytes(pad))
        buffers = [*before, *parts, bytes(end - after)]
        if n_bytes <= SMALL:
            buffers = [b"".join(buffers)]
        self._write(buffers, entry.pack(0), end)
        return seq

    def copy(self, records: Sequence[Copy]) -> None:
        """Write records of other files at once; they keep identity and times.

        Parameters
        ----------
        records : sequence of Copy
            The records, verified; together in one buffer, so not large.
        """
        end, index = self._end, bytearray()
        parts: list[Buffer] = [self._unwritten_header]
        for entry, origin, head, payload in records:
            pad = 0
            if entry[record.FLAGS_AT] & record.HAS_BUFFERS:
                pad = self._pad(len(head) - record.HEADER_SIZE, end)
                head = _with_pad(head, pad)
            at = len(index)
            index += entry
            _U32.pack_into(index, at + record.ORIGIN_AT, self._origin_number(origin))
            _U64.pack_into(index, at + record.OFFSET_AT, end)
            _U16.pack_into(index, at + record.PAD_AT, pad)
            after = end + len(head) + pad + len(payload)
            end = record.align(after)
            parts += (head, bytes(pad), payload, bytes(end - after))
        self._write([b"".join(parts)], index, end)

    def copy_large(
        self, entry: Entry, body: int, meta: Buffer, blocks: Iterable[Buffer]
    ) -> bool:
        """Write one record of another file, block by block.

        Returns
        -------
        is_intact : bool
            Whether it had the checksum `body`; if not, it is not there.
        """
        placed = self._placed(entry, self._end)
        head = record.pack_record_header(placed, body)
        start = self._end - len(self._unwritten_header)
        at = start + fs.write_at(
            self._fd, [self._unwritten_header, head, meta, bytes(placed.pad)], start
        )
        digest = xxh3_64(meta)
        for block in blocks:
            digest.update(block)
            at += fs.write_at(self._fd, [block], at)
            self._touched = max(self._touched, at)
        end = placed.payload_at + placed.payload_len
        if at != end or digest.intdigest() != body:
            return False
        fs.write_at(self._fd, [bytes(-end % record.ALIGNMENT)], end)
        self._unwritten_header = b""
        self._index += placed.pack(self._origin_number(entry.origin))
        self._end = record.align(end)
        return True

    def _placed(self, entry: Entry, at: int) -> Entry:
        """Return a record as it will be at byte `at` of this file."""
        is_aligned = entry.flags & record.HAS_BUFFERS
        pad = self._pad(entry.meta_len, at) if is_aligned else 0
        return entry._replace(offset=at, pad=pad)

    def _pad(self, meta_len: int, at: int) -> int:
        """Return the zeros before the payload of a record at byte `at`."""
        payload_at = at + record.HEADER_SIZE + meta_len
        return -payload_at % record.BUFFER_ALIGNMENT

    def _origin_number(self, origin: bytes) -> int:
        """Return the number of an origin in this file's index."""
        return self._origins.setdefault(origin, len(self._origins))

    def _write(self, buffers: Sequence[Buffer], index: Buffer, end: int) -> None:
        """Write records up to byte `end`; only then take them into the index."""
        self._touched = max(self._touched, end)
        fs.write_at(self._fd, buffers, self._end - len(self._unwritten_header))
        self._unwritten_header = b""
        self._index += index
        self._end = end

    @property
    def n_bytes(self) -> int:
        """Bytes of the file so far, without its footer."""
        return self._end

    def mark_used(self, at: float) -> None:
        """Set when the file was last used, POSIX seconds (see `fs.mark_used`)."""
        fs.mark_used(self._fd, at)

    def now_ns(self) -> int:
        """Return the time in ns, by the file server's clock if ours is wrong."""
        now = time.time_ns() - self._clock_error_ns
        # The wall clock may be set while we run, this one goes on.
        expected = self._created_ns + time.monotonic_ns() - self._made_at_ns
        return now if abs(now - expected) <= MAX_CLOCK_ERROR_NS else expected

    def is_at_path(self) -> bool:
        """Return whether the file's name still leads to this file."""
        return fs.is_at(self._fd, self.path)

    def sync(self) -> None:
        """Return when all records are on the file server's disk."""
        fs.sync(self._fd)

    def seal(self) -> None:
        """Write the footer, sync and close: the file never changes again."""
        footer = record.Footer(
            bytes(self._index), list(self._origins), self._end, self.file_id
        ).pack()
        start = self._end - len(self._unwritten_header)
        fs.write_at(self._fd, [self._unwritten_header + footer], start)
        if self._touched > self._end + len(footer):
            # The rest of a record whose writing was interrupted.
            fs.truncate(self._fd, self._end + len(footer))
        self.sync()
        self.close()

    def close(self) -> None:
        """Close the file without a footer; it stays readable."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            fs.close(fd)

    def abandon(self) -> None:
        """Close the file after an error, and give back what room it can.

        Its records stay readable; without any, the file is removed.
        """
        try:
            if self._touched > self._end:
                fs.truncate(self._fd, self._end)
        finally:
            self.close()
        if not self._index:
            fs.remove(self.path)

    def __del__(self) -> None:
        # At the end of the interpreter modules may be gone already.
        try:
            self.close()
        except (OSError, TypeError, AttributeError):
            return


def _with_pad(head: Buffer, pad: int) -> Buffer:
    """Return an intact header and its meta with other zeros before the payload."""
    header = record.unpack_record_header(head[: record.HEADER_SIZE], 0)
    assert header is not None
    entry, body = header
    if entry.pad == pad:
        return head
    moved = record.pack_record_header(entry._replace(pad=pad), body)
    return moved + head[record.HEADER_SIZE :]
