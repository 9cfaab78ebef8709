"""Finding records in a file that has no (intact) index.

The scan goes from header to header. Behind a bad one it looks for the next
place that can only be the start of a record of this file. Regions in which
nothing was found are gaps: in a growing file a record that has not arrived
yet, so they are looked at again each time; in an old one damage.
"""

from __future__ import annotations

from collections.abc import Iterator

from xxhash import xxh3_64, xxh3_64_intdigest

from gridtask import fs
from gridtask.errors import warn
from gridtask.store import record
from gridtask.store.record import Entry

WINDOW = 1 << 20
"""Bytes that are read at once."""

SMALL = 1 << 16
"""Bytes of meta and payload that are verified in one piece."""


class Scan:
    """The scan of one file, which may be continued when the file has grown.

    Attributes
    ----------
    file_id : bytes
        The file's id, empty until it is known.
    gaps : list of (int, int)
        Regions, start and end in bytes, in which no record was found.
    end : int
        How far the file was scanned, in bytes.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.file_id = b""
        self.gaps: list[tuple[int, int]] = []
        self._is_pack = False
        self.end = 0
        self._size = 0
        self._uids: set[bytes] = set()
        self._origins: set[bytes] = set()
        self._window = (0, b"")
        self._warned = False

    def run(self, fd: int, size: int) -> Iterator[Entry]:
        """Yield the records that are new since the last time.

        Parameters
        ----------
        fd : int
            The file, freshly opened.
        size : int
            Its length in bytes.
        """
        self._window, self._size = (0, b""), size
        if not self.end and not self._start(fd, size):
            return
        regions = list(self.gaps)
        if regions and regions[-1][1] == self.end:
            regions.append((regions.pop()[0], size))
        elif size > self.end:
            regions.append((record.align(self.end), size))
        gaps: list[tuple[int, int]] = []
        for start, end in regions:
            yield from self._scan(fd, start, end, gaps)
        # Only now: after an error all of it is looked at again.
        self.gaps, self.end = gaps, size
        self._warn_of_damage(fd, size)
        self._window = (0, b"")

    def _start(self, fd: int, size: int) -> bool:
        """Read the file's header; return False if there is none yet."""
        if size <= record.FILE_HEADER_SIZE:
            return False
        header = record.unpack_file_header(
            self._read(fd, 0, record.FILE_HEADER_SIZE), self.path
        )
        self.end = record.FILE_HEADER_SIZE
        if header is not None:
            self.file_id = header.file_id
            self._is_pack = bool(header.flags & record.PACK)
        return True

    def _scan(
        self, fd: int, start: int, end: int, gaps: list[tuple[int, int]]
    ) -> Iterator[Entry]:
        """Yield the records of a region; note its gaps."""
        at = start
        while at + record.HEADER_SIZE <= end:
            header = record.unpack_record_header(
                self._read(fd, at, record.HEADER_SIZE), at
            )
            if header is None or not self._is_ours(header[0], True):
                found = self._resync(fd, at + record.ALIGNMENT, end)
                gaps.append((at, found))
                at = found
                continue
            entry, body = header
            stop = entry.payload_at + entry.payload_len
            if stop > end:
                break
            after = min(record.align(stop), end)
            if self._has_body(fd, entry, body):
                uid = entry.uid
                if uid not in self._uids:
                    self._uids.add(uid)
                    self._origins.add(entry.origin)
                    yield entry
            else:
                gaps.append((at, after))
            at = after
        if at < end:
            gaps.append((at, end))

    def _is_ours(self, entry: Entry, is_next: bool) -> bool:
        """Return whether a record belongs to this file.

        Not so if it lies in another one's payload, for instance when a result
        is the content of a segment. In a pack, records come from many files:
        the place where one is expected decides.
        """
        if not self.file_id and is_next:
            self.file_id = entry.origin
        if entry.origin == self.file_id or entry.origin in self._origins:
            return True
        return self._is_pack and is_next

    def _resync(self, fd: int, at: int, end: int) -> int:
        """Return where the next record of this file starts, else `end`."""
        while at + record.HEADER_SIZE <= end:
            data = self._read(fd, at, min(WINDOW, end - at))
            hit = data.find(record.RECORD_MAGIC)
            while hit >= 0 and hit + record.HEADER_SIZE <= len(data):
                if (at + hit) % record.ALIGNMENT == 0:
                    header = record.unpack_record_header(
                        data[hit : hit + record.HEADER_SIZE], at + hit
                    )
                    if header is not None and self._is_ours(header[0], False):
                        return at + hit
                hit = data.find(record.RECORD_MAGIC, hit + 1)
            step = len(data) - record.HEADER_SIZE + record.ALIGNMENT
            at += max(record.ALIGNMENT, step & -record.ALIGNMENT)
        return end

    def _has_body(self, fd: int, entry: Entry, body: int) -> bool:
        """Return whether meta and payload are there and intact."""
        meta_at = entry.offset + record.HEADER_SIZE
        n_bytes = entry.meta_len + entry.payload_len
        if not entry.pad and n_bytes <= SMALL:
            return bool(xxh3_64_intdigest(self._read(fd, meta_at, n_bytes)) == body)
        digest = xxh3_64(self._read(fd, meta_at, entry.meta_len))
        at, end = entry.payload_at, entry.payload_at + entry.payload_len
        while at < end:
            data = self._read(fd, at, min(WINDOW, end - at))
            if not data:
                return False
            digest.update(data)
            at += len(data)
        return bool(digest.intdigest() == body)

    def _read(self, fd: int, at: int, n_bytes: int) -> bytes:
        """Return bytes of the file, through a window that is read at once."""
        start, data = self._window
        if not (start <= at and at + n_bytes <= start + len(data)):
            n_ahead = min(max(n_bytes, WINDOW), self._size - at)
            start, data = at, fs.read_at(fd, n_ahead, at)
            self._window = (start, data)
        return data[at - start : at - start + n_bytes]

    def _warn_of_damage(self, fd: int, size: int) -> None:
        """Say once if records were lost: a gap with bytes before a record."""
        for start, end in self.gaps:
            if end < size and not self._warned and any(self._read(fd, start, 4)):
                self._warned = True
                msg = (
                    f"{self.path!r} is damaged between bytes {start} and {end}; what"
                    " was there is computed again. Next: gridtask check --repair"
                )
                warn(msg)
