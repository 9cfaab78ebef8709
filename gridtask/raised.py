"""What a worker leaves of a call that failed: its exception as plain data.

And its exit statuses. What a user sees of both, `gridtask.failures` makes.
"""

from __future__ import annotations

import pickle
from types import TracebackType
from typing import Any

from gridtask.printable import printable, short_repr

STORE_UNUSABLE = 75
"""Exit status of a worker that could not use the cache folder.

EX_TEMPFAIL of sysexits.h; 99 and 100 mean something to Grid Engine (qsub(1)).
"""

MAX_TEXT = 50_000
"""Characters of a message, and of a traceback, that are kept for people to read."""

STOPPED_EARLY = 76
"""Exit status of a worker that heeded a soft time limit between two of its calls."""


def describe_exception(error: BaseException, skip: int = 0) -> dict[str, Any]:
    """Return an exception as plain data that any process can read.

    Parameters
    ----------
    skip : int
        Outermost frames of the traceback to leave out: the worker's own.
    """
    frames = error.__traceback__
    for _ in range(skip):
        frames = frames.tb_next if frames is not None else None
    return {
        "type": type(error).__name__,
        "message": _cut(message_of(error)),
        "traceback": _cut(_format(error, frames)),
        "pickled": _pickle(error),
    }


def error_line(error: BaseException) -> str:
    """Return an exception as one printable line of at most 200 characters."""
    return printable(f"{type(error).__name__}: {message_of(error)}")[:200]


def message_of(error: BaseException) -> str:
    """Return an exception's text, whatever its class does."""
    try:
        return str(error)
    except Exception:  # a user's __str__ may raise anything
        return "(its message cannot be shown)"


def _format(error: BaseException, frames: TracebackType | None) -> str:
    try:
        import traceback  # most calls do not fail

        return "".join(traceback.format_exception(type(error), error, frames))
    except Exception:  # formatting calls the user's __str__ and __repr__
        return f"{type(error).__name__}\n"


def _cut(text: str) -> str:
    """Leave out the middle of a text that nobody can read as a whole."""
    n_more = len(text) - MAX_TEXT
    if n_more <= 0:
        return text
    half = MAX_TEXT // 2
    return f"{text[:half]}\n… {n_more} characters …\n{text[-half:]}"


def _pickle(error: BaseException) -> bytes | None:
    """Pickle an exception such that it is known to come back, else None.

    By its own pickling if that gives the same message; else by its arguments
    and attributes; else by those of them that can be pickled.
    """
    kind, message = type(error), message_of(error)
    args = tuple(_portable(value) for value in error.args)
    attributes = {n: _portable(value) for n, value in error.__dict__.items()}
    states = (error, (kind, error.args, error.__dict__), (kind, args, attributes))
    for state in states:
        try:
            data = pickle.dumps(state, protocol=5)
            restored = restore(data)
        except Exception:  # whatever pickling or the class's own code raises
            continue
        is_last = state is states[-1]
        if type(restored) is kind and (is_last or message_of(restored) == message):
            return data
    return None


def _portable(value: Any) -> Any:
    """Return a value that can be pickled, or its text."""
    try:
        pickle.loads(pickle.dumps(value, protocol=5))
    except Exception:  # whatever pickling or the value's own code raises
        return short_repr(value)
    return value


def restore(data: bytes) -> Any:
    """Return the exception that was pickled here, without calling its ``__init__``."""
    restored = pickle.loads(data)
    if not isinstance(restored, tuple):
        return restored
    kind, args, attributes = restored
    error = kind.__new__(kind, *args)
    object.__setattr__(error, "args", args)  # its class may be frozen
    error.__dict__.update(attributes)
    return error
