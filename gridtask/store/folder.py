"""The folder of one task: its files as one collection of records."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from gridtask import fs
from gridtask.errors import (
    CorruptRecordError,
    ResultUnreadable,
    StoreError,
    UnsafeStoreError,
)
from gridtask.store.index import MISSING, ROW_BITS, ROW_MASK, Index
from gridtask.store.reader import SegmentReader
from gridtask.store.record import UID_SIZE, Entry, Kind
from gridtask.store.segment import SegmentWriter
from gridtask.store.values import Decoder
from gridtask.store.writer import RecordWriter

SUFFIXES = (".seg", ".pack")

MAX_OPEN_FILES = 64
"""Descriptors that a folder keeps; the usual limit of a process is 1024."""

MANY_FILES = 32
"""From so many new files on, they are opened by several threads."""

N_THREADS = 16
"""On a file server with 1 ms a round trip: 1,000 files in 0.25 s, not 4 s."""

MANY_GROWING = 16
GROWING_SECONDS = 5.0
"""More unsealed files than that are looked at only so often."""

USED_SECONDS = 86_400.0
"""How often the last use of a file is noted."""

SECONDS_AHEAD = 86_400.0
"""A record is taken to be at most so much newer than its file: bad clocks."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
GONE = (errno.ENOENT, errno.ESTALE)


class LoadError:
    """Stands for a value that could not be loaded, in its place.

    Attributes
    ----------
    exception : CorruptRecordError, ResultUnreadable or StoreError
        Damaged (compute it again), not to be unpickled here, or not readable.
    """

    def __init__(self, exception: Exception) -> None:
        self.exception = exception

    def __repr__(self) -> str:
        return f"LoadError({self.exception!r})"


class FolderSizes(NamedTuple):
    """What a folder takes.

    Attributes
    ----------
    n_files : int
        Files, of all kinds.
    n_bytes : int
        Bytes on disk.
    n_live, live_bytes : int
        Records that hold data and are not deleted, and their payloads.
    dead_bytes : int
        Payloads of deleted and repeated records.
    oldest_at, newest_at : float or None
        When the oldest and the newest live result ended, POSIX seconds.
    used_at : float or None
        When a file was last read by a driver, to a day.
    """

    n_files: int
    n_bytes: int
    n_live: int
    live_bytes: int
    dead_bytes: int
    oldest_at: float | None
    newest_at: float | None
    used_at: float | None


