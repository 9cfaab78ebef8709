"""``gridtask why``: why calls are reused or computed again."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from gridtask.cli import arguments
from gridtask.cli.table import Row, as_date, counted, say, write_json
from gridtask.printable import printable

if TYPE_CHECKING:
    from gridtask.caches.folder import Cache
    from gridtask.caches.history import History, VersionSummary
    from gridtask.why.rules import Change, Reason

EXAMPLES = """\
examples:
  gridtask why 3fa91c02            whether the latest code reuses this call
  gridtask why simulate            how the code of a task has changed
  gridtask why simulate --json     the same, one JSON object a version

The command knows the code that was used last. For code that was edited
since, ask in the script: print(simulate.why(seed=1)).
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "why",
        help="tell why calls are reused or computed again",
        description="Tell why a call is, or is not, reused; or how the code of a "
        "task has changed.",
        examples=EXAMPLES,
    )
    parser.add_argument(
        "name",
        metavar="TASK|KEY",
        help="a task's name, or a call's key or the first digits of it",
    )
    arguments.add_json(parser)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Explain a call, or the versions of a task."""
    cache = arguments.cache_of(args)
    if any(task.task == args.name for task in cache.ls()):
        return _show_versions(history_of(cache, args.name), args)
    reasons = _explain(cache, args.name)
    if args.json:
        write_json(map(_as_row, reasons))
    else:
        for reason in reasons:
            print(printable_lines(str(reason)))
    return 0


def history_of(cache: Cache, task: str) -> History:
    """Return the history of a task's code."""
    from gridtask.caches.history import History

    store = cache.open_store()
    assert store is not None, "a task was found in it"
    folder = store.folder(task)
    folder.refresh()
    return History(folder)


def _explain(cache: Cache, name: str) -> list[Reason]:
    """Explain the calls that a key stands for, also removed ones."""
    from gridtask.caches.selection import UnknownCall

    try:
        calls = cache.calls(name)
    except UnknownCall:
        removed = list(_removed(cache, name.lower()))
        if len(removed) != 1:
            raise
        return removed
    return [history_of(cache, call.task).explain(call) for call in calls]


def _removed(cache: Cache, digits: str) -> Iterator[Reason]:
    store = cache.open_store()
    for folder in store.folders() if store is not None else ():
        yield from history_of(cache, folder.name).removed(digits)


def _as_row(reason: Reason) -> Row:
    return {
        "key": reason.key,
        "call": reason.call,
        "rule": reason.rule,
        "reused": reason.is_reuse,
        "text": reason.text,
        "changes": _changes(reason.changes),
    }


def _changes(changes: Sequence[Change]) -> list[Row]:
    return [{**change._asdict(), "text": change.summary} for change in changes]


def _show_versions(history: History, args: argparse.Namespace) -> int:
    """List the versions of a task's code."""
    summaries = history.summaries()
    if args.json:
        write_json({**asdict(s), "changes": _changes(s.changes)} for s in summaries)
        return 0
    for summary in summaries:
        print("\n".join(_lines(summary)))
    if not summaries:
        say(f"no version of the code of {args.name} is kept")
    return 0


def _lines(summary: VersionSummary) -> Iterator[str]:
    """Yield what people read of a version."""
    from gridtask.why.rules import describe_changes

    first = summary.first_used_at
    used = f"first used {as_date(first)}" if first else "was not kept"
    parts = [used, counted(summary.results, "result")]
    if summary.failed:
        parts.append(counted(summary.failed, "failed call"))
    yield f"code {summary.code[:8]}: {', '.join(parts)}"
    for accepted in summary.accepts:
        yield f"  results of code {accepted[:8]} count (accepted)"
    if summary.since:
        yield f"  since code {summary.since[:8]}:"
        changes = describe_changes(summary.changes)
        yield from (f"  {line}" for line in changes or ["  nothing that has a name"])


def printable_lines(text: str) -> str:
    """Escape control characters, but keep the lines."""
    return "\n".join(map(printable, text.splitlines()))
