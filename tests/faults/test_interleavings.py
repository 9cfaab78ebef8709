"""The protocol of the store's files, in every order that a seed can draw."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter

import pytest
from simulation import Simulation

from gridtask.store import compaction, files, sweep

QUICK, LONG = 200, int(os.environ.get("GRIDTASK_SCHEDULES", "10000"))


def simulate(monkeypatch, seeds) -> tuple[Counter, str]:
    """Run schedules; return the counts of faults, and a text of figures."""
    counts: Counter = Counter()
    n_steps = n_looks = n_killed = n = 0
    started = time.monotonic()
    first = ""
    for seed in seeds:
        with monkeypatch.context() as patch:
            simulation = Simulation(seed, patch)
            simulation.run()
        counts.update(fault.partition(":")[0] for fault in simulation.faults)
        if simulation.faults and not first:
            first = f"seed {seed}: {simulation.faults}"
        n += 1
        n_steps += simulation.interleaving.n_steps
        n_killed += simulation.interleaving.n_killed
        n_looks += simulation.n_looks
    seconds = time.monotonic() - started
    figures = (
        f"{n} schedules, {n_steps} steps, {n_killed} killed, {n_looks} looks,"
        f" faults {dict(counts)} {first} ({seconds:.0f} s)"
    )
    return counts, figures


def simulate_part(seeds) -> tuple[Counter, str]:
    """Run schedules in a process of their own."""
    return simulate(pytest.MonkeyPatch(), seeds)


def simulate_at_once(seeds: range) -> tuple[Counter, str]:
    """Run schedules on all processors."""
    n = len(os.sched_getaffinity(0))
    parts = [seeds[i::n] for i in range(n)]
    with multiprocessing.get_context("fork").Pool(n) as pool:
        done = pool.map(simulate_part, parts, chunksize=1)
    counts = sum((counts for counts, _ in done), Counter())
    return counts, "; ".join(figures for _, figures in done)


def test_nothing_is_lost_wrong_or_resurrected(monkeypatch):
    """Compactors, sweepers, writers, removers and readers at the same time."""
    counts, figures = simulate(monkeypatch, range(QUICK))
    print(figures)
    assert not counts, figures


def faults_without(monkeypatch, where, name, value) -> Counter:
    """Return the first faults when a part of the protocol is taken away."""
    n_part = 1000
    for first in range(0, LONG, n_part):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, value)
            counts, figures = simulate_at_once(range(first, first + n_part))
        print(f"without {name}: {figures}")
        if counts:
            return counts
    return Counter()


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
    with monkeypatch.context() as patch:
        patch.setattr(*patches[0], always)
        counts = faults_without(patch, *patches[1], always)
    assert counts["lost"]


@pytest.mark.faults
def test_nothing_is_lost_wrong_or_resurrected_in_many_schedules():
    """The same, at least 10,000 times."""
    counts, figures = simulate_at_once(range(10**6, 10**6 + LONG))
    print(figures)
    assert not counts, figures
