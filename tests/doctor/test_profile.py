"""Which site profile a cell's set-up suggests."""

from __future__ import annotations

import pytest

from gridtask.backends.gridengine_site import (
    Complex,
    ParallelEnvironment,
    Queue,
    Site,
)
from gridtask.doctor.profile import examine_profile, propose
from gridtask.doctor.scheduler import examine_default_time, examine_scheduler


def memory(name, requestable="YES", consumable="NO", default="0", relation="<="):
    """Return a memory complex."""
    return Complex(name, "MEMORY", relation, requestable, consumable, default)


H_RT = Complex("h_rt", "TIME", "<=", "YES", "NO", "0:0:0")
S_RT = Complex("s_rt", "TIME", "<=", "YES", "NO", "0:0:0")


def site(*complexes, pes=(), configuration=None, scheduler=None, queues=()):
    """Return a cell."""
    return Site(
        version="SGE 8.1.9",
        configuration=configuration or {},
        scheduler=scheduler or {},
        complexes=complexes,
        queues=queues,
        environments=tuple(ParallelEnvironment(*pe) for pe in pes),
        hosts=2,
    )


@pytest.mark.parametrize(
    ("complexes", "template"),
    [
        ([memory("h_vmem")], "-l h_vmem={memory_per_slot}"),
        ([memory("h_vmem", consumable="YES")], "-l h_vmem={memory_per_slot}"),
        ([memory("h_vmem", consumable="JOB")], "-l h_vmem={memory}"),
        (
            [memory("mem_free", consumable="YES"), memory("h_vmem")],
            "-l h_vmem={memory_per_slot},mem_free={memory_per_slot}",
        ),
        (
            [memory("h_vmem", "NO"), memory("m_mem_free", consumable="HOST")],
            "-l m_mem_free={memory}",
        ),
        ([memory("h_vmem", "NO"), memory("mem_free")], "-l mem_free={memory_per_slot}"),
        (
            [memory("h_vmem", consumable="YES"), memory("ram", "FORCED")],
            "-l h_vmem={memory_per_slot},ram={memory_per_slot}",
        ),
        ([memory("mem_used", relation=">=")], None),
    ],
)
def test_memory_is_asked_for_as_the_site_counts_it(complexes, template):
    """What limits, and what is counted where that is another complex."""
    assert propose(site(*complexes)).memory == template


def test_time_falls_back_to_the_soft_limit():
    """Where h_rt cannot be asked for."""
    hard = Complex("h_rt", "TIME", "<=", "NO", "NO", "0:0:0")
    assert propose(site(H_RT, S_RT)).time == "-l h_rt={time}"
    assert propose(site(hard, S_RT)).time == "-l s_rt={time}"
    assert propose(site()).time is None


def test_slots_come_on_one_host():
    """Environments that spread slots over hosts are no good for threads."""
    spread = ("mpi", 99, "$round_robin")
    other = ("zoo", 99, "$pe_slots")
    assert propose(site(pes=[spread])).slots is None
    assert propose(site(pes=[spread, other])).slots == "-pe zoo {slots}"
    found = propose(site(pes=[other, ("SMP", 9, "$pe_slots")]))
    assert found.slots == "-pe SMP {slots}"
    assert propose(site(pes=[("smp", 0, "$pe_slots")])).slots is None


def test_each_warning_has_a_remedy():
    """Of a cell that has nothing, and of one with traps."""
    traps = site(
        memory("h_vmem", consumable="YES", default="0"),
        pes=[("mpi", 9, "$fill_up")],
        configuration={"enforce_project": "true", "jsv_url": "/site/jsv"},
        scheduler={"schedule_interval": "0:0:15"},
    )
    for cell in (site(), traps):
        found = [*examine_scheduler(cell), *examine_profile(cell, propose(cell))]
        assert all(f.remedy for f in found if f.level in ("warning", "problem"))
    texts = " ".join(finding.text for finding in found)
    for word in ("default is 0", "project", "/site/jsv", "every 15 s", "fill_up"):
        assert word in texts


def test_limits_of_queues_are_told():
    """Who asks for more waits for ever."""
    queue = Queue("long.q", 64, 3, ("smp",), {"h_rt": "96:00:00", "h_vmem": "INFINITY"})
    texts = [finding.text for finding in examine_scheduler(site(queues=(queue,)))]
    assert "queue long.q: 64 slots, 3 free, h_rt 96:00:00" in texts


@pytest.mark.parametrize(
    ("limits", "time", "n_warnings"),
    [
        (["01:00:00", "02:00:00"], "03:00:00", 1),
        (["01:00:00", "02:00:00"], "02:00:00", 0),
        (["01:00:00", "INFINITY"], "99:00:00", 0),
        (["strange"], "99:00:00", 0),
        (["01:00:00"], None, 0),
        ([], "99:00:00", 0),
    ],
)
def test_more_time_than_any_queue_allows_is_a_warning(limits, time, n_warnings):
    """Such jobs are taken, and wait for ever."""
    queues = tuple(Queue("q", 4, 4, (), {"h_rt": limit}) for limit in limits)
    found = list(examine_default_time(site(queues=queues), time))
    assert len(found) == n_warnings
    assert all("02:00:00" in finding.remedy for finding in found)
