"""`gridtask rm`: what goes, and what must not."""

from __future__ import annotations

import errno
import io
import json

import pytest

from gridtask.backends.base import JobState, TaskGroup, TaskState
from gridtask.cli import main
from gridtask.errors import SchedulerUnavailable
from gridtask.store.store import Store

ALL = (["3fa91c02", "3fa91c77"], ["5b"])
"""The keys of the fixture's task simulate."""


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


@pytest.mark.parametrize(
    ("argv", "is_later"),
    [
        (["simulate"], False),
        (["--older", "7d"], False),
        (["3fa91c02"], True),
        (["--failed"], True),
    ],
)
def test_says_when_the_space_is_not_free_at_once(filled, argv, is_later, capsys):
    """Single calls lie in files with others: those are compacted by gc."""
    filled.run("rm", *argv, "--yes")
    assert ("gridtask gc" in capsys.readouterr().err) is is_later


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


def test_a_key_in_flight_stays(filled, capsys):
    """A call that is tried again is not removed under the feet of its job."""
    filled.in_flight = {"simulate": ["5b"]}
    assert filled.run("rm", "5b00", "--yes") == 1
    assert filled.keys("simulate") == ALL
    assert "--cancel" in capsys.readouterr().err


def test_unknown_jobs_count_as_in_flight(filled, capsys):
    """Where the scheduler does not answer, nothing is removed on a guess."""
    filled.in_flight, filled.is_known = {"simulate": 1}, False
    assert filled.run("rm", "simulate", "--yes") == 1
    assert filled.keys("simulate") == ALL
    assert "as far as is known" in capsys.readouterr().err


class Jobs:
    """A backend whose jobs end when they are told to."""

    def __init__(self, patience=0):
        self.cancelled = []
        self.patience = patience

    def cancel(self, job_id, tasks=None):
        self.cancelled.append((job_id, tasks))

    def poll(self):
        self.patience -= 1
        if self.patience < 0:
            return {}
        groups = (TaskGroup(TaskState.DELETING, (range(1, 9),)),)
        return {"118": JobState("118", "gt_x", groups)}


@pytest.fixture
def jobs(monkeypatch):
    """Put a backend in place that notes what it was asked to cancel."""
    jobs = Jobs()
    monkeypatch.setattr("gridtask.caches.removal.open_backend", lambda name, runs: jobs)
    monkeypatch.setattr("gridtask.caches.removal.SLEEP", lambda seconds: None)
    return jobs


def test_cancel_deletes_the_jobs_first(filled, jobs, capsys):
    """rm --cancel ends the array tasks, waits for their end, then removes."""
    filled.in_flight = {"simulate": 3}
    jobs.patience = 3
    assert filled.run("rm", "simulate", "--cancel", "--yes") == 0
    assert jobs.cancelled == [("118", [1, 2])]
    assert jobs.patience < 0
    assert filled.keys("simulate") == ([], [])
    assert "3 calls in flight" in capsys.readouterr().err


def test_cancel_takes_the_array_task_of_the_call_only(filled, jobs, capsys):
    """Of other calls, only those in the same array task end; that is told."""
    filled.in_flight = {"simulate": ["a1", "a2", "a3", "a4"]}
    assert filled.run("rm", "a300", "--cancel", "--yes") == 0
    assert jobs.cancelled == [("118", [2])]
    assert "1 other call in the same array tasks" in capsys.readouterr().err


def test_running_calls_are_cancelled_without_losing_results(filled, jobs):
    """rm --running --cancel leaves all that has ended."""
    filled.in_flight = {"simulate": 3}
    assert filled.run("rm", "--running", "--cancel", "--yes") == 0
    assert filled.keys("simulate") == ALL


def test_jobs_that_do_not_end_stop_the_removal(filled, jobs, capsys):
    """What could still write results is not taken for gone."""
    filled.in_flight = {"simulate": 1}
    jobs.patience = 10**9
    assert filled.run("rm", "simulate", "--cancel", "--yes") == 1
    assert filled.keys("simulate") == ALL
    assert "still ending" in capsys.readouterr().err


def test_scheduler_that_does_not_answer_stops_the_removal(filled, jobs, monkeypatch):
    """Its own exit status tells a script to try again later."""

    def cancel(job_id, tasks=None):
        msg = "qdel: no answer"
        raise SchedulerUnavailable(msg)

    monkeypatch.setattr(jobs, "cancel", cancel)
    filled.in_flight = {"simulate": 1}
    assert filled.run("rm", "simulate", "--cancel", "--yes") == 4
    assert filled.keys("simulate") == ALL


def no_room(*args, **options):
    """Do as a full disk does."""
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def full_disk(monkeypatch):
    """Let nothing be created any more: no file, no folder."""
    monkeypatch.setattr("gridtask.fs.create", no_room)
    monkeypatch.setattr("gridtask.fs.make_folder", no_room)


@pytest.mark.parametrize("argv", [["simulate"], ["--older", "7d"], ["--unused", "0s"]])
def test_a_full_disk_is_emptied(filled, full_disk, argv):
    """Removal by task and by age needs no room itself."""
    filled.run("rm", *argv, "--yes")
    assert filled.keys("simulate")[0] in ([], ["3fa91c77"])


def test_rm_of_a_call_on_a_full_disk_is_not_pretended(filled, full_disk, capsys):
    """Where the tombstone cannot be written, nothing is said to be removed."""
    assert filled.run("rm", "3fa91c02", "--yes") == 1
    assert "No space left" in capsys.readouterr().err
    assert filled.keys("simulate") == ALL


def test_home_is_no_cache(cache, monkeypatch, capsys):
    """A marker that went astray does not open the home folder to rm."""
    cache.put("f", "aaaa")
    monkeypatch.setenv("HOME", str(cache.root))
    assert cache.run("rm", "--all", "--yes") == 1
    assert "no place for a cache" in capsys.readouterr().err
    assert cache.keys("f") == (["aaaa"], [])


def test_only_caches_are_touched(tmp_path, capsys):
    """Without the marker nothing is removed, however much it looks like a cache."""
    task = tmp_path / "f" / "simulate~00000000"
    task.mkdir(parents=True)
    assert main(["rm", "-C", str(tmp_path), "--all", "--yes"]) == 1
    assert "no cache folder" in capsys.readouterr().err
    assert task.is_dir()


def test_names_are_escaped(cache, capsys):
    """What rm says of a task cannot send control sequences."""
    cache.put("f\x1b[2J", "aaaa")
    cache.run("rm", "--all", "--yes")
    assert "\x1b" not in capsys.readouterr().err


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
