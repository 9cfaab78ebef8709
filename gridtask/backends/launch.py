"""Starting the process that holds a local job, also before there is a job."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

from gridtask.backends import jobfile

_START = """
import sys
sys.path.append(sys.argv[1])
for name in ("allowance", "jobfile", "prefork", "slots"):
    sys.modules["gridtask.backends." + name] = __import__(name)
import supervisor
sys.path.remove(sys.argv[1])
supervisor.main()
"""
"""Starts a supervisor from its folder alone: a package's parents cost time."""


_EARLY: list[Supervisor] = []
_LOCK = threading.Lock()


def prepare(module: str) -> None:
    """Have a supervisor started and a module imported for a job that is likely.

    Its array tasks then start without delay. It ends with this process, or a
    minute later, if no job comes.
    """
    with _LOCK, contextlib.suppress(OSError):  # `launch` will say why
        _EARLY.append(_take(module) or Supervisor(module))


def launch(header: bytes, module: str) -> tuple[str, str]:
    """Start a job; return its id and what came on stderr.

    Parameters
    ----------
    header : bytes
        See `gridtask.backends.supervisor.main`.
    module : str
        What its array tasks run, if they can be forks.

    Raises
    ------
    OSError
        If no process could be started.
    """
    with _LOCK:
        early = _take(module)
    job_id, error = early.send(header) if early else ("", "")
    if not job_id and not error:  # there was none, or it has waited too long
        return Supervisor().send(header)
    return job_id, error


def _take(module: str) -> Supervisor | None:
    """Take out the supervisor that waits, if it would be the same now."""
    early = _EARLY.pop() if _EARLY else None
    if early is None or early.is_ready_for(module):
        return early
    early.discard()
    return None


class Supervisor:
    """A supervisor that has been started and waits for its job.

    Parameters
    ----------
    module : str
        What it imports until the job comes; empty if that comes at once.

    Raises
    ------
    OSError
        If it could not be started.
    """

    def __init__(self, module: str = "") -> None:
        home = os.path.dirname(jobfile.__file__)
        # Not isolated: array tasks are forks, and an interpreter's flags go on
        # to the Pythons that they start.
        argv = (sys.executable, "-P", "-c", _START, home, module)
        self._module = module
        self._circumstances = _circumstances()
        (stdin, to_send), (to_receive, stdout), (to_fail, stderr) = (
            os.pipe() for _ in range(3)
        )
        self._send = open(to_send, "wb", buffering=0)  # noqa: SIM115 - see `send`
        self._receive = open(to_receive, "rb")  # noqa: SIM115
        self._fail = open(to_fail, "rb")  # noqa: SIM115
        ends = (stdin, stdout, stderr)
        try:
            # Not by `subprocess`, whose import takes as long as all this.
            self._pid = os.posix_spawn(
                argv[0],
                argv,
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, end, number)
                    for number, end in enumerate(ends)
                ],
                setpgroup=0,  # out of the reach of Ctrl-C at once
            )
        except OSError:
            self._close()
            raise
        finally:
            for end in ends:
                os.close(end)

    def is_ready_for(self, module: str) -> bool:
        """Tell whether one that is started now for this module would be the same."""
        return self._module == module and self._circumstances == _circumstances()

    def send(self, header: bytes) -> tuple[str, str]:
        """Hand the job over; return its id and what came on stderr."""
        try:
            with contextlib.suppress(BrokenPipeError):  # its stderr tells why
                view = memoryview(header)
                while view:
                    view = view[self._send.write(view) :]
            self._send.close()
            answer = self._receive.read().decode(errors="replace")
            # What comes before was printed by the start of the interpreter.
            return answer.rpartition("\n")[2], self._fail.read().decode(
                errors="replace"
            )
        finally:
            self.discard()

    def discard(self) -> None:
        """Let it end, if no job was handed over."""
        self._close()
        with contextlib.suppress(ChildProcessError):  # SIGCHLD may be ignored here
            os.waitpid(self._pid, 0)

    def _close(self) -> None:
        for file in (self._send, self._receive, self._fail):
            file.close()


def _circumstances() -> tuple[object, ...]:
    """Return what a process takes over from this one, and which one this is."""
    return os.getpid(), sys.executable, dict(os.environ)
