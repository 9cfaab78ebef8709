"""Array tasks as forks of their supervisor, which has imported their command.

An interpreter's start and its imports then happen once a job and not once an
array task, and what was imported is shared memory. A command ``python -P -m
MODULE ARG...`` can run like that if its module has a function ``preload``, which
imports what is needed and returns the function that takes the ARGs and returns
the exit status. Any other is a new process.

Nothing of the user's is imported before the fork: random generators that are
seeded by an import would then give every array task the same numbers, and
threads do not survive a fork.

Supervisors import this module: like theirs, its imports are builtin only.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # `typing` would be a third of the start
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Sequence
else:
    import _signal as signal

COMMAND = ("-P", "-m")
"""What stands between the interpreter and the module."""

INTERNAL_ERROR = 70
"""Exit status of a fork that did not get to its command (sysexits.h)."""


def module_of(argv: Sequence[str]) -> str:
    """Return the module that a command runs in this interpreter, else ``""``."""
    is_module = argv[0] == sys.executable and tuple(argv[1:3]) == COMMAND
    return argv[3] if is_module and len(argv) > 3 else ""


def load_command(module: str) -> Callable[[list[str]], int] | None:
    """Import a module and return what runs it; None if it has to be started.

    Where the import fails, so does the module as a process of its own, which
    can say so in its log.
    """
    try:
        __import__(module)
        if hasattr(sys.modules[module], "__path__"):
            module = f"{module}.__main__"  # that of a package, as ``-m`` runs it
            __import__(module)
        call: Callable[[list[str]], int] = sys.modules[module].preload()
    except Exception:  # whatever importing raises
        return None
    import gc

    gc.collect()
    gc.freeze()  # or each fork's first collection would copy all shared pages
    return call


def start_fork(
    call: Callable[[list[str]], int], argv: list[str], environ: dict[str, str], log: int
) -> int:
    """Run a command in a fork with streams and signals as a new process has them.

    Returns
    -------
    pid : int
        The leader of a process group of its own.
    """
    pid = os.fork()
    if pid:
        try:
            os.setpgid(pid, pid)
        except OSError:  # it has done so itself, and may have ended
            return pid
        return pid
    status = INTERNAL_ERROR
    try:
        os.setpgid(0, 0)
        _become_new(argv, environ, log)
        status = _run(call, argv[4:])
    finally:
        os._exit(status)


def _become_new(argv: list[str], environ: dict[str, str], log: int) -> None:
    for number in (1, 2):
        os.dup2(log, number)  # stdin is /dev/null, as the supervisor's
    inherited = max(int(name) for name in os.listdir("/proc/self/fd")) + 1
    os.closerange(3, inherited)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = [getattr(sys.modules[argv[3]], "__file__", argv[3]), *argv[4:]]
    sys.orig_argv = argv
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _run(call: Callable[[list[str]], int], args: list[str]) -> int:
    """Return the exit status, after all that an interpreter does at its end."""
    try:
        status = call(args)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else error.code is not None
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    import atexit
    import threading

    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return status
