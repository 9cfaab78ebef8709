"""`gridtask report`: from a run on this machine to a page."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("matplotlib", reason="the extra `report` is not installed")
pytest.importorskip("jinja2", reason="the extra `report` is not installed")

from gridtask.cli import main

SCRIPT = """
from gridtask import grid_task

@grid_task(backend="local", chunk=2)
def invert(n):
    print("about to invert", n)
    return 1 / n

if __name__ == "__main__":
    for run, numbers in (("first", range(5)), ("second <b>", range(5, 8))):
        try:
            invert.map(numbers, run=run, progress=False)
        except Exception as error:
            print(type(error).__name__)
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache with two runs; of the first one call has failed."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "script.py").write_text(SCRIPT)
    argv = [sys.executable, "script.py"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == "MapError\n"
    return folder / ".gridtask"


@pytest.fixture
def report(cache, tmp_path, capsys):
    """Return a function that runs the verb; status, page and stderr."""

    def run(*argv):
        path = tmp_path / "run.html"
        status = main(["-C", str(cache), "report", *argv, "-o", str(path)])
        page = path.read_text() if path.exists() else None
        return status, page, capsys.readouterr().err

    return run


def test_a_run_is_told_with_its_failures(report):
    """The traceback on the node, what was printed, and the other calls."""
    status, page, err = report("first")
    assert status == 0
    assert "run first" in err
    for text in (
        "1 \N{MULTIPLICATION SIGN} ZeroDivisionError",
        "division by zero",
        "script.py",
        "about to invert 0",
        "1 of 5 calls failed",
        "invert(n=4)",
    ):
        assert text in page


def test_the_latest_run_is_the_default(report):
    """Its name is text, whatever is in it."""
    status, page, _ = report()
    assert status == 0
    assert "second &lt;b&gt;" in page
    assert "every call has its result" in page


def test_an_unknown_run_is_status_1(report):
    """Near ones are named; nothing is written."""
    status, page, err = report("firts")
    assert (status, page) == (1, None)
    assert "first" in err


def test_an_empty_cache_has_no_run(tmp_path, capsys):
    """That is said, not raised."""
    (tmp_path / "project").mkdir()
    argv = ["-C", str(tmp_path / "project"), "report", "-o", "-"]
    assert main(argv) == 1
    assert "no cache" in capsys.readouterr().err


def test_the_page_can_go_to_stdout(cache, capsys):
    """With -o -."""
    assert main(["-C", str(cache), "report", "first", "-o", "-"]) == 0
    assert capsys.readouterr().out.startswith("<!doctype html>")


def test_a_folder_that_is_not_there_is_named(cache, capsys):
    """As any other error: one line."""
    assert main(["-C", str(cache), "report", "-o", "/nowhere/run.html"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "/nowhere/run.html" in line


def test_missing_packages_are_named_with_the_command(report, monkeypatch):
    """Before anything is read."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    status, page, err = report()
    assert (status, page) == (1, None)
    assert "matplotlib and jinja2" in err
    assert "pip install 'gridtask[report]'" in err
