"""Checking and repairing a cache folder."""

from __future__ import annotations

import errno
import json
import os
import random

import pytest

from gridtask import fs
from gridtask.store import check as module
from gridtask.store import record
from gridtask.store.check import check
from gridtask.store.loading import LoadError
from gridtask.store.pack import PackWriter
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentReader, SegmentWriter
from gridtask.store.store import Store
from gridtask.store.values import encode

DAY = 86_400


def key_of(i: int) -> bytes:
    """Return the key of call number `i`."""
    return i.to_bytes(16, "little")


@pytest.fixture
def store(tmp_path):
    """An empty cache."""
    return Store.open(tmp_path / "cache")


def fill(store: Store, stem: str = "a", n: int = 5, *, seal: bool = True):
    """Write results into a segment; return its path."""
    folder = store.folder("task")
    fs.make_folder(folder.path)
    segment = SegmentWriter.create(folder.path / f"{stem}.seg")
    segment.append(Kind.META, meta={"task": "task"})
    for i in range(n):
        meta = {"args": f"x={i}"}
        segment.append(Kind.OK, encode([i] * 9).parts, key=key_of(i), meta=meta)
    segment.seal() if seal else segment.close()
    return folder.path / f"{stem}.seg"


def found_in(store: Store, n: int = 5) -> dict[int, object]:
    """Return the results that are found; see `LoadError`."""
    folder = store.folder("task")
    folder.refresh()
    numbers = folder.find([key_of(i) for i in range(n)])
    there = [i for i in range(n) if numbers[i] >= 0]
    return dict(zip(there, folder.load([numbers[i] for i in there]), strict=True))


def flip(path, at: int) -> None:
    """Flip a bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def kinds(report) -> list[str]:
    """Return the kinds of all findings."""
    return [finding.kind for finding in report.findings]


def make_old(path, seconds: float) -> None:
    """Set a file's times back."""
    status = path.stat()
    os.utime(path, (status.st_atime, status.st_mtime - seconds))


@pytest.mark.parametrize("read_data", [False, True])
def test_an_intact_cache_has_no_findings(store, read_data):
    """Sealed, growing and packed files, tombstones."""
    fill(store)
    fill(store, "b", seal=False)
    folder = store.folder("task")
    folder.refresh()
    folder.remove(folder.find([key_of(1)]))
    folder.compact(min_files=1)
    report = check(store.root, read_data=read_data)
    assert report.findings == []
    assert not report.is_damaged
    assert report.n_files == 4
    assert report.n_records >= 12
    assert report.n_bytes > 2000


def test_a_damaged_header_of_a_record_is_found(store):
    """Also without reading all data; key and arguments are named."""
    path = fill(store)
    entry = SegmentReader.open(path).entries[3]
    flip(path, entry.offset + 30)
    (finding,) = check(store.root).findings
    assert (finding.kind, finding.path) == ("record", str(path))
    assert finding.lost == ((key_of(2), "x=2"),)


def test_a_damaged_payload_is_found_by_reading(store):
    """Only when all data are read."""
    path = fill(store)
    flip(path, SegmentReader.open(path).entries[3].payload_at + 15)
    assert check(store.root).findings == []
    report = check(store.root, read_data=True)
    assert kinds(report) == ["record"]
    assert report.is_damaged
    assert report.findings[0].lost == ((key_of(2), "x=2"),)


def test_a_damaged_large_record_is_found_by_reading(store, monkeypatch):
    """It is verified block by block."""
    from gridtask.store import inspection

    monkeypatch.setattr(inspection, "MAX_BLOCK", 10)
    path = fill(store)
    flip(path, SegmentReader.open(path).entries[3].payload_at + 15)
    assert kinds(check(store.root, read_data=True)) == ["record"]


def test_a_damaged_file_header_is_found(store):
    """Readers of sealed files never look at it."""
    flip(fill(store), 20)
    assert kinds(check(store.root)) == ["header"]


def test_a_damaged_index_is_found(store):
    """The records are intact."""
    path = fill(store)
    flip(path, path.stat().st_size - record.TRAILER_SIZE - 50)
    assert kinds(check(store.root)) == ["footer"]


