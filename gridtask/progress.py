"""What a person sees while waiting: `gridtask.counts` on a terminal and elsewhere.

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
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from gridtask.counts import Counts, RemainingTime, render
from gridtask.printable import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

__all__ = ["Counts", "Status", "open_status"]

PLAIN_SECONDS = 30.0
"""Least time between two plain lines, in seconds."""

REDRAWS_PER_SECOND = 4.0
"""How often a terminal is redrawn."""

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

    def update(self, counts: Counts, seconds_left: float | None = None) -> None:
        """Show new counts.

        Parameters
        ----------
        counts : Counts
            How many calls are in which state.
        seconds_left : float, optional
            Remaining time in seconds where the caller knows it better than
            the pace at which calls end.
        """

    def message(self, text: str) -> None:
        """Print `text` on lines of its own, above the status."""
        self._write(_safe(text))

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

    def update(self, counts: Counts, seconds_left: float | None = None) -> None:
        """Show new counts; `seconds_left` is of no use on lines that stay."""
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


class TerminalStatus(Status):
    """Redraw the status in place at the bottom of a terminal.

    Nothing is drawn, and rich is not imported, for a map of which all calls
    have ended by the first update: that leaves one line of counts.
    """

    def __init__(
        self, name: str, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(stream)
        self._name = name
        self._clock = clock
        self._remaining = RemainingTime()
        self._counts: Counts | None = None
        self._seconds_left: float | None = None
        self._console: Console | None = None
        self._live: Live | None = None
        self._closed = False

    def update(self, counts: Counts, seconds_left: float | None = None) -> None:
        """Show new counts at the next redraw."""
        with self._lock:
            if self._closed:
                return
            self._counts = counts
            self._seconds_left = seconds_left
            self._remaining.add(counts, self._clock())
            if self._live is None and counts.ended < counts.total:
                self._start()

    def message(self, text: str) -> None:
        """Print `text` on lines of its own, above the status."""
        if self._console is None or self._closed:
            super().message(text)
            return
        from rich.text import Text

        with contextlib.suppress(OSError):
            self._console.print(Text(_safe(text)), soft_wrap=True)

    def close(self) -> None:
        """Leave one line with the last counts and give the terminal back."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._live is not None:
                with contextlib.suppress(OSError):
                    self._live.stop()
            if self._counts is not None:
                self._write(str(self._counts))

    def _start(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=self._stream, highlight=False)
        self._live = Live(
            get_renderable=self._picture,
            console=self._console,
            refresh_per_second=REDRAWS_PER_SECOND,
            transient=True,
            # What the script prints to a redirected stdout stays there.
            redirect_stdout=sys.stdout.isatty(),
        )
        with contextlib.suppress(OSError):
            self._live.start(refresh=True)
            # Left visible, so that no way of ending this process, a SIGKILL
            # included, leaves a terminal without a cursor.
            self._console.show_cursor(True)

    def _picture(self) -> Text:
        from rich.text import Text

        if self._console is None or self._counts is None:
            return Text("")
        left = self._seconds_left
        if left is None:
            left = self._remaining.seconds_left(self._counts, self._clock())
        picture = Text(
            render(
                self._counts,
                name=self._name,
                seconds_left=left,
                width=self._console.width,
                ascii_only=self._console.options.ascii_only,
            ),
            no_wrap=True,
            overflow="crop",
        )
        picture.highlight_regex(r"[━#]+", "green")
        picture.highlight_regex(r"[─-]{2,}", "dim")
        picture.highlight_regex(r"\b[1-9]\d* failed", "red")
        return picture


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

    def update(self, counts: Counts, seconds_left: float | None = None) -> None:
        """Show new counts, at most every `NOTEBOOK_SECONDS`."""
        with self._lock:
            self._counts = counts
            now = self._clock()
            self._remaining.add(counts, now)
            if now < self._next_at:
                return
            self._next_at = now + NOTEBOOK_SECONDS
            if seconds_left is None:
                seconds_left = self._remaining.seconds_left(counts, now)
            self._show(render(counts, name=self._name, seconds_left=seconds_left))

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


def _safe(text: str) -> str:
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
