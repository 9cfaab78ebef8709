"""Arguments that several verbs share, and what they mean."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gridtask.cli.errors import UsageError
from gridtask.units import parse_age

if TYPE_CHECKING:
    from gridtask.caches.filters import FilterOptions
    from gridtask.caches.folder import Cache


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Wrap what is one paragraph, keep examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def add_verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    *,
    help: str,
    description: str,
    examples: str,
) -> argparse.ArgumentParser:
    """Add a verb to the command and return its parser."""
    return verbs.add_parser(
        name,
        help=help,
        description=description,
        epilog=examples,
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )


def age(text: str) -> float:
    """Read an age; what is wrong with it is said in the usage error."""
    try:
        return parse_age(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add what selects calls: the same for `ls` and `rm`."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="TASK|KEY",
        help="a task's name, or a call's key or the first digits of it",
    )
    parser.add_argument(
        "--older",
        type=age,
        metavar="AGE",
        help="only calls computed at least so long ago: 30m, 12h, 7d, 2w",
    )
    parser.add_argument(
        "--unused",
        type=age,
        metavar="AGE",
        help="only calls in files of which no map has read a result for so long",
    )
    parser.add_argument("--failed", action="store_true", help="only failed calls")
    parser.add_argument(
        "--running", action="store_true", help="only calls that are queued or running"
    )
    parser.add_argument(
        "--stale",
        action="store_true",
        help="only calls computed by another version of the task's code than its "
        "latest call: after a change of the code they are not reused, unless the "
        "change is taken back or was accepted",
    )
    parser.add_argument("--all", action="store_true", help="all tasks")
    parser.add_argument(
        "--below",
        metavar="DIR",
        help="all caches in and below a folder, instead of the one here; names "
        "are those of tasks then",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option of all verbs that read."""
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line, times in seconds"
    )


def add_yes(parser: argparse.ArgumentParser) -> None:
    """Add the option of all verbs that ask."""
    parser.add_argument(
        "--yes", action="store_true", help="do not ask; needed without a terminal"
    )


def filters_of(args: argparse.Namespace) -> FilterOptions:
    """Return the filters among a verb's arguments."""
    return {
        "older": args.older,
        "unused": args.unused,
        "failed": args.failed,
        "running": args.running,
        "stale": args.stale,
    }


def check_names(args: argparse.Namespace) -> None:
    """Refuse names beside ``--all``, and one cache beside many.

    Raises
    ------
    UsageError
        If there are any.
    """
    if args.below is not None and args.cache is not None:
        msg = "--below looks for caches, -C names one: leave out one of them"
        raise UsageError(msg)
    if args.all and args.names:
        msg = f"--all is every task: leave out either --all or {args.names[0]!r}"
        raise UsageError(msg)


def has_filters(args: argparse.Namespace) -> bool:
    """Return whether there is any filter among a verb's arguments."""
    ages = (args.older, args.unused)
    flags = (args.failed, args.running, args.stale)
    return any(flags) or any(age is not None for age in ages)


def cache_of(args: argparse.Namespace) -> Cache:
    """Return the cache that a verb is about; it need not exist.

    Raises
    ------
    StoreError
        If a folder was given that does not exist.
    """
    from gridtask.caches.folder import cache

    return cache(args.cache)
