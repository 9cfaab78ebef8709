"""The command answers before one wonders. In CPU seconds: machines are shared."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

from gridtask.store import values
from gridtask.store.store import Store

N_CALLS = 10_000


def cpu_seconds(*argv, n_runs=3):
    """Return the least CPU time of some runs of Python."""
    used = []
    for _ in range(n_runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *argv], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        pairs = zip(after[:2], before[:2], strict=True)  # user and system time
        used.append(sum(end - start for end, start in pairs))
    return min(used)


def test_listing_of_many_results(tmp_path):
    """ls of 10,000 results in ten files: under half a second."""
    folder = Store.open(tmp_path / "cache").folder("simulate")
    encoded = values.encode({"x": 1.0})
    for _ in range(10):
        writer = folder.writer("run.1")
        for _ in range(N_CALLS // 10):
            writer.put(os.urandom(16), b"c0decode", encoded, meta={"args": "x=1"})
        writer.close()
    argv = ("-m", "gridtask", "-C", str(tmp_path / "cache"), "ls")
    assert cpu_seconds(*argv) < 0.5


def test_version_costs_little_more_than_python():
    """--version: under twice the time of a Python that does nothing."""
    script = "import sys; from gridtask.cli import main; main(['--version'])"
    assert cpu_seconds("-c", script, n_runs=7) < 2 * cpu_seconds("-c", "pass", n_runs=7)
