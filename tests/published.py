"""A run as its driver has published it: what tests of claims and drivers begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gridtask.claims.claim import Claim
from gridtask.claims.lock import this_process
from gridtask.claims.runfile import RunFileWriter, RunPlan
from gridtask.claims.world import World
from gridtask.plan import JobRange

RUN_ID = "abcdefgh"
JOB_ID = "17"
KEYS = [bytes([i]) * 16 for i in range(4)]


def make_plan(**changes: Any) -> RunPlan:
    """Return a plan of four calls in two array tasks of one job."""
    fields: dict[str, Any] = {
        "run_id": RUN_ID,
        "task": "simulate",
        "backend": "fake",
        "created_at": 0.0,
        **this_process()._asdict(),
        "code": bytes(16),
        "keys": KEYS,
        "positions": range(len(KEYS)),
        "done": [],
        "flying": {},
        "missing": list(range(len(KEYS))),
        "chunks": [3, 1],
        "jobs": [JobRange(1, 2)],
    }
    return RunPlan(**{**fields, **changes})


def publish(runs: Path, plan: RunPlan) -> Claim:
    """Publish the run file of a plan; return the claim of its driver."""
    writer = RunFileWriter(runs, plan.run_id)
    packed = {index: writer.pack({"x": index}) for index in plan.missing}
    writer.publish(plan, packed, World("/", [], {}, "simulate", "simulate", b""), b"")
    return Claim(runs, plan)


def publish_submitted(runs: Path, plan: RunPlan) -> Claim:
    """Publish the run file of a plan, and write down that its job is number 17."""
    claim = publish(runs, plan)
    claim.add_job(1, plan.jobs[0], JOB_ID)
    return claim
