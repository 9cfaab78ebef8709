"""Memory and time of local jobs: what is beyond ends with its cause."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gridtask.backends import allowance, base, supervisor
from gridtask.backends.base import JobRequest
from gridtask.backends.local import LocalBackend


@pytest.fixture
def account(tmp_path: Path):
    """Return a function that runs a shell script and returns its accounting."""
    backend = LocalBackend(tmp_path, max_processes=2)

    def run(script: str, **limits: float):
        argv = ("/bin/sh", "-c", script)
        request = JobRequest("gt1", argv, 1, str(tmp_path), "log", **limits)
        job_id = backend.submit(request)
        deadline = time.monotonic() + 20
        while job_id in backend.poll():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.005)
        (record,) = backend.account({job_id: (1,)})
        return record

    return run


@pytest.fixture
def run_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs a script of the user's and returns what it says."""
    monkeypatch.setenv("GRIDTASK_BACKEND", "local")
    monkeypatch.setenv("GRIDTASK_CACHE", str(tmp_path / "cache"))

    def run(source: str) -> str:
        begin = "import ctypes, os, sys, time\nfrom gridtask import grid_task\n"
        (tmp_path / "program.py").write_text(begin + textwrap.dedent(source))
        argv = [sys.executable, "program.py"]
        done = subprocess.run(
            argv, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run


def test_memory_limits_the_address_space(account: Callable, tmp_path: Path):
    """Each process of an array task gets no more than it was allowed."""
    account("sleep 0.2; ulimit -v > seen", memory=200 << 20)
    assert (tmp_path / "seen").read_text() == f"{200 << 10}\n"


def test_time_over_ends_a_task_with_all_its_processes(account: Callable):
    """Accounting says so as Grid Engine's does."""
    record = account("sleep 100 & sleep 100", seconds=0.2)
    assert record.failed == 37
    assert record.wall_seconds < 10


def test_who_does_not_hear_the_warning_is_killed(
    account: Callable, monkeypatch: pytest.MonkeyPatch
):
    """A process that ignores SIGXCPU has a moment more, and no longer."""
    record = account("trap '' XCPU; sleep 100; sleep 100", seconds=0.2)
    assert (record.failed, record.exit_status) == (37, 137)
    assert record.wall_seconds >= allowance.GRACE


def test_who_ends_in_time_has_not_failed(account: Callable):
    """A limit that was not reached changes nothing."""
    record = account("exit 3", seconds=100, memory=1 << 30)
    assert (record.failed, record.exit_status) == (0, 3)


def test_system_that_ran_out_of_memory_is_named(monkeypatch: pytest.MonkeyPatch):
    """A kill while the system has killed for want of memory was such a kill."""
    n_kills = iter([3, 4, 4, 4])
    monkeypatch.setattr(allowance, "_n_oom_kills", lambda: next(n_kills))
    watched = allowance.Allowance(0, 0.0)
    watched.begin(1)
    assert watched.end(1, 9) == "machine"
    watched.begin(1)
    assert watched.end(1, 9) == ""
    assert supervisor.OUT_OF_MEMORY == base.SYSTEM_KILLED


def test_too_much_memory_is_an_out_of_memory(run_program: Callable):
    """The error names the limit, and what was asked for."""
    said = run_program("""
        @grid_task(memory="300M")
        def f(size):
            return len(bytearray(size << 20))

        found = f.map([1, 600], return_exceptions=True)
        print(found[0], type(found[1]).__name__, found[1])
        from gridtask import cache

        (failed,) = cache().calls(failed=True)
        print("recorded as", failed.error)
    """)
    assert f"{1 << 20} OutOfMemory" in said
    assert "ran out of memory=300M" in said
    assert "recorded as OutOfMemory: it ran out of memory=300M: MemoryError" in said


def test_escalation_gives_more_memory(run_program: Callable):
    """What died for want of memory is tried again with more, as on the cluster."""
    said = run_program("""
        @grid_task(memory="300M", escalate={"memory": 4})
        def f(size):
            return len(bytearray(size << 20))

        print(f.map([600]))
    """)
    assert f"[{600 << 20}]" in said
    assert "memory=1200M instead of 300M" in said


def test_raw_cluster_parameters_limit_nothing_here(run_program: Callable):
    """On this machine only structured resources count."""
    said = run_program("""
        @grid_task(cluster_params="-l h_vmem=300M -l h_rt=1")
        def f(size):
            time.sleep(1.1)
            return len(bytearray(size << 20))

        print(f.map([600]))
    """)
    assert f"[{600 << 20}]" in said


def test_time_over_is_a_time_limit_of_the_call_that_used_it(run_program: Callable):
    """The others of its array task are computed all the same."""
    said = run_program("""
        @grid_task(time="1s", chunk=3)
        def f(seconds):
            time.sleep(seconds)
            return seconds

        found = f.map([0.0, 30.0, 0.01], return_exceptions=True)
        print(found[0], type(found[1]).__name__, found[2], found[1])
    """)
    assert "0.0 TimeLimit 0.01 " in said
    assert "of time=00:00:01" in said


def test_threads_are_as_many_as_slots_unless_the_user_says_otherwise(
    run_program: Callable, monkeypatch: pytest.MonkeyPatch
):
    """Processes on all cores with threads on all cores would be far too many."""
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    said = run_program("""
        @grid_task(slots=2)
        def f(n):
            return [os.environ[f"{name}_NUM_THREADS"] for name in ("OMP", "MKL")]

        print(f.map([0]))
    """)
    assert "[['2', '7']]" in said


def test_consumer_waits_for_a_producer_that_is_tried_again(run_program: Callable):
    """Here the producer's supervisor is killed together with it."""
    said = run_program("""
        @grid_task(chunk=1)
        def produce(n):
            if n == 1 and not os.path.exists("tried"):
                os.mkdir("tried")
                os.kill(os.getppid(), 9)
                time.sleep(60)
            return n * 10

        @grid_task(chunk=1)
        def consume(value):
            return value + 1

        print(consume.submit_map(produce.submit_map([1, 2])).results(timeout=60))
    """)
    assert "[11, 21]" in said


def test_segfault_shows_where_it_was(run_program: Callable):
    """The end of the log leads to the user's line, past the worker's own."""
    said = run_program("""
        @grid_task
        def f(address):
            print("about to crash")
            return ctypes.string_at(address)

        (error,) = f.map([0], return_exceptions=True)
        print(type(error).__name__, error)
    """)
    assert "Killed" in said
    assert "SIGSEGV" in said
    assert "program.py" in said
    assert "in f" in said
    assert "computation.py" not in said
