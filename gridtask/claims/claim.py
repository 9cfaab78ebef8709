"""Which calls are in flight, so that a rerun adopts them instead of repeating.

A published run file claims the calls that it submits. The claim is alive while
the scheduler knows the array task, or while the process that published it may
still be submitting. Beside a run file ``<run>.run`` lie

``<run>.<n>.job``
    written after qsub number n: its job id. Should the driver die in between,
    the job is found by its name.
``<run>.recut``
    written before array tasks are deleted to be submitted anew: their numbers.
``<run>.done``
    written when every call of the run is final: the claim has ended.

A run file that cannot be read claims nothing: at worst its calls are computed
twice, with the same results.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from gridtask import fs
from gridtask.backends.base import JobState, TaskState
from gridtask.claims.lock import Process
from gridtask.claims.runfile import RunFile, RunPlan
from gridtask.errors import GridTaskError
from gridtask.plan import JobRange, Place

SUBMIT_SECONDS = 600.0
"""How long a driver on another host may take between publishing and qsub."""

IN_DOUBT_SECONDS = {"local": 3.0, "gridengine": 15.0}
"""How long after a driver's death a job that it was submitting may yet appear: the
command that submits is a process of its own, which goes on."""

KEEP_SECONDS = 30 * 86400.0
"""How long the run files of ended runs are kept, for ``open_run``."""

KEEP_BYTES = 64 << 20
"""A larger run file is removed as soon as its run has ended."""


class JobRef(NamedTuple):
    """A submitted job of a run: the content of a ``.job`` file."""

    job_id: str
    name: str
    first_task: int
    n_tasks: int
    submitted_at: float

    @property
    def tasks(self) -> JobRange:
        """The array tasks of the job."""
        return JobRange(self.first_task, self.n_tasks)


class Claim:
    """A run that may have calls in flight, and the jobs known to belong to it."""

    def __init__(self, runs: Path, plan: RunPlan) -> None:
        self.runs = runs
        self.plan = plan
        self.jobs: list[JobRef] = []

    def job_of(self, task: int) -> JobRef | None:
        """Return the job that holds array task `task`, if it is known."""
        return next((job for job in self.jobs if task in job.tasks), None)

    def read_jobs(self) -> bool:
        """Take up the jobs that others have written down; tell if there were some.

        This comes before the question to the scheduler: an answer that is older
        than a job does not know it, and must not be taken for the job's end.
        """
        found = list(_written_jobs(self.runs, self.plan, self._unknown()))
        self.jobs += found
        return bool(found)

    def find_jobs(self, states: Mapping[str, JobState]) -> bool:
        """Take up, by their names, the jobs that nobody has written down.

        Returns whether some may still be submitted, or were a moment ago.
        """
        if not self._unknown():
            return False
        ids = {state.name: state.job_id for state in states.values()}
        for number in self._unknown():
            job_id = ids.get(self.plan.job_name(number))
            if job_id is not None:
                self.add_job(number, self.plan.jobs[number - 1], job_id)
        return bool(self._unknown()) and self._may_be_submitting()

    def _unknown(self) -> list[int]:
        """Return the numbers of the jobs whose ids are not known."""
        known = {job.first_task for job in self.jobs}
        jobs = enumerate(self.plan.jobs, start=1)
        return [number for number, job in jobs if job.first_task not in known]

    def add_job(self, number: int, tasks: JobRange, job_id: str) -> JobRef:
        """Write down that job `number` of the run has the id `job_id`.

        Where that fails, its name still leads to it.
        """
        job = JobRef(
            job_id=job_id,
            name=self.plan.job_name(number),
            first_task=tasks.first_task,
            n_tasks=tasks.n_tasks,
            submitted_at=time.time(),
        )
        self.jobs.append(job)
        with suppress(OSError):  # a full disk; or another driver found it by its name
            text = json.dumps(job._asdict())
            fs.write_new(self._path(f".{number}.job"), text.encode())
        return job

    def alive_tasks(self, states: Mapping[str, JobState]) -> set[int]:
        """Return the array tasks from which results may come.

        Those that are being deleted, or in an error state, are not among them.
        """
        is_submitting = self.find_jobs(states)
        alive: set[int] = set()
        for job in self.jobs:
            state = states.get(job.job_id)
            if state is None or state.name != job.name:
                continue  # gone; its number may be another job's by now
            for group in state.groups:
                if group.state not in (TaskState.DELETING, TaskState.ERROR):
                    alive.update(*group.tasks)
        for number in self._unknown() if is_submitting else ():
            tasks = self.plan.jobs[number - 1]
            alive.update(range(tasks.first_task, tasks.first_task + tasks.n_tasks))
        return alive

    def in_flight(self, states: Mapping[str, JobState]) -> dict[bytes, Place]:
        """Return where each call of the claim is that has not ended."""
        flying: dict[bytes, Place] = {}
        alive = self.alive_tasks(states)
        start = 0
        for task, size in enumerate(self.plan.chunks, start=1):
            if task in alive:
                place = Place(self.plan.run_id, task)
                for index in self.plan.missing[start : start + size]:
                    flying[self.plan.keys[index]] = place
            start += size
        return flying

    @property
    def published_at(self) -> float:
        """When the run was published, by the file server's clock; 0 if it is gone."""
        try:
            return fs.modified_at(self._path(".run"))
        except FileNotFoundError:
            return 0.0

    def _driver(self) -> Process:
        """Return the process that published the run."""
        plan = self.plan
        return Process(plan.user, plan.host, plan.pid, plan.process_start, plan.machine)

    def _may_be_submitting(self) -> bool:
        """Tell whether the publishing driver may still be about to submit."""
        with suppress(FileNotFoundError):
            fs.size(self._path(".done"))
            return False
        has_ended = self._driver().has_ended()
        if has_ended is False:
            return True
        patience = SUBMIT_SECONDS
        if has_ended:
            patience = IN_DOUBT_SECONDS.get(self.plan.backend, 0.0)
        try:
            return abs(fs.server_now(self.runs) - self._submitted_at()) < patience
        except FileNotFoundError:
            return False

    def _submitted_at(self) -> float:
        """Return when the driver last did something, by the file server's clock."""
        times = [fs.modified_at(self._path(".run"))]
        for number in range(1, len(self.plan.jobs) + 1):
            with suppress(OSError):
                times.append(fs.modified_at(self._path(f".{number}.job")))
        return max(times)

    def is_in_doubt(self) -> bool:
        """Tell whether its driver died so lately that its job may yet appear."""
        return self.is_incomplete and self._may_be_submitting()

    @property
    def is_incomplete(self) -> bool:
        """Whether jobs of it are not known, and who was to submit them has ended."""
        return bool(self._unknown()) and self._driver().has_ended() is True

    def touch(self) -> None:
        """Show that its driver is still submitting."""
        with suppress(OSError):
            fs.touch(self._path(".run"))

    def abandon(self) -> None:
        """Write down that nothing of the run is in flight and nobody waits for it."""
        if not self._may_be_submitting() and self._driver().has_ended():
            self.retire({"abandoned": True})

    def retire(self, summary: Mapping[str, Any]) -> None:
        """Write down that every call of the run is final."""
        content = {"finished_at": time.time(), **summary}
        try:
            fs.write_new(self._path(".done"), json.dumps(content).encode())
        except FileExistsError:
            return
        self._remove_job_files()
        with suppress(FileNotFoundError):
            if fs.size(self._path(".run")) > KEEP_BYTES:
                fs.remove(self._path(".run"))

    def is_cancelled(self) -> bool:
        """Tell whether somebody has deleted all that was in flight of the run."""
        return bool(self.summary().get("cancelled"))

    def summary(self) -> dict[str, Any]:
        """Return what was written down at the run's end; empty before."""
        content = self._note(".done")
        return content if isinstance(content, dict) else {}

    def note_recut(self, tasks: Iterable[int]) -> None:
        """Write down which array tasks are deleted to be submitted anew.

        Should that not come about, others who miss them need not fail their calls.
        """
        content = json.dumps(sorted(tasks)).encode()
        fs.write_new(self._path(".recut"), content, durable=False)

    def is_recut(self, task: int) -> bool:
        """Tell whether an array task was deleted to be submitted anew."""
        tasks = self._note(".recut")
        return isinstance(tasks, list) and task in tasks

    def _note(self, suffix: str) -> Any:
        """Return what was written down of the run; None if it cannot be read."""
        try:
            return json.loads(fs.read_file(self._path(suffix)))
        except (OSError, ValueError, GridTaskError):
            return None

    def withdraw(self) -> None:
        """Remove the run file of a run of which no job was submitted.

        Of one that continues another run a note stays: its id is not used again.
        """
        if self.plan.parent:
            self.retire({"submitted": False})
        fs.remove(self._path(".run"))
        self._remove_job_files()

    def remove(self) -> None:
        """Remove all that is kept of the run, but not its results."""
        self._remove_job_files()
        for suffix in (".recut", ".done", ".run"):
            fs.remove(self._path(suffix))

    def _remove_job_files(self) -> None:
        for number in range(1, len(self.plan.jobs) + 1):
            fs.remove(self._path(f".{number}.job"))

    def _path(self, suffix: str) -> Path:
        return self.runs / f"{self.plan.run_id}{suffix}"


