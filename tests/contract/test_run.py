"""Runs and futures, from this process and from others, on every backend."""

from __future__ import annotations

import concurrent.futures
import subprocess
import sys

import pytest

import gridtask
from gridtask.store.record import unpack_file_header

TASKS = """
    import time
    from pathlib import Path
    from gridtask import grid_task

    @grid_task(chunk=1)
    def wait_for(gate, n):
        while not Path(gate).exists():
            time.sleep(0.02)
        print("through the gate", n)
        return n + 1

    @grid_task
    def fail(n):
        raise KeyError(n)
"""


@pytest.fixture
def tasks(write_module):
    return write_module(TASKS)


@pytest.fixture
def gate(tmp_path, backend):
    """A file that the task waits for; open at once where nobody could open it."""
    path = tmp_path / "gate"
    if backend == "serial":
        path.touch()
    return path


def test_submit_returns_a_real_future(tasks, gate):
    """The stdlib's wait and as_completed take it."""
    future = tasks.wait_for.submit(str(gate), 1)
    assert isinstance(future, concurrent.futures.Future)
    gate.touch()
    done, waiting = concurrent.futures.wait([future], timeout=60)
    assert done == {future}
    assert not waiting
    assert future.result() == 2
    assert future.state == "finished"
    assert len(future.key) == 32


def test_future_carries_the_exception(tasks):
    """The task's own exception, as its own type."""
    with pytest.raises(KeyError):
        tasks.fail.submit(1).result(timeout=60)


def test_progress_and_results_of_a_run(tasks, gate, backend):
    """Counts add up; results(wait=False) leaves holes."""
    run = tasks.wait_for.submit_map([{"gate": str(gate), "n": n} for n in range(3)])
    progress = run.progress()
    assert len(progress.all) == 3
    assert str(progress).startswith("3 calls: 0 cached / ")
    if backend != "serial":
        assert run.results(wait=False) == [gridtask.MISSING] * 3
    gate.touch()
    assert run.results(timeout=60) == [1, 2, 3]
    assert run.progress().finished == [0, 1, 2]
    assert run.args[1] == {"gate": str(gate), "n": 1}
    assert run.failures() == {}


