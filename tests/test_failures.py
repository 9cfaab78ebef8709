"""From a failed call to the error that its user sees."""

from __future__ import annotations

import dataclasses
import pickle
import threading
from pathlib import Path

import pytest

import gridtask
from gridtask.backends.base import Accounting
from gridtask.driver.causes import without_own_frames
from gridtask.errors import (
    CallError,
    Deleted,
    JobErrorState,
    Killed,
    NodeLost,
    OutOfMemory,
    ResultUnreadable,
    TimeLimit,
    WorkerFailedToStart,
)
from gridtask.failures import (
    Circumstances,
    RemoteTraceback,
    diagnose,
    error_state,
    task_exception,
)
from gridtask.raised import describe_exception

WHERE = Circumstances(
    call="simulate(seed=3)",
    key="3fa91c02" * 4,
    job="118.7",
    host="node042",
    log="/cache/runs/abc.t7.log",
    task="simulate",
)
GIB = 1 << 30


# ------------------------------------------------------- exceptions of the task


class Awkward(Exception):
    """Its arguments are not those of its `__init__`."""

    def __init__(self, code, *, reason):
        super().__init__(f"code {code}: {reason}")
        self.code = code


class Repeating(Exception):
    """Made from its own message it would say it twice."""

    def __init__(self, what):
        super().__init__(f"cannot {what}")


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    """Its attributes cannot be set."""

    code: int


class Unprintable(Exception):
    """Its message cannot be made."""

    def __str__(self):
        raise RuntimeError


class WithLock(Exception):
    """It carries what cannot be pickled."""

    def __init__(self, message, lock):
        super().__init__(message, lock)
        self.lock = lock
        self.detail = [1]

    def __str__(self):
        return self.args[0]


class Unpicklable(Exception):
    """It refuses to be pickled."""

    def __reduce__(self):
        raise TypeError


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    """Return an exception with a traceback."""
    try:
        raise error from cause
    except BaseException as caught:
        return caught


def travel(error: BaseException, where=WHERE) -> BaseException:
    """Take an exception from a worker to a driver."""
    record = pickle.loads(pickle.dumps(describe_exception(raised(error))))
    return task_exception(record, where)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no", 5),
        KeyError("name"),
        FileNotFoundError(2, "No such file", "a.txt"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        StopIteration(3),
        SystemExit(3),
        ExceptionGroup("two", [ValueError("a"), KeyError("b")]),
        CallError("inner", key="k"),
        Awkward(5, reason="why"),
        Repeating("fly"),
        Frozen(7),
        WithLock("locked", threading.Lock()),
        Unpicklable("odd"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_exceptions_come_back_as_what_they_were(error):
    """Same type and message, whatever their class does."""
    back = travel(error)
    assert type(back) is type(error)
    assert str(back) == str(error)


def test_attributes_come_back():
    """Those that cannot be pickled as text."""
    back = travel(Awkward(5, reason="why"))
    assert back.code == 5
    back = travel(WithLock("locked", threading.Lock()))
    assert back.detail == [1]
    assert "lock" in back.lock
    error = travel(FileNotFoundError(2, "No such file", "a.txt"))
    assert (error.errno, error.filename) == (2, "a.txt")


def test_of_an_endless_message_people_see_both_ends():
    """The exception itself keeps all of it."""
    error = ValueError("first" + "x" * 10**6 + "last")
    record = describe_exception(error)
    for text in (record["message"], record["traceback"]):
        assert len(text) < 60_000
        assert "first" in text[:100]
        assert text.rstrip().endswith("last")
    assert str(task_exception(record, WHERE)) == str(error)


def test_a_broken_message_does_no_harm():
    """Nothing but the message is lost."""
    assert type(travel(Unprintable())) is Unprintable


def test_a_class_that_cannot_be_found_leaves_its_text():
    """Type, message and traceback are told by a CallError."""

    class Local(Exception):
        pass

    back = travel(Local("gone with its function"))
    assert type(back) is CallError
    assert "the task raised Local: gone with its function" in str(back)
    assert back.key == WHERE.key
    assert "Local: gone with its function" in str(back.__cause__)


def test_a_class_that_changed_meanwhile_leaves_its_text():
    """What goes wrong in unpickling is told with it."""
    record = describe_exception(raised(ValueError("text")))
    record["pickled"] = b"cgridtask.nowhere\nGone\n."
    back = task_exception(record, WHERE)
    assert type(back) is CallError
    assert "the task raised ValueError: text (ModuleNotFoundError" in str(back)


def test_the_cause_is_the_remote_traceback():
    """With the whole chain of causes as it was on the node."""
    error = RuntimeError("outer")
    record = describe_exception(raised(error, cause=raised(KeyError("inner"))))
    cause = task_exception(record, WHERE).__cause__
    assert isinstance(cause, RemoteTraceback)
    assert "KeyError: 'inner'" in str(cause)
    assert "direct cause" in str(cause)
    assert "in raised" in str(cause)


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("00:00:10", ["9 s of time=00:00:10", '(time="00:00:20")']),
        ("01:00:00", ["stopped after 9 s: its time", "-l s_rt=..."]),
    ],
)
def test_a_soft_limit_is_told_from_the_time_that_was_asked_for(time, said):
    """More of `time` would not help where s_rt was the limit."""
    record = describe_exception(TimeLimit("its time is over (SIGUSR1)"))
    where = dataclasses.replace(WHERE, time=time, seconds=9.0)
    told = str(task_exception(record, where))
    assert all(part in told for part in said), told


