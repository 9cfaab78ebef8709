"""`gridtask rm`: what goes, and what must not."""

from __future__ import annotations

import io
import json

import pytest

from gridtask.store.store import Store

ALL = (["3fa91c02", "3fa91c77"], ["5b"])
"""The keys of the fixture's task simulate."""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def answer(monkeypatch):
    """Return a function that puts a terminal with an answer in place."""

    def put(text):
        monkeypatch.setattr("sys.stdin", Terminal(text))
        shown = Terminal()
        monkeypatch.setattr("sys.stderr", shown)
        return shown

    return put


def test_a_task_goes_entirely(filled):
    """rm TASK leaves nothing of it and touches no other."""
    assert filled.run("rm", "simulate", "--yes") == 0
    assert [folder.name for folder in Store.open(filled.root).folders()] == ["train"]
    assert filled.keys("train") == (["77aa"], [])


def test_all_tasks_go(filled):
    """rm --all leaves no task."""
    assert filled.run("rm", "--all", "--yes") == 0
    assert Store.open(filled.root).folders() == []


def test_one_call_goes_by_its_key(filled):
    """rm KEY takes an abbreviated key and removes that call only."""
    assert filled.run("rm", "3fa91c02", "--yes") == 0
    assert filled.keys("simulate") == (["3fa91c77"], ["5b"])


def test_a_call_goes_with_its_earlier_failure(cache):
    """Nothing of a removed call comes back."""
    cache.put("f", "aaaa", age=50.0, failed=True)
    cache.put("f", "aaaa", age=10.0)
    assert cache.run("rm", "aaaa", "--yes") == 0
    assert cache.keys("f") == ([], [])


def test_old_calls_go(filled):
    """rm --older removes what is old, results and failures, of all tasks."""
    assert filled.run("rm", "--older", "7d", "--yes") == 0
    assert filled.keys("simulate") == (["3fa91c77"], [])
    assert filled.keys("train") == ([], [])


def test_old_calls_of_a_task_go(filled):
    """Filters and tasks are combined."""
    assert filled.run("rm", "simulate", "--older", "9d", "--yes") == 0
    assert filled.keys("simulate") == (["3fa91c77"], ["5b"])
    assert filled.keys("train") == (["77aa"], [])


def test_failed_calls_go(filled):
    """rm --failed keeps all results."""
    assert filled.run("rm", "--failed", "--yes") == 0
    assert filled.keys("simulate") == (["3fa91c02", "3fa91c77"], [])


def test_older_than_nothing_is_everything(filled):
    """rm --older 0s removes all calls."""
    assert filled.run("rm", "--older", "0s", "--yes") == 0
    assert filled.keys("simulate") == ([], [])


def test_says_what_goes(filled, capsys):
    """Each task's line tells how many calls and how much space."""
    filled.run("rm", "simulate", "--yes")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "simulate: 2 results, 1 failed call, " in captured.err


def test_asks_on_a_terminal_and_obeys_yes(filled, answer):
    """With y it is removed."""
    shown = answer("y\n")
    assert filled.run("rm", "simulate") == 0
    assert "remove? [y/N]" in shown.getvalue()
    assert filled.keys("simulate") == ([], [])


@pytest.mark.parametrize("text", ["n\n", "\n", "", "yep\n"])
def test_asks_on_a_terminal_and_obeys_no(filled, answer, text):
    """With anything but yes, or nothing at all, it stays."""
    answer(text)
    assert filled.run("rm", "simulate") == 1
    assert filled.keys("simulate") == ALL


def test_without_terminal_and_yes_nothing_goes(filled, monkeypatch, capsys):
    """A script has to say --yes."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert filled.run("rm", "simulate") == 1
    assert filled.keys("simulate") == ALL
    assert "--yes" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["--older", "100d"], ["--failed", "train"]])
def test_nothing_to_remove_is_no_error(filled, argv, capsys):
    """For crontab: nothing old enough is fine, also without --yes."""
    assert filled.run("rm", *argv) == 0
    assert "nothing to remove" in capsys.readouterr().err


def test_no_cache_is_nothing_to_remove(tmp_path, monkeypatch):
    """Where there is no cache yet there is nothing to remove."""
    from gridtask.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRIDTASK_CACHE", raising=False)
    assert main(["rm", "--all"]) == 0


@pytest.mark.parametrize("argv", [[], ["--yes"], ["--all", "simulate"]])
def test_unclear_wishes_are_usage_errors(filled, argv):
    """Without saying what, nothing is removed."""
    assert filled.run("rm", *argv) == 2
    assert filled.keys("simulate") == ALL


@pytest.mark.parametrize("names", [["simulat"], ["3fa9"], ["simulate", "ffff0000"]])
def test_one_wrong_name_stops_all(filled, names):
    """If one name is not found or ambiguous, nothing is removed."""
    assert filled.run("rm", *names, "--yes") == 1
    assert filled.keys("simulate") == ALL


@pytest.mark.parametrize("argv", [["simulate"], ["--all"]])
def test_tasks_with_calls_in_flight_stay(filled, argv, capsys):
    """A task is not removed under the feet of its jobs."""
    filled.in_flight = {"simulate": 3}
    assert filled.run("rm", *argv, "--yes") == 1
    assert filled.keys("simulate") == ALL
    assert filled.keys("train") == (["77aa"], [])
    assert "3 of simulate" in capsys.readouterr().err


def test_finished_calls_go_while_others_run(filled):
    """A call that has its result is not in flight."""
    filled.in_flight = {"simulate": 3}
    assert filled.run("rm", "--older", "9d", "--yes") == 0
    assert filled.keys("simulate") == (["3fa91c77"], ["5b"])


@pytest.mark.parametrize("filters", [[], ["--older", "9d"], ["--failed"]])
def test_ls_is_the_dry_run(filled, filters, capsys):
    """What ls lists is what rm removes."""
    filled.run("ls", "simulate", "--json", *filters)
    listed = {json.loads(line)["key"] for line in capsys.readouterr().out.splitlines()}
    before = {key for keys in filled.keys("simulate") for key in keys}
    filled.run("rm", "simulate", "--yes", *filters)
    after = {key for keys in filled.keys("simulate") for key in keys}
    assert {key.ljust(32, "0") for key in before - after} == listed
