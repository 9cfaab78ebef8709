"""Waiting array tasks are cut anew once it shows how long the calls take.

A first run does not know that, so it is cut into a few array tasks a slot. If its
calls turn out to be short, most of these only cost a cycle of the scheduler each;
if very long, one array task would work for hours, or into its time limit. While
`map` waits, the driver may therefore take back what has not begun, and submits the
same calls again in chunks that suit them: once a run, and only if that gains much.

No call runs twice by this. The job is first postponed by its earliest start time, so
that nothing of it begins; then the scheduler says what waits; that alone is deleted;
and it is submitted again when the scheduler has confirmed that it is gone. Whatever
fails in between, the job goes on by itself after `POSTPONED_SECONDS`; and should the
driver be killed, the calls that were taken back are simply missing: a rerun submits
them, or who has adopted them, by the note of what was to be deleted. (The scheduler
must not be that many seconds ahead of this host's clock.)
Where it deletes so late that some may have begun, because it was silent meanwhile,
their results are waited for first: only a call that was killed in its midst runs again.

A run that others may wait for by its jobs, that is, one of `submit` or `submit_map`,
stays as it is. Drivers that have adopted the calls find the run that continues them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from gridtask.backends.base import Backend, TaskState
from gridtask.claims.runfile import RunPlan
from gridtask.driver.causes import Causes
from gridtask.driver.ledger import Ledger, OpenTask
from gridtask.driver.recovery import Continued, Recovery
from gridtask.driver.retry import Resources, Resubmitter
from gridtask.driver.watch import JobWatch
from gridtask.errors import Deleted, GridTaskError
from gridtask.plan import is_better_recut
from gridtask.units import parse_time

POSTPONED_SECONDS = 60.0
"""How long a job is held back while its waiting array tasks are deleted."""

ASK_SECONDS = 1.0
N_QUESTIONS = 20
"""So many answers are waited for, and so long between, that say they are gone."""


class Adaptation:
    """Cuts the waiting array tasks of one run anew, once.

    Parameters
    ----------
    plan : RunPlan
        The run; array tasks of others are left alone.
    resubmitter : Resubmitter or None
        None leaves everything as it is.
    clock : callable
        Returns seconds that never go back.
    collect : callable
        Takes up the results that have arrived.
    """

    def __init__(
        self,
        plan: RunPlan,
        backend: Backend,
        ledger: Ledger,
        watch: JobWatch,
        causes: Causes,
        recovery: Recovery,
        resubmitter: Resubmitter | None,
        clock: Callable[[], float],
        collect: Callable[[], object],
    ) -> None:
        self._plan = plan
        self._backend = backend
        self._ledger = ledger
        self._watch = watch
        self._causes = causes
        self._recovery = recovery
        self._resubmitter = resubmitter
        self._clock = clock
        self._collect = collect
        self._n_answers = 0
        self._has_begun = False

    def submit(self) -> Iterator[Continued]:
        """Submit again what waits, if the scheduler has answered and it gains much.

        Yields
        ------
        submitted : Continued
            The new run, its calls, and a line for the user.
        """
        resubmitter = self._resubmitter
        if resubmitter is None:
            return
        if not self._has_begun and self._n_open() < len(self._plan.missing):
            self._has_begun = True  # the first results: learn at once what waits
            self._ask()
        before, self._n_answers = self._n_answers, self._watch.n_answers
        if before == self._n_answers or self._watch.is_unknown:
            return
        if not self._is_worth_it(resubmitter.mean_seconds):
            return
        self._resubmitter = None
        taken: list[int] = []
        n_tasks = len(self._tasks(TaskState.QUEUED))

        def take_back() -> list[bytes]:
            taken.extend(i for task in self._withdraw() for i in task.indices)
            return [self._plan.keys[index] for index in taken]

        try:
            claim = resubmitter.recut(self._plan, take_back)
        except (GridTaskError, OSError) as problem:
            self._try_again(taken, problem)
            return
        if claim:
            n_new = len(claim.plan.chunks)
            text = f"{len(taken)} waiting calls go into {n_new} instead of {n_tasks}"
            text += " array tasks, as it shows how long they take"
            yield Continued(claim, taken, is_own=True, text=text)

    def _try_again(self, indices: list[int], problem: Exception) -> None:
        """Let calls be tried again that were taken back and could not be submitted."""
        what = f"it waited, was taken back to be cut anew, and then: {problem}"
        for index in indices:
            error = self._causes.where(index).error(Deleted, what)
            self._recovery.again(index, Resources(), error, is_innocent=True)

    def _is_worth_it(self, mean_seconds: Callable[[], float | None]) -> bool:
        """Tell whether the array tasks that wait would be cut otherwise now."""
        waiting = self._tasks(TaskState.QUEUED)
        n_begun = len(self._plan.chunks) - len(waiting)
        mean = mean_seconds() if waiting and n_begun else None
        if mean is None:
            return False
        return is_better_recut(
            [len(task.indices) for task in waiting],
            max(mean, self._seconds_at_work()),
            slots=min(n_begun, self._backend.limits().slots or n_begun),
            seconds_limit=parse_time(self._plan.time) if self._plan.time else None,
        )

    def _seconds_at_work(self) -> float:
        """Return how long the calls take that run now, at least on average.

        Those that have ended are the short ones; they alone would mislead.
        """
        now, each = self._clock(), []
        for task in self._tasks(TaskState.RUNNING):
            n_ended = self._plan.chunks[task.place.task - 1] - len(task.indices)
            each.append((now - task.running_since) / (n_ended + 1))
        return sum(each) / len(each) if each else 0.0

    def _tasks(self, state: TaskState | None) -> list[OpenTask]:
        """Return the run's own array tasks that are in a state."""
        return [
            task
            for task in self._ledger.tasks.values()
            if task.state is state and task.place.run_id == self._plan.run_id
        ]

    def _n_open(self) -> int:
        """Return how many of the run's own calls have not ended."""
        tasks = self._ledger.tasks.values()
        own = (t for t in tasks if t.place.run_id == self._plan.run_id)
        return sum(len(task.indices) for task in own)

    def _withdraw(self) -> list[OpenTask]:
        """Delete what waits; return what the scheduler has confirmed to be gone."""
        begun = self._clock()
        waiting = self._tasks(TaskState.QUEUED)
        for job in dict.fromkeys(self._watch.job_of(t.place) for t in waiting):
            if job is None or not self._backend.postpone(job.job_id, POSTPONED_SECONDS):
                return []
        waiting = self._tasks(TaskState.QUEUED) if self._ask() else []
        safe_until = begun + POSTPONED_SECONDS / 2  # clocks may differ
        if not waiting or self._clock() > safe_until:
            return []
        self._watch.note_recut(waiting)
        self._delete(waiting)
        if self._clock() > safe_until or any(task.was_running for task in waiting):
            time.sleep(self._watch.seconds_unseen)
            self._collect()
        return [task for task in waiting if task.state is None]

    def _delete(self, waiting: list[OpenTask]) -> None:
        """Delete array tasks, and wait until the scheduler says that they are gone."""
        is_accepted = self._watch.cancel(*waiting)
        n_answers = 0
        while n_answers < N_QUESTIONS:
            n_answers += self._ask()
            if all(t.state is None for t in waiting):
                break
            if not is_accepted and not self._tasks(TaskState.QUEUED):
                break  # they all go on
            time.sleep(ASK_SECONDS)  # a busy scheduler deletes later

    def _ask(self) -> bool:
        """Ask the scheduler for the jobs as they are now; tell if it answered."""
        self._watch.expect_new_jobs()
        self._watch.poll()
        return not self._watch.is_unknown
