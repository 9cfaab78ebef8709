"""Scripts on a terminal of their own, with somebody at the keys."""

from __future__ import annotations

import os
import re
import sys
import termios
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pexpect
import pytest

PATIENCE_SECONDS = 60.0
PLAIN = {"TERM": "xterm-256color", "PS1": "$ ", "NO_COLOR": "1"}
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

TASKS = """
    import os
    import sys
    import time
    from pathlib import Path

    import gridtask
    from gridtask import grid_task

    def pass_gate(name):
        end = time.monotonic() + 60
        while not Path(name).exists() and time.monotonic() < end:
            time.sleep(0.02)

    @grid_task(chunk=1)
    def wait(n):
        print("waiting", n)
        with open("marks", "a") as file:
            file.write(f"{n}\\n")
        if n == 0 and not Path("mended").exists():
            raise ValueError("zero")
        if n > 1:
            pass_gate("gate")
        return n * n
"""
"""Call 0 fails until it is mended, 1 ends at once, the others behind a gate."""

MAP = "print('got', wait.map(range(4)), flush=True)"


class Window:
    """A terminal and the process in its foreground."""

    def __init__(
        self, folder: Path, argv: Sequence[str], columns: int, env: dict[str, str]
    ) -> None:
        given = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        self.child = pexpect.spawn(
            argv[0],
            list(argv[1:]),
            cwd=folder,
            env=given | PLAIN | env,
            dimensions=(24, columns),
            encoding="utf-8",
            timeout=PATIENCE_SECONDS,
        )
        self.child.delaybeforesend = None
        self._shown: list[str] = []
        self.child.logfile_read = self

    def write(self, text: str) -> None:
        """Take down what the terminal shows."""
        self._shown.append(text)

    def flush(self) -> None:
        """Have nothing to do."""

    @property
    def raw(self) -> str:
        """All that was written so far."""
        return "".join(self._shown)

    @property
    def text(self) -> str:
        """The same without colours and movements; each redraw begins a line."""
        return CONTROL.sub("", self.raw.replace("\r\n", "\n").replace("\r", "\n"))

    def wait_for(self, pattern: str) -> str:
        """Read until a pattern is shown; return what it matched."""
        self.child.expect(pattern)
        return self.child.after

    def wait_for_text(self, pattern: str) -> None:
        """Read until a pattern is shown, whatever its colours."""
        self.wait_until(lambda: re.search(pattern, self.text))

    def type(self, keys: str) -> None:
        """Press keys."""
        self.child.send(keys)

    def end(self) -> int:
        """Read until the process has ended; return its exit status as a shell's."""
        if not self.child.flag_eof:
            self.child.expect(pexpect.EOF)
        self.child.close()
        if self.child.signalstatus is not None:
            return 128 + self.child.signalstatus
        return self.child.exitstatus

    def end_well(self) -> int:
        """Do the same, with the terminal as it should be left."""
        self.child.expect(pexpect.EOF)
        assert self.takes_lines
        return self.end()

    @property
    def takes_lines(self) -> bool:
        """Whether the terminal echoes and waits for whole lines, as it should."""
        modes = termios.tcgetattr(self.child.child_fd)[3]
        both = termios.ICANON | termios.ECHO
        return modes & both == both

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Read until a condition holds."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < give_up_at, self.text
            self.child.expect([pexpect.TIMEOUT, r".+"], timeout=0.05)


class Desk:
    """A user's folder, and windows in which scripts run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.windows: list[Window] = []

    executable = sys.executable

    def script(self, source: str = MAP, name: str = "program.py") -> str:
        """Write a script that begins with the tasks; return its name."""
        text = textwrap.dedent(TASKS) + textwrap.dedent(source)
        (self.folder / name).write_text(text)
        return name

    def python(self, *argv: str, columns: int = 100, **env: str) -> Window:
        """Run ``python ARGV...`` in a window."""
        return self.window(sys.executable, *argv, columns=columns, **env)

    def window(self, *argv: str, columns: int = 100, **env: str) -> Window:
        """Run a command in a window."""
        self.windows.append(Window(self.folder, argv, columns, env))
        return self.windows[-1]

    def mend(self) -> None:
        """Let the call 0 succeed."""
        (self.folder / "mended").touch()

    def open_gate(self) -> None:
        """Let all other calls end."""
        (self.folder / "gate").touch()

    def marks(self) -> list[str]:
        """Return the executions so far, sorted."""
        path = self.folder / "marks"
        return sorted(path.read_text().split()) if path.exists() else []

    def close(self) -> None:
        """Let everything end."""
        self.open_gate()
        for window in self.windows:
            window.child.close(force=True)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An empty folder of the user's."""
    folder = tmp_path / "project"
    folder.mkdir()
    desk = Desk(folder)
    yield desk
    desk.close()


@pytest.fixture(autouse=True)
def without_settings(no_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let scripts find no settings but their own, and use colours."""
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def on_local(on_local: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let scripts use the processes of this machine, four at once."""
    monkeypatch.setenv("GRIDTASK_MAX_RUNNING", "4")


@pytest.fixture
def backend(backend: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the backend that the scripts use, four calls at once."""
    if backend == "local":
        monkeypatch.setenv("GRIDTASK_MAX_RUNNING", "4")
    return backend
