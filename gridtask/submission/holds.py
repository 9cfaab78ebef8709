"""Which jobs must be gone before those that need their results may start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gridtask.backends.base import Hold
from gridtask.claims.claim import Claim
from gridtask.claims.runfile import RunPlan
from gridtask.errors import ConfigError
from gridtask.futures import GridFuture
from gridtask.store.store import Folder

Inputs = Mapping[int, Sequence[GridFuture[Any]]]
"""The futures among the arguments of each call, by the call's index."""


def refuse_other_caches(inputs: Inputs, folder: Folder) -> None:
    """Refuse inputs that a worker would look for in vain.

    Raises
    ------
    ConfigError
        If the result of one goes to another cache than a task's `folder`.
    """
    own = folder.path.parents[1]
    for futures in inputs.values():
        for future in futures:
            other = future._execution.folder.path.parents[1]
            if other != own:
                msg = (
                    f"{future.text} goes to the cache folder {str(other)!r}, but is an "
                    f"argument of a task with {str(own)!r}; expected one cache_dir for "
                    "both. Next: set it for both, or give the value, .result()"
                )
                raise ConfigError(msg)


def wait_for_strangers(inputs: Inputs, backend: str) -> None:
    """Wait for inputs that another backend computes: it knows none of our holds."""
    for futures in inputs.values():
        for future in futures:
            place = future.place
            if place is not None and place[0].plan.backend != backend:
                future.exception()


def holds_of(inputs: Inputs) -> tuple[Hold, ...]:
    """Return holds on all jobs that compute inputs."""
    job_ids: dict[str, None] = {}
    for futures in inputs.values():
        for future in futures:
            place = future.place
            job = place[0].job_of(place[1]) if place else None
            if job is not None:
                job_ids[job.job_id] = None
    return tuple(Hold(job_id) for job_id in job_ids)


def chunks_alike(inputs: Inputs, missing: Sequence[int]) -> list[list[int]] | None:
    """Return the calls of each array task if element-wise holds are possible.

    That is where one job of one run computes the inputs, each call needs those
    of one array task only, and every array task is needed: then array task i
    can wait for array task i alone.
    """
    producers: dict[str, Claim] = {}
    by_task: dict[int, list[int]] = {}
    for index in missing:
        places = [future.place for future in inputs.get(index, ())]
        if None in places:
            return None
        used = {
            (claim.plan.run_id, task): claim for claim, task in filter(None, places)
        }
        if len(used) != 1:
            return None
        (((run_id, task), claim),) = used.items()
        producers[run_id] = claim
        by_task.setdefault(task, []).append(index)
    if len(producers) != 1:
        return None
    (claim,) = producers.values()
    is_one_job = len(claim.plan.jobs) == len(claim.jobs) == 1
    tasks = range(1, len(claim.plan.chunks) + 1)
    if not is_one_job or sorted(by_task) != list(tasks):
        return None
    return [by_task[task] for task in tasks]


def is_aligned(plan: RunPlan, chunks: list[list[int]]) -> bool:
    """Tell whether a plan's array tasks hold just these calls, in this order."""
    in_order = [index for chunk in chunks for index in chunk]
    return plan.missing == in_order and plan.chunks == [len(c) for c in chunks]


def elementwise(holds: Sequence[Hold]) -> tuple[Hold, ...]:
    """Return the same holds, array task by array task."""
    return tuple(Hold(hold.job_id, elementwise=True) for hold in holds)
