"""The local backend: jobs as processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gridtask.backends import jobfile
from gridtask.backends.base import Hold, JobRequest, JobState, TaskState
from gridtask.backends.jobfile import Job, join_line, machine, split_line, start_time
from gridtask.backends.local import LocalBackend
from gridtask.backends.slots import Slots
from gridtask.backends.supervisor import BEAT, Supervisor
from gridtask.errors import SchedulerUnavailable, SubmitError


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Return once `condition` holds; fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


class Bench:
    """A backend in a folder, with shell scripts as array tasks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backend = LocalBackend(folder, max_processes=4)
        self._n_jobs = 0

    def submit(self, script: str, n_tasks: int = 1, **fields: object) -> str:
        self._n_jobs += 1
        request = JobRequest(
            name=f"gt{self._n_jobs}",
            argv=("/bin/sh", "-c", script),
            n_tasks=n_tasks,
            folder=str(self.folder),
            log=f"gt{self._n_jobs}.t{{task}}.log",
            **fields,
        )
        return self.backend.submit(request)

    def wait(self, job_id: str) -> None:
        wait_until(lambda: job_id not in self.backend.poll())

    def run(self, script: str, n_tasks: int = 1, **fields: object) -> str:
        job_id = self.submit(script, n_tasks, **fields)
        self.wait(job_id)
        return job_id

    def account(self, job_id: str, *tasks: int):
        return self.backend.account({job_id: tasks or (1,)})

    def job(self, job_id: str) -> JobState:
        return self.backend.poll()[job_id]

    def log(self, task: int = 1) -> str:
        return (self.folder / f"gt{self._n_jobs}.t{task}.log").read_text()

    def wait_for_state(self, job_id: str, task: int, state: TaskState) -> None:
        wait_until(lambda: self.job(job_id).state_of(task) is state)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A folder whose jobs are cancelled at the end."""
    bench = Bench(tmp_path)
    yield bench
    for job_id in bench.backend.poll():
        bench.backend.cancel(job_id)
    wait_until(lambda: not bench.backend.poll())


@pytest.fixture
def gates(tmp_path: Path) -> Callable[[int], None]:
    """Return a function that lets array task n go on, waiting in WAIT_AT_GATE."""
    for task in range(1, 6):
        os.mkfifo(tmp_path / f"gate{task}")

    def open_gate(task: int) -> None:
        (tmp_path / f"gate{task}").write_text("go\n")

    return open_gate


WAIT_AT_GATE = "read go < gate$GRIDTASK_TASK_ID"
FOREVER = "exec sleep 1000"


def supervisor_of(job_id: str) -> int:
    return int(job_id.split("-")[0])


def children_of(pid: int) -> list[int]:
    pairs = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            pairs.append((int(fields[1]), int(name)))
    return [child for parent, child in pairs if parent == pid]


def read_pid(path: Path) -> int:
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


# What a job does


def test_each_array_task_runs_with_its_number_in_the_folder(bench: Bench):
    """The command runs once per array task, in the request's folder."""
    bench.run("pwd; echo $GRIDTASK_TASK_ID", n_tasks=2, first_task=7)
    assert bench.log(7) == f"{bench.folder}\n7\n"
    assert bench.log(8) == f"{bench.folder}\n8\n"


def test_both_streams_are_appended_to_the_log(bench: Bench):
    """A log keeps what an earlier attempt wrote, and is the user's alone."""
    (bench.folder / "gt1.t1.log").write_text("before\n")
    bench.run("echo out; echo err >&2", n_tasks=2)
    assert bench.log(1) == "before\nout\nerr\n"
    assert (bench.folder / "gt1.t2.log").stat().st_mode & 0o777 == 0o600


