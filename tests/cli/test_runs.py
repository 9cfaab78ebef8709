"""`gridtask runs`: what was submitted, and how far it is."""

from __future__ import annotations

import json

import pytest

from gridtask.run import Progress


class FakeRun:
    """A run of five calls, each in another state."""

    id = "k3f9a2bc"
    name = "first\x1b"
    task = "simulate"
    created_at = 86400.0

    def __len__(self):
        return 5

    def progress(self):
        return Progress(
            all=[0, 1, 2, 3, 4],
            cached=[0],
            queued=[1],
            running=[2],
            failed=[3],
            finished=[4],
        )


@pytest.fixture
def one_run(monkeypatch):
    """Let there be one run."""
    monkeypatch.setattr("gridtask.reopen.runs", lambda cache: [FakeRun()])


def test_runs_with_their_counts(cache, one_run, capsys):
    """Each run has a row with the states of its calls."""
    assert cache.run("runs", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "run": "k3f9a2bc",
        "name": "first\x1b",
        "task": "simulate",
        "calls": 5,
        "cached": 1,
        "finished": 1,
        "running": 1,
        "failed": 1,
        "queued": 1,
        "created_at": 86400.0,
    }


def test_names_of_runs_are_escaped(cache, one_run, capsys):
    """A run's name cannot send control sequences."""
    cache.run("runs")
    assert "\x1b" not in capsys.readouterr().out


def test_no_runs_is_no_error(cache, capsys):
    """Where nothing was submitted, a line on stderr says so."""
    assert cache.run("runs") == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no runs" in captured.err
