"""Why calls have no result: what is known of each, put together into its error."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

from gridtask import failures, fs
from gridtask.backends.base import Accounting
from gridtask.claims import Claim
from gridtask.errors import CallError, GridTaskError, ResultUnreadable
from gridtask.failures import Circumstances
from gridtask.ledger import Ledger, OpenTask
from gridtask.plan import Place
from gridtask.records import Records
from gridtask.runfile import RunPlan
from gridtask.store.store import LoadError
from gridtask.watch import JobWatch
from gridtask.worker import LOG_BYTES


class Causes:
    """Tells the errors of a run's calls, named by the index of their key.

    Parameters
    ----------
    texts : callable
        Returns a call as text.
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
            log_tail=_tail(log),
        )

    def of_task(self, task: OpenTask, *, has_begun: bool) -> dict[int, CallError]:
        """Return why an array task left its open calls undone.

        Its log is looked at once, and shown with the call that ran last.
        """
        ended = task.ended
        if ended and task.was_deleting and not ended.deleted_by:
            ended = replace(ended, deleted_by="qdel")
        first = self.where(task.first, ended)
        rest = replace(first, log_tail="")
        errors = {}
        for index in task.indices:
            where = first
            if index != task.first:
                key = self._plan.keys[index].hex()
                where = replace(rest, call=self._texts(index), key=key)
            if self._watch.job_of(task.place) is None:
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
            peak_mb=int(meta.get("vm_mb") or 0),
            task=self._plan.task,
            run=self._plan.run_id,
        )
        record = self._records.failure(number)
        if isinstance(record, LoadError):
            what = f"its error record cannot be read: {record.exception}"
            return where.error(ResultUnreadable, what)
        return failures.task_exception(record, where)


def begun(names: Collection[str]) -> set[Place]:
    """Return the array tasks whose workers have made the files with these names."""
    found = set()
    for name in names:
        run_id, _, rest = name.partition(".")
        number = rest.partition(".")[0]
        if number.isdecimal():
            found.add(Place(run_id, int(number)))
    return found


def _tail(log: Path | None) -> str:
    """Return the last lines of a worker's log."""
    if log is None:
        return ""
    try:
        text = fs.read_end(log, LOG_BYTES).decode(errors="replace")
    except (GridTaskError, OSError):
        return ""
    return "\n".join(text.splitlines()[-failures.LOG_LINES :])
