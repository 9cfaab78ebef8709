"""Handlers of builtin and standard library types.

Each type has a form of its own, so that no two types are ever taken for one
another; forms name values as the language does, and so are the same on every
version of Python.
"""

from __future__ import annotations

import collections
import functools
import re
import struct
import sys
import types
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from gridtask.identity.arguments.digests import digest_leaf, digest_node, digest_text
from gridtask.identity.arguments.plain import sort_keys
from gridtask.identity.arguments.walk import Handler, Refusal, Walk, Walking

if TYPE_CHECKING:
    import array
    import datetime
    import decimal
    import fractions
    import pathlib
    import uuid
    import zoneinfo

_KEPT_ITEMS = 64
"""A plain container of so many items is not digested twice."""
_SORTABLE: Final = frozenset({int, str, bytes})


def digest_container(walk: Walk, value: Any) -> bytes | Walking:
    """Digest an exact list, tuple or dict: plain if it is, else by its parts."""
    digest = walk.plain.digest(value)
    if digest is not None:
        return walk.remember(value, digest) if len(value) >= _KEPT_ITEMS else digest
    if type(value) is dict:
        return walk_dict(walk, value)
    return walk_sequence(walk, value, b"list" if type(value) is list else b"tuple")


def walk_sequence(walk: Walk, items: Iterable[object], kind: bytes) -> Walking:
    """Digest items in their order."""
    children = []
    for index, item in enumerate(items):
        digest = walk.digest_simple(item)
        children.append((yield index, item) if digest is None else digest)
    return digest_node(kind, children)


def walk_dict(
    walk: Walk, value: dict[Any, object], *, attributes: bool = False
) -> Walking:
    """Digest a dict whatever its order; `attributes`: errors show ``.name``."""
    keys = sort_keys(value)
    if keys is None:
        return (yield from _walk_pairs(value))
    children = [walk.plain.digest_sorted(keys)]
    for key in keys:
        item = value[key]
        digest = walk.digest_simple(item)
        if digest is None:
            digest = yield f".{key}" if attributes else (key,), item
        children.append(digest)
    return digest_node(b"dict by key", children)


def _walk_pairs(value: dict[Any, object]) -> Walking:
    """Digest a dict whose keys have no order of their own."""
    pairs = []
    for key, item in value.items():
        first = yield (key,), key
        pairs.append(first + (yield (key,), item))
    return digest_node(b"dict", sorted(pairs))


def walk_ordered_dict(walk: Walk, value: dict[Any, object]) -> Walking:
    """Digest a dict whose order counts."""
    children = [(yield "", tuple(value))]
    for key, item in value.items():
        children.append((yield (key,), item))
    return digest_node(b"OrderedDict", children)


def walk_set(walk: Walk, value: set[object] | frozenset[object]) -> Walking:
    """Digest a set whatever its order, which the hash seed decides."""
    kind = b"set" if isinstance(value, set) else b"frozenset"
    kinds = set(map(type, value))
    if len(kinds) == 1 and kinds <= _SORTABLE:
        digest = walk.plain.digest_sorted(sorted(value))  # type: ignore[type-var]
        return digest_node(kind + b" in order", (digest,))
    children = []
    for item in value:
        children.append((yield "{...}", item))
    return digest_node(kind, sorted(children))


def _digest_complex(walk: Walk, value: complex) -> bytes:
    return digest_leaf(b"complex", struct.pack(">dd", value.real, value.imag))


def _digest_bytearray(walk: Walk, value: bytearray) -> bytes:
    return digest_leaf(b"bytearray", value)


def _digest_array(walk: Walk, value: array.array[Any]) -> bytes:
    if value.typecode == "u":  # its items have no fixed size
        return digest_text(b"array u", value.tounicode())
    return digest_leaf(b"array " + value.typecode.encode(), value)


def _digest_constant(walk: Walk, value: object) -> bytes:
    return digest_leaf(b"constant", b"Ellipsis" if value is ... else b"NotImplemented")


def _walk_range(walk: Walk, value: Any) -> Walking:
    parts = yield "", (value.start, value.stop, value.step)
    return digest_node(b"range" if type(value) is range else b"slice", (parts,))


def _walk_deque(walk: Walk, value: collections.deque[object]) -> Walking:
    limit = yield ".maxlen", value.maxlen
    items = yield from walk_sequence(walk, value, b"deque")
    return digest_node(b"deque", (limit, items))


def _walk_defaultdict(walk: Walk, value: Any) -> Walking:
    factory = yield ".default_factory", value.default_factory
    items = yield from walk_dict(walk, value)
    return digest_node(b"defaultdict", (factory, items))


def _walk_counter(walk: Walk, value: Any) -> Walking:
    return digest_node(b"Counter", ((yield from walk_dict(walk, value)),))


def _walk_mapping_proxy(walk: Walk, value: Any) -> Walking:
    return digest_node(b"mappingproxy", ((yield "", dict(value)),))


def _walk_namespace(walk: Walk, value: types.SimpleNamespace) -> Walking:
    return digest_node(b"SimpleNamespace", ((yield "", vars(value)),))


def _walk_partial(walk: Walk, value: functools.partial[Any]) -> Walking:
    func = yield ".func", value.func
    args = yield ".args", value.args
    keywords = yield ".keywords", value.keywords
    state = yield "", vars(value)
    return digest_node(b"partial", (func, args, keywords, state))


