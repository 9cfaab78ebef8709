"""What names and methods lead to, without asking the objects."""

from __future__ import annotations

import functools
import sys
from types import FunctionType, ModuleType
from typing import Any

from gridtask.identity.closure.lookup import Namespace, absolute_name
from gridtask.identity.source.sources import Imported

MISSING = object()


def method_of(owner: object, name: str) -> object:
    """Return a method by its name, without asking the object; MISSING without one."""
    if owner is MISSING or isinstance(owner, ModuleType):
        return MISSING
    classes = owner.__mro__ if isinstance(owner, type) else type(owner).__mro__
    for base in classes:
        member = vars(base).get(name, MISSING)
        if isinstance(
            member, FunctionType | staticmethod | classmethod | functools.partialmethod
        ):
            return member
    return MISSING


def setter_of(owner: object, name: str) -> object:
    """Return the ``__set__`` of a descriptor of the user's; MISSING without one."""
    if isinstance(owner, ModuleType):
        return MISSING
    held = [vars(base)[name] for base in type(owner).__mro__ if name in vars(base)]
    return method_of(held[0], "__set__") if held else MISSING


def memory_of(value: Any) -> object:
    """Return the array that holds a view's numbers; other values are their own."""
    while any(base.__name__ == "ndarray" for base in type(value).__mro__):
        if value.base is None:
            break
        value = value.base
    return value


def resolve(
    namespace: Namespace, root: object, attributes: tuple[str, ...] = ()
) -> object:
    """Return what a dotted name holds, followed through modules only."""
    if isinstance(root, Imported):
        value: object = sys.modules.get(absolute_name(root, namespace), MISSING)
        attributes = (*([root.attribute] if root.attribute else []), *attributes)
    else:
        value = namespace.get(str(root or ""), MISSING)
    for attribute in attributes:
        if not isinstance(value, ModuleType):
            return MISSING
        value = vars(value).get(attribute, MISSING)
    return value
