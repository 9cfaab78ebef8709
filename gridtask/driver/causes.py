"""Why calls have no result: what is known of each, put together into its error."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from gridtask import failures, fs
from gridtask.backends.base import Accounting
from gridtask.claims.claim import Claim
from gridtask.claims.runfile import RunPlan
from gridtask.debug import debug
from gridtask.driver.ledger import Ledger, OpenTask
from gridtask.driver.records import Records
from gridtask.driver.watch import JobWatch
from gridtask.errors import PACKAGE, CallError, Deleted, ResultUnreadable
from gridtask.failures import Circumstances
from gridtask.plan import Place
from gridtask.printable import shorten
from gridtask.store.segment import Kind
from gridtask.store.store import LoadError
from gridtask.worker import logs

OWN_FRAMES = tuple(f'  File "{place}' for place in (PACKAGE, "<frozen", "<string>"))
"""Begin lines of a crashed interpreter's last words that say nothing to users."""

LINE_WIDTH = 200
"""Characters of a line of a log that an error shows."""

SOURCE = " " * 4
"""Begins the lines of a traceback that show the source of a frame."""


class Causes:
    """Tells the errors of a run's calls, named by the index of their key.

    Parameters
    ----------
    texts : callable
        Returns a call as text.

    Attributes
    ----------
    spans : dict of int to (int, int)
        From where to where in its log a call has printed that died.
    """

    def __init__(
        self,
        plan: RunPlan,
        claims: Mapping[str, Claim],
        ledger: Ledger,
        watch: JobWatch,
        records: Records,
        texts: Callable[[int], str],
    ) -> None:
        self._plan = plan
        self._claims = claims
        self._ledger = ledger
        self._watch = watch
        self._records = records
        self._texts = texts
        self.spans: dict[int, tuple[int, int]] = {}

    def plan_of(self, place: Place | None) -> RunPlan:
        """Return the plan of the run that a call is in flight in."""
        claim = self._claims.get(place.run_id) if place else None
        return claim.plan if claim else self._plan

    def where(self, index: int, ended: Accounting | None = None) -> Circumstances:
        """Return the circumstances of an open call, for messages."""
        place = self._ledger.place_of(index)
        job = self._watch.job_of(place) if place else None
        log = self._watch.log_of(place) if place else None
        plan = self.plan_of(place)
        words = self._last_words(place) if place else ""
        return Circumstances(
            call=self._texts(index),
            key=self._plan.keys[index].hex(),
            job=f"{job.job_id}.{place.task}" if job and place else None,
            host=ended.host if ended else None,
            log=str(log) if log else None,
            memory=plan.memory,
            time=plan.time,
            task=plan.task,
            run=self._plan.run_id,
            log_tail=_tail(words),
            is_starved=any(sign in words for sign in failures.STARVED),
        )

    def printed(self, index: int) -> bytes:
        """Return what a call has printed so far."""
        error = self._ledger.failures.get(index)
        place = self._ledger.place_of(index)
        if place is not None:
            task = self._ledger.tasks[place]
            start, end = self._unfinished(place)
            is_its = task.first == index
            return self._read(place, start, end) if is_its else b""
        kind = Kind.OK if error is None else Kind.ERR
        return self._records.printed(index, kind) or b""

    def _unfinished(self, place: Place) -> tuple[int, int]:
        """Return from where to where the call printed that an array task is in."""
        log = self._watch.log_of(place)
        if log is None:
            return 0, 0
        keys = self.plan_of(place).chunk_keys(place.task)
        start = self._records.end_of_calls(place.run_id, keys)
        try:
            return start, fs.size(log)
        except FileNotFoundError:  # its worker has just ended well, and removed it
            return 0, 0

    def _read(self, place: Place, start: int, end: int) -> bytes:
        log = self._watch.log_of(place)
        return logs.read(log, start, end) or b"" if log else b""

    def _last_words(self, place: Place) -> str:
        """Return the end of what the call has printed that an array task is in."""
        start, end = self._unfinished(place)
        text = self._read(place, max(start, end - logs.KEPT_BYTES), end)
        return text.decode(errors="replace")

    def about(self, index: int) -> dict[str, Any]:
        """Return what is known of where a call ran and what it used."""
        about = self._records.about(index)
        place = self._ledger.place_of(index)
        job = self._watch.job_of(place) if place else None
        error = self._ledger.failures.get(index)
        if not about and job and place:
            about = {"job": f"{job.job_id}.{place.task}"}
        if not about and isinstance(error, CallError):
            about = {"job": error.job_id, "host": error.host}
        return about

    def of_task(self, task: OpenTask, *, has_begun: bool) -> dict[int, CallError]:
        """Return why an array task left its open calls undone.

        Its log is looked at once, and shown with the call that ran last.
        """
        ended = task.ended
        if ended and task.was_deleting and not ended.deleted_by:
            ended = ended._replace(deleted_by="qdel")
        first = self.where(task.first, ended)
        what = "%s ended with %d calls undone; accounting: %s"
        debug(what, task.place, len(task.indices), ended)
        self.spans[task.first] = self._unfinished(task.place)
        rest = replace(first, log_tail="")
        claim = self._claims.get(task.place.run_id)
        is_cancelled = claim is not None and claim.is_cancelled()
        errors = {}
        for index in task.indices:
            where = first
            if index != task.first:
                key = self._plan.keys[index].hex()
                where = replace(rest, call=self._texts(index), key=key)
            if is_cancelled:
                errors[index] = where.error(Deleted, "cancelled by another process")
            elif self._watch.job_of(task.place) is None:
                errors[index] = failures.never_submitted(where)
            else:
                has_run = has_begun or task.was_running
                errors[index] = failures.diagnose(
                    ended, where, has_run=has_run, has_begun=has_begun
                )
        return errors

    def recorded(self, index: int, number: int) -> BaseException:
        """Return the exception that a worker recorded."""
        meta = self._records.meta(number)
        place = self._ledger.place_of(index)
        log = self._watch.log_of(place) if place else None
        where = Circumstances(
            call=self._texts(index),
            key=self._plan.keys[index].hex(),
            job=meta.get("job"),
            host=meta.get("host"),
            log=str(log) if log else None,
            memory=self.plan_of(place).memory,
            time=self.plan_of(place).time,
            peak_mb=int(meta.get("vm_mb") or 0),
            seconds=self._records.seconds(number),
            task=self._plan.task,
            run=self._plan.run_id,
        )
        record = self._records.failure(number)
        if isinstance(record, LoadError):
            what = f"its error record cannot be read: {record.exception}"
            return where.error(ResultUnreadable, what)
        return failures.task_exception(record, where)


def _tail(text: str) -> str:
    """Return the last lines of a log as an error shows them."""
    lines = without_own_frames(text.splitlines())
    last = [shorten(line, LINE_WIDTH) for line in lines[-failures.LOG_LINES :]]
    return "\n".join(last)


def without_own_frames(lines: Iterable[str]) -> list[str]:
    """Leave out of a log the frames that say nothing to users, and their source."""
    kept = []
    is_own = False
    for line in lines:
        is_own = line.startswith(OWN_FRAMES) or (is_own and line.startswith(SOURCE))
        if not is_own:
            kept.append(line)
    return kept


def begun(names: Collection[str]) -> set[Place]:
    """Return the array tasks whose workers have made the files with these names."""
    found = set()
    for name in names:
        run_id, _, rest = name.partition(".")
        number = rest.partition(".")[0]
        if number.isdecimal():
            found.add(Place(run_id, int(number)))
    return found