def _digest_date(walk: Walk, value: datetime.date) -> bytes:
    parts = (value.year, value.month, value.day)
    return digest_node(b"date", (walk.plain.digest_sorted(parts),))


def _clock(value: Any) -> tuple[int, ...]:
    return (value.hour, value.minute, value.second, value.microsecond, value.fold)


def _walk_time(walk: Walk, value: datetime.time) -> Walking:
    parts = walk.plain.digest_sorted(_clock(value))
    return digest_node(b"time", (parts, (yield ".tzinfo", value.tzinfo)))


def _walk_datetime(walk: Walk, value: datetime.datetime) -> Walking:
    clock = (value.year, value.month, value.day, *_clock(value))
    parts = walk.plain.digest_sorted(clock)
    return digest_node(b"datetime", (parts, (yield ".tzinfo", value.tzinfo)))


def _digest_timedelta(walk: Walk, value: datetime.timedelta) -> bytes:
    parts = (value.days, value.seconds, value.microseconds)
    return digest_node(b"timedelta", (walk.plain.digest_sorted(parts),))


def _walk_timezone(walk: Walk, value: datetime.timezone) -> Walking:
    offset = yield "", value.utcoffset(None)
    return digest_node(b"timezone", (offset, (yield "", value.tzname(None))))


def _walk_zone(walk: Walk, value: zoneinfo.ZoneInfo) -> Walking:
    if value.key is None:
        msg = "a ZoneInfo without a key cannot be digested; make it with ZoneInfo(key)"
        raise Refusal(msg)
    return digest_node(b"ZoneInfo", ((yield ".key", value.key),))


def _digest_decimal(walk: Walk, value: decimal.Decimal) -> bytes:
    parts = tuple(value.as_tuple())
    return digest_node(b"Decimal", (walk.plain.digest_sorted(parts),))


def _digest_fraction(walk: Walk, value: fractions.Fraction) -> bytes:
    parts = (int(value.numerator), int(value.denominator))  # may be numpy's
    return digest_node(b"Fraction", (walk.plain.digest_sorted(parts),))


def _digest_uuid(walk: Walk, value: uuid.UUID) -> bytes:
    return digest_leaf(b"UUID", value.bytes)


def _digest_path(walk: Walk, value: pathlib.PurePath) -> bytes:
    kind = b"path " + type(value).__name__.encode()
    return digest_text(kind, value.__fspath__())


def _walk_pattern(walk: Walk, value: re.Pattern[Any]) -> Walking:
    return digest_node(b"Pattern", ((yield "", (value.pattern, value.flags)),))


def _walk_type_variable(walk: Walk, value: Any) -> Walking:
    """Digest a TypeVar or ParamSpec by what can be read from it."""
    names = ("__bound__", "__constraints__", "__covariant__", "__contravariant__")
    said = yield "", (value.__name__, [getattr(value, name, None) for name in names])
    return digest_node(type(value).__name__.encode(), (said,))


def _walk_new_type(walk: Walk, value: Any) -> Walking:
    said = yield "", (value.__name__, value.__supertype__)
    return digest_node(b"NewType", (said,))


_BUILTIN: Final[dict[type, Any]] = {
    list: digest_container,
    tuple: digest_container,
    dict: digest_container,
    set: walk_set,
    frozenset: walk_set,
    complex: _digest_complex,
    bytearray: _digest_bytearray,
    type(...): _digest_constant,
    type(NotImplemented): _digest_constant,
    range: _walk_range,
    slice: _walk_range,
    collections.OrderedDict: walk_ordered_dict,
    collections.defaultdict: _walk_defaultdict,
    collections.Counter: _walk_counter,
    collections.deque: _walk_deque,
    types.MappingProxyType: _walk_mapping_proxy,
    types.SimpleNamespace: _walk_namespace,
    functools.partial: _walk_partial,
    re.Pattern: _walk_pattern,
}
_BY_NAME: Final[dict[tuple[str, str], Any]] = {
    ("array", "array"): _digest_array,
    ("datetime", "date"): _digest_date,
    ("datetime", "time"): _walk_time,
    ("datetime", "datetime"): _walk_datetime,
    ("datetime", "timedelta"): _digest_timedelta,
    ("datetime", "timezone"): _walk_timezone,
    ("zoneinfo", "ZoneInfo"): _walk_zone,
    ("decimal", "Decimal"): _digest_decimal,
    ("fractions", "Fraction"): _digest_fraction,
    ("uuid", "UUID"): _digest_uuid,
    ("typing", "TypeVar"): _walk_type_variable,
    ("typing", "ParamSpec"): _walk_type_variable,
    ("typing", "NewType"): _walk_new_type,
    ("pathlib", "PurePosixPath"): _digest_path,
    ("pathlib", "PureWindowsPath"): _digest_path,
    ("pathlib", "PosixPath"): _digest_path,
}
"""Types of modules that are not worth importing where nobody uses them."""


def find_standard(kind: type) -> Handler | None:
    """Find the handler of a type of the standard library, which it must be exactly."""
    handler: Handler | None = _BUILTIN.get(kind)
    if handler is None:
        module = kind.__module__.partition(".")[0]  # 3.13 has pathlib._local
        if vars(sys.modules.get(module, types)).get(kind.__name__) is kind:
            handler = _BY_NAME.get((module, kind.__name__))
    return handler
