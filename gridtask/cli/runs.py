"""``gridtask runs``: what was submitted, and how far it is."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from gridtask.cli.table import Column, Row, say, write_json, write_table

if TYPE_CHECKING:
    from gridtask.run import Run

STATES = ("cached", "finished", "running", "failed", "queued")
"""States of calls, in the order of the status line."""

COLUMNS = (
    Column("run"),
    Column("name", flexible=True),
    Column("calls", right=True),
    *(Column(state, right=True, spare=state == "cached") for state in STATES),
)


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = verbs.add_parser(
        "runs",
        help="list runs and how far they are",
        description="List the runs whose run files are kept, oldest first. "
        "gridtask.open_run(RUN) opens one in Python.",
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """List the runs."""
    from gridtask.cli.selection import cache_of
    from gridtask.reopen import runs

    cache = cache_of(args)
    rows = [_row(each) for each in runs(cache)] if cache.is_dir() else []
    if not rows:
        say(f"no runs in {cache}")
    if args.json:
        write_json(rows)
    else:
        write_table(COLUMNS, rows)
    return 0


def _row(run: Run[Any]) -> Row:
    """Return the row of a run."""
    progress = run.progress()
    counts = {state: len(getattr(progress, state)) for state in STATES}
    return {"run": run.id, "name": run.name, "calls": len(run), **counts}
