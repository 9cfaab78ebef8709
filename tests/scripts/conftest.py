"""Real scripts in folders of their own, run as their users would run them."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE_SECONDS = 90.0


class Project:
    """A user's folder: scripts are written into it and run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[str]] = []

    def write(self, name: str, source: str) -> Path:
        """Write a file of the project; a source may be indented as a whole."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return path

    def start(self, *argv: str, **options: object) -> subprocess.Popen[str]:
        """Start ``python ARGV...`` and return the process."""
        given = {
            "cwd": self.folder,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
        }
        process = subprocess.Popen([sys.executable, *argv], **(given | options))
        self._processes.append(process)
        return process

    def finish(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess:
        """Wait for the end of a process and return what it printed."""
        stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
        status = process.returncode
        return subprocess.CompletedProcess(process.args, status, stdout, stderr)

    def run(self, *argv: str, **options: object) -> subprocess.CompletedProcess:
        """Run ``python ARGV...``, which is to end with status 0."""
        done = self.finish(self.start(*argv, **options))
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done

    def marks(self, name: str = "marks") -> list[str]:
        """Return the lines that tasks, or scripts, have appended to a file, sorted."""
        path = self.folder / name
        return sorted(path.read_text().split()) if path.exists() else []

    def wait_for_marks(self, n_marks: int, name: str = "marks") -> None:
        """Wait until so many lines stand in a file of marks."""
        what = f"{n_marks} lines in {name}"
        self.wait_until(lambda: len(self.marks(name)) >= n_marks, what)

    @staticmethod
    def wait_until(condition: Callable[[], object], what: str) -> None:
        """Return as soon as `condition` holds; fail after a long time."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > give_up_at:
                pytest.fail(f"after {PATIENCE_SECONDS:.0f} s still not so: {what}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Leave no process behind."""
        for process in self._processes:
            process.kill()
            process.communicate()


@pytest.fixture(scope="session", autouse=True)
def hangups_are_heard() -> Iterator[None]:
    """Let programs die of SIGHUP even if these tests were started by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty folder of the user's; scripts find no settings but their own."""
    folder = tmp_path / "project"
    folder.mkdir()
    project = Project(folder)
    yield project
    project.stop()


@pytest.fixture
def sge(cell: object) -> Callable[..., str]:
    """Return a function that runs a command of Grid Engine and returns its stdout."""

    def run(*argv: str) -> str:
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        return done.stdout

    return run


@pytest.fixture(autouse=True)
def without_settings(no_settings: None) -> None:
    """Let scripts find no settings but their own."""
