"""Two drivers want the same calls at the same moment: each is executed once."""

from __future__ import annotations

import pytest

N_CALLS = 8
WHOLE = f"{[n * n for n in range(N_CALLS)]}\n"

SIGNALS = """
    from pathlib import Path
    from gridtask.backends.gridengine import GridEngineBackend
    from gridtask.backends.local import LocalBackend

    def wait_for(condition):
        while not condition():
            time.sleep(0.01)

    def replace(name, new):
        for backend in (GridEngineBackend, LocalBackend):
            old = getattr(backend, name)
            setattr(backend, name, lambda *args, old=old: new(old, *args))
"""
MAP = f"""
    from program import square

    if __name__ == "__main__":
        print(square.options(chunk=2).map(range({N_CALLS})))
"""
SUBMITS_LATE = """
    def submit(old, *args):
        Path("published").touch()
        wait_for(Path("asked").exists)
        return old(*args)

    replace("submit", submit)
"""
HEARS_LATE = """
    def poll(old, *args):
        states = old(*args)
        Path("asked").touch()
        wait_for(lambda: list(Path(".gridtask/runs").glob("*.job")))
        return states

    wait_for(Path("published").exists)
    replace("poll", poll)
"""


@pytest.fixture
def drivers(project, backend):
    """A folder with the task that both drivers import."""
    project.write("program.py", "")
    return project


def test_an_answer_that_is_older_than_a_job_does_not_end_its_claim(drivers):
    """One plans while the other's job is submitted, between question and answer."""
    drivers.write("first.py", SIGNALS + SUBMITS_LATE + MAP)
    drivers.write("second.py", SIGNALS + HEARS_LATE + MAP)
    both = [drivers.start(name) for name in ("first.py", "second.py")]
    for process in both:
        done = drivers.finish(process)
        assert done.stdout == WHOLE, done.stderr
    assert drivers.executions() == dict.fromkeys(range(N_CALLS), 1)
