"""Handlers of numpy's types. Imported only where numpy is loaded.

An array counts by dtype, shape and bytes. The bytes are read where they are:
an array in C order as it is, one in Fortran order transposed and with a mark,
any other in blocks of `_BLOCK_BYTES` in C order. The mark is there because
order can change results (sums are added up in another order); other strides
do not count, since pickle does not keep them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from xxhash import xxh3_128, xxh3_128_digest

from gridtask.identity.arguments.digests import digest_leaf, digest_node, start_leaf
from gridtask.identity.arguments.instances import read_state, walk_state
from gridtask.identity.arguments.walk import Handler, Walk, Walking

_BLOCK_BYTES: Final = 1 << 18
_SMALL_BYTES: Final = 4096
_MAX_HEADS: Final = 10_000
_HAS_PADDING: Final = np.finfo(np.longdouble).nmant == 63
"""Whether a long double is the 80 bits of x87 and 6 bytes of anything."""
_X87_BYTES: Final = 10
_FIXED_KINDS: Final = "biufcSU"
_heads: dict[tuple[np.dtype[Any], tuple[int, ...], bool], bytes] = {}
_scalar_heads: dict[type, bytes] = {}

Array = np.ndarray[Any, np.dtype[Any]]


def find_type(kind: type) -> Handler | None:
    """Find the handler of a type of numpy's, or derived from one."""
    if kind is np.ndarray or kind is np.memmap:
        return digest_array
    ma = sys.modules.get("numpy.ma")
    if ma is not None and issubclass(kind, ma.MaskedArray):
        return _walk_masked
    if issubclass(kind, np.ndarray):
        return _walk_subclass
    if issubclass(kind, np.generic):
        return _find_scalar(kind)
    if issubclass(kind, np.dtype):
        return _digest_dtype
    random = sys.modules.get("numpy.random")
    if random is not None:
        if issubclass(kind, random.Generator):
            return _walk_generator
        if issubclass(kind, random.RandomState):
            return _walk_random_state
        if issubclass(kind, random.BitGenerator):
            return _walk_bit_generator
        if issubclass(kind, random.SeedSequence):
            return _walk_seed_sequence
    return None


def digest_array(walk: Walk, array: Any) -> bytes | Walking:
    """Digest an array; by items where its bytes do not say its value."""
    dtype = array.dtype
    is_fortran = array.flags.fnc
    head = _heads.get((dtype, array.shape, is_fortran))
    if head is None or dtype.metadata is not None:
        if dtype.hasobject or dtype.fields or dtype.char == "T":
            by_item = _walk_by_item(walk, array)
            if by_item is not None:
                return by_item
        head = _make_head(walk, dtype, array.shape, is_fortran)
    if array.nbytes <= _SMALL_BYTES and dtype.char not in "gG":
        order = "F" if is_fortran else "C"
        return xxh3_128_digest(head + array.tobytes(order))
    hasher = xxh3_128(head)
    _update(hasher, array.T if is_fortran else array)
    return walk.remember(array, hasher.digest())


def describe_dtype(walk: Walk, dtype: np.dtype[Any]) -> object:
    """Describe a dtype by a plain value."""
    if dtype.metadata:
        bare = np.dtype(dtype.str) if dtype.fields is None else dtype
        said = walk.digest_apart(dict(dtype.metadata))
        return ("metadata", bare.str, said, _describe_fields(walk, dtype))
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return ("array", describe_dtype(walk, base), shape)
    if dtype.fields is not None:
        return _describe_fields(walk, dtype)
    if dtype.isbuiltin == 2 or dtype.num >= _FIRST_USER or dtype.num < 0:
        name = f"{dtype.type.__module__}.{dtype.type.__qualname__}"
        return ("other", dtype.str, str(dtype), name)
    return dtype.str


_FIRST_USER: Final = 256


def _describe_fields(walk: Walk, dtype: np.dtype[Any]) -> object:
    if dtype.fields is None:
        return None
    fields = []
    for name in dtype.names or ():
        part, offset, *title = dtype.fields[name]
        said = describe_dtype(walk, part)
        fields.append((name, offset, str(title[0]) if title else None, said))
    is_record = dtype.type is not np.void
    aligned = bool(dtype.isalignedstruct)
    return ("fields", dtype.itemsize, aligned, is_record, tuple(fields))


def _make_head(
    walk: Walk, dtype: np.dtype[Any], shape: tuple[int, ...], is_fortran: bool
) -> bytes:
    """Make what precedes an array's bytes; kept for the dtypes of numbers, texts."""
    said = describe_dtype(walk, dtype), shape, "F" if is_fortran else "C"
    head = start_leaf(b"ndarray") + walk.plain.digest_sorted(said)
    if dtype.metadata is None and dtype.kind in _FIXED_KINDS and dtype.isbuiltin != 2:
        if len(_heads) >= _MAX_HEADS:
            _heads.clear()
        _heads[dtype, shape, is_fortran] = head
    return head


def _update(hasher: xxh3_128, array: Array) -> None:
    """Feed an array's bytes in C order, without a copy if it has that order."""
    if array.size == 0 or array.itemsize == 0:
        return
    if array.dtype.char in "gG" and _HAS_PADDING:
        for block in _split(array):
            hasher.update(_drop_padding(block).data)
    elif array.flags.c_contiguous:
        hasher.update(array.reshape(-1).view(np.uint8).data)  # some export no buffer
    else:
        for block in _split(array):
            hasher.update(block.reshape(-1).view(np.uint8).data)


