"""Ctrl-C, kill and coming back: no call runs twice, none is lost."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess

import pytest

PROGRAM = """
    import time
    from pathlib import Path
    from gridtask import grid_task

    @grid_task(chunk=1)
    def wait(n):
        with open("marks", "a") as file:
            file.write(f"{n}\\n")
        end = time.monotonic() + 60
        while not Path("gate").exists() and time.monotonic() < end:
            time.sleep(0.02)
        return n * n

    print(wait.map(range(4)))
"""


@pytest.fixture
def waiting(project, backend):
    """The driver of four calls of which at least one runs, behind a closed gate."""
    project.write("program.py", PROGRAM)
    with open(project.folder / "said", "w") as said:
        process = project.start("program.py", start_new_session=True, stderr=said)
    project.wait_until(lambda: "4 calls" in read(project, "said"), "it waits")
    project.wait_for_marks(1)
    yield process
    (project.folder / "gate").touch()


def read(project, name):
    return (project.folder / name).read_text()


def press_ctrl_c(project, process):
    """Interrupt the process and its children, as a terminal does; return stderr."""
    os.killpg(process.pid, signal.SIGINT)
    stopped = project.finish(process)
    assert stopped.returncode == -signal.SIGINT
    return read(project, "said")


def come_back(project):
    """Rerun while the calls still wait, open the gate, and return what it printed."""
    process = project.start("program.py")
    project.write("gate", "")
    done = project.finish(process)
    assert done.returncode == 0, done.stderr
    return done


def test_ctrl_c_stops_waiting_and_a_rerun_adopts(project, waiting):
    """KeyboardInterrupt, a word on how to come back, and no execution twice."""
    said = press_ctrl_c(project, waiting)
    assert "KeyboardInterrupt" in said
    assert "the jobs go on" in said
    assert come_back(project).stdout == "[0, 1, 4, 9]\n"
    assert project.marks() == ["0", "1", "2", "3"]


def test_what_ctrl_c_prints_leads_back(project, waiting):
    """The run that was named is opened from elsewhere."""
    said = press_ctrl_c(project, waiting)
    (command,) = re.findall(r"gridtask\.open_run\('\w+'\)", said)
    project.write("gate", "")
    script = f"import gridtask; print({command}.results(timeout=60))"
    assert project.run("-c", script).stdout == "[0, 1, 4, 9]\n"
    assert project.marks() == ["0", "1", "2", "3"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_killed_driver_leaves_its_jobs_and_a_rerun_adopts(project, waiting, number):
    """After kill -9, or when its terminal goes away, nothing is lost either."""
    os.killpg(waiting.pid, number)
    project.finish(waiting)
    assert come_back(project).stdout == "[0, 1, 4, 9]\n"
    assert project.marks() == ["0", "1", "2", "3"]


def test_jobs_end_without_a_driver(project, waiting):
    """The calls end by themselves, and the rerun finds them all."""
    waiting.kill()
    project.finish(waiting)
    project.write("gate", "")
    script = (
        "import gridtask\n"
        "(run,) = gridtask.runs()\n"
        "print(gridtask.open_run(run.id).results(timeout=60))"
    )
    assert project.run("-c", script).stdout == "[0, 1, 4, 9]\n"
    rerun = project.run("program.py")
    assert "4 calls: 4 cached" in rerun.stderr
    assert project.marks() == ["0", "1", "2", "3"]


def test_second_driver_beside_the_first_computes_nothing(project, waiting):
    """Two scripts at once share the calls in flight."""
    second = project.start("program.py")
    project.write("gate", "")
    assert project.finish(second).stdout == "[0, 1, 4, 9]\n"
    assert project.finish(waiting).stdout == "[0, 1, 4, 9]\n"
    assert project.marks() == ["0", "1", "2", "3"]


@pytest.mark.usefixtures("on_cell")
def test_ctrl_c_while_qsub_runs_leaves_no_job(project, monkeypatch):
    """It was accepted and has not said so yet: it is deleted, and submitted later."""
    qsub = project.folder / "bin" / "qsub"
    qsub.parent.mkdir()
    command = f'{shutil.which("qsub")} -h "$@" || exit'
    qsub.write_text(f"#!/bin/sh\n{command}\ntouch accepted\nsleep 1\n")
    qsub.chmod(0o755)
    project.write("program.py", PROGRAM)
    project.write("gate", "")
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{qsub.parent}:{os.environ['PATH']}")
        process = project.start("program.py", start_new_session=True)
        project.wait_until((project.folder / "accepted").exists, "qsub is at it")
        os.killpg(process.pid, signal.SIGINT)
        assert "KeyboardInterrupt" in project.finish(process).stderr
    assert not list(project.folder.glob(".gridtask/runs/*.run"))
    shown = subprocess.run(["qstat"], capture_output=True, text=True, check=True)
    assert " hqw " not in shown.stdout
    assert project.run("program.py").stdout == "[0, 1, 4, 9]\n"
    assert project.marks() == ["0", "1", "2", "3"]


def test_ctrl_c_in_a_serial_map_stops_the_call_and_keeps_the_others(
    project, monkeypatch
):
    """In this process the call itself is interrupted; what is finished stays."""
    monkeypatch.setenv("GRIDTASK_BACKEND", "serial")
    source = PROGRAM.replace('while not Path("gate")', 'while n and not Path("gate")')
    project.write("program.py", source)
    process = project.start("program.py", start_new_session=True)
    project.wait_for_marks(2)
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in project.finish(process).stderr
    project.write("gate", "")
    assert project.run("program.py").stdout == "[0, 1, 4, 9]\n"
    assert project.marks() == ["0", "1", "1", "2", "3"]
