"""The loop of a run: collect what arrives, tell what failed.

The truth about a call is its record in the store, found by listing the task's
folder. The scheduler is asked only for what the store cannot know: whether an
array task still waits, runs, or is gone without having written its results.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from gridtask import failures, fs
from gridtask.backends.base import Backend
from gridtask.claims.claim import Claim
from gridtask.claims.runfile import RunPlan
from gridtask.driver.adaptation import Adaptation
from gridtask.driver.causes import Causes, begun
from gridtask.driver.counts import Counts
from gridtask.driver.deaths import Death, write_deaths
from gridtask.driver.ledger import Ledger, OpenTask
from gridtask.driver.pace import Ladder, Pace
from gridtask.driver.records import Records
from gridtask.driver.recovery import Continued, Recovery
from gridtask.driver.retry import Resources, Resubmitter
from gridtask.driver.watch import POLL_GROWTH, JobWatch
from gridtask.errors import CallError, Deleted, GridTaskError, ResultUnreadable
from gridtask.plan import Place
from gridtask.store.segment import Kind
from gridtask.store.store import Folder, LoadError


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
    adapts : bool
        Whether waiting array tasks may be cut anew, see `gridtask.driver.adaptation`.
    clock : callable
        Returns seconds that never go back.

    Attributes
    ----------
    causes : Causes
        Tells why calls have no result.
    texts : callable
        Returns a call as text.
    inputs : tuple of Execution
        The runs whose results these calls need.
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
        adapts: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self.plan = plan
        self.lost: list[str] = []
        self.inputs: tuple[Execution, ...] = ()
        self.texts: Callable[[int], str] = lambda index: plan.task
        self._backend = backend
        self._claims = dict(claims)
        self._resubmitter = resubmitter
        self._own = own
        self._clock = clock
        self._lock = threading.RLock()
        self._ledger = Ledger(plan)
        self._watch = JobWatch(backend, self._claims, self._ledger.tasks, pace, clock)
        self._recovery = Recovery(
            self._ledger, self._claims, resubmitter, plan.keys.__getitem__, clock
        )
        self._children: list[Claim] = []
        self._noted: set[int] = set()
        self._records = Records(folder, plan, self._claims.keys(), self._ledger.run_of)
        self.causes = Causes(
            plan,
            self._claims,
            self._ledger,
            self._watch,
            self._records,
            lambda index: self.texts(index),
        )
        parts = (self._ledger, self._watch, self.causes, self._recovery)
        rest = (resubmitter if adapts else None, clock, self._collect)
        self._adaptation = Adaptation(plan, backend, *parts, *rest)
        self._listing = Ladder(pace.list_least, pace.list_most)
        self._polling = Ladder(pace.poll_least, pace.poll_most, POLL_GROWTH)

    # ------------------------------------------------------------ what is known

    @property
    def failures(self) -> dict[int, BaseException]:
        """The errors of the calls that have failed."""
        return self._ledger.failures

    @property
    def is_final(self) -> bool:
        """True when no call is open."""
        return self._ledger.is_final

    @property
    def open_calls(self) -> list[int]:
        """The calls that are not final."""
        with self._lock:
            return self._ledger.open_calls

    @property
    def last_plan(self) -> RunPlan:
        """The plan by which a failed call was submitted last, else the run's own."""
        run_id = next(map(self._ledger.run_of, self.failures), None)
        return self._claims[run_id].plan if run_id else self.plan

    @property
    def warnings(self) -> list[str]:
        """Lines for the user, to be taken out by who shows them."""
        return self._watch.warnings

    def state_of(self, index: int) -> str:
        """Return ``cached finished failed running`` or ``queued``."""
        with self._lock:
            return self._ledger.state_of(index)

    def claim_of(self, index: int) -> tuple[Claim, int] | None:
        """Return the claim and the array task of an open call, None if it is final."""
        with self._lock:
            place = self._ledger.place_of(index)
            claim = self._claims.get(place.run_id) if place else None
            return (claim, place.task) if claim and place else None

    def attempts(self, index: int) -> int:
        """Return how often a call was tried so far."""
        return self._recovery.attempts(index)

    def counts(self) -> Counts:
        """Return the run's counts; equal calls count each time."""
        with self._lock:
            return self._ledger.counts()

    def about(self, index: int) -> dict[str, Any]:
        """Return what is known of where a call ran and what it used."""
        return self.causes.about(index)

    def log_text(self, index: int) -> str:
        """Return what a call has printed so far."""
        with self._lock:
            self._records.refresh()
            return self.causes.printed(index).decode(errors="replace")

    def values(self, indices: list[int]) -> list[object]:
        """Return results in order.

        In the place of one that cannot be read stands a `LoadError` with a
        `ResultUnreadable`.
        """
        values = self._records.values(indices)
        for index, value in zip(indices, values, strict=True):
            if isinstance(value, LoadError):
                if value.is_lost:
                    self.lost.append(f"{self.texts(index)}: {value.exception}")
                where = self.causes.where(index)
                what = f"its result cannot be read: {value.exception}"
                advice = f"gridtask rm {where.key[:8]}, then run the script again"
                value.exception = where.error(ResultUnreadable, what, advice)
        return values

    # ----------------------------------------------------------------- the loop

    def step(self, *, now: bool = False) -> float:
        """Look at what is due, or `now` at all; return the seconds until the next."""
        with self._lock:
            if now:
                self._listing.reset()
                self._polling.reset()
            self._look(self._clock())
            if self.is_final:
                self._finish()
                return 0.0
            ladders = (self._listing, self._polling)
            return min(ladder.seconds_left(self._clock()) for ladder in ladders)

    def cancel(self) -> None:
        """Delete this run's jobs: its open calls fail, its results stay.

        Calls that another run computes are left to it.
        """
        with self._lock:
            tasks = self._ledger.tasks.values()
            own = [task for task in tasks if self._is_own(task.place)]
            is_accepted = self._watch.cancel(*own)
            self._collect()
            for index in self.open_calls if is_accepted else ():
                place = self._ledger.place_of(index)
                if place and self._is_own(place):
                    what = f"cancelled while it was {self.state_of(index)}"
                    error = self.causes.where(index).error(Deleted, what)
                    self._ledger.fail(index, error)
            self._write_deaths()  # the driver, elsewhere, is not to submit them again
            if self.is_final:
                self._finish()

    def cancel_call(self, index: int) -> bool:
        """Delete the array task of a call, if that ends no other call."""
        with self._lock:
            place = self._ledger.place_of(index)
            if place is None or not self._is_own(place):
                return False
            is_alone = len(self.causes.plan_of(place).chunk_keys(place.task)) == 1
            if not is_alone or not self._watch.cancel(self._ledger.tasks[place]):
                return False
            self.fail(index, self.causes.where(index).error(Deleted, "cancelled"))
            return True

    def retry(self, more: Resources, inputs: Collection[bytes] = ()) -> list[bytes]:
        """Submit the failed calls again, behind others; return their keys.

        Raises
        ------
        SubmitError
            If the scheduler refused the job; the calls stay failed.
        """
        with self._lock:
            failed = list(self.failures)
            self._continue(self._recovery.resubmit(failed, more, inputs))
            return [self.plan.keys[index] for index in failed]

    def restart(self, more: Resources) -> None:
        """Drop what this run has computed, and submit all of its calls again."""
        with self._lock:
            self.cancel()
            ended, self._children = self._children, []
            for claim in ended:  # else they would count as those that compute it
                claim.retire({})
            indices = sorted(set(range(len(self.plan.keys))) - set(self.plan.done))
            keys = [self.plan.keys[index] for index in indices]
            self.folder.remove([n for n in self.folder.find(keys) if n >= 0])
            self._continue(self._recovery.submit_all(self.plan, indices, more))

    def delete(self) -> None:
        """Drop the run, its results, its failures and its open calls."""
        self.cancel()
        with self._lock:
            self.folder.refresh()  # `cancel` has written what it cancelled
            for kind in (Kind.OK, Kind.ERR):
                self.folder.remove(self.folder.find(self.plan.keys, kind))
            self._finish()
            for claim in self._claims.values():
                if self.plan.run_id in (claim.plan.run_id, claim.plan.parent):
                    claim.remove()

    def follow(
        self, claim: Claim, indices: list[int] | None = None, *, is_own: bool = True
    ) -> None:
        """Follow a run that continues this one.

        Parameters
        ----------
        indices : list of int, optional
            The calls that it computes; by default those of its calls that are
            open here.
        is_own : bool
            False if another driver submits and ends it.
        """
        self._claims[claim.plan.run_id] = claim
        self._watch.expect_new_jobs()
        if is_own:
            self._children.append(claim)
        calls = self.open_calls if indices is None else indices
        self._noted.difference_update(calls)
        known = (*self._ledger.calls_of(claim.plan.run_id), *calls)
        index_of = {self.plan.keys[i]: i for i in known}
        for task, keys in enumerate(claim.plan.chunked_keys(), start=1):
            found = [index_of[key] for key in keys if key in index_of]
            self._ledger.open(Place(claim.plan.run_id, task), found)

    def _continue(self, submitted: Iterable[Continued]) -> None:
        """Follow the runs that compute calls again; their failures are history."""
        for found in submitted:
            self.warnings.extend([found.text] if found.text else [])
            self._records.leave_out(found.indices)
            self.follow(found.claim, found.indices, is_own=found.is_own)

    def fail(self, index: int, error: BaseException) -> None:
        """Note that a call has ended without a result, which is known elsewhere."""
        self._noted.add(index)
        self._ledger.fail(index, error)

    def _look(self, now: float) -> None:
        """Do what is due: list, ask the scheduler, give up what is lost."""
        if not self.is_final and self._listing.is_due(now):
            changed = self._collect()
            cost = self._clock() - now
            self._listing.done(now, changed=changed, cost=cost)
            if self._watch.has_heard():
                self._polling.hasten()
        if not self.is_final and self._polling.is_due(now):
            changed = self._watch.poll()
            self._polling.done(now, changed=changed)
        if self.is_final:
            return
        self._fail_errored(self._watch.errored())
        lost = self._recovery.not_settled(self._watch.lost())
        if lost:
            has_begun = begun(fs.list_names(self.folder.path))
            self._continue(self._recovery.submitted_elsewhere(lost))
            self._collect()  # a last look: a result counts more than any evidence
        for task in lost:
            if task.indices:
                self._give_up(task, has_begun)
        self._continue((*self._recovery.submit(), *self._adaptation.submit()))
        self._write_deaths()

    def _write_deaths(self) -> None:
        """Write down the failures of which there is no record."""
        by_run: dict[str, dict[bytes, Death]] = {}
        for index in self.failures.keys() - self._noted:
            error, run_id = self.failures[index], self._ledger.run_of(index)
            if isinstance(error, CallError) and run_id in self._claims:
                span = self.causes.spans.get(index, (0, 0))
                death = Death(self.texts(index), error, span)
                by_run.setdefault(run_id, {})[self.plan.keys[index]] = death
        self._noted.update(self.failures)
        for run_id, deaths in by_run.items():
            if self._claims[run_id].is_cancelled():
                continue  # its results were removed: nothing is to come back
            try:
                write_deaths(self.folder, self._claims[run_id].plan, deaths)
            except (GridTaskError, OSError) as error:
                self.warnings.append(f"failures are not noted in the cache: {error}")

    def _give_up(self, task: OpenTask, has_begun: set[Place]) -> None:
        """Tell why an array task left calls undone, and what becomes of them."""
        is_at_work = task.place in has_begun
        errors = self.causes.of_task(task, has_begun=is_at_work)
        self._recovery.settle(task, errors, has_begun=is_at_work)

    def _collect(self) -> bool:
        """Take up the records that have arrived; tell whether there were any."""
        if not self._records.refresh():
            return False
        n_open = len(self.open_calls)
        for index, _ in self._records.find(self.open_calls):
            self._ledger.close(index)
        for index, number in self._records.find(self.open_calls, Kind.ERR):
            error = self.causes.recorded(index, number)
            self._records.leave_out([index])  # a later attempt does not fail by it
            self._noted.add(index)
            self._recovery.fail_or_retry(index, error)
        return len(self.open_calls) < n_open

    def _fail_errored(self, tasks: list[OpenTask]) -> None:
        """Fail the calls of array tasks in an error state, and delete these."""
        if not tasks:
            return
        for place, reason in self._watch.error_reasons(tasks).items():
            for index in list(self._ledger.tasks[place].indices):
                error = failures.error_state(reason, self.causes.where(index))
                self._ledger.fail(index, error)
        self._watch.cancel(*tasks)  # cleared, they would start behind the user's back

    def _is_own(self, place: Place) -> bool:
        claims = (self._own, *self._children)
        return any(c is not None and c.plan.run_id == place.run_id for c in claims)

    def _finish(self) -> None:
        """Write down that the run has ended, and what continued it."""
        ended, self._children = self._children, []
        if self._own is not None:
            ended, self._own = [self._own, *ended], None
        names = {self.plan.keys[i]: type(e).__name__ for i, e in self.failures.items()}
        for claim in ended:
            keys = claim.plan.keys
            failed = {key.hex(): names[key] for key in keys if key in names}
            try:
                claim.retire({"failed": failed})
                for job in claim.jobs:
                    self._backend.forget(job.job_id)
            except (GridTaskError, OSError) as error:
                run_id = claim.plan.run_id
                self.warnings.append(f"the end of run {run_id} is not noted: {error}")
