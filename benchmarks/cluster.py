"""No-op calls on Grid Engine, beside a bare array of as many array tasks.

    eval "$(python3 tests/gridcell.py up --slots 8)"
    python benchmarks/cluster.py [--calls 1000] [--rounds 3]

Also the start of a worker beside that of an interpreter that imports the same.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

from timing import alternate

from gridtask import grid_task


def main() -> None:
    """Time maps and bare arrays in turn, then the start of a worker."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    maps, arrays = [], []
    for _ in range(options.rounds):
        seconds, n_tasks = time_map(options.calls)
        maps.append(seconds)
        arrays.append(time_array(n_tasks))
    print(f"map of {options.calls} no-op calls: median {statistics.median(maps):.2f} s")
    print(f"qsub -sync y -t 1-{n_tasks} /bin/true: {statistics.median(arrays):.2f} s")
    ratios = [a / b for a, b in zip(maps, arrays, strict=True)]
    print(f"ratio, round by round: median {statistics.median(ratios):.2f}")
    commands = {
        "python -m gridtask.worker": worker_start(),
        "import numpy, cloudpickle": [
            sys.executable,
            "-c",
            "import numpy, cloudpickle",
        ],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    for name, timing in alternate(commands, 9).items():
        print(f"{name:28} {timing}")


def time_map(n_calls: int) -> tuple[float, int]:
    """Return the seconds of a map, and how many array tasks it took."""
    with tempfile.TemporaryDirectory() as folder:

        @grid_task(backend="gridengine", cache_dir=folder)
        def nothing(x):
            return x

        n_tasks = len(nothing.plan(range(n_calls)).chunks)
        started = time.perf_counter()
        assert nothing.map(range(n_calls), progress=False) == list(range(n_calls))
        return time.perf_counter() - started, n_tasks


def time_array(n_tasks: int) -> float:
    """Return the seconds of a bare array job."""
    argv = ["qsub", "-sync", "y", "-t", f"1-{n_tasks}", "-b", "y", "-shell", "n"]
    argv += ["-o", "/dev/null", "-j", "y", "/bin/true"]
    started = time.perf_counter()
    subprocess.run(argv, check=True, capture_output=True)
    return time.perf_counter() - started


def worker_start() -> list[str]:
    """Return a command that imports what a worker imports before its first call."""
    modules = "gridtask.worker, gridtask.identity.snapshot, gridtask.store.store"
    return python_c(f"import {modules}")


def python_c(code: str) -> list[str]:
    """Return a command that runs `code` in a new interpreter."""
    return [sys.executable, "-P", "-c", code]


if __name__ == "__main__":
    main()
