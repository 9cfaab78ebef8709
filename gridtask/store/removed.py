"""When results were deleted, as far as the files still tell."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from gridtask.store.files import split_uids
from gridtask.store.index import ROW_BITS, ROW_MASK, Index
from gridtask.store.record import Kind


def removed_at(
    index: Index, keys: Collection[bytes] | None = None
) -> dict[bytes, float]:
    """Return when the latest results of keys were deleted, POSIX seconds.

    Those whose bytes are gone by compaction, or with their file, are not told.

    Parameters
    ----------
    keys : collection of bytes, optional
        Only these; all by default.
    """
    key_of = _dead_results(index, None if keys is None else frozenset(keys))
    if not key_of:
        return {}
    found: dict[bytes, float] = {}
    for number in index.all_numbers(Kind.DEL):
        entry = index.entry(number)
        at = entry.t_end_ns / 1e9
        payload = b""
        with contextlib.suppress(OSError):  # it went, or is damaged
            file = index.files[number >> ROW_BITS]
            payload = bytes(file.payload(file.entry(number & ROW_MASK)))
        for key in {key_of[uid] for uid in split_uids(payload) if uid in key_of}:
            found[key] = max(at, found.get(key, 0.0))
    return found


def _dead_results(index: Index, keys: frozenset[bytes] | None) -> dict[bytes, bytes]:
    """Return the keys of deleted results by the results' uids."""
    found: dict[bytes, bytes] = {}
    for number, file in enumerate(index.files):
        if index.is_dropped(number) or not index.has_dead(file.origins):
            continue
        for row, (origin, seq, _, kind) in enumerate(file.identities()):
            if kind == Kind.OK and index.is_dead(origin, seq):
                entry = file.entry(row)
                if keys is None or entry.key in keys:
                    found[entry.uid] = entry.key
    return found
