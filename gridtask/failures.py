"""From a failed call to the error that its user sees.

Two sources, in this order: the worker's own record, which brings the task's
own exception back; and, where the worker left none, what the scheduler's
accounting says of its end.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Any

from gridtask.backends.base import SYSTEM_KILLED, Accounting
from gridtask.errors import (
    CallError,
    Deleted,
    JobErrorState,
    Killed,
    NodeLost,
    OutOfMemory,
    ResultUnreadable,
    TimeLimit,
    WorkerFailedToStart,
)
from gridtask.printable import printable, short_job
from gridtask.raised import STOPPED_EARLY, STORE_UNUSABLE, restore
from gridtask.units import (
    format_memory,
    format_size,
    format_time,
    parse_memory,
    parse_time,
)

LIMIT_ENFORCED = 37
"""Accounting's ``failed``: a limit on time or memory was enforced
(accounting(5), "qmaster enforced h_rt, h_cpu, or h_vmem limit")."""

NODE_LOST = frozenset({19, 24, 25})
"""Accounting's ``failed``: before writing exit_status (who held the array task
is gone: Grid Engine's shepherd, or the supervisor of a local job), migrating,
rescheduling."""

AGAIN = "run the script again to compute it"
"""What to do next where the call itself is not to blame."""

ROOM = "look into its log, and for a full disk: gridtask rm --older 7d makes room"
"""What to do next where a worker could not write, perhaps not even its log."""

LEFT = "look into its log, and for os._exit and os.exec, also in libraries"
"""What to do next where a process has ended in the midst of a call."""

SOFT = "allow more: cluster_params='-l s_rt=...' (or s_cpu)"
"""What to do next at a soft limit other than `time`."""

STARVED = ("MemoryError", "Cannot allocate memory", "failed to map segment")
"""What Python and the dynamic loader say where memory does not suffice to start."""

LOG_LINES = 10
"""Last lines of a worker's log that an error shows."""


class RemoteTraceback(Exception):
    """Shows where on a node an exception was raised, as its cause.

    Attributes
    ----------
    where : Circumstances or None
    """

    where: Circumstances | None = None

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0].rstrip()}\n"""'


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where a call failed, for messages.

    Attributes
    ----------
    call : str
        The call as text, ``"simulate(seed=3)"``.
    key : str
        Its key, 32 hexadecimal digits.
    job : str or None
        Its array task, ``"118.7"``.
    host, log : str or None
    memory, time : str or None
        What the array task was allowed.
    peak_mb, seconds : int, float
        What its worker had used so far, in MB (2**20 bytes), and how long it ran.
    task, run : str
        The task's name and the run's id, for advice.
    log_tail : str
        The end of the worker's log.
    is_starved : bool
        Whether the log speaks of memory that could not be had.
    """

    call: str
    key: str
    job: str | None = None
    host: str | None = None
    log: str | None = None
    memory: str | None = None
    time: str | None = None
    peak_mb: int = 0
    seconds: float = 0.0
    task: str = ""
    run: str = ""
    log_tail: str = ""
    is_starved: bool = False

    @property
    def place(self) -> str:
        """Return ``"array task 118.7 on node042"``."""
        text = f"array task {short_job(self.job)}" if self.job else "this process"
        return f"{text} on {self.host}" if self.host else text

    @property
    def more_memory(self) -> str:
        """Return what to do where the memory was too little."""
        if self.memory is None:
            return "allow more: memory=..., or cluster_params='-l h_vmem=...'"
        return self._more("memory", format_memory(2 * parse_memory(self.memory)))

    @property
    def more_time(self) -> str:
        """Return what to do where the time was too short."""
        if self.time is None:
            return "allow more: time=..., or cluster_params='-l h_rt=...'"
        more = self._more("time", format_time(2 * parse_time(self.time)))
        return f"{more}; or a smaller chunk="

    def _more(self, name: str, value: str) -> str:
        task = self.task or "task"
        options = f'{task}.options({name}="{value}")'
        if not self.run:
            return options
        return f"gridtask retry {self.run} --{name} {value}, or {options}"

    def error(
        self, kind: type[CallError], what: str, advice: str = "", *, cause: str = ""
    ) -> CallError:
        """Return an error of `kind` whose message says `what` happened.

        Failures are grouped by their kind and `cause`.
        """
        parts = [f"no result for {self.call} [{self.key[:8]}]: {what}"]
        if self.log:
            parts.append(f"log: {self.log}")
        if advice:
            parts.append(f"next: {advice}")
        if self.log_tail:
            parts.append(f"the log ends with:\n{indent(self.log_tail, '    ')}")
        lines = "\n  ".join(parts).splitlines()
        return kind(
            "\n".join(printable(line) for line in lines),
            key=self.key,
            what=what,
            cause=printable(cause),
            host=self.host,
            job_id=self.job,
            log=self.log,
        )


