"""Small plain values, looked at column by column instead of one by one.

The values of a parameter are mostly of one shape: dicts with the same keys,
lists of numbers. What `gridtask.identity.arguments.plain` checks and sorts in each
value is then checked for all of them at once, by functions written in C.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, repeat
from operator import is_, itemgetter
from typing import Any

from gridtask.identity.arguments.plain import (
    CONTAINERS,
    MAX_DEPTH,
    NUMBERS,
    SCALARS,
    sort_keys,
)


class UnevenError(Exception):
    """The values are not small, plain and of one shape: look at each."""


Shape = tuple[tuple[object, "Shape"], ...] | tuple["Shape", ...] | None
"""Of dicts the sorted keys, each with its value's shape; None of all else."""


def flatten(values: Iterable[object]) -> tuple[tuple[Shape, ...], list[object]]:
    """Return the shapes of values whose dicts are sorted, and what these hold."""
    shapes: list[Shape] = []
    leaves: list[object] = []
    for value in values:
        if type(value) is dict:
            inner, held = flatten(value.values())
            shapes.append(tuple(zip(value, inner, strict=True)))
            leaves += held
        else:
            shapes.append(None)
            leaves.append(value)
    return tuple(shapes), leaves


class Columns:
    """Takes rows of small plain values apart: their shape, and what differs.

    Parameters
    ----------
    max_items : int
        How many items a value may have, counted all the way down.
    max_length : int
        How long a text may be.
    """

    def __init__(self, max_items: int, max_length: int) -> None:
        self._max_items = max_items
        self._max_length = max_length

    def flatten(
        self, rows: Sequence[tuple[object, ...]]
    ) -> tuple[tuple[Shape, ...], Sequence[object]]:
        """Return what `flatten` does of each row, once sorted; the shape is common.

        Raises
        ------
        UnevenError
            If a value is not small and plain, or some differ in shape.
        """
        leaves: list[Sequence[object]] = []
        shapes = tuple(
            self._flatten(column, self._max_items, MAX_DEPTH, leaves)
            for column in zip(*rows, strict=True)
        )
        if not leaves:
            return shapes, [()] * len(rows)
        return shapes, list(zip(*leaves, strict=True))

    def _flatten(
        self,
        values: Sequence[Any],
        n_left: int,
        depth: int,
        leaves: list[Sequence[object]],
    ) -> Shape:
        """Add the columns that a column holds; return its shape."""
        if set(map(type, values)) != {dict}:
            leaves.append(self._sort(values, n_left, depth))
            return None
        if not depth:
            raise UnevenError
        columns = _split(values, n_left)
        n_inner = _share(n_left, len(columns))
        return tuple(
            (key, self._flatten(column, n_inner, depth - 1, leaves))
            for key, column in columns.items()
        )

    def _sort(self, values: Sequence[Any], n_left: int, depth: int) -> Sequence[Any]:
        """Sort a column; each value may have so many items, and be nested so deep."""
        kinds = set(map(type, values))
        if kinds <= NUMBERS:
            return values
        if kinds <= SCALARS:
            texts = values
            if not kinds.isdisjoint(NUMBERS):
                texts = [value for value in values if type(value) not in NUMBERS]
            if max(map(len, texts)) > self._max_length:
                raise UnevenError
            return values
        kind = kinds.pop()
        if kinds or not depth or kind not in CONTAINERS:
            raise UnevenError
        if kind is dict:
            return self._sort_dicts(values, n_left, depth - 1)
        return self._sort_items(kind, values, n_left, depth - 1)

    def _sort_items(
        self, kind: type, values: Sequence[Any], n_left: int, depth: int
    ) -> Sequence[Any]:
        """Sort what lists or tuples hold."""
        lengths = list(map(len, values))
        longest = max(lengths)
        if longest > n_left:
            raise UnevenError
        items = list(chain.from_iterable(values))
        done = self._sort(items, _share(n_left, longest), depth)
        if done is items:
            return values
        rest: Iterator[Any] = iter(done)
        return [kind(islice(rest, length)) for length in lengths]

    def _sort_dicts(
        self, values: Sequence[Any], n_left: int, depth: int
    ) -> Sequence[Any]:
        """Sort dicts that all have the same keys."""
        columns = _split(values, n_left)
        n_inner = _share(n_left, len(columns))
        done = [self._sort(column, n_inner, depth) for column in columns.values()]
        is_same = all(map(is_, done, columns.values()))
        if is_same and set(map(tuple, values)) == {tuple(columns)}:
            return values
        pairs = map(zip, repeat([*columns]), zip(*done, strict=True))
        return list(map(dict, pairs))


def _split(values: Sequence[Any], n_left: int) -> dict[object, Sequence[Any]]:
    """Return the columns of dicts that all have the same keys, sorted by key."""
    keys = sort_keys(values[0])
    if keys is None or len(keys) > n_left or set(map(len, values)) != {len(keys)}:
        raise UnevenError
    # ``1 == True``: equal keys need not be of one type.
    if len(set(map(type, chain.from_iterable(values)))) > 1:
        raise UnevenError
    try:
        return {key: list(map(itemgetter(key), values)) for key in keys}
    except KeyError:
        raise UnevenError from None


def _share(n_left: int, n_items: int) -> int:
    """Return how many items each of some items may have itself, to be safe."""
    return (n_left - n_items) // n_items if n_items else 0
