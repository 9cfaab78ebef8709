"""Single keys of a terminal, which always gets back the modes that it had.

While keys are read the terminal neither echoes nor waits for the end of a
line. That is so only while this process is in its foreground, and ends with
it: by `close`, at exit, when it is suspended, and before a signal ends it.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Signals that would end this process before it has given the terminal back."""

ESCAPE_SECONDS = 0.02
"""So long the rest of what an arrow key sends may take."""

LOCAL_MODES = 3
"""Place of the local modes in what `termios.tcgetattr` returns."""


class Keyboard:
    """Reads keys while the terminal is this process's.

    Parameters
    ----------
    fd : int
        The terminal, open for reading.
    before_stop : callable
        Is called before this process is suspended or ended by a signal, to
        remove what was drawn.

    Attributes
    ----------
    is_gone : bool
        True when the terminal cannot be read any more.
    """

    def __init__(self, fd: int, before_stop: Callable[[], None]) -> None:
        self._fd = fd
        self._before_stop = before_stop
        self._modes: list[Any] | None = None
        self._handlers: dict[int, Any] = {}
        self.is_gone = False

    @property
    def is_ours(self) -> bool:
        """True while this process is in the foreground of the terminal.

        Elsewhere reading would stop it, and keys belong to somebody else.
        """
        return not self.is_gone and is_foreground(self._fd) is True

    def read(self, seconds: float) -> str:
        """Return the key that is pressed within some seconds, else an empty text."""
        if not self.is_ours:
            self._modes = None  # the shell has set its own
            time.sleep(seconds)
            return ""
        self._take()
        key = self._next(seconds)
        if key != "\x1b":
            return key
        # An arrow or function key: ESC [ ... and a letter or ~, or ESC O letter.
        kind = last = self._next(ESCAPE_SECONDS)
        while kind in ("[", "O") and last and (last == kind or not "@" <= last <= "~"):
            last = self._next(ESCAPE_SECONDS)
        return ""

    def release(self) -> None:
        """Give the terminal its modes back, until the next key is read."""
        modes, self._modes = self._modes, None
        if modes is not None and is_foreground(self._fd):
            with suppress(termios.error):
                termios.tcsetattr(self._fd, termios.TCSANOW, modes)

    def close(self) -> None:
        """Give the terminal back for good; may be repeated."""
        self.release()
        atexit.unregister(self.release)
        handlers, self._handlers = self._handlers, {}
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def _next(self, seconds: float) -> str:
        """Return the next byte as text, empty if none comes in time."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return ""
        try:
            text = os.read(self._fd, 1).decode("ascii", errors="replace")
        except OSError:  # the terminal is gone
            text = ""
        self.is_gone = not text
        return text

    def _take(self) -> None:
        """Let the terminal pass on each key, unless it does so already.

        It may have got other modes while this process was suspended.
        """
        with suppress(termios.error):
            modes = termios.tcgetattr(self._fd)
            whole_lines = termios.ICANON | termios.ECHO
            if not modes[LOCAL_MODES] & whole_lines:
                return
            self._catch_signals()
            self._modes = list(modes)
            modes[LOCAL_MODES] &= ~whole_lines
            termios.tcsetattr(self._fd, termios.TCSANOW, modes)

    def _catch_signals(self) -> None:
        """Handle the signals for which nobody else has a handler."""
        if self._handlers:
            return
        atexit.register(self.release)
        for number in (*ENDING, signal.SIGTSTP):
            if signal.getsignal(number) is signal.SIG_DFL:
                handler = self._suspend if number == signal.SIGTSTP else self._end
                self._handlers[number] = signal.signal(number, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        """End as the signal does by itself, with the terminal as it was."""
        self.release()
        self._stop_drawing()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    def _suspend(self, number: int, frame: FrameType | None) -> None:
        """Stop until the shell continues this process; `read` takes up the rest."""
        self.release()
        self._stop_drawing()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
        signal.signal(number, self._suspend)

    def _stop_drawing(self) -> None:
        # RuntimeError: the signal came while the same file was written to.
        with suppress(OSError, RuntimeError):
            self._before_stop()


def open_keyboard(before_stop: Callable[[], None]) -> Keyboard | None:
    """Return the keyboard of stdin, if that is a terminal and can be watched.

    Only the main thread can: signals are handled in no other.
    """
    if threading.current_thread() is not threading.main_thread():
        return None
    try:
        fd = sys.stdin.fileno()
        return Keyboard(fd, before_stop) if os.isatty(fd) else None
    except (AttributeError, OSError, ValueError):  # none, closed, or not a file
        return None


def is_foreground(fd: int) -> bool | None:
    """Tell whether this process is in the foreground of a terminal.

    None is for what is not the terminal that controls this process.
    """
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return None
