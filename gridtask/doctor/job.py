"""A tiny job on a node: does it run, what does the node see, and when do we?"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridtask import fs
from gridtask.backends.base import Accounting, Backend, JobRequest, TaskState
from gridtask.doctor.findings import Finding, note, ok, problem, warning
from gridtask.doctor.probe import ANSWER, QUESTION
from gridtask.errors import GridTaskError, SchedulerUnavailable
from gridtask.units import format_size

SECTION = "job"

LOOK_SECONDS, ASK_SECONDS = 0.05, 2.0
"""How often the folder is listed, and the scheduler asked."""

GONE_SECONDS = 65.0
"""So long after the job's end its answer may stay out of sight."""

ACCOUNTING_SECONDS = 20.0
"""Accounting is flushed every 15 s by default (sge_conf(5))."""

MAX_SKEW = 2.0
"""Seconds between clocks from which times in listings mislead."""

SLOW_LAG = 5.0
"""Seconds of visibility lag that are worth a word."""

LOG, LOG_LINES = "job{task}.log", 8


@dataclass(frozen=True, slots=True)
class Answered:
    """What the node told.

    Attributes
    ----------
    lag : float
        Seconds from its writing, by the file server's clock, until it was seen.
    waited : float
        Seconds from the submission.
    """

    told: dict[str, Any]
    lag: float
    waited: float


