"""Files torn at each of their bytes, as by power failures and copies cut short."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gridtask import fs
from gridtask.store.folder import Folder
from gridtask.store.loading import LoadError
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentReader, SegmentWriter
from gridtask.store.values import encode

pytestmark = [
    pytest.mark.faults,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]

N_RESULTS = 8
SECTOR = 512

TEARS: dict[str, Callable[[bytes, int], bytes]] = {
    "cut": lambda data, at: data[:at],
    "zeros": lambda data, at: data[:at] + bytes(len(data) - at),
    "junk": lambda data, at: data[:at] + b"\xa5" * (len(data) - at),
    "hole": lambda data, at: data[:at] + bytes(SECTOR) + data[at + SECTOR :],
    "begun anew": lambda data, at: data + data[:at],
    "without start": lambda data, at: bytes(at) + data[at:],
}
KEEPS_START = ("cut", "zeros", "junk")


def value_of(i: int) -> object:
    """Return the result of a call: arrays and others by turns."""
    return np.arange(i * 3.0) if i % 2 else {"x": i}


def key_of(i: int) -> bytes:
    """Return the key of a call."""
    return i.to_bytes(16, "little")


@pytest.fixture(params=[".seg", ".pack"])
def whole(tmp_path, request):
    """A file with eight results, as it was written or compacted."""
    fs.make_folder(path := tmp_path / "whole")
    segment = SegmentWriter.create(path / "w.seg")
    segment.append(Kind.META, meta={"task": "task"})
    for i in range(N_RESULTS):
        value = encode(value_of(i))
        options = {"key": key_of(i), "aligned": value.has_buffers}
        segment.append(Kind.OK, value.parts, meta={"args": f"x={i}"}, **options)
    segment.append(Kind.LOG, [b""])
    segment.seal()
    folder = Folder(path, "task")
    folder.refresh()
    folder.compact(min_files=0)
    (file,) = path.glob(f"*{request.param}")
    return file


def results_in(path: Path) -> dict[int, object]:
    """Return the results of a folder, by call."""
    folder = Folder(path, "task")
    folder.refresh()
    numbers = dict(enumerate(folder.find([key_of(i) for i in range(N_RESULTS)])))
    found = {i: number for i, number in numbers.items() if number >= 0}
    folder.metas(list(found.values()))
    values = dict(zip(found, folder.load(list(found.values())), strict=True))
    return {i: v for i, v in values.items() if not isinstance(v, LoadError)}


def overwrite(path: Path, data: bytes) -> None:
    """Write a file in place."""
    fd = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    os.write(fd, data)
    os.close(fd)


@pytest.mark.parametrize("tear", TEARS)
def test_what_is_torn_is_never_wrong(whole, tmp_path, tear):
    """And all that lies before the tear is found."""
    data = whole.read_bytes()
    results = [e for e in SegmentReader.open(whole).entries if e.kind == Kind.OK]
    fs.make_folder(path := tmp_path / "torn")
    n_wrong = n_lost = 0
    for at in range(len(data) + 1):
        overwrite(path / f"w{whole.suffix}", TEARS[tear](data, at))
        found = results_in(path)
        n_wrong += sum(not np.array_equal(v, value_of(i)) for i, v in found.items())
        safe = [e for e in results if e.end <= at and tear in KEEPS_START]
        n_lost += sum(int.from_bytes(e.key, "little") not in found for e in safe)
    print(f"{tear} at {len(data)} bytes: {n_wrong} wrong, {n_lost} lost before it")
    assert (n_wrong, n_lost) == (0, 0)
