"""``gridtask gc``: give back what nobody needs any more."""

from __future__ import annotations

import argparse

from gridtask.cli import arguments
from gridtask.cli.table import Column, Row, say, write_json, write_table
from gridtask.units import format_size

COLUMNS = (
    Column("where", flexible=True),
    Column("files", right=True),
    Column("bytes", format_size, header="freed", right=True),
    Column("pending_bytes", format_size, header="freed later", right=True, spare=True),
)

EXAMPLES = """\
examples:
  gridtask gc                      now; a crontab may do the same
  gridtask gc --json               what was freed, one JSON object a line
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "gc",
        help="free the space of what was removed or replaced",
        description="Put many small files into few, and remove what is deleted, "
        "replaced, or left by processes that died. Nothing that counts is lost, so "
        "nothing is asked. Files that were replaced just now go with the next map "
        "or gc, two minutes later or more: who reads them may go on.",
        examples=EXAMPLES,
    )
    arguments.add_json(parser)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Collect, and tell what was freed."""
    cache = arguments.cache_of(args)
    rows: list[Row] = [
        {column.field: getattr(collected, column.field) for column in COLUMNS}
        for collected in cache.gc()
        if collected.files or collected.pending_bytes
    ]
    if not rows:
        say(f"nothing to free in {cache.path}")
    if args.json:
        write_json(rows)
    else:
        write_table(COLUMNS, rows)
    return 0
