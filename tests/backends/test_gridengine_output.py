"""What Grid Engine's commands print is read as what it means."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gridtask.backends import gridengine_output as output
from gridtask.backends.base import Accounting, TaskState

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """qacct prints local times; the golden ones are in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def golden_accounting() -> list[output.AccountingRecord]:
    lines = (GOLDEN / "accounting").read_text().splitlines()
    return [record for record in map(output.parse_accounting_line, lines) if record]


def ended(records: list[output.AccountingRecord], job_name: str) -> list[Accounting]:
    return [record.accounting for record in records if record.job_name == job_name]


# ---------------------------------------------------------------------- qsub


@pytest.mark.parametrize(
    ("stdout", "stderr", "job_id"),
    [
        ("2\n", "", "2"),
        ("3.1-5:1\n", "", "3"),
        ('Your job 1 ("true") has been submitted\n', "", "1"),
        ('Your job-array 5.1-5:1 ("true") has been submitted\n', "", "5"),
        ("The site's wrapper greets you.\n77.1-2:1\n", "", "77"),
        ("", 'Unable to run job: unknown resource "nosuch"\nExiting.\n', None),
        ("", "Unable to run job: job rejected: only 2 jobs are allowed per user", None),
        ("", "", None),
    ],
)
def test_a_submission_is_told_by_the_text(
    stdout: str, stderr: str, job_id: str | None
) -> None:
    """An id alone, or the sentence, and nothing else, is a submitted job."""
    assert output.parse_submitted(stdout, stderr) == job_id


def test_a_warning_on_stderr_is_a_submission() -> None:
    """Of a user who may use no queue the job is queued, though qsub ends with 1."""
    stderr = (
        "Unable to run job: warning: tester's job is not allowed to run in any queue\n"
        'Your job-array 30.1-3:1 ("true") has been submitted\nExiting.\n'
    )
    assert output.parse_submitted("", stderr) == "30"


# --------------------------------------------------------------------- qstat


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("1-75000:1", [range(1, 75001)]),
        ("1-5:2", [range(1, 6, 2)]),
        ("7", [range(7, 8)]),
        ("1-75000:1,2,4", [range(1, 75001), range(2, 3), range(4, 5)]),
        ("9-10:1,3", [range(3, 4), range(9, 11)]),
        ("1,...", [range(1, 2)]),
    ],
)
def test_array_tasks_are_read_as_ranges(text: str, tasks: list[range]) -> None:
    """Single numbers, ranges and steps, in ascending order; the rest is left out."""
    assert output.parse_tasks(text) == tuple(tasks)


@pytest.mark.parametrize(
    ("letters", "state"),
    [
        ("qw", TaskState.QUEUED),
        ("Rq", TaskState.QUEUED),
        ("hqw", TaskState.HELD),
        ("hRwq", TaskState.HELD),
        ("t", TaskState.RUNNING),
        ("r", TaskState.RUNNING),
        ("Rr", TaskState.RUNNING),
        ("hr", TaskState.RUNNING),
        ("s", TaskState.SUSPENDED),
        ("S", TaskState.SUSPENDED),
        ("Tr", TaskState.SUSPENDED),
        ("Eqw", TaskState.ERROR),
        ("ESqw", TaskState.ERROR),
        ("Ehqw", TaskState.ERROR),
        ("dr", TaskState.DELETING),
        ("dt", TaskState.DELETING),
        ("dEqw", TaskState.DELETING),
        ("z", TaskState.UNKNOWN),
        ("", TaskState.UNKNOWN),
    ],
)
def test_states_are_sets_of_letters(letters: str, state: TaskState) -> None:
    """The letters decide in whatever company they come."""
    assert output.task_state(letters) == state


