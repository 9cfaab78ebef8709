"""Rows for people on a terminal, for other programs in a pipe or as JSON."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridtask.printable import printable
from gridtask.units import format_duration, format_size

Row = Mapping[str, Any]
"""One row: the value of each field, as it appears in JSON."""

MIN_FLEXIBLE = 20
"""Columns that a text which is cut to fit the terminal keeps at least."""

LEAST_FLEXIBLE = 8
"""The same where even the columns that cannot be spared have no room."""


def say(text: str) -> None:
    """Write a line that is not data: to stderr, with control characters escaped."""
    print(printable(text), file=sys.stderr)


def counted(number: int, noun: str) -> str:
    """Return ``"1 result"``, ``"2 results"``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def as_text(value: Any) -> str:
    """Return a value as it is, lists joined by ``;``, or ``-`` for none."""
    if isinstance(value, (tuple, list)):
        value = "; ".join(map(str, value))
    return "-" if value in (None, "", {}) else printable(str(value))


def as_age(timestamp: Any) -> str:
    """Return how long ago a POSIX time stamp was, in its largest unit."""
    if timestamp is None:
        return "-"
    age = format_duration(max(time.time() - timestamp, 0.0))
    return " ".join(age.split()[:2])


def as_seconds(seconds: Any) -> str:
    """Return a number of seconds, to two digits or to one second, ``-`` for none."""
    if seconds is None:
        return "-"
    if 0 < seconds < 0.01:
        return "<0.01"
    return f"{seconds:.2g}" if seconds < 9.95 else f"{seconds:.0f}"


def as_memory(mebibytes: Any) -> str:
    """Return an amount of memory given in MiB, ``-`` for none."""
    return format_size(mebibytes * 2**20) if mebibytes else "-"


def as_date(timestamp: Any) -> str:
    """Return a POSIX time stamp in ISO 8601, UTC."""
    if timestamp is None:
        return "-"
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(timestamp))


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    field : str
        The row's field that is shown.
    for_people : callable
        How its value reads on a terminal.
    header : str
        Its heading; the field's name by default.
    right : bool
        True for what is aligned at its right edge.
    flexible : bool
        True for text that may be cut to fit the terminal.
    spare : bool
        True for what may be left out where the terminal is narrow.
    is_time : bool
        True for POSIX time stamps, dates in a pipe.
    """

    field: str
    for_people: Callable[[Any], str] = as_text
    header: str = ""
    right: bool = False
    flexible: bool = False
    spare: bool = False
    is_time: bool = False


def write_json(rows: Iterable[Row]) -> None:
    """Write each row as one JSON object on a line of its own."""
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")


def write_table(columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Write rows: aligned on a terminal, else tab-separated with plain numbers."""
    if not rows:
        return
    if sys.stdout.isatty():
        sys.stdout.write(_aligned(columns, rows) + "\n")
        return
    sys.stdout.write("\t".join(column.field for column in columns) + "\n")
    for row in rows:
        cells = (
            (as_date if column.is_time else as_text)(row[column.field])
            for column in columns
        )
        sys.stdout.write("\t".join(cells) + "\n")


def _aligned(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    from tabulate import tabulate

    texts = {
        column: [
            column.header or column.field,
            *(column.for_people(row[column.field]) for row in rows),
        ]
        for column in columns
    }
    _fit(texts, shutil.get_terminal_size().columns)
    return tabulate(
        # The heading as a row like others: tabulate would widen its columns.
        list(zip(*texts.values(), strict=True)),
        tablefmt="plain",
        disable_numparse=True,
        colalign=["right" if column.right else "left" for column in texts],
    )


def _fit(texts: dict[Column, list[str]], width: int) -> None:
    """Leave out spare columns and cut flexible ones until all have room."""
    widths = {column: max(map(len, texts[column])) for column in texts}
    least = MIN_FLEXIBLE
    while (room := width - _least_width(widths, least)) < 0:
        spare = [column for column in widths if column.spare]
        if spare:
            del texts[spare[-1]], widths[spare[-1]]
        elif least == MIN_FLEXIBLE:
            least = LEAST_FLEXIBLE
        else:
            break
    flexible = sorted((c for c in widths if c.flexible), key=lambda c: widths[c])
    # The narrowest first: what it does not need, the others may use.
    for i, column in enumerate(flexible):
        kept = min(widths[column], least)
        share = kept + max(room, 0) // (len(flexible) - i)
        room -= min(widths[column], share) - kept
        texts[column][:] = [_shorten(text, share) for text in texts[column]]


def _least_width(widths: dict[Column, int], least: int) -> int:
    """Return the columns of the terminal that a table takes at least."""
    kept = (min(w, least) if c.flexible else w for c, w in widths.items())
    return sum(kept) + 2 * (len(widths) - 1)


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