def test_an_index_that_leaves_records_out_is_found(store):
    """Its checksum is right, but it is not about this file's records."""
    path = fill(store, seal=False)
    data = path.read_bytes()
    file = SegmentReader.open(path)
    index = bytes(file.index[: -record.ENTRY.size])
    footer = record.Footer(index, file.origins, len(data), file.file_id)
    path.write_bytes(data + footer.pack())
    assert kinds(check(store.root)) == ["footer"]


def test_damage_in_a_growing_file_is_found(store):
    """A hole between records, with the key of what was there."""
    path = fill(store, seal=False)
    flip(path, SegmentReader.open(path).entries[3].payload_at + 15)
    (finding,) = check(store.root).findings
    assert finding.kind == "record"
    assert finding.lost == ((key_of(2), "x=2"),)


@pytest.mark.filterwarnings("ignore:.*damaged.*:RuntimeWarning")
@pytest.mark.parametrize("at", [20, 400, -100, -10])
def test_a_repair_saves_all_that_is_intact(store, at):
    """The damaged file goes to the trash, and nothing is left to find."""
    path = fill(store)
    flip(path, at % path.stat().st_size)
    before = found_in(store)
    report = check(store.root, read_data=True, repair=True)
    assert not report.is_damaged
    assert report.findings
    assert all("saved" in finding.repaired for finding in report.findings)
    assert found_in(store) == before
    assert len(before) >= 4
    assert check(store.root, read_data=True).findings == []
    (name,) = fs.list_names(store.trash)
    assert name.startswith("damaged-a.seg")
    store.empty_trash()
    assert fs.list_names(store.trash) == [name]


@pytest.mark.filterwarnings("ignore:.*damaged.*:RuntimeWarning")
def test_a_repaired_file_keeps_deletions(store):
    """Saved records keep their identity, so what was deleted stays deleted."""
    path = fill(store)
    folder = store.folder("task")
    folder.refresh()
    folder.remove(folder.find([key_of(1)]))
    flip(path, 20)
    check(store.root, repair=True)
    assert set(found_in(store)) == {0, 2, 3, 4}


@pytest.mark.filterwarnings("ignore:.*damaged.*:RuntimeWarning")
def test_a_file_that_is_being_written_is_not_repaired(store):
    """Its writer goes on; an hour later it is."""
    path = fill(store, seal=False)
    flip(path, SegmentReader.open(path).entries[3].payload_at + 15)
    report = check(store.root, repair=True)
    assert report.is_damaged
    assert path.exists()
    make_old(path, 4000)
    assert not check(store.root, repair=True).is_damaged
    assert not path.exists()
    assert set(found_in(store)) == {0, 1, 3, 4}


@pytest.mark.filterwarnings("ignore:.*damaged.*:RuntimeWarning")
def test_a_repaired_pack_does_not_replace_what_may_hold_the_rest(store):
    """A replaced file that is still there counts again."""
    fill(store)
    fill(store, "b", 1)
    folder = store.folder("task")
    folder.refresh()
    folder.compact(min_files=1)
    (name,) = (n for n in fs.list_names(folder.path) if n.endswith(".pack"))
    pack = folder.path / name
    entry = next(e for e in SegmentReader.open(pack).entries if e.key == key_of(3))
    flip(pack, entry.offset + 30)
    check(store.root, repair=True)
    assert found_in(store) == {i: [i] * 9 for i in range(5)}


def test_a_damaged_marker_is_found_and_mended(store):
    """Without opening the cache as such, which would mend it silently."""
    path = store.root / "GRIDTASK"
    path.write_bytes(b"{")
    assert kinds(check(store.root)) == ["marker"]
    assert path.read_bytes() == b"{"
    with pytest.warns(RuntimeWarning, match="damaged"):
        report = check(store.root, repair=True)
    assert not report.is_damaged
    assert check(store.root).findings == []


def test_a_missing_marker_is_found(store):
    """The folder may have lost it in a copy."""
    (store.root / "GRIDTASK").unlink()
    assert kinds(check(store.root)) == ["marker"]
    assert not check(store.root, repair=True).is_damaged