def test_the_workers_own_frames_are_left_out():
    """The traceback begins with the task's function."""
    record = describe_exception(raised(ValueError()), skip=1)
    assert "in raised" not in record["traceback"]
    assert "ValueError" in record["traceback"]


@pytest.mark.parametrize("error", [ValueError("x"), Frozen(1)])
def test_a_note_names_call_job_host_and_log(error):
    """Beside the notes that the exception had."""
    BaseException.__setattr__(error, "__notes__", ["the user's own"])
    own, ours = travel(error).__notes__
    assert own == "the user's own"
    assert ours == (
        "in simulate(seed=3) [3fa91c02], array task 118.7 on node042; "
        "log: /cache/runs/abc.t7.log"
    )


def test_out_of_memory_under_a_limit_names_the_limit():
    """Grid Engine's limit is a MemoryError in the worker, and nothing else."""
    where = dataclasses.replace(WHERE, memory="4G", peak_mb=4000, run="k3f9a2bc")
    back = travel(MemoryError("cannot allocate"), where)
    assert type(back) is OutOfMemory
    assert "it ran out of memory=4G: cannot allocate" in str(back)
    assert "(its peak before that was 3.9 GiB)" in str(back)
    retry = 'gridtask retry k3f9a2bc --memory 8G, or simulate.options(memory="8G")'
    assert f"next: {retry}" in str(back)
    assert isinstance(back.__cause__, RemoteTraceback)
    assert type(travel(MemoryError())) is MemoryError


# ------------------------------------------------------ what the scheduler says


def ended(**fields) -> Accounting:
    """Return the record of an array task."""
    return Accounting(job_id="118", task=7, **fields)


