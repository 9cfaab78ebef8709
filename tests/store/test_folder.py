"""The folder of a task: finding, loading and deleting records."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtask import fs
from gridtask.errors import (
    CorruptRecordError,
    ResultUnreadable,
    StoreError,
    StoreVersionError,
    UnsafeStoreError,
)
from gridtask.store import files as files_module
from gridtask.store import record
from gridtask.store.folder import Folder
from gridtask.store.loading import LoadError
from gridtask.store.pack import PackWriter
from gridtask.store.reader import OPEN
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentReader, SegmentWriter
from gridtask.store.values import encode
from gridtask.store.writer import RecordWriter

NOBODY = 65534
DAY = 86400.0


def key_of(i: int) -> bytes:
    """Return the key of call number `i`."""
    return i.to_bytes(16, "little")


def write(path: Path, stem: str, values: dict[int, object], **options) -> Path:
    """Write results into a sealed segment; `options` go into each record."""
    segment = SegmentWriter.create(path / f"{stem}.seg")
    begun_ns = options.get("t_end_ns")
    segment.append(Kind.META, meta={"task": "task"}, t_end_ns=begun_ns)
    for i, value in values.items():
        encoded = encode(value)
        fields = {"kind": Kind.OK, "aligned": encoded.has_buffers, **options}
        segment.append(fields.pop("kind"), encoded.parts, key=key_of(i), **fields)
    segment.seal()
    return path / f"{stem}.seg"


def folder_at(path: Path) -> Folder:
    """Return a folder that has looked at its files."""
    folder = Folder(path, "task")
    folder.refresh()
    return folder


def found_in(folder: Folder, n: int = 20) -> dict[int, object]:
    """Return the results that a folder finds among the first `n` calls."""
    numbers = folder.find([key_of(i) for i in range(n)])
    there = [i for i in range(n) if numbers[i] >= 0]
    return dict(zip(there, folder.load([numbers[i] for i in there]), strict=True))


def test_a_missing_folder_is_empty(tmp_path):
    """Nothing has to exist before the first result."""
    folder = Folder(tmp_path / "none", "task")
    assert not folder.refresh()
    assert folder.find([key_of(1)]) == [-1]
    assert folder.load([]) == []
    assert folder.numbers() == []
    assert folder.sizes()[:4] == (0, 0, 0, 0)


def test_results_of_many_files_are_found(folder_path):
    """Keys are looked up over all files; each value once."""
    for n in range(3):
        write(folder_path, f"w{n}", {3 * n + i: [n, i] for i in range(3)})
    folder = folder_at(folder_path)
    assert found_in(folder) == {3 * n + i: [n, i] for n in range(3) for i in range(3)}
    assert not folder.refresh()


def test_values_come_in_the_order_asked_for(folder_path):
    """Whatever the order of the records in the files."""
    write(folder_path, "a", {i: i for i in range(0, 10, 2)})
    write(folder_path, "b", {i: i for i in range(1, 10, 2)})
    folder = folder_at(folder_path)
    order = [7, 0, 3, 8, 1, 2, 9, 4, 6, 5]
    assert folder.load(folder.find([key_of(i) for i in order])) == order


def test_each_position_gets_a_value_of_its_own(folder_path):
    """Equal calls do not share lists or arrays, and all arrays are writable."""
    write(folder_path, "a", {0: [1], 1: np.zeros(3), 2: np.ones(3)})
    folder = folder_at(folder_path)
    a, b, c = folder.find([key_of(0), key_of(1), key_of(2)])
    values = folder.load([b, a, b, c, a, b])
    values[0][:] = 5
    values[1].append(2)
    assert values[4] == [1]
    assert [v.tolist() for v in (values[2], values[3], values[5])] == [
        [0, 0, 0],
        [1, 1, 1],
        [0, 0, 0],
    ]


def test_new_files_and_records_are_noticed(folder_path):
    """A look gives what is new in files that are written meanwhile."""
    writer = Folder(folder_path, "task").writer("run.1")
    folder = Folder(folder_path, "task")
    for i in range(5):
        writer.put(key_of(i), bytes(8), encode(i))
        assert folder.refresh()
        assert not folder.refresh()
        assert found_in(folder) == {j: j for j in range(i + 1)}
    writer.close()
    folder.refresh()
    write(folder_path, "other", {9: 9})
    assert folder.refresh()
    assert found_in(folder)[9] == 9


def test_numbers_stay_valid_while_files_grow(folder_path):
    """A number that was found earlier still leads to its record."""
    writer = Folder(folder_path, "task").writer("run.1")
    writer.put(key_of(0), bytes(8), encode("zero"))
    folder = folder_at(folder_path)
    (number,) = folder.find([key_of(0)])
    write(folder_path, "other", {1: "one"})
    writer.put(key_of(2), bytes(8), encode("two"))
    writer.close()
    folder.refresh()
    assert folder.load([number]) == ["zero"]
    assert folder.entry(number).key == key_of(0)


def test_many_files_are_opened_by_threads(folder_path):
    """More files than descriptors that are kept."""
    for n in range(files_module.MAX_OPEN_FILES + 20):
        write(folder_path, f"w{n}", {n: n})
    n_before = len(os.listdir("/proc/self/fd"))
    folder = folder_at(folder_path)
    n = files_module.MAX_OPEN_FILES + 20
    assert found_in(folder, n) == {i: i for i in range(n)}
    n_open = len(os.listdir("/proc/self/fd")) - n_before
    assert n_open <= files_module.MAX_OPEN_FILES


def test_many_folders_keep_few_files_open(tmp_path, monkeypatch):
    """A cache may have more tasks than a process may have files open."""
    monkeypatch.setattr(files_module, "MAX_OPEN", n_most := len(OPEN) + 8)
    folders = []
    for task in range(30):
        fs.make_folder(path := tmp_path / f"task{task}")
        write(path, "a", {0: task})
        write(path, "b", {1: task})
        folders.append(folder_at(path))
        assert len(OPEN) <= n_most
    for task, folder in enumerate(folders):
        numbers = folder.find([key_of(0), key_of(1)])
        assert folder.load(numbers) == [task, task]
        assert folder.meta(numbers[0]) == {}
        assert folder.payload(numbers[1])
        assert folder.metas(numbers) == [{}, {}]
        assert len(OPEN) <= n_most


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE])
def test_results_are_not_missing_because_too_many_files_are_open(
    folder_path, fail_at, code
):
    """They would be computed again."""
    write(folder_path, "a", {0: 0})
    fail_at("open_status", 1, code)
    with pytest.raises(StoreError, match="ulimit"):
        folder_at(folder_path)


def test_many_growing_files_are_looked_at_now_and_then(folder_path, monkeypatch):
    """A poll does not open hundreds of unsealed files each time, but by turns."""
    segments = [SegmentWriter.create(folder_path / f"{n}.seg") for n in range(20)]
    for segment in segments:
        segment.append(Kind.OK, encode(1).parts, key=key_of(1))
    folder = folder_at(folder_path)
    opened = []
    real = fs.open_status
    monkeypatch.setattr(fs, "open_status", lambda p: (opened.append(p), real(p))[1])
    assert not folder.refresh()
    assert len(opened) == files_module.MANY_GROWING
    assert not folder.refresh()
    assert len(set(opened)) == 20
    opened.clear()
    monkeypatch.setattr(files_module, "GROWING_SECONDS", 0.0)
    assert not folder.refresh()
    assert len(opened) == 20


def test_the_first_result_counts(folder_path):
    """Of several records of a key the one that ended first, in any order."""
    write(folder_path, "a", {1: "late"}, t_end_ns=2000)
    write(folder_path, "b", {1: "early"}, t_end_ns=1000)
    write(folder_path, "c", {1: "last"}, t_end_ns=3000)
    assert found_in(folder_at(folder_path)) == {1: "early"}


def test_ties_are_the_same_for_all_readers(folder_path):
    """At equal times the smaller origin counts, not the order of listing."""
    paths = [write(folder_path, n, {1: n}, t_end_ns=5) for n in "abcd"]
    first = min(paths, key=lambda path: SegmentReader.open(path).file_id)
    assert found_in(folder_at(folder_path)) == {1: first.stem}


def test_a_failure_does_not_hide_a_result(folder_path):
    """They are looked up apart; the newest failure counts."""
    write(folder_path, "a", {1: "value"}, t_end_ns=1000)
    write(folder_path, "b", {1: "old"}, t_end_ns=2000, kind=Kind.ERR)
    write(folder_path, "c", {1: "new"}, t_end_ns=3000, kind=Kind.ERR)
    folder = folder_at(folder_path)
    assert found_in(folder) == {1: "value"}
    assert folder.load(folder.find([key_of(1)], Kind.ERR)) == ["new"]


def test_numbers_lists_each_live_record_once(folder_path):
    """Repeated results count once; kinds can be asked for."""
    write(folder_path, "a", {1: 1, 2: 2})
    write(folder_path, "b", {2: 2, 3: 3})
    write(folder_path, "c", {4: 4}, kind=Kind.ERR)
    folder = folder_at(folder_path)
    assert len(folder.numbers(Kind.OK)) == 3
    assert len(folder.numbers(Kind.ERR)) == 1
    assert len(folder.numbers()) == 4


def test_deleted_results_are_gone_for_all(folder_path):
    """At once here, with the next look elsewhere, and for who comes later."""
    write(folder_path, "a", {i: i for i in range(4)})
    here, elsewhere = folder_at(folder_path), folder_at(folder_path)
    here.remove(here.find([key_of(1), key_of(2)]))
    assert found_in(here) == {0: 0, 3: 3}
    assert elsewhere.refresh()
    assert found_in(elsewhere) == {0: 0, 3: 3}
    assert found_in(folder_at(folder_path)) == {0: 0, 3: 3}


def test_deleting_deletes_repeated_results_too(folder_path):
    """No other record of the key takes the place of the deleted one."""
    write(folder_path, "a", {1: "one"})
    write(folder_path, "b", {1: "one again"})
    write(folder_path, "c", {1: "error"}, kind=Kind.ERR)
    folder = folder_at(folder_path)
    folder.remove(folder.find([key_of(1)]))
    assert found_in(folder) == {}
    assert folder.find([key_of(1)], Kind.ERR) != [-1]


def test_a_deleted_result_may_be_computed_again(folder_path):
    """The tombstone names records, not keys."""
    write(folder_path, "a", {1: "old"})
    folder = folder_at(folder_path)
    folder.remove(folder.find([key_of(1)]))
    write(folder_path, "b", {1: "new"})
    folder.refresh()
    assert found_in(folder) == {1: "new"}
    assert found_in(folder_at(folder_path)) == {1: "new"}


def test_results_of_a_growing_file_can_be_deleted(folder_path):
    """Also while the worker goes on; what it writes later is there."""
    writer = Folder(folder_path, "task").writer("run.1")
    writer.put(key_of(1), bytes(8), encode(1))
    folder = folder_at(folder_path)
    folder.remove(folder.find([key_of(1)]))
    writer.put(key_of(2), bytes(8), encode(2))
    writer.close()
    folder.refresh()
    assert found_in(folder) == {2: 2}
    assert found_in(folder_at(folder_path)) == {2: 2}


def test_a_tombstone_that_cannot_be_written_deletes_nothing(folder_path, fail_at):
    """The error is raised, and no half file is left."""
    write(folder_path, "a", {1: 1})
    folder = folder_at(folder_path)
    fault = fail_at("sync", 1)
    with pytest.raises(OSError, match="No space"):
        folder.remove(folder.find([key_of(1)]))
    fault.is_on = False
    assert found_in(folder) == {1: 1}
    assert fs.list_names(folder_path) == ["a.seg"]


model_steps = st.lists(
    st.tuples(st.sampled_from(["put", "put", "seal", "rm", "look"]), st.integers(0, 5)),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(steps=model_steps)
def test_a_folder_behaves_as_a_dict(tmp_path_factory, steps):
    """Puts, deletions and looks in any order; the first value of a key counts."""
    path = tmp_path_factory.mktemp("model") / "folder"
    folder, other = Folder(path, "task"), Folder(path, "task")
    writer = folder.writer("run.1")
    model: dict[int, object] = {}
    for n, (step, i) in enumerate(steps):
        if step == "put":
            writer.put(key_of(i), bytes(8), encode([n]))
            model.setdefault(i, [n])
        elif step == "seal":
            writer.close()
        elif step == "rm":
            folder.refresh()
            folder.remove([n for n in folder.find([key_of(i)]) if n >= 0])
            model.pop(i, None)
        else:
            other.refresh()
            assert found_in(other) == model
    writer.close()
    folder.refresh()
    assert found_in(folder) == found_in(folder_at(path)) == model


def test_old_results_are_deleted_with_their_files(folder_path):
    """A sealed file with nothing else goes; a mixed one stays."""
    now = time.time()
    old, new = int((now - 10 * DAY) * 1e9), int((now - DAY) * 1e9)
    write(folder_path, "old", {1: 1, 2: 2}, t_end_ns=old)
    mixed = SegmentWriter.create(folder_path / "mixed.seg")
    mixed.append(Kind.OK, encode(3).parts, key=key_of(3), t_end_ns=old)
    mixed.append(Kind.OK, encode(4).parts, key=key_of(4), t_end_ns=new)
    mixed.seal()
    folder = folder_at(folder_path)
    assert len(folder.older(7 * DAY, now)) == 3
    assert folder.remove_older(7 * DAY, now) == 3
    assert found_in(folder) == found_in(folder_at(folder_path)) == {4: 4}
    assert "old.seg" not in fs.list_names(folder_path)
    assert "mixed.seg" in fs.list_names(folder_path)
    assert folder.remove_older(7 * DAY, now) == 0


def test_age_zero_is_everything(folder_path):
    """`--older 0s` deletes all results and failures."""
    write(folder_path, "a", {1: 1})
    write(folder_path, "b", {2: 2}, kind=Kind.ERR)
    folder = folder_at(folder_path)
    assert folder.remove_older(0, time.time() + 1) == 2
    assert folder.numbers() == []


def test_a_record_from_the_future_expires(folder_path):
    """A wrong clock cannot keep a result for ever."""
    path = write(folder_path, "a", {1: 1}, t_end_ns=int(4e18))
    os.utime(path, (time.time(), time.time() - 30 * DAY))
    assert folder_at(folder_path).remove_older(7 * DAY, time.time()) == 1


def test_code_is_kept_when_old_results_go(folder_path):
    """A file with a code record is not removed, and code does not expire."""
    path = write(folder_path, "a", {1: 1}, t_end_ns=1000, kind=Kind.CODE)
    folder = folder_at(folder_path)
    assert folder.remove_older(DAY, time.time()) == 0
    assert path.exists()
    assert folder.find([key_of(1)], Kind.CODE) != [-1]


def test_old_results_go_on_a_full_disk(folder_path, fail_at):
    """Without room for a tombstone the wholly old files make some first."""
    write(folder_path, "a", {1: 1}, t_end_ns=1000)
    fail_at("create", 1, errno.ENOSPC)
    folder = folder_at(folder_path)
    assert folder.remove_older(DAY, time.time()) == 1
    assert "a.seg" not in fs.list_names(folder_path)


def test_old_results_go_as_far_as_possible_without_any_room(folder_path, fail_at):
    """If there is never room, whole files still go, and the error is raised."""
    write(folder_path, "a", {1: 1}, t_end_ns=1000)
    write(folder_path, "b", {2: 2})
    fail_at("create", 1, errno.EDQUOT, for_ever=True)
    folder = folder_at(folder_path)
    with pytest.raises(OSError, match="quota"):
        folder.remove_older(DAY, time.time())
    assert fs.list_names(folder_path) == ["b.seg"]
    assert found_in(folder) == {2: 2}


def damage(path: Path, offset: int) -> None:
    """Flip a bit of a file."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def test_a_damaged_record_gives_an_error_in_its_place(folder_path):
    """The others come as if nothing had happened, each position of its own."""
    path = write(folder_path, "a", {1: "one", 2: "two", 3: "three"})
    folder = folder_at(folder_path)
    one, two, three = folder.find([key_of(i) for i in (1, 2, 3)])
    damage(path, folder.entry(two).payload_at + 14)
    values = folder.load([three, two, one, two])
    assert (values[0], values[2]) == ("three", "one")
    for value in (values[1], values[3]):
        assert isinstance(value, LoadError)
        assert isinstance(value.exception, CorruptRecordError)
        assert key_of(2).hex() in str(value.exception)


