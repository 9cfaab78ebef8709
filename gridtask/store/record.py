"""The format of the store's files: headers, records, footers.

A file is a header of 64 bytes, then records, each at a multiple of 8, then a
footer once it is sealed. Everything is little endian; checksums are xxh3-64.

====== ============================================================ ========
header                                                              bytes
====== ============================================================ ========
0      magic ``GTSTOR\\0\\1``, u16 major, u16 minor, u32 flags         16
16     file id                                                      16
32     u64 time of creation in ns, u64 job id, u32 array task, u32 0 24
56     u64 checksum of bytes 0..55                                  8
====== ============================================================ ========

====== ============================================================ ========
record                                                              bytes
====== ============================================================ ========
0      magic ``GTr1``, u8 kind, u8 flags, u16 pad                     8
8      u32 length of meta, u32 sequence number                      8
16     u64 length of payload, u64 time of its end in ns             16
32     f32 duration in s, u32 peak memory in MB                     8
40     key                                                          16
56     code: the first 8 bytes of the code's digest                 8
64     origin: id of the file it was first written in               16
80     u64 checksum of meta and payload                             8
88     u64 checksum of bytes 0..87                                  8
96     meta (JSON), `pad` zeros, payload, zeros up to a multiple of 8
====== ============================================================ ========

A payload with out-of-band buffers (flag 2) starts at a multiple of 64 in its
file; others follow their meta at once. A record is known by its origin and
sequence number, also when it was copied into a pack.

The footer has an entry of 72 bytes for each record (`ENTRY`), the ids of all
origins, and a trailer of 64 bytes (`TRAILER`) whose checksum covers entries,
origins and the trailer's first 32 bytes. A later major version has other magic
numbers in its header and its trailer.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from xxhash import xxh3_64, xxh3_64_intdigest

from gridtask.errors import StoreVersionError
from gridtask.fs import Buffer

FILE_MAGIC = b"GTSTOR\x00\x01"
RECORD_MAGIC = b"GTr1"
TRAILER_MAGIC = b"GTi1"
END_MAGIC = b"GTEND1\0\n"
MAJOR, MINOR = 1, 0

FILE_HEADER = struct.Struct("<8sHHI16sQQII")
RECORD_HEADER = struct.Struct("<4sBBHIIQQfI16s8s16sQ")
CHECKSUM = struct.Struct("<Q")
IDENTITY = struct.Struct("<12xI24x16s24xQ8x")
"""Of a record's header: sequence number, key, checksum of the body."""
ENTRY = struct.Struct("<16s8sIIQQQfIIHBB")
"""Key, code, number of the origin, sequence number, offset, length of payload,
time of end, duration, peak memory, length of meta, pad, kind, flags."""
PAYLOAD_LEN = struct.Struct("<40xQ24x")
"""Of an entry: length of its payload."""
TRAILER = struct.Struct("<4sIQIIQ")
"""Magic, number of entries, their offset, number of origins, 0, bytes of all
payloads; then checksum, file id, end magic."""
TRAILER_END = struct.Struct("<Q16s8s")

FILE_HEADER_SIZE = FILE_HEADER.size + CHECKSUM.size
HEADER_SIZE = RECORD_HEADER.size + CHECKSUM.size
TRAILER_SIZE = TRAILER.size + TRAILER_END.size
UID_SIZE = 20
"""Bytes of a record's uid: its origin, then its sequence number as u32."""

ORIGIN_AT, OFFSET_AT, PAD_AT, KIND_AT, FLAGS_AT = 24, 32, 68, 70, 71
"""Where an entry has the number of its origin, its offset, pad, kind and flags."""

PACK, RUN_FILE = 1, 2
"""Flags of a file."""
COMPRESSED, HAS_BUFFERS = 1, 2
"""Flags of a record."""

ALIGNMENT, BUFFER_ALIGNMENT = 8, 64
"""Bytes: of records, and of payloads with out-of-band buffers."""

NO_KEY, NO_CODE = bytes(16), bytes(8)


Replaced = tuple[str, int]
"""Name and size, in bytes, of a file whose place a pack takes."""


class Kind(IntEnum):
    """What a record holds. Unknown kinds from 128 on are skipped."""

    OK = 1
    ERR = 2
    DEL = 3
    REP = 4
    META = 5
    LOG = 6
    PLAN = 16
    CODE = 17
    ARGS = 18


KNOWN_KINDS = frozenset(int(kind) for kind in Kind)
FIRST_SKIPPABLE_KIND = 128


