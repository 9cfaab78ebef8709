"""Calls that have ended, and what may be asked of them: age, use, state, code."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import NamedTuple, TypedDict

from gridtask import fs
from gridtask.errors import CorruptRecordError
from gridtask.printable import printable
from gridtask.store.record import Entry, Kind
from gridtask.store.store import Folder, Store
from gridtask.units import parse_age

SECONDS_AHEAD = 86_400.0
"""What ended later than that from now was dated by a wrong clock."""

_CODE = struct.Struct("<16x8s24xQ16x")
"""Of an entry: code version, time of end."""

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
    n_bytes : int
        What it takes in the store, and a failure from before the result.
    """

    folder: Folder
    number: int
    entry: Entry
    n_bytes: int

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


class Ended(NamedTuple):
    """Calls that have ended, as numbers of records: there may be a million.

    Attributes
    ----------
    results, failures : list of int
        The record that counts of each call: a result, else the last failure.
    earlier : dict of int to int
        Failures from before a result, by the result.
    """

    results: list[int]
    failures: list[int]
    earlier: dict[int, int]

    @property
    def numbers(self) -> list[int]:
        """All records of the calls."""
        return [*self.results, *self.failures, *self.earlier.values()]

    def n_bytes(self, folder: Folder, number: int, entry: Entry) -> int:
        """Return what the records of a call take, of which `entry` counts."""
        n_bytes = entry.end - entry.offset
        if number in self.earlier:
            before = folder.entry(self.earlier[number])
            n_bytes += before.end - before.offset
        return n_bytes

    def calls(self, folder: Folder) -> list[Call]:
        """Return the calls, with what the index says of each."""
        calls = []
        for number in (*self.results, *self.failures):
            entry = folder.entry(number)
            n_bytes = self.n_bytes(folder, number, entry)
            calls.append(Call(folder, number, entry, n_bytes))
        return calls


def find_ended(folder: Folder, keys: Collection[bytes] | None = None) -> Ended:
    """Return the calls that have ended with a result or a failure.

    Parameters
    ----------
    keys : collection of bytes, optional
        Only these; all by default.
    """
    if keys is None:
        results = folder.numbers(Kind.OK)
        failed = [*folder.keys(Kind.ERR)]
    else:
        failed = [*keys]
        results = [number for number in folder.find(failed, Kind.OK) if number >= 0]
    ended = Ended(results, [], {})
    pairs = zip(folder.find(failed, Kind.ERR), folder.find(failed), strict=True)
    for failure, result in pairs:
        if failure >= 0 and result >= 0:
            ended.earlier[result] = failure
        elif failure >= 0:
            ended.failures.append(failure)
    return ended


def calls_of(folder: Folder, keys: Collection[bytes] | None = None) -> list[Call]:
    """Return the calls of `find_ended`."""
    return find_ended(folder, keys).calls(folder)


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

    def select(self, folder: Folder, ended: Ended) -> Ended:
        """Return the calls of which everything holds."""
        if self.running:
            return Ended([], [], {})
        results, failures, earlier = ended
        if self.failed:
            results = []
        for holds in self._tests(folder):
            results = list(filter(holds, results))
            failures = list(filter(holds, failures))
        if earlier and len(results) < len(ended.results):
            earlier = {n: earlier[n] for n in results if n in earlier}
        return Ended(results, failures, earlier)

    def _tests(self, folder: Folder) -> Iterator[Callable[[int], bool]]:
        """Yield what tells of a call's record whether one condition holds."""
        if self.older is not None:
            yield set(folder.older(self.older, self.now)).__contains__
        if self.unused is not None:
            yield set(folder.unused(self.unused, self.now)).__contains__
        if self.stale:
            current = current_codes(folder)
            yield lambda n: next(folder.fields(_CODE, [n]))[0] not in current


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
    numbers = (*folder.numbers(Kind.OK), *folder.numbers(Kind.ERR))
    ended = (pair for pair in folder.fields(_CODE, numbers) if pair[1] <= limit)
    code: bytes | None = max(ended, key=itemgetter(1), default=(None,))[0]
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
