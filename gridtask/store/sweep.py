"""Sweep: removing what packs have replaced, and what dead processes left.

A file goes if a pack that can be read lists it with its size, and has been
there for so long that no listing which began before is still going on. It
never goes because the same records were seen elsewhere.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from pathlib import Path

from gridtask import fs
from gridtask.store.files import Files
from gridtask.store.upkeep import MAX_SECONDS, UNFINISHED

GRACE_SECONDS = 120.0
"""How long a replaced file stays, by the file server's clock."""


class Sweep:
    """What can be removed from one folder, as far as is known.

    Parameters
    ----------
    path : Path
        The folder.
    files : Files
        Its files, as they were last listed.
    """

    def __init__(self, path: Path, files: Files) -> None:
        self._path = path
        self._files = files
        self._replaced = [name for name in files.names if name in files.replaced]
        self._unfinished = [n for n in files.names if n.endswith(UNFINISHED)]

    def run(self, deadline: float) -> int:
        """Remove what may go; return how many files did.

        Until the `deadline`, a time of `time.monotonic`.

        What cannot be removed now is left for the next time.
        """
        try:
            now = fs.server_now(self._path)
        except FileNotFoundError:
            return 0  # the folder was removed
        n_removed = 0
        for name in self._due(now):
            if time.monotonic() > deadline:
                break
            with contextlib.suppress(OSError):
                n_removed += fs.remove(self._path / name)
        return n_removed

    def _due(self, now: float) -> Iterator[str]:
        """Yield the names of the files that may be removed."""
        ages: dict[int, float] = {}
        for name in self._replaced:
            for size, packs in self._files.replaced[name].items():
                for pack in packs:
                    if pack not in ages:
                        ages[pack] = self._age(pack, now)
                is_old = max(ages[pack] for pack in packs) >= GRACE_SECONDS
                if is_old and self._has_size(name, size):
                    yield name
                    break
        for name in self._unfinished:
            with contextlib.suppress(OSError):
                # Also if its time is yet to come: it would stay for ever.
                if abs(now - fs.modified_at(self._path / name)) > MAX_SECONDS:
                    yield name

    def _age(self, number: int, now: float) -> float:
        """Return how long a pack has had its name, in seconds; -inf if unreadable."""
        file = self._files.index.files[number]
        if not file.sealed:
            return -math.inf
        try:
            # Not the time of its last write: the rename may have come later.
            return now - fs.changed_at(file.path)
        except OSError:
            return -math.inf

    def _has_size(self, name: str, size: int) -> bool:
        """Return whether a file is as it was when it was copied."""
        number = self._files.number_of(name)
        if number is not None and self._files.index.files[number].sealed:
            return self._files.index.files[number].size == size
        try:
            return fs.size(self._path / name) == size
        except OSError:
            return False
