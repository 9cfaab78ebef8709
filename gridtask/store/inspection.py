"""Looking at one file of records from all sides."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gridtask.errors import CorruptRecordError, StoreVersionError, UnsafeStoreError
from gridtask.store import record
from gridtask.store.blocks import MAX_BLOCK
from gridtask.store.pack import FINISHED, read_copies
from gridtask.store.reader import SegmentReader
from gridtask.store.record import UID_SIZE, Entry, Kind, Replaced, replaced_by

WINDOW = 1 << 18
"""Bytes that are read at once when only headers are compared."""


class Lost(NamedTuple):
    """A record that is damaged: its key, and its arguments as far as readable."""

    key: bytes
    args: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Attributes
    ----------
    path : str
        The file or folder.
    kind : str
        ``header``, ``footer``, ``record``, ``permissions``, ``version``,
        ``unreadable``, ``replaced``, ``left``, ``run file`` or ``marker``.
    text : str
        What is wrong, in a sentence.
    is_damage : bool
        False for what is only worth knowing.
    lost : tuple of Lost
        Results that are damaged and will be computed again.
    repaired : str
        What was done about it; empty if nothing.
    """

    path: str
    kind: str
    text: str
    is_damage: bool = True
    lost: tuple[Lost, ...] = ()
    repaired: str = ""

    @property
    def is_salvageable(self) -> bool:
        """Whether a repair saves what is intact of the file."""
        return self.kind in ("header", "footer", "record")


class Inspection:
    """The inspection of one file.

    Attributes
    ----------
    n_records, n_bytes : int
        What was looked at.
    is_finished : bool
        Whether the file has an index at its end, damaged or not.
    replaced : list of (str, int)
        The files in whose place it is, if it is a pack.
    """

    def __init__(self, path: Path, read_data: bool) -> None:
        self._path = path
        self._read_data = read_data
        self._window = (0, b"")
        self.n_records = self.n_bytes = 0
        self.is_finished = False
        self.replaced: list[Replaced] = []

    def run(self) -> Iterator[Finding]:
        """Yield what is wrong with the file."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                file = SegmentReader.open(self._path)
        except FileNotFoundError:
            return
        except UnsafeStoreError as error:
            yield self._finding("permissions", str(error))
        except StoreVersionError as error:
            yield self._finding("version", str(error), is_damage=False)
        except OSError as error:
            yield self._finding("unreadable", f"the file cannot be read: {error}")
        else:
            self.n_records, self.n_bytes = len(file), file.size
            self.is_finished = file.sealed
            try:
                yield from self._inspect(file)
            except OSError as error:
                yield self._finding("unreadable", f"the file cannot be read: {error}")
            finally:
                file.close()

    def _finding(
        self,
        kind: str,
        text: str,
        *,
        is_damage: bool = True,
        lost: tuple[Lost, ...] = (),
    ) -> Finding:
        return Finding(str(self._path), kind, text, is_damage, lost)

    def _inspect(self, file: SegmentReader) -> Iterator[Finding]:
        """Yield what is wrong with a file that can be opened."""
        yield from self._check_header(file)
        if not file.sealed:
            yield from self._check_unsealed(file)
        damaged = self._damaged(file)
        if damaged:
            entries = [file.entry(row) for row in damaged]
            kinds = (Kind.OK, Kind.ERR)
            lost = tuple(_lost(file, e) for e in entries if e.kind in kinds)
            text = f"{len(damaged)} of {len(file)} records are damaged"
            if any(e.kind == Kind.DEL for e in entries):
                text += ", deletions too: what they deleted may be back"
            yield self._finding("record", text, lost=lost)
        elif file.sealed and not _is_complete(file):
            yield self._finding("footer", "the index does not fit the records")

    def _check_header(self, file: SegmentReader) -> Iterator[Finding]:
        """Yield what is wrong with the file's first bytes."""
        data = file.read(0, record.FILE_HEADER_SIZE)
        if not data:
            return
        header = record.unpack_file_header(data, file.path)
        if header is None or (file.file_id and header.file_id != file.file_id):
            yield self._finding("header", "the file's header is damaged")

    def _check_unsealed(self, file: SegmentReader) -> Iterator[Finding]:
        """Yield what is wrong with a file without an intact index."""
        is_cut = self._path.suffix in (FINISHED, ".run")
        tail = file.read(max(0, file.size - 8), 8)
        self.is_finished = is_cut or tail == record.END_MAGIC
        if self.is_finished:
            yield self._finding("footer", "the file's index is damaged or missing")
        if file.has_holes:
            lost = tuple(_lost(file, entry) for entry in file.damaged())
            text = "there are damaged bytes between the records"
            yield self._finding("record", text, lost=lost)

    def _damaged(self, file: SegmentReader) -> list[int]:
        """Return the records that are not as the index says."""
        rows = range(len(file))
        damaged = []
        for row in rows:
            entry = file.entry(row)
            is_small = entry.kind in (Kind.META, Kind.DEL, Kind.REP)
            try:
                if not self._has_header(file, entry):
                    damaged.append(row)
                elif is_small:
                    self._check_content(entry.kind, file.payload(entry))
                elif self._read_data and entry.payload_len > MAX_BLOCK:
                    file.verify(entry)
            except (CorruptRecordError, ValueError):
                damaged.append(row)
        if self._read_data:
            found = set(damaged)
            small = [r for r in rows if file.entry(r).payload_len <= MAX_BLOCK]
            for block in read_copies(file, [r for r in small if r not in found]):
                found.update(row for row, copy in block if copy is None)
            damaged = sorted(found)
        return damaged

    def _has_header(self, file: SegmentReader, entry: Entry) -> bool:
        """Return whether a record's own header says what the index says."""
        start, data = self._window
        size = record.HEADER_SIZE
        if not start <= entry.offset <= start + len(data) - size:
            start, data = entry.offset, file.read(entry.offset, WINDOW)
            self._window = (start, data)
        at = entry.offset - start
        header = record.unpack_record_header(data[at : at + size], entry.offset)
        return header is not None and header[0] == entry

    def _check_content(self, kind: int, payload: bytearray) -> None:
        """Read what deletes or replaces others."""
        if kind == Kind.REP:
            self.replaced += replaced_by(payload)
        elif kind == Kind.DEL and len(payload) % UID_SIZE:
            msg = f"a tombstone of {len(payload)} bytes"
            raise ValueError(msg)


def _is_complete(file: SegmentReader) -> bool:
    """Return whether the index leaves no byte of the file out."""
    at = record.FILE_HEADER_SIZE
    for entry in sorted(file.entries, key=lambda entry: entry.offset):
        if entry.offset != at:
            return False
        at = entry.end
    n_index = len(file) * record.ENTRY.size + 16 * len(file.origins)
    return at + n_index + record.TRAILER_SIZE == file.size


def _lost(file: SegmentReader, entry: Entry) -> Lost:
    """Return what can be said of a damaged record."""
    data = file.read(entry.offset + record.HEADER_SIZE, entry.meta_len)
    try:
        args = json.loads(data)["args"]
    except (ValueError, KeyError, TypeError):
        args = ""
    return Lost(entry.key, str(args))
