"""The process that holds one local job, and the file that tells of it.

A job of the local backend is one supervisor: a small process in a session of
its own that runs the job's array tasks and appends to the job's state file
(`gridtask.backends.jobfile`) what became of them.

It starts with every local job and is waited for, so until it has answered it
imports nothing but builtin modules and its neighbours here. Array tasks are
forks of it where that is possible (`gridtask.backends.prefork`).

Three process identities nest, and each kind of ending uses one of them: the
session is the job, a process group in it is an array task, and a guardian,
which does nothing but wait for the supervisor's end, kills what is left of the
session should the supervisor be killed. The guardian takes processes that a
task started along, which a parent-death signal to the task alone would not.
"""

# ruff: noqa: SIM105 -- contextlib would be a third of the start

from __future__ import annotations

import os
import sys
import time

from gridtask.backends.allowance import Allowance
from gridtask.backends.jobfile import (
    Holds,
    Job,
    join_line,
    machine,
    split_line,
    start_time,
)
from gridtask.backends.prefork import load_command, module_of, start_fork
from gridtask.backends.slots import Slot, Slots

TYPE_CHECKING = False  # `typing` would be a third of the start
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
else:
    # The module `signal` wraps this one in enums: 8 ms of the start.
    import _signal as signal

BEAT = 30.0
"""Seconds between two touches of the state file, which tell other hosts of its life."""

WAITS = (0.02, 0.5)
"""Shortest and longest time in seconds between two looks at what is waited for."""

NEXT_WAIT = 0.1
"""The longest for who is the next in line for slots."""

PATIENCE = 60
"""Seconds that a supervisor waits for a job that was only likely to come."""

NOT_STARTED = 1
"""`failed` of an array task that could not be started, as in accounting(5)."""

ENDED_BY_SIGNAL = 100
"""`failed` of an array task that a signal ended, as in accounting(5)."""

LIMIT_ENFORCED = 37
"""`failed` of an array task that was over a limit, as in accounting(5)."""

OUT_OF_MEMORY = 101
"""The same as `gridtask.backends.base.SYSTEM_KILLED`, whose import takes long."""

