"""``gridtask attach``: wait for a run as the script that started it does."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from gridtask.cli import arguments
from gridtask.cli.errors import FAILED, CommandError
from gridtask.cli.table import say

if TYPE_CHECKING:
    from gridtask.run import Run

EXAMPLES = """\
examples:
  gridtask attach k3f9a2bc         wait for the run with this id
  gridtask attach "first try"      for the latest run of this name

Ctrl-C stops waiting, the jobs go on.
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "attach",
        help="wait for a run, with its status",
        description="Wait until every call of a run has ended, with the status line; "
        "then say what failed. Its results are taken up by running the script "
        "again, or by gridtask.open_run(RUN).results().",
        examples=EXAMPLES,
    )
    add_run(parser)
    parser.set_defaults(run=run)
    return parser


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the run that a verb is about."""
    parser.add_argument(
        "run_name", metavar="RUN", help="the run's id or name, see `gridtask runs`"
    )


def find_run(args: argparse.Namespace) -> Run[Any]:
    """Open the run that a verb is about.

    Raises
    ------
    CommandError
        If there is none.
    """
    from gridtask.reopen import open_run

    cache = arguments.cache_of(args)
    if cache.open_store() is None:
        msg = f"no run {args.run_name!r}: there is no cache {str(cache.path)!r}"
        raise CommandError(msg)
    try:
        return open_run(args.run_name, cache.path)
    except KeyError as error:
        raise CommandError(error.args[0]) from None


def run(args: argparse.Namespace) -> int:
    """Wait for the run."""
    return wait_for(find_run(args))


def wait_for(run: Run[Any]) -> int:
    """Wait for a run, say what failed, and return the command's status."""
    run.wait()
    text = run.failure_text()
    for line in text.splitlines():
        say(line)
    return FAILED if text else 0
