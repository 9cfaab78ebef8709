"""Which calls a verb is about: tasks, keys and filters, the same for all verbs."""

from __future__ import annotations

import argparse
import difflib
import math
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gridtask.cli.errors import CommandError
from gridtask.printable import printable
from gridtask.store.record import Entry, Kind
from gridtask.store.store import Folder, Store

MIN_KEY = 4
"""Fewest digits of an abbreviated key."""

MAX_LISTED = 6
"""How many candidates an error names."""


@dataclass(slots=True)
class Call:
    """A call that has ended, with a result or a failure.

    Attributes
    ----------
    folder : Folder
        Where they are.
    number : int
        Number of the record that counts: the result, else the last failure.
    entry : Entry
        That record.
    numbers : list of int
        That record, and a failure from before the result.
    n_bytes : int
        What they take in the store.
    """

    folder: Folder
    number: int
    entry: Entry
    numbers: list[int] = field(default_factory=list)
    n_bytes: int = 0

    @property
    def key(self) -> str:
        """The call's key, 32 hexadecimal digits."""
        return self.entry.key.hex()

    @property
    def failed(self) -> bool:
        """True if the call has no result."""
        return self.entry.kind == Kind.ERR

    @property
    def ended_at(self) -> float:
        """POSIX time stamp in seconds."""
        return self.entry.t_end_ns / 1e9


def calls_of(folder: Folder) -> list[Call]:
    """Return the calls that have ended with a result or a failure."""
    calls: dict[bytes, Call] = {}
    for kind in (Kind.OK, Kind.ERR):  # in this order: a result takes precedence
        for number in folder.numbers(kind):
            entry = folder.entry(number)
            call = calls.get(entry.key)
            if call is None:
                call = calls[entry.key] = Call(folder, number, entry)
            call.numbers.append(number)
            call.n_bytes += entry.end - entry.offset
    return list(calls.values())


@dataclass(slots=True)
class Part:
    """What was selected of one task.

    Attributes
    ----------
    folder : Folder
        The task's folder in the store.
    calls : list of Call
        The selected calls.
    whole : bool
        True if the task was meant as such, not some of its calls.
    """

    folder: Folder
    calls: list[Call]
    whole: bool

    @property
    def n_failed(self) -> int:
        """Number of selected calls without a result."""
        return sum(call.failed for call in self.calls)


@dataclass(frozen=True, slots=True)
class Filters:
    """What must hold of a call for it to be selected.

    Attributes
    ----------
    older : float or None
        It ended at least so many seconds ago.
    failed : bool
        It has no result.
    now : float
        POSIX time stamp from which ages count.
    """

    older: float | None
    failed: bool
    now: float

    @property
    def any(self) -> bool:
        """True if there is any condition."""
        return self.failed or self.older is not None

    def of(self, folder: Folder) -> Callable[[Call], bool]:
        """Return what tells whether everything holds of a call in `folder`."""
        if self.older is None:
            return lambda call: call.failed or not self.failed
        old = set(folder.older(self.older, self.now))
        return lambda call: call.number in old and (call.failed or not self.failed)


def filters_of(args: argparse.Namespace) -> Filters:
    """Return the filters among a verb's arguments."""
    # 0s is everything, also what a node with a wrong clock dates into the future.
    now = math.inf if args.older == 0 else time.time()
    return Filters(older=args.older, failed=args.failed, now=now)


def cache_of(args: argparse.Namespace) -> Path:
    """Return the cache folder that a verb is about; it need not exist.

    Raises
    ------
    CommandError
        If a folder was given that does not exist.
    """
    if args.cache is None:
        from gridtask.config import find_cache, load

        return find_cache(Path.cwd(), load(Path.cwd(), os.environ).settings)
    given = Path(args.cache)
    if not given.is_dir():
        msg = f"there is no folder {str(given)!r}: -C expects a cache folder"
        raise CommandError(msg)
    inner = given / ".gridtask"
    is_project = inner.is_dir() and not (given / "GRIDTASK").exists()
    return (inner if is_project else given).absolute()


