"""Calls one after another: as many as there are, in the memory of a few."""

from __future__ import annotations

import heapq
import math
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from operator import itemgetter, le

from gridtask.caches.flights import Flights
from gridtask.caches.selection import Part, distinct_length
from gridtask.caches.summaries import CallSummary, call_summary, flight_summary
from gridtask.fs import GONE
from gridtask.lazy import lazy
from gridtask.store.record import ENTRY

FIRST_BATCH, MAX_BATCH = 256, 16_384
"""Calls whose records are read together, at first and at most. Few at first: they
are seen soon. Many later: with calls in another order than that of their file, each
batch may read all of it."""

OF_INDEX = frozenset(("key", "seconds", "peak_mb", "ended_at", "bytes"))
"""Fields of calls that are known without reading records."""

NUMBERS = OF_INDEX - {"key"}
"""Fields of which the largest come first."""

LAST = "\U0010ffff"
"""Stands behind all texts."""

_KEY = struct.Struct(f"<16s{ENTRY.size - 16}x")
_T_END = struct.Struct(f"<48xQ{ENTRY.size - 56}x")

Rank = Callable[[CallSummary], str | float]


class CallListing:
    """Selected calls, each of which is read when its turn comes.

    Iterating yields a `CallSummary` of each: task by task, as they ended, then
    those in flight. What is removed meanwhile is left out.

    Parameters
    ----------
    flights : Flights
        All calls in flight.
    parts : sequence of Part
        What is selected of each task, in order of name.
    """

    def __init__(self, flights: Flights, parts: Sequence[Part]) -> None:
        self._flights = flights
        self._parts = [part for part in parts if not part.is_empty]

    def __iter__(self) -> Iterator[CallSummary]:
        for part in self._parts:
            yield from map(itemgetter(1), _read(part, _as_they_ended(part)))
            yield from self._in_flight(part)

    def sorted_by(self, field: str) -> Iterator[CallSummary]:
        """Yield the calls by one of their fields, those without it last."""
        rank = _rank_by(field)
        streams: list[Iterable[CallSummary]] = []
        for part in self._parts:
            numbers = _sorted(part, field, rank)
            streams.append(map(itemgetter(1), _read(part, numbers)))
            streams.append(sorted(self._in_flight(part), key=rank))
        return heapq.merge(*streams, key=rank)

    @property
    def is_of_one_task(self) -> bool:
        """True if not several tasks have such calls."""
        return len(self._parts) < 2

    @property
    def has_failed(self) -> bool:
        """True if some of the calls have failed."""
        return any(part.n_failed for part in self._parts)

    @property
    def has_others(self) -> bool:
        """True if some of the calls have not failed."""
        return any(part.n_results or part.flights for part in self._parts)

    @lazy
    def key_length(self) -> int:
        """How many digits tell the keys of the calls apart."""
        return distinct_length(chain.from_iterable(map(_keys_of, self._parts)))

    def _in_flight(self, part: Part) -> list[CallSummary]:
        """Return the selected calls of a task that are in flight."""
        texts = self._flights.arguments(part.flights)
        return [flight_summary(each, texts.get(each.key)) for each in part.flights]


def _numbers_of(part: Part) -> list[int]:
    """Return the records that count of the calls that have ended."""
    return [*part.ended.results, *part.ended.failures]


def _keys_of(part: Part) -> Iterator[bytes]:
    """Yield the keys of all selected calls of a task."""
    yield from map(itemgetter(0), part.folder.fields(_KEY, _numbers_of(part)))
    yield from (flight.key for flight in part.flights)


def _as_they_ended(part: Part) -> list[int]:
    """Return the records of calls in the order of their ends."""
    numbers = _numbers_of(part)
    ends = list(map(itemgetter(0), part.folder.fields(_T_END, numbers)))
    if all(map(le, ends, islice(ends, 1, None))):
        return numbers
    return [numbers[i] for i in sorted(range(len(ends)), key=ends.__getitem__)]


def _sorted(part: Part, field: str, rank: Rank) -> list[int]:
    """Return the records of calls in the order of a field."""
    numbers = _as_they_ended(part)
    if field in OF_INDEX:
        ranks = {number: rank(call_summary(part, number, {})) for number in numbers}
    else:
        ranks = {number: rank(call) for number, call in _read(part, numbers)}
    return sorted(ranks, key=ranks.__getitem__)


def _rank_by(field: str) -> Rank:
    """Return what tells a call's place: the largest number, or first text, first."""

    def rank(call: CallSummary) -> str | float:
        value = getattr(call, field)
        if field in NUMBERS:
            return math.inf if value is None else -value
        return LAST if value is None else value

    return rank


def _read(part: Part, numbers: Iterable[int]) -> Iterator[tuple[int, CallSummary]]:
    """Yield calls that have ended, with the numbers of their records."""
    rest = iter(numbers)
    size = FIRST_BATCH
    while batch := list(islice(rest, size)):
        metas = part.folder.metas(batch)
        for number, meta in zip(batch, metas, strict=True):
            if not isinstance(meta, OSError) or meta.errno not in GONE:
                yield number, call_summary(part, number, meta)
        size = min(2 * size, MAX_BATCH)
