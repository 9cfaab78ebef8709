"""``python -m gridtask.worker RUN_FILE FILE_ID``: one array task's calls.

Runs on the node. Reads its chunk from the run file, sets up the driver's world
(working directory, ``sys.path``, environment), imports the user's modules from
the snapshot, runs each call and writes its result or its exception into a
segment of its own. The same `compute` serves the serial backend.

Exit status 0, also when calls failed: their records say so; 75 when the cache
folder cannot be used; anything else means that the worker never got to work.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridtask import fs
from gridtask.calls import Arguments, Binder
from gridtask.errors import StoreError, TimeLimit, UpstreamFailed
from gridtask.failures import (
    STOPPED_EARLY,
    STORE_UNUSABLE,
    describe_exception,
    error_line,
)
from gridtask.printable import arguments_text
from gridtask.runfile import Chunk, RunFile
from gridtask.store import values
from gridtask.world import INSIDE_CALL, World, enter

if TYPE_CHECKING:
    from gridtask.store.store import Folder, RecordWriter
    from gridtask.store.values import Encoded

PRELOADED = (
    "gridtask.identity.snapshot",
    "gridtask.store.store",
    "gridtask.task",
)
"""What every array task imports, beside this module."""

LOG_BYTES = 1 << 20
"""How much of the end of a worker's log is kept with the results."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which execution of an array task this is."""

    run_id: str
    task: int
    job_id: str
    host: str

    @property
    def array_task(self) -> str:
        """Return ``"118.7"``."""
        return f"{self.job_id}.{self.task}"


Announce = Callable[[int, Arguments], None]
"""Called before each call with its number in the chunk and its arguments."""


class SoftLimit(BaseException):
    """The scheduler warns that the array task's time is over."""


def main(argv: list[str]) -> int:
    """Compute the chunk that the scheduler's task number names."""
    path, file_id = Path(argv[0]).absolute(), bytes.fromhex(argv[1])
    try:
        run_file = RunFile(path, file_id)
        world, snapshot = run_file.code()
        attempt = this_attempt(path.stem, _task_number())
        chunk = run_file.chunk(attempt.task)
    except (OSError, StoreError) as error:
        print(f"gridtask: {error}", file=sys.stderr)  # noqa: T201 - goes to the log
        return STORE_UNUSABLE
    enter(world, path.parent.parent)
    from gridtask.identity.snapshot import install
    from gridtask.store.store import Store

    function = install(snapshot)
    _heed_warnings(world)
    try:
        folder = Store.open(path.parent.parent, create=False).folder(world.task)
        if any(n.startswith(f"{path.stem}.{attempt.task}.") for n in _names(folder)):
            chunk = _not_yet_computed(chunk, folder)  # an earlier incarnation's rest
        n_failed = compute(function, chunk, run_file, world, folder, attempt)
    except StoreError as error:
        print(f"gridtask: {error}", file=sys.stderr)  # noqa: T201 - goes to the log
        return STORE_UNUSABLE
    except SoftLimit as warning:
        print(f"gridtask: {warning}", file=sys.stderr)  # noqa: T201 - goes to the log
        return STOPPED_EARLY
    if not n_failed:
        fs.remove(log_path(path, attempt.task))
    return 0


def preload() -> Callable[[list[str]], int]:
    """Import what every array task needs, and nothing of the user's; return `main`.

    See `gridtask.backends.prefork`.
    """
    for name in PRELOADED:
        import_module(name)
    return main


