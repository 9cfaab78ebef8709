"""Hostile names, unsafe folders and lost replies."""

from __future__ import annotations

import os
import shlex
import stat

import pytest

from gridtask import fs
from gridtask.errors import UnsafeStoreError
from gridtask.store.check import check
from gridtask.store.folder import Folder
from gridtask.store.store import Store
from gridtask.store.values import encode
from gridtask.store.writer import RecordWriter

NAMES = [
    "with space",
    "new\nline",
    "nul\0",
    "$(touch x)",
    "`id`",
    ";rm -rf ~",
    "#$ -q x",
    "-rf",
    "größe ß 数",
    "\u202egnp.exe",
    "\x1b[31mred\x1b[0m",
    "x" * 300,
    "..",
    "../../etc",
    "/etc/passwd",
    ".",
    "a/b\\c",
    "*?[",
    "\ud800",
    "CON",
    "~",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_task_has_a_harmless_folder(tmp_path, name):
    """One folder below ``f``, of plain characters; the full name is kept."""
    store = Store.open(tmp_path / "cache")
    before = sorted(os.listdir(tmp_path))
    for i in range(3):
        writer = store.folder(name).writer(f"run.{i}", meta={"args": name})
        writer.put(bytes([i]) * 16, bytes(8), encode(name), meta={"args": name})
        writer.close()
    (folder,) = store.folders()
    assert folder.path.parent == store.root / "f"
    assert folder.path.name.isascii()
    assert folder.path.name.isprintable()
    assert not set(folder.path.name) & set(" /\\$`;*?[]()'\"")
    folder.refresh()
    folder.compact(min_files=1)
    assert folder.load(folder.numbers()) == [name] * 3
    assert Folder(folder.path).name == name
    store.remove_folder(folder)
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("name", ["a b", "größe", "a'b", "$HOME", "-rf", "x;y", "#$"])
def test_a_cache_may_have_an_odd_path(tmp_path, name):
    """Nothing of the store goes through a shell."""
    store = Store.open(tmp_path / name / "cache")
    writer = store.folder("task").writer("run.1")
    writer.put(bytes(16), bytes(8), encode(1))
    writer.close()
    assert check(store.root, read_data=True).findings == []
    assert os.listdir(tmp_path) == [name]


def everything_below(path) -> list[str]:
    """Return all files and folders of a cache."""
    return [
        os.path.join(folder, name)
        for folder, folders, names in os.walk(path)
        for name in (*folders, *names)
    ]


def test_nothing_can_be_read_or_written_by_others(tmp_path):
    """Whatever the umask: files 0600, folders 0700, packs and trash too."""
    before = os.umask(0)
    try:
        store = Store.open(tmp_path / "cache")
        for i in range(3):
            writer = store.folder("task").writer(f"run.{i}")
            writer.put(bytes([i]) * 16, bytes(8), encode(i))
            writer.close()
        folder = store.folder("task")
        folder.refresh()
        folder.remove(folder.numbers()[:1])
        folder.refresh()
        folder.compact(min_files=1)
        fs.make_folder(store.trash)
    finally:
        os.umask(before)
    paths = everything_below(store.root)
    assert len(paths) > 8
    for path in paths:
        mode = os.stat(path).st_mode
        expected = 0o700 if stat.S_ISDIR(mode) else 0o600
        assert stat.S_IMODE(mode) == expected, path


@pytest.mark.parametrize("where", ["link to a folder", "file", "fifo"])
def test_a_task_folder_that_is_something_else_is_refused(tmp_path, where):
    """Somebody put a link, a file or a FIFO into its place."""
    store = Store.open(tmp_path / "cache")
    fs.make_folder(store.root / "f")
    path = store.folder("task").path
    if where == "link to a folder":
        (tmp_path / "other").mkdir(mode=0o777)
        (tmp_path / "other").chmod(0o777)
        (tmp_path / "other" / "a.seg").write_bytes(b"x")
        path.symlink_to(tmp_path / "other")
        with pytest.raises(UnsafeStoreError):
            store.folder("task").refresh()
        return
    path.touch() if where == "file" else os.mkfifo(path)
    with pytest.raises(OSError, match="task"):
        store.folder("task").refresh()


HAZARDS = {
    "a link": (lambda path: os.symlink("/etc/passwd", path), "rm "),
    "writable by all": (lambda path: make_file(path, mode=0o666), "chmod go-w "),
    "writable by the group": (lambda path: make_file(path, mode=0o620), "chmod go-w "),
    "somebody else's": (lambda path: make_file(path, owner=65534), "rm "),
    "a FIFO": (os.mkfifo, "rm "),
    "a folder": (os.mkdir, "another cache folder"),
}
"""What may lie in a task's folder, how it is made, and what mends it."""


def make_file(path, mode: int = 0o600, owner: int = -1) -> None:
    """Make a file that looks like a sealed one with a result."""
    writer = RecordWriter(path.parent, "evil")
    writer.put(bytes(16), bytes(8), encode("evil"))
    writer.close()
    (made,) = path.parent.glob("evil.*.seg")
    made.rename(path)
    path.chmod(mode)
    if owner >= 0:
        if os.geteuid():
            pytest.skip("needs root to give a file away")
        os.chown(path, owner, -1)


@pytest.mark.parametrize("hazard", HAZARDS)
def test_what_others_may_have_put_there_is_never_read(tmp_path, hazard):
    """It is ignored with the command that mends it, and found by a check."""
    store = Store.open(tmp_path / "cache")
    path = store.folder("task").path / "it's evil.seg"
    fs.make_folder(path.parent)
    make, command = HAZARDS[hazard]
    make(path)
    folder = store.folder("task")
    with pytest.warns(RuntimeWarning, match="evil") as caught:
        folder.refresh()
    assert folder.numbers() == []
    assert command in str(caught[0].message)
    if command != "another cache folder":
        assert f"{command}{shlex.quote(str(path))}" in str(caught[0].message)
    (finding,) = check(store.root).findings
    assert (finding.kind, finding.is_damage) == ("permissions", True)
    assert command in finding.text


def lose_replies(monkeypatch, name: str, every: int) -> None:
    """Do each `every`-th rename or unlink, and report that it failed."""
    real, n_calls = getattr(os, name), 0

    def do_and_fail(*args, **kwargs):
        nonlocal n_calls
        n_calls += 1
        real(*args, **kwargs)
        if n_calls % every == 0:
            raise FileNotFoundError(2, "the reply was lost")

    monkeypatch.setattr(os, name, do_and_fail)


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("name", ["rename", "unlink"])
def test_lost_replies_do_no_harm(folder_path, monkeypatch, name, every):
    """The file server did it, and the client was told that it failed."""
    from gridtask.store import sweep

    monkeypatch.setattr(sweep, "GRACE_SECONDS", -1.0)
    lose_replies(monkeypatch, name, every)
    live: dict[bytes, int] = {}
    folder = Folder(folder_path, "task")
    for i in range(40):
        key = i.to_bytes(16, "little")
        writer = RecordWriter(folder_path, f"run.{i}", sleep=lambda seconds: None)
        writer.put(key, bytes(8), encode(i))
        writer.close()
        live[key] = i
        folder.refresh()
        if i % 7 == 6:
            gone = (i // 2).to_bytes(16, "little")
            folder.remove(folder.find([gone]))
            live.pop(gone, None)
        if i % 4 == 3:
            folder.refresh()
            folder.compact(min_files=1)
            folder.sweep()
        for each in (folder, Folder(folder_path, "task")):
            each.refresh()
            numbers = each.find(list(live))
            assert each.load(numbers) == list(live.values())
            assert len(each.numbers()) == len(live)
