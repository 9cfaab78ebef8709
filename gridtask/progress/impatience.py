"""Why nothing of a run starts: what the scheduler says of jobs that cannot run.

Grid Engine takes a job that asks for more memory, time or slots than any queue
has, and lets it wait for ever without a word.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gridtask.printable import printable

if TYPE_CHECKING:
    from gridtask.driver.counts import Counts
    from gridtask.driver.execution import Execution

PATIENCE_SECONDS = 30.0
"""How long all that is left of a run waits before the scheduler is asked."""


class Impatience:
    """Asks of each job once why it waits, when nothing of a run is at work.

    Parameters
    ----------
    execution : Execution
        The run that somebody waits for.
    """

    def __init__(
        self, execution: Execution, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._execution = execution
        self._clock = clock
        self._since = clock()
        self._asked: set[str] = set()

    def word(self, counts: Counts) -> str | None:
        """Return what the user should know by now, None if there is nothing."""
        now = self._clock()
        if counts.running or not counts.queued:
            self._since = now
            return None
        if now - self._since < PATIENCE_SECONDS:
            return None
        self._since = now
        found = self._execution.claim_of(self._execution.open_calls[0])
        job = found[0].job_of(found[1]) if found else None
        if not found or not job or job.job_id in self._asked:
            return None
        self._asked.add(job.job_id)
        why = self._execution._backend.why_waiting(job.job_id)
        run_id = found[0].plan.run_id
        return why and printable(
            f"job {job.job_id} waits and can never start: {why}. Take it back with "
            f"`gridtask cancel {run_id}`, ask for what the site has, and run again"
        )
