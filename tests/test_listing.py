"""Listings of calls: one by one, in the memory of a few, whatever happens meanwhile."""

from __future__ import annotations

import math
from itertools import islice

import pytest

from gridtask.caches import listing as module
from gridtask.caches.filters import Filters
from gridtask.caches.flights import Flight, Flights
from gridtask.caches.folder import Cache
from gridtask.caches.listing import CallListing
from gridtask.caches.selection import distinct_length, select
from gridtask.plan import Place
from gridtask.store.folder import Folder
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentWriter
from gridtask.store.store import Store

N_EACH = 10


def write(folder, file_number: int, n_calls: int = N_EACH) -> None:
    """Write a file of results and failures that ended in another order."""
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    segment = SegmentWriter.create(folder.path / f"w{file_number}.seg")
    for i in range(n_calls):
        number = file_number * n_calls + i
        segment.append(
            Kind.ERR if i % 5 == 4 else Kind.OK,
            [bytes(number % 7)],
            key=(number * 2654435761 % 2**128).to_bytes(16, "little"),
            meta={"args": f"x={number}", **({"job": f"{i}.1"} if i % 2 else {})},
            t_end_ns=10**18 + number * 7919 % 1009 * 10**9,
            seconds=number % 3,
            peak_mb=number % 4,
        )
    segment.seal()


@pytest.fixture
def store(tmp_path):
    """Two tasks of twenty calls each."""
    store = Store.open(tmp_path / "cache")
    for task in ("one", "two"):
        for file_number in range(2):
            write(store.folder(task), file_number)
    return store


@pytest.fixture
def flights(store):
    """Three calls of the first task are in flight."""
    keys = [bytes([200 + i]) * 16 for i in range(3)]
    place = Place("abcdefgh", 1)
    rest = (place, "118", "local", "queued", 0.0)
    of_one = {key: Flight(key, "one", *rest) for key in keys}
    return Flights(store.runs, {"one": of_one})


@pytest.fixture
def calls(store, flights):
    """All calls."""
    return CallListing(flights, select(store, flights, (), Filters()))


def test_calls_come_task_by_task_as_they_ended(calls):
    """Those in flight are behind the others of their task."""
    listed = list(calls)
    places = [
        (call.task, math.inf if call.ended_at is None else call.ended_at)
        for call in listed
    ]
    assert places == sorted(places)
    assert len(listed) == 43


@pytest.mark.parametrize("batch", [1, 7, 100])
@pytest.mark.parametrize("field", ["bytes", "ended_at", "seconds", "peak_mb"])
def test_the_largest_come_first(calls, field, batch, monkeypatch):
    """Over all tasks, and without a value last, however many are read at once."""
    monkeypatch.setattr(module, "MAX_BATCH", batch)
    values = [getattr(call, field) for call in calls.sorted_by(field)]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=True)
    assert values == known + [None] * (43 - len(known))


@pytest.mark.parametrize("field", ["key", "args", "job", "state", "task"])
def test_names_come_in_the_order_of_the_alphabet(calls, field):
    """Also what only the records tell."""
    values = [getattr(call, field) for call in calls.sorted_by(field)]
    known = [value for value in values if value is not None]
    assert known == sorted(known)
    assert values == known + [None] * (43 - len(known))


def test_calls_are_read_when_their_turn_comes(calls, monkeypatch):
    """The first of a million are there at once."""
    sizes = []
    real = Folder.metas
    monkeypatch.setattr(
        Folder, "metas", lambda self, n: (sizes.append(len(n)), real(self, n))[1]
    )
    monkeypatch.setattr(module, "FIRST_BATCH", 4)
    assert len(list(islice(calls, 5))) == 5
    assert sizes == [4, 8]


def test_calls_that_are_compacted_meanwhile_are_still_listed(store, monkeypatch):
    """Someone pauses a pager for longer than replaced files stay."""
    monkeypatch.setattr(module, "FIRST_BATCH", 1)
    monkeypatch.setattr("gridtask.store.sweep.GRACE_SECONDS", -1.0)
    listing = Cache(store.root).listing("one")
    listed = [next(each := iter(listing))]
    other = store.folder("one")
    other.refresh()
    other.compact(min_files=1)
    assert other.sweep() == 2
    for part in listing._parts:
        for number in part.folder.numbers():
            part.folder.file(number).close()
    listed += each
    assert sorted(call.args for call in listed) == sorted(f"x={i}" for i in range(20))
    assert {call.state for call in listed} == {"done", "failed"}


def test_calls_that_are_removed_meanwhile_are_left_out(store, monkeypatch):
    """They are not damaged: there is nothing to say of them."""
    monkeypatch.setattr(module, "FIRST_BATCH", 1)
    listing = Cache(store.root).listing("one")
    listed = [next(each := iter(listing))]
    for part in listing._parts:
        for number in part.folder.numbers():
            part.folder.file(number).close()
    store.remove_folder(store.folder("one"))
    listed += each
    assert len(listed) < 5
    assert {call.state for call in listed} <= {"done", "failed"}


@pytest.mark.parametrize("n_alike", range(7, 32))
def test_keys_are_shown_as_long_as_they_need_be(n_alike):
    """With a digit more than any two have in common, repeated ones aside."""
    first = "5" * 32
    second = first[:n_alike] + "6" * (32 - n_alike)
    keys = [bytes.fromhex(key) for key in (first, second, first, "0" * 32)]
    assert distinct_length(keys) == n_alike + 1
