"""What is said when nothing of a run starts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gridtask.driver.counts import Counts
from gridtask.progress.impatience import PATIENCE_SECONDS, Impatience

WAITING = Counts(total=3, queued=3)
WHY = 'cannot run at host "node1"'


class Cluster:
    """A run of one job, a clock, and what was asked of the scheduler."""

    def __init__(self, why: str | None) -> None:
        self.now = 0.0
        self.asked: list[str] = []
        self._why = why
        job = SimpleNamespace(job_id="118")
        plan = SimpleNamespace(run_id="k3f9a2bc")
        claim = SimpleNamespace(plan=plan, job_of=lambda task: job)
        self.execution = SimpleNamespace(
            open_calls=[0, 1, 2], claim_of=lambda index: (claim, 1), _backend=self
        )

    def why_waiting(self, job_id: str) -> str | None:
        """Answer as a backend does."""
        self.asked.append(job_id)
        return self._why

    def words(self, *counts: Counts) -> list[str | None]:
        """Show an impatient person some counts, one patience after the other."""
        impatience = Impatience(self.execution, clock=lambda: self.now)
        words = []
        for each in counts:
            self.now += PATIENCE_SECONDS
            words.append(impatience.word(each))
        return words


def test_a_job_that_can_never_start_is_told_once():
    """With the scheduler's reason, and how to take the job back."""
    cluster = Cluster(WHY)
    told, *rest = cluster.words(WAITING, WAITING, WAITING)
    assert told is not None
    assert WHY in told
    assert "gridtask cancel k3f9a2bc" in told
    assert rest == [None, None]
    assert cluster.asked == ["118"]


def test_a_job_that_only_waits_for_its_turn_is_not_told():
    """The scheduler is not asked about it again."""
    cluster = Cluster(None)
    assert cluster.words(WAITING, WAITING) == [None, None]
    assert cluster.asked == ["118"]


@pytest.mark.parametrize(
    "counts", [Counts(total=3, running=1, queued=2), Counts(total=3, finished=3)]
)
def test_nobody_is_asked_while_something_runs(counts):
    """Then the rest waits for slots."""
    cluster = Cluster(WHY)
    assert cluster.words(counts, counts) == [None, None]
    assert cluster.asked == []
