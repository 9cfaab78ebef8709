"""What the commands of Grid Engine print, turned into values.

The parsers are lenient: Grid Engine has several heirs, and sites put wrappers
around its commands. A field that is missing or unreadable is None or skipped;
only a qstat that is no XML at all is an error.

References
----------
qsub(1), qstat(1), qacct(1), accounting(5) and sge_diagnostics(5) of Son of Grid
Engine 8.1.9. The outputs in ``tests/backends/golden`` are from that version.
"""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gridtask.backends.base import Accounting, JobState, TaskGroup, TaskState
from gridtask.units import parse_time

_SHOWN = 3
"""Lines of a verification that people see."""

FAILED_TEXTS = {
    1: "assumedly before job",
    2: "on executing shepherd",
    3: "before writing config",
    4: "before writing pid",
    5: "on reading config file",
    6: "setting processor set",
    7: "before prolog",
    8: "in prolog",
    9: "before pestart",
    10: "in pestart",
    11: "before job",
    12: "before pestop",
    13: "in pestop",
    14: "before epilog",
    15: "in epilog",
    16: "releasing processor set",
    17: "through signal",
    18: "shepherd returned error",
    19: "before writing exit_status",
    20: "found unexpected error file",
    21: "in recognizing job",
    22: "removed manually",
    24: "migrating",
    25: "rescheduling",
    26: "opening input/output file",
    27: "searching requested shell",
    28: "changing into working directory",
    29: "AFS setup",
    30: "application error returned",
    37: "qmaster enforced h_rt, h_cpu, or h_vmem limit",
    38: "adding supplementary group",
    100: "assumedly after job",
}
"""What qacct 8.1.9 prints for ``failed``; the accounting file has numbers alone."""

RESCHEDULED = frozenset({24, 25})
"""Codes of ``failed`` after which the array task is queued again."""

_KIB = 1024
_UNIT_FACTORS = {"": 1, "K": _KIB, "M": _KIB**2, "G": _KIB**3, "T": _KIB**4}

_SUBMITTED = re.compile(r"Your job(?:-array)? (\d+)\b.*has been submitted")
_TERSE = re.compile(r"^(\d+)(?:\.\d+-\d+:\d+)?$", re.MULTILINE)
_RANGE = re.compile(r"(\d+)(?:-(\d+)(?::(\d+))?)?")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_ERROR_REASON = re.compile(r"^error reason\s+(\d+):\s+(.*\S)", re.MULTILINE)
_REASON_PREFIX = re.compile(r"^\S+ \S+ \[\d+:\d+\]: (?:error: )?")
_NUMBER = re.compile(r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
_QUANTITY = re.compile(r"([\d.]+)([KMGT]?)")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"


@dataclass(frozen=True, slots=True)
class AccountingRecord:
    """An ended attempt, and what tells it from an older job of the same id."""

    job_name: str
    owner: str
    accounting: Accounting


def parse_submitted(stdout: str, stderr: str) -> str | None:
    """Return the id of the job that a qsub submitted, None if it tells of none.

    The exit status says nothing of this: qsub ends with 1 and "has been
    submitted" on stderr when it only warns.
    """
    told = _SUBMITTED.search(stdout) or _SUBMITTED.search(stderr)
    found = told or _TERSE.search(stdout)
    return found[1] if found else None


def parse_tasks(text: str) -> tuple[range, ...]:
    """Return the array tasks of a list like ``1-75000:1,2,4``."""
    ranges = []
    for piece in text.split(","):
        found = _RANGE.fullmatch(piece.strip())
        if found:
            first = int(found[1])
            last = int(found[2] or first)
            ranges.append(range(first, last + 1, int(found[3] or 1)))
    return tuple(sorted(ranges, key=lambda numbers: numbers.start))


def task_state(letters: str) -> TaskState:
    """Return what a set of state letters means, e.g. ``qw`` or ``hRwq``.

    ``t`` (transferring) is running: a short array task may be over before
    anything else is seen of it.
    """
    found = set(letters)
    if "d" in found:
        return TaskState.DELETING
    if "E" in found:
        return TaskState.ERROR
    if found & {"q", "w"}:
        return TaskState.HELD if "h" in found else TaskState.QUEUED
    if found & {"s", "S", "T"}:
        return TaskState.SUSPENDED
    if found & {"r", "t"}:
        return TaskState.RUNNING
    return TaskState.UNKNOWN


def parse_qstat(text: str) -> dict[str, JobState]:
    """Return the jobs of ``qstat -xml`` by their ids.

    Raises
    ------
    ValueError
        If `text` is not XML: then nothing is known of any job.
    """
    try:
        root = ET.fromstring(_NOT_IN_XML.sub("", text))
    except ET.ParseError as error:
        msg = f"qstat printed {text[:200]!r} instead of XML: {error}"
        raise ValueError(msg) from None
    names: dict[str, str] = {}
    groups: dict[str, list[TaskGroup]] = {}
    for row in root.iter("job_list"):
        job_id = row.findtext("JB_job_number", "").strip()
        if job_id:
            names[job_id] = row.findtext("JB_name", "").strip()
            groups.setdefault(job_id, []).append(_parse_row(row))
    return {
        job_id: JobState(job_id, name, tuple(groups[job_id]))
        for job_id, name in names.items()
    }


def _parse_row(row: ET.Element) -> TaskGroup:
    letters = row.findtext("state", "").strip()
    host = row.findtext("queue_name", "").strip().partition("@")[2]
    # A job that is no array has no such element.
    tasks = parse_tasks(row.findtext("tasks", "1"))
    return TaskGroup(task_state(letters), tasks, host or None)


def parse_verification(text: str) -> str | None:
    """Return why ``qalter -w v`` finds no queue for a job, None if it finds one.

    There is a line for each host or queue; the first ones are shown.
    """
    if "no suitable queues" not in text:
        return None
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not line.startswith("verification")]
    rest = [f"and {len(said) - _SHOWN} lines more"] if said[_SHOWN:] else []
    return "; ".join([*said[:_SHOWN], *rest]) or "no suitable queues"