def test_environment_is_inherited_without_a_foreign_task_number(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    """A driver that itself runs in an array task does not number its workers."""
    monkeypatch.setenv("FLAVOUR", "plum\tjam")
    monkeypatch.setenv("JOB_ID", "4711")
    monkeypatch.setenv("SGE_TASK_ID", "42")
    names = "$JOB_ID $SGE_TASK_ID $GRIDTASK_JOB_ID $GRIDTASK_TASK_ID"
    job_id = bench.run(f'echo "$FLAVOUR {names}"')
    assert bench.log() == f"plum\tjam   {job_id} 1\n"


def test_tasks_start_with_default_signals(bench: Bench):
    """A task neither blocks nor ignores what Python and the supervisor do."""
    bench.run("exec grep -E 'Sig(Blk|Ign)' /proc/self/status")
    masks = [int(line.split()[1], 16) for line in bench.log().splitlines()]
    internal = 1 << 31 | 1 << 32  # signals 32 and 33 belong to the C library
    assert [mask & ~internal for mask in masks] == [0, 0]


def test_unusual_names_survive_the_state_file(tmp_path: Path):
    """Tabs, newlines and bytes that are not UTF-8 may stand in a path."""
    folder = tmp_path / os.fsdecode(b"a\tb\nc\\d\xff\xc3\xa9")
    folder.mkdir()
    bench = Bench(folder)
    bench.run("echo 'x\ty' > made")
    assert (folder / "made").read_text() == "x\ty\n"


def test_lines_of_a_state_file_round_trip():
    """Any text comes back from a line as it went in."""
    fields = ["", "a\tb", "\\n\n\r", "é€𝄞", os.fsdecode(b"\xff")]
    line = join_line("argv", *fields)
    assert line.count(b"\n") == 1
    assert split_line(line[:-1]) == ["argv", *fields]


def test_no_more_than_max_running_at_a_time(bench: Bench):
    """Many array tasks with few processes all run, a few at a time."""
    numbers = range(1, 61)
    job_id = bench.run("exit $GRIDTASK_TASK_ID", n_tasks=60, max_running=3)
    records = bench.account(job_id, *numbers)
    assert [record.exit_status for record in records] == list(numbers)
    events = [(record.started_at, 1) for record in records]
    events += [(record.ended_at, -1) for record in records]
    running = [sum(step for _, step in sorted(events)[:n]) for n in range(121)]
    assert 1 < max(running) <= 3


@pytest.mark.parametrize(
    ("max_processes", "slots", "max_running", "expected"),
    [
        (None, 1, None, 8),
        (None, 4, None, 2),
        (None, 16, None, 1),
        (None, 1, 3, 3),
        (2, 1, 3, 2),
        (3, 4, None, 1),
        (9, 4, None, 2),
    ],
)
def test_processes_at_a_time(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    max_processes: int | None,
    slots: int,
    max_running: int | None,
    expected: int,
):
    """Usable cores, the slots of a task and both limits decide."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    bench = Bench(tmp_path)
    bench.backend = LocalBackend(tmp_path, max_processes)
    job_id = bench.submit(FOREVER, 20, slots=slots, max_running=max_running)
    wait_until(lambda: bench.job(job_id).state_of(expected) is TaskState.RUNNING)
    groups = {group.state: group.tasks for group in bench.job(job_id).groups}
    bench.backend.cancel(job_id)
    bench.wait(job_id)
    assert groups == {
        TaskState.RUNNING: (range(1, expected + 1),),
        TaskState.QUEUED: (range(expected + 1, 21),),
    }


def test_jobs_of_a_folder_share_its_slots(bench: Bench, gates: Callable[[int], None]):
    """Many small jobs run no more processes at a time than one large one."""
    bench.backend = LocalBackend(bench.folder, max_processes=2)
    jobs = {task: bench.submit(WAIT_AT_GATE, first_task=task) for task in range(1, 6)}
    most = 0
    while jobs:
        running = [
            task
            for task, job_id in jobs.items()
            if (job := bench.backend.poll().get(job_id))
            and job.state_of(task) is TaskState.RUNNING
        ]
        most = max(most, len(running))
        if len(running) == min(2, len(jobs)):
            gates(running[0])
            bench.wait(jobs.pop(running[0]))
    assert most == 2


def test_slots_freed_by_a_large_job_go_to_the_one_that_waits(
    bench: Bench, gates: Callable[[int], None]
):
    """A later job does not wait until an earlier one has run all its tasks."""
    bench.backend = LocalBackend(bench.folder, max_processes=2)
    first = bench.submit("read go < gate$((GRIDTASK_TASK_ID % 2 + 1))", n_tasks=20)
    bench.wait_for_state(first, 2, TaskState.RUNNING)
    second = bench.submit(FOREVER)
    wait_until(lambda: not is_free(bench.folder, "next"))
    gates(1)
    bench.wait_for_state(second, 1, TaskState.RUNNING)
    assert bench.job(first).state_of(3) is TaskState.QUEUED


def is_free(folder: Path, name: str) -> bool:
    address = Slots(str(folder), 1)._bind(name)
    if address is None:
        return False
    address.close()
    return True


def test_array_task_with_slots_takes_as_many(bench: Bench):
    """A task of four slots waits until four are free, and never for more."""
    bench.backend = LocalBackend(bench.folder, max_processes=4)
    narrow = bench.submit(FOREVER)
    wide = bench.submit(FOREVER, slots=4)
    wait_until(lambda: not is_free(bench.folder, "next"))
    assert bench.job(wide).state_of(1) is TaskState.QUEUED
    bench.backend.cancel(narrow)
    bench.wait_for_state(wide, 1, TaskState.RUNNING)
    wider = bench.submit("true", slots=99)
    bench.backend.cancel(wide)
    bench.wait(wider)


def test_job_inside_a_job_does_not_wait_for_its_slots(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    """Who waits for a job of its own keeps its slot meanwhile."""
    bench.backend = LocalBackend(bench.folder, max_processes=1)
    outer = bench.submit(FOREVER)
    bench.wait_for_state(outer, 1, TaskState.RUNNING)
    monkeypatch.setenv("GRIDTASK_JOB_ID", outer)
    assert bench.account(bench.run("true"))[0].exit_status == 0


def test_killed_job_frees_its_slots(bench: Bench):
    """Nothing but living processes holds slots, not even a second guardian."""
    bench.backend = LocalBackend(bench.folder, max_processes=1)
    first = bench.submit(FOREVER)
    bench.wait_for_state(first, 1, TaskState.RUNNING)
    kill_guardian(first)
    second = bench.submit("true")
    os.kill(supervisor_of(first), signal.SIGKILL)
    bench.wait(second)


def test_supervisor_has_a_session_of_its_own(bench: Bench):
    """Ctrl-C at the driver's terminal does not reach the job."""
    pid = supervisor_of(bench.submit(FOREVER))
    assert os.getsid(pid) == pid
    assert os.getpgid(pid) == pid


def test_supervisor_imports_only_builtin_modules():
    """A job's start is an interpreter's start and little more."""
    code = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "for name in ('allowance', 'jobfile', 'prefork', 'slots'):\n"
        "    sys.modules['gridtask.backends.' + name] = __import__(name)\n"
        "import supervisor; print(*sys.modules)"
    )
    home = Path(jobfile.__file__).parent
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, home],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"typing", "enum", "re", "collections", "json", "signal", "contextlib"}
    assert not heavy & set(done.stdout.split())


