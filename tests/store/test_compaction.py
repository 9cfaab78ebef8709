"""Few files: compaction, and the sweep of what it replaced."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time

import numpy as np
import pytest

from gridtask import fs
from gridtask.store import compaction, pack, sweep, upkeep
from gridtask.store.folder import Folder
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentReader, SegmentWriter
from gridtask.store.values import encode

DAY = 86_400.0


def key_of(i: int) -> bytes:
    """Return the key of call number `i`."""
    return i.to_bytes(16, "little")


def write(path, stem, values, *, seal=True, age=0.0, kind=Kind.OK):
    """Write results into a segment that is `age` seconds old."""
    segment = SegmentWriter.create(path / f"{stem}.seg")
    at_ns = time.time_ns() - int(age * 1e9)
    segment.append(Kind.META, meta={"task": "task", "host": stem}, t_end_ns=at_ns)
    for i, value in values.items():
        encoded = encode(value)
        segment.append(
            kind,
            encoded.parts,
            key=key_of(i),
            meta={"args": f"x={i}"},
            t_end_ns=at_ns,
            aligned=encoded.has_buffers,
        )
    segment.seal() if seal else segment.close()
    os.utime(segment.path, (time.time() - age, time.time() - age))
    return path / f"{stem}.seg"


def folder_at(path) -> Folder:
    """Return a folder that has looked at its files."""
    folder = Folder(path, "task")
    folder.refresh()
    return folder


def found_in(folder: Folder, n: int = 40) -> dict[int, object]:
    """Return the results of the first `n` calls."""
    numbers = folder.find([key_of(i) for i in range(n)])
    there = [i for i in range(n) if numbers[i] >= 0]
    return dict(zip(there, folder.load([numbers[i] for i in there]), strict=True))


def make_old(path, seconds=DAY) -> None:
    """Set a file's time of modification back."""
    status = os.stat(path)
    os.utime(path, (status.st_atime, status.st_mtime - seconds))


@pytest.fixture
def no_grace(monkeypatch):
    """Replaced files go at once."""
    monkeypatch.setattr(sweep, "GRACE_SECONDS", -1.0)


def test_many_files_become_one(folder_path, no_grace):
    """All values are there before and after the old files have gone."""
    for i in range(20):
        write(folder_path, f"w{i}", {2 * i: i, 2 * i + 1: [i]})
    right = {2 * i: i for i in range(20)} | {2 * i + 1: [i] for i in range(20)}
    folder = folder_at(folder_path)
    done = folder.compact()
    assert (done.n_files, done.n_packs, done.n_records) == (20, 1, 60)
    assert done.n_bytes > done.n_packed_bytes > 1000
    assert found_in(folder) == found_in(folder_at(folder_path)) == right
    assert folder.sweep() == 20
    assert len(fs.list_names(folder_path)) == 1
    assert found_in(folder) == found_in(folder_at(folder_path)) == right


def test_nothing_to_do_costs_nothing(folder_path, monkeypatch):
    """Few files are left as they are, without a look at the disk."""
    for i in range(upkeep.MIN_FILES):
        write(folder_path, f"w{i}", {i: i})
    folder = folder_at(folder_path)
    for name in ("list_names", "open_status", "create", "server_now"):
        monkeypatch.delattr(fs, name)
    assert folder.compact() is None
    assert folder.sweep() == 0


def test_few_files_are_compacted_on_demand(folder_path):
    """`gridtask gc` does not wait for many."""
    write(folder_path, "a", {1: 1})
    write(folder_path, "b", {2: 2})
    assert folder_at(folder_path).compact(min_files=1).n_files == 2


