"""Fixtures for the store's tests."""

from __future__ import annotations

import errno
import os

import pytest

from gridtask import fs


@pytest.fixture
def folder_path(tmp_path):
    """An empty private folder."""
    path = tmp_path / "folder"
    fs.make_folder(path)
    return path


class Fault:
    """Lets calls of a function of `fs` fail, from the n-th on.

    A failing write writes a part first, as on a full disk.
    """

    def __init__(self, name: str, n: int, code: int, for_ever: bool) -> None:
        self.n_calls = 0
        self.is_on = True
        self._name, self._n, self._code, self._for_ever = name, n, code, for_ever
        self._real = getattr(fs, name)

    def __call__(self, *args, **kwargs):
        self.n_calls += 1
        is_hit = self.n_calls == self._n or (self._for_ever and self.n_calls > self._n)
        if not (self.is_on and is_hit):
            return self._real(*args, **kwargs)
        if self._name == "write_at":
            fd, buffers, offset = args
            self._real(fd, [b"".join(buffers)[: 50 * self._n]], offset)
        raise OSError(self._code, os.strerror(self._code))


@pytest.fixture
def fail_at(monkeypatch):
    """Install a `Fault`: one call, or all calls from then on, fail."""

    def install(name: str, n: int, code: int = errno.ENOSPC, *, for_ever=False):
        fault = Fault(name, n, code, for_ever)
        monkeypatch.setattr(fs, name, fault)
        return fault

    return install
