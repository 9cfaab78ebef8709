"""The cache folder as a whole: marker, safety, folders of tasks."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import threading
from pathlib import Path

import pytest

from gridtask import fs
from gridtask.errors import StoreError, StoreVersionError, UnsafeStoreError
from gridtask.store import store as module
from gridtask.store.check import check
from gridtask.store.store import Store, folder_name, writing
from gridtask.store.values import encode

KEY = b"k" * 16


def fill(store: Store, name: str) -> None:
    """Write a result into a task's folder."""
    writer = store.folder(name).writer("run.1")
    writer.put(KEY, bytes(8), encode(name))
    writer.close()


def test_a_new_cache_says_what_it_is(tmp_path):
    """Marker, hint for backup programs and git, private folders."""
    store = Store.open(tmp_path / "a" / "cache")
    names = {"GRIDTASK", "CACHEDIR.TAG", ".gitignore", "runs"}
    assert set(fs.list_names(store.root)) == names
    assert json.loads((store.root / "GRIDTASK").read_bytes())["format"] == 1
    signature = b"Signature: 8a477f597d28d172789f06886806bc55"
    assert (store.root / "CACHEDIR.TAG").read_bytes().startswith(signature)
    assert (store.root / ".gitignore").read_text() == "*\n"
    for path in (store.root, store.runs):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_cache_can_be_opened_again(tmp_path):
    """Nothing is written then; relative paths are made absolute."""
    store = Store.open(tmp_path / "cache")
    before = (store.root / "GRIDTASK").read_bytes()
    again = Store.open(os.path.relpath(store.root), create=False)
    assert again.root == store.root
    assert (store.root / "GRIDTASK").read_bytes() == before


def test_reading_does_not_make_a_cache(tmp_path):
    """Without `create` a missing folder is an error, an empty one too."""
    with pytest.raises(StoreError, match=r"cannot use.*none"):
        Store.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    (tmp_path / "empty").mkdir(mode=0o700)
    with pytest.raises(StoreError, match="is no cache folder"):
        Store.open(tmp_path / "empty", create=False)


def test_an_empty_folder_becomes_a_cache(tmp_path):
    """`mkdir .gridtask` chooses the place."""
    (tmp_path / "cache").mkdir(mode=0o700)
    assert Store.open(tmp_path / "cache").runs.is_dir()


def test_a_folder_with_something_else_is_refused(tmp_path):
    """A project folder must not become a cache that git ignores."""
    (tmp_path / "project").mkdir(mode=0o700)
    (tmp_path / "project" / "paper.tex").touch()
    with pytest.raises(StoreError, match=r"paper\.tex.*GRIDTASK_CACHE"):
        Store.open(tmp_path / "project")
    assert fs.list_names(tmp_path / "project") == ["paper.tex"]


def test_a_cache_without_runs_can_be_read(tmp_path):
    """Reading makes nothing; the next map makes the folder again."""
    store = Store.open(tmp_path / "cache")
    store.runs.rmdir()
    Store.open(store.root, create=False)
    assert not store.runs.exists()
    assert Store.open(store.root).runs.is_dir()


def test_opening_a_cache_takes_few_operations(tmp_path, monkeypatch):
    """No folder is made, and no file is written, that is there already."""
    store = Store.open(tmp_path / "cache")
    for name in ("make_folder", "create", "sync"):
        monkeypatch.delattr(fs, name)
    Store.open(store.root)


def test_a_lost_marker_is_written_again(tmp_path):
    """The results are still there."""
    store = Store.open(tmp_path / "cache")
    fill(store, "task")
    (store.root / "GRIDTASK").unlink()
    assert [folder.name for folder in Store.open(store.root).folders()] == ["task"]
    assert (store.root / "GRIDTASK").exists()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"format": 1}', b"\xff\0"])
