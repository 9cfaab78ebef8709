"""``gridtask accept``: keep results after an edit that changes none of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gridtask.cli import arguments
from gridtask.cli.errors import FAILED, UsageError
from gridtask.cli.question import confirmed
from gridtask.cli.table import as_date, say
from gridtask.cli.why import history_of, printable_lines

if TYPE_CHECKING:
    from gridtask.caches.history import History

EXAMPLES = """\
examples:
  gridtask accept simulate            results of before the edit count
  gridtask accept simulate --revoke   they do so no longer
  gridtask accept simulate 3fa9 77c0  results of code 3fa9… count for code 77c0…

`gridtask why simulate` lists the versions. What is accepted is shown first.
An edit is known here once the script has mapped the task, or has asked for
.plan() or .why() of calls that have results of before the edit.
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "accept",
        help="keep results after an edit that changes none of them",
        description="Let the results of one version of a task's code count for "
        "another: after an edit that you know to be harmless.",
        examples=EXAMPLES,
    )
    parser.add_argument("names", nargs="+", metavar="TASK", help="the task's name")
    parser.add_argument(
        "--revoke", action="store_true", help="take back what was accepted"
    )
    arguments.add_yes(parser)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Show the edit, ask, and write down that it is accepted."""
    task, *codes = args.names
    if len(codes) > 2:
        msg = "give a task, and the code before and after the edit if need be"
        raise UsageError(msg)
    before, after = (*(code.lower() for code in codes), None, None)[:2]
    cache = arguments.cache_of(args)
    if not any(summary.task == task for summary in cache.ls(task)):
        say(f"no task {task!r} in {cache.path}")
        return FAILED
    history = history_of(cache, task)
    if args.revoke:
        return _revoke(history, before, after, args)
    return _accept(history, before, after, args)


def _accept(
    history: History, before: str | None, after: str | None, args: argparse.Namespace
) -> int:
    from gridtask.why.rules import describe_changes

    older, newer = history.choose(before, after)
    codes = f"code {older.digest.hex()[:8]} count for code {newer.digest.hex()[:8]}"
    say(f"results of {codes}, which differ:")
    for line in describe_changes(history.changes(older, newer)):
        say(printable_lines(line))
    if not confirmed("accept", args.yes):
        return FAILED
    history.versions.accept(older.digest, newer.digest)
    say("accepted; --revoke takes it back")
    return 0


def _revoke(
    history: History, before: str | None, after: str | None, args: argparse.Namespace
) -> int:
    found = history.revocable(before, after)
    for acceptance in found:
        codes = f"{acceptance.before.hex()[:8]} for {acceptance.after.hex()[:8]}"
        say(f"code {codes}, accepted {as_date(acceptance.at)} by {acceptance.user}")
    if not found:
        say("nothing was accepted")
        return 0
    if not confirmed("revoke", args.yes):
        return FAILED
    for acceptance in found:
        history.versions.revoke(acceptance)
    say("revoked; results that were computed since stay")
    return 0
