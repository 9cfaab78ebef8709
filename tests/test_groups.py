"""Failures grouped by cause, as their users read them."""

from __future__ import annotations

from pathlib import Path

import gridtask.errors
from gridtask.backends.base import Accounting
from gridtask.failures import (
    Circumstances,
    diagnose,
    error_state,
    task_exception,
)
from gridtask.progress import groups
from gridtask.progress.groups import example_lines, in_short, summarise
from gridtask.raised import describe_exception

GIB = 1 << 30


def where(call="f(3)", **fields) -> Circumstances:
    """Return where a call failed."""
    given = {"key": "3fa91c02" * 4, "job": "118.7", "host": "node042"}
    given |= {"log": "/cache/runs/k3f9a2bc.t7.log", "task": "f", "run": "k3f9a2bc"}
    return Circumstances(call, **(given | fields))


def travel(error: BaseException, call="f(3)") -> BaseException:
    """Raise an error on a worker, and return it as the driver has it."""
    try:
        raise error
    except BaseException as raised:
        return task_exception(describe_exception(raised), where(call))


def test_failures_are_grouped_by_cause():
    """The most frequent first, each with its first call."""
    failed = {
        0: ValueError("bad seed"),
        3: diagnose(None, where("f(3)")),
        4: diagnose(None, where("f(4)")),
        5: ValueError("bad seed"),
        6: ValueError("other"),
        7: ValueError("bad seed"),
    }
    lines = summarise(failed, 10, lambda i: f"f({i})").splitlines()
    assert lines[0] == "6 of 10 calls failed:"
    assert lines[1:3] == ["  3 x ValueError: bad seed", "    first: call 0, f(0)"]
    assert "  2 x NodeLost" in lines
    assert "    first: call 3, f(3) [3fa91c02]" in lines
    assert "  1 x ValueError: other" in lines
    assert lines[-1].endswith("a rerun computes only what failed.")


def test_a_death_has_peak_limit_log_and_the_next_command():
    """All that is needed to have the calls computed after all."""
    record = Accounting(
        job_id="118", task=7, failed=37, max_vmem=5 * GIB, wall_seconds=95.0
    )
    error = diagnose(record, where(memory="4G", time="1:0:0"))
    assert summarise({3: error}, 4, lambda i: f"f({i})").splitlines()[1:-1] == [
        "  1 x OutOfMemory",
        "    first: call 3, f(3) [3fa91c02]",
        "    array task 118.7 on node042 was killed after 95 s at 5.0 GiB of memory=4G",
        "    log: /cache/runs/k3f9a2bc.t7.log",
        '    next: gridtask retry k3f9a2bc --memory 8G, or f.options(memory="8G")',
    ]


def test_an_exception_has_its_place_in_the_code():
    """File, line and function of the user's, the node, and what shows the rest."""
    line = travel.__code__.co_firstlineno + 3
    path = Path(__file__)
    text = summarise({3: travel(ValueError("x"))}, 4, lambda i: f"f({i})")
    first, place, log, after = text.splitlines()[2:-1]
    assert first == "    first: call 3, f(3) [3fa91c02]"
    assert place.endswith(f"{path.name}:{line} in travel, array task 118.7 on node042")
    assert log == "    log: /cache/runs/k3f9a2bc.t7.log"
    assert after == "    next: gridtask show 3fa91c02"


def test_the_place_is_in_the_users_code_where_a_library_has_raised():
    """Nobody looks for a mistake in numpy first."""
    traceback = (
        '  File "/home/ann/model.py", line 12, in step\n    a @ b\n'
        '  File "/venv/lib/python3.12/site-packages/numpy/a.py", line 9, in dot\n'
    )
    first, *_ = example_lines("x", traceback, where())
    assert first.startswith("/home/ann/model.py:12 in step, ")


def test_the_end_of_a_log_keeps_its_indent():
    """Below the line that announces it."""
    error = error_state("no folder", where(log_tail="one\ntwo"))
    lines = summarise({3: error}, 4, lambda i: f"f({i})").splitlines()
    assert lines[-4:-1] == ["    the log ends with:", "      one", "      two"]


def test_one_line_for_all_groups():
    """Messages are cut, and counts kept."""
    failed = {i: ValueError("x" * 100) for i in range(3)} | {7: KeyError("k")}
    text = in_short(failed, 10, str)
    assert text.startswith("4 of 10 calls failed: 3 x ValueError: xxx")
    assert text.endswith("…, 1 x KeyError: 'k'")
    assert len(text) < 140


def test_messages_that_differ_by_numbers_are_told_once():
    """As one cause, with the first call's own message."""
    failed = {i: ValueError(f"bad seed {i}: 0.{i}") for i in range(500)}
    lines = summarise(failed, 500, lambda i: f"f({i})").splitlines()
    assert lines[1:4] == [
        "  500 x ValueError: bad seed #: #",
        "    first: call 0, f(0)",
        "    bad seed 0: 0.0",
    ]
    assert len(lines) == 5


def test_exit_statuses_are_causes_of_their_own():
    """They are numbers that mean something."""
    failed = {i: RuntimeError(f"exit status {i}") for i in range(2)}
    assert "1 x RuntimeError: exit status 1" in summarise(failed, 2, str)


def test_many_causes_are_told_up_to_a_limit():
    """The largest, and how many there are besides, in the text and on the line."""
    words = [f"{a}{b}" for a in "uvwxyz" for b in "uvwxyz"]
    failed = {i: ValueError(word) for i, word in enumerate([*words, "uu"])}
    lines = summarise(failed, 37, str).splitlines()
    assert lines[1] == "  2 x ValueError: uu"
    rest = f"{36 - groups.MAX_GROUPS} more causes"
    assert lines[-2].startswith(f"  and {rest} of {36 - groups.MAX_GROUPS}: ")
    assert in_short(failed, 37, str).endswith(f", and {rest}")


class Unprintable(Exception):
    """Its message cannot be made."""

    def __str__(self):
        raise RuntimeError


def test_messages_of_users_are_made_harmless_and_short():
    """Of many lines the first, cut, and no control characters."""
    error = ValueError("\x1b[31m" + "x" * 1000 + "\nsecond line")
    text = summarise({0: error, 1: Unprintable()}, 2, str)
    assert all(line.isprintable() for line in text.splitlines())
    assert max(map(len, text.splitlines())) < groups.MAX_MESSAGE + 50
    assert "second line" not in text
    assert "(its message cannot be shown)" in text


def test_frames_of_gridtask_are_no_place_to_look():
    """A result that cannot be stored was not returned by a line of gridtask's."""
    traceback = (
        f'  File "{gridtask.errors.__file__}", line 9, in encode\n'
        '  File "/venv/lib/python3.12/site-packages/cloudpickle.py", line 9, in dump\n'
    )
    first, *_ = example_lines("x", traceback, where())
    assert first == "array task 118.7 on node042"