class Entry(NamedTuple):
    """What header and footer say of a record.

    Attributes
    ----------
    kind, flags : int
        See `Kind`, `HAS_BUFFERS`.
    seq, origin : int, bytes
        Together the record's identity; `origin` has 16 bytes.
    key, code : bytes
        16 and 8 bytes.
    offset, pad, meta_len, payload_len : int
        Where the record starts and how it is divided, in bytes.
    t_end_ns : int
        When the call ended, ns since 1970.
    seconds, peak_mb : float, int
        Duration in seconds and peak memory in MB.
    """

    kind: int
    flags: int
    seq: int
    key: bytes
    code: bytes
    origin: bytes
    offset: int
    payload_len: int
    meta_len: int
    t_end_ns: int
    seconds: float
    peak_mb: int
    pad: int = 0

    @property
    def payload_at(self) -> int:
        """Offset of the payload in the file."""
        return self.offset + HEADER_SIZE + self.meta_len + self.pad

    @property
    def end(self) -> int:
        """Offset of the next record."""
        return align(self.payload_at + self.payload_len)

    @property
    def uid(self) -> bytes:
        """Origin and sequence number, as tombstones name a record."""
        return self.origin + self.seq.to_bytes(4, "little")

    def pack(self, origin_number: int) -> bytes:
        """Return the footer's entry."""
        e = self
        ids = (e.key, e.code, origin_number, e.seq)
        times = (e.t_end_ns, e.seconds, e.peak_mb)
        rest = (e.meta_len, e.pad, e.kind, e.flags)
        return ENTRY.pack(*ids, e.offset, e.payload_len, *times, *rest)


def unpack_entry(index: Buffer, row: int, origins: list[bytes]) -> Entry:
    """Return entry number `row` of a footer."""
    fields = ENTRY.unpack_from(index, row * ENTRY.size)
    key, code, origin_number, seq, offset, payload_len = fields[:6]
    t_end_ns, seconds, peak_mb, meta_len, pad, kind, flags = fields[6:]
    ids = (kind, flags, seq, key, code, origins[origin_number], offset)
    return Entry._make((*ids, payload_len, meta_len, t_end_ns, seconds, peak_mb, pad))


class FileHeader(NamedTuple):
    """The first 64 bytes of a file."""

    flags: int
    file_id: bytes
    created_ns: int
    job_id: int
    task: int

    def pack(self) -> bytes:
        """Return the header's bytes."""
        head = FILE_HEADER.pack(FILE_MAGIC, MAJOR, MINOR, *self, 0)
        return head + CHECKSUM.pack(xxh3_64_intdigest(head))


def unpack_file_header(data: Buffer, path: str) -> FileHeader | None:
    """Return a file's header; None if it is damaged.

    Raises
    ------
    StoreVersionError
        If a newer gridtask wrote the file.
    """
    if len(data) < FILE_HEADER_SIZE or data[:8] != FILE_MAGIC:
        return None
    if not has_checksum(data, FILE_HEADER.size):
        return None
    _, major, _, flags, file_id, created_ns, job_id, task, _ = FILE_HEADER.unpack_from(
        data
    )
    if major > MAJOR:
        raise newer(path, f"format {major}")
    return FileHeader(flags, file_id, created_ns, job_id, task)


def has_checksum(data: Buffer, n_bytes: int) -> bool:
    """Return whether the first `n_bytes` are followed by their checksum."""
    (expected,) = CHECKSUM.unpack_from(data, n_bytes)
    return bool(xxh3_64_intdigest(data[:n_bytes]) == expected)


def pack_record_header(entry: Entry, body: int) -> bytes:
    """Return a record's header; `body` is its meta's and payload's checksum."""
    e = entry
    start = (RECORD_MAGIC, e.kind, e.flags, e.pad, e.meta_len, e.seq, e.payload_len)
    times = (e.t_end_ns, e.seconds, e.peak_mb)
    head = RECORD_HEADER.pack(*start, *times, e.key, e.code, e.origin, body)
    return head + CHECKSUM.pack(xxh3_64_intdigest(head))


def unpack_record_header(data: Buffer, offset: int) -> tuple[Entry, int] | None:
    """Return the record whose header is `data`, and its body's checksum.

    None if `data` is no intact header. `offset` is where it lies in its file.
    """
    if len(data) < HEADER_SIZE or data[:4] != RECORD_MAGIC:
        return None
    if not has_checksum(data, RECORD_HEADER.size):
        return None
    fields = RECORD_HEADER.unpack_from(data)
    kind, flags, pad, meta_len, seq, payload_len = fields[1:7]
    t_end_ns, seconds, peak_mb, key, code, origin, body = fields[7:]
    ids = (kind, flags, seq, key, code, origin, offset)
    rest = (payload_len, meta_len, t_end_ns, seconds, peak_mb, pad)
    return Entry._make((*ids, *rest)), body


