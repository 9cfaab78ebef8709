"""What users get back of a map: the run, its progress and its results."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from gridtask import failures as kinds
from gridtask import upstream
from gridtask.calls import Arguments
from gridtask.counts import Counts
from gridtask.errors import MapError
from gridtask.futures import RESOLVER, GridFuture
from gridtask.progress import Status, open_status
from gridtask.tidying import tidy

if TYPE_CHECKING:
    from gridtask.driver import Execution

R = TypeVar("R")


class _Missing:
    """Stands where there is no result (yet)."""

    def __repr__(self) -> str:
        return "gridtask.MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING = _Missing()
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
        with open_status(self._label, progress=progress) as status:
            self._wait(status, timeout)

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
        return_exceptions : bool
            Put the errors of failed calls in their places.

        Raises
        ------
        MapError
            If calls have failed; its `results` holds the others.
        TimeoutError
            If `timeout` has passed.
        """
        if wait:
            self.wait(timeout, progress)
        else:
            self._execution.step(now=True)
        values, failed = self._gather()
        if wait:
            tidy(self._execution.folder)
        elif not return_exceptions:
            failed = {}
        return self._deliver(values, failed, return_exceptions)

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
        from gridtask.retry import Resources

        if isinstance(cluster_params, str):
            cluster_params = (cluster_params,)
        more = Resources(tuple(cluster_params), memory, time, slots)
        Settings().with_options(**asdict(more))
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

    def _wait(self, status: Status, timeout: float | None = None) -> None:
        """Step until all is final, showing counts on `status`."""
        execution = self._execution
        end = None if timeout is None else time.monotonic() + timeout
        try:
            while True:
                delay = execution.step()
                while execution.warnings:
                    status.message(execution.warnings.pop(0))
                status.update(execution.counts())
                if execution.is_final:
                    return
                if end is not None and time.monotonic() + delay >= end:
                    time.sleep(max(0.0, end - time.monotonic()))
                    execution.step(now=True)
                    if not execution.is_final:
                        raise TimeoutError(self._still_open(timeout))
                    continue
                time.sleep(delay)
        except KeyboardInterrupt:
            status.message(
                f"stopped waiting; the jobs go on. Run the script again to come back, "
                f"or gridtask.open_run({self.id!r})"
            )
            raise

    def _still_open(self, timeout: float | None) -> str:
        counts = self._execution.counts()
        return (
            f"after {timeout:g} s: {counts}; the jobs go on, "
            f"gridtask.open_run({self.id!r}) or a rerun comes back to them"
        )

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
    ) -> list[R]:
        """Return values, with errors in their places or raised together."""
        if return_exceptions:
            for position, error in failed.items():
                values[position] = error
        elif failed:
            raise self._map_error(failed, values)
        return values

    def _map_error(
        self, failed: Mapping[int, BaseException], values: list[Any]
    ) -> MapError:
        text = kinds.summarise(
            failed, len(self), lambda p: self._execution.texts(self._positions[p])
        )
        return MapError(text, dict(failed), values)
