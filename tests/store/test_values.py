"""Values as bytes and back."""

from __future__ import annotations

import math
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gridtask.errors import ResultUnreadable
from gridtask.store.values import Decoder, Encoded, decode, dump, encode, load


def payload_of(encoded: Encoded) -> bytearray:
    """Return a payload in one piece."""
    payload = bytearray().join(encoded.parts)
    assert len(payload) == encoded.n_bytes
    return payload


def round_trip(value: object) -> object:
    """Encode and decode a value."""
    return decode(payload_of(encode(value)))


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=20,
)
# numpy's own pickles turn dates of foreign byte order into native ones.
dtypes = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes()
    | hnp.floating_dtypes()
    | hnp.complex_number_dtypes()
    | hnp.datetime64_dtypes(endianness="=")
    | hnp.timedelta64_dtypes(endianness="=")
    | hnp.byte_string_dtypes()
    | hnp.unicode_string_dtypes()
)
arrays = hnp.arrays(
    dtypes | hnp.array_dtypes(dtypes), hnp.array_shapes(min_dims=0, min_side=0)
)


@given(plain)
def test_plain_values_come_back(value):
    """Builtin values of any nesting are equal and of the same type."""
    back = round_trip(value)
    assert back == value
    assert type(back) is type(value)


@given(arrays, st.sampled_from("CF"))
def test_arrays_come_back_and_are_writable(array, order):
    """Any dtype, shape and order; the result may be changed in place."""
    array = np.asarray(array, order=order)
    back = round_trip({"array": array})["array"]
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable
    assert back.flags.f_contiguous == array.flags.f_contiguous


@given(st.lists(arrays, max_size=6))
def test_one_decoder_does_not_mix_arrays_up(some):
    """Runs of equal and unequal dtypes and shapes come back as they were."""
    decoder = Decoder()
    for array in [*some, *some]:
        back = decoder.decode(memoryview(payload_of(encode(array))))
        assert back.dtype == array.dtype
        assert back.shape == array.shape
        assert back.tobytes() == array.tobytes()
        assert back.flags.writeable or back.nbytes == 0


def test_a_decoder_gives_each_array_its_own_memory():
    """Changing one of two equal arrays leaves the other."""
    decoder = Decoder()
    payload = payload_of(encode(np.zeros(3)))
    first, second = (decoder.decode(memoryview(bytearray(payload))) for _ in range(2))
    first[:] = 7
    assert second.tolist() == [0, 0, 0]


class Derived(np.ndarray):
    """A subclass of arrays."""


def test_a_decoder_keeps_subclasses_of_arrays():
    """The quick way for plain arrays is not taken for others."""
    decoder = Decoder()
    payload = payload_of(encode(np.zeros(3).view(Derived)))
    for _ in range(2):
        assert type(decoder.decode(memoryview(bytearray(payload)))) is Derived


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24.0).reshape(4, 6)[::2, ::3],
        np.arange(24.0).reshape(4, 6).T,
        np.array([{}, None, "x"], dtype=object),
        np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array(["2026-01-01"], dtype="M8[D]"),
        np.array(3.5),
        np.zeros((0, 5)),
        np.ma.masked_array([1.0, 2.0], mask=[False, True]),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_unusual_arrays_come_back(array):
    """Strided, transposed, of objects, structured, dates, scalar, empty, masked."""
    back = round_trip([array])[0]
    assert type(back) is type(array)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("wrap", [lambda a: a, lambda a: {"deep": [a]}])
def test_read_only_arrays_come_back_writable(wrap):
    """Whatever the task returned, the caller can work in place."""
    array = np.arange(5.0)
    array.flags.writeable = False
    back = round_trip(wrap(array))
    back = back["deep"][0] if isinstance(back, dict) else back
    back += 1
    assert back.tolist() == [1, 2, 3, 4, 5]
    assert array.tolist() == [0, 1, 2, 3, 4]


def test_numpy_scalars_keep_their_type():
    """A float32 is no float64."""
    back = round_trip(np.float32(1.5))
    assert type(back) is np.float32


def test_data_frames_come_back():
    """pandas objects with numbers, texts, dates and an index of their own."""
    frame = pd.DataFrame(
        {"x": [1.5, 2.5], "n": [1, 2], "s": ["a", None]},
        index=pd.date_range("2026-01-01", periods=2),
    )
    pd.testing.assert_frame_equal(round_trip(frame), frame)
    pd.testing.assert_series_equal(round_trip(frame["x"]), frame["x"])


def test_memory_of_arrays_is_not_copied():
    """The parts of a large payload are views of the array."""
    array = np.zeros(1 << 16)
    parts = encode(array).parts
    assert np.shares_memory(np.frombuffer(parts[-1], "u1"), array)


def test_buffers_are_aligned():
    """Each buffer starts at a multiple of 64 from the payload's start."""
    encoded = encode([np.ones(3), np.ones(5, "u1"), np.ones(7)])
    offset, offsets = 0, []
    for part in encoded.parts:
        if isinstance(part, memoryview):
            offsets.append(offset)
        offset += len(part)
    assert len(offsets) == 3
    assert all(offset % 64 == 0 for offset in offsets)
    assert encoded.has_buffers


def test_nan_comes_back():
    """A float that is not equal to itself."""
    assert math.isnan(round_trip(float("nan")))


def test_functions_without_a_name_go_by_value():
    """Lambdas and closures come back and work."""
    factor = 3
    assert round_trip(lambda x: factor * x)(5) == 15


