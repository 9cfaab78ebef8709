"""Writing the site profile into a settings file, and nothing else of it."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gridtask import fs
from gridtask.errors import ConfigError

_HEADER = re.compile(r"^\s*\[")
_COMMENT = re.compile(r"\s+#[^\"']*$")


def table_of(path: Path) -> tuple[str, ...]:
    """Return the names that lead to the site profile in a file of settings."""
    if path.name == "pyproject.toml":
        return ("tool", "gridtask", "site")
    return ("site",)


def with_site(text: str, table: tuple[str, ...], values: Mapping[str, Any]) -> str:
    """Return a settings file's text with some values of its site profile.

    All else stays as it is, comments and order included.

    Raises
    ------
    ConfigError
        If the text is no TOML, or is written in a way that cannot be changed
        without risk; tells what to write by hand.
    """
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"it is not valid TOML ({error}): mend it first"
        raise ConfigError(msg) from error
    lines = _changed(text.splitlines(), table, values)
    changed = "\n".join(lines).rstrip("\n") + "\n"
    try:
        found = tomllib.loads(changed)
        inner = expected
        for name in table:
            inner = inner.setdefault(name, {})
        inner |= values
        is_right = found == expected
    except (tomllib.TOMLDecodeError, AttributeError, TypeError):
        is_right = False
    if not is_right:
        wanted = "\n".join([f"[{'.'.join(table)}]", *_rows(values)])
        msg = f"its site profile cannot be changed safely; write there:\n{wanted}"
        raise ConfigError(msg)
    return changed


def write_site(path: Path, values: Mapping[str, Any]) -> None:
    """Put values into the site profile of a settings file; it may be new.

    Raises
    ------
    ConfigError
        If it cannot be changed.
    """
    path = Path(os.path.realpath(path))
    old = path.read_text() if path.exists() else ""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    try:
        new = with_site(old, table_of(path), values)
    except ConfigError as error:
        msg = f"{str(path)!r} was not changed: {error}"
        raise ConfigError(msg) from None
    fs.make_folder(path.parent)
    beside = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    fs.write_new(beside, new.encode())
    try:
        os.chmod(beside, mode)
        fs.publish(beside, path)
    except OSError:
        fs.remove(beside)
        raise


def _changed(
    lines: list[str], table: tuple[str, ...], values: Mapping[str, Any]
) -> list[str]:
    """Put values into the lines of a table; add it at the end if it is missing."""
    names = r"\s*\.\s*".join(map(re.escape, table))
    header = re.compile(rf"^\s*\[\s*{names}\s*\]\s*(#.*)?$")
    at = next((i for i, line in enumerate(lines) if header.match(line)), None)
    if at is None:
        gap = [""] if lines and lines[-1].strip() else []
        return [*lines, *gap, f"[{'.'.join(table)}]", *_rows(values)]
    end = next(
        (i for i in range(at + 1, len(lines)) if _HEADER.match(lines[i])), len(lines)
    )
    body = lines[at + 1 : end]
    rest = dict(values)
    for i, line in enumerate(body):
        name = line.partition("=")[0].strip()
        if name in rest:
            comment = _COMMENT.search(line)
            body[i] = _row(name, rest.pop(name)) + (comment[0] if comment else "")
    blank = len(body)
    while blank and not body[blank - 1].strip():
        blank -= 1
    body[blank:blank] = _rows(rest)
    return [*lines[: at + 1], *body, *lines[end:]]


def _rows(values: Mapping[str, Any]) -> list[str]:
    return [_row(name, value) for name, value in values.items()]


def _row(name: str, value: object) -> str:
    # JSON's strings and numbers are TOML's, too.
    return f"{name} = {json.dumps(value)}"
