"""How objects of the user's travel: imported ones by name, others by value.

Functions and classes of ``__main__`` and of notebook cells are rebuilt on the
worker. A rebuilt function has the rebuilt module's own globals, and closures
share their cells as they did.
"""

from __future__ import annotations

import copyreg
import dataclasses
import functools
import io
import marshal
import pickle
import sys
import threading
import types
from collections.abc import Callable, Mapping
from typing import Any

import cloudpickle

from gridtask.identity.closure.callables import is_dispatcher, is_task
from gridtask.identity.closure.classes import reduce_class
from gridtask.identity.closure.values import process_state
from gridtask.identity.snapshot.rebuild import (
    make_cache,
    make_dispatcher,
    make_function,
    resolve,
    set_cell,
    set_function_state,
)

_LruCache = functools._lru_cache_wrapper
_MAX_WRAPPERS = 8
_LOCKS: dict[type, Callable[[], object]] = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
}
_STREAMS = (sys.stdin, sys.stdout, sys.stderr)
# Marks in a dataclass's fields are compared by `is`.
_MARKS = {
    id(mark): name
    for name in (
        "MISSING",
        "KW_ONLY",
        "_HAS_DEFAULT_FACTORY",
        "_FIELD",
        "_FIELD_CLASSVAR",
        "_FIELD_INITVAR",
    )
    if (mark := getattr(dataclasses, name, None)) is not None
}
Reference = tuple[str, str, tuple[str, ...]]
"""A module, a dotted name in it, and the wrappers to take off."""


def find_reference(value: Any) -> Reference | None:
    """Return by which name a worker finds a function, class or task."""
    inner = value.func if is_task(value) else value
    qualname = getattr(inner, "__qualname__", None)
    names = [getattr(inner, "__module__", None)]
    namespace = getattr(inner, "__globals__", None)
    if isinstance(namespace, dict):
        names.append(namespace.get("__name__"))
    if not isinstance(qualname, str) or "<" in qualname:
        return None
    for name in dict.fromkeys(names):
        if isinstance(name, str) and name != "__main__":
            steps = _find_steps(name, qualname, value)
            if steps is not None:
                return name, qualname, steps
    return None


def _find_steps(module: str, qualname: str, value: object) -> tuple[str, ...] | None:
    found = look_up(sys.modules.get(module), qualname)
    steps: list[str] = []
    for _ in range(_MAX_WRAPPERS):
        if found is value:
            return tuple(steps)
        if is_task(found):
            step = "func"
        elif "__wrapped__" in getattr(found, "__dict__", ()):
            step = "__wrapped__"
        else:
            return None
        steps.append(step)
        found = getattr(found, step)
    return None


def look_up(module: types.ModuleType | None, qualname: str) -> Any:
    value: Any = module
    for part in qualname.split("."):
        if value is None:
            return None
        if isinstance(value, types.ModuleType):
            value = vars(value).get(part)
        else:
            value = getattr(value, part, None)
    return value


class SnapshotPickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickle the user's objects for a worker.

    Parameters
    ----------
    file : io.BytesIO
        Where to.
    shared : mapping of int to (str, str)
        Objects, by id, that the worker finds as a global of a module.
    keep_hints : bool
        Annotations of functions travel too.
    """

    def __init__(
        self,
        file: io.BytesIO,
        shared: Mapping[int, tuple[str, str]],
        keep_hints: bool,
    ) -> None:
        super().__init__(file, protocol=5)
        self.shared = {**process_state(), **shared}
        self.keep_hints = keep_hints

    def persistent_id(self, value: Any) -> tuple[str, str] | None:
        """Name what is a global of an imported module."""
        return self.shared.get(id(value))

    def reducer_override(self, value: Any) -> Any:
        """Reduce functions, classes, cells and locks."""
        if isinstance(value, types.FunctionType):
            return self._reduce_function(value)
        if is_task(value):
            reference = find_reference(value)
            return NotImplemented if reference is None else (resolve, reference)
        if isinstance(value, types.CellType):
            return _reduce_cell(value)
        if isinstance(value, _LruCache):
            return _reduce_cache(value)
        if isinstance(value, staticmethod | classmethod):
            return type(value), (value.__func__,)
        if isinstance(value, io.TextIOWrapper) and value not in _STREAMS:
            msg = f"an open file ({value.name!r}) cannot travel"
            raise pickle.PicklingError(msg)
        if id(value) in _MARKS:
            return getattr, (dataclasses, _MARKS[id(value)])
        if type(value) in _LOCKS:
            return _LOCKS[type(value)], ()
        reduced = super().reducer_override(value)
        if isinstance(value, type) and type(reduced) is tuple and len(reduced) > 2:
            return reduce_class(value)
        if reduced is not NotImplemented or isinstance(value, type):
            return reduced
        if _asks_for_arguments(type(value)):
            return _reduce_unasked(value)
        is_own = "__main__" in (type(value).__module__, _own_module(value))
        return _reduce_instance(value) if is_own else NotImplemented

    def _reduce_function(self, function: types.FunctionType) -> Any:
        reference = find_reference(function)
        if reference == (function.__module__, function.__qualname__, ()):
            return NotImplemented  # pickle itself writes it by name
        if reference is not None:
            return resolve, reference
        if is_dispatcher(function):
            return _reduce_dispatcher(function)
        name = str(function.__globals__.get("__name__"))
        module = sys.modules.get(name)
        if module is None or vars(module) is not function.__globals__:
            return super().reducer_override(function)
        code = marshal.dumps(function.__code__)
        arguments = (code, name, function.__name__, function.__closure__)
        state = _function_state(function, self.keep_hints)
        return make_function, arguments, state, None, None, set_function_state


def _function_state(function: types.FunctionType, keep_hints: bool) -> dict[str, Any]:
    hints = function.__annotations__
    is_text = all(type(hint) is str for hint in hints.values())
    return {
        "__defaults__": function.__defaults__,
        "__kwdefaults__": function.__kwdefaults__,
        "__doc__": function.__doc__,
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        "__annotations__": hints if keep_hints or is_text else {},
        "__dict__": vars(function),
    }


def _reduce_cache(cache: Any) -> Any:
    """An ``lru_cache`` starts empty on the worker."""
    reference = find_reference(cache)
    if reference is not None:
        return resolve, reference
    settings = cache.cache_parameters()
    return make_cache, (cache.__wrapped__, settings["maxsize"], settings["typed"])


def _reduce_dispatcher(function: Any) -> Any:
    """A ``singledispatch`` function holds weak references: rebuild it."""
    return make_dispatcher, (list(function.registry.items()),)


def _own_module(value: Any) -> object:
    """Return the module that an object says it is a global of, as ``NewType`` does."""
    return vars(value).get("__module__") if type(value).__dictoffset__ else None


def _reduce_instance(value: Any) -> Any:
    """An object that pickles as a name of ``__main__`` is made before the name."""
    if isinstance(value, type) or not isinstance(value.__reduce_ex__(5), str):
        return NotImplemented
    state = dict(vars(value)) if hasattr(value, "__dict__") else None
    return object.__new__, (type(value),), state


_REDUCERS = ("__reduce_ex__", "__reduce__", "__getnewargs__", "__getnewargs_ex__")


def _asks_for_arguments(kind: type) -> bool:
    """Return whether `kind` has a ``__new__`` that pickle could not call."""
    new = kind.__new__
    if not isinstance(new, types.FunctionType) or kind in copyreg.dispatch_table:
        return False
    methods = [getattr(kind, name, None) for name in _REDUCERS]
    if any(isinstance(method, types.FunctionType) for method in methods):
        return False
    n_given = len(new.__defaults__ or ()) + 1
    return new.__code__.co_argcount > n_given and not issubclass(kind, tuple)


def _reduce_unasked(value: Any) -> Any:
    """Make an object as Python would without the ``__new__`` of its class."""
    make, (kind, *rest), *state = value.__reduce_ex__(4)
    if make is not copyreg.__newobj__:  # type: ignore[attr-defined]
        return NotImplemented
    news = [base.__new__ for base in kind.__mro__]
    plain = next(new for new in news if not isinstance(new, types.FunctionType))
    return plain, (kind, *rest), *state


def _reduce_cell(cell: types.CellType) -> Any:
    try:
        content = (cell.cell_contents,)
    except ValueError:
        return types.CellType, ()
    return types.CellType, (), content, None, None, set_cell


def dump(
    value: object, shared: Mapping[int, tuple[str, str]], keep_hints: bool
) -> bytes:
    """Pickle a value for a worker."""
    file = io.BytesIO()
    SnapshotPickler(file, shared, keep_hints).dump(value)
    return file.getvalue()
