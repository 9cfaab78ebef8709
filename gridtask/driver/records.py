"""What the store holds of a run's calls: results, failures, logs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from gridtask.claims.runfile import RunPlan
from gridtask.errors import GridTaskError, ResultUnreadable
from gridtask.store.segment import Kind
from gridtask.store.store import Folder, LoadError
from gridtask.worker import logs

N_MEASURED = 1000
"""So many of the latest results tell how long a call takes."""


class Records:
    """The records of a run's calls, named by the index of their key in the plan.

    Parameters
    ----------
    run_ids : collection of str
        Ids of the runs that hold or have held the calls; may grow.
    run_of : callable
        Returns the id of the run that holds a call now, or in which it failed.
    """

    def __init__(
        self,
        folder: Folder,
        plan: RunPlan,
        run_ids: Collection[str],
        run_of: Callable[[int], str | None],
    ) -> None:
        self._folder = folder
        self._plan = plan
        self._run_ids = run_ids
        self._run_of = run_of
        self._left_out: set[int] = set()
        self._n_changes = -1

    def refresh(self) -> bool:
        """List the folder; tell whether there may be something new.

        Others may have looked into the same folder since, and have seen it first.
        """
        self._folder.refresh()
        before, self._n_changes = self._n_changes, self._folder.n_changes
        return self._n_changes != before

    def find(
        self, indices: Collection[int], kind: Kind = Kind.OK
    ) -> list[tuple[int, int]]:
        """Return each call that has a record, and the record's number.

        Failures of earlier attempts, and those that other runs met before this
        one began, are left out.
        """
        if kind is Kind.ERR and not self._folder.numbers(kind):
            return []
        keys = list(map(self._plan.keys.__getitem__, indices))
        pairs = zip(indices, self._folder.find(keys, kind=kind), strict=True)
        found = [(index, number) for index, number in pairs if number >= 0]
        if kind is Kind.ERR:
            found = [pair for pair in found if self._counts(*pair)]
        return found

    def leave_out(self, indices: Collection[int]) -> None:
        """Forget the failures of calls that are tried again."""
        self._left_out.update(number for _, number in self.find(indices, Kind.ERR))

    def meta(self, number: int) -> dict[str, Any]:
        """Return what a record says for people; nothing if it is damaged."""
        try:
            return self._folder.meta(number)
        except (GridTaskError, OSError):
            return {}

    def failure(self, number: int) -> dict[str, Any] | LoadError:
        """Return the exception that a worker recorded, as plain data."""
        (record,) = self._folder.load([number])
        if isinstance(record, dict | LoadError):
            return record
        return LoadError(ResultUnreadable(f"it holds {record!r:.80}"))

    def values(self, indices: Iterable[int]) -> list[object]:
        """Return results in order, `LoadError` where one cannot be read."""
        keys = [self._plan.keys[i] for i in indices]
        numbers = self._folder.find(keys)
        if -1 in numbers and self._folder.refresh():  # not looked into for a while
            numbers = self._folder.find(keys)
        loaded = iter(self._folder.load([n for n in numbers if n >= 0]))
        gone = ResultUnreadable("it was removed meanwhile")
        return [
            next(loaded) if n >= 0 else LoadError(gone, is_lost=True) for n in numbers
        ]

    def about(self, index: int) -> dict[str, Any]:
        """Return where a call that has ended ran and what it used, else nothing."""
        for kind in (Kind.OK, Kind.ERR):
            for _, number in self.find([index], kind):
                entry = self._folder.entry(number)
                used = {"seconds": entry.seconds, "peak_mb": entry.peak_mb}
                return {**self.meta(number), **used}
        return {}

    def seconds(self, number: int) -> float:
        """Return how long the call of a record has run."""
        return self._folder.entry(number).seconds

    def printed(self, index: int, kind: Kind) -> bytes | None:
        """Return what a call printed that has a record; None if that is not known."""
        (number,) = self._folder.find([self._plan.keys[index]], kind=kind)
        return logs.of_record(self._folder, number) if number >= 0 else None

    def end_of_calls(self, run_id: str, keys: Collection[bytes]) -> int:
        """Return where in the array task's log its calls that have ended stop."""
        return logs.end_of_calls(self._folder, run_id, keys)

    def _counts(self, index: int, number: int) -> bool:
        """Tell whether a failure is that of a call's latest attempt."""
        if number in self._left_out:
            return False
        run_id = self.meta(number).get("run")
        if run_id == self._run_of(index):
            return True
        if run_id in self._run_ids:
            return False  # an earlier attempt's
        if self._folder.entry(number).t_end_ns > self._plan.created_at * 1e9:
            return True  # another run has tried the same call meanwhile
        self._left_out.add(number)
        return False


def mean_seconds(folder: Folder) -> float | None:
    """Return the mean duration of a task's latest calls in seconds."""
    numbers = folder.numbers(Kind.OK)[-N_MEASURED:]
    if not numbers:
        return None
    return sum(folder.entry(n).seconds for n in numbers) / len(numbers)
