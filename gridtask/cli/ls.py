"""``gridtask ls``: what is in the cache."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from gridtask.cli import arguments
from gridtask.cli.errors import CORRUPT, UsageError
from gridtask.cli.table import (
    Column,
    Row,
    as_age,
    as_memory,
    as_seconds,
    say,
    write_json,
    write_table,
)
from gridtask.errors import CorruptRecordError
from gridtask.units import format_size

if TYPE_CHECKING:
    from gridtask.cli.selection import Call, Filters, Part

TASK_COLUMNS = (
    Column("task", flexible=True),
    Column("results", right=True),
    Column("failed", right=True),
    Column("running", right=True),
    Column("bytes", format_size, header="size", right=True, spare=True),
    Column("files", right=True, spare=True),
    Column("oldest", as_age, right=True, is_time=True, spare=True),
    Column("newest", as_age, right=True, is_time=True, spare=True),
)
"""What is shown of each task."""

CALL_COLUMNS = (
    Column("task", flexible=True),
    Column("key"),
    Column("args", header="arguments", flexible=True),
    Column("state"),
    Column("error", flexible=True, spare=True),
    Column("seconds", as_seconds, right=True, spare=True),
    Column("peak_mb", as_memory, header="memory", right=True, spare=True),
    Column("ended_at", as_age, header="age", right=True, is_time=True, spare=True),
    Column("bytes", format_size, header="size", right=True, spare=True),
)
"""What is shown of each call; task, state and error where they tell something."""

DAMAGED = "damaged"
"""State of a call whose record cannot be read; it is computed again."""

HIDDEN_FIELDS = ("host", "job", "run")
"""Further fields of a call in JSON."""

EXAMPLES = """\
examples:
  gridtask ls                      all tasks
  gridtask ls simulate             the calls of a task
  gridtask ls --older 30d          what `gridtask rm --older 30d` would remove
  gridtask ls --failed --json      failed calls, one JSON object a line
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = verbs.add_parser(
        "ls",
        help="list tasks, or the calls of a task",
        description="List the tasks in the cache; with TASK, KEY or --failed, calls.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    arguments.add_arguments(parser)
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line, times in seconds"
    )
    parser.add_argument(
        "--sort",
        metavar="COLUMN",
        help="names in order of the alphabet, anything else largest or newest first",
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """List tasks or calls."""
    from gridtask.cli import selection

    filters = selection.filters_of(args)
    store = selection.open_store(args)
    parts = selection.select(store, args.names, filters)
    columns: Sequence[Column]
    if args.names or args.failed:
        rows = [call_row(call) for part in parts for call in part.calls]
        columns = _call_columns(rows)
        legal = [*(column.field for column in CALL_COLUMNS), *HIDDEN_FIELDS]
    else:
        rows = task_rows(parts, selection.in_flight(store), filters)
        columns, legal = TASK_COLUMNS, [column.field for column in TASK_COLUMNS]
    rows = _sorted(rows, args.sort, legal)
    if not rows:
        say(f"nothing to list in {selection.cache_of(args)}")
    if args.json:
        write_json(rows)
    else:
        write_table(columns, rows)
    return CORRUPT if any(row.get("state") == DAMAGED for row in rows) else 0


def task_rows(
    parts: Iterable[Part], running: dict[str, int], filters: Filters
) -> list[Row]:
    """Return one row for each task, with what the filters leave of it."""
    rows: list[Row] = []
    running = dict(running)
    for part in parts:
        n_running = running.pop(part.folder.name, 0)
        if filters.any and not part.calls:
            continue
        sizes = part.folder.sizes()
        if not (part.calls or n_running or sizes.n_live):
            continue  # all that is left is that something was removed
        ended = [call.ended_at for call in part.calls]
        of_calls = sum(call.n_bytes for call in part.calls)
        row: Row = {
            "task": part.folder.name,
            "results": len(part.calls) - part.n_failed,
            "failed": part.n_failed,
            "running": n_running,
            "bytes": of_calls if filters.any else sizes.n_bytes,
            "files": sizes.n_files,
            "oldest": min(ended, default=None),
            "newest": max(ended, default=None),
        }
        rows.append(row)
    if not filters.any:
        rows += [_not_begun(name, number) for name, number in running.items()]
    return rows


def _not_begun(name: str, n_running: int) -> Row:
    """Return the row of a task that has no folder yet."""
    row: dict[str, object] = dict.fromkeys((c.field for c in TASK_COLUMNS), 0)
    row |= {"task": name, "running": n_running, "oldest": None, "newest": None}
    return row


def call_row(call: Call) -> Row:
    """Return the row of a call."""
    state = "failed" if call.failed else "done"
    try:
        meta = call.folder.meta(call.number)
    except CorruptRecordError as error:
        say(str(error))
        state, meta = DAMAGED, {}
    return {
        "task": call.folder.name,
        "key": call.key,
        "args": meta.get("args"),
        "state": state,
        "error": meta.get("error"),
        "seconds": round(call.entry.seconds, 6),
        "peak_mb": call.entry.peak_mb or None,
        "ended_at": call.ended_at,
        "bytes": call.n_bytes,
        **{field: meta.get(field) for field in HIDDEN_FIELDS},
    }


def _call_columns(rows: Sequence[Row]) -> list[Column]:
    """Return the columns that tell something, keys as long as they need be."""
    from gridtask.cli.selection import distinct_length

    n_digits = distinct_length([row["key"] for row in rows])
    dull = set()
    if len({row["task"] for row in rows}) < 2:
        dull.add("task")
    if all(row["error"] is None for row in rows):
        dull.add("error")
    if all(row["state"] == "failed" for row in rows):
        dull.add("state")
    return [
        Column("key", lambda key: key[:n_digits]) if column.field == "key" else column
        for column in CALL_COLUMNS
        if column.field not in dull
    ]


def _sorted(rows: list[Row], field: str | None, legal: Sequence[str]) -> list[Row]:
    """Return the rows in the order that was asked for."""
    if field is None:
        return sorted(rows, key=lambda row: (row["task"], row.get("ended_at") or 0))
    if field not in legal:
        msg = f"--sort {field!r}: expected one of {', '.join(legal)}"
        raise UsageError(msg)
    known = [row for row in rows if row[field] is not None]
    unknown = [row for row in rows if row[field] is None]
    is_text = any(isinstance(row[field], str) for row in known)
    known.sort(key=lambda row: row[field], reverse=not is_text)
    return known + unknown
