"""Slots that nobody has written down."""

from __future__ import annotations

import pytest

from gridtask.caches.traces import CallTrace, WorkerTrace
from gridtask.report.lanes import busy_by_host, lanes_of


def worker(host, start, end):
    """Return a worker with one call."""
    call = CallTrace(0, bytes(16), bytes(8), False, end, end - start, 0, 0)
    return WorkerTrace(host=host, job="1.1", run="r", calls=[call])


def test_workers_at_the_same_time_have_lanes_of_their_own():
    """And one that starts later takes the slot that was free first."""
    workers = [worker("b", 0, 9), worker("a", 0, 10), worker("a", 1, 5)]
    workers += [worker("a", 6, 8), worker("a", 11, 12)]
    lanes = lanes_of(workers)
    assert [(lane.host, lane.number) for lane in lanes] == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
    ]
    spans = [[(w.started_at, w.ended_at) for w in lane.workers] for lane in lanes]
    assert spans == [[(0, 10)], [(1, 5), (6, 8), (11, 12)], [(0, 9)]]


def test_busy_hosts_add_up_to_the_time_that_workers_took():
    """Bins hold the mean number of workers."""
    workers = [worker("a", 0, 10), worker("a", 5, 7.5), worker("b", 9, 10)]
    busy = busy_by_host(workers, 0.0, 10.0, 4)
    assert busy["a"] == pytest.approx([1, 1, 2, 1])
    assert sum(busy["b"]) * 2.5 == pytest.approx(1.0)
