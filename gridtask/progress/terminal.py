"""The status at the bottom of a terminal, its keys, and the questions asked there."""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, TextIO, cast

from gridtask.driver.counts import Counts, RemainingTime, Step, render
from gridtask.lazy import lazy
from gridtask.progress.display import PlainStatus, Status, safe
from gridtask.progress.keyboard import is_foreground, open_keyboard

if TYPE_CHECKING:
    from rich.console import Console

REDRAW_SECONDS = 0.25
"""How often the status is looked at, and redrawn where it has changed."""

HINT = "(press ? for help)"

COLOURS = ((r"[━#]+", "green"), (r"[─-]{2,}", "dim"), (r"\b[1-9]\d* failed", "red"))
"""Patterns of what is coloured, and how."""


class TerminalStatus(Status):
    """Redraw the status in place at the bottom of a terminal, and read its keys.

    Nothing is drawn, and rich is not imported, for a map of which all calls have
    ended by the first update: that leaves one line of counts. In the background
    plain lines are written, as into a file. Of several maps in threads one at a
    time has its status shown.
    """

    _shown: ClassVar[TerminalStatus | None] = None

    def __init__(
        self, name: str, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(stream)
        self._name = name
        self._clock = clock
        self._remaining = RemainingTime()
        self._counts: Counts | None = None
        self._steps: Sequence[Step] = ()
        self._question = ""
        self._keyboard = open_keyboard(self._hide)
        lines = cast(TextIO, _Above(stream, self._write_above))
        self._in_background = PlainStatus(lines, clock)
        self._lines: list[str] = []
        self._redraw_at = -math.inf
        self._prints = contextlib.ExitStack()
        self._closed = False

    def update(self, counts: Counts, steps: Sequence[Step] = ()) -> None:
        """Show new counts at the next redraw."""
        with self._lock:
            self._counts, self._steps = counts, steps
            self._remaining.add(counts, self._clock())
            if self._clock() >= self._redraw_at:
                self._draw()

    def message(self, text: str) -> None:
        """Print `text` on lines of its own, above the status."""
        self._write_above(safe(text) + "\n")

    def key(self, seconds: float) -> str:
        """Wait for a key, keeping the status up to date."""
        end = self._clock() + seconds
        while True:
            self._draw()
            left = end - self._clock()
            if left <= 0:
                return ""
            if self._keyboard is None:
                time.sleep(min(left, REDRAW_SECONDS))
            elif key := self._keyboard.read(min(left, REDRAW_SECONDS)):
                return key

    @property
    def has_keys(self) -> bool:
        """True while somebody can press keys."""
        return self._keyboard is not None and self._keyboard.is_ours

    def ask(self, question: str) -> str:
        """Return the key that answers a question."""
        self._question = question
        try:
            key = ""
            while not key and self._keyboard and not self._keyboard.is_gone:
                key = self.key(REDRAW_SECONDS)
            return key
        finally:
            self._question = ""
            self._draw()

    def edit(self, prompt: str, text: str) -> str | None:
        """Let the user change a text; None if that was given up."""
        self._hide()
        if self._keyboard is not None:
            self._keyboard.release()
        try:
            return _edit_line(self._stream, prompt, text)
        except EOFError:
            self._write("")
            return None

    def close(self) -> None:
        """Leave one line with the last counts and give the terminal back."""
        if self._keyboard is not None:
            self._keyboard.close()
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._hide()
            if self._counts is not None:
                self._in_background.update(self._counts)
            self._in_background.close()

    @lazy
    def _console(self) -> Console:
        from rich.console import Console

        return Console(file=self._stream, highlight=False)

    def _draw(self) -> None:
        """Show the status as it is now, unless that is what stands there."""
        with self._lock:
            counts = self._counts
            if counts is None or self._closed:
                return
            self._redraw_at = self._clock() + REDRAW_SECONDS
            if _is_in_background(self._stream):
                self._hide()
                self._in_background.update(counts)
                return
            is_over = counts.ended == counts.total
            if is_over and not self._lines and not self._question:
                return
            if TerminalStatus._shown not in (None, self):
                return
            lines = self._picture(counts)
            if lines == self._lines:
                return
            if not self._lines:
                TerminalStatus._shown = self
                self._catch_prints()
            self._put(self._erasure() + self._coloured(lines))
            self._lines = lines

    def _picture(self, counts: Counts) -> list[str]:
        """Return the lines to show."""
        width = self._console.width
        text = render(
            counts,
            name=self._name,
            seconds_left=self._remaining.seconds_left(counts, self._clock()),
            width=width,
            ascii_only=self._console.options.ascii_only,
            steps=self._steps,
            hint=HINT if self.has_keys and not self._question else "",
        )
        lines = [line[:width] for line in text.split("\n")]
        lines += self._question.splitlines()
        # What does not fit could not be removed from the screen again.
        return lines[-(self._console.height - 1) :]

    def _coloured(self, lines: Sequence[str]) -> str:
        from rich.text import Text

        picture = Text("\n".join(lines))
        for pattern, style in COLOURS:
            picture.highlight_regex(pattern, style)
        if self._question:
            asked = Text(f"\n{lines[-1]}", "bold")
            picture = picture[: len(picture) - len(asked)] + asked
        with self._console.capture() as captured:
            self._console.print(picture, end="", soft_wrap=True)
        return captured.get()

    def _erasure(self) -> str:
        """Return what removes the lines that are shown.

        A window that has become narrower has broken them into more.
        """
        if not self._lines:
            return ""
        from rich.cells import cell_len

        width = self._console.width
        rows = sum(max(1, math.ceil(cell_len(line) / width)) for line in self._lines)
        return "\r\x1b[2K" + "\x1b[1A\x1b[2K" * (rows - 1)

    def _write_above(self, text: str) -> None:
        """Write whole lines above the status, as they are."""
        shown = TerminalStatus._shown or self
        with shown._lock:
            again = shown._coloured(shown._lines) if shown._lines else ""
            shown._put(shown._erasure() + text + again)

    def _hide(self) -> None:
        """Remove the status from the screen; the next `_draw` shows it again."""
        with self._lock:
            erasure, self._lines = self._erasure(), []
            if erasure:
                TerminalStatus._shown = None
                self._put(erasure)
                self._prints.close()

    def _put(self, text: str) -> None:
        with contextlib.suppress(OSError):  # nobody is watching any more
            self._stream.write(text)
            self._stream.flush()

    def _catch_prints(self) -> None:
        """Let what the script prints on this terminal appear above the status."""
        if self._stream is not sys.stderr or not sys.stderr.isatty():
            return
        enter = self._prints.enter_context
        if sys.stdout is not None and sys.stdout.isatty():
            above = _Above(sys.stdout, self._write_above)
            enter(contextlib.closing(above))
            enter(contextlib.redirect_stdout(cast(TextIO, above)))
        above = _Above(sys.stderr, self._write_above)
        enter(contextlib.closing(above))
        enter(contextlib.redirect_stderr(cast(TextIO, above)))


class _Above:
    """Stands for stdout or stderr while there is a status below what they print."""

    def __init__(self, file: TextIO, write_above: Callable[[str], None]) -> None:
        self._file = file
        self._write_above = write_above
        self._rest = ""
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        """Write the lines that are whole, keep the rest for later."""
        with self._lock:
            lines, newline, rest = (self._rest + text).rpartition("\n")
            self._rest = rest
            if newline:
                self._write_above(lines + newline)
        return len(text)

    def flush(self) -> None:
        """Do nothing: whole lines are there, and a part of one has no place."""

    def close(self) -> None:
        """Write what is left to the file itself."""
        if self._rest:
            self._file.write(self._rest)
            self._file.flush()


def _is_in_background(stream: TextIO) -> bool:
    try:
        return is_foreground(stream.fileno()) is False
    except (OSError, ValueError):  # a stream that only says it is a terminal
        return False


def _edit_line(stream: TextIO, prompt: str, text: str) -> str:
    """Return a line that the user has typed over `text`."""
    if sys.stdin.isatty() and sys.stdout is not None and sys.stdout.isatty():
        try:
            import readline
        except ImportError:
            pass
        else:
            readline.set_startup_hook(lambda: readline.insert_text(text))
            try:
                return input(prompt)
            finally:
                readline.set_startup_hook(None)
    stream.write(f"{prompt}[{text}] ")
    stream.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.strip() or text
