"""When results were deleted."""

from __future__ import annotations

import time

import pytest

from gridtask.store import values
from gridtask.store.store import Store

KEYS = [bytes([n]) * 16 for n in range(3)]


@pytest.fixture
def folder(tmp_path):
    """A folder with three results."""
    folder = Store.open(tmp_path / "cache").folder("task")
    writer = folder.writer("run.1")
    for number, key in enumerate(KEYS):
        writer.put(key, bytes(8), values.encode(number))
    writer.close()
    folder.refresh()
    return folder


def test_nothing_was_removed(folder):
    """Live results have no date."""
    assert folder.removed_at() == {}
    assert folder.removed_at(KEYS) == {}


def test_removed_results_have_a_date(folder):
    """Those of the keys asked for, or all; also for who looks later."""
    folder.remove(folder.find(KEYS[:2]))
    folder.refresh()
    found = folder.removed_at(KEYS[1:])
    assert list(found) == [KEYS[1]]
    assert abs(found[KEYS[1]] - time.time()) < 60
    folder.reset()
    folder.refresh()
    assert folder.removed_at().keys() == set(KEYS[:2])


def test_result_computed_again_keeps_its_history(folder):
    """The latest removal counts; that there is a result again is asked of find."""
    folder.remove(folder.find(KEYS[:1]))
    writer = folder.writer("run.2")
    writer.put(KEYS[0], bytes(8), values.encode("new"))
    writer.close()
    folder.refresh()
    assert folder.find(KEYS[:1]) != [-1]
    assert folder.removed_at().keys() == {KEYS[0]}


def test_tombstone_that_went_is_no_error(folder):
    """Only the date is not known then."""
    folder.remove(folder.find(KEYS[:1]))
    (path,) = folder.path.glob("rm.*.seg")
    path.unlink()
    folder.refresh()
    assert folder.removed_at() == {}
