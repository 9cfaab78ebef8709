"""The driver's world, carried to the node: folders, search path, environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple, TypedDict

WORKER = "gridtask.worker"
"""The module that array tasks run."""

WORKER_VARIABLE = "GRIDTASK_WORKER"
"""Set in the environment of workers: submitting from there is refused."""

NAMES = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG")
PREFIXES = ("CONDA_", "LC_", "GRIDTASK_")
"""Environment variables that travel to the workers, by name and by prefix."""

PER_PROCESS = frozenset({"GRIDTASK_TASK_ID", "GRIDTASK_JOB_ID", WORKER_VARIABLE})
"""Variables that say which process this is: they stay where they are."""

THREAD_NAMES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""Set to the number of slots in each worker, before numpy is imported."""


INSIDE_CALL: ContextVar[bool] = ContextVar("inside a call", default=False)
"""True while this process computes a call of a task."""


def is_inside_call() -> bool:
    """Tell whether this runs inside a call of a task, on a worker or here."""
    return INSIDE_CALL.get() or WORKER_VARIABLE in os.environ


class Captured(TypedDict):
    """What `capture` takes along of this process."""

    cwd: str
    sys_path: list[str]
    environ: dict[str, str]
    argv: list[str]


class World(NamedTuple):
    """Where the user's code runs.

    Attributes
    ----------
    cwd, sys_path, environ, argv
        The driver's working directory, module search path, the environment
        variables that travel, and the command line.
    task, label : str
        Name of the task's folder in the store, and of its function for people.
    code : bytes
        First 8 bytes of the code's digest.
    show_args : bool
        Whether texts of the arguments may be kept.
    fs_latency : float
        Seconds within which the results of other calls come into sight.
    has_soft_time_limit : bool
        True if the array task was submitted with ``s_rt``.
    """

    cwd: str
    sys_path: list[str]
    environ: dict[str, str]
    task: str
    label: str
    code: bytes
    show_args: bool = True
    fs_latency: float = 0.0
    has_soft_time_limit: bool = False
    argv: Sequence[str] = ()


def capture(names: Collection[str], slots: int, *, inherits: bool) -> Captured:
    """Return what of this process goes along.

    Parameters
    ----------
    names : collection of str
        Further environment variables that the user wants to travel.
    slots : int
        Threads that numerical libraries may use.
    inherits : bool
        Whether workers inherit this process's environment anyway. What the user
        has set of the number of threads then counts.
    """
    environ: dict[str, str] = {}
    if not inherits:
        environ = {
            name: value
            for name, value in os.environ.items()
            if name in NAMES
            or name in names
            or (name.startswith(PREFIXES) and name not in PER_PROCESS)
        }
    for name in THREAD_NAMES:
        if not inherits or name not in os.environ:
            environ[name] = str(slots)
    path = [os.path.abspath(entry) for entry in sys.path]
    argv = list(sys.argv)
    return Captured(cwd=os.getcwd(), sys_path=path, environ=environ, argv=argv)


def enter(world: World, root: Path) -> None:
    """Make this process's world the driver's, before the user's code is imported.

    Parameters
    ----------
    root : Path
        The cache folder, for tasks that call other tasks.
    """
    os.environ.update(world.environ)
    os.environ["GRIDTASK_CACHE"] = str(root)
    os.environ[WORKER_VARIABLE] = "1"
    os.chdir(world.cwd)
    sys.path[:] = world.sys_path
    sys.argv[:] = world.argv