def test_a_damaged_record_is_found_no_longer(folder_path):
    """The call is missing now; what is computed again takes its place for all."""
    path = write(folder_path, "a", {1: "one"}, t_end_ns=1000)
    folder = folder_at(folder_path)
    (number,) = folder.find([key_of(1)])
    damage(path, folder.entry(number).payload_at + 14)
    (value,) = folder.load([number])
    assert value.is_lost
    assert folder.find([key_of(1)]) == [-1]
    write(folder_path, "b", {1: "one again"}, t_end_ns=2000)
    for either in (folder, folder_at(folder_path)):
        either.refresh()
        assert found_in(either) == {1: "one again"}


def test_a_damaged_record_can_be_deleted(folder_path):
    """The tombstone is written, so that nobody else reads it again."""
    path = write(folder_path, "a", {1: "one"}, t_end_ns=1000)
    folder = folder_at(folder_path)
    (number,) = folder.find([key_of(1)])
    damage(path, folder.entry(number).payload_at + 14)
    folder.load([number])
    folder.remove([number])
    assert folder_at(folder_path).find([key_of(1)]) == [-1]


def test_a_pack_keeps_what_was_deleted_dead(folder_path):
    """Records keep their identity when they are copied."""
    path = write(folder_path, "a", {1: "one", 2: "two"})
    pack = make_pack(folder_path, "p", [path])
    fs.remove(path)
    folder = folder_at(folder_path)
    folder.remove(folder.find([key_of(1)]))
    path = make_pack(folder_path, "q", [pack])
    fs.remove(pack)
    assert found_in(folder_at(folder_path)) == {2: "two"}


