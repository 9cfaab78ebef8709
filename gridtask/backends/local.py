"""Jobs as processes of this machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from gridtask.backends.base import (
    Accounting,
    Hold,
    JobRequest,
    JobState,
    Limits,
    TaskGroup,
    TaskState,
)
from gridtask.backends.jobfile import SUFFIX, Holds, Job, join_line
from gridtask.backends.launch import launch
from gridtask.backends.prefork import module_of
from gridtask.errors import SchedulerUnavailable, SubmitError

MAX_ARRAY_TASKS = 100_000
"""Array tasks of one job: its supervisor keeps them in a list."""

SUPERVISOR_LOST = 19
"""`Accounting.failed` of an array task whose supervisor ended before it.

In accounting(5), "before writing exit_status": probably a crash.
"""


class LocalBackend:
    """Run array jobs as processes of this machine.

    Each job is held by a small process of its own (see
    `gridtask.backends.supervisor`) and outlives the one that submitted it. All
    knowledge is in one small file per job, ``<name>.local``, so that any
    process of this host can watch and cancel it; those of other hosts that see
    the folder can as well, half a minute later.

    A state file stays until `forget`: only who has read the accounting knows
    that nobody needs it any more.

    Parameters
    ----------
    folder : Path
        Existing folder for the state files.
    max_processes : int or None
        Slots of this machine for all jobs of the folder together; by default
        the cores that this process may use. An array task takes as many as
        its request says.
    """

    name = "local"

    def __init__(self, folder: Path, max_processes: int | None = None) -> None:
        self._folder = Path(folder).absolute()
        self._max_processes = max_processes
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def submit(self, request: JobRequest) -> str:
        """Start a supervisor for an array job and return the job id.

        Raises
        ------
        SubmitError
            If its process or its state file could not be made.
        """
        path = self._folder / (request.name + SUFFIX)
        try:
            with self._lock:
                lines = join_line("file", path), *self._header(request)
            job_id, error = launch(b"".join(lines), module_of(request.argv))
        except (OSError, SchedulerUnavailable) as problem:
            job_id, error = "", str(problem)
        if not job_id:
            msg = (
                f"the local job {request.name!r} could not be started: {error.strip()}"
                "\nIt needs a process and a file in the cache folder: see the limits"
                " of this account (ulimit -a; df) and run again"
            )
            raise SubmitError(msg, argv=(sys.executable,), stderr=error)
        return job_id

    def command(self, request: JobRequest) -> list[str]:
        """Return the command of each array task."""
        return list(request.argv)

    def poll(self) -> dict[str, JobState]:
        """Return the jobs of the folder that have not ended, by job id.

        Raises
        ------
        SchedulerUnavailable
            If the folder cannot be listed.
        """
        with self._lock:
            jobs = [job for job in self._scan() if not job.is_over()]
            return {
                job.job_id: JobState(job.job_id, job.name, tuple(_groups(job)))
                for job in jobs
            }

    def account(self, tasks: Mapping[str, Collection[int]]) -> list[Accounting]:
        """Return what the state files say of ended array tasks.

        Those that an ended supervisor left behind have `failed` 19 and no exit
        status; nothing is known of a job that was forgotten.
        """
        with self._lock:
            jobs = [job for job in self._scan() if job.job_id in tasks]
            return [
                record
                for job in jobs
                for record in _account(job, sorted(tasks[job.job_id]))
            ]

    def heard(self, tasks: Mapping[str, Collection[int]]) -> set[tuple[str, int]]:
        """Return nothing: a look at the jobs costs little."""
        return set()

    def error_reason(self, job_id: str, task: int) -> str | None:
        """Return None: no local array task waits in an error state."""
        return None

    def why_waiting(self, job_id: str) -> str | None:
        """Return None: a process starts as soon as another has ended."""
        return None

    def cancel(self, job_id: str, tasks: Collection[int] | None = None) -> None:
        """Kill a job, or some of its array tasks, with all their processes.

        Returns before they have ended. A job that is gone is fine.
        """
        with self._lock:
            job = self._find(job_id)
            if job is None or job.is_over():
                return
            lines = b"".join(
                join_line("cancel", _user(), numbers.start, numbers.stop - 1)
                for numbers in _ranges(job.tasks if tasks is None else sorted(tasks))
            )
            try:
                with open(job.path, "ab", buffering=0) as file:
                    file.write(b"\n" + lines)  # the last line may be torn
            except OSError:  # a full disk must not keep a job alive
                if tasks is not None:
                    raise
                job.send(signal.SIGTERM)
            else:
                job.send(signal.SIGUSR1)

    def limits(self) -> Limits:
        """Return the largest array and the cores that this process may use."""
        return Limits(MAX_ARRAY_TASKS, self._n_slots())

    def postpone(self, job_id: str, seconds: float) -> bool:
        """Return False: array tasks start one right after the other here."""
        return False

    def forget(self, job_id: str) -> None:
        """Remove what is kept of a job that has ended; others stay."""
        with self._lock:
            job = self._find(job_id)
            if job is not None and job.is_over():
                Path(job.path).unlink(missing_ok=True)

    def _n_slots(self) -> int:
        return self._max_processes or len(os.sched_getaffinity(0))

    def _header(self, request: JobRequest) -> Iterator[bytes]:
        n_slots = self._n_slots()
        limit = max(n_slots // request.slots, 1)
        if request.max_running is not None:
            limit = min(limit, request.max_running)
        yield join_line("gridtask-local", 1)
        yield join_line("name", request.name)
        yield join_line("tasks", request.first_task, request.n_tasks)
        yield join_line("limit", limit)
        yield join_line("slots", request.slots, n_slots)
        yield join_line("allow", request.memory or 0, request.seconds or 0.0)
        yield join_line("folder", request.folder)
        yield join_line("log", request.log)
        yield join_line("argv", *request.argv)
        yield join_line("submitted", time.time())
        for hold in request.holds:
            yield from self._hold_line(hold)

    def _hold_line(self, hold: Hold) -> Iterator[bytes]:
        job = self._find(hold.job_id)
        if job is not None:
            yield join_line("hold", job.path, int(hold.elementwise))

    def _find(self, job_id: str) -> Job | None:
        return next((job for job in self._scan() if job.job_id == job_id), None)

    def _scan(self) -> Iterable[Job]:
        """Return the jobs whose files are in the folder."""
        try:
            names = os.listdir(self._folder)
        except OSError as error:
            msg = (
                f"the state of local jobs is unknown: {str(self._folder)!r} cannot be"
                f" listed ({error.strerror}); make it readable again, or if it was"
                " removed press Ctrl-C and run the script again"
            )
            raise SchedulerUnavailable(msg) from error
        names = [name for name in names if name.endswith(SUFFIX)]
        jobs = {}
        for name in names:
            job = self._jobs.get(name) or Job(str(self._folder / name))
            if not job.pid:
                job.refresh()
            jobs[name] = job
        self._jobs = jobs
        # Without a pid its supervisor is about to write the file's first lines.
        return [job for job in jobs.values() if job.pid]


def _groups(job: Job) -> Iterator[TaskGroup]:
    holds = Holds(job.holds)
    holds.refresh()
    remaining: dict[TaskState, list[int]] = {}
    for task in job.tasks:
        if task not in job.ended:
            remaining.setdefault(_state(job, holds, task), []).append(task)
    for state, numbers in remaining.items():
        host = job.host if state is TaskState.RUNNING else None
        yield TaskGroup(state, tuple(_ranges(numbers)), host)


def _state(job: Job, holds: Holds, task: int) -> TaskState:
    if task in job.cancelled:
        return TaskState.DELETING
    if task in job.started:
        return TaskState.RUNNING
    return TaskState.HELD if holds.block(task) else TaskState.QUEUED


def _ranges(numbers: Iterable[int]) -> Iterator[range]:
    """Merge ascending numbers into ranges."""
    first = last = None
    for number in numbers:
        if first is None or last is None:
            first = number
        elif number != last + 1:
            yield range(first, last + 1)
            first = number
        last = number
    if first is not None and last is not None:
        yield range(first, last + 1)


def _account(job: Job, tasks: list[int]) -> Iterator[Accounting]:
    is_over = job.is_over()
    for task in tasks:
        started_at, ended = job.started.get(task), job.ended.get(task)
        if ended is not None:
            yield Accounting(
                job.job_id,
                task,
                failed=ended.failed,
                failed_text=ended.text,
                exit_status=ended.exit_status,
                host=job.host,
                submitted_at=job.submitted_at,
                started_at=started_at,
                ended_at=ended.at,
                wall_seconds=None if started_at is None else ended.at - started_at,
                cpu_seconds=ended.cpu_seconds,
                max_rss=ended.max_rss,
                deleted_by=ended.deleted_by,
            )
        elif is_over and task in job.tasks:
            yield Accounting(
                job.job_id,
                task,
                failed=SUPERVISOR_LOST,
                failed_text=f"the supervisor of the job (process {job.pid} on"
                f" {job.host}) is gone: {job.fault or 'it was killed'}",
                host=job.host,
                submitted_at=job.submitted_at,
                started_at=started_at,
                deleted_by=job.cancelled.get(task),
            )


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
