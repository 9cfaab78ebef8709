"""Which calls are missing, and in which jobs they go: pure decisions.

No clock, no file and no process is touched here: everything that a decision
depends on is an argument, so that each rule can be tested with plain values.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

TARGET_SECONDS = 60.0
"""What one array task should work for, so that its start does not matter."""

LEAST_SECONDS = 1.0
"""An array task is not made for less work, however many slots there are."""

FIRST_TASKS = 32
"""Array tasks of a first run where neither durations nor slots are known."""

TASKS_PER_SLOT = 4
"""Array tasks per slot of a first run: uneven calls still fill all slots."""

LONG_SECONDS = 600.0
"""A waiting array task that would work for longer is cut anew."""

ChunkSize = int | Literal["auto"]


class Place(NamedTuple):
    """Where a call is in flight: a run, and the number of its array task."""

    run_id: str
    task: int


class JobRange(NamedTuple):
    """The array tasks of one job: ``first_task .. first_task + n_tasks - 1``."""

    first_task: int
    n_tasks: int

    def __contains__(self, task: object) -> bool:
        return task in range(self.first_task, self.first_task + self.n_tasks)


class Plan(NamedTuple):
    """What a map would do; the answer of ``task.plan(...)``.

    Attributes
    ----------
    keys : list of bytes
        The distinct calls' keys in order of first appearance.
    positions : sequence of int
        For each call, the index of its key in `keys`.
    done, missing : list of int
        Indices in `keys` of the calls that have a result, and of those that
        must be submitted.
    flying : dict of int to Place
        Indices of the calls that an earlier run has queued or running.
    cached, in_flight, to_submit, repeated : int
        How many calls have a result, are in flight, must be submitted, and
        are equal to an earlier call of the same map.
    chunks : list of int
        Sizes of the chunks into which `missing` is cut, one an array task.
    jobs : list of JobRange
        The array jobs that hold these array tasks.
    reasons : dict of str to int
        Why calls must run, and how many for each reason.
    script : str
        The command that would submit them, as text.
    """

    keys: list[bytes]
    positions: Sequence[int]
    done: list[int]
    flying: dict[int, Place]
    missing: list[int]
    chunks: list[int]
    jobs: list[JobRange]
    reasons: dict[str, int]
    script: str = ""

    @property
    def n_calls(self) -> int:
        """Calls asked for, repeated ones included."""
        return len(self.positions)

    @property
    def cached(self) -> int:
        """Distinct calls that have a result."""
        return len(self.done)

    @property
    def in_flight(self) -> int:
        """Distinct calls that an earlier run has queued or running."""
        return len(self.flying)

    @property
    def to_submit(self) -> int:
        """Distinct calls that must be submitted."""
        return len(self.missing)

    @property
    def repeated(self) -> int:
        """Calls that are equal to an earlier one of the same map."""
        return len(self.positions) - len(self.keys)

    def __str__(self) -> str:
        counts = (
            f"{self.n_calls} calls: {self.cached} cached / "
            f"{self.in_flight} in flight / {self.to_submit} to submit"
        )
        lines = [counts + (f" / {self.repeated} repeated" if self.repeated else "")]
        if self.chunks:
            lines.append(
                f"{len(self.chunks)} array tasks of {min(self.chunks)} to "
                f"{max(self.chunks)} calls in {len(self.jobs)} job(s)"
            )
        lines += [f"  {number} x {reason}" for reason, number in self.reasons.items()]
        if self.script:
            lines.append(self.script)
        return "\n".join(lines)


def distinct(call_keys: Sequence[bytes]) -> tuple[list[bytes], Sequence[int]]:
    """Return the distinct keys in order, and each call's index among them."""
    keys = list(dict.fromkeys(call_keys))
    if len(keys) == len(call_keys):
        return keys, range(len(keys))
    index_of = {key: index for index, key in enumerate(keys)}
    return keys, [index_of[key] for key in call_keys]


