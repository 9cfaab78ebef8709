"""Runs of any size that were never computed, as a report sees them."""

from __future__ import annotations

import functools
import math
import random
import time

import pytest

from gridtask.caches.history import VersionSummary
from gridtask.caches.traces import CallTrace, WorkerTrace
from gridtask.report.data import Failures, ReportData, SlowCall

START = 1_795_370_000.0


def make_worker(rng, host, job, begin, n_calls, scale):
    """Return a worker with calls of about `scale` seconds, some of them failed."""
    calls, at, peak = [], begin, 180
    for number in range(n_calls):
        seconds = scale * math.exp(rng.gauss(0, 0.6))
        at += seconds
        peak = max(peak, int(rng.gauss(1400, 350)))
        calls.append(
            CallTrace(
                number=number,
                key=rng.randbytes(16),
                code=b"c0decode",
                failed=rng.random() < 0.004,
                ended_at=at,
                seconds=seconds,
                resident_mb=peak // 3,
                address_mb=peak,
            )
        )
        at += 0.01 * scale
    return WorkerTrace(host=host, job=job, run="abcdefgh", calls=calls)


def make_workers(n_calls, n_hosts, per_task, seed=1):
    """Return workers of hosts with four slots each, as a scheduler fills them."""
    rng = random.Random(seed)
    free = sorted(
        (START + 3 + rng.expovariate(0.1), f"node{host:03}")
        for host in range(n_hosts)
        for _ in range(4)
    )
    workers = []
    for task in range(math.ceil(n_calls / per_task)):
        begin, host = free.pop(0)
        size = min(per_task, n_calls - task * per_task)
        worker = make_worker(rng, host, f"118.{task + 1}", begin, size, scale=2.0)
        workers.append(worker)
        free.append((worker.ended_at + 1.5, host))
        free.sort()
    return workers


@pytest.fixture(scope="session")
def make_data():
    """Return a function that makes the data of a report."""

    def make(n_calls, n_hosts=3, per_task=25, **changes):
        workers = make_workers(n_calls, n_hosts, per_task)
        calls = [(c, w) for w in workers for c in w.calls]
        n_failed = sum(call.failed for call, _ in calls)
        counts = dict.fromkeys(("cached", "running", "queued"), 0)
        counts |= {"finished": n_calls - n_failed, "failed": n_failed}
        slowest = sorted(calls, key=lambda pair: -pair[0].seconds)[:10]
        fields = {
            "run_id": "k3f9a2bc",
            "name": "first try",
            "task": "simulate",
            "counts": counts,
            "submitted_at": START,
            "made_at": START + 86_400,
            "about": {
                "backend": "gridengine",
                "memory": "4G",
                "time": "00:30:00",
                "options": "-l h_vmem=4G,h_rt=00:30:00",
                "array tasks": f"{len(workers):,}",
                "code": "c0de1234",
            },
            "workers": workers,
            "peaks_mb": sorted(call.address_mb for call, _ in calls),
            "memory_of": "address space",
            "limit_mb": 4096.0,
            "failures": [
                Failures(
                    kind="ValueError",
                    message="no convergence after 1000 steps",
                    number=n_failed,
                    call="simulate(seed=13, n=1000)",
                    key="3fa91c02" * 4,
                    error="Traceback (most recent call last):\n  File ...\nValueError",
                    log="step 998\nstep 999\nstep 1000",
                )
            ]
            if n_failed
            else [],
            "slowest": [
                SlowCall(
                    call=f"simulate(seed={number}, n=1000)",
                    key=call.key.hex(),
                    seconds=call.seconds,
                    memory_mb=call.address_mb,
                    host=worker.host,
                    job=worker.job,
                )
                for number, (call, worker) in enumerate(slowest)
            ],
            "versions": [
                VersionSummary(
                    task="simulate",
                    code="c0de1234aaaaaaaa",
                    first_used_at=START,
                    results=n_calls - n_failed,
                    failed=n_failed,
                    distributions={"python": "3.11.7", "numpy": "2.4.6"},
                    since=None,
                    changes=[],
                    accepts=[],
                )
            ],
        }
        return ReportData(**(fields | changes))

    return make


@pytest.fixture(scope="session")
def make_page(make_data):
    """Return a function that gives the page of so many calls, and its CPU seconds.

    Each is made only once.
    """
    from gridtask.report.page import render

    sizes = {1: (1, 1), 2: (1, 1), 1000: (6, 10), 100_000: (200, 50)}

    @functools.cache
    def make(n_calls):
        data = make_data(n_calls, *sizes[n_calls])
        started = time.process_time()
        return render(data), time.process_time() - started

    return make


@pytest.fixture
def page_of(make_page):
    """Return a function that gives the page of so many calls."""
    return lambda n_calls: make_page(n_calls)[0]
