"""Drivers at once, killed ones among them, in every order that a seed can draw."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections import Counter

import pytest
from drivers import Drivers

from gridtask.claims import claim as claims
from gridtask.claims.claim import Claim
from gridtask.driver import retry
from gridtask.submission import submit
from gridtask.submission.planning import Planner

QUICK, LONG = 100, int(os.environ.get("GRIDTASK_SCHEDULES", "10000"))


def simulate(monkeypatch, seeds) -> tuple[Counter, str]:
    """Run schedules; return the counts of faults, and a text of figures."""
    counts: Counter = Counter()
    n_steps = n_killed = n = 0
    started = time.process_time()
    first = ""
    for seed in seeds:
        with monkeypatch.context() as patch:
            drivers = Drivers(seed, patch)
            drivers.run()
        counts.update(fault.partition(":")[0] for fault in drivers.faults)
        if drivers.faults and not first:
            first = f"seed {seed}: {drivers.faults}"
        n += 1
        n_steps += drivers.timeline.n_steps
        n_killed += drivers.n_killed
    seconds = time.process_time() - started
    figures = (
        f"{n} schedules, {n_steps} steps, {n_killed} drivers killed,"
        f" faults {dict(counts)} {first} ({seconds:.0f} CPU s)"
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


def test_each_call_is_executed_once_and_all_drivers_get_their_results(monkeypatch):
    """Whoever plans, submits, waits, recuts and retries meanwhile, or is killed."""
    counts, figures = simulate(monkeypatch, range(QUICK))
    print(figures)
    assert not counts, figures


def faults_with(monkeypatch, *patches) -> Counter:
    """Return the first faults when a part of the protocol is taken away."""
    n_part = 200
    with monkeypatch.context() as patch:
        for where, name, value in patches:
            patch.setattr(where, name, value)
        for first in range(0, LONG, n_part):
            counts, figures = simulate_at_once(range(first, first + n_part))
            print(figures)
            if counts:
                return counts
    return Counter()


def find_jobs_late(claim, states):
    """Read what is written down of jobs only after the scheduler was asked."""
    unknown = claim._unknown()
    claim.jobs += claims._written_jobs(claim.runs, claim.plan, unknown)
    return find_jobs(claim, states)


find_jobs = Claim.find_jobs
look_around = Planner._look_around


def list_first(planner):
    """List the results before the scheduler is asked, and not afterwards."""
    planner.folder.refresh()
    planner.folder.refresh = lambda: None
    try:
        return look_around(planner)
    finally:
        del planner.folder.refresh


@contextlib.contextmanager
def without_lock(root):
    """Let everybody plan at the same time."""
    yield lambda: True


@pytest.mark.faults
def test_without_the_order_of_questions_calls_are_repeated(monkeypatch):
    """A job is written down between the scheduler's answer and the look for it."""
    late = (
        (Claim, "read_jobs", lambda claim: False),
        (Claim, "find_jobs", find_jobs_late),
    )
    assert faults_with(monkeypatch, *late)["repeated"]


@pytest.mark.faults
def test_without_the_lock_calls_are_repeated(monkeypatch):
    """Two drivers plan the same calls at the same time."""
    patches = [(module, "submit_lock", without_lock) for module in (submit, retry)]
    assert faults_with(monkeypatch, *patches)["repeated"]


@pytest.mark.faults
def test_without_a_listing_after_the_answer_calls_are_repeated(monkeypatch):
    """Calls end between the listing and the scheduler's answer."""
    assert faults_with(monkeypatch, (Planner, "_look_around", list_first))["repeated"]


@pytest.mark.faults
def test_each_call_is_executed_once_in_many_schedules():
    """The same, at least 10,000 times."""
    counts, figures = simulate_at_once(range(10**6, 10**6 + LONG))
    print(figures)
    assert not counts, figures
