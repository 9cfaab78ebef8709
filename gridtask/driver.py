"""The loop of a run: collect what arrives, tell what failed.

The truth about a call is its record in the store, found by listing the task's
folder. The scheduler is asked only for what the store cannot know: whether an
array task still waits, runs, or is gone without having written its results.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from gridtask import failures, fs
from gridtask.backends.base import Accounting, Backend, TaskState
from gridtask.claims import Claim
from gridtask.counts import Counts
from gridtask.errors import (
    CallError,
    Deleted,
    GridTaskError,
    NodeLost,
    ResultUnreadable,
    StoreError,
    TimeLimit,
)
from gridtask.pace import Ladder, Pace
from gridtask.plan import Place
from gridtask.retry import Resources, Resubmitter, describe, more_of
from gridtask.runfile import RunPlan
from gridtask.store.segment import Kind
from gridtask.store.store import Folder, LoadError
from gridtask.watch import JobWatch, OpenTask
from gridtask.worker import LOG_BYTES


class Execution:
    """A run's calls: which are final, and where the others are.

    Calls are named by the index of their key in the plan. Thread safe: the
    thread that waits and the one that resolves futures may both call `step`.

    Parameters
    ----------
    claims : mapping of str to Claim
        Those that hold the run's calls, by run id.
    own : Claim or None
        The run's own claim, if this process is to write down its end.
    clock : callable
        Returns seconds that never go back.

    Attributes
    ----------
    failures : dict of int to BaseException
        The errors of the calls that have failed.
    texts : callable
        Returns a call as text.
    lost : list of str
        Which of the values asked for were damaged or gone: to be computed again.
    """

    def __init__(
        self,
        folder: Folder,
        plan: RunPlan,
        backend: Backend,
        pace: Pace,
        claims: Mapping[str, Claim],
        resubmitter: Resubmitter | None = None,
        *,
        own: Claim | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self.plan = plan
        self.failures: dict[int, BaseException] = {}
        self.lost: list[str] = []
        self.texts: Callable[[int], str] = lambda index: plan.task
        self._backend = backend
        self._claims = dict(claims)
        self._resubmitter = resubmitter
        self._own = own
        self._attempts: dict[int, int] = {}
        self._clock = clock
        self._lock = threading.RLock()
        self._watch = JobWatch(backend, self._claims, pace, clock)
        self._place_of: dict[int, Place] = {}
        self._children: list[Claim] = []
        self._failed_in: dict[int, str] = {}
        self._foreign: set[int] = set()
        self._has_listed = False
        self._listing = Ladder(pace.list_least, pace.list_most)
        self._polling = Ladder(pace.poll_least, pace.poll_most)
        self._cached = frozenset(plan.done)
        self._weights = [0] * len(plan.keys)
        for position in plan.positions:
            self._weights[position] += 1
        self._open_places()

    # ------------------------------------------------------------ what is known

    @property
    def is_final(self) -> bool:
        """True when no call is open."""
        return not self._place_of

    @property
    def open_indices(self) -> list[int]:
        """The calls that are not final."""
        return list(self._place_of)

    @property
    def warnings(self) -> list[str]:
        """Lines for the user, to be taken out by who shows them."""
        return self._watch.warnings

    def state_of(self, index: int) -> str:
        """Return ``cached finished failed running`` or ``queued``."""
        with self._lock:
            if index in self.failures:
                return "failed"
            place = self._place_of.get(index)
            if place is None:
                return "cached" if index in self._cached else "finished"
            task = self._watch.tasks[place]
            is_running = task.state is TaskState.RUNNING and task.first == index
            return "running" if is_running else "queued"

    def counts(self) -> Counts:
        """Return the run's counts; equal calls count each time."""
        with self._lock:
            weights = self._weights
            running = sum(
                weights[task.first]
                for task in self._watch.tasks.values()
                if task.state is TaskState.RUNNING
            )
            n_open = sum(weights[i] for i in self._place_of)
            failed = sum(weights[i] for i in self.failures)
            cached = sum(weights[i] for i in self._cached)
            total = len(self.plan.positions)
            return Counts(
                total=total,
                cached=cached,
                finished=total - cached - failed - n_open,
                running=running,
                failed=failed,
                queued=n_open - running,
            )

    def where(
        self, index: int, ended: Accounting | None = None
    ) -> failures.Circumstances:
        """Return the circumstances of an open call, for messages."""
        place = self._place_of.get(index)
        job = self._watch.job_of(place) if place else None
        log = self._watch.log_of(place) if place else None
        return failures.Circumstances(
            call=self.texts(index),
            key=self.plan.keys[index].hex(),
            job=f"{job.job_id}.{place.task}" if job and place else None,
            host=ended.host if ended else None,
            log=str(log) if log else None,
            memory=self._plan_of(place).memory,
            time=self._plan_of(place).time,
            log_tail=_tail(fs.read_file(log)) if log else "",
        )

    def about(self, index: int) -> dict[str, Any]:
        """Return what is known of where a call ran and what it used."""
        key = [self.plan.keys[index]]
        for kind in (Kind.OK, Kind.ERR):
            (number,) = self.folder.find(key, kind=kind)
            if number >= 0 and (kind is Kind.OK or self._is_ours(number)):
                entry = self.folder.entry(number)
                used = {"seconds": entry.seconds, "peak_mb": entry.peak_mb}
                return {**self.folder.meta(number), **used}
        place = self._place_of.get(index)
        job = self._watch.job_of(place) if place else None
        return {"job": f"{job.job_id}.{place.task}"} if job and place else {}

    def log_text(self, index: int) -> str:
        """Return what the array task of a call has printed so far."""
        place = self._place_of.get(index)
        about = self.about(index)
        if place is None and "run" in about:
            place = Place(about["run"], int(about["job"].rpartition(".")[2]))
        path = self._watch.log_of(place) if place else None
        if path:
            return fs.read_file(path).decode(errors="replace")
        for number in self.folder.numbers(Kind.LOG):
            if self.folder.meta(number).get("job") == about.get("job"):
                return self.folder.payload(number).decode(errors="replace")
        return ""

    def values(self, indices: list[int]) -> list[object]:
        """Return results in order.

        In the place of one that cannot be read stands a `LoadError` with a
        `ResultUnreadable`.
        """
        numbers = self.folder.find([self.plan.keys[i] for i in indices])
        loaded = iter(self.folder.load([n for n in numbers if n >= 0]))
        gone = ResultUnreadable("it was removed meanwhile")
        values = [
            next(loaded) if n >= 0 else LoadError(gone, is_lost=True) for n in numbers
        ]
        for index, value in zip(indices, values, strict=True):
            if isinstance(value, LoadError):
                if value.is_lost:
                    self.lost.append(f"{self.texts(index)}: {value.exception}")
                where = self.where(index)
                what = f"its result cannot be read: {value.exception}"
                advice = f"gridtask rm {where.key[:8]}, then run the script again"
                value.exception = where.error(ResultUnreadable, what, advice)
        return values

    # ----------------------------------------------------------------- the loop

    def step(self, *, now: bool = False) -> float:
        """Look once at what is due; return the seconds until the next look.

        Parameters
        ----------
        now : bool
            Look at everything, whether it is due or not.
        """
        with self._lock:
            if now:
                self._listing.reset()
                self._polling.reset()
            self._look(self._clock())
            if self.is_final:
                self._finish()
                return 0.0
            time_now = self._clock()
            return min(
                self._listing.seconds_left(time_now),
                self._polling.seconds_left(time_now),
            )

    def cancel(self) -> None:
        """Delete this run's jobs: its open calls fail, its results stay.

        Calls that another run computes are left to it.
        """
        with self._lock:
            for claim in (self._own, *self._children):
                for job in claim.jobs if claim else ():
                    self._backend.cancel(job.job_id)
            self._collect()
            for index in self.open_indices:
                if self._is_own(self._place_of[index]):
                    what = f"cancelled while it was {self.state_of(index)}"
                    self.fail(index, self.where(index).error(Deleted, what))

    def cancel_call(self, index: int) -> bool:
        """Delete the array task of a call, if that ends no other call."""
        with self._lock:
            place = self._place_of.get(index)
            if place is None or not self._is_own(place):
                return False
            if len(self._claims[place.run_id].plan.chunk_keys(place.task)) != 1:
                return False
            self._watch.cancel(self._watch.tasks[place])
            self.fail(index, self.where(index).error(Deleted, "cancelled"))
            return True

    def retry(self, more: Resources) -> None:
        """Submit the failed calls again.

        Raises
        ------
        SubmitError
            If the scheduler refused the job; the calls stay failed.
        """
        with self._lock:
            if self._resubmitter is None:
                return
            by_run: dict[str, list[int]] = {}
            for index in self.failures:
                by_run.setdefault(self._failed_in[index], []).append(index)
            for run_id, indices in by_run.items():
                keys = [self.plan.keys[i] for i in indices]
                errors = self.folder.find(keys, kind=Kind.ERR)
                plan = self._claims[run_id].plan
                claim = self._resubmitter.submit(plan, keys, more)
                self._foreign.update(errors)
                for index in indices:
                    del self.failures[index]
                self.add_child(claim, indices)

    def delete(self) -> None:
        """Drop the run, its results and its open calls."""
        self.cancel()
        with self._lock:
            numbers = self.folder.find(self.plan.keys)
            self.folder.remove([n for n in numbers if n >= 0])
            self._finish()
            for claim in self._claims.values():
                if claim.plan.run_id == self.plan.run_id or claim.plan.parent:
                    claim.remove()

    def fail(self, index: int, error: BaseException) -> None:
        """Note that a call has ended without a result."""
        self.failures[index] = error
        self._failed_in[index] = self._place_of[index].run_id
        self._close(index)

    def _look(self, now: float) -> None:
        """Do what is due: list, ask the scheduler, give up what is lost."""
        if self._place_of and self._listing.is_due(now):
            changed = self._collect()
            cost = self._clock() - now
            self._listing.done(now, changed=changed, cost=cost)
        if self._place_of and self._polling.is_due(now):
            changed = self._watch.poll()
            self._polling.done(now, changed=changed)
        if not self._place_of:
            return
        for task in self._watch.errored():
            self._fail_errored(task)
        lost = self._watch.lost()
        if lost:
            self._collect()  # a last look: a result counts more than any evidence
        for task in lost:
            if task.indices:
                self._give_up(task)

    def _open_places(self) -> None:
        """Note where each call is that has no result yet."""
        places: dict[Place, list[int]] = {}
        start = 0
        for task, size in enumerate(self.plan.chunks, start=1):
            place = Place(self.plan.run_id, task)
            places[place] = self.plan.missing[start : start + size]
            start += size
        for index, place in self.plan.flying.items():
            places.setdefault(place, []).append(index)
        for place, indices in places.items():
            self._open(place, indices)

    def _open(self, place: Place, indices: list[int]) -> None:
        """Note that calls are in flight in an array task."""
        self._watch.tasks[place] = OpenTask(place, dict.fromkeys(indices))
        self._place_of.update(dict.fromkeys(indices, place))

    def _close(self, index: int) -> None:
        """Note that a call is final."""
        place = self._place_of.pop(index)
        task = self._watch.tasks[place]
        del task.indices[index]
        if not task.indices:
            del self._watch.tasks[place]

    def _collect(self) -> bool:
        """Take up the records that have arrived; tell whether there were any."""
        if not self.folder.refresh() and self._has_listed:
            return False
        self._has_listed = True
        n_open = len(self._place_of)
        for index, number in self._find_open(Kind.OK):
            if number >= 0:
                self._close(index)
        for index, number in self._find_open(Kind.ERR):
            if number >= 0 and self._is_ours(number):
                self._foreign.add(number)  # a later attempt does not fail by it
                self._fail_or_retry(index, self._recorded(index, number))
        return len(self._place_of) < n_open

    def _find_open(self, kind: Kind) -> list[tuple[int, int]]:
        """Return each open call and the number of its record, or -1."""
        indices = self.open_indices
        keys = [self.plan.keys[i] for i in indices]
        return list(zip(indices, self.folder.find(keys, kind=kind), strict=True))

    def _is_ours(self, number: int) -> bool:
        """Tell whether an error record was written by a run that is watched."""
        if number in self._foreign:
            return False
        if self.folder.meta(number).get("run") in self._claims:
            return True
        self._foreign.add(number)
        return False

    def _plan_of(self, place: Place | None) -> RunPlan:
        """Return the plan of the run that a call is in flight in."""
        claim = self._claims.get(place.run_id) if place else None
        return claim.plan if claim else self.plan

    def _is_own(self, place: Place) -> bool:
        claims = (self._own, *self._children)
        return any(c is not None and c.plan.run_id == place.run_id for c in claims)

    def _recorded(self, index: int, number: int) -> BaseException:
        """Return the exception that a worker recorded."""
        meta: dict[str, Any] = self.folder.meta(number)
        place = self._place_of[index]
        log = self._watch.log_of(place)
        where = failures.Circumstances(
            call=self.texts(index),
            key=self.plan.keys[index].hex(),
            job=meta.get("job"),
            host=meta.get("host"),
            log=str(log) if log else None,
            memory=self._plan_of(place).memory,
        )
        (record,) = self.folder.load([number])
        if not isinstance(record, dict):
            what = f"its error record cannot be read: {record}"
            return where.error(ResultUnreadable, what)
        return failures.task_exception(record, where)

    def _give_up(self, task: OpenTask) -> None:
        """Settle what an array task left undone: one call died, the rest waited.

        Where it never got to work, or somebody deleted it, nothing is submitted
        again.
        """
        indices = list(task.indices)
        errors = {
            i: failures.diagnose(task.ended, self.where(i, task.ended)) for i in indices
        }
        has_begun = self._has_begun(task)
        if not has_begun and not isinstance(errors[indices[0]], NodeLost):
            for index in indices:
                self.fail(index, errors[index])
            return
        n_guilty = self._n_guilty(task, errors[indices[0]]) if has_begun else None
        for index in indices[:n_guilty]:
            self._fail_or_retry(index, errors[index])
        if n_guilty is not None and indices[n_guilty:]:
            rest = indices[n_guilty:]
            self._resubmit(rest, Resources(), errors[rest[0]], is_innocent=True)

    def _n_guilty(self, task: OpenTask, error: CallError) -> int | None:
        """Return how many of a begun array task's open calls share its end.

        Usually the one it was in. None if its time ran out while it was at its
        first call: all; if it was at a later one: that shared the time with
        others and is none to blame.
        """
        if isinstance(error, Deleted | ResultUnreadable):
            return None
        plan = self._claims[task.place.run_id].plan
        first_key = plan.chunk_keys(task.place.task)[0]
        is_first = self.plan.keys[task.first] == first_key
        return 0 if isinstance(error, TimeLimit) and not is_first else 1

    def _has_begun(self, task: OpenTask) -> bool:
        """Tell whether the worker of an array task got to its first call."""
        stem = f"{task.place.run_id}.{task.place.task}."
        return any(n.startswith(stem) for n in fs.list_names(self.folder.path))

    def _fail_or_retry(self, index: int, error: BaseException) -> None:
        """Try a call again if that was asked for its kind of end, else fail it."""
        attempts = self._attempts.get(index, 1)
        claim = self._claims.get(self._place_of[index].run_id)
        more = None
        if claim is not None and isinstance(error, CallError):
            error.attempts = attempts
            more = more_of(error, claim.plan, attempts)
        if more is None or not isinstance(error, CallError):
            self.fail(index, error)
            return
        self._attempts[index] = attempts + 1
        self._resubmit([index], more, error)

    def _resubmit(
        self,
        indices: list[int],
        more: Resources,
        error: CallError,
        *,
        is_innocent: bool = False,
    ) -> None:
        """Submit calls again; where that is refused they fail by what they had."""
        plan = self._claims[self._place_of[indices[0]].run_id].plan
        keys = [self.plan.keys[i] for i in indices]
        try:
            if self._resubmitter is None:
                raise error
            claim = self._resubmitter.submit(plan, keys, more)
        except GridTaskError as problem:
            if problem is not error:
                error.add_note(f"it could not be submitted again: {problem}")
            for index in indices:
                self.fail(index, error)
            return
        what = describe(more, plan, len(indices), error, is_innocent=is_innocent)
        self.warnings.append(what)
        self.add_child(claim)

    def add_child(self, claim: Claim, indices: list[int] | None = None) -> None:
        """Follow a run that continues this one.

        Parameters
        ----------
        indices : list of int, optional
            The calls that it computes; by default those of its calls that are
            open here.
        """
        self._claims[claim.plan.run_id] = claim
        self._children.append(claim)
        calls = self.open_indices if indices is None else indices
        index_of = {self.plan.keys[i]: i for i in calls}
        for task in range(1, len(claim.plan.chunks) + 1):
            keys = claim.plan.chunk_keys(task)
            found = [index_of[key] for key in keys if key in index_of]
            for index in found:
                if index in self._place_of:
                    self._close(index)
            if found:
                self._open(Place(claim.plan.run_id, task), found)

    def _fail_errored(self, task: OpenTask) -> None:
        """Fail the calls of an array task in an error state, and delete it."""
        reason = self._watch.error_reason(task)
        for index in list(task.indices):
            self.fail(index, failures.error_state(reason, self.where(index)))
        self._watch.cancel(task)  # cleared, it would start behind the user's back

    def _finish(self) -> None:
        """Write down that the run has ended, and what continued it."""
        ended, self._children = self._children, []
        if self._own is not None:
            ended, self._own = [self._own, *ended], None
        for claim in ended:
            indices = {self.plan.keys[i]: i for i in self.failures}
            failed = {
                key.hex(): type(self.failures[indices[key]]).__name__
                for key in claim.plan.keys
                if key in indices
            }
            try:
                claim.retire({"failed": failed})
            except StoreError as error:
                self.warnings.append(str(error))
            for job in claim.jobs:
                self._backend.forget(job.job_id)


def _tail(log: bytes) -> str:
    """Return the last lines of a worker's log."""
    lines = log[-LOG_BYTES:].decode(errors="replace").splitlines()
    return "\n".join(lines[-failures.LOG_LINES :])
