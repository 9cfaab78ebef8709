"""Digests of files: by content, read again only when something changed."""

from __future__ import annotations

import os
import pickle
import threading

import pytest

from gridtask.errors import IdentityError
from gridtask.identity.arguments import file as file_module
from gridtask.identity.arguments.file import File, digest_file
from gridtask.identity.arguments.hasher import ArgumentHasher

HASHER = ArgumentHasher(lambda thing: bytes(16))


@pytest.fixture
def reads(monkeypatch):
    """Count how often a file's content is read."""
    counted = []
    read = file_module._read
    monkeypatch.setattr(file_module, "_read", lambda fd: counted.append(fd) or read(fd))
    return counted


def write(path, content, *, age=3600):
    """Write a file that was last changed some seconds ago."""
    path.write_bytes(content)
    then = os.stat(path).st_mtime - age
    os.utime(path, (then, then))
    return path


def settle(monkeypatch, seconds=3600):
    """Let the clock be so far on that all files have been at rest."""
    now = file_module.time.time() + seconds
    monkeypatch.setattr(file_module.time, "time", lambda: now)


def test_content_counts(tmp_path):
    """Files of equal content are equal, whatever their names and times."""
    one = File(write(tmp_path / "one", b"content"))
    same = File(str(write(tmp_path / "same", b"content", age=7)))
    other = File(write(tmp_path / "other", b"c0ntent"))
    empty = File(write(tmp_path / "empty", b""))
    assert HASHER.digest(one) == HASHER.digest(same)
    assert len({HASHER.digest([f]) for f in (one, other, empty, str(one.path))}) == 4


def test_a_large_file(tmp_path):
    """Files longer than one block count to their last byte."""
    content = bytes(3_000_000)
    one, other = write(tmp_path / "one", content), write(tmp_path / "two", content[:-1])
    assert digest_file(one) == digest_file(write(tmp_path / "three", content))
    assert digest_file(one) != digest_file(other)


def test_a_file_at_rest_is_read_once(tmp_path, reads, monkeypatch):
    """The digest is kept while size, times and inode stay."""
    path = write(tmp_path / "data", b"content")
    settle(monkeypatch)
    assert HASHER.digest(File(path)) == HASHER.digest(File(path))
    assert digest_file(path) == digest_file(str(path))
    assert len(reads) == 1


def test_a_fresh_file_is_read_again(tmp_path, reads):
    """A file that may change within one tick of its clock is not remembered."""
    path = tmp_path / "data"
    path.write_bytes(b"content")
    before = digest_file(path)
    path.write_bytes(b"c0ntent")
    assert digest_file(path) != before
    assert len(reads) == 2


def test_a_changed_file_is_read_again(tmp_path, reads, monkeypatch):
    """Same size, same modification time, other content: another digest."""
    path = write(tmp_path / "data", b"content")
    settle(monkeypatch)
    before, status = digest_file(path), os.stat(path)
    path.write_bytes(b"c0ntent")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert digest_file(path) != before
    assert len(reads) == 2


def test_a_file_in_the_place_of_another(tmp_path, monkeypatch):
    """A file that was moved over another counts by its own content."""
    path, other = write(tmp_path / "a", b"one"), write(tmp_path / "b", b"two")
    settle(monkeypatch)
    before = digest_file(path)
    os.replace(other, path)
    assert digest_file(path) != before


def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch):
    """A file that is being written is an error that says so."""
    path = write(tmp_path / "data", b"content")
    read = file_module._read

    def read_and_change(fd):
        digest = read(fd)
        with open(path, "ab") as file:
            file.write(b"more")
        return digest

    monkeypatch.setattr(file_module, "_read", read_and_change)
    with pytest.raises(IdentityError, match="changes while it is read"):
        digest_file(path)


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo"])
def test_what_is_not_a_file(tmp_path, kind):
    """A missing file, a folder, a pipe: an error with the path, at once."""
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    if kind == "fifo":
        os.mkfifo(path)
    with pytest.raises(IdentityError, match=rf"^args\[0\]\['f'\]: .*{kind}"):
        HASHER.call_digests(["f"], [{"f": File(path)}])


def test_file_is_a_path(tmp_path):
    """A File opens like a path, is compared and pickled by it."""
    path = write(tmp_path / "data", b"content")
    file = File(path)
    with open(file, "rb") as opened:
        assert opened.read() == b"content"
    assert os.fspath(file) == file.path == str(path)
    assert pickle.loads(pickle.dumps(file)) == file
    assert hash(file) == hash(File(str(path)))
    assert file != File("other")
    assert file != str(path)
    assert repr(File("a")) == "File('a')"


def test_threads(tmp_path):
    """Several threads may digest one file."""
    path = write(tmp_path / "data", bytes(2_000_000))
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(digest_file(path)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [digest_file(path)] * 8
