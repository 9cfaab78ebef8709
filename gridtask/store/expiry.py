"""Ages of results, whatever the clocks of the nodes said."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping

from gridtask.store.index import ROW_BITS, Index
from gridtask.store.pack import FINISHED
from gridtask.store.reader import SegmentReader
from gridtask.store.record import Kind

EXPIRING = (Kind.OK, Kind.ERR, Kind.LOG)
"""What has an age. Code is kept."""

_ENDED = struct.Struct("<24xI20xQ16x")
"""Of an entry: number of the origin, time of end."""

CLOCK_SECONDS = 86_400.0
"""How far a clock may be ahead of the file server's before it is not believed."""


class Ages:
    """When the records of some files ended, POSIX seconds.

    A result is not older than its segment, nor (by more than a day) newer than
    its file's last change. Both are times of the file server, so a node whose
    clock says 1970 does not have its results expire at once. Nor does a copy of
    the file that has lost its time: that its segment was begun later is believed,
    unless it is a time to come.

    Parameters
    ----------
    index : Index
        Of the files.
    now : float
        The file server's time, POSIX seconds.
    """

    def __init__(self, index: Index, now: float) -> None:
        self._index = index
        self._latest = now + CLOCK_SECONDS
        self._begun_at = {
            entry.origin: entry.t_end_ns / 1e9
            for entry in map(index.entry, index.all_numbers(Kind.META))
        }

    def older(self, before: float) -> list[int]:
        """Return the results, failures and logs that ended before a time."""
        found: list[int] = []
        for file_number, file in enumerate(self._index.files):
            late = file.modified_at + CLOCK_SECONDS
            begun = [self._begun(origin, file) for origin in file.origins]
            for kind in EXPIRING:
                numbers = self._index.numbers_in(file_number, kind)
                ends = self._index.fields(_ENDED, numbers)
                found += [
                    number
                    for number, (origin, t_end_ns) in zip(numbers, ends, strict=True)
                    if max(begun[origin], min(t_end_ns / 1e9, late)) <= before
                ]
        return found

    def _begun(self, origin: bytes, file: SegmentReader) -> float:
        """Return when a segment was begun of which a file has records."""
        begun_at = self._begun_at.get(origin, 0.0)
        return begun_at if begun_at <= self._latest else file.modified_at


def unused(
    index: Index, statuses: Mapping[str, os.stat_result], before: float, now: float
) -> list[int]:
    """Return the results, failures and logs of files not used since a time.

    What ended later than that was used then, whatever its file says: a copy may
    have lost its times.
    """
    used = {
        number
        for number, file in enumerate(index.files)
        if (status := statuses.get(os.path.basename(file.path))) is None
        or used_at(os.path.basename(file.path), status, now) > before
    }
    ended = Ages(index, now).older(before)
    return [number for number in ended if number >> ROW_BITS not in used]


def used_at(name: str, status: os.stat_result, now: float) -> float:
    """Return when a file's records were last read by a driver, or written.

    To a day: it is noted no more often. A pack is as used as what it replaced.
    """
    is_believed = status.st_atime <= now + CLOCK_SECONDS
    times = [status.st_atime] if is_believed else []
    if not is_believed or not name.endswith(FINISHED):
        times.append(status.st_mtime)
    return max(times)


def is_wholly_dead(file: SegmentReader, index: Index, doomed: frozenset[bytes]) -> bool:
    """Return whether nothing is lost with a file.

    Parameters
    ----------
    file : SegmentReader
        The file.
    index : Index
        Knows the tombstones.
    doomed : frozenset of bytes
        Further records, by uid, that are to go without a tombstone because
        there is no room for one. Then code goes too: it is written again.
    """
    if not doomed and not index.has_dead(file.origins):
        return False
    free = {Kind.META, Kind.REP, *((Kind.CODE,) if doomed else ())}
    has_rest = False
    for origin, seq, _, kind in file.identities():
        if kind in free:
            continue
        is_dead = index.is_dead(origin, seq)
        if not is_dead and origin + seq.to_bytes(4, "little") not in doomed:
            return False
        has_rest = True
    return has_rest
