"""File operations of the cache folder.

Every call that creates, writes, syncs, renames or removes a file of the cache
goes through this module, so that faults can be injected in one place. All
files are created exclusively with mode 0600 and folders with 0700, by the mode
argument (`os.umask` is a property of the whole process).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from gridtask.errors import UnsafeStoreError
from gridtask.permissions import check_folder as check_folder
from gridtask.permissions import check_own_folder as check_own_folder
from gridtask.permissions import fault, quote, remedy
from gridtask.permissions import list_own_names as list_own_names

Buffer = bytes | bytearray | memoryview

MAX_BUFFERS = 1024
"""Most buffers of one pwritev: IOV_MAX of Linux."""

_CREATE_FLAGS = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO that somebody put there must not hang.
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a full disk, or a used up quota."""

NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
"""Errors of a process, or a host, that has too many files open."""

GONE = (errno.ENOENT, errno.ESTALE)
"""Errors that say that a file is there no longer. ESTALE: removed by another
client of the file server."""

LOCAL_TYPES = frozenset(
    ("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs")
) | {"jfs", "ramfs", "xfs", "zfs"}
"""Types of file systems that no other host writes to; all others may be shared."""


def create(path: str | Path) -> int:
    """Create a new file for reading and writing.

    Returns
    -------
    fd : int
        Its descriptor.

    Raises
    ------
    FileExistsError
        If the name is taken, also by a symbolic link.
    """
    return os.open(path, _CREATE_FLAGS, 0o600)


def close(fd: int) -> None:
    """Close a descriptor. NFS reports errors of earlier writes here."""
    os.close(fd)


def write_at(fd: int, buffers: Sequence[Buffer], offset: int) -> int:
    """Write all `buffers`, one after the other, from `offset` on.

    Returns
    -------
    n_bytes : int
        How many bytes were written: all of them.
    """
    n_bytes = sum(map(len, buffers))
    n_written = os.pwritev(fd, buffers[:MAX_BUFFERS], offset)
    while n_written < n_bytes:
        rest = _after(buffers, n_written)
        n_written += os.pwritev(fd, rest[:MAX_BUFFERS], offset + n_written)
    return n_bytes


def _after(buffers: Sequence[Buffer], n_written: int) -> list[Buffer]:
    """Return what is left of `buffers` behind their first `n_written` bytes."""
    i = 0
    while n_written >= len(buffers[i]):
        n_written -= len(buffers[i])
        i += 1
    return [memoryview(buffers[i])[n_written:], *buffers[i + 1 :]]


def truncate(fd: int, n_bytes: int) -> None:
    """Cut a file to `n_bytes`."""
    os.ftruncate(fd, n_bytes)


def sync(fd: int) -> None:
    """Return when the file's content has reached the file server's disk."""
    os.fsync(fd)


def sync_folder(path: str | Path) -> None:
    """Return when the names in a folder have reached the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_at(fd: int, n_bytes: int, offset: int) -> bytes:
    """Read `n_bytes` from `offset` on; fewer only at the end of the file."""
    data = os.pread(fd, n_bytes, offset)
    if len(data) == n_bytes or not data:
        return data
    rest = bytearray(n_bytes)
    rest[: len(data)] = data
    n_more = read_into(fd, memoryview(rest)[len(data) :], offset + len(data))
    return bytes(rest[: len(data) + n_more])


def read_into(fd: int, buffer: bytearray | memoryview, offset: int) -> int:
    """Fill `buffer` from `offset` on; return how many bytes there were."""
    view = memoryview(buffer)
    n_read = 0
    while n_read < len(view):
        n = os.preadv(fd, [view[n_read:]], offset + n_read)
        if n == 0:
            break
        n_read += n
    return n_read


def open_status(path: str | Path) -> tuple[int, os.stat_result]:
    """Open a file of the cache for reading, if nobody else can write it.

    Returns
    -------
    fd : int
        Its descriptor.
    status : os.stat_result
        Its status. The size after an open is right on NFS too (close-to-open
        consistency), that of a `stat` may be seconds old.

    Raises
    ------
    UnsafeStoreError
        If it is no regular file (symbolic links are not followed), belongs to
        somebody else, or can be written by group or world.
    FileNotFoundError
        If there is no such file.
    """
    try:
        fd = _open_quietly(path)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        msg = (
            f"{str(path)!r} is a symbolic link, expected a file of the cache. It is"
            f" ignored. Next: rm {quote(str(path))}"
        )
        raise UnsafeStoreError(msg) from None
    status = os.fstat(fd)
    flaw = fault(status, stat.S_ISREG, "regular file")
    if flaw:
        os.close(fd)
        msg = f"{str(path)!r} {flaw}. It is ignored. Next: {remedy(path, status)}"
        raise UnsafeStoreError(msg)
    return fd, status


def _open_quietly(path: str | Path) -> int:
    """Open a file so that reading does not set its access time.

    That time says when a result was last used (see `mark_used`). Only a file's
    owner may ask for this.
    """
    try:
        return os.open(path, _OPEN_FLAGS | os.O_NOATIME)
    except PermissionError:
        return os.open(path, _OPEN_FLAGS)


def list_names(folder: str | Path) -> list[str]:
    """Return the names in `folder`; none if there is no such folder."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def list_statuses(folder: str | Path) -> dict[str, os.stat_result]:
    """Return the names in `folder` with their status, links not followed."""
    statuses = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    statuses[entry.name] = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        pass
    return statuses


