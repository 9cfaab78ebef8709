"""Single bits flipped in stored results: who returns a wrong value silently?

pip install joblib exca diskcache
python tests/faults/peer_flips.py [--flips 1000]

Each library stores the same results; then, again and again, one bit of one of
its files is flipped, everything is read by a new process, and the file is put
right. A flip counts as the worst thing that it led to: ``wrong`` (a value
differs, and nobody was told), ``crashed``, ``raised`` (an exception), ``computed``
(the result was computed again), ``harmless``.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import signal
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

N_RESULTS = 10
OUTCOMES = ("wrong", "crashed", "raised", "computed", "harmless")
SECONDS = 20
"""A process that reads for longer is hanging: it counts as crashed."""

Compute = Callable[[int], dict]
"""Computes the result of call `i`."""


def result(i: int) -> dict:
    """Return what call `i` returns: 10 kB of floats, a text and a number."""
    draw = np.random.default_rng(i)
    return {"path": draw.random(1250), "name": f"call {i}", "n": i * 1000}


def with_joblib(folder: str, compute: Compute) -> list[dict]:
    """Get all results through joblib.Memory."""
    from joblib import Memory

    # A function that joblib finds again in another process.
    cached = Memory(folder, verbose=0).cache(_call, ignore=["compute"])
    return [cached(i, compute) for i in range(N_RESULTS)]


def _call(i: int, compute: Compute) -> dict:
    return compute(i)


def with_exca(folder: str, compute: Compute) -> list[dict]:
    """Get all results through exca's CacheDict."""
    from exca.cachedict import CacheDict

    cache: CacheDict = CacheDict(folder=Path(folder), keep_in_ram=False)
    missing = [i for i in range(N_RESULTS) if str(i) not in cache]
    if missing:
        with cache.writer() as writer:
            for i in missing:
                writer[str(i)] = compute(i)
    return [cache[str(i)] for i in range(N_RESULTS)]


def with_diskcache(folder: str, compute: Compute) -> list[dict]:
    """Get all results through diskcache."""
    from diskcache import Cache

    with Cache(folder) as cache:
        for i in range(N_RESULTS):
            if i not in cache:
                cache[i] = compute(i)
        return [cache[i] for i in range(N_RESULTS)]


def with_gridtask(folder: str, compute: Compute) -> list[dict]:
    """Get all results through gridtask."""
    from gridtask import grid_task

    @grid_task(cache_dir=folder, backend="serial", ignore_code=[compute])
    def simulate(i):
        return compute(i)

    return [simulate(i) for i in range(N_RESULTS)]


CONTESTANTS = {
    "joblib": with_joblib,
    "exca": with_exca,
    "diskcache": with_diskcache,
    "gridtask": with_gridtask,
}


def read(library: str, folder: str) -> str:
    """Get all results; say what came of it."""
    computed = []

    def compute(i: int) -> dict:
        computed.append(i)
        return result(i)

    try:
        values = CONTESTANTS[library](folder, compute)
        is_right = all(map(is_result, range(N_RESULTS), values))
    except Exception:
        return "raised"
    if not is_right:
        return "wrong"
    return "computed" if computed else "harmless"


def is_result(i: int, value: object) -> bool:
    """Return whether a value is that of call `i`, to the last bit."""
    return _plain(value) == _plain(result(i))


def _plain(value: object) -> object:
    """Return a value as one that can be compared."""
    if not isinstance(value, dict):
        return value
    arrays = {k: v.tobytes() for k, v in value.items() if isinstance(v, np.ndarray)}
    return {**value, **arrays}


def in_child(work: Callable[[], str]) -> str:
    """Do something in a new process; return what it returns."""
    pid = os.fork()
    if pid == 0:
        status = OUTCOMES.index("crashed")
        try:
            for stream in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
            signal.alarm(SECONDS)
            warnings.simplefilter("ignore")
            status = OUTCOMES.index(work())
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return OUTCOMES[status] if status >= 0 else "crashed"


def flips(folder: str, n: int) -> Iterator[tuple[Path, bytes, bytes]]:
    """Yield files with their content, and that with one bit flipped."""
    draw = random.Random(0)
    files = [p for p in sorted(Path(folder).rglob("*")) if p.is_file()]
    contents = {path: path.read_bytes() for path in files}
    sizes = [len(contents[path]) for path in files]
    for path in draw.choices(files, sizes, k=n):
        flipped = bytearray(contents[path])
        flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
        yield path, contents[path], bytes(flipped)


def judge(library: str, folder: str, n: int) -> Counter[str]:
    """Return how often each thing came of a flip."""
    os.mkdir(folder, 0o700)
    if in_child(lambda: read(library, folder)) != "computed":
        msg = f"{library} did not store the results"
        raise RuntimeError(msg)
    if in_child(lambda: read(library, folder)) != "harmless":
        msg = f"{library} did not find its results again"
        raise RuntimeError(msg)
    counts: Counter[str] = Counter()
    keep = Path(folder + ".intact")
    os.rename(folder, keep)
    for path, _, flipped in flips(str(keep), n):
        copy_tree(keep, folder)
        (Path(folder) / path.relative_to(keep)).write_bytes(flipped)
        counts[in_child(lambda: read(library, folder))] += 1
    return counts


def copy_tree(source: Path, target: str) -> None:
    """Put an intact copy of a folder in the place of what is there."""
    import shutil

    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def main() -> None:
    """Flip bits in each library's files, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("libraries", nargs="*", default=list(CONTESTANTS))
    options = parser.parse_args()
    print("", *OUTCOMES, sep="\t")
    for library in options.libraries:
        if importlib.util.find_spec(library) is None:
            print(f"{library}\tis not installed")
            continue
        importlib.import_module(library)  # once, not in each process
        with tempfile.TemporaryDirectory() as root:
            counts = judge(library, os.path.join(root, "cache"), options.flips)
        print(library, *(counts[name] for name in OUTCOMES), sep="\t", flush=True)


if __name__ == "__main__":
    main()
