"""Writers, readers and compactors on two clients of one file server.

    python tests/faults/two_clients.py DIR_A DIR_B [--seconds 60]

DIR_A and DIR_B are one folder, seen by two clients (two mounts on one host, or
one folder twice for a try). Counts results that are lost, wrong or never seen,
and how soon those of one client are seen by the other.

With ``--restart COMMAND`` the command is run in the middle (such as one that
stops and starts the file server): the writers go on afterwards.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import shlex
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path

from gridtask import fs
from gridtask.store import compaction
from gridtask.store.folder import Folder
from gridtask.store.loading import LoadError
from gridtask.store.values import encode

POLL_SECONDS = 0.2


def key_of(i: int) -> bytes:
    """Return the key of call number `i`."""
    return i.to_bytes(16, "little")


def value_of(i: int) -> bytes:
    """Return the value of call number `i`."""
    draw = random.Random(i)
    return draw.randbytes(draw.choice((10, 1000, 100_000)))


def tell(*words: object) -> None:
    """Print a line at once and as a whole."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def write(path: Path, seed: int, deadline: float) -> None:
    """Write until the end; tell what is committed, and when."""
    draw = random.Random(seed)
    folder = Folder(path, "task")
    i = seed * 10**6
    while time.time() < deadline:
        writer = folder.writer(f"run.{seed}")
        for _ in range(draw.randint(1, 30)):
            writer.put(key_of(i), bytes(8), encode(value_of(i)))
            writer.sync()
            tell("committed", i, time.time())
            i += 1
            time.sleep(draw.random() * 0.1)
        if draw.random() < 0.8:  # the others are left without an index
            writer.close()


def read(path: Path, seed: int, deadline: float) -> None:
    """Look until some time after the end; tell what is seen, and when."""
    folder = Folder(path, "task")
    seen: set[int] = set()
    tell("ready", 0, time.time())
    while time.time() < deadline + 15:
        folder.refresh()
        new = [
            number
            for number in folder.numbers()
            if int.from_bytes(folder.entry(number).key, "little") not in seen
        ]
        values = folder.load(new)
        now = time.time()
        for number, value in zip(new, values, strict=True):
            i = int.from_bytes(folder.entry(number).key, "little")
            if isinstance(value, LoadError):
                continue
            if value != value_of(i):
                tell("wrong", i, now)
            seen.add(i)
            tell("seen", i, now)
        time.sleep(POLL_SECONDS)


def compact(path: Path, seed: int, deadline: float) -> None:
    """Compact again and again, without the lock."""
    compaction.LOCK_SECONDS = -1.0
    folder = Folder(path, "task")
    while time.time() < deadline:
        folder.refresh()
        folder.compact()
        folder.sweep()
        time.sleep(1)


ROLES = {f.__name__: f for f in (write, read, compact)}


class Member:
    """A process that plays a role on one client."""

    def __init__(self, role: str, path: Path, seed: int, deadline: float) -> None:
        self.role, self.path = role, path
        command = [sys.executable, __file__, "--role", role, str(path), str(path)]
        command += ["--seed", str(seed), "--deadline", str(deadline)]
        self._output = (
            Path(os.environ.get("TMPDIR", "/tmp"))
        ) / f"two-{os.getpid()}-{role}-{seed}"
        with self._output.open("wb") as file:
            self.process = subprocess.Popen(command, stdout=file)

    def told(self, what: str) -> dict[int, float]:
        """Return the times at which the process told of each number."""
        self.process.wait()
        lines = [line.split() for line in self._output.read_text().splitlines()]
        return {int(line[1]): float(line[2]) for line in lines if line[0] == what}

    def forget(self) -> None:
        """Remove the output."""
        self._output.unlink()


def delays_of(reader: Member, committed: dict[int, float]) -> list[float]:
    """Return after how many seconds a reader, once at work, saw each result."""
    seen, ready_at = reader.told("seen"), reader.told("ready")[0]
    return [
        max(0.0, seen.get(i, math.inf) - max(at, ready_at))
        for i, at in committed.items()
    ]


def play(a: Path, b: Path, seconds: float, restart: str | None) -> bool:
    """Let all work for some time; judge; return whether all was right."""
    name = f"two-{os.urandom(4).hex()}"
    fs.make_folder(a / name)
    deadline = time.time() + seconds
    members = [
        Member(role, place / name, seed, deadline)
        for seed, (role, place) in enumerate(
            (role, place) for role in ROLES for place in (a, b)
        )
    ]
    if restart:
        time.sleep(seconds / 2)
        subprocess.run(shlex.split(restart), check=True)
    committed: dict[int, float] = {}
    for member in members:
        committed.update(member.told("committed"))
    readers = [m for m in members if m.role == "read"]
    wrong = sum(len(m.told("wrong")) for m in readers)
    unseen = max(len(committed.keys() - m.told("seen").keys()) for m in readers)
    delays = sorted(delay for m in readers for delay in delays_of(m, committed))
    folder = Folder(b / name, "task")
    folder.refresh(twice_if_shared=True)
    numbers = folder.find([key_of(i) for i in committed])
    values = folder.load([n for n in numbers if n >= 0])
    lost = sum(n < 0 for n in numbers) + sum(isinstance(v, LoadError) for v in values)
    exits = [m.process.returncode for m in members]
    p99 = delays[int(0.99 * len(delays))] if delays else 0.0
    print(
        f"{len(committed)} committed, {lost} lost, {wrong} wrong, {unseen} never seen;"
        f" seen after {statistics.median(delays or [0]):.2f} s (median),"
        f" {p99:.2f} s (p99), {max(delays or [0]):.2f} s (most);"
        f" {len(fs.list_names(b / name))} files; exit statuses {exits}"
    )
    for member in members:
        member.forget()
    fs.remove_tree(a / name)
    return not (lost or wrong or unseen or any(exits)) and bool(committed)


def main() -> int:
    """Play a role, or have all roles played."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("a", type=Path)
    parser.add_argument("b", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--restart", metavar="COMMAND")
    parser.add_argument("--role", choices=ROLES, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--deadline", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.role:
        warnings.simplefilter("ignore")
        ROLES[args.role](args.a, args.seed, args.deadline)
        return 0
    return 0 if play(args.a, args.b, args.seconds, args.restart) else 1


if __name__ == "__main__":
    sys.exit(main())
