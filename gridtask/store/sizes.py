"""What a folder takes."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gridtask.store.expiry import used_at
from gridtask.store.index import DATA, Extent, Index
from gridtask.store.record import HEADER_SIZE, Kind, align


class FolderSizes(NamedTuple):
    """What a folder takes.

    Attributes
    ----------
    n_files : int
        Files, of all kinds.
    n_bytes : int
        Bytes on disk.
    n_live, live_bytes : int
        Records that hold data and are not deleted, and their payloads.
    dead_bytes : int
        Payloads of deleted and repeated records, and files that packs have
        replaced.
    oldest_at, newest_at : float or None
        When the oldest and the newest live result ended, POSIX seconds.
    used_at : float or None
        When a file was last read by a driver, to a day.
    """

    n_files: int
    n_bytes: int
    n_live: int
    live_bytes: int
    dead_bytes: int
    oldest_at: float | None
    newest_at: float | None
    used_at: float | None


_EXTENT = struct.Struct("<40xQQ8xIH2x")
"""Of an entry: length of the payload, time of end, lengths of meta and pad."""


def measure_records(index: Index, numbers: Iterable[int]) -> Extent | None:
    """Return what whole records take and when they ended; None of none."""
    n_bytes, ends = 0, []
    for payload_len, t_end_ns, meta_len, pad in index.fields(_EXTENT, numbers):
        n_bytes += align(HEADER_SIZE + meta_len + pad + payload_len)
        ends.append(t_end_ns)
    return Extent(n_bytes, min(ends), max(ends)) if ends else None


def measure(
    index: Index, statuses: Mapping[str, os.stat_result], now: float
) -> FolderSizes:
    """Return what the files of an index take.

    Parameters
    ----------
    index : Index
        The records.
    statuses : mapping of str to os.stat_result
        All files of the folder.
    now : float
        POSIX seconds.
    """
    live = {kind: index.numbers(kind) for kind in DATA}
    extents = {kind: list(index.extents(numbers)) for kind, numbers in live.items()}
    live_bytes = sum(e.n_bytes for each in extents.values() for e in each)
    all_bytes = 0
    for number, file in enumerate(index.files):
        if not index.is_dropped(number):
            all_bytes += index.n_bytes(number)
        elif os.path.basename(file.path) in statuses:
            all_bytes += file.size
    ended = extents[Kind.OK] + extents[Kind.ERR]
    uses = [used_at(name, status, now) for name, status in statuses.items()]
    return FolderSizes(
        n_files=len(statuses),
        n_bytes=sum(status.st_blocks * 512 for status in statuses.values()),
        n_live=sum(map(len, live.values())),
        live_bytes=live_bytes,
        dead_bytes=all_bytes - live_bytes,
        oldest_at=min((e.first_ns / 1e9 for e in ended), default=None),
        newest_at=max((e.last_ns / 1e9 for e in ended), default=None),
        used_at=max(uses, default=None),
    )
