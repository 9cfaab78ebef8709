"""How often to look, and how long to believe that something may still come."""

from __future__ import annotations

from typing import NamedTuple


class Pace(NamedTuple):
    """The intervals for one backend, in seconds.

    Attributes
    ----------
    list_least, list_most : float
        Between two listings of the store's folder: from, backing off to.
    poll_least, poll_most : float
        The same between two questions to the scheduler.
    settle : float
        From evidence of a worker's end until a missing result is missed.
    gone, unseen : float
        Without evidence: how long the scheduler must not know the job, and
        how long afterwards a result may still come into sight.
    """

    list_least: float
    list_most: float
    poll_least: float
    poll_most: float
    settle: float
    gone: float
    unseen: float

    @property
    def patience(self) -> float:
        """How long a call waits for an input whose job has ended without it.

        Until then a producer that was lost has been submitted again, and a
        further attempt of the consumer waits behind it.
        """
        return max(LEAST_PATIENCE, self.unseen + 2 * self.settle)


LEAST_PATIENCE = 5.0
"""On one machine, where the end of a process is heard of within a second."""

HERE = Pace(0.02, 0.1, 0.2, 1.0, 0.0, 0.0, 0.0)
"""One machine: what a process wrote is seen as soon as it has ended, and a look
costs some ten microseconds."""


def cluster_pace(fs_latency: float) -> Pace:
    """Return the pace for nodes that share a network file system.

    Parameters
    ----------
    fs_latency : float
        Seconds within which a file written on a node is seen on this host.
    """
    return Pace(0.1, 5.0, 2.0, 60.0, 5.0, 15.0, fs_latency)


COST_FACTOR = 8
"""So many times as long as a look has taken is waited until the next at least."""


class Ladder:
    """A delay that grows while nothing happens and starts again when it does."""

    def __init__(self, least: float, most: float, growth: float = 1.5) -> None:
        self._least, self._most, self._growth = least, most, growth
        self._delay = least
        self._due = self._earliest = 0.0

    def reset(self) -> None:
        """Make it due, and the next times soon after."""
        self._delay = self._least
        self._due = 0.0

    def hasten(self) -> None:
        """Make it due as soon as its least delay allows."""
        self._delay = self._least
        self._due = min(self._due, self._earliest)

    def is_due(self, now: float) -> bool:
        """Tell whether it is time."""
        return now >= self._due

    def done(self, now: float, *, changed: bool, cost: float = 0.0) -> None:
        """Plan the next time; what costs much is done less often."""
        self._delay = (
            self._least if changed else min(self._most, self._delay * self._growth)
        )
        self._due = now + max(self._delay, COST_FACTOR * cost)
        self._earliest = now + max(self._least, COST_FACTOR * cost)

    def seconds_left(self, now: float) -> float:
        """Return how long to wait."""
        return max(0.0, self._due - now)
