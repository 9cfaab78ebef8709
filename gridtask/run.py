"""What users get back of a map: the run, its progress and its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from gridtask.calls.binding import Arguments
from gridtask.claims import upstream
from gridtask.driver.counts import Counts
from gridtask.driver.tidying import tidy
from gridtask.errors import MapError
from gridtask.futures import RESOLVER, GridFuture
from gridtask.progress import groups
from gridtask.progress.display import Status, open_status
from gridtask.progress.waiting import wait

if TYPE_CHECKING:
    from gridtask.driver.execution import Execution

R = TypeVar("R")


class _Missing:
    """Stands where there is no result (yet)."""

    def __repr__(self) -> str:
        return "gridtask.MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()  # as `Any`, or `result is MISSING` is an error of types
"""Stands in lists of results where a call has none (yet)."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Which calls of a run are in which state, as lists of indices from 0.

    As text it is the status line.
    """

    all: list[int]
    cached: list[int]
    queued: list[int]
    running: list[int]
    failed: list[int]
    finished: list[int]

    def __str__(self) -> str:
        return str(
            Counts(
                total=len(self.all),
                cached=len(self.cached),
                finished=len(self.finished),
                running=len(self.running),
                failed=len(self.failed),
                queued=len(self.queued),
            )
        )


class Run(Sequence[GridFuture[R]], Generic[R]):
    """The calls of one map or `submit_map`: a sequence of `GridFuture`.

    Attributes
    ----------
    id : str
        Opens the run again, see `open_run`.
    name : str or None
        The name that its user gave it.
    """

    def __init__(
        self,
        execution: Execution,
        load_args: Callable[[], list[Arguments]],
        label: str,
    ) -> None:
        self._execution = execution
        self._load_args = load_args
        self._label = label
        self._positions = execution.plan.positions
        self._futures: dict[int, GridFuture[R]] = {}

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"<gridtask.Run {self.id}{name} of {self._label}, {len(self)} calls>"

    def __gridtask_hash__(self) -> str:
        keys = self._execution.plan.keys
        return " ".join(keys[index].hex() for index in self._positions)

    def __reduce__(self) -> tuple[Any, ...]:
        upstream.note(list(self))
        texts = self._execution.texts
        calls = [(f.key, texts(i)) for f, i in zip(self, self._positions, strict=True)]
        return upstream.fetch, (self.task, calls)

    @property
    def id(self) -> str:
        """The run's id; empty if nothing had to be published."""
        return self._execution.plan.run_id

    @property
    def name(self) -> str | None:
        """The name that its user gave it."""
        return self._execution.plan.name

    @property
    def task(self) -> str:
        """The name of the task whose calls these are."""
        return self._execution.plan.task

    @property
    def created_at(self) -> float:
        """When the run was started: POSIX time stamp in seconds."""
        return self._execution.plan.created_at

    @property
    def args(self) -> list[Arguments]:
        """The arguments of all calls, with defaults applied."""
        return self._load_args()

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, index: int) -> GridFuture[R]: ...
    @overload
    def __getitem__(self, index: slice) -> list[GridFuture[R]]: ...
    def __getitem__(self, index: int | slice) -> GridFuture[R] | list[GridFuture[R]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        if position not in self._futures:
            index = self._positions[position]
            self._futures[position] = GridFuture(self._execution, index)
            RESOLVER.add(self._futures[position])
        return self._futures[position]

    def progress(self) -> Progress:
        """Look once, and return which calls are in which state."""
        self._execution.step(now=True)
        lists: dict[str, list[int]] = {
            name: [] for name in ("cached", "queued", "running", "failed", "finished")
        }
        for position, index in enumerate(self._positions):
            lists[self._execution.state_of(index)].append(position)
        return Progress(all=list(range(len(self))), **lists)

    def failures(self) -> dict[int, BaseException]:
        """Return the errors of the calls that have failed so far, by index."""
        failed = self._execution.failures
        return {
            position: failed[index]
            for position, index in enumerate(self._positions)
            if index in failed
        }

    def wait(self, timeout: float | None = None, progress: bool | None = None) -> None:
        """Wait until every call has ended, with a status line.

        Parameters
        ----------
        timeout : float or None
            Seconds after which `TimeoutError` is raised; the jobs go on.
        progress : bool or None
            Whether to show the status; None shows it.

        Raises
        ------
        TimeoutError
            If `timeout` has passed.
        """
        self._watch(timeout, progress)

    def results(
        self,
        wait: bool = True,
        timeout: float | None = None,
        return_exceptions: bool = False,
        progress: bool | None = None,
    ) -> list[R]:
        """Return the results in the order of the calls.

        Parameters
        ----------
        wait : bool
            False returns at once, with `MISSING` for calls that have no result.
        timeout : float or None
            Seconds to wait at most; the jobs go on.
        return_exceptions : bool
            Put the errors of failed calls in their places.
        progress : bool or None
            False shows no status.

        Raises
        ------
        MapError
            If calls have failed; its `results` holds the others.
        TimeoutError
            If `timeout` has passed.
        """
        is_complete = False
        if wait:
            is_complete = self._watch(timeout, progress, asks=not return_exceptions)
        else:
            self._execution.step(now=True)
        values, failed = self._gather()
        if wait:
            tidy(self._execution.folder)
        return self._deliver(values, failed, return_exceptions, is_complete)

    def retry(
        self,
        *,
        memory: str | None = None,
        time: str | None = None,
        slots: int | None = None,
        cluster_params: str | Sequence[str] = (),
    ) -> None:
        """Submit the calls that have failed again, and return at once.

        Parameters
        ----------
        memory, time, slots, cluster_params
            What differs from the first attempt; see `gridtask.grid_task`.

        Raises
        ------
        ConfigError
            If a resource cannot be used.
        SubmitError
            If the scheduler refused the job; the calls stay failed.
        """
        from gridtask.config import Settings
        from gridtask.driver.retry import Resources

        if isinstance(cluster_params, str):
            cluster_params = (cluster_params,)
        more = Resources(tuple(cluster_params), memory, time, slots)
        Settings().with_options(
            cluster_params=more.cluster_params, memory=memory, time=time, slots=slots
        )
        failed = set(self.failures())
        self._execution.retry(more)
        for position in failed:  # a future keeps its error: these get new ones
            self._futures.pop(position, None)

    def delete(self) -> None:
        """Drop the run and its results; its jobs are deleted."""
        self._execution.delete()

    def cancel(self) -> None:
        """Delete the jobs of this run; results that are there stay."""
        self._execution.cancel()

    # ---------------------------------------------------- for the rest of gridtask

    def failure_text(self, *, short: bool = False) -> str:
        """Return the failures so far, grouped by cause; empty if there are none.

        Parameters
        ----------
        short : bool
            One line.
        """
        failed = self.failures()
        if not failed:
            return ""
        make = groups.in_short if short else groups.summarise
        texts = self._execution.texts
        return make(failed, len(self), lambda p: texts(self._positions[p]))

    def take_warnings(self) -> list[str]:
        """Return what is to be told to the user, once."""
        warnings = self._execution.warnings
        taken = warnings[:]
        del warnings[: len(taken)]
        return taken

    def renew_futures(self) -> None:
        """Make new futures of calls that run again: a future keeps its outcome."""
        self._futures.clear()

    def _watch(
        self, timeout: float | None, progress: bool | None, *, asks: bool = True
    ) -> bool:
        """Wait with a status; return as `_wait` does."""
        with open_status(self._label, progress=progress) as status:
            return self._wait(status, timeout, asks=asks)

    def _wait(
        self, status: Status, timeout: float | None = None, *, asks: bool = True
    ) -> bool:
        """Wait for all calls, see `gridtask.progress.waiting.wait`."""
        return wait(self, status, timeout, asks=asks)

    def _gather(self) -> tuple[list[Any], dict[int, BaseException]]:
        """Return all values, `MISSING` where there is none, and the errors."""
        from gridtask.store.store import LoadError

        execution = self._execution
        open_calls = set(execution.open_calls)
        values: list[Any] = [MISSING] * len(self)
        failed = self.failures()
        wanted = [
            p
            for p, index in enumerate(self._positions)
            if index not in open_calls and p not in failed
        ]
        loaded = execution.values([self._positions[p] for p in wanted])
        for position, value in zip(wanted, loaded, strict=True):
            if isinstance(value, LoadError):
                failed[position] = value.exception
            else:
                values[position] = value
        return values, failed

    def _deliver(
        self,
        values: list[Any],
        failed: Mapping[int, BaseException],
        return_exceptions: bool,
        is_complete: bool,
    ) -> list[R]:
        """Return values, with errors in their places or raised together.

        Where the user did not wait for all, what is missing is no error.
        """
        if return_exceptions:
            for position, error in failed.items():
                values[position] = error
        elif failed and is_complete:
            text = groups.summarise(
                failed, len(self), lambda p: self._execution.texts(self._positions[p])
            )
            raise MapError(text, dict(failed), values)
        return values
