"""Every error: its place in the hierarchy, and that it pickles."""

from __future__ import annotations

import copy
import pickle

import pytest

import gridtask
from gridtask import errors
from gridtask.errors import CallError, GridTaskError, MapError, SubmitError

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, GridTaskError)
]
KINDS = [cls for cls in CLASSES if issubclass(cls, CallError) and cls is not CallError]


def make(cls: type[GridTaskError]) -> GridTaskError:
    """Return an error of a class with all of its attributes set."""
    if issubclass(cls, CallError):
        where = {"host": "node7", "job_id": "118.7", "log": "/a/b.log"}
        return cls("no result", key="ab" * 16, attempts=2, **where)
    if cls is SubmitError:
        how = {"exit_status": 25, "stderr": "only 2 jobs", "transient": True}
        return cls("refused", argv=["qsub", "-t"], **how)
    if cls is MapError:
        failures = {1: make(errors.OutOfMemory), 2: ValueError("x")}
        return cls("2 of 3 failed", failures, [1, gridtask.MISSING, gridtask.MISSING])
    return cls("what happened")


def described(error: BaseException) -> tuple[object, ...]:
    """Return all that there is to know of an error, to be compared."""
    attributes = {
        name: value
        if not isinstance(value, dict)
        else [*map(described, value.values())]
        for name, value in vars(error).items()
    }
    return type(error), str(error), error.args, attributes


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_every_error_pickles(cls, protocol):
    """Type, message and attributes survive a trip to another process."""
    error = make(cls)
    error.add_note("a note")
    back = pickle.loads(pickle.dumps(error, protocol))
    assert described(back) == described(error)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_can_be_copied(cls):
    """`copy` uses the same way as pickle."""
    assert described(copy.copy(make(cls))) == described(make(cls))


@pytest.mark.parametrize("cls", KINDS)
def test_a_kind_is_its_class(cls):
    """One kind of failure per class, by the class's name."""
    assert make(cls).kind == cls.__name__


@pytest.mark.parametrize(
    ("cls", "builtin"),
    [
        (errors.ConfigError, ValueError),
        (errors.IdentityError, TypeError),
        (errors.StoreError, OSError),
        (errors.OutOfMemory, MemoryError),
        (errors.TimeLimit, TimeoutError),
    ],
)
def test_errors_are_caught_as_what_they_are(cls, builtin):
    """Code that knows nothing of gridtask catches them as builtin errors."""
    with pytest.raises(builtin, match=r"what happened|no result"):
        raise make(cls)


@pytest.mark.parametrize("cls", [c for c in CLASSES if issubclass(c, OSError)])
def test_the_message_of_an_oserror_is_shown(cls):
    """OSError has ways of its own with arguments."""
    assert str(make(cls)) in ("what happened", "no result")


def test_missing_stays_the_same_object():
    """Results that travel can still be compared with `is`."""
    assert pickle.loads(pickle.dumps(make(MapError))).results[1] is gridtask.MISSING


def test_errors_are_public():
    """All but the scheduler's silence, which no user has to catch."""
    public = {name for name in gridtask.__all__ if hasattr(errors, name)}
    assert public == {cls.__name__ for cls in CLASSES} - {"SchedulerUnavailable"}
