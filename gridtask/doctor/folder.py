"""The cache folder: whose it is, on what it lies, how much room and how fast."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from gridtask import fs
from gridtask.doctor.findings import Finding, note, ok, problem, warning
from gridtask.errors import StoreError
from gridtask.units import format_size

SECTION = "cache"
MIN_BYTES = 2 << 30
MIN_FILES = 10_000
"""Less room than that is worth a warning."""

SLOW_SECONDS = 0.1
"""A small file that takes longer to be safe on disk is worth a warning."""

N_TRIES = 5

_BLOCK = 1024
"""quota(1) counts in kB."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system: a line of /proc/self/mountinfo (proc(5))."""

    folder: str
    type: str
    source: str
    options: str


def examine_folder(
    path: Path, ask: Callable[..., str], needs_sharing: bool
) -> Iterator[Finding]:
    """Yield what is found of a cache folder; it need not exist.

    Parameters
    ----------
    ask : callable
        Runs a command and returns what it prints, nothing if it fails.
    needs_sharing : bool
        Whether other hosts are to write there.
    """
    there = existing(path)
    what = "" if path.exists() else ", not made yet"
    yield ok(SECTION, f"{path}{what}", path=str(path), exists=path.exists())
    yield from _permissions(path)
    try:
        speed = _speed(there)
    except OSError as error:
        remedy = "choose another folder: GRIDTASK_CACHE, or cache_dir in gridtask.toml"
        yield problem(SECTION, f"{there} cannot be written to: {error}", remedy)
        return
    mount = mount_of(there)
    yield _kind(mount, there, needs_sharing)
    yield from _room(there)
    yield _quota(mount, ask)
    yield speed


def existing(path: Path) -> Path:
    """Return the folder, or the nearest one above that exists."""
    return next(p for p in (path, *path.absolute().parents) if p.is_dir())


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Lend a folder on the file system of a cache folder, which need not exist."""
    folder = existing(path) / f".gridtask-doctor-{os.urandom(6).hex()}"
    fs.make_folder(folder)
    try:
        yield folder
    finally:
        fs.remove_tree(folder)


def mount_of(path: Path) -> Mount | None:
    """Return the file system that a folder lies on; None where nobody tells."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            rows = [line.rstrip("\n").partition(" - ") for line in file]
    except OSError:
        return None
    real, found = os.path.realpath(path), None
    for start, _, end in rows:
        folder = _unescaped(start.split()[4])
        if real == folder or real.startswith(folder.rstrip("/") + "/"):
            kind, source, options = end.split(" ", 2)
            if found is None or len(folder) >= len(found.folder):
                found = Mount(folder, kind, _unescaped(source), options)
    return found


def _unescaped(text: str) -> str:
    """Return a path of mountinfo, where blanks are written as ``\\040``."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _permissions(path: Path) -> Iterator[Finding]:
    """Tell whether others could write into the cache."""
    if path.is_dir():
        try:
            fs.check_folder(path)
        except (StoreError, OSError) as error:
            text, _, remedy = str(error).partition(" Next: ")
            yield problem(SECTION, text, remedy or "choose another folder")
            return
        mode = stat.S_IMODE(path.stat().st_mode)
        yield ok(SECTION, f"yours alone (mode {mode:04o})", mode=mode)
    shared = [str(p) for p in path.absolute().parents if _is_group_writable(p)]
    if shared:
        text = (
            f"a group can write to {', '.join(shared)}, and could put another folder "
            "in the cache's place"
        )
        yield note(SECTION, text, group_writable=shared)


def _is_group_writable(folder: Path) -> bool:
    try:
        mode = folder.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_IWGRP) and not mode & stat.S_ISVTX


def _kind(mount: Mount | None, path: Path, needs_sharing: bool) -> Finding:
    """Tell the file system's type, and whether other hosts can see it."""
    if mount is None:
        return note(SECTION, "the type of its file system cannot be told")
    text = f"on {mount.type} ({mount.source}, mounted at {mount.folder})"
    facts = {"type": mount.type, "source": mount.source}
    is_shared = fs.is_shared(path)
    if needs_sharing and not is_shared:
        text += ": other hosts do not see it"
        remedy = (
            "set cache_dir or GRIDTASK_CACHE to a folder on a shared file system, such "
            "as your home"
        )
        return warning(SECTION, text, remedy, **facts)
    if mount.type in ("tmpfs", "ramfs"):
        text += ": gone when this machine restarts"
        return note(SECTION, text, **facts)
    return ok(SECTION, text + (", shared" if is_shared else ""), **facts)


def _room(path: Path) -> Iterator[Finding]:
    """Tell free bytes and free files."""
    status = os.statvfs(path)
    free, total = status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize
    text = f"{format_size(free)} of {format_size(total)} free"
    remedy = "gridtask rm --unused 30d, then gridtask gc; or another folder"
    if free < MIN_BYTES:
        yield warning(SECTION, text, remedy, free_bytes=free)
    else:
        yield ok(SECTION, text, free_bytes=free)
    if not status.f_files:  # such file systems make files as long as there is room
        return
    text = f"{status.f_favail:,} of {status.f_files:,} files (inodes) free"
    if status.f_favail < MIN_FILES:
        yield warning(SECTION, text, remedy, free_files=status.f_favail)
    else:
        yield ok(SECTION, text, free_files=status.f_favail)


def _quota(mount: Mount | None, ask: Callable[..., str]) -> Finding:
    """Tell the user's quota, as quota(1) knows it."""
    rows = [row.split() for row in ask("quota", "-w", "-p").splitlines()]
    sources = (mount.source, mount.folder) if mount else ()
    row = next((r for r in rows if len(r) >= 4 and r[0] in sources), None)
    if row is None:
        return note(SECTION, "no quota is known (quota -w tells of none)")
    used, soft, hard = (int(_digits(word)) * _BLOCK for word in row[1:4])
    limit = soft or hard
    text = f"quota: {format_size(used)} of {format_size(limit)} used"
    facts = {"quota_bytes": limit, "quota_used_bytes": used}
    if limit and limit - used < MIN_BYTES:
        return warning(SECTION, text, "gridtask rm --unused 30d, gridtask gc", **facts)
    return ok(SECTION, text if limit else "no quota", **facts)


def _digits(word: str) -> str:
    return re.sub(r"\D", "", word) or "0"


def _speed(path: Path) -> Finding:
    """Tell how long a small file takes to be safe, and a look at a folder."""
    with scratch_folder(path) as folder:
        written, listed = [], []
        for number in range(N_TRIES):
            start = time.perf_counter()
            fs.write_new(folder / str(number), b"x" * 4096)
            between = time.perf_counter()
            fs.list_names(folder)
            written.append(between - start)
            listed.append(time.perf_counter() - between)
    seconds = median(written)
    text = (
        f"a small file is safe on disk after {_ms(seconds)}, "
        f"a listing takes {_ms(median(listed))}"
    )
    facts = {"write_seconds": seconds, "list_seconds": median(listed)}
    if seconds > SLOW_SECONDS:
        remedy = "a folder on a faster file system; maps of many short calls profit"
        return warning(SECTION, text, remedy, **facts)
    return ok(SECTION, text, **facts)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.2g} ms" if seconds < 0.0995 else f"{seconds:.2g} s"
