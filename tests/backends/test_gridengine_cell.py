"""The backend on a real Grid Engine."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gridtask.backends import gridengine
from gridtask.backends.base import Accounting, Hold, JobRequest, Limits, TaskState
from gridtask.backends.gridengine import GridEngineBackend
from gridtask.errors import SchedulerUnavailable, SubmitError

pytestmark = pytest.mark.usefixtures("cell")

PATIENCE_SECONDS = 30.0


def wait_until(condition: Callable[[], Any]) -> Any:
    """Return what `condition` returns as soon as it is true."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.1)
    return value


@pytest.fixture
def backend() -> Iterator[GridEngineBackend]:
    """A backend whose jobs are deleted after the test."""
    backend = GridEngineBackend()
    yield backend
    for job_id in backend.poll():
        backend.cancel(job_id)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a name that shells would take apart."""
    folder = tmp_path / "my runs (é) 'x' #1*"
    folder.mkdir()
    return folder


@pytest.fixture
def request_of(folder: Path) -> Callable[..., JobRequest]:
    """Makes requests for arrays of a shell script."""

    def make(script: str, **changes: object) -> JobRequest:
        request = JobRequest(
            name=f"gt_{time.monotonic_ns()}",
            argv=("/bin/sh", "-c", script),
            n_tasks=1,
            folder=str(folder),
            log="log.{task}",
        )
        return request._replace(**changes)  # type: ignore[arg-type]

    return make


def is_gone(backend: GridEngineBackend, job_id: str) -> Callable[[], bool]:
    return lambda: job_id not in backend.poll()


def is_in(
    backend: GridEngineBackend, job_id: str, states: dict[int, TaskState | None]
) -> Callable[[], bool]:
    def check() -> bool:
        job = backend.poll()[job_id]
        return {task: job.state_of(task) for task in states} == states

    return check


def records_of(
    backend: GridEngineBackend, job_id: str, tasks: list[int]
) -> list[Accounting]:
    def found() -> list[Accounting]:
        records = backend.account({job_id: tasks})
        return records if {record.task for record in records} == set(tasks) else []

    records = wait_until(found)
    return sorted(records, key=lambda record: record.task)


def test_each_array_task_has_its_number_and_its_log(
    backend: GridEngineBackend, request_of: Callable[..., JobRequest], folder: Path
) -> None:
    """A range that does not start at 1, in the folder of the request."""
    script = 'echo "$SGE_TASK_ID in $PWD"; echo error >&2; touch "here.$SGE_TASK_ID"'
    job_id = backend.submit(request_of(script, first_task=5, n_tasks=3))
    wait_until(is_gone(backend, job_id))
    assert sorted(path.name for path in folder.iterdir()) == [
        *(f"here.{task}" for task in (5, 6, 7)),
        *(f"log.{task}" for task in (5, 6, 7)),
    ]
    assert (folder / "log.6").read_text() == f"6 in {folder}\nerror\n"


def test_words_of_the_command_arrive_as_they_are(
    backend: GridEngineBackend, request_of: Callable[..., JobRequest], folder: Path
) -> None:
    """No shell on the way takes them apart, no profile is read."""
    words = ("a  b", "$HOME", "x;y", "*", "é", "")
    argv = ("/usr/bin/printf", "<%s>", *words)
    job_id = backend.submit(request_of("", argv=argv))
    wait_until(is_gone(backend, job_id))
    assert (folder / "log.1").read_text() == "".join(f"<{word}>" for word in words)


def test_states_are_those_of_the_array_tasks(
    backend: GridEngineBackend, request_of: Callable[..., JobRequest]
) -> None:
    """Running up to the allowed number, queued, held, and gone when deleted."""
    first = request_of("sleep 60", n_tasks=4, max_running=1)
    job_id = backend.submit(first)
    held_id = backend.submit(request_of("true", n_tasks=2, holds=(Hold(job_id),)))
    running, queued = TaskState.RUNNING, TaskState.QUEUED
    wait_until(is_in(backend, job_id, {1: running, 2: queued, 4: queued}))
    job, held = backend.poll()[job_id], backend.poll()[held_id]
    assert job.name == first.name
    assert job.groups[0].host == "localhost"
    assert {held.state_of(task) for task in (1, 2)} == {TaskState.HELD}
    backend.cancel(job_id, [2, 4])
    wait_until(is_in(backend, job_id, {2: None, 3: queued, 4: None}))
    backend.cancel(job_id)
    assert backend.poll().get(job_id, job).state_of(1) != TaskState.RUNNING
    wait_until(is_gone(backend, held_id))


def test_deleting_what_is_gone_is_fine(
    backend: GridEngineBackend, request_of: Callable[..., JobRequest]
) -> None:
    """Ended, deleted twice, or never there."""
    job_id = backend.submit(request_of("sleep 60", n_tasks=3))
    backend.cancel(job_id, [2])
    backend.cancel(job_id, [1, 2, 3])
    backend.cancel(job_id)
    wait_until(is_gone(backend, job_id))
    backend.cancel(job_id)
    backend.cancel(job_id, [1, 3])
    backend.cancel("999999")


def test_a_hold_element_by_element_starts_with_its_partner(
    backend: GridEngineBackend, request_of: Callable[..., JobRequest], folder: Path
) -> None:
    """Array task 1 starts while 2 of the other job still runs."""
    script = '[ $SGE_TASK_ID = 1 ] || while [ ! -e "go" ]; do sleep 0.1; done'
    upstream = backend.submit(request_of(script, n_tasks=2))
    hold = Hold(upstream, elementwise=True)
    request = request_of("touch down.$SGE_TASK_ID", n_tasks=2, holds=(hold,))
    downstream = backend.submit(request)
    wait_until((folder / "down.1").exists)
    assert not (folder / "down.2").exists()
    (folder / "go").touch()
    wait_until(is_gone(backend, downstream))
    assert (folder / "down.2").exists()


def test_the_reason_of_an_error_state_is_known(
    backend: GridEngineBackend, request_of: Callable[..., JobRequest], folder: Path
) -> None:
    """The folder is gone when the job starts."""
    job_id = backend.submit(request_of("true", folder=f"{folder}/gone"))
    wait_until(is_in(backend, job_id, {1: TaskState.ERROR}))
    reason = f"can't chdir to {folder}/gone: No such file or directory"
    assert backend.error_reason(job_id, 1) == reason
    assert backend.error_reason("999999", 1) is None


def test_accounting_tells_how_array_tasks_ended(
    backend: GridEngineBackend,
    request_of: Callable[..., JobRequest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By exit status and signal; qacct and the file tell the same."""
    submitted_at = time.time()
    script = "case $SGE_TASK_ID in 1) exit 3;; 2) kill -9 $$;; esac"
    job_id = backend.submit(request_of(script, n_tasks=3))
    records = records_of(backend, job_id, [1, 2])
    assert [(r.failed, r.exit_status) for r in records] == [(0, 3), (100, 137)]
    for record in records:
        assert record.host == "localhost"
        assert record.submitted_at == pytest.approx(submitted_at, abs=5)
        assert record.ended_at == pytest.approx(submitted_at, abs=PATIENCE_SECONDS)
    monkeypatch.setattr(gridengine, "accounting_path", lambda environ: None)
    told = records_of(GridEngineBackend(), job_id, [1, 2])
    for record, other in zip(records, told, strict=True):
        for name in ("failed", "failed_text", "exit_status", "started_at", "ended_at"):
            assert getattr(record, name) == getattr(other, name), name
        assert record.max_rss == pytest.approx(other.max_rss, rel=0.001)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        (("-l", "h_vmem=9999T"), "it offers only"),
        (("-pe", "smp", "1000"), "it only offers 0 slots"),
        (("-h",), None),
        (("-a", "12312359"), None),
    ],
)
def test_what_can_never_start_is_told(
    params: tuple[str, ...], said: str | None, backend, request_of
) -> None:
    """And what only waits is not."""
    job_id = backend.submit(request_of("true", cluster_params=params))
    wait_until(lambda: job_id in backend.poll())
    why = backend.why_waiting(job_id)
    assert (why is None) if said is None else said in why