def test_records_keep_all_that_is_known_of_them(folder_path):
    """Times, arguments, code and identity; arrays stay aligned and writable."""
    write(folder_path, "a", {1: np.arange(5.0), 2: "x"}, age=5 * DAY)
    write(folder_path, "b", {3: [np.ones(3), "y"]})
    folder = folder_at(folder_path)
    before = {folder.entry(n).uid: folder.entry(n) for n in folder.numbers()}
    folder.compact(min_files=1)
    for number in folder.numbers():
        entry = folder.entry(number)
        same = {"offset": 0, "pad": 0}
        assert entry._replace(**same) == before[entry.uid]._replace(**same)
        assert "args" in folder.meta(number)
    values = found_in(folder)
    values[1][0] = 7.0
    assert values[1].tolist() == [7.0, 1.0, 2.0, 3.0, 4.0]
    assert values[3][0].flags.aligned


def test_what_a_file_says_of_itself_stays_with_its_records(folder_path):
    """The host of a worker is known after compaction; the task's name too."""
    write(folder_path, "a", {1: 1})
    write(folder_path, "b", {})
    folder_at(folder_path).compact(min_files=1)
    (name,) = (n for n in fs.list_names(folder_path) if n.endswith(".pack"))
    file = SegmentReader.open(folder_path / name)
    hosts = [file.meta(e)["host"] for e in file.entries if e.kind == Kind.META]
    assert sorted(hosts) == sorted([os.uname().nodename, "a"])
    assert Folder(folder_path).name == "task"


def test_deleted_records_are_left_out(folder_path, no_grace):
    """Their bytes are free after the sweep, and they stay deleted."""
    write(folder_path, "a", dict.fromkeys(range(9), "x" * 1000))
    folder = folder_at(folder_path)
    folder.remove(folder.find([key_of(i) for i in range(8)]))
    folder.refresh()
    folder.compact(min_files=1)
    folder.sweep()
    assert folder.sizes().dead_bytes < 1000
    assert set(found_in(folder_at(folder_path))) == {8}


def test_a_late_copy_of_a_deleted_record_stays_dead(folder_path, monkeypatch):
    """A compaction that began before the deletion ends after another one."""
    write(folder_path, "a", {1: 1})
    write(folder_path, "b", {2: 2})
    slow, quick = folder_at(folder_path), folder_at(folder_path)
    real = pack.PackWriter.publish

    def delete_first(writer, *args):
        monkeypatch.setattr(pack.PackWriter, "publish", real)
        quick.remove(quick.find([key_of(1)]))
        monkeypatch.setattr(compaction, "LOCK_SECONDS", -1.0)
        assert quick.compact(min_files=1).n_files == 3
        return real(writer, *args)

    monkeypatch.setattr(pack.PackWriter, "publish", delete_first)
    slow.compact(min_files=1)
    assert found_in(slow) == found_in(folder_at(folder_path)) == {2: 2}


def test_equal_records_of_several_files_become_one(folder_path):
    """What was copied twice by two compactions."""
    write(folder_path, "a", {1: 1})
    write(folder_path, "b", {2: 2})
    copies = [folder_at(folder_path) for _ in range(2)]
    for folder in copies:
        folder._files.refresh = lambda: False  # does not see the other's pack
        folder.compact(min_files=1)
    folder = folder_at(folder_path)
    folder.compact(min_files=1)
    assert len(folder.numbers()) == 2
    assert len(folder._index.all_numbers(Kind.OK)) == 2


def test_results_of_one_key_are_all_kept(folder_path):
    """One may be deleted or damaged later: then the next one counts."""
    write(folder_path, "a", {1: "first"}, age=DAY)
    write(folder_path, "b", {1: "second"})
    folder = folder_at(folder_path)
    folder.compact(min_files=1)
    assert found_in(folder) == {1: "first"}
    assert len(folder._index.all_numbers(Kind.OK)) == 2


def test_segments_of_dead_jobs_are_compacted_after_an_hour(folder_path, no_grace):
    """Not before: their writers may go on."""
    write(folder_path, "dead", {1: 1}, seal=False, age=4000)
    write(folder_path, "alive", {2: 2}, seal=False, age=3000)
    write(folder_path, "a", {3: 3})
    folder = folder_at(folder_path)
    assert folder.compact(min_files=1).n_files == 2
    folder.sweep()
    names = fs.list_names(folder_path)
    assert "alive.seg" in names
    assert "dead.seg" not in names
    assert found_in(folder) == {1: 1, 2: 2, 3: 3}


