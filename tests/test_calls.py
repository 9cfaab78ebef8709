"""Forms of arguments, bound to a signature."""

from __future__ import annotations

import functools
import inspect
import itertools
import math

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtask.calls.binding import (
    Binder,
    bind_all,
    grid_axes,
    grid_calls,
    raw_calls,
    raw_starmap,
)

NAMES = ("a", "b", "c", "d", "e")
KINDS = inspect._ParameterKind


@st.composite
def signatures(draw):
    """Any signature of up to five parameters, of all kinds."""
    kinds = sorted(draw(st.lists(st.sampled_from(KINDS), max_size=5)))
    parameters, needs_default = [], False
    for name, kind in zip(NAMES, kinds, strict=False):
        is_variadic = kind in (KINDS.VAR_POSITIONAL, KINDS.VAR_KEYWORD)
        if is_variadic and any(p.kind is kind for p in parameters):
            continue
        default = inspect.Parameter.empty
        if not is_variadic and (
            (needs_default and kind < KINDS.VAR_POSITIONAL) or draw(st.booleans())
        ):
            default = f"default of {name}"
            needs_default = needs_default or kind < KINDS.VAR_POSITIONAL
        parameters.append(inspect.Parameter(name, kind, default=default))
    return inspect.Signature(parameters)


def function_with(signature):
    """A function that has a signature and returns what it is called with."""

    def function(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)

    function.__signature__ = signature
    return function


arguments = st.tuples(
    st.lists(st.integers(), max_size=5),
    st.dictionaries(st.sampled_from((*NAMES, "other")), st.integers(), max_size=5),
)


@given(signatures(), arguments)
def test_binder_binds_as_inspect_does(signature, given_arguments):
    """The quick way gives what `inspect` gives, in the same order, or fails too."""
    args, kwargs = given_arguments
    binder = Binder(function_with(signature), "f")
    try:
        expected = signature.bind(*args, **kwargs)
    except TypeError:
        with pytest.raises(TypeError):
            binder.bind(args, kwargs)
        return
    expected.apply_defaults()
    assert list(binder.bind(args, kwargs).items()) == list(expected.arguments.items())
    assert binder.row(args, kwargs) == tuple(expected.arguments.values())


@given(signatures(), arguments)
def test_call_passes_what_was_bound(signature, given_arguments):
    """The function receives each bound argument where it belongs."""
    args, kwargs = given_arguments
    function = function_with(signature)
    binder = Binder(function, "f")
    try:
        bound = binder.bind(args, kwargs)
    except TypeError:
        return
    assert binder.call(function, bound) == bound


def test_equal_calls_bind_equally():
    """Positional, by keyword or left out: one call."""

    def f(n=1):
        return n

    binder = Binder(f, "f")
    assert binder.bind((1,), {}) == binder.bind((), {"n": 1}) == binder.bind((), {})


def test_partial_and_bound_methods_bind():
    """What a partial or an instance gives already is no parameter of the call."""

    class Model:
        def run(self, seed, scale=2):
            return seed * scale

    assert Binder(Model().run, "run").bind((3,), {}) == {"seed": 3, "scale": 2}
    partial = functools.partial(Model().run, scale=5)
    binder = Binder(partial, "run")
    assert binder.call(partial, binder.bind((3,), {})) == 15


def test_a_builtin_without_signature_takes_anything():
    """Arguments of a callable without a signature pass as they are."""
    binder = Binder(dict.fromkeys, "fromkeys")
    bound = binder.bind((["a"], 1), {})
    assert binder.call(dict.fromkeys, bound) == {"a": 1}
    assert Binder(math.hypot, "hypot").bind((3, 4), {})


def test_bind_all_names_the_first_call_that_does_not_fit():
    """Index, signature and arguments stand in the message, and how many more."""

    def f(a, b=2):
        return a, b

    raw = [((1,), {}), ((), {"b": 3}), ((), {"c": "x"})]
    with pytest.raises(TypeError) as caught:
        bind_all(Binder(f, "f"), raw, None)
    text = str(caught.value)
    assert text.startswith("call 1 does not fit f(a, b=2): missing")
    assert "its arguments: b=3 (1 more calls" in text


def test_calls_give_each_reader_dicts_of_its_own():
    """What is done to the arguments of one access is not seen by the next."""
    calls = bind_all(Binder(lambda a, b=2: a, "f"), raw_calls([[1, 3]]), None)
    calls[0]["a"] = calls[-1]["b"] = 7
    assert list(calls) == list(calls[:]) == [{"a": 1, "b": 2}, {"a": 3, "b": 2}]
    assert calls.rows(["b", "a"]) == [(2, 1), (2, 3)]


def test_bind_all_lays_common_below_each_call():
    """Every call has the common arguments; the caller's dicts stay as they are."""

    def f(a, b, c=3):
        return a, b, c

    item, common = {"a": 1}, {"b": [2]}
    calls = bind_all(Binder(f, "f"), raw_calls([[item]]), common)
    assert list(calls) == [{"a": 1, "b": [2], "c": 3}]
    assert (item, common) == ({"a": 1}, {"b": [2]})


