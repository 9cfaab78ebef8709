"""What many records say of themselves, without their values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from gridtask.fs import GONE
from gridtask.store.files import Files
from gridtask.store.index import KEYED, MISSING, ROW_BITS, Index
from gridtask.store.pack import read_copies
from gridtask.store.reader import GLANCE, SegmentReader
from gridtask.store.record import ENTRY, PAYLOAD_LEN, Kind, unpack_meta

Meta = dict[str, object]


def read_metas(files: Files, numbers: Sequence[int]) -> list[Meta | OSError]:
    """Return the metas of records, in the given order; see `Folder.metas`.

    A pack may have taken the place of a file that is gone: it is looked for.
    """
    index = files.index
    found = _read(index, set(numbers))
    gone = [n for n, meta in found.items() if _is_gone(meta)]
    if gone:
        for file_number in {number >> ROW_BITS for number in gone}:
            files.drop(file_number)
        files.refresh()
        moved = {n: other for n in gone if (other := _of_same_key(index, n)) != MISSING}
        metas = _read(index, set(moved.values()))
        found |= {number: metas[other] for number, other in moved.items()}
    return [found[number] for number in numbers]


def _is_gone(meta: Meta | OSError) -> bool:
    """Return whether a record's file is there no longer."""
    return isinstance(meta, OSError) and meta.errno in GONE


def _of_same_key(index: Index, number: int) -> int:
    """Return the record that counts now for the key of another, or -1."""
    entry = index.entry(number)
    if entry.kind not in KEYED:
        return MISSING
    return index.find([entry.key], Kind(entry.kind))[0]


def _read(index: Index, numbers: Collection[int]) -> dict[int, Meta | OSError]:
    """Return the metas of records, file by file."""
    found: dict[int, Meta | OSError] = {}
    for file_number, rows in index.by_file(sorted(numbers)):
        first = index.number_of(file_number, 0)
        for row, meta in _metas_of(index.files[file_number], rows):
            found.setdefault(first + row, meta)
    return found


def _metas_of(
    file: SegmentReader, rows: Sequence[int]
) -> Iterator[tuple[int, Meta | OSError]]:
    """Yield the metas of ascending records of one file, in any order."""
    small = [row for row in rows if _payload_len(file, row) <= GLANCE]
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


def _payload_len(file: SegmentReader, row: int) -> int:
    """Return how long a record's payload is."""
    n_bytes: int = PAYLOAD_LEN.unpack_from(file.index, row * ENTRY.size)[0]
    return n_bytes
