"""The file operations of the cache, and the checks of who may write to it."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from gridtask import fs
from gridtask.errors import UnsafeStoreError

NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for chown")


def write(path: Path, data: bytes = b"x") -> Path:
    """Write a file of the cache without the checks."""
    fd = fs.create(path)
    fs.write_at(fd, [data], 0)
    fs.close(fd)
    return path


def test_create_is_exclusive(tmp_path):
    """A name that is taken is refused."""
    write(tmp_path / "a")
    with pytest.raises(FileExistsError):
        fs.create(tmp_path / "a")


def test_create_does_not_follow_links(tmp_path):
    """A symbolic link cannot lead a new file elsewhere."""
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(FileExistsError):
        fs.create(tmp_path / "link")
    assert not (tmp_path / "target").exists()


def test_create_is_private_under_any_umask(tmp_path):
    """New files have mode 0600 even if the umask hides nothing."""
    before = os.umask(0)
    try:
        write(tmp_path / "a")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_write_at_takes_any_number_of_buffers(tmp_path):
    """More buffers than one system call takes are all written, in order."""
    parts = [bytes([i % 251]) * (i % 3) for i in range(5000)]
    fd = fs.create(tmp_path / "a")
    assert fs.write_at(fd, parts, 7) == sum(map(len, parts))
    fs.close(fd)
    assert (tmp_path / "a").read_bytes() == bytes(7) + b"".join(parts)


def test_write_at_goes_on_after_short_writes(tmp_path, monkeypatch):
    """A system call that writes only a part is followed by another."""
    monkeypatch.setattr(os, "pwritev", lambda fd, b, at: os.pwrite(fd, b[0][:3], at))
    fd = fs.create(tmp_path / "a")
    fs.write_at(fd, [b"hello ", b"", b"world"], 0)
    fs.close(fd)
    assert (tmp_path / "a").read_bytes() == b"hello world"


def test_read_at_goes_on_after_short_reads(tmp_path, monkeypatch):
    """A system call that reads only a part is followed by another."""
    write(tmp_path / "a", b"hello world")
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, n, at: real(fd, min(n, 4), at))
    fd, _ = fs.open_status(tmp_path / "a")
    assert fs.read_at(fd, 8, 2) == b"llo worl"
    fs.close(fd)


def test_read_at_ends_at_the_end_of_the_file(tmp_path):
    """What is behind the end is left out, not filled with zeros."""
    fd, _ = fs.open_status(write(tmp_path / "a", b"hello"))
    assert fs.read_at(fd, 100, 3) == b"lo"
    assert fs.read_at(fd, 100, 9) == b""
    fs.close(fd)


def test_read_into_says_how_much_there_was(tmp_path):
    """A buffer longer than the file is filled as far as possible."""
    fd, _ = fs.open_status(write(tmp_path / "a", b"hello"))
    buffer = bytearray(8)
    assert fs.read_into(fd, buffer, 1) == 4
    assert buffer == b"ello" + bytes(4)
    fs.close(fd)


def test_open_status_refuses_links(tmp_path):
    """A symbolic link in the place of a file is refused by name."""
    write(tmp_path / "a")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(UnsafeStoreError, match=r"link.* is a symbolic link"):
        fs.open_status(tmp_path / "link")


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_open_status_refuses_files_that_others_can_write(tmp_path, mode):
    """Write permission for group or world is refused, with the remedy."""
    write(tmp_path / "a").chmod(mode)
    with pytest.raises(UnsafeStoreError, match=f"mode {mode:04o}.*chmod go-w"):
        fs.open_status(tmp_path / "a")


@needs_root
def test_open_status_refuses_files_of_others(tmp_path):
    """A file that somebody else owns is refused, although it is readable."""
    os.chown(write(tmp_path / "a"), NOBODY, NOBODY)
    with pytest.raises(UnsafeStoreError, match="belongs to user 65534"):
        fs.open_status(tmp_path / "a")


def test_open_status_refuses_what_is_no_file(tmp_path):
    """A FIFO is refused at once, without waiting for a writer."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(UnsafeStoreError, match="is no regular file"):
        fs.open_status(tmp_path / "pipe")


def test_a_refused_file_is_closed(tmp_path):
    """Refusals leave no descriptor open."""
    write(tmp_path / "a").chmod(0o622)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(UnsafeStoreError):
        fs.open_status(tmp_path / "a")
    assert len(os.listdir("/proc/self/fd")) == before


def test_list_names_of_a_missing_folder(tmp_path):
    """A folder that does not exist holds nothing."""
    assert fs.list_names(tmp_path / "none") == []