def test_bind_all_refuses_what_is_given_twice():
    """An argument of a call that is common too is a mistake, shown with its value."""

    def f(a, b=2):
        return a, b

    with pytest.raises(TypeError, match=r"'a' is given.*its arguments: a=1$"):
        bind_all(Binder(f, "f"), [((), {"a": 1})], {"a": 2})
    with pytest.raises(TypeError, match="multiple values"):
        bind_all(Binder(f, "f"), [((1,), {})], {"a": 2})


def test_common_must_be_a_dict():
    """Something else as common= is told by name."""
    with pytest.raises(TypeError, match=r"common=\[1\]: expected a dict"):
        bind_all(Binder(len, "len"), [], [1])


def test_control_characters_do_not_reach_the_message():
    """Names of arguments are escaped."""

    def f(a):
        return a

    with pytest.raises(TypeError) as caught:
        bind_all(Binder(f, "f"), [((), {"\x1b[31m": 1})], None)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("iterables", "expected"),
    [
        ([[1, 2]], [((1,), {}), ((2,), {})]),
        ([[{"a": 1}, {"a": 2}]], [((), {"a": 1}), ((), {"a": 2})]),
        ([(x for x in (1, 2)), "ab"], [((1, "a"), {}), ((2, "b"), {})]),
        ([[{"a": 1}], [2]], [(({"a": 1}, 2), {})]),
        ([range(2)], [((0,), {}), ((1,), {})]),
        ([np.arange(2)], [((0,), {}), ((1,), {})]),
        ([[]], []),
        ([[], []], []),
    ],
)
def test_forms_of_map(iterables, expected):
    """A list of dicts gives keyword arguments, all else goes as for builtin map."""
    assert list(raw_calls(iterables)) == expected


@pytest.mark.parametrize(
    ("iterables", "said"),
    [
        ([], "map needs what to map over"),
        ([5], "argument 0 of map is 5"),
        ([[1], 5], "argument 1 of map is 5"),
        ([{"a": 1}], "argument 0 of map is {'a': 1}"),
        ([pandas.DataFrame({"a": [1]})], r"is a table \(DataFrame\).* its rows"),
        ([[{"a": 1}, 2]], "1 of 2 items are dicts .* item 1 is 2"),
        ([[2, {"a": 1}]], "item 0 is 2"),
        ([[{"a": 1}, {2: 1}]], "item 1 has the key 2"),
    ],
)
def test_mistaken_forms_of_map(iterables, said):
    """What map cannot take is a TypeError that shows it."""
    with pytest.raises(TypeError, match=said):
        raw_calls(iterables)


@pytest.mark.parametrize("endless", [0, 1])
def test_lengths_must_be_equal(endless):
    """Iterables of different lengths are told, an endless one included."""
    iterables = [[1, 2], [3, 4]]
    iterables[endless] = itertools.count()
    said = f"argument {1 - endless} has 2 items, argument {endless} has more"
    with pytest.raises(ValueError, match=said):
        raw_calls(iterables)


def test_starmap_takes_sequences_of_arguments():
    """Each item is one call's positional arguments; a dict in it is a value."""
    assert raw_starmap([(1, 2), [{"a": 1}]]) == [((1, 2), {}), (({"a": 1},), {})]


@pytest.mark.parametrize("item", ["ab", b"ab", {"a": 1}, 5])
def test_starmap_refuses_other_items(item):
    """Texts, dicts and scalars are no tuples of arguments."""
    with pytest.raises(TypeError, match="item 1 of starmap is"):
        raw_starmap([(1,), item])


def test_the_last_axis_of_a_grid_is_fastest():
    """Combinations come in the order of nested loops."""
    axes = grid_axes(None, {"a": (1, 2), "b": iter("xy")})
    assert axes == {"a": [1, 2], "b": ["x", "y"]}
    assert [kwargs for _, kwargs in grid_calls(axes)] == [
        {"a": a, "b": b} for a in (1, 2) for b in "xy"
    ]


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.integers(), max_size=3)))
def test_a_grid_has_as_many_calls_as_its_shape_says(axes):
    """The product of the axes' lengths; 1 for none."""
    assert len(grid_calls(grid_axes(axes, {}))) == math.prod(map(len, axes.values()))


def test_axes_come_as_dict_and_keywords():
    """A dict serves where a parameter is called `common`."""
    axes = grid_axes({"common": [1]}, {"a": [2]})
    assert grid_calls(axes) == [((), {"common": 1, "a": 2})]


@pytest.mark.parametrize(
    ("axes", "keywords", "said"),
    [
        (None, {"a": 5}, "axis a is 5"),
        (None, {"a": "xyz"}, "axis a is 'xyz'"),
        ({"a": [1]}, {"a": [2]}, "'a' is given"),
        ([1, 2], {}, r"the axes are \[1, 2\]"),
    ],
)
def test_mistaken_axes(axes, keywords, said):
    """An axis is an iterable of values, given once."""
    with pytest.raises(TypeError, match=said):
        grid_axes(axes, keywords)