def test_a_pack_with_a_damaged_footer_is_scanned(folder_path):
    """Records of many origins are found without the index."""
    inputs = [write(folder_path, name, {i: i}) for i, name in enumerate("abc")]
    pack = make_pack(folder_path, "p", inputs)
    for path in inputs:
        fs.remove(path)
    damage(pack, pack.stat().st_size - 70)
    with pytest.warns(RuntimeWarning, match="damaged index"):
        folder = folder_at(folder_path)
    assert found_in(folder) == {0: 0, 1: 1, 2: 2}


def test_a_value_whose_class_is_gone_gives_an_error_in_its_place(folder_path):
    """It is told apart from damage: it must not be computed again silently."""
    write(folder_path, "a", {1: "one", 2: Gone()})
    name = Gone.__qualname__
    del globals()[name]
    values = folder_at(folder_path).load(
        folder_at(folder_path).find([key_of(2), key_of(1)])
    )
    assert isinstance(values[0].exception, ResultUnreadable)
    assert values[1] == "one"


class Gone:
    """A class that a test deletes."""


def test_a_file_that_cannot_be_read_gives_errors(folder_path, fail_at):
    """An I/O error is no damage: it names the file."""
    write(folder_path, "a", {1: 1, 2: 2})
    folder = folder_at(folder_path)
    fail_at("read_at", 1, errno.EIO)
    values = folder.load(folder.find([key_of(1), key_of(2)]))
    for value in values:
        assert type(value.exception) is StoreError
        assert "a.seg" in str(value.exception)


