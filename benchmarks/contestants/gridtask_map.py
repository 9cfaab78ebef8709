"""gridtask: one map over all calls, local backend."""

import sys

from gridtask import grid_task

folder, n_calls = sys.argv[1], int(sys.argv[2])


@grid_task(backend="local", cache_dir=folder)
def half(x):
    return x * 0.5


assert half.map(range(n_calls), progress=False)[10] == 5.0
