"""``gridtask ls``: what is in the cache."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from gridtask.cli import arguments
from gridtask.cli.errors import CORRUPT, UsageError
from gridtask.cli.table import (
    Column,
    Row,
    as_age,
    as_memory,
    as_seconds,
    first_of,
    say,
    write_json,
    write_table,
)
from gridtask.errors import GridTaskError
from gridtask.units import format_size

if TYPE_CHECKING:
    from gridtask.caches.folder import Cache
    from gridtask.caches.listing import CallListing
    from gridtask.caches.summaries import CallSummary, TaskSummary

COUNTS = (
    Column("results", right=True),
    Column("failed", right=True),
    Column("running", right=True),
    Column("bytes", format_size, header="size", right=True, spare=True),
    Column("files", right=True, spare=True),
    Column("oldest", as_age, right=True, is_time=True, spare=True),
    Column("newest", as_age, right=True, is_time=True, spare=True),
)

TASK_COLUMNS = (
    Column("task", flexible=True),
    *COUNTS,
    Column("live_bytes", format_size, header="live", right=True, spare=True),
    Column("dead_bytes", format_size, header="dead", right=True, spare=True),
    Column("used", as_age, right=True, is_time=True, spare=True),
)
"""What is shown of each task."""

CACHE_COLUMNS = (
    Column("cache", flexible=True),
    Column("tasks", right=True),
    *COUNTS,
    Column("used", as_age, right=True, is_time=True, spare=True),
)
"""What is shown of each cache below a folder."""

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

TASK_FIELDS = [column.field for column in TASK_COLUMNS]
CACHE_FIELDS = [column.field for column in CACHE_COLUMNS]
CALL_FIELDS = [*(c.field for c in CALL_COLUMNS), "cause", "host", "job", "run"]
"""By what may be sorted."""

DAMAGED = "damaged"
"""State of a call whose record cannot be read; it is computed again."""

EXAMPLES = """\
examples:
  gridtask ls                      all tasks
  gridtask ls simulate             the calls of a task
  gridtask ls --older 30d          what `gridtask rm --older 30d` would remove
  gridtask ls --failed --json      failed calls, one JSON object a line
  gridtask ls --below ~/projects   all caches there

live is what counts, dead what `gridtask gc` frees; used is when a map last read
a result, to a day.
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "ls",
        help="list tasks, or the calls of a task",
        description="List the tasks in the cache; with TASK, KEY, --failed or "
        "--running, calls. With the same arguments `gridtask rm` removes them.",
        examples=EXAMPLES,
    )
    arguments.add_filters(parser)
    arguments.add_json(parser)
    parser.add_argument(
        "--sort",
        metavar="COLUMN",
        help="names in order of the alphabet, anything else largest or newest first",
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """List tasks, calls or caches."""
    arguments.check_names(args)
    names, filters = args.names, arguments.filters_of(args)
    if args.below is not None:
        _check_sort(args.sort, CACHE_FIELDS)
        rows = _sorted(cache_rows(args), args.sort)
        return _write(args, CACHE_COLUMNS, rows, args.below)
    is_of_calls = names or args.failed or args.running
    _check_sort(args.sort, CALL_FIELDS if is_of_calls else TASK_FIELDS)
    cache = arguments.cache_of(args)
    if not is_of_calls:
        rows = _sorted(map(row_of, cache.ls(**filters)), args.sort)
        return _write(args, TASK_COLUMNS, rows, cache.path)
    return _list_calls(args, cache, cache.listing(*names, **filters))


def _list_calls(args: argparse.Namespace, cache: Cache, calls: CallListing) -> int:
    """List calls; name those that are damaged, and tell failures by cause."""
    ordered = iter(calls) if args.sort is None else calls.sorted_by(args.sort)
    failed: list[Row] = []
    damaged: list[str] = []

    def noted() -> Iterator[Row]:
        for row in map(row_of, ordered):
            if row["state"] == DAMAGED:
                damaged.append(row["key"])
                say(row["error"])
            elif row["state"] == "failed" and args.failed and not args.json:
                failed.append(row)
            yield row

    first, rows = first_of(noted())
    _write(args, _call_columns(calls, first), rows, cache.path)
    if failed:
        from gridtask.cli.failed import failures_text

        for line in failures_text(cache, failed).splitlines():
            say(line)
    return CORRUPT if damaged else 0


def _write(
    args: argparse.Namespace,
    columns: Sequence[Column],
    rows: Iterable[Row],
    where: str | os.PathLike[str],
) -> int:
    """Write rows, or that there are none in a place."""
    first, rows = first_of(rows)
    if not first:
        is_there = os.path.exists(where)
        elsewhere = "" if is_there else ", which does not exist: see -C DIR"
        say(f"nothing to list in {where}{elsewhere}")
    if args.json:
        write_json(rows)
    else:
        write_table(columns, rows)
    return 0


def row_of(summary: TaskSummary | CallSummary) -> Row:
    """Return a summary as a row."""
    return {name: getattr(summary, name) for name in summary.__slots__}


def cache_rows(args: argparse.Namespace) -> list[Row]:
    """Return a row for each cache below a folder; name those that are unusable."""
    from gridtask.caches.folder import caches_below

    filters = arguments.filters_of(args)
    rows = []
    for cache in caches_below(args.below):
        try:
            tasks = cache.ls(**filters)
        except (OSError, GridTaskError) as error:
            say(str(error))
            continue
        if args.names:
            tasks = [task for task in tasks if task.task in args.names]
        if tasks or not (args.names or arguments.has_filters(args)):
            rows.append(cache_row(cache, tasks))
    return rows


def cache_row(cache: Cache, tasks: Sequence[TaskSummary]) -> Row:
    """Return the row of a cache: the sum of its tasks."""
    row: dict[str, object] = {"cache": str(cache.path), "tasks": len(tasks)}
    for name in ("results", "failed", "running", "bytes", "files"):
        row[name] = sum(getattr(task, name) for task in tasks)
    row["oldest"] = min((t.oldest for t in tasks if t.oldest), default=None)
    row["newest"] = max((t.newest for t in tasks if t.newest), default=None)
    row["used"] = max((t.used for t in tasks if t.used), default=None)
    return row


def _call_columns(calls: CallListing, first: Sequence[Row]) -> list[Column]:
    """Return the columns that tell something, keys as long as they need be."""
    dull = set()
    if calls.is_of_one_task:
        dull.add("task")
    if not calls.has_failed and all(row["error"] is None for row in first):
        dull.add("error")
    if not calls.has_others and all(row["state"] == "failed" for row in first):
        dull.add("state")
    key = Column("key", lambda key: key[: calls.key_length])
    columns = (key if column.field == "key" else column for column in CALL_COLUMNS)
    return [column for column in columns if column.field not in dull]


def _usual_place(row: Row) -> str:
    """Return by what rows are sorted: by name."""
    return str(row.get("task") or row.get("cache"))


def _check_sort(field: str | None, legal: Sequence[str]) -> None:
    """Refuse to sort by what there is not."""
    if field is not None and field not in legal:
        msg = f"--sort {field!r}: expected one of {', '.join(legal)}"
        raise UsageError(msg)


def _sorted(rows: Iterable[Row], field: str | None) -> list[Row]:
    """Return the rows in the order that was asked for."""
    rows = list(rows)
    if field is None:
        return sorted(rows, key=_usual_place)
    known = [row for row in rows if row[field] is not None]
    unknown = [row for row in rows if row[field] is None]
    is_text = any(isinstance(row[field], str) for row in known)
    known.sort(key=lambda row: row[field], reverse=not is_text)
    return known + unknown
