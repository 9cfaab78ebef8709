"""What the status looks like on terminals of all kinds, and elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

BAR = re.compile(r"[━─]{40}")
WAITING = r"1 finished / 2 running / 1 failed / 0 in queue"


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_width_is_kept(desk, on_local, columns):
    """No line is longer than the terminal is wide, and all is said."""
    window = desk.python(desk.script(), columns=columns)
    window.wait_until(lambda: "1 failed" in window.text and "?" in window.text)
    lines = window.text.split("\n")
    assert max(map(len, lines)) <= columns
    assert "(press ? for help)" in window.text


def test_colours_unless_they_are_not_wanted(desk, on_local):
    """NO_COLOR is obeyed, whatever it is set to but nothing."""
    desk.script()
    coloured = desk.python("program.py", NO_COLOR="")
    coloured.wait_for(r"\x1b\[31m1 failed")
    plain = desk.python("program.py", NO_COLOR="1")
    plain.wait_for("1 failed")
    assert "\x1b[31m" not in plain.raw


def test_a_dumb_terminal_gets_plain_lines(desk, on_local):
    """Nothing that moves the cursor, and no keys."""
    desk.mend()
    desk.open_gate()
    window = desk.python(desk.script(), TERM="dumb")
    assert window.end() == 0
    assert "\x1b" not in window.raw
    assert "4 calls: 0 cached / 4 finished" in window.raw
    assert "press ?" not in window.raw


def test_stderr_in_a_file(desk, on_local):
    """As under nohup: whole lines, and MapError at once."""
    desk.open_gate()
    desk.script()
    command = f"{desk.executable} program.py 2> errors"
    assert desk.window("sh", "-c", command).end() == 1
    said = (desk.folder / "errors").read_text()
    assert "\x1b" not in said
    assert "MapError: 1 of 4 calls failed" in said
    assert "any other key" not in said


def test_prints_of_the_script_stand_above(desk, on_local):
    """Of another thread while the map waits, and none is lost."""
    source = """
        import threading
        def talk():
            for i in range(20):
                time.sleep(0.05)
                print("line", i)
        threading.Thread(target=talk).start()
        print("got", wait.map(range(4), return_exceptions=True))
    """
    window = desk.python(desk.script(source))
    window.wait_for("line 19\r\n")
    desk.open_gate()
    window.wait_for(r"got \[ValueError\('zero'\), 1, 4, 9\]")
    lines = [line for line in window.text.split("\n") if line.startswith("line ")]
    assert lines == [f"line {i}" for i in range(20)]


def test_maps_in_threads_share_the_terminal(desk, on_local):
    """One status at a time; each leaves its line of counts, whole."""
    source = """
        from concurrent.futures import ThreadPoolExecutor
        def work(n):
            return wait.map(range(n, n + 2), return_exceptions=True)
        with ThreadPoolExecutor(3) as pool:
            print("got", list(pool.map(work, (1, 3, 5))))
    """
    window = desk.python(desk.script(source))
    window.wait_for_text("2 calls: 0 cached / . finished / [12] running")
    desk.open_gate()
    window.wait_for(r"got \[\[1, 4\], \[9, 16\], \[25, 36\]\]")
    assert window.end() == 0
    last = "2 calls: 0 cached / 2 finished / 0 running / 0 failed / 0 in queue"
    assert window.text.split("\n").count(last) >= 3


CHAIN = """
    @grid_task(chunk=1)
    def load(n):
        pass_gate("raw")
        return n

    print("got", wait.map(load.submit_map(range(1, 4))), flush=True)
"""


def test_a_line_for_each_step(desk, on_local):
    """Of a workflow, above the calls that are waited for."""
    window = desk.python(desk.script(CHAIN))
    window.wait_for_text(r"load ─+   0 %, 3 running\n3 calls: 0 cached / ")
    (desk.folder / "raw").touch()
    window.wait_for_text(r"load ━+ 100 %\n3 calls: 0 cached / 1 finished / 2 running")
    desk.open_gate()
    window.wait_for(r"got \[1, 4, 9\]")
    assert window.end() == 0


def test_a_failed_step_is_restarted_with_what_needs_it(desk, on_local):
    """One key brings the whole workflow to its end."""
    source = """
        @grid_task
        def double(n):
            return 2 * n

        print("got", double.map(wait.submit_map(range(2))), flush=True)
    """
    window = desk.python(desk.script(source))
    window.wait_for("1 of 2 calls failed: 1 x UpstreamFailed")
    desk.mend()
    window.type("r")
    window.wait_for(r"restart 2 failed calls\? \[y/N\]")
    window.type("y")
    window.wait_for(r"got \[0, 2\]")
    assert window.end() == 0


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_resized_inside_tmux(desk, on_local, tmp_path):
    """The status follows the width and leaves nothing behind."""
    socket = str(tmp_path / "tmux")

    def tmux(*argv):
        command = ["tmux", "-f", "/dev/null", "-S", socket, *argv]
        return subprocess.run(command, capture_output=True, text=True).stdout

    def screen():
        return tmux("capture-pane", "-p", "-S", "-100").rstrip()

    desk.script()
    env = {**os.environ, "NO_COLOR": "1"}
    # What tmux moves off the screen when it becomes narrow is not the status.
    command = f"cd {desk.folder}; seq 9; {desk.executable} program.py; sleep 60"
    argv = ["tmux", "-f", "/dev/null", "-S", socket, "new-session", "-d"]
    subprocess.run([*argv, "-x", "100", "-y", "20", command], env=env, check=True)
    window = desk.python("-c", "input()")  # its patience serves to wait
    try:
        window.wait_until(lambda: re.search(WAITING, screen()) and BAR.search(screen()))
        for columns, is_long in ((50, False), (90, True), (40, False), (95, True)):
            tmux("resize-window", "-x", str(columns))
            # Redrawn for the new width: its bar is longer, or shorter again.
            window.wait_until(lambda long=is_long: bool(BAR.search(screen())) == long)
            window.wait_until(lambda: screen().count("(press ? for help)") == 1)
        tmux("send-keys", "?")
        window.wait_until(lambda: "this help" in screen())
        shown = screen()
        assert shown.count("4 calls:") == 1
        assert shown.count("wait ━") == 1
        desk.open_gate()
        window.wait_until(lambda: "any other key to go on" in screen())
        tmux("send-keys", "x")
        window.wait_until(lambda: "MapError" in screen())
    finally:
        tmux("kill-server")
