"""Rows for people on a terminal, for other programs in a pipe or as JSON."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from gridtask.printable import printable
from gridtask.units import format_duration, format_size

Row = Mapping[str, Any]
"""One row: the value of each field, as it appears in JSON."""

MIN_FLEXIBLE = 20
"""Columns that a text which is cut to fit the terminal keeps at least."""

LEAST_FLEXIBLE = 8
"""The same where even the columns that cannot be spared have no room."""

FIRST_ROWS = 1000
"""Columns are as wide as so many rows need: more are not waited for."""


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


def first_of(rows: Iterable[Row]) -> tuple[list[Row], Iterator[Row]]:
    """Return the rows that tell how to write them all, and all rows."""
    rest = iter(rows)
    first = list(islice(rest, FIRST_ROWS))
    return first, chain(first, rest)


def write_table(columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write rows: aligned on a terminal, else tab-separated with plain numbers.

    They are written as they come, in the memory of a few.
    """
    first, rows = first_of(rows)
    if not first:
        return
    is_for_people = sys.stdout.isatty()
    for line in (_aligned if is_for_people else _separated)(columns, rows):
        sys.stdout.write(line + "\n")


def _separated(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines for other programs."""
    yield "\t".join(column.field for column in columns)
    cells = [(c.field, as_date if c.is_time else as_text) for c in columns]
    for row in rows:
        yield "\t".join([as_cell(row[field]) for field, as_cell in cells])


def _aligned(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines for people."""
    rest = iter(rows)
    # The heading as a row like others: tabulate would widen its columns.
    texts = {column: [column.header or column.field] for column in columns}
    widths: dict[Column, int] = {}
    while batch := list(islice(rest, FIRST_ROWS)):
        for column, cells in texts.items():
            cells += (column.for_people(row[column.field]) for row in batch)
        if not widths:
            _fit(texts, shutil.get_terminal_size().columns)
            yield from _lines(texts)
            widths = {column: max(map(len, cells)) for column, cells in texts.items()}
        else:
            _cut(texts, widths)
            yield from _lines(texts)[1:]
        # A row as wide as the first ones keeps the columns where they are.
        texts = {column: ["-" * width] for column, width in widths.items()}


def _lines(texts: Mapping[Column, Sequence[str]]) -> list[str]:
    """Return cells, given column by column, as aligned lines."""
    from tabulate import tabulate

    text: str = tabulate(
        list(zip(*texts.values(), strict=True)),
        tablefmt="plain",
        disable_numparse=True,
        colalign=["right" if column.right else "left" for column in texts],
    )
    return text.split("\n")


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
        widths[column] = share
    _cut(texts, widths)


def _cut(texts: dict[Column, list[str]], widths: Mapping[Column, int]) -> None:
    """Cut the texts of flexible columns."""
    for column in texts:
        if column.flexible:
            texts[column][:] = [_shorten(t, widths[column]) for t in texts[column]]


def _least_width(widths: dict[Column, int], least: int) -> int:
    """Return the columns of the terminal that a table takes at least."""
    kept = (min(w, least) if c.flexible else w for c, w in widths.items())
    return sum(kept) + 2 * (len(widths) - 1)


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