def compute(
    function: Callable[..., Any],
    chunk: Chunk,
    run_file: RunFile,
    world: World,
    folder: Folder,
    attempt: Attempt,
    announce: Announce | None = None,
    stop_on: tuple[type[BaseException], ...] = (KeyboardInterrupt,),
) -> int:
    """Run a chunk's calls and write their records; return how many failed.

    Parameters
    ----------
    stop_on : tuple of exception types
        Raised through instead of being recorded as the call's failure.

    Raises
    ------
    StoreError
        If records cannot be written.
    """
    about = {"run": attempt.run_id, "job": attempt.array_task, "host": attempt.host}
    stem = f"{attempt.run_id}.{attempt.task}"
    writer = folder.writer(stem, task=attempt.task, meta=about)
    writer.begin()
    binder = Binder(function, world.label)
    run_file.latency = world.fs_latency

    def one(number: int, packed: bytes, meta: dict[str, object]) -> Encoded:
        arguments = run_file.unpack(packed)
        if world.show_args:
            meta["args"] = arguments_text(arguments)
        if announce:
            announce(number, arguments)
        return values.encode(binder.call(function, arguments))

    n_failed = 0
    inside = INSIDE_CALL.set(True)
    try:
        for number, key in enumerate(chunk.keys):
            meta: dict[str, object] = dict(about)
            started = time.perf_counter()
            try:
                encoded = one(number, chunk.calls[number], meta)
                write = writer.put
            except stop_on:
                raise
            except SoftLimit as warning:
                if number:  # earlier calls have used the time: this one may try again
                    raise
                record = describe_exception(TimeLimit(str(warning)), skip=3)
                writer.fail(key, world.code, values.encode(record), meta=meta)
                raise
            except BaseException as error:
                n_failed += 1
                meta["error"] = error_line(error)
                if isinstance(error, UpstreamFailed):
                    meta["root"] = error.root
                encoded = values.encode(describe_exception(error, skip=3))
                write = writer.fail
            used = time.perf_counter() - started
            meta["vm_mb"] = _peak_address_space()
            write(key, world.code, encoded, seconds=used, peak_mb=_peak(), meta=meta)
            del encoded  # a large value would stay during the next call
        _keep_log(writer, log_path(run_file.path, attempt.task), attempt)
    finally:
        INSIDE_CALL.reset(inside)
        writer.close()
    return n_failed


def this_attempt(run_id: str, task: int) -> Attempt:
    """Return the attempt that this process is, by its environment."""
    job_id = os.environ.get("GRIDTASK_JOB_ID") or os.environ.get("JOB_ID") or run_id
    return Attempt(run_id, task, job_id, socket.gethostname())


def log_path(run_file: Path, task: int) -> Path:
    """Return where the output of an array task goes."""
    return run_file.with_name(f"{run_file.stem}.t{task}.log")


def _heed_warnings(world: World) -> None:
    """Take the scheduler's warning signals as what they say.

    SIGXCPU and, where a soft limit was asked for, SIGUSR1 end the call in time
    to say why (queue_conf(5), s_cpu and s_rt). With ``-notify``, SIGUSR1 may
    also come before a suspension, and SIGUSR2 before the kill that accounting
    will explain (qsub(1)): these change nothing.
    """

    def warn(number: int, frame: object) -> None:
        msg = f"the scheduler sent {signal.Signals(number).name}: a soft time limit"
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


def _peak() -> int:
    """Return the peak resident memory of this process so far, in MB (2**20).

    getrusage(2): ru_maxrss is in kilobytes.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _peak_address_space() -> int:
    """Return the peak address space of this process so far, in MB (2**20).

    proc(5): VmPeak is in kB; 0 where there is no such file. That is what
    ``h_vmem`` limits (queue_conf(5)), and more than the resident memory.
    """
    try:
        with open("/proc/self/status", "rb") as file:
            status = file.read(4096)
    except OSError:
        return 0
    _, found, rest = status.partition(b"VmPeak:")
    return int(rest.split(maxsplit=1)[0]) >> 10 if found else 0


def _keep_log(writer: RecordWriter, path: Path, attempt: Attempt) -> None:
    """Copy what the calls printed into a record beside their results."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        text = fs.read_end(path, LOG_BYTES)
    except FileNotFoundError:
        return
    if text:
        writer.log(text, meta={"job": attempt.array_task})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
