"""Deleting records: by a record that names them, and by files as a whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from gridtask import fs
from gridtask.store.expiry import is_wholly_dead
from gridtask.store.files import Files
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentWriter


class Deletion:
    """Deletes records of one folder. Its user holds the folder's lock.

    Parameters
    ----------
    path : Path
        The folder.
    files : Files
        Its files, as far as they are known.
    """

    def __init__(self, path: Path, files: Files) -> None:
        self._path = path
        self._files = files
        self._index = files.index

    def bury(self, numbers: Sequence[int]) -> None:
        """Delete records.

        Raises
        ------
        OSError
            If the tombstone cannot be written; then nothing is deleted.
        """
        if numbers:
            uids = self._index.uids(numbers)
            self._write_tombstone(uids)
            self._index.bury(uids)

    def expire(self, numbers: Sequence[int]) -> int:
        """Delete records, also on a full disk; return how many.

        Files in which nothing is left are removed.

        Raises
        ------
        OSError
            If records are left that could not be deleted.
        """
        if not numbers:
            return 0
        uids = self._index.uids(numbers)
        try:
            self._write_tombstone(uids)
        except OSError as error:
            if error.errno not in fs.NO_ROOM:
                raise
            self._remove_wholly_dead(frozenset(uids))
            self._write_tombstone(uids)
        self._index.bury(uids)
        self._remove_wholly_dead(frozenset())
        return len(numbers)

    def _write_tombstone(self, uids: list[bytes]) -> None:
        """Write the one record that deletes others, as a sealed file."""
        path = self._path / f"rm.{os.urandom(8).hex()}.seg"
        segment = SegmentWriter.create(path)
        try:
            segment.append(Kind.DEL, [b"".join(uids)])
            segment.seal()
            fs.sync_folder(self._path)
        except OSError:
            segment.close()
            with contextlib.suppress(OSError):
                fs.remove(path)
            raise

    def _remove_wholly_dead(self, doomed: frozenset[bytes]) -> None:
        """Remove sealed files whose records are all deleted or `doomed`."""
        for number, file in self._files.current():
            if file.sealed and is_wholly_dead(file, self._index, doomed):
                fs.remove(file.path)
                self._files.drop(number)
