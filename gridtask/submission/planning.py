"""What a map has to submit: looked up, planned and explained.

Nothing here submits: what a dry run needs is all that a dry run imports.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gridtask.calls.binding import Calls
from gridtask.calls.work import Work
from gridtask.claims import claim as claims
from gridtask.claims.claim import Claim
from gridtask.claims.ended import without_failed
from gridtask.claims.jobs import job_request
from gridtask.claims.lock import this_process
from gridtask.claims.runfile import RunPlan
from gridtask.debug import debug
from gridtask.driver.records import mean_seconds
from gridtask.plan import Place, Plan, distinct, make_plan, usable_slots
from gridtask.submission.inquiry import Inquiry
from gridtask.terms import Terms
from gridtask.units import parse_time
from gridtask.why.other_keys import accepted_keys
from gridtask.why.versions import keep_version

if TYPE_CHECKING:
    from gridtask.store.store import Folder, Store


class Order(NamedTuple):
    """One map: its calls, and what was asked for beside them."""

    calls: Calls
    keys: list[bytes]
    always_publish: bool = False
    refresh: bool = False
    name: str | None = None
    axes: dict[str, list[Any]] | None = None


class Planner:
    """Finds out what one map has to submit.

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
        self._accepted: list[tuple[int, bytes]] | None = None
        self._inquiry = Inquiry(terms.backend)

    def preview(self) -> Plan:
        """Return what `start` would do, without doing it."""
        from gridtask.why.explain import Explainer

        plan = self._plan(*self._look_around())
        if not plan.missing:
            return plan
        explainer = Explainer(
            self.work,
            self.folder,
            self._calls(plan.missing),
            [self.keys[index] for index in plan.missing],
        )
        reasons = explainer.count()
        if explainer.has_code_changed:
            keep_version(self.work, self.folder)  # for `gridtask accept`
        request = job_request(self._run_plan(plan, "RUN"), self.store.runs, 1)
        script = " ".join(self.terms.backend.command(request))
        return plan._replace(reasons=reasons, script=script)

    def _look_around(self) -> tuple[set[int], dict[int, Place]]:
        """Return which keys have results, and which are in flight, by index.

        The folder is listed after the scheduler was asked, and after the look for
        drivers that still submit: a call that ends in between is seen at one of both.
        """
        backend = self.terms.backend
        live = [
            claim
            for claim in claims.open_claims(self.store.runs, self.warn)
            if claim.plan.backend == backend.name
        ]
        states = self._inquiry.ask(live) if live else {}
        flights = [(claim, claim.in_flight(states)) for claim in live]
        self.folder.refresh()
        known = {i for i, number in enumerate(self._find()) if number >= 0}
        keys = (*enumerate(self.keys), *(self._accepted or ()))
        wanted = {key: i for i, key in keys if i not in known}
        flying: dict[int, Place] = {}
        for claim, places in flights:
            if not places:
                claim.abandon()
            shared = [key for key in wanted if key in places]
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

    def _calls(self, indices: Sequence[int]) -> Calls:
        """Return the arguments of distinct calls."""
        first_call = first_calls(self.positions)
        return self.order.calls.pick([first_call[index] for index in indices])

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

    def _run_plan(self, plan: Plan, run_id: str) -> RunPlan:
        """Return the plan as it is published."""
        process, terms = this_process(), self.terms
        return RunPlan(
            run_id=run_id,
            name=self.order.name,
            task=self.work.task,
            backend=terms.backend.name,
            created_at=time.time(),
            **process._asdict(),
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


def first_calls(positions: Sequence[int]) -> Sequence[int]:
    """Return, for each distinct key, the index of the first call that has it."""
    if isinstance(positions, range):
        return positions
    first: dict[int, int] = {}
    for call, index in enumerate(positions):
        first.setdefault(index, call)
    return [first[index] for index in range(len(first))]
