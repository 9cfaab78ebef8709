"""Two values have one digest if and only if they are equal, exactly."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from gridtask.identity.arguments.hasher import ArgumentHasher

HASHER = ArgumentHasher(lambda thing: bytes(16))
digest = HASHER.digest


class Text(str):
    """A text of another type."""


def spell(value):
    """Spell a value so that equal spellings mean exactly equal values.

    Types are exact, floats are their bits; dicts and sets have no order.
    """
    kind = type(value).__name__
    if isinstance(value, float):
        return f"{kind}:{struct.pack('>d', value).hex()}"
    if isinstance(value, complex):
        return f"{kind}:{struct.pack('>dd', value.real, value.imag).hex()}"
    if isinstance(value, dict):
        pairs = sorted(f"{spell(k)}={spell(v)}" for k, v in value.items())
        return f"{kind}<{','.join(pairs)}>"
    if isinstance(value, set | frozenset):
        return f"{kind}<{','.join(sorted(map(spell, value)))}>"
    if isinstance(value, list | tuple):
        return f"{kind}<{','.join(map(spell, value))}>"
    if isinstance(value, Text):
        return f"Text:{str.__str__(value)!a}"
    return f"{kind}:{value!a}"


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.integers(),
    st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf"), 1.5]),
    st.floats(),
    st.complex_numbers(),
    st.sampled_from(["", "a", "b", "1", "\ud800"]),
    st.text(st.characters(), max_size=3),
    st.sampled_from([b"", b"a", b"1"]),
    st.binary(max_size=3),
    st.sampled_from([Text("a"), Text("1"), ...]),
)
HASHABLES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple), st.frozensets(inner, max_size=3)
    ),
    max_leaves=4,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), inner, max_size=4),
        st.dictionaries(st.integers(-2, 3), inner, max_size=3),
        st.dictionaries(HASHABLES, inner, max_size=3),
        st.sets(HASHABLES, max_size=4),
        st.frozensets(HASHABLES, max_size=3),
        st.binary(max_size=2).map(bytearray),
    ),
    max_leaves=12,
)


def rebuild(value, *, backwards):
    """Copy a value, part by part; dicts and sets in another order."""
    if type(value) is Text:
        return Text(str.__str__(value))
    if type(value) is str:
        return "".join(list(value))
    if isinstance(value, dict):
        items = list(value.items())[:: -1 if backwards else 1]
        parts = {"backwards": backwards}
        return {rebuild(k, **parts): rebuild(v, **parts) for k, v in items}
    if isinstance(value, set | frozenset | list | tuple):
        items = list(value)
        if backwards and isinstance(value, set | frozenset):
            items.reverse()
        return type(value)([rebuild(item, backwards=backwards) for item in items])
    if isinstance(value, bytearray):
        return bytearray(value)
    return value


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_equal_values_have_equal_digests(value):
    """A copy with other objects in another order has the same digest."""
    copy = rebuild(value, backwards=True)
    assert spell(value) == spell(copy)
    assert digest(value) == digest(copy)
    assert digest([value, value]) == digest([value, copy])


@settings(max_examples=300, deadline=None)
@given(st.lists(VALUES, min_size=2, max_size=12))
def test_digests_are_equal_only_if_values_are(values):
    """Over many values at once: equal digests if and only if exactly equal."""
    by_spelling = {}
    by_digest = {}
    for value in values:
        by_spelling.setdefault(spell(value), set()).add(digest(value))
        by_digest.setdefault(digest(value), set()).add(spell(value))
    assert all(len(found) == 1 for found in by_spelling.values())
    assert all(len(found) == 1 for found in by_digest.values())


@settings(max_examples=200, deadline=None)
@given(VALUES, VALUES, st.sampled_from([[], [1], [{1}], ["a" * 1100]]))
def test_pairs_and_their_neighbours(one, other, beside):
    """What stands beside a value does not hide that it differs."""
    same = spell(one) == spell(other)
    assert (digest([one, beside]) == digest([other, beside])) == same
    assert (
        digest({"a": one, "b": beside}) == digest({"a": other, "b": beside})
    ) == same
    assert (digest([one] * 1000) == digest([one] * 999 + [other])) == same


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=6))
def test_calls(pairs):
    """Calls are equal if and only if all their arguments are."""
    rows = [{"x": x, "y": y} for x, y in pairs]
    found = HASHER.call_digests(["x", "y"], rows)
    spelled = [(spell(x), spell(y)) for x, y in pairs]
    assert (
        len(set(found))
        == len(set(spelled))
        == len(set(zip(found, spelled, strict=True)))
    )
    again = [{"y": rebuild(y, backwards=True), "x": x} for x, y in reversed(pairs)]
    assert HASHER.call_digests(["y", "x"], again) == found[::-1]


ROWS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"b": st.integers(0, 1), "a": st.lists(VALUES, max_size=2)}
        ),
        st.fixed_dictionaries({1: VALUES, 0: VALUES}),
        st.sampled_from([{True: 1}, {1: True}, {"a": {}}, {Text("a"): {}}, {}]),
        st.lists(st.lists(st.integers(0, 1), max_size=9), max_size=9),
        st.integers(1, 25).map(lambda n: deep(n)),
        st.sampled_from(["a" * 1024, "a" * 1025, b"a" * 1025, [1] * 64, [1] * 65]),
        VALUES,
    ),
    max_size=5,
)


def deep(n):
    """Nest a list so many times."""
    value = []
    for _ in range(n):
        value = [value]
    return value


@settings(deadline=None, max_examples=300)
@given(st.one_of(ROWS, ROWS.map(lambda rows: [row for row in rows for _ in range(2)])))
def test_calls_are_digested_alike_together_and_alone(values):
    """Which other calls there are does not change the digest of one."""
    rows = [(value, index) for index, value in enumerate(values)]
    together = HASHER.row_digests(["a", "b"], rows)
    alone = [HASHER.row_digests(["a", "b"], [row])[0] for row in rows]
    uneven = HASHER.row_digests(["a", "b"], [*rows, ({1}, set())])[:-1]
    assert together == alone == uneven
