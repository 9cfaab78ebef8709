"""Edits that can change a result are computed anew; the others cost nothing.

Each edit is tried through the cache: a process runs the project as it was, another
one, with another hash seed and in another folder, runs it after the edit.
"""

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
    *_load("classes_and_callables").CLASSES_AND_CALLABLES,
    *_load("modules_and_values").MODULES_AND_VALUES,
    *_load("state_and_layout").STATE_AND_LAYOUT,
    *_load("names_and_fillers").NAMES_AND_FILLERS,
    *_load("scopes_and_hooks").SCOPES_AND_HOOKS,
    *_load("registrations").REGISTRATIONS,
    *_load("members_and_texts").MEMBERS_AND_TEXTS,
    *_load("fillers_and_science").FILLERS_AND_SCIENCE,
    *_load("settings").SETTINGS,
    *_load("hidden_in_objects").HIDDEN_IN_OBJECTS,
    *_load("pipelines_and_protocols").PIPELINES_AND_PROTOCOLS,
    *_load("habits_and_states").HABITS_AND_STATES,
    *_load("set_up").SET_UP,
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Run all projects, before and after: imported ones and scripts in turn."""
    return harness.replay_all(EDITS, tmp_path_factory.mktemp("edits"))


def is_stale(edit, before, after):
    """Tell whether an old result is given for what may be another."""
    return edit.changes and (before["key"] == after["key"] or after["reused"])


def is_wasted(edit, before, after):
    """Tell whether what cannot have changed is computed again."""
    is_same = before["key"] == after["key"] and after["reused"] == before["kept"]
    return not edit.changes and not is_same


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_edit(outcomes, edit):
    """An edit costs a computation exactly if it can change the result."""
    before, after = outcomes[edit.name]
    assert not before["refused"]
    assert not after["refused"]
    assert not is_stale(edit, before, after)
    assert not is_wasted(edit, before, after)


def test_table_of_the_corpus(outcomes, capsys):
    """There are many edits of both kinds, each with a name of its own."""
    rows = [(e, *outcomes[e.name]) for e in EDITS]
    n_changing = sum(e.changes for e in EDITS)
    refused = [row for row in rows if row[1]["refused"] or row[2]["refused"]]
    answered = [row for row in rows if row not in refused]
    with capsys.disabled():
        print(
            f"\nedits: {sum(is_stale(*row) for row in answered)} stale "
            f"of {n_changing} that change a result, "
            f"{sum(is_wasted(*row) for row in answered)} wasted "
            f"of {len(EDITS) - n_changing} harmless, {len(refused)} refused"
        )
    assert len({e.name for e in EDITS}) == len(EDITS)
    assert n_changing >= 300
    assert len(EDITS) - n_changing >= 150


@pytest.mark.faults
def test_outcomes_are_the_same_on_grid_engine(cell, monkeypatch, tmp_path_factory):
    """A sample of the edits costs the same, and gives the same, on a cluster."""
    sample = EDITS[:: len(EDITS) // 60]
    here = harness.replay_all(sample, tmp_path_factory.mktemp("serial"))
    monkeypatch.setenv("EDITS_BACKEND", "gridengine")
    there = harness.replay_all(sample, tmp_path_factory.mktemp("cluster"))
    for edit in sample:
        before, after = there[edit.name]
        assert not before["refused"] + after["refused"], edit.name
        assert not is_stale(edit, before, after), edit.name
        assert not is_wasted(edit, before, after), edit.name
        for serial, found in zip(here[edit.name], (before, after), strict=True):
            if serial["kept"]:
                assert serial["result"] == found["result"], edit.name
