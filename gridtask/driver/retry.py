"""Calls tried again: which ones, with how much more, in a run file of their own."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from gridtask import fs
from gridtask.backends.base import Backend, Hold
from gridtask.backends.cluster_params import Resolved, merge
from gridtask.backends.site import SiteProfile
from gridtask.claims.claim import Claim, open_claims
from gridtask.claims.jobs import submit_jobs
from gridtask.claims.lock import submit_lock, this_process
from gridtask.claims.runfile import ID_LENGTH, RunFile, RunFileWriter, RunPlan
from gridtask.driver.records import mean_seconds
from gridtask.errors import (
    CallError,
    NodeLost,
    OutOfMemory,
    TimeLimit,
    UpstreamFailed,
)
from gridtask.plan import make_plan, usable_slots
from gridtask.store.folder import Folder
from gridtask.units import format_memory, format_time, parse_memory, parse_time


@dataclass(frozen=True, slots=True)
class Resources:
    """A layer of resources above those of the first attempt, or in their place."""

    cluster_params: Sequence[str] = ()
    memory: str | None = None
    time: str | None = None
    slots: int | None = None
    replaces: bool = False


def more_of(error: CallError, plan: RunPlan, attempts: int) -> Resources | None:
    """Return with what a call that ended by `error` is tried again.

    Parameters
    ----------
    attempts : int
        How often it was tried so far.

    Returns
    -------
    resources : Resources or None
        None if it is not tried again.
    """
    if attempts > plan.retries:
        return None
    if isinstance(error, NodeLost):
        return Resources()
    if isinstance(error, UpstreamFailed) and error.missing:
        return Resources()  # its input may be tried again as well
    if isinstance(error, OutOfMemory) and plan.memory and "memory" in plan.escalate:
        more = parse_memory(plan.memory) * plan.escalate["memory"]
        return Resources(memory=format_memory(int(more)))
    if isinstance(error, TimeLimit) and plan.time and "time" in plan.escalate:
        more = parse_time(plan.time) * plan.escalate["time"]
        return Resources(time=format_time(more))
    return None


class Round(NamedTuple):
    """Calls of a run that are computed by a later one.

    Attributes
    ----------
    is_own : bool
        False if another driver has submitted it, and ends it.
    """

    claim: Claim
    keys: list[bytes]
    is_own: bool


class Resubmitter:
    """Submits calls of a run again, from its run file alone.

    Neither the script's code nor its arguments are needed: the new run file is
    made of the first one's parts, so what was hashed still is what runs.

    Parameters
    ----------
    folder : Folder
        The task's folder: its results tell how long a call takes.
    """

    def __init__(
        self, runs: Path, folder: Folder, backend: Backend, site: SiteProfile
    ) -> None:
        self._runs = runs
        self._folder = folder
        self._backend = backend
        self._site = site

    def submit(
        self,
        plan: RunPlan,
        keys: list[bytes],
        more: Resources,
        inputs: Collection[bytes] = (),
        *,
        is_asked: bool = False,
    ) -> list[Round]:
        """Submit some calls of a published run as a new one.

        Those that another driver has submitted meanwhile are left to it, and those
        that have a result by now are left out.

        Parameters
        ----------
        plan : RunPlan
            The run whose file holds the calls.
        keys : list of bytes
            Their keys.
        more : Resources
            What differs from the first attempt.
        inputs : collection of bytes
            Keys of other calls whose results were missing: the jobs that compute
            them now must be gone first.
        is_asked : bool
            True if a user has asked for it, perhaps with other resources: then
            calls are left to a run only if it continues this one, and no result
            spares them.

        Returns
        -------
        rounds : list of Round
            The runs that compute the calls now.

        Raises
        ------
        SubmitError
            If the scheduler refused the job.
        """
        with submit_lock(self._runs.parent):
            rounds = _rounds(keys, self._later_claims(plan, is_asked=is_asked))
            taken = {key for a_round in rounds for key in a_round.keys}
            rest = [key for key in keys if key not in taken]
            if not is_asked:
                rest = self._without_results(rest)
            if not rest:
                return rounds
            claim, file_id = self._publish(plan, rest, more)
        submit_jobs(self._backend, claim, file_id, self._holds_on(set(inputs)))
        return [*rounds, Round(claim, rest, is_own=True)]

    def _without_results(self, keys: list[bytes]) -> list[bytes]:
        """Leave out the calls that have a result: a run that had them may be over."""
        self._folder.refresh()
        found = zip(keys, self._folder.find(keys), strict=True)
        return [key for key, number in found if number < 0]

    def submitted_elsewhere(self, plan: RunPlan, keys: list[bytes]) -> list[Round]:
        """Return the rounds in which other drivers have submitted calls of a run.

        Whoever takes calls back from a job holds the lock until they are claimed
        anew: for that is waited.
        """
        try:
            with submit_lock(self._runs.parent):
                later = self._later_claims(plan)
        except OSError:  # a full disk, or somebody else's folder
            later = self._later_claims(plan)
        return _rounds(keys, later)

    def recut(
        self, plan: RunPlan, take_back: Callable[[], list[bytes]]
    ) -> Claim | None:
        """Submit calls of a run again that are taken back from its jobs.

        Parameters
        ----------
        take_back : callable
            Deletes their array tasks and returns their keys, under the lock:
            nobody else may think meanwhile that nobody computes them.

        Raises
        ------
        SubmitError
            If the scheduler refused the new job.
        """
        with submit_lock(self._runs.parent):
            keys = take_back()
            if not keys:
                return None
            claim, file_id = self._publish(plan, keys, Resources())
        submit_jobs(self._backend, claim, file_id)
        return claim

    def mean_seconds(self) -> float | None:
        """Return the mean duration of the task's latest calls, None if unknown."""
        return mean_seconds(self._folder)

    def _holds_on(self, inputs: set[bytes]) -> tuple[Hold, ...]:
        """Return holds on the jobs of all runs that compute one of these calls."""
        claims = open_claims(self._runs) if inputs else ()
        return tuple(
            Hold(job.job_id)
            for claim in claims
            if claim.plan.backend == self._backend.name
            and not inputs.isdisjoint(claim.plan.keys[i] for i in claim.plan.missing)
            for job in claim.jobs
        )

    def _later_claims(self, plan: RunPlan, *, is_asked: bool = False) -> list[Claim]:
        """Return the claims of runs published since a run was, last first.

        What a run has lost is missing for all drivers, also for those that had
        nothing to do with it: each may have submitted it meanwhile.
        """
        root, begun = plan.parent or plan.run_id, round_of(plan.run_id)
        published_at = Claim(self._runs, plan).published_at
        later: list[tuple[float, int, Claim]] = []
        for claim in open_claims(self._runs):
            other, at = claim.plan, claim.published_at
            if other.parent == root:
                is_later = round_of(other.run_id) > begun
            else:
                is_later = not is_asked and at > published_at
            if is_later and other.backend == self._backend.name:
                later.append((at, round_of(other.run_id), claim))
        return [claim for *_, claim in sorted(later, key=itemgetter(0, 1))[::-1]]

    def _publish(
        self, plan: RunPlan, keys: list[bytes], more: Resources
    ) -> tuple[Claim, bytes]:
        """Write the new run's file out of the first one's parts."""
        child = self._child_plan(plan, keys, more)
        source = RunFile(self._runs / f"{plan.run_id}.run")
        writer = RunFileWriter(self._runs, child.run_id)
        try:
            calls = source.arguments(plan)
            index_of = {key: index for index, key in enumerate(plan.keys)}
            packed = {
                new: writer.copy(calls[index_of[key]], source)
                for new, key in enumerate(keys)
            }
            writer.publish(child, packed, *source.code())
        except BaseException:
            writer.discard()
            raise
        finally:
            source.close()
        return Claim(self._runs, child), writer.file_id

    def _child_plan(self, plan: RunPlan, keys: list[bytes], more: Resources) -> RunPlan:
        limits = self._backend.limits()
        resources = self._resources(plan, more)
        limit = resources.time or plan.time
        cut = make_plan(
            keys,
            range(len(keys)),
            cached=(),
            in_flight={},
            chunk=plan.chunk,
            seconds_per_call=self.mean_seconds(),
            slots=usable_slots(limits.slots, plan.max_running),
            seconds_limit=parse_time(limit) if limit else None,
            max_array_tasks=self._site.max_array_tasks or limits.max_array_tasks,
        )
        is_cluster = bool(resources.words) or plan.backend == "gridengine"
        root = plan.parent or plan.run_id
        return plan._replace(
            run_id=self._child_id(root),
            parent=root,
            name=None,
            created_at=time.time(),
            **this_process()._asdict(),
            keys=cut.keys,
            positions=cut.positions,
            done=[],
            flying={},
            missing=cut.missing,
            chunks=cut.chunks,
            jobs=cut.jobs,
            cluster_params=resources.words if is_cluster else (),
            memory=resources.memory or (None if more.replaces else plan.memory),
            time=resources.time or (None if more.replaces else plan.time),
        )

    def _resources(self, plan: RunPlan, more: Resources) -> Resolved:
        if more.replaces:
            return merge([more], self._site)
        words = tuple(shlex.quote(word) for word in plan.cluster_params)
        return merge([Resources(cluster_params=(" ".join(words),)), more], self._site)

    def _child_id(self, root: str) -> str:
        """Return an id for the next of a run's children: ``<run>r2``, ``<run>r3``.

        It was never used: who follows a round that was withdrawn must not take
        another one for it. Of those the note of the last one's end is enough.
        """
        names = set(fs.list_names(self._runs))
        ids = {name.partition(".")[0] for name in names}
        used = sorted((id_ for id_ in ids if is_child_of(id_, root)), key=round_of)
        for run_id in used[:-1]:
            if f"{run_id}.run" not in names:
                fs.remove(self._runs / f"{run_id}.done")
        return f"{root}r{round_of(used[-1]) + 1 if used else 2}"


