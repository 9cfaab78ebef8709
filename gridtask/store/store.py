"""The cache folder: where results are. Knows keys and bytes, not tasks."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from xxhash import xxh3_64_hexdigest

from gridtask import fs
from gridtask.errors import (
    GridTaskError,
    StoreError,
    StoreVersionError,
    UnsafeStoreError,
    warn,
)
from gridtask.lazy import lazy
from gridtask.store.folder import Folder
from gridtask.store.loading import LoadError
from gridtask.store.record import MAJOR, Kind

__all__ = [
    "Folder",
    "Kind",
    "LoadError",
    "Store",
]

MARKER = "GRIDTASK"
OWN_NAMES = frozenset(
    (MARKER, "CACHEDIR.TAG", ".gitignore", "f", "runs", "trash", "submit.lock")
)
"""What may lie in a folder that has lost its marker."""

CACHEDIR_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# Results of gridtask; they can be computed again.\n"
)
"""Asks backup programs to leave the folder out (bford.info/cachedir, 1.0)."""

DAMAGED_SECONDS = 30 * 86_400.0
"""How long a damaged file stays in the trash."""

MAX_NAME = 60
_FOLDER_NAME = r"[A-Za-z0-9_.-]{1,60}~[0-9a-f]{8}"
_NOT_IN_NAMES = r"[^A-Za-z0-9_.-]"

MARKER_SECONDS = 2.0
"""How long a marker may be empty because another process is writing it."""


class Store:
    """A cache folder. Make it with `Store.open`.

    Attributes
    ----------
    root : Path
        The folder, absolute.
    tasks : Path
        Where the folders of tasks lie.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tasks = root / "f"
        self._makes_folders: bool | None = None

    @classmethod
    def open(cls, root: str | Path, create: bool = True) -> Store:
        """Open a cache folder, or make one.

        Parameters
        ----------
        root : str or Path
            A folder of this user's own.
        create : bool
            Whether to make it if it is missing; only new and empty folders
            become a cache.

        Raises
        ------
        UnsafeStoreError
            If others can write there: they could run code as this user.
        StoreVersionError
            If a newer gridtask made it.
        StoreError
            If it is missing, or something else than a cache.
        """
        store = cls(Path(os.path.abspath(root)))
        store._makes_folders = create
        try:
            _check(fs.check_folder, store.root, create)
            store._check_marker(create)
            with contextlib.suppress(FileNotFoundError):
                fs.check_own_folder(store.tasks)
        except StoreError:
            raise
        except OSError as error:
            raise unusable(store.root, error) from error
        return store

    @lazy
    def runs(self) -> Path:
        """Where run files and logs lie; checked when it is first asked for.

        Raises
        ------
        UnsafeStoreError
            If others can write there.
        StoreError
            If it cannot be made.
        """
        runs = self.root / "runs"
        if self._makes_folders is None:  # not opened: somebody looks at all of it
            return runs
        try:
            _check(fs.check_own_folder, runs, self._makes_folders)
        except FileNotFoundError:
            pass  # the next map makes it
        except StoreError:
            raise
        except OSError as error:
            raise unusable(self.root, error) from error
        return runs

    def _check_marker(self, create: bool) -> None:
        """Read the marker; write it where it is missing or damaged."""
        path = self.root / MARKER
        text = _read_marker(path)
        if text is None:
            self._refuse_foreign(create)
            self._write_markers()
            fs.make_folder(self.root / "runs")
            return
        marker = parse_marker(text)
        if marker is None:
            msg = f"{str(path)!r} is damaged; it is written anew"
            warn(msg)
            tmp = self.root / f".{os.urandom(8).hex()}.tmp"
            fs.write_new(tmp, _marker())
            fs.publish(tmp, path)
        else:
            self.check_format(marker)

    def _write_markers(self) -> None:
        """Say what the folder is, to gridtask, backup programs and git."""
        with contextlib.suppress(FileExistsError):
            fs.write_new(self.root / MARKER, _marker())
        for name, content in (("CACHEDIR.TAG", CACHEDIR_TAG), (".gitignore", b"*\n")):
            with contextlib.suppress(FileExistsError):
                fs.write_new(self.root / name, content, durable=False)

    def check_format(self, marker: dict[str, object]) -> None:
        """Refuse a cache of another format, or of a group.

        Raises
        ------
        StoreVersionError
            If a newer gridtask made it.
        UnsafeStoreError
            If a group shares it.
        """
        if marker.get("format") != MAJOR:
            msg = (
                f"the cache folder {str(self.root)!r} has format"
                f" {marker.get('format')!r}, this gridtask knows {MAJOR}. Next:"
                " upgrade gridtask, or choose another cache folder (GRIDTASK_CACHE)"
            )
            raise StoreVersionError(msg)
        if marker.get("shared") is not None:
            msg = (
                f"the cache folder {str(self.root)!r} is shared with the group"
                f" {marker['shared']!r}, which this gridtask does not support."
                " Next: choose a cache folder of your own (GRIDTASK_CACHE)"
            )
            raise UnsafeStoreError(msg)

    def _refuse_foreign(self, create: bool) -> None:
        """Refuse a folder without marker in which something else lies."""
        names = set(fs.list_names(self.root))
        if not create or not names <= OWN_NAMES:
            others = ", ".join(map(repr, sorted(names - OWN_NAMES)[:3])) or "nothing"
            msg = (
                f"{str(self.root)!r} is no cache folder: it has no {MARKER} file, but"
                f" {others}. Expected a new or empty folder, or a cache. Next: choose"
                " another one with GRIDTASK_CACHE or cache_dir="
            )
            raise StoreError(msg)

    def folder(self, name: str, *, mapped: bool = False) -> Folder:
        """Return the folder of a task, by the task's full name.

        Nothing is read or made before it is used. With `mapped`, large values
        that it loads may be views of their files.
        """
        return Folder(self.tasks / folder_name(name), name, mapped)

    def folders(self) -> list[Folder]:
        """Return the folders of all tasks, by name."""
        found = []
        for name in sorted(fs.list_names(self.tasks)):
            if re.fullmatch(_FOLDER_NAME, name):
                stem = name.rpartition("~")[0]
                is_full = folder_name(stem) == name
                path = self.tasks / name
                found.append(Folder(path, stem if is_full else None))
        return found

    def remove_folder(self, folder: Folder) -> None:
        """Remove a task's folder with all that it holds.

        It is renamed first, so that nobody sees half of it, and workers that
        still write there start a new one.

        Raises
        ------
        StoreError
            If it is no folder of this store.
        """
        path = folder.path
        if path.parent != self.tasks or not re.fullmatch(_FOLDER_NAME, path.name):
            msg = (
                f"{str(path)!r} is no task's folder of the cache {str(self.root)!r};"
                " nothing was removed"
            )
            raise StoreError(msg)
        fs.make_folder(self.trash)
        if path.is_symlink():
            msg = f"{str(path)!r} is a link; what is in {str(path.resolve())!r} stays"
            warn(msg)
        try:
            fs.move(path, self.trash / os.urandom(16).hex())
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            fs.remove_tree(path)  # one of the two is a link to another disk
        folder.reset()
        self.empty_trash()

    @property
    def trash(self) -> Path:
        """Where removed folders wait for their end."""
        return self.root / "trash"

    def empty_trash(self) -> None:
        """Remove what was moved to the trash, also by processes that died.

        Damaged files stay for a month.
        """
        from gridtask.store.repair import DAMAGED

        for name in fs.list_names(self.trash):
            if name.startswith(DAMAGED):
                self._remove_damaged(self.trash / name)
            else:
                fs.remove_tree(self.trash / name)

    def _remove_damaged(self, path: Path) -> None:
        """Remove a damaged file that was saved from long ago."""
        with contextlib.suppress(OSError):
            age = fs.server_now(self.trash) - fs.changed_at(path)
            if abs(age) > DAMAGED_SECONDS:
                fs.remove(path)


