"""What happens to scripts on a real Grid Engine: limits, refusals, deaths."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("deaths_begin", "on_cell")

DEATHS = """
    import json
    import os
    import subprocess
    import sys
    import time
    from pathlib import Path

    import numpy as np
    from gridtask import grid_task

    @grid_task(chunk=1, retries=0)
    def end(how):
        if how == "exits":
            os._exit(3)
        if how == "error state":
            os._exit(100)
        if how == "memory":
            return np.ones(10**9).sum()
        Path(how).touch()
        time.sleep(60)

    def job(error):
        return getattr(error, "job_id", None)

    def submit(how, **options):
        return end.options(**options).submit_map([how])

    runs = {
        "exits": submit("exits"),
        "error state": submit("error state"),
        "memory": submit("memory", cluster_params="-l h_vmem=1500M"),
        "time": submit("time", cluster_params="-l h_rt=2"),
        "deleted": submit("deleted"),
        "deleted while it waited": submit("", cluster_params="-h"),
    }
    sys.executable = "/nonexistent/python"
    runs["no interpreter"] = submit("no interpreter")
    while not Path("deleted").exists():
        time.sleep(0.02)
    for how in ("deleted", "deleted while it waited"):
        subprocess.run(["qdel", runs[how][0].job_id], check=True, capture_output=True)
    ends = {}
    for how, run in runs.items():
        (error,) = run.results(return_exceptions=True, timeout=80, progress=False)
        kinds = [kind.__name__ for kind in type(error).__mro__]
        notes = getattr(error, "__notes__", [])
        ends[how] = [kinds, "\\n".join([str(error), *notes]), run[0].job_id, job(error)]
    print(json.dumps(ends))
"""


@pytest.fixture(scope="module")
def deaths_begin(cell, tmp_path_factory):
    """Start a script whose calls die in many ways; it goes on beside other tests."""
    folder = tmp_path_factory.mktemp("deaths")
    (folder / "deaths.py").write_text(textwrap.dedent(DEATHS))
    site = "[tool.gridtask.site]\nfs_latency = 1\n"
    (folder / "pyproject.toml").write_text(site)
    env = {**os.environ, **cell.env, "PATH": cell.path}
    env |= {"GRIDTASK_BACKEND": "gridengine"}
    with open(folder / "stderr", "w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "deaths.py"],
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    yield process, folder
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def deaths(deaths_begin):
    """How each call ended: names of the error's classes, its text, its array task."""
    process, folder = deaths_begin
    stdout, _ = process.communicate(timeout=90)
    assert process.returncode == 0, (folder / "stderr").read_text()
    return json.loads(stdout)


# ------------------------------------------------------------------- submission

SQUARES = """
    from gridtask import grid_task

    @grid_task(chunk=1)
    def square(n):
        with open("marks", "a") as file:
            file.write(f"{n}\\n")
        return n * n
"""


def test_refused_submission_raises_with_the_words_of_qsub(project, sge):
    """Nothing is left behind: no job, no claim on the calls."""
    program = (
        SQUARES
        + """
    import sys
    import gridtask

    wanted = "-l nosuch=1" if "wrong" in sys.argv else "-l h_rt=600"
    try:
        print(square.options(cluster_params=wanted).map([3]))
    except gridtask.SubmitError as error:
        print(error)
        print(error.transient, error.exit_status, gridtask.runs())
    """
    )
    project.write("program.py", program)
    said = project.run("program.py", "wrong").stdout
    assert 'unknown resource "nosuch"' in said
    assert "\nFalse 1 " in said
    (name,) = re.findall(r"no job '(\w+)'", said)
    assert name not in sge("qstat", "-xml")
    assert project.run("program.py").stdout == "[9]\n"


def test_calls_beyond_the_array_limit_go_into_several_jobs(project, sge):
    """Each job within the limit; the results in order."""
    project.write("pyproject.toml", "[tool.gridtask.site]\nmax_array_tasks = 3\n")
    program = (
        SQUARES
        + """
    run = square.options(cluster_params="-h").submit_map(range(8), run="split")
    print(*dict.fromkeys(future.job_id.partition(".")[0] for future in run))
    """
    )
    project.write("program.py", program)
    jobs = project.run("program.py").stdout.split()
    assert len(jobs) == 3
    told = [sge("qstat", "-j", job) for job in jobs]
    tasks = [re.findall(r"^job-array tasks:\s+(\S+)", text, re.M) for text in told]
    assert tasks == [["1-3:1"], ["4-6:1"], ["7-8:1"]]
    for job in jobs:
        sge("qrls", job)
    fetch = "import gridtask; print(gridtask.open_run('split').results(timeout=60))"
    assert project.run("-c", fetch).stdout == f"{[n * n for n in range(8)]}\n"
    assert len(project.marks()) == 8


