"""kill -9 of the driver at any instant, then a rerun: none lost, none twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

STEPS = str(Path(__file__).with_name("steps.py"))
N_CALLS = 8
WHOLE = [n * n for n in range(N_CALLS)]

PROGRAM = f"""
    if __name__ == "__main__":
        print(square.options(chunk=2).map(range({N_CALLS})))
"""


def come_back(project):
    """Rerun to the end; each call has its result and was executed once."""
    done = project.run("program.py")
    assert done.stdout == f"{WHOLE}\n"
    assert project.executions() == dict.fromkeys(range(N_CALLS), 1), done.stderr


def kill_at_random(project, rng, n_kills, longest):
    """Start drivers and kill each after a random time; return how many lived."""
    n_ended = 0
    for _ in range(n_kills):
        process = project.start("program.py", start_new_session=True)
        try:
            process.wait(rng.uniform(0.05, longest))
            n_ended += 1
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return n_ended


def seconds_of_a_run(new_project):
    """Return how long an undisturbed run takes here and now."""
    project = new_project()
    project.write("program.py", PROGRAM)
    begun = time.monotonic()
    come_back(project)
    return time.monotonic() - begun


def trials(new_project, n_trials, n_kills, seed):
    """Make so many trials; return how many drivers were killed."""
    rng = random.Random(seed)
    longest = seconds_of_a_run(new_project)
    n_killed = 0
    for _ in range(n_trials):
        project = new_project()
        project.write("program.py", PROGRAM)
        n_killed += n_kills - kill_at_random(project, rng, n_kills, longest)
        come_back(project)
    return n_killed


@pytest.mark.usefixtures("on_local")
def test_drivers_killed_at_random_instants(new_project):
    """Five times two drivers die; the third one brings all results."""
    assert trials(new_project, n_trials=5, n_kills=2, seed=1) > 0


@pytest.mark.usefixtures("on_cell")
def test_drivers_killed_at_random_instants_on_the_cell(new_project):
    """The same, on a real Grid Engine."""
    assert trials(new_project, n_trials=2, n_kills=2, seed=2) > 0


@pytest.mark.faults
@pytest.mark.usefixtures("on_local")
def test_200_drivers_killed_at_random_instants(new_project):
    """A hundred trials of two drivers each."""
    assert trials(new_project, n_trials=100, n_kills=2, seed=time.time()) > 100


@pytest.mark.faults
@pytest.mark.usefixtures("on_cell")
def test_200_drivers_killed_at_random_instants_on_the_cell(new_project):
    """A hundred trials of two drivers each, on a real Grid Engine."""
    assert trials(new_project, n_trials=100, n_kills=2, seed=time.time()) > 100


def die_at(project, step):
    """Run a driver that dies at a step; tell whether it got there."""
    process = project.start(STEPS, str(step), "program.py")
    return project.finish(process).returncode == -signal.SIGKILL


@pytest.mark.usefixtures("on_local")
def test_driver_dies_around_publishing_and_submitting(new_project):
    """At the steps in the middle of a run."""
    for step in (20, 38, 62):
        project = new_project()
        project.write("program.py", PROGRAM)
        die_at(project, step)
        come_back(project)


@pytest.mark.faults
@pytest.mark.usefixtures("on_local")
def test_driver_dies_at_every_single_step(new_project):
    """Before and after each change on disk and each submission."""
    every_step(new_project)


@pytest.mark.faults
@pytest.mark.usefixtures("on_cell")
def test_driver_dies_at_every_single_step_on_the_cell(new_project):
    """The same, on a real Grid Engine."""
    every_step(new_project)


def every_step(new_project):
    step, has_died = 0, True
    while has_died:
        step += 1
        project = new_project()
        project.write("program.py", PROGRAM)
        has_died = die_at(project, step)
        come_back(project)
    assert step > 20
