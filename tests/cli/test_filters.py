"""What `ls` and `rm` select: by age, use, state and code."""

from __future__ import annotations

import json
import os
import time

import pytest

from gridtask.store.store import Store
from gridtask.why.versions import CodeVersions

DAY = 86400.0


@pytest.fixture
def keys(capsys):
    """Return a function that gives the keys that `ls` lists."""

    def list_keys(cache, *argv):
        capsys.readouterr()
        assert cache.run("ls", "--json", *argv) == 0
        rows = map(json.loads, capsys.readouterr().out.splitlines())
        return sorted(row["key"].rstrip("0") for row in rows)

    return list_keys


def read_at(path, seconds_ago):
    """Date the last use of a file, and its writing, back."""
    at = time.time() - seconds_ago
    os.utime(path, (at, at - DAY))


def test_unused_counts_from_the_last_use(cache, keys):
    """A call that was computed long ago but read lately is in use."""
    read_at(cache.put("f", "aaaa", age=90 * DAY), 40 * DAY)
    read_at(cache.put("f", "bbbb", age=90 * DAY), 20 * DAY)
    assert keys(cache, "f", "--unused", "30d") == ["aaaa"]


def test_what_was_just_written_is_in_use(cache, keys):
    """Where no times of use are kept, that of writing counts."""
    path = cache.put("f", "aaaa")
    os.utime(path, (0, time.time()))
    assert keys(cache, "f", "--unused", "1d") == []


def test_listing_is_no_use(cache, keys):
    """What `ls --unused` has listed, `rm --unused` removes afterwards."""
    read_at(cache.put("f", "aaaa", age=50 * DAY), 40 * DAY)
    keys(cache, "f")
    cache.run("ls", "--unused", "30d")
    assert cache.run("rm", "--unused", "30d", "--yes") == 0
    assert cache.keys("f") == ([], [])


def test_unused_for_no_time_is_everything(cache, keys):
    """0s admits all calls, as with --older."""
    cache.put("f", "aaaa")
    assert keys(cache, "f", "--unused", "0s") == ["aaaa"]


def test_stale_is_what_older_code_computed(cache, keys):
    """The version of the call that ended last is the one that counts."""
    cache.put("f", "aaaa", age=5.0, code="01")
    cache.put("f", "bbbb", age=4.0, code="01", failed=True)
    cache.put("f", "cccc", age=3.0, code="02")
    cache.put("g", "dddd", age=9.0, code="01")
    assert keys(cache, "f", "g", "--stale") == ["aaaa", "bbbb"]


def test_code_of_a_failure_is_code(cache, keys):
    """Code whose first call failed is the newest all the same."""
    cache.put("f", "aaaa", age=5.0, code="01")
    cache.put("f", "bbbb", age=4.0, code="02", failed=True)
    assert keys(cache, "f", "--stale") == ["aaaa"]


def test_a_clock_in_the_future_does_not_make_fresh_results_stale(cache, keys):
    """A node that took the year for 2038 does not have the last word."""
    cache.put("f", "aaaa", age=-4000 * DAY, code="01")
    cache.put("f", "bbbb", age=5.0, code="02")
    assert keys(cache, "f", "--stale") == ["aaaa"]


def test_accepted_results_are_not_stale(cache, keys):
    """What the user lets count for the newest code is in use."""
    folder = Store.open(cache.root).folder("f")
    old, middle, new = (
        bytes.fromhex(code.ljust(32, "0")) for code in ("01", "02", "03")
    )
    cache.put("f", "aaaa", age=5.0, code="01")
    cache.put("f", "bbbb", age=4.0, code="02")
    cache.put("f", "cccc", age=3.0, code="03")
    cache.put("f", "dddd", age=3.5, code="04")
    folder.refresh()
    versions = CodeVersions(folder)
    versions._write(new, new, {})
    versions.accept(middle, new)
    versions.accept(old, middle)
    assert keys(cache, "f", "--stale") == ["dddd"]


def test_stale_calls_go(cache):
    """rm --stale keeps what the newest code computed."""
    cache.put("f", "aaaa", age=5.0, code="01")
    cache.put("f", "bbbb", age=4.0, code="02")
    assert cache.run("rm", "--stale", "--yes") == 0
    assert cache.keys("f") == (["bbbb"], [])


def test_filters_are_combined(cache, keys):
    """All that is asked for must hold."""
    cache.put("f", "aaaa", age=9 * DAY, code="01", failed=True)
    cache.put("f", "bbbb", age=9 * DAY, code="01")
    cache.put("f", "cccc", age=1 * DAY, code="01", failed=True)
    cache.put("f", "dddd", age=0.0, code="02")
    asked = ["--stale", "--failed", "--older", "7d"]
    assert keys(cache, "f", *asked) == ["aaaa"]
    assert cache.run("rm", *asked, "--yes") == 0
    assert cache.keys("f") == (["bbbb", "dddd"], ["cccc"])


def test_running_lists_calls_in_flight(filled, keys):
    """--running lists what has not ended, of all tasks."""
    filled.in_flight = {"simulate": ["aa"], "new": ["bb"]}
    assert keys(filled, "--running") == ["aa", "bb"]


def test_calls_in_flight_stand_among_the_others(filled, capsys):
    """A task's listing shows all its calls, those that have ended first."""
    filled.in_flight = {"simulate": ["aa"]}
    filled.run("ls", "simulate", "--json")
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["state"] for row in rows] == ["done", "failed", "done", "queued"]
    assert rows[-1]["job"] == "118.1"


def test_a_failed_call_in_flight_is_not_failed(filled, keys):
    """It is tried again just now."""
    filled.in_flight = {"simulate": ["5b"]}
    assert keys(filled, "--failed") == []
    assert keys(filled, "--running") == ["5b"]


def test_filters_of_ended_calls_leave_those_in_flight_out(filled):
    """Clean-up by age goes on while maps run."""
    filled.in_flight = {"simulate": ["5b"], "train": 2}
    assert filled.run("rm", "--older", "7d", "--yes") == 0
    assert filled.keys("simulate")[0] == ["3fa91c77"]


@pytest.mark.parametrize("key", ["abcd", "abcd12"])
def test_a_call_in_flight_is_found_by_its_key(cache, keys, key):
    """Keys of calls without a result may be abbreviated too."""
    cache.in_flight = {"f": ["abcd1234"]}
    assert keys(cache, key) == ["abcd1234"]
