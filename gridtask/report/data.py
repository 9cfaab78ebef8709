"""What a report tells of a run: read from its run file and its records, in bulk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gridtask import config
from gridtask.caches.traces import CallTrace, WorkerTrace, read_traces
from gridtask.caches.usage import limited_peaks
from gridtask.errors import CallError, GridTaskError
from gridtask.printable import printable, short_job, shorten
from gridtask.progress.groups import by_cause
from gridtask.raised import message_of
from gridtask.store.record import Kind
from gridtask.units import parse_memory

if TYPE_CHECKING:
    from gridtask.caches.history import VersionSummary
    from gridtask.run import Run

STATES = ("finished", "cached", "running", "queued", "failed")
"""States of calls, in the order in which they are drawn."""

N_SLOWEST = 10
N_GROUPS = 12
"""How many calls, and groups of failures, are shown one by one."""

LOG_LINES = 20
MAX_TEXT = 4000
"""Lines of a log, and characters of an error, that are shown."""

MAX_VERSIONS = 5
MAX_ARGUMENTS = 120

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed calls with one cause.

    Attributes
    ----------
    kind, message : str
        Type of the error, and the first line of what it says.
    number : int
        How many calls.
    call, key : str
        The first of them.
    error : str
        Its whole error with the traceback on the node.
    log : str
        The last lines of what its array task has printed.
    """

    kind: str
    message: str
    number: int
    call: str
    key: str
    error: str
    log: str


@dataclass(frozen=True, slots=True)
class SlowCall:
    """One of the calls that took longest."""

    call: str
    key: str
    seconds: float
    memory_mb: int
    host: str
    job: str


@dataclass(frozen=True, slots=True)
class ReportData:
    """All that a report shows.

    Attributes
    ----------
    counts : dict of str to int
        Calls by state, see `STATES`.
    submitted_at : float
        POSIX time stamp in seconds.
    workers : list of WorkerTrace
        What was computed for this run, by when it began.
    peaks_mb, memory_of, limit_mb
        Ascending peaks of the memory that the site limits, its name, and what
        was asked for, in MB.
    """

    run_id: str
    name: str | None
    task: str
    counts: dict[str, int]
    submitted_at: float
    made_at: float
    about: dict[str, str]
    workers: list[WorkerTrace]
    peaks_mb: list[int]
    memory_of: str
    limit_mb: float | None
    failures: list[Failures] = field(default_factory=list)
    n_more_groups: int = 0
    slowest: list[SlowCall] = field(default_factory=list)
    versions: list[VersionSummary] = field(default_factory=list)

    @property
    def n_calls(self) -> int:
        """Number of calls."""
        return sum(self.counts.values())

    @property
    def calls(self) -> Iterator[CallTrace]:
        """What was computed for this run."""
        return (call for worker in self.workers for call in worker.calls)


def gather(run: Run[Any], settings: config.Settings) -> ReportData:
    """Read all that a report of a run tells.

    Parameters
    ----------
    run : Run
        As `gridtask.open_run` gives it.
    settings : Settings
        Say which memory the site limits.
    """
    execution = run._execution
    plan, folder = execution.plan, execution.folder
    progress = run.progress()
    counts = {state: len(getattr(progress, state)) for state in STATES}
    cached = set(plan.done)
    keys = [key for index, key in enumerate(plan.keys) if index not in cached]
    found = folder.find(keys)
    failed = folder.find(keys, Kind.ERR)
    numbers = [a if a >= 0 else b for a, b in zip(found, failed, strict=True)]
    workers = read_traces(folder, (n for n in numbers if n >= 0))
    peaks, memory_of = limited_peaks(workers, settings.site)
    failures = _Failures(run).grouped()
    return ReportData(
        run_id=run.id,
        name=run.name,
        task=run.task,
        counts=counts,
        submitted_at=plan.created_at,
        made_at=time.time(),
        about=_about(run),
        workers=workers,
        peaks_mb=peaks,
        memory_of=memory_of,
        limit_mb=parse_memory(plan.memory) / _MIB if plan.memory else None,
        failures=failures[:N_GROUPS],
        n_more_groups=max(0, len(failures) - N_GROUPS),
        slowest=_slowest(run, workers),
        versions=_versions(run),
    )


