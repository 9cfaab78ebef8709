"""The format of the store's files: damage, growth, versions."""

from __future__ import annotations

import errno
import os
import struct
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gridtask import fs
from gridtask.errors import CorruptRecordError, StoreVersionError, UnsafeStoreError
from gridtask.store import record, views
from gridtask.store.segment import Entry, Kind, SegmentReader, SegmentWriter

GOLDEN = Path(__file__).with_name("golden") / "format-1.seg"

pytestmark = pytest.mark.filterwarnings("ignore:.*damaged.*:RuntimeWarning")


def key_of(i: int) -> bytes:
    """Return the key of record number `i`."""
    return i.to_bytes(16, "little")


def write(path: Path, payloads: list[bytes], *, seal: bool, **options) -> SegmentWriter:
    """Write a segment; every second record has the alignment of arrays."""
    writer = SegmentWriter.create(path, **options)
    writer.append(Kind.META, meta={"host": "node1"})
    for i, payload in enumerate(payloads):
        writer.append(
            Kind.OK, [payload], key=key_of(i), meta={"i": i}, aligned=bool(i % 2)
        )
    if seal:
        writer.seal()
    else:
        writer.close()
    return writer


def read(path: Path) -> dict[int, bytes]:
    """Return what can be read of a segment, by each way of reading."""
    reader = SegmentReader.open(path)
    found = {}
    rows = [i for i, e in enumerate(reader.entries) if e.kind == Kind.OK]
    blocks = [payload for block in reader.payloads(rows) for payload in block]
    for row, payload in zip(rows, blocks, strict=True):
        entry = reader.entry(row)
        try:
            alone = reader.payload(entry)
            assert reader.meta(entry) == {"i": int.from_bytes(entry.key, "little")}
            assert bytes(reader.map(entry)) == alone
        except CorruptRecordError:
            assert isinstance(payload, CorruptRecordError)
        else:
            assert bytes(payload) == alone
            found[int.from_bytes(entry.key, "little")] = bytes(alone)
    reader.close()
    return found


payload_lists = st.lists(st.binary(max_size=300), min_size=1, max_size=8)


@pytest.mark.parametrize("seal", [True, False])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads=payload_lists)
def test_records_come_back(tmp_path_factory, payloads, seal):
    """Whatever is written is read, with and without a footer."""
    path = tmp_path_factory.mktemp("segment") / "a.seg"
    write(path, payloads, seal=seal)
    assert read(path) == dict(enumerate(payloads))


@pytest.mark.parametrize("seal", [True, False])
@settings(max_examples=150, deadline=None)
@given(payloads=payload_lists, at=st.floats(0, 1), bit=st.integers(0, 7))
@example(payloads=[b"a" * 100, b"b", b""], at=0.02, bit=3)
def test_a_flipped_bit_costs_one_record(tmp_path_factory, payloads, at, bit, seal):
    """Never a wrong value, and at most one record lost."""
    path = tmp_path_factory.mktemp("segment") / "a.seg"
    write(path, payloads, seal=seal)
    data = bytearray(path.read_bytes())
    data[int(at * (len(data) - 1))] ^= 1 << bit
    path.write_bytes(data)
    found = read(path)
    assert found.items() <= dict(enumerate(payloads)).items()
    assert len(found) >= len(payloads) - 1


@pytest.mark.parametrize("seal", [True, False])
@settings(max_examples=150, deadline=None)
@given(payloads=payload_lists, at=st.floats(0, 1))
def test_a_cut_file_keeps_what_is_before_the_cut(tmp_path_factory, payloads, at, seal):
    """All records that are complete are read, and nothing else."""
    path = tmp_path_factory.mktemp("segment") / "a.seg"
    write(path, payloads, seal=seal)
    ends = [e.payload_at + e.payload_len for e in SegmentReader.open(path).entries][1:]
    data = path.read_bytes()
    n_bytes = int(at * len(data))
    path.write_bytes(data[:n_bytes])
    n_whole = sum(end <= n_bytes for end in ends)
    assert read(path) == dict(enumerate(payloads[:n_whole]))


