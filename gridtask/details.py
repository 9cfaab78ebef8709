"""All that is known of one call: its result, its code, where it ran, its log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridtask import fs
from gridtask.errors import CorruptRecordError, StoreError
from gridtask.filters import Call, calls_of, current_codes
from gridtask.flights import Flight, Flights, find_flights
from gridtask.printable import printable, short_repr
from gridtask.store.record import Kind
from gridtask.store.store import Folder, LoadError, Store

MAX_ITEMS = 10
"""Items of a list or dict that are shown."""

LOG_LINES = 10
"""Last lines of a log that are shown beside other things."""

FOLLOW_SECONDS = 0.25
"""How often a growing log is looked at."""

ASK_SECONDS = 2.0
"""How often is asked whether the call has ended."""

LAST_BYTES = 4096
"""So much of what was read tells where a log goes on."""


@dataclass(frozen=True, slots=True)
class CallDetails:
    """All that is known of one call.

    Attributes
    ----------
    task, key : str
        The task's name; the key, 32 hexadecimal digits.
    args : str or None
        Its arguments as text, if they were kept.
    state : str
        ``done failed damaged``, or that of a call in flight: ``queued held
        running error unknown``.
    error : str or None
        Type and message of what the task raised.
    traceback : str or None
        Where it was raised.
    seconds, peak_mb : float, int or None
        Wall time, and peak memory of the worker so far, in MB (2**20 bytes).
    ended_at : float or None
        POSIX time stamp in seconds.
    bytes : int
        What it takes in the store.
    code : str or None
        Version of the code, 16 hexadecimal digits.
    is_stale : bool
        Whether later calls of the task had another version.
    host, job, run : str or None
        Where it ran: ``"118.7"`` is array task 7 of job 118.
    type : str or None
        Type of the result.
    value : list of str
        The result as text, its first items only; why it cannot be shown, if
        `type` is None.
    log : list of str
        Last lines of what its array task has printed.
    file : str or None
        The file that holds the result.
    """

    task: str
    key: str
    state: str
    args: str | None = None
    error: str | None = None
    traceback: str | None = None
    seconds: float | None = None
    peak_mb: int | None = None
    ended_at: float | None = None
    bytes: int = 0
    code: str | None = None
    is_stale: bool = False
    host: str | None = None
    job: str | None = None
    run: str | None = None
    type: str | None = None
    value: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    file: str | None = None


def describe_flight(flight: Flight, flights: Flights) -> CallDetails:
    """Return what is known of a call in flight."""
    return CallDetails(
        task=flight.task,
        key=flight.key.hex(),
        state=flight.state,
        args=flights.arguments([flight]).get(flight.key),
        job=flight.array_task,
        run=flight.place.run_id,
        log=_last_lines(read_flight_log(flights.runs, flight)),
    )


def describe_call(call: Call, runs: Path) -> CallDetails:
    """Return what is known of a call that has ended."""
    folder, entry = call.folder, call.entry
    fields: dict[str, Any] = {"state": "failed" if call.failed else "done"}
    try:
        about = folder.meta(call.number)
    except CorruptRecordError as error:
        fields = {"state": "damaged", "value": [printable(str(error))]}
    else:
        fields |= {n: about.get(n) for n in ("args", "error", "host", "job", "run")}
        fields |= _failure(call) if call.failed else _result(call)
    return CallDetails(
        task=folder.name,
        key=call.key,
        seconds=round(entry.seconds, 6),
        peak_mb=entry.peak_mb or None,
        ended_at=call.ended_at,
        bytes=call.n_bytes,
        code=entry.code.hex(),
        is_stale=entry.code not in current_codes(folder),
        log=_last_lines(read_log(call, runs)),
        file=str(folder.path / folder.file_name(call.number)),
        **fields,
    )


def load(call: Call) -> object:
    """Return a call's result, or what describes its failure.

    Raises
    ------
    CorruptRecordError, ResultUnreadable, StoreError
        If it cannot be read.
    """
    (value,) = call.folder.load([call.number])
    if isinstance(value, LoadError):
        raise value.exception
    return value


def _result(call: Call) -> dict[str, Any]:
    """Return a result's type and head."""
    try:
        value = load(call)
    except Exception as error:  # whatever unpickling the user's classes raises
        return {"value": [printable(line) for line in str(error).splitlines()]}
    kind = type(value)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    return {"type": printable(name), "value": value_head(value)}


def _failure(call: Call) -> dict[str, Any]:
    """Return the traceback of a failure; its exception is not unpickled."""
    try:
        record = load(call)
    except Exception as error:
        return {"value": [printable(line) for line in str(error).splitlines()]}
    text = record.get("traceback") if isinstance(record, dict) else None
    return {"traceback": str(text).rstrip() if text else None}


