"""Outputs of Grid Engine's other heirs, as their documentation shows them.

None of these was run here: 6.2u5 and Open Grid Scheduler, Univa (Altair), Open
Cluster Scheduler. What they print differs in units, added fields and times.
"""

from __future__ import annotations

import pytest

from gridtask import failures
from gridtask.backends import gridengine_output as output
from gridtask.backends.gridengine_accounting import accounting_path
from gridtask.failures import Circumstances

OLD = """\
==============================================================
qname        all.q
hostname     node17
owner        anna
jobname      gt_abcdefgh_1_f
jobnumber    4711
taskid       3
qsub_time    Thu Mar  5 12:00:01 2015
start_time   Thu Mar  5 12:00:05 2015
end_time     Thu Mar  5 12:10:05 2015
failed       100 : assumedly after job
exit_status  137
ru_wallclock 600
ru_maxrss    4820
cpu          599.120
maxvmem      164.0M
"""

UNIVA = """\
==============================================================
hostname     node17
owner        anna
jobname      gt_abcdefgh_1_f
jobnumber    4711
taskid       3
submit_cmd   qsub -terse -t 1-3 f
qsub_time    03/05/2019 12:00:01.123
start_time   03/05/2019 12:00:05.201
end_time     03/05/2019 12:10:05.301
failed       {failed}
deleted_by   {deleted_by}
exit_status  137
ru_wallclock 600.100
ru_maxrss    4820
wallclock    600.210
cpu          599.120
maxvmem      1.500G
maxrss       1.250G
"""


def one(text):
    (record,) = output.parse_qacct(text)
    assert (record.owner, record.job_name) == ("anna", "gt_abcdefgh_1_f")
    return record.accounting


def test_old_qacct_prints_plain_numbers():
    """Seconds without a unit, kilobytes without one, memory with one letter."""
    ended = one(OLD)
    assert (ended.task, ended.failed, ended.exit_status) == (3, 100, 137)
    assert ended.wall_seconds == 600
    assert ended.max_vmem == 164 << 20
    assert ended.max_rss == 4820 << 10
    assert ended.ended_at - ended.started_at == 600
    assert ended.deleted_by is None


@pytest.mark.parametrize(
    ("failed", "deleted_by", "kind"),
    [
        ("100 : assumedly after job", "anna@login1", "Deleted"),
        ("100 : assumedly after job", "NONE", "Killed"),
        ("37  : qmaster enforced h_rt limit", "NONE", "TimeLimit"),
        ("37  : qmaster enforced h_rt limit", "execd@node17", "TimeLimit"),
        ("25  : rescheduling", "qmaster@head", "NodeLost"),
    ],
)
def test_who_deleted_a_job_is_told_from_daemons_and_none(failed, deleted_by, kind):
    """A limit that execd enforced is a limit; NONE is nobody."""
    ended = one(UNIVA.format(failed=failed, deleted_by=deleted_by))
    where = Circumstances("f(1)", "0" * 32, time="00:10:00")
    error = failures.diagnose(ended, where)
    assert type(error).__name__ == kind
    assert ("anna" in str(error)) == (kind == "Deleted")


def test_new_qacct_knows_all_processes_memory():
    """maxrss counts before ru_maxrss, wallclock before ru_wallclock."""
    ended = one(UNIVA.format(failed="0", deleted_by="NONE"))
    assert ended.max_rss == 1280 << 20
    assert ended.wall_seconds == 600.21


LINE = (
    "all.q:node17:users:anna:gt_abcdefgh_1_f:4711:sge:0:1425556801:1425556805:"
    "1425557405:37:137:600:1.0:0.1:4820.0:0:0:0:0:1:2:0:0:8:0:0:0:9:10:NONE:"
    "defaultdepartment:NONE:1:3:599.12:0.5:0.0:{category}:0.0:NONE:171966464:0:0"
)


@pytest.mark.parametrize("category", ["NONE", "-l h_vmem=4G", "-U a:b -l h_rt=0:10:0"])
@pytest.mark.parametrize("more", ["", ":NONE:NONE:1250:1250:login1:/home/anna:qsub f:"])
def test_accounting_lines_may_have_more_fields(category, more):
    """Free text with colons before the peak, fields of heirs behind it."""
    record = output.parse_accounting_line(LINE.format(category=category) + more)
    assert record.accounting.max_vmem == 171966464
    assert (record.accounting.job_id, record.accounting.task) == ("4711", 3)


def test_a_line_whose_end_nobody_knows_still_tells_the_rest():
    """The kind of end counts more than the peak."""
    line = LINE.format(category="NONE").rsplit(":", 6)[0] + ":other:fields"
    record = output.parse_accounting_line(line)
    assert record.accounting.failed == 37
    assert record.accounting.max_vmem is None


def test_a_cell_that_writes_json_lines_is_asked_by_qacct(tmp_path):
    """Its colon-separated file, if there is one, is an old one."""
    common = tmp_path / "default/common"
    common.mkdir(parents=True)
    (common / "accounting").touch()
    assert accounting_path({"SGE_ROOT": str(tmp_path)}) == common / "accounting"
    (common / "accounting.jsonl").touch()
    assert accounting_path({"SGE_ROOT": str(tmp_path)}) is None


def test_qstat_of_heirs_has_elements_that_are_not_known():
    """They are left alone."""
    text = """<?xml version='1.0'?>
    <job_info xmlns:xsd="http://www.w3.org/2001/XMLSchema"><queue_info>
    <job_list state="running"><JB_job_number>7</JB_job_number><JB_name>f</JB_name>
    <JB_department>d</JB_department><state>Pr</state><tasks>2</tasks></job_list>
    </queue_info></job_info>"""
    (job,) = output.parse_qstat(text).values()
    assert job.state_of(2) == "running"
