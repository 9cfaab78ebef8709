"""What the calls of a task were allowed, what they used, and what to ask for."""

from __future__ import annotations

import json
import math
import re
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gridtask import fs
from gridtask.backends.site import SiteProfile
from gridtask.caches.filters import Call, calls_of
from gridtask.caches.traces import WorkerTrace, read_traces
from gridtask.claims.claim import open_claim
from gridtask.errors import GridTaskError
from gridtask.units import format_memory, format_size, format_time

if TYPE_CHECKING:
    from gridtask.claims.runfile import RunPlan
    from gridtask.store.store import Folder

MIN_CALLS = 10
"""Fewer measured calls say too little to advise."""

SHARE = 0.99
"""So many of the measured calls are to have enough."""

CLOSE = 0.75
"""What is asked for is right where so much of it is needed."""

START_SECONDS = 15.0
"""What an array task takes beside its calls: its start, and reading its input."""

_MIB, _GIB = 1 << 20, 1 << 30
_MEMORY_STEPS = ((2 * _GIB, 256 * _MIB), (64 * _GIB, _GIB), (math.inf, 8 * _GIB))
"""Advice for less than the first number is a multiple of the second."""

_MINUTE_STEPS = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720)
"""Minutes that are advised; beyond, whole days."""

_ADDRESS_SPACE = re.compile(r"\b[hs]_(?:vmem|data)=")
"""Complexes that limit the address space of a process (queue_conf(5))."""

_OUT_OF_MEMORY = ("MemoryError", "OutOfMemory", "_ArrayMemoryError")


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, 95 % quantile and largest of some numbers; None of none."""

    median: float | None
    p95: float | None
    largest: float | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What one task's calls used.

    Attributes
    ----------
    task : str
        Its name.
    calls, array_tasks : int
        How many were measured: those of which the cache has a record, and the
        workers that computed them.
    out_of_memory, out_of_time : int
        Calls that have no result for want of memory, or of time.
    memory_asked, time_asked : str or None
        Of an array task, in the latest run of which the run file is there.
    memory_of : str
        ``"address space"`` or ``"resident"``: which memory is meant, that
        which the site's complex limits.
    memory_mb : Spread
        Peaks in MB (2**20 bytes), of the worker at each call's end.
    seconds : Spread
        Wall time of a call.
    array_task_seconds : Spread
        Wall time of an array task, from its first call to its last: what a
        time limit counts.
    memory_advice, time_advice : str or None
        Values for ``memory=`` and ``time=``.
    advice : list of str
        Sentences for people.
    """

    task: str
    calls: int
    array_tasks: int
    out_of_memory: int
    out_of_time: int
    memory_asked: str | None
    time_asked: str | None
    memory_of: str
    memory_mb: Spread
    seconds: Spread
    array_task_seconds: Spread
    memory_advice: str | None
    time_advice: str | None
    advice: list[str]


def usage_of(folder: Folder, runs: Path, site: SiteProfile) -> Usage | None:
    """Return what a task's calls used; None if no call was measured.

    Parameters
    ----------
    folder : Folder
        The task's folder, refreshed.
    runs : Path
        Where the run files are.
    site : SiteProfile
        Says which memory the site limits.
    """
    ended = calls_of(folder)
    workers = read_traces(folder, (call.number for call in ended))
    calls = [call for worker in workers for call in worker.calls]
    if not calls:
        return None
    plan = _latest_plan(workers, runs)
    peaks, memory_of = limited_peaks(workers, site)
    spans = sorted(w.ended_at - w.started_at for w in workers if w.job)
    known = {call.key for call in ended}
    lost = [*_recorded_failures(ended), *_noted_failures(workers, runs, known)]
    memory = _MemoryAdvice(
        [peak * _MIB for peak in peaks],
        plan.memory if plan else None,
        sum(kind in _OUT_OF_MEMORY for kind in lost),
    )
    time = _TimeAdvice(spans, plan.time if plan else None, lost.count("TimeLimit"))
    return Usage(
        task=folder.name,
        calls=len(calls),
        array_tasks=len(spans),
        out_of_memory=memory.n_short,
        out_of_time=time.n_short,
        memory_asked=memory.asked,
        time_asked=time.asked,
        memory_of=memory_of,
        memory_mb=spread(peaks),
        seconds=spread(sorted(call.seconds for call in calls)),
        array_task_seconds=spread(spans),
        memory_advice=memory.value,
        time_advice=time.value,
        advice=[text for text in (memory.text, time.text) if text],
    )


def limited_peaks(
    workers: Iterable[WorkerTrace], site: SiteProfile
) -> tuple[list[int], str]:
    """Return the ascending peaks, in MB, of the memory that the site limits.

    Second its name. Where the address space was not measured it is the
    resident memory.
    """
    calls = [call for worker in workers for call in worker.calls]
    if _ADDRESS_SPACE.search(site.memory):
        peaks = sorted(call.address_mb for call in calls if call.address_mb)
        if peaks:
            return peaks, "address space"
    return sorted(c.resident_mb for c in calls if c.resident_mb), "resident"


