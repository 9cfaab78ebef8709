"""The documentation says what is so: its commands and links exist."""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gridtask
from gridtask.cli.command import VERBS

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
PACKAGE = Path(gridtask.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if ">>> " in path.read_text())
COMMAND = re.compile(r"^(?:\$ |    )gridtask (?:-C \S+ )?([a-z]+)", re.MULTILINE)
INLINE = re.compile(r"`gridtask ([a-z]+)[^`]*`")


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


def test_readme_names_every_verb():
    """The three most used with what they do, the others in one line."""
    text = (ROOT / "README.md").read_text().partition("## At the shell")[2]
    text = text.partition("\n## ")[0]
    named = re.findall(r"^    gridtask ([a-z]+)", text, re.MULTILINE)
    named += re.search(r"Also `([a-z ]+)`", text)[1].split()
    verbs = {module.__name__.rpartition(".")[2] for module in VERBS}
    assert sorted(named) == sorted(verbs)


def test_contributing_tells_what_each_part_is_for():
    """Nobody has to guess where something belongs."""
    parts = [f"{path.name}/" for path in PACKAGE.iterdir() if path.is_dir()]
    parts += [path.name for path in PACKAGE.glob("*.py")]
    names = [name for name in parts if not name.startswith("_")]
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert [name for name in names if f"`{name}`" not in text] == []


def test_generated_parts_are_whole():
    """The page of the command has each verb's help; all marks of pages are known."""
    spec = importlib.util.spec_from_file_location(
        "generated", ROOT / "docs/generated.py"
    )
    generated = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generated)
    command = generated.command()
    for module in VERBS:
        verb = module.__name__.rpartition(".")[2]
        assert f"## gridtask {verb}\n\n```text\nusage: gridtask {verb}" in command
    for page in PAGES:
        for name in generated.MARK.findall(page.read_text()):
            assert generated.NAMES[name]()
