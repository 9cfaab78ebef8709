"""What a person sees while waiting, on a terminal and elsewhere.

A terminal has a status that is redrawn in place, a notebook one place of its
output, anything else plain lines. Everything goes to stderr, so that a
script's own output can be redirected by itself.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self, TextIO

from gridtask.driver.counts import Counts, RemainingTime, Step, render
from gridtask.printable import printable

__all__ = ["Counts", "Status", "open_status"]

PLAIN_SECONDS = 30.0
"""Least time between two plain lines, in seconds."""

NOTEBOOK_SECONDS = 0.5
"""Least time between two updates of a notebook's output, in seconds."""


class Status:
    """Show messages and nothing else; base of the other kinds.

    Use it as a context manager: leaving it writes the last counts and gives
    the terminal back. `update`, `message` and `close` may be called from any
    thread.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.RLock()

    def update(self, counts: Counts, steps: Sequence[Step] = ()) -> None:
        """Show new counts.

        Parameters
        ----------
        counts : Counts
            How many calls are in which state.
        steps : sequence of Step
            The runs that these calls wait for.
        """

    def message(self, text: str) -> None:
        """Print `text` on lines of its own, above the status."""
        self._write(safe(text))

    @property
    def has_keys(self) -> bool:
        """True while somebody can press keys: on a terminal, in its foreground."""
        return False

    def key(self, seconds: float) -> str:
        """Wait some seconds; return the key that ended that, empty if none did."""
        time.sleep(seconds)
        return ""

    def ask(self, question: str) -> str:
        """Return the key that answers a question; empty where nobody can."""
        return ""

    def edit(self, prompt: str, text: str) -> str | None:
        """Let the user change a text; None where nobody can, or does not want."""
        return None

    def close(self) -> None:
        """Write the last counts if they are not there yet; may be repeated."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, text: str) -> None:
        # A terminal that went away (the connection was cut) must not end the
        # map: nobody is watching, the calls go on.
        with self._lock, contextlib.suppress(OSError):
            self._stream.write(text + "\n")
            self._stream.flush()


class PlainStatus(Status):
    """Write a line when counts have changed, at most every `PLAIN_SECONDS`."""

    def __init__(
        self, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(stream)
        self._clock = clock
        self._counts: Counts | None = None
        self._written: Counts | None = None
        self._next_at = -math.inf

    def update(self, counts: Counts, steps: Sequence[Step] = ()) -> None:
        """Show new counts; `steps` have no place on lines that stay."""
        with self._lock:
            self._counts = counts
            if counts != self._written and self._clock() >= self._next_at:
                self._show()

    def close(self) -> None:
        """Write the last counts if they are not there yet; may be repeated."""
        with self._lock:
            if self._counts != self._written:
                self._show()

    def _show(self) -> None:
        self._written = self._counts
        self._next_at = self._clock() + PLAIN_SECONDS
        self._write(str(self._counts))


class NotebookOutput(Protocol):
    """A place in a notebook's output that can be written again."""

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        """Replace what the place shows."""
        ...


class NotebookStatus(Status):
    """Rewrite one place of a notebook cell's output."""

    def __init__(
        self,
        name: str,
        stream: TextIO,
        display: Callable[[dict[str, str]], NotebookOutput],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(stream)
        self._name = name
        self._display = display
        self._clock = clock
        self._remaining = RemainingTime()
        self._counts: Counts | None = None
        self._output: NotebookOutput | None = None
        self._next_at = -math.inf

    def update(self, counts: Counts, steps: Sequence[Step] = ()) -> None:
        """Show new counts, at most every `NOTEBOOK_SECONDS`."""
        with self._lock:
            self._counts = counts
            now = self._clock()
            self._remaining.add(counts, now)
            if now < self._next_at:
                return
            self._next_at = now + NOTEBOOK_SECONDS
            left = self._remaining.seconds_left(counts, now)
            self._show(render(counts, name=self._name, seconds_left=left, steps=steps))

    def close(self) -> None:
        """Leave one line with the last counts; may be repeated."""
        with self._lock:
            if self._counts is not None:
                self._show(str(self._counts))
                self._counts = None

    def _show(self, text: str) -> None:
        data = {"text/plain": text}
        if self._output is None:
            self._output = self._display(data)
        else:
            self._output.update(data, raw=True)


def safe(text: str) -> str:
    """Return `text` with its lines kept and all other control characters escaped."""
    return "\n".join(printable(line) for line in text.split("\n"))


def open_status(
    name: str,
    *,
    progress: bool | None = None,
    stream: TextIO | None = None,
    live: bool = True,
) -> Status:
    """Return the kind of status that suits where the output goes.

    Parameters
    ----------
    name : str
        The task's name.
    progress : bool, optional
        False shows messages only.
    stream : file, optional
        Where to write; stderr by default.
    live : bool
        False writes plain lines also on a terminal and in a notebook: for
        calls that run in this process, whose prints and debugger come first.

    Returns
    -------
    Status
        To be closed, best as a context manager.
    """
    display = _notebook_display() if stream is None else None
    stream = sys.stderr if stream is None else stream
    if progress is False:
        return Status(stream)
    if live and display is not None:
        return NotebookStatus(name, stream, display)
    if live and stream.isatty() and os.environ.get("TERM") not in (None, "", "dumb"):
        from gridtask.progress.terminal import TerminalStatus

        return TerminalStatus(name, stream)
    return PlainStatus(stream)


def _notebook_display() -> Callable[[dict[str, str]], NotebookOutput] | None:
    """Return a function that shows text in the running notebook, if there is one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is None:
        return None

    def show(data: dict[str, str]) -> NotebookOutput:
        display = importlib.import_module("IPython.display").display
        output: NotebookOutput = display(data, raw=True, display_id=True)
        return output

    return show
