"""What a site allows: runs are split, wait for their turn, and end all the same."""

from __future__ import annotations

import re
import subprocess
import time

import pytest

SPLIT = """
    if __name__ == "__main__":
        print(square.options(chunk=1).map(range(7)))
"""


@pytest.fixture
def allow(cell, on_cell, tmp_path, monkeypatch):
    """Return a function that changes limits of a cell of the test's own."""
    own = type(cell)(tmp_path / "cell")
    for name, value in own.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", own.path)

    def change(**limits):
        text = sge("qconf", "-sconf")
        for name, value in limits.items():
            text, n = re.subn(rf"(?m)^{name} .*$", f"{name} {value}", text)
            assert n == 1, name
        (tmp_path / "global").write_text(text)
        sge("qconf", "-Mconf", str(tmp_path / "global"))

    yield change
    own.control("down")


def sge(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_a_run_larger_than_the_limits_of_arrays_and_jobs(project, allow):
    """Jobs of three array tasks, one job at a time: it is told, and all is computed."""
    allow(max_aj_tasks=3, max_u_jobs=1)
    project.write("program.py", SPLIT)
    done = project.run("program.py")
    assert done.stdout == f"{[n * n for n in range(7)]}\n"
    assert "only 1 jobs are allowed per user" in done.stderr
    assert "waiting (1 of 3 jobs are submitted)" in done.stderr
    assert project.executions() == dict.fromkeys(range(7), 1)


def test_few_array_tasks_at_a_time(project, allow):
    """max_aj_instances: the others wait in the queue."""
    allow(max_aj_instances=2)
    project.write("program.py", SPLIT)
    assert project.run("program.py").stdout == f"{[n * n for n in range(7)]}\n"
    assert project.executions() == dict.fromkeys(range(7), 1)


def test_a_driver_killed_while_it_waits_for_room(project, allow):
    """What was submitted is adopted, the rest is submitted by the rerun."""
    allow(max_aj_tasks=3, max_u_jobs=1)
    blocker = sge("qsub", "-terse", "-h", "-b", "y", "sleep", "1").strip()
    project.write("program.py", SPLIT)
    with open(project.folder / "said", "w+") as said:
        process = project.start("program.py", stderr=said)
        text = (project.folder / "said").read_text
        project.wait_until(lambda: "(0 of 3 jobs" in text(), "it waits")
        process.kill()
        process.wait()
    sge("qdel", blocker)
    assert project.run("program.py").stdout == f"{[n * n for n in range(7)]}\n"
    assert project.executions() == dict.fromkeys(range(7), 1)


RETRY = """
    from pathlib import Path

    @grid_task(chunk=1, escalate={"time": 20})
    def slow_at_first(n):
        mark(n)
        if not Path(f"seen{n}").exists():
            Path(f"seen{n}").touch()
            time.sleep(60)
        return n

    if __name__ == "__main__":
        (found,) = slow_at_first.options(time="2s").map([1], return_exceptions=True)
        print(found, getattr(found, "__notes__", ""))
"""


@pytest.mark.faults
def test_what_is_tried_again_waits_for_room_too(project, allow):
    """Another job of the user's takes the place of the one that has ended."""
    allow(max_u_jobs=2)
    site = "[tool.gridtask.site]\nfs_latency = 1\n"
    project.write("pyproject.toml", site, task="")
    project.write("program.py", RETRY)
    process = project.start("program.py")
    project.wait_until(project.executions, "it runs")
    others: list[str] = []

    def take_place():
        argv = ["qsub", "-terse", "-h", "-b", "y", "sleep", "1"]
        done = subprocess.run(argv, capture_output=True, text=True)
        others.extend(done.stdout.split())
        return len(others) == 2

    project.wait_until(take_place, "the place of its job is taken")
    begun = time.monotonic()
    project.wait_until(lambda: time.monotonic() - begun > 15, "its death is found")
    assert process.poll() is None, project.finish(process).stdout
    sge("qdel", *others)
    done = project.finish(process)
    assert done.stdout == "1 \n", done.stderr
    assert project.executions() == {1: 2}