def test_a_file_that_grows_after_all_still_counts(folder_path, no_grace):
    """It is not removed, and what is new in it is found by who comes later."""
    path = write(folder_path, "dead", {1: 1}, seal=False, age=4000)
    write(folder_path, "a", {3: 3})
    folder = folder_at(folder_path)
    folder.compact(min_files=1)
    with path.open("ab") as file:
        file.write(bytes(8))
    assert folder.sweep() == 1
    assert path.exists()
    assert found_in(folder_at(folder_path)) == {1: 1, 3: 3}


def test_the_grace_is_counted_from_the_rename(folder_path, monkeypatch):
    """A compactor may be stopped between writing and renaming."""
    write(folder_path, "a", {1: 1})
    write(folder_path, "b", {2: 2})
    folder = folder_at(folder_path)
    folder.compact(min_files=1)
    (name,) = (n for n in fs.list_names(folder_path) if n.endswith(".pack"))
    make_old(folder_path / name)
    assert folder.sweep() == 0
    later = time.time() + sweep.GRACE_SECONDS + 1
    monkeypatch.setattr(fs, "server_now", lambda folder: later)
    assert folder.sweep() == 2


def test_nothing_is_removed_without_a_pack_that_can_be_read(folder_path, no_grace):
    """If the pack is gone or damaged, the old files are what there is."""
    write(folder_path, "a", {1: 1})
    write(folder_path, "b", {2: 2})
    folder = folder_at(folder_path)
    folder.compact(min_files=1)
    (name,) = (n for n in fs.list_names(folder_path) if n.endswith(".pack"))
    fs.remove(folder_path / name)
    assert folder.sweep() == 0
    assert found_in(folder_at(folder_path)) == {1: 1, 2: 2}


def test_unfinished_packs_go_after_a_day(folder_path):
    """What a killed compaction has left."""
    writer = pack.PackWriter(folder_path, {})
    writer._segment.close()
    assert folder_at(folder_path).sweep() == 0
    make_old(writer._unfinished, 2 * DAY)
    assert folder_at(folder_path).sweep() == 1
    assert fs.list_names(folder_path) == []


def test_a_vanished_file_stops_it(folder_path):
    """Somebody else is at the same work; nothing is left behind."""
    for i in range(3):
        write(folder_path, f"w{i}", {i: i})
    folder = folder_at(folder_path)
    folder._files.refresh = lambda: False
    fs.remove(folder_path / "w1.seg")
    assert folder.compact(min_files=1).n_packs == 0
    assert sorted(fs.list_names(folder_path)) == ["w0.seg", "w2.seg"]


def test_a_file_that_vanishes_while_others_are_copied_stops_it(
    folder_path, monkeypatch
):
    """Its records may have expired meanwhile: the pack does not appear."""
    for i in range(3):
        write(folder_path, f"w{i}", {i: i})
    folder = folder_at(folder_path)
    real = fs.list_names
    monkeypatch.setattr(
        fs, "list_names", lambda path: [n for n in real(path) if n != "w0.seg"]
    )
    assert folder.compact(min_files=1).n_packs == 0
    assert not any(n.endswith((".tmp", ".pack")) for n in real(folder_path))


def test_a_compaction_of_yesterday_is_not_published(folder_path, monkeypatch):
    """It was stopped for long: tombstones may be gone that concern its copies."""
    write(folder_path, "a", {1: 1})
    write(folder_path, "b", {2: 2})
    times = iter([time.time(), time.time() + 2 * DAY])
    monkeypatch.setattr(fs, "server_now", lambda folder: next(times))
    assert folder_at(folder_path).compact(min_files=1).n_packs == 0
    assert sorted(fs.list_names(folder_path)) == ["a.seg", "b.seg"]