# What is known of it


def test_job_is_listed_while_it_runs(bench: Bench, gates: Callable[[int], None]):
    """A poll names job, states and host, and leaves out what has ended."""
    job_id = bench.submit(WAIT_AT_GATE, n_tasks=3, max_running=2)
    bench.wait_for_state(job_id, 2, TaskState.RUNNING)
    job = bench.job(job_id)
    assert (job.job_id, job.name) == (job_id, "gt1")
    assert [(g.state, g.tasks) for g in job.groups] == [
        (TaskState.RUNNING, (range(1, 3),)),
        (TaskState.QUEUED, (range(3, 4),)),
    ]
    assert job.groups[0].host == os.uname().nodename
    gates(1)
    bench.wait_for_state(job_id, 3, TaskState.RUNNING)
    assert bench.job(job_id).state_of(1) is None
    gates(2)
    gates(3)
    bench.wait(job_id)


def test_accounting_of_an_ended_task(bench: Bench):
    """Exit status, host, times and memory are recorded."""
    before = time.time()
    (record,) = bench.account(bench.run("exit 3"))
    assert (record.failed, record.exit_status) == (0, 3)
    assert record.host == os.uname().nodename
    times = [before, record.submitted_at, record.started_at, record.ended_at]
    assert times == sorted(times)
    assert record.wall_seconds == pytest.approx(record.ended_at - record.started_at)
    assert 0 <= record.cpu_seconds < 1
    assert 100_000 < record.max_rss < 1_000_000_000
    assert record.deleted_by is None


def test_accounting_of_a_signal(bench: Bench):
    """A process that a signal ended has 128 + n and says so."""
    (record,) = bench.account(bench.run("kill -SEGV $$"))
    assert record.exit_status == 128 + signal.SIGSEGV
    assert record.failed == 100
    assert record.failed_text == "killed by signal 11"
    assert record.deleted_by is None


