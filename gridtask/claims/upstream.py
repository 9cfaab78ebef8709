"""Results of other calls as arguments: read where they are needed.

A future or a run among the arguments of a task enters the key by its own key.
Packed, it becomes a reference, which the worker replaces by the value from the
cache; the value never passes through the driver, which need not live any more.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gridtask.errors import GridTaskError, UpstreamFailed
from gridtask.store.segment import Kind
from gridtask.store.store import Folder, LoadError, Store

if TYPE_CHECKING:
    from gridtask.futures import GridFuture

LOOK_SECONDS = 0.5
"""Between two listings while an input is not in sight yet."""


class Place(NamedTuple):
    """Where inputs are read from.

    Attributes
    ----------
    root : Path
        The cache folder.
    latency : float
        Seconds within which a record written on another node comes into sight.
    """

    root: Path
    latency: float


_PLACE: ContextVar[Place | None] = ContextVar("where inputs are read", default=None)
_FOUND: ContextVar[list[GridFuture[Any]] | None] = ContextVar(
    "futures met while packing", default=None
)


class Reading:
    """Inside, the inputs of calls that are unpacked are read from `place`."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def __enter__(self) -> None:
        self._token = _PLACE.set(self._place)

    def __exit__(self, *error: object) -> None:
        _PLACE.reset(self._token)


class Collecting:
    """Inside, the futures among the arguments that are packed are collected."""

    def __enter__(self) -> list[GridFuture[Any]]:
        found: list[GridFuture[Any]] = []
        self._token = _FOUND.set(found)
        return found

    def __exit__(self, *error: object) -> None:
        _FOUND.reset(self._token)


def note(futures: Sequence[GridFuture[Any]]) -> None:
    """Tell `Collecting` of futures that are being pickled."""
    found = _FOUND.get()
    if found is not None:
        found.extend(futures)


def resolve(value: Any) -> Any:
    """Return a value with the results of futures and runs in their places.

    Looks into lists, tuples and dicts; what holds no future stays itself.
    """
    futures = sys.modules.get("concurrent.futures")  # or nobody has made one
    if futures is not None and isinstance(value, futures.Future):
        return value.result()
    if hasattr(type(value), "results") and hasattr(type(value), "__gridtask_hash__"):
        return value.results()
    if type(value) is dict:
        parts = {name: resolve(part) for name, part in value.items()}
        is_same = all(parts[name] is part for name, part in value.items())
        return value if is_same else parts
    if type(value) in (list, tuple):
        items = [resolve(item) for item in value]
        is_same = all(new is old for new, old in zip(items, value, strict=True))
        return value if is_same else type(value)(items)
    return value


def fetch(task: str, calls: Sequence[tuple[str, str]]) -> list[Any]:
    """Return the results of other calls; pickles of futures lead here.

    Parameters
    ----------
    task : str
        Name of their task's folder.
    calls : sequence of (str, str)
        Key, 32 hexadecimal digits, and text of each call.

    Raises
    ------
    UpstreamFailed
        If one has failed, or has no result; names the call that failed first.
    """
    place = _PLACE.get()
    if place is None:
        msg = (
            f"a future of {task} cannot be copied or sent to other processes: it is "
            "read as an argument of a task. Elsewhere gridtask.open_run(run.id) has it"
        )
        raise GridTaskError(msg)
    folder = Store.open(place.root, create=False).folder(task)
    keys = [bytes.fromhex(key) for key, _ in calls]
    values = folder.load(_wait_for(folder, keys, calls, place.latency))
    for value, (key, text) in zip(values, calls, strict=True):
        if isinstance(value, LoadError):
            raise _failed(key, text, f"its result cannot be read: {value.exception}")
    return values


def fetch_one(task: str, key: str, text: str) -> Any:
    """Return the result of another call; see `fetch`."""
    (value,) = fetch(task, [(key, text)])
    return value


def _wait_for(
    folder: Folder,
    keys: list[bytes],
    calls: Sequence[tuple[str, str]],
    latency: float,
) -> list[int]:
    """Return the numbers of the inputs' records once all are in sight."""
    deadline = time.monotonic() + latency
    while True:
        folder.refresh()
        numbers = folder.find(keys)
        if min(numbers, default=0) >= 0:
            return numbers
        failures = folder.find(keys, kind=Kind.ERR)
        is_late = time.monotonic() >= deadline
        for number, failure, (key, text) in zip(numbers, failures, calls, strict=True):
            if number < 0 and failure >= 0:
                raise _failed_upstream(folder, failure, key, text)
            if number < 0 and is_late:
                error = _failed(
                    key, text, "it has no result: its job ended without one"
                )
                error.missing = key
                raise error
        time.sleep(LOOK_SECONDS)


def _failed_upstream(
    folder: Folder, number: int, key: str, text: str
) -> UpstreamFailed:
    """Return the error for an input that has failed, naming the root call."""
    meta = folder.meta(number)
    root = str(meta.get("root") or "")
    return _failed(key, text, str(meta.get("error", "it failed")), root)


def _failed(key: str, text: str, why: str, root: str = "") -> UpstreamFailed:
    root = root or f"{text} [{key[:8]}]: {why}"
    error = UpstreamFailed(f"an input is missing, because this call failed: {root}")
    error.root = error.cause = root
    return error
