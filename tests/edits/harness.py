"""Small projects before and after an edit, identified in fresh processes.

All projects of a batch are identified by two processes: one for the state
before, one for the state after the edit, with different hash seeds and in
different folders. Each project's modules are imported anew and dropped after.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

_IDENTIFY = """
import json, sys, traceback
from gridtask.identity.code import identify

found = {}
for name, folder in json.load(sys.stdin):
    known = set(sys.modules)
    sys.path.insert(0, folder)
    try:
        import task
        options = getattr(task, "OPTIONS", {})
        found[name] = identify(task.f, **options).digest.hex()
    except BaseException:
        found[name] = traceback.format_exc()
    sys.path.remove(folder)
    for module in set(sys.modules) - known:
        if str(getattr(sys.modules[module], "__file__", "")).startswith(folder):
            del sys.modules[module]
json.dump(found, sys.stdout)
"""


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


def identify_all(edits: list[Edit], root: Path) -> dict[str, tuple[str, str]]:
    """Return the digests (or tracebacks) before and after each edit."""
    before = {
        e.name: write_project(root / f"{i}" / "before", e.files)
        for i, e in enumerate(edits)
    }
    after = {
        e.name: write_project(root / f"{i}" / "later" / "after", {**e.files, **e.after})
        for i, e in enumerate(edits)
    }
    first, second = _identify(before, 1), _identify(after, 2)
    return {e.name: (first[e.name], second[e.name]) for e in edits}


def _identify(folders: dict[str, Path], seed: int) -> dict[str, str]:
    rows = [(name, str(folder)) for name, folder in folders.items()]
    done = subprocess.run(
        [sys.executable, "-c", _IDENTIFY],
        input=json.dumps(rows),
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found
