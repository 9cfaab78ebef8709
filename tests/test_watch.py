"""When an array task is given up, by an injected clock and a scheduler of words."""

from __future__ import annotations

import errno
import time
from collections.abc import Collection, Mapping
from types import SimpleNamespace

import pytest
from published import JOB_ID, KEYS, RUN_ID, make_plan, publish_submitted

from gridtask import fs, raised
from gridtask.backends.base import Accounting, JobState, Limits, TaskGroup, TaskState
from gridtask.claims.claim import Claim, open_claim
from gridtask.claims.jobs import LIMIT_POLL_SECONDS
from gridtask.driver.execution import Execution
from gridtask.driver.ledger import OpenTask
from gridtask.driver.pace import HERE, Ladder, cluster_pace
from gridtask.driver.watch import JobWatch
from gridtask.errors import (
    Deleted,
    JobErrorState,
    Killed,
    NodeLost,
    ResultUnreadable,
    SchedulerUnavailable,
    SubmitError,
)
from gridtask.plan import JobRange, Place
from gridtask.store import values
from gridtask.store.store import Store
from gridtask.worker import logs

PACE = cluster_pace(fs_latency=60.0)
CODE = bytes(8)


class Clock:
    """Seconds that pass only when told so."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class FakeBackend:
    """A scheduler that says what it is told to say.

    Attributes
    ----------
    tasks : dict of int to TaskState
        The array tasks of job 17 that it knows.
    job_name : str
        The name of job 17.
    records : list of Accounting
    is_down : bool
        True if it gives no answer to anything.
    deleted : list
        What it was asked to delete.
    """

    name = "fake"

    def __init__(self):
        self.tasks: dict[int, TaskState] = {}
        self.job_name = f"gt_{RUN_ID}_1_simulate"
        self.records: list[Accounting] = []
        self.is_down = False
        self.deleted: list[tuple[str, list[int] | None]] = []
        self.forgotten: list[str] = []
        self.n_account = 0
        self.accounting_seconds: float | None = None
        self.clock, self.silent_until = time.monotonic, 0.0

    def poll(self) -> Mapping[str, JobState]:
        self._answer()
        groups = tuple(
            TaskGroup(state, (range(task, task + 1),))
            for task, state in self.tasks.items()
        )
        return {JOB_ID: JobState(JOB_ID, self.job_name, groups)} if groups else {}

    def account(self, tasks: Mapping[str, Collection[int]]) -> list[Accounting]:
        self._answer()
        self.n_account += 1
        return [r for r in self.records if r.task in tasks.get(r.job_id, ())]

    def error_reason(self, job_id: str, task: int) -> str | None:
        return f"task {task}: can't chdir"

    def cancel(self, job_id: str, tasks: Collection[int] | None = None) -> None:
        self._answer()
        self.deleted.append((job_id, None if tasks is None else sorted(tasks)))

    def forget(self, job_id: str) -> None:
        self.forgotten.append(job_id)

    def heard(self, tasks):
        return {(r.job_id, r.task) for r in self.records if r.job_id in tasks}

    def limits(self):
        return Limits(1000, accounting_seconds=self.accounting_seconds)

    def _answer(self) -> None:
        if self.is_down or self.clock() < self.silent_until:
            msg = "qstat gave no answer"
            raise SchedulerUnavailable(msg)


@pytest.fixture(autouse=True)
def asked_each_time(monkeypatch):
    """The clock stands still here: no answer is young enough to be shared."""
    monkeypatch.setattr("gridtask.driver.watch.SHARED_SECONDS", -1.0)


@pytest.fixture
def clock():
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def backend():
    """A scheduler that runs both array tasks of job 17."""
    backend = FakeBackend()
    backend.tasks = {1: TaskState.RUNNING, 2: TaskState.QUEUED}
    return backend


@pytest.fixture
def store(tmp_path):
    """An empty cache."""
    return Store.open(tmp_path / "cache")


@pytest.fixture
def claim(store):
    """A published run of four calls in two array tasks, submitted as job 17."""
    plan = make_plan(created_at=time.time() + 60, memory="1G")
    return publish_submitted(store.runs, plan)


@pytest.fixture
def watch(backend, claim, clock):
    """Both array tasks, followed."""
    watch = JobWatch(backend, {RUN_ID: claim}, {}, PACE, clock)
    for task, indices in ((1, (0, 1, 2)), (2, (3,))):
        place = Place(RUN_ID, task)
        watch.tasks[place] = OpenTask(place, dict.fromkeys(indices))
    return watch


def record(task=1, **fields) -> Accounting:
    """Return an accounting record of job 17."""
    return Accounting(JOB_ID, task, **fields)


def lost_numbers(watch) -> list[int]:
    """Return the numbers of the array tasks that are given up."""
    return sorted(task.place.task for task in watch.lost())


# ------------------------------------------------------------------- the watch


def test_what_the_scheduler_knows_is_followed(watch, backend):
    """States are taken over; `poll` tells whether any changed."""
    assert watch.poll()
    assert not watch.poll()
    states = [task.state for task in watch.tasks.values()]
    assert states == [TaskState.RUNNING, TaskState.QUEUED]
    assert watch.lost() == []


@pytest.mark.parametrize("state", [s for s in TaskState if s is not TaskState.ERROR])
def test_an_array_task_with_any_state_is_alive(watch, backend, clock, state):
    """However long it stays in it, letters that nobody knows included."""
    backend.tasks = {1: state, 2: state}
    for _ in range(10):
        watch.poll()
        clock.now += 1000
    assert watch.lost() == []
    assert watch.errored() == []


def test_without_evidence_a_task_is_lost_late(watch, backend, clock):
    """Gone in two answers 15 s apart, and 60 s more for results to be seen."""
    backend.tasks = {}
    lost_at = []
    for _ in range(100):
        watch.poll()
        if watch.lost():
            lost_at.append(clock.now - 1000)
        clock.now += 1
    assert lost_at[0] == PACE.gone + PACE.unseen


def seconds_until_lost(watch, clock):
    """Return after how many seconds each array task is given up."""
    lost_at = {}
    begun = clock.now
    for _ in range(100):
        watch.poll()
        for number in lost_numbers(watch):
            lost_at.setdefault(number, clock.now - begun)
        clock.now += 1
    return lost_at


def test_what_was_deleted_while_it_waited_is_given_up_sooner(watch, backend, clock):
    """Once accounting would tell of it if it had run; what ran is waited for."""
    backend.accounting_seconds = 15.0
    watch.poll()
    backend.tasks = {}
    lost_at = seconds_until_lost(watch, clock)
    assert lost_at[1] == PACE.gone + PACE.unseen
    assert 15 + PACE.settle <= lost_at[2] <= 25


def test_a_log_says_that_an_array_task_has_run(watch, backend, clock, store):
    """Nobody saw it at work, and no record is there yet."""
    backend.accounting_seconds = 0.0
    (store.runs / f"{RUN_ID}.t2.log").write_text("begun\n")
    backend.tasks = {}
    lost_at = seconds_until_lost(watch, clock)
    assert lost_at[2] == PACE.gone + PACE.unseen
    assert lost_at[1] == PACE.gone


def test_accounting_that_does_not_answer_tells_nothing(watch, backend, clock):
    """Then the absence of a record is none of the end."""
    backend.accounting_seconds = 0.0
    backend.account = refuse
    backend.tasks = {}
    assert set(seconds_until_lost(watch, clock).values()) == {75.0}


def refuse(tasks):
    msg = "qacct gave no answer"
    raise SchedulerUnavailable(msg)


def test_word_of_an_end_is_heard_once(watch, backend, clock):
    """Of what runs and has open calls; each end is worth one question."""
    watch.poll()
    assert not watch.has_heard()
    backend.records = [record(1, failed=100)]
    clock.now += 1000
    assert watch.has_heard()
    clock.now += 1000
    assert not watch.has_heard()


def test_one_answer_is_not_enough(watch, backend, clock):
    """A single listing without the job may be a mistake."""
    backend.tasks = {}
    watch.poll()
    clock.now += 1000
    assert watch.lost() == []
    watch.poll()
    assert lost_numbers(watch) == [1, 2]


def test_a_task_that_comes_back_is_alive(watch, backend, clock):
    """Being gone counts anew after a restart of the scheduler."""
    backend.tasks = {}
    watch.poll()
    clock.now += 60
    backend.tasks = {1: TaskState.RUNNING, 2: TaskState.RUNNING}
    watch.poll()
    backend.tasks = {}
    clock.now += 60
    watch.poll()
    watch.poll()
    assert watch.lost() == []


def test_no_answer_is_never_a_death(watch, backend, clock):
    """Nothing is decided while the scheduler is silent; it is said once."""
    backend.tasks = {}
    watch.poll()
    watch.poll()
    backend.is_down = True
    for _ in range(10):
        clock.now += 1000
        assert not watch.poll()
        assert watch.lost() == []
    assert watch.is_unknown
    assert watch.warnings == [
        "qstat gave no answer; waiting, nothing is submitted again"
    ]
    backend.is_down = False
    watch.poll()
    assert watch.warnings[1:] == ["the scheduler answers again"]
    assert lost_numbers(watch) == [1, 2]


def test_evidence_shortens_the_wait(watch, backend, clock):
    """A record of a violent end, and 5 s later its results are missed."""
    backend.tasks = {2: TaskState.RUNNING}
    backend.records = [record(failed=100, exit_status=137)]
    watch.poll()
    assert watch.lost() == []
    clock.now += PACE.settle
    (lost,) = watch.lost()
    assert (lost.place.task, lost.ended.exit_status) == (1, 137)


def test_a_normal_end_gives_results_time_to_be_seen(watch, backend, clock):
    """A worker that ended well has written its results: they are on their way."""
    backend.tasks = {2: TaskState.RUNNING}
    backend.records = [record(exit_status=0)]
    watch.poll()
    watch.lost()
    clock.now += PACE.unseen - 1
    assert watch.lost() == []
    clock.now += 1
    assert lost_numbers(watch) == [1]


def test_accounting_may_come_late(watch, backend, clock):
    """Asked again and again, ever more seldom, until there is a record."""
    backend.tasks = {2: TaskState.RUNNING}
    watch.poll()
    for _ in range(14):
        assert watch.lost() == []
        clock.now += 1
    assert 2 <= backend.n_account < 10
    backend.records = [record(failed=37, exit_status=137)]
    for _ in range(10):
        watch.lost()
        clock.now += 1
    assert watch.lost()[0].ended.failed == 37


def test_a_later_death_is_asked_for_at_once(watch, backend, clock):
    """Though the questions for the first one have become seldom."""
    backend.tasks = {2: TaskState.RUNNING}
    watch.poll()
    for _ in range(70):
        watch.lost()
        clock.now += 1
    backend.tasks = {}
    backend.records = [record(2, failed=100, exit_status=137)]
    watch.poll()
    watch.lost()
    assert watch.tasks[Place(RUN_ID, 2)].ended is not None


def test_a_rescheduled_attempt_is_no_end(watch, backend, clock):
    """Another attempt follows; the record of the last one counts."""
    again = record(failed=25, exit_status=99, rescheduled=True)
    backend.records = [again]
    backend.tasks = {2: TaskState.RUNNING}
    watch.poll()
    watch.lost()
    clock.now += 10
    assert watch.lost() == []
    backend.records = [again, record(failed=100, exit_status=139)]
    clock.now += 10
    watch.lost()
    clock.now += PACE.settle
    assert watch.lost()[0].ended.exit_status == 139


def test_a_scheduler_that_fails_in_accounting_gives_no_evidence(watch, backend, clock):
    """Its answer that the job is gone still counts, later."""
    backend.tasks = {}
    watch.poll()
    backend.is_down = True
    clock.now += PACE.settle
    assert watch.lost() == []


def test_another_job_with_the_same_number_is_not_ours(watch, backend, clock):
    """The name tells: ours is gone."""
    backend.job_name = "gt_other_1_simulate"
    watch.poll()
    assert [task.state for task in watch.tasks.values()] == [None, None]


def test_a_run_about_to_be_submitted_is_waited_for(store, claim, backend, clock):
    """Its driver lives and has not written down a job: then it has, and it is gone."""
    fs.remove(store.runs / f"{RUN_ID}.1.job")
    early = open_claim(store.runs, RUN_ID)
    place = Place(RUN_ID, 1)
    watch = JobWatch(backend, {RUN_ID: early}, {}, PACE, clock)
    watch.tasks[place] = OpenTask(place, {0: None})
    backend.tasks = {}
    watch.poll()
    assert watch.tasks[place].state is TaskState.QUEUED
    claim.add_job(1, JobRange(1, 2), JOB_ID)
    watch.poll()
    assert watch.tasks[place].state is None
    assert watch.job_of(place).job_id == JOB_ID


def test_array_tasks_are_deleted_by_job(watch, backend):
    """One command however many array tasks."""
    assert watch.cancel(*watch.tasks.values())
    assert backend.deleted == [(JOB_ID, [1, 2])]


@pytest.mark.parametrize(
    "error", [SchedulerUnavailable("no answer"), OSError(errno.ENOSPC, "full")]
)
def test_a_deletion_that_fails_is_told(watch, backend, error):
    """It must not end the waiting for all other calls."""

    def refuse(job_id, tasks):
        raise error

    backend.cancel = refuse
    assert not watch.cancel(*watch.tasks.values())
    assert watch.warnings == [f"job {JOB_ID} could not be deleted: {error}"]


def test_a_log_is_found_if_there_is_one(watch, store):
    """By the name that the worker's output has."""
    place = Place(RUN_ID, 2)
    assert watch.log_of(place) is None
    fs.write_new(store.runs / f"{RUN_ID}.t2.log", b"printed")
    assert watch.log_of(place) == store.runs / f"{RUN_ID}.t2.log"
    assert watch.log_of(Place("unknown", 1)) is None


