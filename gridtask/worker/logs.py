"""What array tasks print, and which part of it belongs to which call.

The output of an array task goes into one file, ``<run>.t<task>.log``: all that
reaches its file descriptors, from Python, from C and from programs that it
starts. A call's record says from which byte to which the call has printed;
one that has not ended has printed what follows behind the ended ones. When an
array task has ended, the end of its log is kept as a record beside its results,
and the file goes unless a call failed.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridtask import fs
from gridtask.errors import GridTaskError
from gridtask.store.segment import Kind

if TYPE_CHECKING:
    from gridtask.store.store import Folder
    from gridtask.store.writer import RecordWriter

KEPT_BYTES = 1 << 20
"""How much of the end of an array task's log is kept with the results."""


def log_path(runs: Path, run_id: str, task: int) -> Path:
    """Return where the output of an array task goes."""
    return runs / f"{run_id}.t{task}.log"


# ---------------------------------------------------------------- on the worker


class Output:
    """Where in its log this process is.

    Parameters
    ----------
    path : Path or None
        The log. Where stdout does not lead there (None: it is a terminal's, or
        the user's), nothing is known of what calls print.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        # Of its own: a call may lead 1 elsewhere.
        self._fd = os.dup(1) if path is not None and _leads_to(1, path) else None
        self._seen = self.position()

    def position(self) -> int:
        """Return the length of the log so far; 0 if it is not known."""
        if self._fd is None:
            return 0
        flush()
        return os.fstat(self._fd).st_size

    def printed(self) -> tuple[int, int]:
        """Return from where to where the log has grown since the last question."""
        start, self._seen = self._seen, self.position()
        return start, self._seen

    def keep(self, writer: RecordWriter, meta: Mapping[str, object]) -> None:
        """Copy the end of the log beside the results."""
        end = self.position()
        if self._path is not None and end:
            text = fs.read_end(self._path, KEPT_BYTES)
            writer.log(text, meta={**meta, "start": end - len(text)})


def flush() -> None:
    """Write out what Python still holds of what was printed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, ValueError, OSError):
            continue  # closed or replaced by the task


def _leads_to(fd: int, path: Path) -> bool:
    try:
        here, there = os.fstat(fd), os.stat(path, follow_symlinks=False)
    except OSError:
        return False
    is_same = (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
    return is_same and stat.S_ISREG(here.st_mode)


# -------------------------------------------------------------------- afterwards


def of_record(folder: Folder, number: int) -> bytes | None:
    """Return what a call that has ended printed; None if that is not known.

    Parameters
    ----------
    number : int
        Its record in the folder.
    """
    about = _meta(folder, number)
    start, end = span(folder, number)
    if not end:
        return b"" if _array_task(about) else None
    return _read(folder, number, about, start, end)


def of_array_task(folder: Folder, number: int) -> bytes | None:
    """Return what the array task that made a record printed; None if unknown."""
    return _read(folder, number, _meta(folder, number), 0, None)


def end_of_calls(folder: Folder, run_id: str, keys: Collection[bytes]) -> int:
    """Return where in its log the calls of an array task that have ended stop.

    Those of other runs count for nothing: their logs are others.

    Parameters
    ----------
    keys : collection of bytes
        All calls of the array task.
    """
    ends = [0]
    for number in find_ended(folder, run_id, keys):
        if number >= 0 and _meta(folder, number).get("run") == run_id:
            ends.append(span(folder, number)[1])
    return max(ends)


def find_ended(folder: Folder, run_id: str, keys: Collection[bytes]) -> list[int]:
    """Return the records of calls that a run computes, -1 where there is none.

    A result counts whoever has computed it, a failure only as this run's.
    """
    found = folder.find(list(keys))
    for index, number in enumerate(folder.find(list(keys), kind=Kind.ERR)):
        if found[index] < 0 <= number and _meta(folder, number).get("run") == run_id:
            found[index] = number
    return found


def span(folder: Folder, number: int) -> tuple[int, int]:
    """Return from where to where in its log a call has printed; 0, 0 if nothing."""
    start, end = _meta(folder, number).get("log") or (0, 0)
    return start, end


def read(path: Path, start: int = 0, end: int | None = None) -> bytes | None:
    """Return a part of a log file; None if there is no such file."""
    try:
        fd, status = fs.open_status(path)
    except (OSError, GridTaskError):
        return None
    try:
        end = status.st_size if end is None else min(end, status.st_size)
        return fs.read_at(fd, max(end - start, 0), start)
    finally:
        fs.close(fd)


def _read(
    folder: Folder,
    number: int,
    about: Mapping[str, Any],
    start: int,
    end: int | None,
) -> bytes | None:
    """Return a part of a log, from its file or from what was kept of it."""
    kept = _kept(folder, number)
    if kept is not None:
        text = bytes(folder.payload(kept))
        base = _meta(folder, kept).get("start", 0)
        stop = len(text) if end is None else max(end - base, 0)
        return text[max(start - base, 0) : stop]
    array_task = _array_task(about)
    runs = folder.path.parents[1] / "runs"
    return read(log_path(runs, *array_task), start, end) if array_task else None


def _kept(folder: Folder, number: int) -> int | None:
    """Return the log that the worker of a record has kept, if it has."""
    origin = folder.entry(number).origin
    for other in folder.numbers(Kind.LOG):
        if folder.entry(other).origin == origin:
            return other
    return None


def _array_task(about: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return the run and the array task in which a call was computed."""
    task = str(about.get("job")).rpartition(".")[2]
    run_id = about.get("run")
    return (str(run_id), int(task)) if run_id and task.isdecimal() else None


def _meta(folder: Folder, number: int) -> dict[str, Any]:
    """Return what a record says for people; nothing if it is damaged."""
    try:
        return folder.meta(number)
    except (GridTaskError, OSError):
        return {}
