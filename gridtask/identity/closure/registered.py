"""What user code registers with others: base classes, dispatchers, reducers.

``Sequence.register(C)`` stands neither in the class nor in the code that asks
``isinstance(x, Sequence)``, which may be a third party's.
"""

from __future__ import annotations

import abc
import copyreg
import sys

from gridtask.identity.closure.callables import is_dispatcher, registry_parts
from gridtask.identity.closure.classes import registered_classes
from gridtask.identity.closure.components import Node
from gridtask.identity.closure.walker import Closure
from gridtask.identity.closure.wrappers import is_own_code

_HOLDERS = ("collections.abc", "contextlib", "io", "numbers", "os")
"""Python's modules with abstract base classes that others ask for."""
_COPIERS = frozenset({"cloudpickle", "copy", "copyreg", "dill", "pickle", "shelve"})


def python_abstracts() -> dict[int, abc.ABCMeta]:
    """Return the abstract base classes of Python's own, by id."""
    held = [vars(sys.modules[name]) for name in _HOLDERS if name in sys.modules]
    return {
        id(value): value
        for namespace in held
        for value in namespace.values()
        if isinstance(value, abc.ABCMeta)
    }


def virtual_bases(closure: Closure, cls: type) -> list[str]:
    """Return the names of Python's base classes that a class is registered with."""
    if closure.virtual is None:
        closure.virtual = {}
        for base in python_abstracts().values():
            for registered in registered_classes(base):
                name = f"{base.__module__}.{base.__qualname__}"
                closure.virtual.setdefault(id(registered), []).append(name)
    return closure.virtual.get(id(cls), [])


def is_extended(closure: Closure, value: object) -> bool:
    """Return whether user code has registered something with a dispatcher."""
    return is_dispatcher(value) and any(
        is_own_code(closure, part) for _, part in registry_parts(value)
    )


def link_reducers(closure: Closure, root: Node) -> None:
    """Link what user code registered for third parties' classes, if it may act."""
    if not any(name.partition(".")[0] in _COPIERS for name in closure.outside):
        return
    for cls, reducer in list(copyreg.dispatch_table.items()):
        if is_own_code(closure, reducer) and not closure.boundary.owns_class(cls):
            name = f"copyreg {cls.__module__}.{cls.__qualname__}"
            root.link(name, closure.visit(reducer, name))
