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


@pytest.fixture
def fail_at(monkeypatch):
    """Let the n-th call of a function of `fs` fail, or all from then on.

    A failing write may first write a part, as a full disk does.
    """

    def install(name: str, n: int, code: int = errno.ENOSPC, *, for_ever=False):
        real = getattr(fs, name)
        calls = [0]

        def wrapper(*args):
            calls[0] += 1
            if calls[0] == n or (for_ever and calls[0] > n):
                if name == "write_at":
                    fd, buffers, offset = args
                    real(fd, [b"".join(buffers)[: 50 * n]], offset)
                raise OSError(code, os.strerror(code))
            return real(*args)

        monkeypatch.setattr(fs, name, wrapper)
        return calls

    return install