# ------------------------------------------------------------------- the ladder


def test_a_ladder_backs_off_and_starts_again():
    """From the least delay to the most while nothing changes."""
    ladder = Ladder(2.0, 5.0)
    delays = []
    for changed in (True, False, False, False, True):
        ladder.done(0.0, changed=changed)
        delays.append(ladder.seconds_left(0.0))
    assert delays == [2.0, 3.0, 4.5, 5.0, 2.0]
    ladder.done(0.0, changed=False, cost=10.0)
    assert ladder.seconds_left(0.0) == 80.0
    ladder.reset()
    assert ladder.is_due(0.0)


def test_a_ladder_can_be_hastened():
    """But not below its least delay."""
    ladder = Ladder(2.0, 60.0)
    for now in (0.0, 100.0, 200.0):
        ladder.done(now, changed=False)
    assert ladder.seconds_left(201.0) > 2
    ladder.hasten()
    assert ladder.seconds_left(201.0) == 1.0


# ------------------------------------------------------------------- the driver


@pytest.fixture
def execution(store, claim, backend, clock):
    """The run's execution, on an empty folder."""
    folder = store.folder("simulate")
    claims = {RUN_ID: claim}
    return Execution(folder, claim.plan, backend, PACE, claims, own=claim, clock=clock)


