"""A first run learns how long its calls take, and cuts what waits anew."""

from __future__ import annotations

import re
import signal

import pytest
from test_kill import STEPS

pytestmark = pytest.mark.usefixtures("on_cell")

N_CALLS = 200
PROGRAM = f"""
    if __name__ == "__main__":
        print(square.map(range({N_CALLS})) == [n * n for n in range({N_CALLS})])
"""


def whole_and_once(project, done):
    assert done.stdout == "True\n", done.stderr
    assert project.executions() == dict.fromkeys(range(N_CALLS), 1), done.stderr


@pytest.fixture(autouse=True)
def short_calls(project, monkeypatch):
    """Sixteen array tasks for the four slots, of a moment each."""
    monkeypatch.setenv("GRIDTASK_CALL_SECONDS", "0.01")
    project.write("program.py", PROGRAM)


def test_short_calls_are_put_together_and_run_once(project):
    """Fewer array tasks than were submitted first; no call runs twice."""
    done = project.run("program.py")
    whole_and_once(project, done)
    found = re.search(r"waiting calls go into (\d+) instead of (\d+)", done.stderr)
    assert found, done.stderr
    assert 2 * int(found[1]) <= int(found[2])


def test_a_second_driver_follows_what_was_cut_anew(project):
    """It has adopted array tasks that the first one deletes."""
    both = [project.start("program.py") for _ in range(2)]
    for process in both:
        whole_and_once(project, project.finish(process))


def test_a_run_that_others_may_wait_for_stays_as_it_is(project):
    """Its jobs are what consumers are held behind."""
    program = PROGRAM.replace("square.map(", "square.submit_map(").replace(
        ") == ", ").results() == "
    )
    project.write("program.py", program)
    done = project.run("program.py")
    whole_and_once(project, done)
    assert "waiting calls go into" not in done.stderr


@pytest.mark.faults
def test_driver_dies_at_every_step_of_cutting_anew(new_project):
    """Nothing is lost, nothing runs twice, wherever it is killed."""
    step, has_died = 30, True
    while has_died:
        step += 1
        project = new_project()
        project.write("program.py", PROGRAM)
        process = project.start(STEPS, str(step), "program.py")
        has_died = project.finish(process).returncode == -signal.SIGKILL
        whole_and_once(project, project.run("program.py"))
        print(step, end=" ", flush=True)
    assert step > 60


def test_what_is_held_back_goes_on_by_itself(project, monkeypatch):
    """A driver that is killed then leaves nothing behind that waits for ever."""
    project.write(
        "dies.py",
        PROGRAM,
        task="""
    import os, signal
    from gridtask.driver import adaptation
    from gridtask.backends.gridengine import GridEngineBackend

    adaptation.POSTPONED_SECONDS = 5.0
    GridEngineBackend.cancel = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
    from program import square
    """,
    )
    assert project.finish(project.start("dies.py")).returncode == -signal.SIGKILL
    assert 0 < len(project.executions()) < N_CALLS
    project.wait_until(
        lambda: len(project.executions()) == N_CALLS, "the array tasks go on"
    )
    whole_and_once(project, project.run("program.py"))


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ("GridEngineBackend.postpone = lambda *args: False", "{'int'}"),
        ("GridEngineBackend.cancel = fail", "{'int'}"),
        ("Resubmitter._publish = fail", "{'Deleted', 'int'}"),
    ],
)
def test_what_goes_wrong_then_loses_nothing(project, change, kinds):
    """Either all stays as it is, or the calls fail with the reason; a rerun heals."""
    task = f"""
    from gridtask.driver import adaptation
    from gridtask.backends.gridengine import GridEngineBackend
    from gridtask.driver.retry import Resubmitter
    from program import square

    adaptation.POSTPONED_SECONDS = 2.0

    def fail(*args):
        raise OSError("no space left")

    {change}
    """
    ends = f"""
    if __name__ == "__main__":
        found = square.map(range({N_CALLS}), return_exceptions=True)
        print({{type(value).__name__ for value in found}}, found[-1])
    """
    project.write("hurt.py", ends, task=task)
    project.write("pyproject.toml", "[tool.gridtask.site]\nfs_latency = 1\n", task="")
    done = project.run("hurt.py")
    assert sorted(kinds) == sorted(done.stdout.partition("}")[0] + "}"), done.stdout
    assert kinds == "{'int'}" or "no space left" in done.stdout
    whole_and_once(project, project.run("program.py"))
