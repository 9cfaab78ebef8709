"""From bound calls to submitted jobs: identify, look up, plan, publish, submit.

The order is what makes every step safe to die after: the run file is whole on
disk before the first qsub, and a job's name leads back to its run file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from gridtask.backends.base import Hold
from gridtask.calls.binding import Arguments
from gridtask.calls.work import Work, call_text
from gridtask.claims import claim as claims
from gridtask.claims import upstream
from gridtask.claims.claim import Claim
from gridtask.claims.ended import without_failed
from gridtask.claims.jobs import job_request, submit_jobs
from gridtask.claims.lock import submit_lock, this_process
from gridtask.claims.runfile import RunFileWriter, RunPlan, new_run_id
from gridtask.claims.world import World, capture
from gridtask.debug import debug, is_on
from gridtask.driver.execution import Execution
from gridtask.driver.pace import cluster_pace
from gridtask.driver.records import mean_seconds
from gridtask.driver.retry import Resubmitter
from gridtask.errors import SchedulerUnavailable
from gridtask.plan import JobRange, Place, Plan, distinct, make_plan, usable_slots
from gridtask.submission.holds import (
    chunks_alike,
    elementwise,
    holds_of,
    is_aligned,
    wait_for_strangers,
)
from gridtask.submission.inquiry import RETRY_POLL_SECONDS, Inquiry
from gridtask.terms import Terms
from gridtask.units import parse_time
from gridtask.why.other_keys import accepted_keys
from gridtask.why.versions import keep_version

if TYPE_CHECKING:
    from gridtask.futures import GridFuture
    from gridtask.store.store import Folder, Store

N_TOLD = 3
"""So many of the calls that must run are explained with ``GRIDTASK_DEBUG=1``."""


@dataclass(frozen=True)
class Order:
    """One map: its calls, and what was asked for beside them."""

    calls: Sequence[Arguments]
    keys: list[bytes]
    always_publish: bool = False
    refresh: bool = False
    name: str | None = None
    axes: dict[str, list[Any]] | None = None


class Submission:
    """One map on its way to the scheduler.

    Parameters
    ----------
    folder : Folder
        The task's folder in the store.
    warn : callable
        Shows a line to the user.
    """

    def __init__(
        self,
        work: Work,
        terms: Terms,
        store: Store,
        folder: Folder,
        order: Order,
        warn: Callable[[str], None],
    ) -> None:
        self.work, self.terms, self.order = work, terms, order
        self.store, self.folder, self.warn = store, folder, warn
        self.keys, self.positions = distinct(order.keys)
        self._known: dict[str, Claim] = {}
        self._inputs: dict[int, list[GridFuture[Any]]] = {}
        self._accepted: list[tuple[int, bytes]] | None = None
        self._inquiry = Inquiry(terms.backend)

    def start(self) -> Execution:
        """Submit what is missing and return the execution of all calls.

        Raises
        ------
        IdentityError
            If the code cannot be taken along; nothing was submitted.
        SubmitError
            If the scheduler refused a job; none of this run's jobs is left.
        """
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

    def preview(self) -> Plan:
        """Return what `start` would do, without doing it."""
        from gridtask.why.explain import Explainer

        plan = self._plan(*self._look_around())
        if not plan.missing:
            return plan
        explainer = Explainer(self.work, self.folder, self._calls(plan.missing))
        reasons = explainer.count()
        if explainer.has_code_changed:
            keep_version(self.work, self.folder)  # for `gridtask accept`
        request = job_request(self._run_plan(plan, "RUN"), self.store.runs, 1)
        script = " ".join(self.terms.backend.command(request))
        return replace(plan, reasons=reasons, script=script)

    def _publish_and_submit(self, missing: list[int]) -> Execution:
        """Publish the run file under the submission lock, then submit its jobs."""
        claims.prune(self.store.runs)
        first_call = _first_calls(self.positions)
        wanted = range(len(self.keys)) if self.order.always_publish else missing
        writer = RunFileWriter(self.store.runs, new_run_id())
        try:
            packed: dict[int, bytes] = {}
            for index in wanted:
                with upstream.Collecting() as self._inputs[index]:
                    packed[index] = writer.pack(self.order.calls[first_call[index]])
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
        return replace(
            plan,
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

    def _look_around(self) -> tuple[set[int], dict[int, Place]]:
        """Return which keys have results, and which are in flight, by index.

        The scheduler is asked before the folder is listed: a call that ends in
        between is then seen at one of the two places.
        """
        backend = self.terms.backend
        live = [
            claim
            for claim in claims.open_claims(self.store.runs, self.warn)
            if claim.plan.backend == backend.name
        ]
        states = self._inquiry.ask(live) if live else {}
        self.folder.refresh()
        known = {i for i, number in enumerate(self._find()) if number >= 0}
        keys = (*enumerate(self.keys), *(self._accepted or ()))
        wanted = {key: i for i, key in keys if i not in known}
        flying: dict[int, Place] = {}
        for claim in live:
            places = claim.in_flight(states)
            if not places:
                claim.abandon()
            shared = places.keys() & wanted.keys()
            for key in without_failed(shared, claim.plan.run_id, self.folder):
                flying[wanted[key]] = places[key]
                self.keys[wanted[key]] = key
                self._known[claim.plan.run_id] = claim
        runs = ", ".join(sorted({place.run_id for place in flying.values()}))
        debug("%d calls in flight are adopted; runs: %s", len(flying), runs or "none")
        return known, flying

    def _find(self) -> list[int]:
        """Return the record of each call's result, -1 where there is none.

        Where that is a result of code that the user has accepted, the call goes
        by the key under which it was computed.
        """
        numbers = self.folder.find(self.keys)
        if -1 not in numbers or self.order.refresh:
            return numbers
        if self._accepted is None:
            missing = [i for i, number in enumerate(numbers) if number < 0]
            self._accepted = [
                (index, key)
                for _, keys in accepted_keys(
                    self.work, self.folder, self._calls(missing)
                )
                for index, key in zip(missing, keys, strict=True)
                if key is not None
            ]
        found = self.folder.find([key for _, key in self._accepted])
        for (index, key), number in zip(self._accepted, found, strict=True):
            if number >= 0 and numbers[index] < 0:
                self.keys[index], numbers[index] = key, number
        return numbers

    def _calls(self, indices: Sequence[int]) -> list[Arguments]:
        """Return the arguments of distinct calls."""
        first_call = _first_calls(self.positions)
        return [self.order.calls[first_call[index]] for index in indices]

    def _plan(self, known: set[int], flying: Mapping[int, Place]) -> Plan:
        """Make the plan with what the site and earlier results tell."""
        terms = self.terms
        limits = terms.backend.limits()
        measures = terms.chunk == "auto" and len(known) < len(self.keys)
        return make_plan(
            self.keys,
            self.positions,
            cached=known,
            in_flight=flying,
            chunk=terms.chunk,
            seconds_per_call=mean_seconds(self.folder) if measures else None,
            slots=usable_slots(limits.slots, terms.max_running),
            seconds_limit=parse_time(terms.time) if terms.time else None,
            max_array_tasks=terms.max_array_tasks or limits.max_array_tasks,
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

    def _run_plan(self, plan: Plan, run_id: str) -> RunPlan:
        """Return the plan as it is published."""
        process, terms = this_process(), self.terms
        return RunPlan(
            run_id=run_id,
            name=self.order.name,
            task=self.work.task,
            backend=terms.backend.name,
            created_at=time.time(),
            **asdict(process),
            code=self.work.code.digest,
            keys=plan.keys,
            positions=plan.positions,
            done=plan.done,
            flying=plan.flying,
            missing=plan.missing,
            chunks=plan.chunks,
            jobs=plan.jobs,
            axes=self.order.axes,
            cluster_params=terms.cluster_params,
            memory=terms.memory,
            time=terms.time,
            slots=terms.slots,
            max_running=terms.max_running,
            retries=terms.retries,
            escalate=terms.escalate,
            chunk=terms.chunk,
        )


def _first_calls(positions: Sequence[int]) -> Sequence[int]:
    """Return, for each distinct key, the index of the first call that has it."""
    if isinstance(positions, range):
        return positions
    first: dict[int, int] = {}
    for call, index in enumerate(positions):
        first.setdefault(index, call)
    return [first[index] for index in range(len(first))]


def _texts(
    work: Work, calls: Sequence[Arguments], positions: Sequence[int]
) -> Callable[[int], str]:
    """Return a function that gives the text of a distinct call."""
    memo: list[Sequence[int]] = []

    def text(index: int) -> str:
        if not memo:
            memo.append(_first_calls(positions))
        return call_text(work.label, calls[memo[0][index]], work.show_args)

    return text