def unusable(root: Path, error: OSError) -> StoreError:
    """Return what to tell of the system's error about a cache folder."""
    msg = (
        f"cannot use the cache folder {str(root)!r}: {error}. Expected a folder that"
        " you can write to; choose another with GRIDTASK_CACHE or cache_dir="
    )
    return StoreError(msg)


@contextlib.contextmanager
def writing(root: Path) -> Iterator[None]:
    """Raise `StoreError` where the system refuses to write into a cache folder."""
    try:
        yield
    except GridTaskError:
        raise
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        if not is_full and not str(error.filename or "").startswith(str(root)):
            raise  # of the user's own code
        raise unusable(root, error) from error


def _check(check: Callable[[Path], None], path: Path, create: bool) -> None:
    """Check a folder; make it if it is missing and `create` says so."""
    try:
        check(path)
    except FileNotFoundError:
        if not create:
            raise
        fs.make_folder(path)
        check(path)


def folder_name(name: str) -> str:
    """Return the name of a task's folder: readable, safe, and unique."""
    digest = xxh3_64_hexdigest(name.encode("utf-8", "surrogatepass"))
    return f"{re.sub(_NOT_IN_NAMES, '_', name)[:MAX_NAME] or '_'}~{digest[:8]}"


def _marker() -> bytes:
    """Return a new marker's text."""
    fields = {
        "format": MAJOR,
        "id": os.urandom(16).hex(),
        "created": int(time.time()),
        "shared": None,
    }
    return json.dumps({**fields, "checksum": _marker_checksum(fields)}).encode() + b"\n"


def _marker_checksum(fields: dict[str, object]) -> str:
    """Return the checksum of a marker's fields."""
    return xxh3_64_hexdigest(json.dumps(fields, sort_keys=True).encode())


def parse_marker(text: bytes) -> dict[str, object] | None:
    """Return a marker's fields; None if it is damaged."""
    try:
        fields = json.loads(text)
        checksum = fields.pop("checksum")
    except (ValueError, KeyError, AttributeError, TypeError):
        return None
    return fields if checksum == _marker_checksum(fields) else None


def _read_marker(path: Path) -> bytes | None:
    """Return the marker's text; None if there is none.

    An empty one may be just being written by another process.
    """
    deadline = time.monotonic() + MARKER_SECONDS
    while True:
        try:
            fd, status = fs.open_status(path)
        except FileNotFoundError:
            return None
        try:
            text = fs.read_at(fd, status.st_size, 0)
        finally:
            fs.close(fd)
        is_young = abs(time.time() - status.st_mtime) < MARKER_SECONDS
        if text or not is_young or time.monotonic() > deadline:
            return text
        time.sleep(0.01)
