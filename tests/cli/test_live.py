"""The command beside maps that run: jobs are processes of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from gridtask.cli import main
from gridtask.store.store import Store

PATIENCE_SECONDS = 60.0

SCRIPT = """
import os, sys, time
from gridtask import grid_task

@grid_task(backend="local", chunk=2, max_running=2)
def slow(n, fail=False):
    print("begin", n, flush=True)
    while not os.path.exists("go"):
        time.sleep(0.02)
    print("end", n, flush=True)
    if fail and os.path.exists("fail"):
        raise ValueError(n)
    return n

@grid_task(backend="local", chunk=1)
def quick(n):
    return n * n
"""


class Project:
    """A user's folder with tasks, and the command run on its cache."""

    def __init__(self, folder, capsys, backend="local"):
        self.folder = folder
        self.cache = folder / ".gridtask"
        self._capsys = capsys
        (folder / "tasks.py").write_text(SCRIPT.replace("local", backend))

    def python(self, code):
        """Run a line of the user's, and return what it prints."""
        code = f"from tasks import *\nif __name__ == '__main__':\n    {code}"
        (self.folder / "main.py").write_text(code)
        argv = [sys.executable, "main.py"]
        done = subprocess.run(
            argv, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def submit(self, n_calls=3, **common):
        """Submit calls of the task `slow`; return the run's id."""
        calls = [{"n": n, **common} for n in range(n_calls)]
        run_id = self.python(f"print(slow.submit_map({calls}).id)").strip()
        log = self.cache / "runs" / f"{run_id}.t1.log"
        self.wait_until(lambda: log.exists() and b"begin 0" in log.read_bytes())
        return run_id

    def go(self):
        """Let the calls end."""
        (self.folder / "go").touch()

    def run(self, *argv):
        """Run the command here; return its status and what it wrote."""
        self._capsys.readouterr()
        status = main(["-C", str(self.cache), *argv])
        captured = self._capsys.readouterr()
        return status, captured.out, captured.err

    def rows(self, *argv):
        """Return the rows that a verb gives as JSON."""
        status, out, err = self.run(*argv, "--json")
        assert status == 0, err
        return [json.loads(line) for line in out.splitlines()]

    def start(self, *argv, **options):
        """Start the command as a process of its own, without a terminal."""
        given = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "cwd": self.folder,
        }
        command = [sys.executable, "-m", "gridtask", *argv]
        return subprocess.Popen(command, **(given | options))

    @staticmethod
    def finish(process):
        """Wait for a process; return its status and what it wrote."""
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode, out, err

    @staticmethod
    def wait_until(condition):
        """Return as soon as something holds."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < give_up_at
            time.sleep(0.02)


@pytest.fixture
def project(tmp_path, capsys, monkeypatch):
    """A project whose calls end with it."""
    monkeypatch.delenv("GRIDTASK_CACHE", raising=False)
    project = Project(tmp_path, capsys)
    yield project
    project.go()
    project.run("rm", "--running", "--cancel", "--yes")


def test_calls_in_flight_with_state_and_arguments(project):
    """Of an array task one call runs, the others wait; arguments are shown."""
    project.submit(n_calls=6)
    rows = project.rows("ls", "--running")
    assert [row["args"] for row in rows] == [f"n={n}, fail=False" for n in range(6)]
    assert [row["state"] for row in rows[4:]] == ["queued", "queued"]
    assert [row["state"] for row in rows].count("running") <= 2
    assert rows[0]["state"] == "running"
    (task,) = project.rows("ls")
    assert (task["task"], task["running"], task["results"]) == ("slow", 6, 0)


def test_rm_waits_for_nobody_and_breaks_nothing(project):
    """A task in flight is refused, what has ended may go, the map goes on."""
    project.python("quick.map([{'n': n} for n in range(3)], progress=False)")
    run_id = project.submit()
    assert project.run("rm", "slow", "--yes")[0] == 1
    assert project.run("rm", "--older", "0s", "--yes")[0] == 0
    assert [row["task"] for row in project.rows("ls")] == ["slow"]
    project.go()
    assert project.run("attach", run_id)[0] == 0
    (task,) = project.rows("ls")
    assert (task["results"], task["running"]) == (3, 0)


def test_rm_with_cancel_ends_the_processes(project):
    """Nothing of the task comes back, and a rerun computes it all."""
    run_id = project.submit()
    status, _, err = project.run("rm", "slow", "--cancel", "--yes")
    assert status == 0, err
    assert "3 calls in flight" in err
    assert project.rows("ls") == []
    log = project.cache / "runs" / f"{run_id}.t1.log"
    assert b"end" not in log.read_bytes()
    project.go()
    assert project.python("print(slow.map([{'n': n} for n in range(3)]))") == (
        "[0, 1, 2]\n"
    )


def test_cleaning_up_from_a_crontab(project):
    """No terminal, no environment, another folder, a map that runs."""
    project.python("quick.map([{'n': n} for n in range(3)], progress=False)")
    run_id = project.submit()
    argv = ("-C", str(project.cache), "rm", "--older", "0s", "--yes")
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(project.folder)}
    bare["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    status, out, err = project.finish(project.start(*argv, env=bare, cwd="/"))
    assert (status, out) == (0, "")
    assert "quick: 3 results" in err
    project.go()
    assert project.run("attach", run_id)[0] == 0


def test_a_log_is_followed_to_its_end(project):
    """logs -f shows what is printed, also what comes later, and ends."""
    project.submit()
    key = project.rows("ls", "--running")[0]["key"][:8]
    process = project.start("logs", "-f", key)
    assert process.stdout.readline() == "begin 0\n"
    project.go()
    status, out, _ = project.finish(process)
    assert status == 0
    assert out.startswith("end 0\n")


def test_a_log_that_is_not_followed(project):
    """Without -f what is there is shown."""
    project.submit()
    key = project.rows("ls", "--running")[0]["key"][:8]
    assert project.run("logs", key)[:2] == (0, "begin 0\n")
    assert project.rows("show", key)[0]["log"] == ["begin 0"]


def test_attach_waits_with_the_status(project):
    """The counts go to stderr; the end of the run is the end of attach."""
    run_id = project.submit()
    process = project.start("attach", run_id)
    first = process.stderr.readline()
    assert first.startswith("3 calls: ")
    project.go()
    status, out, err = project.finish(process)
    assert (status, out) == (0, "")
    assert "3 finished" in err.splitlines()[-1]


def test_attach_tells_what_failed_and_retry_mends_it(project):
    """Status 1 and the failures by cause; after a retry all is well."""
    (project.folder / "fail").touch()
    run_id = project.submit(fail=True)
    project.go()
    status, _, err = project.run("attach", run_id)
    assert status == 1
    assert "ValueError" in err
    (project.folder / "fail").unlink()
    status, _, err = project.run("retry", run_id)
    assert (status, "3 calls submitted again" in err) == (0, True)
    project.wait_until(lambda: project.rows("ls")[0]["results"] == 3)
    status, _, err = project.run("retry", run_id)
    assert (status, "nothing to retry" in err) == (0, True)


def test_retry_waits_if_asked(project):
    """With --wait it ends as attach does: status 1 while calls still fail."""
    (project.folder / "fail").touch()
    run_id = project.submit(fail=True)
    project.go()
    assert project.run("attach", run_id)[0] == 1
    status, _, err = project.run("retry", run_id, "--wait")
    assert (status, "ValueError" in err) == (1, True)
    (project.folder / "fail").unlink()
    status, _, err = project.run("retry", run_id, "--wait")
    assert (status, "3 finished" in err) == (0, True)


def test_cancel_keeps_results_and_needs_a_yes(project):
    """Without a terminal nothing is cancelled by mistake."""
    project.python("quick.map([{'n': n} for n in range(3)], progress=False)")
    run_id = project.submit()
    assert project.run("cancel", run_id)[0] == 1
    assert project.rows("ls", "slow")[0]["state"] == "running"
    status, _, err = project.run("cancel", run_id, "--yes")
    assert status == 0
    assert "end without a result" in err
    project.wait_until(lambda: not project.rows("ls", "--running"))
    assert project.rows("ls")[0]["results"] == 3
    assert "nothing to cancel" in project.run("cancel", run_id)[2]


@pytest.mark.parametrize("verb", ["attach", "cancel", "retry"])
def test_unknown_runs_are_not_found(project, verb):
    """The ids of others are suggested, on one line."""
    project.python("quick.map([{'n': 1}], progress=False)")
    status, _, err = project.run(verb, "aaaaaaaa")
    assert status == 1
    assert "no run 'aaaaaaaa'" in err
    assert len(err.splitlines()) == 1


def test_unknown_run_without_a_cache(tmp_path, monkeypatch, capsys):
    """Asking for a run does not make a cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRIDTASK_CACHE", raising=False)
    assert main(["attach", "aaaaaaaa"]) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_was_removed_its_folder_keeps_its_results(project):
    """Whatever goes from under a worker, what it computes is not lost."""
    project.submit(n_calls=1)
    store = Store.open(project.cache, create=False)
    store.remove_folder(store.folder("slow"))
    project.go()
    project.wait_until(lambda: not project.rows("ls", "--running"))
    assert project.rows("ls", "slow")[0]["state"] == "done"


