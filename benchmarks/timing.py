"""Whole processes timed in turn, so that a machine's moods hit all alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass
class Timing:
    """Seconds of several runs of one command: wall, and CPU of all its processes."""

    wall: list[float]
    cpu: list[float]

    def __str__(self) -> str:
        return (
            f"wall {statistics.median(self.wall):7.3f} s "
            f"({min(self.wall):.3f} to {max(self.wall):.3f}), "
            f"CPU {statistics.median(self.cpu):7.3f} s"
        )


def run(argv: Sequence[str]) -> tuple[float, float]:
    """Run a command; return its wall and CPU seconds."""
    before = os.times()
    started = time.perf_counter()
    done = subprocess.run(argv, capture_output=True, text=True)
    wall = time.perf_counter() - started
    after = os.times()
    if done.returncode:
        sys.exit(f"{argv} failed:\n{done.stderr}")
    cpu = after.children_user - before.children_user
    return wall, cpu + after.children_system - before.children_system


def alternate(
    commands: Mapping[str, Sequence[str]],
    n_rounds: int,
    before: Callable[[str], None] = lambda name: None,
) -> dict[str, Timing]:
    """Time each command once a round, `before` called outside of the time."""
    timings = {name: Timing([], []) for name in commands}
    for _ in range(n_rounds):
        for name, argv in commands.items():
            before(name)
            wall, cpu = run(argv)
            timings[name].wall.append(wall)
            timings[name].cpu.append(cpu)
    return timings
