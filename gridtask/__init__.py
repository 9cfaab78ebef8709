"""Functions as tasks on a Grid Engine cluster, every result computed once.

Decorate a function and map it over its arguments; what has been computed with
the same code and the same arguments is not computed again:

>>> import tempfile
>>> from gridtask import grid_task
>>> @grid_task(backend="serial", cache_dir=tempfile.mkdtemp())
... def square(x):
...     return x * x
>>> square.map(range(4), progress=False)
[0, 1, 4, 9]

`grid_task` tells of the options (without any, calls run on Grid Engine or on
this machine's processes, and results are kept in ``.gridtask``), `GridTask` of
what can be done with a task, `Run` of what `GridTask.submit_map` returns.

Only `grid_task` and what it needs is loaded by ``import gridtask``; every
other name is loaded when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` takes as long as starting Python
if TYPE_CHECKING:
    from typing import Any

    from gridtask.caches.folder import cache
    from gridtask.errors import (
        CallError,
        ConfigError,
        CorruptRecordError,
        Deleted,
        GridTaskError,
        IdentityError,
        JobErrorState,
        Killed,
        MapError,
        NestedSubmission,
        NodeLost,
        OutOfMemory,
        ResultUnreadable,
        StoreError,
        StoreVersionError,
        SubmitError,
        TimeLimit,
        UnsafeStoreError,
        UpstreamFailed,
        WorkerFailedToStart,
    )
    from gridtask.futures import GridFuture, as_completed
    from gridtask.grid import Grid
    from gridtask.identity.arguments.file import File
    from gridtask.plan import Plan
    from gridtask.reopen import open_run, runs
    from gridtask.run import MISSING, Run
    from gridtask.task import GridTask, grid_task

__version__ = "0.1.0"

_HOME = {
    "grid_task": "task",
    "GridTask": "task",
    "GridFuture": "futures",
    "Run": "run",
    "Grid": "grid",
    "MISSING": "run",
    "as_completed": "futures",
    "Plan": "plan",
    "File": "identity.arguments.file",
    "open_run": "reopen",
    "runs": "reopen",
    "cache": "caches.folder",
}
"""The module of each public name that is no error."""

__all__ = [  # noqa: RUF022 - what users touch first stands first
    "grid_task",
    "GridTask",
    "GridFuture",
    "Run",
    "Grid",
    "Plan",
    "File",
    "MISSING",
    "as_completed",
    "open_run",
    "runs",
    "cache",
    "CallError",
    "ConfigError",
    "CorruptRecordError",
    "Deleted",
    "GridTaskError",
    "IdentityError",
    "JobErrorState",
    "Killed",
    "MapError",
    "NestedSubmission",
    "NodeLost",
    "OutOfMemory",
    "ResultUnreadable",
    "StoreError",
    "StoreVersionError",
    "SubmitError",
    "TimeLimit",
    "UnsafeStoreError",
    "UpstreamFailed",
    "WorkerFailedToStart",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        msg = f"module 'gridtask' has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    try:
        value = getattr(import_module(f"gridtask.{_HOME.get(name, 'errors')}"), name)
    except AttributeError as error:  # "cannot import name" would hide the cause
        msg = f"gridtask.{name} cannot be imported: {error}"
        raise ImportError(msg) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