def test_qstat_lists_the_array_tasks_that_remain() -> None:
    """Each job has its name and its array tasks by state, wherever they stand."""
    jobs = output.parse_qstat((GOLDEN / "qstat.xml").read_text())
    running, failing, held, large = (
        jobs[job_id] for job_id in ("19", "25", "26", "27")
    )
    assert (running.name, held.name) == ("gt_run", "gt_held")
    assert [running.state_of(task) for task in (1, 2, 3, 10)] == [
        TaskState.DELETING,
        TaskState.RUNNING,
        TaskState.QUEUED,
        None,
    ]
    assert running.groups[0].host == "localhost"
    assert [failing.state_of(task) for task in (5, 6, 7)] == [
        TaskState.ERROR,
        TaskState.ERROR,
        TaskState.RUNNING,
    ]
    assert [held.state_of(task) for task in (1, 2, 20)] == [
        TaskState.HELD,
        None,
        TaskState.HELD,
    ]
    assert large.groups[-1].tasks == (range(2, 75001),)


def test_qstat_without_jobs_is_empty() -> None:
    """An answer that lists nothing is an answer."""
    assert output.parse_qstat("<job_info><queue_info/><job_info/></job_info>") == {}


def test_qstat_with_forbidden_characters_is_read() -> None:
    """A control character in some job's name does not hide the others."""
    text = (GOLDEN / "qstat.xml").read_text().replace("gt_held", "gt\x07held")
    assert output.parse_qstat(text)["26"].name == "gtheld"


@pytest.mark.parametrize("text", ["", "error: commlib error", "<job_info><queue_info>"])
def test_qstat_that_is_no_xml_is_no_answer(text: str) -> None:
    """Silence and broken XML never look like "no jobs"."""
    with pytest.raises(ValueError, match="instead of XML"):
        output.parse_qstat(text)


def test_the_error_reason_is_of_the_array_task() -> None:
    """The reason comes without date and process id; others have none."""
    text = (GOLDEN / "qstat_j.txt").read_text()
    assert output.parse_error_reason(text, 6) == (
        'can\'t open output file "/tmp/project/gone/x.6": No such file or directory'
    )
    assert output.parse_error_reason(text, 8) is None


# ---------------------------------------------------------------- the limits


def test_limits_are_read() -> None:
    """The site's array size and the slots of its queues."""
    configuration = (GOLDEN / "qconf_sconf.txt").read_text()
    assert output.parse_max_array_tasks(configuration) == 75000
    assert output.parse_slots((GOLDEN / "qstat_g_c.xml").read_text()) == 4


@pytest.mark.parametrize(
    ("params", "seconds"),
    [
        ("accounting=true reporting=false flush_time=00:00:15 joblog=false", 15.0),
        (
            "accounting=true \\\n    flush_time=00:00:15 accounting_flush_time=0:1:0",
            60.0,
        ),
        ("accounting=false flush_time=00:00:15", None),
        ("accounting=true", None),
        ("none", None),
    ],
)
def test_the_delay_of_accounting_is_read(params: str, seconds: float | None) -> None:
    """From reporting_params of sge_conf(5), on one line or several."""
    text = f"finished_jobs 100\nreporting_params {params}\nmax_jobs 0\n"
    assert output.parse_accounting_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "max_aj_tasks  0", "denied"])
def test_limits_that_are_not_told_are_none(text: str) -> None:
    """Neither a missing nor an unlimited setting is a number."""
    assert output.parse_max_array_tasks(text) is None
    assert output.parse_slots(text) is None


# -------------------------------------------------------------- the accounting


def test_a_line_of_the_accounting_file() -> None:
    """Sizes are in bytes, times are POSIX times, the name tells jobs apart."""
    records = golden_accounting()
    (memory,) = ended(records, "gt_memory")
    assert memory == Accounting(
        job_id="23",
        task=3,
        exit_status=0,
        host="localhost",
        submitted_at=1795368634.0,
        started_at=1795368634.0,
        ended_at=1795368636.0,
        wall_seconds=2.0,
        cpu_seconds=0.200587,
        max_vmem=322953216,
        max_rss=315280 * 1024,
    )
    assert {record.owner for record in records} == {"nobody"}


