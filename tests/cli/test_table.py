"""Rows for people, for pipes and as JSON."""

from __future__ import annotations

import io
import json

import pytest

from gridtask.cli import table
from gridtask.cli.table import (
    Column,
    as_date,
    counted,
    write_json,
    write_table,
)
from gridtask.units import format_size

COLUMNS = (
    Column("task", flexible=True),
    Column("bytes", format_size, header="size", right=True),
    Column("newest", lambda at: f"{at:.0f} s", right=True, spare=True, is_time=True),
)
ROWS = [
    {"task": "simulate", "bytes": 2048, "newest": 0.0},
    {"task": "a\x1b[2Jb" * 40, "bytes": 5, "newest": 86400.0},
]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_pipe_gets_tabs_and_plain_numbers(capsys):
    """Other programs get a header, numbers in bytes and dates in UTC."""
    write_table(COLUMNS, ROWS[:1])
    assert capsys.readouterr().out == (
        "task\tbytes\tnewest\nsimulate\t2048\t1970-01-01T00:00:00Z\n"
    )


def test_terminal_gets_aligned_columns_that_fit(monkeypatch):
    """People get units, and no line is longer than the terminal."""
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("COLUMNS", "60")
    write_table(COLUMNS, ROWS)
    header, first, second = stream.getvalue().splitlines()
    assert header.split() == ["task", "size", "newest"]
    assert first.split() == ["simulate", "2.0", "KiB", "0", "s"]
    assert "…" in second
    assert max(map(len, (header, first, second))) <= 60


def test_narrow_terminal_goes_without_spare_columns(monkeypatch):
    """What is least important is left out before lines get too long."""
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("COLUMNS", "30")
    write_table(COLUMNS, ROWS)
    lines = stream.getvalue().splitlines()
    assert lines[0].split() == ["task", "size"]
    assert max(map(len, lines)) <= 30


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_text_of_cells_is_escaped(stream, monkeypatch):
    """Control characters of names and arguments never get out."""
    out = stream()
    monkeypatch.setattr("sys.stdout", out)
    write_table(COLUMNS, ROWS)
    assert "\x1b" not in out.getvalue()
    assert "\\x1b[2J" in out.getvalue()


def test_no_rows_no_header(capsys):
    """An empty table is nothing at all."""
    write_table(COLUMNS, [])
    assert capsys.readouterr().out == ""


def test_json_is_one_object_a_line(capsys):
    """Each line is an object with the row's values as they are."""
    write_json(ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == ROWS


def test_unknown_dates_are_a_dash():
    """What has no results has no newest one."""
    assert as_date(None) == "-"


def test_nouns_follow_their_number():
    """One result, two results."""
    assert (counted(1, "result"), counted(2, "result")) == ("1 result", "2 results")


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_rows_are_written_before_the_last_is_there(stream, monkeypatch):
    """Of a million rows the first ones are not kept waiting."""
    monkeypatch.setattr("sys.stdout", out := stream())
    monkeypatch.setattr(table, "FIRST_ROWS", 3)
    seen = []

    def rows():
        for number in range(9):
            seen.append(len(out.getvalue().splitlines()))
            yield {"task": f"t{number}", "bytes": number, "newest": 0.0}

    write_table(COLUMNS, rows())
    assert seen[2] == 0
    assert seen[-1] >= 4
    assert len(out.getvalue().splitlines()) == 10


def test_later_rows_keep_to_the_columns_of_the_first(monkeypatch):
    """Text that is longer is cut."""
    monkeypatch.setattr("sys.stdout", out := Terminal())
    monkeypatch.setattr(table, "FIRST_ROWS", 2)
    monkeypatch.setenv("COLUMNS", "60")
    names = ["a" * 30, "b", "c", "d", "e" * 50, "f"]
    write_table(COLUMNS, [{"task": n, "bytes": 5, "newest": 0.0} for n in names])
    lines = out.getvalue().splitlines()
    assert len(lines) == 7
    assert {len(line) for line in lines} == {len(lines[0])}
    assert lines[5].startswith("e" * 29 + "…")
