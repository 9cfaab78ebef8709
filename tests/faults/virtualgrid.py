"""A scheduler in memory: its commands take time, and now and then do not answer.

Each command first travels to the scheduler, then its answer comes back; in between
everybody else goes on. `qsub` and `qdel` are processes of their own, which outlive
the driver that has started them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping

from timeline import Process, Timeline

from gridtask.backends.base import (
    Accounting,
    JobRequest,
    JobState,
    Limits,
    TaskGroup,
    TaskState,
)
from gridtask.errors import SchedulerUnavailable, SubmitError

LATENCIES = (0.01, 0.01, 0.1, 0.1, 1.0, 4.0)
"""What a command takes on its way to the scheduler, and back."""

QUERY_SECONDS = 20.0
COMMAND_SECONDS = 60.0
"""After so long a command is given up, as by the real backend."""

KILLED, LOST = 100, 24
"""What accounting says of a killed array task, and of one whose node is lost."""


class ArrayTask:
    """An array task that the scheduler still knows."""

    def __init__(self) -> None:
        self.state = TaskState.QUEUED
        self.worker: Process | None = None


class Job:
    """An array job."""

    def __init__(self, job_id: str, request: JobRequest) -> None:
        self.job_id = job_id
        self.request = request
        self.not_before = 0.0
        numbers = range(request.first_task, request.first_task + request.n_tasks)
        self.tasks = {number: ArrayTask() for number in numbers}

    def listed(self) -> JobState:
        """Return what is said of it."""
        groups = (
            TaskGroup(task.state, (range(number, number + 1),))
            for number, task in self.tasks.items()
        )
        return JobState(self.job_id, self.request.name, tuple(groups))


class VirtualGrid:
    """The cell.

    Parameters
    ----------
    compute : callable
        Does what the worker of an array task does; returns its exit status.

    Attributes
    ----------
    has_refused : bool
        Whether a job could not be submitted.
    n_lost : int
        How many array tasks were lost with their nodes.
    on_kill : callable
        Is told of a worker's process before it is killed.
    """

    def __init__(
        self,
        draw: random.Random,
        timeline: Timeline,
        compute: Callable[[JobRequest, str, int], int],
    ) -> None:
        self._draw, self._timeline, self._compute = draw, timeline, compute
        self._jobs: dict[str, Job] = {}
        self._records: list[tuple[float, Accounting]] = []
        self._n_jobs = 0
        self._n_slots = draw.choice((1, 2, 4))
        self._cycle_seconds = draw.choice((0.3, 1.0, 5.0))
        self._max_jobs = draw.choice((2, 3, 1000, 1000))
        self._deletes_late = draw.random() < 0.3
        self._accounting_seconds = draw.choice((1.0, 15.0))
        self._silences: list[tuple[float, float]] = []
        self.has_refused = False
        self.n_lost = 0
        self.on_kill: Callable[[Process], None] = lambda worker: None
        self.limits = Limits(
            draw.choice((2, 1000, 1000)),
            draw.choice((None, self._n_slots)),
            draw.choice((None, 15.0)),
        )

    # -- what goes on by itself

    def schedule(self, is_needed: Callable[[], bool]) -> None:
        """Be the scheduler: start what waits, as long as anybody needs it."""
        while is_needed() or self._jobs:
            self._timeline.sleep(self._cycle_seconds)
            for job in list(self._jobs.values()):
                for number, task in job.tasks.items():
                    is_due = job.not_before <= self._timeline.now
                    if task.state is TaskState.QUEUED and is_due and self._n_free() > 0:
                        self._start(job, number)

    def fall_silent(self, seconds: float) -> None:
        """Give no answer to anybody for so long."""
        now = self._timeline.now
        self._silences.append((now, now + seconds))

    def lose_node(self) -> None:
        """Kill an array task that runs; the scheduler finds out later."""
        running = [
            (job, number)
            for job in self._jobs.values()
            for number, task in job.tasks.items()
            if task.state is TaskState.RUNNING and task.worker.is_alive
        ]
        if not running:
            return
        job, number = self._draw.choice(running)
        self.n_lost += 1
        self._kill(job.tasks[number])
        self._timeline.sleep(self._draw.choice((1.0, 30.0)))
        if job.tasks.get(number) is None:
            return  # deleted meanwhile
        if self._draw.random() < 0.3:  # it is started again, behind everybody's back
            self._record(job, number, failed=25, rescheduled=True)
            job.tasks[number].state = TaskState.QUEUED
        else:
            self._end(job, number, LOST, None)

    @property
    def is_silent(self) -> bool:
        """Whether nobody gets an answer now."""
        now = self._timeline.now
        return any(begin <= now < end for begin, end in self._silences)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits or runs."""
        return not self._jobs

    def _n_free(self) -> int:
        tasks = (task for job in self._jobs.values() for task in job.tasks.values())
        return self._n_slots - sum(t.state is not TaskState.QUEUED for t in tasks)

    def _start(self, job: Job, number: int) -> None:
        task = job.tasks[number]

        def work() -> None:
            status = self._compute(job.request, job.job_id, number)
            self._timeline.sleep(self._draw.choice((0.0, 0.5)))
            self._end(job, number, 0, status)

        task.state = TaskState.RUNNING
        name = f"array task {job.job_id}.{number}"
        task.worker = self._timeline.start(name, work, host="node")

    def _end(self, job: Job, number: int, failed: int, status: int | None) -> None:
        """Take an array task off the list, and write down how it ended."""
        self._record(job, number, failed=failed, exit_status=status)
        self._drop(job, number)

    def _record(self, job: Job, number: int, **fields) -> None:
        visible_at = self._timeline.now + self._accounting_seconds
        record = Accounting(job.job_id, number, host="node", **fields)
        self._records.append((visible_at, record))

    def _drop(self, job: Job, number: int) -> None:
        job.tasks.pop(number, None)
        if not job.tasks:
            self._jobs.pop(job.job_id, None)

    def _kill(self, task: ArrayTask) -> None:
        self.on_kill(task.worker)
        self._timeline.kill(task.worker)

    # -- what the commands do

    def accept(self, request: JobRequest) -> str | None:
        """Take up a job, if the user may have one more."""
        if len(self._jobs) >= self._max_jobs:
            return None
        self._n_jobs += 1
        job = Job(str(self._n_jobs), request)
        self._jobs[job.job_id] = job
        return job.job_id

    def listing(self) -> dict[str, JobState]:
        """Return what qstat prints."""
        return {job_id: job.listed() for job_id, job in self._jobs.items()}

    def records(self, tasks: Mapping[str, Collection[int]]) -> list[Accounting]:
        """Return the part of the accounting that can be read by now."""
        return [
            record
            for visible_at, record in self._records
            if visible_at <= self._timeline.now
            and record.task in tasks.get(record.job_id, ())
        ]

    def delete(self, job_id: str, numbers: Collection[int] | None) -> None:
        """Delete array tasks: those that wait at once, others with their processes."""
        if self._deletes_late:
            self._timeline.sleep(self._draw.choice((0.5, 3.0, 12.0)))
        job = self._jobs.get(job_id)
        killed = []
        for number in list(job.tasks) if job else ():
            task = job.tasks[number]
            if numbers is not None and number not in numbers:
                continue
            if task.state is TaskState.QUEUED:
                self._drop(job, number)
            elif task.worker.is_alive:
                task.state = TaskState.DELETING
                self._kill(task)
                killed.append(number)
        self._timeline.sleep(1.0)
        for number in killed:
            self._end(job, number, KILLED, 137)

    def postpone(self, job_id: str, seconds: float) -> bool:
        """Start nothing of a job for some seconds."""
        if job_id in self._jobs:
            self._jobs[job_id].not_before = self._timeline.now + seconds
        return job_id in self._jobs