def _rounds(keys: list[bytes], claims: Iterable[Claim]) -> list[Round]:
    """Return which of the claims compute some of the calls, and which of them."""
    missing, rounds = dict.fromkeys(keys), []
    for claim in claims:
        computed = map(claim.plan.keys.__getitem__, claim.plan.missing)
        found = [key for key in computed if key in missing]
        if found:
            rounds.append(Round(claim, found, is_own=False))
        for key in found:
            del missing[key]
    return rounds


def round_of(run_id: str) -> int:
    """Return 1 for a first run, n for the one that is its n-th round."""
    return int(run_id[ID_LENGTH + 1 :] or 1)


def is_child_of(run_id: str, root: str) -> bool:
    """Tell whether a run's id says that it continues the run `root`."""
    return run_id.startswith(f"{root}r") and len(root) == ID_LENGTH < len(run_id)


def describe(
    more: Resources,
    plan: RunPlan,
    n_calls: int,
    error: CallError,
    *,
    is_innocent: bool,
) -> str:
    """Return a line that says what is submitted again, why, and with what.

    Parameters
    ----------
    is_innocent : bool
        True for calls that only shared an array task with the one that ended it.
    """
    calls = "1 call" if n_calls == 1 else f"{n_calls} calls"
    if is_innocent:
        return f"{type(error).__name__}: {calls} behind it submitted again"
    changes = [
        f"{name}={getattr(more, name)} instead of {getattr(plan, name)}"
        for name in ("memory", "time")
        if getattr(more, name)
    ]
    with_what = f" with {', '.join(changes)}" if changes else ""
    return f"{type(error).__name__}: {calls} submitted again{with_what}"