def test_a_file_that_nobody_should_trust_is_ignored(folder_path):
    """A file with write permission for others is named and left out."""
    write(folder_path, "a", {1: 1})
    write(folder_path, "b", {2: 2}).chmod(0o666)
    with pytest.warns(RuntimeWarning, match=r"b\.seg.*can be written by others"):
        folder = folder_at(folder_path)
    assert found_in(folder) == {1: 1}
    assert not folder.refresh()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for chown")
def test_a_file_of_somebody_else_is_ignored(folder_path):
    """Its pickles are not loaded."""
    os.chown(write(folder_path, "a", {1: 1}), NOBODY, NOBODY)
    with pytest.warns(RuntimeWarning, match="belongs to user"):
        assert found_in(folder_at(folder_path)) == {}


def test_a_link_is_ignored(folder_path, tmp_path):
    """A symbolic link to a good file elsewhere is not followed."""
    write(tmp_path, "a", {1: 1})
    (folder_path / "a.seg").symlink_to(tmp_path / "a.seg")
    with pytest.warns(RuntimeWarning, match="symbolic link"):
        assert found_in(folder_at(folder_path)) == {}


def test_a_folder_that_others_can_write_is_refused(folder_path):
    """Nothing of it is read."""
    write(folder_path, "a", {1: 1})
    folder_path.chmod(0o777)
    with pytest.raises(UnsafeStoreError, match="chmod go-w"):
        folder_at(folder_path)


