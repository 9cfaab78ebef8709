"""Digests of pandas, polars, pyarrow, scipy.sparse and torch values."""

from __future__ import annotations

import pickle
import threading

import numpy as np
import pytest
from xxhash import xxh3_128_digest

from gridtask.errors import IdentityError
from gridtask.identity.arguments.hasher import ArgumentHasher


def name_code(thing):
    """Digest code by name: what code counts is tested elsewhere."""
    name = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', thing)}"
    return xxh3_128_digest(name.encode())


HASHER = ArgumentHasher(name_code)
digest = HASHER.digest


def check_distinct(values):
    """Assert that no two of the values share a digest, and pickle keeps each."""
    seen = {}
    for value in values:
        found = digest(value)
        assert found not in seen, (value, seen.get(found))
        seen[found] = value
        assert digest(pickle.loads(pickle.dumps(value))) == found, value


def make_pandas():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2], "b": [1.0, 2.0]})
    noted = frame.copy()
    noted.attrs["unit"] = "m"
    days = pd.date_range("2020", periods=3)
    product = pd.MultiIndex.from_product([[1, 2], ["a", "b"]])
    return [
        frame,
        noted,
        frame.rename(columns={"a": "c"}),
        frame.rename_axis("rows"),
        frame.rename_axis("columns", axis=1),
        frame.set_index("a"),
        frame.set_axis([5, 6]),
        frame[["b", "a"]],
        frame.astype({"a": "Int64"}),
        frame.astype("float64"),
        frame.astype("string"),
        frame.astype(object),
        frame.astype("category"),
        frame.T,
        frame.a,
        frame.b,
        frame.a.rename("z"),
        frame.index,
        pd.DataFrame(),
        pd.Index([0, 1]),
        pd.Index([0, 1], name="i"),
        days,
        days.tz_localize("Europe/Berlin"),
        pd.DatetimeIndex(list(days)),
        pd.Series(days),
        pd.Series(days.tz_localize("UTC")),
        pd.Series(days.tz_localize("Europe/Berlin")),
        pd.period_range("2020", periods=3, freq="M"),
        pd.timedelta_range("1s", periods=3),
        product,
        product.set_names(["x", "y"]),
        pd.interval_range(0, 3),
        pd.interval_range(0, 3, closed="left"),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1, 0], dtype="Int64"),
        pd.Series([None, True], dtype="boolean"),
        pd.Series([0.5, None], dtype="Float64"),
        pd.arrays.SparseArray([0, 0, 1]),
        pd.Series([{1}, "a"]),
        pd.Series(["a", None, "c"], dtype="string"),
        pd.Series(["a", None, "c"], dtype=object),
        pd.Series(pd.Categorical(["a", "b"])),
        pd.Series(pd.Categorical(["a", "b"], ordered=True)),
        pd.Series(pd.Categorical(["a", "b"], categories=["b", "a"])),
        pd.Series(pd.Categorical(["a", "b"], categories=["a", "b", "c"])),
        pd.Timestamp("2020"),
        pd.Timestamp("2020", tz="UTC"),
        pd.Timedelta("1s"),
        pd.Period("2020"),
        pd.NaT,
        pd.NA,
        pd.Interval(0, 1),
        pd.CategoricalDtype(["a", "b"]),
        pd.Int64Dtype(),
        pd.DatetimeTZDtype("ns", "UTC"),
        pd.offsets.MonthEnd(2),
    ]


def test_pandas():
    """Frames, series, indexes and scalars count by type, names and content."""
    check_distinct(make_pandas())


def test_pandas_blocks_and_caches():
    """How a frame was put together, and what it keeps, does not count."""
    pd = pytest.importorskip("pandas")
    one = pd.DataFrame({"a": [1, 2], "b": [1.0, 2.0], "c": [3, 4]})
    other = pd.DataFrame({"a": [1, 2]})
    other["b"] = [1.0, 2.0]
    other["c"] = [3, 4]
    assert other.loc[0, "c"] == 3
    assert other.index.is_unique
    assert digest(one) == digest(other)
    by_row = pd.DataFrame(np.array([[1.0, 2.0], [3.0, 4.0]]), columns=["a", "b"])
    by_column = pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0]})
    assert digest(by_row) == digest(by_column)