class Holder:
    """Holds something in an attribute."""

    def __init__(self, held: object) -> None:
        self.held = held


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"model": [1, Holder(threading.Lock())]}, "result['model'][1].held"),
        ((i for i in ()), "the result cannot be pickled"),
        ([[[threading.Lock()]]], "result[0][0][0] "),
        ([{threading.Lock().acquire}], "result[0]{"),
    ],
)
def test_what_cannot_be_pickled_is_named(value, path):
    """The error gives the path to the part and its type."""
    with pytest.raises(TypeError) as caught:
        encode(value)
    assert path in str(caught.value)


def test_values_that_refer_to_themselves_can_be_blamed():
    """The search for the faulty part ends in a cycle too."""
    value: list[object] = [threading.Lock()]
    value.insert(0, value)
    with pytest.raises(TypeError, match="cannot be pickled"):
        encode(value)


def test_a_missing_module_is_named():
    """The message names the module, not only pickle's words."""
    payload = payload_of(encode(Holder(1)))
    name = Holder.__module__.encode()
    assert name in payload
    payload = payload.replace(name, b"z" * len(name))
    with pytest.raises(ResultUnreadable, match="needs the module 'zzz"):
        decode(payload)


def test_a_missing_class_is_named():
    """The message names the class that is gone."""
    payload = payload_of(encode(Holder(1))).replace(b"Holder", b"Helder")
    with pytest.raises(ResultUnreadable, match=r"gone: .*Helder"):
        decode(payload)


class Hungry:
    """Needs more memory than there is."""

    def __reduce__(self):
        return bytes, (1 << 60,)


def test_a_lack_of_memory_is_no_fault_of_the_result():
    """The error stays what it is: the result can be loaded elsewhere."""
    with pytest.raises(MemoryError):
        decode(payload_of(encode(Hungry())))


def test_arrays_that_view_a_read_only_buffer_come_as_they_are():
    """From bytes nothing writable can be made without a copy."""
    decoder = Decoder()
    payload = bytes(payload_of(encode(np.arange(3.0))))
    for _ in range(2):
        back = decoder.decode(memoryview(payload))
        assert back.tolist() == [0, 1, 2]
        assert not back.flags.writeable


def test_a_dump_keeps_memory_outside_of_the_pickle():
    """Run files store buffers apart, each once."""
    array = np.arange(1000.0)
    data, buffers = dump({"a": array}, "the arguments")
    assert len(data) < 300
    assert [buffer.nbytes for buffer in buffers] == [8000]
    back = load(data, [bytearray(buffers[0])])
    np.testing.assert_array_equal(back["a"], array)
    with pytest.raises(TypeError, match=r"^args\[0\] cannot be pickled"):
        dump([threading.Lock()], "args")


class Touchy:
    """Cannot be rebuilt."""

    def __reduce__(self):
        return int, ("no number",)


def test_other_failures_of_unpickling_are_named():
    """An error in the value's own code is the cause of the error."""
    with pytest.raises(ResultUnreadable, match="ValueError: invalid literal") as caught:
        decode(payload_of(encode(Touchy())))
    assert isinstance(caught.value.__cause__, ValueError)


def run_script(script: str) -> str:
    """Run Python code as ``__main__``; return what it prints."""
    command = [sys.executable, "-c", textwrap.dedent(script)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_classes_of_main_go_by_name():
    """An object of the script's class comes back as the class of the reader.

    Also where cloudpickle is needed for something else in the value, and
    where the script has defined the class anew since (notebooks do).
    """
    out = run_script("""
        from gridtask.store.values import encode, decode
        class Point:
            def __init__(self, x): self.x = x
        def double(x): return 2 * x
        old = Point(1)
        plain = b"".join(encode(old).parts)
        mixed = b"".join(encode([old, lambda: 0, double]).parts)
        class Point:
            def norm(self): return self.x + 100
        anew = b"".join(encode(old).parts)
        def double(x): return 20 * x
        print(decode(plain).norm(), decode(mixed)[0].norm(), decode(mixed)[2](1),
              decode(anew).norm(), len(plain) < 100)
    """)
    assert out == "101 101 20 101 True"


def test_a_class_that_main_lacks_is_named():
    """Reading a script's object elsewhere says which class is missing."""
    out = run_script("""
        from gridtask.store.values import encode, decode
        from gridtask.errors import ResultUnreadable
        class Point: pass
        payloads = [b"".join(encode(v).parts) for v in (Point(), [Point(), lambda: 0])]
        del Point
        for payload in payloads:
            try:
                decode(payload)
            except ResultUnreadable as error:
                print("Point" in str(error) and "gone" in str(error))
    """)
    assert out == "True\nTrue"


def test_small_values_need_neither_numpy_nor_cloudpickle():
    """Floats and dicts are written and read without a heavy import."""
    out = run_script("""
        import sys
        from gridtask.store.values import encode, decode
        value = {"a": 1.5, "b": [True, None, "x"]}
        assert decode(b"".join(encode(value).parts)) == value
        print(sorted({"numpy", "cloudpickle", "rich", "uuid"} & set(sys.modules)))
    """)
    assert out == "[]"


def test_what_is_nested_too_deeply_is_told_in_one_line():
    """A chain of a hundred thousand lists has no part to point at."""
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(TypeError, match=r"result cannot .* nested too deeply") as told:
        encode(value)
    assert len(str(told.value)) < 200
