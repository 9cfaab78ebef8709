"""Under which terms a run's jobs run: backend, resources, pace."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gridtask.backends.base import Backend, JobRequest
from gridtask.backends.cluster_params import merge
from gridtask.backends.site import SiteProfile
from gridtask.calls.binding import Arguments
from gridtask.calls.work import call_text
from gridtask.claims.runfile import RunFile
from gridtask.config import Settings
from gridtask.driver.pace import HERE, Pace, cluster_pace
from gridtask.errors import GridTaskError
from gridtask.plan import ChunkSize

if TYPE_CHECKING:
    from gridtask.store.store import Folder


_BACKENDS: dict[tuple[object, ...], Backend] = {}


class Terms(NamedTuple):
    """Under which terms a run's jobs run."""

    backend: Backend
    pace: Pace
    site: SiteProfile
    cluster_params: tuple[str, ...] = ()
    memory: str | None = None
    time: str | None = None
    slots: int = 1
    max_running: int | None = None
    max_array_tasks: int | None = None
    chunk: ChunkSize = "auto"
    env: tuple[str, ...] = ()
    retries: int = 1
    escalate: dict[str, float] = {}  # noqa: RUF012 - nobody changes it


def make_terms(
    name: str,
    settings: Settings,
    runs: Path,
    run_task: Callable[[JobRequest, int], None] | None,
) -> Terms:
    """Open a backend and resolve the resources of its jobs.

    Parameters
    ----------
    name : str
        The backend's name.
    runs : Path
        Folder of the run files.
    run_task : callable or None
        What the serial backend runs.
    """
    is_cluster = name == "gridengine"
    if not is_cluster:  # nobody would read them
        settings = settings._replace(cluster_params=())
    resources = merge([settings], settings.site)
    return Terms(
        backend=open_backend(name, settings, runs, run_task),
        pace=pace_of(name, settings),
        site=settings.site,
        cluster_params=resources.words if is_cluster else (),
        memory=None if name == "serial" else resources.memory,
        time=None if name == "serial" else resources.time,
        slots=resources.slots,
        max_running=settings.max_running,
        max_array_tasks=settings.site.max_array_tasks if is_cluster else None,
        chunk=settings.chunk,
        env=settings.env,
        retries=settings.retries,
        escalate=dict(settings.escalate),
    )


def open_backend(
    name: str,
    settings: Settings,
    runs: Path,
    run_task: Callable[[JobRequest, int], None] | None = None,
) -> Backend:
    """Return the backend `name` for the runs of one cache folder.

    All runs of a process share one, and with it the scheduler's answers.
    """
    where = (name, runs, settings.max_running, os.environ.get("SGE_ROOT"))
    if name == "gridengine" and where not in _BACKENDS:
        from gridtask.backends.gridengine import GridEngineBackend

        _BACKENDS[where] = GridEngineBackend()
    if name == "local" and where not in _BACKENDS:
        from gridtask.backends.local import LocalBackend

        _BACKENDS[where] = LocalBackend(runs, settings.max_running)
    if where in _BACKENDS:
        return _BACKENDS[where]
    from gridtask.backends.serial import SerialBackend

    return SerialBackend(run_task or _refuse)


def pace_of(name: str, settings: Settings) -> Pace:
    """Return how often a backend's runs are looked at."""
    return cluster_pace(settings.site.fs_latency) if name == "gridengine" else HERE


def _refuse(request: JobRequest, task: int) -> None:
    msg = "a serial run computes in the process that submits it, nowhere else"
    raise GridTaskError(msg)


class SerialRunner:
    """Runs array tasks in this process, from the run file like a worker."""

    def __init__(
        self, function: Callable[..., Any], folder: Folder, say: Callable[[str], None]
    ) -> None:
        self._function = function
        self._folder = folder
        self._say = say
        self._run_file = Path()
        self._n_done = 0

    def run(self, request: JobRequest, task: int) -> None:
        """Compute the calls of one array task here."""
        from gridtask.worker.computation import Computation
        from gridtask.worker.main import this_attempt

        path = Path(request.argv[-2])
        run_file = RunFile(path)
        world, _ = run_file.code()
        n_calls = sum(run_file.plan().chunks)
        if path != self._run_file:  # a retry has one of its own
            self._run_file, self._n_done = path, 0

        def announce(number: int, arguments: Arguments) -> None:
            self._n_done += 1
            text = call_text(world.label, arguments, world.show_args)
            self._say(f"call {self._n_done} of {n_calls}: {text}")

        Computation(
            self._function,
            run_file,
            world,
            self._folder,
            this_attempt(path.stem, task),
            announce=announce,
            stop_on=(KeyboardInterrupt, *_debugger_quits()),
        ).run(run_file.chunk(task))


def _debugger_quits() -> tuple[type[BaseException], ...]:
    """Return what leaving pdb raises, if a debugger is loaded."""
    bdb = sys.modules.get("bdb")
    return (bdb.BdbQuit,) if bdb is not None else ()
