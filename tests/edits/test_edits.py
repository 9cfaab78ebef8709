"""Edits that can change a result change the digest; the others do not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).parent


def _load(name: str):
    spec = importlib.util.spec_from_file_location(f"edits_{name}", _HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(module)
    return module


harness = _load("harness")
EDITS = [
    *_load("corpus").EDITS,
    *_load("hard").HARD,
    *_load("hard").DEEP,
    *_load("subtle").SUBTLE,
]


@pytest.fixture(scope="module")
def digests(tmp_path_factory):
    """Identify all projects, before and after."""
    return harness.identify_all(EDITS, tmp_path_factory.mktemp("edits"))


@pytest.mark.parametrize("name", [e.name for e in EDITS if e.changes])
def test_edit_changes_the_digest(digests, name):
    """An edit that can change the result is never overlooked."""
    before, after = digests[name]
    assert len(before) == 32, before
    assert len(after) == 32, after
    assert before != after


@pytest.mark.parametrize("name", [e.name for e in EDITS if not e.changes])
def test_edit_keeps_the_digest(digests, name):
    """An edit that cannot change the result costs nothing."""
    before, after = digests[name]
    assert len(before) == 32, before
    assert before == after


def test_the_corpus_has_both_kinds():
    """There are many edits of both kinds, each with a name of its own."""
    names = [e.name for e in EDITS]
    assert len(set(names)) == len(names)
    assert sum(e.changes for e in EDITS) >= 100
    assert sum(not e.changes for e in EDITS) >= 50