def task_exception(record: Mapping[str, Any], where: Circumstances) -> BaseException:
    """Return the exception that a worker recorded, as the type it had.

    A `MemoryError` under a known limit is an `OutOfMemory`, which names it.
    """
    error: BaseException | None = None
    if record.get("pickled") is not None:
        try:
            error = restore(record["pickled"])
        except Exception as problem:  # its class may be gone or have changed
            record = {**record, "message": f"{record['message']} ({problem!r})"}
    if isinstance(error, CallError) and error.key:
        return error  # recorded by a driver, which has told all
    if not isinstance(error, BaseException):
        text = f"the task raised {record['type']}: {record['message']}"
        error = where.error(CallError, text)
    elif isinstance(error, MemoryError) and where.memory:
        said = record["message"] or record["type"]
        text = f"it ran out of memory={where.memory}: {said}"
        if where.peak_mb:  # what was asked for and refused does not count
            peak = format_size(where.peak_mb * 2**20)
            text += f" (its peak before that was {peak})"
        error = where.error(OutOfMemory, text, where.more_memory)
    elif isinstance(error, TimeLimit):
        # The call was the first of its array task, and has had nearly all its time.
        is_soft = where.time and 2 * where.seconds < parse_time(where.time)
        limit = f" of time={where.time}" if where.time and not is_soft else ""
        text = f"it was stopped after {where.seconds:.0f} s{limit}: {record['message']}"
        error = where.error(TimeLimit, text, SOFT if is_soft else where.more_time)
    elif not isinstance(error, CallError):  # which says where by itself
        note = f"in {where.call} [{where.key[:8]}], {where.place}"
        note += f"; log: {where.log}" if where.log else ""
        notes = [*getattr(error, "__notes__", ()), note]
        object.__setattr__(error, "__notes__", notes)  # its class may be frozen
    cause = RemoteTraceback(record["traceback"])
    cause.where = where
    object.__setattr__(error, "__cause__", cause)
    return error


def diagnose(
    ended: Accounting | None,
    where: Circumstances,
    *,
    has_run: bool = True,
    has_begun: bool = False,
) -> CallError:
    """Return why a worker ended without a result.

    Parameters
    ----------
    ended : Accounting or None
        The scheduler's record of the attempt; None if it has none.
    has_run : bool
        Whether the array task was ever seen at work. Grid Engine keeps no
        record of one that is deleted while it waits, and before it tells of a
        lost node the array task is seen running for minutes.
    has_begun : bool
        Whether the worker is known to have come to its calls.
    """
    if ended is None and not has_run:
        what = f"{where.place} was deleted while it waited"
        return where.error(Deleted, what, AGAIN)
    if ended is None:
        return where.error(
            NodeLost,
            f"{where.place} is gone, and the scheduler has no record of its end: "
            "the node was lost, or the job was deleted while it waited",
            AGAIN,
        )
    if ended.deleted_by:
        by = f"by {ended.deleted_by}"
        return where.error(Deleted, f"{where.place} was deleted {by}", cause=by)
    if ended.failed == LIMIT_ENFORCED:
        return _over_limit(ended, where)
    if ended.failed in NODE_LOST:
        what = f"{where.place} was lost: {ended.failed_text}"
        return where.error(NodeLost, what, AGAIN)
    if not ended.exit_status and not ended.failed:
        return where.error(
            ResultUnreadable,
            f"the worker of {where.place} ended normally, but its result is not in "
            "the cache folder",
            f"{AGAIN}; if that does not help, {LEFT}" if has_begun else AGAIN,
        )
    return _ended_badly(ended, where, has_begun)