def test_accounting_of_a_command_that_cannot_start(bench: Bench):
    """Why nothing ran is recorded with the command."""
    request = JobRequest("gt1", ("/nowhere/python",), 2, str(bench.folder), "log")
    job_id = bench.backend.submit(request)
    bench.wait(job_id)
    first, second = bench.account(job_id, 1, 2)
    assert (first.failed, first.exit_status) == (1, None)
    assert "'/nowhere/python'" in first.failed_text
    assert "No such file" in second.failed_text


def test_accounting_knows_only_what_has_ended(
    bench: Bench, gates: Callable[[int], None]
):
    """Running array tasks, other numbers and unknown jobs have no record."""
    job_id = bench.submit(WAIT_AT_GATE)
    assert bench.account(job_id, 1, 99) == []
    assert bench.account("1-1-0", 1) == []
    gates(1)
    bench.wait(job_id)
    assert [record.task for record in bench.account(job_id, 1, 99)] == [1]


def test_job_outlives_its_driver_and_is_seen_by_another_process(bench: Bench):
    """A later process finds, accounts for and cancels an earlier one's job."""
    script = (
        "import sys; from pathlib import Path\n"
        "from gridtask.backends.base import JobRequest\n"
        "from gridtask.backends.local import LocalBackend\n"
        "folder = Path(sys.argv[1])\n"
        "request = JobRequest('gt9', ('/bin/sleep', '999'), 1, sys.argv[1], 'log')\n"
        "print(LocalBackend(folder).submit(request))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, bench.folder],
        capture_output=True,
        text=True,
        check=True,
    )
    job_id = done.stdout.strip()
    assert bench.job(job_id).name == "gt9"
    bench.backend.cancel(job_id)
    bench.wait(job_id)
    (record,) = bench.account(job_id)
    assert record.deleted_by is not None


def test_poll_without_a_folder_is_no_answer(bench: Bench):
    """A folder that cannot be listed never means that there are no jobs."""
    backend = LocalBackend(bench.folder / "gone")
    with pytest.raises(SchedulerUnavailable, match=r"gone.*cannot be listed"):
        backend.poll()


def test_forget_removes_the_file_of_an_ended_job_only(
    bench: Bench, gates: Callable[[int], None]
):
    """State files stay until their reader is done with them."""
    job_id = bench.submit(WAIT_AT_GATE)
    bench.backend.forget(job_id)
    assert job_id in bench.backend.poll()
    gates(1)
    bench.wait(job_id)
    bench.backend.forget(job_id)
    bench.backend.forget(job_id)
    assert list(bench.folder.glob("*.local")) == []
    assert bench.account(job_id) == []


# Submission that fails


def test_a_name_is_submitted_once(bench: Bench):
    """The state file of another job is never overwritten."""
    request = JobRequest("gt1", ("/bin/true",), 1, str(bench.folder), "log")
    first = bench.backend.submit(request)
    with pytest.raises(SubmitError, match=r"'gt1'.*File exists.*gt1\.local"):
        bench.backend.submit(request)
    bench.wait(first)


def test_driver_may_ignore_its_children(bench: Bench):
    """A process that ignores SIGCHLD can submit, and its jobs see their tasks end."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        job_id = bench.submit("exit 3")
    finally:
        signal.signal(signal.SIGCHLD, before)
    bench.wait(job_id)
    assert bench.account(job_id)[0].exit_status == 3


def test_missing_folder_is_a_submit_error(bench: Bench):
    """What the operating system said is in the error."""
    backend = LocalBackend(bench.folder / "gone")
    request = JobRequest("gt1", ("/bin/true",), 1, str(bench.folder), "log")
    with pytest.raises(SubmitError, match="No such file") as caught:
        backend.submit(request)
    assert "No such file" in caught.value.stderr


def test_missing_interpreter_is_a_submit_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    """A Python that was removed under the driver is named."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    n_files = len(os.listdir("/proc/self/fd"))
    with pytest.raises(SubmitError, match="No such file") as caught:
        bench.submit("true")
    assert caught.value.argv[0] == "/nowhere/python"
    assert len(os.listdir("/proc/self/fd")) == n_files


def test_interpreter_that_fails_is_a_submit_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """What a broken Python writes to stderr is kept."""
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexec <&-\necho no stdlib here >&2\nexit 1\n")
    broken.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(SubmitError, match="no stdlib here"):
        bench.submit("true" + " " * 1_000_000)


