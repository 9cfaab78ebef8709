"""Where workers ran at the same time: a lane for each slot that a host gave."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gridtask.caches.traces import WorkerTrace


@dataclass(slots=True)
class Lane:
    """One slot of one host, and the workers that it ran, one after the other."""

    host: str
    number: int
    workers: list[WorkerTrace] = field(default_factory=list)


def lanes_of(workers: Iterable[WorkerTrace]) -> list[Lane]:
    """Return workers by lanes: by host, and as few as ran at the same time.

    Which slot a worker had is nowhere written down: it gets the one that was
    free first.
    """
    by_host: dict[str, list[WorkerTrace]] = {}
    for worker in sorted(workers, key=lambda worker: worker.started_at):
        by_host.setdefault(worker.host or "-", []).append(worker)
    lanes = []
    for host, own in sorted(by_host.items()):
        lanes += _lanes_of_host(host, own)
    return lanes


def _lanes_of_host(host: str, workers: Sequence[WorkerTrace]) -> list[Lane]:
    """Return the lanes of one host, for workers in the order of their start."""
    lanes: list[Lane] = []
    free_at: list[tuple[float, int]] = []
    for worker in workers:
        if free_at and free_at[0][0] <= worker.started_at:
            _, number = heapq.heappop(free_at)
        else:
            number = len(lanes)
            lanes.append(Lane(host, number))
        lanes[number].workers.append(worker)
        heapq.heappush(free_at, (worker.ended_at, number))
    return lanes


def busy_by_host(
    workers: Iterable[WorkerTrace], start: float, end: float, n_bins: int
) -> dict[str, list[float]]:
    """Return how many workers each host ran on average, bin by bin of the time.

    Parameters
    ----------
    start, end : float
        POSIX seconds; the bins divide what is between them.
    """
    width = (end - start) / n_bins
    busy: dict[str, list[float]] = {}
    for worker in workers:
        bins = busy.setdefault(worker.host or "-", [0.0] * n_bins)
        first = (max(worker.started_at, start) - start) / width
        last = (min(worker.ended_at, end) - start) / width
        for i in range(int(first), min(int(last) + 1, n_bins)):
            bins[i] += max(0.0, min(last, i + 1) - max(first, i))
    return busy