def parse_error_reason(text: str, task: int) -> str | None:
    """Return why array task `task` is in error, from ``qstat -j``."""
    reasons = {int(number): reason for number, reason in _ERROR_REASON.findall(text)}
    reason = reasons.get(task)
    return None if reason is None else _REASON_PREFIX.sub("", reason)


def parse_max_array_tasks(text: str) -> int | None:
    """Return ``max_aj_tasks`` of ``qconf -sconf``; None if absent or unlimited."""
    found = re.search(r"^max_aj_tasks\s+(\d+)", text, re.MULTILINE)
    return (int(found[1]) or None) if found else None


def parse_accounting_seconds(text: str) -> float | None:
    """Return within which time ``qconf -sconf`` lets ends be written down.

    None if accounting is off, or if that is not told (sge_conf(5),
    reporting_params; the parameters may go on over several lines).
    """
    found = re.search(r"^reporting_params\s+((?:.*\\\n)*.*)", text, re.MULTILINE)
    words = (found[1] if found else "").replace("\\", " ").split()
    params = dict(word.split("=", 1) for word in words if "=" in word)
    delay = params.get("accounting_flush_time") or params.get("flush_time", "")
    if params.get("accounting") != "true" or not re.fullmatch(r"\d+:\d+:\d+", delay):
        return None
    return parse_time(delay)


