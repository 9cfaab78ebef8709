"""Handlers of pandas's types. Imported only where pandas is loaded.

Frames count by columns, index and names; how columns are gathered in blocks,
and what is cached, does not count.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import numpy as np

from gridtask.identity.arguments.digests import digest_node, digest_text
from gridtask.identity.arguments.walk import Handler, Walk, Walking

pd: Any = sys.modules["pandas"]
_arrays: Any = pd.arrays


def find_type(kind: type) -> Handler | None:
    """Find the handler of a type of pandas's, or derived from one."""
    if kind is pd.arrays.NumpyExtensionArray:
        return _walk_numpy_backed
    for base, handler in _HANDLERS:
        if issubclass(kind, base):
            return handler
    return None


def _walk_frame(walk: Walk, frame: Any) -> Walking:
    children = yield from _walk_common(walk, frame)
    children.append((yield ".columns", frame.columns))
    for name, column in pd.DataFrame.items(frame):
        children.append((yield (name,), column.array))
    return digest_node(b"DataFrame", children)


def _walk_series(walk: Walk, series: Any) -> Walking:
    children = yield from _walk_common(walk, series)
    children.append((yield ".name", series.name))
    children.append((yield "", series.array))
    return digest_node(b"Series", children)


def _walk_common(walk: Walk, value: Any) -> Any:
    """Digest what frames and series share; returns the digests."""
    may_repeat = bool(value.flags.allows_duplicate_labels)
    state = {name: getattr(value, name, None) for name in type(value)._metadata}
    return [
        walk.digest_code(type(value)),
        (yield ".index", value.index),
        (yield ".attrs", dict(value.attrs)),
        (yield "", (may_repeat, state)),
    ]


def _walk_index(walk: Walk, index: Any) -> Walking:
    code = walk.digest_code(type(index))
    names = yield ".names", list(index.names)
    if isinstance(index, pd.RangeIndex):
        content = yield "", range(index.start, index.stop, index.step)
    elif isinstance(index, pd.MultiIndex):
        content = yield "", (list(index.levels), [np.asarray(c) for c in index.codes])
    else:
        content = yield "", index.array
    step = digest_text(b"freq", str(getattr(index, "freqstr", None)))
    return digest_node(b"Index", (code, names, content, step))


def _walk_numpy_backed(walk: Walk, array: Any) -> Walking:
    return digest_node(b"pandas array", ((yield "", array.to_numpy()),))


def _walk_categorical(walk: Walk, array: Any) -> Walking:
    categories = yield ".categories", array.categories
    codes = yield ".codes", np.asarray(array.codes)
    ordered = yield ".ordered", bool(array.ordered)
    return digest_node(b"Categorical", (categories, codes, ordered))


def _walk_times(walk: Walk, array: Any) -> Walking:
    """Digest times, periods, durations: integers, and a dtype that says of what."""
    dtype = digest_text(b"dtype", str(array.dtype))
    zone = yield ".tz", getattr(array, "tz", None)
    return digest_node(b"pandas times", (dtype, zone, (yield "", array.asi8)))


def _walk_intervals(walk: Walk, array: Any) -> Walking:
    closed = digest_text(b"closed", str(array.closed))
    left = yield ".left", array.left
    return digest_node(b"intervals", (closed, left, (yield ".right", array.right)))


def _walk_sparse(walk: Walk, array: Any) -> Walking:
    places = array.sp_index.to_int_index()
    values = yield ".sp_values", np.asarray(array.sp_values)
    indices = yield ".sp_index", (int(places.length), np.asarray(places.indices))
    fill = yield ".fill_value", array.fill_value
    return digest_node(b"pandas sparse", (values, indices, fill))


def _walk_extension(walk: Walk, array: Any) -> Walking:
    """Digest any other array: its dtype, where it has values, and these.

    What lies in memory below a missing value does not count.
    """
    dtype = yield ".dtype", array.dtype
    code = walk.digest_code(type(array))
    missing = np.asarray(array.isna())
    numbers = getattr(array.dtype, "numpy_dtype", None)
    if isinstance(numbers, np.dtype) and numbers.kind in "biufc":
        zero = numbers.type(0)
        content = yield "", array.to_numpy(dtype=numbers, na_value=zero)
    elif isinstance(array, pd.arrays.ArrowExtensionArray):
        content = yield "", array.__arrow_array__()
    elif isinstance(array, pd.arrays.NumpyExtensionArray):
        content = yield "", array.to_numpy(dtype=object)
    else:
        content = yield "", list(array)
    return digest_node(b"extension array", (code, dtype, (yield "", missing), content))


def _walk_dtype(walk: Walk, dtype: Any) -> Walking:
    """Digest a dtype by class and parameters."""
    code = walk.digest_code(type(dtype))
    said = digest_text(b"dtype", str(dtype))
    names = getattr(dtype, "_metadata", ())
    state = yield "", {name: getattr(dtype, name, None) for name in names}
    return digest_node(b"pandas dtype", (code, said, state))


_HANDLERS: Final[tuple[tuple[Any, Handler], ...]] = (
    (pd.DataFrame, _walk_frame),
    (pd.Series, _walk_series),
    (pd.Index, _walk_index),
    (pd.Categorical, _walk_categorical),
    (_arrays.DatetimeArray, _walk_times),
    (_arrays.TimedeltaArray, _walk_times),
    (_arrays.PeriodArray, _walk_times),
    (_arrays.IntervalArray, _walk_intervals),
    (_arrays.SparseArray, _walk_sparse),
    (pd.api.extensions.ExtensionArray, _walk_extension),
    (pd.api.extensions.ExtensionDtype, _walk_dtype),
)
