"""Drivers at once, killed ones among them, in every order that a seed can draw."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from drivers import Drivers
from schedules import LONG, first_faults, simulate, simulate_at_once

from gridtask.claims import claim as claims
from gridtask.claims.claim import Claim
from gridtask.driver import retry
from gridtask.submission import submit
from gridtask.submission.planning import Planner

QUICK = 100


def test_each_call_is_executed_once_and_all_drivers_get_their_results():
    """Whoever plans, submits, waits, recuts and retries meanwhile, or is killed."""
    counts, figures = simulate(Drivers, range(QUICK))
    print(figures)
    assert not counts, figures


def faults_with(monkeypatch, *patches) -> Counter:
    """Return the first faults when a part of the protocol is taken away."""
    for where, name, value in patches:
        monkeypatch.setattr(where, name, value)
    return first_faults(Drivers, n_part=200)


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
    counts, figures = simulate_at_once(Drivers, range(10**6, 10**6 + LONG))
    print(figures)
    assert not counts, figures