def _ended_badly(ended: Accounting, where: Circumstances, has_begun: bool) -> CallError:
    """Return what an exit status tells, or that there was not even a start."""
    status = ended.exit_status or 0
    if 128 < status < 128 + signal.NSIG:
        return _killed(status - 128, ended, where)
    if status == STOPPED_EARLY:
        what = f"{where.place} came to its soft time limit before this call"
        return where.error(TimeLimit, what, where.more_time)
    if status == STORE_UNUSABLE:
        what = f"the worker of {where.place} could not use the cache folder"
        return where.error(WorkerFailedToStart, what, ROOM, cause="cache folder")
    if status and has_begun:
        what = f"its process on {where.place} was ended with exit status {status}"
        return where.error(Killed, what, LEFT)
    if status and where.is_starved:
        limit = f"memory={where.memory}" if where.memory else "its memory limit"
        what = f"{limit} was too little for the worker of {where.place} to start"
        return where.error(OutOfMemory, what, where.more_memory, cause="at the start")
    how = "was not started"
    if ended.exit_status is not None:
        how = f"ended with exit status {status}"
    reason = f": {ended.failed_text}" if ended.failed else ""
    what = f"the worker of {where.place} {how}{reason}"
    return where.error(WorkerFailedToStart, what, cause=f"it {how}{reason}")


def never_submitted(where: Circumstances) -> CallError:
    """Return the error of a call whose driver ended before it submitted the job."""
    what = "the driver that was to submit its job has ended, and there is no such job"
    return where.error(NodeLost, what, AGAIN)


def error_state(reason: str | None, where: Circumstances) -> CallError:
    """Return the error of a call whose array task is in an error state."""
    return where.error(
        JobErrorState,
        f"{where.place} is in an error state: {reason or 'no reason given'}",
        "mend the cause, then run the script again",
        cause=reason or "",
    )


def _over_limit(ended: Accounting, where: Circumstances) -> CallError:
    """Tell the time limit from the memory limit by what was used.

    Where only one limit was asked for and not reached, it was the other, which
    the site has set.
    """
    seconds, peak = ended.wall_seconds or 0.0, ended.max_vmem or 0
    used = f"after {seconds:.0f} s at {format_size(peak)}"
    is_full = where.memory is not None and peak >= parse_memory(where.memory)
    # Whole seconds: the last one may be cut off.
    is_late = where.time is not None and seconds >= parse_time(where.time) - 1
    if is_full or (where.memory is None and where.time and not is_late):
        limit = f" of memory={where.memory}" if where.memory else ""
        what = f"{where.place} was killed {used}{limit}"
        return where.error(OutOfMemory, what, where.more_memory)
    if is_late or (where.time is None and where.memory):
        limit = f" of time={where.time}" if where.time else ""
        what = f"{where.place} was killed after {seconds:.0f} s{limit}"
        return where.error(TimeLimit, what, where.more_time)
    what = f"{where.place} was killed at a limit ({ended.failed_text}) {used}"
    return where.error(Killed, what, f"{where.more_memory}; or {where.more_time}")


def _killed(number: int, ended: Accounting, where: Circumstances) -> CallError:
    """Name the signal that ended a worker."""
    names = {each.value: each.name for each in signal.Signals}
    name = names.get(number, f"signal {number}")
    kind: type[CallError] = Killed
    hint = ""
    if ended.failed == SYSTEM_KILLED:
        kind, hint = OutOfMemory, ": the machine was out of memory"
    elif name == "SIGKILL":
        hint = " (its job was deleted, or it was killed by hand or for want of memory)"
    seconds = ended.wall_seconds or 0.0
    what = f"{where.place} was killed by {name} after {seconds:.0f} s{hint}"
    return where.error(kind, what, cause=name)
