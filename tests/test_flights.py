"""Which calls are in flight, by run files, schedulers and results."""

from __future__ import annotations

import errno

import pytest

from gridtask.backends.base import JobState, TaskGroup, TaskState
from gridtask.caches import flights
from gridtask.caches.flights import find_flights
from gridtask.claims.claim import Claim
from gridtask.claims.runfile import RunFileWriter, RunPlan, World
from gridtask.errors import SchedulerUnavailable
from gridtask.plan import JobRange
from gridtask.store import values
from gridtask.store.store import Store

KEYS = [bytes([number]) * 16 for number in range(1, 7)]


class Scheduler:
    """A backend that says what the test wants."""

    def __init__(self):
        self.states = {}
        self.n_polls = 0

    def poll(self):
        self.n_polls += 1
        if self.states is None:
            msg = "no answer"
            raise SchedulerUnavailable(msg)
        return self.states


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    return Store.open(tmp_path / "cache")


@pytest.fixture
def scheduler(monkeypatch):
    """The scheduler of all runs."""
    scheduler = Scheduler()
    monkeypatch.setattr(flights, "open_backend", lambda name, runs: scheduler)
    return scheduler


def publish(store, run_id="abcdefgh", *, show_args=True, **process):
    """Publish a run of six calls in three array tasks, job 118."""
    plan = RunPlan(
        run_id=run_id,
        task="f",
        backend="gridengine",
        created_at=100.0,
        **{"user": "u", "host": "h", "pid": 1, "process_start": 0, "machine": "m"}
        | process,
        code=b"c" * 16,
        keys=KEYS,
        positions=range(6),
        done=[],
        flying={},
        missing=list(range(6)),
        chunks=[2, 2, 2],
        jobs=[JobRange(1, 3)],
    )
    writer = RunFileWriter(store.runs, run_id)
    packed = {n: writer.pack({"n": n}) for n in range(6)}
    world = World("/", [], {}, "f", "f", b"c" * 8, show_args)
    writer.publish(plan, packed, world, b"")
    return plan


def job(plan, *groups):
    """Return what the scheduler says of the run's job."""
    found = tuple(TaskGroup(state, (numbers,)) for state, numbers in groups)
    return {"118": JobState("118", plan.job_name(1), found)}


def states(store):
    """Return the state of each call in flight, by the first byte of its key."""
    return {flight.key[0]: flight.state for flight in find_flights(store)}


def write(store, key, *, failed=False, run="abcdefgh"):
    """Write a result or a failure."""
    writer = store.folder("f").writer(f"{run}.1")
    put = writer.fail if failed else writer.put
    put(key, b"c" * 8, values.encode(1), meta={"run": run})
    writer.close()


def test_no_runs_no_question(store, scheduler):
    """Where nothing was submitted, no scheduler is asked."""
    assert states(store) == {}
    assert scheduler.n_polls == 0


def test_one_question_for_all_runs(store, scheduler):
    """However many runs there are."""
    for run_id in ("aaaaaaaa", "bbbbbbbb", "cccccccc"):
        publish(store, run_id)
    states(store)
    assert scheduler.n_polls == 1


def test_states_of_array_tasks(store, scheduler):
    """Of an array task that runs the first call runs; one that ended has none."""
    plan = publish(store)
    scheduler.states = job(
        plan, (TaskState.RUNNING, range(1, 2)), (TaskState.HELD, range(3, 4))
    )
    assert states(store) == {1: "running", 2: "queued", 5: "held", 6: "held"}


def test_what_is_submitted_after_the_question_is_in_flight(store, scheduler):
    """The answer does not know the job: that must not count as its end."""
    publish(store, "aaaaaaaa")
    later = Claim(store.runs, publish(store, "bbbbbbbb"))

    def poll():
        later.add_job(1, later.plan.jobs[0], "118")
        return {}

    scheduler.poll = poll
    flying = find_flights(store).by_task["f"].values()
    assert {flight.place.run_id for flight in flying} == {"bbbbbbbb"}


def test_what_has_its_result_is_not_in_flight(store, scheduler):
    """Even if its array task goes on with the next call, which runs then."""
    plan = publish(store)
    scheduler.states = job(plan, (TaskState.RUNNING, range(1, 4)))
    write(store, KEYS[0])
    write(store, KEYS[2], failed=True)
    assert states(store) == {2: "running", 4: "running", 5: "running", 6: "queued"}


def test_an_earlier_failure_does_not_end_a_flight(store, scheduler):
    """The call is tried again by this run."""
    plan = publish(store)
    scheduler.states = job(plan, (TaskState.QUEUED, range(1, 2)))
    write(store, KEYS[0], failed=True, run="earlier1")
    assert states(store) == {1: "queued", 2: "queued"}


def test_no_answer_means_unknown(store, scheduler, recwarn):
    """What was submitted and has no result counts as in flight."""
    publish(store)
    write(store, KEYS[0])
    scheduler.states = None
    found = find_flights(store)
    assert not found.is_known
    assert {flight.state for flight in found} == {"unknown"}
    assert len(list(found)) == 5
    assert "no answer" in str(recwarn.pop().message)


def test_a_damaged_run_file_holds_nothing(store, scheduler, recwarn):
    """It is named, and the others count."""
    plan = publish(store)
    scheduler.states = job(plan, (TaskState.QUEUED, range(1, 2)))
    (store.runs / "bbbbbbbb.run").write_bytes(b"x" * 1000)
    (store.runs / "bbbbbbbb.run").chmod(0o600)
    assert states(store) == {1: "queued", 2: "queued"}
    assert "bbbbbbbb" in str(recwarn.pop().message)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_server_without_a_clock_leaves_it_unknown(store, scheduler, monkeypatch):
    """The age of a run file on another host cannot be had on a read-only disk."""
    publish(store, host="elsewhere", machine="other")

    def read_only(folder):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("gridtask.fs.server_now", read_only)
    assert set(states(store).values()) == {"unknown"}


def test_arguments_as_text(store, scheduler):
    """They are read from the run file, for the calls that were asked for."""
    plan = publish(store)
    scheduler.states = job(plan, (TaskState.QUEUED, range(1, 4)))
    found = find_flights(store)
    chosen = [flight for flight in found if flight.key in KEYS[1:3]]
    assert found.arguments(chosen) == {KEYS[1]: "n=1", KEYS[2]: "n=2"}


def test_arguments_that_may_not_be_shown(store, scheduler):
    """show_args=False holds for calls in flight as well."""
    plan = publish(store, show_args=False)
    scheduler.states = job(plan, (TaskState.QUEUED, range(1, 4)))
    found = find_flights(store)
    assert found.arguments(found) == {}


def test_calls_in_the_same_array_tasks(store, scheduler):
    """They end with those that are cancelled."""
    plan = publish(store)
    scheduler.states = job(plan, (TaskState.QUEUED, range(1, 4)))
    found = find_flights(store)
    chosen = [flight for flight in found if flight.key == KEYS[0]]
    assert [flight.key for flight in found.together_with(chosen)] == [KEYS[1]]