class Client:
    """The commands as one driver uses them: its backend."""

    name = "gridengine"

    def __init__(
        self, draw: random.Random, timeline: Timeline, grid: VirtualGrid
    ) -> None:
        self._draw, self._timeline, self._grid = draw, timeline, grid

    def submit(self, request: JobRequest) -> str:
        """Run qsub, and give it up if there is no answer."""
        assert not request.holds
        accepted: list[str | None] = []
        command = self._command("qsub", lambda: self._grid.accept(request), accepted)
        end = self._timeline.now + COMMAND_SECONDS
        while not accepted:
            if self._timeline.now > end:
                self._timeline.kill(command)
                self._grid.has_refused = True
                msg = "qsub gave no answer"
                raise SubmitError(msg, argv=["qsub"], transient=True)
            self._timeline.sleep(0.1)
        self._travel()
        if accepted[0] is None:
            msg = "only so many jobs are allowed per user"
            raise SubmitError(msg, argv=["qsub"], transient=True, is_limit=True)
        return accepted[0]

    def command(self, request: JobRequest) -> list[str]:
        return ["qsub", request.name]

    def poll(self) -> dict[str, JobState]:
        self._ask(QUERY_SECONDS)
        states = self._grid.listing()
        self._travel()
        return states

    def account(self, tasks: Mapping[str, Collection[int]]) -> list[Accounting]:
        self._timeline.step()
        return self._grid.records(tasks)

    def heard(self, tasks: Mapping[str, Collection[int]]) -> set[tuple[str, int]]:
        return {(record.job_id, record.task) for record in self.account(tasks)}

    def error_reason(self, job_id: str, task: int) -> str | None:
        return None

    def cancel(self, job_id: str, tasks: Collection[int] | None = None) -> None:
        done: list[None] = []
        self._ask(COMMAND_SECONDS)
        chosen = None if tasks is None else set(tasks)
        self._command("qdel", lambda: self._grid.delete(job_id, chosen), done)
        self._travel()

    def postpone(self, job_id: str, seconds: float) -> bool:
        try:
            self._ask(QUERY_SECONDS)
        except SchedulerUnavailable:
            return False
        is_postponed = self._grid.postpone(job_id, seconds)
        self._travel()
        return is_postponed

    def forget(self, job_id: str) -> None:
        self._timeline.step()

    def limits(self) -> Limits:
        return self._grid.limits

    def _command(self, name: str, work: Callable[[], object], done: list) -> Process:
        """Start a command that goes on without its driver."""

        def run() -> None:
            self._travel()
            while self._grid.is_silent:
                self._timeline.sleep(0.2)
            done.append(work())

        return self._timeline.start(name, run)

    def _ask(self, seconds: float) -> None:
        """Reach the scheduler."""
        self._travel()
        end = self._timeline.now + seconds
        while self._grid.is_silent:
            if self._timeline.now > end:
                msg = "qstat gave no answer"
                raise SchedulerUnavailable(msg)
            self._timeline.sleep(0.5)

    def _travel(self) -> None:
        self._timeline.sleep(self._draw.choice(LATENCIES))