@pytest.fixture
def cell_project(tmp_path, cell, capsys, monkeypatch):
    """The same project with its jobs on a real Grid Engine."""
    monkeypatch.delenv("GRIDTASK_CACHE", raising=False)
    project = Project(tmp_path, capsys, backend="gridengine")
    yield project
    project.go()
    project.run("rm", "--running", "--cancel", "--yes")


def test_rm_with_cancel_deletes_jobs_of_the_cluster(cell_project):
    """qdel first, then the folder; other array tasks of the job go on."""
    run_id = cell_project.submit(n_calls=4)
    rows = cell_project.rows("ls", "--running")
    assert [row["run"] for row in rows] == [run_id] * 4
    status, _, err = cell_project.run("rm", rows[0]["key"], "--cancel", "--yes")
    assert status == 0, err
    assert "1 other call in the same array tasks" in err
    left = cell_project.rows("ls", "--running")
    assert [row["key"] for row in left] == [row["key"] for row in rows[2:]]
    cell_project.go()
    cell_project.wait_until(lambda: cell_project.rows("ls")[0]["results"] == 2)


def test_a_log_is_followed_on_the_cluster(cell_project):
    """The node writes, this host reads."""
    cell_project.submit(n_calls=1)
    key = cell_project.rows("ls", "--running")[0]["key"][:8]
    process = cell_project.start("logs", "-f", key)
    assert process.stdout.readline() == "begin 0\n"
    cell_project.go()
    assert cell_project.finish(process)[:2] == (0, "end 0\n")


def test_an_unreachable_scheduler_has_its_status(cell_project, monkeypatch):
    """Nothing is removed on a guess; a script may try again later."""
    cell_project.submit(n_calls=1)
    with monkeypatch.context() as away:
        away.setenv("SGE_QMASTER_PORT", "1")
        (row,) = cell_project.rows("ls", "--running")
        assert row["state"] == "unknown"
        assert cell_project.run("rm", "slow", "--yes")[0] == 1
        assert cell_project.run("rm", "slow", "--cancel", "--yes")[0] == 4
    (row,) = cell_project.rows("ls", "--running")
    assert row["state"] == "running"