@pytest.fixture
def write(store):
    """Write records as the worker of an array task does."""
    folder = store.folder("simulate")

    def write(indices, *, error=None, run=RUN_ID):
        writer = folder.writer(f"{run}.1", meta={})
        meta = {"run": run, "job": f"{JOB_ID}.1", "host": "node7"}
        for index in indices:
            if error is None:
                writer.put(KEYS[index], CODE, values.encode(index * 10), meta=meta)
            else:
                described = raised.describe_exception(error)
                writer.fail(KEYS[index], CODE, values.encode(described), meta=meta)
        writer.close()

    return write


def pass_time(execution, clock, seconds):
    """Let the driver work for a while."""
    end = clock.now + seconds
    while clock.now < end and not execution.is_final:
        clock.now += max(execution.step(), 0.1)


def test_results_are_collected_as_they_come(execution, write, clock):
    """Counts follow; values are in the order asked for."""
    execution.step()
    assert str(execution.counts()).startswith("4 calls: 0 cached / 0 finished / 1 run")
    write([0, 1])
    pass_time(execution, clock, 10)
    assert [execution.state_of(i) for i in range(4)] == [
        "finished",
        "finished",
        "running",
        "queued",
    ]
    write([2, 3])
    pass_time(execution, clock, 10)
    assert execution.is_final
    assert execution.values([3, 0]) == [30, 0]