def test_other_files_are_left_alone(folder_path):
    """Unfinished packs and foreign files are not read."""
    (folder_path / "x.tmp").write_bytes(b"?")
    (folder_path / "notes.txt").write_bytes(b"?")
    (folder_path / "empty.seg").touch(0o600)
    assert not folder_at(folder_path).refresh()


def test_a_newer_record_in_a_growing_file_is_refused(folder_path):
    """A worker of a newer gridtask writes into the same folder."""
    segment = SegmentWriter.create(folder_path / "a.seg")
    segment.append(Kind.OK, encode(1).parts, key=key_of(1))
    folder = folder_at(folder_path)
    segment.append(99)
    with pytest.raises(StoreVersionError, match="upgrade"):
        folder.refresh()


def test_a_forked_child_begins_anew(folder_path):
    """Another thread may have held the lock when the process forked."""
    write(folder_path, "a", {1: 1})
    folder = folder_at(folder_path)
    with folder._lock:
        pid = os.fork()
        if pid == 0:
            try:
                folder.refresh()
                os._exit(0 if found_in(folder) == {1: 1} else 1)
            finally:
                os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    assert found_in(folder) == {1: 1}


def test_a_lost_log_has_no_substitute(folder_path):
    """Logs have no keys: another one must not take the place of one."""
    segment = SegmentWriter.create(folder_path / "a.seg")
    segment.append(Kind.LOG, encode("one").parts)
    segment.append(Kind.LOG, encode("two").parts)
    segment.seal()
    folder = folder_at(folder_path)
    one, two = folder.numbers(Kind.LOG)
    damage(folder_path / "a.seg", folder.entry(one).payload_at + 14)
    values = folder.load([one, two])
    assert values[1] == "two"
    assert repr(values[0]).startswith("LoadError(CorruptRecordError(")
    assert folder.meta(two) == {}


