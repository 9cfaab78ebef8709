"""What identifying costs: code, small arguments, and large arrays.

::

    python benchmarks/identity.py code      # 50 functions in 20 modules
    python benchmarks/identity.py calls     # 100,000 calls with a small dict
    python benchmarks/identity.py arrays    # 1 GB of float64 in C and F order

joblib and dask take part where they are installed. Times are CPU seconds, the
best of several rounds; cold ones are each taken in a process of its own.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

N_MODULES = 20
N_FUNCTIONS = 50
N_CALLS = 100_000
N_FLOATS = 125_000_000
ROUNDS = 5
FUNCTION = '''
def step{i}(values, limit=LIMIT, *, scale=1.5):
    """Take one step of the computation."""
    total = 0.0
    for index, value in enumerate(values):
        if value > limit and index % 2:
            total += value * scale - OFFSETS.get("low", 0)
        elif value < 0:
            total -= abs(value) ** 0.5
        else:
            total = max(total, {callee}([value] if index else [], limit=limit))
    try:
        result = {{"total": total, "mean": total / len(values)}}
    except ZeroDivisionError:
        result = {{"total": 0.0, "mean": 0.0}}
    return [result[key] for key in sorted(result)][0]
'''
OTHER = '''
def other{i}(rows, key=None):
    """Do something that the task does not use."""
    found = {{}}
    for row in rows:
        name = key(row) if key is not None else str(row)
        found.setdefault(name, []).append(row)
    return {{name: len(part) for name, part in found.items() if len(part) > {i}}}
'''


def write_project(folder: Path, n_lines: int) -> None:
    """Write modules whose functions call each other in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    for m in range(N_MODULES):
        own = range(m, N_FUNCTIONS, N_MODULES)
        callees = {(i + 1) % N_MODULES for i in own if i + 1 < N_FUNCTIONS}
        lines = ["import math", *(f"import part{c}" for c in sorted(callees))]
        lines += [f"LIMIT = {m}", 'OFFSETS = {"low": 1, "high": 2}']
        text = "\n".join(lines) + "\n"
        for i in own:
            callee = f"part{(i + 1) % N_MODULES}.step{i + 1}"
            text += FUNCTION.format(
                i=i, callee="math.dist" if i + 1 == N_FUNCTIONS else callee
            )
        count = 0
        while text.count("\n") < n_lines:
            text += OTHER.format(i=count)
            count += 1
        (folder / f"part{m}.py").write_text(text)


def time_code(folder: str) -> dict[str, float]:
    """Identify once in this process, and again: in CPU milliseconds."""
    sys.path.insert(0, folder)
    function = importlib.import_module("part0").step0
    identify = importlib.import_module("gridtask.identity.code").identify
    identify(best)  # what is imported once for all does not count
    start = time.process_time()
    code = identify(function)
    cold = time.process_time() - start
    warm = best(lambda: identify(function))
    names = [row for row in code.manifest if ".step" in row.name]
    assert len([n for n in names if n.name.count(".") == 1]) == N_FUNCTIONS
    return {"cold": cold * 1e3, "warm": warm * 1e3}


def best(work: Callable[[], object]) -> float:
    """Return the CPU seconds of the quickest of some rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def measure_code() -> None:
    """Print what a closure of 50 functions costs, cold and warm."""
    for n_lines in (80, 1600):
        with tempfile.TemporaryDirectory() as folder:
            write_project(Path(folder), n_lines)
            argv = [sys.executable, __file__, "one", folder]
            rows = [
                json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
                for _ in range(ROUNDS)
            ]
        cold, warm = (min(row[key] for row in rows) for key in ("cold", "warm"))
        print(
            f"{N_FUNCTIONS} functions in {N_MODULES} modules of {n_lines} lines: "
            f"cold {cold:.1f} ms, warm {warm:.1f} ms"
        )


def measure_calls() -> None:
    """Print how many small calls are identified a second."""
    from gridtask.identity.arguments.hasher import ArgumentHasher

    calls = [
        {"seed": s, "name": "run", "cfg": {"lr": s * 0.5, "layers": [1, 2, 3]}}
        for s in range(N_CALLS)
    ]
    hasher = ArgumentHasher(lambda thing: bytes(16))
    seconds = best(lambda: hasher.call_digests(["cfg", "name", "seed"], calls))
    print(f"gridtask: {N_CALLS / seconds:,.0f} calls/s")
    for name, one in others():
        some = calls[: N_CALLS // 20]
        slow = best(lambda one=one, some=some: [one(call) for call in some])  # type: ignore[misc]
        ratio = slow / len(some) / (seconds / N_CALLS)
        print(f"{name}: {len(some) / slow:,.0f} calls/s, {ratio:.0f} times slower")


def measure_arrays() -> None:
    """Print what a large array costs, beside a hash of its bytes alone."""
    import numpy as np
    from xxhash import xxh3_128_digest

    from gridtask.identity.arguments.hasher import ArgumentHasher

    flat = np.random.default_rng(1).random(N_FLOATS)
    square = flat.reshape(12_500, -1)
    for order, array in (("C", square), ("F", square.T)):
        bare = best(lambda: xxh3_128_digest(flat.data))
        rows = [("gridtask", lambda a: ArgumentHasher(lambda t: b"").digest(a))]
        for name, one in [*rows, *others()]:
            seconds = best(lambda one=one, array=array: one(array))  # type: ignore[misc]
            print(
                f"{order} order, {name}: {seconds:.3f} s, {seconds / bare:.2f} x xxh3"
            )


def others() -> list[tuple[str, Callable[[object], object]]]:
    """Return the hash functions of others that are installed."""
    found: list[tuple[str, Callable[[object], object]]] = []
    for module, name in (("joblib", "hash"), ("dask.base", "tokenize")):
        try:
            found.append(
                (f"{module}.{name}", getattr(importlib.import_module(module), name))
            )
        except ImportError:
            continue
    return found


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["code", "calls", "arrays", "one"])
    parser.add_argument("folder", nargs="?")
    given = parser.parse_args()
    if given.what == "one":
        print(json.dumps(time_code(given.folder)))
    else:
        globals()[f"measure_{given.what}"]()


if __name__ == "__main__":
    main()