def test_the_end_of_a_run_is_written_down(execution, write, claim, backend):
    """The claim has ended, and nobody needs the job's state any more."""
    write(range(4))
    execution.step(now=True)
    assert fs.size(claim.runs / f"{RUN_ID}.done")
    assert backend.forgotten == [JOB_ID]


def test_a_result_wins_over_evidence_of_death(execution, backend, write, clock):
    """The worker was killed after it had written the first two results."""
    execution.step()
    backend.tasks = {2: TaskState.RUNNING}
    backend.records = [record(failed=100, exit_status=137, wall_seconds=9.0)]
    pass_time(execution, clock, 3)
    clock.now += 100
    write([0, 1])
    execution.step(now=True)
    assert [execution.state_of(i) for i in (0, 1, 3)] == [
        "finished",
        "finished",
        "running",
    ]
    pass_time(execution, clock, 100)
    assert type(execution.failures[2]) is Killed
    assert list(execution.failures) == [2]


def test_a_result_wins_over_a_recorded_failure(execution, write):
    """Two incarnations ran: one failed, one did not."""
    write([0], error=ValueError("bad"))
    write([0])
    execution.step(now=True)
    assert execution.state_of(0) == "finished"


def test_a_recorded_failure_is_the_tasks_own_exception(execution, write):
    """With a note that leads to array task, host and call."""
    write([1], error=ValueError("bad seed"))
    execution.step(now=True)
    error = execution.failures[1]
    assert type(error) is ValueError
    assert f"array task {JOB_ID}.1 on node7" in error.__notes__[-1]


