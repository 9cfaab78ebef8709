"""A cache with a few calls, made without running any."""

from __future__ import annotations

import io
import time

import pytest

from gridtask.caches.flights import Flight, Flights
from gridtask.cli import main
from gridtask.plan import Place
from gridtask.store import values
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentWriter
from gridtask.store.store import Store

DAY = 86400.0


class Cache:
    """A store in a folder of its own, and the command run on it."""

    def __init__(self, root):
        self.root = root
        self.in_flight = {}
        self.is_known = True

    def flights(self, store):
        """Return as many flights of each task as `in_flight` says, or its keys."""
        flights = Flights(store.runs, is_known=self.is_known)
        for task, keys in self.in_flight.items():
            if isinstance(keys, int):
                keys = [f"f{number:07}" for number in range(keys)]
            places = [Place("abcdefgh", 1 + n // 2) for n in range(len(keys))]
            flights.by_task[task] = {
                flight.key: flight
                for flight in (
                    Flight(
                        key=bytes.fromhex(key.ljust(32, "0")),
                        task=task,
                        place=place,
                        job_id="118",
                        backend="local",
                        state="queued",
                        submitted_at=time.time(),
                    )
                    for key, place in zip(keys, places, strict=True)
                )
            }
        return flights

    def put(self, task, key, *, age=0.0, failed=False, value=1.0, code="c0de", **meta):
        """Write a result, or a failure, that ended `age` seconds ago."""
        folder = Store.open(self.root).folder(task)
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{key}{'err' if failed else 'ok'}{age:.0f}.seg"
        writer = SegmentWriter.create(folder.path / name)
        ended_ns = int((time.time() - age) * 1e9)
        writer.append(Kind.META, meta={"task": task}, t_end_ns=ended_ns)
        writer.append(
            Kind.ERR if failed else Kind.OK,
            values.encode(value).parts,
            key=bytes.fromhex(key.ljust(32, "0")),
            code=bytes.fromhex(code.ljust(16, "0")),
            meta=meta,
            t_end_ns=ended_ns,
            seconds=2.5,
            peak_mb=100,
        )
        writer.seal()
        return folder.path / name

    def keys(self, task):
        """Return the keys of a task's results and failures, in this order."""
        folder = Store.open(self.root).folder(task)
        folder.refresh()
        return tuple(
            sorted(folder.entry(n).key.hex().rstrip("0") for n in folder.numbers(kind))
            for kind in (Kind.OK, Kind.ERR)
        )

    def run(self, *argv):
        """Run the command and return its exit status."""
        return main(["-C", str(self.root), *argv])


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def answer(monkeypatch):
    """Return a function that puts a terminal with an answer in place."""

    def put(text):
        monkeypatch.setattr("sys.stdin", Terminal(text))
        shown = Terminal()
        monkeypatch.setattr("sys.stderr", shown)
        return shown

    return put


@pytest.fixture
def make_cache(monkeypatch):
    """Return a function that makes a cache without calls in a new folder."""
    caches = {}

    def make(root):
        root.parent.mkdir(parents=True, exist_ok=True)
        Store.open(root)
        caches[root] = Cache(root)
        return caches[root]

    def find_flights(store):
        cache = caches.get(store.root)
        return cache.flights(store) if cache else Flights(store.runs)

    for module in ("folder", "removal", "follow"):
        monkeypatch.setattr(f"gridtask.caches.{module}.find_flights", find_flights)
    return make


@pytest.fixture
def cache(tmp_path, make_cache):
    """A cache without calls."""
    return make_cache(tmp_path / "cache")


@pytest.fixture
def filled(cache):
    """Two tasks: simulate with old and new calls and a failed one, and train."""
    cache.put("simulate", "3fa91c02", age=10 * DAY, args="seed=1", host="node1")
    cache.put("simulate", "3fa91c77", age=1 * DAY, args="seed=2", job="118.7")
    cache.put(
        "simulate", "5b", age=8 * DAY, failed=True, args="seed=3", error="ValueError: x"
    )
    cache.put("train", "77aa0000", age=20 * DAY, args="lr=0.1", value="x" * 50_000)
    return cache
