"""Rounds: calls of a run that are submitted again, by whichever driver is first."""

from __future__ import annotations

import os
import threading
import time

import pytest
from published import KEYS, make_plan, publish

from gridtask.backends.base import Limits
from gridtask.backends.site import SiteProfile
from gridtask.claims.claim import open_claim
from gridtask.claims.lock import submit_lock
from gridtask.driver import retry
from gridtask.driver.retry import Resources, Resubmitter
from gridtask.errors import SubmitError
from gridtask.plan import JobRange, Place
from gridtask.store import values
from gridtask.store.store import Store


class Scheduler:
    """Takes all jobs."""

    name = "fake"

    def __init__(self):
        self.submitted = []

    def submit(self, request):
        self.submitted.append(request.name)
        return str(len(self.submitted))

    def command(self, request):
        return ["qsub"]

    def limits(self):
        return Limits(1000)


@pytest.fixture
def store(tmp_path):
    """An empty cache."""
    return Store.open(tmp_path / "cache")


@pytest.fixture
def plan(store):
    """A published run of four calls."""
    return publish(store.runs, make_plan(chunks=[2, 2])).plan


@pytest.fixture
def rerun(store, plan):
    """A run of two of the calls that a later driver has submitted, a minute after."""
    os.utime(store.runs / f"{plan.run_id}.run", (plan.created_at, time.time() - 60.0))
    changes = {"flying": {0: Place(plan.run_id, 1)}, "missing": [1, 2]}
    cut = {"chunks": [2], "jobs": [JobRange(1, 1)]}
    rerun = plan._replace(run_id="rerunaaa", **changes, **cut)
    return publish(store.runs, rerun).plan


@pytest.fixture
def new_resubmitter(store):
    """Return a function that makes the resubmitter of another driver."""

    def new():
        return Resubmitter(
            store.runs, store.folder("simulate"), Scheduler(), SiteProfile()
        )

    return new


def keys_of(rounds):
    """Return which calls are in which round, and whether it is the driver's own."""
    return {r.claim.plan.run_id: (r.keys, r.is_own) for r in rounds}


def test_each_call_is_submitted_again_by_one_driver(plan, new_resubmitter):
    """Two have lost different calls: those of both go into one round only."""
    first, second = new_resubmitter(), new_resubmitter()
    rounds = first.submit(plan, KEYS[:2], Resources())
    assert keys_of(rounds) == {"abcdefghr2": (KEYS[:2], True)}
    rounds = second.submit(plan, KEYS[1:], Resources())
    assert keys_of(rounds) == {
        "abcdefghr2": (KEYS[1:2], False),
        "abcdefghr3": (KEYS[2:], True),
    }


def test_what_is_submitted_already_costs_no_job(plan, new_resubmitter):
    """All calls are left to the other driver."""
    first, second = new_resubmitter(), new_resubmitter()
    first.submit(plan, KEYS, Resources())
    rounds = second.submit(plan, KEYS[:1], Resources())
    assert keys_of(rounds) == {"abcdefghr2": (KEYS[:1], False)}
    assert second._backend.submitted == []


def test_the_last_round_of_a_call_counts(store, plan, new_resubmitter):
    """It was submitted twice since: the first of these rounds has lost it, too."""
    driver = new_resubmitter()
    driver.submit(plan, KEYS, Resources())
    driver.submit(open_claim(store.runs, "abcdefghr2").plan, KEYS[:1], Resources())
    rounds = new_resubmitter().submitted_elsewhere(plan, KEYS)
    assert keys_of(rounds) == {
        "abcdefghr3": (KEYS[:1], False),
        "abcdefghr2": (KEYS[1:], False),
    }


def test_a_round_that_has_lost_a_call_does_not_compute_it(store, plan, new_resubmitter):
    """Only later rounds do."""
    new_resubmitter().submit(plan, KEYS, Resources())
    child = open_claim(store.runs, "abcdefghr2").plan
    assert new_resubmitter().submitted_elsewhere(child, KEYS) == []


