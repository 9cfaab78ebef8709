"""`grid_task` and what it makes of a function: the part that users touch."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from gridtask.calls import binding as forms
from gridtask.options import check_function, check_options

if TYPE_CHECKING:
    from typing import Concatenate, Self, Unpack

    from gridtask.futures import GridFuture
    from gridtask.grid import Grid
    from gridtask.options import Options
    from gridtask.plan import Plan
    from gridtask.run import Run
    from gridtask.submission.session import Session
    from gridtask.why.rules import Reason

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")


class GridTask(Generic[P, R]):
    """A function whose calls are computed once and kept.

    Made by `grid_task`. Calling it computes one call here, through the cache;
    `map` and its relatives compute many, wherever the backend runs them.

    Attributes
    ----------
    func : callable
        The plain function.
    """

    __gridtask_task__ = True

    def __init__(self, func: Callable[P, R], options: Mapping[str, Any]) -> None:
        check_function(func)
        self.func = func
        self._options = dict(options)
        functools.update_wrapper(self, func, updated=())

    def __repr__(self) -> str:
        return f"<gridtask.GridTask {self.label}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        module = getattr(self, "__module__", "__main__")
        name = getattr(self, "__qualname__", "")
        if module != "__main__" and _find(module, name) is self:
            return name
        return _rebuild, (self.func, self._options)

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(
        self: GridTask[Concatenate[S, Q], R], instance: S, owner: type | None = None
    ) -> GridTask[Q, R]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind as a method: ``instance.task(x)`` passes the instance first."""
        if instance is None:
            return self
        return GridTask(functools.partial(self.func, instance), self._options)

    @property
    def label(self) -> str:
        """The function's name for people and for its folder in the cache."""
        return str(self._options.get("name") or _name_of(self.func))

    @property
    def code_options(self) -> dict[str, Any]:
        """The options that belong to the code's identity."""
        names = ("version", "depends", "ignore_code")
        return {n: self._options[n] for n in names if n in self._options}

    def options(self, **options: Unpack[Options]) -> GridTask[P, R]:
        """Return the same task with other options of `grid_task`; the others stay.

        Raises
        ------
        TypeError
            If an option does not exist.
        """
        checked = check_options(options, stacklevel=2)
        return GridTask(self.func, {**self._options, **checked})

    # ------------------------------------------------------------------ one call

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the result of this call: from the cache, else computed here."""
        session = self._session()
        return session.call(session.bind(args, kwargs))

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> GridFuture[R]:
        """Submit one call and return its future at once.

        An argument may be a future or a run of another task: its value is read
        where the call runs.
        """
        session = self._session(submits=True)
        return session.submit(forms.Calls.one(session.bind(args, kwargs)))[0]

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Return the call's key, 32 hexadecimal digits."""
        session = self._session()
        return session.key(session.bind(args, kwargs)).hex()

    def why(self, *args: P.args, **kwargs: P.kwargs) -> Reason:
        """Return why this call would or would not be reused: print it."""
        session = self._session()
        return session.why(session.bind(args, kwargs))

    def forget(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Drop the result of this call; tell whether there was one."""
        session = self._session()
        return session.forget(session.bind(args, kwargs))

    def forget_all(self) -> int:
        """Drop all results of this task; return how many there were."""
        return self._session().forget_all()

    # ---------------------------------------------------------------- many calls

    def map(
        self,
        *iterables: Iterable[Any],
        common: Mapping[str, Any] | None = None,
        return_exceptions: bool = False,
        refresh: bool = False,
        run: str | None = None,
        progress: bool | None = None,
        timeout: float | None = None,
        use_cluster: bool | None = None,
        cluster_params: str | Sequence[str] | None = None,
        nest: bool = False,
    ) -> list[R]:
        """Compute all calls that have no result yet; return all results in order.

        Parameters
        ----------
        *iterables
            One iterable of dicts (keyword arguments of each call), or as for
            the builtin `map` one iterable a parameter, of equal lengths.
        common : mapping, optional
            Keyword arguments shared by all calls.
        return_exceptions : bool
            Put the errors of failed calls in their places instead of raising.
        refresh : bool
            Compute all calls anew; the results that are there are dropped.
        run : str, optional
            A name for the run, for `gridtask.open_run`.
        progress : bool, optional
            False shows no status.
        timeout : float, optional
            Seconds to wait at most; the jobs go on.
        use_cluster : bool, optional
            False computes in this process, True on Grid Engine.
        cluster_params : str or sequence of str, optional
            Options of qsub beside the task's own; these win.
        nest : bool
            Allow this inside a worker.

        Returns
        -------
        results : list
            In the order of the calls; arrays in them are writable.

        Raises
        ------
        TypeError, ValueError
            If a call does not fit the signature, or lengths differ; nothing
            is submitted.
        MapError
            If calls failed; its ``results`` holds the others, and a rerun
            computes only what failed.
        TimeoutError
            If `timeout` has passed.

        Examples
        --------
        >>> import tempfile
        >>> from gridtask import grid_task
        >>> @grid_task(backend="serial", cache_dir=tempfile.mkdtemp())
        ... def add(a, b, c=0):
        ...     return a + b + c
        >>> add.map([{"a": 1, "b": 2}, {"a": 3, "b": 4, "c": 5}], progress=False)
        [3, 12]
        """
        session = self._session(use_cluster, cluster_params, submits=True, nest=nest)
        bound = session.bind_all(forms.raw_calls(iterables), common)
        return session.results(
            bound,
            refresh=refresh,
            name=run,
            progress=progress,
            timeout=timeout,
            return_exceptions=return_exceptions,
        )

    def starmap(
        self,
        tuples: Iterable[Sequence[Any]],
        *,
        common: Mapping[str, Any] | None = None,
        return_exceptions: bool = False,
        refresh: bool = False,
        run: str | None = None,
        progress: bool | None = None,
        timeout: float | None = None,
        use_cluster: bool | None = None,
        cluster_params: str | Sequence[str] | None = None,
        nest: bool = False,
    ) -> list[R]:
        """Do as `map`, with one tuple of positional arguments a call."""
        session = self._session(use_cluster, cluster_params, submits=True, nest=nest)
        bound = session.bind_all(forms.raw_starmap(tuples), common)
        return session.results(
            bound,
            refresh=refresh,
            name=run,
            progress=progress,
            timeout=timeout,
            return_exceptions=return_exceptions,
        )

    def grid(
        self,
        axes: Mapping[str, Iterable[Any]] | None = None,
        /,
        *,
        common: Mapping[str, Any] | None = None,
        **keywords: Iterable[Any],
    ) -> Grid[R]:
        """Compute all combinations of the axes, the last one fastest.

        Parameters
        ----------
        axes : mapping, optional
            Values by parameter, where a name collides with ``common``.
        common : mapping, optional
            Keyword arguments shared by all calls.
        **keywords
            Values by parameter.
        """
        from gridtask.grid import Grid

        session = self._session(submits=True)
        lists = forms.grid_axes(axes, keywords)
        bound = session.bind_all(forms.grid_calls(lists), common)
        return Grid(lists, session.results(bound, axes=lists))

    def submit_map(
        self,
        *iterables: Iterable[Any],
        common: Mapping[str, Any] | None = None,
        refresh: bool = False,
        run: str | None = None,
        use_cluster: bool | None = None,
        cluster_params: str | Sequence[str] | None = None,
        nest: bool = False,
    ) -> Run[R]:
        """Submit what is missing as `map` does, and return a `Run` at once.

        It goes on when this process ends; `gridtask.open_run` comes back to it.
        """
        session = self._session(use_cluster, cluster_params, submits=True, nest=nest)
        bound = session.bind_all(forms.raw_calls(iterables), common)
        return session.submit(bound, refresh=refresh, name=run)

    def plan(
        self,
        *iterables: Iterable[Any],
        common: Mapping[str, Any] | None = None,
        use_cluster: bool | None = None,
        cluster_params: str | Sequence[str] | None = None,
    ) -> Plan:
        """Return what `map` would do with the same arguments, to be printed.

        Nothing is computed or submitted.
        """
        session = self._session(use_cluster, cluster_params)
        return session.preview(session.bind_all(forms.raw_calls(iterables), common))

    def _session(
        self,
        use_cluster: bool | None = None,
        cluster_params: str | Sequence[str] | None = None,
        *,
        submits: bool = False,
        nest: bool = False,
    ) -> Session[R]:
        """Return what the options of this moment make of the task."""
        from gridtask.submission.session import Session

        extra: dict[str, Any] = {}
        if use_cluster is not None:
            extra["backend"] = "gridengine" if use_cluster else "serial"
        session = Session(self.func, self.label, {**self._options, **extra})
        if cluster_params is not None:
            session.add_cluster_params(cluster_params)
        if submits and not nest:
            session.refuse_nested()
        return session


@overload
def grid_task(function: Callable[P, R], /) -> GridTask[P, R]: ...
@overload
def grid_task(
    **options: Unpack[Options],
) -> Callable[[Callable[P, R]], GridTask[P, R]]: ...
def grid_task(function: Any = None, /, **options: Any) -> Any:
    """Turn a function into a task: ``@grid_task`` or ``@grid_task(...)``.

    Parameters
    ----------
    cluster_params : str or list of str
        Options of qsub, ``["-l h_vmem=4G", "-q long.q"]``, passed on verbatim.
    memory, time : str
        Memory (``"4G"``) and time (``"00:30:00"``, ``"30m"``) of an array task.
    slots : int
        Processor slots of an array task; also sets the thread variables.
    max_running : int
        At most so many array tasks at once.
    chunk : int or "auto"
        Calls per array task; "auto" goes by the durations of earlier calls.
    retries : int
        Attempts after the first for calls that are lost with their node.
    escalate : dict
        ``{"memory": 2, "time": 2}``: factors for another attempt after a lack of it.
    ignore, ignore_code : list
        Names of parameters, and functions or modules, that do not enter the key.
    version : str
        Enters the key in place of the code.
    depends : list
        Further functions, modules or ``"file:PATH"`` that enter the key.
    name : str
        Name of the task in the cache; by default the function's.
    backend : str
        ``"gridengine"``, ``"local"``, ``"serial"`` or ``"auto"``.
    cache_dir : str or path
        The cache folder.
    env : list of str
        Environment variables that travel to the workers.
    show_args : bool
        False keeps argument texts out of the cache.
    mmap : bool
        True reads large arrays as private views of the cache's files, not copies.

    Returns
    -------
    GridTask

    Raises
    ------
    TypeError
        If an option does not exist, or what is decorated is not callable.
    ConfigError
        If an option has a value that cannot be used.
    """
    checked = check_options(options, stacklevel=2)
    if function is None:
        return lambda func: GridTask(func, checked)
    return GridTask(function, checked)


def _rebuild(func: Any, options: dict[str, Any]) -> GridTask[Any, Any]:
    """Unpickle a task; by name, its function may come back as the task itself."""
    return func if isinstance(func, GridTask) else GridTask(func, options)


def _find(module: str, qualname: str) -> Any:
    """Return what `qualname` names in an imported module, else None."""
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found


def _name_of(func: Any) -> str:
    """Return a callable's name without its module."""
    while isinstance(func, functools.partial):
        func = func.func
    return str(getattr(func, "__qualname__", None) or type(func).__qualname__)