LIMIT = {"failed": 37, "failed_text": "qmaster enforced h_rt", "exit_status": 137}
CASES = {
    "no record": (None, {}, NodeLost, ["no record of its end", "run the script again"]),
    "deleted": (ended(deleted_by="ann"), {}, Deleted, ["was deleted by ann"]),
    "over memory": (
        ended(**LIMIT, max_vmem=5 * GIB, wall_seconds=9.0),
        {"memory": "4G", "time": "1:0:0"},
        OutOfMemory,
        ["5.0 GiB of memory=4G", 'simulate.options(memory="8G")'],
    ),
    "over time": (
        ended(**LIMIT, max_vmem=GIB, wall_seconds=3600.0),
        {"memory": "4G", "time": "1:0:0"},
        TimeLimit,
        ["3600 s of time=1:0:0", 'simulate.options(time="02:00:00")', "chunk="],
    ),
    "a second before the time limit": (
        ended(**LIMIT, wall_seconds=2.0),
        {"time": "3"},
        TimeLimit,
        ["after 2 s of time=3"],
    ),
    "only a memory limit, not reached": (
        ended(**LIMIT, max_vmem=GIB, wall_seconds=9.0),
        {"memory": "4G"},
        TimeLimit,
        ["was killed after 9 s\n"],
    ),
    "only a time limit, not reached": (
        ended(**LIMIT, max_vmem=GIB, wall_seconds=9.0),
        {"time": "3600"},
        OutOfMemory,
        ["after 9 s at 1.0 GiB\n"],
    ),
    "limits unknown": (
        ended(**LIMIT, max_vmem=GIB, wall_seconds=9.0),
        {},
        Killed,
        ["at a limit (qmaster enforced h_rt)", "memory=", "time="],
    ),
    "both limits not reached": (
        ended(**LIMIT, max_vmem=GIB, wall_seconds=9.0),
        {"memory": "4G", "time": "3600"},
        Killed,
        ["at a limit"],
    ),
    "killed": (
        ended(failed=100, exit_status=137, wall_seconds=9.0),
        {},
        Killed,
        ["killed by SIGKILL after 9 s", "its job was deleted"],
    ),
    "segmentation fault": (
        ended(failed=100, exit_status=139),
        {},
        Killed,
        ["killed by SIGSEGV"],
    ),
    "a signal without a name": (
        ended(exit_status=128 + 40),
        {},
        Killed,
        ["killed by signal 40"],
    ),
    "rescheduled": (
        ended(failed=25, failed_text="rescheduling", exit_status=0),
        {},
        NodeLost,
        ["was lost: rescheduling"],
    ),
    "shepherd gone": (
        ended(failed=19, failed_text="before writing exit_status", exit_status=0),
        {},
        NodeLost,
        ["was lost: before writing exit_status"],
    ),
    "supervisor gone": (
        ended(failed=19, failed_text="the supervisor of the job is gone"),
        {},
        NodeLost,
        ["was lost: the supervisor of the job is gone"],
    ),
    "store unusable": (
        ended(exit_status=75),
        {},
        WorkerFailedToStart,
        ["could not use the cache folder", "full disk: gridtask rm --older 7d"],
    ),
    "worker failed": (
        ended(exit_status=1),
        {},
        WorkerFailedToStart,
        ["ended with exit status 1"],
    ),
    "too little memory to start": (
        ended(exit_status=1),
        {"memory": "25M", "is_starved": True},
        OutOfMemory,
        ["memory=25M was too little for the worker", 'memory="50M"'],
    ),
    "exit status of no signal": (
        ended(exit_status=255),
        {},
        WorkerFailedToStart,
        ["ended with exit status 255"],
    ),
    "not started": (
        ended(failed=1, failed_text="no such interpreter"),
        {},
        WorkerFailedToStart,
        ["was not started: no such interpreter"],
    ),
    "no working directory": (
        ended(failed=28, failed_text="changing into working directory", exit_status=0),
        {},
        WorkerFailedToStart,
        ["ended with exit status 0: changing into"],
    ),
    "ended normally": (
        ended(exit_status=0),
        {},
        ResultUnreadable,
        ["ended normally, but its result is not in the cache folder"],
    ),
}


@pytest.mark.parametrize(
    ("record", "limits", "kind", "said"), CASES.values(), ids=CASES
)
def test_each_end_has_its_kind(record, limits, kind, said):
    """The class, and a message with the values and what to do next."""
    error = diagnose(record, dataclasses.replace(WHERE, **limits))
    assert type(error) is kind
    text = str(error)
    assert text.startswith("no result for simulate(seed=3) [3fa91c02]: ")
    assert "array task 118.7 on node042" in text
    assert "log: /cache/runs/abc.t7.log" in text
    for part in said:
        assert part in text
    assert (error.key, error.job_id, error.host) == (WHERE.key, "118.7", "node042")


def test_a_call_that_ends_its_process_is_not_a_failed_start():
    """The worker had come to its calls: nothing is wrong with the interpreter."""
    error = diagnose(ended(exit_status=3), WHERE, has_begun=True)
    assert type(error) is Killed
    assert error.what.endswith("was ended with exit status 3")


def test_the_end_of_the_log_is_shown_without_control_characters():
    """A program on the node cannot move the cursor here."""
    where = dataclasses.replace(WHERE, log_tail="line 1\n\x1b[2Jline 2")
    text = str(diagnose(None, where))
    assert text.endswith("the log ends with:\n    line 1\n    \\x1b[2Jline 2")


def test_the_end_of_a_log_shows_no_frames_of_the_worker():
    """Neither where in it nor its source: it says nothing of the user's code."""
    own = Path(gridtask.__file__).parent / "worker/main.py"
    log = [
        *("before", "Traceback (most recent call last):"),
        *(f'  File "{own}", line 3, in main', "    call()", "    ^^^^"),
        *('  File "/home/me/mine.py", line 7, in mine', "    fail()", "    ^^^^"),
        "ValueError: mine",
    ]
    assert without_own_frames(log) == [*log[:2], *log[5:]]


@pytest.mark.parametrize("reason", ["can't chdir to /gone", None])
def test_an_error_state_has_its_reason(reason):
    """Or says that none is known."""
    error = error_state(reason, WHERE)
    assert type(error) is JobErrorState
    assert (reason or "no reason given") in str(error)
