"""Which record counts for a key: the index of a folder, held in memory.

It is made from the files' own indexes, and can be made again at any time. A
record's number is its file's number and its row there; numbers stay valid
while files grow and when files go.

A dict serves at all sizes: for 100,000 keys it is built and asked in 30 ms,
less than the import of numpy takes.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, repeat
from operator import itemgetter
from typing import Any, NamedTuple

from gridtask.store.reader import SegmentReader
from gridtask.store.record import (
    ENTRY,
    KIND_AT,
    PAYLOAD_LEN,
    UID_SIZE,
    Entry,
    Kind,
)

ROW_BITS = 32
ROW_MASK = (1 << ROW_BITS) - 1
MISSING = -1

KEYED = (Kind.OK, Kind.ERR, Kind.CODE)
"""Kinds of which one record counts for each key."""

DATA = (*KEYED, Kind.LOG, Kind.PLAN, Kind.ARGS)
"""Kinds that hold what somebody wants to keep."""

_KEY = struct.Struct(f"<16s{ENTRY.size - 16}x")
_CODE = struct.Struct(f"<16x8s{ENTRY.size - 24}x")
_T_END = struct.Struct(f"<48xQ{ENTRY.size - 56}x")
_UID = struct.Struct("<24xI4s40x")
_KEY_AND_KIND = struct.Struct("<16s54xBx")

_IS_KIND = {kind: bytes(byte == kind for byte in range(256)) for kind in Kind}
"""For each kind a table that turns the bytes of kinds into 1 and 0."""


Fields = Iterator[tuple[Any, ...]]
"""Parts of some entries, one after another."""


class Extent(NamedTuple):
    """Bytes of some records, and the first and last time of end in ns."""

    n_bytes: int
    first_ns: int
    last_ns: int


class Index:
    """The records of some files, with the tombstones applied.

    Attributes
    ----------
    files : list of SegmentReader
        All files that were ever added, by their numbers.
    """

    def __init__(self) -> None:
        self.files: list[SegmentReader] = []
        self._dropped: set[int] = set()
        self._dead: dict[bytes, set[int]] = {}
        self._live: dict[int, dict[bytes, int]] = {}
        self._absorbed: dict[int, list[int]] = {}

    def add(self, file: SegmentReader) -> int:
        """Add a file; return its number."""
        self.files.append(file)
        return len(self.files) - 1

    def drop(self, file_number: int) -> None:
        """Forget a file that is gone or replaced; its number is not reused."""
        if file_number not in self._dropped:
            self._dropped.add(file_number)
            self._reset()

    def is_dropped(self, file_number: int) -> bool:
        """Return whether a file has been dropped."""
        return file_number in self._dropped

    def bury(self, uids: Iterable[bytes]) -> bool:
        """Take records as deleted; return whether one of them was not yet."""
        n_before = self._n_dead()
        for uid in uids:
            seqs = self._dead.setdefault(uid[:16], set())
            seqs.add(int.from_bytes(uid[16:UID_SIZE], "little"))
        is_new = self._n_dead() > n_before
        if is_new:
            self._reset()
        return is_new

    def _n_dead(self) -> int:
        """Count the tombstones."""
        return sum(map(len, self._dead.values()))

    def _reset(self) -> None:
        """Have the live records determined anew when next asked for."""
        self._live.clear()
        self._absorbed.clear()

    def entry(self, number: int) -> Entry:
        """Return what is known of a record."""
        return self.files[number >> ROW_BITS].entry(number & ROW_MASK)

    def fields(self, layout: struct.Struct, numbers: Iterable[int]) -> Fields:
        """Yield parts of the entries of records; a fifth of the time of `entry`.

        Parameters
        ----------
        layout : struct.Struct
            `ENTRY` with padding in the place of what is not asked for.
        numbers : iterable of int
            The records.
        """
        files, unpack, size = self.files, layout.unpack_from, ENTRY.size
        for n in numbers:
            yield unpack(files[n >> ROW_BITS].index, (n & ROW_MASK) * size)

    def codes(self, kind: Kind) -> set[bytes]:
        """Return the codes of all live records of a kind."""
        found: set[bytes] = set()
        for file_number, rows in self.by_file(sorted(self.live(kind).values())):
            codes = list(_column(_CODE, self.files[file_number]))
            found.update(map(codes.__getitem__, rows))
        return found

    def find(self, keys: Sequence[bytes], kind: Kind) -> list[int]:
        """Return the number of each key's live record, or -1."""
        return list(map(self.live(kind).get, keys, repeat(MISSING)))

    def live(self, kind: Kind) -> dict[bytes, int]:
        """Return the number of the record that counts, by key.

        Of several results the one with the smallest time of end, origin and
        sequence number; of failures and code the newest.
        """
        absorbed = self._absorbed.setdefault(kind, [])
        absorbed += [0] * (len(self.files) - len(absorbed))
        keys: list[bytes] = []
        numbers: list[int] = []
        for file_number, file in enumerate(self.files):
            start, absorbed[file_number] = absorbed[file_number], len(file)
            if start < len(file):
                found = self.numbers_in(file_number, kind, start)
                keys += self._keys_of(file_number, found)
                numbers += found
        if numbers:
            self._absorb(kind, keys, numbers)
        return self._live.setdefault(kind, {})

    def _absorb(self, kind: Kind, keys: list[bytes], numbers: list[int]) -> None:
        """Add records to those that count."""
        fresh = dict(zip(keys, numbers, strict=True))
        live = self._live.setdefault(kind, {})
        if len(fresh) == len(keys) and live.keys().isdisjoint(fresh):
            if live:
                live.update(fresh)
            else:
                self._live[kind] = fresh
            return
        for key, number in zip(keys, numbers, strict=True):
            other = live.get(key)
            if other is None or self._counts_before(number, other, kind):
                live[key] = number

    def _keys_of(self, file_number: int, numbers: list[int]) -> list[bytes]:
        """Return the keys of ascending records of one file."""
        index = memoryview(self.files[file_number].index)
        if not numbers:
            return []
        first, last = numbers[0] & ROW_MASK, numbers[-1] & ROW_MASK
        part = index[first * ENTRY.size : (last + 1) * ENTRY.size]
        keys = list(map(itemgetter(0), _KEY.iter_unpack(part)))
        if len(keys) == len(numbers):
            return keys
        base = self.number_of(file_number, first)
        return [keys[number - base] for number in numbers]

    def _counts_before(self, number: int, other: int, kind: Kind) -> bool:
        """Return whether a record counts rather than another of its key."""
        a, b = self.entry(number), self.entry(other)
        rank_a, rank_b = (a.t_end_ns, a.uid), (b.t_end_ns, b.uid)
        return rank_a < rank_b if kind == Kind.OK else rank_a > rank_b

    def numbers_in(self, file_number: int, kind: Kind, start: int = 0) -> list[int]:
        """Return the records of a kind in a file that are not deleted."""
        if file_number in self._dropped:
            return []
        file = self.files[file_number]
        base = file_number << ROW_BITS
        kinds = file.index[start * ENTRY.size + KIND_AT :: ENTRY.size]
        if kind not in kinds:
            return []
        rows = range(base + start, base + start + len(kinds))
        numbers = list(compress(rows, kinds.translate(_IS_KIND[kind])))
        if self.has_dead(file.origins):
            numbers = [n for n in numbers if not self._is_dead(self.entry(n))]
        return numbers

    def _is_dead(self, entry: Entry) -> bool:
        """Return whether there is a tombstone for a record."""
        return self.is_dead(entry.origin, entry.seq)

    def is_dead(self, origin: bytes, seq: int) -> bool:
        """Return whether there is a tombstone for a record."""
        return seq in self._dead.get(origin, ())

    def has_dead(self, origins: Iterable[bytes]) -> bool:
        """Return whether there are tombstones for records of some origins."""
        return not self._dead.keys().isdisjoint(origins)

    def dead_bytes(self, file_number: int) -> int:
        """Return how many bytes of payloads in a file are deleted."""
        file = self.files[file_number]
        if not self.has_dead(file.origins):
            return 0
        return sum(n for o, seq, n, _ in file.identities() if self.is_dead(o, seq))

    def n_bytes(self, file_number: int) -> int:
        """Return how many bytes of payloads a file has, deleted ones too."""
        return sum(_column(PAYLOAD_LEN, self.files[file_number]))

    def extents(self, numbers: Iterable[int]) -> Iterator[Extent]:
        """Yield what payloads of records take and when they ended, file by file.

        Not record by record: there may be a million.
        """
        for file_number, rows in self.by_file(sorted(numbers)):
            file = self.files[file_number]
            sizes = list(_column(PAYLOAD_LEN, file))
            ends = list(_column(_T_END, file))
            n_bytes = sum(map(sizes.__getitem__, rows))
            ended = sorted(map(ends.__getitem__, rows))
            yield Extent(n_bytes, ended[0], ended[-1])

    def by_file(self, numbers: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        """Yield each file's number with its rows among ascending records."""
        start = 0
        while start < len(numbers):
            file_number = numbers[start] >> ROW_BITS
            stop = bisect_left(numbers, self.number_of(file_number + 1, 0), lo=start)
            yield file_number, list(map(ROW_MASK.__and__, numbers[start:stop]))
            start = stop

    def number_of(self, file_number: int, row: int) -> int:
        """Return the number of a record."""
        return file_number << ROW_BITS | row

    def uids(self, numbers: Sequence[int]) -> list[bytes]:
        """Return the uids of records."""
        files = self.files
        return [
            files[n >> ROW_BITS].origins[origin_number] + seq
            for n, (origin_number, seq) in zip(
                numbers, self.fields(_UID, numbers), strict=True
            )
        ]

    def holds(self, uids: Iterable[bytes]) -> bool:
        """Return whether any file that was ever known holds one of some records."""
        wanted: dict[bytes, set[int]] = {}
        for uid in uids:
            seq = int.from_bytes(uid[16:UID_SIZE], "little")
            wanted.setdefault(uid[:16], set()).add(seq)
        return any(
            seq in wanted.get(origin, ())
            for file in self.files
            if not wanted.keys().isdisjoint(file.origins)
            for origin, seq, _, _ in file.identities()
        )

    def numbers(self, kind: Kind | None = None) -> list[int]:
        """Return all live records of a kind, or of all kinds that hold data."""
        if kind is None:
            return [number for each in DATA for number in self.numbers(each)]
        if kind in KEYED:
            return list(self.live(kind).values())
        # A file that was compacted may still be there.
        return list({self.entry(n).uid: n for n in self.all_numbers(kind)}.values())

    def all_numbers(self, kind: Kind) -> list[int]:
        """Return all records of a kind, repeated ones too, except deleted."""
        files = range(len(self.files))
        return [number for file in files for number in self.numbers_in(file, kind)]

    def with_copies(self, numbers: Sequence[int]) -> list[int]:
        """Return these records and all others of the same keys and kinds.

        To delete a result is to delete all of its records: else the next one
        would take its place.
        """
        chosen = set(self.fields(_KEY_AND_KIND, numbers))
        found = set(numbers)
        for kind in KEYED:
            if any(kind == each for _, each in chosen):
                others = self.all_numbers(kind)
                marks = self.fields(_KEY_AND_KIND, others)
                found.update(compress(others, map(chosen.__contains__, marks)))
        return sorted(found)


def _column(column: struct.Struct, file: SegmentReader) -> Iterator[Any]:
    """Return one field of each entry of a file."""
    return map(itemgetter(0), column.iter_unpack(file.index))
