"""The folder of one task: its files as one collection of records.

What most maps do not need is imported by the methods that do.
"""

from __future__ import annotations

import math
import os
import struct
import threading
import time
import weakref
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gridtask import fs
from gridtask.store.files import Files, read_task_name
from gridtask.store.index import MISSING, ROW_BITS
from gridtask.store.loading import Loading
from gridtask.store.reader import SegmentReader
from gridtask.store.record import Entry, Kind
from gridtask.store.upkeep import MIN_FILES, has_leftovers, may_need_compaction

if TYPE_CHECKING:
    from gridtask.store.compaction import Compacted
    from gridtask.store.deletion import Deletion
    from gridtask.store.index import Extent, Fields
    from gridtask.store.sizes import FolderSizes
    from gridtask.store.writer import RecordWriter


class Folder:
    """The records of one task. For use by several threads.

    Attributes
    ----------
    path : Path
        The folder; it may not exist yet, and is empty then.
    mapped : bool
        Whether large values that are loaded may be views of their files.
    """

    def __init__(self, path: Path, name: str | None = None, mapped: bool = False):
        self.path = path
        self.mapped = mapped
        self._name = name
        self._shared: bool | None = None
        self.reset()
        _folders.add(self)

    def reset(self) -> None:
        """Forget all that is known of the files."""
        self._lock = threading.RLock()
        self._files = Files(self.path)
        self._index = self._files.index

    @property
    def _deletion(self) -> Deletion:
        """What deletes records here."""
        from gridtask.store.deletion import Deletion

        return Deletion(self.path, self._files)

    @property
    def name(self) -> str:
        """The task's full name."""
        if self._name is None:
            self._name = read_task_name(self.path)
        return self._name

    def refresh(self, *, twice_if_shared: bool = False) -> bool:
        """Look for new records, as `Files.refresh`; return whether there are any.

        Parameters
        ----------
        twice_if_shared : bool
            Whether to list once more where other hosts may write: before a
            call is said to be missing.

        Raises
        ------
        UnsafeStoreError
            If others can write to the folder.
        StoreVersionError
            If a newer gridtask wrote one of its files.
        """
        with self._lock:
            is_new = self._files.refresh()
            if twice_if_shared and self._is_shared():
                is_new |= self._files.refresh()
            return is_new

    @property
    def n_changes(self) -> int:
        """How often a look has found something new, whoever looked."""
        return self._files.n_changes

    def _is_shared(self) -> bool:
        """Return whether other hosts may write into the folder."""
        if self._shared is None:
            try:
                self._shared = fs.is_shared(self.path)
            except FileNotFoundError:
                return False
        return self._shared

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

    def keys(self, kind: Kind) -> frozenset[bytes]:
        """Return the keys of all live results, failures or code versions."""
        with self._lock:
            return frozenset(self._index.live(kind))

    def removed_at(self, keys: Collection[bytes] | None = None) -> dict[bytes, float]:
        """Return when results of keys, or of all, were deleted; POSIX seconds."""
        from gridtask.store.removed import removed_at

        with self._lock:
            return removed_at(self._index, keys)

    def entry(self, number: int) -> Entry:
        """Return what the index says of a record."""
        return self._index.entry(number)

    def codes(self) -> set[bytes]:
        """Return the codes, 8 bytes each, of all results."""
        with self._lock:
            return self._index.codes(Kind.OK)

    def fields(self, layout: struct.Struct, numbers: Iterable[int]) -> Fields:
        """Yield parts of the entries of records; see `Index.fields`."""
        return self._index.fields(layout, numbers)

    def meta(self, number: int) -> dict[str, object]:
        """Return a record's meta.

        Raises
        ------
        CorruptRecordError
            If the record is damaged, as far as that is known without reading
            a large payload.
        """
        with self._lock:
            meta = self.file(number).meta(self.entry(number))
            self._files.limit_open()
            return meta

    def metas(self, numbers: Sequence[int]) -> list[dict[str, object] | OSError]:
        """Return the metas of many records, neighbours read together.

        In the given order; the error, as of `meta`, where one cannot be read.
        """
        from gridtask.store.metas import read_metas

        with self._lock:
            metas = read_metas(self._files, numbers)
            self._files.limit_open()
            return metas

    def payload(self, number: int) -> bytearray:
        """Return a record's payload as bytes, for logs and code.

        Raises
        ------
        CorruptRecordError
            If the record is damaged.
        """
        with self._lock:
            payload = self.file(number).payload(self.entry(number))
            self._files.limit_open()
            return payload

    def file(self, number: int) -> SegmentReader:
        """Return the file that a record is in."""
        return self._index.files[number >> ROW_BITS]

    def load(self, numbers: Sequence[int]) -> list[object]:
        """Return the values of records, in the given order.

        File by file, neighbours read together. Each position gets a value of
        its own, also where numbers are equal; arrays are writable.

        Returns
        -------
        values : list
            A `LoadError` where a record is damaged or cannot be unpickled.
            Damaged ones are not found again; another record of the same key,
            if there is one, takes their place.
        """
        with self._lock:
            loading = Loading(self._index, numbers, mapped=self.mapped)
            loading.run()
            while loading.lost:
                if loading.gone:
                    for file_number in loading.gone:
                        self._files.drop(file_number)
                    self._files.refresh()
                self._index.bury(self.entry(n).uid for n in loading.damaged)
                loading.retry()
            self._files.limit_open()
            return loading.values

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
        from gridtask.store.writer import RecordWriter

        meta = {"task": self.name, **(meta or {})}
        return RecordWriter(self.path, file_stem, job_id=job_id, task=task, meta=meta)

    def remove(self, numbers: Iterable[int]) -> None:
        """Delete records (-1 is none), and all others of the same keys and kinds.

        For others when they look next. Their bytes go with their files. Raises
        `OSError` if the tombstone cannot be written; then nothing is deleted.
        """
        with self._lock:
            chosen = self._index.with_copies([n for n in numbers if n != MISSING])
            self._deletion.bury(chosen)

    def older(self, seconds: float, now: float) -> list[int]:
        """Return the results, failures and logs that ended before an age.

        Parameters
        ----------
        seconds : float
            The age, not negative.
        now : float
            The file server's time, POSIX seconds (see `fs.server_now`).
        """
        from gridtask.store.expiry import Ages

        with self._lock:
            return Ages(self._index, now).older(now - seconds)

    def unused(self, seconds: float, now: float) -> list[int]:
        """Return the results, failures and logs that nobody read for so long.

        By files, and to a day: records of a file are used together. As `older`.
        """
        from gridtask.store.expiry import unused

        with self._lock:
            statuses = fs.list_statuses(self.path)
            return unused(self._index, statuses, now - seconds, now)

    def remove_older(self, seconds: float, now: float) -> int:
        """Delete what ended before an age, and files in which nothing is left.

        Returns how many records; raises `OSError` if some could not be deleted.
        Where there is no room for the tombstone, the files in which all is
        that old are removed first.
        """
        with self._lock:
            return self._deletion.expire(self.older(seconds, now))

    def remove_unused(self, seconds: float, now: float) -> int:
        """Delete what nobody read for so long; as `remove_older`."""
        with self._lock:
            return self._deletion.expire(self.unused(seconds, now))

    def sizes(self) -> FolderSizes:
        """Return what the folder takes, one listing with the files' status."""
        from gridtask.store.sizes import measure

        with self._lock:
            return measure(self._index, fs.list_statuses(self.path), time.time())

    def extent(self, numbers: Iterable[int]) -> Extent | None:
        """Return what records take and when they ended; None of none."""
        from gridtask.store.sizes import measure_records

        return measure_records(self._index, numbers)

    # -- few files

    def compact(
        self,
        min_files: int = MIN_FILES,
        max_bytes: float = math.inf,
        max_seconds: float = math.inf,
    ) -> Compacted | None:
        """Put what counts of many small files into few packs.

        The replaced files go with a later `sweep`. Others may read, write,
        delete and compact at the same time. Without enough small files this
        returns at once, without looking at the disk: do a `refresh` before.

        Parameters
        ----------
        min_files : int
            So many small files may stay.
        max_bytes : float
            Bytes to copy at most; the smallest files come first.
        max_seconds : float
            Time that it may take, about; what is left is for the next time.

        Returns
        -------
        compacted : Compacted or None
            What was done; None if it was not worth it, or another process is
            at it.

        Raises
        ------
        OSError
            If there is no room for a pack. Nothing is lost, and no part of a
            pack is left.
        """
        deadline = time.monotonic() + max_seconds
        with self._lock:
            if not may_need_compaction(self._files, min_files):
                return None
            from gridtask.store.compaction import Compaction

            self._files.refresh()
            try:
                compaction = Compaction(self.path, self.name, self._files)
            except FileNotFoundError:
                return None  # the folder was removed
        compacted = compaction.run(min_files, max_bytes, deadline)
        self.refresh()
        return compacted

    def sweep(self, max_seconds: float = math.inf) -> int:
        """Remove files that packs have replaced two minutes ago or earlier.

        Also packs that were left unfinished a day ago. Goes by the last
        `refresh`; if that saw nothing of the kind, this returns at once.

        Parameters
        ----------
        max_seconds : float
            Time that it may take; what is left is for the next time.

        Returns
        -------
        n_removed : int
            Files that are gone.
        """
        with self._lock:
            if not has_leftovers(self._files):
                return 0
            from gridtask.store.sweep import Sweep

            sweep = Sweep(self.path, self._files)
        return sweep.run(time.monotonic() + max_seconds)


_folders: weakref.WeakSet[Folder] = weakref.WeakSet()


def _after_fork() -> None:
    """Let a forked child begin anew: another thread may have held a lock."""
    for folder in list(_folders):
        folder.reset()


os.register_at_fork(after_in_child=_after_fork)
