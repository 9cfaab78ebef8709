"""joblib.Memory: one call after another, its messages off.

The caches of a script are read in this process, as its documentation does.
"""

import tasks
from joblib import Memory, Parallel, delayed, hash


def rerun(folder, n, kind):
    """Call `n` times."""
    function = Memory(folder, verbose=0).cache(tasks.FUNCTIONS[kind])
    assert len([function(x) for x in range(n)]) == n


def compute(folder, n):
    """Compute by two processes; batches as joblib finds best."""
    function = Memory(folder, verbose=0).cache(tasks.half)
    assert len(Parallel(n_jobs=2)(delayed(function)(x) for x in range(n))) == n


def put(folder, n):
    """Compute and keep blocks; uncompressed, to be mapped."""
    function = Memory(folder, verbose=0, mmap_mode="r").cache(tasks.block)
    for x in range(n):
        function(x)


def get(folder, n):
    """Map all blocks and touch each page of them, as the others do."""
    function = Memory(folder, verbose=0, mmap_mode="r").cache(tasks.block)
    values = [function(x) for x in range(n)]
    assert sum(float(value[::512].sum()) >= 0 for value in values) == n


def total(a, i):
    """Use a large array."""
    return float(a[i])


def common(folder, n_bytes, n_calls):
    """Pass one large array to many calls, as a memory map of joblib's own.

    Without Memory: it would hash the array for each call.
    """
    import numpy as np

    array = np.arange(n_bytes // 8, dtype=float)
    parallel = Parallel(n_jobs=2, temp_folder=folder)
    results = parallel(delayed(total)(array, i) for i in range(n_calls))
    assert results[5] == 5.0


def digest():
    """Return what digests one value."""
    return hash
