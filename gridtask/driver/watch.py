"""What the scheduler knows of a run's array tasks, and when one is given up.

An array task is never given up because nothing is heard of it: there must be
the scheduler's record of its end, or its word, twice, that it is gone; and
after that time for its results to come into sight.
"""

from __future__ import annotations

import math
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from weakref import WeakKeyDictionary

from gridtask import fs
from gridtask.backends.base import Backend, JobState, TaskState
from gridtask.claims.claim import Claim, JobRef
from gridtask.debug import debug, is_on
from gridtask.driver.ledger import OpenTask
from gridtask.driver.pace import Ladder, Pace
from gridtask.errors import SchedulerUnavailable, StoreError
from gridtask.plan import Place
from gridtask.worker.logs import log_path

KILLED = 128 + signal.SIGKILL
"""Exit status of an array task that was killed."""

SHARED_SECONDS = 1.0
"""So long an answer of the scheduler serves all runs of this process."""

POLL_GROWTH = 1.15
"""How the time between two questions grows: a minute's silence is asked into every
ten seconds, and only one of six minutes every minute."""

HEAR_SECONDS = (1.0, 5.0)
"""Between two looks for word of ends: from, backing off to."""


class JobWatch:
    """Follows the open array tasks of a run, its own and adopted ones.

    Attributes
    ----------
    tasks : mapping of Place to OpenTask
        What is followed; who collects results closes calls in it.
    warnings : list of str
        Lines for the user, to be taken out by who shows them.
    is_unknown : bool
        True while the scheduler gives no answer: then nothing is decided.
    n_answers : int
        How often it has answered.
    """

    def __init__(
        self,
        backend: Backend,
        claims: Mapping[str, Claim],
        tasks: Mapping[Place, OpenTask],
        pace: Pace,
        clock: Callable[[], float],
    ) -> None:
        self.tasks = tasks
        self.warnings: list[str] = []
        self.is_unknown = False
        self.n_answers = 0
        self._backend = backend
        self._claims = claims
        self._pace = pace
        self._clock = clock
        self._states: dict[str, dict[int, TaskState]] = {}
        self._submitting: set[str] = set()
        self._asking = Ladder(pace.poll_least, pace.poll_most, POLL_GROWTH)
        self._answered_at = -math.inf
        self._hearing = Ladder(*HEAR_SECONDS)
        self._heard: set[tuple[str, int]] = set()
        self._since = time.monotonic()

    @property
    def seconds_unseen(self) -> float:
        """How long after an array task's end its results may come into sight."""
        return self._pace.unseen

    def expect_new_jobs(self) -> None:
        """Note that there are jobs now that an earlier answer does not know."""
        self._since = time.monotonic()

    def poll(self) -> bool:
        """Ask the scheduler once for all jobs; tell whether anything moved."""
        has_new = [claim.read_jobs() for claim in self._claims.values()]
        if any(has_new):
            self.expect_new_jobs()
        try:
            states = shared_poll(self._backend, self._since)
        except SchedulerUnavailable as error:
            if not self.is_unknown:
                self.warnings.append(f"{error}; waiting, nothing is submitted again")
            self.is_unknown = True
            return False
        if self.is_unknown:
            self.warnings.append("the scheduler answers again")
        self.is_unknown = False
        self.n_answers += 1
        self._take(states)
        now = self._clock()
        moved = [self._update(task, now) for task in self.tasks.values()]
        if any(moved) and is_on():
            counts = Counter(task.state or "gone" for task in self.tasks.values())
            debug("array tasks: %s", ", ".join(f"{n} {s}" for s, n in counts.items()))
        return any(moved)

    def has_heard(self) -> bool:
        """Tell whether there is word of an end that was not asked for yet."""
        now = self._clock()
        if not self._hearing.is_due(now):
            return False
        running = [t for t in self.tasks.values() if t.state is TaskState.RUNNING]
        heard = self._backend.heard(self._numbers(running)) - self._heard
        self._heard |= heard
        self._hearing.done(now, changed=bool(heard), cost=self._clock() - now)
        return bool(heard)

    def _take(self, states: Mapping[str, JobState]) -> None:
        """Note the states of the claims' jobs, and who may still submit some."""
        claims = self._claims.items()
        self._submitting = {id_ for id_, claim in claims if claim.find_jobs(states)}
        self._states = {}
        for _, claim in claims:
            for job in claim.jobs:
                state = states.get(job.job_id)
                if state is not None and state.name == job.name:
                    self._states[job.job_id] = _by_task(state)

    def error_reasons(self, tasks: Iterable[OpenTask]) -> dict[Place, str | None]:
        """Return why array tasks are in an error state, asking once a job."""
        reasons: dict[str, str | None] = {}
        answers: dict[Place, str | None] = {}
        for task in tasks:
            job = self.job_of(task.place)
            if job and job.job_id not in reasons:
                number = task.place.task
                reason = self._backend.error_reason(job.job_id, number)
                reasons[job.job_id] = reason
            answers[task.place] = reasons[job.job_id] if job else None
        return answers

    def errored(self) -> list[OpenTask]:
        """Return the array tasks that wait in an error state."""
        return [t for t in self.tasks.values() if t.state is TaskState.ERROR]

    def lost(self) -> list[OpenTask]:
        """Return the array tasks whose missing results will not come any more."""
        gone = [task for task in self.tasks.values() if task.gone_at is not None]
        if not gone or self.is_unknown:
            return []
        now = self._clock()
        self._ask_accounting(gone, now)
        lost = [t for t in gone if self._was_deleted(t, now) or self._is_lost(t, now)]
        return self._see_deletions(gone, lost)

    def _see_deletions(
        self, gone: list[OpenTask], lost: list[OpenTask]
    ) -> list[OpenTask]:
        """Note which array tasks were killed because their job was deleted.

        Then those of the job that waited vanish without a record, between the same
        two answers of the scheduler. What was killed waits until that is clear.

        Returns
        -------
        clear : list of OpenTask
            What of `lost` need not wait.
        """
        vanished: dict[tuple[JobRef | None, float | None], bool] = {}
        is_lost = {task.place for task in lost}
        for task in gone:
            if task.ended is None and not task.was_running:
                when = self.job_of(task.place), task.gone_at
                vanished[when] = vanished.get(when, False) or task.place in is_lost
        clear = []
        for task in lost:
            is_killed = task.ended is not None and task.ended.exit_status == KILLED
            when = self.job_of(task.place), task.gone_at
            is_deleted = vanished.get(when) if is_killed else None
            task.was_deleting |= bool(is_deleted)
            if is_deleted is not False:
                clear.append(task)
        return clear

    def cancel(self, *tasks: OpenTask) -> bool:
        """Delete array tasks, one command a job; tell whether that was accepted."""
        is_accepted = True
        for job_id, numbers in self._numbers(tasks).items():
            try:
                self._backend.cancel(job_id, numbers)
            except (SchedulerUnavailable, OSError) as error:
                self.warnings.append(f"job {job_id} could not be deleted: {error}")
                is_accepted = False
        return is_accepted

    def note_recut(self, tasks: Iterable[OpenTask]) -> None:
        """Write down which array tasks are about to be deleted, to be cut anew."""
        numbers: dict[str, list[int]] = {}
        for task in tasks:
            numbers.setdefault(task.place.run_id, []).append(task.place.task)
        for run_id, found in numbers.items():
            self._claims[run_id].note_recut(found)

    def _numbers(self, tasks: Iterable[OpenTask]) -> dict[str, list[int]]:
        """Return the numbers of array tasks by the ids of their jobs."""
        numbers: dict[str, list[int]] = {}
        for task in tasks:
            job = self.job_of(task.place)
            if job:
                numbers.setdefault(job.job_id, []).append(task.place.task)
        return numbers

    def job_of(self, place: Place) -> JobRef | None:
        """Return the job of an array task, if it is known."""
        claim = self._claims.get(place.run_id)
        return claim.job_of(place.task) if claim else None

    def log_of(self, place: Place) -> Path | None:
        """Return the log of an array task, if there is one."""
        claim = self._claims.get(place.run_id)
        if claim is None:
            return None
        path = log_path(claim.runs, place.run_id, place.task)
        try:
            fs.size(path)
        except (OSError, StoreError):
            return None
        return path

    def _update(self, task: OpenTask, now: float) -> bool:
        """Take over what the scheduler says of one array task."""
        before, task.state = task.state, self._state(task.place)
        if task.state is TaskState.RUNNING and before is not TaskState.RUNNING:
            task.was_running, task.running_since = True, now
        task.was_deleting |= task.state is TaskState.DELETING
        if task.state is not None:
            task.gone_at, task.n_gone, task.ended = None, 0, None
        else:
            if task.gone_at is None:
                task.gone_at = now
                self._asking.reset()
            task.n_gone += 1
        return task.state is not before

    def _state(self, place: Place) -> TaskState | None:
        """Return the scheduler's state of an array task, None if it is gone."""
        claim = self._claims.get(place.run_id)
        if claim is None:
            return None
        job = claim.job_of(place.task)
        if job is None:
            return TaskState.QUEUED if place.run_id in self._submitting else None
        return self._states.get(job.job_id, {}).get(place.task)

    def _ask_accounting(self, gone: list[OpenTask], now: float) -> None:
        """Look for the records of array tasks that are gone, all at once."""
        asked = self._numbers(task for task in gone if task.ended is None)
        if not asked or not self._asking.is_due(now):
            return
        try:
            records = {(r.job_id, r.task): r for r in self._backend.account(asked)}
            self._answered_at = now
        except (SchedulerUnavailable, OSError):
            records = {}  # no evidence
        self._asking.done(now, changed=False, cost=self._clock() - now)
        for task in gone:
            job = self.job_of(task.place)
            record = records.get((job.job_id, task.place.task)) if job else None
            if record and task.ended is None and not record.rescheduled:
                task.ended, task.ended_at = record, now

    def _is_lost(self, task: OpenTask, now: float) -> bool:
        if task.ended is not None:
            is_normal = not task.ended.failed and not task.ended.exit_status
            patience = self._pace.unseen if is_normal else self._pace.settle
            return now - task.ended_at >= patience
        patience = self._pace.gone
        if self.job_of(task.place) is not None:  # else nothing of it can be in sight
            patience += self._pace.unseen
        gone_for = 0.0 if task.gone_at is None else now - task.gone_at
        return task.n_gone >= 2 and gone_for >= patience

    def _was_deleted(self, task: OpenTask, now: float) -> bool:
        """Tell whether an array task was deleted while it waited.

        Nothing is recorded of that. But it was never seen running and has no log,
        its job is gone, and the accounting has answered since without a record of
        it, later than it would have one. Should it have run all the same, its
        results still count: who was deleted is not submitted again by itself.
        """
        if task.was_running or task.ended or task.gone_at is None or task.n_gone < 2:
            return False
        silence = self._answered_at - task.gone_at
        if now - task.gone_at < self._pace.gone or silence < self._pace.settle:
            return False
        delay = self._backend.limits().accounting_seconds
        if delay is None or silence < delay + self._pace.settle:
            return False
        task.was_running = self.log_of(task.place) is not None
        return not task.was_running


_ANSWERS: WeakKeyDictionary[Backend, tuple[float, Mapping[str, JobState]]]
_ANSWERS = WeakKeyDictionary()


def shared_poll(backend: Backend, since: float) -> Mapping[str, JobState]:
    """Return a backend's jobs, by one question for all runs of this process.

    Who decides by the answer what to submit must ask the backend itself.

    Parameters
    ----------
    since : float
        `time.monotonic` when the last of the asker's jobs was submitted: an
        earlier answer does not know it.
    """
    now = time.monotonic()
    asked_at, states = _ANSWERS.get(backend, (0.0, {}))
    if asked_at <= max(since, now - SHARED_SECONDS):
        states = backend.poll()
        _ANSWERS[backend] = (now, states)
    return states


def _by_task(job: JobState) -> dict[int, TaskState]:
    """Return the state of each array task that remains of a job."""
    return {
        task: group.state
        for group in job.groups
        for numbers in group.tasks
        for task in numbers
    }
