"""What an array task of a local job may use, and what happens beyond.

As ``h_vmem`` and ``h_rt`` of Grid Engine do: beyond its memory no process of
the task gets any more; when its time is over, the task is told by SIGXCPU, and
what has not ended a moment later is killed.

Supervisors import this module: like theirs, its imports are builtin only.
"""

# ruff: noqa: SIM105 -- contextlib would be a third of a supervisor's start

from __future__ import annotations

import os
import time

TYPE_CHECKING = False  # `typing` would be a third of the start
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal

GRACE = 2.0
"""Seconds from the warning to the kill."""


class Allowance:
    """Watches the processes of array tasks.

    Parameters
    ----------
    memory : int
        Bytes of address space of each process; 0 is no limit.
    seconds : float
        Wall time of each array task; 0 is no limit.
    """

    def __init__(self, memory: int, seconds: float) -> None:
        self._memory = memory
        self._seconds = seconds
        self._deadlines: dict[int, float] = {}
        self._warned: set[int] = set()
        self._n_oom_kills: dict[int, int] = {}

    def begin(self, pid: int) -> None:
        """Watch a process that has just been started."""
        self._n_oom_kills[pid] = _n_oom_kills()
        if self._seconds:
            self._deadlines[pid] = time.monotonic() + self._seconds
        if self._memory:
            import resource

            limits = (self._memory, self._memory)
            try:
                resource.prlimit(pid, resource.RLIMIT_AS, limits)
            except OSError:  # it has ended, or the limit here is lower
                pass

    def end(self, pid: int, ended_by: int) -> str:
        """Forget a process; return which limit has ended it, if one has.

        Parameters
        ----------
        ended_by : int
            The signal that has ended it, 0 if none has.

        Returns
        -------
        what : str
            ``"time"``, ``"machine"`` (it was out of memory) or ``""``.
        """
        self._deadlines.pop(pid, None)
        n_oom_kills = self._n_oom_kills.pop(pid, 0)
        if pid in self._warned:
            self._warned.remove(pid)
            return "time" if ended_by else ""
        is_oom = ended_by == signal.SIGKILL and _n_oom_kills() > n_oom_kills
        return "machine" if is_oom else ""

    def seconds_left(self) -> float | None:
        """Return the time until somebody's is over, None if nobody's will be."""
        if not self._deadlines:
            return None
        return max(min(self._deadlines.values()) - time.monotonic(), 0.0)

    def enforce(self) -> None:
        """Warn the processes whose time is over, and kill those that were warned."""
        now = time.monotonic()
        for pid, deadline in list(self._deadlines.items()):
            if deadline > now:
                continue
            try:
                if pid in self._warned:
                    os.killpg(pid, signal.SIGKILL)
                else:
                    os.kill(pid, signal.SIGXCPU)
            except OSError:
                pass  # it has just ended
            self._warned.add(pid)
            self._deadlines[pid] = now + GRACE


def _n_oom_kills() -> int:
    """Return how many processes this machine has killed for want of memory.

    proc_vmstat(5): oom_kill, since Linux 4.13.
    """
    try:
        with open("/proc/vmstat", "rb") as file:
            rest = file.read().partition(b"\noom_kill ")[2]
    except OSError:
        return 0
    return int(rest.split(None, 1)[0]) if rest else 0
