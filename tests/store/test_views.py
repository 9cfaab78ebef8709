"""Large values as private views of their files."""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from gridtask.errors import CorruptRecordError
from gridtask.store import sweep
from gridtask.store.folder import Folder
from gridtask.store.loading import LoadError
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentWriter
from gridtask.store.values import encode

LARGE = np.arange(300_000.0)


def key_of(i: int) -> bytes:
    """Return the key of call number `i`."""
    return i.to_bytes(16, "little")


def write(path, stem, *values, first=0):
    """Write results into a sealed segment."""
    segment = SegmentWriter.create(path / f"{stem}.seg")
    for i, value in enumerate(values, first):
        encoded = encode(value)
        aligned = encoded.has_buffers
        segment.append(Kind.OK, encoded.parts, key=key_of(i), aligned=aligned)
    segment.seal()
    return path / f"{stem}.seg"


def load(path, *calls, mapped=True):
    """Return the results of calls, as a new reader finds them."""
    folder = Folder(path, "task", mapped=mapped)
    folder.refresh()
    return folder.load(folder.find([key_of(i) for i in calls]))


def is_view(array) -> bool:
    """Return whether an array's memory is a mapping of a segment."""
    at = array.__array_interface__["data"][0]
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if start <= at < end:
            return line.endswith(".seg")
    return False


@pytest.mark.parametrize(
    "value",
    [LARGE, LARGE.reshape(3, -1).T, LARGE.astype("f4"), np.zeros(1 << 20, "S3")],
    ids=["C", "Fortran", "single", "bytes"],
)
def test_a_view_equals_the_copy(folder_path, value):
    """Dtype, shape, order and content are the same either way."""
    write(folder_path, "a", 1, value, value)
    for view, copy in zip(
        load(folder_path, 1, 2), load(folder_path, 1, 2, mapped=False), strict=True
    ):
        assert is_view(view)
        assert not is_view(copy)
        assert (view.dtype, view.strides) == (copy.dtype, copy.strides)
        np.testing.assert_array_equal(view, copy)


def test_a_view_is_writable_and_private(folder_path):
    """What is changed stays with the one value, and never reaches the file."""
    path = write(folder_path, "a", LARGE)
    content = path.read_bytes()
    first, second = load(folder_path, 0, 0)
    first[:] = -1
    (third,) = load(folder_path, 0)
    assert second.tolist() == third.tolist() == LARGE.tolist()
    assert path.read_bytes() == content


def anonymous_kb(path) -> int:
    """Return the memory of this process's own in mappings of a file."""
    total, is_its = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            is_its = line.endswith(str(path))
        elif is_its and first == "Anonymous:":
            total += int(rest[0])
    return total


def test_a_view_takes_memory_only_where_it_is_changed(folder_path):
    """Its pages are those of the system's cache of the file, until written."""
    path = write(folder_path, "a", LARGE)
    (array,) = load(folder_path, 0)
    assert array.sum() == LARGE.sum()
    assert anonymous_kb(path) == 0
    array[1000] = -1
    assert 0 < anonymous_kb(path) <= 64


def test_parts_of_a_larger_value_are_views(folder_path):
    """All buffers of a record lie in the file, wherever they are nested."""
    write(folder_path, "a", {"x": [LARGE, "text"], "y": np.arange(3)})
    (value,) = load(folder_path, 0)
    assert is_view(value["x"][0])
    assert is_view(value["y"])
    assert value["x"][1] == "text"


def test_small_and_plain_values_are_copies(folder_path):
    """Only records of 1 MB and more with buffers are mapped."""
    write(folder_path, "a", np.arange(1000.0), "x" * (2 << 20), [1.5])
    array, text, number = load(folder_path, 0, 1, 2)
    assert not is_view(array)
    assert array.flags.writeable
    assert text == "x" * (2 << 20)
    assert number == [1.5]


def test_a_view_outlives_removal_and_compaction(folder_path, monkeypatch):
    """A file that is unlinked stays readable for who has it mapped."""
    for i in range(12):
        write(folder_path, f"s{i}", LARGE + i, first=i)
    folder = Folder(folder_path, "task", mapped=True)
    folder.refresh()
    numbers = folder.find([key_of(i) for i in range(12)])
    views = folder.load(numbers)
    folder.remove(numbers[:3])
    folder.compact(min_files=1)
    monkeypatch.setattr(sweep, "GRACE_SECONDS", -1.0)
    folder.sweep()
    assert not list(folder_path.glob("s*.seg"))
    for i, view in enumerate(views):
        np.testing.assert_array_equal(view, LARGE + i)


def test_a_damaged_record_is_not_shown(folder_path):
    """Each view has been verified when it is handed out."""
    path = write(folder_path, "a", LARGE, LARGE)
    with path.open("r+b") as file:
        file.seek(LARGE.nbytes // 2)
        file.write(b"\xff")
    damaged, intact = load(folder_path, 0, 1)
    assert isinstance(damaged, LoadError)
    assert isinstance(damaged.exception, CorruptRecordError)
    np.testing.assert_array_equal(intact, LARGE)


@pytest.mark.parametrize("name", ["mmap", "madvise"])
def test_what_cannot_be_mapped_is_read(folder_path, monkeypatch, name):
    """Without descriptors or with a disk's error the plain way is taken."""

    class Mapping(mmap.mmap):
        def __new__(cls, *args, **kwargs):
            if name == "mmap" and args[0] >= 0:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return super().__new__(cls, *args, **kwargs)

        def madvise(self, *args):
            raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))

    write(folder_path, "a", LARGE)
    monkeypatch.setattr(mmap, "mmap", Mapping)
    (array,) = load(folder_path, 0)
    assert not is_view(array)
    assert array.flags.writeable
    np.testing.assert_array_equal(array, LARGE)


def test_a_kernel_that_does_not_populate_maps_all_the_same(folder_path, monkeypatch):
    """Linux before 5.14 refuses that advice."""

    class Mapping(mmap.mmap):
        def madvise(self, *args):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    write(folder_path, "a", LARGE)
    monkeypatch.setattr(mmap, "mmap", Mapping)
    (array,) = load(folder_path, 0)
    assert is_view(array)
    np.testing.assert_array_equal(array, LARGE)


def test_many_views_of_a_file_need_one_descriptor_at_most(folder_path):
    """A process may keep some thousand values, but not as many descriptors."""
    write(folder_path, "a", *[LARGE[:140_000]] * 30)
    n_before = len(os.listdir("/proc/self/fd"))
    values = load(folder_path, *range(30))
    assert all(map(is_view, values))
    assert len(os.listdir("/proc/self/fd")) - n_before <= 2
