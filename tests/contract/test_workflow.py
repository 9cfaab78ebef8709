"""Results of calls as arguments of others, on every backend."""

from __future__ import annotations

import copy

import pytest

import gridtask

TASKS = """
    from pathlib import Path
    from gridtask import grid_task

    @grid_task
    def load(n):
        return [n, n + 1]

    @grid_task
    def fit(data, marks):
        with open(marks, "a") as file:
            file.write("fit\\n")
        return sum(data)

    @grid_task
    def summary(sums, extra):
        return sum(sums) + extra["one"]

    @grid_task(ignore=["gate"])
    def gated(n, gate):
        if n == 1 and not Path(gate).exists():
            raise RuntimeError("closed")
        return n
"""


@pytest.fixture
def tasks(write_module):
    return write_module(TASKS)


@pytest.fixture
def marks(tmp_path):
    """A file with a line for each execution of the task `fit`."""
    return tmp_path / "marks"


def fit_all(tasks, marks):
    loaded = tasks.load.submit_map(range(4))
    return tasks.fit.submit_map([{"data": f, "marks": str(marks)} for f in loaded])


def test_a_chain_is_submitted_at_once_and_rerun_from_the_cache(tasks, marks):
    """Futures as arguments, a run inside a list, a future inside a dict."""
    for _ in range(2):
        fitted = fit_all(tasks, marks)
        extra = {"one": tasks.fit.submit([100], str(marks))}
        (result,) = tasks.summary.submit_map([{"sums": fitted, "extra": extra}])
        assert result.result(timeout=60) == 1 + 3 + 5 + 7 + 100
    assert marks.read_text().count("fit") == 5


def test_a_run_is_mapped_over_element_by_element(tasks, marks):
    """As the iterable of map, with a value common to all."""
    loaded = tasks.load.submit_map(range(3))
    assert tasks.fit.map(loaded, common={"marks": str(marks)}) == [1, 3, 5]


def test_a_direct_call_takes_the_values(tasks, marks):
    """Futures are waited for, and replaced by what they hold."""
    assert tasks.fit(tasks.load.submit(1), str(marks)) == 3


def test_an_upstream_failure_names_its_root(tasks, marks, tmp_path):
    """Two steps further the call that failed first is known; a rerun computes all."""
    gate = str(tmp_path / "gate")
    for is_open in (False, True):
        if is_open:
            (tmp_path / "gate").touch()
        first = tasks.gated.submit_map([{"n": n, "gate": gate} for n in range(3)])
        pairs = [{"data": [f], "marks": str(marks)} for f in first]
        second = tasks.fit.submit_map(pairs)
        third = tasks.fit.submit_map(
            [{"data": [f], "marks": str(marks)} for f in second]
        )
        values = third.results(return_exceptions=True, timeout=90)
        assert (values[0], values[2]) == (0, 2)
        if is_open:
            assert values[1] == 1
        else:
            assert isinstance(values[1], gridtask.UpstreamFailed)
            assert "gated(n=1" in str(values[1])
            assert "closed" in str(values[1])
            assert "1 x UpstreamFailed: gated(n=1" in third.failure_text()


def test_a_future_of_another_cache_is_refused(tasks, marks, tmp_path):
    """Its worker would look for the input where it never comes."""
    elsewhere = tasks.fit.options(cache_dir=tmp_path / "elsewhere")
    with pytest.raises(gridtask.errors.ConfigError, match=r"elsewhere.*one cache_dir"):
        elsewhere.submit(tasks.load.submit(1), str(marks))


def test_a_future_that_is_copied_says_where_to_look(tasks):
    """Only workers read a future's pickle."""
    future = tasks.load.submit(1)
    with pytest.raises(gridtask.errors.GridTaskError, match="open_run"):
        copy.copy(future)
