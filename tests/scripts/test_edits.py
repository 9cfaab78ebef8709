"""What was identified is what runs, whatever is edited meanwhile."""

from __future__ import annotations

import os
import shutil

import pytest

HELPER = """
    TERM = 1

    def extend(n):
        return n + TERM
"""

PROGRAM = """
    import sys
    from gridtask import grid_task
    import helper

    @grid_task(cluster_params="-h" if "hold" in sys.argv else [], chunk=1)
    def scaled(n):
        with open("marks", "a") as file:
            file.write(f"{n}\\n")
        return 100 * helper.extend(n)

    if "hold" in sys.argv:
        run = scaled.submit_map([1, 2], run="held")
        print(run[0].job_id.partition(".")[0])
    else:
        print(scaled.map([1, 2]))
"""

FETCH = "import gridtask; print(gridtask.open_run('held').results(timeout=60))"


@pytest.fixture
def held_job(project, on_cell):
    """The id of a job that waits, held by its user, with two calls of a script."""
    project.write("helper.py", HELPER)
    project.write("program.py", PROGRAM)
    return project.run("program.py", "hold").stdout.strip()


def release_and_fetch(project, sge, job_id):
    """Let the held job go, and return the printed results of its run."""
    sge("qrls", job_id)
    return project.run("-c", FETCH).stdout


def test_edited_files_change_nothing_for_waiting_jobs(project, held_job, sge):
    """The job computes what was submitted; a rerun of the edited script, anew."""
    project.write("helper.py", HELPER.replace("TERM = 1", "TERM = 5"))
    project.write("program.py", PROGRAM.replace("100 *", "1000 *"))
    assert project.run("program.py").stdout == "[6000, 7000]\n"
    assert release_and_fetch(project, sge, held_job) == "[200, 300]\n"
    assert project.marks() == ["1", "1", "2", "2"]
    project.write("helper.py", HELPER)
    project.write("program.py", PROGRAM)
    assert project.run("program.py").stdout == "[200, 300]\n"
    assert len(project.marks()) == 4


def test_deleted_and_moved_files_change_nothing_for_waiting_jobs(
    project, held_job, sge
):
    """Without script and helper on disk the job runs from its snapshot."""
    (project.folder / "program.py").unlink()
    os.rename(project.folder / "helper.py", project.folder / "assistant.py")
    shutil.rmtree(project.folder / "__pycache__", ignore_errors=True)
    assert release_and_fetch(project, sge, held_job) == "[200, 300]\n"


def test_broken_file_changes_nothing_for_waiting_jobs(project, held_job, sge):
    """Half an edit, saved, does not stop a job."""
    project.write("helper.py", "def extend(n:\n")
    project.write("program.py", "import nothing_there\n")
    assert release_and_fetch(project, sge, held_job) == "[200, 300]\n"


def test_module_edited_after_its_import_is_named(project, on_local):
    """The driver cannot send what it no longer has: the error names the module."""
    project.write("helper.py", HELPER)
    project.write(
        "program.py",
        """
        from pathlib import Path
        from gridtask import grid_task, IdentityError
        import helper

        @grid_task
        def scaled(n):
            return 100 * helper.extend(n)

        text = Path("helper.py").read_text()
        Path("helper.py").write_text(text.replace("n + TERM", "n - TERM"))
        try:
            scaled.map([1])
        except IdentityError as error:
            print(error)
        """,
    )
    said = project.run("program.py").stdout
    assert "helper" in said
    assert "extend" in said
    assert not list(project.folder.glob(".gridtask/f/*/*"))


def test_script_edited_while_it_runs_is_named(project, on_local):
    """The same for the script itself."""
    project.write(
        "program.py",
        """
        from pathlib import Path
        from gridtask import grid_task, IdentityError

        @grid_task
        def scaled(n):
            return 100 * n

        path = Path(__file__)
        path.write_text("\\n\\n" + path.read_text().replace("100 * n", "200 * n"))
        try:
            print(scaled.map([1]))
        except IdentityError as error:
            print("refused:", error)
        """,
    )
    said = project.run("program.py").stdout
    assert said.startswith("refused:")
    assert "program.py" in said


def test_reloaded_module_counts_as_it_is_now(project, on_local):
    """importlib.reload brings disk and memory together again."""
    project.write("helper.py", HELPER)
    project.write(
        "program.py",
        """
        import importlib
        from pathlib import Path
        from gridtask import grid_task
        import helper

        @grid_task
        def scaled(n):
            return 100 * helper.extend(n)

        first = scaled.map([1])
        text = Path("helper.py").read_text()
        Path("helper.py").write_text(text.replace("TERM = 1", "TERM = 22"))
        importlib.reload(helper)
        print(first, scaled.map([1]))
        """,
    )
    assert project.run("program.py").stdout == "[200] [2300]\n"


APPLY = """
    import helper
    from gridtask import MapError, grid_task

    @grid_task
    def apply(function, n, again=0):
        return function(n)

    calls = [{"function": helper.extend, "n": 1}, {"function": lambda n: n, "n": 1}]
    print(apply.map(calls))
    with open(helper.__file__, "a") as file:
        file.write("def extend(n): return n + 5")
    try:
        print(apply.map(calls, common={"again": 1}))
    except MapError as error:
        print(error)
"""


def test_functions_in_arguments_are_what_was_identified(project, on_local):
    """Also where their file has grown since the script began, or nothing runs."""
    project.write("helper.py", HELPER)
    project.write("program.py", APPLY)
    printed = project.run("program.py").stdout
    assert printed.startswith("[2, 1]\n2 of 2 calls failed:\n")
    assert "different are: helper.extend. Changed on disk since" in printed
