"""Waiting for a run: with a status, for keys, and until somebody has enough."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from gridtask.progress.impatience import Impatience
from gridtask.progress.keys import After, Keys, steps_before

if TYPE_CHECKING:
    from gridtask.progress.display import Status
    from gridtask.run import Run


def wait(
    run: Run[Any], status: Status, timeout: float | None = None, *, asks: bool = True
) -> bool:
    """Step until all calls have ended, showing counts and obeying keys.

    Parameters
    ----------
    status : Status
        Where counts are shown, and keys come from.
    timeout : float or None
        Seconds after which `TimeoutError` is raised.
    asks : bool
        Whether a person may restart what has failed before this returns.

    Returns
    -------
    is_complete : bool
        False if the user wants to go on with what is there.

    Raises
    ------
    KeyboardInterrupt
        At Ctrl-C, when the jobs go on, or where the user has aborted them.
    """
    keys = Keys(run, status)
    impatience = Impatience(run._execution)
    end = math.inf if timeout is None else time.monotonic() + timeout
    after = After.WAIT
    try:
        while after is After.WAIT:
            key = _step(run, status, end, impatience)
            if run._execution.is_final:
                after = keys.at_end() if asks else After.DONE
            elif key:
                after = keys.press(key)
            else:
                raise TimeoutError(_still_open(run, timeout))
    except KeyboardInterrupt:
        if not run._execution.is_final:
            status.message(
                f"stopped waiting; the jobs go on. Run the script again to come back, "
                f"or gridtask.open_run({run.id!r})"
            )
        raise
    if after is After.STOP:
        raise KeyboardInterrupt
    return after is After.DONE


def _step(run: Run[Any], status: Status, end: float, impatience: Impatience) -> str:
    """Step until all is final, a key is pressed or the time is over."""
    execution = run._execution
    delay = execution.step()
    while True:
        for text in run.take_warnings():
            status.message(text)
        counts = execution.counts()
        if why := impatience.word(counts):
            status.message(why)
        status.update(counts, steps_before(execution))
        left = end - time.monotonic()
        if execution.is_final or left <= 0:
            return ""
        key = status.key(min(delay, left))
        if key:
            return key
        delay = execution.step(now=delay >= left)


def _still_open(run: Run[Any], timeout: float | None) -> str:
    counts = run._execution.counts()
    return (
        f"after {timeout:g} s: {counts}; the jobs go on, "
        f"gridtask.open_run({run.id!r}) or a rerun comes back to them"
    )
