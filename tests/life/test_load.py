"""What a large run costs driver and scheduler, on a simulated Grid Engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
import simgrid

DRIVER = """
    import json, resource, sys, time
    from gridtask import fs, grid_task

    N_LOOKS = {"list_names": 0, "size": 0}

    def counting(name):
        function = getattr(fs, name)
        def count(*args, **kwargs):
            N_LOOKS[name] += 1
            return function(*args, **kwargs)
        setattr(fs, name, count)

    for name in N_LOOKS:
        counting(name)

    @grid_task
    def square(n):
        return n * n

    if __name__ == "__main__":
        n_calls = int(sys.argv[1])
        begun = time.monotonic()
        found = square.map(range(n_calls), return_exceptions=True)
        used = resource.getrusage(resource.RUSAGE_SELF)
        told = {"is_whole": found == [n * n for n in range(n_calls)], **N_LOOKS}
        told["kinds"] = sorted({type(value).__name__ for value in found})
        told["wall_seconds"] = time.monotonic() - begun
        told["cpu_seconds"] = used.ru_utime + used.ru_stime
        told["peak_mb"] = used.ru_maxrss >> 10
        print(json.dumps(told))
"""


@pytest.fixture
def simulated(tmp_path, no_settings, monkeypatch):
    """Return a function that starts a simulated cell, and its folder."""
    root = tmp_path / "cell"
    root.mkdir()
    simgrid.lay_out(root)
    for name, value in simgrid.environment(root).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GRIDTASK_BACKEND", "gridengine")
    started = []

    def start(slots, seconds):
        options = ["--slots", str(slots), "--seconds", str(seconds)]
        argv = [sys.executable, simgrid.__file__, "serve", str(root), *options]
        started.append(subprocess.Popen(argv))
        return root

    yield start
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def drive(project, n_calls):
    """Run the driver and return what it tells."""
    project.write("program.py", DRIVER, task="")
    return json.loads(project.run("program.py", str(n_calls)).stdout)


def n_commands(root):
    """Return how often each command was run, qstat -g for itself."""
    return Counter(
        argv[0] + (" -g" if "-g" in argv else "") for argv in simgrid.commands(root)
    )


def test_polling_budget(simulated, project):
    """One qsub an array job, a qstat every other second, no look at single calls."""
    root = simulated(slots=100, seconds=0.3)
    told = drive(project, n_calls=4000)
    assert told["is_whole"]
    used = n_commands(root)
    assert used["qsub"] <= 2  # what waits may be cut anew
    assert used["qstat"] <= 6 + told["wall_seconds"] / 2
    assert used["qacct"] == 0
    assert told["list_names"] <= 30 + 10 * told["wall_seconds"]
    assert told["size"] < 20


def test_a_busy_scheduler_that_deletes_late_loses_nothing(simulated, project):
    """What is cut anew is submitted again when it is gone, however long that takes."""
    root = simulated(slots=100, seconds=0.3)
    (root / "busy").touch()
    told = drive(project, n_calls=4000)
    assert told["is_whole"]
    assert n_commands(root)["qsub"] == 2


@pytest.mark.faults
def test_array_tasks_that_vanish_cost_no_more_than_others(simulated, project):
    """A qdel of everything: one look at the folder, a few at each log, none a call."""
    root = simulated(slots=50, seconds=600)
    site = "[tool.gridtask.site]\nfs_latency = 0\n"
    project.write("pyproject.toml", site, task="")
    project.write(
        "program.py",
        DRIVER.replace("@grid_task", "@grid_task(chunk=40, retries=0)"),
        task="",
    )
    (root / "idle").touch()
    process = project.start("program.py", "4000")
    qstat = root / "qstat.xml"
    project.wait_until(lambda: "<state>r" in qstat.read_text(), "tasks run")
    subprocess.run(["qdel", "1"], check=True)
    done = project.finish(process)
    told = json.loads(done.stdout)
    assert told["kinds"] in (["Deleted"], ["Deleted", "NodeLost"]), done.stderr
    assert told["size"] < 20 + 5 * 4000 / 40  # a few for each array task


@pytest.mark.faults
def test_100_000_calls_on_1_000_slots(simulated, project, capsys):
    """Bookkeeping of a large run: seconds of CPU, memory, commands."""
    root = simulated(slots=1000, seconds=2)
    told = drive(project, n_calls=100_000)
    with capsys.disabled():
        print("\n", told, dict(n_commands(root)))
    assert told["is_whole"]
    assert told["cpu_seconds"] < 30
    assert told["peak_mb"] < 400
    assert n_commands(root)["qsub"] <= 2
    assert n_commands(root)["qstat"] <= 8 + told["wall_seconds"] / 2
    n_files = sum(len(names) for _, _, names in os.walk(project.folder / ".gridtask"))
    assert n_files < 4100


@pytest.mark.faults
def test_a_qsub_that_outlives_its_killed_driver_is_waited_for(simulated, project):
    """It hangs with the scheduler, which is silent longer than anybody doubts."""
    root = simulated(slots=4, seconds=0.2)
    project.write("program.py", DRIVER, task="")
    (root / "hang").touch()
    first = project.start("program.py", "8", start_new_session=True)
    project.wait_until(lambda: n_commands(root)["qconf"], "it asks for the limits")
    (root / "hang").unlink()
    project.wait_until(lambda: n_commands(root)["qstat -g"], "it has them")
    (root / "hang").touch()
    project.wait_until(lambda: n_commands(root)["qsub"], "it submits")
    os.killpg(first.pid, signal.SIGKILL)
    begun = time.monotonic()
    second = project.start("program.py", "8")
    project.wait_until(lambda: time.monotonic() - begun > 25, "longer than a doubt")
    (root / "hang").unlink()
    done = project.finish(second)
    assert json.loads(done.stdout)["is_whole"], done.stderr
    assert n_commands(root)["qsub"] == 1
