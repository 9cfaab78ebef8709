"""What a person sees while waiting."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import threading

import pytest

from gridtask.driver.counts import Counts, RemainingTime, Step, render
from gridtask.progress.display import (
    NotebookStatus,
    PlainStatus,
    Status,
    open_status,
)
from gridtask.progress.terminal import TerminalStatus

COUNTS = Counts(1000, cached=400, finished=300, running=200, failed=10, queued=90)
LINE = "1000 calls: 400 cached / 300 finished / 200 running / 10 failed / 90 in queue"


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_counts_read_as_the_status_line():
    """The text of counts has exactly the form that users know."""
    assert str(COUNTS) == LINE


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_picture_keeps_to_the_width_and_says_all(width):
    """Every width shows all counts, the share and the remaining time."""
    text = render(COUNTS, name="simulate", seconds_left=200.0, width=width)
    assert max(len(line) for line in text.split("\n")) <= width
    joined = text.replace("\n", " ")
    assert LINE in joined
    assert "71 %, 3 min 20 s left" in joined
    assert "simulate" in joined


def test_picture_is_one_line_where_there_is_room():
    """A wide terminal has counts and bar side by side."""
    assert "\n" not in render(COUNTS, name="simulate", width=130)


def test_picture_of_a_long_name_is_cut():
    """A name cannot push the bar out of the picture."""
    text = render(COUNTS, name="x" * 200, width=80)
    assert "x…" in text
    assert "━" in text


def test_picture_without_unicode():
    """A terminal without Unicode gets ASCII only."""
    assert render(COUNTS, name="x" * 200, width=80, ascii_only=True).isascii()


def test_picture_escapes_the_name():
    """A task's name cannot send control sequences."""
    assert "\x1b" not in render(COUNTS, name="a\x1b[2J", width=80)


HINT = "(press ? for help)"
STEPS = (
    Step("load", Counts(50, finished=20, running=4, queued=26)),
    Step("prepare", Counts(50, finished=2, running=4, failed=1, queued=43)),
)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_the_hint_has_a_place_at_every_width(width):
    """Behind the counts where there is room, else behind the bar or below it."""
    text = render(COUNTS, name="simulate", seconds_left=200, width=width, hint=HINT)
    assert max(len(line) for line in text.split("\n")) <= width
    assert text.count(HINT) == 1
    assert (f"{LINE} {HINT}" in text) == (width >= 100)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_steps_have_a_line_each_above_the_counts(width):
    """With bars of one length, and what has not ended well."""
    text = render(COUNTS, name="simulate", width=width, steps=STEPS, hint=HINT)
    load, prepare, *rest = text.split("\n")
    assert max(len(line) for line in text.split("\n")) <= width
    assert load.startswith("load     ")
    assert " 40 %, 4 running / 26" in load
    assert " 6 %, 4 running / 1 f" in prepare
    assert load.count("━") + load.count("─") == prepare.count("━") + prepare.count("─")
    assert LINE in " ".join(rest)


def test_picture_of_nothing_to_do():
    """A map of no calls is complete."""
    assert "100 %" in render(Counts(0))


def test_complete_is_said_only_when_complete():
    """999 of 1000 is 99 %, and has no "100 %" before its time."""
    assert "99 %" in render(Counts(1000, finished=999, running=1))


def test_remaining_time_is_measured_from_ended_calls():
    """10 calls in 5 s leave 45 s for 90 more."""
    remaining = RemainingTime()
    remaining.add(Counts(100, running=100), 0.0)
    counts = Counts(100, finished=10, running=90)
    remaining.add(counts, 5.0)
    assert remaining.seconds_left(counts, 5.0) == pytest.approx(45.0)


def test_remaining_time_does_not_count_time_in_the_queue():
    """An hour in the queue says nothing about how fast calls end."""
    remaining = RemainingTime()
    remaining.add(Counts(100, queued=100), 0.0)
    remaining.add(Counts(100, queued=100), 3600.0)
    counts = Counts(100, finished=50, running=50)
    remaining.add(counts, 3610.0)
    assert remaining.seconds_left(counts, 3610.0) == pytest.approx(10.0)


def test_remaining_time_is_unknown_at_first():
    """Without an ended call there is no estimate."""
    remaining = RemainingTime()
    counts = Counts(100, cached=50, running=50)
    remaining.add(counts, 0.0)
    assert remaining.seconds_left(counts, 10.0) is None


def test_remaining_time_forgets_when_failed_calls_are_tried_again():
    """Fewer ended calls than before start a new measurement."""
    remaining = RemainingTime()
    remaining.add(Counts(10, running=10), 0.0)
    remaining.add(Counts(10, failed=10), 10.0)
    counts = Counts(10, running=10)
    remaining.add(counts, 20.0)
    assert remaining.seconds_left(counts, 30.0) is None


def test_plain_lines_come_when_counts_change():
    """The same counts are not written twice, whatever the time."""
    stream, clock = io.StringIO(), Clock()
    status = PlainStatus(stream, clock)
    for clock.now in (0.0, 100.0):
        status.update(COUNTS)
    status.close()
    assert stream.getvalue() == LINE + "\n"


def test_plain_lines_keep_their_distance():
    """Between the first and the last line there are 30 s from line to line."""
    stream, clock = io.StringIO(), Clock()
    with PlainStatus(stream, clock) as status:
        for i in range(100):
            clock.now = float(i)
            status.update(Counts(100, finished=i, running=100 - i))
    shown = [int(n) for n in re.findall(r"(\d+) finished", stream.getvalue())]
    assert shown == [0, 30, 60, 90, 99]


