"""Failures grouped by cause, as text: of a `MapError`, at a key, of the command."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gridtask.errors import PACKAGE, CallError
from gridtask.failures import Circumstances, RemoteTraceback
from gridtask.printable import printable, shorten
from gridtask.raised import message_of

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

KEPT = "The other results are kept; a rerun computes only what failed."


@dataclass(frozen=True, slots=True)
class Group:
    """Failed calls with one cause.

    Attributes
    ----------
    kind, message : str
        Type of the error, and the first line of what it says; the cause of a
        `CallError`, which says more about one call only.
    number : int
        How many calls.
    lines : sequence of str
        What is known of the first one.
    """

    kind: str
    message: str
    number: int
    lines: Sequence[str] = ()

    @property
    def head(self) -> str:
        """``"3 x ValueError: bad seed"``."""
        text = f"{self.number} x {self.kind}"
        return f"{text}: {self.message}" if self.message else text


def report(head: str, groups: Iterable[Group]) -> str:
    """Return a text that tells all groups, the largest first."""
    parts = [head]
    for group in sorted(groups, key=lambda group: -group.number):
        parts.append(f"  {group.head}")
        parts += [f"    {printable(line)}" for line in group.lines]
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
    groups = []
    for (kind, message), indices in by_cause(failures).items():
        first = indices[0]
        lines = _lines(failures[first], describe(first), f"call {first}, ")
        groups.append(Group(kind, message, len(indices), lines))
    return report(f"{_n_failed(failures, n_calls)}:", groups)


def in_short(
    failures: Mapping[int, BaseException], n_calls: int, describe: Callable[[int], str]
) -> str:
    """Return the same on one line."""
    groups = [
        Group(kind, shorten(message, MAX_SHORT), len(indices))
        for (kind, message), indices in by_cause(failures).items()
    ]
    groups.sort(key=lambda group: -group.number)
    heads = ", ".join(group.head for group in groups)
    return f"{_n_failed(failures, n_calls)}: {heads}"


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
    """Return the failed calls of each type of error and cause."""
    groups: dict[tuple[str, str], list[int]] = {}
    for index, error in failures.items():
        if isinstance(error, CallError):
            cause = error.cause
        else:
            cause = first_line(message_of(error))
        groups.setdefault((type(error).__name__, cause), []).append(index)
    return groups


def _lines(error: BaseException, call: str, number: str) -> list[str]:
    """Return what is known of a group's first call."""
    cause, where, traceback = error.__cause__, None, ""
    if isinstance(cause, RemoteTraceback):
        where, traceback = cause.where, str(cause)
    if where is None:
        where = Circumstances(call, error.key if isinstance(error, CallError) else "")
    key = f" [{where.key[:8]}]" if where.key else ""
    lines = example_lines(message_of(error), traceback, where)
    return [f"first: {number}{call}{key}", *lines]


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
