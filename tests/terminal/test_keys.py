"""Each key, on the processes of this machine and on a real Grid Engine."""

from __future__ import annotations

import time

import pytest

WAITING = r"4 calls: 0 cached / 1 finished / 2 running / 1 failed / 0 in queue \(press"


@pytest.fixture
def local_window(desk, on_local):
    """A script that waits for two calls; one has failed, one is finished."""
    return waiting(desk)


@pytest.fixture
def window(desk, backend):
    """The same, also on a real Grid Engine."""
    return waiting(desk)


def waiting(desk):
    window = desk.python(desk.script())
    window.wait_for(WAITING)
    end = time.monotonic() + 60
    while len(desk.marks()) < 4:  # running for the scheduler, and about to begin
        assert time.monotonic() < end, desk.marks()
        time.sleep(0.02)
    return window


def answer(window, key, reply="y"):
    """Press a key, accept the cluster parameters as they are, and answer."""
    window.type(key)
    if window.child.expect(["cluster parameters, ", r"\? \[y/N\]"]) == 0:
        window.wait_for("';': ")
        window.type("\r")
        window.wait_for(r"\? \[y/N\]")
    window.type(reply)


def test_keys_that_only_show(local_window):
    """Help; failures, grouped and with what to type next; the last log."""
    window = local_window
    window.type("?")
    window.wait_for("the jobs go on")
    for key in "frRcaql":
        assert f"{key}  " in window.text
    window.type("f")
    window.wait_for("1 x ValueError: zero")
    window.wait_for(r"first: call 0, wait\(n=0\) \[")
    window.wait_for(r"program\.py:\d+ in wait, array task ")
    window.wait_for("next: gridtask show ")
    window.type("l")
    window.wait_for(r"log of wait\(n=0\) \[\w{8}\], failed:\r\n  waiting 0\r\n")
    window.wait_for(WAITING)


def test_nothing_is_done_without_a_yes(desk, local_window):
    """Any other key, and the script waits on."""
    window = local_window
    for key in "aqcrR":
        answer(window, key, "n")
        window.wait_for("nothing changed")
        window.wait_for(WAITING)
    desk.open_gate()
    window.wait_for("any other key to go on")
    assert desk.marks() == ["0", "1", "2", "3"]


def test_other_keys_do_nothing(desk, local_window):
    """Arrows and function keys send several bytes: none of them is taken for a key."""
    window = local_window
    window.type("x \r\x1b[A\x1bOq\x1b[15~\xe4")
    window.type("?")
    window.wait_for("this help")
    window.wait_for(WAITING)
    assert "[y/N]" not in window.text


def test_abort_goes_on_without_the_rest(desk, window):
    """What has no result is MISSING, and its jobs are gone."""
    answer(window, "a")
    window.wait_for(r"got \[gridtask.MISSING, 1, gridtask.MISSING, gridtask.MISSING\]")
    assert window.end() == 0
    desk.mend()
    desk.open_gate()
    again = desk.python("program.py")
    again.wait_for(r"got \[0, 1, 4, 9\]")
    assert desk.marks() == ["0", "0", "1", "2", "2", "3", "3"]


def test_keep_goes_on_and_the_jobs_as_well(desk, window):
    """A rerun adopts them."""
    answer(window, "c")
    window.wait_for(r"got \[gridtask.MISSING, 1, gridtask.MISSING, gridtask.MISSING\]")
    assert window.end() == 0
    desk.mend()
    desk.open_gate()
    again = desk.python("program.py")
    again.wait_for(r"got \[0, 1, 4, 9\]")
    assert desk.marks() == ["0", "0", "1", "2", "3"]


def test_quit_aborts_and_stops(desk, window):
    """As Ctrl-C does, with the jobs deleted; results stay."""
    answer(window, "q")
    assert window.end() == 130
    assert "KeyboardInterrupt" in window.text
    assert "the jobs go on" not in window.text
    desk.mend()
    desk.open_gate()
    again = desk.python("program.py")
    again.wait_for(r"got \[0, 1, 4, 9\]")
    assert desk.marks() == ["0", "0", "1", "2", "2", "3", "3"]


def test_restart_of_what_failed(desk, window):
    """The others go on."""
    desk.mend()
    answer(window, "r")
    window.wait_for("1 call submitted again")
    window.wait_for("2 finished / 2 running / 0 failed")
    desk.open_gate()
    window.wait_for(r"got \[0, 1, 4, 9\]")
    assert window.end() == 0
    assert desk.marks() == ["0", "0", "1", "2", "3"]


def test_restart_of_all(desk, window):
    """Results are dropped, jobs deleted, and every call is computed again."""
    desk.mend()
    answer(window, "R")
    assert "restart all 4 calls and drop what 1 of them have computed" in window.text
    window.wait_for("4 calls submitted again")
    desk.open_gate()
    window.wait_for(r"got \[0, 1, 4, 9\]")
    assert window.end() == 0
    assert desk.marks() == ["0", "0", "1", "1", "2", "2", "3", "3"]


def test_at_the_end_any_key_goes_on(desk, local_window):
    """To the MapError."""
    window = local_window
    desk.open_gate()
    window.wait_for("1 of 4 calls failed: 1 x ValueError: zero")
    window.wait_for("any other key to go on")
    window.type(" ")
    window.wait_for("gridtask.errors.MapError: 1 of 4 calls failed:")
    assert window.end() == 1


def test_at_the_end_failures_can_be_restarted(desk, window):
    """And looked at before."""
    desk.open_gate()
    window.wait_for("any other key to go on")
    window.type("f")
    window.wait_for(r"first: call 0, wait\(n=0\)")
    window.wait_for("any other key to go on")
    desk.mend()
    answer(window, "r")
    window.wait_for(r"got \[0, 1, 4, 9\]")
    assert window.end() == 0
    assert desk.marks() == ["0", "0", "1", "2", "3"]


MEMORY = """
    @grid_task(cluster_params=["-l h_vmem=1G", "-p -1"], retries=0)
    def fill(n):
        return len(bytearray(n << 30))

    print("got", fill.map([2]), flush=True)
"""


@pytest.mark.parametrize("backend", ["gridengine"], indirect=True)
def test_cluster_parameters_are_edited_before_a_restart(desk, backend, cell):
    """They stand in the line; what is left in it replaces all that was there."""
    window = desk.python(desk.script(MEMORY))
    window.wait_for("1 x OutOfMemory")
    window.type("f")
    window.wait_for("it ran out of memory=1G")
    window.wait_for(r"next: gridtask retry \w{8} --memory 2G, or fill.options")
    window.wait_for("any other key to go on")
    window.type("r")
    window.wait_for("separated by ';': -l h_vmem=1G; -p -1")
    window.type("\x15-l h_vmem=4G\r")
    window.wait_for(r"restart 1 failed call with -l h_vmem=4G\? \[y/N\]")
    window.type("y")
    window.wait_for(r"got \[2147483648\]")
    assert window.end() == 0


@pytest.mark.parametrize("backend", ["gridengine"], indirect=True)
def test_edited_parameters_that_cannot_be_used(desk, window):
    """It is said why, and nothing is lost."""
    window.type("r")
    window.wait_for("';': ")
    window.type("-N mine\r")
    window.wait_for(r"\[y/N\]")
    window.type("y")
    window.wait_for("not restarted: .*gridtask sets -N itself")
    window.wait_for(WAITING)
