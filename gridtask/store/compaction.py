"""Compaction: what counts of many files goes into few, beside everybody else.

No lock protects it, and none is needed:

* A pack holds all that counts of the files that it lists, and appears whole.
  Readers then no longer count those files.
* The listed files are removed later (`sweep`), when no listing that may have
  missed the pack is still going on.
* Deletion is a record that packs carry on. So a record that another process
  copied before it was deleted is dead in the copy too: records keep their
  identity.
* A file that changes after it was copied has another size than the pack says,
  and still counts.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gridtask import fs
from gridtask.errors import StoreVersionError, UnsafeStoreError, warn
from gridtask.store import upkeep
from gridtask.store.files import MAX_OPEN_FILES, Files, at_once, split_uids
from gridtask.store.pack import PackWriter
from gridtask.store.reader import SegmentReader
from gridtask.store.record import Kind, Replaced, replaced_by

MAX_PACK = 256 << 20
"""Bytes of a pack, unless one file alone has more."""

MAX_PACK_RECORDS = 250_000
"""Records of a pack: its index is held in memory while it is written."""

ABANDONED_SECONDS = 3600.0
"""A segment without footer that was not written for so long is finished:
writers do not go on with one after half that time (`writer.IDLE_SECONDS`)."""

TOMBSTONE_SECONDS = 30 * 86_400.0
"""How long a tombstone stays at least."""

LOCK = "gc.lock"
LOCK_SECONDS = 3600.0
"""Age from which a lock is taken to be a dead process's. The lock spares
double work; nothing depends on it."""


class Compacted(NamedTuple):
    """What a compaction did.

    Attributes
    ----------
    n_files, n_bytes : int
        Replaced files and their bytes. They go with a later `sweep`.
    n_packs, n_packed_bytes : int
        Packs that took their place, and their bytes.
    n_records : int
        Records in the packs.
    """

    n_files: int = 0
    n_bytes: int = 0
    n_packs: int = 0
    n_packed_bytes: int = 0
    n_records: int = 0


class _Stopped(Exception):
    """The files have changed, or too much time has passed."""


class Compaction:
    """The compaction of one folder.

    Parameters
    ----------
    path : Path
        The folder.
    task : str
        Full name of its task, which the packs carry on.
    files : Files
        Its files, freshly looked at.
    """

    def __init__(self, path: Path, task: str, files: Files) -> None:
        self._path = path
        self._meta = {"task": task, "host": os.uname().nodename, "pid": os.getpid()}
        self._files = files
        self._started_at = fs.server_now(path)
        self._done = Compacted()

    def run(
        self, min_files: int, max_bytes: float, deadline: float
    ) -> Compacted | None:
        """Compact; return what was done, None if it was not worth it.

        What is not done at the `deadline` (of `time.monotonic`) is left.
        Stops early, and cleanly, when a file vanishes: somebody else is at
        the same work.

        Raises
        ------
        OSError
            If a pack cannot be written. Nothing has changed then, but for
            packs that were finished before.
        """
        numbers = self._choose(min_files, max_bytes)
        if not numbers:
            return None
        with _advisory_lock(self._path, self._started_at) as is_held:
            if not is_held:
                return None
            try:
                for group in self._split(numbers):
                    _PackOf(self, group).write(deadline)
                    if time.monotonic() > deadline:
                        break
            except _Stopped:
                pass
            except OSError as error:
                if error.errno not in fs.GONE:
                    raise
        return self._done

    def _choose(self, min_files: int, max_bytes: float) -> list[int]:
        """Return the numbers of the files to replace, the smallest first."""
        chosen: list[int] = []
        n_small = n_bytes = 0
        current = self._files.current()
        for number, file in sorted(current, key=lambda pair: pair[1].size):
            is_small = file.size < upkeep.SMALL_FILE and self._is_finished(file)
            if is_small or (file.sealed and upkeep.is_mostly_dead(self._files, number)):
                if chosen and n_bytes + file.size > max_bytes:
                    break
                n_bytes += file.size
                n_small += is_small
                chosen.append(number)
        is_enough = n_small > min_files or n_small < len(chosen)
        return chosen if is_enough else []

    def _is_finished(self, file: SegmentReader) -> bool:
        """Return whether nobody writes to a file any more, and all is readable."""
        age = self._started_at - file.modified_at
        return file.sealed or (age >= ABANDONED_SECONDS and not file.has_holes)

    def _split(self, numbers: Sequence[int]) -> Iterator[list[int]]:
        """Yield the files of each pack."""
        group: list[int] = []
        n_bytes = n_records = 0
        for number in numbers:
            file = self._files.index.files[number]
            n_bytes += file.size
            n_records += len(file)
            if group and (n_bytes > MAX_PACK or n_records > MAX_PACK_RECORDS):
                yield group
                group, n_bytes, n_records = [], file.size, len(file)
            group.append(number)
        yield group


class _PackOf:
    """The replacement of some files by one pack."""

    def __init__(self, compaction: Compaction, numbers: list[int]) -> None:
        self._compaction = compaction
        self._path = compaction._path
        self._index = compaction._files.index
        files = [self._index.files[number] for number in numbers]
        self._names = [os.path.basename(file.path) for file in files]
        n_files = Counter(origin for file in files for origin in file.origins)
        self._copied = {o: set[int]() for o, n in n_files.items() if n > 1}
        self._replaced: list[Replaced] = []
        self._inherited: list[Replaced] = []
        self._used_at = 0.0

    def write(self, deadline: float) -> None:
        """Write and publish the pack; leave the files that are late for it."""
        pack = PackWriter(self._path, self._compaction._meta)
        try:
            for start in range(0, len(self._names), MAX_OPEN_FILES):
                names = self._names[start : start + MAX_OPEN_FILES]
                for file in at_once(self._open, names):
                    if file is not None:
                        self._add(pack, file)
                if time.monotonic() > deadline:
                    break
            listed = set(fs.list_names(self._path))
            self._check(listed)
            if not self._replaced:
                pack.abandon()
                return
            inherited = [pair for pair in self._inherited if pair[0] in listed]
            path = pack.publish(self._replaced + inherited, self._used_at)
        except BaseException:
            pack.abandon()
            raise
        self._count(pack, path)

    def _check(self, listed: set[str]) -> None:
        """Stop if the files have changed or the copies may be out of date."""
        if any(name not in listed for name, _ in self._replaced):
            raise _Stopped
        started_at = self._compaction._started_at
        if fs.server_now(self._path) - started_at > upkeep.MAX_SECONDS:
            raise _Stopped

    def _count(self, pack: PackWriter, path: Path) -> None:
        """Note what was done."""
        done = self._compaction._done
        self._compaction._done = Compacted(
            done.n_files + len(self._replaced),
            done.n_bytes + sum(size for _, size in self._replaced),
            done.n_packs + 1,
            done.n_packed_bytes + fs.size(path),
            done.n_records + pack.n_records,
        )

    def _open(self, name: str) -> SegmentReader | None:
        """Open a file; None if it is not to be read."""
        try:
            return SegmentReader.open(self._path / name)
        except (UnsafeStoreError, StoreVersionError):
            return None

    def _add(self, pack: PackWriter, file: SegmentReader) -> None:
        """Copy what counts of a file.

        A file of which something cannot be copied stays, and still counts.
        """
        try:
            if not self._compaction._is_finished(file):
                return
            damaged = pack.copy(file, self._rows_to_keep(file))
            if damaged:
                self._forget(file, damaged)
                msg = (
                    f"{file.path!r} is damaged, and was not compacted. Next:"
                    " gridtask check --repair"
                )
                warn(msg)
                return
            for payload in _payloads(file, Kind.REP):
                self._inherited += replaced_by(payload)
            self._replaced.append((os.path.basename(file.path), file.size))
            self._used_at = max(self._used_at, file.used_at)
        finally:
            file.close()

    def _forget(self, file: SegmentReader, rows: list[int]) -> None:
        """Let intact copies in other files take the place of damaged records."""
        for entry in map(file.entry, rows):
            self._copied.get(entry.origin, set()).discard(entry.seq)

    def _rows_to_keep(self, file: SegmentReader) -> list[int]:
        """Return the records of a file that the pack must hold."""
        rows, abouts, origins = [], [], set()
        for row, (origin, seq, _, kind) in enumerate(file.identities()):
            if kind == Kind.META:
                abouts.append((row, origin, seq))
            elif kind == Kind.DEL:
                if self._is_needed(file, row) and self._is_first(origin, seq):
                    rows.append(row)
            elif kind != Kind.REP and not self._index.is_dead(origin, seq):
                if self._is_first(origin, seq):
                    rows.append(row)
                origins.add(origin)
        # What a file says of itself stays with its records.
        rows += [
            row
            for row, origin, seq in abouts
            if origin in origins and self._is_first(origin, seq)
        ]
        return sorted(rows)

    def _is_first(self, origin: bytes, seq: int) -> bool:
        """Return whether a record is not in the pack already."""
        copied = self._copied.get(origin)
        if copied is None:
            return True
        is_new = seq not in copied
        copied.add(seq)
        return is_new

    def _is_needed(self, file: SegmentReader, row: int) -> bool:
        """Return whether a tombstone is young, or a file holds what it deletes."""
        entry = file.entry(row)
        now = self._compaction._started_at
        if now - entry.t_end_ns / 1e9 < TOMBSTONE_SECONDS:
            return True
        if self._compaction._files.has_refused:
            return True
        return self._index.holds(split_uids(file.payload(entry)))


def _payloads(file: SegmentReader, kind: Kind) -> list[bytearray]:
    """Return the payloads of all records of a kind."""
    rows = [row for row, (*_, each) in enumerate(file.identities()) if each == kind]
    return [file.payload(file.entry(row)) for row in rows]


@contextlib.contextmanager
def _advisory_lock(path: Path, now: float) -> Iterator[bool]:
    """Hold the folder's lock; False if somebody else has it."""
    lock = path / LOCK
    holder = json.dumps({"host": os.uname().nodename, "pid": os.getpid()}).encode()
    try:
        try:
            fs.write_new(lock, holder, durable=False)
        except FileExistsError:
            # By its distance: one of a time to come would be there for ever.
            if abs(now - fs.modified_at(lock)) < LOCK_SECONDS:
                yield False
                return
            fs.remove(lock)
            fs.write_new(lock, holder, durable=False)
    except (FileExistsError, FileNotFoundError):
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):
            fs.remove(lock)
