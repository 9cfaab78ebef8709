"""Parts of pages that the package itself knows: they cannot differ from it.

A page says where: a line ``% generated: NAME`` is replaced by `NAMES[NAME]`.
"""

from __future__ import annotations

import argparse
import inspect
import os
import re
from collections.abc import Iterator
from types import ModuleType
from unittest import mock

from gridtask.claims import runfile
from gridtask.cli.command import build_parser
from gridtask.config import Settings
from gridtask.settings import RULES, SITE_RULES
from gridtask.store import record, values
from gridtask.why.rules import Rule

MARK = re.compile(r"^% generated: (\w+)$", re.MULTILINE)
HELP_COLUMNS = "80"


def fill_in(app: object, name: str, source: list[str]) -> None:
    """Replace the marks of one page (an event of Sphinx)."""
    source[0] = MARK.sub(lambda mark: NAMES[mark[1]](), source[0])


def command() -> str:
    """Return a section for each verb, from the command's own help."""
    parser = build_parser()
    with mock.patch.dict(os.environ, COLUMNS=HELP_COLUMNS):
        sections = [fenced(parser.format_help())]
        for verb, its_parser in verbs_of(parser):
            sections += [f"## gridtask {verb}", fenced(its_parser.format_help())]
    return "\n\n".join(sections)


def verbs_of(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield the verbs and their parsers, in the order of ``--help``."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def settings() -> str:
    """Return a table of all settings."""
    defaults, site = Settings(), Settings().site
    rows = [
        (
            f"`{name}`",
            f"`GRIDTASK_{'CACHE' if name == 'cache_dir' else name.upper()}`",
            rule.expected,
            as_default(getattr(defaults, name)),
        )
        for name, rule in RULES.items()
    ]
    rows += [
        (f"`site.{name}`", "", rule.expected, as_default(getattr(site, name)))
        for name, rule in SITE_RULES.items()
    ]
    return table(("setting", "variable", "expected", "default"), rows)


def rules() -> str:
    """Return the rules behind ``why``, in their order."""
    text = " ".join((Rule.__doc__ or "").split("=\n", 1)[1].split())
    parts = re.findall(r"`([A-Z_]+)` (.*?)(?= `[A-Z_]+` |  *=)", text)
    assert [name for name, _ in parts] == [rule.name for rule in Rule]
    return "\n".join(
        f"{number}. **{Rule[name]}**: {meaning.replace('``', '`')}"
        for number, (name, meaning) in enumerate(parts, 1)
    )


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_default(value: object) -> str:
    """Return a default as a page shows it."""
    return "" if value in (None, (), {}) else f"`{value}`"


def fenced(text: str) -> str:
    """Return a block of literal text."""
    return f"```text\n{text.rstrip()}\n```"


def docstring(module: ModuleType) -> str:
    """Return what a module says of a format, without its first paragraph."""
    return fenced(inspect.getdoc(module).replace("``", "").split("\n\n", 1)[1])


NAMES = {
    "command": command,
    "settings": settings,
    "rules": rules,
    "record_format": lambda: docstring(record),
    "value_format": lambda: docstring(values),
    "run_file_format": lambda: docstring(runfile),
}
"""What makes each part."""
