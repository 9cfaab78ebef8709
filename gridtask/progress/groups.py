"""Failures grouped by cause, as text: of a `MapError`, at a key, of the command."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from gridtask.errors import PACKAGE, CallError
from gridtask.failures import Circumstances, RemoteTraceback
from gridtask.printable import printable, shorten
from gridtask.raised import message_of

T = TypeVar("T")

MAX_MESSAGE = 300
"""Characters that a list of failures shows of an exception's message."""

MAX_SHORT = 60
"""The same where there is one line for all groups."""

FRAME = re.compile(r'^ *File "(.+?)", line (\d+), in (.+)$', re.MULTILINE)
"""A line of a traceback."""

NOT_THE_USERS = (
    PACKAGE,
    "/site-packages/",
    "/dist-packages/",
    "/lib/python",
    "<frozen ",
)
"""Parts of the paths of modules that nobody looks for a mistake in first."""

NUMBER = re.compile(r"(?<!status )(?:\b[0-9a-f]{8}\b|\d+(?:\.\d+)?)")
"""In what the messages of one cause may differ: keys, and numbers that are no exit
status."""

MAX_GROUPS = 10
"""Causes that are told one by one."""

LIST = "`gridtask ls --failed` lists all calls"

KEPT = "The other results are kept; a rerun computes only what failed."


def grouped(
    failures: Iterable[tuple[T, str, str]],
) -> dict[tuple[str, str], list[T]]:
    """Group failures by the type and the message of their errors, the largest first.

    Messages that differ in nothing but numbers are told as one.

    Parameters
    ----------
    failures : iterable of (T, str, str)
        Anything, with the type and the message of its error.
    """
    groups: dict[tuple[str, str], list[T]] = {}
    messages: dict[tuple[str, str], str] = {}
    for failure, kind, message in failures:
        pattern = kind, NUMBER.sub("#", message)
        groups.setdefault(pattern, []).append(failure)
        if messages.setdefault(pattern, message) != message:
            messages[pattern] = pattern[1]
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return {(pattern[0], messages[pattern]): group for pattern, group in ordered}


def report(
    head: str,
    groups: Mapping[tuple[str, str], Sequence[T]],
    tell: Callable[[T, str], Iterable[str]],
) -> str:
    """Return a text that tells the largest groups, and how many others there are.

    Parameters
    ----------
    groups : mapping of (str, str) to sequence
        As `grouped` returns them.
    tell : callable
        Returns what is known of the first failure of a group, given that and the
        message of the group.
    """
    parts = [head]
    for (kind, message), failures in list(groups.items())[:MAX_GROUPS]:
        parts.append(f"  {_heading(kind, message, len(failures))}")
        parts += [f"    {printable(line)}" for line in tell(failures[0], message)]
    rest = [len(failures) for failures in groups.values()][MAX_GROUPS:]
    if rest:
        what = "cause of" if len(rest) == 1 else "causes of"
        parts.append(f"  and {len(rest)} more {what} {sum(rest)}: {LIST}")
    parts.append(KEPT)
    return "\n".join(parts)


def summarise(
    failures: Mapping[int, BaseException], n_calls: int, describe: Callable[[int], str]
) -> str:
    """Return the message of a `MapError`: failures grouped by cause.

    Parameters
    ----------
    failures : mapping of int to BaseException
        By index of the call in the input.
    describe : callable
        Returns a call's text for an index.
    """

    def tell(index: int, message: str) -> list[str]:
        return _lines(failures[index], message, describe(index), f"call {index}, ")

    return report(f"{_n_failed(failures, n_calls)}:", by_cause(failures), tell)


def in_short(
    failures: Mapping[int, BaseException], n_calls: int, describe: Callable[[int], str]
) -> str:
    """Return the same on one line."""
    heads = [
        _heading(kind, shorten(message, MAX_SHORT), len(indices))
        for (kind, message), indices in by_cause(failures).items()
    ]
    if len(heads) > MAX_GROUPS:
        heads = [*heads[:MAX_GROUPS], f"and {len(heads) - MAX_GROUPS} more causes"]
    return f"{_n_failed(failures, n_calls)}: {', '.join(heads)}"


def example_lines(message: str, traceback: str, where: Circumstances) -> list[str]:
    """Return what is known of one failed call, without its name.

    Parameters
    ----------
    message, traceback : str
        Of its error.
    """
    # A CallError says itself where, why and what next, behind the call.
    _, is_call_error, told = message.rpartition(f" [{where.key[:8]}]: ")
    if where.key and is_call_error:
        return [line.removeprefix("  ") for line in told.splitlines()]
    place = where.place if where.job else ""
    lines = [", ".join(part for part in (_location(traceback), place) if part)]
    if where.log:
        lines.append(f"log: {where.log}")
    if where.key:
        lines.append(f"next: gridtask show {where.key[:8]}")
    return [line for line in lines if line]


def first_line(message: str) -> str:
    """Return by what failures of one type are told apart."""
    lines = message.splitlines() or [""]
    return shorten(printable(lines[0]), MAX_MESSAGE)


def by_cause(
    failures: Mapping[int, BaseException],
) -> dict[tuple[str, str], list[int]]:
    """Return the failed calls of each type of error and cause, most calls first."""
    return grouped((i, *_cause(error)) for i, error in failures.items())


def _cause(error: BaseException) -> tuple[str, str]:
    """Return the type of an error, and what may tell it from others of that type."""
    if isinstance(error, CallError):  # its message is about one call only
        return type(error).__name__, error.cause
    return type(error).__name__, first_line(message_of(error))


def _heading(kind: str, message: str, number: int) -> str:
    """Return ``"3 x ValueError: bad seed"``."""
    return f"{number} x {kind}: {message}" if message else f"{number} x {kind}"


def _lines(error: BaseException, head: str, call: str, number: str) -> list[str]:
    """Return what is known of the first call of a group with a heading."""
    cause, where, traceback = error.__cause__, None, ""
    if isinstance(cause, RemoteTraceback):
        where, traceback = cause.where, str(cause)
    if where is None:
        where = Circumstances(call, error.key if isinstance(error, CallError) else "")
    key = f" [{where.key[:8]}]" if where.key else ""
    lines = example_lines(message_of(error), traceback, where)
    _, message = _cause(error)
    own = [message] if message != head else []
    return [f"first: {number}{call}{key}", *own, *lines]


def _location(traceback: str) -> str:
    """Return where an error was raised, in the user's code if that is known."""
    frames = FRAME.findall(traceback)
    own = [f for f in frames if not any(part in f[0] for part in NOT_THE_USERS)]
    if not own and any(path.startswith(PACKAGE) for path, *_ in frames):
        return ""  # it was raised behind the call, where its result is stored
    for path, line, function in (own or frames)[-1:]:
        near = os.path.relpath(path)
        shown = path if near.startswith(os.pardir) else near
        return f"{shown}:{line} in {function}"
    return ""


def _n_failed(failures: Mapping[int, BaseException], n_calls: int) -> str:
    return f"{len(failures)} of {n_calls} calls failed"
