"""What becomes of calls whose worker ended badly: fail, or be tried again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gridtask.claims.claim import Claim
from gridtask.claims.jobs import LIMIT_POLL_SECONDS
from gridtask.claims.runfile import RunPlan
from gridtask.debug import debug
from gridtask.driver.ledger import Ledger, OpenTask
from gridtask.driver.retry import Resources, Resubmitter, Round, describe, more_of
from gridtask.errors import (
    CallError,
    Deleted,
    GridTaskError,
    Killed,
    NodeLost,
    ResultUnreadable,
    SubmitError,
    TimeLimit,
    UpstreamFailed,
    WorkerFailedToStart,
)
from gridtask.plan import Place


@dataclass(frozen=True, slots=True)
class _Round:
    """What one submission has in common."""

    run_id: str
    more: Resources
    is_innocent: bool


class Continued(NamedTuple):
    """Calls that a run computes which continues the one they were submitted by.

    Attributes
    ----------
    is_own : bool
        False if another driver has submitted that run, and ends it.
    text : str
        A line for the user, or nothing.
    """

    claim: Claim
    indices: list[int]
    is_own: bool
    text: str = ""


class Recovery:
    """Decides about failed attempts, and submits together what is tried again.

    Parameters
    ----------
    ledger : Ledger
        Where failures are noted.
    claims : mapping of str to Claim
        The runs that hold the calls, by run id.
    resubmitter : Resubmitter or None
        None tries nothing again.
    key_of : callable
        Returns the key of a call.
    """

    def __init__(
        self,
        ledger: Ledger,
        claims: Mapping[str, Claim],
        resubmitter: Resubmitter | None,
        key_of: Callable[[int], bytes],
        clock: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._claims = claims
        self._resubmitter = resubmitter
        self._key_of = key_of
        self._clock = clock
        self._attempts: dict[int, int] = {}
        self._waiting: dict[_Round, dict[int, CallError]] = {}
        self._not_before = 0.0

    def attempts(self, index: int) -> int:
        """Return how often a call was tried so far."""
        return self._attempts.get(index, 1)

    def not_settled(self, tasks: Iterable[OpenTask]) -> list[OpenTask]:
        """Leave out the array tasks whose calls wait to be submitted again."""
        waiting = {index for errors in self._waiting.values() for index in errors}
        return [task for task in tasks if waiting.isdisjoint(task.indices)]

    def settle(
        self, task: OpenTask, errors: Mapping[int, CallError], *, has_begun: bool
    ) -> None:
        """Settle what an array task left undone: one call died, the rest waited.

        Where it never got to work, or somebody deleted it, nothing is tried
        again; unless it was a driver that would have submitted the calls anew.

        Parameters
        ----------
        errors : mapping of int to CallError
            Why each open call has no result, in their order.
        has_begun : bool
            Whether the worker got to its first call.
        """
        first = errors[task.first]
        if isinstance(first, Deleted | Killed) and self._is_recut(task):
            for index, error in errors.items():
                self.again(index, Resources(), error, is_innocent=True)
            return
        if not has_begun and not isinstance(first, NodeLost):
            for index, error in errors.items():
                self._ledger.fail(index, error)
            return
        indices = list(errors)
        n_guilty = self._n_guilty(task, first) if has_begun else len(indices)
        for index in indices[:n_guilty]:
            self.fail_or_retry(index, errors[index])
        for index in indices[n_guilty:]:
            self.again(index, Resources(), errors[index], is_innocent=True)

    def fail_or_retry(self, index: int, error: BaseException) -> None:
        """Try a call again if that was asked for its kind of end, else fail it."""
        attempts = self.attempts(index)
        place = self._ledger.place_of(index)
        claim = self._claims.get(place.run_id) if place else None
        more = None
        if claim is not None and isinstance(error, CallError):
            error.attempts = attempts
            more = more_of(error, claim.plan, attempts)
        what_next = "fails" if more is None else f"is tried again with {more}"
        debug("a call %s after attempt %d: %r", what_next, attempts, error)
        if more is None or not isinstance(error, CallError):
            self._ledger.fail(index, error)
            return
        self._attempts[index] = attempts + 1
        self.again(index, more, error)

    def submit(self) -> list[Continued]:
        """Submit what is to be tried again; where that fails, so do the calls.

        Where the site allows no more jobs for now, they wait.
        """
        if self._clock() < self._not_before:
            return []
        rounds, self._waiting = self._waiting, {}
        submitted: list[Continued] = []
        for what, waiting in rounds.items():
            is_open = self._ledger.place_of  # a call may have ended since it was lost
            errors = {i: error for i, error in waiting.items() if is_open(i)}
            try:
                submitted += self._submit_round(what, errors) if errors else ()
            except (GridTaskError, OSError) as problem:
                if isinstance(problem, SubmitError) and problem.is_limit:
                    self._waiting.setdefault(what, {}).update(errors)
                    self._not_before = self._clock() + LIMIT_POLL_SECONDS
                    continue
                for index, error in errors.items():
                    error.add_note(f"it could not be submitted again: {problem}")
                    self._ledger.fail(index, error)
        return submitted

    def _submit_round(
        self, what: _Round, errors: Mapping[int, CallError]
    ) -> Iterator[Continued]:
        """Submit together what has the run, the resources and the reason in common."""
        plan = self._claims[what.run_id].plan
        inputs = _missing_inputs(errors.values())
        more = what.more
        for found in self.submit_all(plan, errors, more, inputs, is_asked=False):
            if found.is_own:
                error = errors[found.indices[0]]
                about = more, plan, len(found.indices), error
                text = describe(*about, is_innocent=what.is_innocent)
                found = found._replace(text=text)
            yield found

    def resubmit(
        self, indices: Iterable[int], more: Resources, inputs: Collection[bytes]
    ) -> Iterator[Continued]:
        """Submit failed calls again as their user has asked for, run by run."""
        by_run: dict[str, list[int]] = {}
        for index in indices:
            by_run.setdefault(self._ledger.run_of(index) or "", []).append(index)
        for run_id, chosen in by_run.items():
            yield from self.submit_all(self._claims[run_id].plan, chosen, more, inputs)

    def submit_all(
        self,
        plan: RunPlan,
        indices: Iterable[int],
        more: Resources,
        inputs: Collection[bytes] = (),
        *,
        is_asked: bool = True,
    ) -> list[Continued]:
        """Submit calls of a run again; GridTaskError where nothing can be.

        Parameters
        ----------
        is_asked : bool
            Whether a user has asked for it.
        """
        if self._resubmitter is None:
            msg = "nothing is tried again here"
            raise GridTaskError(msg)
        index_of = {self._key_of(index): index for index in indices}
        keys = list(index_of)
        submit = self._resubmitter.submit
        rounds = submit(plan, keys, more, inputs, is_asked=is_asked)
        return _continued(rounds, index_of)

    def submitted_elsewhere(self, lost: Iterable[OpenTask]) -> Iterator[Continued]:
        """Yield the runs by which other drivers have submitted lost calls again."""
        by_run: dict[str, dict[bytes, int]] = {}
        for task in lost:
            keys = {self._key_of(index): index for index in task.indices}
            by_run.setdefault(task.place.run_id, {}).update(keys)
        for run_id, index_of in by_run.items():
            claim = self._claims.get(run_id)
            if claim is None or self._resubmitter is None or not index_of:
                continue
            submitted = self._resubmitter.submitted_elsewhere
            yield from _continued(submitted(claim.plan, list(index_of)), index_of)

    def again(
        self,
        index: int,
        more: Resources,
        error: CallError,
        *,
        is_innocent: bool = False,
    ) -> None:
        """Put a call down for the next submission."""
        place = self._ledger.place_of(index)
        assert place is not None
        what = _Round(place.run_id, more, is_innocent)
        self._waiting.setdefault(what, {})[index] = error

    def _n_guilty(self, task: OpenTask, error: CallError) -> int:
        """Return how many of a begun array task's open calls share its end.

        Usually the one it was in; all where no call is to blame (a full disk
        would end each of them). If the time ran out at a later call than the
        first, that one shared the time with others and is not to blame.
        """
        if isinstance(error, Deleted | ResultUnreadable | WorkerFailedToStart):
            return len(task.indices)
        if isinstance(error, TimeLimit) and not self._is_at_first_call(task):
            return 0
        return 1

    def _is_recut(self, task: OpenTask) -> bool:
        claim = self._claims[task.place.run_id]
        return claim.is_recut(task.place.task) and not claim.is_cancelled()

    def _is_at_first_call(self, task: OpenTask) -> bool:
        run_id, number = Place(*task.place)
        first_key = self._claims[run_id].plan.chunk_keys(number)[0]
        return self._key_of(task.first) == first_key


def _continued(
    rounds: Iterable[Round], index_of: Mapping[bytes, int]
) -> list[Continued]:
    """Return rounds with the indices of their calls in the place of the keys."""
    return [
        Continued(claim, [index_of[key] for key in keys], is_own)
        for claim, keys, is_own in rounds
    ]


def _missing_inputs(errors: Iterable[CallError]) -> list[bytes]:
    """Return the keys of inputs for want of which calls are tried again."""
    return [
        bytes.fromhex(error.missing)
        for error in errors
        if isinstance(error, UpstreamFailed) and error.missing
    ]