def test_calls_that_are_being_taken_back_are_waited_for(store, plan, new_resubmitter):
    """Their job is gone and the next one not yet published: they are not lost."""
    found = []

    def look():
        found.extend(new_resubmitter().submitted_elsewhere(plan, KEYS))

    looking = threading.Thread(target=look)

    def take_back():
        looking.start()
        looking.join(0.3)
        assert looking.is_alive()
        return KEYS

    new_resubmitter().recut(plan, take_back)
    looking.join()
    assert keys_of(found) == {"abcdefghr2": (KEYS, False)}


def test_somebody_elses_folder_is_read_without_the_lock(
    plan, new_resubmitter, monkeypatch
):
    """Who may not write there may still see what goes on."""
    new_resubmitter().submit(plan, KEYS, Resources())

    def refuse(root):
        raise PermissionError(13, "Permission denied", str(root))

    monkeypatch.setattr(retry, "submit_lock", refuse)
    rounds = new_resubmitter().submitted_elsewhere(plan, KEYS)
    assert keys_of(rounds) == {"abcdefghr2": (KEYS, False)}


def test_nothing_is_taken_back_while_another_driver_plans(store, plan, new_resubmitter):
    """It would see the calls neither in flight nor claimed."""
    events = []
    recutting = threading.Thread(
        target=new_resubmitter().recut,
        args=(plan, lambda: events.append("taken back") or []),
    )
    with submit_lock(store.root):
        recutting.start()
        recutting.join(0.3)
        events.append("planned")
    recutting.join()
    assert events == ["planned", "taken back"]


def test_what_a_rerun_has_submitted_since_is_left_to_it(rerun, plan, new_resubmitter):
    """It took lost calls for missing ones; the one that it adopted is not its own."""
    driver = new_resubmitter()
    assert keys_of(driver.submitted_elsewhere(plan, KEYS)) == {
        "rerunaaa": (KEYS[1:3], False)
    }
    assert keys_of(driver.submit(plan, KEYS[:2], Resources())) == {
        "rerunaaa": (KEYS[1:2], False),
        "abcdefghr2": (KEYS[:1], True),
    }


def test_what_a_rerun_has_lost_is_not_left_to_the_run_before_it(rerun, new_resubmitter):
    """Only what was submitted later can compute it now."""
    assert new_resubmitter().submitted_elsewhere(rerun, KEYS) == []


def test_what_a_user_asks_for_is_submitted(rerun, plan, new_resubmitter):
    """A rerun that was interrupted long ago does not stand in the way."""
    rounds = new_resubmitter().submit(plan, KEYS[1:2], Resources(), is_asked=True)
    assert keys_of(rounds) == {"abcdefghr2": (KEYS[1:2], True)}


@pytest.mark.parametrize("is_asked", [False, True])
def test_a_call_that_has_a_result_by_now_is_not_submitted_again(
    store, plan, new_resubmitter, is_asked
):
    """The run that computed it is over; only a user may ask for it all the same."""
    writer = store.folder("simulate").writer("abcdefghr2.1", meta={})
    writer.put(KEYS[0], bytes(8), values.encode(0), meta={})
    writer.close()
    driver = new_resubmitter()
    rounds = driver.submit(plan, KEYS[:2], Resources(), is_asked=is_asked)
    first = 0 if is_asked else 1
    assert keys_of(rounds) == {"abcdefghr2": (KEYS[first:2], True)}


def test_the_id_of_a_round_that_was_refused_is_not_used_again(
    store, plan, new_resubmitter
):
    """Other drivers may have left calls to it; of many in a row one note stays."""
    driver = new_resubmitter()

    def refuse(request):
        msg = "only 2 jobs are allowed per user"
        raise SubmitError(msg, argv=["qsub"], is_limit=True)

    submit, driver._backend.submit = driver._backend.submit, refuse
    for _ in range(3):
        with pytest.raises(SubmitError):
            driver.submit(plan, KEYS[:1], Resources())
    driver._backend.submit = submit
    rounds = driver.submit(plan, KEYS[:1], Resources())
    assert keys_of(rounds) == {"abcdefghr5": (KEYS[:1], True)}
    assert [path.name for path in store.runs.glob("*.done")] == ["abcdefghr4.done"]
