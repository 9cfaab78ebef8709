"""The run file: complete on disk before anything is submitted."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from gridtask.claims.lock import this_process
from gridtask.claims.runfile import (
    MAP_BYTES,
    RunFile,
    RunFileWriter,
    RunPlan,
    World,
    new_run_id,
)
from gridtask.errors import StoreError, UnsafeStoreError
from gridtask.plan import JobRange, Place

RUN_ID = "abcdefgh"


def make_plan(**changes) -> RunPlan:
    """A plan of five calls: one cached, one in flight, three to submit."""
    keys = [bytes([i]) * 16 for i in range(5)]
    fields = {
        "run_id": RUN_ID,
        "task": "simulate",
        "backend": "local",
        "created_at": 1.5,
        **this_process()._asdict(),
        "code": b"c" * 16,
        "keys": keys,
        "positions": range(5),
        "done": [0],
        "flying": {1: Place("zzzzzzzz", 7)},
        "missing": [2, 3, 4],
        "chunks": [2, 1],
        "jobs": [JobRange(1, 2)],
    }
    return RunPlan(**{**fields, **changes})


WORLD = World("/work", ["/lib"], {"PATH": "/bin"}, "simulate", "simulate", b"c" * 8)


def publish(folder, plan=None, calls=None):
    """Publish a run file of calls ``{"x": index}``; return its path and id."""
    plan = plan or make_plan()
    writer = RunFileWriter(folder, plan.run_id)
    calls = calls or {index: {"x": index} for index in plan.missing}
    packed = {index: writer.pack(call) for index, call in calls.items()}
    writer.publish(plan, packed, WORLD, b"snapshot")
    return folder / f"{plan.run_id}.run", writer.file_id


def test_plan_code_and_chunks_come_back(tmp_path):
    """A worker reads what the driver has written."""
    path, file_id = publish(tmp_path)
    run_file = RunFile(path, file_id)
    assert run_file.plan() == make_plan()
    assert run_file.code() == (WORLD, b"snapshot")
    keys = make_plan().keys
    assert [run_file.chunk(task).keys for task in (1, 2)] == [keys[2:4], keys[4:]]
    calls = run_file.chunk(1).calls
    assert [run_file.unpack(call) for call in calls] == [{"x": 2}, {"x": 3}]
    run_file.close()


def test_arguments_of_cached_calls_are_kept_too(tmp_path):
    """A run of `submit_map` knows the arguments of all its calls."""
    plan = make_plan()
    path, _ = publish(tmp_path, plan, {index: {"x": index} for index in range(5)})
    run_file = RunFile(path)
    packed = run_file.arguments(run_file.plan())
    assert {i: run_file.unpack(call)["x"] for i, call in packed.items()} == {
        i: i for i in range(5)
    }


def test_nothing_is_visible_before_publishing(tmp_path):
    """No ``.run`` appears until all is written, and `discard` leaves nothing."""
    writer = RunFileWriter(tmp_path, RUN_ID)
    writer.pack({"x": np.zeros(MAP_BYTES)})
    assert not list(tmp_path.glob("*.run"))
    writer.discard()
    assert not os.listdir(tmp_path)


def test_discard_takes_back_a_published_file(tmp_path):
    """A run of which nothing was submitted claims nothing."""
    plan = make_plan()
    writer = RunFileWriter(tmp_path, RUN_ID)
    writer.publish(plan, {i: writer.pack({}) for i in plan.missing}, WORLD, b"")
    writer.discard()
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("n_bytes", [MAP_BYTES // 2, 4 * MAP_BYTES])
def test_large_arrays_are_writable_and_private(tmp_path, n_bytes):
    """Each request gives arrays of its own, mapped ones too; they outlive close."""
    array = np.arange(n_bytes // 8, dtype="u8")
    path, _ = publish(tmp_path, calls={i: {"x": array, "i": i} for i in (2, 3, 4)})
    assert path.stat().st_size < n_bytes + 100_000
    run_file = RunFile(path)
    call = run_file.chunk(1).calls[0]
    first, second = run_file.unpack(call), run_file.unpack(call)
    run_file.close()
    first["x"][:] = 0
    np.testing.assert_array_equal(second["x"], array)
    np.testing.assert_array_equal(RunFile(path).unpack(call)["x"], array)


def test_another_file_of_the_same_name_is_refused(tmp_path):
    """A worker computes only the run that it was submitted for."""
    path, file_id = publish(tmp_path)
    with pytest.raises(StoreError, match="replaced after submission"):
        RunFile(path, bytes(16))
    RunFile(path, file_id).close()


def test_an_array_task_that_does_not_exist_is_told(tmp_path):
    """The message names the file and the array task."""
    path, _ = publish(tmp_path)
    with pytest.raises(StoreError, match=r"abcdefgh\.run has no array task 9"):
        RunFile(path).chunk(9)


def test_a_run_file_that_others_can_write_is_refused(tmp_path):
    """What a worker runs must be its user's own."""
    path, _ = publish(tmp_path)
    path.chmod(0o620)
    with pytest.raises(UnsafeStoreError):
        RunFile(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6])
def test_a_cut_run_file_is_an_error(tmp_path, share):
    """Without its end a run file has no plan: no guess is made."""
    path, _ = publish(tmp_path)
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(StoreError):
        RunFile(path).plan()


@pytest.mark.filterwarnings("ignore:.*damaged index")
def test_each_flipped_byte_is_noticed_or_harmless(tmp_path):
    """Damage gives an error or the same plan, never another one."""
    path, _ = publish(tmp_path)
    whole = path.read_bytes()
    n_errors = 0
    for offset in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[offset] ^= 0x55
        path.write_bytes(damaged)
        try:
            assert RunFile(path).plan() == make_plan()
        except StoreError:
            n_errors += 1
    assert n_errors


def test_a_plan_of_another_version_is_an_error_of_the_store(tmp_path, monkeypatch):
    """Fields that this version does not know are told, with the file's name."""
    path, _ = publish(tmp_path)
    monkeypatch.setattr(
        RunFile, "_decode", lambda self, kind: {"jobs": [], "flying": {}, "new": 1}
    )
    with pytest.raises(StoreError, match="another version of gridtask"):
        RunFile(path).plan()


def test_axes_are_read_apart_from_the_plan(tmp_path):
    """A plan can be read where the classes of its axes are missing."""
    axes = {"a": [1, 2], "b": [np.float64(3)]}
    path, _ = publish(tmp_path, make_plan(axes=axes))
    assert RunFile(path).plan().axes is None
    assert RunFile(path).axes() == axes
    script = (
        "import sys\n"
        "from gridtask.claims.runfile import RunFile\n"
        "from pathlib import Path\n"
        "RunFile(Path(sys.argv[1])).plan()\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, path], check=True)


def test_a_run_of_no_grid_has_no_axes(tmp_path):
    """Then there is nothing to read."""
    assert RunFile(publish(tmp_path)[0]).axes() is None


def test_run_ids_name_files_and_jobs():
    """Eight characters that need no quoting anywhere."""
    ids = {new_run_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(
        len(i) == 8 and set(i) <= set("abcdefghijklmnopqrstuvwxyz234567") for i in ids
    )


@pytest.mark.parametrize("task", ["simulate", "Größe.<locals>.f", "x" * 200])
def test_job_names_suit_grid_engine(task):
    """ASCII letters, digits and underscores, at most 60, by run and number."""
    name = make_plan(task=task).job_name(12)
    assert name.startswith(f"gt_{RUN_ID}_12_")
    assert len(name) <= 60
    assert name.replace("_", "").isalnum()
    assert name.isascii()