# Holds


def test_held_job_starts_when_the_other_is_gone(
    bench: Bench, gates: Callable[[int], None]
):
    """A hold waits for the whole job."""
    first = bench.submit(WAIT_AT_GATE, n_tasks=2)
    second = bench.submit("true", n_tasks=2, holds=(Hold(first),))
    gates(1)
    wait_until(lambda: bench.job(first).state_of(1) is None)
    assert bench.job(second).groups[0].tasks == (range(1, 3),)
    assert bench.job(second).state_of(1) is TaskState.HELD
    gates(2)
    bench.wait(second)
    ended = bench.account(first, 1, 2)
    started = bench.account(second, 1, 2)
    assert max(r.ended_at for r in ended) <= min(r.started_at for r in started)


def test_elementwise_hold_waits_for_its_own_task(
    bench: Bench, gates: Callable[[int], None]
):
    """Array task i starts when array task i of the other job has ended."""
    first = bench.submit(WAIT_AT_GATE, n_tasks=2)
    second = bench.submit("true", n_tasks=3, holds=(Hold(first, elementwise=True),))
    gates(2)
    wait_until(lambda: bench.account(second, 2, 3)[1:])
    assert bench.job(second).state_of(1) is TaskState.HELD
    gates(1)
    bench.wait(second)


def test_hold_ends_with_a_job_that_failed_or_is_unknown(bench: Bench):
    """A hold is only an order: it says nothing of success."""
    first = bench.submit(FOREVER)
    second = bench.submit("true", holds=(Hold(first), Hold("1-1-0")))
    os.kill(supervisor_of(first), signal.SIGKILL)
    bench.wait(second)
    assert bench.account(second)[0].exit_status == 0


def test_hold_ends_when_the_other_is_forgotten(
    bench: Bench, gates: Callable[[int], None]
):
    """A state file that vanished is a job that is gone."""
    first = bench.submit(WAIT_AT_GATE)
    second = bench.submit("true", holds=(Hold(first),))
    (bench.folder / "gt1.local").unlink()
    bench.wait(second)
    gates(1)


# Cancelling


def test_cancel_kills_running_tasks_with_their_children(bench: Bench):
    """The whole process group of an array task ends."""
    job_id = bench.submit("sleep 1000 & echo $! > child; wait")
    child = read_pid(bench.folder / "child")
    bench.backend.cancel(job_id)
    bench.wait(job_id)
    wait_until(lambda: start_time(child) is None)
    (record,) = bench.account(job_id)
    assert (record.failed, record.exit_status) == (100, 137)
    assert record.deleted_by


def test_cancel_drops_pending_tasks(bench: Bench):
    """Array tasks that never started have a record that says who deleted them."""
    job_id = bench.submit(FOREVER, n_tasks=5, max_running=1)
    bench.backend.cancel(job_id, [2, 4, 5])
    wait_until(lambda: len(bench.account(job_id, 2, 4, 5)) == 3)
    record = bench.account(job_id, 4)[0]
    assert (record.failed, record.exit_status, record.started_at) == (0, None, None)
    assert record.deleted_by
    job = bench.job(job_id)
    assert [job.state_of(task) for task in (1, 2, 3)] == ["running", None, "queued"]


def test_cancel_of_one_running_task_leaves_the_others(bench: Bench):
    """The freed process goes to the next pending array task."""
    job_id = bench.submit(FOREVER, n_tasks=3, max_running=2)
    bench.wait_for_state(job_id, 2, TaskState.RUNNING)
    bench.backend.cancel(job_id, [1, 99])
    bench.wait_for_state(job_id, 3, TaskState.RUNNING)
    assert bench.job(job_id).state_of(2) is TaskState.RUNNING
    assert bench.account(job_id, 1)[0].exit_status == 137


def test_cancelled_task_is_deleting_until_it_has_ended(bench: Bench):
    """What is asked of the supervisor shows at once."""
    job_id = bench.submit(FOREVER)
    os.kill(supervisor_of(job_id), signal.SIGSTOP)
    bench.backend.cancel(job_id)
    assert bench.job(job_id).state_of(1) is TaskState.DELETING
    os.kill(supervisor_of(job_id), signal.SIGCONT)
    bench.wait(job_id)


