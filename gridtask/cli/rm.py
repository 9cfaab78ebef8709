"""``gridtask rm``: free the space of what is no longer wanted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gridtask.cli import arguments
from gridtask.cli.errors import FAILED, CommandError, UsageError
from gridtask.cli.table import counted, say
from gridtask.units import format_size

if TYPE_CHECKING:
    from gridtask.cli.selection import Filters, Part
    from gridtask.store.store import Store

EXAMPLES = """\
examples:
  gridtask rm simulate             a task with all it has
  gridtask rm 3fa91c02             one call
  gridtask rm --older 30d          what was computed 30 days ago or earlier
  gridtask rm --failed simulate    its failed calls
  gridtask rm --all --yes          everything, without a question
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = verbs.add_parser(
        "rm",
        help="remove tasks or calls",
        description="Remove what `gridtask ls` lists for the same arguments.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    arguments.add_arguments(parser)
    parser.add_argument("--all", action="store_true", help="all tasks")
    parser.add_argument(
        "--yes", action="store_true", help="do not ask; needed without a terminal"
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Say what goes, ask, and remove it."""
    from gridtask.cli import selection

    filters = selection.filters_of(args)
    if args.all and args.names:
        msg = f"--all is every task: leave out either --all or {args.names[0]!r}"
        raise UsageError(msg)
    if not (args.names or args.all or filters.any):
        msg = "say what to remove: TASK, KEY, --older AGE, --failed or --all"
        raise UsageError(msg)
    store = selection.open_store(args)
    parts = selection.select(store, args.names, filters)
    removals = [Removal(part, filters) for part in parts]
    removals = [removal for removal in removals if removal.entirely or removal.calls]
    if store is None or not removals:
        say("nothing to remove")
        return 0
    _refuse_in_flight(removals, selection.in_flight(store))
    for removal in removals:
        say(str(removal))
    if not args.yes and not _confirmed():
        return FAILED
    for removal in removals:
        removal.carry_out(store)
    say("removed")
    return 0


class Removal:
    """What goes of one task: some calls, or `entirely` all that it has."""

    def __init__(self, part: Part, filters: Filters) -> None:
        self.folder = part.folder
        self.calls = part.calls
        self.n_failed = part.n_failed
        self.entirely = part.whole and not filters.any
        self._age = filters.older if part.whole and not filters.failed else None
        self._now = filters.now

    def __str__(self) -> str:
        n_bytes = (
            self.folder.sizes().n_bytes
            if self.entirely
            else sum(call.n_bytes for call in self.calls)
        )
        parts = [counted(len(self.calls) - self.n_failed, "result")]
        if self.n_failed:
            parts.append(counted(self.n_failed, "failed call"))
        return f"{self.folder.name}: {', '.join(parts)}, {format_size(n_bytes)}"

    def carry_out(self, store: Store) -> None:
        """Remove it."""
        if self.entirely:
            store.remove_folder(self.folder)
        elif self._age is not None:
            # By age the store also removes logs, and files at once.
            self.folder.remove_older(self._age, self._now)
        else:
            numbers = [number for call in self.calls for number in call.numbers]
            self.folder.remove(numbers)


def _refuse_in_flight(removals: Iterable[Removal], running: dict[str, int]) -> None:
    """Refuse to remove a task while calls of it are queued or running."""
    names = [removal.folder.name for removal in removals if removal.entirely]
    busy = [f"{running[name]} of {name}" for name in names if running.get(name)]
    if busy:
        msg = (
            f"nothing removed: calls are in flight ({', '.join(busy)}); "
            "wait for them, or cancel their run first"
        )
        raise CommandError(msg)


def _confirmed() -> bool:
    """Ask on a terminal; elsewhere the answer is no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        say("nothing removed: there is no terminal to ask on; add --yes")
        return False
    print("remove? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    say("nothing removed")
    return False
