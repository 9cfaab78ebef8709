"""Whatever happens, the terminal gets back the modes that it had."""

from __future__ import annotations

import os
import signal

import pytest

WAITING = "1 finished / 2 running / 1 failed / 0 in queue"


@pytest.fixture
def waiting(desk, on_local):
    """A script that waits and takes keys."""
    window = desk.python(desk.script())
    window.wait_for(WAITING)
    window.wait_until(lambda: not window.takes_lines)
    return window


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP])
def test_a_signal_that_ends_the_script(waiting, number):
    """It dies of the signal, and the terminal is as it was."""
    os.kill(waiting.child.pid, number)
    assert waiting.end_well() == 128 + number


def test_ctrl_c(waiting):
    """Says how to come back."""
    waiting.type("\x03")
    waiting.wait_for("the jobs go on")
    assert waiting.end_well() == 130


def test_an_exception_in_the_middle(desk, on_local):
    """A time limit, say."""
    window = desk.python(desk.script("wait.map(range(4), timeout=3)"))
    window.wait_until(lambda: not window.takes_lines)
    window.wait_for("TimeoutError")
    assert window.end_well() == 1


def test_an_exit_from_another_place(desk, on_local):
    """A handler of the script's own that calls sys.exit."""
    source = """
        import signal
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        wait.map(range(4))
    """
    window = desk.python(desk.script(source))
    window.wait_for(WAITING)
    os.kill(window.child.pid, signal.SIGTERM)
    assert window.end_well() == 7


def test_what_is_typed_after_the_map_is_the_scripts(desk, on_local):
    """Lines are read as ever."""
    desk.mend()
    desk.open_gate()
    desk.script("wait.map(range(4)); print('said', input('name: '))")
    window = desk.python("program.py")
    window.wait_for("name: ")
    assert window.takes_lines
    window.type("ann\n")
    window.wait_for("said ann")
    assert window.end() == 0


def test_stdin_is_not_touched_where_it_is_no_terminal(desk, on_local):
    """What is piped in is all there after the map, and there are no keys."""
    desk.mend()
    desk.open_gate()
    desk.script("wait.map(range(4)); print('read', sys.stdin.read())")
    command = f"echo aqcrR? | {desk.executable} program.py"
    window = desk.window("sh", "-c", command)
    window.wait_for("read aqcrR?")
    assert "press ?" not in window.text
    assert window.end() == 0


def test_suspended_and_continued(desk, on_local):
    """Ctrl-Z gives the shell a terminal that takes lines; fg comes back to keys."""
    desk.script()
    shell = desk.window("bash", "--norc", "--noprofile", "-i")
    shell.wait_for(r"\$ ")
    shell.type(f"{desk.executable} program.py\n")
    shell.wait_for(WAITING)
    shell.type("\x1a")
    shell.wait_for("Stopped")
    shell.wait_for(r"\$ ")
    shell.type("echo a''b\n")
    shell.wait_for("ab\r\n")
    shell.type("stty -a | grep -o ' icanon' | tr a-z A-Z\n")
    shell.wait_for("ICANON")
    shell.type("fg\n")
    shell.wait_for(WAITING)
    shell.wait_for(r"1 failed.*press \? for help")
    shell.type("?")
    shell.wait_for("this help")
    desk.mend()
    desk.open_gate()
    shell.wait_for("any other key to go on")
    shell.type("r")
    shell.wait_for("y/N")
    shell.type("y")
    shell.wait_for(r"got \[0, 1, 4, 9\]")
    shell.wait_for(r"\$ ")
    shell.type("echo c''d; exit\n")
    shell.wait_for("cd\r\n")
    shell.end()


def test_in_the_background(desk, on_local):
    """Plain lines, no reading; in the foreground again, status and keys."""
    desk.script()
    shell = desk.window("bash", "--norc", "--noprofile", "-i")
    shell.wait_for(r"\$ ")
    shell.type(f"{desk.executable} program.py &\n")
    shell.wait_for(r"4 calls: .* in queue\r\n")
    shell.type("echo a''b\n")
    shell.wait_for("ab\r\n")
    shell.type("jobs\n")
    shell.wait_for("Running")
    assert "press ?" not in shell.text
    shell.type("fg\n")
    shell.wait_for(r"\(press \? for help\)")
    desk.open_gate()
    shell.wait_for("any other key to go on")
    shell.type("x")
    shell.wait_for("MapError")
    shell.wait_for(r"\$ ")
    shell.type("exit\n")
    shell.end()