class TinyJob:
    """One array task that answers from a node.

    Parameters
    ----------
    folder : Path
        An empty folder, on the file system of the cache.
    cluster_params : sequence of str
        What the job asks for, in words.
    """

    def __init__(
        self, backend: Backend, folder: Path, cluster_params: Sequence[str]
    ) -> None:
        self._backend = backend
        self._folder = folder
        self._request = JobRequest(
            name=f"gt_doctor_{os.urandom(4).hex()}",
            argv=(sys.executable, "-P", "-m", "gridtask.doctor.probe", str(folder)),
            n_tasks=1,
            folder=str(folder),
            log=LOG,
            cluster_params=tuple(cluster_params),
        )
        self._job_id = ""
        self.lag: float | None = None

    def run(self, patience: float) -> Iterator[Finding]:
        """Submit the job, wait for its answer, and yield what it shows.

        Parameters
        ----------
        patience : float
            Seconds after which the job is deleted.
        """
        fs.write_new(self._folder / QUESTION, b"?")
        asked = " ".join(self._request.cluster_params) or "nothing"
        try:
            self._job_id = self._backend.submit(self._request)
        except GridTaskError as error:
            remedy = "mend what it names; gridtask config shows what is asked for"
            yield problem(SECTION, f"a job that asks for {asked}: {error}", remedy)
            return
        try:
            outcome = self._wait(patience)
        except BaseException:
            self._backend.cancel(self._job_id)
            raise
        if isinstance(outcome, Finding):
            yield outcome
            return
        self.lag = outcome.lag
        yield from self._describe(outcome, asked)
        yield self._accounting()

    # ----------------------------------------------------------------- waiting

    def _wait(self, patience: float) -> Answered | Finding:
        """Return the answer, or why there is none."""
        ahead = fs.server_now(self._folder) - time.time()
        started = time.monotonic()
        asked_at, gone_at = started, None
        while ANSWER not in fs.list_names(self._folder):
            now = time.monotonic()
            if now - asked_at >= ASK_SECONDS:
                asked_at = now
                state = self._state()
                if state is TaskState.ERROR:
                    return self._in_error()
                if state is None:
                    gone_at = gone_at or now
                    if now - gone_at > GONE_SECONDS or self._failure():
                        return self._died()
            if gone_at is None and now - started > patience:
                self._backend.cancel(self._job_id)
                return _still_waiting(patience)
            time.sleep(LOOK_SECONDS)
        seen_at, path = time.time() + ahead, self._folder / ANSWER
        waited = time.monotonic() - started
        lag = max(0.0, seen_at - fs.modified_at(path))
        return Answered(json.loads(fs.read_file(path)), lag, waited)

    def _state(self) -> TaskState | None:
        """Return the state of the array task, None if it is gone."""
        try:
            job = self._backend.poll().get(self._job_id)
        except SchedulerUnavailable:
            return TaskState.UNKNOWN
        return job.state_of(1) if job else None

    def _ended(self) -> Accounting | None:
        """Return the accounting of the array task, None if there is none yet."""
        try:
            records = self._backend.account({self._job_id: [1]})
        except SchedulerUnavailable:  # a new cell has no accounting file yet
            return None
        return records[-1] if records else None

    def _failure(self) -> bool:
        """Tell whether the accounting knows that the array task has failed."""
        ended = self._ended()
        return ended is not None and bool(ended.failed or ended.exit_status)

    # -------------------------------------------------------------- describing

    def _in_error(self) -> Finding:
        reason = self._backend.error_reason(self._job_id, 1) or "no reason given"
        self._backend.cancel(self._job_id)
        text = f"job {self._job_id} is in an error state: {reason}"
        return problem(SECTION, text, "mend the cause, or choose another cache folder")

    def _died(self) -> Finding:
        """Tell how a job ended that did not answer."""
        ended = self._ended()
        how = "and nobody tells why"
        if ended is not None:
            how = f"exit status {ended.exit_status}, failed {ended.failed}"
            how += f" ({ended.failed_text})" if ended.failed_text else ""
        lines = self._log_lines()
        said = f"; its log: {' / '.join(lines)}" if lines else "; it has no log here"
        text = f"job {self._job_id} ended without an answer: {how}{said}"
        remedy = (
            f"nodes must see {self._folder.parent} and {sys.executable}; if the job "
            'had too little memory, set memory = "4G" in gridtask.toml'
        )
        return problem(SECTION, text, remedy)

    def _log_lines(self) -> list[str]:
        try:
            text = fs.read_file(self._folder / LOG.format(task=1))
        except (OSError, GridTaskError):
            return []
        return text.decode(errors="replace").splitlines()[-LOG_LINES:]

    def _describe(self, answered: Answered, asked: str) -> Iterator[Finding]:
        """Yield what the answer shows."""
        told = answered.told
        yield ok(
            SECTION,
            f"ran on {told['host']} with Python {told['python']}, "
            f"{answered.waited:.1f} s after its submission, asking for {asked}",
            host=told["host"],
            wait_seconds=answered.waited,
        )
        yield self._visibility(answered)
        skew = float(told["clock_skew"])
        text = f"the clock of {told['host']} is {abs(skew):.2f} s "
        text += "ahead of" if skew >= 0 else "behind"
        text += " the file server's"
        if abs(skew) > MAX_SKEW:
            remedy = "ask the site to set its clocks (NTP); ages and times are wrong"
            yield warning(SECTION, text, remedy, clock_skew=skew)
        else:
            yield ok(SECTION, text, clock_skew=skew)
        limit = int(told["address_space"])
        if limit > 0:
            text = f"its address space is limited to {format_size(limit)}"
            yield ok(SECTION, text, address_space=limit)

    def _visibility(self, answered: Answered) -> Finding:
        """Tell how soon one host sees what the other has written."""
        told, lag = answered.told, answered.lag
        text = f"what it wrote was seen here after {lag:.2f} s"
        facts = {"lag_seconds": lag, "there_seconds": told["question_seconds"]}
        if not told["sees_question"]:
            text += ", but it did not see in time what was written here"
            remedy = "site.fs_latency = 120 or more; ask for noac or a short acdirmax"
            return warning(SECTION, text, remedy, **facts)
        text += f"; it saw at once what was written here ({told['type']})"
        if lag > SLOW_LAG:
            return note(SECTION, f"{text}: a slow network file system", **facts)
        return ok(SECTION, text, **facts)

    def _accounting(self, clock: Callable[[], float] = time.monotonic) -> Finding:
        """Tell whether the accounting can be read, and how soon."""
        started = clock()
        while (ended := self._ended()) is None:
            if clock() - started > ACCOUNTING_SECONDS:
                text = f"no accounting of job {self._job_id} within 20 s (qacct)"
                remedy = (
                    "ask the site to let users read the accounting; till then deaths "
                    "are named by what the workers themselves leave behind"
                )
                return warning(SECTION, text, remedy, accounting=False)
            time.sleep(0.25)
        waited = clock() - started
        text = f"its accounting was there {waited:.1f} s later"
        if ended.max_vmem is None:
            text += ", without its memory (the job was too short to be sampled)"
        return ok(SECTION, text, accounting=True, accounting_seconds=waited)


def _still_waiting(patience: float) -> Finding:
    text = f"the job did not start within {patience:.0f} s and was deleted"
    remedy = "the queue is full, or nothing suits the job: --wait 30m waits longer"
    return warning(SECTION, text, remedy)
