"""Saving what is intact of a damaged file."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from gridtask import fs
from gridtask.store.pack import PackWriter
from gridtask.store.reader import SegmentReader
from gridtask.store.record import Kind

DAMAGED = "damaged-"
"""How the names of damaged files in the trash begin."""


def salvage(path: Path, task: str, trash: Path) -> int:
    """Copy the intact records of a file into a pack; move the file to the trash.

    Parameters
    ----------
    path : Path
        The file.
    task : str
        Full name of its task.
    trash : Path
        Folder for the damaged file.

    Returns
    -------
    n_records : int
        How many were saved.

    Raises
    ------
    OSError
        If the pack cannot be written. Nothing has changed then.
    """
    fs.make_folder(trash)
    meta = {"task": task, "saved from": path.name}
    pack = PackWriter(path.parent, meta)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            readers = SegmentReader.open(path), SegmentReader.scan(path)
        saved: set[bytes] = set()
        for reader in readers:
            saved |= _copy(pack, reader, saved)
            reader.close()
        size, used_at = readers[0].size, readers[0].used_at
    except BaseException:
        pack.abandon()
        raise
    pack.publish([(path.name, size)], used_at)
    fs.move(path, trash / f"{DAMAGED}{path.name}.{os.urandom(4).hex()}")
    return pack.n_records


def _copy(pack: PackWriter, file: SegmentReader, saved: set[bytes]) -> set[bytes]:
    """Copy what is intact and not yet saved; return the uids."""
    # A list of replaced files is not taken over: one of them may hold what is
    # lost here.
    rows = {
        row: entry.uid
        for row, entry in enumerate(file.entries)
        if entry.kind != Kind.REP and entry.uid not in saved
    }
    damaged = pack.copy(file, sorted(rows))
    return set(rows.values()) - {rows[row] for row in damaged}
