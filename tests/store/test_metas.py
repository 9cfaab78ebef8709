"""What records say of themselves, read without their values."""

from __future__ import annotations

import pytest

from gridtask import fs
from gridtask.errors import CorruptRecordError
from gridtask.store import metas as module
from gridtask.store import reader
from gridtask.store.folder import Folder
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentReader, SegmentWriter
from gridtask.store.values import encode

N_LARGE = 200_000


@pytest.fixture
def folder(folder_path, monkeypatch):
    """Two files of three results each, the middle ones large."""
    for each in (module, reader):
        monkeypatch.setattr(each, "GLANCE", 100_000)
    for f in range(2):
        segment = SegmentWriter.create(folder_path / f"w{f}.seg")
        for i in range(3):
            key = (3 * f + i).to_bytes(16, "little")
            payload = encode(bytes(N_LARGE if i == 1 else 100)).parts
            segment.append(Kind.OK, payload, key=key, meta={"args": f"x={3 * f + i}"})
        segment.seal()
    folder = Folder(folder_path, "task")
    folder.refresh()
    return folder


def numbers_of(folder, *calls):
    """Return the numbers of calls' records."""
    return folder.find([i.to_bytes(16, "little") for i in calls])


def flip_meta(folder, name: str, row: int, at: int) -> None:
    """Flip a bit of a record's meta."""
    path = folder.path / name
    entry = SegmentReader.open(path).entry(row)
    data = bytearray(path.read_bytes())
    data[entry.payload_at - entry.pad - entry.meta_len + at] ^= 1
    path.write_bytes(data)


def test_metas_come_in_the_order_of_the_question(folder):
    """Of several files, repeated ones too."""
    found = folder.metas(numbers_of(folder, 4, 0, 3, 4, 1))
    assert [meta["args"] for meta in found] == ["x=4", "x=0", "x=3", "x=4", "x=1"]


def test_large_payloads_are_not_read_for_a_meta(folder, monkeypatch):
    """A listing of large results is as quick as one of small ones."""
    sizes = []
    read_at, read_into = fs.read_at, fs.read_into
    monkeypatch.setattr(
        fs, "read_at", lambda fd, n, at: (sizes.append(n), read_at(fd, n, at))[1]
    )
    monkeypatch.setattr(
        fs,
        "read_into",
        lambda fd, b, at: (sizes.append(len(b)), read_into(fd, b, at))[1],
    )
    assert folder.meta(numbers_of(folder, 1)[0]) == {"args": "x=1"}
    assert len(folder.metas(numbers_of(folder, *range(6)))) == 6
    assert sum(sizes) < N_LARGE / 10


def test_damage_is_told_in_the_place_of_a_meta(folder):
    """The others are there; of a large record only what is no JSON is noticed."""
    flip_meta(folder, "w0.seg", 0, 3)
    flip_meta(folder, "w1.seg", 1, 0)
    found = folder.metas(numbers_of(folder, *range(6)))
    bad = [i for i, meta in enumerate(found) if isinstance(meta, CorruptRecordError)]
    assert bad == [0, 4]
    with pytest.raises(CorruptRecordError, match="damaged"):
        folder.meta(numbers_of(folder, 4)[0])


def test_metas_of_a_file_that_is_gone_are_errors(folder):
    """Those of the others are read."""
    for file in folder._files.index.files:
        file.close()
    (folder.path / "w0.seg").unlink()
    found = folder.metas(numbers_of(folder, *range(6)))
    assert [isinstance(meta, OSError) for meta in found] == [True] * 3 + [False] * 3
