"""Runs of earlier processes: listed, and opened again from their run files."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gridtask import config, fs
from gridtask.calls.binding import Arguments
from gridtask.calls.work import call_text
from gridtask.claims.claim import Claim, open_claim
from gridtask.claims.runfile import ID_LENGTH, RunFile, RunPlan
from gridtask.driver.execution import Execution
from gridtask.driver.retry import Resubmitter, is_child_of, round_of
from gridtask.errors import CallError, GridTaskError, warn
from gridtask.run import Run
from gridtask.store.store import Store
from gridtask.terms import open_backend, pace_of


def runs(cache_dir: str | os.PathLike[str] | None = None) -> list[Run[Any]]:
    """Return the runs of a cache folder whose run files are there, oldest first.

    Parameters
    ----------
    cache_dir : path, optional
        The cache folder; by default the one that a task would use here.
    """
    store, settings = _open(cache_dir)
    opened = []
    for run_id in _run_ids(store):
        try:
            opened.append(_reopen(store, settings, run_id))
        except (GridTaskError, OSError) as error:
            warn(f"run {run_id} cannot be opened: {error}")
    return sorted(opened, key=lambda run: run.created_at)


def open_run(
    id_or_name: str, cache_dir: str | os.PathLike[str] | None = None
) -> Run[Any]:
    """Open a run again by its id or by the name that its user gave it.

    Parameters
    ----------
    id_or_name : str
        Of several runs with this name, the latest is opened.
    cache_dir : path, optional
        The cache folder; by default the one that a task would use here.

    Raises
    ------
    KeyError
        If there is no such run; lists near ones.
    """
    store, settings = _open(cache_dir)
    ids = _run_ids(store)
    if id_or_name in ids:
        return _reopen(store, settings, id_or_name)
    latest = _latest_by_name(store, ids)
    if id_or_name in latest:
        return _reopen(store, settings, latest[id_or_name])
    known = [*ids, *latest]
    near = difflib.get_close_matches(str(id_or_name), known, n=3) or known[-3:]
    listed = ", ".join(near) or "none"
    msg = f"no run {id_or_name!r} in {store.root}; there are {listed}"
    raise KeyError(msg)


def _open(
    cache_dir: str | os.PathLike[str] | None,
) -> tuple[Store, config.Settings]:
    settings = config.load(Path.cwd(), os.environ).settings
    if cache_dir is not None:
        settings = settings.with_options(cache_dir=cache_dir)
    root = config.find_cache(Path.cwd(), settings)
    return Store.open(root), settings


def _all_ids(store: Store) -> list[str]:
    names = fs.list_names(store.runs)
    return sorted(name[:-4] for name in names if name.endswith(".run"))


def _run_ids(store: Store) -> list[str]:
    """Return the ids of runs that do not continue another one."""
    return [run_id for run_id in _all_ids(store) if len(run_id) == ID_LENGTH]


def _latest_by_name(store: Store, run_ids: list[str]) -> dict[str, str]:
    """Return the id of the latest run of each name, oldest first."""
    plans = []
    for run_id in run_ids:
        try:
            plans.append(open_claim(store.runs, run_id).plan)
        except (GridTaskError, OSError) as error:
            warn(f"run {run_id} cannot be opened: {error}")
    plans.sort(key=lambda plan: plan.created_at)
    return {plan.name: plan.run_id for plan in plans if plan.name}


def _reopen(store: Store, settings: config.Settings, run_id: str) -> Run[Any]:
    """Rebuild a run's execution from its run file."""
    own = open_claim(store.runs, run_id)
    plan = own.plan
    claims = {run_id: own}
    for other in {place.run_id for place in plan.flying.values()}:
        with suppress(GridTaskError, OSError):  # without it, its calls are gone
            claims[other] = open_claim(store.runs, other)
    ended = _summary(own)
    backend = open_backend(plan.backend, settings, store.runs)
    folder = store.folder(plan.task, mapped=settings.mmap)
    execution = Execution(
        folder,
        plan,
        backend,
        pace_of(plan.backend, settings),
        claims,
        Resubmitter(store.runs, folder, backend, settings.site),
        own=None if ended else own,
    )
    children = [id_ for id_ in _all_ids(store) if is_child_of(id_, run_id)]
    for child in sorted(children, key=round_of):
        claims[child] = open_claim(store.runs, child)
        execution.follow(claims[child])
    loader = _Loader(store.runs / f"{run_id}.run", plan)
    execution.texts = loader.text
    # Before the look at the results: those of a run that ended since may be new.
    summaries = {id_: _summary(claim) for id_, claim in claims.items()}
    execution.step(now=True)
    _fail_ended(execution, summaries)
    return Run(execution, loader.arguments, plan.task)


def _fail_ended(
    execution: Execution, summaries: Mapping[str, Mapping[str, Any]]
) -> None:
    """Fail the open calls of runs that had ended; others are still under way."""
    for index in execution.open_calls:
        place = execution.claim_of(index)
        run_id = place[0].plan.run_id if place else ""
        if summaries.get(run_id):
            failed = summaries[run_id].get("failed", {})
            kind = failed.get(execution.plan.keys[index].hex(), "removed")
            where = execution.causes.where(index)
            execution.fail(index, where.error(CallError, f"its run ended with: {kind}"))


def _summary(claim: Claim) -> Mapping[str, Any]:
    """Return what was written down when the run ended; empty if it has not."""
    summary = claim.summary()
    return {} if summary.get("abandoned") else summary


class _Loader:
    """Reads the arguments of a run from its file when they are asked for."""

    def __init__(self, path: Path, plan: RunPlan) -> None:
        self._path = path
        self._plan = plan
        self._packed: dict[int, bytes] | None = None
        self._file: RunFile | None = None

    def arguments(self) -> list[Arguments]:
        """Return the arguments of all calls."""
        return [self._arguments(index) for index in self._plan.positions]

    def text(self, index: int) -> str:
        """Return a call as text."""
        try:
            return call_text(self._plan.task, self._arguments(index))
        except Exception:  # a class of the arguments may be missing here
            return f"{self._plan.task}(…)"

    def _arguments(self, index: int) -> Arguments:
        if self._file is None:
            self._file = RunFile(self._path)
        if self._packed is None:
            self._packed = self._file.arguments(self._plan)
        if index not in self._packed:
            key = self._plan.keys[index].hex()[:8]
            msg = (
                f"run {self._plan.run_id} does not hold the arguments of call {key}, "
                "which another run has computed; submit_map keeps those of all calls"
            )
            raise GridTaskError(msg)
        return self._file.unpack(self._packed[index])
