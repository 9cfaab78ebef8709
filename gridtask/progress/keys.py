"""What the keys do that are pressed while a run is waited for.

They are PyGrid's, and each of them does what a method of `Run` does. What
cannot be taken back is asked about.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from gridtask.backends.cluster_params import as_text
from gridtask.driver.counts import Step
from gridtask.driver.retry import Resources
from gridtask.errors import GridTaskError
from gridtask.printable import printable, shorten

if TYPE_CHECKING:
    from gridtask.driver.execution import Execution
    from gridtask.progress.display import Status
    from gridtask.run import Run

HELP = """\
?  this help
f  failures so far, grouped by cause      l  end of the last log
r  restart the failed calls               R  restart all calls of this run
c  keep the jobs running and go on        a  abort the jobs and go on
q  abort the jobs and stop                Ctrl-C  stop, the jobs go on"""

LOG_LINES = 20
"""Last lines of a log that are shown."""

AT_END = "press r to restart them, f to see more, any other key to go on"
PROMPT = "cluster parameters, separated by ';': "


class After(enum.Enum):
    """What the waiting does after a key."""

    WAIT = enum.auto()
    DONE = enum.auto()
    GO_ON = enum.auto()
    STOP = enum.auto()


class Keys:
    """Does to a run, and to those it waits for, what keys ask for.

    Parameters
    ----------
    run : Run
        What is waited for.
    status : Status
        Where the keys come from, and answers go.
    """

    def __init__(self, run: Run[Any], status: Status) -> None:
        self._run = run
        self._status = status
        self._actions: dict[str, Callable[[], After | None]] = {
            "?": lambda: status.message(HELP),
            "f": self._show_failures,
            "l": self._show_log,
            "r": self._restart_failed,
            "R": self._restart_all,
            "c": self._keep,
            "a": self._abort,
            "q": self._quit,
        }

    def press(self, key: str) -> After:
        """Do what a key asks for; others do nothing."""
        action = self._actions.get(key)
        return (action() if action else None) or After.WAIT

    def at_end(self) -> After:
        """Show the failures of a run that has ended, and let them be restarted."""
        text = self._run.failure_text(short=True) if self._status.has_keys else ""
        if not text:
            return After.DONE
        self._status.message(text)
        while (key := self._status.ask(AT_END)) in ("r", "f"):
            self.press(key)
            if not self._run._execution.is_final:
                return After.WAIT
        return After.DONE

    # ----------------------------------------------------------------- to look at

    def _show_failures(self) -> None:
        self._status.message(self._run.failure_text() or "no call has failed so far")

    def _show_log(self) -> None:
        """Show the end of the log of the call that has failed or begun last."""
        index = self._last_call()
        if index is None:
            self._status.message("no call has begun so far")
            return
        execution = self._run._execution
        lines = execution.log_text(index).splitlines()[-LOG_LINES:]
        what = f"{execution.texts(index)} [{execution.plan.keys[index].hex()[:8]}]"
        state = execution.state_of(index)
        head = f"log of {what}, {state}:" if lines else f"{what}, {state}: no output"
        self._status.message("\n".join([head, *(f"  {line}" for line in lines)]))

    def _last_call(self) -> int | None:
        """Return the call that failed last, else one that runs or has ended."""
        execution = self._run._execution
        if execution.failures:
            return next(reversed(execution.failures))
        found: dict[str, int] = {}
        for index in range(len(execution.plan.keys)):
            found[execution.state_of(index)] = index
        return found.get("running", found.get("finished"))

    # ----------------------------------------------------------------- to restart

    def _restart_failed(self) -> None:
        """Submit what has failed again, the inputs of other calls first."""
        chosen = [e for e in chain(self._run._execution) if e.failures]
        n_failed = sum(len(execution.failures) for execution in chosen)
        if not n_failed:
            self._status.message("no call has failed so far")
            return
        more = self._edited(chosen[-1], f"restart {_calls(n_failed, 'failed')}")
        if more is None:
            return
        keys: set[bytes] = set()
        try:
            for execution in chosen:
                keys.update(execution.retry(more, keys))
        except (GridTaskError, OSError) as error:
            self._status.message(f"not restarted: {error}")
            return
        self._run.renew_futures()
        self._status.message(f"{_calls(n_failed)} submitted again")

    def _restart_all(self) -> None:
        """Drop what the run has computed, and submit it again."""
        execution = self._run._execution
        counts = execution.counts()
        n_calls = counts.total - counts.cached
        question = f"restart all {n_calls} calls"
        if counts.finished:
            question += f" and drop what {counts.finished} of them have computed"
        if counts.cached:
            question += f" ({counts.cached} cached ones stay)"
        more = self._edited(execution, question)
        if more is None:
            return
        try:
            execution.restart(more)
        except (GridTaskError, OSError) as error:
            self._status.message(f"not restarted: {error}")
            return
        self._run.renew_futures()
        self._status.message(f"{_calls(n_calls)} submitted again")

    def _edited(self, execution: Execution, question: str) -> Resources | None:
        """Let the cluster parameters be changed, and ask; None if it is off."""
        plan, more = execution.last_plan, Resources()
        if plan.backend == "gridengine":
            before = as_text(plan.cluster_params)
            text = self._status.edit(PROMPT, before)
            if text is None:
                return None
            if text.strip() != before:
                params = [part.strip() for part in text.split(";")]
                more = Resources(tuple(p for p in params if p), replaces=True)
                question += f" with {shorten(printable(text.strip()), 60) or 'none'}"
        return more if self._confirmed(question) else None

    # --------------------------------------------------------------- to go on or stop

    def _keep(self) -> After | None:
        n_open = sum(len(e.open_calls) for e in chain(self._run._execution))
        if not self._confirmed(f"go on without {_calls(n_open)} that keep running"):
            return None
        return After.GO_ON

    def _abort(self) -> After | None:
        return After.GO_ON if self._aborted("go on") else None

    def _quit(self) -> After | None:
        return After.STOP if self._aborted("stop") else None

    def _aborted(self, then: str) -> bool:
        """Ask, then delete the jobs of all that is waited for."""
        runs = [e for e in chain(self._run._execution) if not e.is_final]
        n_open = sum(len(execution.open_calls) for execution in runs)
        if not self._confirmed(f"abort {_calls(n_open)} and {then}"):
            return False
        for execution in runs:
            execution.cancel()
            execution.step(now=True)
        return True

    # ------------------------------------------------------------------------ parts

    def _confirmed(self, question: str) -> bool:
        """Ask; anything but ``y`` is no."""
        is_yes = self._status.ask(f"{question}? [y/N]") == "y"
        if not is_yes:
            self._status.message("nothing changed")
        return is_yes


def chain(execution: Execution) -> Iterator[Execution]:
    """Yield all runs whose results a run needs, in the order of their work, and it."""
    seen: set[int] = set()

    def visit(each: Execution) -> Iterator[Execution]:
        if id(each) not in seen:
            seen.add(id(each))
            for before in each.inputs:
                yield from visit(before)
            yield each

    return visit(execution)


def steps_before(execution: Execution) -> list[Step]:
    """Return the steps of the workflow before a run, for the status."""
    *before, _ = chain(execution)
    return [Step(each.plan.task, each.counts()) for each in before]


def _calls(number: int, kind: str = "") -> str:
    return f"{number} {kind} call{'' if number == 1 else 's'}".replace("  ", " ")
