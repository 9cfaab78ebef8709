"""``python -m gridtask.worker RUN_FILE FILE_ID``: one array task's calls.

Runs on the node. Reads its chunk from the run file, sets up the driver's world
(working directory, ``sys.path``, environment), imports the user's modules from
the snapshot, runs each call and writes its result or its exception into a
segment of its own (`gridtask.worker.computation`, which serves the serial backend too).

Exit status 0, also when calls failed: their records say so; 75 when the cache
folder cannot be used; anything else means that the worker never got to work.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from gridtask import fs
from gridtask.claims.runfile import Chunk, RunFile
from gridtask.claims.world import World, enter
from gridtask.debug import debug
from gridtask.errors import StoreError
from gridtask.raised import STOPPED_EARLY, STORE_UNUSABLE
from gridtask.worker.computation import Attempt, Computation, SoftLimit
from gridtask.worker.logs import log_path

if TYPE_CHECKING:
    from gridtask.store.store import Folder

PRELOADED = (
    "gridtask.identity.snapshot.install",
    "gridtask.store.store",
    "gridtask.store.writer",
    "gridtask.task",
    "importlib.util",
    "linecache",
)
"""What every array task imports, beside this module."""


def main(argv: list[str]) -> int:
    """Compute the chunk that the scheduler's task number names."""
    path, file_id = Path(argv[0]).absolute(), bytes.fromhex(argv[1])
    try:
        run_file = RunFile(path, file_id)
        world, snapshot = run_file.code()
        attempt = this_attempt(path.stem, _task_number())
        chunk = run_file.chunk(attempt.task)
    except (OSError, StoreError) as error:
        _say(error)
        return STORE_UNUSABLE
    enter(world, path.parent.parent)
    faulthandler.enable(all_threads=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(line_buffering=True)  # a crash would lose the last words
    from gridtask.identity.snapshot.install import install
    from gridtask.store.store import Store

    function = install(snapshot)
    _heed_warnings(world)
    try:
        folder = Store.open(path.parent.parent, create=False).folder(world.task)
        if any(n.startswith(f"{path.stem}.{attempt.task}.") for n in _names(folder)):
            chunk = _not_yet_computed(chunk, folder)  # an earlier incarnation's rest
        log = log_path(path.parent, path.stem, attempt.task)
        debug("%s: %d calls of %s", attempt, len(chunk.keys), world.label)
        computation = Computation(function, run_file, world, folder, attempt, log)
        n_failed = computation.run(chunk)
    except StoreError as error:
        _say(error)
        return STORE_UNUSABLE
    except SoftLimit as warning:
        _say(warning)
        return STOPPED_EARLY
    if not n_failed:
        fs.remove(log)
    return 0


def preload() -> Callable[[list[str]], int]:
    """Import what every array task needs, and nothing of the user's; return `main`.

    See `gridtask.backends.prefork`.
    """
    for name in PRELOADED:
        import_module(name)
    return main


def this_attempt(run_id: str, task: int) -> Attempt:
    """Return the attempt that this process is, by its environment."""
    job_id = os.environ.get("GRIDTASK_JOB_ID") or os.environ.get("JOB_ID") or run_id
    return Attempt(run_id, task, job_id, os.uname().nodename)


def _say(problem: BaseException) -> None:
    """Write into the log why the worker ends, if the log can be written.

    Where it cannot, what is left of the output would fail again at the end of
    the interpreter, which then has an exit status of its own.
    """
    try:
        print(f"gridtask: {problem}", file=sys.stderr, flush=True)  # noqa: T201
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        for number in (1, 2):
            os.dup2(null, number)


def _heed_warnings(world: World) -> None:
    """Take the scheduler's warning signals as what they say.

    SIGXCPU and, where a soft limit was asked for, SIGUSR1 end the call in time
    to say why (queue_conf(5), s_cpu and s_rt). With ``-notify``, SIGUSR1 may
    also come before a suspension, and SIGUSR2 before the kill that accounting
    will explain (qsub(1)): these change nothing.
    """

    def warn(number: int, frame: object) -> None:
        msg = f"its time is over ({signal.Signals(number).name})"
        raise SoftLimit(msg)

    def go_on(number: int, frame: object) -> None:
        """Do nothing; unlike SIG_IGN, programs that the task starts are untouched."""

    signal.signal(signal.SIGXCPU, warn)
    signal.signal(signal.SIGUSR1, warn if world.has_soft_time_limit else go_on)
    signal.signal(signal.SIGUSR2, go_on)


def _task_number() -> int:
    """Return the number of this array task (qsub(1), environment variables)."""
    for name in ("GRIDTASK_TASK_ID", "SGE_TASK_ID"):
        text = os.environ.get(name, "")
        if text.isdigit():
            return int(text)
    msg = "neither SGE_TASK_ID nor GRIDTASK_TASK_ID says which array task this is"
    raise StoreError(msg)


def _names(folder: Folder) -> list[str]:
    return fs.list_names(folder.path)


def _not_yet_computed(chunk: Chunk, folder: Folder) -> Chunk:
    """Leave out the calls that have a result already."""
    folder.refresh()
    rest = [i for i, number in enumerate(folder.find(chunk.keys)) if number < 0]
    return Chunk([chunk.keys[i] for i in rest], [chunk.calls[i] for i in rest])
