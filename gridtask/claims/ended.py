"""Which calls have ended although their array tasks still run."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from gridtask.store.record import Kind

if TYPE_CHECKING:
    from gridtask.store.store import Folder


def without_failed(keys: Collection[bytes], run_id: str, folder: Folder) -> list[bytes]:
    """Leave out the calls that have failed in a run: they are to be tried anew."""
    failures = dict(zip(keys, folder.find(list(keys), kind=Kind.ERR), strict=True))
    known = [number for number in failures.values() if number >= 0]
    metas = dict(zip(known, folder.metas(known), strict=True))

    def has_failed(number: int) -> bool:
        meta = metas.get(number)
        return isinstance(meta, dict) and meta.get("run") == run_id

    return [key for key, number in failures.items() if not has_failed(number)]
