"""How many calls of a map are in which state, and how that reads as text.

Nothing here knows of terminals or writes anything; `gridtask.progress.display` does.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from gridtask.printable import printable

MIN_BAR, MAX_BAR = 10, 40
"""Columns of the progress bar."""

LEAST_BAR = 4
"""Columns below which a bar tells nothing."""

MAX_MARKS = 60
"""Points in time, a second apart or more, over which the pace is measured."""


class Counts(NamedTuple):
    """How many calls of a map are in which state.

    Attributes
    ----------
    total : int
        All calls.
    cached : int
        Calls whose result was there before.
    finished, failed : int
        Calls that ended since, with a result and without.
    running, queued : int
        Calls that have not ended; held ones count as queued.
    """

    total: int
    cached: int = 0
    finished: int = 0
    running: int = 0
    failed: int = 0
    queued: int = 0

    @property
    def ended(self) -> int:
        """Number of calls that need no more waiting."""
        return self.cached + self.finished + self.failed

    def __str__(self) -> str:
        return (
            f"{self.total} calls: {self.cached} cached / {self.finished} finished / "
            f"{self.running} running / {self.failed} failed / {self.queued} in queue"
        )


_Row = tuple[str, Counts, str]
"""A line with a bar: name, counts, what follows the share."""


class Step(NamedTuple):
    """A run whose results another one needs: its task's name and its counts."""

    name: str
    counts: Counts

    @property
    def still_open(self) -> str:
        """What has not ended well, ``"3 running / 1 failed"``."""
        shown = ("running", "failed", "queued")
        numbers = [(getattr(self.counts, state), state) for state in shown]
        text = " / ".join(f"{number} {state}" for number, state in numbers if number)
        return text.replace("queued", "in queue")


def render(
    counts: Counts,
    *,
    name: str = "",
    seconds_left: float | None = None,
    width: int = 80,
    ascii_only: bool = False,
    steps: Sequence[Step] = (),
    hint: str = "",
) -> str:
    """Return the status of a map as text of at most `width` columns.

    One line where that is wide enough, else the counts, broken between two of
    them if need be, above the bar. Above it a line for each step.

    Parameters
    ----------
    counts : Counts
        What to show.
    name : str
        The task's name, shown before the bar.
    seconds_left : float, optional
        Estimated time in seconds until all calls have ended.
    width : int
        Columns of the terminal.
    ascii_only : bool
        Draw the bar with ``#`` and ``-``.
    steps : sequence of Step
        The runs that this one waits for, in the order of their work.
    hint : str
        Stands behind the counts, where it has room there or behind the bar.

    Returns
    -------
    str
        One or more lines without a line break at the end.
    """
    names = [
        _shorten(printable(text), max(width // 4, 8), ascii_only)
        for text in (*(step.name for step in steps), name)
    ]
    rows = [
        (text, step.counts, step.still_open)
        for text, step in zip(names, steps, strict=False)
    ]
    rows.append((names[-1], counts, _time_left(counts, seconds_left)))
    line = str(counts)
    if hint and len(line) + 1 + len(hint) <= width:
        line, hint = f"{line} {hint}", ""
    needed = _least_width(rows) + MIN_BAR
    beside = width - len(line) - 2
    if not steps and not hint and beside >= needed:
        return f"{line}  {_bar_lines(rows, beside, ascii_only)[0]}"
    if hint and not steps and width - len(hint) - 1 >= needed:
        (below,) = _bar_lines(rows, width - len(hint) - 1, ascii_only)
        return f"{_wrap(line, width)}\n{below} {hint}"
    *above, below = _bar_lines(rows, width, ascii_only)
    lines = [*above, _wrap(line, width), below, hint[:width]]
    return "\n".join(line for line in lines if line)


def _bar_lines(rows: Sequence[_Row], width: int, ascii_only: bool) -> list[str]:
    """Return a line for each row: its name, a bar, the share and what follows.

    The bars are as long as the width allows, and of one length; where that
    leaves no room for them, there are none.
    """
    columns = min(width - _least_width(rows), MAX_BAR)
    indent = max(len(name) for name, *_ in rows)
    lines = []
    for name, counts, after in rows:
        bar = _bar(_share(counts), columns, ascii_only) if columns >= LEAST_BAR else ""
        parts = (name.ljust(indent), bar, _percent(counts, len(rows) > 1, after))
        line = " ".join(part for part in parts if part)
        lines.append(_shorten(line, width, ascii_only))
    return lines


def _least_width(rows: Sequence[_Row]) -> int:
    """Return the columns of bar lines whose bars have none."""
    names = max(len(name) for name, *_ in rows)
    ends = (len(_percent(counts, len(rows) > 1, after)) for _, counts, after in rows)
    return names + bool(names) + 1 + max(ends)


def _share(counts: Counts) -> float:
    return counts.ended / counts.total if counts.total else 1.0


def _percent(counts: Counts, is_aligned: bool, after: str) -> str:
    percent = f"{math.floor(100 * _share(counts)):{3 if is_aligned else 1}d} %"
    return f"{percent}, {after}" if after else percent


def _time_left(counts: Counts, seconds_left: float | None) -> str:
    """Return how long it will take, nothing if that is not known."""
    if seconds_left is None or counts.ended >= counts.total:
        return ""
    from gridtask.units import format_duration

    return f"{format_duration(math.ceil(max(seconds_left, 0.0)))} left"


def _bar(share: float, columns: int, ascii_only: bool) -> str:
    """Return a bar of which `share` is done; nothing where there is no room."""
    done = math.floor(max(columns, 0) * share)
    full, rest = ("#", "-") if ascii_only else ("━", "─")
    return full * done + rest * (columns - done)


def _shorten(text: str, width: int, ascii_only: bool) -> str:
    """Return at most `width` columns of `text`, marking a cut."""
    if len(text) <= width:
        return text
    mark = "..." if ascii_only else "…"
    return text[: width - len(mark)] + mark


def _wrap(text: str, width: int) -> str:
    """Break the line of counts after a slash where it is too long."""
    lines = [""]
    for part in text.split(" / "):
        longer = f"{lines[-1]} / {part}" if lines[-1] else part
        # 2 columns are kept for the slash that ends a broken line.
        if lines[-1] and len(longer) > width - 2:
            lines[-1] += " /"
            longer = part
            lines.append("")
        lines[-1] = longer
    return "\n".join(lines)


class RemainingTime:
    """Estimate the remaining time from how fast calls have been ending.

    The time in which all calls wait in the queue does not count, and of a long
    map only the last minute or more: what has been slow at first (or fast)
    says little about the rest.
    """

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque(maxlen=MAX_MARKS)

    def add(self, counts: Counts, now: float) -> None:
        """Note how many calls have ended at the time `now`, in seconds."""
        ended = counts.finished + counts.failed
        marks = self._marks
        if marks and ended < marks[-1][1]:  # failed calls are tried again
            marks.clear()
        if not counts.running and len(marks) == 1 and ended == marks[0][1]:
            marks.clear()
        if not marks or (ended > marks[-1][1] and now - marks[-1][0] >= 1.0):
            marks.append((now, ended))

    def seconds_left(self, counts: Counts, now: float) -> float | None:
        """Return the estimated remaining time in seconds, None if unknown."""
        if not self._marks:
            return None
        since, ended_before = self._marks[0]
        ended = counts.finished + counts.failed - ended_before
        if ended <= 0 or now <= since:
            return None
        return (counts.total - counts.ended) * (now - since) / ended