def test_cancel_of_a_gone_job_is_fine(bench: Bench):
    """Ended and unknown jobs can be cancelled, which changes no record."""
    job_id = bench.run("exit 4")
    bench.backend.cancel(job_id)
    bench.backend.cancel("1-1-0")
    assert bench.account(job_id)[0].deleted_by is None


def test_task_that_ended_by_itself_was_not_deleted(bench: Bench):
    """A cancellation that comes too late does not take the blame."""
    job_id = bench.submit("kill -STOP $PPID; exit 5")
    wait_until(lambda: is_stopped(supervisor_of(job_id)))
    bench.backend.cancel(job_id)
    wait_until(lambda: len(children_of(supervisor_of(job_id))) == 1)
    os.kill(supervisor_of(job_id), signal.SIGCONT)
    bench.wait(job_id)
    (record,) = bench.account(job_id)
    assert (record.exit_status, record.deleted_by) == (5, None)


def is_stopped(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == "T"


def test_cancel_from_another_host_needs_no_signal(bench: Bench):
    """A supervisor reads its file whenever it wakes."""
    first = bench.submit(FOREVER)
    second = bench.submit(FOREVER, n_tasks=2, holds=(Hold(first),))
    with open(bench.folder / "gt2.local", "ab") as file:
        file.write(join_line("cancel", "anna", 1, 2))
    bench.wait(second)
    assert [r.deleted_by for r in bench.account(second, 1, 2)] == ["anna", "anna"]


def test_cancel_works_on_a_full_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """A job can be ended when nothing can be written."""
    job_id = bench.submit(FOREVER)
    (bench.folder / "gt1.local").chmod(0o400)
    monkeypatch.setattr("builtins.open", refuse_to_append)
    bench.backend.cancel(job_id)
    bench.wait(job_id)


def refuse_to_append(file, mode="r", *args, _open=open, **kwargs):
    if mode.startswith("a"):
        raise OSError(28, "No space left on device")
    return _open(file, mode, *args, **kwargs)


# What ends badly


def test_state_that_could_not_be_written_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A full disk delays what the state file tells, and tears no line for good."""
    supervisor, path, fd = make_supervisor(tmp_path, monkeypatch)
    job = Job(str(path))
    room = iter([0, 12])

    def write(fd: int, data: bytes, _write=os.write) -> int:
        n_bytes = next(room, None)
        if n_bytes == 0:
            raise OSError(28, "No space left on device")
        return _write(fd, data[:n_bytes])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        supervisor._write(join_line("start", 1, 1.5))
        supervisor._write(join_line("start", 2, 2.5))
        with open(path, "ab") as file:
            file.write(b"\n" + join_line("cancel", "anna", 2, 2))
        supervisor._write(join_line("fault", "out of luck"))
    os.close(fd)
    job.refresh()
    assert job.started == {1: 1.5, 2: 2.5}
    assert job.cancelled == {2: "anna"}
    assert job.fault == "out of luck"


def test_supervisor_touches_its_file_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Other hosts see that it lives, though nothing happens."""
    supervisor, path, fd = make_supervisor(tmp_path, monkeypatch)
    os.utime(path, (1, 1))
    supervisor._beat()
    assert path.stat().st_mtime == 1
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + BEAT)
    assert supervisor._wait_seconds() == 0.0
    supervisor._beat()
    assert path.stat().st_mtime > 1
    assert supervisor._next_beat == now + 2 * BEAT
    os.close(fd)


def make_supervisor(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Supervisor, Path, int]:
    """Return a supervisor in this process, its state file, and the file open."""
    path, _ = write_job(folder, pid=1, start=1, machine="0" * 16, host="elsewhere")
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    monkeypatch.setattr(Supervisor, "_start_guardian", lambda self: 0)
    return Supervisor(Job(str(path)), fd), path, fd


def test_killed_supervisor_takes_its_tasks_along(bench: Bench):
    """No process of a job outlives it, and its tasks are known to be lost."""
    job_id = bench.submit("sleep 1000 & echo $! > child; wait", n_tasks=2)
    child = read_pid(bench.folder / "child")
    workers = children_of(supervisor_of(job_id))
    os.kill(supervisor_of(job_id), signal.SIGKILL)
    bench.wait(job_id)
    wait_until(lambda: not any(map(start_time, [child, *workers])))
    first, second = bench.account(job_id, 1, 2)
    assert (first.failed, first.exit_status) == (19, None)
    assert "it was killed" in second.failed_text