def test_run_is_opened_again_by_name_in_another_process(tasks, gate, tmp_path):
    """After the submitting process, by id or name, with arguments and results."""
    calls = [{"gate": str(gate), "n": n} for n in range(2)]
    run = tasks.wait_for.submit_map(calls, run="gated")
    gate.touch()
    script = (
        "import gridtask; run = gridtask.open_run('gated');"
        "print(run.id, run.results(), [a['n'] for a in run.args], len(gridtask.runs()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[0] == f"{run.id} [1, 2] [0, 1] 1"


def test_run_of_cached_calls_is_opened_again(tasks, gate):
    """What it found in the cache is found again by one that looks afresh."""
    gate.touch()
    calls = [{"gate": str(gate), "n": n} for n in range(2)]
    tasks.wait_for.map(calls)
    tasks.wait_for.submit_map(calls, run="cached")
    assert gridtask.open_run("cached").results() == [1, 2]


def test_of_several_runs_of_a_name_the_latest_is_opened(tasks, gate):
    """A script that names its run gives the same name each time."""
    gate.touch()
    for n in range(3):
        tasks.wait_for.submit_map([{"gate": str(gate), "n": n}], run="gated").results()
    assert gridtask.open_run("gated").args[0]["n"] == 2


def test_a_run_is_opened_without_the_one_that_it_had_adopted_from(
    tasks, gate, backend, tmp_path
):
    """Where the calls that have no result are is not known then; the rest is there."""
    if backend == "serial":
        pytest.skip("nothing is in flight that could be adopted")
    calls = [{"gate": str(gate), "n": n} for n in range(2)]
    first = tasks.wait_for.submit_map(calls)
    tasks.wait_for.submit_map(calls, run="second")
    gate.touch()
    first.results()
    tasks.wait_for.forget(**calls[0])
    (tmp_path / f"cache/runs/{first.id}.run").unlink()
    again = gridtask.open_run("second")
    assert again[0].place is None
    assert again.progress().finished == [1]


def test_unknown_run_lists_near_ones(tasks, gate):
    """A KeyError names what there is."""
    gate.touch()
    tasks.wait_for.submit_map([{"gate": str(gate), "n": 1}], run="gated").results()
    with pytest.raises(KeyError, match="gated"):
        gridtask.open_run("gate")


def test_segments_name_the_job_that_wrote_them(tasks, gate, backend, tmp_path):
    """Of a file that is left over it can be told where it came from."""
    gate.touch()
    run = tasks.wait_for.submit_map([{"gate": str(gate), "n": 1}])
    run.results()
    (path,) = (tmp_path / "cache/f").glob(f"*/{run.id}.1.*")
    header = unpack_file_header(path.read_bytes(), str(path))
    job = run[0].job_id.partition(".")[0] if backend == "gridengine" else "0"
    assert (header.job_id, header.task) == (int(job), 1)


def test_timeout_leaves_the_jobs_running(tasks, gate, backend):
    """The calls go on, and the same map adopts them."""
    if backend == "serial":
        pytest.skip("a serial map computes before anything could time out")
    calls = [{"gate": str(gate), "n": n} for n in range(2)]
    with pytest.raises(TimeoutError, match="the jobs go on"):
        tasks.wait_for.map(calls, timeout=0.2)
    plan = tasks.wait_for.plan(calls)
    assert (plan.in_flight, plan.to_submit) == (2, 0)
    gate.touch()
    assert tasks.wait_for.map(calls) == [1, 2]
    assert len(gridtask.runs()) == 1


def test_cancel_ends_the_open_calls(tasks, gate, backend):
    """They fail as deleted; their jobs are gone."""
    if backend == "serial":
        pytest.skip("a serial run has no open calls")
    run = tasks.wait_for.submit_map([{"gate": str(gate), "n": n} for n in range(3)])
    run.cancel()
    with pytest.raises(gridtask.MapError):
        run.results(timeout=60)
    assert all(isinstance(e, gridtask.Deleted) for e in run.failures().values())
    gate.touch()
    assert tasks.wait_for.map([{"gate": str(gate), "n": 0}]) == [1]


def test_log_is_kept(tasks, gate, backend):
    """What a call printed is found with its result."""
    if backend == "serial":
        pytest.skip("serial prints where the user sees it")
    gate.touch()
    run = tasks.wait_for.submit_map([{"gate": str(gate), "n": 7}])
    run.results(timeout=60)
    assert "through the gate 7" in run[0].log()


def test_worker_that_dies_is_named(write_module, backend):
    """A killed worker is an error with its signal, never a hang."""
    if backend == "serial":
        pytest.skip("it would be this process")
    source = """
        import os
        from gridtask import grid_task

        @grid_task(chunk=1)
        def die(n):
            if n:
                os.kill(os.getpid(), 9)
            return n
    """
    results = write_module(source).die.map([0, 1], return_exceptions=True, timeout=90)
    assert results[0] == 0
    assert isinstance(results[1], gridtask.Killed)
    assert "SIGKILL" in str(results[1])


def test_killed_chunk_loses_only_the_call_it_was_in(write_module, backend):
    """The calls behind it in the same array task are submitted again."""
    if backend == "serial":
        pytest.skip("it would be this process")
    source = """
        import os
        from gridtask import grid_task

        @grid_task(chunk=4)
        def die(n):
            if n == 1:
                os.kill(os.getpid(), 9)
            return n
    """
    results = write_module(source).die.map(range(4), return_exceptions=True, timeout=90)
    assert isinstance(results[1], gridtask.Killed)
    assert [results[0], *results[2:]] == [0, 2, 3]


def test_process_that_ends_itself_is_named_and_remembered(write_module, backend):
    """Also to one that looks later, after the scheduler has forgotten the job."""
    if backend == "serial":
        pytest.skip("it would be this process")
    source = """
        import os
        from gridtask import grid_task

        @grid_task
        def leave(status):
            os._exit(status)
    """
    run = write_module(source).leave.submit_map([7], run="left")
    (error,) = run.results(timeout=90, return_exceptions=True)
    assert isinstance(error, gridtask.Killed)
    assert "exit status 7" in error.what
    (again,) = gridtask.open_run("left").failures().values()
    assert (type(again), str(again)) == (gridtask.Killed, str(error))
    (call,) = gridtask.cache().calls(failed=True)
    assert call.error == f"Killed: {error.what}"


def test_worker_that_cannot_write_blames_no_call(write_module, tmp_path, backend):
    """Its calls fail together, and at once: each would end another worker."""
    if backend == "serial":
        pytest.skip("it would be this process")
    source = """
        import resource
        from pathlib import Path
        from gridtask import grid_task

        @grid_task(chunk=3)
        def fill(n, folder):
            (Path(folder) / str(n)).touch()
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
            print("neither results nor logs can be written")
            return n
    """
    (tmp_path / "marks").mkdir()
    task, common = write_module(source).fill, {"folder": str(tmp_path / "marks")}
    errors = task.map(range(3), common=common, return_exceptions=True, timeout=90)
    assert [type(error) for error in errors] == 3 * [gridtask.WorkerFailedToStart]
    assert "could not use the cache folder" in str(errors[0])
    assert [path.name for path in (tmp_path / "marks").iterdir()] == ["0"]


def test_process_that_a_call_forks_ends_with_the_call(write_module, tmp_path):
    """Not even one that returns or raises goes on to the result and the next call."""
    source = """
        import os
        import sys
        from pathlib import Path
        from gridtask import grid_task

        @grid_task(chunk=3)
        def split(how, folder):
            child = os.fork()
            (Path(folder) / f"{how}-{os.getpid()}").touch()
            if child:
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if how == "returns":
                return "child"
            if how == "raises":
                raise ValueError(how)
            sys.exit(3)
    """
    (tmp_path / "marks").mkdir()
    task = write_module(source).split
    common = {"folder": str(tmp_path / "marks")}
    results = task.map(["returns", "raises", "exits"], common=common, timeout=90)
    assert results == [0, 1, 3]
    assert len(list((tmp_path / "marks").iterdir())) == 6


def test_retry_submits_what_failed(write_module, tmp_path):
    """The failed calls run again with other resources; the rest stays."""
    source = """
        from pathlib import Path
        from gridtask import grid_task

        @grid_task
        def gated(n, gate):
            if n and not Path(gate).exists():
                raise RuntimeError("closed")
            return n
    """
    calls = [{"n": n, "gate": str(tmp_path / "gate")} for n in range(3)]
    run = write_module(source).gated.submit_map(calls, run="gated")
    with pytest.raises(gridtask.MapError):
        run.results(timeout=60)
    (tmp_path / "gate").touch()
    run.retry(memory="2G")
    assert run.results(timeout=60) == [0, 1, 2]
    assert run.failures() == {}
    assert [other.id for other in gridtask.runs()] == [run.id]
    assert gridtask.open_run("gated").results() == [0, 1, 2]


def test_delete_drops_results_and_run(tasks, gate):
    """Nothing is left of it, and the calls are computed again."""
    gate.touch()
    run = tasks.wait_for.submit_map([{"gate": str(gate), "n": 1}])
    run.results(timeout=60)
    run.delete()
    assert gridtask.runs() == []
    assert tasks.wait_for.plan([{"gate": str(gate), "n": 1}]).to_submit == 1


def test_delete_drops_open_calls(tasks, gate, backend):
    """What it cancels leaves no failures behind."""
    if backend == "serial":
        pytest.skip("nothing is open when submit_map returns")
    run = tasks.wait_for.submit_map([{"gate": str(gate), "n": 7}])
    run.delete()
    assert gridtask.cache().calls(failed=True) == []


def test_delete_drops_failures(tasks):
    """Nothing is listed any more."""
    run = tasks.fail.submit_map([3])
    with pytest.raises(gridtask.MapError):
        run.results(timeout=60)
    run.delete()
    assert gridtask.cache().calls(failed=True) == []


def test_a_failed_call_is_tried_anew_while_its_array_task_goes_on(
    write_module, tmp_path, backend
):
    """A rerun adopts the calls behind it, and submits that one again."""
    if backend == "serial":
        pytest.skip("nothing is open when submit_map returns")
    source = """
        import time
        from pathlib import Path
        from gridtask import grid_task

        @grid_task(chunk=2)
        def half(n, gate):
            if n == 0:
                raise RuntimeError("closed")
            while not Path(gate).exists():
                time.sleep(0.02)
            return n
    """
    task = write_module(source).half
    calls = [{"n": n, "gate": str(tmp_path / "gate")} for n in range(2)]
    run = task.submit_map(calls)
    assert isinstance(run[0].exception(timeout=60), RuntimeError)
    plan = task.plan(calls)
    assert (plan.in_flight, plan.to_submit) == (1, 1)
    (tmp_path / "gate").touch()
    assert run[1].result(timeout=60) == 1
