"""gridtask: one map over all calls."""

import tasks

from gridtask import grid_task


def make(function, folder, **options):
    """Make a task of a function."""
    return grid_task(**{"backend": "local", "cache_dir": folder, **options})(function)


def rerun(folder, n, kind):
    """Map `n` calls in a cache folder: all new, or all there."""
    import os

    is_new = not os.path.exists(folder)
    task = make(tasks.FUNCTIONS[kind], folder)
    assert len(task.map(range(n), progress=False)) == n
    if is_new:
        _settle(folder)


def _settle(folder):
    """Remove now what the next rerun would remove two minutes later."""
    from gridtask.store import sweep
    from gridtask.store.store import Store

    sweep.GRACE_SECONDS = -1.0
    for each in Store.open(folder).folders():
        each.refresh()
        each.sweep()


def compute(folder, n):
    """Map `n` no-op calls by two workers."""
    task = make(tasks.half, folder, max_running=2)
    assert task.map(range(n), progress=False)[-1] == (n - 1) / 2


def start_run(folder, n):
    """Leave a run of `n` calls that has ended."""
    make(tasks.half, folder).submit_map(range(n), run="polled").wait()


def poll(folder):
    """Look once what a run does."""
    import os

    os.environ["GRIDTASK_CACHE"] = folder
    from gridtask import open_run

    print(open_run("polled").progress())


def put(folder, n):
    """Compute and keep blocks in this process."""
    task = make(tasks.block, folder, backend="serial")
    task.submit_map(range(n)).wait()


def get(folder, n, **options):
    """Read all blocks and touch each page of them."""
    task = make(tasks.block, folder, backend="serial", **options)
    values = task.map(range(n), progress=False)
    assert sum(float(value[::512].sum()) >= 0 for value in values) == n


def get_mapped(folder, n):
    """Do the same with views of the cache's files, as joblib and exca do."""
    get(folder, n, mmap=True)


def total(a, i):
    """Use a large array."""
    return float(a[i])


def common(folder, n_bytes, n_calls):
    """Pass one large array to many calls."""
    import resource

    import numpy as np

    array = np.arange(n_bytes // 8, dtype=float)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    task = make(total, folder, max_running=2)
    calls = [{"i": i} for i in range(n_calls)]
    assert task.map(calls, common={"a": array}, progress=False)[5] == 5.0
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"driver_extra_mb": (after - before) / 1024}


def digest():
    """Return what digests one value."""
    from gridtask.identity.arguments.hasher import ArgumentHasher

    return ArgumentHasher(lambda code: bytes(16)).digest


def cluster(folder, n):
    """Map no-op calls on Grid Engine."""
    import time

    task = make(tasks.half, folder, backend="gridengine")
    started = time.perf_counter()
    assert len(task.map(range(n), progress=False)) == n
    return {"all": time.perf_counter() - started}


def cluster_first(folder, n):
    """Submit them and take results as they come: nothing is cut anew meanwhile."""
    import time

    from gridtask import as_completed

    task = make(tasks.half, folder, backend="gridengine")
    started = time.perf_counter()
    run = task.submit_map(range(n))
    next(iter(as_completed(run)))
    first = time.perf_counter() - started
    assert len(run.results()) == n
    return {"first": first, "all": time.perf_counter() - started}