def is_known(job):
    """Whether the qmaster still knows a job."""
    return subprocess.run(["qstat", "-j", job], capture_output=True).returncode == 0


def test_refusal_of_a_later_job_takes_the_earlier_ones_back(project, cell, sge):
    """A run is submitted whole or not at all."""
    project.write("pyproject.toml", "[tool.gridtask.site]\nmax_array_tasks = 1\n")
    qsub = project.write(
        "bin/qsub",
        f"""\
        #!/bin/sh
        echo called >> {project.folder}/calls
        if [ $(wc -l < {project.folder}/calls) -lt 3 ]; then
            {cell.root}/bin/qsub "$@" | tee -a {project.folder}/accepted
            exit
        fi
        echo "Unable to run job: denied today" >&2
        exit 1
        """,
    )
    qsub.chmod(0o755)
    program = (
        SQUARES
        + """
    import gridtask

    try:
        square.options(cluster_params="-h").map(range(4))
    except gridtask.SubmitError as error:
        print(error)
    """
    )
    project.write("program.py", program)
    env = {**os.environ, "PATH": f"{qsub.parent}:{os.environ['PATH']}"}
    assert "denied today" in project.run("program.py", env=env).stdout
    accepted = re.findall(r"^\d+", (project.folder / "accepted").read_text(), re.M)
    assert len(accepted) == 2
    for job in accepted:
        project.wait_until(lambda job=job: not is_known(job), f"{job} is deleted")
    assert project.marks() == []


def test_refused_submission_leaves_no_run(project):
    """A run that never began is not listed among the runs."""
    program = (
        SQUARES
        + """
    import gridtask

    try:
        square.options(cluster_params="-l nosuch=1").map([3])
    except gridtask.SubmitError:
        print(gridtask.runs())
    """
    )
    project.write("program.py", program)
    assert project.run("program.py").stdout == "[]\n"
    assert list(project.folder.glob(".gridtask/runs/*")) == []


def test_cluster_params_reach_the_job_as_they_are(project, sge):
    """Quoted words, resources, priorities: Grid Engine sees what was written."""
    program = (
        SQUARES
        + """
    params = ["-l h_vmem=2G,h_rt=00:20:00", "-p -5 -h", "-ac 'note=two  words'"]
    run = square.options(cluster_params=params, max_running=2).submit_map(range(3))
    print(run[0].job_id.partition(".")[0])
    """
    )
    project.write("program.py", program)
    job = project.run("program.py").stdout.strip()
    told = dict(re.findall(r"^([\w ]+):[ \t]+(.*)$", sge("qstat", "-j", job), re.M))
    sge("qdel", job)
    assert sorted(told["hard resource_list"].split(",")) == ["h_rt=1200", "h_vmem=2G"]
    assert told["priority"] == "-5"
    assert told["context"] == "note=two  words"
    assert told["maximum concurrency"] == "2"


def test_resources_become_options_of_the_site(project, sge):
    """memory, time and slots are translated; threads are told of their slots."""
    program = """
    import os
    from gridtask import grid_task

    @grid_task(memory="2G", time="20m", slots=2)
    def seen(n):
        import resource
        names = ("NSLOTS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        return [os.environ[name] for name in names], limit

    print(seen.map([1]))
    """
    project.write("program.py", program)
    assert project.run("program.py").stdout == f"[(['2', '2', '2'], {2 << 30})]\n"


# ----------------------------------------------------------------------- places