def test_accounting_names_an_enforced_limit(
    backend: GridEngineBackend, request_of: Callable[..., JobRequest]
) -> None:
    """The cluster params were in force."""
    request = request_of("sleep 60", cluster_params=("-l", "h_rt=1"))
    (record,) = records_of(backend, backend.submit(request), [1])
    assert (record.failed, record.exit_status) == (37, 137)
    assert "h_rt" in record.failed_text
    assert record.wall_seconds
    assert record.wall_seconds >= 1


def test_accounting_marks_an_attempt_that_is_repeated(
    backend: GridEngineBackend, request_of: Callable[..., JobRequest]
) -> None:
    """The first attempt asks to be queued again, the second ends well."""
    job_id = backend.submit(request_of("[ $RESTARTED = 1 ] || exit 99"))
    wait_until(is_gone(backend, job_id))
    records = wait_until(
        lambda: records if len(records := backend.account({job_id: [1]})) > 1 else []
    )
    assert [record.rescheduled for record in records] == [True, False]


def test_accounting_of_pending_deleted_array_tasks_is_empty(
    backend: GridEngineBackend, request_of: Callable[..., JobRequest]
) -> None:
    """Nothing is recorded of what never ran."""
    upstream = backend.submit(request_of("sleep 60"))
    job_id = backend.submit(request_of("true", holds=(Hold(upstream),)))
    backend.cancel(job_id)
    wait_until(is_gone(backend, job_id))
    assert backend.account({job_id: [1]}) == []


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (("-l", "nosuch=1"), 'unknown resource "nosuch"'),
        (("-q", "nosuch.q"), 'requests unknown queue "nosuch.q"'),
        (("-pe", "nosuch", "2"), 'parallel environment "nosuch" does not exist'),
        (("-nosuch",), "-nosuch"),
    ],
)
def test_a_refused_job_is_an_error_with_its_words(
    backend: GridEngineBackend,
    request_of: Callable[..., JobRequest],
    params: tuple[str, ...],
    message: str,
) -> None:
    """And nothing was submitted."""
    request = request_of("true", cluster_params=params)
    with pytest.raises(SubmitError) as caught:
        backend.submit(request)
    assert message in caught.value.stderr
    assert message in str(caught.value)
    assert not caught.value.transient
    assert request.name not in [job.name for job in backend.poll().values()]