def test_a_newer_file_is_refused(folder_path):
    """It may hold tombstones that this version cannot read."""
    segment = SegmentWriter.create(folder_path / "a.seg")
    segment.append(99)
    segment.seal()
    with pytest.raises(StoreVersionError, match="upgrade"):
        folder_at(folder_path)


def make_pack(path: Path, name: str, inputs: list[Path]) -> Path:
    """Replace files by a pack, record by record, as a compaction would."""
    pack = PackWriter(path, {})
    for file in inputs:
        reader = SegmentReader.open(file)
        rows = [row for row, e in enumerate(reader.entries) if e.kind == Kind.OK]
        assert pack.copy(reader, rows) == []
    replaced = [(file.name, file.stat().st_size) for file in inputs]
    made = pack.publish(replaced, 0.0)
    fs.move(made, path / f"{name}.pack")
    return path / f"{name}.pack"


def test_a_pack_takes_the_place_of_the_files_that_it_lists(folder_path):
    """Their records are not counted twice, whether or not the files are gone."""
    inputs = [
        write(folder_path, name, {i: np.full(3, i)}) for i, name in enumerate("ab")
    ]
    folder = folder_at(folder_path)
    make_pack(folder_path, "p", inputs)
    assert folder.refresh()
    for either in (folder, folder_at(folder_path)):
        values = {i: value.tolist() for i, value in found_in(either).items()}
        assert values == {0: [0, 0, 0], 1: [1, 1, 1]}
        names = {Path(either.file(n).path).name for n in either.numbers(Kind.OK)}
        assert names == {"p.pack"}


