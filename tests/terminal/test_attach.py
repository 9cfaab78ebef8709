"""`gridtask attach` on a terminal: the same status, the same keys."""

from __future__ import annotations

import subprocess

import pytest


@pytest.fixture
def attached(desk, on_local):
    """A window in which the command waits for a run of another process."""
    desk.script("wait.submit_map(range(4), run='first try')")
    subprocess.run([desk.executable, "program.py"], cwd=desk.folder, check=True)
    window = desk.python("-m", "gridtask", "attach", "first try")
    window.wait_for(r"1 finished / 2 running / 1 failed / 0 in queue \(press")
    return window


def test_what_has_failed_is_restarted(desk, attached):
    """With the code and the arguments of the run."""
    desk.mend()
    desk.open_gate()
    attached.wait_for("any other key to go on")
    attached.type("r")
    attached.wait_for("y/N")
    attached.type("y")
    attached.wait_for("4 calls: 0 cached / 4 finished")
    assert attached.end_well() == 0


def test_what_has_failed_is_told_at_the_end(desk, attached):
    """And is the exit status."""
    desk.open_gate()
    attached.wait_for("any other key to go on")
    attached.type("x")
    attached.wait_for(r"first: call 0, wait\(n=0\) \[")
    assert attached.end_well() == 1


def test_quit(desk, attached):
    """The jobs are deleted; 130 as after Ctrl-C, and no traceback."""
    attached.type("q")
    attached.wait_for(r"abort 2 calls and stop\? \[y/N\]")
    attached.type("y")
    assert attached.end_well() == 130
    assert "Traceback" not in attached.text
    listed = subprocess.run(
        [desk.executable, "-m", "gridtask", "runs"],
        cwd=desk.folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert listed.splitlines()[1].split("\t")[3:8] == ["4", "0", "1", "0", "3"]
