"""No-op calls on Grid Engine with 8 slots, from map to results."""

import atexit
import os
import subprocess
import sys

from measure import FOLDER, HERE, Case, contestant

TITLE = "On Grid Engine, 8 slots"

CELL = HERE.parent / "tests" / "gridcell.py"


def cases(options):
    """Return two sizes; in a private cell, unless there is one already."""
    if not os.environ.get("SGE_ROOT") and not _start_cell():
        return []
    return [_case(n) for n in ((1_000,) if options.quick else (1_000, 10_000))]


def _start_cell():
    root = str(HERE.parent / "build" / "bench" / "cell")
    argv = [sys.executable, str(CELL), "--root", root]
    done = subprocess.run([*argv, "up", "--slots", "8"], capture_output=True, text=True)
    if done.returncode:
        print(f"No Grid Engine: {done.stderr.strip()[-300:]}\n")
        return False
    atexit.register(subprocess.run, [*argv, "down"], capture_output=True)
    shell = f"{done.stdout}\nenv -0"
    env = subprocess.run(shell, shell=True, capture_output=True, text=True).stdout
    os.environ.update(line.split("=", 1) for line in env.split("\0") if "=" in line)
    return True


def _case(n):
    args = ("cluster", FOLDER, n)
    first = ("cluster_first", FOLDER, n)
    entries = [
        contestant("gridtask", "with_gridtask", *args, role="gridtask"),
        contestant("gridtask submit_map", "with_gridtask", *first, role="gridtask"),
        contestant("dask-jobqueue", "with_dask", *args),
        contestant("Parsl", "with_parsl", *args),
        contestant("bare array of 8 chunks", "floor", *args, role="floor"),
        contestant("array of python -c pass", "floor", "cluster_pass", role="other"),
    ]
    target = "1.25 of the bare array, 2.5 times dask-jobqueue, 7 times Parsl"
    return Case(f"{n:,} no-op calls", entries, target, ("all", "first"))
