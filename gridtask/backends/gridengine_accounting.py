"""The accounting file of a Grid Engine cell, read incrementally.

One qacct reads the whole file, which grows for years; a driver asks for the
records of jobs that ended a moment ago. So only what was appended since is
read, where the file can be read at all.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from gridtask.backends.gridengine_output import AccountingRecord, parse_accounting_line

LOOK_BACK_BYTES = 64 * 1024**2
"""How far back a job that this process did not submit is looked for: some
250,000 records, read in half a second."""


def accounting_path(environ: Mapping[str, str]) -> Path | None:
    """Return the accounting file of the environment's cell, if it can be read.

    Where a cell writes JSON lines the colon-separated file is an old one.
    """
    root = environ.get("SGE_ROOT")
    if not root:
        return None
    common = Path(root, environ.get("SGE_CELL", "default"), "common")
    path = common / "accounting"
    if (common / "accounting.jsonl").exists() or not os.access(path, os.R_OK):
        return None
    return path


class AccountingFile:
    """Finds records of given jobs; each part of the file is read once a job.

    Parameters
    ----------
    path : Path
        The file. Several hosts may append to it, and a site may replace it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._inode: int | None = None
        self._scanned: dict[str, int] = {}
        # Dicts for ordered sets: a file replaced by a part of it is read again.
        self._found: dict[str, dict[AccountingRecord, None]] = {}

    def size(self) -> int | None:
        """Return the size of the file in bytes, None if it cannot be told."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        self._notice_replacement(status)
        return status.st_size

    def skip(self, job_id: str, n_bytes: int) -> None:
        """Note that the first `n_bytes` hold nothing of job `job_id`."""
        self._scanned[job_id] = n_bytes
        self._found.pop(job_id, None)

    def records(self, job_ids: Collection[str]) -> list[AccountingRecord]:
        """Return all records of jobs with these ids, in the order of the file.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        with open(self.path, "rb") as file:
            status = os.fstat(file.fileno())
            self._notice_replacement(status)
            look_back = max(0, status.st_size - LOOK_BACK_BYTES)
            starts = {id_: self._scanned.get(id_, look_back) for id_ in job_ids}
            end = min(starts.values(), default=status.st_size)
            for line in _whole_lines(file, end):
                self._take(line, end, starts)
                end += len(line)
        self._scanned.update(dict.fromkeys(job_ids, end))
        return [record for id_ in job_ids for record in self._found.get(id_, ())]

    def _notice_replacement(self, status: os.stat_result) -> None:
        """Begin anew if this is another file, or a shorter one, than before."""
        shrunk = status.st_size < max(self._scanned.values(), default=0)
        if shrunk or status.st_ino != self._inode:
            self._scanned = dict.fromkeys(self._scanned, 0)
            self._inode = status.st_ino

    def _take(self, line: bytes, offset: int, starts: Mapping[str, int]) -> None:
        """Keep a line of a job asked for, unless it was read before."""
        fields = line.split(b":", 6)
        job_id = fields[5].decode("ascii", "replace") if len(fields) > 6 else ""
        if offset < starts.get(job_id, offset + 1):
            return
        record = parse_accounting_line(line.decode("utf-8", "replace"))
        if record:
            self._found.setdefault(job_id, {})[record] = None


def _whole_lines(file: BinaryIO, start: int) -> Iterator[bytes]:
    """Yield the lines from offset `start`, but no line that is still written."""
    file.seek(start)
    for line in file:
        if not line.endswith(b"\n"):
            return
        yield line
