"""What schedulers and their users do to running jobs; drivers that are long gone."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

pytestmark = pytest.mark.usefixtures("on_cell", "site")

N_CALLS = 6
MAP = f"""
    if __name__ == "__main__":
        print(square.options(chunk=3).map(range({N_CALLS})))
"""
WHOLE = f"{[n * n for n in range(N_CALLS)]}\n"


@pytest.fixture
def site(project):
    """A file system whose files are seen within a second."""
    text = "[tool.gridtask.site]\nfs_latency = 1\n"
    project.write("pyproject.toml", text, task="")


@pytest.fixture
def mapping(project, monkeypatch):
    """A map of which two array tasks run, three seconds a call; and its job."""
    monkeypatch.setenv("GRIDTASK_CALL_SECONDS", "3")
    project.write("program.py", MAP)
    process = project.start("program.py")
    project.wait_until(lambda: len(project.executions()) >= 2, "both run")
    rows = [row for row in sge("qstat").splitlines() if "gt_" in row]
    newest = max(int(row.split()[0]) for row in rows)  # another test's may be ending
    return process, str(newest)


def sge(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_a_suspended_job_is_alive(project, mapping):
    """It is waited for, however long it does nothing, and goes on."""
    process, job = mapping
    sge("qmod", "-sj", job)
    project.wait_until(lambda: " s " in sge("qstat"), "it is suspended")
    begun = time.monotonic()
    project.wait_until(lambda: time.monotonic() - begun > 6, "some polls pass")
    assert process.poll() is None
    sge("qmod", "-usj", job)
    assert project.finish(process).stdout == WHOLE
    assert project.executions() == dict.fromkeys(range(N_CALLS), 1)


def test_a_requeued_job_computes_only_the_rest(project, mapping):
    """Preemption: the same array task starts again, and keeps what it had."""
    process, job = mapping
    project.wait_until(lambda: len(project.executions()) >= 4, "two calls have ended")
    sge("qmod", "-rj", f"{job}.1")
    assert project.finish(process).stdout == WHOLE
    executions = project.executions()
    assert executions[0] == 1
    assert all(executions[n] == 1 for n in (3, 4, 5))
    assert sum(executions.values()) <= N_CALLS + 1


MEMORY = """
    @grid_task(chunk=1, escalate={"memory": 4})
    def need(megabytes):
        mark(megabytes)
        return len(bytearray(megabytes << 20)) >> 20

    if __name__ == "__main__":
        print(need.options(memory="600M").map([10, 900]))
"""


def test_what_ran_out_of_memory_is_tried_again_with_more(project):
    """That call alone; both amounts are said."""
    project.write("program.py", MEMORY)
    done = project.run("program.py")
    assert done.stdout == "[10, 900]\n"
    assert project.executions() == {10: 1, 900: 2}
    assert "memory=2400M instead of 600M" in done.stderr


CHAIN = """
    from pathlib import Path

    @grid_task(chunk=1, retries=0)
    def load(n):
        mark(n)
        time.sleep(1)
        if n == 1 and not Path("mended").exists():
            raise OSError("no such subject")
        return n

    @grid_task(chunk=1)
    def fit(data):
        mark(100 + data)
        return data * 10

    @grid_task
    def total(parts):
        mark(1000)
        return sum(parts)

    if __name__ == "__main__":
        fitted = fit.submit_map(load.submit_map(range(3)))
        total.submit_map([{"parts": fitted}], run="total")
        fitted[0].job_id and print(fitted[0].job_id.partition(".")[0])
"""
FETCH = """
    import gridtask
    (found,) = gridtask.open_run("total").results(timeout=90, return_exceptions=True)
    print(found)
"""


@pytest.fixture
def fetch(project):
    """A program that only fetches the result of the chain."""
    project.write("chain.py", CHAIN)
    project.write("fetch.py", FETCH, task="")
    return lambda: project.run("fetch.py").stdout


def test_a_chain_needs_no_driver(project, fetch):
    """It is submitted at once, element by element; its driver ends before it begins."""
    (project.folder / "mended").touch()
    job = project.run("chain.py").stdout.strip()
    told = sge("qstat", "-j", job)
    assert "ja_ad_predecessor_list" in told
    assert fetch() == "30\n"
    assert set(project.executions().values()) == {1}


def test_a_failure_upstream_is_told_downstream_without_a_driver(project, fetch):
    """By the name of the call that failed first; a rerun computes what hangs on it."""
    project.run("chain.py")
    assert "load(n=1)" in (said := fetch())
    assert "no such subject" in said
    assert sorted(project.executions()) == [0, 1, 2, 100, 102]
    (project.folder / "mended").touch()
    project.run("chain.py")
    assert fetch() == "30\n"
    wanted = {0: 1, 1: 2, 2: 1, 100: 1, 101: 1, 102: 1, 1000: 1}
    assert project.executions() == wanted


def test_a_job_that_was_deleted_does_not_come_back(project, monkeypatch):
    """Although no poll has seen it: the accounting tells of killed processes only."""
    monkeypatch.setenv("GRIDTASK_CALL_SECONDS", "600")
    project.write("program.py", MAP.replace(f"range({N_CALLS})", "range(30)"))
    process = project.start("program.py")
    project.wait_until(lambda: len(project.executions()) >= 4, "all slots are taken")
    (job,) = {row.split()[0] for row in sge("qstat").splitlines() if "gt_" in row}
    process.send_signal(signal.SIGSTOP)
    sge("qdel", job)
    project.wait_until(lambda: job not in sge("qstat"), "it is gone")
    process.send_signal(signal.SIGCONT)
    done = project.finish(process)
    assert "12 x Deleted: by qdel" in done.stderr, done.stderr
    assert "18 x Deleted" in done.stderr
    assert "submitted again" not in done.stderr
    assert sum(project.executions().values()) == len(project.executions())
