"""Deaths of calls, written down by the driver that has found their causes.

A worker that was killed has left no record of its own. With the driver's, every
later look at the cache folder finds the failure and its cause, also after the
scheduler has forgotten the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gridtask.claims.runfile import RunPlan
from gridtask.errors import CallError
from gridtask.printable import printable
from gridtask.raised import describe_exception
from gridtask.store import values
from gridtask.store.store import Folder


class Death(NamedTuple):
    """A call as text, its error, and from where to where in its log it printed."""

    text: str
    error: CallError
    span: tuple[int, int]


def write_deaths(folder: Folder, plan: RunPlan, deaths: Mapping[bytes, Death]) -> None:
    """Write the failures of calls whose workers could not.

    Parameters
    ----------
    folder : Folder
        The task's folder in the store.
    plan : RunPlan
        The run in which the calls ended.
    deaths : mapping of bytes to Death
        By key.

    Raises
    ------
    StoreError
        If the records cannot be written.
    """
    about = {"run": plan.run_id, "backend": plan.backend}
    from gridtask.store.writer import RecordWriter

    writer = RecordWriter(
        folder.path,
        f"{plan.run_id}.driver",
        meta={"task": folder.name, **about},
        sleep=_go_on,  # the errors are told all the same: nobody waits for room
    )
    try:
        for key, (text, error, span) in deaths.items():
            arguments = text.removeprefix(f"{plan.task}(").removesuffix(")")
            meta = {
                "run": plan.run_id,
                "job": error.job_id,
                "host": error.host,
                "error": printable(f"{error.kind}: {error.what}"),
                "cause": error.cause,
                "args": arguments,
                "log": span,
            }
            record = values.encode(describe_exception(error))
            writer.fail(key, plan.code[:8], record, meta=meta)
    finally:
        writer.close()


def _go_on(seconds: float) -> None:
    """Wait for nothing."""
