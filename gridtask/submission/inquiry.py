"""Whether the scheduler's answer is enough to decide by it what to submit."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from gridtask.backends.base import Backend, JobState
from gridtask.claims.claim import Claim
from gridtask.errors import SchedulerUnavailable

RETRY_POLL_SECONDS = 2.0
"""Between two questions to a scheduler that does not answer, or not yet."""


class Inquiry:
    """Asks for all jobs, and believes only answers that cannot mislead.

    A qsub is a process of its own: it outlives the driver that started it, and the
    scheduler that did not answer it for a while. Its job may yet appear.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def ask(self, live: Collection[Claim]) -> Mapping[str, JobState]:
        """Return the scheduler's jobs.

        Where the job of a killed driver is missing, it is asked twice: an answer
        may be the first one after a silence in which nobody has asked.

        Raises
        ------
        SchedulerUnavailable
            If there is no answer; or if the second one came late, and still
            misses such a job.
        """
        states = self._backend.poll()
        if not _misses_jobs(live, states):
            return states
        time.sleep(RETRY_POLL_SECONDS)
        begun = time.monotonic()
        states = self._backend.poll()
        is_late = time.monotonic() - begun > RETRY_POLL_SECONDS
        if _misses_jobs(live, states) and is_late:
            msg = "the scheduler was silent while a run was submitted"
            raise SchedulerUnavailable(msg)
        return states

    @staticmethod
    def refuse_doubt(claims: Mapping[str, Claim]) -> None:
        """Refuse to plan while a job may appear whose driver was killed just now.

        Raises
        ------
        SchedulerUnavailable
            If that is so: there is no answer yet.
        """
        for run_id, claim in claims.items():
            if claim.is_in_doubt():
                msg = f"run {run_id} was killed while it was submitted"
                raise SchedulerUnavailable(msg)


def _misses_jobs(live: Collection[Claim], states: Mapping[str, JobState]) -> bool:
    """Tell whether jobs are known to nobody whose drivers have ended."""
    for claim in live:
        claim.find_jobs(states)
    return any(claim.is_incomplete for claim in live)