def test_folders_may_have_blanks_and_any_letters(project):
    """Working folder, script, module and cache folder."""
    folder = project.folder / "Größe & 'Maße' ✓"
    folder.mkdir()
    (folder / "hilfe_ß.py").write_text("def plus(n):\n    return n + 1\n")
    program = """
    from gridtask import grid_task
    import hilfe_ß

    @grid_task(cache_dir="der cache ü")
    def größer(wert):
        print("wert", wert)
        return hilfe_ß.plus(wert)

    run = größer.submit_map([{"wert": 1}, {"wert": 2}], run="läuft")
    print(run.results(), "wert 1" in run[0].log())
    """
    (folder / "mein programm.py").write_text(textwrap.dedent(program))
    for _ in range(2):
        done = project.run("mein programm.py", cwd=folder)
        assert done.stdout == "[2, 3] True\n"
    assert "2 calls: 2 cached" in done.stderr


def test_ordinary_user_runs_the_quickstart(cell, ordinary_user):
    """Jobs of a user without privileges, in a home folder; the second run reuses."""
    example = Path(__file__).parents[2] / "examples/quickstart.py"
    shutil.copy(example, ordinary_user.home / "quickstart.py")
    env = {k: v for k, v in os.environ.items() if k != "XDG_CONFIG_HOME"}
    for _ in range(2):
        done = ordinary_user.run([str(ordinary_user.python), "quickstart.py"], env)
        assert done.returncode == 0, done.stderr
        assert "pi is about 3.1" in done.stdout
    assert "20 calls: 20 cached" in done.stderr
    owners = {p.stat().st_uid for p in ordinary_user.home.glob(".gridtask/**/*")}
    assert owners == {ordinary_user.uid}


# ----------------------------------------------- deaths, under way since the start


def test_worker_that_exits_is_named_with_its_status(deaths):
    """os._exit(3) in a call: no result, an error that says so."""
    kinds, text, _, job = deaths["exits"]
    assert kinds[0] == "Killed"
    assert "exit status 3" in text
    assert job in text


def test_future_of_a_dead_worker_knows_its_job(deaths):
    """Not only the error does."""
    _, _, of_future, of_error = deaths["exits"]
    assert of_future == of_error


def test_job_in_an_error_state_is_named_with_its_reason(deaths):
    """Eqw is no reason to wait for ever."""
    kinds, text, *_ = deaths["error state"]
    assert kinds[0] == "JobErrorState"
    assert "100" in text


def test_job_in_an_error_state_is_deleted(deaths, sge):
    """It would start behind its user's back when somebody cleared the error."""
    assert "Eqw" not in sge("qstat")


def test_missing_interpreter_is_named(deaths):
    """A Python that nodes do not have."""
    kinds, text, *_ = deaths["no interpreter"]
    assert kinds[0] in ("JobErrorState", "WorkerFailedToStart")
    assert "/nonexistent/python" in text


def test_memory_limit_is_a_memory_error(deaths):
    """h_vmem bounds the address space: numpy cannot allocate."""
    kinds, text, *_ = deaths["memory"]
    assert "MemoryError" in kinds
    assert "end(how='memory')" in text


def test_time_limit_is_a_time_limit(deaths):
    """h_rt kills the worker; accounting says why."""
    kinds, text, *_ = deaths["time"]
    assert kinds[0] == "TimeLimit"
    assert "end(how='time')" in text


def test_array_task_deleted_while_it_ran(deaths):
    """qdel of a running array task is a kill, and says that it may have been one.

    Only a poll at the right instant sees it being deleted; its record does not tell.
    """
    kinds, text, *_ = deaths["deleted"]
    how = {"Deleted": "was deleted by qdel", "Killed": "its job was deleted, or"}
    assert how[kinds[0]] in text


def test_array_task_deleted_while_it_waited(deaths):
    """It leaves no record anywhere, and is given up all the same."""
    kinds, text, _, job = deaths["deleted while it waited"]
    assert kinds[0] == "Deleted"
    assert job in text
    assert "deleted" in text


def test_a_job_that_no_queue_can_take_is_told(project):
    """Grid Engine would let it wait for ever without a word."""
    project.write(
        "program.py",
        """
        from gridtask import grid_task
        from gridtask.progress import impatience

        impatience.PATIENCE_SECONDS = 0.5

        @grid_task(slots=1000)
        def large(n):
            return n

        run = large.submit_map([1], run="too large")
        try:
            run.wait(timeout=6)
        except TimeoutError:
            run.cancel()
        """,
    )
    said = project.run("program.py").stderr
    assert "waits and can never start: Job" in said
    assert 'cannot run in PE "smp"' in said
