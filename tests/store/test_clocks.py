"""Nodes whose clocks are wrong: no fresh result expires."""

from __future__ import annotations

import os
import time

import pytest

from gridtask import fs
from gridtask.store.folder import Folder
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentWriter
from gridtask.store.values import encode
from gridtask.store.writer import RecordWriter

HOUR, DAY = 3600, 86_400
KEY = b"k" * 16
ERRORS = [-HOUR, HOUR, -50 * 365 * DAY, 12 * 365 * DAY, -30 * DAY]


def put(path, value: object = 1) -> None:
    """Write one result as a worker does."""
    writer = RecordWriter(path, "run.1")
    writer.put(KEY, bytes(8), encode(value))
    writer.close()


def expire(path, seconds: float) -> int:
    """Do as `gridtask rm --older` does; return how many records went."""
    folder = Folder(path, "task")
    folder.refresh()
    return folder.remove_older(seconds, fs.server_now(path))


def shift_clock(monkeypatch, seconds: float) -> None:
    """Set this process's clock wrong. The file server's stays right."""
    now, now_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: now() + seconds)
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + int(seconds * 1e9))


@pytest.mark.parametrize("error", ERRORS)
def test_fresh_results_of_a_wrong_clock_stay(folder_path, monkeypatch, error):
    """An hour off, 1970, 2038: the time of the file server counts."""
    with monkeypatch.context() as patch:
        shift_clock(patch, error)
        put(folder_path)
    assert expire(folder_path, 60) == 0
    (number,) = (folder := Folder(folder_path, "task")).refresh() and folder.numbers()
    assert abs(folder.entry(number).t_end_ns / 1e9 - time.time()) < 60


@pytest.mark.parametrize("error", ERRORS)
def test_fresh_results_stay_when_the_clock_of_rm_is_wrong(
    folder_path, monkeypatch, error
):
    """The age is measured by the file server's clock."""
    put(folder_path)
    shift_clock(monkeypatch, error)
    assert expire(folder_path, 60) == 0


@pytest.mark.parametrize("error", ERRORS)
def test_a_clock_may_jump_while_a_worker_runs(folder_path, monkeypatch, error):
    """Its segment was begun with the right time, and goes on by what has passed."""
    writer = RecordWriter(folder_path, "run.1")
    writer.begin()
    with monkeypatch.context() as patch:
        shift_clock(patch, error)
        writer.put(KEY, bytes(8), encode(1))
    writer.close()
    folder = Folder(folder_path, "task")
    folder.refresh()
    (number,) = folder.numbers()
    assert abs(folder.entry(number).t_end_ns / 1e9 - time.time()) < 60


def test_a_result_is_not_older_than_its_segment(folder_path):
    """Whoever wrote 1970 into a record: the segment was begun now."""
    segment = SegmentWriter.create(folder_path / "a.seg")
    segment.append(Kind.META, meta={"task": "task"})
    segment.append(Kind.OK, encode(1).parts, key=KEY, t_end_ns=1)
    segment.seal()
    assert expire(folder_path, DAY) == 0


def test_the_segments_time_survives_compaction(folder_path):
    """The same for a record that was copied into a pack."""
    segment = SegmentWriter.create(folder_path / "a.seg")
    segment.append(Kind.META, meta={"task": "task"})
    segment.append(Kind.OK, encode(1).parts, key=KEY, t_end_ns=1)
    segment.seal()
    SegmentWriter.create(folder_path / "b.seg").seal()
    folder = Folder(folder_path, "task")
    folder.refresh()
    folder.compact(min_files=1)
    for name in ("a.seg", "b.seg"):
        fs.remove(folder_path / name)
    assert expire(folder_path, DAY) == 0


def test_a_segment_from_the_future_keeps_nothing_for_ever(folder_path):
    """What it says of itself is not believed beyond its file's last change."""
    segment = SegmentWriter.create(folder_path / "a.seg")
    segment.append(Kind.META, meta={"task": "task"}, t_end_ns=int(4e18))
    segment.append(Kind.OK, encode(1).parts, key=KEY, t_end_ns=int(4e18))
    segment.seal()
    old = time.time() - 30 * DAY
    os.utime(folder_path / "a.seg", (old, old))
    assert expire(folder_path, 7 * DAY) == 1


def test_fresh_results_of_a_copy_without_times_stay(folder_path):
    """An archive may date all files back to 1970: when they were begun counts."""
    put(folder_path)
    (name,) = fs.list_names(folder_path)
    os.utime(folder_path / name, (0, 0))
    assert expire(folder_path, 60) == 0
    folder = Folder(folder_path, "task")
    folder.refresh()
    assert folder.unused(60, fs.server_now(folder_path)) == []
    assert expire(folder_path, 0) == 1


def test_a_lock_of_a_time_to_come_does_not_stop_compaction(folder_path):
    """The file server's clock was wrong when it was made."""
    put(folder_path)
    put(folder_path)
    for name in ("gc.lock", "left.tmp"):
        fs.write_new(folder_path / name, b"")
        os.utime(folder_path / name, (4e9, 4e9))
    folder = Folder(folder_path, "task")
    folder.refresh()
    assert folder.compact(min_files=1).n_files == 2
    assert folder.sweep() == 1
    assert not {"gc.lock", "left.tmp"} & set(fs.list_names(folder_path))


@pytest.mark.parametrize("error", ERRORS)
def test_loading_with_a_wrong_clock_does_not_make_results_unused(
    folder_path, monkeypatch, error
):
    """The time of the last use is not set back by a clock that is behind."""
    put(folder_path)
    folder = Folder(folder_path, "task")
    folder.refresh()
    with monkeypatch.context() as patch:
        shift_clock(patch, error)
        folder.load(folder.numbers())
    assert folder.unused(30 * DAY, fs.server_now(folder_path)) == []


def test_a_segment_that_was_idle_for_long_is_left(folder_path, monkeypatch):
    """Compaction may take it for finished: the next result begins another."""
    from gridtask.store import writer as module

    writer = RecordWriter(folder_path, "run.1")
    writer.put(KEY, bytes(8), encode(1))
    writer.sync()
    writer.put(b"i" * 16, bytes(8), encode(2))
    assert len(fs.list_names(folder_path)) == 1
    monkeypatch.setattr(module, "IDLE_SECONDS", -1.0)
    writer.put(b"j" * 16, bytes(8), encode(3))
    writer.close()
    assert len(fs.list_names(folder_path)) == 2
    folder = Folder(folder_path, "task")
    folder.refresh()
    assert sorted(folder.load(folder.numbers())) == [1, 2, 3]