@settings(max_examples=100, deadline=None)
@given(
    payloads=payload_lists,
    cuts=st.lists(st.floats(0, 1), max_size=6),
    hole=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_growing_file_shows_each_record_once(tmp_path_factory, payloads, cuts, hole):
    """A reader sees records as they arrive, also behind a hole of zeros.

    Over NFS the pages of a file may arrive in any order.
    """
    folder = tmp_path_factory.mktemp("segment")
    write(folder / "whole.seg", payloads, seal=True)
    data = (folder / "whole.seg").read_bytes()
    path = write(folder / "a.seg", [], seal=False).path
    reader = SegmentReader(path)
    start, stop = sorted(int(x * len(data)) for x in hole)
    for cut in sorted(cuts):
        part = bytearray(data[: int(cut * len(data))])
        part[start:stop] = bytes(len(part[start:stop]))
        Path(path).write_bytes(part)
        reader.extend()
    Path(path).write_bytes(data)
    reader.extend()
    assert reader.sealed
    keys = [e.key for e in reader.entries if e.kind == Kind.OK]
    assert sorted(keys) == [key_of(i) for i in range(len(payloads))]
    for entry in reader.entries:
        if entry.kind == Kind.OK:
            i = int.from_bytes(entry.key, "little")
            assert reader.payload(entry) == payloads[i]
    assert not reader.extend()


def test_a_growing_file_is_read_on(folder_path):
    """Each look gives only what is new; rows keep their numbers when sealed."""
    writer = SegmentWriter.create(folder_path / "a.seg")
    reader = SegmentReader.open(folder_path / "a.seg")
    assert len(reader) == 0
    assert not reader.extend()
    writer.append(Kind.OK, [b"one"], key=key_of(1))
    assert reader.extend()
    assert not reader.extend()
    first = reader.entry(0)
    writer.append(Kind.OK, [b"two"], key=key_of(2))
    writer.seal()
    assert reader.extend()
    assert reader.sealed
    assert reader.entry(0) == first
    assert reader.payload(reader.entry(1)) == b"two"


def test_an_embedded_segment_gives_no_ghosts(folder_path):
    """A result may be the content of a segment: its records are not ours.

    The header of the outer record is damaged, so that a scan goes through its
    payload.
    """
    write(folder_path / "inner.seg", [b"ghost"] * 5, seal=True)
    inner = (folder_path / "inner.seg").read_bytes()
    write(folder_path / "a.seg", [b"x", inner, b"y"], seal=False)
    data = bytearray((folder_path / "a.seg").read_bytes())
    outer = SegmentReader.open(folder_path / "a.seg").entries[2]
    data[outer.offset + 20] ^= 1
    (folder_path / "a.seg").write_bytes(data)
    assert read(folder_path / "a.seg") == {0: b"x", 2: b"y"}


def test_a_damaged_file_header_costs_nothing(folder_path):
    """The records say themselves to which file they belong."""
    write(folder_path / "a.seg", [b"x", b"y"], seal=False)
    data = bytearray((folder_path / "a.seg").read_bytes())
    data[20] ^= 1
    (folder_path / "a.seg").write_bytes(data)
    assert read(folder_path / "a.seg") == {0: b"x", 1: b"y"}


def test_damage_inside_is_named(folder_path):
    """A scan that skips bytes before a record warns with the place."""
    write(folder_path / "a.seg", [b"x", b"y"], seal=False)
    entry = SegmentReader.open(folder_path / "a.seg").entries[1]
    data = bytearray((folder_path / "a.seg").read_bytes())
    data[entry.offset + 8] ^= 1
    (folder_path / "a.seg").write_bytes(data)
    with pytest.warns(RuntimeWarning, match=f"between bytes {entry.offset} and"):
        SegmentReader.open(folder_path / "a.seg")


def test_a_damaged_footer_is_named(folder_path):
    """The index is made again from the records, and the file is named."""
    write(folder_path / "a.seg", [b"x", b"y"], seal=True)
    data = bytearray((folder_path / "a.seg").read_bytes())
    data[-record.TRAILER_SIZE - 20] ^= 1
    (folder_path / "a.seg").write_bytes(data)
    with pytest.warns(RuntimeWarning, match="damaged index"):
        assert read(folder_path / "a.seg") == {0: b"x", 1: b"y"}


def test_an_interrupted_record_is_overwritten(folder_path, fail_at):
    """After a failed write the next record takes the place, and sealing works."""
    writer = SegmentWriter.create(folder_path / "a.seg")
    writer.append(Kind.OK, [b"one"], key=key_of(1))
    fail_at("write_at", 1)
    with pytest.raises(OSError, match="No space"):
        writer.append(Kind.OK, [b"lost" * 10000], key=key_of(2))
    assert writer.append(Kind.OK, [b"two"], key=key_of(3)) == 1
    writer.seal()
    reader = SegmentReader.open(folder_path / "a.seg")
    assert reader.sealed
    assert [e.key for e in reader.entries] == [key_of(1), key_of(3)]


def test_sealing_after_an_interrupted_record_cuts_its_rest(folder_path, monkeypatch):
    """A footer is at the file's end, whatever a failed write has left."""
    writer = SegmentWriter.create(folder_path / "a.seg")
    writer.append(Kind.OK, [b"one"], key=key_of(1))
    real = fs.write_at

    def fail_late(fd, buffers, offset):
        real(fd, buffers, offset)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(fs, "write_at", fail_late)
    with pytest.raises(OSError, match="Input/output"):
        writer.append(Kind.OK, [b"lost" * 10000], key=key_of(2))
    monkeypatch.setattr(fs, "write_at", real)
    writer.seal()
    reader = SegmentReader.open(folder_path / "a.seg")
    assert reader.sealed
    assert len(reader) == 1


def test_an_empty_segment_can_be_sealed(folder_path):
    """No record at all is no special case."""
    SegmentWriter.create(folder_path / "a.seg").seal()
    reader = SegmentReader.open(folder_path / "a.seg")
    assert reader.sealed
    assert reader.entries == []


def test_a_file_of_zero_bytes_is_read(folder_path):
    """A writer that was killed at once leaves an empty file."""
    fs.close(fs.create(folder_path / "a.seg"))
    reader = SegmentReader.open(folder_path / "a.seg")
    assert (len(reader), reader.sealed) == (0, False)


def test_all_fields_come_back(folder_path):
    """Footer and header hold what was given."""
    writer = SegmentWriter.create(folder_path / "a.seg", job_id=7, task=3)
    writer.append(
        Kind.ERR,
        [b"ab", memoryview(b"c")],
        key=b"k" * 16,
        code=b"c" * 8,
        meta={"args": "x='\ud800é'"},
        t_end_ns=123,
        seconds=1.5,
        peak_mb=99,
    )
    growing = SegmentReader.open(folder_path / "a.seg").entries
    writer.seal()
    reader = SegmentReader.open(folder_path / "a.seg")
    (entry,) = reader.entries
    assert growing == [entry]
    assert entry == Entry(
        kind=Kind.ERR,
        flags=0,
        seq=0,
        key=b"k" * 16,
        code=b"c" * 8,
        origin=writer.file_id,
        offset=64,
        payload_len=3,
        meta_len=entry.meta_len,
        t_end_ns=123,
        seconds=1.5,
        peak_mb=99,
    )
    assert reader.file_id == writer.file_id
    assert reader.meta(entry) == {"args": "x='\ud800é'"}
    assert reader.payload(entry) == b"abc"


def test_payloads_with_buffers_are_aligned_in_the_file(folder_path):
    """They start at a multiple of 64, so that they can be mapped."""
    write(folder_path / "a.seg", [b"x" * n for n in range(20)], seal=True)
    for entry in SegmentReader.open(folder_path / "a.seg").entries:
        if entry.flags & record.HAS_BUFFERS:
            assert entry.payload_at % 64 == 0
        assert entry.offset % 8 == 0


def test_a_mapping_is_private_and_writable(folder_path):
    """What is written into it changes neither the file nor the next mapping."""
    write(folder_path / "a.seg", [b"a", b"b" * 10000], seal=True)
    reader = SegmentReader.open(folder_path / "a.seg")
    entry = reader.entries[2]
    view = reader.map(entry)
    view[:3] = b"xyz"
    assert bytes(reader.map(entry)) == b"b" * 10000
    assert reader.payload(entry) == b"b" * 10000


def test_a_mapping_that_cannot_be_verified_is_read(folder_path, monkeypatch):
    """An error of the disk is met while reading, where it is no signal."""

    def refuse(*args):
        raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))

    write(folder_path / "a.seg", [b"b" * 10000], seal=True)
    reader = SegmentReader.open(folder_path / "a.seg")
    monkeypatch.setattr(views, "_populate", refuse)
    assert bytes(reader.map(reader.entries[1])) == b"b" * 10000


