"""Count operations on a slow file system.

    python tests/faults/slow_disk.py DIR_A [DIR_B]

Works in any folder. Where the file system counts its operations in a file
``.stats`` at its root (lines of name and count, set to 0 by reading), these are
used; else this process's own calls of `gridtask.fs` are counted.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from gridtask import fs
from gridtask.store.folder import Folder
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentWriter
from gridtask.store.values import encode
from gridtask.store.writer import RecordWriter

COUNTED = [
    "close",
    "create",
    "is_at",
    "list_names",
    "list_own_names",
    "list_statuses",
    "make_folder",
    "open_status",
    "publish",
    "read_at",
    "read_into",
    "remove",
    "sync",
    "sync_folder",
    "truncate",
    "write_at",
]


class Counter:
    """Counts operations between two moments."""

    def __init__(self, path: Path) -> None:
        root = path.resolve()
        self._stats = next(
            (p / ".stats" for p in (root, *root.parents) if (p / ".stats").exists()),
            None,
        )
        self._n = 0
        if self._stats is None:
            for name in COUNTED:
                self._count_calls_of(name)
        self.restart()

    def _count_calls_of(self, name: str) -> None:
        real = getattr(fs, name)

        def counted(*args, **kwargs):
            self._n += 1
            return real(*args, **kwargs)

        setattr(fs, name, counted)

    def restart(self) -> None:
        """Begin at 0."""
        self._n = 0
        if self._stats is not None:
            self._stats.read_text()
        self._began = time.monotonic()

    def count(self) -> int:
        """Return the operations since the start, and begin at 0."""
        n, self._n = self._n, 0
        if self._stats is not None:
            lines = map(str.split, self._stats.read_text().splitlines())
            n = sum(int(line[1]) for line in lines if len(line) == 2)
        return n

    def stop(self, what: str, per: int = 1, limit: float | None = None) -> bool:
        """Print the operations since the start; return whether they are few."""
        seconds = time.monotonic() - self._began
        each = self.count() / per
        is_few = limit is None or each <= limit
        bound = "" if limit is None else f" (at most {limit:g})"
        unit = "operations" if per == 1 else "operations each"
        print(f"{what}: {each:g} {unit}{bound}, {seconds:.2f} s", flush=True)
        self.restart()
        return is_few


def write_packs(path: Path, n: int, n_files: int) -> None:
    """Write results of many workers, and put them into packs."""
    fs.make_folder(path)
    payload = encode(b"x" * 100).parts
    for f in range(n_files):
        segment = SegmentWriter.create(path / f"w{f}.seg")
        for i in range(f * n // n_files, (f + 1) * n // n_files):
            segment.append(Kind.OK, payload, key=i.to_bytes(16, "little"))
        segment.seal()


def measure(place: Path, n_written: int, n_packed: int) -> bool:
    """Measure in one folder; return whether all budgets are kept."""
    path = place / f"slow-{os.urandom(4).hex()}"
    counter = Counter(place)
    results = []
    writer = RecordWriter(path, "run.1")
    encoded = encode({"loss": 0.5, "name": "x" * 60})
    for i in range(n_written):
        writer.put(i.to_bytes(16, "little"), bytes(8), encoded)
    writer.close()
    results.append(counter.stop(f"write {n_written} results", n_written, 1.2))
    folder = Folder(path, "task")
    folder.refresh()
    counter.restart()
    fs.list_names(path)
    n_listing = counter.count()
    folder.refresh()
    # The kernel may look the folder's name up anew meanwhile.
    limit = n_listing + 1
    results.append(counter.stop("a poll without news (one listing)", 1, limit))
    many = place / f"slow-{os.urandom(4).hex()}"
    write_packs(many, n_packed, 100)
    folder = Folder(many, "task")
    folder.refresh()
    counter.restart()
    folder.compact()
    counter.stop(f"compact {n_packed} results of 100 workers")
    for name in list(folder._files.replaced):
        fs.remove(many / name)
    counter.restart()
    folder = Folder(many, "task")
    folder.refresh()
    keys = [i.to_bytes(16, "little") for i in range(n_packed)]
    assert min(folder.find(keys)) >= 0
    results.append(counter.stop(f"look up {n_packed} results in packs", 1, 60))
    folder.load(folder.find(keys[:1]))
    counter.stop("load one")
    folder.load(folder.find(keys))
    counter.stop(f"load {n_packed}")
    for each in (path, many):
        fs.remove_tree(each)
    return all(results)


def main() -> int:
    """Measure in all folders that are named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--write", type=int, default=2000)
    parser.add_argument("--packed", type=int, default=100_000)
    args = parser.parse_args()
    is_fine = True
    for place in args.folders:
        print(f"-- {place}")
        is_fine &= measure(place, args.write, args.packed)
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