def body_of(head: Buffer, entry: Entry) -> int | None:
    """Return the checksum of a record's meta and payload from its header.

    The index is checksummed, and says all but this; so the header need not be
    intact. None if it is about another record.
    """
    if len(head) < HEADER_SIZE:
        return None
    seq, key, body = IDENTITY.unpack_from(head)
    return body if (seq, key) == (entry.seq, entry.key) else None


class Footer(NamedTuple):
    """The end of a sealed file: entries, origins, offset, file id."""

    entries: bytes
    origins: list[bytes]
    offset: int
    file_id: bytes

    def pack(self) -> bytes:
        """Return the footer's bytes."""
        n_bytes = sum(n for (n,) in PAYLOAD_LEN.iter_unpack(self.entries))
        head = TRAILER.pack(
            TRAILER_MAGIC,
            len(self.entries) // ENTRY.size,
            self.offset,
            len(self.origins),
            0,
            n_bytes,
        )
        data = self.entries + b"".join(self.origins) + head
        end = TRAILER_END.pack(xxh3_64_intdigest(data), self.file_id, END_MAGIC)
        return data + end


def footer_size(trailer: Buffer, file_size: int) -> int:
    """Return the size of a file's footer from its last 64 bytes; 0 if none."""
    if len(trailer) != TRAILER_SIZE or trailer[-8:] != END_MAGIC:
        return 0
    magic, n, offset, n_origins, _, _ = TRAILER.unpack_from(trailer)
    size: int = n * ENTRY.size + n_origins * 16 + TRAILER_SIZE
    return size if magic == TRAILER_MAGIC and offset + size == file_size else 0


def unpack_footer(data: Buffer) -> Footer | None:
    """Return the footer that `data` is; None if it is damaged."""
    head_at = len(data) - TRAILER_SIZE
    _, n, offset, n_origins, _, _ = TRAILER.unpack_from(data, head_at)
    checksum, file_id, _ = TRAILER_END.unpack_from(data, head_at + TRAILER.size)
    if xxh3_64_intdigest(memoryview(data)[: head_at + TRAILER.size]) != checksum:
        return None
    size = n * ENTRY.size
    ids = bytes(data[size:head_at])
    origins = [ids[16 * i : 16 * i + 16] for i in range(n_origins)]
    return Footer(bytes(data[:size]), origins, offset, file_id)


def body_checksum(meta: Buffer, parts: Sequence[Buffer]) -> int:
    """Return the checksum of a record's meta and payload."""
    if len(parts) == 1 and len(parts[0]) < 1 << 16:
        return xxh3_64_intdigest(bytes(meta) + parts[0])
    digest = xxh3_64(meta)
    for part in parts:
        digest.update(part)
    return digest.intdigest()


_encode_json = json.JSONEncoder(separators=(",", ":")).encode


def pack_meta(meta: Mapping[str, object] | None) -> bytes:
    """Return a record's meta as JSON; nothing for none."""
    # ASCII escapes carry lone surrogates, which UTF-8 would refuse.
    return _encode_json(dict(meta)).encode("ascii") if meta else b""


def unpack_meta(data: Buffer) -> dict[str, object]:
    """Return a record's meta.

    Raises
    ------
    ValueError
        If it is none; only possible where its checksum was not compared.
    """
    if not data:
        return {}
    meta = json.loads(bytes(data))
    if not isinstance(meta, dict):
        msg = f"expected a JSON object, not {meta!r:.80}"
        raise ValueError(msg)
    return meta


def check_kinds(kinds: Buffer, path: str) -> None:
    """Refuse records that only a newer gridtask can read.

    Raises
    ------
    StoreVersionError
        If a kind is unknown and must not be skipped.
    """
    for kind in set(kinds) - KNOWN_KINDS:
        if kind < FIRST_SKIPPABLE_KIND:
            raise newer(path, f"records of kind {kind}")


def newer(path: str, what: str) -> StoreVersionError:
    """Return the error for a file that a newer gridtask wrote."""
    msg = (
        f"{path!r} was written by a newer gridtask: it has {what}, this version"
        f" reads format {MAJOR}. Next: upgrade gridtask, or choose another cache"
        " folder (GRIDTASK_CACHE)"
    )
    return StoreVersionError(msg)


def align(offset: int) -> int:
    """Return the next multiple of 8."""
    return (offset + ALIGNMENT - 1) & -ALIGNMENT


def replaced_by(payload: Buffer) -> list[Replaced]:
    """Return the files that a pack's list names.

    Raises
    ------
    ValueError
        If it is no such list.
    """
    pairs = json.loads(bytes(payload))
    if not isinstance(pairs, list):
        msg = f"expected a list of names and sizes, not {pairs!r:.80}"
        raise ValueError(msg)
    return [(str(name), int(size)) for name, size in pairs]
