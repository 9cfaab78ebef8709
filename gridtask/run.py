"""What users get back: runs, futures and grids of results."""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from gridtask import failures as kinds
from gridtask.calls import Arguments
from gridtask.counts import Counts
from gridtask.errors import MapError
from gridtask.progress import Status, open_status

if TYPE_CHECKING:
    import numpy as np

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


class GridFuture(concurrent.futures.Future[R]):
    """One call of a run; everything that takes a `Future` takes it.

    Attributes
    ----------
    key : str
        The call's key, 32 hexadecimal digits.
    """

    def __init__(self, run: Run[R], index: int, key: str) -> None:
        super().__init__()
        self.key = key
        self._run = run
        self._index = index

    @property
    def state(self) -> str:
        """``cached queued running failed`` or ``finished``."""
        return self._run._execution.state_of(self._index)

    @property
    def job_id(self) -> str | None:
        """The array task that computes or computed the call, ``"118.7"``."""
        return self._run._execution.about(self._index).get("job")

    @property
    def host(self) -> str | None:
        """The host that computed the call, None while it has not ended."""
        return self._run._execution.about(self._index).get("host")

    @property
    def usage(self) -> dict[str, float]:
        """What the call used: ``seconds`` of wall time and ``peak_mb`` of memory."""
        about = self._run._execution.about(self._index)
        return {n: about[n] for n in ("seconds", "peak_mb") if n in about}

    @property
    def attempts(self) -> int:
        """How often the call was tried."""
        return 1

    def log(self) -> str:
        """Return what the call's array task has printed so far."""
        return self._run._execution.log_text(self._index)

    def cancel(self) -> bool:
        """Cancel the call if that stops no other one; see `Future.cancel`."""
        if self.done():
            return self.cancelled()
        if not self._run._execution.cancel_call(self._index):
            return False
        return super().cancel() and self.set_running_or_notify_cancel() is False


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
            distinct = self._positions[position]
            key = self._execution.plan.keys[distinct].hex()
            self._futures[position] = GridFuture(self, distinct, key)
            _RESOLVER.add(self, self._futures[position])
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
        if not wait:
            failed = failed if return_exceptions else {}
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


class Grid(Sequence[R]):
    """Results over all combinations of the axes, the last one fastest.

    Attributes
    ----------
    axes : dict of str to list
        The values of each axis.
    shape : tuple of int
        Their numbers.
    """

    def __init__(self, axes: dict[str, list[Any]], results: list[R]) -> None:
        self.axes = axes
        self.shape = tuple(len(values) for values in axes.values())
        self._results = results

    def __repr__(self) -> str:
        shape = ", ".join(f"{name}: {len(v)}" for name, v in self.axes.items())
        return f"<gridtask.Grid {shape}>"

    def __len__(self) -> int:
        return len(self._results)

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> list[R]: ...
    def __getitem__(self, index: int | slice) -> R | list[R]:
        return self._results[index]

    def array(self) -> np.ndarray[Any, Any]:
        """Return numeric results as one array: grid shape + result shape.

        Raises
        ------
        TypeError
            If a result is not numeric.
        ValueError
            If results differ in shape.
        """
        import numpy as np

        parts = [np.asarray(result) for result in self._results]
        for index, part in enumerate(parts):
            if part.dtype.kind not in "biufc":
                msg = (
                    f"result {index} is of type {type(self._results[index]).__name__}, "
                    "not numeric; take what you need from the results, or records()"
                )
                raise TypeError(msg)
            if part.shape != parts[0].shape:
                msg = (
                    f"result {index} has the shape {part.shape}, result 0 has "
                    f"{parts[0].shape}: array() needs equal shapes"
                )
                raise ValueError(msg)
        if not parts:
            return np.empty(self.shape)
        return np.stack(parts).reshape(self.shape + parts[0].shape)

    def records(self) -> list[dict[str, Any]]:
        """Return a dict of the axes' values and ``result`` for each call.

        ``pandas.DataFrame(grid.records())`` makes a table of it.

        Raises
        ------
        ValueError
            If an axis is named ``result``.
        """
        import itertools

        if "result" in self.axes:
            msg = "an axis is named 'result', which records() needs for the results"
            raise ValueError(msg)
        combinations = itertools.product(*self.axes.values())
        return [
            {**dict(zip(self.axes, values, strict=True)), "result": result}
            for values, result in zip(combinations, self._results, strict=True)
        ]


class _Resolver:
    """The one background thread of a process that completes futures."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Run[Any], list[GridFuture[Any]]] = {}
        self._thread: threading.Thread | None = None

    def add(self, run: Run[Any], future: GridFuture[Any]) -> None:
        """Complete `future` when its call is final."""
        with self._lock:
            self._open.setdefault(run, []).append(future)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._loop, name="gridtask-futures", daemon=True
                )
                self._thread.start()

    def _loop(self) -> None:
        while True:
            with self._lock:
                open_runs = list(self._open)
                if not open_runs:
                    self._thread = None
                    return
            time.sleep(min(self._serve(run) for run in open_runs))

    def _serve(self, run: Run[Any]) -> float:
        """Complete what is final of one run; return when to look again."""
        from gridtask.store.store import LoadError

        execution = run._execution
        try:
            delay = execution.step()
            with self._lock:
                futures = self._open[run]
                waiting = set(execution.open_calls)
                final = [f for f in futures if f._index not in waiting]
            outcomes = _outcomes(execution, final)
        except Exception as error:  # nobody else would ever see it
            delay = 0.0
            with self._lock:
                final = self._open[run]
            outcomes = [LoadError(error)] * len(final)
        for future, outcome in zip(final, outcomes, strict=True):
            _complete(future, outcome)
        with self._lock:
            rest = [f for f in self._open[run] if not f.done()]
            if rest:
                self._open[run] = rest
            else:
                del self._open[run]
        return delay


def _outcomes(execution: Execution, futures: list[GridFuture[Any]]) -> list[Any]:
    """Return the value or the error of each future, in order."""
    done = [f for f in futures if f._index not in execution.failures]
    values = iter(execution.values([f._index for f in done]))
    return [
        execution.failures[f._index] if f._index in execution.failures else next(values)
        for f in futures
    ]


def _complete(future: GridFuture[Any], outcome: Any) -> None:
    """Set a future's result or error, unless it was cancelled."""
    from gridtask.store.store import LoadError

    if future.done() or not future.set_running_or_notify_cancel():
        return
    if isinstance(outcome, LoadError):
        future.set_exception(outcome.exception)
    elif future._index in future._run._execution.failures:
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


_RESOLVER = _Resolver()


def as_completed(
    futures: Sequence[GridFuture[R]], timeout: float | None = None
) -> Iterator[concurrent.futures.Future[R]]:
    """Yield the futures of a run, or of a list, as they complete.

    Parameters
    ----------
    futures : Run or sequence of GridFuture
    timeout : float or None
        Seconds after which `TimeoutError` is raised.
    """
    return concurrent.futures.as_completed(futures, timeout)
