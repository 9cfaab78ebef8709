"""Why a call is reused or not: the rules, and what differs. Pure, of plain data.

The first rule that holds, in the order of `Rule`, is the answer.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import zip_longest
from typing import NamedTuple, TypeGuard

from gridtask.printable import printable

MAX_CHANGES = 6
"""Changes that an answer shows; the others are counted."""

MAX_DIFF_LINES = 24
"""Lines of a difference that an answer shows."""

LIKENESS = 0.8
"""Sources that are more alike than that, of 1, are one function renamed."""

UNNAMED = "what the parts of the code refer to"
"""What differs where no component does by itself."""

NOT_KEPT = "what differs is not known: that version was not kept"
"""Said of results whose code has no record."""

_NUMBER = re.compile(r" \(\d+\)$")
"""What tells components of one name apart in a manifest."""


class Rule(StrEnum):
    """Why a call is reused, or is not: the first of these that holds.

    ============  ==============================================================
    `RESULT`      The call has a result of the present code: it is reused.
    `ACCEPTED`    It has a result of earlier code, and the user has accepted the
                  edits since (``gridtask accept``): it is reused.
    `IN_FLIGHT`   A job computes it: a map adopts it.
    `FAILED`      It was computed, and failed: it runs again.
    `REMOVED`     It had a result, which was removed.
    `CODE`        An earlier version of the code has a result for the same
                  arguments; the components that differ are named.
    `IGNORED`     The present code has a result for the same arguments, but
                  other parameters were ignored (``ignore=``).
    `ARGUMENT`    Other calls of the task have results; the arguments in which
                  the nearest one differs are named.
    `NEVER`       Nothing like it is known.
    ============  ==============================================================
    """

    RESULT = "result is there"
    ACCEPTED = "accepted"
    IN_FLIGHT = "in flight"
    FAILED = "failed before"
    REMOVED = "result removed"
    CODE = "code changed"
    IGNORED = "ignored parameters changed"
    ARGUMENT = "argument changed"
    NEVER = "never computed"

    @property
    def is_reuse(self) -> bool:
        """Whether nothing has to be computed."""
        return self in (Rule.RESULT, Rule.ACCEPTED, Rule.IN_FLIGHT)


Row = tuple[str, bytes, str]
"""One line of a manifest: a component's name, its digest, and its text: source
or the value in short."""


class Change(NamedTuple):
    """One difference between two versions of the code, or two calls.

    Attributes
    ----------
    name : str
        ``helpers.scale``, ``cfg.ALPHA``; of a parameter its name.
    before, after : str or None
        Source, or the value in short; None where there was, or is, nothing.
    is_argument : bool
        Whether it is an argument of the call.
    new_name : str or None
        The name of a component that has another name now.
    """

    name: str
    before: str | None
    after: str | None
    is_argument: bool = False
    new_name: str | None = None

    @property
    def summary(self) -> str:
        """The change in one line, without what source looks like."""
        name = f"`{printable(self.name)}`"
        if self.is_argument:
            name = f"argument {name}"
        if self.new_name is not None:
            return f"{name} is called `{printable(self.new_name)}` now"
        if self.before is None:
            shown = f": {printable(self.after)}" if _is_value(self.after) else ""
            return f"{name} is new{shown}"
        if self.after is None:
            return f"{name} is used no longer"
        if self.before == self.after:
            return self._hidden_change(name)
        if _is_short(self.before) and _is_short(self.after):
            return f"{name} {printable(self.before)} → {printable(self.after)}"
        return f"{name} changed"

    def _hidden_change(self, name: str) -> str:
        """Say of what differs although its text does not."""
        if not self.after:
            return f"{name} changed"
        if _is_short(self.after):
            return f"{name} has other content ({printable(self.after)})"
        return f"{name} has the same source, but a name in it means something else"

    @property
    def diff(self) -> list[str]:
        """Lines of a unified difference of the source; empty for short values."""
        before, after = self.before, self.after
        if before is None or after is None or before == after:
            return []
        if _is_short(before) and _is_short(after):
            return []
        from difflib import unified_diff

        rows = unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm="")
        lines = [printable(line) for line in rows][2:]
        more = len(lines) - MAX_DIFF_LINES
        if more > 1:
            lines[MAX_DIFF_LINES:] = [f"… and {more} more lines"]
        return lines

    def __str__(self) -> str:
        diff = self.diff
        lines = [f"{self.summary}:" if diff else self.summary]
        return "\n".join([*lines, *(f"    {line}" for line in diff)])


class Reason(NamedTuple):
    """Why a call would or would not be reused; its text is for people.

    Attributes
    ----------
    rule : Rule
        The first rule that holds.
    call, key : str
        The call as text, and its key, 32 hexadecimal digits.
    text : str
        What the rule says of this call, in one line.
    changes : tuple of Change
        What differs from the version, or the call, that `text` names.
    """

    rule: Rule
    call: str
    key: str
    text: str
    changes: tuple[Change, ...] = ()

    @property
    def is_reuse(self) -> bool:
        """Whether the call would not be computed again."""
        return self.rule.is_reuse

    def __str__(self) -> str:
        head = f"{self.call} [{self.key[:8]}]: {self.text}"
        return "\n".join([head, *describe_changes(self.changes)])


def describe_changes(changes: Sequence[Change]) -> list[str]:
    """Return indented lines that show the first of some changes."""
    lines = [
        f"  {line}"
        for change in changes[:MAX_CHANGES]
        for line in str(change).splitlines()
    ]
    more = len(changes) - MAX_CHANGES
    return [*lines, f"  … and {more} more changes"] if more > 0 else lines


def name_changes(changes: Sequence[Change]) -> str:
    """Return the first changes in one line, ``"`cfg.ALPHA` 2 → 3"``."""
    if not changes:
        return UNNAMED
    shown = "; ".join(change.summary for change in changes[:2])
    more = len(changes) - 2
    return f"{shown}; and {more} more" if more > 0 else shown


# ----------------------------------------------------------------------- manifests


def compare_manifests(before: Iterable[Row], after: Iterable[Row]) -> list[Change]:
    """Return what differs between two versions of a task's code.

    Components are paired by name; of several that have one name, those that
    are most alike. One that only has another name is said to be renamed.

    Examples
    --------
    >>> old = [("cfg.ALPHA", b"1", "2"), ("f", b"2", "def f(): ...")]
    >>> new = [("cfg.ALPHA", b"3", "3"), ("f", b"2", "def f(): ...")]
    >>> [str(change) for change in compare_manifests(old, new)]
    ['`cfg.ALPHA` 2 → 3']
    """
    old, new = _only_in(before, after), _only_in(after, before)
    pairs: list[tuple[str, str, str]] = []
    gone: list[Row] = []
    for name in sorted({row[0] for row in old}):
        mine = [row for row in old if row[0] == name]
        others = [row for row in new if row[0] == name]
        for row in mine:
            twin = _most_alike(row, others)
            if twin is None:
                gone.append(row)
                continue
            others.remove(twin)
            new.remove(twin)
            pairs.append((name, row[2], twin[2]))
    changes = [Change(*pair) for pair in dict.fromkeys(pairs)]
    return changes + _moved(gone, new)


def _only_in(rows: Iterable[Row], others: Iterable[Row]) -> list[Row]:
    """Return what one manifest has and the other has not, once each."""
    known = {(_base(name), digest) for name, digest, _ in others}
    found = {
        (_base(name), digest): text
        for name, digest, text in rows
        if (_base(name), digest) not in known
    }
    return [(name, digest, text) for (name, digest), text in found.items()]


def _base(name: str) -> str:
    return _NUMBER.sub("", name)


def _most_alike(row: Row, others: Sequence[Row]) -> Row | None:
    """Return the component whose text is most like this one's."""
    if len(others) < 2:
        return others[0] if others else None

    return max(others, key=lambda other: _likeness(row[2], other[2]))


