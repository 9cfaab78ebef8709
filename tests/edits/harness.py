"""Small projects before and after an edit, run in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Edit:
    """A project and an edit of it.

    Attributes
    ----------
    name : str
        What is edited.
    changes : bool
        Whether the edit can change the result of ``task.f``.
    files : dict of str to str
        The project before, by path.
    after : dict of str to str
        Files that are others after the edit; an empty text removes one.
    """

    name: str
    changes: bool
    files: dict[str, str]
    after: dict[str, str]


def edit(
    name: str,
    changes: bool,
    old: str,
    new: str,
    task: str,
    more: dict[str, str] | None = None,
) -> Edit:
    """Make an edit that replaces `old` by `new` in the file that holds it.

    ``task`` is the text of ``task.py``; `more` are further files.
    """
    files = {"task.py": task, **(more or {})}
    holders = [path for path, text in files.items() if old in text]
    assert len(holders) == 1, f"{name}: {old!r} is in {holders}"
    changed = files[holders[0]].replace(old, new)
    assert changed != files[holders[0]], name
    files = {path: textwrap.dedent(text) for path, text in files.items()}
    return Edit(name, changes, files, {holders[0]: textwrap.dedent(changed)})


def write_project(folder: Path, files: dict[str, str]) -> Path:
    """Write a project's files."""
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if text:
            target.write_text(text)
    return folder


def replay_all(
    edits: list[Edit], root: Path
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Return what came of running each project before and after its edit."""
    replays = []
    for state, seed in (("before", 1), ("later/after", 2)):
        rows = []
        for i, e in enumerate(edits):
            files = e.files if state == "before" else {**e.files, **e.after}
            folder = write_project(root / f"{i}" / state, files)
            cache = root / f"{i}" / "cache"
            cache.mkdir(mode=0o700, exist_ok=True)
            rows.append((str(folder), str(cache), ("module", "script")[i % 2]))
        replay = str(Path(__file__).with_name("replay.py"))
        replays.append(run_python([replay], rows, seed))
    return {e.name: pair for e, *pair in zip(edits, *replays, strict=True)}


def run_python(argv: list[str], rows: object, seed: int, python: str = "") -> Any:
    """Give rows to a program, both as JSON, and return what it answers."""
    done = subprocess.run(
        [python or sys.executable, *argv],
        input=json.dumps(rows),
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
