"""Values whose classes are gone, shown by what was stored of them."""

from __future__ import annotations

import collections
import dataclasses
import enum
import sys
import types

import numpy as np
import pytest

from gridtask.caches.standins import decode
from gridtask.store import values


@pytest.fixture
def gone(monkeypatch):
    """Return a function that encodes a value of classes which are then gone."""
    module = types.ModuleType("gone")
    monkeypatch.setitem(sys.modules, "gone", module)

    def encode(make, *classes):
        for each in classes:
            each.__module__, each.__qualname__ = "gone", each.__name__
            setattr(module, each.__name__, each)
        payload = b"".join(values.encode(make()).parts)
        monkeypatch.delitem(sys.modules, "gone")
        return payload

    return encode


class Plain:
    """Has attributes."""

    def __init__(self, x):
        self.x = x


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    """Has slots."""

    x: int
    y: str


class Color(enum.Enum):
    """Has named values."""

    RED = 1


class Names(list):
    """Is a list."""


class Table(dict):
    """Is a dict."""


Pair = collections.namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda: Plain([1]), Plain, "Plain(x=[1])"),
        (lambda: Slotted(1, "b"), Slotted, "Slotted(1, 'b')"),
        (lambda: Color.RED, Color, "Color(1)"),
        (lambda: Names(["a", "b"]), Names, "Names('a', 'b')"),
        (lambda: Table(a=1), Table, "Table(('a', 1))"),
        (lambda: Pair(1, 2), Pair, "Pair(1, 2)"),
    ],
)
def test_objects_show_what_they_were_made_of(gone, make, kind, text):
    """Attributes, slots, enums, containers and named tuples."""
    payload = gone(lambda: [make(), "x"], kind)
    value, missing = decode(payload)
    assert missing == [f"gone.{kind.__name__}"]
    assert value[1] == "x"
    assert repr(value[0]) == text


def test_an_object_may_hold_itself(gone):
    """Its text ends all the same."""

    def make():
        plain = Plain(1)
        plain.x = plain
        return plain

    value, _ = decode(gone(make, Plain))
    assert repr(value) == "Plain(x=...)"


def test_what_is_there_stays_what_it_is(gone):
    """Arrays beside such objects, too."""
    value, _ = decode(gone(lambda: {"p": Plain(1), "a": np.arange(3)}, Plain))
    np.testing.assert_array_equal(value["a"], np.arange(3))
    assert repr(value["p"]) == "Plain(x=1)"
