"""A record that is not known to be on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gridtask.fs import Buffer
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentWriter


class Pending(NamedTuple):
    """A record that may have to be written again. See `SegmentWriter.append`."""

    kind: Kind
    parts: Sequence[Buffer]
    key: bytes
    code: bytes
    meta: Mapping[str, object] | None
    t_end_ns: int
    seconds: float
    peak_mb: int
    aligned: bool

    def append_to(self, segment: SegmentWriter) -> None:
        """Write the record; its time stays that of the call's end."""
        kind, parts, key, code, meta, t_end_ns, seconds, peak_mb, aligned = self
        segment.append(
            kind,
            parts,
            key=key,
            code=code,
            meta=meta,
            t_end_ns=t_end_ns,
            seconds=seconds,
            peak_mb=peak_mb,
            aligned=aligned,
        )