def test_a_damaged_marker_is_named_and_mended(tmp_path, monkeypatch, text):
    """Damage is not taken for a newer version."""
    monkeypatch.setattr(module, "MARKER_SECONDS", 0.05)
    store = Store.open(tmp_path / "cache")
    (store.root / "GRIDTASK").write_bytes(text)
    with pytest.warns(RuntimeWarning, match=r"GRIDTASK.*is damaged"):
        Store.open(store.root)
    Store.open(store.root, create=False)


def test_a_damaged_number_is_no_newer_version(tmp_path):
    """A flipped digit is found by the checksum."""
    store = Store.open(tmp_path / "cache")
    path = store.root / "GRIDTASK"
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 9'))
    with pytest.warns(RuntimeWarning, match="is damaged"):
        Store.open(store.root)


def remake_marker(store: Store, **fields: object) -> None:
    """Write an intact marker with other fields."""
    path = store.root / "GRIDTASK"
    marker = {**json.loads(path.read_bytes()), **fields}
    del marker["checksum"]
    marker["checksum"] = module._marker_checksum(marker)
    path.write_text(json.dumps(marker))


def test_a_newer_cache_is_refused(tmp_path):
    """An intact marker of a later format names the remedy."""
    store = Store.open(tmp_path / "cache")
    remake_marker(store, format=2)
    with pytest.raises(StoreVersionError, match=r"format 2.*upgrade"):
        Store.open(store.root)
    with pytest.raises(StoreVersionError, match=r"format 2.*upgrade"):
        check(store.root, repair=True)


def test_a_shared_cache_is_refused(tmp_path):
    """Caches of a group are for later; the message says so."""
    store = Store.open(tmp_path / "cache")
    remake_marker(store, shared="lab")
    with pytest.raises(UnsafeStoreError, match=r"'lab'.*not support"):
        Store.open(store.root)


@pytest.mark.parametrize("where", [".", "runs", "f"])
def test_folders_that_others_can_write_are_refused(tmp_path, where):
    """The cache's root and what lies in it are strict; check says the same."""
    store = Store.open(tmp_path / "cache")
    fill(store, "task")
    (store.root / where).chmod(0o770)
    with pytest.raises(UnsafeStoreError, match="chmod go-w"):
        _ = Store.open(store.root).runs
    (finding,) = check(store.root).findings
    assert finding.kind == "permissions"
    assert f"chmod go-w {store.root / where}" in finding.text


def test_a_marker_of_somebody_else_is_refused(tmp_path):
    """It could be swapped for another."""
    store = Store.open(tmp_path / "cache")
    (store.root / "GRIDTASK").chmod(0o666)
    with pytest.raises(UnsafeStoreError, match="GRIDTASK"):
        Store.open(store.root)


def test_processes_may_make_a_cache_at_the_same_time(tmp_path, recwarn):
    """All of them get it, without a warning."""
    errors = []

    def work() -> None:
        try:
            Store.open(tmp_path / "cache")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert list(recwarn) == []


@pytest.mark.parametrize(
    "name",
    ["simulate", "make.<locals>.f", "f" * 300, "größe", "..", "a/b", "", "a b\n$"],
)
def test_folders_know_their_full_names(tmp_path, name):
    """Whatever the name, its folder is safe, and the name is found again."""
    store = Store.open(tmp_path / "cache")
    fill(store, name)
    (folder,) = store.folders()
    assert folder.name == name
    assert folder.path.parent == store.root / "f"
    assert re.fullmatch(module._FOLDER_NAME, folder.path.name)
    folder.refresh()
    assert folder.load(folder.find([KEY])) == [name]


def test_a_folder_without_its_name_is_called_as_it_looks(tmp_path):
    """Nothing in it tells the full name."""
    store = Store.open(tmp_path / "cache")
    path = store.root / "f" / folder_name("a b")
    fs.make_folder(path)
    fs.write_new(path / "notes.txt", b"?")
    fs.write_new(path / "empty.seg", b"")
    (folder,) = store.folders()
    assert folder.name == "a_b"