_EVENTS = (signal.SIGCHLD, signal.SIGUSR1, signal.SIGTERM)
_IGNORED = (signal.SIGINT, signal.SIGHUP)
_CHANGED = (*_EVENTS, *_IGNORED, signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python or this module treats specially, and a task should not."""


class Supervisor:
    """Run the array tasks of a job, at most `job.limit` at a time.

    Parameters
    ----------
    fd : int
        The job's state file, open for appending.
    call : callable or None
        Runs the job's command in a fork; None starts a process.
    """

    def __init__(
        self, job: Job, fd: int, call: Callable[[list[str]], int] | None = None
    ) -> None:
        self._job = job
        self._fd = fd
        self._call = call
        self._unwritten = b""
        self._pending = list(job.tasks)
        self._running: dict[int, int] = {}
        self._taken: dict[int, list[Slot]] = {}
        self._slots = Slots(os.path.dirname(job.path), job.n_slots)
        self._holds = Holds(job.holds)
        self._allowance = Allowance(job.memory, job.seconds)
        self._wait = WAITS[0]
        self._next_beat = time.monotonic() + BEAT
        # Its write end is open here alone: closed means that this process ended.
        self._lifeline = os.pipe()
        self._guardian = self._start_guardian()

    def run(self) -> None:
        """Return when all array tasks have ended or SIGTERM came."""
        while self._pending or self._running:
            self._start_tasks()
            event = signal.sigtimedwait(_EVENTS, self._wait_seconds())
            if event is not None and event.si_signo == signal.SIGTERM:
                self._stop()
                return
            self._reap()
            self._allowance.enforce()
            if event is None or event.si_signo == signal.SIGUSR1:
                self._obey_cancel()
            self._beat()

    def _start_tasks(self) -> None:
        if self._pending and len(self._running) < self._job.limit:
            self._holds.refresh()
        while len(self._running) < self._job.limit:
            task = next((n for n in self._pending if not self._holds.block(n)), None)
            if task is None:
                self._slots.leave()
                return
            taken = self._slots.take(self._job.slots)
            if taken is None:
                return
            self._taken[task] = taken
            self._pending.remove(task)
            self._start(task)
            self._wait = WAITS[0]

    def _start(self, task: int) -> None:
        name = self._job.log.replace("{task}", str(task))
        path = os.path.join(self._job.folder, name)
        appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        try:
            log = os.open(path, appending | os.O_CLOEXEC, 0o600)
            try:
                pid = self._start_process(task, log)
            finally:
                os.close(log)
        except OSError as error:
            argv = self._job.argv
            text = f"could not start {argv[0]!r} with log {path!r}: {error}"
            self._end(task, NOT_STARTED, text=text)
            return
        self._allowance.begin(pid)
        self._running[pid] = task
        self._write(join_line("start", task, time.time()))

    def _start_process(self, task: int, log: int) -> int:
        argv = self._job.argv
        environ = {**os.environ, "GRIDTASK_TASK_ID": str(task)}
        if self._call is not None:
            return start_fork(self._call, argv, environ, log)
        return os.posix_spawn(
            argv[0],
            argv,
            environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setpgroup=0,
            setsigmask=(),
            setsigdef=_CHANGED,
        )

    def _wait_seconds(self) -> float:
        seconds = max(self._next_beat - time.monotonic(), 0.0)
        left = self._allowance.seconds_left()
        if left is not None:
            seconds = min(seconds, left)
        if self._pending and len(self._running) < self._job.limit:
            seconds = min(seconds, self._wait)
            longest = NEXT_WAIT if self._slots.is_next else WAITS[1]
            self._wait = min(self._wait * 1.5, longest)
        return seconds

    def _reap(self) -> None:
        """Record the processes that ended, and end what they left behind."""
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while child := os.waitid(os.P_ALL, 0, options):
            pid = child.si_pid
            # Before the wait: until then nobody else can have this group.
            _kill_group(pid)
            _, status, usage = os.wait4(pid, 0)
            if pid == self._guardian:
                self._guardian = self._start_guardian()
                continue
            task = self._running.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            used = (usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
            failed, text = _cause(self._allowance.end(pid, max(-code, 0)), -code)
            self._end(task, failed, 128 - code if code < 0 else code, *used, text=text)

    def _end(self, task: int, failed: int, *usage: float, text: str = "") -> None:
        for slot in self._taken.pop(task, ()):
            slot.close()
        # One that ended by itself just before was not deleted.
        is_deleted = not usage or failed in (ENDED_BY_SIGNAL, OUT_OF_MEMORY)
        user = self._job.cancelled.get(task, "") if is_deleted else ""
        fields = usage or ("", "", "")
        self._write(join_line("end", task, time.time(), failed, *fields, user, text))

    def _obey_cancel(self) -> None:
        self._job.refresh()
        dropped = [task for task in self._pending if task in self._job.cancelled]
        if dropped:
            self._pending = [n for n in self._pending if n not in self._job.cancelled]
        for task in dropped:
            self._end(task, 0)
        for pid, task in self._running.items():
            if task in self._job.cancelled:
                _kill_group(pid)

    def _stop(self) -> None:
        self._write(join_line("fault", "it was ended by SIGTERM"))
        for pid in self._running:
            _kill_group(pid)
        while self._running:
            signal.sigtimedwait((signal.SIGCHLD,), 1.0)
            self._reap()

    def _beat(self) -> None:
        if time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + BEAT
            self._write(b"")

    def _write(self, data: bytes) -> None:
        """Append to the state file, later if the disk is full now; touch it."""
        self._unwritten += data
        try:
            n_bytes = os.write(self._fd, self._unwritten)
            if n_bytes < len(self._unwritten):
                # A torn line is void: others may append before its rest comes.
                torn_at = self._unwritten.rfind(b"\n", 0, n_bytes) + 1
                self._unwritten = b"\n" + self._unwritten[torn_at:]
            else:
                self._unwritten = b""
            os.utime(self._fd)
        except OSError:
            return

    def _start_guardian(self) -> int:
        pid = os.fork()
        if pid:
            return pid
        # Not to keep the lifeline's other end open, nor slots.
        inherited = max(int(name) for name in os.listdir("/proc/self/fd")) + 1
        os.closerange(3, self._lifeline[0])
        os.closerange(self._lifeline[0] + 1, inherited)
        os.read(self._lifeline[0], 1)
        wait_seconds = 0.001
        while _kill_session():
            time.sleep(wait_seconds)
            wait_seconds = min(2 * wait_seconds, 1.0)
        os._exit(0)


def _cause(limit: str, number: int) -> tuple[int, str]:
    """Return `failed` and its text for a process that a signal has ended, or not."""
    if limit == "time":
        return LIMIT_ENFORCED, "its time was over"
    if limit == "machine":
        return OUT_OF_MEMORY, "killed by the system: this machine was out of memory"
    if number > 0:
        return ENDED_BY_SIGNAL, f"killed by signal {number}"
    return 0, ""


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass


def _kill_session() -> bool:
    """Kill the others of this process's session; tell whether there were any."""
    own, session = os.getpid(), os.getsid(0)
    found = False
    for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
        try:
            if pid != own and os.getsid(pid) == session and start_time(pid):
                os.kill(pid, signal.SIGKILL)
                found = True
        except OSError:
            continue
    return found


def _create(header: bytes, path: str) -> tuple[Job, int]:
    """Publish the state file, complete with what identifies this process."""
    pid = os.getpid()
    up = join_line("up", pid, start_time(pid), machine(), os.uname().nodename)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    fd = os.open(path, flags, 0o600)
    try:
        if os.write(fd, header + up) < len(header + up):
            msg = f"no space left for {path!r}"
            raise OSError(msg)
    except OSError:
        os.unlink(path)
        raise
    job = Job(path)
    job.refresh()
    return job, fd


def _prepare_signals() -> None:
    for number in _EVENTS:
        signal.signal(number, signal.SIG_DFL)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, _EVENTS)


