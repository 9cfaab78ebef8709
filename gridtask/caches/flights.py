"""Calls in flight: what run files claim and the scheduler still knows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gridtask import config, fs
from gridtask.backends.base import Backend, JobState, TaskState
from gridtask.claims.ended import without_failed
from gridtask.errors import SchedulerUnavailable, warn
from gridtask.plan import Place
from gridtask.printable import arguments_text

if TYPE_CHECKING:
    from gridtask.claims.claim import Claim
    from gridtask.claims.runfile import RunFile
    from gridtask.store.store import Folder, Store

STATES = {
    TaskState.RUNNING: "running",
    TaskState.SUSPENDED: "running",
    TaskState.HELD: "held",
    TaskState.ERROR: "error",
}
"""State of the call that an array task is in; all others are queued."""


@dataclass(frozen=True, slots=True)
class Flight:
    """A call that is queued or running.

    Attributes
    ----------
    key : bytes
        The call's key.
    task : str
        Name of the task.
    place : Place
        The run and the array task that hold it.
    job_id : str or None
        The job; None while it is just being submitted.
    backend : str
        Name of the backend that runs the job.
    state : str
        ``queued held running error`` or ``unknown``, the last where the
        scheduler gives no answer.
    submitted_at : float
        When its run was submitted: POSIX time stamp in seconds.
    """

    key: bytes
    task: str
    place: Place
    job_id: str | None
    backend: str
    state: str
    submitted_at: float

    @property
    def array_task(self) -> str | None:
        """``"118.7"``, None while the job's id is not known."""
        return f"{self.job_id}.{self.place.task}" if self.job_id else None


@dataclass
class Flights:
    """The calls in flight of a cache.

    Attributes
    ----------
    by_task : dict
        For each task that has any, its flights by key.
    is_known : bool
        False if a scheduler gave no answer: what was submitted to it and has
        no result is counted as in flight.
    """

    runs: Path
    by_task: dict[str, dict[bytes, Flight]] = field(default_factory=dict)
    is_known: bool = True

    def of(self, task: str) -> dict[bytes, Flight]:
        """Return a task's flights by key."""
        return self.by_task.get(task, {})

    def __iter__(self) -> Iterator[Flight]:
        return (flight for each in self.by_task.values() for flight in each.values())

    def together_with(self, flights: Iterable[Flight]) -> list[Flight]:
        """Return the calls that wait in the same array tasks as these."""
        chosen = list(flights)
        keys = {flight.key for flight in chosen}
        places = {flight.place for flight in chosen}
        return [f for f in self if f.place in places and f.key not in keys]

    def arguments(self, flights: Iterable[Flight]) -> dict[bytes, str]:
        """Return the arguments of these calls as text, as far as it may be kept.

        A call is left out if its run file is gone, or holds objects of classes
        that cannot be imported here.
        """
        places: dict[Place, set[bytes]] = {}
        for flight in flights:
            places.setdefault(flight.place, set()).add(flight.key)
        files: dict[str, RunFile | None] = {}
        texts: dict[bytes, str] = {}
        for place, keys in places.items():
            if place.run_id not in files:
                files[place.run_id] = _open_run_file(self.runs, place.run_id)
            file = files[place.run_id]
            if file is not None:
                texts |= _texts(file, place.task, keys)
        return texts


def find_flights(store: Store) -> Flights:
    """Return the calls of a cache that are queued or running.

    A call that has its result is not among them, even if its array task is
    still ending. Each scheduler is asked once, and only if there are run files
    of runs that have not ended.
    """
    flights = Flights(store.runs)
    if not any(name.endswith(".run") for name in fs.list_names(store.runs)):
        return flights
    from gridtask.claims.claim import open_claims

    states: dict[str, Mapping[str, JobState] | None] = {}
    folders: dict[str, Folder] = {}
    for claim in list(open_claims(store.runs, _warn)):  # before the schedulers
        plan = claim.plan
        if plan.backend not in states:
            states[plan.backend] = _poll(open_backend(plan.backend, store.runs))
        known = states[plan.backend]
        flights.is_known &= known is not None
        found = list(_flying(claim, known))
        if not found:
            continue
        if plan.task not in folders:
            folders[plan.task] = store.folder(plan.task)
            folders[plan.task].refresh()
        for flight in _without_ended(found, folders[plan.task]):
            flights.by_task.setdefault(plan.task, {})[flight.key] = flight
    return flights


