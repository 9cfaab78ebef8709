"""What a driver writes down of calls whose workers died."""

from __future__ import annotations

import errno
import time
from types import SimpleNamespace

import pytest

from gridtask.driver.deaths import Death, write_deaths
from gridtask.errors import Killed, StoreError
from gridtask.store.segment import Kind
from gridtask.store.store import Store
from gridtask.store.writer import RETRY_DELAYS, RecordWriter

KEY = bytes(range(16))
PLAN = SimpleNamespace(run_id="k3f9a2bc", backend="local", task="f", code=b"c" * 16)


@pytest.fixture
def folder(tmp_path):
    """A task's folder in an empty cache."""
    return Store.open(tmp_path / "cache").folder("f")


def deaths():
    """Return the end of one call."""
    error = Killed("gone", key=KEY.hex(), what="was killed by SIGSEGV")
    return {KEY: Death("f(n=1)", error, (0, 0))}


def test_a_death_is_a_failure_for_later_looks(folder):
    """Also after the scheduler has forgotten the job."""
    write_deaths(folder, PLAN, deaths())
    folder.refresh()
    assert len(folder.numbers(Kind.ERR)) == 1


def test_nobody_waits_for_room_to_note_a_death(folder, monkeypatch):
    """On a full disk the error is told at once, and not noted."""

    def fail(writer):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RecordWriter, "_start_segment", fail)
    begun_at = time.monotonic()
    with pytest.raises(StoreError, match="No space left"):
        write_deaths(folder, PLAN, deaths())
    assert time.monotonic() - begun_at < sum(RETRY_DELAYS) / 2