def _about(run: Run[Any]) -> dict[str, str]:
    """Return how the run was submitted, for people."""
    plan = run._execution.plan
    about = {
        "backend": plan.backend,
        "submitted by": f"{plan.user} on {plan.host}",
        "memory": plan.memory or "",
        "time": plan.time or "",
        "slots": str(plan.slots) if plan.slots > 1 else "",
        "options": " ".join(plan.cluster_params),
        "array tasks": f"{len(plan.chunks):,}" if plan.chunks else "",
        "code": plan.code.hex()[:8],
    }
    return {name: printable(text) for name, text in about.items() if text}


class _Failures:
    """The failed calls of a run."""

    def __init__(self, run: Run[Any]) -> None:
        self._run = run

    def grouped(self) -> list[Failures]:
        """Return the failures grouped by cause, the largest group first."""
        errors = self._run.failures()
        groups = by_cause(errors).items()
        return [
            self._group(kind, message, positions, errors[positions[0]], n < N_GROUPS)
            for n, ((kind, message), positions) in enumerate(groups)
        ]

    def _group(
        self,
        kind: str,
        message: str,
        positions: list[int],
        error: BaseException,
        in_full: bool,
    ) -> Failures:
        execution = self._run._execution
        index = self._run._positions[positions[0]]
        return Failures(
            kind=printable(kind),
            message=message,
            number=len(positions),
            call=printable(execution.texts(index)),
            key=execution.plan.keys[index].hex(),
            error=_lines(_error_text(error)) if in_full else "",
            log=self._log(index) if in_full else "",
        )

    def _log(self, index: int) -> str:
        """Return the last lines of the log of a call's array task."""
        with suppress(OSError, GridTaskError):
            text = self._run._execution.log_text(index)
            return _lines("\n".join(text.splitlines()[-LOG_LINES:]))
        return ""


def _error_text(error: BaseException) -> str:
    """Return an error's message, with the traceback on the node if it has one.

    A traceback ends with the message, but for what gridtask itself has to say.
    """
    cause = error.__cause__
    if cause is None:
        return message_of(error)
    traceback = str(cause).strip().strip('"').strip()
    if isinstance(error, CallError):
        return f"{message_of(error)}\n\n{traceback}"
    return traceback


def _lines(text: str) -> str:
    """Return the end of a text with its lines kept, all else printable."""
    lines = [printable(line) for line in text.expandtabs().splitlines()]
    return "\n".join(lines)[-MAX_TEXT:]


def _slowest(run: Run[Any], workers: list[WorkerTrace]) -> list[SlowCall]:
    """Return the calls that took longest, the longest first."""
    folder = run._execution.folder
    pairs = [(call, worker) for worker in workers for call in worker.calls]
    pairs.sort(key=lambda pair: -pair[0].seconds)
    slowest = []
    for call, worker in pairs[:N_SLOWEST]:
        about: dict[str, object] = {}
        with suppress(OSError, ValueError):
            about = folder.file(call.number).glance(folder.entry(call.number))
        args = shorten(str(about.get("args", "…")), MAX_ARGUMENTS)
        slowest.append(
            SlowCall(
                call=printable(f"{run.task}({args})"),
                key=call.key.hex(),
                seconds=call.seconds,
                memory_mb=max(call.address_mb, call.resident_mb),
                host=printable(worker.host or "-"),
                job=printable(short_job(worker.job or "-")),
            )
        )
    return slowest


def _versions(run: Run[Any]) -> list[VersionSummary]:
    """Return the latest versions of the task's code, the newest first."""
    from gridtask.caches.history import History

    return History(run._execution.folder).summaries()[::-1][:MAX_VERSIONS]
