"""What a backend is: something that runs an argv N times as an array job.

A backend knows nothing of calls, keys or Python values. It starts the worker
command once per array task, tells each its number, and reports states and
accounting. Another scheduler is one more file beside `gridengine.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol

SYSTEM_KILLED = 101
"""`Accounting.failed` of a process that the system has killed for want of memory;
accounting(5) of Grid Engine has no such number."""


class TaskState(StrEnum):
    """What the scheduler says of an array task that it still knows.

    A task that the scheduler no longer lists has no state: it has ended, or
    it was deleted.
    """

    QUEUED = "queued"
    HELD = "held"
    RUNNING = "running"
    SUSPENDED = "suspended"
    ERROR = "error"
    """In an error state: it will not run until somebody intervenes."""
    DELETING = "deleting"
    UNKNOWN = "unknown"
    """Letters that this backend does not know: alive, nothing more."""


class Hold(NamedTuple):
    """An order between jobs: start only when `job_id` is gone.

    With `elementwise`, array task i waits for array task i of `job_id` only.
    A hold says nothing of success.
    """

    job_id: str
    elementwise: bool = False


class JobRequest(NamedTuple):
    """One array job to submit.

    Attributes
    ----------
    name : str
        The job's name: ASCII letters, digits, ``_`` and ``.``, no leading
        digit, at most 60 characters, unique to this submission.
    argv : tuple of str
        The worker's command with an absolute interpreter. The array task's
        number arrives in ``SGE_TASK_ID`` or ``GRIDTASK_TASK_ID``.
    first_task, n_tasks : int
        The array tasks are ``first_task .. first_task + n_tasks - 1``.
    folder : str
        Absolute path of an existing folder in which the tasks start and into
        which their logs go.
    log : str
        Name of a task's log in `folder`, with ``{task}`` for its number;
        stdout and stderr are appended to it.
    cluster_params : tuple of str
        Native options of the scheduler, already split and merged.
    max_running : int or None
        At most so many array tasks at a time.
    slots : int
        Processor slots of one array task.
    holds : tuple of Hold
        Jobs that must be gone first.
    memory, seconds : int, float or None
        Bytes and wall time that one array task may use, where `cluster_params`
        do not say so to the scheduler.
    """

    name: str
    argv: tuple[str, ...]
    n_tasks: int
    folder: str
    log: str
    first_task: int = 1
    cluster_params: tuple[str, ...] = ()
    max_running: int | None = None
    slots: int = 1
    holds: tuple[Hold, ...] = ()
    memory: int | None = None
    seconds: float | None = None


class TaskGroup(NamedTuple):
    """Array tasks of one job that share a state.

    Attributes
    ----------
    tasks : tuple of range
        Numbers of the array tasks, as ranges in ascending order.
    host : str or None
        Where they run, if known.
    """

    state: TaskState
    tasks: tuple[range, ...]
    host: str | None = None


class JobState(NamedTuple):
    """A job that the scheduler still knows, and its array tasks that remain."""

    job_id: str
    name: str
    groups: tuple[TaskGroup, ...]

    def state_of(self, task: int) -> TaskState | None:
        """Return the state of array task `task`, None if it is gone."""
        for group in self.groups:
            if any(task in numbers for numbers in group.tasks):
                return group.state
        return None


class Accounting(NamedTuple):
    """What the scheduler recorded of one ended attempt of an array task.

    Attributes
    ----------
    failed : int
        The scheduler's own failure code, 0 for none (Grid Engine: the field
        ``failed`` of accounting(5)).
    failed_text : str
        Its text, e.g. ``"qmaster enforced h_rt, h_cpu, or h_vmem limit"``.
    exit_status : int or None
        Exit status; 128 + n where the process was ended by signal n.
    submitted_at, started_at, ended_at : float or None
        POSIX time stamps in seconds.
    wall_seconds, cpu_seconds : float or None
    max_vmem, max_rss : int or None
        Peak address space and resident memory in bytes.
    deleted_by : str or None
        Who deleted the job, where the scheduler tells.
    rescheduled : bool
        True if this attempt was requeued and another one follows.
    """

    job_id: str
    task: int
    failed: int = 0
    failed_text: str = ""
    exit_status: int | None = None
    host: str | None = None
    submitted_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    max_vmem: int | None = None
    max_rss: int | None = None
    deleted_by: str | None = None
    rescheduled: bool = False


class Limits(NamedTuple):
    """What a site allows and offers.

    Attributes
    ----------
    max_array_tasks : int
        Array tasks of one job.
    slots : int or None
        Slots that the user's queues show, None if unknown.
    accounting_seconds : float or None
        Within which the record of an array task that has run can be read after
        its end; None if that is not known, or nothing is recorded.
    """

    max_array_tasks: int
    slots: int | None = None
    accounting_seconds: float | None = None


class Backend(Protocol):
    """The interface that the driver uses; one contract suite tests them all."""

    name: str
    """``"gridengine"``, ``"local"`` or ``"serial"``."""

    def submit(self, request: JobRequest) -> str:
        """Submit an array job and return its job id.

        Raises
        ------
        SubmitError
            If the scheduler refused it or cannot be reached.
        """
        ...

    def command(self, request: JobRequest) -> list[str]:
        """Return the command that `submit` would run, to be shown."""
        ...

    def poll(self) -> Mapping[str, JobState]:
        """Return the user's jobs that have not ended, by job id.

        Raises
        ------
        SchedulerUnavailable
            If there was no usable answer. Never taken for "no jobs".
        """
        ...

    def account(self, tasks: Mapping[str, Collection[int]]) -> list[Accounting]:
        """Return what is recorded of ended array tasks, ``{job_id: numbers}``.

        Records may come late or never: see `Limits.accounting_seconds`. Several
        attempts of one array task are in the order in which they ended.

        Raises
        ------
        SchedulerUnavailable
            If there was no answer; then nothing is known.
        """
        ...

    def heard(self, tasks: Mapping[str, Collection[int]]) -> set[tuple[str, int]]:
        """Return those array tasks of whose end there is word without asking.

        It costs the scheduler nothing and may be called often; where nothing is
        heard, `poll` tells.
        """
        ...

    def error_reason(self, job_id: str, task: int) -> str | None:
        """Return why an array task is in `TaskState.ERROR`, if known."""
        ...

    def why_waiting(self, job_id: str) -> str | None:
        """Return why a waiting job can never start, None if it can or is unknown.

        It may cost the scheduler as much as looking for a place for the job does.
        """
        ...

    def cancel(self, job_id: str, tasks: Collection[int] | None = None) -> None:
        """Delete a job, or some of its array tasks; one that is gone is fine."""
        ...

    def postpone(self, job_id: str, seconds: float) -> bool:
        """Let no array task of a job start for some seconds; then all goes on.

        Returns
        -------
        is_postponed : bool
            False where that cannot be done: then nothing has changed.
        """
        ...

    def forget(self, job_id: str) -> None:
        """Drop what is kept of an ended job: nobody will ask any more."""
        ...

    def limits(self) -> Limits:
        """Return the site's limits."""
        ...