def test_failures_of_other_runs_are_not_ours(execution, write):
    """An old failure of the same call says nothing of this attempt."""
    write([1], error=ValueError("yesterday"), run="yesterda")
    execution.step(now=True)
    assert execution.state_of(1) == "queued"
    assert not execution.failures


def test_an_array_task_in_error_state_fails_with_its_reason(execution, backend):
    """And is deleted: cleared, it would start behind the user's back."""
    backend.tasks = {1: TaskState.RUNNING, 2: TaskState.ERROR}
    execution.step()
    error = execution.failures[3]
    assert type(error) is JobErrorState
    assert "task 2: can't chdir" in str(error)
    assert backend.deleted == [(JOB_ID, [2])]


def test_an_error_state_that_cannot_be_deleted_does_not_stop_the_rest(
    execution, backend
):
    """The scheduler went silent between two commands."""

    def refuse(job_id, tasks):
        msg = "qdel gave no answer"
        raise SchedulerUnavailable(msg)

    backend.cancel = refuse
    backend.tasks = {1: TaskState.RUNNING, 2: TaskState.ERROR}
    execution.step()
    assert list(execution.failures) == [3]
    assert "could not be deleted" in execution.warnings[-1]


def test_a_task_that_never_ran_was_deleted(execution, backend, clock):
    """Without a record and never seen at work: no node was lost with it."""
    backend.tasks = {}
    pass_time(execution, clock, 200)
    assert {type(error) for error in execution.failures.values()} == {Deleted}


def test_a_kill_after_a_deletion_was_seen_is_a_deletion(execution, backend, clock):
    """Accounting alone cannot tell qdel from another SIGKILL."""
    backend.tasks = {1: TaskState.DELETING, 2: TaskState.RUNNING}
    execution.step(now=True)
    backend.tasks = {}
    backend.records = [record(n, failed=100, exit_status=137) for n in (1, 2)]
    pass_time(execution, clock, 200)
    kinds = [type(error) for _, error in sorted(execution.failures.items())]
    assert kinds == [Deleted] * 3 + [Killed]


def test_a_kill_as_others_vanish_is_a_deletion_of_the_job(execution, backend, clock):
    """Nothing of it is submitted again, though no poll has seen it being deleted."""
    execution.step(now=True)
    backend.accounting_seconds = 15.0
    backend.tasks = {}
    backend.records = [record(1, failed=100, exit_status=137)]
    pass_time(execution, clock, 200)
    kinds = {index: type(error) for index, error in execution.failures.items()}
    assert kinds == dict.fromkeys(range(4), Deleted)
    assert "deleted by qdel" in str(execution.failures[0])


def test_a_kill_as_others_end_is_no_deletion(execution, backend, clock):
    """They were killed for want of memory, for instance, one after the other."""
    execution.step(now=True)
    backend.accounting_seconds = 15.0
    backend.tasks = {}
    backend.records = [record(n, failed=100, exit_status=137) for n in (1, 2)]
    pass_time(execution, clock, 200)
    assert {type(error) for error in execution.failures.values()} == {Killed}


