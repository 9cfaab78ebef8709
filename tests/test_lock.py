"""The lock around planning and publishing, and the processes that hold it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from gridtask import fs
from gridtask.claims import lock
from gridtask.claims.lock import Process, submit_lock, this_process


def other_host() -> Process:
    """A process that cannot be seen from here."""
    return this_process()._replace(host="node7", machine="other machine")


def test_a_user_without_a_name_is_a_number(monkeypatch):
    """In some containers nobody knows the user."""

    def unknown():
        raise KeyError

    monkeypatch.setattr(lock.getpass, "getuser", unknown)
    assert this_process().user == str(os.geteuid())


# ---------------------------------------------------------------------- the lock


RACE = """
import os, sys
from pathlib import Path
from gridtask.claims.lock import submit_lock
root = Path(sys.argv[1])
for _ in range(20):
    with submit_lock(root) as is_held:
        os.close(os.open(root / "inside", os.O_CREAT | os.O_EXCL))
        assert is_held()
        os.unlink(root / "inside")
"""

HOLD = """
import sys, time
from pathlib import Path
from gridtask.claims.lock import submit_lock
with submit_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def start(script: str, root) -> subprocess.Popen:
    """Start a process that takes the lock."""
    argv = [sys.executable, "-c", textwrap.dedent(script), str(root)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE)


def test_of_racing_processes_one_is_inside_at_a_time(tmp_path):
    """An exclusively created file inside the lock never exists already."""
    racers = [start(RACE, tmp_path) for _ in range(3)]
    for racer in racers:
        racer.communicate()
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    assert os.listdir(tmp_path) == []


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path):
    """On the same machine its end is seen: nobody waits for a minute."""
    holder = start(HOLD, tmp_path)
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.communicate()
    started = time.monotonic()
    with submit_lock(tmp_path) as is_held:
        assert is_held()
    assert time.monotonic() - started < 10
    assert os.listdir(tmp_path) == []


def write_lock(root, process: Process, age: float) -> bytes:
    """Leave a lock that was last refreshed `age` seconds ago."""
    content = json.dumps({"id": "1", **process._asdict()}).encode()
    fs.write_new(root / "submit.lock", content)
    then = time.time() - age
    os.utime(root / "submit.lock", (then, then))
    return content


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"id": "1"}'])
def test_a_stale_lock_is_broken_whatever_it_says(tmp_path, content):
    """Its age decides."""
    fs.write_new(tmp_path / "submit.lock", content)
    os.utime(tmp_path / "submit.lock", (1.0, 1.0))
    with submit_lock(tmp_path) as is_held:
        assert is_held()


def test_a_stale_lock_of_another_host_is_broken(tmp_path):
    """Nobody has refreshed it for a minute."""
    write_lock(tmp_path, other_host(), age=61)
    with submit_lock(tmp_path) as is_held:
        assert is_held()


def test_a_lock_of_a_time_to_come_is_broken(tmp_path):
    """The file server's clock was wrong when it was made; nobody waits for years."""
    write_lock(tmp_path, other_host(), age=-365 * 86_400)
    with submit_lock(tmp_path) as is_held:
        assert is_held()


@pytest.mark.parametrize("process", [this_process, other_host])
def test_a_fresh_lock_is_waited_for(tmp_path, process):
    """A holder that may live keeps its lock until it gives it back."""
    content = write_lock(tmp_path, process(), age=0)
    entered = threading.Event()

    def enter():
        with submit_lock(tmp_path):
            entered.set()

    thread = threading.Thread(target=enter)
    thread.start()
    assert not entered.wait(0.3)
    assert (tmp_path / "submit.lock").read_bytes() == content
    fs.remove(tmp_path / "submit.lock")
    thread.join(10)
    assert entered.is_set()


def test_a_held_lock_is_kept_fresh(tmp_path, monkeypatch):
    """A slow submission does not lose it."""
    monkeypatch.setattr(lock, "LOCK_REFRESH_SECONDS", 0.01)
    path = tmp_path / "submit.lock"
    with submit_lock(tmp_path):
        os.utime(path, (1.0, 1.0))
        deadline = time.monotonic() + 10
        while path.stat().st_mtime == 1.0:
            assert time.monotonic() < deadline
            time.sleep(0.005)


def test_a_holder_notices_that_its_lock_was_broken(tmp_path, monkeypatch):
    """It neither refreshes nor removes the lock of who came after it."""
    monkeypatch.setattr(lock, "LOCK_REFRESH_SECONDS", 0.01)
    path = tmp_path / "submit.lock"
    with submit_lock(tmp_path) as is_held:
        fs.remove(path)
        content = write_lock(tmp_path, other_host(), age=50)
        before = path.stat().st_mtime
        assert not is_held()
    assert path.read_bytes() == content
    assert path.stat().st_mtime == before


def test_an_error_inside_frees_the_lock(tmp_path):
    """Also an interrupt."""
    with pytest.raises(KeyboardInterrupt), submit_lock(tmp_path):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_a_lock_whose_maker_died_before_it_said_who_it_is(tmp_path):
    """Killed between two system calls: it is broken after seconds, not a minute."""
    path = tmp_path / "submit.lock"
    path.touch(mode=0o600)
    then = time.time() - lock.HALF_WRITTEN_SECONDS - 1
    os.utime(path, (then, then))
    with submit_lock(tmp_path) as is_held:
        assert is_held()


def test_of_two_that_break_a_lock_the_slower_one_leaves_the_new_one(
    tmp_path, monkeypatch
):
    """It has found the old one stale, and then stood still."""
    path = tmp_path / "submit.lock"
    write_lock(tmp_path, other_host(), age=61)
    write_new = fs.write_new

    def write_late(*args, **options):
        monkeypatch.setattr(fs, "write_new", write_new)
        fs.remove(path)
        write_lock(tmp_path, other_host(), age=0)
        fs.write_new(*args, **options)

    monkeypatch.setattr(fs, "write_new", write_late)
    lock._break_if_stale(path)
    assert os.listdir(tmp_path) == ["submit.lock"]


def test_who_dies_breaking_a_lock_stops_nobody_for_long(tmp_path):
    """Its own mark goes stale as a lock does."""
    write_lock(tmp_path, other_host(), age=61)
    fs.write_new(tmp_path / "submit.lock.break", b"")
    then = time.time() - 61
    os.utime(tmp_path / "submit.lock.break", (then, then))
    with submit_lock(tmp_path) as is_held:
        assert is_held()
    assert os.listdir(tmp_path) == []
