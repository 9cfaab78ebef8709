"""How results are committed, also when disk, server or process fail."""

from __future__ import annotations

import errno
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import numpy as np
import pytest

from gridtask import fs
from gridtask.errors import StoreError
from gridtask.store import writer as module
from gridtask.store.copies import Copies
from gridtask.store.folder import Folder
from gridtask.store.record import Kind
from gridtask.store.values import encode
from gridtask.store.writer import RecordWriter

CODE = b"c" * 8


def key_of(i: int) -> bytes:
    """Return the key of call number `i`."""
    return i.to_bytes(16, "little")


def put(writer: RecordWriter, i: int, value: object = None) -> None:
    """Write the result of call number `i`."""
    value = f"value {i}" if value is None else value
    writer.put(key_of(i), CODE, encode(value), seconds=0.5, peak_mb=3, meta={"i": i})


def results(path, n: int) -> dict[int, object]:
    """Return the results of the first `n` calls that a new reader finds."""
    folder = Folder(path, "task")
    folder.refresh()
    numbers = folder.find([key_of(i) for i in range(n)])
    there = [i for i in range(n) if numbers[i] >= 0]
    values = folder.load([numbers[i] for i in there])
    return dict(zip(there, values, strict=True))


def wait_for(condition, seconds: float = 10) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


@pytest.fixture
def delays():
    """The delays that a writer asked for."""
    return []


@pytest.fixture
def writer(folder_path, delays):
    """A writer that does not really sleep."""
    writer = RecordWriter(
        folder_path, "run.1", job_id=7, task=1, meta={"run": "r"}, sleep=delays.append
    )
    yield writer
    writer.close()


def test_nothing_is_made_before_the_first_record(tmp_path):
    """A worker that computes nothing leaves no file and no folder."""
    writer = RecordWriter(tmp_path / "folder", "run.1")
    writer.sync()
    writer.close()
    assert fs.list_names(tmp_path) == []


def test_results_failures_and_logs_come_back(folder_path, writer):
    """Each kind is found as such, with its fields and its meta."""
    put(writer, 0, 1.5)
    writer.fail(key_of(1), CODE, encode(ValueError("bad")), meta={"host": "n1"})
    writer.log(b"printed", {"task": 1})
    writer.close()
    folder = Folder(folder_path, "task")
    assert folder.refresh()
    (ok,), (err,) = folder.find([key_of(0)]), folder.find([key_of(1)], Kind.ERR)
    assert folder.load([ok]) == [1.5]
    assert repr(folder.load([err])) == "[ValueError('bad')]"
    assert folder.meta(err) == {"host": "n1"}
    entry = folder.entry(ok)
    assert (entry.code, entry.seconds, entry.peak_mb) == (CODE, 0.5, 3)
    assert abs(entry.t_end_ns / 1e9 - time.time()) < 60
    (log,) = folder.numbers(Kind.LOG)
    assert folder.payload(log) == b"printed"
    assert "/run.1." in folder.file(ok).path


def test_a_result_is_readable_before_the_segment_is_sealed(folder_path, writer):
    """Other processes see what was written while the worker goes on."""
    put(writer, 0)
    assert results(folder_path, 1) == {0: "value 0"}


def test_a_lone_result_is_synced_in_time(writer, fail_at, monkeypatch):
    """Without another record, a thread commits it."""
    monkeypatch.setattr(module, "SYNC_SECONDS", 0.02)
    syncs = fail_at("sync", 10**9)
    put(writer, 0)
    wait_for(lambda: syncs.n_calls == 1)
    put(writer, 1)
    wait_for(lambda: syncs.n_calls == 2)


def test_small_results_share_a_sync(writer, fail_at):
    """Not every record pays for a sync of its own."""
    syncs = fail_at("sync", 10**9)
    for i in range(50):
        put(writer, i)
    assert syncs.n_calls <= 1
    writer.sync()
    assert syncs.n_calls <= 2
    writer.sync()
    assert syncs.n_calls <= 2


def test_large_results_are_synced_at_once(writer, fail_at):
    """8 MB are not kept in memory."""
    syncs = fail_at("sync", 10**9)
    put(writer, 0, np.zeros(1 << 20))
    assert syncs.n_calls == 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE])
