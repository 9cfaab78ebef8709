"""From a published run file to submitted jobs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gridtask.backends.base import Backend, Hold, JobRequest
from gridtask.claims.claim import Claim
from gridtask.claims.runfile import RunPlan
from gridtask.claims.world import WORKER
from gridtask.debug import debug, is_on
from gridtask.errors import ConfigError, GridTaskError, SubmitError
from gridtask.units import parse_memory, parse_time

LIMIT_POLL_SECONDS = 5.0
"""Between two submissions while the site allows no more jobs."""


def job_request(
    plan: RunPlan,
    runs: Path,
    number: int,
    file_id: bytes = bytes(16),
    holds: tuple[Hold, ...] = (),
) -> JobRequest:
    """Return the request for job `number` (from 1) of a run.

    Raises
    ------
    ConfigError
        If this interpreter does not know its own path.
    """
    if not sys.executable:
        msg = "sys.executable is empty: the interpreter for workers is unknown"
        raise ConfigError(msg)
    job = plan.jobs[number - 1]
    path = str(runs / f"{plan.run_id}.run")
    worker = ("-P", "-m", WORKER, path, file_id.hex())
    return JobRequest(
        name=plan.job_name(number),
        argv=(sys.executable, *worker),
        first_task=job.first_task,
        n_tasks=job.n_tasks,
        folder=str(runs),
        log=f"{plan.run_id}.t{{task}}.log",
        cluster_params=plan.cluster_params,
        max_running=plan.max_running,
        slots=plan.slots,
        holds=holds,
        memory=parse_memory(plan.memory) if plan.memory else None,
        seconds=parse_time(plan.time) if plan.time else None,
    )


def submit_jobs(
    backend: Backend,
    claim: Claim,
    file_id: bytes,
    holds: tuple[Hold, ...] = (),
    say: Callable[[str], None] | None = None,
) -> None:
    """Submit every job of a run, or none; they start after `holds`.

    Parameters
    ----------
    say : callable or None
        Is told once if the user has as many jobs as the site allows; each job is
        then submitted when there is room. None refuses instead.

    Raises
    ------
    SubmitError
        If the scheduler refused one; those before it are deleted again.
    """
    try:
        for number, tasks in enumerate(claim.plan.jobs, start=1):
            request = job_request(claim.plan, claim.runs, number, file_id, holds)
            job_id = _submit(backend, request, claim, say)
            command = " ".join(backend.command(request)) if is_on() else ""
            debug("run %s: job %s: %s", claim.plan.run_id, job_id, command)
            claim.add_job(number, tasks, job_id)
    except BaseException as error:
        try:
            if not isinstance(error, Exception):  # Ctrl-C, while the command ran
                with suppress(GridTaskError, OSError):
                    claim.find_jobs(backend.poll())
        finally:
            _take_back(backend, claim)
        raise


def _take_back(backend: Backend, claim: Claim) -> None:
    """Delete the jobs of a run that was submitted in part; it has ended."""
    if not claim.jobs:
        claim.withdraw()
        return
    for job in claim.jobs:
        with suppress(GridTaskError, OSError):  # why it ended is what to tell
            backend.cancel(job.job_id)
    claim.retire({"submitted": False})


def _submit(
    backend: Backend,
    request: JobRequest,
    claim: Claim,
    say: Callable[[str], None] | None,
) -> str:
    """Submit one job, when there is room for it, and return its id."""
    while True:
        try:
            return backend.submit(request)
        except SubmitError as error:
            if say is None or not error.is_limit:
                raise
            n_jobs = len(claim.plan.jobs)
            said = (error.stderr.strip().splitlines() or [str(error)])[0]
            say(f"{said}; waiting ({len(claim.jobs)} of {n_jobs} jobs are submitted)")
            say = _say_nothing
        claim.touch()  # for drivers on other hosts: this one is at work
        time.sleep(LIMIT_POLL_SECONDS)


def _say_nothing(text: str) -> None:
    """It was said once."""