def test_guardian_that_is_killed_is_replaced(bench: Bench):
    """The supervisor does without a guardian for a moment only."""
    job_id = bench.submit(FOREVER)
    pid = supervisor_of(job_id)
    bench.wait_for_state(job_id, 1, TaskState.RUNNING)
    kill_guardian(job_id)
    processes = children_of(pid)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(start_time, processes)))


def kill_guardian(job_id: str) -> None:
    """Kill the guardian of a job, and wait for the next."""
    pid = supervisor_of(job_id)

    def command(process: int) -> bytes:
        return Path(f"/proc/{process}/cmdline").read_bytes()

    def guardians() -> list[int]:
        return [each for each in children_of(pid) if command(each) == command(pid)]

    (guardian,) = guardians()
    os.kill(guardian, signal.SIGKILL)
    wait_until(lambda: guardians() and guardians() != [guardian])


def test_terminated_supervisor_says_so(bench: Bench):
    """A shutdown's SIGTERM ends the job in order and is named."""
    job_id = bench.submit(FOREVER, n_tasks=2, max_running=1)
    bench.wait_for_state(job_id, 1, TaskState.RUNNING)
    os.kill(supervisor_of(job_id), signal.SIGTERM)
    bench.wait(job_id)
    running, pending = bench.account(job_id, 1, 2)
    assert (running.failed, running.exit_status) == (100, 137)
    assert pending.failed == 19
    assert "SIGTERM" in pending.failed_text


def test_what_a_task_leaves_behind_ends_with_it(bench: Bench):
    """A task's background processes do not hold the machine."""
    bench.run("sleep 1000 & echo $! > child")
    child = read_pid(bench.folder / "child")
    wait_until(lambda: start_time(child) is None)


# State files of others


def write_job(
    folder: Path, *, pid: int, start: int, machine: str, host: str
) -> tuple[Path, str]:
    """Write the state file of a job with two array tasks, one of them started."""
    path = folder / "gt1.local"
    path.write_bytes(
        join_line("gridtask-local", 1)
        + join_line("name", "gt1")
        + join_line("tasks", 1, 2)
        + join_line("submitted", time.time())
        + join_line("up", pid, start, machine, host)
        + join_line("start", 1, time.time())
    )
    return path, f"{pid}-{start}-{machine}"


def test_reused_pid_is_not_the_supervisor(bench: Bench):
    """A live process with the same number but another start is somebody else."""
    own = os.getpid()
    host = os.uname().nodename
    _, job_id = write_job(
        bench.folder, pid=own, start=start_time(own) - 1, machine=machine(), host=host
    )
    bench.backend.cancel(job_id)
    assert bench.backend.poll() == {}
    assert [r.failed for r in bench.account(job_id, 1, 2)] == [19, 19]


def test_job_from_before_a_restart_of_this_host_is_gone(bench: Bench):
    """The boot id tells, however young the file and whatever runs under the pid."""
    own = os.getpid()
    host = os.uname().nodename
    other = f"{'0' * 8}{machine()[8:]}"
    write_job(bench.folder, pid=own, start=start_time(own), machine=other, host=host)
    assert bench.backend.poll() == {}


def test_job_of_another_host_lives_while_its_file_is_touched(bench: Bench):
    """Where the process table is out of sight, silence decides."""
    path, job_id = write_job(
        bench.folder, pid=1, start=1, machine="0" * 16, host="elsewhere"
    )
    job = bench.job(job_id)
    assert [job.state_of(task) for task in (1, 2)] == ["running", "queued"]
    old = time.time() - jobfile.SILENCE - 1
    os.utime(path, (old, old))
    assert bench.backend.poll() == {}


def test_unfinished_and_torn_state_files_do_no_harm(bench: Bench):
    """A file without a supervisor is no job, and lines out of shape are skipped."""
    (bench.folder / "gt8.local").write_bytes(b"")
    (bench.folder / "gt9.local").write_bytes(join_line("name", "gt9"))
    job_id = bench.submit(FOREVER)
    with open(bench.folder / "gt1.local", "ab") as file:
        file.write(b"end\t1\t12\nend\tx\nfuture\tword\n\n\\\nstart\t1")
    assert list(bench.backend.poll()) == [job_id]
    assert bench.account(job_id) == []