def test_a_kill_waits_until_it_is_clear_what_became_of_others(
    execution, backend, clock
):
    """They vanished with it, but the record of their end comes later than its own."""
    execution.step(now=True)
    backend.accounting_seconds = 15.0
    backend.tasks = {}
    ends = [record(n, failed=100, exit_status=137) for n in (1, 2)]
    backend.records = ends[:1]
    pass_time(execution, clock, 12)
    assert not execution.failures
    backend.records = ends
    pass_time(execution, clock, 200)
    assert {type(error) for error in execution.failures.values()} == {Killed}


def test_a_kill_while_others_wait_is_no_deletion(execution, backend, clock):
    """They vanish only later."""
    execution.step(now=True)
    backend.accounting_seconds = 15.0
    backend.tasks = {2: TaskState.QUEUED}
    backend.records = [record(1, failed=100, exit_status=137)]
    pass_time(execution, clock, 30)
    backend.tasks = {}
    pass_time(execution, clock, 200)
    assert {type(execution.failures[0]), type(execution.failures[3])} == {
        Killed,
        Deleted,
    }


def test_a_task_that_vanished_is_lost_with_its_node(execution, backend, clock):
    """No record of its end ever comes."""
    backend.tasks = {1: TaskState.RUNNING, 2: TaskState.RUNNING}
    execution.step(now=True)
    backend.tasks = {}
    pass_time(execution, clock, 200)
    assert {type(error) for error in execution.failures.values()} == {NodeLost}


def test_a_normal_end_without_results_is_told_as_such(execution, backend, clock):
    """After the file system's latency."""
    backend.tasks = {}
    backend.records = [record(1, exit_status=0), record(2, exit_status=0)]
    pass_time(execution, clock, 200)
    assert {type(error) for error in execution.failures.values()} == {ResultUnreadable}


def test_a_silent_scheduler_does_not_hide_results(execution, backend, write, clock):
    """The store is the truth; the scheduler only tells of the dead."""
    backend.is_down = True
    execution.step()
    write(range(4))
    pass_time(execution, clock, 20)
    assert execution.is_final
    assert not execution.failures


def test_a_full_disk_at_the_end_does_not_lose_the_run(execution, write, monkeypatch):
    """That the run's end is not written down is told, and nothing more."""
    write(range(4))

    def refuse(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fs, "write_new", refuse)
    execution.step(now=True)
    assert execution.is_final
    assert "No space left" in execution.warnings[-1]


def test_on_one_machine_nothing_is_waited_for(store, claim, backend, clock, write):
    """What a process wrote is there as soon as it has ended."""
    folder = store.folder("simulate")
    run = Execution(folder, claim.plan, backend, HERE, {RUN_ID: claim}, clock=clock)
    backend.tasks = {}
    backend.records = [record(1, exit_status=1), record(2, exit_status=0)]
    write([3])
    run.step(now=True)
    assert sorted(run.failures) == [0, 1, 2]
    assert run.state_of(3) == "finished"


def test_cancel_keeps_what_is_there_and_fails_the_rest(execution, backend, write):
    """Results that arrived meanwhile stay."""
    write([0])
    execution.cancel()
    assert backend.deleted == [(JOB_ID, [1, 2])]
    assert sorted(execution.failures) == [1, 2, 3]
    assert "cancelled" in str(execution.failures[3])


def test_a_log_that_goes_while_it_is_looked_at_stops_nothing(
    execution, store, monkeypatch
):
    """The worker of an array task has ended well while it is cancelled."""
    log = store.runs / f"{RUN_ID}.t2.log"
    log.touch(mode=0o600)
    end_of_calls = logs.end_of_calls

    def end_late(*args):
        log.unlink(missing_ok=True)
        return end_of_calls(*args)

    monkeypatch.setattr(logs, "end_of_calls", end_late)
    execution.cancel()
    assert sorted(execution.failures) == [0, 1, 2, 3]


def test_a_call_is_cancelled_only_if_that_ends_no_other(execution, backend):
    """Call 3 has an array task of its own, call 0 shares one."""
    assert not execution.cancel_call(0)
    assert execution.cancel_call(3)
    assert backend.deleted == [(JOB_ID, [2])]


