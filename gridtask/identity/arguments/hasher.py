"""Any argument value, and a call's arguments, to a digest of 16 bytes.

Equal values have equal digests in every process, whatever the hash seed, the
order of dicts and sets, and which equal parts are one object; values that
differ in anything that a task could see have different ones: types are exact,
floats count by their bits, arrays by dtype, shape and bytes, objects by their
state and the code of their class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final

from xxhash import xxh3_128_digest

from gridtask.identity.arguments.columns import Columns, Shape, UnevenError, flatten
from gridtask.identity.arguments.plain import CONTAINERS, NUMBERS
from gridtask.identity.arguments.walk import Handler, Walk
from gridtask.identity.collection import without_collection

_SMALL_ITEMS: Final = 64
_SMALL_LENGTH: Final = 1024
_MANY_ROWS: Final = 1000
_MAX_SHAPES: Final = 1000
_KEY_SCHEMA: Final = b"gridtask key 1"


def call_keys(code_digest: bytes, args_digests: Iterable[bytes]) -> list[bytes]:
    """Make the keys of calls from the digests of their code and their arguments."""
    prefix = _KEY_SCHEMA + code_digest
    return [xxh3_128_digest(prefix + digest) for digest in args_digests]


class ArgumentHasher:
    """Digests values. Safe for several threads at a time.

    Parameters
    ----------
    code_digest : callable
        Called with functions and classes found in values, and with the
        classes of instances; returns what their code digests to, 16 bytes.
    """

    def __init__(self, code_digest: Callable[[object], bytes]) -> None:
        self._code_digest = code_digest

    def digest(self, value: object, path: str = "") -> bytes:
        """Digest a value.

        Parameters
        ----------
        value : object
            Of any type.
        path : str
            How messages name the value, such as ``args[0]['model']``.

        Returns
        -------
        digest : bytes
            16 bytes.

        Raises
        ------
        IdentityError
            If a part cannot be digested: it has no state that could be
            pickled, such as a lock or an open file. The message begins with
            the path of that part.
        """
        return Walk(self._code_digest, _find_handler).digest(value, path)

    def call_digests(
        self, names: Sequence[str], rows: Iterable[Mapping[str, object]]
    ) -> list[bytes]:
        """Digest the arguments of many calls.

        A large value that several rows share is digested once. All rows are
        taken before the first is digested, so what an iterator changes in a
        shared value while it is read counts, as it will in the call.

        Parameters
        ----------
        names : sequence of str
            The parameters that count.
        rows : iterable of mapping
            The arguments of each call by name; others are ignored.

        Returns
        -------
        digests : list of bytes
            16 bytes for each row, in order.

        Raises
        ------
        IdentityError
            As `digest`; the path is ``args[ROW]['NAME']...``.
        """
        pick, names = _make_picker(sorted(names)), sorted(names)
        with without_collection():
            return self.row_digests(names, list(map(pick, list(rows))))

    def row_digests(
        self, names: Sequence[str], rows: Sequence[tuple[object, ...]]
    ) -> list[bytes]:
        """Digest the arguments of many calls, as `call_digests` does.

        Parameters
        ----------
        names : sequence of str
            The parameters, sorted.
        rows : sequence of tuple
            Their values, call by call.
        """
        calls = _CallDigester(names, Walk(self._code_digest, _find_handler))
        with without_collection():
            return calls.digest_all(rows)


class _CallDigester:
    """Digests rows: small plain values together, others by their digests."""

    def __init__(self, names: Sequence[str], walk: Walk) -> None:
        self._names = names
        self._walk = walk
        self._mixed_prefix = b"D" + walk.plain.digest_sorted(tuple(names))
        self._prefixes: dict[tuple[Shape, ...], bytes] = {}
        self._columns = Columns(_SMALL_ITEMS, _SMALL_LENGTH)

    def digest_all(self, rows: Sequence[tuple[object, ...]]) -> list[bytes]:
        """Digest all rows, those of small values of one shape many at a time."""
        digests: list[bytes] = []
        for start in range(0, len(rows), _MANY_ROWS):
            part = rows[start : start + _MANY_ROWS]
            try:
                shapes, flat = self._columns.flatten(part)
            except UnevenError:
                digests += map(self._digest, range(start, start + len(part)), part)
            else:
                digests += self._walk.plain.digest_each(flat, self._prefix(shapes))
        return digests

    def _digest(self, index: int, values: tuple[object, ...]) -> bytes:
        """Digest one row."""
        plain = self._walk.plain
        items: list[object] = []
        digested: list[int] = []
        for place, value in enumerate(values):
            small, item = self._shorten(value)
            if not small:
                digested.append(place)
                if item is None:
                    path = f"args[{index}][{self._names[place]!r}]"
                    item = self._walk.digest(value, path)
            items.append(item)
        if digested:
            both = (tuple(digested), tuple(items))
            return plain.digest_sorted(both, self._mixed_prefix)
        shapes, leaves = flatten(items)
        return plain.digest_sorted(tuple(leaves), self._prefix(shapes))

    def _prefix(self, shapes: tuple[Shape, ...]) -> bytes:
        """Return what says the names and shapes of a row of small plain values."""
        known = self._prefixes.get(shapes)
        if known is None:
            if len(self._prefixes) >= _MAX_SHAPES:
                self._prefixes.clear()
            said = self._walk.plain.digest_sorted((tuple(self._names), shapes))
            known = self._prefixes[shapes] = b"C" + said
        return known

    def _shorten(self, value: object) -> tuple[bool, object]:
        """Say whether a value is small, and itself if so, else its known digest."""
        kind = type(value)
        if kind in NUMBERS:
            return True, value
        if kind is str or kind is bytes:
            if len(value) <= _SMALL_LENGTH:  # type: ignore[arg-type]
                return True, value
        elif kind in CONTAINERS:
            item = self._walk.plain.sort_small(value, _SMALL_ITEMS, _SMALL_LENGTH)
            if item is not None:
                return True, item
        return False, self._walk.digest_simple(value)


def _find_handler(kind: type) -> Handler:
    """Find the handler of a type: most calls have plain values, which need none."""
    from gridtask.identity.arguments.handlers import find_handler

    return find_handler(kind)


def _make_picker(
    names: Sequence[str],
) -> Callable[[Mapping[str, object]], tuple[object, ...]]:
    """Make a function that picks values in the order of names."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple([row[name] for name in names])
