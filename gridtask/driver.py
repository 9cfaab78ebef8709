"""The loop of a run: watch its calls, collect what arrives, tell what failed.

The truth about a call is its record in the store, found by listing the task's
folder. The scheduler is asked only for what the store cannot know: whether an
array task still waits, runs, or is gone without having written its results.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridtask import failures, fs
from gridtask.backends.base import Accounting, Backend, JobState, TaskState
from gridtask.claims import Claim, JobRef
from gridtask.counts import Counts
from gridtask.errors import (
    Deleted,
    ResultUnreadable,
    SchedulerUnavailable,
    StoreError,
)
from gridtask.plan import Place
from gridtask.runfile import RunPlan
from gridtask.store.segment import Kind
from gridtask.store.store import Folder, LoadError
from gridtask.worker import LOG_BYTES, log_path


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look and how long to believe: seconds, for one backend.

    Attributes
    ----------
    list_least, list_most : float
        Between two listings of the store's folder: from, backing off to.
    poll_least, poll_most : float
        The same between two questions to the scheduler.
    settle : float
        From evidence of a worker's end until a missing result is missed.
    gone, unseen : float
        Without evidence: how long the scheduler must not know the job, and
        how long afterwards a result may still come into sight.
    """

    list_least: float
    list_most: float
    poll_least: float
    poll_most: float
    settle: float
    gone: float
    unseen: float


HERE = Pace(0.02, 0.5, 0.5, 5.0, 0.0, 0.0, 0.0)
"""One machine: what a process wrote is seen as soon as it has ended."""


def cluster_pace(fs_latency: float) -> Pace:
    """Return the pace for nodes that share a network file system."""
    return Pace(0.1, 5.0, 2.0, 60.0, 5.0, 15.0, fs_latency)


class Ladder:
    """A delay that grows while nothing happens and starts again when it does."""

    def __init__(self, least: float, most: float) -> None:
        self._least, self._most = least, most
        self._delay = least
        self._due = 0.0

    def reset(self) -> None:
        """Make it due."""
        self._due = 0.0

    def is_due(self, now: float) -> bool:
        """Tell whether it is time."""
        return now >= self._due

    def done(self, now: float, *, changed: bool, cost: float = 0.0) -> None:
        """Plan the next time; what costs much is done less often."""
        self._delay = self._least if changed else min(self._most, self._delay * 1.5)
        self._due = now + max(self._delay, 4 * cost)

    def seconds_left(self, now: float) -> float:
        """Return how long to wait."""
        return max(0.0, self._due - now)


@dataclass
class OpenTask:
    """An array task with calls that are not final, in the order it runs them."""

    place: Place
    indices: dict[int, None]
    state: TaskState | None = TaskState.QUEUED
    gone_at: float | None = None
    n_gone: int = 0
    ended: Accounting | None = None
    ended_at: float | None = None

    @property
    def first(self) -> int:
        """The call that runs if the array task runs: its first open one."""
        return next(iter(self.indices))