def test_an_enforced_limit_is_named() -> None:
    """The file has the number alone; the text is added."""
    (killed,) = ended(golden_accounting(), "gt_time")
    assert (killed.failed, killed.exit_status) == (37, 137)
    assert killed.failed_text == "qmaster enforced h_rt, h_cpu, or h_vmem limit"


def test_each_attempt_has_a_record() -> None:
    """The rescheduled attempt is marked, the one that followed is not."""
    attempts = ended(golden_accounting(), "gt_again")
    assert [attempt.rescheduled for attempt in attempts] == [True, False]
    assert [attempt.exit_status for attempt in attempts] == [99, 0]


def test_what_never_started_has_no_times() -> None:
    """Zeros in the file are "unknown", not 1970."""
    failed = ended(golden_accounting(), "gt_error")[0]
    assert failed.failed_text == "opening input/output file"
    assert (failed.started_at, failed.ended_at, failed.max_vmem) == (None, None, None)


def test_a_colon_in_the_category_does_no_harm() -> None:
    """The category is free text: what follows it is counted from the right."""
    line = (GOLDEN / "accounting").read_text().splitlines()[2]
    record = output.parse_accounting_line(line.replace("h_rt=1", "h_rt=0:0:1"))
    assert record
    assert record.accounting.max_vmem == 1556480


@pytest.mark.parametrize("line", ["", "# Version: 8.1.9", "a:b:c", ":" * 44])
def test_other_lines_are_no_records(line: str) -> None:
    """Comments and damaged lines are passed over."""
    assert output.parse_accounting_line(line) is None


@pytest.mark.usefixtures("utc")
def test_qacct_tells_the_same_as_the_file() -> None:
    """But for digits that it rounds away, and texts for the codes."""
    told = output.parse_qacct((GOLDEN / "qacct.txt").read_text())
    written = {
        (record.job_name, record.accounting.task, record.accounting.exit_status): record
        for record in golden_accounting()
    }
    assert len(told) == 11
    for record in told:
        accounting = record.accounting
        other = written[record.job_name, accounting.task, accounting.exit_status]
        for name in ("job_id", "failed", "failed_text", "started_at", "ended_at"):
            assert getattr(accounting, name) == getattr(other.accounting, name), name
        assert accounting.wall_seconds == other.accounting.wall_seconds
        for name in ("max_vmem", "max_rss"):
            expected = pytest.approx(getattr(other.accounting, name) or 0, rel=0.001)
            assert (getattr(accounting, name) or 0) == expected, name


@pytest.mark.usefixtures("utc")
def test_qacct_of_other_versions_is_read() -> None:
    """Plain numbers, ISO times and the heirs' further fields."""
    text = """
==============================================================
jobname      gt_other
owner        ada
jobnumber    12
taskid       4
qsub_time    2026-11-22 17:30:30.123456
start_time   -/-
failed       37
deleted_by   execd@node7
exit_status  137
ru_maxrss    4820
maxvmem      217.5M
ru_wallclock 12.5
"""
    (record,) = output.parse_qacct(text)
    accounting = record.accounting
    assert (record.job_name, record.owner) == ("gt_other", "ada")
    assert accounting.submitted_at == 1795368630.0
    assert accounting.started_at is None
    assert accounting.deleted_by is None  # a limit, nobody deleted it
    assert accounting.max_rss == 4820 * 1024
    assert accounting.max_vmem == int(217.5 * 1024**2)
    assert accounting.wall_seconds == 12.5


def test_qacct_without_records_is_empty() -> None:
    """ "error: job id 9999 not found" stands on stderr; stdout is empty."""
    assert output.parse_qacct("") == []


def test_jobs_that_are_no_arrays_have_no_records() -> None:
    """Theirs is not a number of an array task."""
    assert output.parse_qacct("jobnumber 5\ntaskid undefined\n") == []
