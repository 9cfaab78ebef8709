"""Many schedules of a simulation, each drawn by a seed; what goes wrong in them."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Protocol

import pytest

LONG = int(os.environ.get("GRIDTASK_SCHEDULES", "10000"))


class Simulation(Protocol):
    """What a seed draws.

    Attributes
    ----------
    faults : list of str
        What went wrong: ``KIND: DETAILS``.
    """

    faults: list[str]

    def __init__(self, seed: int, patch: pytest.MonkeyPatch) -> None: ...

    def run(self) -> None:
        """Run all of it."""

    def figures(self) -> dict[str, int]:
        """Return what has happened, and how often."""


def simulate(
    simulation: type[Simulation], seeds: Iterable[int]
) -> tuple[Counter[str], str]:
    """Run schedules; return the counts of faults, and a text of figures."""
    counts: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    started = time.process_time()
    first = ""
    for seed in seeds:
        with pytest.MonkeyPatch.context() as patch:
            one = simulation(seed, patch)
            one.run()
        counts.update(fault.partition(":")[0] for fault in one.faults)
        if one.faults and not first:
            first = f"seed {seed}: {one.faults}"
        figures.update({"schedules": 1, **one.figures()})
    seconds = time.process_time() - started
    text = ", ".join(f"{n} {what}" for what, n in figures.items())
    return counts, f"{text}, faults {dict(counts)} {first} ({seconds:.0f} CPU s)"


def simulate_at_once(
    simulation: type[Simulation], seeds: range
) -> tuple[Counter[str], str]:
    """Run schedules on all processors."""
    n = len(os.sched_getaffinity(0))
    parts = [seeds[i::n] for i in range(n)]
    with multiprocessing.get_context("fork").Pool(n) as pool:
        done = pool.map(partial(simulate, simulation), parts, chunksize=1)
    counts = sum((counts for counts, _ in done), Counter())
    return counts, "; ".join(figures for _, figures in done)


def first_faults(simulation: type[Simulation], n_part: int) -> Counter[str]:
    """Run parts of the schedules until one has faults; return these."""
    for first in range(0, LONG, n_part):
        counts, figures = simulate_at_once(simulation, range(first, first + n_part))
        print(figures)
        if counts:
            return counts
    return Counter()
