"""The documentation says what is so: its programs run, its commands exist."""

from __future__ import annotations

import doctest
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gridtask

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
PACKAGE = Path(gridtask.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if ">>> " in path.read_text())
NOTHING_COMPUTED = "/ 0 finished / 0 running / 0 failed / 0 in queue"
FENCE = re.compile(r"^```(\w*)\s*$")
COMMAND = re.compile(r"^(?:\$ |    )gridtask (?:-C \S+ )?([a-z]+)", re.MULTILINE)
INLINE = re.compile(r"`gridtask ([a-z]+)[^`]*`")


def code_of(page: Path) -> str:
    """Return the ```python blocks of a page as one script, on their own lines.

    Blocks of a page may build on each other, and an error names the page's line.
    """
    language, lines = None, []
    for line in page.read_text().splitlines():
        fence = FENCE.match(line)
        if fence:
            language = fence[1] if language is None else None
        lines.append(line if language == "python" and not fence else "")
    return "\n".join(lines)


def path_id(path: Path) -> str:
    return "/".join(path.parts[-2:])


@pytest.fixture(autouse=True)
def no_settings(tmp_path, monkeypatch):
    """Work in an empty folder, without the settings of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("GRIDTASK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=path_id)
def test_python_blocks_run(page, tmp_path, monkeypatch):
    """Each page is a script, and its second run computes nothing."""
    code = code_of(page)
    if not code.strip():
        pytest.skip("there is no python block on this page")
    script = tmp_path / f"{page.stem}.py"
    script.write_text(code)
    monkeypatch.setenv("GRIDTASK_BACKEND", "local")
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, script.name], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    counts = [line for line in done.stderr.splitlines() if " calls: " in line]
    assert all(line.endswith(NOTHING_COMPUTED) for line in counts), counts


@pytest.mark.parametrize("page", PAGES, ids=path_id)
def test_commands_exist(page):
    """Every ``gridtask VERB`` on a page is a verb of the command."""
    text = page.read_text()
    for verb in sorted({*COMMAND.findall(text), *INLINE.findall(text)}):
        argv = [sys.executable, "-m", "gridtask", verb, "--help"]
        done = subprocess.run(argv, capture_output=True, text=True)
        assert done.returncode == 0, f"{verb}: {done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=path_id)
def test_linked_files_exist(page):
    """Links to files of the project lead to them."""
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("path", MODULES, ids=path_id)
def test_examples_in_docstrings(path):
    """They print what they say."""
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted
    assert not outcome.failed
