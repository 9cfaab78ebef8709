"""A whole cache folder in memory: one `VirtualFolder` for each of its folders."""

from __future__ import annotations

import functools
import itertools
import os
import random

from timeline import Timeline
from virtualfs import VirtualFolder

from gridtask import fs

ON_FOLDERS = frozenset(
    ("list_names", "list_own_names", "list_statuses", "make_folder", "server_now")
) | {"check_own_folder", "sync_folder", "is_shared"}
"""Operations whose first argument is a folder; of others it is a file in one."""

STALLS = 0.001
"""How often an operation takes long."""

_BASES = itertools.cycle(range(1_000_000, 2_000_000_000, 100_000))
"""Of folders' descriptors: files of an earlier disk may be closed late, and must not
close those of this one."""


class _Folder(VirtualFolder):
    """One folder of a disk; its clock is that of all."""

    def __init__(self, draw: random.Random, timeline: Timeline, opened: dict) -> None:
        self._timeline = timeline
        super().__init__(draw, timeline, 0.0)
        self._open = opened
        self._step = lambda: self._step_or_stall(20 * STALLS)

    now = property(lambda self: self._timeline.now, lambda self, value: None)

    def _step_or_stall(self, probability: float) -> None:
        """Stand still for long, more rarely than the only folder of a simulation."""
        is_long = self._draw.random() < probability / 20
        self._timeline.stall() if is_long else self._timeline.step()


class VirtualDisk:
    """All folders, in the place of `gridtask.fs`."""

    def __init__(self, draw: random.Random, timeline: Timeline) -> None:
        self._draw = draw
        self._timeline = timeline
        self._opened: dict = {}
        self._folders: dict[str, _Folder] = {}

    def install(self, monkeypatch) -> None:
        """Put the folders' methods into the place of the functions of `fs`."""
        for name in vars(VirtualFolder):
            if hasattr(fs, name) and not name.startswith("_"):
                monkeypatch.setattr(fs, name, functools.partial(self._do, name))

    def _do(self, name: str, where, *args, **options):
        path = args[0] if name == "is_at" else where
        if isinstance(path, int):
            folder = self.folder("")
        else:
            path = os.fspath(path)
            folder = self.folder(path if name in ON_FOLDERS else os.path.dirname(path))
        return getattr(folder, name)(where, *args, **options)

    def folder(self, path: str) -> _Folder:
        """Return a folder, which is always there."""
        if path not in self._folders:
            made = _Folder(self._draw, self._timeline, self._opened)
            made._n_made = next(_BASES)
            self._folders[path] = made
        return self._folders[path]
