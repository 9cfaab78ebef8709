"""The arguments that select calls, the same for all verbs."""

from __future__ import annotations

import argparse

from gridtask.units import parse_age


def _age(text: str) -> float:
    """Read an age; what is wrong with it is said in the usage error."""
    try:
        return parse_age(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what selects calls to a verb's arguments."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="TASK|KEY",
        help="a task's name, or a call's key or the first digits of it",
    )
    parser.add_argument(
        "--older",
        type=_age,
        metavar="AGE",
        help="only calls computed at least so long ago: 30m, 12h, 7d, 2w",
    )
    parser.add_argument("--failed", action="store_true", help="only failed calls")