def test_last_counts_are_written_once():
    """Closing twice, or with nothing new, writes nothing more."""
    stream = io.StringIO()
    status = PlainStatus(stream, Clock())
    status.update(Counts(2, running=2))
    status.update(COUNTS)
    status.close()
    status.close()
    assert stream.getvalue().count(LINE) == 1


def test_messages_keep_lines_and_lose_controls():
    """A message may have several lines, but no control characters."""
    stream = io.StringIO()
    Status(stream).message("one\ntwo\x1b[31m\r")
    assert stream.getvalue() == "one\ntwo\\x1b[31m\\r\n"


def test_progress_false_is_silent():
    """Without progress only messages are written."""
    stream = io.StringIO()
    with open_status("f", progress=False, stream=stream) as status:
        status.update(COUNTS)
    assert stream.getvalue() == ""


def test_a_file_gets_plain_lines():
    """What is no terminal is written to line by line."""
    assert isinstance(open_status("f", stream=io.StringIO()), PlainStatus)


def test_a_terminal_gets_a_live_status(monkeypatch):
    """A terminal is redrawn, one that cannot be gets plain lines."""
    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(open_status("f", stream=Terminal()), TerminalStatus)
    assert isinstance(open_status("f", stream=Terminal(), live=False), PlainStatus)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(open_status("f", stream=Terminal()), PlainStatus)


def test_a_terminal_that_went_away_stops_nothing():
    """An error of the stream does not end the map."""

    class Gone(io.StringIO):
        def write(self, text):
            raise OSError(5, "Input/output error")

    with PlainStatus(Gone()) as status:
        status.update(COUNTS)
        status.message("x")


def test_all_cached_on_a_terminal_is_one_line():
    """A map with nothing to wait for leaves one line and draws nothing."""
    stream = Terminal()
    with TerminalStatus("f", stream) as status:
        status.update(Counts(3, cached=3))
    assert stream.getvalue() == f"{Counts(3, cached=3)}\n"


class Output:
    """A notebook's output that remembers what it showed."""

    def __init__(self, data):
        self.shown = [data["text/plain"]]

    def update(self, data, *, raw):
        self.shown.append(data["text/plain"])


def test_a_notebook_rewrites_one_place():
    """All updates go into the place that the first one made."""
    outputs, clock = [], Clock()

    def display(data):
        outputs.append(Output(data))
        return outputs[-1]

    with NotebookStatus("f", io.StringIO(), display, clock) as status:
        for i in range(11):
            clock.now = i / 10
            status.update(Counts(10, finished=i, running=10 - i))
    (output,) = outputs
    assert len(output.shown) == 4  # 0.0, 0.5 and 1.0 s, and the last line
    assert output.shown[-1] == str(Counts(10, finished=10))


SCRIPT = """
import sys, time
from gridtask.progress.display import Counts, open_status
with open_status("simulate") as status:
    status.update(Counts(4, finished=1, running=3))
    status.message("adopted \\x1b[31m3 [bold]calls")
    print("printed by the script")
    time.sleep(0.1)
    status.update(Counts(4, finished=3, failed=1))
"""


def run_on_terminal(code, env=(), **streams):
    """Run Python code on a pseudo-terminal and return what it wrote there."""
    leader, follower = pty.openpty()
    chunks = []

    def read():
        while True:
            try:
                chunk = os.read(leader, 65536)
            except OSError:  # all writers have closed
                return
            chunks.append(chunk)

    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", **dict(env)}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=environ,
        stderr=follower,
        **{"stdin": follower, "stdout": follower, **streams},
    ) as process:
        os.close(follower)
        reader = threading.Thread(target=read)
        reader.start()
        out, _ = process.communicate(timeout=30)
        reader.join(30)
    os.close(leader)
    return b"".join(chunks).decode(), out


def test_terminal_shows_status_messages_and_prints():
    """Status, messages and the script's prints all come out whole."""
    shown, _ = run_on_terminal(SCRIPT)
    assert "adopted \\x1b[31m3 [bold]calls\r\n" in shown
    assert "printed by the script\r\n" in shown
    assert "━" in shown
    assert "25 %" in shown
    assert shown.endswith(f"{Counts(4, finished=3, failed=1)}\r\n")


def test_terminal_keeps_its_cursor():
    """It is never hidden, so that no end of the process, SIGKILL included, loses it."""
    shown, _ = run_on_terminal(SCRIPT)
    assert "\x1b[?25l" not in shown


def test_terminal_without_colour():
    """NO_COLOR is obeyed."""
    coloured, _ = run_on_terminal(SCRIPT)
    plain, _ = run_on_terminal(SCRIPT, env={"NO_COLOR": "1"})
    assert "\x1b[32m" in coloured
    assert "\x1b[32m" not in plain


def test_redirected_output_stays_redirected():
    """What the script prints into a file or pipe is not drawn on the terminal."""
    shown, out = run_on_terminal(SCRIPT, stdout=subprocess.PIPE)
    assert out == b"printed by the script\n"
    assert "printed by the script" not in shown


@pytest.mark.parametrize("name", ["rich", "IPython"])
def test_plain_lines_import_nothing_heavy(name):
    """rich is loaded only where somebody watches."""
    code = SCRIPT + f"\nassert {name!r} not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert str(Counts(4, finished=3, failed=1)) in done.stderr


def test_status_in_a_real_notebook():
    """A kernel's front end sees one output, rewritten in place."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    code = (
        "from gridtask.progress.display import Counts, open_status\n"
        "with open_status('f') as status:\n"
        "    for i in range(3):\n"
        "        status.update(Counts(2, finished=i, running=2 - i))\n"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert output.data["text/plain"] == str(Counts(2, finished=2))
