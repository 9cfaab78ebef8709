"""Processes that are killed or stopped at random times."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from crash import value_of

from gridtask import fs
from gridtask.store.folder import Folder
from gridtask.store.loading import LoadError

SCRIPT = Path(__file__).with_name("crash.py")


def start(role: str, path: Path, seed: int, **environ: str) -> subprocess.Popen:
    """Start a process that plays a role."""
    command = [sys.executable, str(SCRIPT), role, str(path), str(seed)]
    env = {**os.environ, **environ}
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=env)


def told(output: bytes, what: str) -> list[int]:
    """Return the numbers in the whole lines that begin with `what`."""
    lines = output.decode().rpartition("\n")[0].splitlines()
    return [
        int(n) for line in lines if line.split()[0] == what for n in line.split()[1:]
    ]


def fork_writer(path: Path, seed: int, seconds: float) -> list[int]:
    """Fork a writer, kill it after some time; return what it had committed.

    Every second one is given time to commit something first, however busy the
    machine is.
    """
    import crash

    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(writing, 1)
            crash.write(Folder(path, "task"), seed)
        finally:
            os._exit(1)
    os.close(writing)
    if seed % 2:
        select.select([reading], [], [], 10.0)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with open(reading, "rb") as pipe:
        return told(pipe.read(), "committed")


def kill_writers(tmp_path: Path, n_trials: int) -> str:
    """Kill writers at random times; all that is read must be right."""
    draw = random.Random(n_trials)
    n_committed = n_more = n_torn = 0
    for seed in range(n_trials):
        path = tmp_path / str(seed)
        committed = fork_writer(path, seed, 0.06 * draw.random())
        folder = Folder(path, "task")
        folder.refresh()
        numbers = folder.numbers()
        keys = [int.from_bytes(folder.entry(n).key, "little") for n in numbers]
        found = dict(zip(keys, folder.load(numbers), strict=True))
        assert found.keys() >= set(committed), f"trial {seed}: results are lost"
        for i, value in found.items():
            assert value == value_of(i), f"trial {seed}: call {i} is wrong"
        n_committed += len(committed)
        n_more += len(found) - len(committed)
        n_torn += any(file._scan and file._scan.gaps for file in folder._index.files)
        fs.remove_tree(path)
    return (
        f"{n_trials} writers killed: {n_committed} committed, 0 lost, 0 wrong;"
        f" {n_more} more were there, {n_torn} torn tails"
    )


def test_killed_writers_lose_nothing_that_was_committed(tmp_path):
    """SIGKILL at a random time, results of 1 byte to 3 MB."""
    print(kill_writers(tmp_path, 40))


@pytest.mark.faults
def test_a_thousand_killed_writers_lose_nothing(tmp_path):
    """The same, 1,000 times."""
    print(kill_writers(tmp_path, 1000))


class Crowd:
    """Writers, removers and compactors at work, some of them killed or stopped."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self._draw = random.Random(seed)
        self._outputs: dict[subprocess.Popen, bytearray] = {}
        self.n_killed = self.n_stopped = self.n_looks = 0
        roles = ["write_shortly"] * 2 + ["remove"] + ["compact"] * 3
        self._members = [
            (role, self._start(role, 100 * seed + i)) for i, role in enumerate(roles)
        ]

    def _start(self, role: str, seed: int) -> subprocess.Popen:
        process = start(role, self._path, seed)
        os.set_blocking(process.stdout.fileno(), False)
        self._outputs[process] = bytearray()
        return process

    def disturb(self) -> None:
        """Kill, stop or wake a process; a killed one is followed by another."""
        i = self._draw.randrange(len(self._members))
        role, process = self._members[i]
        what = self._draw.choice((signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT))
        process.send_signal(what)
        self.n_stopped += what == signal.SIGSTOP
        if what == signal.SIGKILL:
            self.n_killed += 1
            process.wait()
            seed = self._draw.randrange(1000, 10**6)
            self._members[i] = role, self._start(role, seed)

    def _told(self, what: str) -> set[int]:
        """Return the numbers that all together have told so far."""
        numbers: set[int] = set()
        for process, output in self._outputs.items():
            while not process.stdout.closed and (chunk := process.stdout.read(1 << 16)):
                output += chunk
            numbers.update(told(bytes(output), what))
        return numbers

    def look(self) -> None:
        """Judge what a fresh reader finds."""
        committed, deleted = self._told("committed"), self._told("deleted")
        folder = Folder(self._path, "task")
        # The grace is short: two listings, as over NFS.
        folder.refresh()
        folder.refresh()
        numbers = folder.numbers()
        keys = [int.from_bytes(folder.entry(n).key, "little") for n in numbers]
        values = dict(zip(keys, folder.load(numbers), strict=True))
        found = {i: v for i, v in values.items() if not isinstance(v, LoadError)}
        lost = committed - self._told("deleting") - found.keys()
        assert not lost, f"results are lost: {lost}"
        assert not found.keys() & deleted, "deleted results are back"
        assert all(value == i for i, value in found.items()), "a value is wrong"
        self.n_looks += 1
        self.n_committed, self.n_deleted = len(committed), len(deleted)

    def end(self) -> None:
        """Kill all, and look once more."""
        for _, process in self._members:
            process.kill()
            process.wait()
        self.look()
        for process in self._outputs:
            process.stdout.close()


def disturb_crowds(tmp_path: Path, n_crowds: int, n_times: int) -> str:
    """Disturb crowds, and look each time."""
    totals = dict.fromkeys(
        ("n_killed", "n_stopped", "n_looks", "n_committed", "n_deleted"), 0
    )
    for seed in range(n_crowds):
        path = tmp_path / f"crowd{seed}"
        fs.make_folder(path)
        crowd = Crowd(path, seed)
        try:
            for _ in range(n_times):
                time.sleep(random.Random(seed).random() * 0.2)
                crowd.disturb()
                crowd.look()
        finally:
            crowd.end()
        for name in totals:
            totals[name] += getattr(crowd, name)
        fs.remove_tree(path)
    counts = ", ".join(f"{n} {name[2:]}" for name, n in totals.items())
    return f"{counts}: 0 lost, 0 wrong, 0 back"


def test_killed_and_stopped_compactors_do_no_harm(tmp_path):
    """Three of them without lock, two writers, a remover; a reader judges."""
    print(disturb_crowds(tmp_path, 1, 12))


@pytest.mark.faults
def test_compactors_do_no_harm_a_thousand_times(tmp_path):
    """The same for 1,000 signals."""
    print(disturb_crowds(tmp_path, 20, 50))
