"""Makes the modules of this folder importable by its tests; scripts that count."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

PATIENCE_SECONDS = 300.0

TASK = """
    import os
    import sys
    import time
    from gridtask import grid_task

    SECONDS = float(os.environ.get("GRIDTASK_CALL_SECONDS", "0.02"))

    def mark(n):
        fd = os.open(f"marks/{n}.{os.getpid()}.{time.monotonic_ns()}",
                     os.O_CREAT | os.O_EXCL)
        os.close(fd)

    @grid_task
    def square(n):
        mark(n)
        time.sleep(SECONDS)
        return n * n
"""


class Project:
    """A user's folder, whose tasks leave a file in `marks` at each execution."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[str]] = []
        (folder / "marks").mkdir(parents=True)

    def write(self, name: str, source: str, task: str = TASK) -> Path:
        """Write a script that begins with the task."""
        path = self.folder / name
        path.write_text(textwrap.dedent(task) + textwrap.dedent(source))
        return path

    def start(self, *argv: str, **options: object) -> subprocess.Popen[str]:
        """Start ``python ARGV...`` and return the process."""
        given = {"cwd": self.folder, "stdin": subprocess.DEVNULL, "text": True}
        given |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen([sys.executable, *argv], **(given | options))
        self._processes.append(process)
        return process

    def finish(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess:
        """Wait for the end of a process and return what it printed."""
        stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
        return subprocess.CompletedProcess(
            process.args, process.returncode, stdout, stderr
        )

    def run(self, *argv: str, **options: object) -> subprocess.CompletedProcess:
        """Run ``python ARGV...``, which is to end with status 0."""
        done = self.finish(self.start(*argv, **options))
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done

    def executions(self) -> Counter[int]:
        """Return how often each call was executed."""
        names = os.listdir(self.folder / "marks")
        return Counter(int(name.partition(".")[0]) for name in names)

    def wait_until(self, condition: Callable[[], object], what: str) -> None:
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


@pytest.fixture
def new_project(tmp_path: Path) -> Iterator[Callable[[], Project]]:
    """Return a function that makes empty folders of the user's."""
    made: list[Project] = []

    def new() -> Project:
        made.append(Project(tmp_path / f"project{len(made)}"))
        return made[-1]

    yield new
    for project in made:
        project.stop()


@pytest.fixture
def project(new_project: Callable[[], Project]) -> Project:
    """One folder of the user's."""
    return new_project()


@pytest.fixture(autouse=True)
def without_settings(no_settings: None) -> None:
    """Let scripts find no settings but their own."""