@pytest.mark.parametrize("name", ["write_at", "sync"])
def test_a_passing_error_loses_nothing(folder_path, writer, fail_at, name, code):
    """Whichever call fails once: all records are there, in another segment."""
    for n in range(1, 8):
        fault = fail_at(name, n, code)
        for i in range(6):
            put(writer, 10 * n + i)
            writer.sync()
        fault.is_on = False
    writer.close()
    expected = {
        10 * n + i: f"value {10 * n + i}" for n in range(1, 8) for i in range(6)
    }
    assert results(folder_path, 80) == expected


def test_an_error_that_stays_is_named_after_some_attempts(
    folder_path, writer, fail_at, delays
):
    """The error says where, why, and what to do; the delays grow."""
    put(writer, 0)
    writer.sync()
    fault = fail_at("write_at", 1, for_ever=True)
    with pytest.raises(StoreError, match=r"No space left.*not saved: 1.*gridtask rm"):
        put(writer, 1)
    fault.is_on = False
    assert delays == [1.0, 5.0, 25.0]
    assert results(folder_path, 2) == {0: "value 0"}
    put(writer, 2)
    writer.close()
    assert results(folder_path, 3) == {i: f"value {i}" for i in range(3)}


def test_a_full_disk_is_not_filled_with_pieces(folder_path, writer, fail_at):
    """What a failed attempt has written is given back."""
    put(writer, 0)
    writer.sync()
    size = (folder_path / fs.list_names(folder_path)[0]).stat().st_size
    fault = fail_at("write_at", 1, for_ever=True)
    with pytest.raises(StoreError):
        put(writer, 1, b"x" * 10000)
    fault.is_on = False
    (name,) = fs.list_names(folder_path)
    assert (folder_path / name).stat().st_size == size


def test_an_error_of_the_timer_is_raised_later(
    folder_path, writer, fail_at, monkeypatch
):
    """What fails in the background is told at the next call."""
    monkeypatch.setattr(module, "SYNC_SECONDS", 0.02)
    fault = fail_at("sync", 1, for_ever=True)
    put(writer, 0)
    wait_for(lambda: writer._error is not None)
    with pytest.raises(StoreError, match="No space left"):
        put(writer, 1)
    fault.is_on = False
    writer.close()
    assert results(folder_path, 1) == {0: "value 0"}


def test_another_error_is_not_tried_again(writer, fail_at, delays):
    """Missing permission does not pass by waiting."""
    fail_at("create", 1, errno.EACCES, for_ever=True)
    with pytest.raises(StoreError, match="Permission denied"):
        put(writer, 0)
    assert delays == []


def test_an_array_that_is_changed_later_is_kept_as_it_was(folder_path, writer, fail_at):
    """A record that is written again has the value of the first time."""
    array = np.zeros(5)
    put(writer, 0, array)
    array[:] = 9
    fail_at("sync", 1)
    writer.close()
    assert results(folder_path, 1)[0].tolist() == [0] * 5


def test_many_arrays_that_are_changed_later_are_kept_as_they_were(
    folder_path, writer, fail_at
):
    """Copies of what waits for one sync, and for the next, are not mixed up."""
    array = np.zeros(200_000)
    for i in range(20):
        if i in (7, 13):
            fail_at("sync", 1)
        array[:] = i
        put(writer, i, array)
    array[:] = -1
    writer.close()
    found = results(folder_path, 20)
    assert [set(found[i].tolist()) for i in range(20)] == [{i} for i in range(20)]


def test_copies_for_which_there_is_no_room_lie_elsewhere():
    """A sync that takes long makes more wait than there is room for."""
    copies = Copies(100_000)
    parts = [[bytes([i]) * 70_000, b"end"] for i in range(3)]
    kept = [copies.add(part, 70_003) for part in parts]
    assert [bytes(copy) for copy in kept] == [b"".join(part) for part in parts]
    copies.clear()
    again = copies.add(parts[1], 70_003)
    assert bytes(again) == b"".join(parts[1])


