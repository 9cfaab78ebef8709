"""How many calls of a map are in which state, and how that reads as text.

Nothing here knows of terminals or writes anything; `gridtask.progress` does.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from gridtask.printable import printable
from gridtask.units import format_duration

MIN_BAR, MAX_BAR = 10, 40
"""Columns of the progress bar."""

MAX_MARKS = 60
"""Points in time, a second apart or more, over which the pace is measured."""


@dataclass(frozen=True, slots=True)
class Counts:
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


def render(
    counts: Counts,
    *,
    name: str = "",
    seconds_left: float | None = None,
    width: int = 80,
    ascii_only: bool = False,
) -> str:
    """Return the status of a map as text of at most `width` columns.

    One line where that is wide enough, else the counts, broken between two of
    them if need be, above the bar.

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

    Returns
    -------
    str
        One or more lines without a line break at the end.
    """
    share = counts.ended / counts.total if counts.total else 1.0
    before = _shorten(printable(name), max(width // 4, 8), ascii_only)
    after = f"{math.floor(100 * share):d} %"
    if seconds_left is not None and counts.ended < counts.total:
        after += f", {format_duration(math.ceil(max(seconds_left, 0.0)))} left"
    taken = len(before) + bool(before) + 1 + len(after)
    beside = width - len(str(counts)) - 2 - taken
    columns = beside if beside >= MIN_BAR else width - taken
    bar = _bar(share, min(columns, MAX_BAR), ascii_only)
    line = " ".join(part for part in (before, bar, after) if part)
    if beside >= MIN_BAR:
        return f"{counts}  {line}"
    return f"{_wrap(str(counts), width)}\n{line[:width]}"


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
