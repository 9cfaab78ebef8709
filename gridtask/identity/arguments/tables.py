"""Handlers of polars's and pyarrow's types. Imported only where these are loaded.

Columns count by type, by where values are missing, and by the values that are
not. How rows are spread over chunks, what lies below missing values, and what
a slice leaves out of sight does not count.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from gridtask.identity.arguments.digests import digest_leaf, digest_node, digest_text
from gridtask.identity.arguments.walk import Handler, Walk, Walking


def find_type(kind: type) -> Handler | None:
    """Find the handler of a type of these libraries, or derived from one."""
    polars = sys.modules.get("polars")
    if polars is not None:
        if issubclass(kind, polars.DataFrame):
            return _walk_polars_frame
        if issubclass(kind, polars.Series):
            return _walk_polars_series
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        if issubclass(kind, arrow.Table | arrow.RecordBatch):
            return _walk_arrow_table
        if issubclass(kind, arrow.Array | arrow.ChunkedArray):
            return _walk_arrow_array
        if issubclass(kind, arrow.Schema):
            return _digest_arrow_schema
    return None


def _walk_polars_frame(walk: Walk, frame: Any) -> Walking:
    height = yield ".height", int(frame.height)
    children = [walk.digest_code(type(frame)), height]
    for name, column in zip(frame.columns, frame.get_columns(), strict=True):
        children.append((yield (name,), column))
    return digest_node(b"polars frame", children)


def _walk_polars_series(walk: Walk, series: Any) -> Walking:
    code = walk.digest_code(type(series))
    name = digest_text(b"name", series.name)
    dtype = digest_text(b"dtype", repr(series.dtype))
    polars = sys.modules["polars"]
    kind = series.dtype
    if kind.is_temporal() or kind == polars.Boolean or _is_number(polars, kind):
        missing = yield "", series.is_null().to_numpy()
        values = series.drop_nulls().to_physical().rechunk().to_numpy()
        content = digest_node(b"values", (missing, (yield "", values)))
    else:
        content = yield "", series.to_list()
    return digest_node(b"polars series", (code, name, dtype, content))


def _is_number(polars: Any, kind: Any) -> bool:
    """Whether numpy has the type."""
    wide = {getattr(polars, name, None) for name in ("Int128", "UInt128")}
    return bool(kind.is_integer() or kind.is_float()) and kind not in wide


def _walk_arrow_table(walk: Walk, table: Any) -> Walking:
    schema = yield ".schema", table.schema
    rows = yield ".num_rows", int(table.num_rows)
    children = [walk.digest_code(type(table)), schema, rows]
    for name, column in zip(table.column_names, table.columns, strict=True):
        children.append((yield from _walk_arrow_values((name,), column)))
    return digest_node(b"arrow table", children)


def _walk_arrow_array(walk: Walk, array: Any) -> Walking:
    code = walk.digest_code(type(array))
    arrow = sys.modules["pyarrow"]
    dtype = yield ".type", arrow.schema([arrow.field("", array.type)])
    content = yield from _walk_arrow_values("", array)
    return digest_node(b"arrow array", (code, dtype, content))


def _walk_arrow_values(step: Any, array: Any) -> Walking:
    arrow = sys.modules["pyarrow"]
    if isinstance(array, arrow.ChunkedArray):
        if arrow.types.is_string(array.type):  # of which an array holds 2 GiB at most
            array = array.cast(arrow.large_string())
        array = array.combine_chunks()
    values = _find_arrow_values(arrow, array)
    if values is None:
        return digest_node(b"items", ((yield step, array.to_pylist()),))
    missing = yield step, array.is_null().to_numpy(zero_copy_only=False)
    return digest_node(b"values", (missing, (yield step, values)))


def _find_arrow_values(arrow: Any, array: Any) -> Any:
    """Find arrays of numpy that hold all values; None if numpy has none such."""
    types = arrow.types
    kind = array.type
    if (
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_timestamp(kind)
        or types.is_duration(kind)
        or types.is_date32(kind)
    ):
        return array.drop_null().to_numpy(zero_copy_only=False)
    if types.is_string(kind) or types.is_large_string(kind):
        texts = array.drop_null().cast(arrow.large_string())
        _, offsets, data = texts.buffers()
        if len(texts) == 0 or data is None:
            return len(texts)
        bounds = np.frombuffer(offsets, np.int64)
        bounds = bounds[texts.offset : texts.offset + len(texts) + 1]
        content = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
        return np.diff(bounds), content
    return None


def _digest_arrow_schema(walk: Walk, schema: Any) -> bytes:
    return digest_leaf(b"arrow schema", schema.serialize())
