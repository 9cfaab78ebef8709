"""Runs a script that kills itself at the n-th step towards the disk or the scheduler.

    python steps.py N SCRIPT

A step is a call of a function of `gridtask.fs` that changes something, or a
submission; odd numbers die right before it, even ones right after.
"""

from __future__ import annotations

import functools
import itertools
import os
import runpy
import signal
import sys
from collections.abc import Callable
from typing import Any

from gridtask import fs
from gridtask.backends.gridengine import GridEngineBackend
from gridtask.backends.local import LocalBackend

CHANGING = ("create", "write_at", "sync", "publish", "write_new", "remove", "move")


def counted(function: Callable[..., Any], last: int) -> Callable[..., Any]:
    """Wrap a function so that the process dies around its fatal call."""

    @functools.wraps(function)
    def step(*args: Any, **kwargs: Any) -> Any:
        die_if(next(NUMBERS) == last)
        result = function(*args, **kwargs)
        die_if(next(NUMBERS) == last)
        return result

    return step


def die_if(is_fatal: bool) -> None:
    if is_fatal:
        os.kill(os.getpid(), signal.SIGKILL)


NUMBERS = itertools.count(1)

if __name__ == "__main__":
    fatal, script = int(sys.argv[1]), sys.argv[2]
    for name in CHANGING:
        setattr(fs, name, counted(getattr(fs, name), fatal))
    for backend in (GridEngineBackend, LocalBackend):
        for name in ("submit", "postpone", "cancel"):
            setattr(backend, name, counted(getattr(backend, name), fatal))
    sys.argv = sys.argv[2:]
    sys.path.insert(0, os.getcwd())
    runpy.run_path(script, run_name="__main__")
