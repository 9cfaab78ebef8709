"""Text of the user's values, safe to show."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtask.printable import (
    MAX_ARGUMENTS,
    MAX_VALUE,
    arguments_text,
    printable,
    short_repr,
    shorten,
)

values = st.recursive(
    st.none() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.text())
def test_printable_text_has_no_control_characters(text):
    """Whatever comes in, one line of visible characters comes out."""
    assert printable(text).isprintable()


@pytest.mark.parametrize("text", ["", "simulate(n=3)", "Grüße 木 🌳"])
def test_visible_text_stays_as_it_is(text):
    """Letters of any script are not escaped."""
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\u202eevil", r"\u202eevil"),
        ("\udcff", r"\udcff"),
    ],
)
def test_what_could_fool_a_terminal_is_escaped(text, shown):
    """Escape sequences, direction marks and broken bytes are spelled out."""
    assert printable(text) == shown


@given(values)
def test_any_value_is_one_short_line(value):
    """Nesting and size do not make a text long."""
    text = short_repr(value)
    assert text.isprintable()
    assert len(text) <= MAX_VALUE


def test_a_nest_of_many_lists_stays_cheap():
    """The text of deep nests is cut while it is made, not afterwards."""
    value = 1
    for _ in range(12):
        value = [value] * 6
    assert short_repr(value).startswith("[[[[...], [...], [...]")


def test_large_bytes_are_not_made_text():
    """Only the start of bytes is shown, and how many there are."""
    assert short_repr(bytes(10**8)).endswith("... (100000000 bytes)")
    assert short_repr(bytearray(b"ab")) == "bytearray(b'ab')"


def test_arrays_are_shown_by_shape():
    """Values of an array say little and take long."""
    assert short_repr(np.zeros((3, 4))) == "array((3, 4), float64)"


class Broken:
    """Its repr raises."""

    def __repr__(self):
        raise RuntimeError


@dataclasses.dataclass
class Config:
    """A composite of the user's."""

    part: object


@pytest.mark.parametrize(
    "value", [Broken(), [Broken()], {1: Broken()}, Config(Broken())]
)
def test_a_broken_repr_is_survived(value):
    """The type is shown instead."""
    assert "object>" in short_repr(value)


def test_a_number_with_too_many_digits_is_survived():
    """Python refuses to write numbers of more than 4300 digits."""
    assert short_repr(10**5000)


def test_arguments_are_named_and_cut():
    """All arguments in order, cut at MAX_ARGUMENTS with a mark."""
    assert arguments_text({"a": 1, "b": "x"}) == "a=1, b='x'"
    assert arguments_text({}) == ""
    text = arguments_text({f"name{i}": "y" * 50 for i in range(1000)})
    assert len(text) == MAX_ARGUMENTS
    assert text.endswith("…")


@given(st.text(), st.integers(1, 20))
def test_shorten_keeps_the_width(text, width):
    """Text that fits stays, other text is cut to the width."""
    cut = shorten(text, width)
    assert cut == text if len(text) <= width else len(cut) == width
