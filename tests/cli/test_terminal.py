"""The command on a terminal: questions, answers, Ctrl-C and narrow windows."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

import pytest

PATIENCE_SECONDS = 30.0


class Window:
    """A terminal with the command in it."""

    def __init__(self, cache, *argv, columns=80):
        self._fd, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        command = [sys.executable, "-m", "gridtask", "-C", str(cache.root), *argv]
        env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        self._process = subprocess.Popen(
            command,
            stdin=other,
            stdout=other,
            stderr=other,
            env=env | {"TERM": "xterm"},
            # A session of its own with the terminal in control, for Ctrl-C.
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(other)
        self.shown = ""

    def wait_for(self, text):
        """Read until something is shown."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while text not in self.shown:
            assert time.monotonic() < give_up_at, self.shown
            assert self._read(), self.shown

    def _read(self):
        """Take up what is shown; False when the command has ended."""
        if not select.select([self._fd], [], [], PATIENCE_SECONDS)[0]:
            return False
        try:
            self.shown += os.read(self._fd, 65536).decode()
        except OSError:  # EIO: nobody has the terminal open any more
            return False
        return True

    def type(self, text):
        """Press keys."""
        os.write(self._fd, text.encode())

    def status(self):
        """Wait for the end and return the exit status."""
        while self._read():
            pass
        os.close(self._fd)
        return self._process.wait(PATIENCE_SECONDS)


def test_yes_removes(filled):
    """The question names nothing that was not told before it."""
    window = Window(filled, "rm", "simulate")
    window.wait_for("remove? [y/N] ")
    assert "simulate: 2 results, 1 failed call" in window.shown
    window.type("y\n")
    assert window.status() == 0
    assert filled.keys("simulate") == ([], [])


@pytest.mark.parametrize("keys", ["n\n", "\n", "\x04"])
def test_anything_else_does_not(filled, keys):
    """No, nothing, and the end of the input are no."""
    window = Window(filled, "rm", "simulate")
    window.wait_for("remove? [y/N] ")
    window.type(keys)
    assert window.status() == 1
    assert filled.keys("simulate")[0] == ["3fa91c02", "3fa91c77"]


def test_interrupted_at_the_question(filled):
    """Ctrl-C removes nothing, and shows no traceback."""
    window = Window(filled, "rm", "simulate")
    window.wait_for("remove? [y/N] ")
    window.type("\x03")
    assert window.status() == 130
    assert "interrupted" in window.shown
    assert "Traceback" not in window.shown
    assert filled.keys("simulate")[0] == ["3fa91c02", "3fa91c77"]


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("argv", [["ls"], ["ls", "simulate"], ["ls", "--failed"]])
def test_tables_fit_the_window(cache, argv, columns):
    """No line is wrapped, whatever the width."""
    name = "simulate_" + "long_" * 10
    cache.put(name, "3fa91c02", age=50.0, args="seed=1, " * 20)
    cache.put("simulate", "3fa91c03", args="x" * 300, failed=True, error="E: " * 30)
    window = Window(cache, *argv, columns=columns)
    assert window.status() == 0
    table, _, _ = window.shown.partition("1 failed call:")
    assert max(map(len, table.splitlines())) <= columns
    assert "simulate" in window.shown or "3fa91c03" in window.shown


def test_sizes_and_ages_for_people(filled):
    """On a terminal nobody counts bytes and seconds."""
    window = Window(filled, "ls", columns=120)
    assert window.status() == 0
    header, simulate, train = window.shown.splitlines()
    assert header.split()[:5] == ["task", "results", "failed", "running", "size"]
    assert "10 d" in simulate
    assert "KiB" in train


def test_closed_output_is_no_error(cache):
    """As of a job that a daemon has started with ``>&-``."""
    command = f"exec {sys.executable} -m gridtask -C {cache.root} ls >&- 2>&-"
    assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode == 0