def test_pandas_below_missing_values():
    """What lies in memory below a missing value does not count."""
    pd = pytest.importorskip("pandas")
    mask = np.array([False, True])
    one = pd.arrays.IntegerArray(np.array([1, 2]), mask.copy())
    other = pd.arrays.IntegerArray(np.array([1, 7]), mask.copy())
    assert digest(pd.Series(one)) == digest(pd.Series(other))


def test_pandas_paths():
    """Errors name the column and the row."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2], "b": [{1}, threading.Lock()]})
    with pytest.raises(IdentityError, match=r"^x\['b'\]\[1\]: cannot digest"):
        HASHER.digest(frame, "x")


def test_pandas_subclasses():
    """What a derived frame declares as its own counts."""
    pd = pytest.importorskip("pandas")

    class Survey(pd.DataFrame):
        _metadata = ("place",)

    def make(place):
        survey = Survey({"a": [1]})
        survey.place = place
        return survey

    found = {digest(make("here")), digest(make("there")), digest(pd.DataFrame(make(1)))}
    assert len(found) == 3


def make_polars(pl):
    frame = pl.DataFrame(
        {"a": [1, 2, None], "s": ["x", None, "a longer text"], "f": [1.0, None, 2.0]}
    )
    return [
        frame,
        frame.select("s", "a", "f"),
        frame.rename({"a": "z"}),
        frame.head(2),
        pl.DataFrame(),
        frame["a"],
        frame["a"].rename("z"),
        frame["a"].cast(pl.Int32),
        frame["a"].fill_null(0),
        frame["a"].cast(pl.Decimal(10, 2)),
        frame["a"].cast(pl.Date),
        frame["a"].cast(pl.Datetime("us", "UTC")),
        frame["a"].cast(pl.Boolean),
        frame["s"],
        frame["s"].cast(pl.Categorical),
        frame["s"].cast(pl.Enum(["x", "a longer text"])),
        frame["s"].cast(pl.Binary),
        pl.Series("l", [[1], [2, 3], []]),
        pl.Series("s", [{"a": 1}]),
        pl.Int64,
        pl.col("a") + 1,
    ]


def test_polars():
    """Frames and series count by names, types and content."""
    check_distinct(make_polars(pytest.importorskip("polars")))


def test_polars_chunks():
    """How rows are spread over chunks, and slices, do not count."""
    pl = pytest.importorskip("polars")
    for value in make_polars(pl)[:19]:
        frame = value if isinstance(value, pl.DataFrame) else value.to_frame()
        parts = pl.concat([frame] * 3, rechunk=False)
        assert digest(parts) == digest(parts.rechunk())
        part = parts[2:5]
        rebuilt = [pl.Series(c.name, c.to_list(), dtype=c.dtype) for c in part]
        assert digest(part) == digest(pl.DataFrame(rebuilt)), part


def make_arrow(pa):
    n = 40
    columns = {
        "ints": pa.array([1, 2, None] * n),
        "floats": pa.array([1.0, float("nan"), None] * n),
        "texts": pa.array(["x", None, "a longer text"] * n),
        "views": pa.array(["x", None, "a longer text"] * n, pa.string_view()),
        "bools": pa.array([True, None, False] * n),
        "lists": pa.array([[1], None, [2, None]] * n),
        "structs": pa.array([{"a": 1}, None, {"a": None}] * n),
        "coded": pa.array(["a", "b", None] * n).dictionary_encode(),
        "decimals": pa.array([1, None, 3] * n, pa.decimal128(5, 2)),
        "times": pa.array([1, None, 3] * n, pa.timestamp("us", "UTC")),
        "days": pa.array([1, None, 3] * n, pa.date32()),
    }
    return columns


def test_arrow():
    """Tables, arrays, schemas and types count by type and content."""
    pa = pytest.importorskip("pyarrow")
    columns = make_arrow(pa)
    table = pa.table(columns)
    values = [
        *columns.values(),
        table,
        table.slice(1),
        table.rename_columns([name.upper() for name in columns]),
        table.replace_schema_metadata({"unit": "m"}),
        pa.table({}),
        pa.record_batch({"a": [1]}),
        pa.table({"a": [1]}),
        pa.chunked_array([[1, 2]]),
        pa.array([1, 2]),
        pa.array([], pa.string()),
        pa.chunked_array([["a"], [None, "b"]]),
        pa.chunked_array([], pa.string()),
        pa.array([None], pa.string()),
        table.schema,
        pa.int64(),
        pa.scalar(1),
    ]
    check_distinct(values)


def test_pandas_with_arrow():
    """Columns that pyarrow keeps count by type and content."""
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    values = [
        pd.Series([1, None], dtype="int64[pyarrow]"),
        pd.Series([1, 0], dtype="int64[pyarrow]"),
        pd.Series(["a", None], dtype="string[pyarrow]"),
        pd.Series(["a", "b"], dtype="string[pyarrow]"),
    ]
    check_distinct(values)


def test_arrow_chunks_and_slices():
    """Neither chunks nor what a slice leaves out of sight count."""
    pa = pytest.importorskip("pyarrow")
    for name, column in make_arrow(pa).items():
        for start, stop in ((2, 5), (1, 9), (0, 5), (8, 77)):
            part = column[start:stop]
            rebuilt = pa.concat_arrays([part[:1], part[1:]])
            assert digest(part) == digest(rebuilt), name
            chunks = pa.chunked_array([part[:1], part[1:]])
            assert digest(chunks) == digest(pa.chunked_array([rebuilt])), name


def test_sparse():
    """Sparse matrices count by format, type, shape and content."""
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.array([[1, 0, 2], [0, 0, 3.0]])
    kinds = ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"]
    makers = [getattr(sparse, f"{kind}_array") for kind in kinds]
    makers.append(sparse.csr_matrix)
    values = [make(dense) for make in makers]
    values += [make(dense.astype("f4")) for make in makers]
    values += [make(dense[:, :2]) for make in makers]
    check_distinct(values)


def test_sparse_order_does_not_count():
    """Entries may be stored in any order, and be split up."""
    sparse = pytest.importorskip("scipy.sparse")
    index, ends = np.array([2, 0], "i4"), np.array([0, 2, 2], "i4")
    one = sparse.csr_array((np.array([2.0, 1.0]), index, ends), shape=(2, 3))
    other = sparse.csr_array(np.array([[1.0, 0, 2.0], [0, 0, 0]]))
    assert digest(one) == digest(other)
    assert one.indices[0] == 2
    rows, columns = np.array([1, 0, 1]), np.array([1, 0, 1])
    split = sparse.coo_array((np.array([1.0, 1.0, 2.0]), (rows, columns)), shape=(2, 2))
    whole = sparse.coo_array(np.array([[1.0, 0], [0, 3.0]]))
    whole.coords = tuple(c.astype(rows.dtype) for c in whole.coords)
    assert digest(split) == digest(whole)
    assert split.nnz == 3


def test_torch():
    """Tensors count by dtype, shape and values, not by strides."""
    torch = pytest.importorskip("torch")
    grid = torch.arange(12.0).reshape(3, 4)
    values = [
        grid,
        grid.T,
        grid.flatten(),
        grid.to(torch.float32).to(torch.float64),
        grid.to(torch.bfloat16),
        grid.to(torch.bool),
        grid.clone().requires_grad_(),
        torch.nn.Parameter(grid.clone()),
        grid.to_sparse(),
        grid.to_sparse_csr(),
        torch.tensor(1j),
        torch.tensor(1.0),
        torch.zeros(0),
        torch.float32,
        torch.nn.Linear(2, 2, bias=False),
    ]
    check_distinct(values)
    assert digest(grid.T) == digest(grid.T.contiguous())
    assert digest(grid[:, ::2]) == digest(grid[:, ::2].clone())
    assert digest(torch.tensor(1j).conj()) == digest(torch.tensor(complex(0, -1)))
    one, other = torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)
    assert digest(one) != digest(other)
