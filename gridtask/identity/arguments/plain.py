"""The fast path: values of exact builtin types, digested by the C pickler.

Without its memo (``Pickler.fast``) a pickle depends on the value alone, not on
which equal parts are one object. A value is *plain*, and only then digested so,
if it is

* an exact None, bool, int, float, str or bytes, or
* an exact list, tuple or dict of plain values; the keys of a dict are all str
  or all int; containers are nested at most `MAX_DEPTH` deep; one that contains
  containers has at most `MAX_ITEMS` items, counted all the way down.

All of that is said of the value, never of its objects, so equal values always
take the same path. The limits keep shared parts from being unfolded without
end, and the recursion in C shallow.

References
----------
PEP 3154, "Pickle protocol version 4"; `pickle.Pickler.fast`.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Collection, Sequence
from operator import countOf
from typing import Final, NoReturn

from xxhash import xxh3_128, xxh3_128_digest

MAX_DEPTH = 20
MAX_ITEMS = 1_000_000
SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes})
NUMBERS: Final = frozenset({type(None), bool, int, float})
CONTAINERS: Final = frozenset({list, tuple, dict})
_TEXTS: Final = frozenset({str, bytes})
_PLAIN: Final = SCALARS | CONTAINERS
_LONG: Final = 1_000
"""From so many items on, a whole list is tried before its items are looked at."""


class _NotPlainError(Exception):
    """The value is not plain."""


class _Sink:
    """What a pickler writes to: a hasher, or a list."""

    __slots__ = ("write",)

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.write = write


class _ExactPickler(pickle.Pickler):
    """A pickler that takes builtin types only."""

    def reducer_override(self, value: object) -> NoReturn:
        """Refuse: called for everything but None, numbers, texts, containers."""
        raise _NotPlainError(type(value))


def _make_dump(
    write: Callable[[bytes], None], kind: type[pickle.Pickler] = _ExactPickler
) -> Callable[[object], None]:
    """Return what pickles plain values, without memo."""
    pickler = kind(_Sink(write), 4)
    pickler.fast = True
    return pickler.dump


class PlainDigester:
    """Digests plain values. For one thread at a time."""

    __slots__ = ("_dump", "_hasher", "_items_left", "_max_length")

    def __init__(self) -> None:
        self._items_left = 0
        self._max_length: int | None = None
        self._start()

    def _start(self) -> None:
        self._hasher = xxh3_128()
        self._dump = _make_dump(self._hasher.update)

    def digest(self, value: object) -> bytes | None:
        """Digest an exact list, tuple or dict if it is plain, else return None."""
        if len(value) >= _LONG and type(value) is not dict:  # type: ignore[arg-type]
            digest = self._digest_alike(value)  # type: ignore[arg-type]
            if digest is not None:
                return digest
        try:
            return self.digest_sorted(self.sort(value))
        except _NotPlainError:
            return None

    def digest_sorted(self, value: object, prefix: bytes = b"P") -> bytes:
        """Digest a value that is known to be plain, its dicts being sorted."""
        hasher = self._hasher
        hasher.reset()
        hasher.update(prefix)
        self._dump(value)
        return hasher.digest()

    def digest_each(self, rows: Sequence[object], prefix: bytes) -> list[bytes]:
        """Digest many small values, known to be plain, each as `digest_sorted` does."""
        pickles: list[bytes] = []
        deque(map(_make_dump(pickles.append, pickle.Pickler), rows), maxlen=0)
        if len(pickles) == len(rows):
            return [xxh3_128_digest(prefix + data) for data in pickles]
        # A giant number was written in pieces.
        return [self.digest_sorted(row, prefix) for row in rows]

    def _digest_alike(self, items: list[object] | tuple[object, ...]) -> bytes | None:
        """Digest a long sequence of numbers, or of texts, without looking at each.

        The pickler refuses all but exact builtin types; of these only numbers
        can then be summed and only texts joined. No code of the user's runs.
        """
        first = type(items[0])
        if first is not str and first is not int and first is not float:
            return None
        try:
            digest = self.digest_sorted(items)
            if first is str:
                "".join(items)  # type: ignore[arg-type]
            else:
                sum(items)  # type: ignore[arg-type]
        except (_NotPlainError, TypeError, ValueError, OverflowError, RecursionError):
            self._start()  # a pickler that raised may not be as it was
            return None
        return digest

    def sort(self, value: object) -> object:
        """Copy a container with its dicts sorted; itself, if they are.

        Raises
        ------
        _NotPlainError
            If the container is not plain.
        """
        self._items_left = MAX_ITEMS
        self._max_length = None
        return self._sort(value, MAX_DEPTH)

    def sort_small(self, value: object, max_items: int, max_length: int) -> object:
        """Sort a plain container of few items and short texts; else return None."""
        if len(value) > max_items:  # type: ignore[arg-type]
            return None
        self._items_left = max_items
        self._max_length = max_length
        try:
            return self._sort(value, MAX_DEPTH)
        except _NotPlainError:
            return None

    def _sort(self, value: object, depth: int) -> object:
        if isinstance(value, dict):
            return self._sort_dict(value, depth)
        items: list[object] | tuple[object, ...] = value  # type: ignore[assignment]
        if not self._count(items, depth):
            return value
        done: list[object] | None = None
        for index, item in enumerate(items):
            if type(item) in CONTAINERS:
                new = self._sort(item, depth - 1)
                if new is not item:
                    done = list(items) if done is None else done
                    done[index] = new
        if done is None:
            return value
        return done if type(value) is list else tuple(done)

    def _sort_dict(self, value: dict[object, object], depth: int) -> object:
        keys = sort_keys(value)
        if keys is None:
            raise _NotPlainError
        nested = self._count(value.values(), depth)
        unchanged = keys == list(value)
        if not nested:
            return value if unchanged else {key: value[key] for key in keys}
        done: dict[object, object] = {}
        for key in keys:
            item = value[key]
            new = self._sort(item, depth - 1) if type(item) in CONTAINERS else item
            unchanged = unchanged and new is item
            done[key] = new
        return value if unchanged else done

    def _count(self, items: Collection[object], depth: int) -> bool:
        """Count a container's items; say whether containers are among them."""
        kinds = set(map(type, items))
        self._items_left -= len(items)
        if self._max_length is not None and not kinds.isdisjoint(_TEXTS):
            for item in items:
                if type(item) in _TEXTS and len(item) > self._max_length:  # type: ignore[arg-type]
                    raise _NotPlainError
        if kinds <= SCALARS:
            if depth < MAX_DEPTH and self._items_left < 0:
                raise _NotPlainError
            return False
        if depth <= 1 or self._items_left < 0 or not kinds <= _PLAIN:
            raise _NotPlainError
        return True


def sort_keys(value: dict[object, object]) -> list[object] | None:
    """Sort the keys of a dict if all are exact str, or all exact int."""
    keys = list(value)
    if keys:
        kind = type(keys[0])
        if kind is not str and kind is not int:
            return None
        if countOf(map(type, keys), kind) != len(keys):
            return None
        keys.sort()
    return keys