def test_make_folder_makes_private_parents(tmp_path):
    """All folders that are made have mode 0700, whatever the umask."""
    before = os.umask(0)
    try:
        fs.make_folder(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    for path in ("a", "a/b", "a/b/c"):
        assert stat.S_IMODE((tmp_path / path).stat().st_mode) == 0o700


def test_make_folder_keeps_what_is_there(tmp_path):
    """An existing folder is neither an error nor changed."""
    tmp_path.chmod(0o750)
    fs.make_folder(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_check_folder_accepts_a_private_folder(tmp_path):
    """A folder of one's own below sticky /tmp is fine."""
    fs.make_folder(tmp_path / "cache")
    fs.check_folder(tmp_path / "cache")


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o702])
def test_check_folder_refuses_folders_that_others_can_write(tmp_path, mode):
    """The message names the folder, its mode and the command to run."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(mode)
    with pytest.raises(UnsafeStoreError, match=f"cache'.*{mode:04o}.*chmod go-w"):
        fs.check_folder(tmp_path / "cache")


@needs_root
def test_check_folder_refuses_folders_of_others(tmp_path):
    """Somebody else's folder is refused."""
    (tmp_path / "cache").mkdir(mode=0o700)
    os.chown(tmp_path / "cache", NOBODY, NOBODY)
    with pytest.raises(UnsafeStoreError, match="belongs to user 65534"):
        fs.check_folder(tmp_path / "cache")


def test_check_folder_refuses_world_writable_parents(tmp_path):
    """Who can write to a parent can put another folder in the cache's place."""
    fs.make_folder(tmp_path / "open" / "cache")
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(UnsafeStoreError, match=r"chmod o-w .*open,"):
        fs.check_folder(tmp_path / "open" / "cache")


@pytest.mark.parametrize("mode", [0o1777, 0o770])
def test_check_folder_accepts_sticky_and_group_parents(tmp_path, mode):
    """A parent like /tmp, or one that a group can write, is accepted."""
    fs.make_folder(tmp_path / "parent" / "cache")
    (tmp_path / "parent").chmod(mode)
    fs.check_folder(tmp_path / "parent" / "cache")


def test_check_folder_looks_behind_links(tmp_path):
    """A link to a folder below a world-writable one is refused."""
    fs.make_folder(tmp_path / "open" / "cache")
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path / "open" / "cache")
    with pytest.raises(UnsafeStoreError, match="open"):
        fs.check_folder(tmp_path / "link")


def test_check_folder_refuses_a_file(tmp_path):
    """A file in the place of the folder is refused."""
    write(tmp_path / "cache")
    with pytest.raises(UnsafeStoreError, match=r"is no folder.*Next: another cache"):
        fs.check_folder(tmp_path / "cache")


def test_publish_gives_the_final_name(tmp_path):
    """After publishing only the final name is there."""
    write(tmp_path / "a.tmp", b"data")
    fs.publish(tmp_path / "a.tmp", tmp_path / "a")
    assert fs.list_names(tmp_path) == ["a"]


def test_write_new_refuses_a_taken_name(tmp_path):
    """The first one wins, and its content stays."""
    fs.write_new(tmp_path / "a", b"first")
    with pytest.raises(FileExistsError):
        fs.write_new(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"


def test_write_new_leaves_nothing_half_written(tmp_path, monkeypatch):
    """If the sync fails, the name is free again."""

    def fail(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fs, "sync", fail)
    with pytest.raises(OSError, match="No space"):
        fs.write_new(tmp_path / "a", b"data")
    assert fs.list_names(tmp_path) == []


def test_is_at_notices_a_removed_and_a_replaced_file(tmp_path):
    """The path must lead to the very file that is open."""
    fd, _ = fs.open_status(write(tmp_path / "a"))
    assert fs.is_at(fd, tmp_path / "a")
    fs.move(tmp_path / "a", tmp_path / "b")
    assert not fs.is_at(fd, tmp_path / "a")
    write(tmp_path / "a")
    assert not fs.is_at(fd, tmp_path / "a")
    fs.close(fd)


def test_mark_used_keeps_the_time_of_modification(tmp_path):
    """Only the access time is set."""
    fd, _ = fs.open_status(write(tmp_path / "a"))
    before = os.fstat(fd).st_mtime_ns
    fs.mark_used(fd, 5.5)
    assert os.fstat(fd).st_atime == 5.5
    assert os.fstat(fd).st_mtime_ns == before
    fs.close(fd)


def test_remove_says_whether_there_was_a_file(tmp_path):
    """Removing what is gone is no error."""
    write(tmp_path / "a")
    assert fs.remove(tmp_path / "a")
    assert not fs.remove(tmp_path / "a")


def test_remove_tree_does_not_follow_links(tmp_path):
    """A link inside is removed, what it leads to stays."""
    write(tmp_path / "kept")
    fs.make_folder(tmp_path / "tree" / "sub")
    (tmp_path / "tree" / "sub" / "link").symlink_to(tmp_path)
    fs.remove_tree(tmp_path / "tree")
    assert fs.list_names(tmp_path) == ["kept"]


def test_server_now_is_the_time_and_leaves_nothing(tmp_path):
    """The probe file is removed."""
    assert abs(fs.server_now(tmp_path) - time.time()) < 60
    assert fs.list_names(tmp_path) == []


def test_small_questions_about_a_file(tmp_path):
    """Content, length and time of modification, with the checks of an open."""
    path = write(tmp_path / "a", b"hello")
    assert fs.read_file(path) == b"hello"
    assert fs.size(path) == 5
    os.utime(path, (1, 2.5))
    assert fs.modified_at(path) == 2.5
    fs.touch(path)
    assert abs(fs.modified_at(path) - time.time()) < 60
    path.chmod(0o666)
    for question in (fs.read_file, fs.size, fs.modified_at):
        with pytest.raises(UnsafeStoreError):
            question(path)
