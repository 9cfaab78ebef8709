"""Reading the store's files: sealed ones by their footer, others by a scan."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from xxhash import xxh3_64, xxh3_64_intdigest

from gridtask import fs
from gridtask.errors import CorruptRecordError, warn
from gridtask.fs import Buffer
from gridtask.store import record, views
from gridtask.store.blocks import Place, blocks_of, plan_reads
from gridtask.store.record import ENTRY, HAS_BUFFERS, Entry
from gridtask.store.scan import Scan
from gridtask.store.views import MIN_VIEW, Views

TAIL = 1 << 16
"""Bytes that are read at a file's end: the whole footer of some 900 records."""

GLANCE = 1 << 20
"""Payloads larger than this are not read only to verify the meta before them."""

SMALL_RECORD = 4096
"""Bytes of records that are rather copied than viewed: a view costs 0.1 µs."""

OPEN: set[int] = set()
"""Descriptors of all readers of this process."""

_IDENTITY = struct.Struct("<24xII8xQ22xBx")
_ORIGIN = struct.Struct("<24xI44x")

# Names of this module are looked up faster, once for each record.
_HEADER_SIZE = record.HEADER_SIZE


class SegmentReader:
    """Reads one file, sealed or still growing.

    Attributes
    ----------
    path : str
        The file.
    file_id : bytes
        Its 16 bytes of identity.
    sealed : bool
        Whether it has an intact footer, so that it never changes.
    size, modified_at, used_at : int, float, float
        Bytes, and POSIX times of modification and last use, when opened.
    index : bytearray
        An entry of 72 bytes for each record, in a stable order.
    origins : list of bytes
        The files in which the records were first written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self.file_id = b""
        self.sealed = False
        self.size = 0
        self.modified_at = 0.0
        self.used_at = 0.0
        self.index = bytearray()
        self.origins: list[bytes] = []
        self._scan: Scan | None = None
        self._fd = -1
        self._verified: set[int] = set()

    @classmethod
    def open(cls, path: str | Path) -> SegmentReader:
        """Open a file and read its footer, else scan it.

        Raises
        ------
        FileNotFoundError
            If it is gone.
        UnsafeStoreError
            If somebody else could have written it.
        StoreVersionError
            If a newer gridtask wrote it.
        """
        reader = cls(path)
        try:
            reader.extend()
        except BaseException:
            reader.close()
            raise
        return reader

    @classmethod
    def scan(cls, path: str | Path) -> SegmentReader:
        """Open a file and look for records without believing its footer."""
        reader = cls(path)
        reader._scan_on(reader._open())
        return reader

    def extend(self) -> bool:
        """Look for new records of a growing file; return whether there are."""
        if self.sealed:
            return False
        self.close()
        fd = self._open()
        scan = self._scan
        if scan is not None and scan.end == self.size and not scan.gaps:
            return False
        footer = self._read_footer(fd)
        n_before = len(self.index)
        if footer is not None:
            self._take(footer)
        else:
            self._scan_on(fd)
        record.check_kinds(self.index[record.KIND_AT :: ENTRY.size], self.path)
        return len(self.index) != n_before

    def _open(self) -> int:
        """Return the descriptor, opened (again) if need be."""
        if self._fd < 0:
            self._fd, status = fs.open_status(self.path)
            OPEN.add(self._fd)
            self.size = status.st_size
            self.modified_at = status.st_mtime
            self.used_at = status.st_atime
        return self._fd

    def _read_footer(self, fd: int) -> record.Footer | None:
        """Return the footer; None if the file has none that is intact."""
        n_bytes = min(TAIL, self.size)
        tail = fs.read_at(fd, n_bytes, self.size - n_bytes)
        size = record.footer_size(tail[-record.TRAILER_SIZE :], self.size)
        if not size:
            return None
        if size > len(tail):
            tail = fs.read_at(fd, size, self.size - size)
        footer = record.unpack_footer(memoryview(tail)[len(tail) - size :])
        if footer is None:
            msg = f"{self.path!r} has a damaged index; its records are read one by one"
            warn(msg)
        return footer

    def _take(self, footer: record.Footer) -> None:
        """Take the index of a file that is sealed now.

        Rows that are known keep their numbers.
        """
        self.file_id, self.sealed = footer.file_id, True
        n_known = len(self.origins)
        if footer.entries.startswith(self.index) and (
            footer.origins[:n_known] == self.origins
        ):
            self.index, self.origins = bytearray(footer.entries), footer.origins
            self._scan = None
            return
        known = {entry.offset for entry in self.entries}
        for row in range(len(footer.entries) // ENTRY.size):
            entry = record.unpack_entry(footer.entries, row, footer.origins)
            if entry.offset not in known:
                self._add(entry)
        self._scan = None

    def _scan_on(self, fd: int) -> None:
        """Add the records that a scan finds, behind the last one's end."""
        if self._scan is None:
            self._scan = Scan(self.path)
        for entry in self._scan.run(fd, self.size):
            self._add(entry)
        self.file_id = self._scan.file_id

    def _add(self, entry: Entry) -> None:
        """Add a record to the index."""
        if entry.origin not in self.origins:
            self.origins.append(entry.origin)
        self.index += entry.pack(self.origins.index(entry.origin))

    def damaged(self) -> list[Entry]:
        """Return what the headers say of records that a scan found damaged."""
        scan, fd = self._scan, self._open()
        headers = [
            record.unpack_record_header(fs.read_at(fd, _HEADER_SIZE, start), start)
            for start, _ in (scan.gaps if scan is not None else ())
        ]
        return [header[0] for header in headers if header is not None]

    def identities(self) -> Iterator[tuple[bytes, int, int, int]]:
        """Yield origin, sequence number, bytes of payload and kind of all records."""
        origins = self.origins
        for number, seq, n_bytes, kind in _IDENTITY.iter_unpack(self.index):
            yield origins[number], seq, n_bytes, kind

    @property
    def has_holes(self) -> bool:
        """Whether a scan had to skip bytes before a record."""
        scan = self._scan
        return scan is not None and any(end < scan.end for _, end in scan.gaps)

    def __len__(self) -> int:
        return len(self.index) // ENTRY.size

    def entry(self, row: int) -> Entry:
        """Return what is known of record number `row`."""
        return record.unpack_entry(self.index, row, self.origins)

    def raw_entry(self, row: int) -> tuple[bytearray, bytes]:
        """Return record number `row`'s entry as it is, and its origin."""
        data = self.index[row * ENTRY.size : (row + 1) * ENTRY.size]
        (number,) = _ORIGIN.unpack_from(data)
        return data, self.origins[number]

    @property
    def entries(self) -> list[Entry]:
        """All records, in a stable order."""
        return [self.entry(row) for row in range(len(self))]

    def payload(self, entry: Entry) -> bytearray:
        """Return a record's payload, verified.

        Raises
        ------
        CorruptRecordError
            If it does not have its checksum.
        """
        fd = self._open()
        n_before = record.HEADER_SIZE + entry.meta_len + entry.pad
        before = fs.read_at(fd, n_before, entry.offset)
        payload = bytearray(entry.payload_len)
        n_bytes = fs.read_into(fd, payload, entry.payload_at)
        self._check(entry, before, [payload], n_bytes)
        return payload

    def meta(self, entry: Entry) -> dict[str, object]:
        """Return a record's meta, verified unless its payload is large.

        Raises
        ------
        CorruptRecordError
            If the record does not have its checksum, or the meta is no JSON.
        """
        if entry.payload_len <= GLANCE:
            self.verify(entry)
        try:
            return self.glance(entry)
        except ValueError:
            raise self._corrupt(entry.key, entry.offset) from None

    def glance(self, entry: Entry) -> dict[str, object]:
        """Return a record's meta without reading the rest: not verified."""
        data = self.read(entry.offset + record.HEADER_SIZE, entry.meta_len)
        return record.unpack_meta(data)

    def map(self, entry: Entry) -> memoryview:
        """Return a record's payload as a private copy-on-write mapping.

        Each call makes a new one; pages are shared with other processes until
        they are written. The checksum is verified once per reader.

        Raises
        ------
        CorruptRecordError
            If it does not have its checksum.
        """
        if not entry.payload_len:
            return memoryview(bytearray())
        skip = entry.payload_at % mmap.ALLOCATIONGRANULARITY
        place = skip + entry.payload_len, entry.payload_at - skip
        try:
            mapping = views.map_private(self._open(), *place)
        except ValueError:  # the file is shorter
            raise self._corrupt(entry.key, entry.offset) from None
        try:
            self.verify(entry, views.blocks_of(mapping, skip))
        except OSError:
            self.verify(entry)  # says what is wrong with the file
        return memoryview(mapping)[skip:]

    def verify(self, entry: Entry, blocks: Iterable[Buffer] | None = None) -> None:
        """Verify a record, once, block by block; reads them if they are not given.

        Raises
        ------
        CorruptRecordError
            If it does not have its checksum.
        """
        if entry.offset not in self._verified:
            n_before = record.HEADER_SIZE + entry.meta_len + entry.pad
            before = fs.read_at(self._open(), n_before, entry.offset)
            blocks = blocks or self.blocks(entry)
            self._check(entry, before, blocks, entry.payload_len)
            self._verified.add(entry.offset)

    def _check(
        self, entry: Entry, before: bytes, blocks: Iterable[Buffer], n_bytes: int
    ) -> None:
        """Compare a record with its index entry and its checksums."""
        if n_bytes == entry.payload_len:
            meta_end = record.HEADER_SIZE + entry.meta_len
            digest = xxh3_64(before[record.HEADER_SIZE : meta_end])
            for block in blocks:
                digest.update(block)
            if digest.intdigest() == record.body_of(before, entry):
                return
        raise self._corrupt(entry.key, entry.offset)

    def _corrupt(self, key: bytes, offset: int) -> CorruptRecordError:
        """Return the error for a record that is damaged."""
        msg = (
            f"the record of {key.hex()} at byte {offset} of {self.path!r} is damaged:"
            " its checksum differs. What it held is computed again; see all damage"
            " with: gridtask check --read-data"
        )
        return CorruptRecordError(msg)

    def payloads(
        self, rows: Iterable[int], *, mapped: bool = False
    ) -> Iterator[Iterator[Buffer | CorruptRecordError]]:
        """Yield the verified payloads of many records, read by read.

        Parameters
        ----------
        rows : iterable of int
            Numbers of records, ascending, without repetition.
        mapped : bool
            Whether large ones with buffers may be views of the file.

        Yields
        ------
        payloads : iterator of bytes-like or CorruptRecordError
            Of the next records, in the order of `rows`. Those with buffers are
            writable and nobody else's; the error for one that is damaged.
        """
        mapping = Views(self._open(), self.size) if mapped else None
        for block, start, end in plan_reads(self.index, rows):
            yield self._read_block(block, start, end, mapping)

    def read(self, start: int, n_bytes: int) -> bytes:
        """Return bytes of the file as they are; fewer at its end."""
        return fs.read_at(self._open(), n_bytes, start)

    def blocks(self, entry: Entry) -> Iterator[Buffer]:
        """Yield a record's payload in blocks, unverified; each is soon reused."""
        return blocks_of(self._open(), entry.payload_at, entry.payload_len)

    def _read_block(
        self, block: list[Place], start: int, end: int, mapping: Views | None
    ) -> Iterator[Buffer | CorruptRecordError]:
        """Read neighbouring records at once; yield their payloads."""
        data = self._read_all(block, start, end, mapping)
        unpack = record.IDENTITY.unpack_from
        for key, seq, offset, payload_len, meta_len, pad, _ in block:
            at = offset - start
            has_seq, has_key, body = unpack(data, at)
            at += _HEADER_SIZE
            payload_at = at + meta_len + pad
            stop = payload_at + payload_len
            payload = data[payload_at:stop]
            if pad:
                checksum = record.body_checksum(data[at : at + meta_len], [payload])
            else:
                checksum = xxh3_64_intdigest(data[at:stop])
            if checksum == body and has_key == key and has_seq == seq:
                yield payload
            else:
                yield self._corrupt(key, offset)

    def _read_all(
        self, block: list[Place], start: int, end: int, mapping: Views | None
    ) -> bytes | memoryview:
        """Read neighbouring records; writable, unless they are small and plain."""
        n_bytes = end - start
        flags = {place[-1] for place in block}
        if flags == {0} and n_bytes <= len(block) * SMALL_RECORD:
            return self.read(start, n_bytes).ljust(n_bytes, b"\0")
        if mapping is not None and n_bytes >= MIN_VIEW and flags == {HAS_BUFFERS}:
            view = mapping.view(start, end)
            if view is not None:
                return view
        data = views.new_memory(n_bytes)
        fs.read_into(self._open(), data, start)
        return data

    def mark_used(self, now: float) -> None:
        """Note that the file was read, in its access time."""
        fs.mark_used(self._open(), now)
        self.used_at = now

    def close(self) -> None:
        """Close the file; it is opened again when something is read."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            OPEN.discard(fd)
            fs.close(fd)

    def __del__(self) -> None:
        # At the end of the interpreter modules may be gone already.
        try:
            self.close()
        except (OSError, TypeError, AttributeError):
            return
