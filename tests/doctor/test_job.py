"""The tiny job: its answer, and the ways in which there is none."""

from __future__ import annotations

import json

import pytest

from gridtask.backends.base import Accounting, JobState, TaskGroup, TaskState
from gridtask.doctor import job as jobs
from gridtask.doctor import probe
from gridtask.doctor.job import TinyJob
from gridtask.errors import SubmitError


class FakeBackend:
    """A scheduler with one job, which it runs at once or never.

    `state` is what it says of the job, None that it is gone.
    """

    def __init__(self, folder, *, answers=True, state=None, ended=None, error=None):
        self.folder, self.answers = folder, answers
        self.state, self.ended, self.error = state, ended, error
        self.cancelled = []

    def submit(self, request):
        if self.error:
            raise self.error
        if self.answers:
            assert request.argv[-2:] == ("gridtask.doctor.probe", str(self.folder))
            probe.main([str(self.folder)])
        return "7"

    def poll(self):
        if self.state is None:
            return {}
        group = TaskGroup(self.state, (range(1, 2),))
        return {"7": JobState("7", "gt_doctor", (group,))}

    def account(self, tasks):
        return [self.ended] if self.ended else []

    def error_reason(self, job_id, task):
        return "no such folder"

    def cancel(self, job_id, tasks=None):
        self.cancelled.append(job_id)


@pytest.fixture
def hasty(monkeypatch):
    """Let nothing wait."""
    monkeypatch.setattr(jobs, "ASK_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "GONE_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "ACCOUNTING_SECONDS", 0.0)


def run(backend, folder, patience=60.0):
    """Return the job and what it found."""
    job = TinyJob(backend, folder, ["-l", "h_vmem=1G"])
    return job, list(job.run(patience))


def test_an_answer_tells_host_lag_clock_and_accounting(tmp_path):
    """All well where the node is this one."""
    ended = Accounting("7", 1, exit_status=0, max_vmem=5 << 20)
    job, found = run(FakeBackend(tmp_path, ended=ended), tmp_path)
    assert {finding.level for finding in found} == {"ok"}
    texts = " ".join(finding.text for finding in found)
    for word in ("asking for -l h_vmem=1G", "seen here after", "clock", "accounting"):
        assert word in texts
    assert job.lag < 5


def test_a_wrong_clock_and_late_files_are_warnings(tmp_path, hasty):
    """With what to do."""
    backend = FakeBackend(tmp_path, answers=False)
    told = {
        "host": "node1",
        "python": "3.11",
        "sees_question": False,
        "question_seconds": 10.0,
        "clock_skew": -40.0,
        "address_space": -1,
        "type": "nfs4",
    }
    answer = tmp_path / "answer"
    answer.touch(mode=0o600)
    answer.write_text(json.dumps(told))
    _, found = run(backend, tmp_path)
    warnings = [finding for finding in found if finding.level == "warning"]
    texts = [finding.text for finding in warnings]
    assert any("40.00 s behind the file server's" in text for text in texts)
    assert any("did not see in time" in text for text in texts)
    assert any("no accounting of job 7" in text for text in texts)
    assert all(finding.remedy for finding in warnings)


def test_a_refused_job_is_a_problem(tmp_path):
    """With qsub's own words."""
    error = SubmitError('unknown resource "h_vmem"')
    _, (bad,) = run(FakeBackend(tmp_path, error=error), tmp_path)
    assert bad.level == "problem"
    assert "unknown resource" in bad.text


def test_a_job_in_error_is_told_and_deleted(tmp_path, hasty):
    """The scheduler's reason is shown."""
    backend = FakeBackend(tmp_path, answers=False, state=TaskState.ERROR)
    _, (bad,) = run(backend, tmp_path)
    assert "no such folder" in bad.text
    assert backend.cancelled == ["7"]


def test_a_job_that_waits_too_long_is_deleted(tmp_path, hasty):
    """That is the queue's fault: a warning."""
    backend = FakeBackend(tmp_path, answers=False, state=TaskState.QUEUED)
    _, (bad,) = run(backend, tmp_path, patience=0.0)
    assert bad.level == "warning"
    assert "--wait" in bad.remedy
    assert backend.cancelled == ["7"]


def test_a_job_that_died_is_told_with_its_log(tmp_path, hasty):
    """Exit status, reason and the end of its log."""
    log = tmp_path / "job1.log"
    log.touch(mode=0o600)
    log.write_text("failed to map segment from shared object\n")
    ended = Accounting("7", 1, failed=37, failed_text="limit", exit_status=137)
    backend = FakeBackend(tmp_path, answers=False, ended=ended)
    _, (bad,) = run(backend, tmp_path)
    assert bad.level == "problem"
    for word in ("exit status 137", "failed 37", "map segment"):
        assert word in bad.text