class Execution:
    """A run's calls: which are final, and where the others are.

    Thread safe: the thread that waits and the one that resolves futures may
    both call `step`.
    """

    def __init__(
        self,
        folder: Folder,
        plan: RunPlan,
        backend: Backend,
        pace: Pace,
        claims: Mapping[str, Claim],
        *,
        clock: Callable[[], float] = time.monotonic,
        own: Claim | None = None,
    ) -> None:
        self.folder = folder
        self.plan = plan
        self.backend = backend
        self.claims = dict(claims)
        self.failures: dict[int, BaseException] = {}
        self.texts: Callable[[int], str] = lambda index: plan.task
        self.on_final: Callable[[int], None] | None = None
        self.warnings: list[str] = []
        self._own = own
        self._pace = pace
        self._clock = clock
        self._lock = threading.RLock()
        self._tasks: dict[Place, OpenTask] = {}
        self._place_of: dict[int, Place] = {}
        self._states: Mapping[str, JobState] = {}
        self._unknown_since: float | None = None
        self._foreign: set[int] = set()
        self._listing = Ladder(pace.list_least, pace.list_most)
        self._polling = Ladder(pace.poll_least, pace.poll_most)
        self._asking = Ladder(pace.poll_least, pace.poll_most)
        self._add_places()

    # ------------------------------------------------------------ what is known

    @property
    def is_final(self) -> bool:
        """True when no call is open."""
        return not self._place_of

    @property
    def open_indices(self) -> list[int]:
        """Indices of the keys of calls that are not final."""
        return list(self._place_of)

    def state_of(self, index: int) -> str:
        """Return ``cached finished failed running`` or ``queued``."""
        if index in self.failures:
            return "failed"
        place = self._place_of.get(index)
        if place is None:
            return "cached" if index in self._cached else "finished"
        task = self._tasks[place]
        if task.state is TaskState.RUNNING and task.first == index:
            return "running"
        return "queued"

    def counts(self) -> Counts:
        """Return the run's counts; equal calls count each time."""
        with self._lock:
            weights = self._weights
            open_calls = sum(weights[i] for i in self._place_of)
            running = sum(
                weights[task.first]
                for task in self._tasks.values()
                if task.state is TaskState.RUNNING
            )
            failed = sum(weights[i] for i in self.failures)
            total = len(self.plan.positions)
            cached = sum(weights[i] for i in self._cached)
            return Counts(
                total=total,
                cached=cached,
                finished=total - cached - failed - open_calls,
                running=running,
                failed=failed,
                queued=open_calls - running,
            )

    def where(self, index: int, ended: Accounting | None = None) -> Any:
        """Return the circumstances of a call, for messages."""
        place = self._place_of.get(index)
        job = self._job(place) if place else None
        log = self._log(place) if place else None
        return failures.Circumstances(
            call=self.texts(index),
            key=self.plan.keys[index].hex(),
            job=f"{job.job_id}.{place.task}" if job and place else None,
            host=ended.host if ended else None,
            log=str(log) if log else None,
            memory=self.plan.memory,
            time=self.plan.time,
            log_tail=_tail(log) if log else "",
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
        job = self._job(place) if place else None
        return {"job": f"{job.job_id}.{place.task}"} if job and place else {}

    def log_text(self, index: int) -> str:
        """Return what the array task of a call has printed so far."""
        place = self._place_of.get(index)
        about = self.about(index)
        if place is None and "run" in about:
            task = int(about["job"].rpartition(".")[2])
            place = Place(about["run"], task)
        path = self._log(place) if place else None
        if path:
            return fs.read_file(path).decode(errors="replace")
        for number in self.folder.numbers(Kind.LOG):
            if self.folder.meta(number).get("job") == about.get("job"):
                return self.folder.payload(number).decode(errors="replace")
        return ""

    def values(self, indices: list[int]) -> list[object]:
        """Return results in order; one that cannot be read becomes a failure.

        The exception stands in the place of such a value, as `LoadError`.
        """
        numbers = self.folder.find([self.plan.keys[i] for i in indices])
        known = [n for n in numbers if n >= 0]
        loaded = iter(self.folder.load(known))
        missing = LoadError(ResultUnreadable("the result was removed meanwhile"))
        values = [next(loaded) if n >= 0 else missing for n in numbers]
        for index, value in zip(indices, values, strict=True):
            if isinstance(value, LoadError):
                where = self.where(index)
                what = f"its result is in the cache but unreadable: {value.exception}"
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
            return self._step(self._clock())

    def _step(self, now: float) -> float:
        if self._place_of and self._listing.is_due(now):
            changed = self._collect()
            cost = self._clock() - now
            self._listing.done(now, changed=changed, cost=cost)
        if self._place_of and self._polling.is_due(now):
            changed = self._poll()
            self._polling.done(now, changed=changed)
        if self._place_of and self._unknown_since is None:
            self._judge(self._clock())
        if self.is_final:
            self._finish()
            return 0.0
        now = self._clock()
        return min(self._listing.seconds_left(now), self._polling.seconds_left(now))

    def cancel(self) -> None:
        """Delete this run's jobs; its open calls fail, results stay.

        Calls that another run computes are left to it.
        """
        with self._lock:
            own = self._own
            for job in own.jobs if own else ():
                self.backend.cancel(job.job_id)
            self._collect()
            for index, place in list(self._place_of.items()):
                if own is None or place.run_id != own.plan.run_id:
                    continue
                where = self.where(index)
                what = f"cancelled while it was {self.state_of(index)}"
                self.fail(index, where.error(Deleted, what))

    def cancel_call(self, index: int) -> bool:
        """Delete the array task of a call, if that ends no other call."""
        with self._lock:
            place = self._place_of.get(index)
            own = self._own
            if own is None or place is None or place.run_id != own.plan.run_id:
                return False
            if own.plan.chunks[place.task - 1] != 1:
                return False
            self._cancel(self._tasks[place])
            error = self.where(index).error(Deleted, "cancelled")
            self.fail(index, error)
            return True

    def _cancel(self, task: OpenTask) -> None:
        job = self._job(task.place)
        if job:
            self.backend.cancel(job.job_id, [task.place.task])

    def _add_places(self) -> None:
        """Note where each call is that has no result yet."""
        plan = self.plan
        self._cached = frozenset(plan.done)
        self._weights = [0] * len(plan.keys)
        for position in plan.positions:
            self._weights[position] += 1
        start = 0
        for task, size in enumerate(plan.chunks, start=1):
            place = Place(plan.run_id, task)
            self._open(place, plan.missing[start : start + size])
            start += size
        adopted: dict[Place, list[int]] = {}
        for index, place in plan.flying.items():
            adopted.setdefault(place, []).append(index)
        for place, indices in adopted.items():
            self._open(place, indices)

    def _open(self, place: Place, indices: list[int]) -> None:
        self._tasks[place] = OpenTask(place, dict.fromkeys(indices))
        for index in indices:
            self._place_of[index] = place

    def _close(self, index: int) -> None:
        """Note that a call is final."""
        place = self._place_of.pop(index)
        task = self._tasks[place]
        del task.indices[index]
        if not task.indices:
            del self._tasks[place]
        if self.on_final:
            self.on_final(index)

    def fail(self, index: int, error: BaseException) -> None:
        """Note that a call has ended without a result."""
        self.failures[index] = error
        self._close(index)

    def _collect(self) -> bool:
        """Take up the records that have arrived; tell whether there were any."""
        if not self.folder.refresh() and self._listed:
            return False
        self._listed = True
        indices = list(self._place_of)
        keys = [self.plan.keys[i] for i in indices]
        arrived = [
            i for i, n in zip(indices, self.folder.find(keys), strict=True) if n >= 0
        ]
        for index in arrived:
            self._close(index)
        indices = list(self._place_of)
        keys = [self.plan.keys[i] for i in indices]
        errors = self.folder.find(keys, kind=Kind.ERR)
        for index, number in zip(indices, errors, strict=True):
            if number >= 0 and self._is_ours(number):
                self.fail(index, self._recorded(index, number))
                arrived.append(index)
        return bool(arrived)

    _listed = False

    def _is_ours(self, number: int) -> bool:
        """Tell whether an error record was written by a run that is watched."""
        if number in self._foreign:
            return False
        if self.folder.meta(number).get("run") in self.claims:
            return True
        self._foreign.add(number)
        return False

    def _recorded(self, index: int, number: int) -> BaseException:
        """Return the exception that a worker recorded."""
        meta = self.folder.meta(number)
        log = self._log(self._place_of[index])
        where = failures.Circumstances(
            call=self.texts(index),
            key=self.plan.keys[index].hex(),
            job=meta.get("job"),
            host=meta.get("host"),
            log=str(log) if log else None,
        )
        (record,) = self.folder.load([number])
        if isinstance(record, LoadError):
            return where.error(
                ResultUnreadable, f"its error record: {record.exception}"
            )
        assert isinstance(record, dict)
        return failures.task_exception(record, where)

    def _poll(self) -> bool:
        """Ask the scheduler for all jobs; tell whether anything has moved."""
        try:
            states = self.backend.poll()
        except SchedulerUnavailable as error:
            if self._unknown_since is None:
                self._unknown_since = self._clock()
                self.warnings.append(f"{error}; waiting, nothing is submitted again")
            return False
        if self._unknown_since is not None:
            self._unknown_since = None
            self.warnings.append("the scheduler answers again")
        self._states = states
        now = self._clock()
        changed = False
        for task in self._tasks.values():
            before = task.state
            task.state = self._state(task.place)
            changed |= task.state is not before
            if task.state is not None:
                task.gone_at, task.n_gone = None, 0
                task.ended = None
            else:
                task.gone_at = now if task.gone_at is None else task.gone_at
                task.n_gone += 1
        return changed

    def _state(self, place: Place) -> TaskState | None:
        """Return the scheduler's state of an array task, None if it is gone."""
        claim = self.claims.get(place.run_id)
        if claim is None:
            return None
        job = claim.job_of(place.task)
        if job is None:
            if place.task in claim.alive_tasks(self._states):
                return TaskState.QUEUED
            return None
        state = self._states.get(job.job_id)
        if state is None or state.name != job.name:
            return None  # gone; its number may be another job's by now
        return state.state_of(place.task)

    def _judge(self, now: float) -> None:
        """Decide about array tasks that are in error or gone without results."""
        for task in list(self._tasks.values()):
            if task.state is TaskState.ERROR:
                self._judge_error(task)
        gone = [task for task in self._tasks.values() if task.gone_at is not None]
        if not gone:
            return
        self._ask_accounting(gone, now)
        due = [task for task in gone if self._is_lost(task, now)]
        if due:
            self._collect()  # a last look: a result counts more than any evidence
        for task in due:
            self._declare_lost(task)

    def _judge_error(self, task: OpenTask) -> None:
        job = self._job(task.place)
        reason = None
        if job:
            reason = self.backend.error_reason(job.job_id, task.place.task)
        for index in list(task.indices):
            self.fail(index, failures.error_state(reason, self.where(index)))
        self._cancel(task)  # cleared, it would start again behind the user's back

    def _ask_accounting(self, gone: list[OpenTask], now: float) -> None:
        """Look for the records of array tasks that are gone."""
        asked: dict[str, set[int]] = {}
        for task in gone:
            job = self._job(task.place)
            if job and task.ended is None:
                asked.setdefault(job.job_id, set()).add(task.place.task)
        if not asked or not self._asking.is_due(now):
            return
        found = {
            (record.job_id, record.task): record
            for record in self.backend.account(asked)
        }
        self._asking.done(now, changed=False)
        for task in gone:
            job = self._job(task.place)
            record = found.get((job.job_id, task.place.task)) if job else None
            if record and not record.rescheduled:
                task.ended, task.ended_at = record, now

    def _is_lost(self, task: OpenTask, now: float) -> bool:
        """Tell whether a missing result of an array task will not come any more."""
        if task.ended is not None and task.ended_at is not None:
            normal = not task.ended.failed and not task.ended.exit_status
            patience = self._pace.unseen if normal else self._pace.settle
            return now - task.ended_at >= patience
        gone_for = now - (task.gone_at or now)
        return task.n_gone >= 2 and gone_for >= self._pace.gone + self._pace.unseen

    def _declare_lost(self, task: OpenTask) -> None:
        """Fail what an array task left undone: one call died, the rest waited."""
        for index in list(task.indices):
            self.fail(
                index, failures.diagnose(task.ended, self.where(index, task.ended))
            )

    def _finish(self) -> None:
        """Write down that the run has ended."""
        if self._own is not None:
            failed = {
                self.plan.keys[i].hex(): type(e).__name__
                for i, e in self.failures.items()
            }
            own, self._own = self._own, None
            try:
                own.retire({"failed": failed})
                for job in own.jobs:
                    self.backend.forget(job.job_id)
            except StoreError as error:
                self.warnings.append(str(error))

    def _job(self, place: Place) -> JobRef | None:
        claim = self.claims.get(place.run_id)
        return claim.job_of(place.task) if claim else None

    def _log(self, place: Place) -> Path | None:
        """Return the log of an array task if there is one."""
        claim = self.claims.get(place.run_id)
        if claim is None:
            return None
        path = log_path(claim.runs / f"{place.run_id}.run", place.task)
        return path if path.name in fs.list_names(claim.runs) else None


def _tail(log: Path) -> str:
    """Return the last lines of a worker's log."""
    try:
        text = fs.read_file(log)[-LOG_BYTES:].decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-failures.LOG_LINES :])
