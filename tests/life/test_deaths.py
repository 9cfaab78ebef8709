"""Real deaths on a real Grid Engine: each has a named cause, call by call."""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest

CHUNK = """
    import ctypes

    @grid_task(chunk=5)
    def dies_at_two(n):
        mark(n)
        if n == 2:
            ctypes.string_at(0)
        return n

    if __name__ == "__main__":
        import gridtask
        found = dies_at_two.map(range(5), return_exceptions=True)
        print([type(value).__name__ for value in found])
        print(found[2])
"""


def test_segfault_takes_one_call_and_not_its_chunk(project, backend):
    """Those before it have their results, those behind it are submitted again."""
    project.write("pyproject.toml", "[tool.gridtask.site]\nfs_latency = 1\n", task="")
    project.write("program.py", CHUNK)
    said = project.run("program.py").stdout
    assert said.startswith("['int', 'int', 'Killed', 'int', 'int']\n")
    assert "SIGSEGV" in said
    assert project.executions() == dict.fromkeys(range(5), 1)


DEATHS = """
    import json, subprocess, threading
    from pathlib import Path
    import gridtask
    from gridtask.backends.base import TaskState
    from gridtask.backends.gridengine import GridEngineBackend

    @grid_task(chunk=1, retries=0)
    def end(how):
        if how == "processes":
            eat = "x = bytearray(600 << 20); import time; time.sleep(60)"
            running = [subprocess.Popen([sys.executable, "-c", eat]) for _ in range(3)]
            return [process.wait() for process in running]
        if how == "scratch":
            with open("scratch/file", "wb") as file:
                file.write(bytes(4 << 20))
        if how == "cache":
            return os.urandom(4 << 20)
        Path(how).touch()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            pass

    def submit(how, *params, **options):
        return end.options(cluster_params=params, **options).submit_map([how])

    def sge(*argv):
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def wait_for(condition):
        while not condition():
            time.sleep(0.05)

    runs = {
        "processes": submit("processes", "-l h_vmem=1500M"),
        "soft limit": submit("soft", "-l s_rt=2"),
        "hard limit": submit("hard", "-l h_rt=2"),
        "scratch": submit("scratch"),
        "cache": submit("cache", cache_dir="full"),
        "folder": submit("folder", "-h", cache_dir="moved"),
        "deleted": submit("deleted"),
        "deleted while it waited": submit("", "-h"),
    }
    sys.executable = "/nonexistent/python"
    runs["no interpreter"] = submit("no interpreter")
    jobs = {how: run[0].job_id.partition(".")[0] for how, run in runs.items()}
    backend = GridEngineBackend()
    os.rename("moved/runs", "moved/elsewhere")
    sge("qrls", jobs["folder"])
    wait_for(lambda: "Eqw" in sge("qstat"))
    os.rename("moved/elsewhere", "moved/runs")
    wait_for(Path("deleted").exists)
    sge("qdel", runs["deleted"][0].job_id)
    sge("qdel", runs["deleted while it waited"][0].job_id)
    ends, known = {}, {}

    def watch(how, run):
        (error,) = run.results(return_exceptions=True, progress=False)
        ends[how] = [type(error).__name__, str(error), time.monotonic()]

    watchers = [threading.Thread(target=watch, args=item) for item in runs.items()]
    for watcher in watchers:
        watcher.start()
    while len(known) < len(runs):
        states = backend.poll()
        for how, job in jobs.items():
            state = states.get(job) and states[job].state_of(1)
            if state in (None, TaskState.ERROR):
                known.setdefault(how, time.monotonic())
        time.sleep(0.2)
    for watcher in watchers:
        watcher.join()
    print(json.dumps({how: [*ends[how], known[how]] for how in runs}))
"""


@pytest.fixture
def small_disks(project):
    """Two file systems of the project's folder that are nearly full."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount small file systems")
    for name in ("scratch", "full"):
        (project.folder / name).mkdir(mode=0o700)
        options = ["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs"]
        subprocess.run(["mount", *options, project.folder / name], check=True)
    yield
    project.stop()
    for name in ("scratch", "full"):
        subprocess.run(["umount", "-l", project.folder / name], check=True)


@pytest.mark.faults
@pytest.mark.usefixtures("on_cell", "small_disks")
def test_each_death_has_its_cause(project):
    """Within 30 s of the moment at which the scheduler knows of the end."""
    project.write("pyproject.toml", "[tool.gridtask.site]\nfs_latency = 1\n", task="")
    project.write("program.py", DEATHS)
    ends = json.loads(project.run("program.py").stdout)
    wanted = {
        "processes": ("OutOfMemory", "was killed after"),
        "soft limit": ("TimeLimit", "SIGUSR1"),
        "hard limit": ("TimeLimit", "was killed after"),
        "scratch": ("OSError", "No space left"),
        "cache": ("WorkerFailedToStart", "cache folder"),
        "folder": ("JobErrorState", "chdir"),
        "deleted": ("Killed Deleted", "qdel"),
        "deleted while it waited": ("Deleted", "while it waited"),
        "no interpreter": ("JobErrorState WorkerFailedToStart", "/nonexistent/python"),
    }
    print(json.dumps(ends, indent=1))
    for how, (kinds, text) in wanted.items():
        kind, said, told_at, known_at = ends[how]
        assert kind in kinds.split(), (how, ends[how])
        assert text in said, (how, ends[how])
        assert told_at - known_at < 30, (how, ends[how])


MAP = """
    if __name__ == "__main__":
        print(square.options(chunk=2).map(range(12)))
"""


@pytest.fixture
def mapping(project, on_cell, monkeypatch):
    """A map of twelve calls on the cell, of which the first ones run."""
    monkeypatch.setenv("GRIDTASK_CALL_SECONDS", "1")
    project.write("program.py", MAP)
    with open(project.folder / "said", "w") as said:
        process = project.start("program.py", stderr=said)
    project.wait_until(project.executions, "the first call runs")
    return process


def whole_and_once(project, process):
    done = project.finish(process)
    assert done.stdout == f"{[n * n for n in range(12)]}\n"
    assert project.executions() == dict.fromkeys(range(12), 1)


@pytest.mark.faults
def test_execd_is_killed_and_restarted_in_the_middle_of_a_map(project, cell, mapping):
    """Its jobs go on without it; the map ends as if nothing had been."""
    cell.control("kill", "execd")
    begun = time.monotonic()
    project.wait_until(lambda: time.monotonic() - begun > 5, "five seconds pass")
    cell.control("up")
    whole_and_once(project, mapping)


@pytest.mark.faults
def test_qmaster_is_stopped_for_a_minute_in_the_middle_of_a_map(project, cell, mapping):
    """The driver says that it does not know, waits, and submits nothing again."""
    cell.control("pause", "qmaster")
    begun = time.monotonic()
    try:
        project.wait_until(lambda: time.monotonic() - begun > 60, "a minute passes")
        said = (project.folder / "said").read_text()
    finally:
        cell.control("resume", "qmaster")
    assert "waiting, nothing is submitted again" in said
    whole_and_once(project, mapping)
    assert "the scheduler answers again" in (project.folder / "said").read_text()