class Folder:
    """The records of one task. For use by several threads.

    Attributes
    ----------
    path : Path
        The folder; it may not exist yet, and is empty then.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        self.path = path
        self._name = name
        self.reset()

    def reset(self) -> None:
        """Forget all that is known of the files."""
        self._lock = threading.RLock()
        self._index = Index()
        self._numbers: dict[str, int] = {}
        self._refused: set[str] = set()
        self._growing: dict[int, float] = {}
        self._is_checked = False

    @property
    def name(self) -> str:
        """The task's full name."""
        if self._name is None:
            self._name = self._read_name()
        return self._name

    def _read_name(self) -> str:
        """Find the name in the files' meta; else the folder's own name."""
        for file_name in sorted(fs.list_names(self.path)):
            if not file_name.endswith(SUFFIXES):
                continue
            with contextlib.suppress(StoreError, OSError):
                file = SegmentReader.open(self.path / file_name)
                try:
                    for entry in file.entries:
                        task = entry.kind == Kind.META and file.meta(entry).get("task")
                        if isinstance(task, str):
                            return task
                finally:
                    file.close()
        return self.path.name.rpartition("~")[0]

    # -- what is there

    def refresh(self) -> bool:
        """Look for new records; return whether there are any.

        One listing, a few reads for each new file, and one look at each file
        that is still being written. A file that was seen once stays known
        until it cannot be opened: listings over NFS may leave files out.

        Raises
        ------
        UnsafeStoreError
            If others can write to the folder.
        StoreVersionError
            If a newer gridtask wrote one of its files.
        """
        with self._lock:
            is_new = self._open_new()
            has_grown, has_lost = self._look_at_growing()
            if has_lost:
                is_new |= self._open_new()
            self._limit_open()
            return is_new or has_grown

    def _open_new(self) -> bool:
        """Open the files that are not known; return whether they hold records."""
        names = [
            name
            for name in fs.list_names(self.path)
            if name.endswith(SUFFIXES)
            and name not in self._numbers
            and name not in self._refused
        ]
        if not names:
            return False
        if not self._is_checked:
            fs.check_own_folder(self.path)
            self._is_checked = True
        is_new = False
        # Packs last: they name the files that they replace.
        for name, file in self._open_all(sorted(names, key=_is_pack)):
            if file is not None:
                is_new |= self._add(name, file)
        return is_new

    def _open_all(self, names: list[str]) -> Iterator[tuple[str, SegmentReader | None]]:
        """Open files, many at the same time."""
        if len(names) < MANY_FILES:
            return zip(names, map(self._open, names), strict=True)
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(N_THREADS) as pool:
            return zip(names, list(pool.map(self._open, names)), strict=True)

    def _open(self, name: str) -> SegmentReader | None:
        """Open a file; None if it is gone, or refused with a warning."""
        try:
            file = SegmentReader.open(self.path / name)
        except UnsafeStoreError as error:
            reason = str(error)
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            if error.errno in GONE:
                return None
            reason = f"cannot read {str(self.path / name)!r}: {error}"
        else:
            if len(self._numbers) >= MAX_OPEN_FILES:
                file.close()
            return file
        self._refused.add(name)
        warnings.warn(reason, RuntimeWarning, stacklevel=2)
        return None

    def _add(self, name: str, file: SegmentReader) -> bool:
        """Take a new file into the index; return whether it holds records."""
        number = self._index.add(file)
        self._numbers[name] = number
        if not file.sealed:
            self._growing[number] = time.monotonic()
        return self._take_rows(number, 0)

    def _take_rows(self, number: int, start: int) -> bool:
        """Obey new tombstones and lists of replaced files; are there records?"""
        for uids in self._contents(number, Kind.DEL, start):
            self._index.bury(_split(uids))
        for replaced in self._contents(number, Kind.REP, start):
            for name, size in json.loads(bytes(replaced)):
                other = self._numbers.get(name)
                if other is not None and self._index.files[other].size == size:
                    self._drop(other)
        return len(self._index.files[number]) > start

    def _contents(self, number: int, kind: Kind, start: int) -> Iterator[memoryview]:
        """Yield the payloads of a kind of record in a file."""
        file = self._index.files[number]
        rows = [n & ROW_MASK for n in self._index.numbers_in(number, kind, start)]
        for _, payload in file.payloads(rows):
            if isinstance(payload, memoryview):
                yield payload
            else:
                warnings.warn(str(payload), RuntimeWarning, stacklevel=2)

    def _look_at_growing(self) -> tuple[bool, bool]:
        """Extend the unsealed files; return whether any grew, and was lost."""
        now = time.monotonic()
        is_many = len(self._growing) > MANY_GROWING
        has_grown = has_lost = False
        for number, looked_at in list(self._growing.items()):
            if is_many and now - looked_at < GROWING_SECONDS:
                continue
            file = self._index.files[number]
            n_before = len(file)
            self._growing[number] = now
            try:
                if file.extend():
                    has_grown |= self._take_rows(number, n_before)
            except OSError as error:
                if error.errno not in GONE:
                    raise
                self._drop(number)
                has_lost = True
            if file.sealed:
                self._growing.pop(number, None)
        return has_grown, has_lost

    def _drop(self, number: int) -> None:
        """Forget a file that is gone or replaced."""
        self._index.drop(number)
        self._growing.pop(number, None)
        self._index.files[number].close()

    def _limit_open(self) -> None:
        """Close what is more than a folder should keep open."""
        if len(self._index.files) > MAX_OPEN_FILES:
            for file in self._index.files[:-MAX_OPEN_FILES]:
                file.close()

    def find(self, keys: Sequence[bytes], kind: Kind = Kind.OK) -> list[int]:
        """Return the number of each key's live record, -1 where there is none.

        Parameters
        ----------
        keys : sequence of bytes
            16 bytes each.
        kind : Kind
            `Kind.OK`, or `Kind.ERR` for the newest failure, which may be
            there beside a result.
        """
        with self._lock:
            return self._index.find(keys, kind)

    def numbers(self, kind: Kind | None = None) -> list[int]:
        """Return all live records of a kind, or of all that hold data.

        Of the results, failures and code of one key only the one that counts.
        """
        with self._lock:
            return self._index.numbers(kind)

    def entry(self, number: int) -> Entry:
        """Return what the index says of a record."""
        return self._index.entry(number)

    def file_name(self, number: int) -> str:
        """Return the name of the file that a record is in."""
        return os.path.basename(self._file(number).path)

    def meta(self, number: int) -> dict[str, object]:
        """Return a record's meta.

        Raises
        ------
        CorruptRecordError
            If the record is damaged.
        """
        return self._file(number).meta(self.entry(number))

    def payload(self, number: int) -> bytearray:
        """Return a record's payload as bytes, for logs and code.

        Raises
        ------
        CorruptRecordError
            If the record is damaged.
        """
        return self._file(number).payload(self.entry(number))

    def _file(self, number: int) -> SegmentReader:
        """Return the file that a record is in."""
        return self._index.files[number >> ROW_BITS]

    # -- loading

    def load(self, numbers: Sequence[int]) -> list[object]:
        """Return the values of records, in the given order.

        File by file, neighbours read together. Each position gets a value of
        its own, also where numbers are equal; arrays are writable.

        Returns
        -------
        values : list
            A `LoadError` where a record is damaged or cannot be unpickled.
        """
        return self._load(numbers, may_refresh=True)

    def _load(self, numbers: Sequence[int], *, may_refresh: bool) -> list[object]:
        """Load; if a file is gone, look once where its records are now."""
        values: list[object] = [_UNREAD] * len(numbers)
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        decoder = Decoder()
        for file_number, group in groupby(order, lambda i: numbers[i] >> ROW_BITS):
            positions = list(group)
            rows = [numbers[i] & ROW_MASK for i in positions]
            try:
                self._load_file(file_number, rows, positions, values, decoder)
            except OSError as error:
                left = [i for i in positions if values[i] is _UNREAD]
                if error.errno in GONE and may_refresh:
                    self._load_moved(file_number, left, numbers, values)
                else:
                    for i in left:
                        values[i] = LoadError(_unreadable(error))
        self._limit_open()
        return values

    def _load_file(
        self,
        file_number: int,
        rows: list[int],
        positions: list[int],
        values: list[object],
        decoder: Decoder,
    ) -> None:
        """Load values from one file into their positions."""
        file = self._index.files[file_number]
        n_wanted = Counter(rows)
        places = iter(positions)
        decode = decoder.decode
        for row, payload in file.payloads(list(n_wanted)):
            if not isinstance(payload, memoryview):
                for _ in range(n_wanted[row]):
                    values[next(places)] = LoadError(payload)
                continue
            for i in range(n_wanted[row]):
                # Arrays are views: each but the last gets a copy of its own.
                is_last = i + 1 == n_wanted[row]
                own = payload if is_last else memoryview(bytearray(payload))
                try:
                    value = decode(own)
                except ResultUnreadable as error:
                    value = LoadError(error)
                values[next(places)] = value
        now = time.time()
        if now - file.used_at > USED_SECONDS:
            with contextlib.suppress(OSError):
                file.mark_used(now)

    def _load_moved(
        self,
        file_number: int,
        positions: list[int],
        numbers: Sequence[int],
        values: list[object],
    ) -> None:
        """Load values whose file has gone: a pack may hold them now."""
        with self._lock:
            self._drop(file_number)
            self.refresh()
            entries = [self.entry(numbers[i]) for i in positions]
            found = [self._index.find([e.key], Kind(e.kind))[0] for e in entries]
        there = [n for n in found if n != MISSING]
        loaded = iter(self._load(there, may_refresh=False))
        for i, number in zip(positions, found, strict=True):
            if number == MISSING:
                gone = FileNotFoundError(errno.ENOENT, "removed", self.file_name(i))
                values[i] = LoadError(_unreadable(gone))
            else:
                values[i] = next(loaded)

    # -- writing

    def writer(
        self,
        file_stem: str,
        *,
        job_id: int = 0,
        task: int = 0,
        meta: Mapping[str, object] | None = None,
    ) -> RecordWriter:
        """Return a writer whose segment is made when it first writes.

        Parameters
        ----------
        file_stem : str
            Start of the segment's name.
        job_id, task : int
            The array task that writes, for people.
        meta : mapping, optional
            What the segment says of itself, for people.
        """
        meta = {"task": self.name, **(meta or {})}
        return RecordWriter(self.path, file_stem, job_id=job_id, task=task, meta=meta)

    def remove(self, numbers: Iterable[int]) -> None:
        """Delete records, and all others of the same keys and kinds.

        Effective at once for this object, and for others when they look next.
        Their bytes go when their files are compacted or wholly dead.

        Raises
        ------
        OSError
            If the tombstone cannot be written; then nothing is deleted.
        """
        with self._lock:
            chosen = self._index.with_copies(list(numbers))
            if chosen:
                uids = [self.entry(number).uid for number in chosen]
                self._write_tombstone(uids)
                self._index.bury(uids)

    def _write_tombstone(self, uids: list[bytes]) -> None:
        """Write the one record that deletes others, as a sealed file."""
        path = self.path / f"rm.{os.urandom(8).hex()}.seg"
        segment = SegmentWriter.create(path)
        try:
            segment.append(Kind.DEL, uids)
            segment.seal()
            fs.sync_folder(self.path)
        except OSError:
            segment.close()
            with contextlib.suppress(OSError):
                fs.remove(path)
            raise

    def older(self, seconds: float, now: float) -> list[int]:
        """Return the results, failures and logs that ended before an age.

        Parameters
        ----------
        seconds : float
            The age, not negative.
        now : float
            The file server's time, POSIX seconds (see `fs.server_now`).
        """
        with self._lock:
            kinds = (Kind.OK, Kind.ERR, Kind.LOG)
            found = [n for kind in kinds for n in self._index.all_numbers(kind)]
            return [n for n in found if self._ended_at(n) <= now - seconds]

    def _ended_at(self, number: int) -> float:
        """Return when a call ended, but not long after its file's last change."""
        newest = self._file(number).modified_at + SECONDS_AHEAD
        return min(self.entry(number).t_end_ns / 1e9, newest)

    def remove_older(self, seconds: float, now: float) -> int:
        """Delete what ended before an age, and files in which nothing is left.

        Where there is no room for the tombstone, the files in which all is
        that old are removed first.

        Returns
        -------
        n_removed : int
            Deleted records.

        Raises
        ------
        OSError
            If the rest could not be deleted.
        """
        with self._lock:
            numbers = self.older(seconds, now)
            if not numbers:
                return 0
            uids = [self.entry(number).uid for number in numbers]
            try:
                self._write_tombstone(uids)
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                self._remove_wholly_dead(uids)
                self._write_tombstone(uids)
            self._index.bury(uids)
            self._remove_wholly_dead(())
            return len(numbers)

    def _remove_wholly_dead(self, uids: Iterable[bytes]) -> None:
        """Remove sealed files whose records are all deleted or among `uids`."""
        doomed = set(uids)
        for number, file in enumerate(self._index.files):
            if not file.sealed or self._index.is_dropped(number):
                continue
            entries = [entry for entry in file.entries if entry.kind != Kind.META]
            if entries and all(
                entry.uid in doomed or self._index.is_dead(entry) for entry in entries
            ):
                fs.remove(file.path)
                self._drop(number)

    def sizes(self) -> FolderSizes:
        """Return what the folder takes, one listing with the files' status."""
        with self._lock:
            statuses = _statuses(self.path)
            entries = [self.entry(number) for number in self.numbers()]
            all_bytes = sum(
                entry.payload_len
                for number, file in enumerate(self._index.files)
                if not self._index.is_dropped(number)
                for entry in file.entries
            )
            live_bytes = sum(entry.payload_len for entry in entries)
            ends = [e.t_end_ns / 1e9 for e in entries if e.kind in (Kind.OK, Kind.ERR)]
            return FolderSizes(
                n_files=len(statuses),
                n_bytes=sum(status.st_blocks * 512 for status in statuses),
                n_live=len(entries),
                live_bytes=live_bytes,
                dead_bytes=all_bytes - live_bytes,
                oldest_at=min(ends, default=None),
                newest_at=max(ends, default=None),
                used_at=max((s.st_atime for s in statuses), default=None),
            )


_UNREAD = object()


def _is_pack(name: str) -> bool:
    """Return whether a file is a pack, by its name."""
    return name.endswith(".pack")


def _split(uids: memoryview) -> list[bytes]:
    """Return the uids that a tombstone lists."""
    data = bytes(uids)
    return [data[i : i + UID_SIZE] for i in range(0, len(data), UID_SIZE)]


def _unreadable(error: OSError) -> Exception:
    """Return the error for a record whose file cannot be read."""
    if isinstance(error, (StoreError, CorruptRecordError)):
        return error
    return StoreError(f"a result cannot be read: {error}")


def _statuses(path: Path) -> list[os.stat_result]:
    """Return the status of all files in a folder, none if it is missing."""
    try:
        with os.scandir(path) as entries:
            return [entry.stat(follow_symlinks=False) for entry in entries]
    except FileNotFoundError:
        return []
