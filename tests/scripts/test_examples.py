"""Every example runs as its text says, and its second run computes nothing."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def copied(project):
    """Copy the examples into a folder of their own: they make a cache there."""
    for path in EXAMPLES.glob("*.py"):
        shutil.copy(path, project.folder)


def counts(done):
    """Return the lines of counts with which maps ended."""
    return [line for line in done.stderr.splitlines() if " 0 in queue" in line]


def test_quickstart(project, backend):
    """Twenty estimates, all reused by the second run."""
    first = project.run("quickstart.py")
    assert first.stdout.startswith("pi is about 3.1")
    assert counts(first)[-1].startswith("20 calls: 0 cached / 20 finished")
    second = project.run("quickstart.py")
    assert second.stdout.splitlines()[0] == first.stdout.splitlines()[0]
    (line,) = second.stderr.splitlines()
    assert line.startswith("20 calls: 20 cached")


def test_simple(project, backend):
    """Sums of two and three numbers, with a default and a common argument."""
    expected = [
        "{'a': 1, 'b': 2} -> 3",
        "{'a': 3, 'b': 4, 'c': 5} -> 12",
        "{'a': 10, 'b': 20} -> 30",
        "with c=100: [111, 122, 133]",
    ]
    for _ in range(2):
        done = project.run("simple.py")
        assert done.stdout.splitlines() == expected
    assert [line.partition(" / ")[0] for line in done.stderr.splitlines()] == [
        "3 calls: 3 cached"
    ] * 2


def test_non_interactive(project, backend):
    """Submitted by one process, asked for and fetched by others."""
    submitted = project.run("non_interactive.py").stdout
    assert submitted.startswith("submitted: <gridtask.Run ")
    assert "'sums' of add_slowly, 5 calls" in submitted
    asked = project.run("non_interactive.py", "progress").stdout
    assert asked.startswith("5 calls: 0 cached / ")
    fetched = project.run("non_interactive.py", "results").stdout.splitlines()
    assert fetched[0] == "{'a': 0, 'b': 1, 'c': 0} -> 1"
    assert fetched[4] == "{'a': 1, 'b': 2, 'c': 3} -> 6"
    project.run("non_interactive.py")
    again = project.run("non_interactive.py", "progress").stdout
    assert again.startswith("5 calls: 5 cached / 0 finished")


def test_non_interactive_refuses_an_unknown_action(project, on_local):
    """It names the three that there are."""
    ended = project.finish(project.start("non_interactive.py", "cancel"))
    assert ended.returncode == 1
    assert "submit, progress or results" in ended.stderr


def test_pygrid_tutorial(project, backend):
    """Each step of PyGrid's tutorial has a counterpart, and works twice."""
    for _ in range(2):
        steps = iter(project.run("pygrid_tutorial.py").stdout.splitlines())
        assert "[5, 14]" in steps
        assert "[17]" in steps
        assert "[{'a': 1, 'b': 2, 'weight': 2}, {'a': 2, 'b': 3, 'weight': 4}]" in steps
        assert "[5, 14]" in steps
        assert "[1485. 1486. 1487.]" in steps
        assert "{0: FileNotFoundError(2, 'No such file or directory')}" in steps
        assert "[7]" in steps


def test_digits(project, on_cell):
    """A sweep of 240 calls over real data on the cell, and its heat map."""
    pytest.importorskip("sklearn", reason="needs the extra: gridtask[examples]")
    pytest.importorskip("matplotlib", reason="needs the extra: gridtask[examples]")
    first = project.run("digits.py", "first.png")
    assert "240 calls, grid of shape (5, 8, 6)" in first.stdout
    share = float(first.stdout.split(" recognised")[0].rpartition(" ")[2])
    assert 0.98 < share < 1
    second = project.run("digits.py", "second.png")
    assert "240 calls: 240 cached" in second.stderr
    assert second.stdout == first.stdout.replace("first.png", "second.png")
    for name in ("first.png", "second.png"):
        assert (project.folder / name).read_bytes().startswith(PNG)
    assert len(list(project.folder.glob(".gridtask/f/score*/*"))) < 60


def test_workflow(project, backend):
    """Submitted by one process, fetched by another; run again, all is reused."""
    for n_cached in (0, 1):
        submitted = project.run("workflow.py").stdout
        assert submitted.startswith("submitted: <gridtask.Run ")
        fetched = project.run("workflow.py", "results")
        assert re.fullmatch(r"10 subjects, mean 4\.[45]\d\d\n", fetched.stdout)
        assert f"1 calls: {n_cached} cached / {1 - n_cached} finished" in fetched.stderr


def test_every_example_has_a_test():
    """One that is new is not forgotten."""
    tests = Path(__file__).read_text()
    untried = [p.name for p in EXAMPLES.glob("*.py") if f'run("{p.name}"' not in tests]
    assert untried == []
