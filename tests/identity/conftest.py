"""Projects whose code is sent to a worker."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

_SEND = """
import os as _os
from gridtask.identity.code import identify as _identify
with open(_os.environ["SNAPSHOT"], "wb") as _file:
    _file.write(_identify(f).snapshot())
"""
_RECEIVE = """
import os, pickle, sys, traceback
def trace(f, x):
    try:
        f(x)
    except Exception:
        return traceback.format_exc()
sys.path.insert(0, os.environ["PROJECT"])
from gridtask.identity.snapshot.install import install
with open(os.environ["SNAPSHOT"], "rb") as file:
    f = install(file.read())
for line in sys.argv[1:]:
    print(repr(eval(line)))
"""


class Project:
    """A folder with a user's code, a driver and workers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.elsewhere = folder / "elsewhere"
        self.folder.mkdir()
        self.elsewhere.mkdir()
        self.env = {
            **os.environ,
            "SNAPSHOT": str(folder / "snapshot"),
            "PROJECT": str(self.folder),
            "GRIDTASK_DEBUG": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def write(self, **files: str) -> None:
        """Write modules by name; ``__`` in a name is a folder."""
        for name, text in files.items():
            path = self.folder / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))

    def drive(self, *, check: bool = True, options: str = "") -> str:
        """Run script.py, then take the snapshot of its function ``f``."""
        script = self.folder / "script.py"
        send = _SEND.replace("_identify(f)", f"_identify(f, {options})")
        script.write_text(script.read_text() + send)
        done = subprocess.run(
            [sys.executable, str(script)],
            env=self.env, capture_output=True, text=True,
        )  # fmt: skip
        if check:
            assert done.returncode == 0, done.stderr
        return done.stderr

    def work(self, *lines: str) -> list[str]:
        """Install the snapshot in a worker; return what the lines evaluate to."""
        done = subprocess.run(
            [sys.executable, "-P", "-c", _RECEIVE, *lines],
            env=self.env, cwd=self.elsewhere, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@pytest.fixture
def project(tmp_path):
    """An empty project."""
    return Project(tmp_path)
