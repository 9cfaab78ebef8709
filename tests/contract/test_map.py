"""Maps: what is computed, what is reused, what comes back, on every backend."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import gridtask

TASKS = """
    import os
    from pathlib import Path
    from gridtask import grid_task

    @grid_task
    def add(a, b=2, *, c=0):
        return a + b + c

    @grid_task
    def count(marks, n):
        with open(marks, "a") as file:
            file.write(f"{n}\\n")
        return n * n

    @grid_task
    def first(x):
        x[0] = 99.0
        return x[:2]

    @grid_task
    def ramp(n):
        import numpy
        return numpy.arange(n, dtype=float)

    @grid_task
    def fail(n):
        if n % 2:
            raise ValueError(f"odd: {n}")
        return n
"""


@pytest.fixture
def tasks(write_module):
    return write_module(TASKS)


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """A file with one line for each execution of the task `count`."""
    return tmp_path / "marks"


def executions(marks: Path) -> list[int]:
    """Return the arguments of all executions so far, sorted."""
    return sorted(map(int, marks.read_text().split())) if marks.exists() else []


def test_results_come_in_input_order(tasks):
    """Dicts, defaults and keyword-only parameters give the function's values."""
    args = [{"a": 5}, {"a": 1, "b": 1}, {"a": 2, "c": 7}]
    assert tasks.add.map(args) == [7, 2, 11]


def test_iterables_map_as_the_builtin_map(tasks):
    """Several iterables of equal length are positional arguments."""
    assert tasks.add.map([1, 2], [10, 20]) == [11, 22]


def test_common_arguments_reach_all_calls(tasks):
    """What is common is given once."""
    assert tasks.add.map([1, 2], common={"b": 0, "c": 100}) == [101, 102]


def test_second_map_computes_nothing(tasks, marks):
    """Finished calls are reused."""
    calls = [{"marks": str(marks), "n": n} for n in range(4)]
    assert tasks.count.map(calls) == [0, 1, 4, 9]
    assert tasks.count.map(calls) == [0, 1, 4, 9]
    assert executions(marks) == [0, 1, 2, 3]


def test_only_missing_calls_are_computed(tasks, marks):
    """New calls among old ones are the only ones to run."""
    tasks.count.map([{"marks": str(marks), "n": n} for n in range(2)])
    results = tasks.count.map([{"marks": str(marks), "n": n} for n in range(4)])
    assert results == [0, 1, 4, 9]
    assert executions(marks) == [0, 1, 2, 3]


def test_equal_calls_run_once(tasks, marks):
    """Each position gets its value, whatever the spelling of the call."""
    calls = [{"marks": str(marks), "n": 3}] * 3
    assert tasks.count.map(calls) == [9, 9, 9]
    assert executions(marks) == [3]


def test_refresh_computes_anew(tasks, marks):
    """refresh=True replaces the results that are there."""
    calls = [{"marks": str(marks), "n": n} for n in (1, 2)]
    tasks.count.map(calls)
    assert tasks.count.map(calls, refresh=True) == [1, 4]
    assert executions(marks) == [1, 1, 2, 2]


def test_empty_input_submits_nothing(tasks, tmp_path):
    """No calls: an empty list, and no run file."""
    assert tasks.add.map([]) == []
    assert not list((tmp_path / "cache").glob("runs/*"))


def test_wrong_call_is_told_before_anything_runs(tasks, marks):
    """A call that does not bind names its index; none is computed."""
    calls = [{"marks": str(marks), "n": 1}, {"marks": str(marks), "m": 2}]
    with pytest.raises(TypeError, match=r"call 1 .*m=2"):
        tasks.count.map(calls)
    assert executions(marks) == []


def test_arrays_come_back_writable_and_the_callers_stay(tasks):
    """A task changes its own copy of an argument, each call anew."""
    x = np.arange(200_000, dtype=float)
    (result,) = tasks.first.map([x])
    assert x[0] == 0.0
    np.testing.assert_array_equal(result, [99.0, 1.0])
    result[0] = 5.0


