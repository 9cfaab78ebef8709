"""`gridtask doctor`, without a cluster and on a real cell."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

import pytest

from gridtask.cli import main

TASK = """
from gridtask import grid_task

@grid_task(memory="1G", time="5m", slots=2)
def double(n):
    return 2 * n

if __name__ == "__main__":
    print(double.map([1, 2, 3], progress=False))
    print(double.plan([4]))
"""


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
def examine(capsys):
    """Return a function that runs the verb; status, findings and stderr."""

    def run(*argv):
        capsys.readouterr()
        status = main(["doctor", "--json", *argv])
        captured = capsys.readouterr()
        findings = [json.loads(line) for line in captured.out.splitlines()]
        return status, findings, captured.err

    return run


def test_a_laptop_is_told_so_and_the_rest_is_looked_at(project, examine):
    """No Grid Engine is no failure."""
    status, findings, _ = examine()
    assert status == 0
    sections = {finding["section"] for finding in findings}
    assert sections == {"python", "cache", "grid engine"}
    (found,) = [f for f in findings if f["section"] == "grid engine"]
    assert found["level"] == "note"
    assert "'local'" in found["text"]
    assert list(project.iterdir()) == []


def test_nothing_is_written_where_there_is_no_cell(project, examine):
    """The site profile is the cell's."""
    status, _, err = examine("--write")
    assert status == 1
    assert "nothing to write" in err
    assert list(project.iterdir()) == []


def test_unusable_cache_is_status_1(project, examine):
    """A problem, with the command that mends it."""
    cache = project / ".gridtask"
    cache.mkdir()
    cache.chmod(0o777)
    status, findings, err = examine()
    assert status == 1
    assert "1 problem" in err
    (bad,) = [finding for finding in findings if finding["level"] == "problem"]
    assert bad["remedy"].startswith("chmod")


def test_terminals_get_sections_and_pipes_get_tabs(project, capsys, monkeypatch):
    """The same findings in both."""
    assert main(["doctor"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "section\tlevel\ttext\tremedy"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "python"
    assert "cache" in lines
    assert len(rows) > 5


def test_a_scheduler_that_does_not_answer_is_status_4(
    project, examine, monkeypatch, tmp_path
):
    """The folder is looked at all the same."""
    program = tmp_path / "bin" / "qsub"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("SGE_ROOT", str(tmp_path))
    status, findings, _ = examine()
    assert status == 4
    assert any(finding["section"] == "cache" for finding in findings)
    (bad,) = [finding for finding in findings if finding["level"] == "problem"]
    assert "not reachable" in bad["text"]


def test_a_real_cell_is_all_well(project, examine, cell):
    """Down to a job that runs, and its accounting."""
    status, findings, _ = examine()
    bad = [f for f in findings if f["level"] in ("warning", "problem")]
    assert (status, bad) == (0, [])
    facts = {name: v for f in findings for name, v in f["facts"].items()}
    assert facts["family"] == "Son of Grid Engine"
    assert facts["max_aj_tasks"] == "75000"
    assert facts["environments"] == {"smp": "$pe_slots"}
    assert facts["address_space"] == 1 << 30
    assert facts["accounting"] is True
    assert abs(facts["clock_skew"]) < 2
    assert list(project.iterdir()) == []


@pytest.fixture
def odd_cell(cell, tmp_path):
    """The cell while memory is counted per job in mem_free, and not in h_vmem."""
    before = qconf("-sc")
    lines = []
    for line in before.splitlines():
        word = line.partition(" ")[0]
        if word in ("h_vmem", "s_vmem", "h_data"):
            line = f"{word} {word} MEMORY <= NO NO 0 0"
        elif word == "mem_free":
            line = "mem_free mf MEMORY <= YES JOB 1G 0"
        lines.append(line)
    table = tmp_path / "complexes"
    table.write_text("\n".join(lines) + "\n")
    try:
        qconf("-Mc", table)
        yield
    finally:
        table.write_text(before)
        qconf("-Mc", table)


def qconf(*argv):
    """Run qconf and return what it prints."""
    argv = ["qconf", *map(str, argv)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_what_is_written_is_what_maps_ask_for(project, examine, odd_cell):
    """On a site that counts memory in its own way, from doctor to a map."""
    (project / "gridtask.toml").write_text('# mine\nenv = ["A"]\n')
    status, findings, _ = examine("--no-job")
    assert status == 0
    (bad,) = [finding for finding in findings if finding["level"] == "warning"]
    assert bad["remedy"] == "gridtask doctor --write"
    status, _, err = examine("--write")
    assert status == 0
    assert "written" in err
    text = (project / "gridtask.toml").read_text()
    assert text.startswith('# mine\nenv = ["A"]\n')
    assert tomllib.loads(text)["site"]["memory"] == "-l mem_free={memory}"
    assert not [f for f in examine()[1] if f["level"] in ("warning", "problem")]
    (project / "script.py").write_text(TASK)
    argv = [sys.executable, "script.py"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[2, 4, 6]")
    assert "-l mem_free=1G,h_rt=00:05:00 -pe smp 2" in done.stdout


def test_replacing_a_value_is_asked_for(project, examine, cell):
    """Without a terminal it needs --yes."""
    path = project / "gridtask.toml"
    path.write_text('[site]\ntime = "-l s_rt={time}"\n')
    status, _, err = examine("--no-job", "--write")
    assert status == 1
    assert "was '-l s_rt={time}'" in err
    assert path.read_text() == '[site]\ntime = "-l s_rt={time}"\n'
    assert examine("--no-job", "--write", "--yes")[0] == 0
    assert tomllib.loads(path.read_text())["site"]["time"] == "-l h_rt={time}"


def test_a_file_can_be_named(project, examine, cell, tmp_path):
    """The user's own settings hold for all projects."""
    path = tmp_path / "home" / ".config" / "gridtask" / "config.toml"
    assert examine("--no-job", "--write", str(path))[0] == 0
    assert tomllib.loads(path.read_text())["site"]["slots"] == "-pe smp {slots}"
    assert list(project.iterdir()) == []


def test_an_ordinary_user_can_ask_all_of_it(cell, ordinary_user):
    """No question needs rights, and the job runs as that user."""
    argv = [str(ordinary_user.python), "-P", "-m", "gridtask", "doctor", "--json"]
    done = ordinary_user.run(argv)
    assert done.returncode == 0, done.stderr
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    bad = [f for f in findings if f["level"] in ("warning", "problem")]
    assert bad == []
    assert any(f["facts"].get("accounting") for f in findings)
