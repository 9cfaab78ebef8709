"""Arguments of calls as bytes, with everything large stored once."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtask.claims.packing import LARGE_BYTES, Packer, unpack

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner)
    ),
)


class Shelf:
    """What a packer has stored, by digest."""

    def __init__(self):
        self.parts: dict[bytes, bytes] = {}
        self.packer = Packer(self.store)

    def store(self, digest, parts):
        """Keep bytes; storing the same twice would be a waste."""
        assert digest not in self.parts
        self.parts[digest] = b"".join(parts)

    def unpack(self, data):
        """Return arguments from bytes."""
        return unpack(data, lambda digest: bytearray(self.parts[digest]))

    @property
    def n_bytes(self):
        """How much is stored."""
        return sum(map(len, self.parts.values()))


@pytest.fixture
def shelf():
    """An empty shelf with its packer."""
    return Shelf()


@given(st.dictionaries(st.text(), values))
def test_values_come_back(arguments):
    """What goes in comes out, of the same types and in the same order."""
    shelf = Shelf()
    back = shelf.unpack(shelf.packer.pack(arguments))
    assert list(back) == list(arguments)
    assert back == arguments


@given(st.lists(st.integers(0, 2), min_size=1, max_size=8), st.integers(1, 3))
def test_shared_arrays_are_stored_once(chosen, n_kinds):
    """However often and wherever arrays are passed, each content is stored once."""
    shelf = Shelf()
    arrays = [np.full(LARGE_BYTES // 8, float(i % n_kinds)) for i in range(3)]
    calls = [{"x": arrays[i], "nested": [{"y": arrays[i]}]} for i in chosen]
    packed = [shelf.packer.pack(call) for call in calls]
    n_contents = len({i % n_kinds for i in chosen})
    assert shelf.n_bytes == n_contents * LARGE_BYTES
    for call, data in zip(calls, packed, strict=True):
        back = shelf.unpack(data)
        np.testing.assert_array_equal(back["x"], call["x"])
        np.testing.assert_array_equal(back["nested"][0]["y"], call["x"])


def test_each_call_has_arrays_of_its_own(shelf):
    """A call that changes its argument, large or small, changes its own copy."""
    large, small = np.zeros(LARGE_BYTES), np.zeros(3)
    data = shelf.packer.pack({"large": large, "small": small})
    first, second = shelf.unpack(data), shelf.unpack(data)
    first["large"][:] = first["small"][:] = 1
    assert not large.any()
    assert not small.any()
    assert not second["large"].any()
    assert not second["small"].any()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3)),
        np.arange(6.0).reshape(2, 3).T,
        np.arange(100_000)[::2],
        np.asfortranarray(np.arange(90_000.0).reshape(300, 300)),
        np.array("text"),
        np.array([{"a": 1}, None], dtype=object),
        np.zeros(20_000, dtype=[("a", "i4"), ("b", "U3")]),
    ],
    ids=["empty", "transposed", "strided", "fortran", "text", "object", "structured"],
)
def test_any_array_comes_back(shelf, array):
    """Shape, type and values of all kinds of arrays are kept."""
    back = shelf.unpack(shelf.packer.pack({"x": array}))["x"]
    np.testing.assert_array_equal(back, array)
    assert back.dtype == array.dtype


def test_a_read_only_array_becomes_writable(shelf):
    """Arguments are the call's own, whatever the caller's were."""
    array = np.zeros(LARGE_BYTES)
    array.flags.writeable = False
    assert shelf.unpack(shelf.packer.pack({"x": array}))["x"].flags.writeable


@pytest.mark.parametrize("kind", [str, bytes, list])
def test_large_values_without_buffers_are_stored_once(shelf, kind):
    """A long text or list counts by its bytes, not by its object."""
    make = {
        str: lambda: "x" * LARGE_BYTES,
        bytes: lambda: b"x" * LARGE_BYTES,
        list: lambda: list(range(LARGE_BYTES)),
    }[kind]
    packed = [shelf.packer.pack({"x": make()}) for _ in range(3)]
    assert len(shelf.parts) == 1
    assert all(len(data) < 1000 for data in packed)
    assert shelf.unpack(packed[2]) == {"x": make()}


def test_an_object_that_was_given_back_is_not_mistaken_for_another(shelf):
    """New objects at an old one's address are packed by their own values."""
    packed = [shelf.packer.pack({"x": [i]}) for i in range(100)]
    assert [shelf.unpack(data)["x"] for data in packed] == [[i] for i in range(100)]


def test_functions_of_the_moment_travel(shelf):
    """What plain pickle refuses goes by value."""
    back = shelf.unpack(shelf.packer.pack({"f": lambda x: x + 1}))
    assert back["f"](1) == 2


def test_what_cannot_be_pickled_is_named(shelf):
    """The message leads to the part of the argument."""
    with pytest.raises(TypeError, match=r"the argument 'cfg'\['lock'\] cannot be"):
        shelf.packer.pack({"cfg": {"lock": threading.Lock()}})