def test_a_damaged_error_record_does_not_stop_the_run(execution, write, store, clock):
    """Its call fails, or goes on: the others are collected."""
    write([1], error=ValueError("x" * 100))
    (path,) = store.folder("simulate").path.iterdir()
    data = bytearray(path.read_bytes())
    at = data.index(b"x" * 100)
    data[at] ^= 1
    path.write_bytes(data)
    write([0, 2, 3])
    execution.step(now=True)
    assert [execution.state_of(i) for i in (0, 2, 3)] == ["finished"] * 3


class FakeResubmitter:
    """Notes what is submitted again, or refuses it."""

    def __init__(self, problem=None):
        self.problem = problem
        self.submitted = []

    def submit(self, plan, keys, more, inputs=(), *, is_asked=False):
        self.submitted.append(keys)
        raise self.problem or SchedulerUnavailable("refused")

    def submitted_elsewhere(self, plan, keys):
        return []

    def mean_seconds(self):
        return 0.01

    def recut(self, plan, take_back):
        self.submitted.append(take_back())


@pytest.fixture
def resubmitter():
    """It refuses everything, as if the disk were full."""
    return FakeResubmitter(OSError(errno.ENOSPC, "No space left on device"))


@pytest.fixture
def retrying(store, claim, backend, clock, resubmitter):
    """An execution that may submit calls again."""
    claims = {RUN_ID: claim}
    folder = store.folder("simulate")
    arguments = (folder, claim.plan, backend, PACE, claims, resubmitter)
    return Execution(*arguments, own=claim, clock=clock)


def test_calls_that_cannot_be_submitted_again_fail_by_what_they_had(
    retrying, backend, clock
):
    """A full disk is told in a note, not raised from the loop."""
    backend.tasks = {1: TaskState.RUNNING, 2: TaskState.RUNNING}
    retrying.step(now=True)
    backend.tasks = {}
    pass_time(retrying, clock, 200)
    assert {type(error) for error in retrying.failures.values()} == {NodeLost}
    assert "No space left" in retrying.failures[0].__notes__[-1]


def test_what_was_lost_together_is_submitted_together(
    retrying, backend, clock, resubmitter
):
    """A node with a hundred array tasks costs one qsub, not a hundred."""
    resubmitter.problem = None
    backend.tasks = {1: TaskState.RUNNING, 2: TaskState.RUNNING}
    retrying.step(now=True)
    backend.tasks = {}
    pass_time(retrying, clock, 200)
    assert resubmitter.submitted == [KEYS]


def test_what_a_limit_on_jobs_refuses_is_tried_again_after_a_while(
    retrying, backend, clock, resubmitter
):
    """No call fails for it, and the scheduler is not asked at every look."""
    msg = "only 5000 jobs are allowed"
    resubmitter.problem = SubmitError(msg, transient=True, is_limit=True)
    backend.tasks = {1: TaskState.RUNNING, 2: TaskState.RUNNING}
    retrying.step(now=True)
    backend.tasks = {}
    pass_time(retrying, clock, 200)
    n_asked = len(resubmitter.submitted)
    assert 1 < n_asked < 200 / LIMIT_POLL_SECONDS
    assert not retrying.failures
    pass_time(retrying, clock, 2 * LIMIT_POLL_SECONDS)
    assert n_asked < len(resubmitter.submitted) <= n_asked + 2


def test_what_another_run_of_the_task_has_seen_first_counts(execution, write):
    """Two runs share a folder: the look of one must not hide news from the other."""
    execution.step()
    write([0])
    execution.folder.refresh()
    execution.step(now=True)
    assert execution.state_of(0) == "finished"


def test_calls_of_one_array_task_may_be_followed_one_after_the_other(
    store, execution, claim
):
    """It was submitted by another driver, and this one loses them bit by bit."""
    jobs = {"missing": [0, 1, 2], "chunks": [3], "jobs": [JobRange(1, 1)]}
    plan = claim.plan._replace(run_id=f"{RUN_ID}r2", parent=RUN_ID, **jobs)
    again = Claim(store.runs, plan)
    execution.follow(again, [1], is_own=False)
    execution.follow(again, [0, 2], is_own=False)
    assert list(execution._ledger.tasks[Place(f"{RUN_ID}r2", 1)].indices) == [0, 1, 2]
    assert sorted(execution.open_calls) == [0, 1, 2, 3]


