"""A task under the options of one moment: its code, cache, backend and terms.

Made anew for each call of the public API, so that settings, the working
directory and edited globals count as they are then.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from gridtask import backends, config, upstream
from gridtask.backends.base import Backend, JobRequest
from gridtask.backends.cluster_params import merge
from gridtask.calls import Arguments, Binder, bind_all
from gridtask.errors import ConfigError, GridTaskError, NestedSubmission
from gridtask.options import SETTINGS
from gridtask.other_keys import accepted_keys
from gridtask.pace import HERE, Pace, cluster_pace
from gridtask.records import tidy
from gridtask.run import Run
from gridtask.store import values
from gridtask.store.segment import Kind
from gridtask.store.store import Folder, LoadError, Store
from gridtask.submission import Order, Submission, Terms
from gridtask.versions import keep_version
from gridtask.work import Work, call_text
from gridtask.worker import is_inside_call

if TYPE_CHECKING:
    from gridtask.plan import Plan
    from gridtask.progress import Status
    from gridtask.why import Reason

R = TypeVar("R")

_STORES: dict[Path, Store] = {}
_FOLDERS: dict[Path, Folder] = {}
_WRITERS: dict[Path, Any] = {}
_ANNOUNCED: set[str] = set()

N_ROUNDS = 3
"""How often a map is made whose results turn out to be damaged when read."""


class Session(Generic[R]):
    """What a task's options and the settings of this moment amount to."""

    def __init__(
        self, function: Callable[..., R], label: str, options: Mapping[str, Any]
    ) -> None:
        self.function = function
        self.label = label
        self._options = options
        loaded = config.load(Path.cwd(), os.environ).settings
        given = {name: options[name] for name in SETTINGS if name in options}
        self.settings = loaded.with_options(**given)
        self.binder = Binder(function, label)
        unknown = set(options.get("ignore", ())) - set(self.binder.names)
        if unknown:
            msg = (
                f"ignore={sorted(unknown)!r}: {label} has only the parameters "
                f"{', '.join(self.binder.names)}"
            )
            raise ConfigError(msg)

    def add_cluster_params(self, params: str | Sequence[str]) -> None:
        """Lay the cluster parameters of one map above all others."""
        self.settings = self.settings.with_options(cluster_params=params)

    def refuse_nested(self) -> None:
        """Refuse to submit from inside a call.

        Raises
        ------
        NestedSubmission
            Unless ``GRIDTASK_NESTED=allow`` is set.
        """
        if is_inside_call() and os.environ.get("GRIDTASK_NESTED") != "allow":
            msg = (
                f"{self.label} was to be mapped or submitted from inside a call of a "
                "task, where it would wait for slots that its own caller holds. Call "
                f"{self.label}(...) directly (it is cached), or map it in the driver; "
                "nest=True or GRIDTASK_NESTED=allow lifts this"
            )
            raise NestedSubmission(msg)

    # ------------------------------------------------------------------- parts

    @cached_property
    def store(self) -> Store:
        """The cache folder."""
        root = config.find_cache(Path.cwd(), self.settings)
        if root not in _STORES:
            _STORES[root] = Store.open(root)
        return _STORES[root]

    @cached_property
    def folder(self) -> Folder:
        """The task's folder in it; a process reads each one only once."""
        folder = self.store.folder(self.label)
        return _FOLDERS.setdefault(folder.path, folder)

    @cached_property
    def work(self) -> Work:
        """What is computed: the code's identity and the parameters."""
        from gridtask.identity.code import identify

        code = identify(
            self.function,
            depends=self._options.get("depends", ()),
            ignore_code=self._options.get("ignore_code", ()),
            version=self._options.get("version"),
            third_party=self.settings.third_party,
        )
        return Work(
            label=self.label,
            task=self.label,
            code=code,
            names=self.binder.names,
            ignore=frozenset(self._options.get("ignore", ())),
            show_args=self.settings.show_args,
        )

    @property
    def backend_name(self) -> str:
        """The backend that the settings choose here."""
        return backends.choose(self.settings.backend, os.environ)[0]

    def terms(self, warn: Callable[[str], None]) -> Terms:
        """Open the backend and resolve the resources."""
        settings = self.settings
        name, why = backends.choose(settings.backend, os.environ)
        if settings.backend == "auto" and name not in _ANNOUNCED:
            _ANNOUNCED.add(name)
            warn(f"gridtask: backend {name!r}: {why}")
        runner = SerialRunner(self, warn).run if name == "serial" else None
        backend = open_backend(name, settings, self.store.runs, runner)
        resources = merge([settings], settings.site)
        is_cluster = name == "gridengine"
        return Terms(
            backend=backend,
            pace=pace_of(name, settings),
            site=settings.site,
            cluster_params=resources.words if is_cluster else (),
            memory=resources.memory if is_cluster else None,
            time=resources.time if is_cluster else None,
            slots=resources.slots,
            max_running=settings.max_running,
            max_array_tasks=settings.site.max_array_tasks if is_cluster else None,
            chunk=settings.chunk,
            env=settings.env,
            retries=settings.retries,
            escalate=dict(settings.escalate),
        )

    # ------------------------------------------------------------------- calls

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Arguments:
        """Bind one call; TypeError as the function itself would raise it."""
        try:
            return self.binder.bind(args, kwargs)
        except TypeError as error:
            shown = self.binder.describe(args, kwargs)
            msg = f"{self.label}{self.binder.signature}: {error}; arguments: {shown}"
            raise TypeError(msg) from None

    def bind_all(
        self,
        raw: Iterable[tuple[Sequence[Any], Mapping[str, Any]]],
        common: Mapping[str, Any] | None,
    ) -> list[Arguments]:
        """Bind every call of a map."""
        return bind_all(self.binder, raw, common)

    def key(self, arguments: Arguments) -> bytes:
        """Return a call's key."""
        return self.work.keys([arguments])[0]

    def call(self, arguments: Arguments) -> R:
        """Return a call's result: from the cache, else computed here and kept."""
        key = self.key(arguments)
        self.folder.refresh()
        number = self._find(arguments, key)
        if number >= 0:
            (value,) = self.folder.load([number])
            if not isinstance(value, LoadError):
                return cast(R, value)
            self.folder.remove([number])  # damaged: computed again
        keep_version(self.work, self.folder)
        text = call_text("", arguments, self.settings.show_args)[1:-1]
        inputs = upstream.resolve(arguments)
        started = time.perf_counter()
        result: R = self.binder.call(self.function, inputs)
        seconds = time.perf_counter() - started
        self._writer().put(
            key,
            self.work.code.digest[:8],
            values.encode(result),
            seconds=seconds,
            peak_mb=0,
            meta={"args": text, "host": os.uname().nodename},
        )
        return result

    def _find(self, arguments: Arguments, key: bytes) -> int:
        """Return the record of a call's result, -1 if there is none.

        That of code that the user has accepted counts too.
        """
        (number,) = self.folder.find([key])
        if number < 0:
            for _, keys in accepted_keys(self.work, self.folder, [arguments]):
                number = max(number, *self.folder.find([k for k in keys if k]), -1)
        return number

    def why(self, arguments: Arguments) -> Reason:
        """Return why a call would or would not be reused."""
        from gridtask.explain import Explainer
        from gridtask.flights import find_flights

        flights = find_flights(self.store).of(self.label)
        self.folder.refresh()
        explainer = Explainer(self.work, self.folder, [arguments], flights)
        (reason,) = explainer.reasons()
        if not reason.is_reuse and explainer.has_code_changed:
            keep_version(self.work, self.folder)  # for `gridtask accept`
        return reason

    def forget(self, arguments: Arguments) -> bool:
        """Drop a call's result; tell whether there was one."""
        self._close_writer()
        self.folder.refresh()
        is_found = False
        while (number := self._find(arguments, self.key(arguments))) >= 0:
            self.folder.remove([number])
            is_found = True
        return is_found

    def forget_all(self) -> int:
        """Drop all results of the task; return how many there were."""
        self._close_writer()
        self.folder.refresh()
        numbers = self.folder.numbers()
        n_results = len(self.folder.numbers(Kind.OK))
        self.folder.remove(numbers)
        return n_results

    # --------------------------------------------------------------------- maps

    def results(
        self,
        calls: list[Arguments],
        *,
        progress: bool | None = None,
        timeout: float | None = None,
        return_exceptions: bool = False,
        **order: Any,
    ) -> list[R]:
        """Submit what is missing, wait, and return all results."""
        from gridtask.progress import open_status

        live = self.backend_name != "serial"  # redrawing would disturb prints and pdb
        with open_status(self.label, progress=progress, live=live) as status:
            for _ in range(N_ROUNDS):
                run = self._start(status, Order(calls, **order))
                run._wait(status, timeout)
                values, failed = run._gather()
                lost = run._execution.lost
                if not lost:
                    break
                status.message(f"{len(lost)} results are computed again; {lost[0]}")
                order["refresh"] = False
        tidy(self.folder)
        return run._deliver(values, failed, return_exceptions)

    def submit(self, calls: list[Arguments], **order: Any) -> Run[R]:
        """Submit what is missing and return the run."""
        from gridtask.progress import open_status

        with open_status(self.label, live=False) as status:
            return self._start(status, Order(calls, always_publish=True, **order))

    def preview(self, calls: list[Arguments]) -> Plan:
        """Return the plan of a map."""
        terms = self.terms(lambda text: None)
        return Submission(
            self.work, terms, self.store, self.folder, Order(calls), lambda text: None
        ).preview()

    def _start(self, status: Status, order: Order) -> Run[R]:
        terms = self.terms(status.message)
        submission = Submission(
            self.work, terms, self.store, self.folder, order, status.message
        )
        calls = [dict(call) for call in order.calls]
        return Run(submission.start(), lambda: calls, self.label)

    def _writer(self) -> Any:
        """Return this process's writer of direct calls' results."""
        path = self.folder.path
        if path not in _WRITERS:
            import atexit

            writer = self.folder.writer(f"direct.{os.getpid()}", meta={})
            atexit.register(writer.close)
            _WRITERS[path] = writer
        return _WRITERS[path]

    def _close_writer(self) -> None:
        writer = _WRITERS.pop(self.folder.path, None)
        if writer is not None:
            writer.close()


