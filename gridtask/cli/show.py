"""``gridtask show``: all that is known of one call."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gridtask.cli import arguments
from gridtask.cli.errors import CORRUPT
from gridtask.cli.table import as_age, as_date, as_memory, as_seconds, write_json
from gridtask.printable import printable
from gridtask.units import format_size

if TYPE_CHECKING:
    from gridtask.details import CallDetails

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
    code = f"{call.code} (stale: later calls had other code)"
    facts = {
        "key": call.key,
        "state": call.state,
        "error": call.error,
        "ended": call.ended_at
        and f"{as_date(call.ended_at)} ({as_age(call.ended_at)})",
        "seconds": call.seconds is not None and as_seconds(call.seconds),
        "memory": call.peak_mb and as_memory(call.peak_mb),
        "size": call.bytes and format_size(call.bytes),
        "code": code if call.is_stale else call.code,
        "host": call.host,
        "job": call.job,
        "run": call.run,
        "file": call.file,
        "type": call.type,
    }
    for name, fact in facts.items():
        if fact:
            yield f"{name + ':':10}{printable(str(fact))}"


def _block(title: str, call: CallDetails) -> Iterator[str]:
    """Yield the result under a title, if there is one."""
    if call.value:
        yield from [f"{title}:", *_indented(call.value)]


def _indented(lines: Sequence[str]) -> Iterator[str]:
    return (f"  {printable(line)}" for line in lines)
