"""--below: all caches under a folder."""

from __future__ import annotations

import json

import pytest

from gridtask.caches.folder import caches_below
from gridtask.cli import main


@pytest.fixture
def two(tmp_path, make_cache):
    """A folder with two caches, one of them of two tasks."""
    first = make_cache(tmp_path / "a" / ".gridtask")
    second = make_cache(tmp_path / "b" / "deep" / "results")
    first.put("f", "aaaa", age=9 * 86400.0)
    second.put("f", "bbbb")
    second.put("g", "cccc", failed=True)
    return first, second


def run(folder, *argv):
    """Run a verb with --below of the two caches' folder."""
    return main([argv[0], "--below", str(folder), *argv[1:]])


def test_caches_with_their_sums(two, tmp_path, capsys):
    """Each cache has a row."""
    assert run(tmp_path, "ls", "--json") == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["cache"] == str(two[0].root)
    assert (first["tasks"], first["results"], first["failed"]) == (1, 1, 0)
    assert (second["tasks"], second["results"], second["failed"]) == (2, 1, 1)


def test_filters_leave_caches_out(two, tmp_path, capsys):
    """As for the tasks of one cache."""
    run(tmp_path, "ls", "--older", "7d", "--json")
    (row,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert row["cache"] == str(two[0].root)


def test_each_cache_is_asked_for(two, tmp_path, answer):
    """rm asks with path and date; what is not confirmed stays."""
    shown = answer("y\nn\n")
    assert run(tmp_path, "rm") == 1
    assert shown.getvalue().count("remove this cache? [y/N]") == 2
    assert str(two[0].root) in shown.getvalue()
    assert not two[0].root.exists()
    assert two[1].keys("f") == (["bbbb"], [])


def test_all_caches_go_without_a_question(two, tmp_path, capsys):
    """--yes is the answer for all."""
    assert run(tmp_path, "rm", "--yes") == 0
    assert list(caches_below(tmp_path)) == []
    assert "last used 20" in capsys.readouterr().err


def test_without_terminal_nothing_goes(two, tmp_path):
    """A script has to say --yes."""
    assert run(tmp_path, "rm") == 1
    assert len(caches_below(tmp_path)) == 2


def test_a_filter_keeps_the_caches(two, tmp_path):
    """rm --below --older removes calls, no cache."""
    assert run(tmp_path, "rm", "--older", "7d", "--yes") == 0
    assert two[0].keys("f") == ([], [])
    assert two[1].keys("f") == (["bbbb"], [])


def test_a_task_of_all_caches(two, tmp_path):
    """rm --below TASK removes it wherever there is one."""
    assert run(tmp_path, "rm", "g", "--yes") == 0
    assert two[0].keys("f") == (["aaaa"], [])
    assert two[1].keys("g") == ([], [])


def test_files_of_others_stay(two, tmp_path):
    """What gridtask did not write is not removed with a cache."""
    (two[0].root / "thesis.tex").write_text("…")
    assert run(tmp_path, "rm", "--yes") == 0
    assert [path.name for path in two[0].root.iterdir()] == ["thesis.tex"]


def test_an_unusable_cache_does_not_stop_the_rest(two, tmp_path, capsys):
    """It is named, and the exit status tells."""
    two[0].root.chmod(0o777)
    assert run(tmp_path, "ls", "--json") == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert str(two[0].root) in captured.err
    assert run(tmp_path, "rm", "--yes") == 1
    assert two[0].root.exists()
    assert not two[1].root.exists()


@pytest.mark.parametrize("folder", ["/", "~"])
def test_root_and_home_are_refused(folder, monkeypatch, tmp_path, two, capsys):
    """A slip of the finger does not reach every cache there is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = str(tmp_path) if folder == "~" else folder
    assert run(folder, "rm", "--yes") == 1
    assert two[0].root.exists()
    assert "nothing is removed from" in capsys.readouterr().err


def test_a_folder_without_caches(tmp_path, capsys):
    """That is no error."""
    assert run(tmp_path, "rm", "--yes") == 0
    assert run(tmp_path, "ls") == 0
    assert "nothing to list" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["ls"], ["rm", "--yes"]])
def test_a_folder_that_is_not_there(tmp_path, argv, capsys):
    """That is a mistake of somebody's."""
    assert run(tmp_path / "none", *argv) == 1
    assert "no folder" in capsys.readouterr().err


def test_a_task_that_no_cache_has(two, tmp_path, capsys):
    """Nothing is asked and nothing is removed."""
    assert run(tmp_path, "rm", "nobody", "--yes") == 0
    assert "nothing to remove" in capsys.readouterr().err
    assert two[1].keys("f") == (["bbbb"], [])


def test_one_cache_or_many(two, tmp_path):
    """-C beside --below is a usage error."""
    assert run(tmp_path, "rm", "-C", str(two[0].root), "--yes") == 2
    assert two[0].root.exists()


def test_links_are_not_followed(two, tmp_path):
    """A cache is found where it is."""
    (tmp_path / "c").symlink_to(tmp_path / "b")
    assert len(caches_below(tmp_path)) == 2


def test_calls_in_flight_keep_their_cache(two, tmp_path, capsys):
    """The others go."""
    two[0].in_flight = {"f": 1}
    assert run(tmp_path, "rm", "--yes") == 1
    assert two[0].root.exists()
    assert not two[1].root.exists()
    assert "in flight" in capsys.readouterr().err