def test_large_results_are_views_on_request(tasks, tmp_path):
    """With mmap=True they lie in the cache's files, writable and not in the key."""
    plain = tasks.ramp.map([200_000, 200_001])
    task = tasks.ramp.options(mmap=True)
    assert task.key(200_000) == tasks.ramp.key(200_000)
    assert task.plan([200_000, 200_001]).cached == 2
    run = task.submit_map([200_000, 200_001])
    for read in (
        lambda: task.map([200_000, 200_001]),
        run.results,
        lambda: [task(200_000)],
    ):
        views = read()
        assert str(tmp_path / "cache") in Path("/proc/self/maps").read_text()
        for view, copy in zip(views, plain, strict=False):
            np.testing.assert_array_equal(view, copy)
            view[:] = 0.0
    assert tasks.ramp(200_000)[-1] == 199_999.0


def test_large_common_array_is_stored_once(tasks, tmp_path):
    """Equal arrays, the same object or not, are written once for all calls."""
    x = np.arange(300_000, dtype=float)
    run = tasks.first.submit_map([x, x.copy(), x])
    run.results()
    (run_file,) = (tmp_path / "cache" / "runs").glob("*.run")
    assert x.nbytes < run_file.stat().st_size < 1.2 * x.nbytes


def test_failures_raise_a_map_error_that_keeps_the_rest(tasks):
    """The message groups by cause; results hold the others."""
    with pytest.raises(gridtask.MapError, match="odd: 1") as caught:
        tasks.fail.map(range(4))
    error = caught.value
    assert error.results == [0, gridtask.MISSING, 2, gridtask.MISSING]
    assert {i: str(e) for i, e in error.failures.items()} == {1: "odd: 1", 3: "odd: 3"}
    assert all(isinstance(e, ValueError) for e in error.failures.values())


def test_exception_shows_where_it_was_raised(tasks):
    """The remote traceback is the cause; a note names call and host."""
    (error,) = tasks.fail.map([1], return_exceptions=True)
    assert 'raise ValueError(f"odd: {n}")' in str(error.__cause__)
    (note,) = error.__notes__
    assert "fail(n=1)" in note
    assert os.uname().nodename in note


def test_rerun_computes_only_what_failed(write_module, marks):
    """After the cause is mended, finished calls are not repeated."""
    source = """
        from pathlib import Path
        from gridtask import grid_task

        @grid_task(ignore=["gate"])
        def gated(marks, n, gate):
            if n == 1 and not Path(gate).exists():
                raise RuntimeError("closed")
            with open(marks, "a") as file:
                file.write(f"{n}\\n")
            return n
    """
    gated = write_module(source).gated
    gate = marks.with_name("gate")
    calls = [{"marks": str(marks), "n": n, "gate": str(gate)} for n in range(3)]
    with pytest.raises(gridtask.MapError):
        gated.map(calls)
    gate.touch()
    assert gated.map(calls) == [0, 1, 2]
    assert executions(marks) == [0, 1, 2]


def test_return_exceptions_puts_them_in_their_places(tasks):
    """No error is raised; the exceptions stand among the results."""
    results = tasks.fail.map([2, 3], return_exceptions=True)
    assert results[0] == 2
    assert isinstance(results[1], ValueError)


def test_result_that_cannot_be_pickled_is_named(write_module):
    """The call fails with the path to the part, and the others are kept."""
    source = """
        import threading
        from gridtask import grid_task

        @grid_task
        def locked(n):
            return {"n": n, "inner": [threading.Lock()]} if n else {"n": n}
    """
    results = write_module(source).locked.map([0, 1], return_exceptions=True)
    assert results[0] == {"n": 0}
    assert isinstance(results[1], TypeError)
    assert "['inner'][0]" in str(results[1])


def test_grid_has_shape_array_and_records(tasks):
    """All combinations, the last axis fastest."""
    grid = tasks.add.grid(a=[1, 2], b=[10, 20, 30])
    assert grid.shape == (2, 3)
    np.testing.assert_array_equal(grid.array(), [[11, 21, 31], [12, 22, 32]])
    assert grid.records()[4] == {"a": 2, "b": 20, "result": 22}


def test_starmap_passes_tuples(tasks):
    """One tuple of positional arguments a call."""
    assert tasks.add.starmap([(1, 2), (3,)]) == [3, 5]


def test_direct_call_uses_the_same_cache(tasks, marks):
    """task(...) computes here once, and a map finds it."""
    assert tasks.count(str(marks), 5) == 25
    assert tasks.count(str(marks), n=5) == 25
    assert tasks.count.map([str(marks)], [5]) == [25]
    assert executions(marks) == [5]


