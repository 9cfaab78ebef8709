"""The files of a folder: found by listing, read as far as they are written."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from gridtask import fs
from gridtask.errors import (
    CorruptRecordError,
    StoreError,
    StoreVersionError,
    UnsafeStoreError,
    warn,
)
from gridtask.store.index import ROW_MASK, Index
from gridtask.store.reader import OPEN, SegmentReader
from gridtask.store.record import UID_SIZE, Kind, replaced_by

T = TypeVar("T")

SUFFIXES = (".seg", ".pack")

MAX_OPEN_FILES = 64
"""Descriptors that a folder keeps; the usual limit of a process is 1024."""

MAX_OPEN = 4 * MAX_OPEN_FILES
"""Descriptors that all folders keep together, each opened again when needed."""

MANY_FILES = 32
"""From so many new files on, they are opened by several threads."""

N_THREADS = 16
"""On a file server with 1 ms a round trip: 1,000 files in 0.25 s, not 4 s."""

MAX_LISTINGS = 8
"""How often a folder is listed again because files vanish meanwhile."""

MANY_GROWING = 16
GROWING_SECONDS = 5.0
"""So many unsealed files are looked at each time, by turns; all so often."""


class Files:
    """All files of one folder, and the index of their records.

    Attributes
    ----------
    path : Path
        The folder; empty if it does not exist.
    index : Index
        Of all files that are known.
    names : list of str
        What the last listing showed.
    replaced : dict of str to (dict of int to list of int)
        Files in whose place there is a pack: by the size in bytes that they had
        when they were copied, the numbers of all such packs.
    n_changes : int
        How often a look has found something new.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.index = Index()
        self.names: list[str] = []
        self.replaced: dict[str, dict[int, list[int]]] = {}
        self.n_changes = 0
        self._numbers: dict[str, int] = {}
        self._refused: set[str] = set()
        self._skipped: set[str] = set()
        self._vanished: set[str] = set()
        self._growing: dict[int, float] = {}

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
        is_new = self._open_new()
        has_grown, has_lost = self._look_at_growing()
        if has_lost:
            is_new |= self._open_new()
        self.limit_open()
        self.n_changes += is_new or has_grown
        return is_new or has_grown

    def current(self) -> list[tuple[int, SegmentReader]]:
        """Return the files that count, with their numbers."""
        return [
            (number, file)
            for number, file in enumerate(self.index.files)
            if not self.index.is_dropped(number)
        ]

    @property
    def has_refused(self) -> bool:
        """Whether there are files that were not read, with a warning."""
        return bool(self._refused)

    def number_of(self, name: str) -> int | None:
        """Return the number of a file that is known, by its name."""
        return self._numbers.get(name)

    def _open_new(self) -> bool:
        """Open the files that are not known; return whether they hold records.

        If one has vanished since it was listed, a pack may have taken its
        place meanwhile: the folder is listed again.
        """
        is_new = False
        for _ in range(MAX_LISTINGS):
            n_before = len(self._vanished)
            is_new |= self._open_listed()
            if len(self._vanished) == n_before:
                break
        return is_new

    def _open_listed(self) -> bool:
        """List the folder once, and open what is new."""
        self.names = self._list()
        self._drop_missing(set(self.names))
        known = self._numbers.keys() | self._refused | self._skipped
        names = [n for n in self.names if n.endswith(SUFFIXES) and n not in known]
        if not names:
            return False
        # Packs first: they name files that need not be opened.
        is_new = self._open_these([name for name in names if _is_pack(name)])
        self._skipped |= {name for name in names if self._is_replaced(name)}
        others = (n for n in names if not _is_pack(n) and n not in self._skipped)
        return self._open_these(list(others)) or is_new

    def _open_these(self, names: list[str]) -> bool:
        """Open new files; return whether they hold records."""
        is_new = False
        for name, file in self._open_all(names):
            if file is not None:
                is_new |= self._add(name, file)
        return is_new

    def _is_replaced(self, name: str) -> bool:
        """Return whether a pack that is known holds all of a file that is not."""
        if name in self._numbers or name not in self.replaced:
            return False
        try:
            return fs.size(self.path / name) in self.replaced[name]
        except OSError:
            return False

    def _drop_missing(self, listed: set[str]) -> None:
        """Forget files that are gone: the folder may have been removed.

        A listing may leave a file out that is there; an open tells.
        """
        for name in self._numbers.keys() - listed:
            number = self._numbers[name]
            if self.index.is_dropped(number):
                continue
            try:
                fs.size(self.path / name)
            except OSError as error:
                if error.errno in fs.GONE:
                    self._vanished.add(name)
                    self.drop(number)

    def _list(self) -> list[str]:
        """List the folder."""
        try:
            return fs.list_own_names(self.path)
        except UnsafeStoreError:
            raise
        except OSError as error:
            msg = (
                f"cannot list the cache folder {str(self.path)!r}: {error}. Next:"
                " look at the file system, or use another cache folder"
                " (GRIDTASK_CACHE)"
            )
            raise StoreError(msg) from error

    def _open_all(self, names: list[str]) -> Iterator[tuple[str, SegmentReader | None]]:
        """Open files, many at the same time."""
        n_files = len(self._numbers) + len(names)
        is_many = n_files > MAX_OPEN_FILES or n_files + len(OPEN) > MAX_OPEN
        open_one = partial(self._open, is_many=is_many)
        return zip(names, at_once(open_one, names), strict=True)

    def _open(self, name: str, is_many: bool) -> SegmentReader | None:
        """Open a file; None if it is gone, or refused with a warning."""
        try:
            file = SegmentReader.open(self.path / name)
        except UnsafeStoreError as error:
            self._refused.add(name)
            _warn(str(error))
        except StoreError:
            raise
        except OSError as error:
            self._note_unreadable(name, error)
        else:
            if is_many:
                file.close()
            return file
        return None

    def _note_unreadable(self, name: str, error: OSError) -> None:
        """Note that a file is gone, or tell why it is not read.

        Raises
        ------
        StoreError
            If that is not the file's fault: all its results would be missing.
        """
        if error.errno in fs.GONE:
            self._vanished.add(name)
            return
        msg = f"cannot read {str(self.path / name)!r}: {error}"
        if error.errno in fs.NO_DESCRIPTORS:
            msg += ". Expected a free descriptor. Next: close files, or ulimit -n 4096"
            raise StoreError(msg) from error
        _warn(msg)

    def _add(self, name: str, file: SegmentReader) -> bool:
        """Take a new file into the index; return whether it holds records."""
        number = self.index.add(file)
        self._numbers[name] = number
        if not file.sealed:
            self._growing[number] = time.monotonic()
        try:
            has_rows = self._take_rows(number, 0)
        except OSError as error:
            if error.errno not in fs.GONE:
                raise
            # What it deletes and replaces is in the pack that took its place.
            self._vanished.add(name)
            self.drop(number)
            return False
        return has_rows and not self._drop_if_replaced(name)

    def _take_rows(self, number: int, start: int) -> bool:
        """Obey new tombstones and lists of replaced files; are there records?"""
        for uids in self._contents(number, Kind.DEL, start):
            self.index.bury(split_uids(uids))
        for payload in self._contents(number, Kind.REP, start):
            for name, size in replaced_by(payload):
                self.replaced.setdefault(name, {}).setdefault(size, []).append(number)
                self._drop_if_replaced(name)
        return len(self.index.files[number]) > start

    def _drop_if_replaced(self, name: str) -> bool:
        """Forget a file if a pack holds all of it; return whether that is so."""
        number, sizes = self._numbers.get(name), self.replaced.get(name, {})
        if number is None or self.index.files[number].size not in sizes:
            return False
        self.drop(number)
        return True

    def _contents(self, number: int, kind: Kind, start: int) -> Iterator[fs.Buffer]:
        """Yield the payloads of a kind of record in a file."""
        file = self.index.files[number]
        rows = [n & ROW_MASK for n in self.index.numbers_in(number, kind, start)]
        try:
            for payload in chain.from_iterable(file.payloads(rows)):
                if isinstance(payload, CorruptRecordError):
                    _warn(str(payload))
                else:
                    yield payload
        except OSError as error:
            if error.errno in fs.GONE:
                raise
            _warn(f"cannot read {file.path!r}: {error}")

    def _look_at_growing(self) -> tuple[bool, bool]:
        """Extend the unsealed files; return whether any grew, and was lost."""
        now = time.monotonic()
        has_grown = has_lost = False
        waiting = sorted(self._growing.items(), key=itemgetter(1))
        for i, (number, looked_at) in enumerate(waiting):
            if i >= MANY_GROWING and now - looked_at < GROWING_SECONDS:
                break
            file = self.index.files[number]
            n_before = len(file)
            self._growing[number] = now
            try:
                if file.extend():
                    has_grown |= self._take_rows(number, n_before)
                    self._drop_if_replaced(os.path.basename(file.path))
            except StoreVersionError:
                raise
            except OSError as error:
                if error.errno in fs.GONE:
                    self.drop(number)
                    has_lost = True
                else:
                    _warn(f"cannot read {file.path!r}: {error}")
            if file.sealed:
                self._growing.pop(number, None)
        return has_grown, has_lost

    def drop(self, number: int) -> None:
        """Forget a file that is gone or replaced."""
        self._skipped.clear()  # they may be needed after all
        self.index.drop(number)
        self._growing.pop(number, None)
        self.index.files[number].close()

    def limit_open(self) -> None:
        """Close what is more than a folder, or all of them, should keep open."""
        n_kept = MAX_OPEN_FILES if len(OPEN) <= MAX_OPEN else 0
        n_files = len(self.index.files)
        if n_files > n_kept:
            for file in self.index.files[: n_files - n_kept]:
                file.close()


def at_once(work: Callable[[str], T], names: Sequence[str]) -> Iterable[T]:
    """Return what `work` returns for each name; many are done by threads."""
    if len(names) < MANY_FILES:
        return map(work, names)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(work, names))


def _warn(reason: str) -> None:
    """Name on stderr what is ignored; Python shows each text once."""
    warn(reason)


def _is_pack(name: str) -> bool:
    """Return whether a file is a pack, by its name."""
    return name.endswith(".pack")


def split_uids(payload: fs.Buffer) -> list[bytes]:
    """Return the uids that a tombstone lists."""
    data = bytes(payload)
    return [data[i : i + UID_SIZE] for i in range(0, len(data), UID_SIZE)]


def read_task_name(path: Path) -> str:
    """Find a task's full name in its files' meta; else the folder's own name."""
    for file_name in sorted(fs.list_names(path)):
        if not file_name.endswith(SUFFIXES):
            continue
        with contextlib.suppress(StoreError, OSError):
            file = SegmentReader.open(path / file_name)
            try:
                for entry in file.entries:
                    task = entry.kind == Kind.META and file.meta(entry).get("task")
                    if isinstance(task, str):
                        return task
            finally:
                file.close()
    return path.name.rpartition("~")[0]
