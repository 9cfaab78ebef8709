"""Giving back what nobody needs any more: the garbage collection of a cache."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from gridtask import fs
from gridtask.caches.flights import Flights
from gridtask.claims.claim import KEEP_SECONDS, prune
from gridtask.claims.runfile import ID_LENGTH
from gridtask.errors import warn
from gridtask.store.store import Folder, Store

MIN_FILES = 1
"""From two small files on they are put into one."""

TEMPORARY_SECONDS = 86_400.0
"""A run file that was not finished for so long has no writer any more."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What the collection gave back in one place.

    Attributes
    ----------
    where : str
        A task's name, ``runs`` or ``trash``.
    files : int
        Files that are gone.
    bytes : int
        What they took on disk.
    pending_bytes : int
        What goes when the files that were replaced just now may go: with the
        next map or collection, two minutes later or more.
    """

    where: str
    files: int
    bytes: int
    pending_bytes: int = 0


def collect(store: Store, flights: Flights) -> Iterator[Collected]:
    """Compact and sweep each task, and remove leftovers of runs and removals.

    Nothing that counts is lost: no result, no failure, no run of the last 30
    days. What frees space comes first; where there is no room for more, that
    is told in a warning.
    """
    folders = store.folders()
    swept = []
    yield _collect_trash(store)
    for folder in folders:
        folder.refresh()
        swept.append(Collected(folder.name, 0, 0))
        with _warning_of(f"{folder.name} was not swept"):
            swept[-1] = _sweep(folder)
    for folder, done in zip(folders, swept, strict=True):
        pending = 0
        with _warning_of(f"{folder.name} was not compacted"):
            pending = _compact(folder)
        yield replace(done, pending_bytes=pending)
    with _warning_of("leftovers of runs were not removed"):
        yield _collect_runs(store, flights)


@contextmanager
def _warning_of(what: str) -> Iterator[None]:
    """Tell of an error, and go on."""
    try:
        yield
    except OSError as error:
        warn(f"{what}: {error}")


def _sweep(folder: Folder) -> Collected:
    """Remove what packs have replaced."""
    before = fs.list_statuses(folder.path)
    folder.sweep()
    return _gone(folder.name, before, fs.list_statuses(folder.path))


def _compact(folder: Folder) -> int:
    """Replace small files by packs; return how many bytes that will free."""
    compacted = folder.compact(min_files=MIN_FILES)
    if compacted is None:
        return 0
    return max(compacted.n_bytes - compacted.n_packed_bytes, 0)


def _collect_runs(store: Store, flights: Flights) -> Collected:
    """Remove what is left of runs that nobody will open any more."""
    before = fs.list_statuses(store.runs)
    if before:
        prune(store.runs)
        for name in _leftovers(store, fs.list_statuses(store.runs), flights):
            with suppress(OSError):  # another process may be at it
                fs.remove(store.runs / name)
    after = fs.list_statuses(store.runs)
    return _gone("runs", before, after)


def _leftovers(
    store: Store, statuses: Mapping[str, os.stat_result], flights: Flights
) -> Iterator[str]:
    """Yield the names of files of runs that were given up long ago."""
    now = fs.server_now(store.runs)
    alive = {_run_of(flight.place.run_id) for flight in flights}
    newest: dict[str, float] = {}
    for name, status in statuses.items():
        run_id = _run_of(name)
        newest[run_id] = max(newest.get(run_id, 0.0), status.st_mtime)
    for name, status in statuses.items():
        run_id = _run_of(name)
        is_old = now - newest[run_id] > KEEP_SECONDS
        is_given_up = is_old and flights.is_known and run_id not in alive
        age = abs(now - status.st_mtime)
        is_unfinished = name.endswith(".tmp") and age > TEMPORARY_SECONDS
        if is_given_up or is_unfinished:
            yield name


def _run_of(name: str) -> str:
    """Return the run that a file in the runs folder belongs to, by its name.

    ``<run>.run``, ``<run>.t7.log``, and ``gt_<run>_1_task.local`` of backends;
    a run that continues another one goes with it: ``<run>r2``.
    """
    stem = name.split("_")[1] if name.startswith("gt_") else name.partition(".")[0]
    return stem[:ID_LENGTH]


def _collect_trash(store: Store) -> Collected:
    """Remove what processes that died have left in the trash."""
    before = dict(_all_statuses(store, "trash"))
    store.empty_trash()
    return _gone("trash", before, dict(_all_statuses(store, "trash")))


def _all_statuses(store: Store, name: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield all files below a folder of the cache."""
    for folder, _, files in os.walk(store.root / name):
        for file in files:
            path = os.path.join(folder, file)
            with suppress(FileNotFoundError):
                yield path, os.stat(path, follow_symlinks=False)


def _gone(
    where: str,
    before: Mapping[str, os.stat_result],
    after: Iterable[str],
) -> Collected:
    """Return what is no longer there."""
    gone = [before[name] for name in before.keys() - set(after)]
    return Collected(where, len(gone), sum(status.st_blocks * 512 for status in gone))
