"""What a person sees while a script waits."""

from __future__ import annotations

import os
import pty
import re

import pytest

PROGRAM = """
    import sys
    import time
    from pathlib import Path
    from gridtask import grid_task

    @grid_task(chunk=1)
    def wait(n):
        end = time.monotonic() + 60
        while not Path("gate").exists() and time.monotonic() < end:
            time.sleep(0.02)
        if n == 9:
            raise ValueError("nine")
        return n

    numbers = range(int(sys.argv[1]))
    wait.map(numbers)
    print("done")
"""

COUNTS = (
    r"\d+ calls: \d+ cached / \d+ finished / \d+ running / \d+ failed / \d+ in queue"
)
NEVER = "(?!)"


@pytest.fixture(autouse=True)
def program(project, on_local):
    """A script that waits for a gate."""
    return project.write("program.py", PROGRAM)


def test_plain_lines_where_there_is_no_terminal(project):
    """Whole lines without control characters, on stderr alone."""
    project.write("gate", "")
    done = project.run("program.py", "3")
    assert done.stdout == "done\n"
    lines = done.stderr.splitlines()
    assert all(re.fullmatch(COUNTS, line) for line in lines), lines
    last = "3 calls: 0 cached / 3 finished / 0 running / 0 failed / 0 in queue"
    assert lines[-1] == last


def test_one_line_of_counts_when_all_is_cached(project):
    """A rerun says so, in one line."""
    project.write("gate", "")
    project.run("program.py", "3")
    said = project.run("program.py", "3").stderr
    assert (
        said == "3 calls: 3 cached / 0 finished / 0 running / 0 failed / 0 in queue\n"
    )


def test_failures_are_counted_and_grouped(project):
    """The last line counts them; the error groups them by cause."""
    project.write("gate", "")
    ended = project.finish(project.start("program.py", "10"))
    assert ended.returncode == 1
    assert "9 finished / 0 running / 1 failed" in ended.stderr
    assert "1 of 10 calls failed" in ended.stderr
    assert "1 x ValueError: nine" in ended.stderr
    assert "first: call 9, wait(n=9)" in ended.stderr


def test_the_command_tells_failures_as_the_map_did(project):
    """The same groups, example and next command, without the position in the map."""
    project.write("gate", "")
    ended = project.finish(project.start("program.py", "10"))
    said = ended.stderr.partition(" calls failed:\n")[2]
    listed = project.run("-m", "gridtask", "ls", "--failed").stderr
    assert said.startswith("  1 x ValueError: nine\n    first: call 9, wait(n=9) [")
    assert listed.partition(":\n")[2] == said.replace("call 9, ", "")


def test_terminal_has_a_status_that_is_redrawn(project):
    """While it waits; at the end one line of counts stays, and a clean terminal."""
    leader, follower = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    process = project.start(
        "program.py", "3", env=env, stdout=follower, stderr=follower
    )
    os.close(follower)
    shown = read_until(leader, r"3 calls: 0 cached.* in queue")
    assert "\x1b[" in shown
    project.write("gate", "")
    shown += read_until(leader, NEVER)
    os.close(leader)
    assert process.wait(timeout=60) == 0
    last = "3 calls: 0 cached / 3 finished / 0 running / 0 failed / 0 in queue"
    *_, counts, done = shown.replace("\r\n", "\n").splitlines()
    assert counts.endswith(last)
    assert done == "done"
    assert shown.rfind("\x1b[?25h") >= shown.rfind("\x1b[?25l")


def read_until(leader, pattern):
    """Return what a terminal shows until it matches, or until nobody writes."""
    shown = b""
    while not re.search(pattern, shown.decode(errors="replace")):
        try:
            shown += os.read(leader, 65536)
        except OSError:  # EIO, says pty(7) of the last close of the other side
            break
    return shown.decode(errors="replace")


def test_terminal_shows_one_line_when_all_is_cached(project):
    """Nothing is drawn that would flicker."""
    project.write("gate", "")
    project.run("program.py", "2")
    leader, follower = pty.openpty()
    process = project.start("program.py", "2", stdout=follower, stderr=follower)
    os.close(follower)
    shown = read_until(leader, NEVER)
    os.close(leader)
    assert process.wait(timeout=60) == 0
    counts = "2 calls: 2 cached / 0 finished / 0 running / 0 failed / 0 in queue"
    assert shown == f"{counts}\r\ndone\r\n"


def test_warnings_point_at_the_users_line(project, monkeypatch):
    """However deep in gridtask they come from, and whatever lies between."""
    project.write("gate", "")
    monkeypatch.setenv("GRIDTASK_MEMROY", "4G")
    project.run("program.py", "1")
    path = project.folder / ".gridtask" / "GRIDTASK"
    path.write_text(path.read_text() + "x")
    said = project.run("program.py", "1").stderr
    lines = (project.folder / "program.py").read_text().splitlines()
    line = 1 + lines.index("wait.map(numbers)")
    warned = re.findall(r"program\.py:(\d+): (\w+):", said)
    assert warned == [(str(line), "UserWarning"), (str(line), "RuntimeWarning")], said
