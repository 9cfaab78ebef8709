"""Who may write to the files and folders of a cache: nobody else.

Who can write there can run code as everybody who reads it: results are
pickles.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from gridtask.errors import UnsafeStoreError

_OTHER = "another cache folder (GRIDTASK_CACHE)"

WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def check_folder(path: str | Path) -> None:
    """Check that nobody else can put files into a folder of the cache.

    Who can write there can run code as everybody who reads the cache: results
    are pickles. The folder itself must belong to this user, without write
    permission for group and world. A parent must not be world-writable
    without the sticky bit, both on the path as given and behind its symbolic
    links.

    Raises
    ------
    UnsafeStoreError
        Names the path, the fault, and the command to run.
    FileNotFoundError
        If there is no such folder.

    References
    ----------
    sshd_config(5), OpenSSH 9.2, "StrictModes": the same reasoning.
    """
    folder = os.path.abspath(path)
    status = os.lstat(folder)
    if stat.S_ISLNK(status.st_mode):
        check_own_folder(folder)
        behind = _parents(os.path.realpath(folder))
    else:
        refuse_unsafe(folder, status)
        real = os.path.realpath(os.path.dirname(folder))
        behind = [real, *_parents(real)]
    for parent in sorted({*_parents(folder), *behind}):
        mode = os.stat(parent).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            msg = (
                f"everybody can write to {parent!r} (mode {stat.S_IMODE(mode):04o}),"
                f" a parent of the cache folder {folder!r}, and so could replace it."
                f" Next: chmod o-w {quote(parent)}, or another cache folder"
                " (GRIDTASK_CACHE)"
            )
            raise UnsafeStoreError(msg)


def check_own_folder(path: str | Path) -> None:
    """Check a folder of the cache without its parents (see `check_folder`)."""
    refuse_unsafe(path, os.stat(path))


def refuse_unsafe(path: str | Path, status: os.stat_result) -> None:
    """Check a folder of the cache by its status (see `check_folder`)."""
    flaw = fault(status, stat.S_ISDIR, "folder")
    if flaw:
        is_no_folder = not stat.S_ISDIR(status.st_mode)  # perhaps the user's script
        msg = (
            f"the cache folder {str(path)!r} {flaw}; expected a folder that only"
            " you can write to (a cache shared by a group is not supported)."
            f" Next: {_OTHER if is_no_folder else remedy(path, status)}"
        )
        raise UnsafeStoreError(msg)


def list_own_names(folder: str | Path) -> list[str]:
    """Return the names in a folder of the cache; none if there is no such folder.

    Raises
    ------
    UnsafeStoreError
        If others can write to it (see `check_own_folder`).
    """
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    try:
        # Of what is open, so that it needs no look at the path of its own.
        refuse_unsafe(folder, os.fstat(fd))
        return os.listdir(fd)
    finally:
        os.close(fd)


def quote(path: str) -> str:
    """Return a path as a shell takes it."""
    import shlex  # for messages only

    return shlex.quote(path)


def _parents(folder: str) -> list[str]:
    """Return the folders above `folder`, up to the root."""
    above = []
    while (parent := os.path.dirname(folder)) != folder:
        above.append(parent)
        folder = parent
    return above


def fault(status: os.stat_result, is_kind: object, kind: str) -> str:
    """Say what is wrong with a file or folder; empty if nothing is."""
    assert callable(is_kind)
    if not is_kind(status.st_mode):
        return f"is no {kind}"
    if status.st_uid != os.geteuid():
        return f"belongs to user {status.st_uid}, not to you (user {os.geteuid()})"
    if status.st_mode & WRITABLE_BY_OTHERS:
        return f"can be written by others (mode {stat.S_IMODE(status.st_mode):04o})"
    return ""


def remedy(path: str | Path, status: os.stat_result) -> str:
    """Return the command that mends the fault, as far as one can."""
    quoted = quote(str(path))
    if status.st_uid == os.geteuid() and status.st_mode & WRITABLE_BY_OTHERS:
        return f"chmod go-w {quoted}"
    if stat.S_ISDIR(status.st_mode):
        return _OTHER
    return f"rm {quoted}"
