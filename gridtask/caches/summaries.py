"""Tasks and calls in short: the rows of a listing."""

from __future__ import annotations

from dataclasses import dataclass

from gridtask.caches.flights import Flight
from gridtask.caches.selection import Part
from gridtask.store.record import Kind


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """What a cache has of one task.

    Attributes
    ----------
    task : str
        Its name.
    results, failed, running : int
        Calls with a result, calls that have failed, and calls in flight.
    bytes, files : int
        What its files take on disk; with filters, what the selected calls take.
    live_bytes, dead_bytes : int
        Values that count, and deleted ones that `Cache.gc` frees.
    oldest, newest : float or None
        When the first and the last call ended, POSIX seconds.
    used : float or None
        When a result was last read by a map, to a day.
    """

    task: str
    results: int
    failed: int
    running: int
    bytes: int
    files: int
    oldest: float | None
    newest: float | None
    live_bytes: int = 0
    dead_bytes: int = 0
    used: float | None = None


@dataclass(frozen=True, slots=True)
class CallSummary:
    """One call.

    Attributes
    ----------
    task, key : str
        The task's name; the key, 32 hexadecimal digits.
    args : str or None
        Its arguments as text, if they were kept.
    state : str
        ``done failed damaged``, or in flight: ``queued held running error
        unknown``.
    error : str or None
        Type and message of what a failed call raised.
    cause : str or None
        What a call that died, or whose input failed, may have in common with
        others: ``"SIGKILL"``.
    seconds : float or None
        Wall time.
    peak_mb : int or None
        Peak memory of the worker so far, in MB (2**20 bytes).
    ended_at : float or None
        POSIX time stamp in seconds.
    bytes : int
        What it takes in the store.
    host, job, run : str or None
        Where it ran or is to run; ``"118.7"`` is array task 7 of job 118.
    """

    task: str
    key: str
    args: str | None
    state: str
    error: str | None
    cause: str | None
    seconds: float | None
    peak_mb: int | None
    ended_at: float | None
    bytes: int
    host: str | None
    job: str | None
    run: str | None


def task_summary(part: Part) -> TaskSummary | None:
    """Return what is selected of a task, None if that is nothing."""
    if part.is_empty and not part.entirely:
        return None
    if part.is_empty and not part.folder.numbers(Kind.LOG):
        return None  # all that is left is code, and that something was removed
    sizes = part.folder.sizes()
    if part.entirely:
        n_bytes, oldest, newest = sizes.n_bytes, sizes.oldest_at, sizes.newest_at
    else:
        n_bytes, oldest, newest = _measure(part)
    return TaskSummary(
        task=part.folder.name,
        results=part.n_results,
        failed=part.n_failed,
        running=len(part.flights),
        bytes=n_bytes,
        files=sizes.n_files,
        oldest=oldest,
        newest=newest,
        live_bytes=sizes.live_bytes,
        dead_bytes=sizes.dead_bytes,
        used=sizes.used_at,
    )


def _measure(part: Part) -> tuple[int, float | None, float | None]:
    """Return what the selected calls take, when the first and the last ended."""
    ended = part.ended
    extent = part.folder.extent([*ended.results, *ended.failures])
    if extent is None:
        return 0, None, None
    earlier = part.folder.extent(ended.earlier.values())
    n_bytes = extent.n_bytes + (earlier.n_bytes if earlier else 0)
    return n_bytes, extent.first_ns / 1e9, extent.last_ns / 1e9


def call_summary(
    part: Part, number: int, meta: dict[str, object] | OSError
) -> CallSummary:
    """Return a call that has ended, of which its record says `meta`.

    Parameters
    ----------
    part : Part
        What is selected of its task.
    number : int
        Number of the record that counts.
    """
    entry = part.folder.entry(number)
    about: dict[str, object]
    if isinstance(meta, OSError):
        state, about = "damaged", {"error": str(meta)}
    else:
        state = "failed" if entry.kind == Kind.ERR else "done"
        about = {"cause": meta.get("root"), **meta}
    texts = {
        name: None if about.get(name) is None else str(about[name])
        for name in ("args", "error", "cause", "host", "job", "run")
    }
    return CallSummary(
        task=part.folder.name,
        key=entry.key.hex(),
        state=state,
        seconds=round(entry.seconds, 6),
        peak_mb=entry.peak_mb or None,
        ended_at=entry.t_end_ns / 1e9,
        bytes=part.ended.n_bytes(part.folder, number, entry),
        **texts,
    )


def flight_summary(flight: Flight, args: str | None) -> CallSummary:
    """Return a call in flight."""
    return CallSummary(
        task=flight.task,
        key=flight.key.hex(),
        args=args,
        state=flight.state,
        error=None,
        cause=None,
        seconds=None,
        peak_mb=None,
        ended_at=None,
        bytes=0,
        host=None,
        job=flight.array_task,
        run=flight.place.run_id,
    )