def _split(array: Array) -> Iterator[Array]:
    """Yield contiguous copies of an array's parts, in C order; one replaces another."""
    if array.nbytes <= _BLOCK_BYTES or array.ndim == 0:
        yield np.ascontiguousarray(array)
        return
    row_bytes = array.nbytes // len(array)
    if row_bytes > _BLOCK_BYTES:
        for row in array:
            yield from _split(row)
        return
    step = _BLOCK_BYTES // row_bytes
    copy = np.empty((step, *array.shape[1:]), array.dtype)
    for start in range(0, len(array), step):
        part = array[start : start + step]
        block = copy[: len(part)]
        block[...] = part
        yield block


def _drop_padding(block: Array) -> Array:
    native = block.astype(block.dtype.newbyteorder("="), copy=False)
    raw = native.reshape(-1).view(np.uint8)
    return np.ascontiguousarray(raw.reshape(-1, 16)[:, :_X87_BYTES])


def _walk_by_item(walk: Walk, array: Array) -> Walking | None:
    """Walk what is not in the bytes: objects; fields with gaps between them."""
    dtype = array.dtype
    if dtype.fields:
        return _walk_fields(walk, array) if _has_gaps(dtype) else None
    return _walk_objects(walk, array)


def _has_gaps(dtype: np.dtype[Any]) -> bool:
    """Whether fields leave bytes unused, overlap, or hold more than bytes."""
    if dtype.hasobject or dtype.char in "gGT":
        return True
    if dtype.subdtype is not None:
        return _has_gaps(dtype.subdtype[0])
    if dtype.fields is None:
        return False
    parts = [dtype.fields[name][0] for name in dtype.names or ()]
    used = sum(part.itemsize for part in parts)
    return used != dtype.itemsize or any(map(_has_gaps, parts))


def _walk_objects(walk: Walk, array: Array) -> Walking:
    head = _make_head(walk, array.dtype, array.shape, False)
    items = yield "", list(array.flat)
    return digest_node(b"ndarray of objects", (digest_leaf(b"head", head), items))


def _walk_fields(walk: Walk, array: Array) -> Walking:
    head = _make_head(walk, array.dtype, array.shape, False)
    children = [digest_leaf(b"head", head)]
    for name in array.dtype.names or ():
        children.append((yield (name,), array[name]))
    return digest_node(b"ndarray of fields", children)


def _walk_subclass(walk: Walk, value: Any) -> Walking:
    code = walk.digest_code(type(value))
    content = yield "", np.ndarray.view(value, np.ndarray)
    state = yield from walk_state(walk, read_state(value))
    return digest_node(b"ndarray subclass", (code, content, state))


def _walk_masked(walk: Walk, value: Any) -> Walking:
    """Digest data, mask and fill value, without asking: that would set it."""
    code = walk.digest_code(type(value))
    content = yield ".data", np.ndarray.view(value, np.ndarray)
    mask = value._mask
    if mask is np.ma.nomask:  # pickle writes it out, and so do we
        nothing = np.zeros((), np.ma.make_mask_descr(value.dtype))
        mask = np.broadcast_to(nothing, value.shape)
    said = yield ".mask", mask
    fill = value._fill_value
    if fill is None:
        fill = np.ma.default_fill_value(value.dtype)
    filled = yield ".fill_value", np.asarray(fill, value.dtype)
    rest = yield "", (bool(value._hardmask), value._optinfo)
    return digest_node(b"masked array", (code, content, said, filled, rest))


def _find_scalar(kind: Any) -> Handler:
    if kind.__module__.partition(".")[0] != "numpy":
        return _walk_derived_scalar
    if issubclass(kind, np.number | np.bool_) and kind not in _LONG_DOUBLES:
        return _digest_number
    return _walk_scalar


_LONG_DOUBLES: Final = (np.longdouble, np.clongdouble, np.timedelta64)


def _digest_number(walk: Walk, value: Any) -> bytes:
    kind = type(value)
    head = _scalar_heads.get(kind)
    if head is None:
        head = start_leaf(b"numpy " + value.dtype.str.encode())
        _scalar_heads[kind] = head
    return xxh3_128_digest(head + value.tobytes())


def _walk_scalar(walk: Walk, value: Any) -> Walking:
    if isinstance(value, np.str_):
        content = yield "", str.__str__(value)
    elif isinstance(value, np.bytes_):
        content = yield "", bytes(memoryview(value))
    else:
        content = yield "", np.asarray(value)
    return digest_node(b"numpy scalar", (content,))


def _walk_derived_scalar(walk: Walk, value: Any) -> Walking:
    code = walk.digest_code(type(value))
    content = yield from _walk_scalar(walk, value)
    state = yield from walk_state(walk, read_state(value))
    return digest_node(b"derived", (code, content, state))


def _digest_dtype(walk: Walk, value: Any) -> bytes:
    said = walk.plain.digest_sorted(describe_dtype(walk, value))
    return digest_node(b"numpy dtype", (said,))


def _walk_generator(walk: Walk, value: Any) -> Walking:
    code = walk.digest_code(type(value))
    state = yield ".bit_generator", value.bit_generator
    return digest_node(b"numpy generator", (code, state))


def _walk_bit_generator(walk: Walk, value: Any) -> Walking:
    code = walk.digest_code(type(value))
    state = yield ".state", value.state
    seed = getattr(value, "seed_seq", None)  # numpy 1.25; what spawn() goes by
    return digest_node(b"numpy bit generator", (code, state, (yield ".seed_seq", seed)))


def _walk_random_state(walk: Walk, value: Any) -> Walking:
    if value is np.random.mtrand._rand:
        return walk.digest_code(value)  # of this process: in each another state
    code = walk.digest_code(type(value))
    state = yield "", value.get_state(legacy=False)
    return digest_node(b"numpy random state", (code, state))


def _walk_seed_sequence(walk: Walk, value: Any) -> Walking:
    code = walk.digest_code(type(value))
    return digest_node(b"numpy seed sequence", (code, (yield ".state", value.state)))
