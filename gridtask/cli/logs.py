"""``gridtask logs``: what a call's array task has printed."""

from __future__ import annotations

import argparse
import sys

from gridtask.cli import arguments
from gridtask.cli.table import say, write_json
from gridtask.printable import printable

EXAMPLES = """\
examples:
  gridtask logs 3fa91c02           what the array task of this call has printed
  gridtask logs -f 3fa91c02        the same, and what follows until it ends
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "logs",
        help="show what a call's array task has printed",
        description="Show what the array task of a call has printed: its stdout and "
        "stderr, also those of the other calls of the same array task.",
        examples=EXAMPLES,
    )
    parser.add_argument("key", metavar="KEY", help="its key, or the first digits of it")
    parser.add_argument(
        "-f", "--follow", action="store_true", help="go on until the call has ended"
    )
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Show the log."""
    cache = arguments.cache_of(args)
    if args.json:
        write_json([{"key": args.key, "log": cache.log(args.key)}])
        return 0
    rest = ""
    is_empty = True
    for text in cache.follow_log(args.key, wait=args.follow):
        *lines, rest = (rest + text.decode(errors="replace")).split("\n")
        is_empty = False
        for line in lines:
            print(_safe(line))
        sys.stdout.flush()
    if rest:
        print(_safe(rest))
    if is_empty:
        say(f"{args.key}: nothing was printed, or its log was not kept")
    return 0


def _safe(line: str) -> str:
    """Escape what a terminal would obey; tabs stay.

    What was overwritten by a carriage return (progress bars) is left out.
    """
    shown = line.rstrip("\r").rpartition("\r")[2]
    return "\t".join(printable(part) for part in shown.split("\t"))