@pytest.mark.parametrize("name", ["create", "write_at", "sync", "publish"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_without_room_nothing_changes(folder_path, fail_at, name, code):
    """The error is raised; no part of a pack and no lock is left."""
    values = dict.fromkeys(range(9), "x" * 1000)
    write(folder_path, "a", values)
    write(folder_path, "b", {9: 9})
    for n in range(1, 9):
        folder = folder_at(folder_path)
        fault = fail_at(name, n, code)
        with contextlib.suppress(OSError):
            done = folder.compact(min_files=1)
            assert done.n_files == 2
            break
        fault.is_on = False
        assert found_in(folder_at(folder_path)) == {**values, 9: 9}
        assert sorted(fs.list_names(folder_path)) == ["a.seg", "b.seg"]
    fault.is_on = False
    assert found_in(folder_at(folder_path)) == {**values, 9: 9}
    assert not any(n.endswith((".tmp", ".lock")) for n in fs.list_names(folder_path))


def test_a_second_compactor_leaves_it_to_the_first(folder_path):
    """The lock spares double work; a dead process's is broken."""
    write(folder_path, "a", {1: 1})
    write(folder_path, "b", {2: 2})
    fs.write_new(folder_path / "gc.lock", b"")
    folder = folder_at(folder_path)
    assert folder.compact(min_files=1) is None
    make_old(folder_path / "gc.lock")
    assert folder.compact(min_files=1).n_files == 2
    assert "gc.lock" not in fs.list_names(folder_path)


def bury_long_ago(folder: Folder, i: int) -> None:
    """Delete a result 40 days ago."""
    folder.remove(folder.find([key_of(i)]))
    (name,) = (n for n in fs.list_names(folder.path) if n.startswith("rm."))
    path = folder.path / name
    old = SegmentReader.open(path)
    segment = SegmentWriter.create(folder.path / "old-rm.seg")
    (entry,) = old.entries
    at_ns = time.time_ns() - int(40 * DAY * 1e9)
    segment.append(Kind.DEL, [old.payload(entry)], t_end_ns=at_ns)
    segment.seal()
    fs.remove(path)


def n_tombstones(path) -> int:
    """Count the tombstones in all files."""
    files = [SegmentReader.open(path / name) for name in fs.list_names(path)]
    return sum(e.kind == Kind.DEL for file in files for e in file.entries)


def test_tombstones_go_when_nothing_holds_what_they_delete(folder_path, no_grace):
    """After a month, and not with the compaction that drops the record itself."""
    write(folder_path, "a", {1: 1, 2: 2})
    folder = folder_at(folder_path)
    bury_long_ago(folder, 1)
    folder = folder_at(folder_path)
    folder.compact(min_files=1)
    folder.sweep()
    assert n_tombstones(folder_path) == 1
    write(folder_path, "b", {3: 3})
    folder = folder_at(folder_path)
    folder.compact(min_files=1)
    folder.sweep()
    assert n_tombstones(folder_path) == 0
    assert found_in(folder_at(folder_path)) == {2: 2, 3: 3}


def test_large_files_are_left_unless_mostly_dead(folder_path, monkeypatch):
    """Each result is copied about twice in its life, not with each map."""
    monkeypatch.setattr(upkeep, "SMALL_FILE", 5000)
    write(folder_path, "large", dict.fromkeys(range(9), "x" * 1000))
    write(folder_path, "a", {10: 1})
    write(folder_path, "b", {11: 1})
    folder = folder_at(folder_path)
    assert folder.compact(min_files=1).n_files == 2
    folder.remove(folder.find([key_of(i) for i in range(7)]))
    done = folder.compact(min_files=99)
    assert "large.seg" in folder._files.replaced
    assert done.n_files == 3
    assert set(found_in(folder)) == {7, 8, 10, 11}


def test_packs_are_limited(folder_path, monkeypatch):
    """Their size and their number of records; a file goes as a whole."""
    monkeypatch.setattr(compaction, "MAX_PACK", 10_000)
    for i in range(12):
        write(folder_path, f"w{i}", {i: "x" * 2000})
    folder = folder_at(folder_path)
    done = folder.compact()
    assert done.n_packs == 4
    monkeypatch.setattr(compaction, "MAX_PACK_RECORDS", 1)
    assert folder.compact(min_files=1).n_packs == 4
    assert len(found_in(folder)) == 12


def test_bytes_can_be_limited(folder_path):
    """The end of a map must not copy for minutes: the smallest files first."""
    for i in range(6):
        write(folder_path, f"w{i}", {i: "x" * 1000 * i})
    folder = folder_at(folder_path)
    assert folder.compact(min_files=1, max_bytes=5000).n_files == 3


def test_what_takes_too_long_is_left_for_the_next_time(folder_path, monkeypatch):
    """A map that has its results does not wait for thousands of files."""
    monkeypatch.setattr(compaction, "MAX_OPEN_FILES", 2)
    for i in range(6):
        write(folder_path, f"w{i}", {i: i})
    folder = folder_at(folder_path)
    assert folder.compact(min_files=1, max_seconds=-1.0).n_files == 2
    assert found_in(folder) == {i: i for i in range(6)}
    assert folder.compact(min_files=1).n_files == 5
    assert found_in(folder_at(folder_path)) == {i: i for i in range(6)}


def test_a_sweep_that_takes_too_long_goes_on_next_time(folder_path, monkeypatch):
    """What it has not removed is still due."""
    monkeypatch.setattr(sweep, "GRACE_SECONDS", -1.0)
    for i in range(3):
        write(folder_path, f"w{i}", {i: i})
    folder = folder_at(folder_path)
    folder.compact(min_files=1)
    assert folder.sweep(max_seconds=-1.0) == 0
    assert folder.sweep() == 3


def test_large_records_are_copied_in_blocks(folder_path, monkeypatch):
    """Compaction needs little memory whatever the size of a result."""
    from gridtask.store import blocks

    for module in (pack, blocks):
        monkeypatch.setattr(module, "MAX_BLOCK", 10_000)
    values = {1: np.arange(5000.0), 2: "x", 3: "y" * 30_001}
    write(folder_path, "a", values)
    write(folder_path, "b", {4: 4})
    sizes = []
    real = fs.write_at
    monkeypatch.setattr(
        fs,
        "write_at",
        lambda fd, parts, at: (sizes.append(sum(map(len, parts))), real(fd, parts, at))[
            1
        ],
    )
    folder = folder_at(folder_path)
    folder.compact(min_files=1)
    assert max(sizes) < 20_000
    found = found_in(folder)
    assert found.pop(1).tolist() == values.pop(1).tolist()
    assert found == {**values, 4: 4}


@pytest.mark.parametrize("n", [10, 50_000])
def test_a_damaged_file_is_not_replaced(folder_path, monkeypatch, n):
    """It is named, and stays; the others are compacted."""
    from gridtask.store import blocks

    for module in (pack, blocks):
        monkeypatch.setattr(module, "MAX_BLOCK", 10_000)
    path = write(folder_path, "bad", {1: "x" * n, 2: "y"})
    write(folder_path, "a", {3: 3})
    write(folder_path, "b", {4: 4})
    data = bytearray(path.read_bytes())
    data[SegmentReader.open(path).entries[1].payload_at + 20] ^= 1
    path.write_bytes(data)
    folder = folder_at(folder_path)
    with pytest.warns(RuntimeWarning, match=r"bad\.seg.*check --repair"):
        assert folder.compact(min_files=1).n_files == 2
    assert {i: v for i, v in found_in(folder).items() if i > 1} == {2: "y", 3: 3, 4: 4}


def test_a_damaged_header_is_made_anew_from_the_index(folder_path):
    """A record whose header alone is damaged is copied, and intact in its pack."""
    path = write(folder_path, "a", {1: 1.5, 2: np.arange(3.0), 3: "three"})
    for entry in SegmentReader.open(path).entries[1:]:
        data = bytearray(path.read_bytes())
        data[entry.offset + 40 - 8] ^= 1  # its duration
        path.write_bytes(data)
    folder = folder_at(folder_path)
    assert folder.compact(min_files=0).n_records == 4
    (made,) = folder_path.glob("*.pack")
    assert [e.key for e in SegmentReader.scan(made).entries[1:5]] == [
        bytes(16),
        *map(key_of, (1, 2, 3)),
    ]
    values = found_in(folder_at(folder_path))
    assert (values[1], list(values[2]), values[3]) == (1.5, [0, 1, 2], "three")


def test_the_last_use_is_carried_on(folder_path):
    """A pack is as old as what it replaced, though it was written today."""
    write(folder_path, "a", {1: 1}, age=40 * DAY)
    write(folder_path, "b", {2: 2}, age=50 * DAY)
    folder = folder_at(folder_path)
    folder.compact(min_files=1)
    now = time.time()
    assert len(folder.unused(30 * DAY, now)) == 2
    assert folder.unused(45 * DAY, now) == []
    assert folder.remove_unused(30 * DAY, now) == 2
    assert found_in(folder_at(folder_path)) == {}


def test_looking_is_no_use(folder_path):
    """Only a driver that loads results uses them; `ls` does not."""
    path = write(folder_path, "a", {1: 1}, age=40 * DAY)
    folder = folder_at(folder_path)
    folder.sizes()
    assert len(folder.unused(30 * DAY, time.time())) == 1
    assert path.stat().st_atime < time.time() - 39 * DAY
    folder.load(folder.numbers())
    assert folder.unused(30 * DAY, time.time()) == []


def test_replaced_files_are_listed_with_their_sizes(folder_path):
    """So that a reader can tell them from others of the same name."""
    sizes = {write(folder_path, n, {1: n}).stat().st_size for n in "ab"}
    folder_at(folder_path).compact(min_files=1)
    (name,) = (n for n in fs.list_names(folder_path) if n.endswith(".pack"))
    file = SegmentReader.open(folder_path / name)
    (entry,) = (e for e in file.entries if e.kind == Kind.REP)
    listed = json.loads(bytes(file.payload(entry)))
    assert {size for _, size in listed} == sizes
    assert sorted(name for name, _ in listed) == ["a.seg", "b.seg"]


def test_values_of_replaced_files_can_be_loaded_by_old_numbers(folder_path, no_grace):
    """Numbers that a reader found before the compaction stay good."""
    for i in range(3):
        write(folder_path, f"w{i}", {i: [i]})
    reader = folder_at(folder_path)
    numbers = reader.find([key_of(i) for i in range(3)])
    for file in reader._index.files:
        file.close()
    other = folder_at(folder_path)
    other.compact(min_files=1)
    other.sweep()
    assert reader.load(numbers) == [[0], [1], [2]]


def test_a_file_that_grew_after_it_was_copied_goes_in_the_end(folder_path, monkeypatch):
    """Two packs list it, with two sizes: that of the later one counts."""
    monkeypatch.setattr(sweep, "GRACE_SECONDS", -1.0)
    write(folder_path, "w", {1: 1})
    size = (folder_path / "w.seg").stat().st_size
    for stem, listed in (("early", size - 8), ("late", size)):
        assert pack_with(folder_path, stem, [("w.seg", listed)]).exists()
    folder = folder_at(folder_path)
    assert folder.sweep() == 1
    assert not (folder_path / "w.seg").exists()


def pack_with(path, stem, replaced):
    """Write a pack that lists files; return its path."""
    source = SegmentReader.open(write(path, stem, {ord(stem[0]): stem}))
    writer = pack.PackWriter(path, {"task": "task"})
    writer.copy(source, range(len(source)))
    source.close()
    (path / f"{stem}.seg").unlink()
    return writer.publish(replaced, 0.0)
