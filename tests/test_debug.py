"""What gridtask tells of its decisions with ``GRIDTASK_DEBUG=1``."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gridtask.debug import debug, is_on

PROGRAM = """
from gridtask import grid_task

@grid_task(chunk=2, retries=0)
def f(n):
    if n == 3:
        raise ValueError("three")
    return n

f.map(range(4), return_exceptions=True, progress=False)
"""


def run(folder: Path, source: str, value: str | None) -> str:
    """Run a script and return what it says on stderr."""
    (folder / "program.py").write_text(textwrap.dedent(source))
    environ = {k: v for k, v in os.environ.items() if k != "GRIDTASK_DEBUG"}
    environ |= {"GRIDTASK_BACKEND": "local", "GRIDTASK_CACHE": str(folder / "cache")}
    environ |= {"GRIDTASK_DEBUG": value} if value is not None else {}
    argv = [sys.executable, "program.py"]
    done = subprocess.run(
        argv, cwd=folder, env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_decisions_are_told_with_their_reasons(tmp_path: Path):
    """Backend, cache folder, reasons, chunks, command and job, failures."""
    said = run(tmp_path, PROGRAM, "1")
    assert f"backend local (as set); cache folder {tmp_path / 'cache'}" in said
    assert "f(n=0)" in said
    assert "f has no results yet" in said
    assert "2 array tasks of 2 to 2 calls in 1 job(s)" in said
    assert "-m gridtask.worker" in said
    assert "ValueError('three')" in said
    (log,) = (tmp_path / "cache/runs").glob("*.t2.log")
    assert "2 calls of f" in log.read_text()
    again = run(tmp_path, PROGRAM, "1")
    assert "f: 3 of 4 calls have a result" in again


@pytest.mark.parametrize("value", [None, "0", ""])
def test_nothing_is_told_unasked(tmp_path: Path, value: str | None):
    """Nor is logging set up."""
    said = run(tmp_path, PROGRAM, value)
    assert "gridtask session" not in said
    assert "gridtask submission" not in said


def test_what_is_told_goes_to_stderr_as_it_is_now(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A stream that replaced the first one gets it, once, with the module's name."""
    monkeypatch.setenv("GRIDTASK_DEBUG", "1")
    assert is_on()
    debug("%d calls", 3)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("gridtask test_debug: 3 calls")
