"""Producers that die while their consumers are held behind them."""

from __future__ import annotations

import pytest

CHAIN = """
    from pathlib import Path

    @grid_task(chunk=1)
    def load(n):
        mark(n)
        if n == 1 and not Path("lost").exists():
            Path("lost").touch()
            os._exit(99)  # Grid Engine starts it again
        if n == 1:
            time.sleep(float(os.environ.get("GRIDTASK_SECOND_SECONDS", "0")))
        return [n]

    @grid_task(chunk=1)
    def fit(data):
        mark(100 + data[0])
        return data[0] * 10

    if __name__ == "__main__":
        loaded = load.submit_map(range(3))
        print(fit.map(loaded))
"""

LOST = """
    import json
    from gridtask.backends.gridengine import GridEngineBackend
    from gridtask.backends.base import Accounting

    account = GridEngineBackend.account

    def lost(self, tasks):
        ended = account(self, tasks)
        return [
            Accounting(e.job_id, e.task, failed=19, failed_text="node gone")
            if e.exit_status == 5 else e
            for e in ended
        ]

    GridEngineBackend.account = lost
"""


@pytest.mark.usefixtures("on_cell")
def test_consumer_outlives_a_producer_that_grid_engine_starts_again(project):
    """The hold lasts until the producer's last attempt."""
    project.write("program.py", CHAIN)
    assert project.run("program.py").stdout == "[0, 10, 20]\n"
    assert project.executions()[1] == 2
    assert project.executions()[101] == 1


@pytest.mark.faults
@pytest.mark.usefixtures("on_cell")
def test_consumer_follows_a_producer_that_is_submitted_again(project, monkeypatch):
    """The node of the first attempt is lost, and so is the job it was held behind."""
    monkeypatch.setenv("GRIDTASK_SECOND_SECONDS", "20")
    site = "[tool.gridtask.site]\nfs_latency = 1\n"
    project.write("pyproject.toml", site, task="")
    project.write("program.py", LOST + CHAIN.replace("os._exit(99)", "os._exit(5)"))
    assert project.run("program.py").stdout == "[0, 10, 20]\n"
    assert project.executions()[1] == 2