def spread(ascending: Sequence[float]) -> Spread:
    """Return the spread of numbers in ascending order."""
    if not ascending:
        return Spread(None, None, None)
    quantiles = (round(quantile(ascending, share), 6) for share in (0.5, 0.95, 1.0))
    return Spread(*quantiles)


def quantile(ascending: Sequence[float], share: float) -> float:
    """Return the smallest number that is no less than this share of all."""
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]


class _Advice(ABC):
    """What to ask for of one resource.

    Parameters
    ----------
    used : sequence of float
        What was used, ascending.
    asked : str or None
        What was asked for, as Grid Engine writes it.
    n_short : int
        Calls that failed for want of it.
    """

    name = ""
    of = ""

    def __init__(self, used: Sequence[float], asked: str | None, n_short: int) -> None:
        self.asked = asked
        self.n_short = n_short
        self.value: str | None = None
        self.text = ""
        if len(used) < MIN_CALLS:
            need = f"{self.name}: advice needs {MIN_CALLS} measured {self.of}"
            self.text = f"{need}, there are {len(used)}"
            return
        enough = self.rounded(quantile(used, SHARE))
        limit = self.parsed(asked) if asked else math.inf
        if n_short and asked:
            enough = self.rounded(2 * limit)
        self.value = self.written(enough)
        if n_short and asked:
            self.text = (
                f"{n_short:,} calls failed for want of {self.name} at {asked}: try "
                f'{self.name}="{self.value}", or escalate={{"{self.name}": 2}} to '
                "ask for more where it is needed"
            )
        else:
            self._compare(used, enough, limit)

    def _compare(self, used: Sequence[float], enough: float, limit: float) -> None:
        """Put into words what would have been enough."""
        n_enough = bisect_right(used, enough)
        share = f"{math.floor(100 * n_enough / len(used))} % of {len(used):,}"
        if n_enough == len(used):
            share = f"all {len(used):,}"
        if self.asked and enough > CLOSE * limit:
            self.value = self.asked
            self.text = (
                f"{self.name}={self.asked} suits: 99 % of {len(used):,} {self.of} "
                f"used up to {self.for_people(quantile(used, SHARE))}"
            )
            return
        self.text = (
            f'{self.name}="{self.value}" would have been enough for {share} {self.of} '
            f"(largest {self.for_people(used[-1])}); {self.asked or 'nothing'} asked"
        )

    @abstractmethod
    def rounded(self, value: float) -> float:
        """Return the next larger value that people would choose."""

    @abstractmethod
    def parsed(self, text: str) -> float:
        """Return what an asked value means."""

    @abstractmethod
    def written(self, value: float) -> str:
        """Return a value as it is asked for."""

    @abstractmethod
    def for_people(self, value: float) -> str:
        """Return a value as it is read."""


class _MemoryAdvice(_Advice):
    """Of memory, in bytes."""

    name = "memory"
    of = "calls"

    def rounded(self, value: float) -> float:
        step = next(step for below, step in _MEMORY_STEPS if value < below)
        return math.ceil(value / step) * step

    def parsed(self, text: str) -> float:
        from gridtask.units import parse_memory

        return parse_memory(text)

    def written(self, value: float) -> str:
        return format_memory(int(value))

    def for_people(self, value: float) -> str:
        return format_size(value)


class _TimeAdvice(_Advice):
    """Of the time of array tasks, in seconds."""

    name = "time"
    of = "array tasks"

    def rounded(self, value: float) -> float:
        minutes = (value + START_SECONDS) / 60
        for step in _MINUTE_STEPS:
            if minutes <= step:
                return step * 60
        return math.ceil(minutes / 1440) * 86_400

    def parsed(self, text: str) -> float:
        from gridtask.units import parse_time

        return parse_time(text)

    def written(self, value: float) -> str:
        return format_time(value)

    def for_people(self, value: float) -> str:
        return format_time(value)


def _latest_plan(workers: Iterable[WorkerTrace], runs: Path) -> RunPlan | None:
    """Return the plan of the run that started last and has a run file."""
    latest = reversed([worker.run for worker in workers if worker.run])
    for run_id in dict.fromkeys(latest):
        with suppress(OSError, GridTaskError):
            return open_claim(runs, run_id).plan
    return None


def _recorded_failures(ended: Iterable[Call]) -> list[str]:
    """Return the kinds of failure of calls without a result."""
    kinds = []
    for call in ended:
        if not call.failed:
            continue
        with suppress(OSError, ValueError):
            about = call.folder.file(call.number).glance(call.entry)
            kinds.append(str(about.get("error")).partition(":")[0])
    return kinds


def _noted_failures(
    workers: Iterable[WorkerTrace], runs: Path, known: Collection[str]
) -> list[str]:
    """Return the kinds of failure of calls of which only their runs know.

    Parameters
    ----------
    known : collection of str
        Keys of the calls that have records.
    """
    noted: dict[str, str] = {}
    for run_id in {worker.run for worker in workers if worker.run}:
        with suppress(OSError, ValueError):
            summary = json.loads(fs.read_file(runs / f"{run_id}.done"))
            noted |= summary.get("failed", {})
    return [kind for key, kind in noted.items() if key not in known]