def value_head(value: object) -> list[str]:
    """Return a value as printable lines: containers by their first items.

    Examples
    --------
    >>> value_head({"mean": 1.5})
    ["'mean': 1.5"]
    """
    if type(value) is dict:
        items = [f"{short_repr(k)}: {short_repr(v)}" for k, v in _first(value.items())]
    elif type(value) in (list, tuple):
        assert isinstance(value, list | tuple)
        items = [short_repr(item) for item in _first(value)]
    else:
        return [short_repr(value)]
    more = len(value) - len(items)
    return [*items, f"… and {more} more"] if more else items or [repr(value)]


def _first(items: Any) -> Iterator[Any]:
    from itertools import islice

    return islice(items, MAX_ITEMS)


def _last_lines(log: bytes | None) -> list[str]:
    """Return the end of a log as printable lines."""
    lines = (log or b"").decode(errors="replace").splitlines()
    return [printable(line) for line in lines[-LOG_LINES:]]


# ------------------------------------------------------------------------- logs


def log_file(runs: Path, run_id: str, task: int) -> Path:
    """Return where an array task's output goes while it runs, or if it failed."""
    return runs / f"{run_id}.t{task}.log"


def read_flight_log(runs: Path, flight: Flight) -> bytes | None:
    """Return what the array task of a call in flight has printed so far."""
    return _read_file(log_file(runs, flight.place.run_id, flight.place.task))


def read_log(call: Call, runs: Path) -> bytes | None:
    """Return what the array task of a call printed; None if that was not kept."""
    try:
        about = call.folder.meta(call.number)
    except CorruptRecordError:
        return None
    found = _logs_beside(call)
    if found:
        return bytes(call.folder.payload(found[0]))
    run_id, job = about.get("run"), about.get("job")
    number = str(job).rpartition(".")[2]
    if not run_id or not number.isdigit():
        return None
    return _read_file(log_file(runs, str(run_id), int(number)))


def _logs_beside(call: Call) -> list[int]:
    """Return the logs that the same worker wrote; at most one."""
    folder, origin = call.folder, call.entry.origin
    numbers = folder.numbers(Kind.LOG)
    return [number for number in numbers if folder.entry(number).origin == origin]


def _read_file(path: Path) -> bytes | None:
    try:
        return fs.read_file(path)
    except (FileNotFoundError, StoreError):
        return None


class LogFollower:
    """What an array task prints while a call of it is in flight.

    Parameters
    ----------
    store : Store
        The store that holds the call.
    flight : Flight
        The call.
    sleep, clock : callable
        Wait, and tell, seconds; tests pass their own.
    """

    def __init__(
        self,
        store: Store,
        flight: Flight,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._flight = store, flight
        self._sleep, self._clock = sleep, clock
        self._path = log_file(store.runs, flight.place.run_id, flight.place.task)
        self._n_read = 0
        self._last = b""

    def __iter__(self) -> Iterator[bytes]:
        """Yield what is printed, as it comes, until the call has ended."""
        ask_at = self._clock()
        while True:
            is_over = False
            if self._clock() >= ask_at:
                is_over = not self._is_flying()
                ask_at = self._clock() + ASK_SECONDS
            yield from self._news()
            if is_over:
                break
            self._sleep(FOLLOW_SECONDS)
        yield from self._kept()

    def _is_flying(self) -> bool:
        flying: Mapping[bytes, Flight] = find_flights(self._store).of(self._flight.task)
        return self._flight.key in flying

    def _news(self) -> Iterator[bytes]:
        """Yield what was added to the file, if there is one."""
        try:
            fd, status = fs.open_status(self._path)
        except OSError as error:
            if error.errno in fs.GONE:
                return
            raise
        try:
            text = fs.read_at(fd, status.st_size - self._n_read, self._n_read)
        finally:
            fs.close(fd)
        self._n_read += len(text)
        self._last = (self._last + text)[-LAST_BYTES:]
        if text:
            yield text

    def _kept(self) -> Iterator[bytes]:
        """Yield the rest of a log that was moved into the store at its end."""
        folder: Folder = self._store.folder(self._flight.task)
        folder.refresh()
        for call in calls_of(folder, [self._flight.key]):
            text = read_log(call, self._store.runs) or b""
            # Of a long log only the end is kept: its offsets are others.
            at = text.rfind(self._last)
            rest = text[at + len(self._last) :] if at >= 0 else text
            if rest:
                yield rest
