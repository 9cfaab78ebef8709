"""What workers left behind of their calls, read in bulk."""

from __future__ import annotations

import os

import pytest

from gridtask.caches.traces import read_traces
from gridtask.store import values
from gridtask.store.reader import SegmentReader
from gridtask.store.record import Kind
from gridtask.store.store import Store

VALUE = values.encode(1.0)


@pytest.fixture
def folder(tmp_path):
    """A task's folder in a new store."""
    return Store.open(tmp_path / "cache").folder("simulate")


def write(folder, peaks, *, run="abcdefgh", host="node1", fails=()):
    """Write a worker's calls with these peaks of address space."""
    writer = folder.writer(f"{run}.1")
    for number, peak in enumerate(peaks):
        kind = Kind.ERR if number in fails else Kind.OK
        meta = {"run": run, "job": "118.1", "host": host, "vm_mb": peak}
        key = os.urandom(16)
        writer.write(kind, VALUE, key, b"c0decode", seconds=2.0, peak_mb=9, meta=meta)
    writer.close()
    folder.refresh()


def traces_of(folder):
    """Return the traces of all that is in a folder."""
    return read_traces(folder, folder.numbers(Kind.OK) + folder.numbers(Kind.ERR))


def test_calls_of_a_worker_share_where_it_ran(folder):
    """In the order in which it computed them, failures among them."""
    write(folder, [10, 10, 20], fails=[1])
    (worker,) = traces_of(folder)
    assert (worker.host, worker.job, worker.run) == ("node1", "118.1", "abcdefgh")
    assert [call.failed for call in worker.calls] == [False, True, False]
    assert [call.address_mb for call in worker.calls] == [10, 10, 20]
    assert worker.calls[0].seconds == 2.0
    assert worker.calls[0].resident_mb == 9
    assert worker.started_at == worker.calls[0].ended_at - 2.0
    assert worker.address_mb == 20


@pytest.mark.parametrize(
    "peaks",
    [[7], [7, 8], [5] * 9, [1, 2, 3, 4, 5, 6], [1, 1, 1, 9, 9, 9, 9, 9, 9, 9]],
)
def test_peaks_between_equal_ones_are_known(folder, peaks):
    """Each call has its own, although few are read."""
    write(folder, peaks)
    (worker,) = traces_of(folder)
    assert [call.address_mb for call in worker.calls] == peaks


def test_few_records_are_read_of_many(folder, monkeypatch):
    """A thousand calls of one worker cost some twenty reads."""
    n_read = []
    glance = SegmentReader.glance

    def counting(self, entry):
        n_read.append(entry)
        return glance(self, entry)

    monkeypatch.setattr(SegmentReader, "glance", counting)
    write(folder, [100] * 300 + [900] * 700)
    (worker,) = traces_of(folder)
    assert [c.address_mb for c in worker.calls].count(900) == 700
    assert len(n_read) < 30


def test_packs_keep_workers_apart(folder):
    """Records that were put together still tell who wrote them."""
    for number in range(12):
        write(folder, [number, number], run=f"run{number:05}", host=f"node{number}")
    assert folder.compact()
    hosts = {worker.host for worker in traces_of(folder)}
    assert hosts == {f"node{number}" for number in range(12)}


def test_records_without_peaks_are_not_known(folder):
    """Of direct calls, and of other systems than Linux."""
    writer = folder.writer("direct")
    writer.put(os.urandom(16), b"c0decode", VALUE, meta={"host": "laptop"})
    writer.close()
    folder.refresh()
    (worker,) = traces_of(folder)
    assert (worker.host, worker.job, worker.address_mb) == ("laptop", None, 0)


def test_calls_of_killed_workers_have_no_trace(folder):
    """The driver has written down their cause, and knows no more."""
    write(folder, [10, 10])
    writer = folder.writer("abcdefgh.driver")
    meta = {"run": "abcdefgh", "host": "localhost", "error": "Killed: x"}
    writer.fail(os.urandom(16), b"c0decode", VALUE, meta=meta)
    writer.close()
    folder.refresh()
    (worker,) = traces_of(folder)
    assert (worker.host, len(worker.calls)) == ("node1", 2)