def test_a_call_that_another_driver_gave_up_fails_once(
    retrying, backend, clock, write, resubmitter
):
    """By that one's record and by what this one finds itself, both at a time."""
    backend.tasks = {1: TaskState.RUNNING, 2: TaskState.RUNNING}
    retrying.step(now=True)
    look = resubmitter.submitted_elsewhere

    def look_late(plan, keys):
        write([3], error=NodeLost("lost", key=KEYS[3].hex(), what="lost"))
        return look(plan, keys)

    resubmitter.submitted_elsewhere = look_late
    backend.tasks = {1: TaskState.RUNNING}
    pass_time(retrying, clock, 200)
    assert set(retrying.failures) == {3}


def test_results_of_a_run_that_is_just_over_count(
    retrying, backend, clock, resubmitter, write, monkeypatch
):
    """Another driver has submitted lost calls again, and has written down the end."""

    def look(plan, keys):
        write([0, 1, 2, 3])
        return []

    monkeypatch.setattr(resubmitter, "submitted_elsewhere", look)
    backend.tasks = {}
    pass_time(retrying, clock, 200)
    assert [retrying.state_of(index) for index in range(4)] == ["finished"] * 4
    assert resubmitter.submitted == []


@pytest.mark.parametrize("ends", [None, {"cancelled": True}])
def test_what_another_driver_was_to_cut_anew_is_submitted_again(
    retrying, claim, backend, clock, resubmitter, ends
):
    """That one was killed when it had deleted it; unless somebody has cancelled all."""
    backend.accounting_seconds = 0.0
    backend.tasks = {1: TaskState.RUNNING, 2: TaskState.QUEUED}
    claim.note_recut([2])
    retrying.step(now=True)
    if ends:
        claim.retire(ends)
    backend.tasks = {1: TaskState.RUNNING}
    pass_time(retrying, clock, 200)
    assert resubmitter.submitted == ([] if ends else [[KEYS[3]]])


@pytest.fixture
def recutting(store, claim, backend, clock, resubmitter, write, monkeypatch):
    """An execution that takes back what waits when it looks next: call 3."""
    always = lambda *args, **options: True  # noqa: E731
    monkeypatch.setattr("gridtask.driver.adaptation.is_better_recut", always)
    sleep = lambda seconds: setattr(clock, "now", clock.now + seconds)  # noqa: E731
    waiting = SimpleNamespace(sleep=sleep)
    monkeypatch.setattr("gridtask.driver.adaptation.time", waiting)
    backend.postpone = always
    backend.clock = clock
    arguments = (claim.plan, backend, PACE, {RUN_ID: claim}, resubmitter)
    write([0])
    return Execution(store.folder("simulate"), *arguments, adapts=True, clock=clock)


@pytest.mark.parametrize(("written", "taken"), [([3], []), ([], [KEYS[3]])])
def test_what_ran_before_it_was_deleted_is_not_cut_anew(
    recutting, backend, clock, resubmitter, write, written, taken
):
    """The scheduler was silent for longer than it was to hold the job back."""

    def delete_late(job_id, tasks):
        clock.now += 70
        write(written)
        backend.tasks = {1: TaskState.RUNNING}

    backend.cancel = delete_late
    recutting.step(now=True)
    assert resubmitter.submitted == [taken]
    assert recutting.state_of(3) == ("finished" if written else "queued")


def test_what_is_deleted_is_taken_back_when_the_scheduler_answers_again(
    recutting, backend, clock, resubmitter
):
    """However long that takes: otherwise its calls would fail as deleted."""

    def delete(job_id, tasks):
        backend.tasks = {1: TaskState.RUNNING}
        backend.silent_until = clock.now + 600

    backend.cancel = delete
    recutting.step(now=True)
    assert resubmitter.submitted == [[KEYS[3]]]


def test_what_is_taken_back_in_vain_is_tried_again(recutting, backend, resubmitter):
    """The disk was full, or the scheduler refused: the calls are not forgotten."""

    def delete(job_id, tasks):
        backend.tasks = {1: TaskState.RUNNING}

    def fail(plan, take_back):
        take_back()
        raise OSError(errno.ENOSPC, "No space left on device")

    backend.cancel, resubmitter.recut = delete, fail
    resubmitter.problem = SubmitError("full", transient=True, is_limit=True)
    recutting.step(now=True)
    recutting.step(now=True)
    assert resubmitter.submitted == [[KEYS[3]]]
    assert not recutting.failures
