"""Full disks, as root: a tmpfs of 4 MB, and ext4 of 8 MB with few inodes."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import time
import warnings

import pytest

from gridtask import fs
from gridtask.errors import StoreError
from gridtask.store.folder import Folder
from gridtask.store.segment import Kind, SegmentWriter
from gridtask.store.store import Store
from gridtask.store.values import encode
from gridtask.store.writer import RecordWriter

DAY = 86_400.0

pytestmark = pytest.mark.faults


def run(*command: object) -> None:
    """Run a command; skip the test if this machine does not let us."""
    result = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    if result.returncode:
        pytest.skip(f"{command[0]}: {result.stderr.strip()}")


@pytest.fixture(params=["tmpfs", "ext4", "inodes"])
def disk(request, tmp_path):
    """A small file system: full in bytes, or in inodes."""
    if os.geteuid():
        pytest.skip("needs root to mount a small file system")
    place = tmp_path / "disk"
    place.mkdir(mode=0o700)
    if request.param == "tmpfs":
        run("mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", place)
    else:
        image = tmp_path / "image"
        with image.open("wb") as file:
            file.truncate(8 << 20)
        n_inodes = 32 if request.param == "inodes" else 1024
        run("mkfs.ext4", "-q", "-N", n_inodes, "-m", "0", image)
        run("mount", "-o", "loop", image, place)
        shutil.rmtree(place / "lost+found", ignore_errors=True)
        place.chmod(0o700)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def key_of(i: int) -> bytes:
    """Return the key of call number `i`."""
    return i.to_bytes(16, "little")


def fill_up(place) -> None:
    """Use up all inodes and all bytes."""
    n = 0
    try:
        while True:
            (place / f"inode{n}").touch()
            n += 1
            if n > 2000:
                break
    except OSError:
        pass
    try:
        with (place / "inode0").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
    except OSError:
        pass


def test_a_writer_loses_nothing_when_the_disk_is_full(disk):
    """What was committed stays readable, the error says what to do."""
    store = Store.open(disk / "cache")
    folder = store.folder("task")
    committed: dict[int, bytes] = {}
    writer = RecordWriter(folder.path, "run.1", sleep=lambda seconds: None)
    error = None
    for i in range(100_000):
        value = os.urandom(3000)
        try:
            if i % 5 == 0:  # many files, for few inodes
                writer.close()
            writer.put(key_of(i), bytes(8), encode(value))
            writer.sync()
        except StoreError as e:
            error = e
            break
        committed[i] = value
    assert "make room" in str(error)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder.refresh()
    numbers = folder.find([key_of(i) for i in committed])
    assert folder.load(numbers) == list(committed.values())
    print(f"{len(committed)} committed, 0 lost, 0 wrong")


def test_compaction_fails_cleanly_and_rm_makes_room(disk):
    """With no byte and no inode free: by age, and whole tasks."""
    store = Store.open(disk / "cache")
    folder = store.folder("task")
    fs.make_folder(folder.path)
    now = time.time()
    for i in range(4):
        segment = SegmentWriter.create(folder.path / f"w{i}.seg")
        ended_ns = int((now - (0 if i == 3 else 30 * DAY)) * 1e9)
        segment.append(Kind.META, meta={"task": "task"}, t_end_ns=ended_ns)
        value = encode(os.urandom(100_000)).parts
        segment.append(Kind.OK, value, key=key_of(i), t_end_ns=ended_ns)
        segment.seal()
    fs.make_folder(store.trash)
    fill_up(disk)
    folder.refresh()
    before = sorted(fs.list_names(folder.path))
    with pytest.raises(OSError, match=r"No space|quota") as raised:
        folder.compact(min_files=1)
    assert raised.value.errno in (errno.ENOSPC, errno.EDQUOT)
    assert sorted(fs.list_names(folder.path)) == before
    now = fs.server_now(store.root)
    assert folder.remove_older(7 * DAY, now) == 3
    fresh = Folder(folder.path, "task")
    fresh.refresh()
    numbers = fresh.find([key_of(i) for i in range(4)])
    assert [n >= 0 for n in numbers] == [False, False, False, True]
    fill_up(disk)
    store.remove_folder(fresh)
    assert store.folders() == []
    print("compaction failed cleanly; rm by age and of a task worked on a full disk")
