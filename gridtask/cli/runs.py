"""``gridtask runs``: what was submitted, and how far it is."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from gridtask.cli import arguments
from gridtask.cli.table import Column, Row, as_age, say, write_json, write_table

if TYPE_CHECKING:
    from gridtask.run import Run

STATES = ("cached", "finished", "running", "failed", "queued")
"""States of calls, in the order of the status line."""

COLUMNS = (
    Column("run"),
    Column("name", flexible=True),
    Column("task", flexible=True),
    Column("calls", right=True),
    *(Column(state, right=True, spare=state == "cached") for state in STATES),
    Column("created_at", as_age, header="age", right=True, is_time=True, spare=True),
)

EXAMPLES = """\
examples:
  gridtask runs                    all runs, oldest first
  gridtask attach k3f9a2bc         wait for one
  gridtask runs --json             one JSON object a line
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "runs",
        help="list runs and how far they are",
        description="List the runs whose run files are kept, oldest first. "
        "gridtask.open_run(RUN) opens one in Python.",
        examples=EXAMPLES,
    )
    arguments.add_json(parser)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """List the runs."""
    from gridtask.reopen import runs

    cache = arguments.cache_of(args)
    is_there = cache.open_store() is not None
    rows = [_row(each) for each in runs(cache.path)] if is_there else []
    if not rows:
        elsewhere = "" if is_there else ", which does not exist: see -C DIR"
        say(f"no runs in {cache.path}{elsewhere}")
    if args.json:
        write_json(rows)
    else:
        write_table(COLUMNS, rows)
    return 0


def _row(run: Run[Any]) -> Row:
    """Return the row of a run."""
    progress = run.progress()
    counts = {state: len(getattr(progress, state)) for state in STATES}
    about = {"run": run.id, "name": run.name, "task": run.task, "calls": len(run)}
    return {**about, **counts, "created_at": run.created_at}
