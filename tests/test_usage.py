"""What was used, and what to ask for."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest

from gridtask.backends.site import SiteProfile
from gridtask.caches import usage
from gridtask.caches.usage import quantile, usage_of
from gridtask.cli import main
from gridtask.store import values
from gridtask.store.record import Kind
from gridtask.store.store import Store

VALUE = values.encode(1.0)


@pytest.fixture
def store(tmp_path):
    """A new store."""
    return Store.open(tmp_path / "cache")


def write(store, peaks, *, seconds=2.0, run="abcdefgh", errors=(), job="118.1"):
    """Write one worker's calls; the last ones have failed with these errors."""
    writer = store.folder("simulate").writer(f"{run}.{job[-1]}")
    for number, peak in enumerate(peaks):
        failed = number - len(peaks) + len(errors)
        meta = {"run": run, "job": job, "host": "node1", "vm_mb": peak}
        if failed >= 0:
            meta["error"] = errors[failed]
        kind = Kind.ERR if failed >= 0 else Kind.OK
        peak_mb = peak // 4
        writer.write(
            kind,
            VALUE,
            os.urandom(16),
            b"c0decode",
            seconds=seconds,
            peak_mb=peak_mb,
            meta=meta,
        )
    writer.close()


@pytest.fixture
def ask(monkeypatch, store):
    """Return a function that gives the usage where so much was asked for."""

    def measure(memory=None, time=None, site=None):
        plan = SimpleNamespace(memory=memory, time=time)
        monkeypatch.setattr(usage, "_latest_plan", lambda *args: plan)
        folder = store.folder("simulate")
        folder.refresh()
        return usage_of(folder, store.runs, site or SiteProfile())

    return measure


def test_less_would_have_been_enough(store, ask):
    """The line to paste names the share of calls, and what was asked."""
    write(store, [2000] * 995 + [5000] * 5)
    found = ask("16G", "02:00:00")
    assert found.memory_advice == "2G"
    assert found.advice[0] == (
        'memory="2G" would have been enough for 99 % of 1,000 calls '
        "(largest 4.9 GiB); 16G asked"
    )
    spread = found.memory_mb
    assert (spread.median, spread.p95, spread.largest) == (2000, 2000, 5000)


def test_nothing_asked_is_said(store, ask):
    """The advice is the same."""
    write(store, [300] * 20)
    assert ask().advice[0] == (
        'memory="512M" would have been enough for all 20 calls '
        "(largest 300 MiB); nothing asked"
    )


def test_what_is_nearly_needed_suits(store, ask):
    """Somewhat more is no waste."""
    write(store, [3500] * 20)
    found = ask("4G")
    assert found.memory_advice == "4G"
    assert found.advice[0].startswith("memory=4G suits: 99 % of 20 calls used up to")


def test_want_of_memory_comes_first(store, ask):
    """Where calls ran out, more is advised, whatever the others used."""
    write(store, [300] * 20, errors=["MemoryError: no", "ValueError: x"])
    found = ask("4G")
    assert found.out_of_memory == 1
    assert found.memory_advice == "8G"
    assert 'escalate={"memory": 2}' in found.advice[0]


def test_killed_workers_count_by_what_the_run_noted(store, ask):
    """They left no record of the call that was killed."""
    write(store, [300] * 20)
    noted = {"failed": {"ab" * 16: "OutOfMemory", "cd" * 16: "TimeLimit"}}
    path = store.runs / "abcdefgh.done"
    path.touch(mode=0o600)
    path.write_text(json.dumps(noted))
    found = ask("4G", "00:10:00")
    assert (found.out_of_memory, found.out_of_time) == (1, 1)


def test_few_calls_are_too_few(store, ask):
    """Of memory by calls, of time by array tasks."""
    write(store, [300] * 5)
    found = ask("4G", "00:10:00")
    assert (found.memory_advice, found.time_advice) == (None, None)
    assert "needs 10 measured calls, there are 5" in found.advice[0]
    assert "needs 10 measured array tasks, there are 1" in found.advice[1]


def test_the_memory_that_the_site_limits_counts(store, ask):
    """Address space for h_vmem, else resident memory."""
    write(store, [4000] * 20)
    assert ask().memory_of == "address space"
    found = ask(site=SiteProfile(memory="-l mem_free={memory}"))
    assert found.memory_of == "resident"
    assert found.memory_mb.largest == 1000


def test_records_without_address_space_give_the_resident_memory(store, ask):
    """Better than nothing."""
    write(store, [0] * 20)
    assert ask().memory_of == "resident"


def test_time_is_that_of_array_tasks(store, ask):
    """A time limit counts for all calls of a chunk."""
    for task in range(10):
        run = f"run{task:05}"
        write(store, [300], seconds=90.0 + task, run=run, job=f"118.{task}")
    found = ask(time="02:00:00")
    assert found.array_tasks == 10
    assert found.time_advice == "00:02:00"
    assert "02:00:00 asked" in found.advice[1]


def test_quantiles_are_numbers_of_the_list():
    """The smallest one that is no less than the share of all."""
    numbers = list(range(1, 101))
    assert quantile(numbers, 0.5) == 50
    assert quantile(numbers, 0.99) == 99
    assert quantile(numbers, 1.0) == 100
    assert quantile([7], 0.5) == 7


def test_the_command_shows_and_advises(store, capsys):
    """A row on stdout, advice on stderr; JSON has it all."""
    write(store, [300] * 20)
    assert main(["-C", str(store.root), "usage"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("task\tcalls\tmemory_asked\t")
    assert 'simulate: memory="512M" would have been enough' in captured.err
    assert main(["-C", str(store.root), "usage", "simulate", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["memory_mb"] == {"median": 300, "p95": 300, "largest": 300}


def test_an_unknown_task_is_status_1(store, capsys):
    """As for ls."""
    write(store, [300])
    assert main(["-C", str(store.root), "usage", "simulat"]) == 1
    assert "simulate" in capsys.readouterr().err


def test_an_empty_cache_has_no_usage(store, capsys):
    """That is no failure."""
    assert main(["-C", str(store.root), "usage"]) == 0
    assert "no call was measured" in capsys.readouterr().err