def open_backend(name: str, runs: Path) -> Backend:
    """Return the backend `name` under the settings that hold here."""
    from gridtask import terms

    settings = config.load(Path.cwd(), os.environ).settings
    return terms.open_backend(name, settings, runs)


def _poll(backend: Backend) -> Mapping[str, JobState] | None:
    """Ask a scheduler for its jobs; None if it does not answer."""
    try:
        return backend.poll()
    except SchedulerUnavailable as error:
        _warn(f"{error}; what was submitted counts as queued")
        return None


def _flying(claim: Claim, states: Mapping[str, JobState] | None) -> Iterator[Flight]:
    """Yield the calls of a claim whose array tasks have not ended."""
    plan = claim.plan
    alive = _alive(claim, states)
    known = dict(_states(claim, states or {}))
    default = "unknown" if alive is None else "queued"
    start = 0
    for task, size in enumerate(plan.chunks, start=1):
        indices = plan.missing[start : start + size]
        start += size
        if alive is not None and task not in alive:
            continue
        place, job = Place(plan.run_id, task), claim.job_of(task)
        where = (place, job.job_id if job else None, plan.backend)
        state = known.get(task, default)
        for index in indices:
            yield Flight(plan.keys[index], plan.task, *where, state, plan.created_at)


def _alive(claim: Claim, states: Mapping[str, JobState] | None) -> set[int] | None:
    """Return the array tasks of a claim that have not ended; None if unknown."""
    try:
        return None if states is None else claim.alive_tasks(states)
    except OSError as error:  # a full disk does not tell the file server's time
        _warn(f"{error}; run {claim.plan.run_id} counts as queued")
        return None


def _states(claim: Claim, states: Mapping[str, JobState]) -> Iterator[tuple[int, str]]:
    """Yield the array tasks of a claim that the scheduler knows, with their states."""
    for job in claim.jobs:
        state = states.get(job.job_id)
        for group in state.groups if state else ():
            name = STATES.get(group.state, "queued")
            yield from ((task, name) for numbers in group.tasks for task in numbers)


def _without_ended(flights: list[Flight], folder: Folder) -> Iterator[Flight]:
    """Leave out what has ended of one claim; of an array task only one call runs."""
    keys = [flight.key for flight in flights]
    still_open = set(without_failed(keys, flights[0].place.run_id, folder))
    begun: set[Place] = set()
    for flight, result in zip(flights, folder.find(keys), strict=True):
        if result >= 0 or flight.key not in still_open:
            continue
        if flight.state == "running" and flight.place in begun:
            yield replace(flight, state="queued")
        else:
            begun.add(flight.place)
            yield flight


def _open_run_file(runs: Path, run_id: str) -> RunFile | None:
    """Open a run file that may tell its arguments, else return None."""
    from gridtask.claims.runfile import RunFile

    try:
        file = RunFile(runs / f"{run_id}.run")
        return file if file.code()[0].show_args else None
    except OSError:  # it ended meanwhile, or is damaged
        return None


def _texts(file: RunFile, task: int, keys: set[bytes]) -> dict[bytes, str]:
    """Return the arguments of an array task's calls, those that can be read."""
    texts = {}
    try:
        chunk = file.chunk(task)
    except OSError:
        return {}
    for key, packed in zip(chunk.keys, chunk.calls, strict=True):
        if key in keys:
            try:
                texts[key] = arguments_text(file.unpack(packed))
            except Exception:  # whatever the classes of the arguments raise here
                continue
    return texts


def _warn(text: str) -> None:
    """Tell what is not as it should be; the command shows it as a line."""
    warn(text)
