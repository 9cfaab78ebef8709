"""The lock around planning and publishing, and who may hold it.

It saves duplicate work; it does not guard the data, which needs no lock.
"""

from __future__ import annotations

import getpass
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from gridtask import fs
from gridtask.backends.jobfile import machine, start_time

LOCK_SECONDS = 60.0
"""A submission lock that was not refreshed for so long is broken."""

HALF_WRITTEN_SECONDS = 5.0
"""A lock that names nobody after so long: who made it died before the next line."""

LOCK_REFRESH_SECONDS = 10.0
"""How often the holder refreshes its lock."""


class Process(NamedTuple):
    """A process, recognisable later although process ids are used again.

    Attributes
    ----------
    process_start : int or None
        When it started, in clock ticks since boot.
    machine : str
        The running kernel and its process ids' namespace.
    """

    user: str
    host: str
    pid: int
    process_start: int | None
    machine: str

    def has_ended(self) -> bool | None:
        """Tell whether it has ended; None if that cannot be seen from here."""
        here = machine()
        if self.machine == here:
            return start_time(self.pid) != self.process_start
        is_old_boot = self.machine[:8] != here[:8]
        return True if is_old_boot and self.host == os.uname().nodename else None


def this_process() -> Process:
    """Return the process that runs this."""
    pid = os.getpid()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = str(os.geteuid())
    return Process(user, os.uname().nodename, pid, start_time(pid), machine())


@contextmanager
def submit_lock(root: Path) -> Iterator[Callable[[], bool]]:
    """Hold the lock that keeps two drivers from submitting the same calls.

    It saves duplicate work, it does not guard the data: a driver that stalls
    inside it for more than `LOCK_SECONDS` loses it, and the same calls may
    then run twice, with the same results.

    Yields
    ------
    is_held : callable
        Tells whether the lock still is this process's; to be asked right
        before what it guards is published.
    """
    path = root / "submit.lock"
    lock = {"id": os.urandom(8).hex(), **this_process()._asdict()}
    content = json.dumps(lock).encode()
    _acquire(path, content)

    def is_held() -> bool:
        return _content(path) == content

    ended = threading.Event()
    refresher = threading.Thread(
        target=_refresh, args=(path, is_held, ended), daemon=True
    )
    refresher.start()
    try:
        yield is_held
    finally:
        ended.set()
        refresher.join()
        with suppress(OSError):  # it goes stale by itself
            if is_held():
                fs.remove(path)


def _acquire(path: Path, content: bytes) -> None:
    """Create the lock file, breaking one that nobody refreshes any more."""
    delay = 0.01
    while True:
        try:
            fs.write_new(path, content, durable=False)
            return
        except FileExistsError:
            _break_if_stale(path)
        time.sleep(delay)
        delay = min(1.0, delay * 1.5)


def _break_if_stale(path: Path) -> None:
    """Remove a stale lock, unless another process is about to.

    Of two that have found the same lock stale the slower one would remove the lock
    that was made meanwhile. So one at a time breaks it, and looks again first.
    """
    breaking = path.with_name(f"{path.name}.break")
    with suppress(FileNotFoundError):
        if not _is_stale(path):
            return
        try:
            fs.write_new(breaking, b"", durable=False)
        except FileExistsError:
            if _age(breaking) > LOCK_SECONDS:  # who made it died before the next line
                fs.remove(breaking)
            return
        try:
            if _is_stale(path):
                fs.remove(path)
        finally:
            fs.remove(breaking)


def _is_stale(path: Path) -> bool:
    """Tell whether nobody holds a lock any more; FileNotFoundError if it is gone."""
    seen = _content(path)
    patience = LOCK_SECONDS if seen else HALF_WRITTEN_SECONDS
    return _age(path) >= patience or _has_holder_ended(seen)


def _age(path: Path) -> float:
    """Return how many seconds ago a file was last changed.

    By its distance: a lock of a time to come would be waited for for ever.
    """
    return abs(fs.server_now(path.parent) - fs.modified_at(path))


def _has_holder_ended(content: bytes | None) -> bool:
    """Tell whether the process that a lock names is known to have ended."""
    try:
        fields = json.loads(content or b"")
        del fields["id"]
        return Process(**fields).has_ended() is True
    except (ValueError, TypeError, KeyError):
        return False  # still being written, or damaged: it goes by its age


def _refresh(path: Path, is_held: Callable[[], bool], ended: threading.Event) -> None:
    """Keep the lock's time stamp fresh until `ended`, or until it is lost."""
    with suppress(OSError):
        while not ended.wait(LOCK_REFRESH_SECONDS) and is_held():
            fs.touch(path)


def _content(path: Path) -> bytes | None:
    try:
        return fs.read_file(path)
    except FileNotFoundError:
        return None