def open_claim(runs: Path, run_id: str) -> Claim:
    """Read one run file and its jobs."""
    run_file = RunFile(runs / f"{run_id}.run")
    try:
        plan = run_file.plan()
    finally:
        run_file.close()
    claim = Claim(runs, plan)
    claim.read_jobs()
    return claim


def open_claims(
    runs: Path, warn: Callable[[str], None] = lambda text: None
) -> Iterator[Claim]:
    """Read the run files whose runs have not ended.

    Parameters
    ----------
    warn : callable
        Is told of each one that cannot be read.
    """
    names = set(fs.list_names(runs))
    for name in sorted(names):
        run_id, _, suffix = name.partition(".")
        if suffix != "run" or f"{run_id}.done" in names:
            continue
        try:
            claim = open_claim(runs, run_id)
        except FileNotFoundError:
            continue
        except (OSError, GridTaskError) as error:
            warn(f"{error}; what that run computes is not waited for")
            continue
        yield claim


def prune(runs: Path) -> None:
    """Remove what runs that have ended leave behind.

    Files that a backend keeps under a job's name go at once, run files when
    nobody is likely to open the run any more.
    """
    names = fs.list_names(runs)
    ended = {name[:-5] for name in names if name.endswith(".done")}
    now = fs.server_now(runs) if ended else 0.0
    old: set[str] = set()
    for run_id in ended:
        with suppress(OSError):  # another driver may remove it at the same time
            if now - fs.modified_at(runs / f"{run_id}.done") > KEEP_SECONDS:
                old.add(run_id)
    for name in names:
        run_id = name.partition(".")[0]
        job_of = name.split("_")[1] if name.startswith("gt_") else None
        if run_id in old or job_of in ended:
            fs.remove(runs / name)


def _written_jobs(
    runs: Path, plan: RunPlan, numbers: Iterable[int]
) -> Iterator[JobRef]:
    """Read the ``.job`` files of a run; a damaged one counts as not written."""
    for number in numbers:
        with suppress(ValueError, TypeError, OSError):
            text = fs.read_file(runs / f"{plan.run_id}.{number}.job")
            yield JobRef(**json.loads(text))