def main() -> None:
    """Start the job whose state file begins with what stdin holds.

    The first line of stdin is the file's path. Prints the job id once the file
    is there and the job needs nobody else any more, or an error on stderr.

    The argument is the module that the array tasks run, if there will be a job
    only later, perhaps: then it is imported meanwhile.
    """
    module, header, call = sys.argv[-1], b"", None
    if not module:
        header = sys.stdin.buffer.read()
    if os.fork():
        os._exit(0)
    os.setsid()
    _prepare_signals()
    if module:
        signal.alarm(PATIENCE)
        call = load_command(module)
        header = sys.stdin.buffer.read()
        signal.alarm(0)
    first, _, header = header.partition(b"\n")
    if not header:
        os._exit(0)  # no job came
    job, fd = _answer(header, split_line(first)[1])
    try:
        if not module:
            call = load_command(module_of(job.argv))
        os.chdir(job.folder)
        Supervisor(job, fd, call).run()
    except Exception as error:
        os.write(fd, join_line("fault", repr(error)))
        os._exit(1)  # the guardian ends the tasks
    os._exit(0)


def _answer(header: bytes, path: str) -> tuple[Job, int]:
    """Publish the job and tell its id; return it and its file."""
    try:
        job, fd = _create(header, path)
    except OSError as error:
        os.write(2, str(error).encode())
        os._exit(1)
    try:
        # Behind whatever the start of the interpreter has printed.
        os.write(1, b"\n" + job.job_id.encode())
    except OSError:
        pass  # whoever submitted is gone; the job is not
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    os.close(null)
    # Of an array task that the driver itself may be; a worker would believe them.
    for name in ("JOB_ID", "SGE_TASK_ID"):
        os.environ.pop(name, None)
    if "GRIDTASK_JOB_ID" in os.environ:
        job.n_slots = 0  # the local job that waits for this one holds slots itself
    os.environ["GRIDTASK_JOB_ID"] = job.job_id
    return job, fd
