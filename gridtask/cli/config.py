"""``gridtask config``: every setting and where it comes from."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from gridtask.backends.site import SiteProfile
from gridtask.cli import arguments
from gridtask.cli.table import Column, say, write_json, write_table
from gridtask.config import Settings

COLUMNS = (
    Column("setting"),
    Column("value", flexible=True),
    Column("origin", flexible=True, spare=True),
)


EXAMPLES = """\
examples:
  gridtask config                  all settings
  gridtask config -C project       the cache folder that -C project means
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "config",
        help="show the settings that hold here",
        description="Show every setting that holds here, and where it comes from.",
        examples=EXAMPLES,
    )
    arguments.add_json(parser)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Show the settings."""
    from gridtask.backends import choose
    from gridtask.config import load

    loaded = load(Path.cwd(), os.environ)
    rows = []
    for name, value in _flat(loaded.settings):
        origin = loaded.origins.get(name, "default")
        if name == "cache_dir":
            value = str(arguments.cache_of(args).path)
            origin = origin if args.cache is None else "-C"
        rows.append({"setting": name, "value": value, "origin": origin})
    if args.json:
        write_json(rows)
    else:
        write_table(COLUMNS, rows)
        if loaded.settings.backend == "auto":
            name, why = choose("auto", os.environ)
            say(f"backend auto is {name!r} here: {why}")
    return 0


def _flat(
    settings: Settings | SiteProfile, prefix: str = ""
) -> Iterator[tuple[str, object]]:
    """Yield names and values; those of a nested group as ``group.name``."""
    for name, value in settings._asdict().items():
        if isinstance(value, SiteProfile):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, Path):
            yield prefix + name, str(value)
        else:
            yield prefix + name, value
