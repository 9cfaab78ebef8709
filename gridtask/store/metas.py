"""What many records say of themselves, without their values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gridtask.store.index import Index
from gridtask.store.pack import read_copies
from gridtask.store.reader import GLANCE, SegmentReader
from gridtask.store.record import unpack_meta

Meta = dict[str, object]


def read_metas(index: Index, numbers: Sequence[int]) -> list[Meta | OSError]:
    """Return the metas of records, in the given order; see `Folder.metas`."""
    found: dict[int, Meta | OSError] = {}
    for file_number, rows in index.by_file(sorted(set(numbers))):
        file = index.files[file_number]
        first = index.number_of(file_number, 0)
        for row, meta in _metas_of(file, rows):
            found.setdefault(first + row, meta)
    return [found[number] for number in numbers]


def _metas_of(
    file: SegmentReader, rows: Sequence[int]
) -> Iterator[tuple[int, Meta | OSError]]:
    """Yield the metas of ascending records of one file, in any order."""
    small = [row for row in rows if file.entry(row).payload_len <= GLANCE]
    single = set(rows).difference(small)
    try:
        for block in read_copies(file, small):
            for row, copy in block:
                if copy is None:
                    single.add(row)
                else:
                    yield row, unpack_meta(copy.meta)
    except OSError as error:  # the file is gone: none of it can be read
        yield from ((row, error) for row in rows)
        return
    for row in single:
        try:
            yield row, file.meta(file.entry(row))
        except OSError as error:
            yield row, error
