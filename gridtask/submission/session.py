"""A task under the options of one moment: its code, cache, backend and terms.

Made anew for each call of the public API, so that settings, the working
directory and edited globals count as they are then. What only a submission
needs is imported when there is one: a rerun that finds everything is quick.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from gridtask import backends, config
from gridtask.calls.binding import Arguments, Binder, Calls, bind_all
from gridtask.calls.work import Work, call_text
from gridtask.claims.world import WORKER, is_inside_call
from gridtask.debug import debug, is_on
from gridtask.driver.counts import Counts
from gridtask.driver.tidying import tidy
from gridtask.errors import ConfigError, NestedSubmission
from gridtask.lazy import lazy
from gridtask.options import SETTINGS
from gridtask.store import values
from gridtask.store.record import Kind
from gridtask.store.store import Folder, LoadError, Store, writing

if TYPE_CHECKING:
    from gridtask.plan import Plan
    from gridtask.progress.display import Status
    from gridtask.run import Run
    from gridtask.terms import Terms
    from gridtask.why.rules import Reason

R = TypeVar("R")

_STORES: dict[Path, Store] = {}
_FOLDERS: dict[tuple[Path, bool], Folder] = {}
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

    @lazy
    def store(self) -> Store:
        """The cache folder."""
        root = config.find_cache(Path.cwd(), self.settings)
        if root not in _STORES or not _STORES[root].runs.is_dir():
            _STORES[root] = Store.open(root)  # it may have been removed meanwhile
        return _STORES[root]

    @lazy
    def folder(self) -> Folder:
        """The task's folder in it; a process reads each one only once."""
        folder = self.store.folder(self.label, mapped=self.settings.mmap)
        return _FOLDERS.setdefault((folder.path, folder.mapped), folder)

    @lazy
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

    @lazy
    def backend_name(self) -> str:
        """The backend that the settings choose here."""
        return backends.choose(self.settings.backend, os.environ)[0]

    def announce(self, say: Callable[[str], None]) -> None:
        """Say once which backend was chosen, and why."""
        name, why = backends.choose(self.settings.backend, os.environ)
        root = config.find_cache(Path.cwd(), self.settings)
        debug("%s: backend %s (%s); cache folder %s", self.label, name, why, root)
        if self.settings.backend == "auto" and name not in _ANNOUNCED:
            _ANNOUNCED.add(name)
            say(f"gridtask: backend {name!r}: {why}")

    def terms(self, say: Callable[[str], None]) -> Terms:
        """Open the backend and resolve the resources."""
        from gridtask.terms import SerialRunner, make_terms

        runs = self.store.runs
        runner = SerialRunner(self.function, self.folder, say)
        return make_terms(self.backend_name, self.settings, runs, runner.run)

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
    ) -> Calls:
        """Bind every call of a map."""
        return bind_all(self.binder, raw, common)

    def key(self, arguments: Arguments) -> bytes:
        """Return a call's key."""
        return self.work.keys([arguments])[0]

    def call(self, arguments: Arguments) -> R:
        """Return a call's result: from the cache, else computed here and kept."""
        from gridtask.claims import upstream

        key = self.key(arguments)
        self.folder.refresh()
        number = self._find(arguments, key)
        if number >= 0:
            (value,) = self.folder.load([number])
            if not isinstance(value, LoadError):
                return cast(R, value)
            self.folder.remove([number])  # damaged: computed again
        self._keep_version()
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
            from gridtask.why.other_keys import accepted_keys

            for _, keys in accepted_keys(self.work, self.folder, [arguments]):
                number = max(number, *self.folder.find([k for k in keys if k]), -1)
        return number

    def why(self, arguments: Arguments) -> Reason:
        """Return why a call would or would not be reused."""
        from gridtask.caches.flights import find_flights
        from gridtask.why.explain import Explainer

        flights = find_flights(self.store).of(self.label)
        self.folder.refresh()
        explainer = Explainer(self.work, self.folder, [arguments], flights=flights)
        (reason,) = explainer.reasons()
        if not reason.is_reuse and explainer.has_code_changed:
            self._keep_version()  # for `gridtask accept`
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
        calls: Calls,
        *,
        progress: bool | None = None,
        timeout: float | None = None,
        return_exceptions: bool = False,
        refresh: bool = False,
        **order: Any,
    ) -> list[R]:
        """Return all results: from the cache, else submit what is missing and wait."""
        from gridtask.progress.display import open_status

        live = self.backend_name != "serial"  # redrawing would disturb prints and pdb
        with open_status(self.label, progress=progress, live=live) as status:
            self.announce(status.message)
            self.folder.refresh()
            if calls and not self.folder.n_changes:  # there can be no results
                backends.prepare(self.backend_name, WORKER)
            keys, reused = self._look_up(calls, refresh, status.message)
            if reused is not None:
                status.update(Counts(total=len(calls), cached=len(calls)))
                return reused
            for _ in range(N_ROUNDS):
                run = self._start(status, calls, keys, refresh=refresh, **order)
                is_complete = run._wait(status, timeout, asks=not return_exceptions)
                values, failed = run._gather()
                lost = run._execution.lost
                if not lost:
                    break
                status.message(f"{len(lost)} results are computed again; {lost[0]}")
                refresh = False
        tidy(self.folder)
        return run._deliver(values, failed, return_exceptions, is_complete)

    def _look_up(
        self, calls: Calls, refresh: bool, say: Callable[[str], None]
    ) -> tuple[list[bytes], list[R] | None]:
        """Return all results if they are all there, else all keys and None.

        Most reruns end here, without what only a submission needs.
        """
        keys = self.work.keys(calls)
        if refresh:
            return keys, None
        numbers = self.folder.find(keys)
        n_found = sum(number >= 0 for number in numbers) if is_on() else 0
        debug("%s: %d of %d calls have a result", self.label, n_found, len(keys))
        if min(numbers, default=0) < 0:
            return keys, None
        del keys  # they take more memory than small results
        values = self.folder.load(numbers)
        bad = [i for i, value in enumerate(values) if type(value) is LoadError]
        if bad:
            text = call_text(self.label, calls[bad[0]], self.settings.show_args)
            reason = cast(LoadError, values[bad[0]]).exception
            say(f"{len(bad)} results cannot be read; {text}: {reason}")
            return self.work.keys(calls), None
        tidy(self.folder)
        return [], cast("list[R]", values)

    def submit(self, calls: Calls, **order: Any) -> Run[R]:
        """Submit what is missing and return the run."""
        from gridtask.progress.display import open_status

        with open_status(self.label, live=False) as status:
            self.announce(status.message)
            keys = self.work.keys(calls)
            return self._start(status, calls, keys, always_publish=True, **order)

    def preview(self, calls: Calls) -> Plan:
        """Return the plan of a map."""
        from gridtask.submission.planning import Order, Planner

        order = Order(calls, self.work.keys(calls))
        terms = self.terms(_ignore)
        planner = Planner(self.work, terms, self.store, self.folder, order, _ignore)
        return planner.preview()

    def _start(
        self,
        status: Status,
        calls: Calls,
        keys: list[bytes],
        **order: Any,
    ) -> Run[R]:
        """Submit what is missing."""
        backends.prepare(self.backend_name, WORKER)
        from gridtask.run import Run
        from gridtask.submission.planning import Order
        from gridtask.submission.submit import Submission

        say, what = status.message, Order(calls, keys, **order)
        terms = self.terms(say)
        submission = Submission(self.work, terms, self.store, self.folder, what, say)
        with writing(self.store.root):
            execution = submission.start()
        return Run(execution, lambda: list(calls), self.label)

    def _writer(self) -> Any:
        """Return this process's writer of direct calls' results."""
        path = self.folder.path
        if path not in _WRITERS:
            import atexit

            writer = self.folder.writer(f"direct.{os.getpid()}", meta={})
            atexit.register(writer.close)
            _WRITERS[path] = writer
        return _WRITERS[path]

    def _keep_version(self) -> None:
        """Note the code's version in the folder, once."""
        from gridtask.why.versions import keep_version

        keep_version(self.work, self.folder)

    def _close_writer(self) -> None:
        writer = _WRITERS.pop(self.folder.path, None)
        if writer is not None:
            writer.close()


def _ignore(text: str) -> None:
    """Say nothing."""
