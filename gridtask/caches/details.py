"""All that is known of one call: its result, its code, where it ran, its log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gridtask.caches.filters import Call, current_codes
from gridtask.caches.flights import Flight, Flights
from gridtask.caches.follow import FlightLog
from gridtask.errors import CorruptRecordError
from gridtask.printable import printable, short_repr
from gridtask.store.store import LoadError, Store
from gridtask.units import format_size
from gridtask.worker import logs

MAX_BYTES = 256 << 20
"""Results that take more are not loaded to show their heads."""

MAX_ITEMS = 10
"""Items of a list or dict that are shown."""

LOG_LINES = 10
"""Last lines of a log that are shown beside other things."""


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
    components : list of str
        What of the user's that version consists of: functions, classes, values.
    distributions : dict of str to str
        Python, and what was imported of others when it first ran, by version.
    code_since : float or None
        When it first ran, POSIX time stamp in seconds.
    host, job, run : str or None
        Where it ran: ``"118.7"`` is array task 7 of job 118.
    type : str or None
        Type of the result.
    value : list of str
        The result as text, its first items only; why it cannot be shown, if
        `type` is None.
    missing : list of str
        Classes of the result that cannot be found here; their objects are shown
        by what was stored of them.
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
    components: list[str] = field(default_factory=list)
    distributions: dict[str, str] = field(default_factory=dict)
    code_since: float | None = None
    host: str | None = None
    job: str | None = None
    run: str | None = None
    type: str | None = None
    value: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    file: str | None = None


def describe_flight(store: Store, flight: Flight, flights: Flights) -> CallDetails:
    """Return what is known of a call in flight."""
    return CallDetails(
        task=flight.task,
        key=flight.key.hex(),
        state=flight.state,
        args=flights.arguments([flight]).get(flight.key),
        job=flight.array_task,
        run=flight.place.run_id,
        log=_last_lines(FlightLog(store, flight).text()),
    )


def describe_call(call: Call) -> CallDetails:
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
    fields |= _code(call)
    return CallDetails(
        task=folder.name,
        key=call.key,
        seconds=round(entry.seconds, 6),
        peak_mb=entry.peak_mb or None,
        ended_at=call.ended_at,
        bytes=call.n_bytes,
        code=entry.code.hex(),
        is_stale=entry.code not in current_codes(folder),
        log=_last_lines(logs.of_record(folder, call.number)),
        file=folder.file(call.number).path,
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
    if call.entry.payload_len > MAX_BYTES:
        size = format_size(call.entry.payload_len)
        return {"value": [f"it takes {size}; gridtask.cache(…).load(KEY) loads it"]}
    try:
        value = load(call)
    except CorruptRecordError as error:
        return {"state": "damaged", "value": [printable(str(error))]}
    except Exception as error:  # whatever unpickling the user's classes raises
        return _shown_without_classes(call) or {
            "value": [printable(line) for line in str(error).splitlines()]
        }
    return _described(value)


def _described(value: object) -> dict[str, Any]:
    """Return a value's type and head."""
    kind = type(value)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    return {"type": printable(name), "value": value_head(value)}


def _shown_without_classes(call: Call) -> dict[str, Any]:
    """Return type and head of a result whose classes are gone, if that goes."""
    from gridtask.caches.standins import decode

    try:
        value, missing = decode(call.folder.payload(call.number))
    except Exception:  # it needs more than names
        return {}
    return {**_described(value), "missing": missing}


def _code(call: Call) -> dict[str, Any]:
    """Return what is known of the version of the code, if that was kept."""
    from gridtask.why.versions import CodeVersions

    versions = CodeVersions(call.folder)
    digest = versions.of_result(call.entry.code)
    version = versions.get(digest) if digest is not None else None
    if version is None:
        return {}
    return {
        "components": [name for name, _, _ in version.manifest],
        "distributions": dict(version.distributions),
        "code_since": version.first_used_at,
    }


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