def is_shared(folder: str | Path) -> bool:
    """Return whether other hosts may write to the file system of `folder`.

    There a listing may miss what they have just written.

    References
    ----------
    proc(5), Linux man-pages 6.03, "/proc/[pid]/mountinfo".
    """
    device = os.stat(folder).st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            mounts = [line.split(" - ") for line in file]
    except OSError:
        return True
    types = {end.split()[0] for start, end in mounts if start.split()[2] == name}
    # btrfs shows other numbers in stat than in the list of mounts.
    return not types or not types <= LOCAL_TYPES


def make_folder(path: str | Path) -> None:
    """Make a folder and its missing parents, mode 0700; it may exist."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except FileNotFoundError:
        make_folder(os.path.dirname(os.path.abspath(path)))
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)


def publish(tmp: str | Path, final: str | Path) -> None:
    """Give a file that is already synced its final name, durably."""
    os.rename(tmp, final)
    sync_folder(os.path.dirname(final))


def write_new(path: str | Path, data: bytes, *, durable: bool = True) -> None:
    """Write a small new file; if `durable`, it survives a power failure.

    Raises
    ------
    FileExistsError
        If the name is taken.
    """
    fd = create(path)
    try:
        write_at(fd, [data], 0)
        if durable:
            sync(fd)
    except OSError:
        remove(path)
        raise
    finally:
        close(fd)
    if durable:
        sync_folder(os.path.dirname(path))


def read_file(path: str | Path) -> bytes:
    """Return a small file's content, checked as `open_status` does."""
    fd, status = open_status(path)
    try:
        return read_at(fd, status.st_size, 0)
    finally:
        close(fd)


def read_end(path: str | Path, n_bytes: int) -> bytes:
    """Return the last `n_bytes` of a file at most, checked as `read_file` does."""
    fd, status = open_status(path)
    try:
        return read_at(fd, n_bytes, max(0, status.st_size - n_bytes))
    finally:
        close(fd)


def modified_at(path: str | Path) -> float:
    """Return when a file was last changed, in POSIX seconds of the server."""
    fd, status = open_status(path)
    close(fd)
    return status.st_mtime


def changed_at(path: str | Path) -> float:
    """Return when a file was last written, renamed or given other times.

    In POSIX seconds of the server. Nobody can set this time.
    """
    fd, status = open_status(path)
    close(fd)
    return max(status.st_ctime, status.st_mtime)


def size(path: str | Path) -> int:
    """Return a file's length in bytes."""
    fd, status = open_status(path)
    close(fd)
    return status.st_size


def touch(path: str | Path) -> None:
    """Set a file's times to now, by the server's clock."""
    os.utime(path, follow_symlinks=False)


def is_at(fd: int, path: str | Path) -> bool:
    """Return whether `path` still leads to the open file `fd`.

    The path is opened: over NFS a `stat` may show for seconds what another
    host has removed, an open does not.
    """
    try:
        found = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in GONE:
            return False
        raise
    try:
        there, here = os.fstat(found), os.fstat(fd)
    finally:
        os.close(found)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def modified_ns(fd: int) -> int:
    """Return when an open file was last changed, in ns, by the server's clock."""
    return os.fstat(fd).st_mtime_ns


def mark_used(fd: int, now: float) -> None:
    """Set a file's access time to `now`, not its modification time."""
    os.utime(fd, ns=(int(now * 1e9), os.fstat(fd).st_mtime_ns))


def remove(path: str | Path) -> bool:
    """Remove a file; return whether it was there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def remove_tree(path: str | Path) -> None:
    """Remove a folder and all below; symbolic links are not followed.

    What cannot be removed because a process still holds it (``.nfsXXXX``
    files) stays, and so does its folder.
    """
    import shutil

    if os.path.islink(path):
        os.unlink(path)
    else:
        shutil.rmtree(path, ignore_errors=True)


def move(path: str | Path, target: str | Path) -> None:
    """Rename a file or folder."""
    os.rename(path, target)


def server_now(folder: str | Path) -> float:
    """Return the time by the clock of the file server, in POSIX seconds.

    Notes
    -----
    The modification time of a probe file, made and removed in `folder`; on a
    full disk that of the folder itself, set to now.
    """
    path = os.path.join(folder, f".probe-{os.urandom(8).hex()}")
    try:
        fd = create(path)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        touch(folder)
        return os.stat(folder).st_mtime
    try:
        return os.fstat(fd).st_mtime
    finally:
        close(fd)
        remove(path)
