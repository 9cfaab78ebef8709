"""`gridtask gc` and `gridtask check`: the cache kept small and whole."""

from __future__ import annotations

import errno
import json
import os
import shlex
import time

import pytest

DAY = 86400.0


@pytest.fixture
def rows(capsys):
    """Return a function that gives the rows of the last output."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def put_run(cache, run_id, days, suffixes=(".run", ".t1.log")):
    """Leave files of a run that was last heard of so many days ago."""
    paths = [cache.root / "runs" / f"{run_id}{suffix}" for suffix in suffixes]
    for path in paths:
        path.write_bytes(b"x" * 5000)
        path.chmod(0o600)
        at = time.time() - days * DAY
        os.utime(path, (at, at))
    return paths


def test_small_files_become_one(cache, rows):
    """gc compacts; nothing that counts is lost."""
    for number in range(5):
        cache.put("f", f"aaa{number}")
    assert cache.run("gc", "--json") == 0
    (row,) = rows()
    assert row["where"] == "f"
    assert row["pending_bytes"] > 0
    assert len(list(cache.root.glob("f/f~*/*.pack"))) == 1
    assert len(cache.keys("f")[0]) == 5


def test_replaced_files_go_later(cache, capsys, monkeypatch):
    """A second gc, minutes later, removes what the first has replaced."""
    for number in range(5):
        cache.put("f", f"aaa{number}")
    cache.run("gc")
    monkeypatch.setattr("gridtask.store.sweep.GRACE_SECONDS", -1.0)
    capsys.readouterr()
    cache.run("gc", "--json")
    row = json.loads(capsys.readouterr().out)
    assert (row["where"], row["files"]) == ("f", 5)
    assert row["bytes"] > 0
    assert len(cache.keys("f")[0]) == 5


def test_gc_comes_to_rest(cache, capsys):
    """Where there is nothing to do it does nothing, and says so."""
    cache.put("f", "aaaa")
    before = sorted(cache.root.rglob("*"))
    assert cache.run("gc") == 0
    assert sorted(cache.root.rglob("*")) == before
    assert "nothing to free" in capsys.readouterr().err


def test_trash_is_emptied(cache, rows):
    """What a killed rm has moved aside goes."""
    folder = cache.root / "trash" / ("0" * 32)
    folder.mkdir(parents=True)
    (folder / "x.seg").write_bytes(b"x" * 10_000)
    cache.run("gc", "--json")
    (row,) = rows()
    assert (row["where"], row["files"]) == ("trash", 1)
    assert row["bytes"] >= 10_000
    assert not folder.exists()


def test_leftovers_of_old_runs_go(cache, rows):
    """Runs whose driver died long ago; younger ones stay."""
    old = put_run(cache, "aaaaaaaa", 40)
    young = put_run(cache, "bbbbbbbb", 20)
    unfinished = put_run(cache, "cccccccc", 2, [".tmp"])
    cache.run("gc", "--json")
    (row,) = rows()
    assert (row["where"], row["files"]) == ("runs", 3)
    assert not any(path.exists() for path in old + unfinished)
    assert all(path.exists() for path in young)


@pytest.mark.parametrize("is_known", [True, False])
def test_runs_that_may_be_alive_stay(cache, is_known):
    """However old: by what the scheduler says, or while it says nothing."""
    paths = put_run(cache, "abcdefgh", 40)
    cache.in_flight, cache.is_known = {"f": 1}, is_known
    others = put_run(cache, "bbbbbbbb", 40)
    cache.run("gc")
    assert all(path.exists() for path in paths)
    assert all(path.exists() for path in others) is not is_known


def test_gc_on_a_full_disk(cache, monkeypatch, capsys):
    """What cannot be compacted is named; what frees space was done before."""
    for number in range(5):
        cache.put("f", f"aaa{number}")
    (cache.root / "trash" / ("0" * 32)).mkdir(parents=True)

    def no_room(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gridtask.fs.create", no_room)
    assert cache.run("gc") == 0
    assert "No space left" in capsys.readouterr().err
    assert list((cache.root / "trash").iterdir()) == []


def test_gc_without_a_cache(tmp_path, monkeypatch, capsys):
    """Where there is nothing yet, nothing is done."""
    from gridtask.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRIDTASK_CACHE", raising=False)
    assert (main(["gc"]), main(["check"])) == (0, 0)
    assert list(tmp_path.iterdir()) == []


def flip(path, where=b"seed=1"):
    """Damage a file."""
    data = bytearray(path.read_bytes())
    data[data.index(where)] ^= 1
    path.write_bytes(data)


def test_an_intact_cache(filled, capsys):
    """Nothing on stdout, the sums on stderr, status 0."""
    assert filled.run("check", "--read-data") == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "checked 4 files" in captured.err
    assert "no damage" in captured.err


def test_damage_is_told_with_what_is_lost(cache, capsys):
    """File, fault, and the calls that will be computed again; status 3."""
    path = cache.put("f", "3fa91c02", args="seed=1")
    flip(path)
    assert cache.run("check", "--read-data") == 3
    captured = capsys.readouterr()
    assert path.name in captured.out
    assert "3fa91c02 (" in captured.out
    assert "--repair" in captured.err


def test_damage_as_json(cache, rows):
    """One finding a line."""
    flip(cache.put("f", "3fa91c02", args="seed=1"))
    assert cache.run("check", "--read-data", "--json") == 3
    (row,) = rows()
    assert (row["kind"], row["is_damage"], row["repaired"]) == ("record", True, "")
    assert row["lost"][0]["key"] == "3fa91c02".ljust(32, "0")


def test_repair_keeps_the_rest(cache, capsys):
    """After --repair the cache is whole again, without the damaged result."""
    flip(cache.put("f", "aaaa", args="seed=1"))
    cache.put("f", "bbbb")
    assert cache.run("check", "--read-data", "--repair") == 0
    assert "repaired; 1 call to compute again" in capsys.readouterr().err
    assert cache.run("check", "--read-data") == 0
    assert cache.keys("f") == (["bbbb"], [])


def test_a_repair_does_not_give_permissions_back(cache, capsys):
    """The commands that do are named instead."""
    path = cache.put("f", "aaaa")
    path.chmod(0o666)
    assert cache.run("check", "--repair") == 3
    captured = capsys.readouterr()
    assert f"chmod go-w {shlex.quote(str(path))}" in captured.out
    assert "run the commands" in captured.err


def test_check_of_something_else(tmp_path, capsys):
    """A folder that is no cache is an error, not a damaged cache."""
    from gridtask.cli import main

    (tmp_path / "notes.txt").write_text("…")
    assert main(["check", "-C", str(tmp_path)]) == 1
    assert "no cache folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_findings_are_escaped(cache, capsys):
    """Arguments of lost calls cannot send control sequences."""
    flip(cache.put("f", "aaaa", args="seed=1\x1b[2J"))
    cache.run("check", "--read-data")
    assert "\x1b" not in capsys.readouterr().out
