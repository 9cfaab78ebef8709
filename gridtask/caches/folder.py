"""A cache folder as an object: what is in it, and what shall go."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from gridtask import config
from gridtask.caches import details
from gridtask.caches.details import CallDetails
from gridtask.caches.filters import Call, FilterOptions, make_filters
from gridtask.caches.flights import Flight, Flights, find_flights
from gridtask.caches.follow import FlightLog
from gridtask.caches.listing import CallListing
from gridtask.caches.removal import Removal, Removed, delete_store
from gridtask.caches.selection import Part, UnknownCall, select
from gridtask.caches.summaries import CallSummary, TaskSummary, task_summary
from gridtask.errors import StoreError, UnsafeStoreError
from gridtask.store.store import MARKER, Store
from gridtask.worker import logs

if TYPE_CHECKING:
    from gridtask.caches.collection import Collected
    from gridtask.store.check import Report

CACHE_NAME = config.CACHE_NAME


class Cache:
    """A cache folder; made by `cache`.

    Attributes
    ----------
    path : Path
        The folder; it need not exist yet, and is empty then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"gridtask.cache({str(self.path)!r})"

    def ls(self, *names: str, **filters: Unpack[FilterOptions]) -> list[TaskSummary]:
        """Return the tasks, with what the filters leave of each.

        Parameters
        ----------
        *names : str
            Tasks and (abbreviated) keys; all tasks by default.
        older : str, float or timedelta, optional
            Only calls that ended so long ago: ``"7d"``, seconds, or a
            `timedelta`.
        unused : str, float or timedelta, optional
            Only calls in files that no map has read for so long.
        failed, running : bool
            Only calls that have failed; that are queued or running.
        stale : bool
            Only calls computed by another version of the task's code than its
            latest call.

        Raises
        ------
        UnknownCall
            If a name is neither a task nor a key (a `KeyError`).
        """
        parts = self._select(names, filters)[1]
        found = (task_summary(part) for part in parts)
        return [summary for summary in found if summary is not None]

    def calls(self, *names: str, **filters: Unpack[FilterOptions]) -> list[CallSummary]:
        """Return calls as they ended, then those in flight; arguments as for `ls`."""
        calls = self.listing(*names, **filters)
        return sorted(calls, key=lambda c: inf if c.ended_at is None else c.ended_at)

    def listing(self, *names: str, **filters: Unpack[FilterOptions]) -> CallListing:
        """Return the same to be read one by one, task by task: there may be many."""
        return CallListing(*self._select(names, filters))

    def rm(
        self,
        *names: str,
        everything: bool = False,
        cancel: bool = False,
        **filters: Unpack[FilterOptions],
    ) -> list[Removed]:
        """Remove what `ls` lists for the same arguments.

        Parameters
        ----------
        everything : bool
            All tasks; needed where nothing else says what is meant.
        cancel : bool
            Delete the array tasks of calls in flight first.

        Returns
        -------
        removed : list of Removed
            What is gone, task by task.

        Raises
        ------
        ValueError
            If nothing says what is to be removed.
        UnknownCall
            If a name is neither a task nor a key; nothing is removed.
        CallsInFlight
            If calls are queued or running and `cancel` is False; nothing is
            removed.
        """
        removal = self.removal(*names, everything=everything, **filters)
        return removal.carry_out(cancel=cancel) if removal is not None else []

    def removal(
        self,
        *names: str,
        everything: bool = False,
        **filters: Unpack[FilterOptions],
    ) -> Removal | None:
        """Return what `rm` would remove, to be looked at and carried out.

        None if there is nothing to remove.
        """
        if not (names or everything or make_filters(None, **filters).any):
            msg = "say what to remove: a task, a key, a filter, or everything=True"
            raise ValueError(msg)
        if everything and names:
            msg = f"everything is every task: leave out it or {names[0]!r}"
            raise ValueError(msg)
        refuse_special(self.path)
        flights, parts = self._select(names, filters)
        store = self.open_store()
        removal = Removal(store, parts, flights) if store is not None else None
        return removal if removal is not None and removal.parts else None

    def delete(self, *, cancel: bool = False) -> None:
        """Remove the cache folder with all that gridtask keeps in it.

        Files of others in it stay, and so does the folder then.

        Raises
        ------
        CallsInFlight
            If calls are queued or running and `cancel` is False; nothing is
            removed.
        StoreError
            If it is no cache.
        """
        refuse_special(self.path)
        store = self.open_store()
        if store is not None:
            delete_store(store, cancel=cancel)

    def gc(self) -> list[Collected]:
        """Give back what nobody needs: see `gridtask.caches.collection.collect`.

        Returns
        -------
        collected : list of Collected
            What is gone, place by place.
        """
        from gridtask.caches.collection import collect

        store = self.open_store()
        return list(collect(store, find_flights(store))) if store is not None else []

    def check(self, *, read_data: bool = False, repair: bool = False) -> Report:
        """Look for what is damaged, unsafe or left behind.

        Parameters
        ----------
        read_data : bool
            Whether to read all results, too, and compare their checksums.
        repair : bool
            Whether to save what is intact of damaged files into new ones. The
            damaged ones stay in the trash for a month.

        Returns
        -------
        report : Report
            Its `findings`, and whether it `is_damaged` after repairs.

        Raises
        ------
        StoreError
            If the folder is no cache.
        """
        from gridtask.store.check import check

        if not (self.path / MARKER).exists():
            self.open_store()  # says what is there instead
        return check(self.path, read_data=read_data, repair=repair)

    def show(self, key: str) -> CallDetails:
        """Return all that is known of a call.

        Parameters
        ----------
        key : str
            Its key, or the first digits of it.

        Raises
        ------
        UnknownCall
            If there is no such call, or more than one.
        """
        found, flights = self._find(key)
        if isinstance(found, Flight):
            return details.describe_flight(Store.open(self.path), found, flights)
        return details.describe_call(found)

    def load(self, key: str) -> object:
        """Return a call's result.

        Raises
        ------
        UnknownCall
            If there is no such call, more than one, or it has no result.
        ResultUnreadable
            If it cannot be unpickled here.
        """
        found, _ = self._find(key)
        if isinstance(found, Flight) or found.failed:
            state = found.state if isinstance(found, Flight) else "failed"
            msg = f"call {key!r} has no result: it is {state}"
            raise UnknownCall(msg)
        return details.load(found)

    def log(self, key: str, *, whole: bool = False) -> str:
        """Return what a call has printed so far, or the `whole` array task.

        Raises
        ------
        UnknownCall
            If there is no such call, or more than one.
        """
        found, flights = self._find(key)
        if isinstance(found, Call):
            of = logs.of_array_task if whole else logs.of_record
            text = of(found.folder, found.number)
        elif whole:
            text = logs.read(logs.log_path(flights.runs, *found.place))
        else:
            text = FlightLog(Store.open(self.path), found).text()
        return (text or b"").decode(errors="replace")

    def follow_log(self, key: str) -> Iterator[bytes]:
        """Yield what a call prints, until it has ended."""
        found, _ = self._find(key)
        if isinstance(found, Flight):
            return iter(FlightLog(Store.open(self.path), found))
        return iter((logs.of_record(found.folder, found.number) or b"",))

    def open_store(self) -> Store | None:
        """Return the store in this folder, None if the folder is not there.

        Raises
        ------
        StoreError
            If it is no cache, or not this user's alone.
        """
        return Store.open(self.path, create=False) if self.path.is_dir() else None

    def _select(
        self, names: Sequence[str], options: FilterOptions
    ) -> tuple[Flights, list[Part]]:
        """Return the calls in flight, and what was asked for task by task."""
        store = self.open_store()
        filters = make_filters(store, **options)
        if store is None:
            if names:
                msg = f"no task or key {names[0]!r}: {str(self.path)!r} does not exist"
                raise UnknownCall(msg)
            return Flights(self.path / "runs"), []
        flights = find_flights(store)
        return flights, select(store, flights, names, filters)

    def _find(self, key: str) -> tuple[Call | Flight, Flights]:
        """Return the one call that a key stands for."""
        flights, parts = self._select([key], {})
        for part in parts:
            if part.whole:
                msg = f"{key!r} is a task: `gridtask ls {key}` lists its calls"
                raise UnknownCall(msg)
            found: Sequence[Call | Flight] = part.flights or part.calls
            if found:
                return found[0], flights
        msg = f"no call has a key that begins with {key!r}"
        raise UnknownCall(msg)


