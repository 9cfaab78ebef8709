"""A folder in memory in the place of `gridtask.fs`, with step points.

Each operation first gives way to the others (`step`), large writes come in
two parts, and a listing goes through the folder's places bit by bit: it may
miss what is renamed meanwhile, as real ones do.
"""

from __future__ import annotations

import errno
import os
import random
from types import SimpleNamespace

from interleaving import Interleaving

from gridtask import fs

LISTED_AT_ONCE = 2
"""Places of the folder that a listing reads between two steps."""


class Inode:
    """A file's content and times."""

    def __init__(self, number: int, now: float) -> None:
        self.number = number
        self.data = bytearray()
        self.mtime = self.ctime = self.atime = now

    def status(self) -> SimpleNamespace:
        """Return what fstat would."""
        return SimpleNamespace(
            st_ino=self.number,
            st_size=len(self.data),
            st_mtime=self.mtime,
            st_ctime=self.ctime,
            st_atime=self.atime,
            st_blocks=-(-len(self.data) // 512),
        )


class VirtualFolder:
    """One folder; its methods have the names of the functions of `fs`.

    Attributes
    ----------
    now : float
        The file server's clock.
    n_listings : int
        Listings that are going on.
    lost_replies : float
        How often what was done is reported as failed.
    """

    def __init__(
        self, draw: random.Random, interleaving: Interleaving, lost_replies: float
    ) -> None:
        self._draw = draw
        self._step = interleaving.step
        self._stall = interleaving.stall
        self.lost_replies = lost_replies
        self._places: list[str | None] = []
        self._inodes: dict[str, Inode] = {}
        self._open: dict[int, Inode] = {}
        self._n_made = 1_000_000
        self.now = 1_800_000_000.0
        self.n_listings = 0

    def install(self, monkeypatch) -> None:
        """Put the methods into the place of the functions of `fs`."""
        for name in vars(VirtualFolder):
            if hasattr(fs, name) and not name.startswith("_"):
                monkeypatch.setattr(fs, name, getattr(self, name))

    # -- the folder

    def add_free_places(self, n: int) -> None:
        """Leave places where new names may come before old ones."""
        self._places += [None] * n
        self._draw.shuffle(self._places)

    def names(self) -> list[str]:
        """Return all names, without a step."""
        return sorted(self._inodes)

    def set_times(self, name: str, at: float) -> None:
        """Set all times of a file, without a step."""
        inode = self._inodes[name]
        inode.mtime = inode.ctime = inode.atime = at

    def _link(self, name: str, inode: Inode) -> None:
        """Put a name at a free place, or at the end."""
        self._inodes[name] = inode
        free = [i for i, there in enumerate(self._places) if there is None]
        if free and self._draw.random() < 0.8:
            self._places[self._draw.choice(free)] = name
        else:
            self._places.append(name)

    def _unlink(self, path) -> Inode:
        name = os.path.basename(path)
        inode = self._find(path)
        del self._inodes[name]
        self._places[self._places.index(name)] = None
        return inode

    def _find(self, path) -> Inode:
        try:
            return self._inodes[os.path.basename(path)]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, "gone", str(path)) from None

    def list_own_names(self, folder) -> list[str]:
        return self.list_names(folder)

    def list_names(self, folder) -> list[str]:
        self.n_listings += 1
        try:
            found: dict[str, None] = {}
            at = 0
            while at < len(self._places):
                self._step_or_stall(0.1)
                for name in self._places[at : at + LISTED_AT_ONCE]:
                    if name is not None:
                        found[name] = None
                at += LISTED_AT_ONCE
        finally:
            self.n_listings -= 1
        # What was listed may be gone when it is opened.
        self._step_or_stall(0.1)
        return list(found)

    def _step_or_stall(self, probability: float) -> None:
        """Stand still for long, with some probability."""
        self._stall() if self._draw.random() < probability else self._step()

    def list_statuses(self, folder):
        return {name: inode.status() for name, inode in self._inodes.items()}

    def make_folder(self, path) -> None:
        pass

    def check_own_folder(self, path) -> None:
        pass

    def sync_folder(self, path) -> None:
        self._step()

    def is_shared(self, folder) -> bool:
        return False

    def server_now(self, folder) -> float:
        self._step()
        return self.now

    # -- files

    def create(self, path) -> int:
        self._step()
        name = os.path.basename(path)
        if name in self._inodes:
            raise FileExistsError(errno.EEXIST, "there", str(path))
        self._n_made += 1
        self._link(name, Inode(self._n_made, self.now))
        return self._descriptor(self._inodes[name])

    def _descriptor(self, inode: Inode) -> int:
        self._n_made += 1
        self._open[self._n_made] = inode
        return self._n_made

    def close(self, fd: int) -> None:
        # No step: the garbage collector may close in any thread.
        self._open.pop(fd, None)

    def open_status(self, path):
        self._step()
        inode = self._find(path)
        return self._descriptor(inode), inode.status()

    def open_checked(self, path) -> int:
        return self.open_status(path)[0]

    def write_at(self, fd: int, buffers, offset: int) -> int:
        data = b"".join(buffers)
        cut = self._draw.randrange(len(data) + 1) if len(data) > 200 else 0
        for part, at in ((data[:cut], offset), (data[cut:], offset + cut)):
            if part:
                self._step()
                inode = self._open[fd]
                inode.data.extend(bytes(max(0, at - len(inode.data))))
                inode.data[at : at + len(part)] = part
                inode.mtime = inode.ctime = self.now
        return len(data)

    def truncate(self, fd: int, n_bytes: int) -> None:
        self._step()
        del self._open[fd].data[n_bytes:]

    def sync(self, fd: int) -> None:
        self._step()

    def read_at(self, fd: int, n_bytes: int, offset: int) -> bytes:
        self._step()
        return bytes(self._open[fd].data[offset : offset + n_bytes])

    def read_into(self, fd: int, buffer, offset: int) -> int:
        data = self.read_at(fd, len(buffer), offset)
        memoryview(buffer)[: len(data)] = data
        return len(data)

    def is_at(self, fd: int, path) -> bool:
        self._step()
        return self._inodes.get(os.path.basename(path)) is self._open[fd]

    def modified_ns(self, fd: int) -> int:
        return int(self._open[fd].mtime * 1e9)

    def mark_used(self, fd: int, now: float) -> None:
        self._open[fd].atime = now

    def publish(self, tmp, final) -> None:
        self._step_or_stall(0.2)
        self._link(os.path.basename(final), self._unlink(tmp))
        self._find(final).ctime = self.now
        if self._is_lost():
            raise FileNotFoundError(errno.ENOENT, "the reply was lost")
        self._step()

    def remove(self, path) -> bool:
        self._step()
        try:
            self._unlink(path)
        except FileNotFoundError:
            return False
        return not self._is_lost()

    def move(self, path, target) -> None:
        self._step()
        self._link(os.path.basename(target), self._unlink(path))

    def touch(self, path) -> None:
        self._step()
        self._find(path).mtime = self.now

    def _is_lost(self) -> bool:
        """Return whether to report as failed what was done."""
        return self._draw.random() < self.lost_replies

    def write_new(self, path, data: bytes, *, durable: bool = True) -> None:
        fd = self.create(path)
        self.write_at(fd, [data], 0)
        self.close(fd)

    def modified_at(self, path) -> float:
        self._step()
        return self._find(path).mtime

    def changed_at(self, path) -> float:
        self._step()
        return self._find(path).ctime

    def size(self, path) -> int:
        self._step()
        return len(self._find(path).data)
