"""`gridtask.cache`: a cache folder from Python."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

import gridtask
from gridtask import grid_task
from gridtask.caches.selection import UnknownCall
from gridtask.store import reader, values
from gridtask.store.store import Store

DAY = 86400.0


@grid_task(backend="serial", name="square")
def square(x):
    """Return the square."""
    return x * x


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The cache of a folder in which three calls were computed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRIDTASK_CACHE", raising=False)
    square.map([{"x": x} for x in (1, 2, 3)], progress=False)
    return gridtask.cache()


def test_the_cache_of_this_folder(cache, tmp_path):
    """By default it is the one that tasks use here."""
    assert cache.path == tmp_path / ".gridtask"
    assert repr(cache) == f"gridtask.cache({str(cache.path)!r})"


def test_tasks_and_calls(cache):
    """Listings are objects with the fields of `gridtask ls --json`."""
    (task,) = cache.ls()
    assert (task.task, task.results, task.failed, task.running) == ("square", 3, 0, 0)
    assert task.bytes > 0
    assert task.newest == pytest.approx(time.time(), abs=60)
    calls = cache.calls("square")
    assert [call.args for call in calls] == ["x=1", "x=2", "x=3"]
    assert {call.state for call in calls} == {"done"}


def test_what_is_selected_is_measured_alone(cache):
    """Bytes and times are those of the calls that were asked for."""
    key = square.key(2)
    (task,) = cache.ls(key)
    (call,) = cache.calls(key)
    assert (task.results, task.bytes) == (1, call.bytes)
    assert task.oldest == task.newest == call.ended_at


def test_a_call_by_its_key(cache):
    """The key that a task gives finds what it computed, abbreviated or not."""
    key = square.key(3)
    assert cache.show(key).args == "x=3"
    assert cache.show(key[:10]).value == ["9"]
    assert cache.load(key[:10]) == 9


def test_unknown_names(cache):
    """They are a `KeyError` whose text can be read."""
    with pytest.raises(KeyError, match="did you mean 'square'"):
        cache.ls("sqare")
    with pytest.raises(UnknownCall, match="no call"):
        cache.show("00000000")


@pytest.mark.parametrize("age", ["0s", 0, timedelta(0)])
def test_ages_in_all_forms(cache, age):
    """Text, seconds and timedelta are the same."""
    (removed,) = cache.rm(older=age)
    assert (removed.task, removed.results, removed.failed) == ("square", 3, 0)
    assert cache.ls() == []


@pytest.mark.parametrize(
    "filters", [{"older": "0s"}, {"unused": "0s"}, {"stale": True}], ids=str
)
def test_filters_make_no_object_for_each_call(cache, monkeypatch, filters):
    """A million results are told and removed by columns of the index."""
    made = []
    unpack = reader.record.unpack_entry
    monkeypatch.setattr(
        reader.record, "unpack_entry", lambda *args: made.append(1) or unpack(*args)
    )
    cache.ls(**filters)
    cache.rm(**filters)
    n_of_three = len(made)
    square.map(range(40), progress=False)
    made.clear()
    cache.ls(**filters)
    cache.rm(**filters)
    assert len(made) <= n_of_three + 10  # those that say what a file is


@pytest.mark.parametrize("age", ["7", "1y", -1.0, float("nan")])
def test_ages_that_mean_nothing(cache, age):
    """They are a ValueError, and remove nothing."""
    with pytest.raises(ValueError, match="not an age"):
        cache.rm(older=age)
    assert cache.ls()[0].results == 3


def test_unknown_filters(cache):
    """A misspelt filter must not be no filter."""
    with pytest.raises(TypeError):
        cache.rm(oldr="7d")
    assert cache.ls()[0].results == 3


def test_removing_needs_a_wish(cache):
    """Nothing said is not everything."""
    with pytest.raises(ValueError, match="say what to remove"):
        cache.rm()
    with pytest.raises(ValueError, match="leave out"):
        cache.rm("square", everything=True)
    assert cache.ls()[0].results == 3


def test_a_removed_call_is_computed_again(cache):
    """What is forgotten is missing at the next map, and only that."""
    cache.rm(square.key(2))
    assert square.plan([{"x": x} for x in (1, 2, 3)]).to_submit == 1


def test_looking_before_removing(cache):
    """A removal tells what goes before it is carried out."""
    removal = cache.removal("square")
    assert [part.results for part in removal.preview()] == [3]
    assert cache.ls()[0].results == 3
    removal.carry_out()
    assert cache.ls() == []
    assert cache.removal(everything=True) is None


def test_a_fresh_result_survives_a_clock_that_is_wrong(tmp_path, monkeypatch):
    """A node that takes the year for 1970 does not lose its results at once."""
    store = Store.open(tmp_path / "cache")
    writer = store.folder("f").writer("run.1")
    with monkeypatch.context() as clock:
        clock.setattr("time.time", lambda: 1000.0)
        clock.setattr("time.time_ns", lambda: 1000 * 10**9)
        writer.put(b"k" * 16, b"c" * 8, values.encode(1))
        writer.close()
    cache = gridtask.cache(tmp_path / "cache")
    assert cache.rm(older="7d") == []
    assert cache.ls()[0].results == 1


def test_gc_and_check(cache):
    """The cache is intact, and little of it is to be freed."""
    assert [part.files for part in cache.gc() if part.where == "runs"] == [0]
    report = cache.check(read_data=True)
    assert not report.is_damaged
    assert report.n_records >= 3


def test_a_folder_that_does_not_exist(tmp_path, monkeypatch):
    """Given by name it is an error; where a task would make it, it is empty."""
    with pytest.raises(gridtask.StoreError, match="no folder"):
        gridtask.cache(tmp_path / "none")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRIDTASK_CACHE", raising=False)
    cache = gridtask.cache()
    assert (cache.ls(), cache.rm(everything=True), cache.gc()) == ([], [], [])
    assert list(tmp_path.iterdir()) == []


def test_the_whole_folder_goes(cache):
    """`delete` leaves nothing of the cache."""
    cache.delete()
    assert not cache.path.exists()
    assert square.map([{"x": 2}], progress=False) == [4]