def test_the_largest_array_costs_one_job(
    backend: GridEngineBackend, request_of: Callable[..., JobRequest]
) -> None:
    """One more is refused by the limit that was told."""
    assert backend.limits() == Limits(75_000, 4, accounting_seconds=0)
    job_id = backend.submit(request_of("true", n_tasks=75_000, max_running=1))
    assert sum(len(r) for r in backend.poll()[job_id].groups[-1].tasks) >= 74_999
    backend.cancel(job_id)
    with pytest.raises(SubmitError, match="more than 75000 tasks"):
        backend.submit(request_of("true", n_tasks=75_001))


def test_options_of_a_request_file_do_not_count(
    backend: GridEngineBackend,
    request_of: Callable[..., JobRequest],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A .sge_request in the current folder may set what gridtask sets."""
    (folder / ".sge_request").write_text("-now y -N other -j n -o /dev/null -t 1-7\n")
    monkeypatch.chdir(folder)
    request = request_of("echo said >&2; sleep 1")
    job_id = backend.submit(request)
    assert backend.poll()[job_id].name == request.name
    wait_until(is_gone(backend, job_id))
    assert (folder / "log.1").read_text() == "said\n"


def test_a_hung_qmaster_is_no_answer(
    cell: Any, request_of: Callable[..., JobRequest]
) -> None:
    """Then nothing is known, and a repeated submission makes one job."""
    backend = GridEngineBackend(command_seconds=1)
    request = request_of("sleep 60")
    cell.control("pause", "qmaster")
    try:
        with pytest.raises(SchedulerUnavailable, match="no answer"):
            backend.poll()
        with pytest.raises(SubmitError) as caught:
            backend.submit(request)
    finally:
        cell.control("resume", "qmaster")
    assert caught.value.transient
    patient = GridEngineBackend()
    patient.poll()
    job_id = backend.submit(request)
    jobs = patient.poll()
    assert [job.name for job in jobs.values()].count(request.name) == 1
    patient.cancel(job_id)


def test_an_ordinary_users_jobs_run(ordinary_user: Any) -> None:
    """The cell of root runs the jobs of others, as themselves."""
    script = """
import os, time
from gridtask.backends.base import JobRequest
from gridtask.backends.gridengine import GridEngineBackend
backend = GridEngineBackend()
argv = ("/bin/sh", "-c", "id -un; exit 4")
request = JobRequest("gt_user", argv, n_tasks=1, folder=os.getcwd(), log="log.{task}")
job_id = backend.submit(request)
give_up_at = time.monotonic() + 20
while not (records := backend.account({job_id: [1]})):
    assert time.monotonic() < give_up_at
    time.sleep(0.1)
print(records[0].exit_status)
"""
    done = ordinary_user.run(
        [str(ordinary_user.python), "-P", "-c", script], timeout=30
    )
    assert done.stdout == "4\n", done.stderr
    log = ordinary_user.home / "log.1"
    assert log.read_text() == f"{ordinary_user.name}\n"
    assert log.stat().st_uid == ordinary_user.uid


def test_an_ordinary_user_can_have_a_cell(ordinary_user: Any) -> None:
    """It runs a job, and is gone without a trace after down."""
    gridcell = Path(__file__).parents[1] / "gridcell.py"
    script = shutil.copy(gridcell, ordinary_user.home)
    root = ordinary_user.home / "cell"
    control = f"{ordinary_user.python} {script} --root {root}"
    commands = f"""
set -e
trap '{control} down' EXIT
eval "$({control} up --slots 1)"
qsub -terse -b y -shell n -cwd -j y -o said -sync y /bin/echo hello
cat said
"""
    done = ordinary_user.run(["/bin/sh", "-c", commands], timeout=60)
    assert done.stdout.endswith("1\nhello\n"), done.stderr
    assert not root.exists()
    mark = f"GRIDCELL_ROOT={root}".encode()
    assert not any(mark in environ for environ in environments())


def environments() -> Iterator[bytes]:
    """The environments of all processes of this machine."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            yield path.read_bytes()
        except OSError:
            continue


def test_down_ends_the_jobs_and_removes_all(tmp_path: Path, cell: Any) -> None:
    """Also jobs that left their process group; the other cell stays."""
    control = f"{sys.executable} {Path(__file__).parents[1]}/gridcell.py"
    control += f" --root {tmp_path}/cell"
    pid_file = tmp_path / "pid"
    job = tmp_path / "job"
    script = f"setsid sh -c 'echo $$ > {pid_file}; exec sleep 600' & wait"
    job.write_text(f"#!/bin/sh\n{script}\n")
    job.chmod(0o755)
    qsub = f"qsub -b y -shell n -wd {tmp_path} -j y -o /dev/null {job}"
    try:
        assert os.system(f'eval "$({control} up)" && {qsub}') == 0
        pid = wait_until(lambda: pid_file.exists() and pid_file.read_text().strip())
    finally:
        assert os.system(f"{control} down") == 0
    assert not (tmp_path / "cell").exists()
    assert not Path(f"/proc/{pid}/cwd").exists()
    GridEngineBackend().poll()
