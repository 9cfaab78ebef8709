"""``gridtask show``: all that is known of one call."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from gridtask.cli import arguments
from gridtask.cli.errors import CORRUPT
from gridtask.cli.table import as_age, as_date, as_memory, as_seconds, write_json
from gridtask.printable import printable, short_job
from gridtask.units import format_size

if TYPE_CHECKING:
    from gridtask.caches.details import CallDetails

MAX_NAMES = 8
"""Parts of the code, and imported distributions, that are named."""

EXAMPLES = """\
examples:
  gridtask show 3fa91c02           all that is known of a call
  gridtask show 3fa9 --json        the same as one JSON object
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "show",
        help="show a call: arguments, result, code, host, log",
        description="Show all that is known of one call.",
        examples=EXAMPLES,
    )
    parser.add_argument("key", metavar="KEY", help="its key, or the first digits of it")
    arguments.add_json(parser)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Show the call."""
    call = arguments.cache_of(args).show(args.key)
    if args.json:
        write_json([{name: getattr(call, name) for name in call.__slots__}])
    else:
        for line in _lines(call):
            print(line)
    return CORRUPT if call.state == "damaged" else 0


def _lines(call: CallDetails) -> Iterator[str]:
    """Yield what people read."""
    yield printable(f"{call.task}({call.args or ''})")
    yield from _pairs(call)
    yield from _block(
        "result" if call.type else "the result cannot be shown here", call
    )
    if call.traceback:
        yield from ["traceback:", *_indented(call.traceback.splitlines())]
    if call.log:
        yield f"log (its end; all of it: gridtask logs {call.key[:8]}):"
        yield from _indented(call.log)


def _pairs(call: CallDetails) -> Iterator[str]:
    """Yield the single facts."""
    facts = {
        "key": call.key,
        "state": call.state,
        "error": call.error,
        "ended": call.ended_at
        and f"{as_date(call.ended_at)} ({as_age(call.ended_at)})",
        "seconds": call.seconds is not None and as_seconds(call.seconds),
        "memory": call.peak_mb and as_memory(call.peak_mb),
        "size": call.bytes and format_size(call.bytes),
        "code": _code(call),
        "parts": _listed(call.components),
        "with": _listed(f"{n} {version}" for n, version in call.distributions.items()),
        "host": call.host,
        "job": call.job and short_job(call.job),
        "run": call.run,
        "file": call.file,
        "type": call.type,
        "missing": _missing(call),
    }
    for name, fact in facts.items():
        if fact:
            yield f"{name + ':':10}{printable(str(fact))}"


def _code(call: CallDetails) -> str:
    """Return the version of the code, since when it runs, and whether it still does."""
    notes = []
    if call.code_since:
        notes.append(f"since {as_date(call.code_since)}")
    if call.is_stale:
        notes.append("stale: later calls had other code")
    return f"{call.code} ({'; '.join(notes)})" if notes else call.code or ""


def _missing(call: CallDetails) -> str:
    """Return which classes cannot be found, and what is shown instead."""
    names = _listed(call.missing)
    return f"{names}: not known here, shown by what was stored" if names else ""


def _listed(items: Iterable[str]) -> str:
    """Return the first of some names, and how many more there are."""
    names = list(items)
    more = len(names) - MAX_NAMES
    shown = ", ".join(names[:MAX_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown


def _block(title: str, call: CallDetails) -> Iterator[str]:
    """Yield the result under a title, if there is one."""
    if call.value:
        yield from [f"{title}:", *_indented(call.value)]


def _indented(lines: Sequence[str]) -> Iterator[str]:
    return (f"  {printable(line)}" for line in lines)
