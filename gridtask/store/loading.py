"""Loading many values at once, file by file."""

from __future__ import annotations

import contextlib
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain

from gridtask.errors import CorruptRecordError, ResultUnreadable, StoreError
from gridtask.store.files import GONE
from gridtask.store.index import MISSING, ROW_BITS, ROW_MASK, Index
from gridtask.store.reader import SegmentReader
from gridtask.store.record import Kind
from gridtask.store.values import Decoder

USED_SECONDS = 86_400.0
"""How often the last use of a file is noted."""

_UNREAD = object()


class LoadError:
    """Stands for a value that could not be loaded, in its place.

    Attributes
    ----------
    exception : CorruptRecordError, ResultUnreadable or StoreError
        Damaged (compute it again), not to be unpickled here, or not readable.
    """

    def __init__(self, exception: Exception) -> None:
        self.exception = exception

    def __repr__(self) -> str:
        return f"LoadError({self.exception!r})"


class Loading:
    """The loading of the values of some records.

    Attributes
    ----------
    values : list
        The values, in the order in which the records were asked for.
    """

    def __init__(self, index: Index, numbers: Sequence[int]) -> None:
        self._index = index
        self._numbers = numbers
        self._decode = Decoder().decode
        self.values: list[object] = [_UNREAD] * len(numbers)

    def run(self) -> Iterator[int]:
        """Load all values; yield the numbers of files that are gone."""
        order = sorted(range(len(self._numbers)), key=self._numbers.__getitem__)
        ascending = [self._numbers[i] for i in order]
        start = 0
        while start < len(order):
            file_number = ascending[start] >> ROW_BITS
            stop = bisect_left(ascending, (file_number + 1) << ROW_BITS, lo=start)
            rows = [number & ROW_MASK for number in ascending[start:stop]]
            if not self._load_file(file_number, rows, order[start:stop]):
                yield file_number
            start = stop

    def move(self, file_number: int) -> None:
        """Load what was in a file that is gone from where it is now."""
        for i, value in enumerate(self.values):
            number = self._numbers[i]
            if value is not _UNREAD or number >> ROW_BITS != file_number:
                continue
            entry = self._index.entry(number)
            found = self._index.find([entry.key], Kind(entry.kind))[0]
            is_there = found != MISSING and self._load_file(
                found >> ROW_BITS, [found & ROW_MASK], [i]
            )
            if not is_there:
                msg = f"{self._index.files[file_number].path!r} was removed meanwhile"
                self.values[i] = LoadError(StoreError(msg))

    def _load_file(self, file_number: int, rows: list[int], places: list[int]) -> bool:
        """Load ascending rows of a file; return False if it is gone."""
        file = self._index.files[file_number]
        try:
            self._load_rows(file, rows, places)
        except OSError as error:
            if error.errno in GONE:
                return False
            if not isinstance(error, StoreError):
                error = StoreError(f"cannot read {file.path!r}: {error}")
            for place in places:
                if self.values[place] is _UNREAD:
                    self.values[place] = LoadError(error)
        _note_use(file)
        return True

    def _load_rows(
        self, file: SegmentReader, rows: list[int], places: list[int]
    ) -> None:
        """Load ascending rows, which may be repeated, into their places."""
        more: dict[int, list[int]] = {}
        if len(set(rows)) < len(rows):
            first: dict[int, int] = {}
            for row, place in zip(rows, places, strict=True):
                if first.setdefault(row, place) != place:
                    more.setdefault(row, []).append(place)
            rows, places = list(first), list(first.values())
        payloads = chain.from_iterable(file.payloads(rows))
        for row, place, payload in zip(rows, places, payloads, strict=True):
            # Arrays are views of the payload: each place has one of its own.
            for other in more.get(row, ()):
                self._set(other, _copy(payload))
            self._set(place, payload)

    def _set(self, place: int, payload: memoryview | CorruptRecordError) -> None:
        """Put a value, or why there is none, into its place."""
        if isinstance(payload, memoryview):
            try:
                self.values[place] = self._decode(payload)
            except ResultUnreadable as error:
                self.values[place] = LoadError(error)
        else:
            self.values[place] = LoadError(payload)


def _copy(
    payload: memoryview | CorruptRecordError,
) -> memoryview | CorruptRecordError:
    """Return a payload of its own."""
    if isinstance(payload, memoryview):
        return memoryview(bytearray(payload))
    return payload


def _note_use(file: SegmentReader) -> None:
    """Set the time of a file's last use, at most once a day."""
    now = time.time()
    if now - file.used_at > USED_SECONDS:
        with contextlib.suppress(OSError):
            file.mark_used(now)
