"""Which backend a script uses, who decides, and what it says of that."""

from __future__ import annotations

import os

import pytest

PROGRAM = """
    import os
    from gridtask import grid_task

    @grid_task
    def where(n):
        if "GRIDTASK_WORKER" not in os.environ:
            return "here"
        return "job" if "JOB_ID" in os.environ else "process"

    print(*where.map([{n}]))
    where.map([{n} + 1])
"""


@pytest.fixture
def program(project):
    """A script that prints where its first call ran, and then maps once more."""
    return project.write("program.py", PROGRAM.format(n=1)).name


def announcements(done):
    """Return the lines of stderr that name a backend."""
    return [line for line in done.stderr.splitlines() if "backend" in line]


def test_auto_takes_grid_engine_where_it_is(project, program, cell):
    """qsub is found and a qmaster is set; that is said once."""
    done = project.run(program)
    assert done.stdout == "job\n"
    (line,) = announcements(done)
    assert "'gridengine'" in line
    assert "qsub" in line
    assert os.environ["SGE_ROOT"] in line


def test_auto_takes_this_machine_without_a_qmaster(project, program):
    """A qsub alone is no Grid Engine."""
    qsub = project.write("bin/qsub", "#!/bin/sh\nexit 1\n")
    qsub.chmod(0o755)
    env = {**os.environ, "PATH": f"{qsub.parent}:{os.environ['PATH']}"}
    done = project.run(program, env=env)
    assert done.stdout == "process\n"
    (line,) = announcements(done)
    assert "'local'" in line
    assert "SGE_ROOT" in line


def test_auto_takes_this_machine_without_qsub(project, program):
    """A qmaster alone is no use either."""
    env = {**os.environ, "SGE_ROOT": "/opt/sge", "PATH": str(project.folder)}
    done = project.run(program, env=env)
    assert done.stdout == "process\n"
    (line,) = announcements(done)
    assert "no qsub" in line


@pytest.mark.parametrize(
    ("backend", "place"), [("local", "process"), ("serial", "here")]
)
def test_environment_decides_in_silence(project, program, cell, backend, place):
    """GRIDTASK_BACKEND stands above what is found, and needs no explanation."""
    env = {**os.environ, "GRIDTASK_BACKEND": backend}
    done = project.run(program, env=env)
    assert done.stdout == f"{place}\n"
    assert announcements(done) == []


def test_project_file_decides_below_the_environment(project, program):
    """[tool.gridtask] of a folder above; GRIDTASK_BACKEND is stronger."""
    project.write("pyproject.toml", '[tool.gridtask]\nbackend = "serial"\n')
    (project.folder / "deeper").mkdir()
    argv = f"../{program}"
    deeper = {"cwd": project.folder / "deeper"}
    assert project.run(argv, **deeper).stdout == "here\n"
    source = project.folder.joinpath(program).read_text()
    project.write(program, source.replace("map([1])", "map([7])"))
    env = {**os.environ, "GRIDTASK_BACKEND": "local"}
    assert project.run(argv, env=env, **deeper).stdout == "process\n"


def test_decorator_and_call_decide_above_the_environment(project, on_local):
    """The nearer to the call, the stronger."""
    source = PROGRAM.format(n=1).replace("@grid_task", '@grid_task(backend="serial")')
    project.write("program.py", source)
    assert project.run("program.py").stdout == "here\n"
    source = PROGRAM.format(n=5).replace("[5])", "[5], use_cluster=False)", 1)
    project.write("program.py", source)
    assert project.run("program.py").stdout == "here\n"


def test_wrong_settings_are_told_with_the_nearest_legal_name(project, program):
    """Before anything runs, in one line that says where."""
    project.write("pyproject.toml", '[tool.gridtask]\nbackends = "serial"\n')
    ended = project.finish(project.start(program))
    assert ended.returncode == 1
    assert "did you mean backend?" in ended.stderr
    assert "pyproject.toml" in ended.stderr


def test_results_are_found_by_all_backends_and_from_below(project, program, cell):
    """One cache folder, in the nearest folder above that has one."""
    project.run(program, env={**os.environ, "GRIDTASK_BACKEND": "local"})
    (project.folder / "deeper").mkdir()
    for backend in ("serial", "gridengine"):
        env = {**os.environ, "GRIDTASK_BACKEND": backend}
        done = project.run(f"../{program}", env=env, cwd=project.folder / "deeper")
        assert done.stdout == "process\n"
        assert "1 calls: 1 cached" in done.stderr


def test_serial_prints_calls_and_stops_in_the_debugger(project, monkeypatch):
    """Prints are the user's own; a breakpoint in a task is a prompt."""
    monkeypatch.setenv("GRIDTASK_BACKEND", "serial")
    project.write(
        "program.py",
        """
        from gridtask import grid_task

        @grid_task
        def step(n, size=2):
            print("working on", n)
            breakpoint()
            return n * size

        print(step.map([3, 4]))
        """,
    )
    process = project.start("program.py", stdin=-1)
    stdout, stderr = process.communicate("p n + 100\nc\np n + 200\nc\n", timeout=60)
    assert process.returncode == 0, stderr
    assert "working on 3" in stdout
    assert "103" in stdout
    assert "204" in stdout
    assert stdout.endswith("[6, 8]\n")
    assert "call 1 of 2: step(n=3, size=2)" in stderr
