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

MIN_FLEXIBLE = 12
"""Columns that a text which is cut to fit the terminal keeps at least."""


def say(text: str) -> None:
    """Write a line that is not data: to stderr, with control characters escaped."""
    print(printable(text), file=sys.stderr)


def counted(number: int, noun: str) -> str:
    """Return ``"1 result"``, ``"2 results"``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def as_text(value: Any) -> str:
    """Return a value as it is, or ``-`` for none."""
    return "-" if value is None else printable(str(value))


def as_age(timestamp: Any) -> str:
    """Return how long ago a POSIX time stamp was."""
    if timestamp is None:
        return "-"
    return format_duration(max(time.time() - timestamp, 0.0))


def as_duration(seconds: Any) -> str:
    """Return a length of time."""
    return "-" if seconds is None else format_duration(seconds)


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
    is_time : bool
        True for POSIX time stamps, dates in a pipe.
    """

    field: str
    for_people: Callable[[Any], str] = as_text
    header: str = ""
    right: bool = False
    flexible: bool = False
    is_time: bool = False


def write_json(rows: Iterable[Row]) -> None:
    """Write each row as one JSON object on a line of its own."""
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")


def write_table(columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Write rows: aligned on a terminal, else tab-separated with plain numbers."""
    if not rows:
        return
    headers = [column.header or column.field for column in columns]
    if sys.stdout.isatty():
        sys.stdout.write(_aligned(columns, headers, rows) + "\n")
        return
    sys.stdout.write("\t".join(column.field for column in columns) + "\n")
    for row in rows:
        cells = (
            (as_date if column.is_time else as_text)(row[column.field])
            for column in columns
        )
        sys.stdout.write("\t".join(cells) + "\n")


def _aligned(columns: Sequence[Column], headers: list[str], rows: Sequence[Row]) -> str:
    from tabulate import tabulate

    cells = [[c.for_people(row[c.field]) for c in columns] for row in rows]
    _cut(columns, headers, cells)
    return tabulate(
        cells,
        headers=headers,
        tablefmt="plain",
        disable_numparse=True,
        colalign=["right" if column.right else "left" for column in columns],
    )


def _cut(columns: Sequence[Column], headers: list[str], cells: list[list[str]]) -> None:
    """Shorten the flexible texts in place so that the table fits the terminal."""
    # tabulate keeps two columns free beside a heading.
    widths = [
        max(len(header) + 2, *map(len, column))
        for header, column in zip(headers, zip(*cells, strict=True), strict=True)
    ]
    flexible = [i for i, column in enumerate(columns) if column.flexible]
    if not flexible:
        return
    fixed = sum(w for i, w in enumerate(widths) if i not in flexible)
    gaps = 2 * (len(columns) - 1)
    room = shutil.get_terminal_size().columns - fixed - gaps
    # The narrowest first: what it does not need, the others may use.
    for left, i in enumerate(sorted(flexible, key=lambda i: widths[i])):
        share = max(room // (len(flexible) - left), MIN_FLEXIBLE)
        room -= min(widths[i], share)
        for row in cells:
            if len(row[i]) > share:
                row[i] = row[i][: share - 1] + "…"
