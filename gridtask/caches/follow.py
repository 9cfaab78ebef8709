"""What a call in flight prints, as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from gridtask.caches.flights import Flight, find_flights
from gridtask.claims.claim import open_claim
from gridtask.errors import GridTaskError
from gridtask.store.store import Store
from gridtask.worker import logs

FOLLOW_SECONDS = 0.25
"""How often a growing log is looked at."""

ASK_SECONDS = 2.0
"""How often is asked whether the call is still in flight."""


class FlightLog:
    """The output of a call that is queued or running.

    Parameters
    ----------
    store : Store
        The store that holds the call.
    flight : Flight
        The call.
    sleep, clock : callable
        Wait, and tell, seconds; tests pass their own.
    """

    def __init__(
        self,
        store: Store,
        flight: Flight,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._flight = store, flight
        self._sleep, self._clock = sleep, clock
        self._folder = store.folder(flight.task)
        self._path = logs.log_path(store.runs, *flight.place)
        self._run_id = flight.place.run_id
        self._keys = self._keys_of_array_task()
        self._at = 0

    def text(self) -> bytes:
        """Return what it has printed so far."""
        self._folder.refresh()
        return b"".join(self._news())

    def __iter__(self) -> Iterator[bytes]:
        """Yield what it prints until it has ended."""
        ask_at = self._clock()
        while True:
            is_over = False
            if self._clock() >= ask_at:
                is_over = not self._is_flying()
                ask_at = self._clock() + ASK_SECONDS
            yield from self._news()
            if is_over or self._record() >= 0:
                return
            self._sleep(FOLLOW_SECONDS)

    def _news(self) -> Iterator[bytes]:
        """Yield what it has printed since.

        The file is read before the folder: what was there while the call had no
        record is not a later call's.
        """
        text = logs.read(self._path, self._at) or b""
        self._folder.refresh()
        number = self._record()
        if number >= 0:
            start, _ = logs.span(self._folder, number)
            part = logs.of_record(self._folder, number) or b""
            text = part[max(self._at - start, 0) :]
        elif self._has_begun():
            start = logs.end_of_calls(self._folder, self._run_id, self._keys)
            text = text[max(start - self._at, 0) :]
            self._at = max(start, self._at) + len(text)
        else:
            return
        if text:
            yield text

    def _record(self) -> int:
        """Return the call's record, -1 while it has none."""
        (number,) = logs.find_ended(self._folder, self._run_id, [self._flight.key])
        return number

    def _has_begun(self) -> bool:
        """Tell whether the calls before it in its array task have ended."""
        before = self._keys[: self._keys.index(self._flight.key)]
        found = logs.find_ended(self._folder, self._run_id, before)
        return min(found, default=0) >= 0

    def _keys_of_array_task(self) -> list[bytes]:
        place, key = self._flight.place, self._flight.key
        try:
            plan = open_claim(self._store.runs, self._run_id).plan
            keys = plan.chunk_keys(place.task)
        except (GridTaskError, OSError):
            keys = []
        return keys if key in keys else [key]

    def _is_flying(self) -> bool:
        return self._flight.key in find_flights(self._store).of(self._flight.task)
