"""Sizes, times and ages: what is read, written and refused."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtask import units


def test_examples():
    """The examples in the documentation are right."""
    failed, tried = doctest.testmod(units)
    assert (failed, tried > 5) == (0, True)


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [
        ("0", 0),
        ("1", 1),
        ("1024", 1024),
        ("1k", 1000),
        ("1K", 1024),
        ("1m", 10**6),
        ("1M", 2**20),
        ("4g", 4 * 10**9),
        ("4G", 4 * 2**30),
        ("2t", 2 * 10**12),
        ("2T", 2 * 2**40),
        ("0x10", 16),
        ("0X1fG", 31 * 2**30),
        ("010", 8),
        ("010K", 8 * 1024),
    ],
)
def test_parse_memory(text, n_bytes):
    """Numbers in three bases, multipliers of two families."""
    assert units.parse_memory(text) == n_bytes


@pytest.mark.parametrize(
    "text",
    ["", "4 GB", "4GB", "G", "-1", "+1", "1.5G", "4 G", " 4G", "4G ", "4G\n", "0x"],
)
def test_parse_memory_refuses(text):
    """Anything else is a ValueError that shows it."""
    with pytest.raises(ValueError, match="not a memory size") as caught:
        units.parse_memory(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["08", "1e9", "4P", "1,000", "\u0664G", "4kk"])
def test_parse_memory_refuses_other_numbers(text):
    """Neither octals with an 8, nor floats, nor other scripts' digits."""
    with pytest.raises(ValueError, match="not a memory size"):
        units.parse_memory(text)


@given(st.integers(0, 2**63))
def test_memory_round_trip(n_bytes):
    """What is written is read as the same number of bytes."""
    assert units.parse_memory(units.format_memory(n_bytes)) == n_bytes


@given(st.integers(0, 2**20), st.sampled_from("KMGT"))
def test_memory_is_written_short(number, letter):
    """The largest multiplier that fits exactly is taken."""
    n_bytes = units.parse_memory(f"{number}{letter}")
    assert len(units.format_memory(n_bytes)) <= len(f"{number}{letter}")


def test_format_memory_refuses():
    """Bytes are not negative."""
    with pytest.raises(ValueError, match="-1"):
        units.format_memory(-1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("00:30:00", 1800),
        ("1::1", 3601),
        ("::5", 5),
        (":2:", 120),
        ("3::", 10800),
        ("100:00:00", 360_000),
        ("0:90:0", 5400),
        ("30m", 1800),
        ("2h", 7200),
        ("45s", 45),
        ("1d", 86_400),
        ("1w", 604_800),
    ],
)
def test_parse_time(text, seconds):
    """Clock times with empty fields, seconds, numbers with a unit."""
    assert units.parse_time(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "::", "10:00", "1:2:3:4", "-1", "1.5h", "1h30m", "2 h", "2H", "1:a:1"]
)
def test_parse_time_refuses(text):
    """Anything else is a ValueError that shows it."""
    with pytest.raises(ValueError, match="not a length of time") as caught:
        units.parse_time(text)
    assert repr(text) in str(caught.value)


@given(st.integers(0, 10**9))
def test_time_round_trip(seconds):
    """What is written is read as the same number of seconds."""
    assert units.parse_time(units.format_time(seconds)) == seconds


def test_format_time_rounds_up():
    """A limit is never written shorter than it was."""
    assert units.format_time(59.01) == "00:01:00"
    assert units.format_time(0) == "00:00:00"


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
@pytest.mark.parametrize("write", [units.format_time, units.format_duration])
def test_times_are_finite_and_not_negative(write, seconds):
    """No other number is a length of time."""
    with pytest.raises(ValueError, match="not a length of time"):
        write(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("90s", 90),
        ("5m", 300),
        ("1.5h", 5400),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("0.5d", 43_200),
    ],
)
def test_parse_age(text, seconds):
    """A number with a unit; m are minutes."""
    assert units.parse_age(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "7", "d", "-1d", "+1d", "1 d", "1mo", "1y", "1d12h", "1D", ".5d", "1.d"],
)
def test_parse_age_refuses(text):
    """Anything else is a ValueError that shows it; a bare number, too."""
    with pytest.raises(ValueError, match="not an age") as caught:
        units.parse_age(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (102_399, "100 KiB"),
        (2**20 - 1, "1.0 MiB"),
        (4_402_341_478, "4.1 GiB"),
        (3 * 2**40, "3.0 TiB"),
        (5 * 2**60, "5120 PiB"),
    ],
)
def test_format_size(n_bytes, text):
    """Sizes for people have two or three digits."""
    assert units.format_size(n_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.25, "0.25 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (7200, "2 h"),
        (7260, "2 h 1 min"),
        (90_000, "1 d 1 h"),
        (10**7, "115 d 17 h"),
    ],
)
def test_format_duration(seconds, text):
    """Durations for people have their two largest units."""
    assert units.format_duration(seconds) == text
