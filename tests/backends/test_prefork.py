"""Array tasks as forks: like new processes, but for the time they take to start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from gridtask.backends import launch, prefork
from gridtask.backends.base import JobRequest
from gridtask.backends.local import LocalBackend

MODULE = """
    import atexit, os, random, signal, sys, threading

    def preload():
        print("preloaded", os.getpid(), flush=True)
        return main

    def main(args):
        task = os.environ["GRIDTASK_TASK_ID"]
        print("task", task, args, sys.argv[1:], os.getcwd(), flush=True)
        print("random", random.random())
        print("files", sorted(os.listdir("/proc/self/fd"))[:3], flush=True)
        print("sigint", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
        print("masked", signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        print("group", os.getpgid(0) == os.getpid())
        if args[0] == "threads":
            threading.Timer(0.2, print, ["timer has ended"]).start()
        atexit.register(print, "at exit")
        if args[0] == "raise":
            raise ValueError("no")
        if args[0] == "exit":
            sys.exit(5)
        return 3
"""


class Bench:
    """A backend with a module of its own as command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backend = LocalBackend(folder, max_processes=2)

    def run(self, *args: str, module: str = "forked_module", n_tasks: int = 1):
        """Run ``python -P -m MODULE ARGS`` and return the accounting of its tasks."""
        name = f"gt{len(os.listdir(self.folder))}"
        argv = (sys.executable, "-P", "-m", module, *args)
        request = JobRequest(name, argv, n_tasks, str(self.folder), "log{task}")
        job_id = self.backend.submit(request)
        deadline = time.monotonic() + 30
        while job_id in self.backend.poll():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.005)
        return self.backend.account({job_id: range(1, n_tasks + 1)})

    def log(self, task: int = 1) -> str:
        return (self.folder / f"log{task}").read_text()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A folder with a module that runs in forks."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/forked_module.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    (tmp_path / "jobs").mkdir()
    return Bench(tmp_path / "jobs")


def test_fork_is_like_a_new_process(bench: Bench):
    """Arguments, folder, streams, signals, process group, random numbers, end."""
    first, second = bench.run("given", n_tasks=2)
    assert (first.exit_status, second.exit_status) == (3, 3)
    lines = bench.log(2).splitlines()
    assert f"task 2 ['given'] ['given'] {bench.folder}" in lines
    assert "files ['0', '1', '2']" in lines
    assert "sigint True" in lines
    assert "masked set()" in lines
    assert "group True" in lines
    assert lines[-1] == "at exit"
    assert not any(line.startswith("preloaded") for line in lines)
    numbers = {line for task in (1, 2) for line in bench.log(task).splitlines()}
    assert sum(line.startswith("random") for line in numbers) == 2


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        ("raise", 1, "ValueError: no"),
        ("exit", 5, "at exit"),
        ("threads", 3, "timer has ended"),
    ],
)
def test_fork_ends_as_an_interpreter_does(bench: Bench, how, status, said):
    """Exceptions are shown, `sys.exit` is heeded, threads are waited for."""
    (record,) = bench.run(how)
    assert record.exit_status == status
    assert said in bench.log()


def test_module_that_cannot_be_imported_says_so_in_its_log(bench: Bench):
    """It is started as a process, which fails as it would anywhere."""
    (record,) = bench.run(module="no_such_module")
    assert record.exit_status == 1
    assert "no_such_module" in bench.log()


def test_supervisor_that_waits_takes_the_job(bench: Bench):
    """The module has been imported before the job came."""
    launch.prepare("forked_module")
    early = launch._EARLY[0]
    launch.prepare("forked_module")
    (still,) = launch._EARLY
    assert still is early
    (record,) = bench.run("given")
    assert record.exit_status == 3
    assert not launch._EARLY


@pytest.mark.parametrize("change", ["environment", "module"])
def test_supervisor_that_would_be_another_now_is_not_taken(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, change: str
):
    """What has changed since it was started counts."""
    launch.prepare("another" if change == "module" else "forked_module")
    if change == "environment":
        monkeypatch.setenv("FLAVOUR", "plum")
    (record,) = bench.run("given")
    assert record.exit_status == 3
    assert not launch._EARLY


def test_supervisor_that_has_ended_is_replaced(bench: Bench):
    """One that waited too long costs nothing but time."""
    launch.prepare("forked_module")
    pid = launch._EARLY[0]._pid
    (session,) = find_supervisors(pid)
    os.kill(session, signal.SIGKILL)
    (record,) = bench.run("given")
    assert record.exit_status == 3


def find_supervisors(pid: int) -> list[int]:
    """Return the supervisor that the process `pid` has forked."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = Path(f"/proc/{name}/cmdline").read_bytes()
        except OSError:
            continue
        if command.endswith(b"\0forked_module\0") and int(name) != pid:
            found.append(int(name))
    return found


def test_supervisor_ends_with_a_driver_that_submits_nothing():
    """Nothing is left behind."""
    code = "from gridtask.backends import launch; launch.prepare('json')"
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
    # Its streams were open in the supervisor as well: they are closed.
    assert done.stdout + done.stderr == ""


def test_only_modules_of_this_interpreter_are_forked():
    """Any other command is started."""
    python = sys.executable
    assert prefork.module_of([python, "-P", "-m", "json", "x"]) == "json"
    assert prefork.module_of(["/usr/bin/python", "-P", "-m", "json"]) == ""
    assert prefork.module_of([python, "-c", "pass"]) == ""
    assert prefork.module_of([python]) == ""
    assert prefork.load_command("json") is None
