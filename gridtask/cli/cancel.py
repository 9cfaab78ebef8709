"""``gridtask cancel``: delete the jobs of a run."""

from __future__ import annotations

import argparse

from gridtask.cli import arguments
from gridtask.cli.attach import add_run, find_run
from gridtask.cli.errors import FAILED, UNREACHABLE
from gridtask.cli.question import confirmed
from gridtask.cli.table import counted, say

EXAMPLES = """\
examples:
  gridtask cancel k3f9a2bc         ask, then delete the jobs of this run
  gridtask cancel k3f9a2bc --yes   without a question
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "cancel",
        help="delete the jobs of a run",
        description="Delete the jobs of a run. Results that are there stay, and a "
        "rerun of the script computes only the others.",
        examples=EXAMPLES,
    )
    add_run(parser)
    arguments.add_yes(parser)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Say what ends, ask, and cancel."""
    run = find_run(args)
    progress = run.progress()
    n_open = len(progress.running) + len(progress.queued)
    name = f"{run.id} ({run.name})" if run.name else run.id
    if not n_open:
        say(f"nothing to cancel: {counted(len(run), 'call')} of run {name} have ended")
        return 0
    say(
        f"run {name} of {run.task}: {len(progress.running)} running and "
        f"{len(progress.queued)} queued calls end without a result, "
        f"{counted(len(progress.cached) + len(progress.finished), 'result')} stay"
    )
    if not confirmed("cancel", args.yes):
        return FAILED
    run.cancel()
    problems = run.take_warnings()
    for text in problems:
        say(text)
    progress = run.progress()
    if n_left := len(progress.running) + len(progress.queued):
        why = "see above" if problems else "other runs compute them"
        say(f"{counted(n_left, 'call')} of run {name} still in flight: {why}")
        return UNREACHABLE if problems else 0
    say("cancelled")
    return 0
