"""What is to be removed from a cache: planned, told, and carried out."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gridtask import fs
from gridtask.backends.base import JobState
from gridtask.caches.filters import Filters
from gridtask.caches.flights import Flight, Flights, find_flights, open_backend
from gridtask.caches.selection import Part, select
from gridtask.errors import GridTaskError
from gridtask.store.store import MARKER, OWN_NAMES, Store

CANCEL_SECONDS = 60.0
"""How long deleted jobs may take to end."""

SLEEP = time.sleep
"""Waits between two looks at jobs that are ending; tests pass their own."""


class CallsInFlight(GridTaskError):
    """Calls that are queued or running would be removed."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What goes, or has gone.

    Attributes
    ----------
    task : str
        Name of the task.
    results, failed, cancelled : int
        Calls with a result, failed ones, and calls in flight.
    bytes : int
        What their records take, or the task's files if it goes entirely.
    """

    task: str
    results: int
    failed: int
    cancelled: int
    bytes: int


class Removal:
    """A selection of calls that is to be removed.

    Attributes
    ----------
    store : Store
        The store that holds them.
    parts : list of Part
        What is selected, task by task.
    """

    def __init__(self, store: Store, parts: Iterable[Part], flights: Flights) -> None:
        self.store = store
        self.parts = [part for part in parts if part.entirely or not part.is_empty]
        self._flights = flights

    @property
    def in_flight(self) -> list[Flight]:
        """The selected calls that are queued or running."""
        return [flight for part in self.parts for flight in part.flights]

    @property
    def beside(self) -> list[Flight]:
        """Calls that were not selected but share array tasks with such."""
        return self._flights.together_with(self.in_flight)

    @property
    def frees_later(self) -> bool:
        """True if `Cache.gc` has to give some of the space back."""
        return any(
            not (part.entirely or _goes_by_age(part)) and part.ended.numbers
            for part in self.parts
        )

    def preview(self) -> list[Removed]:
        """Return what `carry_out` removes, task by task."""
        return [_preview(part) for part in self.parts]

    def check(self) -> None:
        """Refuse to remove calls that are in flight.

        Raises
        ------
        CallsInFlight
            If there are any.
        """
        counts = [(len(p.flights), p.folder.name) for p in self.parts if p.flights]
        if counts:
            listed = ", ".join(f"{number} of {task}" for number, task in counts)
            hint = "" if self._flights.is_known else " as far as is known"
            msg = (
                f"nothing removed: calls are in flight{hint} ({listed}); wait for "
                "them, or cancel them with --cancel (cancel=True)"
            )
            raise CallsInFlight(msg)

    def carry_out(self, *, cancel: bool = False) -> list[Removed]:
        """Remove what is selected.

        Parameters
        ----------
        cancel : bool
            Delete the array tasks of calls in flight first.

        Returns
        -------
        removed : list of Removed
            Task by task.

        Raises
        ------
        CallsInFlight
            If there are any and `cancel` is False; nothing is removed then.
        SchedulerUnavailable
            If jobs are to be deleted and the scheduler does not answer.
        OSError
            If something cannot be removed.
        """
        if not cancel:
            self.check()
        removed = self.preview()
        cancel_flights(self.store, self.in_flight, self._going_on())
        for part in self.parts:
            if part.flights:
                part.look_again()
            self._remove(part)
        return removed

    def _going_on(self) -> set[str]:
        """Return the runs of which array tasks stay in flight."""
        places = {flight.place for flight in self.in_flight}
        return {f.place.run_id for f in self._flights if f.place not in places}

    def _remove(self, part: Part) -> None:
        """Remove what is selected of one task."""
        filters = part.filters
        if part.entirely:
            remove_folder(self.store, part)
        elif _goes_by_age(part):
            # By age the store also removes logs, and files at once: that works
            # without room for a tombstone.
            if filters.older is not None:
                part.folder.remove_older(filters.older, filters.now)
            elif filters.unused is not None:
                part.folder.remove_unused(filters.unused, filters.now)
        else:
            part.folder.remove(part.ended.numbers)


def _goes_by_age(part: Part) -> bool:
    """Return whether the store itself finds out what is too old."""
    return part.whole and part.filters.is_one_age


def _preview(part: Part) -> Removed:
    """Return what goes of one task."""
    if part.entirely:
        n_bytes = part.folder.sizes().n_bytes
    else:
        extent = part.folder.extent(part.ended.numbers)
        n_bytes = extent.n_bytes if extent else 0
    n_flights = len(part.flights)
    name = part.folder.name
    return Removed(name, part.n_results, part.n_failed, n_flights, n_bytes)


def remove_folder(store: Store, part: Part) -> None:
    """Remove a task's folder; where there is no room for the trash, at once."""
    try:
        store.remove_folder(part.folder)
    except OSError as error:
        if error.errno not in fs.NO_ROOM:
            raise
        fs.remove_tree(part.folder.path)
        part.folder.reset()


