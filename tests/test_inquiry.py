"""Which answers of the scheduler are enough to submit by."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gridtask.errors import SchedulerUnavailable
from gridtask.submission import planning
from gridtask.submission.inquiry import RETRY_POLL_SECONDS, Inquiry


class Killed:
    """The claim of a driver that was killed while it submitted job 17."""

    is_incomplete = True

    def find_jobs(self, states):
        self.is_incomplete = "17" not in states


class Scheduler:
    """Gives one answer after the other, each after some seconds."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.now = 0.0

    def poll(self):
        seconds, states = self.answers.pop(0)
        self.now += seconds
        return states

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def ask(monkeypatch):
    """Return a function that asks a scheduler that gives these answers."""

    def run(*answers, live=()):
        scheduler = Scheduler(*answers)
        clock = SimpleNamespace(sleep=scheduler.sleep, monotonic=lambda: scheduler.now)
        monkeypatch.setattr("gridtask.submission.inquiry.time", clock)
        return Inquiry(scheduler).ask(live), scheduler.now

    return run


JOB = {"17": "queued"}


def test_one_answer_is_enough_where_all_jobs_are_known(ask):
    """A second question would cost each map two seconds."""
    assert ask((0.1, {})) == ({}, 0.1)
    assert ask((0.1, JOB), live=[Killed()]) == (JOB, 0.1)


def test_a_job_may_be_accepted_just_after_the_answer(ask):
    """Nobody has asked while the scheduler was silent: its qsub has waited, too."""
    states, now = ask((1.0, {}), (0.1, JOB), live=[Killed()])
    assert states == JOB
    assert now == 1.0 + RETRY_POLL_SECONDS + 0.1


def test_a_job_that_two_prompt_answers_miss_does_not_exist(ask):
    """Its driver was killed before it submitted it."""
    assert ask((0.1, {}), (0.1, {}), live=[Killed()])[0] == {}


def test_an_answer_after_a_silence_is_not_enough(ask):
    """The qsub of the killed driver may be next."""
    with pytest.raises(SchedulerUnavailable):
        ask((0.1, {}), (19.0, {}), live=[Killed()])


def test_results_are_listed_when_it_is_known_what_is_in_flight(monkeypatch):
    """A run that another driver ends in between has its results by then."""
    events = []
    backend = SimpleNamespace(name="fake", poll=lambda: events.append("asked") or {})
    claim = SimpleNamespace(
        plan=SimpleNamespace(backend="fake", run_id="abcdefgh"),
        is_incomplete=False,
        find_jobs=lambda states: False,
        in_flight=lambda states: events.append("in flight") or {},
        abandon=lambda: None,
    )
    monkeypatch.setattr(planning.claims, "open_claims", lambda *args: [claim])
    planner = object.__new__(planning.Planner)
    planner.terms, planner.warn = SimpleNamespace(backend=backend), None
    planner.store, planner.keys = SimpleNamespace(runs=None), []
    planner.folder = SimpleNamespace(refresh=lambda: events.append("listed"))
    monkeypatch.setattr(planning, "without_failed", lambda *args: [])
    planner._inquiry, planner._accepted = Inquiry(backend), None
    planner._find = list
    assert planner._look_around() == (set(), {})
    assert events == ["asked", "in flight", "listed"]
