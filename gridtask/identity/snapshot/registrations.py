"""Registrations that a worker repeats: its imports need not have made them."""

from __future__ import annotations

import copyreg
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gridtask.identity.closure.callables import is_dispatcher
from gridtask.identity.closure.classes import registered_classes
from gridtask.identity.closure.registered import python_abstracts
from gridtask.identity.closure.wrappers import is_own_code
from gridtask.identity.snapshot.transport import find_reference

if TYPE_CHECKING:
    from gridtask.identity.code import Code

Registration = tuple[str, str, list[tuple[Any, ...]]]
"""Module and dotted name of a function, and the arguments of each call of it."""


def find_registrations(code: Code) -> Iterator[Registration]:
    """Yield what user code registered that the task's code may come upon."""
    met: dict[int, Any] = {}
    for closure in code.closures:
        met.update((id(subject), subject) for subject in closure.subjects())
    yield from _base_classes(code, met)
    yield from _dispatchers(code, met)
    yield from _reducers(code, met)


def _base_classes(code: Code, met: dict[int, Any]) -> Iterator[Registration]:
    boundary = code.closures[0].boundary
    every = {**python_abstracts(), **met}.values()
    for base in [value for value in every if isinstance(value, type)]:
        rows = [
            (c,)
            for c in registered_classes(base)
            # Python itself registers its own, such as views of dicts.
            if id(c) in met
            and (c.__module__ != "builtins" or boundary.owns_class(base))
        ]
        if rows and base.__module__ != "__main__" and "<" not in base.__qualname__:
            yield base.__module__, f"{base.__qualname__}.register", rows


def _dispatchers(code: Code, met: dict[int, Any]) -> Iterator[Registration]:
    for dispatcher in met.values():
        reference = find_reference(dispatcher) if is_dispatcher(dispatcher) else None
        if reference is None or reference[2]:
            continue
        rows = [
            (kind, function)
            for kind, function in dispatcher.registry.items()
            if is_own_code(code.closures[0], function)
            and getattr(function, "__module__", "") != dispatcher.__module__
        ]
        if rows:
            yield reference[0], f"{reference[1]}.register", rows


def _reducers(code: Code, met: dict[int, Any]) -> Iterator[Registration]:
    closure = code.closures[0]
    for cls, reducer in list(copyreg.dispatch_table.items()):
        is_own = closure.boundary.owns_class(cls)
        if id(cls) in met if is_own else is_own_code(closure, reducer):
            yield "copyreg", "pickle", [(cls, reducer)]
