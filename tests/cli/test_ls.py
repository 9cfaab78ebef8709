"""`gridtask ls`: what is in the cache."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from gridtask.cli import main

DAY = 86400.0


@pytest.fixture
def rows(capsys):
    """Return a function that gives the rows of the last output."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_tasks_with_their_numbers(filled, rows):
    """Without arguments there is a row for each task."""
    assert filled.run("ls", "--json") == 0
    simulate, train = rows()
    assert list(simulate) == [
        "task",
        "results",
        "failed",
        "running",
        "bytes",
        "files",
        "oldest",
        "newest",
        "live_bytes",
        "dead_bytes",
        "used",
    ]
    assert (simulate["task"], simulate["results"], simulate["failed"]) == (
        "simulate",
        2,
        1,
    )
    assert simulate["files"] == 3
    assert time.time() - simulate["oldest"] == pytest.approx(10 * DAY, abs=60)
    assert time.time() - simulate["newest"] == pytest.approx(1 * DAY, abs=60)
    assert (train["task"], train["results"], train["failed"]) == ("train", 1, 0)
    assert train["bytes"] > 50_000


def test_running_calls_are_counted(filled, rows):
    """Calls in flight are shown, also of a task that has no results yet."""
    filled.in_flight = {"simulate": 7, "new": 3}
    filled.run("ls", "--json")
    assert {row["task"]: row["running"] for row in rows()} == {
        "new": 3,
        "simulate": 7,
        "train": 0,
    }


def test_calls_of_a_task(filled, rows):
    """With a task there is a row for each of its calls, oldest first."""
    assert filled.run("ls", "simulate", "--json") == 0
    first, second, third = rows()
    assert [row["args"] for row in (first, second, third)] == [
        "seed=1",
        "seed=3",
        "seed=2",
    ]
    assert first["key"] == "3fa91c02".ljust(32, "0")
    assert (first["state"], second["state"]) == ("done", "failed")
    assert second["error"] == "ValueError: x"
    assert (first["seconds"], first["peak_mb"]) == (2.5, 100)
    assert (first["host"], third["job"]) == ("node1", "118.7")


@pytest.mark.parametrize("key", ["3fa91c02", "5b00", "77AA", "77aa" + "0" * 28])
def test_calls_by_abbreviated_key(filled, rows, key):
    """The first digits of a key stand for it, if they are its alone."""
    assert filled.run("ls", key, "--json") == 0
    (row,) = rows()
    assert row["key"].startswith(key.lower())


def test_ambiguous_key_lists_the_candidates(filled, capsys):
    """An abbreviation of several keys is refused, with all that it may mean."""
    assert filled.run("ls", "3fa9") == 1
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert "3fa91c02 (simulate(seed=1))" in line
    assert "3fa91c77 (simulate(seed=2))" in line
    assert captured.out == ""


def test_ambiguity_of_eight_digits_shows_more(cache, capsys):
    """Candidates are shown with as many digits as tell them apart."""
    cache.put("f", "12345678aaa1")
    cache.put("f", "12345678aab2")
    assert cache.run("ls", "12345678") == 1
    assert "12345678aaa (f())" in capsys.readouterr().err


def test_a_call_that_succeeded_in_the_end_is_done(cache, rows):
    """A failure from before the result does not count."""
    cache.put("f", "aaaa", age=50.0, failed=True)
    cache.put("f", "aaaa", age=10.0)
    cache.run("ls", "f", "--json")
    (row,) = rows()
    assert row["state"] == "done"


def test_failed_lists_failed_calls(filled, rows):
    """--failed lists calls of all tasks, with their errors."""
    assert filled.run("ls", "--failed", "--json") == 0
    (row,) = rows()
    assert (row["task"], row["args"], row["state"]) == ("simulate", "seed=3", "failed")


def test_failed_tells_deaths_by_their_causes(cache, capsys):
    """Calls that died are grouped by what killed them, as in a MapError."""
    for key, cause in (("aa", "SIGKILL"), ("bb", "SIGSEGV"), ("cc", "SIGKILL")):
        error = {"error": f"Killed: {key} died", "cause": cause}
        cache.put("f", key, failed=True, value={"traceback": ""}, **error)
    cache.run("ls", "--failed")
    text = capsys.readouterr().err
    assert "2 x Killed: SIGKILL" in text
    assert "1 x Killed: SIGSEGV" in text


def test_older_leaves_the_recent_out(filled, rows):
    """--older counts only what ended so long ago."""
    filled.run("ls", "--older", "9d", "--json")
    assert [(row["task"], row["results"], row["failed"]) for row in rows()] == [
        ("simulate", 1, 0),
        ("train", 1, 0),
    ]


def test_older_drops_tasks_without_old_calls(filled, rows):
    """A task of which nothing is old enough is not listed."""
    filled.run("ls", "--older", "15d", "--json")
    assert [row["task"] for row in rows()] == ["train"]