def test_a_file_that_grew_after_compaction_is_kept(folder_path):
    """What a pack lists with another size is not replaced by it."""
    path = write(folder_path, "a", {0: 0})
    pack = SegmentWriter.create(folder_path / "p.pack", flags=record.PACK)
    size = path.stat().st_size - 8
    pack.append(Kind.REP, [json.dumps([["a.seg", size]]).encode()])
    pack.seal()
    assert found_in(folder_at(folder_path)) == {0: 0}


def test_values_of_a_removed_file_come_from_its_pack(folder_path):
    """Numbers that were found before a compaction can still be loaded."""
    path = write(folder_path, "a", {0: "zero", 1: "one"})
    lost = write(folder_path, "b", {2: "two"})
    folder = folder_at(folder_path)
    numbers = folder.find([key_of(i) for i in (2, 1, 0, 1)])
    make_pack(folder_path, "p", [path])
    for file in (*folder._index.files, None):
        if file is not None:
            file.close()
    fs.remove(path)
    fs.remove(lost)
    values = folder.load(numbers)
    assert values[1:] == ["one", "zero", "one"]
    assert isinstance(values[0].exception, StoreError)


def test_a_growing_file_that_is_gone_is_forgotten(folder_path):
    """Its records are no longer found."""
    segment = SegmentWriter.create(folder_path / "a.seg")
    segment.append(Kind.OK, encode(1).parts, key=key_of(1))
    folder = folder_at(folder_path)
    fs.remove(folder_path / "a.seg")
    folder.refresh()
    assert found_in(folder) == {}


@pytest.mark.parametrize("name", ["open_status", "read_at"])
def test_a_growing_file_that_cannot_be_read_is_tried_again(folder_path, fail_at, name):
    """A passing error is named; the next look finds what is new."""
    segment = SegmentWriter.create(folder_path / "a.seg")
    segment.append(Kind.OK, encode(1).parts, key=key_of(1))
    folder = folder_at(folder_path)
    segment.append(Kind.OK, encode(2).parts, key=key_of(2))
    fail_at(name, 1, errno.EIO)
    with pytest.warns(RuntimeWarning, match=r"a\.seg.*Input/output error"):
        assert not folder.refresh()
    assert folder.refresh()
    assert found_in(folder) == {1: 1, 2: 2}


def test_a_growing_file_that_others_can_write_is_read_no_further(folder_path):
    """What was read before stays, and the fault is named."""
    segment = SegmentWriter.create(folder_path / "a.seg")
    segment.append(Kind.OK, encode(1).parts, key=key_of(1))
    folder = folder_at(folder_path)
    (folder_path / "a.seg").chmod(0o622)
    with pytest.warns(RuntimeWarning, match="can be written by others"):
        assert not folder.refresh()


def test_a_folder_that_cannot_be_listed_is_an_error(folder_path, fail_at):
    """Nothing would be known of the results: the message names the folder."""
    fail_at("list_own_names", 1, errno.EACCES)
    with pytest.raises(StoreError, match=r"cannot list.*Permission denied"):
        folder_at(folder_path)


def test_a_damaged_tombstone_is_named(folder_path):
    """What it deleted is back, which the user should know."""
    write(folder_path, "a", {1: 1})
    folder = folder_at(folder_path)
    folder.remove(folder.find([key_of(1)]))
    (name,) = set(fs.list_names(folder_path)) - {"a.seg"}
    damage(folder_path / name, 64 + 96)
    with pytest.warns(RuntimeWarning, match=f"{name}.*damaged"):
        assert found_in(folder_at(folder_path)) == {1: 1}