def test_an_interrupted_write_starts_a_new_segment(folder_path, writer, monkeypatch):
    """How far a write came when a signal ended it is not known."""

    def interrupt(*args):
        raise KeyboardInterrupt

    put(writer, 0)
    with monkeypatch.context() as patch:
        patch.setattr(fs, "write_at", interrupt)
        with pytest.raises(KeyboardInterrupt):
            put(writer, 1)
    put(writer, 2)
    writer.close()
    assert len(fs.list_names(folder_path)) == 2
    assert results(folder_path, 3) == {i: f"value {i}" for i in range(3)}


def test_a_large_array_that_is_saved_late_is_as_it_was(folder_path, writer, fail_at):
    """Also one that is synced at once, if that fails and succeeds later."""
    array = np.zeros(1 << 20)
    fault = fail_at("sync", 1, for_ever=True)
    with pytest.raises(StoreError):
        put(writer, 0, array)
    array[:] = 9
    fault.is_on = False
    writer.close()
    assert not results(folder_path, 1)[0].any()


def test_a_removed_folder_is_made_again(folder_path, writer, tmp_path):
    """After `gridtask rm`, results since the last look are written anew."""
    put(writer, 0)
    writer.sync()
    put(writer, 1)
    fs.move(folder_path, tmp_path / "trash")
    writer.sync()
    put(writer, 2)
    writer.close()
    assert results(folder_path, 3) == {1: "value 1", 2: "value 2"}


def test_closing_seals_and_another_record_starts_anew(folder_path, writer):
    """After closing, a writer can be used again."""
    put(writer, 0)
    writer.close()
    put(writer, 1)
    writer.close()
    assert len(fs.list_names(folder_path)) == 2
    folder = Folder(folder_path, "task")
    folder.refresh()
    assert not folder._files._growing


def test_a_failing_seal_costs_nothing(folder_path, writer, fail_at):
    """All is committed before; the file just has no index."""
    put(writer, 0)
    writer.sync()
    fail_at("write_at", 1)
    writer.close()
    assert results(folder_path, 1) == {0: "value 0"}


def test_threads_share_a_segment(folder_path, writer):
    """Records of many threads do not mix."""

    def work(first: int) -> None:
        for i in range(first, 400, 4):
            put(writer, i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert len(fs.list_names(folder_path)) == 1
    assert results(folder_path, 400) == {i: f"value {i}" for i in range(400)}


def test_a_forked_child_writes_a_segment_of_its_own(folder_path, writer):
    """Parent and child never write into one file, and no record is lost."""
    put(writer, 0)
    pid = os.fork()
    if pid == 0:
        try:
            put(writer, 1)
            writer.close()
        finally:
            os._exit(0)
    put(writer, 2)
    assert os.waitpid(pid, 0)[1] == 0
    writer.close()
    assert len(fs.list_names(folder_path)) == 2
    assert results(folder_path, 3) == {i: f"value {i}" for i in range(3)}


def test_a_forgotten_writer_ends_its_thread(folder_path):
    """The thread does not keep the writer alive, and ends with it."""
    writer = RecordWriter(folder_path, "run.1")
    put(writer, 0)
    thread = writer._thread
    writer.sync()
    gone = weakref.ref(writer)
    del writer
    wait_for(lambda: gc.collect() >= 0 and gone() is None)
    thread.join(10)
    assert not thread.is_alive()


WRITER = """
    import sys
    from pathlib import Path
    from gridtask.store.values import encode
    from gridtask.store.writer import RecordWriter
    writer = RecordWriter(Path(sys.argv[1]), "run.1")
    for i in range(100000):
        value = bytes([i % 251]) * (i * 7919 % 5000)
        writer.put(i.to_bytes(16, "little"), bytes(8), encode(value))
        if i % 3 == 0:
            writer.sync()
            print(i, flush=True)
"""


@pytest.mark.parametrize("after", [1, 40, 400])
def test_a_killed_worker_loses_nothing_that_was_committed(folder_path, after):
    """After kill -9 each result that was reported is there, and none is wrong."""
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(folder_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            committed = int(line)
            if committed >= after:
                break
        process.send_signal(signal.SIGKILL)
        committed = max([committed, *map(int, process.stdout.read().split()[:-1])])
    found = results(folder_path, committed + 5000)
    assert found.keys() >= set(range(committed + 1))
    for i, value in found.items():
        assert value == bytes([i % 251]) * (i * 7919 % 5000)
