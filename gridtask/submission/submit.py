"""From bound calls to submitted jobs: identify, look up, plan, publish, submit.

The order is what makes every step safe to die after: the run file is whole on
disk before the first qsub, and a job's name leads back to its run file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gridtask.backends.base import Hold
from gridtask.calls.binding import Calls
from gridtask.calls.work import Work, call_text
from gridtask.claims import claim as claims
from gridtask.claims import upstream
from gridtask.claims.claim import Claim
from gridtask.claims.jobs import submit_jobs
from gridtask.claims.lock import submit_lock
from gridtask.claims.runfile import RunFileWriter, RunPlan, new_run_id
from gridtask.claims.world import World, capture
from gridtask.debug import debug, is_on
from gridtask.driver.execution import Execution
from gridtask.driver.pace import cluster_pace
from gridtask.driver.retry import Resubmitter
from gridtask.errors import SchedulerUnavailable
from gridtask.plan import JobRange, Plan, make_plan
from gridtask.submission.holds import (
    chunks_alike,
    elementwise,
    holds_of,
    is_aligned,
    refuse_other_caches,
    wait_for_strangers,
)
from gridtask.submission.inquiry import RETRY_POLL_SECONDS
from gridtask.submission.planning import Planner, first_calls
from gridtask.why.versions import keep_version

if TYPE_CHECKING:
    from gridtask.futures import GridFuture

N_TOLD = 3
"""So many of the calls that must run are explained with ``GRIDTASK_DEBUG=1``."""


class Submission(Planner):
    """One map on its way to the scheduler."""

    def start(self) -> Execution:
        """Submit what is missing and return the execution of all calls.

        Raises
        ------
        IdentityError
            If the code cannot be taken along; nothing was submitted.
        SubmitError
            If the scheduler refused a job; none of this run's jobs is left.
        """
        self._inputs: dict[int, list[GridFuture[Any]]] = {}
        self.folder.refresh()
        if self.order.refresh:
            self.folder.remove([n for n in self.folder.find(self.keys) if n >= 0])
        missing = [i for i, n in enumerate(self._find()) if n < 0]
        if missing or (self.order.always_publish and self.keys):
            execution = self._publish_and_submit(missing)
        else:
            done = range(len(self.keys))
            plan = make_plan(self.keys, self.positions, cached=done, in_flight={})
            execution = self._execution(self._run_plan(plan, ""))
        execution.texts = _texts(self.work, self.order.calls, self.positions)
        futures = (future for found in self._inputs.values() for future in found)
        execution.inputs = tuple(dict.fromkeys(f._execution for f in futures))
        return execution

    def _publish_and_submit(self, missing: list[int]) -> Execution:
        """Publish the run file under the submission lock, then submit its jobs."""
        claims.prune(self.store.runs)
        first_call = first_calls(self.positions)
        wanted = range(len(self.keys)) if self.order.always_publish else missing
        writer = RunFileWriter(self.store.runs, new_run_id())
        try:
            packed: dict[int, bytes] = {}
            for index in wanted:
                with upstream.Collecting() as self._inputs[index]:
                    packed[index] = writer.pack(self.order.calls[first_call[index]])
            refuse_other_caches(self._inputs, self.folder)
            wait_for_strangers(self._inputs, self.terms.backend.name)
            snapshot = self.work.code.snapshot() if missing else b""
            if missing:
                keep_version(self.work, self.folder, snapshot)
            for warning in self.work.code.warnings:
                self.warn(warning)
            plan = self._publish(writer, packed, snapshot)
            if not self._is_published(plan):
                writer.discard()
                return self._execution(plan)
            own = Claim(self.store.runs, plan)
            holds = self._holds(plan)
            submit_jobs(self.terms.backend, own, writer.file_id, holds, self.warn)
        except BaseException:
            writer.discard()
            raise
        return self._execution(plan, own)

    def _publish(
        self, writer: RunFileWriter, packed: Mapping[int, bytes], snapshot: bytes
    ) -> RunPlan:
        """Plan and publish once the scheduler can say what is in flight.

        No answer means that everything is unknown: the lock is given back and
        taken again later; nothing is ever submitted on a guess.
        """
        warned = False
        while True:
            try:
                with submit_lock(self.store.root) as is_held:
                    around = self._look_around()
                    self._inquiry.refuse_doubt(self._known)
                    plan = self._align(self._plan(*around))
                    self._tell(plan)
                    run_plan = self._run_plan(plan, writer.path.stem)
                    if not is_held():
                        continue  # stalled so long that another driver took over
                    if self._is_published(run_plan):
                        world = self._world()
                        writer.publish(run_plan, packed, world, snapshot)
                    return run_plan
            except SchedulerUnavailable as error:
                if not warned:
                    self.warn(f"{error}; waiting before anything is submitted")
                    warned = True
            time.sleep(RETRY_POLL_SECONDS)

    def _tell(self, plan: Plan) -> None:
        """Tell why calls are computed and how they are cut, if that is asked for."""
        if not is_on() or not plan.missing:
            return
        from gridtask.why.explain import Explainer

        first = self._calls(plan.missing[:N_TOLD])
        for reason in Explainer(self.work, self.folder, first).reasons():
            debug("%s", reason)
        debug("chunk=%r: %s", self.terms.chunk, str(plan).replace("\n", "; "))

    def _align(self, plan: Plan) -> Plan:
        """Cut the missing calls as those are cut whose results they need.

        Then array task i need not wait for more than array task i.
        """
        alike = None
        if self.terms.chunk == "auto" and len(plan.jobs) == 1:
            alike = chunks_alike(self._inputs, plan.missing)
        if alike is None:
            return plan
        return plan._replace(
            missing=[index for chunk in alike for index in chunk],
            chunks=[len(chunk) for chunk in alike],
            jobs=[JobRange(1, len(alike))],
        )

    def _holds(self, plan: RunPlan) -> tuple[Hold, ...]:
        """Return the jobs that must be gone first."""
        missing = {index: self._inputs.get(index, []) for index in plan.missing}
        holds = holds_of(missing)
        alike = chunks_alike(missing, plan.missing)
        return elementwise(holds) if alike and is_aligned(plan, alike) else holds

    def _is_published(self, plan: RunPlan) -> bool:
        return bool(plan.missing) or self.order.always_publish

    def _execution(self, plan: RunPlan, own: Claim | None = None) -> Execution:
        """Return the execution of a plan, with the claims that hold its calls."""
        terms = self.terms
        used = {place.run_id for place in plan.flying.values()}
        held = {run_id: self._known[run_id] for run_id in used}
        if own is not None:
            held[plan.run_id] = own
        is_elsewhere = any(c.plan.host != os.uname().nodename for c in held.values())
        pace = cluster_pace(terms.site.fs_latency) if is_elsewhere else terms.pace
        resubmitter = Resubmitter(
            self.store.runs, self.folder, terms.backend, terms.site
        )
        return Execution(
            self.folder,
            plan,
            terms.backend,
            pace,
            held,
            resubmitter,
            own=own,
            adapts=terms.chunk == "auto" and not self.order.always_publish,
        )

    def _world(self) -> World:
        """Return the world that the workers set up for the user's code."""
        work, terms = self.work, self.terms
        inherits = terms.backend.name != "gridengine"
        return World(
            **capture(terms.env, terms.slots, inherits=inherits),
            task=work.task,
            label=work.label,
            code=work.code.digest[:8],
            show_args=work.show_args,
            fs_latency=terms.pace.patience,
            has_soft_time_limit=any("s_rt=" in word for word in terms.cluster_params),
        )


def _texts(work: Work, calls: Calls, positions: Sequence[int]) -> Callable[[int], str]:
    """Return a function that gives the text of a distinct call."""
    memo: list[Sequence[int]] = []

    def text(index: int) -> str:
        if not memo:
            memo.append(first_calls(positions))
        return call_text(work.label, calls[memo[0][index]], work.show_args)

    return text
