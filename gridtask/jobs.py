"""From a published run file to submitted jobs."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from gridtask.backends.base import Backend, Hold, JobRequest
from gridtask.claims import Claim
from gridtask.errors import ConfigError, GridTaskError
from gridtask.runfile import RunPlan
from gridtask.units import parse_memory, parse_time
from gridtask.world import WORKER


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
    backend: Backend, claim: Claim, file_id: bytes, holds: tuple[Hold, ...] = ()
) -> None:
    """Submit every job of a run, or none; they start after `holds`.

    Raises
    ------
    SubmitError
        If the scheduler refused one; those before it are deleted again.
    """
    try:
        for number, tasks in enumerate(claim.plan.jobs, start=1):
            request = job_request(claim.plan, claim.runs, number, file_id, holds)
            claim.add_job(number, tasks, backend.submit(request))
    except BaseException:
        if not claim.jobs:
            claim.withdraw()
            raise
        for job in claim.jobs:
            with suppress(GridTaskError, OSError):  # the refusal is what to tell
                backend.cancel(job.job_id)
        claim.retire({"submitted": False})
        raise