def test_similar_names_have_different_folders():
    """What is alike after cleaning differs in its digest."""
    names = ["a b", "a_b", "a/b", "x" * 61, "x" * 62]
    assert len({folder_name(name) for name in names}) == len(names)


def test_foreign_names_are_no_folders(tmp_path):
    """Only what looks like a task's folder is listed."""
    store = Store.open(tmp_path / "cache")
    fs.make_folder(store.root / "f" / "notes")
    assert store.folders() == []


def test_removing_a_folder_frees_all(tmp_path):
    """Its files are gone, others stay, and it can be used again."""
    store = Store.open(tmp_path / "cache")
    fill(store, "a")
    fill(store, "b")
    folder = store.folder("a")
    folder.refresh()
    store.remove_folder(folder)
    assert folder.numbers() == []
    assert [f.name for f in store.folders()] == ["b"]
    assert fs.list_names(store.trash) == []
    fill(store, "a")
    assert folder.refresh()


def test_a_task_folder_may_be_a_link(tmp_path):
    """Removing it removes the link, and tells what stays where it leads to."""
    store = Store.open(tmp_path / "cache")
    fill(store, "a")
    folder = store.folder("a")
    folder.path.rename(tmp_path / "elsewhere")
    folder.path.symlink_to(tmp_path / "elsewhere")
    assert folder.refresh()
    with pytest.warns(RuntimeWarning, match="elsewhere' stays"):
        store.remove_folder(folder)
    assert store.folders() == []
    assert fs.list_names(store.trash) == []
    assert fs.list_names(tmp_path / "elsewhere") != []


def test_a_task_folder_may_be_on_another_disk(tmp_path, fail_at):
    """It cannot be moved to the trash, and is removed where it is."""
    store = Store.open(tmp_path / "cache")
    fill(store, "a")
    fail_at("move", 1, errno.EXDEV)
    store.remove_folder(store.folder("a"))
    assert store.folders() == []
    assert fs.list_names(store.trash) == []


def test_removing_needs_no_room(tmp_path, fail_at):
    """On a full disk the folder still goes: a rename takes no space."""
    store = Store.open(tmp_path / "cache")
    fill(store, "a")
    fail_at("create", 1, for_ever=True)
    store.remove_folder(store.folder("a"))
    assert store.folders() == []


def test_removing_a_missing_folder_is_no_error(tmp_path):
    """Somebody else may have been faster."""
    store = Store.open(tmp_path / "cache")
    store.remove_folder(store.folder("none"))


def test_only_folders_of_tasks_are_removed(tmp_path):
    """A folder of another cache, or the runs, are refused."""
    store = Store.open(tmp_path / "cache")
    other = Store.open(tmp_path / "other")
    fill(other, "a")
    with pytest.raises(StoreError, match="nothing was removed"):
        store.remove_folder(other.folder("a"))
    folder = store.folder("a")
    folder.path = store.runs
    with pytest.raises(StoreError, match="nothing was removed"):
        store.remove_folder(folder)
    assert len(other.folders()) == 1


def test_the_trash_of_dead_processes_is_emptied(tmp_path):
    """What a killed removal has left goes with the next one."""
    store = Store.open(tmp_path / "cache")
    fs.make_folder(store.trash / "left" / "below")
    store.empty_trash()
    assert fs.list_names(store.trash) == []


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Permission denied", "/cache/submit.lock"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_what_cannot_be_written_tells_what_to_do(error):
    """A refusal of the system names the cache folder, and where to choose another."""
    with (
        pytest.raises(StoreError, match=r"'/cache'.*GRIDTASK_CACHE"),
        writing(Path("/cache")),
    ):
        raise error


def test_errors_of_others_stay_as_they_are():
    """What the user's own code raises while it is packed is not the cache's."""
    with pytest.raises(FileNotFoundError, match="mine"), writing(Path("/cache")):
        raise FileNotFoundError(errno.ENOENT, "gone", "/data/mine")