def parse_slots(text: str) -> int | None:
    """Return the slots of all queues of ``qstat -g c -xml``."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError:
        return None
    totals = [_whole_number(total.text) or 0 for total in root.iter("total")]
    return sum(totals) if totals else None


def parse_accounting_line(line: str) -> AccountingRecord | None:
    """Return the record of a line of the accounting file, None if it is none.

    Sizes are in bytes there, but ``ru_maxrss`` is in kB. They are sampled each
    second, and 0 for what ended before.
    """
    fields = line.split(":")
    try:
        failed = int(fields[11])
        accounting = Accounting(
            job_id=fields[5],
            task=int(fields[35]),
            failed=failed,
            failed_text=FAILED_TEXTS.get(failed, ""),
            exit_status=int(fields[12]),
            host=fields[1],
            submitted_at=_seconds_or_none(fields[8]),
            started_at=_seconds_or_none(fields[9]),
            ended_at=_seconds_or_none(fields[10]),
            wall_seconds=float(fields[13]),
            cpu_seconds=float(fields[36]),
            max_vmem=_max_vmem(fields),
            max_rss=int(float(fields[16])) * _KIB or None,
            rescheduled=failed in RESCHEDULED,
        )
    except (IndexError, ValueError):
        return None
    return AccountingRecord(fields[4], fields[3], accounting)


def _max_vmem(fields: Sequence[str]) -> int | None:
    """Return the peak address space in bytes of an accounting line.

    The category before it is free text, and heirs add fields at the end: it is
    looked for among its neighbours iow, pe_taskid, maxvmem, arid, ar_submission.
    """
    for at in range(40, len(fields) - 4):
        numbers = (fields[at], *fields[at + 2 : at + 5])
        if all(_NUMBER.fullmatch(number.strip()) for number in numbers):
            return int(float(fields[at + 2])) or None
    return None


def _deleter(text: str | None) -> str | None:
    """Return the user who deleted a job, from ``deleted_by``.

    Open Cluster Scheduler names its own daemons there as well: execd where a
    limit was enforced, qmaster where the job is started again.
    """
    name = text or ""
    is_daemon = name.partition("@")[0] in ("execd", "qmaster")
    return None if is_daemon or name.upper() in ("", "NONE") else name


def _seconds_or_none(field: str) -> float | None:
    return float(field) or None


def parse_qacct(text: str) -> list[AccountingRecord]:
    """Return the records of ``qacct -j``, in the order in which they ended."""
    records = (_qacct_record(fields) for fields in _qacct_blocks(text))
    return [record for record in records if record]


def _qacct_blocks(text: str) -> Iterator[dict[str, str]]:
    for block in re.split(r"^=+\s*$", text, flags=re.MULTILINE):
        pairs = (line.partition(" ") for line in block.splitlines())
        fields = {name: value.strip() for name, _, value in pairs if name}
        if fields:
            yield fields


def _qacct_record(fields: Mapping[str, str]) -> AccountingRecord | None:
    task = _whole_number(fields.get("taskid"))
    job_id = fields.get("jobnumber")
    if not job_id or task is None:
        return None
    failed = _whole_number(fields.get("failed")) or 0
    # qacct 8.1.9 prints "4.820KB" for 4820 kB: the unit is one too small.
    max_rss = (_quantity(fields.get("ru_maxrss")) or 0) * _KIB
    if "maxrss" in fields:  # of all processes; only heirs know it
        max_rss = _quantity(fields["maxrss"]) or 0
    max_vmem = _quantity(fields.get("maxvmem"))
    accounting = Accounting(
        job_id=job_id,
        task=task,
        failed=failed,
        failed_text=fields.get("failed", "").partition(":")[2].strip(),
        exit_status=_whole_number(fields.get("exit_status")),
        host=fields.get("hostname"),
        submitted_at=_parse_time(fields.get("qsub_time")),
        started_at=_parse_time(fields.get("start_time")),
        ended_at=_parse_time(fields.get("end_time")),
        wall_seconds=_quantity(fields.get("wallclock") or fields.get("ru_wallclock")),
        cpu_seconds=_quantity(fields.get("cpu")),
        max_vmem=int(max_vmem or 0) or None,
        max_rss=int(max_rss) or None,
        deleted_by=_deleter(fields.get("deleted_by")),
        rescheduled=failed in RESCHEDULED,
    )
    return AccountingRecord(
        fields.get("jobname", ""), fields.get("owner", ""), accounting
    )


def _whole_number(text: str | None) -> int | None:
    """Return the number at the start of e.g. ``137 (Killed)``."""
    found = re.match(r"\d+", text or "")
    return int(found[0]) if found else None


def _quantity(text: str | None) -> float | None:
    """Return the number in e.g. ``0.011s``, ``308.039MB`` or ``217.0M``."""
    found = _QUANTITY.match(text or "")
    return float(found[1]) * _UNIT_FACTORS[found[2]] if found else None


def _parse_time(text: str | None) -> float | None:
    """Return the POSIX time stamp of a local time as qacct prints it."""
    words = (text or "").split()
    if len(words) == 5 and words[1] in _MONTHS:  # Sun Nov 22 17:20:18 2026
        _, month, day, clock, year = words
        text = f"{year}-{_MONTHS.index(month) // 4 + 1:02}-{int(day):02} {clock}"
    try:
        return time.mktime(datetime.fromisoformat(text or "").timetuple())
    except ValueError:
        return None
