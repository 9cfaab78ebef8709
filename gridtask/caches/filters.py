"""Calls that have ended, and what may be asked of them: age, use, state, code."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypedDict

from gridtask import fs
from gridtask.errors import CorruptRecordError
from gridtask.printable import printable
from gridtask.store.record import Entry, Kind
from gridtask.store.store import Folder, Store
from gridtask.units import parse_age

SECONDS_AHEAD = 86_400.0
"""What ended later than that from now was dated by a wrong clock."""

Age = str | float | timedelta
"""``"7d"``, a number of seconds, or a `timedelta`."""


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

    @property
    def text(self) -> str:
        """The call as it is written in Python, for people."""
        try:
            args = self.folder.meta(self.number).get("args") or ""
        except CorruptRecordError:
            args = "…"
        return f"{printable(self.folder.name)}({printable(str(args))})"


def calls_of(folder: Folder, keys: Collection[bytes] | None = None) -> list[Call]:
    """Return the calls that have ended with a result or a failure.

    Parameters
    ----------
    keys : collection of bytes, optional
        Only these; all by default.
    """
    calls: dict[bytes, Call] = {}
    for kind in (Kind.OK, Kind.ERR):  # in this order: a result takes precedence
        numbers = folder.numbers(kind) if keys is None else folder.find([*keys], kind)
        for number in numbers:
            if number < 0:
                continue
            entry = folder.entry(number)
            call = calls.get(entry.key)
            if call is None:
                call = calls[entry.key] = Call(folder, number, entry)
            call.numbers.append(number)
            call.n_bytes += entry.end - entry.offset
    return list(calls.values())


@dataclass(frozen=True, slots=True)
class Filters:
    """What must hold of a call for it to be selected; all of it.

    Attributes
    ----------
    older : float or None
        It ended at least so many seconds ago.
    unused : float or None
        The file that holds it was not read by a map for so many seconds.
    failed : bool
        It has ended without a result.
    running : bool
        It is in flight.
    stale : bool
        It was computed by another version of the task's code than the task's
        latest call, and its user has not accepted that.
    now : float
        POSIX time stamp from which ages count.
    """

    older: float | None = None
    unused: float | None = None
    failed: bool = False
    running: bool = False
    stale: bool = False
    now: float = math.inf

    @property
    def any(self) -> bool:
        """True if there is any condition."""
        return self.running or self.ended

    @property
    def ended(self) -> bool:
        """True if there is a condition that only calls which have ended meet."""
        ages = (self.older, self.unused)
        return self.failed or self.stale or any(age is not None for age in ages)

    @property
    def is_one_age(self) -> bool:
        """True if one age is the only condition."""
        ages = (self.older, self.unused)
        others = self.running or self.failed or self.stale
        return sum(age is not None for age in ages) == 1 and not others

    def of(self, folder: Folder) -> Callable[[Call], bool]:
        """Return what tells whether everything holds of an ended call."""
        tests: list[Callable[[Call], bool]] = []
        if self.running:
            tests.append(lambda call: False)
        if self.failed:
            tests.append(lambda call: call.failed)
        if self.older is not None:
            old = set(folder.older(self.older, self.now))
            tests.append(lambda call: call.number in old)
        if self.unused is not None:
            unused = set(folder.unused(self.unused, self.now))
            tests.append(lambda call: call.number in unused)
        if self.stale:
            current = current_codes(folder)
            tests.append(lambda call: call.entry.code not in current)
        return lambda call: all(test(call) for test in tests)


class FilterOptions(TypedDict, total=False):
    """The filters as users give them; see `Cache.ls`."""

    older: Age | None
    unused: Age | None
    failed: bool
    running: bool
    stale: bool


def make_filters(
    store: Store | None,
    *,
    older: Age | None = None,
    unused: Age | None = None,
    failed: bool = False,
    running: bool = False,
    stale: bool = False,
) -> Filters:
    """Return filters with ages in seconds, counted by the file server's clock.

    Raises
    ------
    ValueError
        If an age cannot be understood.
    """
    ages = {"older": older, "unused": unused}
    seconds = {n: None if age is None else _seconds(age) for n, age in ages.items()}
    now = math.inf
    # 0 s is everything, also what a node with a wrong clock dates into the future.
    if store is not None and any(seconds.values()):
        now = _now(store)
    return Filters(**seconds, failed=failed, running=running, stale=stale, now=now)


def _seconds(age: Age) -> float:
    """Return an age in seconds."""
    if isinstance(age, str):
        return parse_age(age)
    seconds = age.total_seconds() if isinstance(age, timedelta) else float(age)
    if not 0 <= seconds < math.inf:
        msg = f"not an age: {age!r}; expected '7d', seconds from 0 on, or a timedelta"
        raise ValueError(msg)
    return seconds


def _now(store: Store) -> float:
    """Return the file server's time; this host's if nothing can be written there."""
    try:
        return fs.server_now(store.root)
    except OSError:  # a full disk, from which old results are to be removed
        return time.time()


def newest_code(folder: Folder) -> bytes | None:
    """Return the code version, 8 bytes, of the call that ended last.

    Ends in the future do not count: the clock of their node was wrong.
    """
    limit = int((time.time() + SECONDS_AHEAD) * 1e9)
    newest, code = -1, None
    for kind in (Kind.OK, Kind.ERR):
        for number in folder.numbers(kind):
            entry = folder.entry(number)
            if newest < entry.t_end_ns <= limit:
                newest, code = entry.t_end_ns, entry.code
    return code


def current_codes(folder: Folder) -> set[bytes]:
    """Return the newest code version, and those whose results count for it.

    The others are stale. `gridtask accept` lets results of one version count
    for another.
    """
    newest = newest_code(folder)
    if newest is None:
        return set()
    current = {newest}
    if folder.numbers(Kind.CODE):
        from gridtask.why.versions import CodeVersions

        versions = CodeVersions(folder)
        digest = versions.of_result(newest)
        if digest is not None:
            current |= {way[-1][:8] for way in versions.lineages(digest)}
    return current
