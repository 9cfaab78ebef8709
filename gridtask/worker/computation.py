"""Running the calls of an array task: on a node, or in the driver itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gridtask.calls.binding import Arguments, Binder
from gridtask.claims.runfile import Chunk, RunFile
from gridtask.claims.world import INSIDE_CALL, World
from gridtask.errors import OutOfMemory, StoreError, TimeLimit, UpstreamFailed
from gridtask.printable import arguments_text
from gridtask.raised import describe_exception, error_line
from gridtask.store import values
from gridtask.store.record import Kind
from gridtask.worker.logs import Output, flush
from gridtask.worker.meter import Meter

if TYPE_CHECKING:
    from gridtask.store.store import Folder
    from gridtask.store.writer import RecordWriter

Announce = Callable[[int, Arguments], None]
"""Called before each call with its number in the chunk and its arguments."""


class SoftLimit(BaseException):
    """The scheduler warns that the array task's time is over."""


class Attempt(NamedTuple):
    """Which execution of an array task this is."""

    run_id: str
    task: int
    job_id: str
    host: str

    @property
    def array_task(self) -> str:
        """Return ``"118.7"``."""
        return f"{self.job_id}.{self.task}"

    @property
    def job_number(self) -> int:
        """Grid Engine's number of the job; 0 where other backends name theirs."""
        return int(self.job_id) if self.job_id.isdecimal() else 0


class Computation:
    """Runs calls one after another and writes their records.

    Parameters
    ----------
    function : callable
        The task's plain function.
    folder : Folder
        Where the records go.
    log : Path or None
        The array task's log, if there is one.
    announce : callable, optional
    stop_on : tuple of exception types
        Raised through instead of being recorded as the call's failure.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        run_file: RunFile,
        world: World,
        folder: Folder,
        attempt: Attempt,
        log: Path | None = None,
        *,
        announce: Announce | None = None,
        stop_on: tuple[type[BaseException], ...] = (KeyboardInterrupt,),
    ) -> None:
        self._function = function
        self._run_file = run_file
        self._world = world
        self._folder = folder
        self._announce = announce
        self._stop_on = stop_on
        self._attempt = attempt
        self._pid = os.getpid()
        self._about: dict[str, object] = {
            "run": attempt.run_id,
            "job": attempt.array_task,
            "host": attempt.host,
        }
        self._binder = Binder(function, world.label)
        self._output = Output(log)
        self._meter = Meter()
        run_file.latency = world.fs_latency

    def run(self, chunk: Chunk) -> int:
        """Run the calls of a chunk; return how many have failed.

        Raises
        ------
        StoreError
            If records cannot be written.
        SoftLimit
            If the array task's time is over.
        """
        attempt = self._attempt
        stem = f"{attempt.run_id}.{attempt.task}"
        writer = self._folder.writer(
            stem, job_id=attempt.job_number, task=attempt.task, meta=self._about
        )
        writer.begin()
        n_failed = 0
        inside = INSIDE_CALL.set(True)
        try:
            for number, key in enumerate(chunk.keys):
                is_last = number == len(chunk.keys) - 1
                n_failed += not self._one(writer, number, key, chunk, is_last)
            self._output.keep(writer, self._about)
        finally:
            INSIDE_CALL.reset(inside)
            writer.close()
        return n_failed

    def _one(
        self,
        writer: RecordWriter,
        number: int,
        key: bytes,
        chunk: Chunk,
        is_last: bool,
    ) -> bool:
        """Run a call and write its record; tell whether it has a result."""
        meta = dict(self._about)
        self._meter.start()
        encoded, error = self._outcome(number, chunk.calls[number], meta)
        meter = self._meter
        meter.stop(exact=is_last or error is not None)
        start, end = self._output.printed()
        if end > start:
            meta["log"] = (start, end)
        meta["vm_mb"] = meter.vm_mb
        writer.write(
            Kind.OK if error is None else Kind.ERR,
            encoded,
            key,
            self._world.code,
            seconds=meter.seconds,
            peak_mb=meter.peak_mb,
            meta=meta,
        )
        if isinstance(error, SoftLimit):
            raise error
        return error is None

    def _outcome(
        self, number: int, packed: bytes, meta: dict[str, object]
    ) -> tuple[values.Encoded, BaseException | None]:
        """Return the encoded result of a call, or its error and what to keep of it."""
        try:
            return self._compute(number, packed, meta), None
        except self._stop_on:
            raise
        except SoftLimit as warning:
            if number:  # earlier calls have used the time: this one may try again
                raise
            told = TimeLimit(str(warning)).with_traceback(warning.__traceback__)
            return values.encode(describe_exception(told, skip=3)), warning
        except BaseException as error:
            meta["error"] = self._error_line(error)
            if isinstance(error, UpstreamFailed):
                meta["root"] = error.root
            return values.encode(describe_exception(error, skip=3)), error

    def _compute(
        self, number: int, packed: bytes, meta: dict[str, object]
    ) -> values.Encoded:
        """Return the encoded result of a call, and note its arguments."""
        arguments = self._run_file.unpack(packed)
        if self._world.show_args:
            meta["args"] = arguments_text(arguments)
        if self._announce:
            self._announce(number, arguments)
        try:
            return values.encode(self._binder.call(self._function, arguments))
        finally:
            if os.getpid() != self._pid:
                _end_fork(sys.exception())
            _go_back(self._world.cwd)

    def _error_line(self, error: BaseException) -> str:
        """Return an exception as one line, under the name that a map gives it."""
        line = error_line(error)
        if not isinstance(error, MemoryError):
            return line
        limit = None
        with suppress(MemoryError, StoreError):
            limit = self._run_file.plan().memory
        if limit is None:
            return line
        what = f"it ran out of memory={limit}: {line}".removesuffix(": ")
        return f"{OutOfMemory.__name__}: {what}"[:200]


def _end_fork(error: BaseException | None) -> None:
    """End a process that a call has forked and that has come back from it.

    What comes behind the call is for its parent alone: the result, and the next.
    """
    status = 0
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        status = error.code
    elif error is not None:
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    flush()
    os._exit(status)


def _go_back(folder: str) -> None:
    """Undo a change of the working directory: the next call must not see it."""
    try:
        is_there = os.getcwd() == folder
    except OSError:  # the call has removed the folder that it went to
        is_there = False
    if not is_there:
        with suppress(OSError):  # the driver's folder was removed
            os.chdir(folder)
