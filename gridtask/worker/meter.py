"""What a call uses: wall time, and the peak memory of its worker so far."""

from __future__ import annotations

import resource
import time

FRESH_SECONDS = 0.02
"""How old a reading of the peaks may be: calls of microseconds share one."""


class Meter:
    """Measures the calls of this process, one after another.

    Attributes
    ----------
    seconds : float
        Wall time of the call that `stop` has ended.
    peak_mb, vm_mb : int
        Peak resident memory and address space of this process so far, in MB
        (2**20). The latter is what ``h_vmem`` limits (queue_conf(5)); 0 where
        it is not known.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.peak_mb = self.vm_mb = 0
        self._started = 0.0
        self._stale_at = 0.0

    def start(self) -> None:
        """Begin a call."""
        self._started = time.perf_counter()

    def stop(self, *, exact: bool = False) -> None:
        """End the call; with `exact`, peaks are those of this very moment."""
        now = time.perf_counter()
        self.seconds = now - self._started
        if exact or now >= self._stale_at:
            self._stale_at = now + FRESH_SECONDS
            self.peak_mb = _peak_resident()
            self.vm_mb = _peak_address_space()


def _peak_resident() -> int:
    """Return the peak in MB; getrusage(2): ru_maxrss is in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _peak_address_space() -> int:
    """Return the peak in MB; proc(5): VmPeak is in kB."""
    try:
        with open("/proc/self/status", "rb") as file:
            status = file.read(4096)
    except OSError:
        return 0
    _, found, rest = status.partition(b"VmPeak:")
    return int(rest.split(maxsplit=1)[0]) >> 10 if found else 0
