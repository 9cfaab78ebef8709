"""Every error that gridtask raises, one class per kind of failure.

Messages say what happened with the offending value, what was expected, and
the next command or variable to use. All errors pickle: they travel from
workers and through `concurrent.futures`.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

PACKAGE = os.path.dirname(__file__) + os.sep
"""Begin of the paths of gridtask's own modules."""

BETWEEN = ("/contextlib.py", "/functools.py")
"""Ends of the paths of modules whose frames lie between those of gridtask."""


def warn(text: str, category: type[Warning] = RuntimeWarning) -> None:
    """Warn at the line of the user's code that has called gridtask."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None:
        name = frame.f_code.co_filename
        if not name.startswith(PACKAGE) and not name.endswith(BETWEEN):
            break
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)


class GridTaskError(Exception):
    """Base class of all errors of gridtask."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython and Jupyter show: the user's lines and the message.

        Their own form prints some ten lines of source for each frame of gridtask.
        """
        import traceback

        others = (PACKAGE, "/IPython/", *BETWEEN)
        told = traceback.TracebackException.from_exception(self)
        frames = [f for f in told.stack if not any(o in f.filename for o in others)]
        told.stack = traceback.StackSummary.from_list(frames)
        return "".join(told.format()).splitlines()


class ConfigError(GridTaskError, ValueError):
    """A setting or an option has a value that cannot be used."""


class IdentityError(GridTaskError, TypeError):
    """A call cannot be identified: names the path to the offending value."""


class StoreError(GridTaskError, OSError):
    """The cache folder cannot be read or written."""


class CorruptRecordError(StoreError):
    """A record's bytes do not have their checksum."""


class StoreVersionError(StoreError):
    """The cache folder was written by a newer gridtask."""


class UnsafeStoreError(StoreError):
    """Somebody else could write what this process would unpickle."""


class SubmitError(GridTaskError):
    """The scheduler refused a job.

    Attributes
    ----------
    argv : tuple of str
        The command that was run.
    exit_status : int or None
        Its exit status; None if it was ended by gridtask's own time limit.
    stderr : str
        What it wrote to standard error, verbatim.
    transient : bool
        True if the same submission may succeed later (no connection, a limit
        on the number of jobs), False if it must be changed first.
    is_limit : bool
        True if the user, or the site, has as many jobs as are allowed.
    """

    def __init__(
        self,
        message: str,
        *,
        argv: Sequence[str] = (),
        exit_status: int | None = None,
        stderr: str = "",
        transient: bool = False,
        is_limit: bool = False,
    ) -> None:
        super().__init__(message)
        self.argv = tuple(argv)
        self.exit_status = exit_status
        self.stderr = stderr
        self.transient = transient
        self.is_limit = is_limit


class SchedulerUnavailable(GridTaskError):
    """The scheduler gave no usable answer: the state of its jobs is unknown."""


class NestedSubmission(GridTaskError):
    """A worker tried to submit calls of its own."""


class CallError(GridTaskError):
    """A call ended without a result; the class is the kind of failure.

    Attributes
    ----------
    key : str
        The call's key, 32 hexadecimal digits.
    kind : str
        Name of the class.
    attempts : int
        How often the call was tried.
    what : str
        What happened, without the call and what to do about it.
    cause : str
        The same in some words that other calls may share: ``"SIGSEGV"``.
    host, job_id, log : str or None
        Where it last ran, in which array task (``"118.7"``), and the path of
        that array task's log.
    """

    def __init__(
        self,
        message: str,
        *,
        key: str = "",
        what: str = "",
        cause: str = "",
        attempts: int = 1,
        host: str | None = None,
        job_id: str | None = None,
        log: str | None = None,
    ) -> None:
        super().__init__(message)
        self.key = key
        self.kind = type(self).__name__
        self.what = what
        self.cause = cause
        self.attempts = attempts
        self.host = host
        self.job_id = job_id
        self.log = log


class OutOfMemory(CallError, MemoryError):
    """The call needed more memory than its job was allowed."""


class TimeLimit(CallError, TimeoutError):
    """The call ran longer than its job was allowed."""


class Killed(CallError):
    """The worker was ended by a signal, or by its call (``os._exit``)."""


class WorkerFailedToStart(CallError):
    """The worker ended before it reached the call."""


class JobErrorState(CallError):
    """The scheduler put the job into its error state (``Eqw``)."""


class NodeLost(CallError):
    """The job vanished together with its node."""


class Deleted(CallError):
    """Somebody deleted the job."""


class UpstreamFailed(CallError):
    """A call whose result this one needs has failed.

    Attributes
    ----------
    root : str
        The call that failed first, and why.
    missing : str
        The key of an input that has neither a result nor a failure: its job ended
        without one. That job may be tried again, and then this call is as well.
    """

    root: str = ""
    missing: str = ""


class ResultUnreadable(CallError):
    """The result is in the cache but cannot be turned into a value."""


class MapError(GridTaskError):
    """Some calls of a map failed.

    Attributes
    ----------
    failures : dict of int to BaseException
        The error of each failed call, by its index in the input.
    results : list
        The results in input order, `gridtask.MISSING` where a call failed.
    """

    def __init__(
        self,
        message: str,
        failures: dict[int, BaseException] | None = None,
        results: list[object] | None = None,
    ) -> None:
        super().__init__(message)
        self.failures = failures or {}
        self.results = results or []
