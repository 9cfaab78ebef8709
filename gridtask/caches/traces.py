"""What workers left behind of their calls: when, where, how long, how much memory.

Read in bulk. All calls that one worker has computed share their host and job,
which are read once for each worker; and its peak of memory never falls, so
where two of its calls have seen the same peak, those between them have too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gridtask.store.record import Entry, Kind
from gridtask.store.store import Folder


@dataclass(frozen=True, slots=True)
class CallTrace:
    """One call that has ended.

    Attributes
    ----------
    number : int
        Its record in the folder.
    key, code : bytes
        16 and 8 bytes.
    failed : bool
        True if it has raised an exception.
    ended_at, seconds : float
        POSIX time stamp, and wall time, in seconds.
    resident_mb, address_mb : int
        Peaks of resident memory and of address space of its worker so far, in
        MB (2**20 bytes); 0 where they are not known.
    """

    number: int
    key: bytes
    code: bytes
    failed: bool
    ended_at: float
    seconds: float
    resident_mb: int
    address_mb: int

    @property
    def started_at(self) -> float:
        """POSIX time stamp in seconds."""
        return self.ended_at - self.seconds


@dataclass(frozen=True, slots=True)
class WorkerTrace:
    """One attempt of an array task, or a process that called a task directly.

    Attributes
    ----------
    host, job, run : str or None
        Where it ran: ``"118.7"`` is array task 7 of job 118.
    calls : list of CallTrace
        In the order in which it computed them; at least one.
    """

    host: str | None
    job: str | None
    run: str | None
    calls: list[CallTrace]

    @property
    def started_at(self) -> float:
        """When its first call began: POSIX time stamp in seconds."""
        return self.calls[0].started_at

    @property
    def ended_at(self) -> float:
        """When its last call ended: POSIX time stamp in seconds."""
        return max(call.ended_at for call in self.calls)

    @property
    def address_mb(self) -> int:
        """Its peak of address space in MB; 0 if that is not known."""
        return max(call.address_mb for call in self.calls)


def read_traces(folder: Folder, numbers: Iterable[int]) -> list[WorkerTrace]:
    """Return what is known of calls that have ended, worker by worker.

    Without those that were killed: of them there is only the cause.

    Parameters
    ----------
    numbers : iterable of int
        Records of results and failures in `folder`.
    """
    origins: dict[bytes, list[tuple[int, Entry]]] = {}
    for number in numbers:
        entry = folder.entry(number)
        if entry.kind != Kind.ERR or entry.seconds or entry.peak_mb:
            origins.setdefault(entry.origin, []).append((number, entry))
    traces = [_read_worker(folder, records) for records in origins.values()]
    return sorted(traces, key=lambda trace: trace.started_at)


def _read_worker(folder: Folder, records: list[tuple[int, Entry]]) -> WorkerTrace:
    """Return the trace of one worker from its records."""
    records.sort(key=lambda record: record[1].seq)
    peaks = _Peaks(folder, records)
    peaks.fill(0, len(records) - 1)
    about = {name: peaks.first.get(name) for name in ("host", "job", "run")}
    calls = [
        CallTrace(
            number=number,
            key=entry.key,
            code=entry.code,
            failed=entry.kind == Kind.ERR,
            ended_at=entry.t_end_ns / 1e9,
            seconds=entry.seconds,
            resident_mb=entry.peak_mb,
            address_mb=peaks.known[i],
        )
        for i, (number, entry) in enumerate(records)
    ]
    texts = {n: None if value is None else str(value) for n, value in about.items()}
    return WorkerTrace(**texts, calls=calls)


class _Peaks:
    """The peaks of one worker's address space after each of its calls."""

    def __init__(self, folder: Folder, records: Sequence[tuple[int, Entry]]) -> None:
        self._folder = folder
        self._records = records
        self.known: dict[int, int] = {}
        self.first = self._read(0)
        self._read(len(records) - 1)

    def _read(self, i: int) -> dict[str, Any]:
        """Read what record number `i` says of itself; nothing if it is gone."""
        number, entry = self._records[i]
        try:
            meta = self._folder.file(number).glance(entry)
        except (OSError, ValueError):
            meta = {}
        peak = meta.get("vm_mb")
        self.known[i] = peak if isinstance(peak, int) else 0
        return meta

    def fill(self, first: int, last: int) -> None:
        """Find the peaks between two records whose peaks are known."""
        spans = [(first, last)]
        while spans:
            first, last = spans.pop()
            if self.known[first] == self.known[last]:
                peak = self.known[first]
                self.known.update(dict.fromkeys(range(first, last), peak))
            elif last - first > 1:
                middle = (first + last) // 2
                self._read(middle)
                spans += [(first, middle), (middle, last)]
