"""Writing results so that none is lost: what a worker does for each call.

A record is written at once, and committed when a sync has returned, at most
half a second later. Until then its bytes are kept: if the disk is full or the
file server fails, they are written again, into a new segment.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gridtask import fs
from gridtask.errors import StoreError
from gridtask.fs import Buffer
from gridtask.store.copies import Copies
from gridtask.store.record import NO_CODE, NO_KEY, Kind, pack_meta
from gridtask.store.segment import Draft, SegmentWriter
from gridtask.store.values import Encoded

SYNC_SECONDS = 0.5
"""Longest time that a record waits for its sync. On NFS nobody else sees
what was written but not synced, for 8 to 75 s."""

SYNC_BYTES = 8 << 20
"""So many bytes are synced at once, without waiting."""

IDLE_SECONDS = 1800.0
"""After so long without a record a new segment is begun. Compaction takes a
segment that was not written for an hour to be finished, and removes it."""

RETRY_DELAYS = (1.0, 5.0, 25.0)
"""Seconds before each attempt to write again after an error."""

PASSING_ERRORS = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.ENOENT)
)
"""Errors after which a new segment is tried. ENOENT: the folder was removed."""


class RecordWriter:
    """Writes the records of one process into one folder of the store.

    For use by several threads. After a fork the child writes a segment of its
    own; what the parent had not synced stays the parent's.

    Parameters
    ----------
    folder : Path
        Made when the first record is written.
    file_stem : str
        The segment is called ``<file_stem>.<8 hex digits>.seg``.
    job_id, task : int
        The array task that writes, for people.
    meta : mapping
        What the segment says of itself, for people.
    sleep : callable
        Waits between attempts; the tests pass their own.
    """

    def __init__(
        self,
        folder: Path,
        file_stem: str,
        *,
        job_id: int = 0,
        task: int = 0,
        meta: Mapping[str, object] | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._folder = folder
        self._stem = file_stem
        self._job_id, self._task = job_id, task
        self._meta = meta
        self._sleep = sleep
        self._segment: SegmentWriter | None = None
        self._reset()
        _writers.add(self)

    def _reset(self) -> None:
        """Start anew, without a segment: at first, and in a forked child."""
        # Not re-entrant on purpose, see `put`.
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._pending: list[Draft] = []
        self._copies = Copies(2 * SYNC_BYTES)
        self._n_pending_bytes = 0
        self._waits_since = 0.0
        self._written_at = 0.0
        self._error: StoreError | None = None

    def put(
        self,
        key: bytes,
        code: bytes,
        encoded: Encoded,
        *,
        seconds: float = 0.0,
        peak_mb: int = 0,
        meta: Mapping[str, object] | None = None,
    ) -> None:
        """Write a result.

        Parameters
        ----------
        key, code : bytes
            The call's key, 16 bytes, and the first 8 of its code digest.
        encoded : Encoded
            The value, see `values.encode`. It may change afterwards.
        seconds, peak_mb : float, int
            The call's duration in seconds and peak memory in MB.
        meta : mapping, optional
            For people: short values that JSON knows.

        Raises
        ------
        StoreError
            If it cannot be written, after several attempts.

        Notes
        -----
        Not to be called from a signal handler: it would wait for ever for the
        interrupted call of this thread.
        """
        self.write(
            Kind.OK, encoded, key, code, seconds=seconds, peak_mb=peak_mb, meta=meta
        )

    def fail(
        self,
        key: bytes,
        code: bytes,
        encoded: Encoded,
        *,
        seconds: float = 0.0,
        peak_mb: int = 0,
        meta: Mapping[str, object] | None = None,
    ) -> None:
        """Write a failure; as `put`."""
        self.write(
            Kind.ERR, encoded, key, code, seconds=seconds, peak_mb=peak_mb, meta=meta
        )

    def log(self, data: bytes, meta: Mapping[str, object] | None = None) -> None:
        """Write the log of an array task; as `put`."""
        self.write(Kind.LOG, Encoded([data], len(data), False), meta=meta)

    def write(
        self,
        kind: Kind,
        encoded: Encoded,
        key: bytes = NO_KEY,
        code: bytes = NO_CODE,
        *,
        seconds: float = 0.0,
        peak_mb: int = 0,
        meta: Mapping[str, object] | None = None,
    ) -> None:
        """Write a record of any kind; as `put`."""
        parts: Sequence[Buffer]
        parts, n_bytes, aligned = encoded
        packed = pack_meta(meta)
        with self._lock:
            self._raise_error()
            now = time.monotonic()
            self._leave_idle_segment(now)
            if self._segment is None:
                self._attempt(self._start_segment)
            assert self._segment is not None
            if len(parts) > 1 and n_bytes < SYNC_BYTES:
                # The caller may change its arrays. Larger ones are synced at once.
                parts = [self._copies.add(parts, n_bytes)]
            now_ns = self._segment.now_ns()
            rest = (packed, now_ns, seconds, peak_mb, aligned)
            self._pending.append(Draft(kind, parts, key, code, *rest))
            self._n_pending_bytes += n_bytes
            self._written_at = now
            self._attempt(self._append_last)
            if len(self._pending) == 1:
                self._waits_since = now
                self._start_timer()
            elif now - self._waits_since >= SYNC_SECONDS:
                self._commit()
            if self._n_pending_bytes >= SYNC_BYTES:
                self._commit()

    def begin(self) -> None:
        """Make the segment now: a listing then shows that somebody is at work.

        Raises
        ------
        StoreError
            If it cannot be made, after several attempts.
        """
        with self._lock:
            self._raise_error()
            if self._segment is None:
                self._attempt(self._start_segment)

    def sync(self) -> None:
        """Return when all records are committed.

        Raises
        ------
        StoreError
            If that fails, after several attempts.
        """
        with self._lock:
            self._raise_error()
            self._commit()

    def close(self) -> None:
        """Commit all records and seal the segment; `put` starts another."""
        with self._lock:
            self._raise_error()
            self._commit()
            self._seal()
            self._wake.set()
            self._wake, self._thread = threading.Event(), None

    def _raise_error(self) -> None:
        """Raise what the timer's sync has failed with."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _commit(self) -> None:
        """Sync what is pending, also what a failure has left."""
        if self._pending:
            is_open = self._segment is not None
            self._attempt(self._sync if is_open else self._start_segment)

    def _attempt(self, step: Callable[[], None]) -> None:
        """Do a step; if it fails, write all again into a new segment."""
        try:
            step()
            return
        except OSError as error:
            last = error
        except BaseException:
            # Interrupted: how far it came is not known.
            self._give_up_segment()
            raise
        for delay in (0.0, *RETRY_DELAYS):
            if last.errno not in PASSING_ERRORS:
                break
            if delay:
                self._sleep(delay)
            try:
                self._start_segment()
                return
            except OSError as error:
                last = error
        self._give_up_segment()
        # They may be saved later, when the caller's arrays have changed.
        self._pending = [p._replace(parts=[b"".join(p.parts)]) for p in self._pending]
        n_lost = max(1, len(self._pending))
        msg = (
            f"cannot write results into {str(self._folder)!r}: {last}."
            f" Results of this process that are not saved: {n_lost}."
            " Next: make room there (gridtask rm --older 7d, quota) and run the script"
            " again"
        )
        raise StoreError(msg) from last

    def _append_last(self) -> None:
        """Write the newest record."""
        assert self._segment is not None
        self._segment.write(self._pending[-1])

    def _sync(self) -> None:
        """Commit what is pending."""
        assert self._segment is not None
        self._segment.sync()
        if not self._segment.is_at_path():
            msg = f"{self._segment.path} is gone"
            raise FileNotFoundError(errno.ENOENT, msg)
        self._pending.clear()
        self._copies.clear()
        self._n_pending_bytes = 0

    def _start_segment(self) -> None:
        """Write all that is pending into a new segment, and commit it."""
        self._give_up_segment()
        self._segment = self._create()
        for draft in self._pending:
            self._segment.write(draft)
        if self._pending:
            self._sync()

    def _give_up_segment(self) -> None:
        """Leave the segment: readers take from it what they can."""
        segment, self._segment = self._segment, None
        if segment is not None:
            with contextlib.suppress(OSError):
                segment.abandon()

    def _create(self) -> SegmentWriter:
        """Create a segment."""
        path = self._folder / f"{self._stem}.{os.urandom(4).hex()}.seg"
        ids = {"job_id": self._job_id, "task": self._task}
        try:
            segment = SegmentWriter.create(path, **ids)
        except FileNotFoundError:
            fs.make_folder(self._folder)
            segment = SegmentWriter.create(path, **ids)
        try:
            segment.append(Kind.META, meta=self._meta)
        except OSError:
            segment.abandon()
            raise
        self._written_at = time.monotonic()
        return segment

    def _leave_idle_segment(self, now: float) -> None:
        """Seal a segment that was not written for long: it may be gone soon."""
        if self._segment is not None and now - self._written_at > IDLE_SECONDS:
            self._commit()
            self._seal()

    def _seal(self) -> None:
        """Give the segment its index. All is committed: an error costs nothing."""
        if self._segment is not None:
            with contextlib.suppress(OSError):
                self._segment.seal()
                self._segment = None
        self._give_up_segment()

    def _start_timer(self) -> None:
        """Have a lone record synced in time, although no other follows."""
        if self._thread is None:
            wake = self._wake
            self._thread = threading.Thread(
                target=_sync_in_time,
                args=(weakref.ref(self, lambda _: wake.set()), wake),
                name="gridtask-sync",
                daemon=True,
            )
            self._thread.start()
        self._wake.set()

    def _sync_if_due(self) -> float | None:
        """Sync if it is time; return the seconds until then, None if none waits."""
        with self._lock:
            if not self._pending or self._error is not None:
                return None
            seconds_left = self._waits_since + SYNC_SECONDS - time.monotonic()
            if seconds_left > 0:
                return seconds_left
            try:
                self._commit()
            except StoreError as error:
                self._error = error
            return None

    def _leave_to_parent(self) -> None:
        """Drop, in a forked child, what is the parent's."""
        segment, self._segment = self._segment, None
        if segment is not None:
            with contextlib.suppress(OSError):
                segment.close()
        self._reset()


def _sync_in_time(
    writer: weakref.ReferenceType[RecordWriter], wake: threading.Event
) -> None:
    """Be the thread that syncs lone records, until its writer is closed."""
    while wake.wait():
        wake.clear()
        seconds_left: float | None = 0.0
        while seconds_left is not None:
            time.sleep(seconds_left)
            alive = writer()
            if alive is None or alive._wake is not wake:
                return
            seconds_left = alive._sync_if_due()
            del alive


_writers: weakref.WeakSet[RecordWriter] = weakref.WeakSet()


def _after_fork() -> None:
    """Let no forked child write into its parent's segments."""
    for writer in list(_writers):
        writer._leave_to_parent()


os.register_at_fork(after_in_child=_after_fork)