@pytest.mark.parametrize("name", ["f/{task}", "runs", "."])
def test_folders_that_others_can_write_are_found(store, name):
    """With the command that mends it."""
    fill(store)
    (folder,) = store.folders()
    path = store.root / name.format(task=folder.path.name)
    path.chmod(0o777)
    (finding,) = check(store.root).findings
    assert finding.kind == "permissions"
    assert "chmod go-w" in finding.text


def test_files_that_others_can_write_are_found(store):
    """They are not read, and not repaired."""
    path = fill(store)
    path.chmod(0o666)
    report = check(store.root, repair=True)
    assert kinds(report) == ["permissions"]
    assert report.is_damaged


def test_files_of_a_newer_version_are_no_damage(store):
    """They are named, and left alone."""
    path = store.folder("task").path
    fs.make_folder(path)
    segment = SegmentWriter.create(path / "a.seg")
    segment.append(99)
    segment.seal()
    report = check(store.root, repair=True)
    assert kinds(report) == ["version"]
    assert not report.is_damaged


def test_a_file_that_cannot_be_read_is_found(store, fail_at):
    """An I/O error is told, not raised."""
    path = fill(store)
    fail_at("read_at", 2, 5)
    (finding,) = check(store.root).findings
    assert (finding.kind, finding.path) == ("unreadable", str(path))


def test_what_dead_processes_left_is_found_and_removed(store):
    """Unfinished packs of yesterday and old locks; no fresh ones."""
    path = fill(store).parent
    PackWriter(path, {})._segment.close()
    fs.write_new(path / "gc.lock", b"")
    assert check(store.root).findings == []
    for name in fs.list_names(path):
        make_old(path / name, 2 * DAY)
    report = check(store.root)
    assert kinds(report) == ["left", "left"]
    assert not report.is_damaged
    check(store.root, repair=True)
    assert fs.list_names(path) == ["a.seg"]


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_cache_that_cannot_be_written_can_be_checked(store, fail_at, code):
    """A read-only mount, a snapshot of yesterday, a full disk."""
    fill(store)
    fail_at("create", 1, code, for_ever=True)
    fail_at("touch", 1, code, for_ever=True)
    assert check(store.root).findings == []


def test_replaced_files_that_stay_are_noted(store, monkeypatch):
    """After a day somebody should have removed them."""
    fill(store)
    fill(store, "b")
    folder = store.folder("task")
    folder.refresh()
    folder.compact(min_files=1)
    monkeypatch.setattr(module, "GRACE_NOTE_SECONDS", -1)
    report = check(store.root)
    assert kinds(report) == ["replaced"]
    assert not report.is_damaged


def test_files_of_runs_are_checked(store):
    """Run files like others, the small ones as JSON; they are not repaired."""
    segment = SegmentWriter.create(store.runs / "x.run", flags=record.RUN_FILE)
    segment.append(Kind.PLAN, [b"plan"])
    segment.seal()
    (store.runs / "x.0.job").write_text(json.dumps({}))
    (store.runs / "x.0.job").chmod(0o600)
    assert check(store.root, read_data=True).findings == []
    flip(store.runs / "x.run", 100)
    (store.runs / "x.0.job").write_text("{")
    report = check(store.root, repair=True)
    assert kinds(report) == ["run file", "run file"]
    assert report.is_damaged


@pytest.mark.filterwarnings("ignore:.*damaged.*:RuntimeWarning")
def test_no_flip_goes_unnoticed_and_costs_more_than_a_result(store):
    """Random single bits: what was lost is named by a check that reads all."""
    path = fill(store, n=20)
    intact = path.read_bytes()
    draw = random.Random(1)
    for _ in range(150):
        at = draw.randrange(len(intact))
        flip(path, at)
        report = check(store.root, read_data=True)
        found = found_in(store, 20)
        right = {i: v for i, v in found.items() if not isinstance(v, LoadError)}
        assert right.items() <= {i: [i] * 9 for i in range(20)}.items()
        assert len(right) >= 19
        assert report.findings or len(right) == 20
        path.write_bytes(intact)
