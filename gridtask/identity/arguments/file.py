"""A file as an argument: it counts by its content, not by its name."""

from __future__ import annotations

import os
import stat
import threading
import time
from typing import Final

from xxhash import xxh3_128

from gridtask.errors import IdentityError
from gridtask.identity.arguments.digests import digest_leaf

_BLOCK_BYTES: Final = 1 << 20
_SETTLED_SECONDS: Final = 3.0
"""A file changed more recently may change again without a new time stamp:
file systems count in ticks of up to 2 s (FAT), NFS caches attributes for 3 s."""
_TRIES: Final = 3
_OPEN_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
"""Without waiting for the other end, should it be a pipe."""

_Stamp = tuple[int, int, int, int, int]
_known: dict[_Stamp, bytes] = {}
_lock = threading.Lock()


class File:
    """A path that counts by the content of its file.

    Give one as an argument of a call: the call is computed again when the
    file's bytes change, and only then; not when it is renamed or touched.

    Parameters
    ----------
    path : str or os.PathLike
        Path of a regular file, relative to the working directory if not
        absolute.

    Examples
    --------
    >>> import pathlib
    >>> File(pathlib.Path("data") / "mesh.h5")
    File('data/mesh.h5')
    """

    __slots__ = ("path",)

    path: str
    """The path, as it was given."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)

    def __gridtask_hash__(self) -> bytes:
        """Digest the content."""
        return digest_file(self.path)

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"File({self.path!r})"

    def __eq__(self, other: object) -> bool:
        return self.path == other.path if isinstance(other, File) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.path)


def digest_file(path: str | os.PathLike[str]) -> bytes:
    """Digest the content of a file.

    The digest is kept until size, times or inode of the file change.

    Parameters
    ----------
    path : str or os.PathLike
        Path of a regular file.

    Returns
    -------
    digest : bytes
        16 bytes.

    Raises
    ------
    IdentityError
        If the file cannot be read, is not a regular file, or changes while it
        is being read.
    """
    try:
        fd = os.open(path, _OPEN_FLAGS)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                msg = (
                    f"{os.fspath(path)!r} is not a regular file; give the path of "
                    f"one, or a list of them for a folder"
                )
                raise IdentityError(msg)
            return _digest_open(fd, os.fspath(path))
        finally:
            os.close(fd)
    except OSError as error:
        msg = (
            f"cannot read the file {os.fspath(path)!r}: {error.strerror}; "
            f"give the path of a file that can be read here"
        )
        raise IdentityError(msg) from error


def _digest_open(fd: int, path: str) -> bytes:
    for _ in range(_TRIES):
        before = _stamp(fd)
        with _lock:
            known = _known.get(before)
        if known is not None:
            return known
        digest = _read(fd)
        if _stamp(fd) == before:
            if time.time() - max(before[3:]) / 1e9 > _SETTLED_SECONDS:
                with _lock:
                    _known[before] = digest
            return digest
    msg = f"the file {path!r} changes while it is read; wait until it is written"
    raise IdentityError(msg)


def _stamp(fd: int) -> _Stamp:
    s = os.fstat(fd)
    return s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns


def _read(fd: int) -> bytes:
    os.lseek(fd, 0, os.SEEK_SET)
    hasher = xxh3_128()
    buffer = memoryview(bytearray(_BLOCK_BYTES))
    while n_bytes := os.readv(fd, [buffer]):
        hasher.update(buffer[:n_bytes])
    return digest_leaf(b"file", hasher.digest())
