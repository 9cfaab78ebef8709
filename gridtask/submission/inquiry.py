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
        self._was_silent = False

    def ask(self, live: Collection[Claim]) -> Mapping[str, JobState]:
        """Return the scheduler's jobs.

        Raises
        ------
        SchedulerUnavailable
            If there is no answer; or if it is the first one after a silence, and
            the job of a killed driver is missing in it.
        """
        begun = time.monotonic()
        was_silent, self._was_silent = self._was_silent, True
        states = self._backend.poll()
        is_slow = time.monotonic() - begun > RETRY_POLL_SECONDS
        self._was_silent = False
        if was_silent or is_slow:
            for claim in live:
                claim.find_jobs(states)
                if claim.is_incomplete:
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
