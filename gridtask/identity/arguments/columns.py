"""Small plain values, looked at column by column instead of one by one.

The values of a parameter are mostly of one shape: dicts with the same keys,
lists of numbers. What `gridtask.identity.arguments.plain` checks and sorts in each
value is then checked for all of them at once, by functions written in C.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice, repeat
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


class Columns:
    """Sorts the dicts in rows of small plain values.

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

    def sort(self, rows: Sequence[tuple[object, ...]]) -> Sequence[object]:
        """Return rows with their dicts sorted; the rows themselves, if they are.

        Raises
        ------
        UnevenError
            If a value is not small and plain, or some differ in shape.
        """
        columns = list(zip(*rows, strict=True))
        done = [self._sort(column, self._max_items, MAX_DEPTH) for column in columns]
        if all(new is old for new, old in zip(done, columns, strict=True)):
            return rows
        return list(zip(*done, strict=True))

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
        """Sort dicts that all have the same keys in the same order."""
        given = tuple(values[0])
        keys = sort_keys(values[0])
        if keys is None or len(keys) > n_left or set(map(tuple, values)) != {given}:
            raise UnevenError
        # ``1 == True``: equal keys need not be of one type.
        if len(set(map(type, chain.from_iterable(values)))) > 1:
            raise UnevenError
        columns = dict(
            zip(given, zip(*map(dict.values, values), strict=True), strict=True)
        )
        n_inner = _share(n_left, len(keys))
        done = {key: self._sort(columns[key], n_inner, depth) for key in keys}
        is_same = all(done[key] is columns[key] for key in keys)
        if is_same and keys == list(given):
            return values
        pairs = map(zip, repeat(keys), zip(*done.values(), strict=True))
        return list(map(dict, pairs))


def _share(n_left: int, n_items: int) -> int:
    """Return how many items each of some items may have itself, to be safe."""
    return (n_left - n_items) // n_items if n_items else 0
