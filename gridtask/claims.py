"""Which calls are in flight, so that a rerun adopts them instead of repeating.

A published run file claims the calls that it submits. The claim is alive while
the scheduler knows the array task, or while the process that published it may
still be submitting. Beside a run file ``<run>.run`` lie

``<run>.<n>.job``
    written after qsub number n: its job id. Should the driver die in between,
    the job is found by its name.
``<run>.done``
    written when every call of the run is final: the claim has ended.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gridtask import fs
from gridtask.backends.base import JobState
from gridtask.errors import StoreError
from gridtask.plan import JobRange, Place
from gridtask.runfile import RunFile, RunPlan

LOCK_SECONDS = 60.0
"""A submission lock that was not refreshed for so long is broken."""

LOCK_REFRESH_SECONDS = 10.0
"""How often the holder refreshes its lock."""

SUBMIT_SECONDS = 600.0
"""How long a driver on another host may take between publishing and qsub."""

KEEP_SECONDS = 30 * 86400.0
"""How long the run files of ended runs are kept, for ``open_run``."""

KEEP_BYTES = 64 << 20
"""A larger run file is removed as soon as its run has ended."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process, recognisable later although process ids are used again."""

    user: str
    host: str
    pid: int
    process_start: str
    boot_id: str


def this_process() -> Process:
    """Return the process that runs this."""
    pid = os.getpid()
    return Process(
        user=getpass.getuser(),
        host=socket.gethostname(),
        pid=pid,
        process_start=_process_start(pid) or "",
        boot_id=_boot_id(),
    )


@dataclass(frozen=True, slots=True)
class JobRef:
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


@dataclass
class Claim:
    """A run that may have calls in flight, and the jobs known to belong to it."""

    runs: Path
    plan: RunPlan
    jobs: list[JobRef] = field(default_factory=list)

    def job_of(self, task: int) -> JobRef | None:
        """Return the job that holds array task `task`, if it is known."""
        return next((job for job in self.jobs if task in job.tasks), None)

    def find_jobs(self, states: Mapping[str, JobState]) -> None:
        """Record the jobs that were submitted but not written down."""
        known = {job.name for job in self.jobs}
        for number, tasks in enumerate(self.plan.jobs, start=1):
            name = self.plan.job_name(number)
            if name in known:
                continue
            for state in states.values():
                if state.name == name:
                    self.add_job(number, tasks, state.job_id)

    def add_job(self, number: int, tasks: JobRange, job_id: str) -> JobRef:
        """Write down that job `number` of the run has the id `job_id`."""
        job = JobRef(
            job_id=job_id,
            name=self.plan.job_name(number),
            first_task=tasks.first_task,
            n_tasks=tasks.n_tasks,
            submitted_at=time.time(),
        )
        path = self.runs / f"{self.plan.run_id}.{number}.job"
        with suppress(FileExistsError):  # another driver found the job by its name
            fs.write_new(path, json.dumps(asdict(job)).encode())
        self.jobs.append(job)
        return job

    def alive_tasks(self, states: Mapping[str, JobState]) -> set[int]:
        """Return the numbers of the array tasks that have not ended."""
        self.find_jobs(states)
        alive: set[int] = set()
        for job in self.jobs:
            state = states.get(job.job_id)
            if state is None or state.name != job.name:
                continue
            for group in state.groups:
                alive.update(*group.tasks)
        known = {job.first_task for job in self.jobs}
        waiting = [job for job in self.plan.jobs if job.first_task not in known]
        if waiting and self._may_be_submitting():
            for tasks in waiting:
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

    def _may_be_submitting(self) -> bool:
        """Tell whether the publishing driver may still be about to submit."""
        plan = self.plan
        if plan.host == socket.gethostname():
            same_boot = plan.boot_id == _boot_id()
            return same_boot and _process_start(plan.pid) == plan.process_start
        age = fs.server_now(self.runs) - fs.modified_at(self._path(".run"))
        return age < SUBMIT_SECONDS

    def retire(self, summary: Mapping[str, Any]) -> None:
        """Write down that every call of the run is final."""
        content = {"finished_at": time.time(), **summary}
        try:
            fs.write_new(self._path(".done"), json.dumps(content).encode())
        except FileExistsError:
            return
        for number in range(1, len(self.plan.jobs) + 1):
            fs.remove(self._path(f".{number}.job"))
        if fs.size(self._path(".run")) > KEEP_BYTES:
            fs.remove(self._path(".run"))

    def _path(self, suffix: str) -> Path:
        return self.runs / f"{self.plan.run_id}{suffix}"


