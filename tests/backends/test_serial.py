"""The serial backend: array tasks in this process."""

from __future__ import annotations

import pytest

from gridtask.backends.base import JobRequest
from gridtask.backends.serial import SerialBackend


def request_for(n_tasks: int, first_task: int = 1) -> JobRequest:
    return JobRequest(
        name="gt-1",
        argv=("/nowhere/python",),
        n_tasks=n_tasks,
        folder="/",
        log="gt-1.t{task}.log",
        first_task=first_task,
    )


def test_submit_runs_every_array_task_in_order_before_it_returns():
    """Array tasks run one after another, with their own numbers."""
    ran = []
    backend = SerialBackend(lambda request, task: ran.append((request.name, task)))
    backend.submit(request_for(3, first_task=5))
    assert ran == [("gt-1", 5), ("gt-1", 6), ("gt-1", 7)]


def test_nothing_is_left_to_poll():
    """A job that was submitted has ended, and cancelling it is fine."""
    backend = SerialBackend(lambda request, task: None)
    job_id = backend.submit(request_for(1))
    backend.cancel(job_id)
    assert backend.poll() == {}
    assert backend.account({job_id: [1]}) == []


def test_what_a_task_raises_reaches_the_caller():
    """Ctrl-C in a task stops the script, as it would without gridtask."""

    def interrupt(request: JobRequest, task: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SerialBackend(interrupt).submit(request_for(2))
