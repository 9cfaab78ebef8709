"""``gridtask retry``: submit the failed calls of a run again."""

from __future__ import annotations

import argparse

from gridtask.cli import arguments
from gridtask.cli.attach import add_run, find_run, wait_for
from gridtask.cli.table import counted, say

EXAMPLES = """\
examples:
  gridtask retry k3f9a2bc                       as they were
  gridtask retry k3f9a2bc --memory 8G --wait    with more memory, and wait
  gridtask retry k3f9a2bc --param="-q long.q"   with another queue
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "retry",
        help="submit the failed calls of a run again",
        description="Submit the failed calls of a run again, with the code and the "
        "arguments that they had: after a change of the code, run the script again "
        "instead. Returns at once; with --wait, as `gridtask attach RUN` does.",
        examples=EXAMPLES,
    )
    add_run(parser)
    parser.add_argument("--memory", help="memory of an array task: 8G")
    parser.add_argument("--time", help="time of an array task: 02:00:00, 90m")
    parser.add_argument("--slots", type=int, help="slots of an array task")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="OPTION",
        help='further options of qsub: "-q long.q"; may be repeated',
    )
    parser.add_argument(
        "--wait", action="store_true", help="wait for the run, with its status"
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Submit the failed calls again."""
    run = find_run(args)
    n_failed = len(run.progress().failed)
    if not n_failed:
        say(f"nothing to retry: no call of run {run.id} has failed")
        return 0
    run.retry(
        memory=args.memory,
        time=args.time,
        slots=args.slots,
        cluster_params=args.param,
    )
    submitted = f"{counted(n_failed, 'call')} submitted again"
    if args.wait:
        say(submitted)
        return wait_for(run)
    say(f"{submitted}; gridtask attach {run.id} waits")
    return 0
