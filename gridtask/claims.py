"""Which calls are in flight, so that a rerun adopts them instead of repeating.

A published run file claims the calls that it submits. The claim is alive while
the scheduler knows the array task, or while the process that published it may
still be submitting. Beside a run file ``<run>.run`` lie

``<run>.<n>.job``
    written after qsub number n: its job id. Should the driver die in between,
    the job is found by its name.
``<run>.done``
    written when every call of the run is final: the claim has ended.

A run file that cannot be read claims nothing: at worst its calls are computed
twice, with the same results.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gridtask import fs
from gridtask.backends.base import JobState, TaskState
from gridtask.backends.jobfile import machine, start_time
from gridtask.errors import GridTaskError
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
    """A process, recognisable later although process ids are used again.

    Attributes
    ----------
    process_start : int or None
        When it started, in clock ticks since boot.
    machine : str
        The running kernel and its process ids' namespace.
    """

    user: str
    host: str
    pid: int
    process_start: int | None
    machine: str

    def has_ended(self) -> bool | None:
        """Tell whether it has ended; None if that cannot be seen from here."""
        here = machine()
        if self.machine == here:
            return start_time(self.pid) != self.process_start
        is_old_boot = self.machine[:8] != here[:8]
        return True if is_old_boot and self.host == socket.gethostname() else None


def this_process() -> Process:
    """Return the process that runs this."""
    pid = os.getpid()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = str(os.geteuid())
    return Process(user, socket.gethostname(), pid, start_time(pid), machine())


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

    def find_jobs(self, states: Mapping[str, JobState]) -> bool:
        """Take up the jobs that have become known since.

        Others may have written them down; the scheduler knows by name those
        that nobody has. Returns whether some may still be submitted.
        """
        unknown = self._unknown()
        if not unknown:
            return False
        self.jobs += _written_jobs(self.runs, self.plan, unknown)
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
            fs.write_new(self._path(f".{number}.job"), json.dumps(asdict(job)).encode())
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
        if has_ended is not None:
            return not has_ended
        try:
            published_at = fs.modified_at(self._path(".run"))
        except FileNotFoundError:
            return False
        return fs.server_now(self.runs) - published_at < SUBMIT_SECONDS

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

    def withdraw(self) -> None:
        """Remove the run file of a run of which no job was submitted."""
        fs.remove(self._path(".run"))
        self._remove_job_files()

    def remove(self) -> None:
        """Remove all that is kept of the run, but not its results."""
        self._remove_job_files()
        fs.remove(self._path(".done"))
        fs.remove(self._path(".run"))

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
    numbers = range(1, len(plan.jobs) + 1)
    return Claim(runs, plan, list(_written_jobs(runs, plan, numbers)))


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


@contextmanager
def submit_lock(root: Path) -> Iterator[Callable[[], bool]]:
    """Hold the lock that keeps two drivers from submitting the same calls.

    It saves duplicate work, it does not guard the data: a driver that stalls
    inside it for more than `LOCK_SECONDS` loses it, and the same calls may
    then run twice, with the same results.

    Yields
    ------
    is_held : callable
        Tells whether the lock still is this process's; to be asked right
        before what it guards is published.
    """
    path = root / "submit.lock"
    lock = {"id": secrets.token_hex(8), **asdict(this_process())}
    content = json.dumps(lock).encode()
    _acquire(path, content)

    def is_held() -> bool:
        return _content(path) == content

    ended = threading.Event()
    refresher = threading.Thread(
        target=_refresh, args=(path, is_held, ended), daemon=True
    )
    refresher.start()
    try:
        yield is_held
    finally:
        ended.set()
        refresher.join()
        with suppress(OSError):  # it goes stale by itself
            if is_held():
                fs.remove(path)


def _acquire(path: Path, content: bytes) -> None:
    """Create the lock file, breaking one that nobody refreshes any more."""
    delay = 0.01
    while True:
        try:
            fs.write_new(path, content, durable=False)
            return
        except FileExistsError:
            _break_if_stale(path)
        time.sleep(delay)
        delay = min(1.0, delay * 1.5)


def _break_if_stale(path: Path) -> None:
    """Move a stale lock aside; of several breakers one rename succeeds.

    Between the last look and the rename the lock may have become somebody
    else's, who finds out by ``is_held``.
    """
    try:
        seen = _content(path)
        age = fs.server_now(path.parent) - fs.modified_at(path)
        if age < LOCK_SECONDS and not _has_holder_ended(seen):
            return
        if _content(path) == seen:
            aside = path.with_name(f"submit.lock.{secrets.token_hex(8)}")
            fs.move(path, aside)
            fs.remove(aside)
    except FileNotFoundError:
        return


def _has_holder_ended(content: bytes | None) -> bool:
    """Tell whether the process that a lock names is known to have ended."""
    try:
        fields = json.loads(content or b"")
        del fields["id"]
        return Process(**fields).has_ended() is True
    except (ValueError, TypeError, KeyError):
        return False  # still being written, or damaged: it goes by its age


def _refresh(path: Path, is_held: Callable[[], bool], ended: threading.Event) -> None:
    """Keep the lock's time stamp fresh until `ended`, or until it is lost."""
    with suppress(OSError):
        while not ended.wait(LOCK_REFRESH_SECONDS) and is_held():
            fs.touch(path)


def _content(path: Path) -> bytes | None:
    try:
        return fs.read_file(path)
    except FileNotFoundError:
        return None