def test_forget_drops_one_result(tasks, marks):
    """The forgotten call runs again, the others do not."""
    calls = [{"marks": str(marks), "n": n} for n in (1, 2)]
    tasks.count.map(calls)
    assert tasks.count.forget(str(marks), 1)
    assert not tasks.count.forget(str(marks), 7)
    tasks.count.map(calls)
    assert executions(marks) == [1, 1, 2]


def test_plan_counts_without_computing(tasks, marks):
    """A dry run tells what is cached, missing and repeated."""
    calls = [{"marks": str(marks), "n": n} for n in (1, 2, 2, 3)]
    tasks.count.map(calls[:1])
    plan = tasks.count.plan(calls)
    assert (plan.cached, plan.in_flight, plan.to_submit, plan.repeated) == (1, 0, 2, 1)
    assert "-m gridtask.worker " in plan.script
    assert executions(marks) == [1]


def test_changed_helper_in_another_module_computes_anew(write_module):
    """An edit two modules away counts; a comment does not."""
    write_module("def scale(x):\n    return 2 * x\n", "contract_helper")
    source = """
        from gridtask import grid_task
        import contract_helper

        @grid_task(name="scaled")
        def scaled(x):
            return contract_helper.scale(x)
    """
    assert write_module(source).scaled.map([1]) == [2]
    helper = "def scale(x):\n    # a comment\n    return 2 * x\n"
    write_module(helper, "contract_helper")
    same = write_module(source).scaled
    assert same.plan([1]).cached == 1
    write_module("def scale(x):\n    return 3 * x\n", "contract_helper")
    changed = write_module(source).scaled
    assert changed.plan([1]).cached == 0
    assert changed.map([1]) == [3]


def test_submitting_from_inside_a_call_is_refused(write_module):
    """A task that maps another one gets an error that says what to do."""
    source = """
        from gridtask import grid_task

        @grid_task
        def inner(x):
            return x

        @grid_task
        def outer(x):
            return inner.map([x])

        @grid_task
        def direct(x):
            return inner(x) + 1
    """
    module = write_module(source)
    (error,) = module.outer.map([1], return_exceptions=True)
    assert isinstance(error, gridtask.NestedSubmission)
    assert module.direct.map([1]) == [2]


def test_damaged_result_is_computed_again(tasks, marks, tmp_path, capsys):
    """A flipped bit is noticed, named on stderr, and costs one execution."""
    calls = [{"marks": str(marks), "n": n} for n in (1, 2)]
    tasks.count.map(calls)
    four = b"K\x04."  # the end of the pickle of 4
    for segment in (tmp_path / "cache" / "f").glob("*/*.seg"):
        data = segment.read_bytes()
        segment.write_bytes(data.replace(four, b"K\x05."))
    assert tasks.count.map(calls) == [1, 4]
    assert "count(marks=" in capsys.readouterr().err
    assert executions(marks) == [1, 2, 2]


def test_any_callable_is_a_task(backend):
    """Builtins, numpy's functions, partials and methods."""
    import functools
    import math

    task = gridtask.grid_task(name="callable")
    assert task(math.sqrt).map([4.0, 9.0]) == [2.0, 3.0]
    assert task(np.sin).map([0.0]) == [0.0]
    assert task(functools.partial(divmod, 7)).map([2, 3]) == [(3, 1), (2, 1)]
    assert task("a{}".format).map([1]) == ["a1"]


def test_a_wrapper_that_takes_positions_is_a_task(write_module):
    """It shows the signature of what it wraps, and is called as it wants."""
    source = """
        import functools
        from gridtask import grid_task

        def twice(function):
            @functools.wraps(function)
            def wrapper(*args):
                return 2 * function(*args)
            return wrapper

        @grid_task
        @twice
        def add(a, b=1):
            return a + b
    """
    assert write_module(source).add.map([{"a": 1}, {"a": 2, "b": 3}]) == [4, 10]


def test_a_call_that_changes_folder_leaves_the_next_where_it_was(write_module):
    """What one call does to the process is nothing that others may depend on."""
    source = """
        import os
        from gridtask import grid_task

        @grid_task(chunk=3)
        def wander(folder):
            before = os.getcwd()
            os.chdir(folder)
            return before
    """
    folders = write_module(source).wander.map(["/", "/usr", "/tmp"])
    assert folders == [os.getcwd()] * 3