def open_backend(
    name: str,
    settings: config.Settings,
    runs: Path,
    run_task: Callable[[JobRequest, int], None] | None = None,
) -> Backend:
    """Return the backend `name` for the runs of one cache folder."""
    if name == "gridengine":
        from gridtask.backends.gridengine import GridEngineBackend

        return GridEngineBackend()
    if name == "local":
        from gridtask.backends.local import LocalBackend

        return LocalBackend(runs, settings.max_running)
    from gridtask.backends.serial import SerialBackend

    return SerialBackend(run_task or _refuse)


def pace_of(name: str, settings: config.Settings) -> Pace:
    """Return how often a backend's runs are looked at."""
    return cluster_pace(settings.site.fs_latency) if name == "gridengine" else HERE


def _refuse(request: JobRequest, task: int) -> None:
    msg = "a serial run computes in the process that submits it, nowhere else"
    raise GridTaskError(msg)


class SerialRunner:
    """Runs array tasks in this process, from the run file like a worker."""

    def __init__(self, session: Session[Any], say: Callable[[str], None]) -> None:
        self._session = session
        self._say = say
        self._n_done = 0

    def run(self, request: JobRequest, task: int) -> None:
        """Compute the calls of one array task here."""
        from gridtask.runfile import RunFile
        from gridtask.worker import compute, this_attempt

        path = Path(request.argv[-2])
        run_file = RunFile(path)
        world, _ = run_file.code()
        n_calls = sum(run_file.plan().chunks)

        def announce(number: int, arguments: Arguments) -> None:
            self._n_done += 1
            text = call_text(world.label, arguments, world.show_args)
            self._say(f"call {self._n_done} of {n_calls}: {text}")

        compute(
            self._session.function,
            run_file.chunk(task),
            run_file,
            world,
            self._session.folder,
            this_attempt(path.stem, task),
            announce,
            stop_on=(KeyboardInterrupt, *_debugger_quits()),
        )


def _debugger_quits() -> tuple[type[BaseException], ...]:
    """Return what leaving pdb raises, if a debugger is loaded."""
    bdb = sys.modules.get("bdb")
    return (bdb.BdbQuit,) if bdb is not None else ()
