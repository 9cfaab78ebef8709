"""Jobs in this process, one array task after another: prints and pdb work."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from gridtask.backends.base import Accounting, JobRequest, JobState, Limits

MAX_ARRAY_TASKS = 100_000
"""Array tasks of one job, as on the local backend."""


class SerialBackend:
    """Run each array task in this process before `submit` returns.

    Parameters
    ----------
    run_task : callable
        Called with the request and the array task's number, in place of a
        process that runs the request's command. What it raises ends the job
        and reaches the caller of `submit`.
    """

    name = "serial"

    def __init__(self, run_task: Callable[[JobRequest, int], None]) -> None:
        self._run_task = run_task

    def submit(self, request: JobRequest) -> str:
        """Run all array tasks and return the job id, which is the job's name."""
        for task in range(request.first_task, request.first_task + request.n_tasks):
            self._run_task(request, task)
        return request.name

    def command(self, request: JobRequest) -> list[str]:
        """Return the command of each array task."""
        return list(request.argv)

    def poll(self) -> dict[str, JobState]:
        """Return no jobs: those submitted have ended."""
        return {}

    def account(self, tasks: Mapping[str, Collection[int]]) -> list[Accounting]:
        """Return no records: this process's own would say nothing of a task."""
        return []

    def heard(self, tasks: Mapping[str, Collection[int]]) -> set[tuple[str, int]]:
        """Return nothing: nothing is under way."""
        return set()

    def error_reason(self, job_id: str, task: int) -> str | None:
        """Return None: no array task waits in an error state."""
        return None

    def why_waiting(self, job_id: str) -> str | None:
        """Return None: nothing waits."""
        return None

    def cancel(self, job_id: str, tasks: Collection[int] | None = None) -> None:
        """Do nothing: the job is gone."""

    def postpone(self, job_id: str, seconds: float) -> bool:
        """Return False: nothing waits."""
        return False

    def forget(self, job_id: str) -> None:
        """Do nothing: nothing is kept."""

    def limits(self) -> Limits:
        """Return the largest array, and the one slot that this process is."""
        return Limits(MAX_ARRAY_TASKS, slots=1)
