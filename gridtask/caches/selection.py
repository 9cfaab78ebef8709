"""Which calls of a cache are meant: those of tasks, those of keys, those in flight."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from gridtask.caches.filters import Call, Ended, Filters, calls_of, find_ended
from gridtask.caches.flights import Flight, Flights
from gridtask.errors import GridTaskError
from gridtask.lazy import lazy
from gridtask.printable import printable
from gridtask.store.record import Kind
from gridtask.store.store import Folder, Store

MIN_KEY = 4
"""Fewest digits of an abbreviated key."""

MAX_LISTED = 6
"""How many candidates an error names."""

SHORT_KEY = 8
"""Fewest digits of a key that is shown."""


class UnknownCall(GridTaskError, KeyError):
    """There is no task, call or run of this name, or more than one call."""

    def __str__(self) -> str:
        return Exception.__str__(self)  # that of KeyError would show its repr


class Part:
    """What is selected of one task.

    Parameters
    ----------
    folder : Folder
        The task's folder in the store.
    filters : Filters
        What must hold of the calls.
    flying : mapping of bytes to Flight
        The task's calls in flight.
    keys : set of bytes or None
        The calls that were named; None if the task as such was.
    """

    def __init__(
        self,
        folder: Folder,
        filters: Filters,
        flying: Mapping[bytes, Flight],
        keys: Collection[bytes] | None = None,
    ) -> None:
        self.folder = folder
        self.filters = filters
        self._flying = flying
        self._keys = keys

    @property
    def whole(self) -> bool:
        """True if the task was named as such, not some of its calls."""
        return self._keys is None

    @property
    def entirely(self) -> bool:
        """True if all that the task has is selected."""
        return self.whole and not self.filters.any

    @lazy
    def ended(self) -> Ended:
        """The selected calls that have ended, and are not tried again just now."""
        keys = self._keys
        if self.filters.failed and keys is None:
            keys = self.folder.keys(Kind.ERR)
        ended = self.filters.select(self.folder, find_ended(self.folder, keys))
        if not self._flying:
            return ended
        entry = self.folder.entry
        failures = [n for n in ended.failures if entry(n).key not in self._flying]
        return ended._replace(failures=failures)

    @property
    def calls(self) -> list[Call]:
        """The same, with what the index says of each."""
        return self.ended.calls(self.folder)

    @lazy
    def flights(self) -> list[Flight]:
        """The selected calls that are in flight."""
        if self.filters.ended:
            return []
        keys = self._keys
        return [f for f in self._flying.values() if keys is None or f.key in keys]

    @lazy
    def n_failed(self) -> int:
        """Number of selected calls that have ended without a result."""
        if not self.entirely:
            return len(self.ended.failures)
        keys = list(self.folder.keys(Kind.ERR))
        results = self.folder.find(keys)
        found = zip(keys, results, strict=True)
        return sum(n < 0 and key not in self._flying for key, n in found)

    @lazy
    def n_results(self) -> int:
        """Number of selected calls that have a result."""
        if self.entirely:
            return len(self.folder.numbers(Kind.OK))
        return len(self.ended.results)

    def look_again(self) -> None:
        """Take up what has arrived since, when nothing is in flight any more."""
        self._flying = {}
        self.folder.refresh()
        for name in ("ended", "flights", "n_failed", "n_results"):
            self.__dict__.pop(name, None)

    @property
    def is_empty(self) -> bool:
        """True if nothing is selected."""
        return not (self.n_results or self.n_failed or self.flights)


def select(
    store: Store, flights: Flights, names: Sequence[str], filters: Filters
) -> list[Part]:
    """Return what was asked for, task by task in order of name.

    Parameters
    ----------
    names : sequence of str
        Tasks and abbreviated keys; none of them means all tasks.

    Raises
    ------
    UnknownCall
        If a name is neither a task nor a key, or an abbreviation is
        ambiguous.
    """
    folders = {folder.name: folder for folder in store.folders()}
    for task in flights.by_task:
        folders.setdefault(task, store.folder(task))
    prefixes = [name for name in names if name not in folders]
    _check_names(prefixes, folders)
    wanted = [
        name for name in sorted(folders) if prefixes or not names or name in names
    ]
    for name in wanted:
        folders[name].refresh()
    chosen = {name: folders[name] for name in wanted}
    keys = find_keys(prefixes, chosen, flights) if prefixes else {}
    parts = []
    for name, folder in chosen.items():
        if name in names or not names:
            parts.append(Part(folder, filters, flights.of(name)))
        elif name in keys:
            parts.append(Part(folder, filters, flights.of(name), keys[name]))
    return parts


def _check_names(names: Iterable[str], tasks: Iterable[str]) -> None:
    """Refuse what is neither a task nor looks like a key."""
    for name in names:
        if re.fullmatch(rf"[0-9a-f]{{{MIN_KEY},32}}", name.lower()):
            continue
        near = difflib.get_close_matches(name, list(tasks), n=3)
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?"
            if near
            else "`gridtask ls` lists the tasks"
        )
        msg = (
            f"no task {name!r}, and no key either ({MIN_KEY} to 32 hexadecimal "
            f"digits): {hint}"
        )
        raise UnknownCall(msg)


def find_keys(
    prefixes: Sequence[str], folders: Mapping[str, Folder], flights: Flights
) -> dict[str, set[bytes]]:
    """Return the keys that abbreviations stand for, by task.

    Raises
    ------
    UnknownCall
        If there is none, or more than one for an abbreviation.
    """
    found: dict[str, dict[bytes, set[str]]] = {p.lower(): {} for p in prefixes}
    for task, folder in folders.items():
        for key in {*folder.keys(Kind.OK), *folder.keys(Kind.ERR), *flights.of(task)}:
            digits = key.hex()
            for prefix, keys in found.items():
                if digits.startswith(prefix):
                    keys.setdefault(key, set()).add(task)
    chosen: dict[str, set[bytes]] = {}
    for prefix, keys in found.items():
        if len(keys) != 1:
            raise UnknownCall(_not_one(prefix, keys, folders))
        for key, tasks in keys.items():
            for task in tasks:
                chosen.setdefault(task, set()).add(key)
    return chosen


def _not_one(
    prefix: str, keys: Mapping[bytes, set[str]], folders: Mapping[str, Folder]
) -> str:
    """Say that no call, or which calls, an abbreviation may mean."""
    if not keys:
        return f"no call has a key that begins with {prefix!r}"
    length = distinct_length(keys)
    listed = []
    for key in sorted(keys)[:MAX_LISTED]:
        task = min(keys[key])
        ended = calls_of(folders[task], [key])
        text = ended[0].text if ended else f"{printable(task)}(…)"
        listed.append(f"{key.hex()[:length]} ({text})")
    more = len(keys) - MAX_LISTED
    return (
        f"{len(keys)} keys begin with {prefix!r}, give more digits: "
        + ", ".join(listed)
        + (f" and {more} more" if more > 0 else "")
    )


def distinct_length(keys: Iterable[bytes]) -> int:
    """Return how many digits, 8 or more, tell these keys apart."""
    length, alike = SHORT_KEY, set(keys)
    while alike := _alike(alike, length):
        length += 1
    return length


def _alike(keys: Collection[bytes], n_digits: int) -> set[bytes]:
    """Return the keys that have their first digits in common with another."""
    n_bits = 4 * (32 - n_digits)
    # As numbers, which take half the memory of text: there may be a million.
    seen: set[int] = set()
    repeated: set[int] = set()
    for key in keys:
        start = int.from_bytes(key) >> n_bits
        (repeated if start in seen else seen).add(start)
    if not repeated:
        return set()
    return {key for key in keys if int.from_bytes(key) >> n_bits in repeated}