def play(path: Path) -> Folder:
    """Write, delete, write and expire results."""
    folder = Folder(path, "task")
    writer = RecordWriter(path, "run.1", sleep=lambda seconds: None)
    for i in range(4):
        writer.put(key_of(i), bytes(8), encode([i]))
    writer.sync()
    folder.refresh()
    folder.remove(folder.find([key_of(0)]))
    writer.put(key_of(4), bytes(8), encode(np.full(3, 4)))
    writer.close()
    write(path, "old", {5: 5}, t_end_ns=1000)
    folder.refresh()
    folder.remove_older(DAY, time.time())
    return folder


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("for_ever", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "create",
        "write_at",
        "sync",
        "is_at",
        "close",
        "open_status",
        "read_at",
        "read_into",
        "list_names",
        "sync_folder",
        "remove",
        "make_folder",
    ],
)
def test_no_fault_gives_a_wrong_value(tmp_path, fail_at, name, for_ever, code):
    """Let each call of each operation fail, once and from then on.

    Afterwards each result is right or missing; what was deleted stays so
    unless an error was raised.
    """
    for n in range(1, 100):
        path = tmp_path / str(n)
        fault = fail_at(name, n, code, for_ever=for_ever)
        is_told = False
        try:
            play(path)
        except OSError:
            is_told = True
        fault.is_on = False
        found = {i: np.ravel(v).tolist() for i, v in found_in(folder_at(path)).items()}
        right = {0: [0], 1: [1], 2: [2], 3: [3], 4: [4, 4, 4], 5: [5]}
        assert found.items() <= right.items()
        if not is_told:
            assert found.keys() >= {1, 2, 3, 4}
        if fault.n_calls < n:
            return
    pytest.fail("too many calls")


def test_sizes_tell_live_from_dead(folder_path):
    """Deleted records are dead bytes until they are compacted."""
    write(folder_path, "a", {1: b"x" * 1000, 2: b"y" * 3000}, t_end_ns=5 * 10**9)
    folder = folder_at(folder_path)
    before = folder.sizes()
    folder.remove(folder.find([key_of(2)]))
    after = folder.sizes()
    assert (before.n_files, after.n_files) == (1, 2)
    assert (before.n_live, after.n_live) == (2, 1)
    assert 1000 < after.live_bytes < 1100 < 3000 < after.dead_bytes < 3200
    assert after.oldest_at == after.newest_at == 5.0
    assert before.n_bytes >= 4000


def test_the_last_use_is_noted_once_a_day(folder_path):
    """Loading sets the access time of a file that was long not used."""
    path = write(folder_path, "a", {1: 1})
    os.utime(path, (1000, 2000))
    folder = folder_at(folder_path)
    folder.load(folder.find([key_of(1)]))
    status = path.stat()
    assert abs(status.st_atime - time.time()) < 60
    assert status.st_mtime == 2000


def run_script(script: str, *args: object) -> str:
    """Run Python code in a process of its own; return what it prints."""
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, args)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_loading_10_000_floats_imports_nothing_heavy(folder_path):
    """numpy, cloudpickle and thread pools stay out of a small rerun."""
    write(folder_path, "a", {i: i / 2 for i in range(10000)})
    script = """
        import sys
        from pathlib import Path
        from gridtask.store.store import Folder
        folder = Folder(Path(sys.argv[1]), "task")
        folder.refresh()
        numbers = folder.find([i.to_bytes(16, "little") for i in range(10000)])
        assert folder.load(numbers) == [i / 2 for i in range(10000)]
        heavy = {"numpy", "cloudpickle", "concurrent", "shutil", "rich", "pandas"}
        print(sorted(heavy & set(sys.modules)))
    """
    assert run_script(script, folder_path) == "[]"


def test_loading_takes_few_system_calls(folder_path, monkeypatch):
    """10,000 results in one file: one listing, one open, five reads."""
    write(folder_path, "a", {i: i / 2 for i in range(10000)})
    calls = []
    for name in (
        "list_own_names",
        "open_status",
        "read_at",
        "read_into",
        "check_own_folder",
    ):
        real = getattr(fs, name)
        monkeypatch.setattr(
            fs,
            name,
            lambda *args, real=real, name=name: (calls.append(name), real(*args))[1],
        )
    folder = folder_at(folder_path)
    folder.load(folder.find([key_of(i) for i in range(10000)]))
    assert len(calls) <= 8
