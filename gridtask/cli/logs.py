"""``gridtask logs``: what a call has printed, or all calls of a run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from gridtask.cli import arguments
from gridtask.cli.table import say, write_json
from gridtask.printable import printable

if TYPE_CHECKING:
    from gridtask.caches.folder import Cache

EXAMPLES = """\
examples:
  gridtask logs 3fa91c02           what this call has printed
  gridtask logs -f 3fa91c02        the same, and what follows until it ends
  gridtask logs --all 3fa91c02     also the other calls of its array task
  gridtask logs k3f9a2bc           the calls of the run with this id, one by one
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "logs",
        help="show what a call has printed",
        description="Show what a call has printed: its stdout and stderr, also those "
        "of programs that it started. For a run, that of each call under its text. "
        "On the serial backend calls print to the terminal: nothing is kept.",
        examples=EXAMPLES,
    )
    parser.add_argument(
        "key", metavar="KEY|RUN", help="the call's key, or a run's id or name"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "-f", "--follow", action="store_true", help="go on until the call has ended"
    )
    how.add_argument(
        "-a", "--all", action="store_true", help="all that its array task has printed"
    )
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Show the log."""
    cache = arguments.cache_of(args)
    if args.json:
        write_json([{"key": args.key, "log": cache.log(args.key, whole=args.all)}])
        return 0
    is_queued = _is_queued(cache, args.key)
    if is_queued:
        say(f"{args.key}: nothing is printed yet, for the call waits in the queue")
    is_empty = not is_queued
    for line in _lines(_texts(cache, args)):
        is_empty = False
        print(_safe(line))
        sys.stdout.flush()
    if is_empty:
        say(f"{args.key}: nothing was printed, or its log was not kept")
    return 0


def _is_queued(cache: Cache, key: str) -> bool:
    """Tell whether this is a call that has not begun."""
    from gridtask.errors import GridTaskError

    try:
        return cache.show(key).state == "queued"
    except GridTaskError:  # a run, or a damaged record: its log may be there
        return False


def _texts(cache: Cache, args: argparse.Namespace) -> Iterator[str]:
    """Yield what was printed, as it comes."""
    from gridtask.caches.selection import UnknownCall

    try:
        if args.follow:
            for part in cache.follow_log(args.key):
                yield part.decode(errors="replace")
        else:
            yield cache.log(args.key, whole=args.all)
    except UnknownCall:
        if args.follow or cache.open_store() is None:
            raise
        yield from _of_run(cache, args.key)


def _of_run(cache: Cache, name: str) -> Iterator[str]:
    """Yield what each call of a run has printed, if anything, under its text.

    Raises
    ------
    UnknownCall
        If there is no such run either.
    """
    from gridtask.caches.selection import UnknownCall
    from gridtask.reopen import open_run

    try:
        found = open_run(name, cache.path)
    except KeyError:
        msg = f"no call has a key that begins with {name!r}, and no run is called so"
        raise UnknownCall(msg) from None
    for future in found:
        text = future.log()
        if text:
            yield f"==> {future.text} [{future.key[:8]}] <==\n"
            yield text if text.endswith("\n") else f"{text}\n"


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """Yield whole lines as soon as they are there; the last may have no end."""
    rest = ""
    for text in texts:
        *lines, rest = (rest + text).split("\n")
        yield from lines
    if rest:
        yield rest


def _safe(line: str) -> str:
    """Escape what a terminal would obey; tabs stay.

    What was overwritten by a carriage return (progress bars) is left out.
    """
    shown = line.rstrip("\r").rpartition("\r")[2]
    return "\t".join(printable(part) for part in shown.split("\t"))