def cancel_flights(
    store: Store,
    flights: Sequence[Flight],
    going_on: Collection[str] = (),
) -> None:
    """Delete the array tasks of calls in flight, and wait until they have ended.

    Parameters
    ----------
    going_on : collection of str
        Runs that have other array tasks. All others end here: their drivers,
        elsewhere, are not to submit anything again.

    Raises
    ------
    SchedulerUnavailable
        If a scheduler does not answer.
    GridTaskError
        If jobs are just being submitted, or are still there after `CANCEL_SECONDS`.
    """
    waiting = [flight for flight in flights if flight.job_id is None]
    if waiting:
        run_id = waiting[0].place.run_id
        msg = (
            f"run {run_id} is just being submitted: nothing cancelled; once more in "
            "a moment, or end the process that submits it"
        )
        raise GridTaskError(msg)
    from gridtask.claims.claim import open_claim

    jobs: dict[str, dict[str, set[int]]] = {}
    for flight in flights:
        of_backend = jobs.setdefault(flight.backend, {})
        of_backend.setdefault(str(flight.job_id), set()).add(flight.place.task)
    for name, tasks in jobs.items():
        backend = open_backend(name, store.runs)
        for job_id, numbers in tasks.items():
            backend.cancel(job_id, sorted(numbers))
    for run_id in {flight.place.run_id for flight in flights} - set(going_on):
        with contextlib.suppress(FileNotFoundError):  # removed by somebody else
            open_claim(store.runs, run_id).retire({"cancelled": True})
    _await_end(store, jobs)


def _await_end(
    store: Store,
    jobs: Mapping[str, Mapping[str, set[int]]],
) -> None:
    """Wait until array tasks are gone, which would go on writing results."""
    delay, waited = 0.05, 0.0
    while n_left := sum(
        _n_left(open_backend(name, store.runs).poll(), tasks)
        for name, tasks in jobs.items()
    ):
        if waited >= CANCEL_SECONDS:
            msg = (
                f"{n_left} array tasks are still ending after {CANCEL_SECONDS:.0f} s: "
                "they are being deleted, nothing else was removed; run it again "
                "in a moment"
            )
            raise GridTaskError(msg)
        SLEEP(delay)
        waited += delay
        delay = min(2.0, delay * 1.5)


def _n_left(states: Mapping[str, JobState], tasks: Mapping[str, set[int]]) -> int:
    """Return how many of these array tasks the scheduler still knows."""
    return sum(
        job_id in states and states[job_id].state_of(number) is not None
        for job_id, numbers in tasks.items()
        for number in numbers
    )


def delete_store(store: Store, *, cancel: bool = False) -> None:
    """Remove all that gridtask keeps in a cache folder, its marker last.

    Raises
    ------
    CallsInFlight
        If calls are queued or running and `cancel` is False.
    """
    flights = find_flights(store)
    parts = select(store, flights, (), Filters())
    Removal(store, parts, flights).carry_out(cancel=cancel)
    for name in sorted(OWN_NAMES - {MARKER}):
        path = store.root / name
        if path.is_dir():
            fs.remove_tree(path)
        else:
            fs.remove(path)
    fs.remove(store.root / MARKER)
    with contextlib.suppress(OSError):  # somebody else's file lies in it
        os.rmdir(store.root)
