"""A run is looked after by other processes than the one that submitted it."""

from __future__ import annotations

import pytest

PROGRAM = """
    from pathlib import Path

    @grid_task(chunk=1, retries=0)
    def wait_for(name):
        if not Path(name).exists():
            raise FileNotFoundError(name)
        mark(1)
        time.sleep(2)
        return name

    if __name__ == "__main__":
        wait_for.submit_map(["this"], run="mine")
"""
WAIT = "import gridtask; print(gridtask.open_run('mine').results(timeout=90))"
RETRY = "import gridtask; gridtask.open_run('mine').retry(); print('again')"
CANCEL = "import gridtask; gridtask.open_run('mine').cancel()"
SHOW = "import gridtask; print(gridtask.open_run('mine').progress())"


@pytest.fixture
def failed(project, backend):
    """A run that has ended with a failure, and whose driver is gone."""
    project.write("program.py", PROGRAM)
    project.run("program.py")
    assert project.finish(project.start("-c", WAIT)).returncode == 1
    (project.folder / "this").touch()
    return project


def test_what_one_process_submits_again_another_one_waits_for(failed):
    """Its earlier failure does not count while it is tried again."""
    assert failed.run("-c", RETRY).stdout == "again\n"
    assert failed.run("-c", WAIT).stdout == "['this']\n"
    assert failed.executions() == {1: 1}


def test_what_was_submitted_again_is_adopted_by_a_rerun(failed):
    """The script itself comes back as well."""
    assert failed.run("-c", RETRY).stdout == "again\n"
    failed.run("program.py")
    assert failed.run("-c", WAIT).stdout == "['this']\n"
    assert failed.executions() == {1: 1}


def test_what_was_submitted_again_can_be_cancelled(failed):
    """By a third process; then it has failed, and is not waited for."""
    failed.run("-c", RETRY)
    failed.run("-c", CANCEL)
    done = failed.run("-c", SHOW)
    assert "1 failed" in done.stdout


CHUNKS = """
    @grid_task(chunk=2)
    def twice(n):
        mark(n)
        time.sleep(float(os.environ.get("SECONDS_OF_TWICE", "60")))
        return n

    if __name__ == "__main__":
        run = twice.submit_map(range(4), run="mine")
        kinds = run.results(timeout=90, return_exceptions=True)
        print(sorted({type(kind).__name__ for kind in kinds}), len(kinds))
"""


@pytest.mark.parametrize("command", ["cancel", "rm"])
def test_what_another_process_cancels_is_not_submitted_again(project, backend, command):
    """Not even the calls that waited behind those whose processes were killed."""
    project.write("program.py", CHUNKS)
    driver = project.start("program.py")
    project.wait_until(lambda: {0, 2} <= project.executions().keys(), "calls run")
    options = (
        ["mine", "--yes"] if command == "cancel" else ["--all", "--cancel", "--yes"]
    )
    project.run("-m", "gridtask", command, *options)
    done = project.finish(driver)
    assert done.stdout == "['Deleted'] 4\n", done.stderr
    assert project.executions() == {0: 1, 2: 1}
