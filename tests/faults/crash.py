"""Processes that work on a folder of the store, to be killed at any time.

    python crash.py ROLE FOLDER SEED

What is committed is printed, one line each, before it may be relied on.
"""

from __future__ import annotations

import os
import random
import sys
import time
import warnings
from pathlib import Path

from gridtask.store import compaction, sweep
from gridtask.store.folder import Folder
from gridtask.store.values import encode

MAX_BYTES = int(os.environ.get("CRASH_MAX_BYTES", 3_000_000))


def key_of(i: int) -> bytes:
    """Return the key of call number `i`."""
    return i.to_bytes(16, "little")


def value_of(i: int) -> bytes:
    """Return the value of call number `i`: every byte follows from `i`."""
    draw = random.Random(i)
    n_bytes = int(MAX_BYTES ** draw.random())
    return draw.randbytes(64) * (n_bytes // 64) + draw.randbytes(n_bytes % 64)


def tell(*words: object) -> None:
    """Print a short line that the parent sees at once and as a whole."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def write(folder: Folder, seed: int) -> None:
    """Write results one after the other; tell of each that is committed."""
    writer = folder.writer(f"run.{seed}")
    i = seed * 10**6
    while True:
        n = random.Random(i).randint(1, 4)
        for j in range(n):
            writer.put(key_of(i + j), bytes(8), encode(value_of(i + j)))
        writer.sync()
        tell("committed", *range(i, i + n))
        i += n


def write_shortly(folder: Folder, seed: int) -> None:
    """Write some small results, seal, and begin a new segment."""
    draw = random.Random(seed)
    i = seed * 10**6
    while True:
        writer = folder.writer(f"run.{seed}")
        n = draw.randint(1, 5)
        for j in range(i, i + n):
            writer.put(key_of(j), bytes(8), encode(j))
        writer.close()
        tell("committed", *range(i, i + n))
        i += n
        time.sleep(0.1)


def compact(folder: Folder, seed: int) -> None:
    """Compact and sweep all the time, without lock, with a short grace."""
    compaction.LOCK_SECONDS = -1.0
    sweep.GRACE_SECONDS = 0.3
    while True:
        folder.refresh()
        folder.compact(min_files=1 + seed % 3)
        folder.sweep()
        time.sleep(0.1)


def remove(folder: Folder, seed: int) -> None:
    """Delete results here and there; tell before and after."""
    draw = random.Random(seed)
    while True:
        folder.refresh()
        numbers = folder.numbers()
        if numbers:
            chosen = draw.sample(numbers, min(3, len(numbers)))
            keys = [int.from_bytes(folder.entry(n).key, "little") for n in chosen]
            tell("deleting", *keys)
            folder.remove(chosen)
            tell("deleted", *keys)
        time.sleep(0.1)


ROLES = {f.__name__: f for f in (write, write_shortly, compact, remove)}


def main() -> None:
    """Play a role for ever."""
    warnings.simplefilter("ignore")
    role, path, seed = sys.argv[1:]
    ROLES[role](Folder(Path(path), "task"), int(seed))


if __name__ == "__main__":
    main()
