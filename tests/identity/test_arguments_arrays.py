"""Digests of numpy's values: by dtype, shape and bytes, read where they are."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from xxhash import xxh3_128_digest

from gridtask.errors import IdentityError
from gridtask.identity.arguments import arrays
from gridtask.identity.arguments.hasher import ArgumentHasher


def name_code(thing):
    """Digest code by name: what code counts is tested elsewhere."""
    name = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', thing)}"
    return xxh3_128_digest(name.encode())


HASHER = ArgumentHasher(name_code)
digest = HASHER.digest
MIB = 1 << 20


class Signal(np.ndarray):
    """An array with attributes."""


def make_signal(values, **state):
    signal = np.asarray(values).view(Signal)
    vars(signal).update(state)
    return signal


class Metre(np.float64):
    """A number with attributes."""


GRID = np.arange(12.0).reshape(3, 4)
PADDED = np.dtype([("a", "i1"), ("b", "f8")], align=True)
PACKED = np.dtype([("a", "i1"), ("b", "f8")])
DISTINCT = [
    GRID,
    GRID.T,
    GRID.ravel(),
    GRID.reshape(4, 3),
    GRID.reshape(3, 2, 2),
    np.asfortranarray(GRID),
    GRID.astype("f4"),
    GRID.astype(">f8"),
    GRID.astype("i8"),
    GRID.astype("u8"),
    GRID.astype("c16"),
    GRID.astype("f2"),
    GRID.astype("g"),
    GRID.astype(object),
    GRID.astype("M8[s]"),
    GRID.astype("M8[D]"),
    GRID.astype("m8[D]"),
    GRID.astype("U32"),
    GRID.astype("S32"),
    GRID.astype(bool),
    GRID.view("V8"),
    np.eye(3),
    np.asfortranarray(np.eye(3)),
    np.zeros(0),
    np.zeros((0, 3)),
    np.zeros((3, 0)),
    np.zeros(3, "U0"),
    np.array(1.0),
    np.array([1.0]),
    np.float64(1.0),
    1.0,
    np.float32(1.0),
    np.longdouble(1.0),
    np.int64(1),
    np.int32(1),
    np.bool_(True),
    np.complex64(1j),
    np.str_("a"),
    np.str_(""),
    np.str_("\0"),
    np.bytes_(b"a"),
    np.bytes_(b"a\0"),
    np.datetime64("2020"),
    np.datetime64("2020-01-01"),
    np.datetime64("NaT"),
    np.timedelta64(1, "s"),
    np.timedelta64(1),
    np.void(b"abc"),
    np.zeros(2, PADDED),
    np.zeros(2, PACKED),
    np.zeros(2, PADDED)[0],
    np.zeros(2, [("a", "i1"), ("c", "f8")]),
    np.zeros(2, [("a", "i1"), ("b", "O")]),
    np.zeros(2, [("a", "f8", (2,))]),
    np.zeros(2, PACKED).view(np.recarray),
    np.array([1, "a", None], object),
    np.array([{1}, {2}], object),
    np.array([[1, 2]], object),
    np.array([1, 2], object),
    np.array(1, object),
    np.ma.array([1, 2, 3]),
    np.ma.array([1, 2, 3], mask=[0, 1, 0]),
    np.ma.array([1, 2, 3], mask=[0, 1, 0], fill_value=7),
    np.ma.array([1, 9, 3], mask=[0, 1, 0]),
    np.ma.masked,
    np.matrix([1]),
    make_signal([1.0]),
    make_signal([1.0], rate=1),
    make_signal([1.0], rate={1}),
    make_signal([{1}], rate=1),
    Metre(1.0),
    np.dtype("f8"),
    np.dtype("f4"),
    np.dtype("f8", metadata={"unit": "m"}),
    np.dtype("f8", metadata={"unit": "s"}),
    PADDED,
    PACKED,
    np.random.default_rng(1),
    np.random.default_rng(2),
    np.random.Generator(np.random.MT19937(1)),
    np.random.RandomState(1),
    np.random.RandomState(2),
    np.random.PCG64(1),
    np.random.SeedSequence(1),
    np.random.SeedSequence(1, spawn_key=(1,)),
    np.random.default_rng(1).normal,
    np.random.default_rng(2).normal,
    np.random.rand,
    np.random.randn,
    np.sin,
    np.cos,
    np.float64,
]


def test_distinct_values_have_distinct_digests():
    """No two values that differ in type, dtype, shape or content share a digest."""
    seen = {}
    for value in DISTINCT:
        found = digest(value)
        assert found not in seen, (value, seen.get(found))
        seen[found] = value
        assert digest(value) == found


@pytest.mark.parametrize("index", range(len(DISTINCT)))
def test_pickled_and_read_again(index):
    """What comes out of a pickle has the digest of what went in."""
    value = DISTINCT[index]
    owner = getattr(value, "__self__", value)
    seeded = isinstance(owner, (np.random.Generator, np.random.BitGenerator))
    changed_by_pickle = (
        (seeded and np.__version__ < "2")  # its pickles leave out what spawn() uses
        or (isinstance(value, np.ndarray) and value.dtype == ">f8")
        or isinstance(value, (Signal, Metre, np.str_, np.bytes_))
        or getattr(value, "__name__", "") in ("rand", "randn")
    )
    if not changed_by_pickle:
        assert digest(pickle.loads(pickle.dumps(value, 5))) == digest(value)


BIG = np.arange(1_200_000.0).reshape(1000, 1200)
VIEWS = {
    "rows": BIG[::2],
    "columns": BIG[:, ::2],
    "both": BIG[::3, 5::7],
    "backwards": BIG[::-1],
    "backwards both": BIG[::-1, ::-1],
    "part": BIG[10:20, 30:40],
    "transposed part": BIG.T[::2],
    "axes": BIG.reshape(10, 100, 1200).transpose(1, 0, 2),
    "broadcast": np.broadcast_to(np.arange(7.0), (100_000, 7)),
    "broadcast rows": np.broadcast_to(np.arange(3.0)[:, None], (3, 200_000)),
    "few": np.arange(10)[::2],
    "field": np.zeros(1000, PADDED)["b"],
    "records": np.zeros((1000, 2), PACKED)[::2, 0],
    "times": np.arange(1000).astype("M8[s]")[::2],
    "texts": np.arange(1000).astype("U9")[::2],
    "long doubles": np.arange(1000, dtype="g")[::2],
    "objects": np.array([1, "a"] * 100, object)[::2],
}


@pytest.mark.parametrize("name", VIEWS)
def test_strides_do_not_count(name):
    """A view has the digest of its copy in C order."""
    view = VIEWS[name]
    assert digest(view) == digest(np.array(view, order="C"))


@given(
    npst.arrays(
        st.sampled_from(["i2", "f8", "c8", "U3", "M8[us]"]),
        npst.array_shapes(max_dims=4, max_side=5),
    ),
    st.data(),
)
def test_any_view(array, data):
    """Any view has the digest of its copy; another one, if bytes or shape differ."""
    index = data.draw(npst.basic_indices(array.shape, allow_ellipsis=False))
    view = np.asarray(array[index])
    copy = view.copy("F" if view.flags.fnc else "C")
    assert digest(view) == digest(copy)
    whole = digest(array.copy())
    same = (view.shape, view.tobytes()) == (array.shape, array.tobytes())
    assert (digest(copy) == whole) == (same and not view.flags.fnc)


def test_read_only_and_foreign_memory(tmp_path):
    """Where the bytes are does not count: read-only, mapped, borrowed."""
    frozen = GRID.copy()
    frozen.flags.writeable = False
    mapped = np.memmap(tmp_path / "data", "f8", "w+", shape=(3, 4))
    mapped[:] = GRID
    borrowed = np.frombuffer(GRID.tobytes()).reshape(3, 4)
    assert {digest(a) for a in (frozen, mapped, borrowed)} == {digest(GRID)}


def test_a_square_array_and_its_transpose():
    """A square array is not its transpose, in either order."""
    square = np.arange(9.0).reshape(3, 3)
    found = {digest(a) for a in (square, square.T, square.T.copy(), square.T[::1].T)}
    assert len(found) == 3
    symmetric = np.eye(3)
    assert digest(symmetric) == digest(symmetric.T.copy())


def test_padding_does_not_count():
    """Bytes between fields, and those that fill up a long double, do not count."""
    for dtype in (PADDED, np.dtype("g"), np.dtype("G"), np.dtype([("x", "g")])):
        clean = np.zeros(3, dtype)
        dirty = np.frombuffer(b"\xff" * clean.nbytes, np.uint8).copy().view(dtype)
        for name in dtype.names or (...,):
            dirty[name] = clean[name]
        assert digest(dirty) == digest(clean)
        assert digest(clean) != digest(np.ones(3, dtype))
        assert digest(dirty[0]) == digest(clean[0])


def test_masks():
    """No mask is a mask of nothing; asking for the fill value changes nothing."""
    bare = np.ma.array([1, 2, 3])
    before = digest(bare)
    assert bare.fill_value == 999999
    assert digest(bare) == before
    assert digest(np.ma.array([1, 2, 3], mask=[0, 0, 0])) == before
    assert digest(np.ma.array([1, 2, 3], hard_mask=True)) != before


def test_bits_count():
    """NaN with another payload, and -0.0, are other values."""
    other = np.array([float("nan")]).view("u8") ^ 1
    found = {digest(a) for a in (np.array([np.nan]), other.view("f8"))}
    found |= {digest(np.array([zero])) for zero in (0.0, -0.0)}
    assert len(found) == 4


def test_arrays_in_containers():
    """Arrays count inside dicts, sets of attributes, and calls."""
    one = {"b": [GRID, 1], "a": {"x": np.zeros(3)}}
    other = {"a": {"x": np.zeros(3)}, "b": [GRID.copy(), 1]}
    assert digest(one) == digest(other)
    other["a"]["x"][1] = 1
    assert digest(one) != digest(other)


def test_equal_arrays_in_calls():
    """Calls are equal whether they share an array or have equal ones."""
    rows = [{"x": GRID, "n": 1}, {"x": GRID.copy(), "n": 1}, {"x": GRID, "n": 1}]
    assert len(set(HASHER.call_digests(["x", "n"], rows))) == 1
    numbers = [{"x": x} for x in np.linspace(0, 1, 100)]
    assert len(set(HASHER.call_digests(["x"], numbers))) == 100


def test_a_large_shared_array_is_read_once(monkeypatch):
    """An array common to a hundred calls is read once, also where it is nested."""
    read = []
    update = arrays._update
    monkeypatch.setattr(arrays, "_update", lambda *a: read.append(a) or update(*a))
    array = np.ones(MIB)
    rows = [{"x": array, "y": [array, n], "n": n} for n in range(100)]
    assert len(set(HASHER.call_digests(["x", "y", "n"], rows))) == 100
    assert len(read) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.ones((4096, 2048)),
        lambda: np.ones((4096, 2048)).T,
        lambda: np.ones((4096, 4096))[:, ::2],
        lambda: np.ones((4096, 4096)).T[::2],
        lambda: np.ones((2, 8 * MIB))[:, ::2],
        lambda: np.ones(8 * MIB, "M8[s]"),
        lambda: np.ones(8 * MIB, PACKED),
        lambda: np.ones(8 * MIB, PADDED),
        lambda: np.ma.array(np.ones(8 * MIB)),
        lambda: np.ones(8 * MIB, "g"),
        lambda: b"x" * (64 * MIB),
    ],
)
def test_no_copy_in_memory(make):
    """64 MB are digested with less than 6 MB more."""
    value = make()
    digest(value)
    tracemalloc.start()
    try:
        digest(value)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * MIB


def test_paths_in_arrays():
    """Errors name the item of an object array, and the field."""
    lock = threading.Lock()
    with pytest.raises(IdentityError, match=r"^x\['a'\]\[1\]: cannot digest"):
        HASHER.digest({"a": np.array([{1}, lock], object)}, "x")
    record = np.zeros(1, [("n", "i4"), ("o", object)])
    record["o"][0] = lock
    with pytest.raises(IdentityError, match=r"^x\['o'\]\[0\]: cannot digest"):
        HASHER.digest(record, "x")
    with pytest.raises(IdentityError, match=r"^x\.hook: cannot digest"):
        HASHER.digest(make_signal([1], hook=lock), "x")


def test_generators_count_by_state():
    """A generator that was used is another value; a copy is the same."""
    rng = np.random.default_rng(1)
    assert digest(rng) == digest(np.random.default_rng(1))
    rng.random()
    assert digest(rng) != digest(np.random.default_rng(1))
    again = np.random.default_rng(1)
    again.bit_generator.seed_seq.spawn(1)
    assert digest(again) != digest(np.random.default_rng(1))


def test_many_shapes():
    """What is remembered of dtypes and shapes is bounded, and does not count."""
    before = digest(GRID)
    assert len({digest(np.zeros(n)) for n in range(arrays._MAX_HEADS + 10)}) > 10_000
    assert len(arrays._heads) <= arrays._MAX_HEADS
    assert digest(GRID) == before


def test_string_dtype():
    """Arrays of variable-length text count by their items."""
    dtypes = pytest.importorskip("numpy.dtypes")
    if not hasattr(dtypes, "StringDType"):
        pytest.skip("numpy < 2 has no StringDType")
    one = np.array(["a", "a longer text than fits inside"], dtypes.StringDType())
    assert digest(one) == digest(one[::1].copy())
    assert digest(one) != digest(one[::-1])
    assert digest(one) != digest(one.astype("U40"))


GOLDEN = """
7d0539ac3b308f50
4c3773fd71ace7ff
fd42580be7725ed2
ca0db825b699778a
54f2235596a1fc99
2c051dd8af178836
1e55380e53e19dd1
13ecd959be9afbdb
bf61067e6fa8cdb6
a83d80647c86dd17
4a3ebd557e9980b3
d183754738e40f6c
53cd98aeb098ca72
7b28b33cae5472be
"""
SCRIPT = """
import numpy as np
from gridtask.identity.arguments import arrays
from gridtask.identity.arguments.hasher import ArgumentHasher
hasher = ArgumentHasher(lambda thing: thing.__qualname__.ljust(16).encode()[:16])
grid = np.arange(12.0).reshape(3, 4)
record = np.zeros(2, [("a", "i1"), ("b", "f8")])
values = [grid, grid.T, grid[:, ::2], grid.astype("U9"), record, np.float64(1.5),
          np.array([1, "a", None], object), np.int32(3), np.datetime64("2020"),
          np.ma.array([1, 2], mask=[0, 1]), np.random.RandomState(1), np.dtype("f4"),
          np.arange(3).astype("M8[s]"), np.zeros(2, np.dtype("i1,f8", align=True))]
print(*(hasher.digest(value).hex()[:16] for value in values))
"""


@pytest.mark.parametrize("seed", ["0", "77"])
def test_digests_of_another_process(seed):
    """Digests are the same in each process, hash seed, version of Python: for ever."""
    env = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    assert done.stdout.split() == GOLDEN.split()
