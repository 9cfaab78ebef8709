"""What pickles of the user's objects call on the worker to rebuild them.

Apart from what writes these pickles: a worker imports no more than it needs.
"""

from __future__ import annotations

import functools
import importlib
import marshal
import types
from typing import Any


def resolve(module: str, qualname: str, steps: tuple[str, ...]) -> Any:
    """Return what a reference names (on the worker)."""
    value: Any = importlib.import_module(module)
    for part in (*qualname.split("."), *steps):
        value = getattr(value, part)
    return value


def make_function(
    code: bytes,
    module: str,
    name: str,
    cells: tuple[types.CellType, ...] | None,
) -> types.FunctionType:
    """Rebuild a function with its module's own globals."""
    namespace = vars(importlib.import_module(module))
    return types.FunctionType(marshal.loads(code), namespace, name, None, cells)


def set_function_state(function: types.FunctionType, state: dict[str, Any]) -> None:
    """Give a rebuilt function its defaults and attributes."""
    vars(function).update(state.pop("__dict__"))
    for name, value in state.items():
        setattr(function, name, value)


def make_cache(function: Any, maxsize: int | None, typed: bool) -> Any:
    """Rebuild an ``lru_cache``."""
    return functools.lru_cache(maxsize, typed)(function)


def make_dispatcher(registry: list[tuple[type, Any]]) -> Any:
    """Rebuild a ``singledispatch`` function; `object` is its default."""
    implementations = dict(registry)
    dispatcher = functools.singledispatch(implementations.pop(object))
    for kind, implementation in implementations.items():
        dispatcher.register(kind, implementation)
    return dispatcher


def set_cell(cell: types.CellType, content: tuple[object]) -> None:
    """Fill a rebuilt cell."""
    cell.cell_contents = content[0]