def _moved(gone: list[Row], new: list[Row]) -> list[Change]:
    """Return what is there no longer and what is new.

    The same content, or almost the same source, under a new name is a rename.
    """
    changes, new = [], list(new)
    for name, digest, text in gone:
        twin = next((r for r in new if r[1] == digest or _is_like(r[2], text)), None)
        if twin is None:
            changes.append(Change(name, text, None))
        else:
            new.remove(twin)
            changes.append(Change(name, text, twin[2], new_name=twin[0]))
    return changes + [Change(name, None, text) for name, _, text in new]


def _is_like(text: str, other: str) -> bool:
    """Tell whether two texts are almost the same source."""
    if _is_short(text) or _is_short(other):
        return False
    return _likeness(text, other) > LIKENESS


def _likeness(text: str, other: str) -> float:
    """Return how much of two texts is the same, from 0 to 1."""
    from difflib import SequenceMatcher  # a plan seldom needs it

    return SequenceMatcher(None, text, other).ratio()


# ----------------------------------------------------------------------- arguments


def split_arguments(text: str, names: Sequence[str]) -> dict[str, str]:
    """Return the text of each argument in a call's text.

    Parameters
    ----------
    text : str
        ``"a=1, b='x'"``; what is cut off at its end is left out.
    names : sequence of str
        The parameters, in the order in which they stand there.

    Examples
    --------
    >>> split_arguments("a=1, b='x, y', c=…", ["a", "b", "c"])
    {'a': '1', 'b': "'x, y'"}
    """
    found: list[tuple[str, int, int]] = []
    start = 0
    for name in names:
        mark = f"{name}=" if not start else f", {name}="
        at = text.find(mark, start)
        if at < 0 or (not start and at):
            continue
        start = at + len(mark)
        found.append((name, at, start))
    values = {}
    for (name, _, begin), after in zip_longest(found, found[1:]):
        values[name] = text[begin : after[1] if after else len(text)]
    if text.endswith("…") and values:
        values.popitem()
    return values


def compare_arguments(
    before: Mapping[str, str], after: Mapping[str, str]
) -> list[Change]:
    """Return the arguments that differ between two calls of one task.

    Where all texts are equal, those that a text does not say in full.
    """
    changes = [
        Change(name, before[name], text, is_argument=True)
        for name, text in after.items()
        if name in before and before[name] != text
    ]
    if changes:
        return changes
    return [
        Change(name, text, text, is_argument=True)
        for name, text in after.items()
        if not _is_literal(text)
    ]


def find_nearest(
    wanted: Mapping[str, str], calls: Iterable[Mapping[str, str]]
) -> int | None:
    """Return the number of the call that differs least; of equals, the first."""
    best, nearest = None, None
    for number, call in enumerate(calls):
        n_different = sum(call.get(name) != text for name, text in wanted.items())
        if best is None or n_different < best:
            best, nearest = n_different, number
    return nearest


def _is_literal(text: str) -> bool:
    """Tell whether a text says all about a value."""
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    return "..." not in text


def _is_short(text: str) -> bool:
    """Tell whether a text is a value, or source as short as one."""
    source = ("def ", "class ", "async def ", "@")
    return "\n" not in text and not text.lstrip().startswith(source)


def _is_value(text: str | None) -> TypeGuard[str]:
    return bool(text) and text is not None and _is_short(text)


def day(timestamp: float) -> str:
    """Return a POSIX time stamp as date and time here, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(timestamp))
