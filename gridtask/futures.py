"""Futures: single calls of a run, completed by one thread in the background."""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from gridtask.claims import upstream

if TYPE_CHECKING:
    from gridtask.claims.claim import Claim
    from gridtask.driver.execution import Execution

R = TypeVar("R")


class GridFuture(concurrent.futures.Future[R]):
    """One call of a run; everything that takes a `Future` takes it.

    Attributes
    ----------
    key : str
        The call's key, 32 hexadecimal digits.
    """

    def __init__(self, execution: Execution, index: int) -> None:
        super().__init__()
        self.key = execution.plan.keys[index].hex()
        self._execution = execution
        self._index = index

    def __repr__(self) -> str:
        return f"<gridtask.GridFuture {self.text} [{self.key[:8]}]>"

    def __gridtask_hash__(self) -> str:
        return self.key

    def __reduce__(self) -> tuple[Any, ...]:
        upstream.note([self])
        return upstream.fetch_one, (self._execution.plan.task, self.key, self.text)

    @property
    def text(self) -> str:
        """The call as text, ``"simulate(seed=3)"``."""
        return self._execution.texts(self._index)

    @property
    def state(self) -> str:
        """``cached queued running failed`` or ``finished``."""
        return self._execution.state_of(self._index)

    @property
    def job_id(self) -> str | None:
        """The array task that computes or computed the call, ``"118.7"``."""
        return self._execution.about(self._index).get("job")

    @property
    def host(self) -> str | None:
        """The host that computed the call, None while it has not ended."""
        return self._execution.about(self._index).get("host")

    @property
    def place(self) -> tuple[Claim, int] | None:
        """The claim and the array task that compute the call; None if it is final."""
        return self._execution.claim_of(self._index)

    @property
    def usage(self) -> dict[str, float]:
        """What the call used: ``seconds`` of wall time and ``peak_mb`` of memory."""
        about = self._execution.about(self._index)
        return {n: about[n] for n in ("seconds", "peak_mb") if n in about}

    @property
    def attempts(self) -> int:
        """How often the call was tried so far."""
        return self._execution.attempts(self._index)

    def log(self) -> str:
        """Return what the call has printed so far, to stdout and to stderr.

        Empty on the serial backend, where calls print to the terminal.
        """
        return self._execution.log_text(self._index)

    def cancel(self) -> bool:
        """Cancel the call if that stops no other one; see `Future.cancel`."""
        if self.done():
            return self.cancelled()
        if not self._execution.cancel_call(self._index):
            return False
        return super().cancel() and self.set_running_or_notify_cancel() is False


class _Resolver:
    """The one background thread of a process that completes futures."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Execution, list[GridFuture[Any]]] = {}
        self._thread: threading.Thread | None = None

    def add(self, future: GridFuture[Any]) -> None:
        """Complete a future when its call is final."""
        with self._lock:
            self._open.setdefault(future._execution, []).append(future)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._loop, name="gridtask-futures", daemon=True
                )
                self._thread.start()

    def _loop(self) -> None:
        while True:
            with self._lock:
                executions = list(self._open)
                if not executions:
                    self._thread = None
                    return
            time.sleep(min(self._serve(execution) for execution in executions))

    def _serve(self, execution: Execution) -> float:
        """Complete what is final of one run; return when to look again."""
        from gridtask.store.store import LoadError

        try:
            delay = execution.step()
            with self._lock:
                futures = self._open[execution]
                waiting = set(execution.open_calls)
                final = [f for f in futures if f._index not in waiting]
            outcomes = _outcomes(execution, final)
        except Exception as error:  # nobody else would ever see it
            delay = 0.0
            with self._lock:
                final = self._open[execution]
            outcomes = [LoadError(error)] * len(final)
        for future, outcome in zip(final, outcomes, strict=True):
            _complete(future, outcome)
        with self._lock:
            rest = [f for f in self._open[execution] if not f.done()]
            if rest:
                self._open[execution] = rest
            else:
                del self._open[execution]
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
    elif future._index in future._execution.failures:
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


RESOLVER = _Resolver()
"""Completes every future of this process."""


def as_completed(
    futures: Sequence[GridFuture[R]], timeout: float | None = None
) -> Iterator[GridFuture[R]]:
    """Yield the futures of a run, or of a list, as they complete.

    Parameters
    ----------
    futures : Run or sequence of GridFuture
        Also of several runs, and of several tasks.
    timeout : float or None
        Seconds after which `TimeoutError` is raised.
    """
    done = concurrent.futures.as_completed(futures, timeout)
    return cast("Iterator[GridFuture[R]]", done)