def test_a_damaged_record_is_not_mapped(folder_path):
    """Neither with another byte nor without its end."""
    path = folder_path / "a.seg"
    write(path, [b"b" * 10000], seal=True)
    reader = SegmentReader.open(path)
    entry = reader.entries[1]
    with path.open("r+b") as file:
        file.seek(entry.payload_at + 5000)
        file.write(b"c")
    with pytest.raises(CorruptRecordError):
        reader.map(entry)
    os.truncate(path, entry.payload_at + 100)
    with pytest.raises(CorruptRecordError):
        reader.map(entry)


def test_blocks_are_limited(folder_path, monkeypatch):
    """Many records come in several reads, each with few bytes to spare."""
    from gridtask.store import blocks as module

    monkeypatch.setattr(module, "MAX_BLOCK", 4000)
    monkeypatch.setattr(module, "MAX_SHARED_BLOCK", 4000)
    monkeypatch.setattr(module, "MAX_GAP", 500)
    payloads = [bytes([i]) * 300 for i in range(60)]
    write(folder_path / "a.seg", payloads, seal=True)
    reader = SegmentReader.open(folder_path / "a.seg")
    reads = []
    real = fs.read_into
    monkeypatch.setattr(
        fs, "read_into", lambda fd, b, at: (reads.append(len(b)), real(fd, b, at))[1]
    )
    rows = [1, 2, 3, 20, *range(40, 61)]
    found = [bytes(p) for block in reader.payloads(rows) for p in block]
    assert found == [payloads[row - 1] for row in rows]
    assert 3 < len(reads) < 15
    assert max(reads) < 4100


