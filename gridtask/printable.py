"""Text of the user's values, safe to show and short enough to read.

Names, arguments and error texts come from anywhere; control characters in
them must never reach a terminal.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

MAX_ARGUMENTS = 200
"""Characters of a call's arguments that are kept with its result."""

MAX_VALUE = 100
"""Characters of one value."""


class _ShortRepr(reprlib.Repr):
    """`reprlib.Repr` with one line, generous limits and arrays by shape."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 60
        self.maxlong = 40
        self.maxlist = self.maxtuple = self.maxset = self.maxdict = 6
        self.maxlevel = 3

    def repr_bytes(self, value: bytes | bytearray, level: int) -> str:
        """Return the start of the bytes, without making text of all of them."""
        if len(value) <= self.maxstring:
            return repr(value)
        return f"{value[: self.maxstring // 4]!r}... ({len(value)} bytes)"

    repr_bytearray = repr_bytes

    def repr_ndarray(self, value: Any, level: int) -> str:
        """Return shape and dtype; printing an array's values costs too much."""
        return f"array({value.shape}, {value.dtype})"

    def repr_instance(self, value: Any, level: int) -> str:
        """Return the object's own repr, shortened, whatever it raises."""
        try:
            text = repr(value)
        except Exception:
            return f"<{type(value).__name__} object>"
        if len(text) > self.maxother:
            text = text[: self.maxother - 3] + "..."
        return text


_REPR = _ShortRepr()

_BRIEF = frozenset({float, bool, type(None)})
"""Types of which every repr is short."""


def short_job(job: str) -> str:
    """Return an array task as people name it: of a local job, its process alone.

    Examples
    --------
    >>> short_job("26886-1333242-4185b9baeffffffc.4"), short_job("118.7")
    ('26886.4', '118.7')
    """
    job_id, dot, task = job.rpartition(".")
    return f"{job_id.partition('-')[0]}{dot}{task}"


def printable(text: str) -> str:
    """Escape what is not printable: control characters, line ends, direction marks.

    Examples
    --------
    >>> print(printable("red \\x1b[31m\\n"))
    red \\x1b[31m\\n
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def short_repr(value: Any) -> str:
    """Return one printable line of at most `MAX_VALUE` characters for any value."""
    if type(value) in _BRIEF or (type(value) is int and value.bit_length() < 64):
        return repr(value)
    try:
        return shorten(printable(_REPR.repr(value)), MAX_VALUE)
    except Exception:  # a user's __repr__ or __len__ may raise anything
        return f"<{type(value).__name__} object>"


def arguments_text(arguments: Mapping[str, Any]) -> str:
    """Return ``"a=1, b='x'"``, cut at `MAX_ARGUMENTS` characters.

    Examples
    --------
    >>> arguments_text({"a": 1, "b": "x"})
    "a=1, b='x'"
    """
    parts: list[str] = []
    length = 0
    for name, value in arguments.items():
        part = f"{name}={short_repr(value)}"
        parts.append(part)
        length += len(part) + 2
        if length > MAX_ARGUMENTS:
            break
    return shorten(", ".join(parts), MAX_ARGUMENTS)


def shorten(text: str, width: int) -> str:
    """Return at most `width` characters of `text`, marking a cut.

    Examples
    --------
    >>> shorten("simulate", 4)
    'sim…'
    """
    return text if len(text) <= width else text[: width - 1] + "…"
