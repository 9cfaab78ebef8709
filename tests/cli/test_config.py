"""`gridtask config`: every setting and where it comes from."""

from __future__ import annotations

import json

import pytest

from gridtask.cli import main


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project folder to work in, with no settings from elsewhere."""
    for name in ("GRIDTASK_CACHE", "GRIDTASK_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def settings(capsys):
    """Return a function that runs the verb and gives value and origin by name."""

    def read(*argv):
        assert main(["config", "--json", *argv]) == 0
        rows = map(json.loads, capsys.readouterr().out.splitlines())
        return {row["setting"]: (row["value"], row["origin"]) for row in rows}

    return read


def test_defaults_are_shown_as_such(project, settings):
    """Where nothing is set, the defaults and the cache that would be used hold."""
    shown = settings()
    assert shown["backend"] == ("auto", "default")
    assert shown["cache_dir"] == (str(project / ".gridtask"), "default")
    assert shown["site.fs_latency"] == (60.0, "default")


def test_origin_of_each_setting_is_named(project, settings, monkeypatch):
    """Files and variables are named beside what they set."""
    (project / "gridtask.toml").write_text('memory = "4G"\n')
    monkeypatch.setenv("GRIDTASK_BACKEND", "serial")
    shown = settings()
    assert shown["memory"][0] == "4G"
    assert "gridtask.toml" in shown["memory"][1]
    assert shown["backend"][0] == "serial"
    assert "GRIDTASK_BACKEND" in shown["backend"][1]


def test_given_cache_is_shown(project, settings):
    """-C shows the cache that other verbs would use with it."""
    (project / "other").mkdir()
    assert settings("-C", "other")["cache_dir"] == (str(project / "other"), "-C")


def test_unknown_setting_is_a_usage_error(project, capsys):
    """A misspelt setting is told on one line, with status 2."""
    (project / "gridtask.toml").write_text('memmory = "4G"\n')
    assert main(["config"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "memory" in line


def test_empty_values_are_a_dash(project, capsys):
    """A table for people and pipes has no Python brackets."""
    main(["config"])
    lines = dict(line.split("\t")[:2] for line in capsys.readouterr().out.splitlines())
    assert lines["cluster_params"] == "-"
