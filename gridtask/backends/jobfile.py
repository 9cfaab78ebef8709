"""What is known of a local job: the file that its supervisor appends to.

The file is all that others need: whoever can read it knows the job's array
tasks and whether its supervisor still lives.

Lines of tab-separated fields, backslash-escaped, complete with their newline:

``gridtask-local 1`` · ``name NAME`` · ``tasks FIRST N`` · ``limit N`` (tasks at
a time) · ``slots N OF`` (each takes N of the folder's OF) · ``allow BYTES SECONDS`` (of
each; 0 is no limit) · ``folder PATH`` ·
``log NAME`` · ``argv ARG...`` · ``hold FILE 0|1`` (1: elementwise) ·
``submitted TIME`` · ``up PID START MACHINE HOST`` · ``start TASK TIME`` ·
``end TASK TIME FAILED STATUS CPU RSS USER TEXT`` (empty where unknown; USER
deleted it) · ``cancel USER FIRST LAST``, written by those who want the tasks
FIRST to LAST deleted · ``fault TEXT``, the supervisor's own last words. Unknown
words are for later versions.

Supervisors import this module: like theirs, its imports are builtin only.
"""

# ruff: noqa: SIM105 -- contextlib would be a third of a supervisor's start

from __future__ import annotations

import os
import time

SUFFIX = ".local"

SILENCE = 150.0
"""Seconds without a touch of its file after which another host's supervisor is dead."""


def join_line(word: str, *fields: object) -> bytes:
    """Return a line of a state file."""
    # Through bytes: supervisor and driver may decode paths differently.
    parts = [os.fsencode(str(field)).decode("latin-1") for field in fields]
    escaped = [part.encode("unicode_escape") for part in parts]
    return b"\t".join([word.encode(), *escaped]) + b"\n"


def split_line(line: bytes) -> list[str]:
    """Return the word and the fields of a line made by `join_line`."""
    parts = [part.decode("unicode_escape") for part in line.split(b"\t")]
    return [os.fsdecode(part.encode("latin-1")) for part in parts]


def machine() -> str:
    """Name the running kernel and pid namespace: what a pid is valid in."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read(8)
    return f"{boot}{os.stat('/proc/self/ns/pid').st_ino:08x}"


def start_time(pid: int) -> int | None:
    """Return when a living process started, in clock ticks since boot.

    A pid and its start time name a process for as long as the machine is up.
    None for one that has ended, a zombie included.

    References
    ----------
    proc_pid_stat(5): fields 3 (state) and 22 (starttime).
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


class Ended:
    """What a state file says of an array task that ended.

    Parameters
    ----------
    fields : list of str
        The fields of an ``end`` line after the array task's number.
    """

    def __init__(self, fields: list[str]) -> None:
        at, failed, status, cpu, rss, user, self.text = fields
        self.at = float(at)
        self.failed = int(failed)
        self.exit_status = int(status) if status else None
        self.cpu_seconds = float(cpu) if cpu else None
        self.max_rss = int(rss) if rss else None
        self.deleted_by = user or None


class Job:
    """A job as its state file tells it.

    Attributes
    ----------
    tasks : range
    started : dict of int to float
        POSIX time stamps, by array task, of those that have been started.
    ended : dict of int to Ended
    cancelled : dict of int to str
        Who wants an array task deleted, by array task.
    fault : str
        Why the supervisor gave up, if it could tell.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = self.folder = self.log = self.machine = self.host = ""
        self.fault = ""
        self.tasks = range(0)
        self.limit = self.slots = 1
        self.n_slots = 0
        self.memory, self.seconds = 0, 0.0
        self.argv: list[str] = []
        self.holds: list[tuple[str, bool]] = []
        self.submitted_at = 0.0
        self.pid = self.start = 0
        self.started: dict[int, float] = {}
        self.ended: dict[int, Ended] = {}
        self.cancelled: dict[int, str] = {}
        self._offset = 0
        self._is_dead = False

    @property
    def job_id(self) -> str:
        """The supervisor: its pid, its start time, and where those hold."""
        return f"{self.pid}-{self.start}-{self.machine}"

    def refresh(self) -> None:
        """Read what was appended; a file that cannot be read has nothing new."""
        try:
            with open(self.path, "rb", buffering=0) as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            self._is_dead = True
        except OSError:
            return  # the file server's trouble says nothing of the job
        else:
            self._offset += self.parse(data)

    def parse(self, data: bytes) -> int:
        """Take over the complete lines of `data`; return their length in bytes."""
        n_bytes = data.rfind(b"\n") + 1
        for line in data[:n_bytes].splitlines():
            try:
                word, *fields = split_line(line)
                self._take(word, fields)
            except (ValueError, IndexError):
                continue  # torn by a full disk: what is not told is not known
        return n_bytes

    def _take(self, word: str, fields: list[str]) -> None:
        if word == "start":
            self.started[int(fields[0])] = float(fields[1])
        elif word == "end":
            self.ended[int(fields[0])] = Ended(fields[1:])
        elif word == "cancel":
            for task in range(int(fields[1]), int(fields[2]) + 1):
                if task in self.tasks:
                    self.cancelled.setdefault(task, fields[0])
        elif word == "up":
            self.pid, self.start = int(fields[0]), int(fields[1])
            self.machine, self.host = fields[2], fields[3]
        elif word == "tasks":
            self.tasks = range(int(fields[0]), int(fields[0]) + int(fields[1]))
        elif word == "hold":
            self.holds.append((fields[0], fields[1] == "1"))
        elif word == "argv":
            self.argv = fields
        elif word == "limit":
            self.limit = int(fields[0])
        elif word == "slots":
            self.slots, self.n_slots = int(fields[0]), int(fields[1])
        elif word == "allow":
            self.memory, self.seconds = int(fields[0]), float(fields[1])
        elif word == "submitted":
            self.submitted_at = float(fields[0])
        elif word in ("name", "folder", "log", "fault"):
            setattr(self, word, fields[0])

    def is_over(self) -> bool:
        """Tell whether nothing of the job is left; the file has been read then."""
        if not self._is_dead:
            is_alive = self._has_supervisor()
            self.refresh()
            self._is_dead = self._is_dead or not is_alive
        return self._is_dead or len(self.ended) == len(self.tasks)

    def send(self, number: int) -> None:
        """Send a signal to the supervisor, if it lives on this machine."""
        if self.machine == machine() and start_time(self.pid) == self.start:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    def _has_supervisor(self) -> bool:
        here = machine()
        if self.machine == here:
            return start_time(self.pid) == self.start
        if self.host == os.uname().nodename and self.machine[:8] != here[:8]:
            return False  # this host was restarted since
        try:
            return time.time() - os.stat(self.path).st_mtime < SILENCE
        except FileNotFoundError:
            return False


class Holds:
    """The jobs that must be gone before array tasks may start."""

    def __init__(self, holds: list[tuple[str, bool]]) -> None:
        self._jobs = [(Job(path), elementwise) for path, elementwise in holds]
        for job, _ in self._jobs:
            job.refresh()

    def refresh(self) -> None:
        """Look at the jobs again; those that are gone are forgotten."""
        self._jobs = [pair for pair in self._jobs if not pair[0].is_over()]

    def block(self, task: int) -> bool:
        """Tell whether array task `task` has to wait."""
        return any(
            not elementwise or (task in job.tasks and task not in job.ended)
            for job, elementwise in self._jobs
        )
