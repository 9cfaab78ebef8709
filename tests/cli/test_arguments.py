"""The command's arguments, its errors and exit statuses."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

from gridtask.cli import command, main
from gridtask.cli.errors import (
    CORRUPT,
    FAILED,
    INTERRUPTED,
    UNREACHABLE,
    USAGE,
    CommandError,
    UsageError,
)
from gridtask.errors import (
    ConfigError,
    CorruptRecordError,
    SchedulerUnavailable,
    StoreError,
)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["frobnicate"],
        ["ls", "--frob"],
        ["rm", "--older", "1y"],
        ["rm", "--older", "-1d"],
        ["rm", "--old", "7d"],
        ["config", "extra"],
        ["show"],
        ["logs"],
        ["cancel"],
        ["ls", "--unused", "3"],
    ],
)
def test_wrong_usage_is_status_2(argv, capsys):
    """What cannot be understood does nothing and says so on stderr."""
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err


def test_complaints_are_one_line(capsys):
    """Usage errors name the verb and the value on a single line."""
    main(["rm", "--older", "1\x1by"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gridtask rm: ")
    assert "7d" in line
    assert "\x1b" not in line


VERBS = [module.__name__.rpartition(".")[2] for module in command.VERBS]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    """--help of a verb is no error, and has an example."""
    assert main([verb, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"usage: gridtask {verb}" in out
    assert f"examples:\n  gridtask {verb}" in out


@pytest.mark.parametrize("verb", VERBS)
def test_no_line_of_an_example_is_wider_than_a_terminal(verb, capsys):
    """Examples are not wrapped by argparse: they must fit by themselves."""
    main([verb, "--help"])
    examples = capsys.readouterr().out.partition("examples:")[2]
    assert max(map(len, examples.splitlines())) <= 80


@pytest.mark.parametrize("verb", ["ls", "rm"])
def test_help_says_what_stale_means(verb, capsys):
    """The word alone could mean old as well."""
    main([verb, "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "computed by another version of the task's code" in out


@pytest.mark.parametrize("argv", [["-C", "x", "ls"], ["ls", "-C", "x"]])
def test_cache_may_stand_before_or_after_the_verb(argv):
    """-C is the same on both sides."""
    assert command.build_parser().parse_args(argv).cache == "x"


def test_names_may_stand_around_options():
    """Tasks and keys are collected from everywhere."""
    args = command._parse(["rm", "a", "--older", "7d", "b", "--yes", "c"])
    assert args.names == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (CommandError("x"), 1),
        (UsageError("x"), 2),
        (ConfigError("x"), 2),
        (CorruptRecordError("x"), 3),
        (SchedulerUnavailable("x"), 4),
        (StoreError("x"), 1),
        (PermissionError(13, "Permission denied", "/x"), 1),
        (ZeroDivisionError("x"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_become_statuses(error, status, monkeypatch, capsys):
    """Each kind of error has its exit status and one line on stderr."""

    def fail(args):
        raise error

    monkeypatch.delenv("GRIDTASK_DEBUG", raising=False)
    monkeypatch.setattr("gridtask.cli.ls.run", fail)
    assert main(["ls"]) == status
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_errors_of_several_lines_are_shown_on_one(monkeypatch, capsys):
    """Line breaks and control characters of a message do not get out."""

    def fail(args):
        raise StoreError("one\n  two\x1b[2J")

    monkeypatch.delenv("GRIDTASK_DEBUG", raising=False)
    monkeypatch.setattr("gridtask.cli.ls.run", fail)
    main(["ls"])
    assert capsys.readouterr().err == "gridtask: one two\\x1b[2J\n"


@pytest.mark.parametrize("how", ["option", "before", "environment"])
def test_debugging_shows_the_traceback(how, monkeypatch):
    """With --debug or GRIDTASK_DEBUG=1 the error itself comes out."""

    def fail(args):
        raise StoreError("x")

    monkeypatch.setenv("GRIDTASK_DEBUG", "1" if how == "environment" else "0")
    monkeypatch.setattr("gridtask.cli.ls.run", fail)
    argv = {"option": ["ls", "--debug"], "before": ["--debug", "ls"]}.get(how, ["ls"])
    with pytest.raises(StoreError):
        main(argv)


def test_a_reader_that_leaves_is_no_error(tmp_path):
    """`gridtask ls | head` ends quietly."""
    code = (
        "import sys, gridtask.cli.ls as ls\n"
        "def run(args):\n"
        "    for _ in range(100_000): print('x' * 100)\n"
        "    return 0\n"
        "ls.run = run\n"
        "from gridtask.cli import main\n"
        "sys.exit(main(['ls']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_version_loads_nothing_heavy():
    """Scripts ask for the version; it must not cost them numpy."""
    code = (
        "import sys\n"
        "from gridtask.cli import main\n"
        "status = main(['--version'])\n"
        "heavy = {'numpy', 'rich', 'tabulate', 'cloudpickle', 'argparse'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("gridtask ")


def test_version_among_other_arguments(capsys):
    """--version is understood wherever it stands before the verb."""
    assert main(["--debug", "--version"]) == 0
    assert capsys.readouterr().out.startswith("gridtask ")


def test_module_is_the_command():
    """`python -m gridtask` is the same command."""
    done = subprocess.run(
        [sys.executable, "-m", "gridtask", "--version"],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert (done.returncode, done.stderr) == (0, "")


def examples_of(verb):
    """Return the command lines among a verb's examples, without what they do."""
    module = next(m for m in command.VERBS if m.__name__.endswith(f".{verb}"))
    lines = module.EXAMPLES.partition("\n\n")[0].splitlines()[1:]
    return [re.split(r" {2,}", line.strip())[0] for line in lines]


@pytest.mark.parametrize("verb", VERBS)
def test_every_example_is_understood(verb):
    """What --help shows can be typed as it is."""
    lines = examples_of(verb)
    assert lines
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "gridtask"
        assert command._parse(words).verb in VERBS


def test_the_verbs_are_those_that_users_know():
    """One module each, and no other."""
    names = "ls rm show why accept logs runs attach retry cancel usage report check gc"
    assert set(VERBS) == {*names.split(), "doctor", "config"}


def test_a_misspelt_verb_is_corrected(capsys):
    """The nearest one is named; all of them where none is near."""
    assert main(["cancle", "x"]) == 2
    assert "no verb 'cancle': did you mean cancel?" in capsys.readouterr().err
    assert main(["frobnicate"]) == 2
    assert "there are ls, rm, show" in capsys.readouterr().err


def test_help_documents_each_exit_status(capsys):
    """As scripts need them."""
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for status in (0, FAILED, USAGE, CORRUPT, UNREACHABLE, INTERRUPTED):
        assert f"\n  {status}  " in out
