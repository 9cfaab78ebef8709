"""diskcache: memoize, without limits and statistics (its quickest settings)."""

import tasks
from diskcache import Cache


def _memoize(folder, kind):
    cache = Cache(folder, eviction_policy="none", size_limit=2**50)
    return cache.memoize(name=kind)(tasks.FUNCTIONS[kind])


def rerun(folder, n, kind):
    """Call `n` times."""
    function = _memoize(folder, kind)
    assert len([function(x) for x in range(n)]) == n


def _start(folder):
    global _function
    _function = _memoize(folder, "float")


def _call(x):
    return _function(x)


def compute(folder, n):
    """Compute by two processes, in chunks of a twentieth."""
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(2, initializer=_start, initargs=(folder,)) as pool:
        assert len(list(pool.map(_call, range(n), chunksize=max(1, n // 20)))) == n


def put(folder, n):
    """Compute and keep blocks."""
    function = _memoize(folder, "block")
    for x in range(n):
        function(x)


def get(folder, n):
    """Read all blocks."""
    function = _memoize(folder, "block")
    values = [function(x) for x in range(n)]
    assert sum(len(value) for value in values) == n * 655_360
