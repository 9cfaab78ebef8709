"""The protocol of the store's files, in every order that a seed can draw."""

from __future__ import annotations

from collections import Counter

import pytest
from schedules import LONG, first_faults, simulate, simulate_at_once
from simulation import Simulation

from gridtask.store import compaction, files, sweep

QUICK = 200


def test_nothing_is_lost_wrong_or_resurrected():
    """Compactors, sweepers, writers, removers and readers at the same time."""
    counts, figures = simulate(Simulation, range(QUICK))
    print(figures)
    assert not counts, figures


def faults_without(monkeypatch, where, name, value) -> Counter:
    """Return the first faults when a part of the protocol is taken away."""
    monkeypatch.setattr(where, name, value)
    return first_faults(Simulation, n_part=1000)


@pytest.mark.faults
def test_without_a_second_listing_readers_miss_results(monkeypatch):
    """Files that vanish between listing and opening."""
    assert faults_without(monkeypatch, files, "MAX_LISTINGS", 1)["lost"]


@pytest.mark.faults
def test_without_tombstones_results_come_back(monkeypatch):
    """Packs that do not carry on what was deleted."""
    drop = {"where": compaction._PackOf, "name": "_is_needed"}
    counts = faults_without(monkeypatch, **drop, value=lambda *args: False)
    assert counts["resurrected"]


@pytest.mark.faults
def test_without_sizes_results_are_lost(monkeypatch):
    """Files that were written to after they had been copied."""
    always = lambda *args: True  # noqa: E731
    patches = [(compaction.Compaction, "_is_finished"), (sweep.Sweep, "_has_size")]
    monkeypatch.setattr(*patches[0], always)
    counts = faults_without(monkeypatch, *patches[1], always)
    assert counts["lost"]


@pytest.mark.faults
def test_nothing_is_lost_wrong_or_resurrected_in_many_schedules():
    """The same, at least 10,000 times."""
    counts, figures = simulate_at_once(Simulation, range(10**6, 10**6 + LONG))
    print(figures)
    assert not counts, figures
