"""Flipped bits and cut files: never a wrong value."""

from __future__ import annotations

import os
import random
import warnings

import pytest

from gridtask import fs
from gridtask.store.folder import Folder
from gridtask.store.loading import LoadError
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentWriter
from gridtask.store.values import encode

N_RECORDS = 20


def make_file(path, draw: random.Random, *, seal: bool) -> dict[bytes, bytes]:
    """Write a segment whose results contain another segment; return them."""
    inner = SegmentWriter.create(path.with_suffix(".inner"))
    inner.append(Kind.OK, encode(b"ghost").parts, key=bytes(16))
    inner.seal()
    embedded = path.with_suffix(".inner").read_bytes()
    segment = SegmentWriter.create(path)
    segment.append(Kind.META, meta={"task": "task"})
    values = {}
    for i in range(1, N_RECORDS + 1):
        key = i.to_bytes(16, "little")
        values[key] = embedded + draw.randbytes(draw.randrange(1500))
        segment.append(Kind.OK, encode(values[key]).parts, key=key, aligned=bool(i % 2))
    segment.seal() if seal else segment.close()
    return values


def judge(folder: Folder, values: dict[bytes, bytes]) -> int:
    """Return how many results are lost; none may be wrong, none be a ghost."""
    folder.refresh()
    numbers = folder.numbers(Kind.OK)
    found = {
        folder.entry(n).key: value
        for n, value in zip(numbers, folder.load(numbers), strict=True)
        if not isinstance(value, LoadError)
    }
    assert found.items() <= values.items(), "a value is wrong"
    return len(values) - len(found)


def damage_files(tmp_path, n_flips: int) -> str:
    """Flip single bits in sealed and growing files, and read everything."""
    draw = random.Random(n_flips)
    n_lost = n_harmless = 0
    for is_sealed in (True, False):
        path = tmp_path / f"{is_sealed}"
        fs.make_folder(path)
        values = make_file(path / "a.seg", draw, seal=is_sealed)
        (path / "a.inner").unlink()
        intact = (path / "a.seg").read_bytes()
        for _ in range(n_flips // 2):
            flipped = bytearray(intact)
            flipped[draw.randrange(len(intact))] ^= 1 << draw.randrange(8)
            (path / "a.seg").write_bytes(flipped)
            lost = judge(Folder(path, "task"), values)
            assert lost <= 1, "one flip has cost several results"
            n_lost += lost
            n_harmless += not lost
    return f"{n_flips} flips: 0 wrong, {n_lost} records lost, {n_harmless} harmless"


def cut_files(tmp_path, n_cuts: int) -> str:
    """Cut files at many places; all that is before the cut is read."""
    draw = random.Random(n_cuts)
    path = tmp_path / "cut"
    fs.make_folder(path)
    values = make_file(path / "a.seg", draw, seal=True)
    (path / "a.inner").unlink()
    size = (path / "a.seg").stat().st_size
    n_lost_before = 0
    for i in range(n_cuts, 0, -1):
        os.truncate(path / "a.seg", size * i // n_cuts)
        n_lost = judge(Folder(path, "task"), values)
        assert n_lost >= n_lost_before
        n_lost_before = n_lost
    return f"{n_cuts} cuts: 0 wrong, results lost from the end on"


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def test_flips_and_cuts_give_no_wrong_value(tmp_path):
    """At most one record lost a flip."""
    print(damage_files(tmp_path, 400), cut_files(tmp_path, 200), sep="; ")


@pytest.mark.faults
def test_ten_thousand_flips_give_no_wrong_value(tmp_path):
    """The same 10,000 times, and a cut at every 3,000th of a file."""
    print(damage_files(tmp_path, 10_000), cut_files(tmp_path, 3000), sep="; ")