def make_plan(
    keys: list[bytes],
    positions: Sequence[int],
    *,
    cached: Collection[int],
    in_flight: Mapping[int, Place],
    chunk: ChunkSize = "auto",
    seconds_per_call: float | None = None,
    slots: int | None = None,
    seconds_limit: float | None = None,
    max_array_tasks: int = 75_000,
) -> Plan:
    """Decide what each distinct call needs and how the missing ones are cut.

    Parameters
    ----------
    keys, positions
        As `distinct` returns them.
    cached : collection of int
        Indices of `keys` that have a result.
    in_flight : mapping of int to Place
        Indices that another run computes; one that is also cached is cached.
    chunk : int or "auto"
        Calls per array task.
    seconds_per_call : float or None
        Measured duration of this task's earlier calls.
    slots : int or None
        Slots that the scheduler offers, None if unknown.
    seconds_limit : float or None
        The time limit of an array task.
    max_array_tasks : int
        The site's limit for one job.
    """
    done = cached if isinstance(cached, set | frozenset) else set(cached)
    flying = {i: place for i, place in in_flight.items() if i not in done}
    missing = [i for i in range(len(keys)) if i not in done and i not in flying]
    chunks = cut(len(missing), chunk, seconds_per_call, slots, seconds_limit)
    return Plan(
        keys=keys,
        positions=positions,
        done=sorted(done),
        flying=flying,
        missing=missing,
        chunks=chunks,
        jobs=split_jobs(len(chunks), max_array_tasks),
        reasons={},
    )


def cut(
    n_calls: int,
    chunk: ChunkSize = "auto",
    seconds_per_call: float | None = None,
    slots: int | None = None,
    seconds_limit: float | None = None,
) -> list[int]:
    """Return the sizes of the chunks, which differ by one at most if "auto".

    Examples
    --------
    >>> cut(10, chunk=4)
    [4, 4, 2]
    >>> cut(10, seconds_per_call=30.0, slots=2)
    [2, 2, 2, 2, 2]
    """
    if n_calls == 0:
        return []
    if chunk != "auto":
        whole, rest = divmod(n_calls, chunk)
        return [chunk] * whole + ([rest] if rest else [])
    n_tasks = _n_tasks(n_calls, seconds_per_call, slots, seconds_limit)
    n_tasks = min(n_calls, n_tasks)
    size, larger = divmod(n_calls, n_tasks)
    return [size + 1] * larger + [size] * (n_tasks - larger)


def usable_slots(slots: int | None, max_running: int | None) -> int | None:
    """Return how many array tasks may run at a time, None if nothing is known."""
    return min((n for n in (slots, max_running) if n is not None), default=None)


def is_better_recut(
    waiting: Sequence[int],
    seconds_per_call: float,
    slots: int,
    seconds_limit: float | None = None,
) -> bool:
    """Tell whether chunks that still wait are better cut anew.

    Each array task costs a cycle of the scheduler, so short ones are merged if
    that saves half of them and a whole round of the slots; and an array task
    that would work for very long, or into its time limit, is split.

    Parameters
    ----------
    waiting : sequence of int
        Sizes of the chunks whose array tasks wait.
    slots : int
        So many of them run at a time.

    Examples
    --------
    >>> is_better_recut([25] * 12, seconds_per_call=0.01, slots=4)
    True
    >>> is_better_recut([25] * 12, seconds_per_call=2.0, slots=4)
    False
    """
    if not waiting:
        return False
    better = len(cut(sum(waiting), "auto", seconds_per_call, slots, seconds_limit))
    saved = len(waiting) - better
    if saved >= max(slots, len(waiting) / 2):
        return True
    longest = min(LONG_SECONDS, seconds_limit or LONG_SECONDS)
    return saved < 0 and max(waiting) * seconds_per_call > longest


def _n_tasks(
    n_calls: int,
    seconds_per_call: float | None,
    slots: int | None,
    seconds_limit: float | None,
) -> int:
    """Return how many array tasks suit `n_calls`."""
    if seconds_per_call is None:
        return TASKS_PER_SLOT * slots if slots else FIRST_TASKS
    seconds = n_calls * seconds_per_call
    to_fill_slots = min(slots or FIRST_TASKS, math.ceil(seconds / LEAST_SECONDS))
    target = min(TARGET_SECONDS, (seconds_limit or math.inf) / 2)
    return max(1, to_fill_slots, math.ceil(seconds / target))


def split_jobs(n_tasks: int, max_array_tasks: int) -> list[JobRange]:
    """Return the jobs that hold `n_tasks` array tasks, numbered through from 1.

    Examples
    --------
    >>> split_jobs(5, 2)
    [JobRange(first_task=1, n_tasks=2), JobRange(first_task=3, n_tasks=2), \
JobRange(first_task=5, n_tasks=1)]
    """
    return [
        JobRange(first, min(max_array_tasks, n_tasks - first + 1))
        for first in range(1, n_tasks + 1, max_array_tasks)
    ]