def open_claim(runs: Path, run_id: str) -> Claim:
    """Read one run file and its jobs."""
    run_file = RunFile(runs / f"{run_id}.run")
    try:
        plan = run_file.plan()
    finally:
        run_file.close()
    return Claim(runs, plan, list(_jobs(runs, plan, set(fs.list_names(runs)))))


def open_claims(runs: Path, *, skip: Iterable[str] = ()) -> Iterator[Claim]:
    """Read the run files whose runs have not ended.

    A run file that cannot be read claims nothing: its calls are computed
    again at worst.
    """
    names = set(fs.list_names(runs))
    skipped = set(skip)
    for name in sorted(names):
        run_id, dot, suffix = name.partition(".")
        if suffix != "run" or not dot or run_id in skipped:
            continue
        if f"{run_id}.done" in names:
            continue
        try:
            yield open_claim(runs, run_id)
        except (StoreError, FileNotFoundError):
            continue


def prune(runs: Path) -> None:
    """Remove what runs that have ended leave behind.

    Files that a backend keeps under a job's name go at once, run files when
    nobody is likely to open the run any more.
    """
    names = fs.list_names(runs)
    ended = {name[:-5] for name in names if name.endswith(".done")}
    if not ended:
        return
    now = fs.server_now(runs)
    old = {
        run_id
        for run_id in ended
        if now - fs.modified_at(runs / f"{run_id}.done") > KEEP_SECONDS
    }
    for name in names:
        run_id = name.partition(".")[0]
        job_of = name.split("_")[1] if name.startswith("gt_") else None
        if run_id in old or job_of in ended:
            fs.remove(runs / name)


def _jobs(runs: Path, plan: RunPlan, names: set[str]) -> Iterator[JobRef]:
    """Read the ``.job`` files of a run; a damaged one counts as not written."""
    for number in range(1, len(plan.jobs) + 1):
        name = f"{plan.run_id}.{number}.job"
        if name in names:
            try:
                yield JobRef(**json.loads(fs.read_file(runs / name)))
            except (ValueError, TypeError, FileNotFoundError):
                continue


@contextmanager
def submit_lock(root: Path) -> Iterator[None]:
    """Hold the lock that keeps two drivers from submitting the same calls.

    It saves duplicate work, it does not guard the data: a driver that stalls
    inside it for more than `LOCK_SECONDS` loses it, and the same calls may
    then run twice, with the same results.
    """
    path = root / "submit.lock"
    content = json.dumps({**asdict(this_process()), "id": secrets.token_hex(8)})
    _acquire(path, content.encode())
    ended = threading.Event()
    refresher = threading.Thread(target=_refresh, args=(path, ended), daemon=True)
    refresher.start()
    try:
        yield
    finally:
        ended.set()
        refresher.join()
        if _content(path) == content.encode():
            fs.remove(path)


def _acquire(path: Path, content: bytes) -> None:
    """Create the lock file, breaking one that nobody refreshes any more."""
    delay = 0.01
    while True:
        try:
            fs.write_new(path, content)
            return
        except FileExistsError:
            _break_if_stale(path)
        time.sleep(delay)
        delay = min(1.0, delay * 1.5)


def _break_if_stale(path: Path) -> None:
    """Move a stale lock aside; of several breakers one rename succeeds."""
    try:
        seen = _content(path)
        if fs.server_now(path.parent) - fs.modified_at(path) < LOCK_SECONDS:
            return
        if _content(path) == seen:
            aside = path.with_name(f"submit.lock.{secrets.token_hex(8)}")
            fs.move(path, aside)
            fs.remove(aside)
    except FileNotFoundError:
        return


def _refresh(path: Path, ended: threading.Event) -> None:
    """Keep the lock's time stamp fresh until `ended`."""
    while not ended.wait(LOCK_REFRESH_SECONDS):
        fs.touch(path)


def _content(path: Path) -> bytes | None:
    try:
        return fs.read_file(path)
    except FileNotFoundError:
        return None


def _boot_id() -> str:
    """Return the id of the machine's current boot (proc(5), random/boot_id)."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _process_start(pid: int) -> str | None:
    """Return a process's start time in clock ticks (proc(5), stat field 22)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]