def test_older_than_nothing_is_everything(cache, rows):
    """0s admits all calls, those of a node with a wrong clock too."""
    cache.put("f", "aaaa", age=-3600.0)
    cache.run("ls", "f", "--older", "0s", "--json")
    assert len(rows()) == 1


def test_pipe_gets_tabs(filled, capsys):
    """Where nobody watches, columns are separated by tabs."""
    filled.run("ls", "train")
    header, line = capsys.readouterr().out.splitlines()
    assert header.split("\t")[:3] == ["key", "args", "state"]
    assert line.split("\t")[:3] == ["77aa" + "0" * 28, "lr=0.1", "done"]


def test_arguments_are_escaped(cache, capsys):
    """Texts from a task cannot send control sequences."""
    cache.put("f\x1b[2J", "aaaa", args="x='\x1b]0;\x07'")
    cache.run("ls", "aaaa")
    cache.run("ls")
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out
    assert "\x07" not in captured.out
    assert "f\\x1b[2J" in captured.out


@pytest.mark.parametrize(
    ("column", "tasks"),
    [("bytes", ["train", "simulate"]), ("results", ["simulate", "train"])],
)
def test_sorted_by_a_column(filled, rows, column, tasks):
    """--sort puts the largest first."""
    filled.run("ls", "--sort", column, "--json")
    assert [row["task"] for row in rows()] == tasks


def test_sort_by_what_does_not_exist(filled, capsys):
    """An unknown column is a usage error that lists the legal ones."""
    assert filled.run("ls", "--sort", "colour") == 2
    assert "newest" in capsys.readouterr().err


def test_unknown_task_suggests_near_ones(filled, capsys):
    """A misspelt task is an error that says what may be meant."""
    assert filled.run("ls", "simulat") == 1
    assert "'simulate'" in capsys.readouterr().err


def test_unknown_key_is_not_found(filled):
    """A key that no call has is an error."""
    assert filled.run("ls", "ffff0000") == 1


def test_empty_cache_is_no_error(cache, capsys):
    """Where there is nothing, a line on stderr says so."""
    assert cache.run("ls") == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(cache.root) in captured.err


def test_no_cache_yet_is_no_error(tmp_path, monkeypatch, capsys):
    """In a folder without a cache there is nothing to list, nor is one made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRIDTASK_CACHE", raising=False)
    assert main(["ls"]) == 0
    assert list(tmp_path.iterdir()) == []


def test_folder_that_does_not_exist(tmp_path, capsys):
    """-C of nothing is an error that names it."""
    assert main(["ls", "-C", str(tmp_path / "none")]) == 1
    assert "none" in capsys.readouterr().err


def test_project_folder_stands_for_its_cache(tmp_path, filled, rows):
    """-C takes the folder with .gridtask in it, too."""
    filled.root.rename(tmp_path / ".gridtask")
    assert main(["-C", str(tmp_path), "ls", "--json"]) == 0
    assert len(rows()) == 2


def test_listing_changes_nothing(filled):
    """Reading verbs leave the cache as it is."""
    before = sorted(str(path) for path in filled.root.rglob("*"))
    filled.run("ls")
    filled.run("ls", "simulate")
    assert sorted(str(path) for path in filled.root.rglob("*")) == before


def test_damaged_records_are_named_and_listed(filled, capsys):
    """A record that cannot be read stops nothing but is told, with status 3."""
    (path,) = filled.root.glob("f/train~*/*.seg")
    data = bytearray(path.read_bytes())
    at = data.index(b"lr=0.1")
    data[at] ^= 1
    path.write_bytes(data)
    assert filled.run("ls", "train", "--json") == 3
    captured = capsys.readouterr()
    assert json.loads(captured.out)["state"] == "damaged"
    (line,) = captured.err.splitlines()
    assert path.name in line


def test_a_task_of_which_all_is_removed_is_not_listed(filled, rows):
    """What keeps removed calls removed is not worth a row."""
    filled.run("rm", "--older", "0s", "--yes")
    rows()
    filled.run("ls", "--json")
    assert rows() == []


def test_store_warnings_are_one_line(filled, capsys):
    """A file that cannot be trusted is ignored with a line on stderr."""
    (path,) = filled.root.glob("f/train~*/*.seg")
    path.chmod(0o622)
    assert filled.run("ls", "simulate", "77aa") == 1
    first, second = capsys.readouterr().err.splitlines()
    assert path.name in first
    assert "77aa" in second


def test_listing_loads_nothing_heavy(filled):
    """A listing into a pipe needs neither numpy nor what terminals need."""
    code = (
        "import sys\n"
        "from gridtask.cli import main\n"
        f"status = main(['-C', {str(filled.root)!r}, 'ls'])\n"
        "heavy = {'numpy', 'rich', 'tabulate', 'cloudpickle'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "simulate" in done.stdout
