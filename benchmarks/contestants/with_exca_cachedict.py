"""exca's CacheDict: a dict on disk, without any look at the function."""

import tasks
from exca.cachedict import CacheDict


def rerun(folder, n, kind):
    """Get `n` values; compute those that are missing."""
    cache = CacheDict(folder=folder, keep_in_ram=False)
    missing = [str(x) for x in range(n) if str(x) not in cache]
    if missing:
        with cache.write():
            for key in missing:
                cache[key] = tasks.FUNCTIONS[kind](int(key))
    assert len([cache[str(x)] for x in range(n)]) == n
