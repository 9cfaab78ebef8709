"""``gridtask usage``: what calls were allowed, what they used, what to ask for."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from gridtask.cli import arguments
from gridtask.cli.errors import FAILED
from gridtask.cli.table import (
    Column,
    Row,
    as_memory,
    as_seconds,
    as_text,
    say,
    write_json,
    write_table,
)

if TYPE_CHECKING:
    from gridtask.caches.usage import Usage

COLUMNS = (
    Column("task", flexible=True),
    Column("calls", right=True),
    Column("memory_asked", as_text, header="memory asked", right=True),
    Column("memory_mb_median", as_memory, header="median", right=True, spare=True),
    Column("memory_mb_p95", as_memory, header="95 %", right=True, spare=True),
    Column("memory_mb_largest", as_memory, header="largest", right=True),
    Column("time_asked", as_text, header="time asked", right=True),
    Column("seconds_median", as_seconds, header="s/call", right=True, spare=True),
    Column("seconds_p95", as_seconds, header="95 %", right=True, spare=True),
    Column("seconds_largest", as_seconds, header="largest", right=True, spare=True),
    Column(
        "array_task_seconds_largest",
        as_seconds,
        header="s/array task",
        right=True,
        spare=True,
    ),
)

EXAMPLES = """\
examples:
  gridtask usage                   all tasks
  gridtask usage simulate          one task, with what to ask for
  gridtask usage --json            one JSON object a task, memory in MB

Memory is the peak of a call's worker until the call had ended: address space
where the site limits that (h_vmem), else resident memory. Other processes that
a call starts are not counted. A time limit counts for a whole array task.
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "usage",
        help="compare what calls asked for with what they used",
        description="Compare the memory and time that the calls of a task were "
        "allowed with what they used, and advise what to ask for.",
        examples=EXAMPLES,
    )
    parser.add_argument("names", nargs="*", metavar="TASK", help="the tasks' names")
    arguments.add_json(parser)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Show what was used, and advise."""
    from gridtask.caches.usage import usage_of
    from gridtask.config import load

    cache = arguments.cache_of(args)
    tasks = [summary.task for summary in cache.ls(*args.names)]
    store = cache.open_store()
    site = load(Path.cwd(), os.environ).settings.site
    found = []
    for task in tasks if store is not None else ():
        assert store is not None
        folder = store.folder(task)
        folder.refresh()
        usage = usage_of(folder, store.runs, site)
        if usage is not None:
            found.append(usage)
    if args.json:
        write_json(asdict(usage) for usage in found)
        return 0
    write_table(COLUMNS, [_row(usage) for usage in found])
    for usage in found:
        for text in usage.advice:
            say(f"{usage.task}: {text}")
    if not found:
        say(f"no call was measured in {cache.path}")
    return FAILED if args.names and not found else 0


def _row(usage: Usage) -> Row:
    """Return a usage as a flat row."""
    row: dict[str, object] = {}
    for name, value in asdict(usage).items():
        if isinstance(value, dict):
            row |= {f"{name}_{part}": number for part, number in value.items()}
        else:
            row[name] = value
    return row
