"""Which calls of a run are final, and in which array task the others are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gridtask.backends.base import Accounting, TaskState
from gridtask.claims.runfile import RunPlan
from gridtask.driver.counts import Counts
from gridtask.plan import Place


@dataclass
class OpenTask:
    """An array task with calls that are not final, in the order it runs them."""

    place: Place
    indices: dict[int, None]
    state: TaskState | None = TaskState.QUEUED
    running_since: float = 0.0
    was_running: bool = False
    was_deleting: bool = False
    gone_at: float | None = None
    n_gone: int = 0
    ended: Accounting | None = None
    ended_at: float = 0.0

    @property
    def first(self) -> int:
        """The call that runs if the array task runs: its first open one."""
        return next(iter(self.indices))


class Ledger:
    """The states of a run's calls, named by the index of their key in the plan.

    Attributes
    ----------
    tasks : dict of Place to OpenTask
        The array tasks that have open calls.
    failures : dict of int to BaseException
        The errors of the calls that have failed.
    """

    def __init__(self, plan: RunPlan) -> None:
        self.tasks: dict[Place, OpenTask] = {}
        self.failures: dict[int, BaseException] = {}
        self._place_of: dict[int, Place] = {}
        self._failed_in: dict[int, str] = {}
        self._cached = frozenset(plan.done)
        self._weights = [0] * len(plan.keys)
        for position in plan.positions:
            self._weights[position] += 1
        places: dict[Place, list[int]] = {}
        start = 0
        for task, size in enumerate(plan.chunks, start=1):
            places[Place(plan.run_id, task)] = plan.missing[start : start + size]
            start += size
        for index, place in plan.flying.items():
            places.setdefault(place, []).append(index)
        for place, indices in places.items():
            self.open(place, indices)

    @property
    def open_calls(self) -> list[int]:
        """The calls that are not final."""
        return list(self._place_of)

    @property
    def is_final(self) -> bool:
        """True when no call is open."""
        return not self._place_of

    def place_of(self, index: int) -> Place | None:
        """Return the array task of an open call, None if it is final."""
        return self._place_of.get(index)

    def run_of(self, index: int) -> str | None:
        """Return the run that holds a call, or in which it failed."""
        place = self._place_of.get(index)
        return place.run_id if place else self._failed_in.get(index)

    def calls_of(self, run_id: str) -> list[int]:
        """Return the calls that are in flight in a run."""
        tasks = self.tasks.items()
        return [i for place, t in tasks if place.run_id == run_id for i in t.indices]

    def open(self, place: Place, indices: Iterable[int]) -> None:
        """Note that calls are in flight in an array task, wherever they were.

        Parameters
        ----------
        indices : iterable of int
            All that are open of it, in the order it runs them.
        """
        chosen = dict.fromkeys(indices)
        for index in chosen:
            self.failures.pop(index, None)
            if self._place_of.get(index, place) != place:
                self.close(index)
        if chosen:
            self.tasks.setdefault(place, OpenTask(place, {})).indices = chosen
            self._place_of.update(dict.fromkeys(chosen, place))

    def close(self, index: int) -> None:
        """Note that a call is final."""
        place = self._place_of.pop(index)
        task = self.tasks[place]
        del task.indices[index]
        if not task.indices:
            del self.tasks[place]

    def fail(self, index: int, error: BaseException) -> None:
        """Note that a call has ended without a result."""
        self.failures[index] = error
        self._failed_in[index] = self._place_of[index].run_id
        self.close(index)

    def state_of(self, index: int) -> str:
        """Return ``cached finished failed running`` or ``queued``."""
        if index in self.failures:
            return "failed"
        place = self._place_of.get(index)
        if place is None:
            return "cached" if index in self._cached else "finished"
        task = self.tasks[place]
        is_running = task.state is TaskState.RUNNING and task.first == index
        return "running" if is_running else "queued"

    def counts(self) -> Counts:
        """Return how many calls are in which state; equal ones count each time."""
        weights = self._weights
        tasks = self.tasks.values()
        at_work = [task.first for task in tasks if task.state is TaskState.RUNNING]
        running = sum(weights[i] for i in at_work)
        n_open = sum(weights[i] for i in self._place_of)
        failed = sum(weights[i] for i in self.failures)
        cached = sum(weights[i] for i in self._cached)
        total = sum(weights)
        return Counts(
            total=total,
            cached=cached,
            finished=total - cached - failed - n_open,
            running=running,
            failed=failed,
            queued=n_open - running,
        )
