"""What a cell says of itself, from what its commands print."""

from __future__ import annotations

from pathlib import Path

import pytest

from gridtask.backends.gridengine_site import (
    look_at_site,
    parse_complexes,
    parse_queue_summary,
    parse_table,
    parse_version,
)
from gridtask.errors import SchedulerUnavailable

GOLDEN = Path(__file__).with_name("golden")

ANSWERS = {
    "qconf -sconf": "qconf_sconf.txt",
    "qconf -ssconf": "qconf_ssconf.txt",
    "qconf -sc": "qconf_sc.txt",
    "qconf -sq all.q": "qconf_sq.txt",
    "qconf -sp smp": "qconf_sp.txt",
}
"""Commands of Son of Grid Engine 8.1.9 and the files with their outputs."""

TEXTS = {
    "qconf -spl": "mpi\nsmp\n",
    "qconf -sel": "node1\nnode2\n",
    "qconf -srqsl": "no resource quota set list defined\n",
    "qstat -help": "SGE 8.1.9\nusage: qstat [options]\n",
}

SUMMARY = """<job_info><cluster_queue_summary><name>all.q</name>
<available>3</available><total>4</total></cluster_queue_summary></job_info>"""


def ask(*argv):
    """Answer as a cell would."""
    command = " ".join(argv)
    if command.startswith("qstat -g c"):
        return SUMMARY
    if command in ANSWERS:
        return (GOLDEN / ANSWERS[command]).read_text()
    return TEXTS.get(command, "")


def test_a_cell_is_read_as_a_whole():
    """Family, queues, environments in use, complexes and limits."""
    site = look_at_site(ask)
    assert (site.family, site.version) == ("Son of Grid Engine", "SGE 8.1.9")
    (queue,) = site.queues
    assert (queue.name, queue.slots, queue.available) == ("all.q", 4, 3)
    assert queue.pes == ("smp",)
    assert queue.limits["h_rt"] == "INFINITY"
    assert [pe.name for pe in site.environments] == ["smp"]
    assert site.environments[0].allocation_rule == "$pe_slots"
    assert site.complex("h_vmem").consumable == "YES"
    assert site.configuration["max_aj_tasks"] == "75000"
    assert site.hosts == 2
    assert site.quotas == ()


def test_a_cell_that_does_not_answer_is_unavailable():
    """Nothing from qconf and qstat is no cell without queues."""
    with pytest.raises(SchedulerUnavailable, match="qmaster"):
        look_at_site(lambda *argv: "")


def test_environments_of_single_hosts_count():
    """A queue may offer an environment on some of its hosts only."""
    text = "pe_list NONE,[node1=smp gpu],[node2=mpi]\nslots 1\n"

    def answer(*argv):
        return text if argv[:2] == ("qconf", "-sq") else ask(*argv)

    assert look_at_site(answer).queues[0].pes == ("smp", "gpu", "mpi")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("SGE 8.1.9\nusage: qstat", "SGE 8.1.9"),
        ("UGE 8.6.17\n", "UGE 8.6.17"),
        ("OGS/GE 2011.11p1", "OGS/GE 2011.11p1"),
        ("usage: qstat [options]", ""),
        ("", ""),
    ],
)
def test_version_is_the_first_line(text, version):
    """Other first lines are none."""
    assert parse_version(text) == version


def test_continued_lines_are_one_value():
    """As qconf breaks long values, with a backslash."""
    table = parse_table("#global:\nparams  a=1 \\\n        b=2\nempty\n")
    assert table == {"params": "a=1 b=2"}


def test_columns_of_heirs_are_left_out():
    """Later families add columns to complexes."""
    (found,) = parse_complexes("h_vmem h_vmem MEMORY <= YES JOB 2G 0 NO 0\n# x\n")
    assert (found.name, found.consumable, found.default) == ("h_vmem", "JOB", "2G")


def test_broken_summary_is_no_queues():
    """A qstat that prints no XML says nothing."""
    assert parse_queue_summary("error: commlib") == {}
