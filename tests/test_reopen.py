"""Runs opened again, by another process or later."""

from __future__ import annotations

import pytest
from published import KEYS, RUN_ID, make_plan, publish_submitted

from gridtask.driver.execution import Execution
from gridtask.errors import GridTaskError
from gridtask.plan import JobRange
from gridtask.reopen import open_run
from gridtask.store import values
from gridtask.store.store import Store

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.fixture
def store(tmp_path):
    """An empty cache."""
    return Store.open(tmp_path / "cache")


@pytest.fixture
def claim(store):
    """A run of two calls, of which one had a result before."""
    plan = make_plan(
        backend="serial",
        keys=KEYS[:2],
        positions=range(2),
        done=[0],
        missing=[1],
        chunks=[1],
        jobs=[JobRange(1, 1)],
    )
    return publish_submitted(store.runs, plan)


def write(store, *indices):
    """Write results as a worker does."""
    writer = store.folder("simulate").writer(f"{RUN_ID}.1", meta={})
    for index in indices:
        writer.put(KEYS[index], bytes(8), values.encode(index), meta={"run": RUN_ID})
    writer.close()


def test_a_run_that_ends_while_it_is_opened_has_its_results(store, claim, monkeypatch):
    """Its end was written down between the look at the results and that at the end."""
    write(store, 0)
    step = Execution.step

    def step_before_the_end(execution, *, now=False):
        left = step(execution, now=now)
        monkeypatch.setattr(Execution, "step", step)
        write(store, 1)
        claim.retire({"failed": {}})
        return left

    monkeypatch.setattr(Execution, "step", step_before_the_end)
    assert open_run(RUN_ID, store.root).results(timeout=10, progress=False) == [0, 1]


def test_arguments_that_the_run_did_not_keep_are_named(store, claim):
    """A map keeps those of what it submits alone."""
    run = open_run(RUN_ID, store.root)
    with pytest.raises(GridTaskError, match="does not hold the arguments of call 0000"):
        print(run.args)
