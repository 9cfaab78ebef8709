"""Third parties' functions around user code: they count by name, it counts whole."""

from __future__ import annotations

import types

from gridtask.identity.closure.callables import (
    PLAIN,
    LruCache,
    callable_parts,
    default_values,
    function_name,
    is_dispatcher,
    is_task,
    registry_parts,
)
from gridtask.identity.closure.components import Node
from gridtask.identity.closure.lookup import Target
from gridtask.identity.closure.walker import Closure


def is_own_code(closure: Closure, value: object) -> bool:
    """Return whether `value` is a function, class or task of the user's."""
    if isinstance(value, types.FunctionType):
        return closure.boundary.owns_file(value.__code__.co_filename)
    if isinstance(value, type):
        return closure.boundary.owns_class(value)
    if is_task(value):
        return True
    if isinstance(value, types.MethodType):
        return is_own_code(closure, value.__func__)
    return isinstance(value, LruCache) and is_own_code(closure, value.__wrapped__)


def third_party_function(closure: Closure, function: types.FunctionType) -> Target:
    code = function.__code__
    name = f"{function.__globals__.get('__name__')}.{code.co_qualname}"
    held = _held_parts(closure, function)
    if not held:
        return closure.remember(function, name)
    node = Node(function_name(function), "wrapper", function)
    closure.remember(function, node)
    node.add("name", name)
    from gridtask.identity.closure.boundary import in_standard_library

    if not in_standard_library(code.co_filename):
        closure.hints_wanted = True

    def expand() -> None:
        for label, part in held:
            node.link(label, closure.visit(part, f"{node.name}.{label}"))

    closure.later(expand)
    return node


def _held_parts(
    closure: Closure, function: types.FunctionType
) -> list[tuple[str, object]]:
    """Return what of the user's a third party's function holds."""
    if is_dispatcher(function):
        return registry_parts(function)
    held: list[tuple[str, object]] = []
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        try:
            held.append((f"cell {name}", cell.cell_contents))
        except ValueError:
            continue
    held += [(f"default {k}", v) for k, v in default_values(function).items()]
    wrapped = vars(function).get("__wrapped__")
    if wrapped is not None:
        held.append(("wrapped", wrapped))
    own = [row for row in held if _holds_own(closure, row[1])]
    if not own:
        return []
    plain = [row for row in held if type(row[1]) in PLAIN or row[1] is None]
    return own + [row for row in plain if row not in own]


def _holds_own(closure: Closure, value: object) -> bool:
    if is_own_code(closure, value):
        return True
    if isinstance(value, types.FunctionType):
        return bool(_held_parts(closure, value))
    parts = callable_parts(value)
    if parts is not None:
        return any(_holds_own(closure, part) for _, part in parts)
    if isinstance(value, list | tuple):
        return any(_holds_own(closure, part) for part in value)
    if isinstance(value, dict):
        return any(_holds_own(closure, part) for part in value.values())
    return not isinstance(value, type) and closure.boundary.owns_class(type(value))
