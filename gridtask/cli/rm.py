"""``gridtask rm``: free the space of what is no longer wanted."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from gridtask.cli import arguments
from gridtask.cli.errors import FAILED, UsageError
from gridtask.cli.question import confirmed
from gridtask.cli.table import counted, say
from gridtask.errors import GridTaskError
from gridtask.units import format_size

if TYPE_CHECKING:
    from gridtask.caches.folder import Cache
    from gridtask.caches.removal import Removal, Removed

EXAMPLES = """\
examples:
  gridtask rm simulate             a task with all it has
  gridtask rm 3fa91c02             one call
  gridtask rm --older 30d          what was computed 30 days ago or earlier
  gridtask rm --failed simulate    its failed calls
  gridtask rm --stale              what older versions of the code have computed
  gridtask rm --running --cancel   delete the jobs of all calls in flight
  gridtask rm --all --yes          everything, without a question
  gridtask rm --below ~/projects   ask for each cache there
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "rm",
        help="remove tasks or calls",
        description="Remove what `gridtask ls` lists for the same arguments. Calls "
        "that are queued or running are refused, unless their jobs may be deleted.",
        examples=EXAMPLES,
    )
    arguments.add_filters(parser)
    parser.add_argument(
        "--cancel",
        action="store_true",
        help="delete the jobs of calls in flight first",
    )
    arguments.add_yes(parser)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Say what goes, ask, and remove it."""
    arguments.check_names(args)
    if args.below is not None:
        return _remove_below(args)
    if not (args.names or args.all or arguments.has_filters(args)):
        msg = "say what to remove: TASK, KEY, a filter such as --older AGE, or --all"
        raise UsageError(msg)
    filters = arguments.filters_of(args)
    removal = arguments.cache_of(args).removal(
        *args.names, everything=args.all, **filters
    )
    if removal is None:
        say("nothing to remove")
        return 0
    return _remove(removal, args)


def _remove(removal: Removal, args: argparse.Namespace) -> int:
    """Say what goes, ask, and remove it."""
    if not args.cancel:
        removal.check()
    _tell(removal)
    if not confirmed("remove", args.yes):
        return FAILED
    frees_later = removal.frees_later
    removal.carry_out(cancel=args.cancel)
    say("removed; `gridtask gc` frees the space" if frees_later else "removed")
    return 0


def _tell(removal: Removal) -> None:
    """Say what goes, task by task."""
    for removed in removal.preview():
        say(_line(removed))
    beside = len(removal.beside)
    if beside:
        calls = counted(beside, "other call")
        say(f"with them {calls} in the same array tasks will not be computed")


def _line(removed: Removed) -> str:
    """Return what goes of one task."""
    parts = [counted(removed.results, "result")]
    if removed.failed:
        parts.append(counted(removed.failed, "failed call"))
    if removed.cancelled:
        parts.append(f"{counted(removed.cancelled, 'call')} in flight")
    return f"{removed.task}: {', '.join(parts)}, {format_size(removed.bytes)}"


def _remove_below(args: argparse.Namespace) -> int:
    """Ask for each cache below a folder; an unusable one does not stop the rest."""
    from gridtask.caches.folder import caches_below, refuse_special

    refuse_special(args.below)
    statuses: list[int | None] = []
    for cache in caches_below(args.below):
        try:
            statuses.append(_remove_one(cache, args))
        except (OSError, GridTaskError) as error:
            say(f"{cache.path}: {error}")
            statuses.append(FAILED)
    if all(status is None for status in statuses):
        say(f"nothing to remove below {args.below}")
    return max((status for status in statuses if status is not None), default=0)


def _remove_one(cache: Cache, args: argparse.Namespace) -> int | None:
    """Ask for one cache of several: all of it, where nothing else was said.

    None if nothing in it was meant.
    """
    is_all = not (args.names or arguments.has_filters(args))
    tasks = [task.task for task in cache.ls()] if args.names else []
    names = [name for name in args.names if name in tasks]
    if args.names and not names:
        return None
    filters = arguments.filters_of(args)
    removal = cache.removal(*names, everything=is_all or not names, **filters)
    if removal is None and not is_all:
        return None
    say(f"{cache.path}, last used {_date(cache)}")
    if is_all:
        return _delete(cache, removal, args)
    return _remove(removal, args) if removal is not None else None


def _delete(cache: Cache, removal: Removal | None, args: argparse.Namespace) -> int:
    """Ask for a whole cache folder, and remove it."""
    if removal is not None:
        if not args.cancel:
            removal.check()
        _tell(removal)
    if not confirmed("remove this cache", args.yes):
        return FAILED
    cache.delete(cancel=args.cancel)
    say("removed")
    return 0


def _date(cache: Cache) -> str:
    """Return the day on which a cache was last written or read."""
    times = [at for task in cache.ls() for at in (task.used, task.newest) if at]
    if not times:
        return "never"
    return time.strftime("%Y-%m-%d", time.localtime(max(times)))