def cache(path: str | os.PathLike[str] | None = None) -> Cache:
    """Return a cache folder as an object, to list and to clean up.

    Parameters
    ----------
    path : path, optional
        The folder, or one with a ``.gridtask`` in it; by default the one that
        a task would use here.

    Raises
    ------
    StoreError
        If a folder was given that does not exist.

    Examples
    --------
    >>> import gridtask
    >>> for task in gridtask.cache().ls(older="30d"):
    ...     print(task.task, task.results, task.bytes)
    """
    if path is None:
        settings = config.load(Path.cwd(), os.environ).settings
        return Cache(config.find_cache(Path.cwd(), settings))
    given = Path(path)
    if not given.is_dir():
        msg = f"there is no folder {str(given)!r}: expected a cache folder"
        raise StoreError(msg)
    inner = given / CACHE_NAME
    is_project = inner.is_dir() and not (given / MARKER).exists()
    return Cache((inner if is_project else given).absolute())


def refuse_special(folder: str | os.PathLike[str]) -> None:
    """Refuse to remove anything from the root or from the home folder.

    Raises
    ------
    UnsafeStoreError
        If `folder` is one of these.
    """
    path = os.path.realpath(folder)
    if path in ("/", os.path.realpath(Path.home())):
        msg = (
            f"nothing is removed from {path!r}: it is no place for a cache; name the "
            "folder of a project"
        )
        raise UnsafeStoreError(msg)


def caches_below(folder: str | os.PathLike[str]) -> list[Cache]:
    """Return all cache folders of this user in or below a folder, by path.

    Symbolic links are not followed, and what cannot be listed is left out.

    Raises
    ------
    StoreError
        If there is no such folder.
    """
    if not os.path.isdir(folder):
        msg = f"there is no folder {str(folder)!r} to look for caches in"
        raise StoreError(msg)
    found = []
    for path, folders, files in os.walk(os.path.abspath(folder)):
        folders.sort()
        if MARKER in files:
            found.append(Cache(Path(path)))
            folders.clear()
    return found