def open_store(args: argparse.Namespace) -> Store | None:
    """Return the store that a verb is about, None if there is none yet."""
    root = cache_of(args)
    return Store.open(root, create=False) if root.is_dir() else None


def select(store: Store | None, names: Sequence[str], filters: Filters) -> list[Part]:
    """Return the calls that were asked for, task by task in order of name.

    Parameters
    ----------
    store : Store or None
        The store; None is an empty one.
    names : sequence of str
        Tasks and abbreviated keys; none of them means all tasks.
    filters : Filters
        What must hold of the calls.

    Raises
    ------
    CommandError
        If a name is neither a task nor a key, or an abbreviation is
        ambiguous.
    """
    folders = {f.name: f for f in store.folders()} if store is not None else {}
    tasks = {name for name in names if name in folders} if names else set(folders)
    keys = [name for name in names if name not in folders]
    _check_names(keys, folders)
    parts = {}
    for name in sorted(folders):
        if name in tasks or keys:
            folders[name].refresh()
            calls = calls_of(folders[name])
            parts[name] = Part(folders[name], calls, whole=name in tasks)
    wanted = _find_keys(keys, parts.values())
    for part in parts.values():
        admits = filters.of(part.folder)
        part.calls = [
            call
            for call in part.calls
            if (part.whole or call.entry.key in wanted) and admits(call)
        ]
    return [part for part in parts.values() if part.whole or part.calls]


def _check_names(names: Iterable[str], folders: Iterable[str]) -> None:
    """Refuse what is neither a task nor looks like a key."""
    for name in names:
        if re.fullmatch(rf"[0-9a-f]{{{MIN_KEY},32}}", name.lower()):
            continue
        near = difflib.get_close_matches(name, list(folders), n=3)
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?"
            if near
            else ("`gridtask ls` lists the tasks")
        )
        msg = (
            f"no task {name!r}, and no key either ({MIN_KEY} to 32 hexadecimal "
            f"digits): {hint}"
        )
        raise CommandError(msg)


def _find_keys(prefixes: Sequence[str], parts: Iterable[Part]) -> set[bytes]:
    """Return the key that each abbreviation stands for."""
    if not prefixes:
        return set()
    known = {call.key: call for part in parts for call in part.calls}
    return {_find_key(prefix.lower(), known) for prefix in prefixes}


def _find_key(prefix: str, known: dict[str, Call]) -> bytes:
    found = [call for key, call in known.items() if key.startswith(prefix)]
    if not found:
        msg = f"no call has a key that begins with {prefix!r}"
        raise CommandError(msg)
    if len(found) > 1:
        length = distinct_length([call.key for call in found])
        listed = ", ".join(
            f"{call.key[:length]} ({describe(call)})" for call in found[:MAX_LISTED]
        )
        more = len(found) - MAX_LISTED
        msg = f"{len(found)} keys begin with {prefix!r}, give more digits: {listed}" + (
            f" and {more} more" if more > 0 else ""
        )
        raise CommandError(msg)
    return found[0].entry.key


def distinct_length(keys: Sequence[str]) -> int:
    """Return how many digits, 8 or more, tell these keys apart."""
    length, n_keys = 8, len(set(keys))
    while length < 32 and len({key[:length] for key in keys}) < n_keys:
        length += 1
    return length


def describe(call: Call) -> str:
    """Return a call as it is written in Python, for people."""
    args = call.folder.meta(call.number).get("args") or ""
    return f"{printable(call.folder.name)}({printable(str(args))})"


def in_flight(store: Store | None) -> dict[str, int]:
    """Return how many calls of each task are queued or running."""
    if store is None:
        return {}
    from gridtask import reopen

    return reopen.in_flight(store)
