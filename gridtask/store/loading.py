"""Loading many values at once, file by file."""

from __future__ import annotations

import contextlib
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from operator import eq, gt

from gridtask import fs
from gridtask.errors import CorruptRecordError, ResultUnreadable, StoreError
from gridtask.fs import Buffer
from gridtask.store.files import MAX_OPEN_FILES
from gridtask.store.index import KEYED, MISSING, ROW_BITS, ROW_MASK, Index
from gridtask.store.reader import SegmentReader
from gridtask.store.record import Kind
from gridtask.store.values import Decoder
from gridtask.store.views import new_memory

USED_SECONDS = 86_400.0
"""How often the last use of a file is noted."""

_UNREAD = object()


class LoadError:
    """Stands for a value that could not be loaded, in its place.

    Attributes
    ----------
    exception : CorruptRecordError, ResultUnreadable or StoreError
        The reason.
    is_lost : bool
        True if the record is damaged or was removed meanwhile: it is found no
        longer, and the call should be computed again. False if it is there
        but cannot be read or unpickled here: computing again would not help.
    """

    def __init__(self, exception: Exception, *, is_lost: bool = False) -> None:
        self.exception = exception
        self.is_lost = is_lost

    def __repr__(self) -> str:
        return f"LoadError({self.exception!r})"


class Loading:
    """The loading of the values of some records.

    Attributes
    ----------
    values : list
        The values, in the order in which the records were asked for.
    lost : dict of int to int
        Records that are damaged or gone, by their places in `values`.
    damaged : set of int
        Those that are damaged.
    gone : set of int
        Numbers of files that are there no longer.
    """

    def __init__(
        self, index: Index, numbers: Sequence[int], *, mapped: bool = False
    ) -> None:
        self._index = index
        self._numbers = numbers
        self._mapped = mapped
        self._decode = Decoder().decode
        self.values: list[object] = [_UNREAD] * len(numbers)
        self.lost: dict[int, int] = {}
        self.damaged: set[int] = set()
        self.gone: set[int] = set()

    def run(self) -> None:
        """Load all values file by file."""
        numbers = self._numbers
        places: Sequence[int] = range(len(numbers))
        if any(map(gt, numbers, islice(numbers, 1, None))):
            places = sorted(places, key=numbers.__getitem__)
            numbers = [numbers[i] for i in places]
        start = 0
        while start < len(numbers):
            file_number = numbers[start] >> ROW_BITS
            stop = bisect_left(numbers, (file_number + 1) << ROW_BITS, lo=start)
            self._load_file(file_number, numbers[start:stop], places[start:stop])
            start = stop

    def retry(self) -> None:
        """Load what was lost from other records of the same keys, if there are.

        A pack may have taken the place of a file that is gone, and a damaged
        result may have been computed again.
        """
        lost, self.lost, self.damaged, self.gone = self.lost, {}, set(), set()
        for place, number in lost.items():
            entry = self._index.entry(number)
            if entry.kind not in KEYED:
                continue
            other = self._index.find([entry.key], Kind(entry.kind))[0]
            if other not in (MISSING, number):
                self.values[place] = _UNREAD
                self._load_file(other >> ROW_BITS, [other], [place])

    def _load_file(
        self, file_number: int, numbers: Sequence[int], places: Sequence[int]
    ) -> None:
        """Load ascending records of a file into their places."""
        file = self._index.files[file_number]
        try:
            self._load_from(file, numbers, places)
            _note_use(file)
        except OSError as error:
            is_gone = error.errno in fs.GONE
            reason = StoreError(f"cannot read {file.path!r}: {error}")
            if is_gone:
                self.gone.add(file_number)
            for number, place in zip(numbers, places, strict=True):
                if self.values[place] is _UNREAD:
                    self.values[place] = LoadError(reason, is_lost=is_gone)
                    if is_gone:
                        self.lost[place] = number
        if len(self._index.files) > MAX_OPEN_FILES:
            file.close()

    def _load_from(
        self, file: SegmentReader, numbers: Sequence[int], places: Sequence[int]
    ) -> None:
        """Load ascending records, which may be repeated, into their places."""
        values, decode = self.values, self._decode
        read = partial(_read, file, mapped=self._mapped)
        for number, place, payload in _payloads(read, numbers, places):
            if isinstance(payload, CorruptRecordError):
                values[place] = LoadError(payload, is_lost=True)
                self.lost[place] = number
                self.damaged.add(number)
                continue
            try:
                values[place] = decode(payload)
            except ResultUnreadable as error:
                values[place] = LoadError(error)


Payload = tuple[int, int, Buffer | CorruptRecordError]
"""Number of a record, its place, and what was read."""


Read = Callable[[Iterable[int]], Iterator[Buffer | CorruptRecordError]]
"""Returns the payloads of ascending records of one file, none repeated."""


def _payloads(
    read: Read, numbers: Sequence[int], places: Sequence[int]
) -> Iterator[Payload]:
    """Return the payloads of ascending records of one file, for each place one."""
    if not any(map(eq, numbers, islice(numbers, 1, None))):
        return zip(numbers, places, read(numbers), strict=True)
    wanted: dict[int, list[int]] = {}
    for number, place in zip(numbers, places, strict=True):
        wanted.setdefault(number, []).append(place)
    return _repeat(zip(wanted.items(), read(wanted), strict=True))


def _read(
    file: SegmentReader, numbers: Iterable[int], *, mapped: bool
) -> Iterator[Buffer | CorruptRecordError]:
    """Do as `Read`."""
    rows = map(ROW_MASK.__and__, numbers)
    return chain.from_iterable(file.payloads(rows, mapped=mapped))


def _repeat(
    records: Iterable[tuple[tuple[int, list[int]], Buffer | CorruptRecordError]],
) -> Iterator[Payload]:
    """Yield each record for all of its places: arrays are views of the payload."""
    for (number, places), payload in records:
        for place in places[1:]:
            yield number, place, _copy(payload)
        yield number, places[0], payload


def _copy(payload: Buffer | CorruptRecordError) -> Buffer | CorruptRecordError:
    """Return the same payload in memory of its own."""
    if isinstance(payload, memoryview):
        memory = new_memory(len(payload))
        memory[:] = payload
        return memory
    return payload


def _note_use(file: SegmentReader) -> None:
    """Set the time of a file's last use, at most once a day.

    Not by a clock that says less than the file: it would make it look unused.
    """
    now = time.time()
    if now - file.used_at > USED_SECONDS and now >= file.modified_at:
        with contextlib.suppress(OSError):
            file.mark_used(now)