def test_a_wrong_clock_is_corrected(folder_path, monkeypatch):
    """Times are those of the file server where this machine's are far off."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - 50 * 365 * 86400 * 10**9)
    write(folder_path / "a.seg", [b"x"], seal=True)
    entry = SegmentReader.open(folder_path / "a.seg").entries[1]
    assert abs(entry.t_end_ns - real()) < 60 * 10**9


def test_unknown_kinds_are_refused_or_skipped(folder_path):
    """Below 128 only a newer gridtask can read them, from 128 on all can."""
    writer = SegmentWriter.create(folder_path / "skip.seg")
    writer.append(200, [b"later"])
    writer.seal()
    assert len(SegmentReader.open(folder_path / "skip.seg")) == 1
    for seal in (True, False):
        writer = SegmentWriter.create(folder_path / f"{seal}.seg")
        writer.append(100, [b"later"])
        writer.seal() if seal else writer.close()
        with pytest.raises(StoreVersionError, match=r"kind 100.*upgrade"):
            SegmentReader.open(folder_path / f"{seal}.seg")


def test_a_newer_format_is_refused(folder_path, monkeypatch):
    """An intact header with a larger major number names the remedy."""
    with monkeypatch.context() as patch:
        patch.setattr(record, "MAJOR", 2)
        write(folder_path / "a.seg", [b"x"], seal=False)
    with pytest.raises(StoreVersionError, match=r"format 2.*upgrade"):
        SegmentReader.open(folder_path / "a.seg")


def test_files_that_others_can_write_are_refused(folder_path):
    """Nothing of such a file is read."""
    write(folder_path / "a.seg", [b"x"], seal=True)
    (folder_path / "a.seg").chmod(0o666)
    with pytest.raises(UnsafeStoreError):
        SegmentReader.open(folder_path / "a.seg")


def test_the_layout_is_as_documented(folder_path):
    """Sizes of the fixed parts, and the magic numbers at their places."""
    write(folder_path / "a.seg", [b"x"], seal=True)
    data = (folder_path / "a.seg").read_bytes()
    assert data[:8] == b"GTSTOR\x00\x01"
    assert data[64:68] == b"GTr1"
    assert data[-8:] == b"GTEND1\0\n"
    assert struct.unpack_from("<4sI", data, len(data) - 64) == (b"GTi1", 2)
    assert (record.HEADER_SIZE, record.ENTRY.size) == (96, 72)


@pytest.mark.parametrize("seal", [True, False])
def test_files_of_the_first_format_still_open(tmp_path, seal):
    """The bytes of a released format are read for ever."""
    data = GOLDEN.read_bytes()
    path = tmp_path / "a.seg"
    path.write_bytes(data if seal else data[:-200])
    path.chmod(0o600)
    reader = SegmentReader.open(path)
    assert reader.sealed == seal
    entries = [e._replace(origin=b"") for e in reader.entries]
    ok = Entry(1, 0, 1, b"K" * 16, b"C" * 8, b"", 176, 24, 12, 10**18, 1.5, 7)
    err = Entry(2, 2, 2, b"L" * 16, b"C" * 8, b"", 312, 3, 0, 10**18, 0.25, 8, 40)
    assert entries[1:] == [ok, err]
    assert reader.meta(reader.entry(1)) == {"args": "x"}
    assert reader.payload(reader.entry(1)) == bytes(range(24))
    assert reader.payload(reader.entry(2)) == b"abc"
