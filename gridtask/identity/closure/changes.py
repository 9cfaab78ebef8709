"""What a task's code changes outside itself: found at the end of a walk."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Final

from gridtask.identity.closure.callables import locate
from gridtask.identity.closure.components import Node
from gridtask.identity.closure.lookup import Environment, Found, Namespace
from gridtask.identity.closure.state import counts_as_called, is_container
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.names import function_uses
from gridtask.identity.source.scopes import ScopeError
from gridtask.identity.source.uses import Change, Passed, Uses

MISSING: Final = object()


def find_state(closure: Closure) -> None:
    """Say, at the end of a walk, what the code that it met changes."""
    for node, change, environment in closure.changes:
        method = node.member[1] if node.member else None
        if change.how == "rebind" or counts_as_called(method, closure.called):
            _note_change(closure, node, change, environment)
    for node, passed, environment in closure.passed:
        method = node.member[1] if node.member else None
        is_called = counts_as_called(method, closure.called)
        if is_called and _changes_argument(closure, passed, environment):
            _note_change(closure, node, Change(passed.argument, "content"), environment)
    for cls, method, attribute, how in closure.member_changes:
        if not counts_as_called(method, closure.called):
            continue
        for owner in closure.instances:
            if issubclass(type(owner), cls):
                closure.found_state.add_attribute(owner, attribute)
        if how == "own attribute":
            continue
        for base in cls.__mro__:
            held = vars(base).get(attribute, MISSING)
            if held is MISSING:
                continue
            if how == "attribute" or is_container(held):
                closure.found_state.add_attribute(base, attribute)
            break


def _note_change(
    closure: Closure, node: Node, change: Change, environment: Environment
) -> None:
    chain, how = change
    state = closure.found_state
    if how == "rebind":
        if chain.kind == "global":
            _add_name(closure, environment.namespace, str(chain.root), node)
        elif (cell := environment.cells.get(str(chain.root))) is not None:
            state.cells.add(id(cell))
        return
    if how == "attribute":
        holder = closure.follow_chain(
            chain._replace(attributes=chain.attributes[:-1]), environment
        )
        _change_attribute(closure, holder, chain.attributes[-1], node)
        return
    found = closure.follow_chain(chain, environment)
    if found.target is not None:
        return
    if found.attributes:
        _change_member(closure, found.value, found.attributes)
    elif state.add_content(found.value) and found.namespace is not None:
        _add_name(closure, found.namespace, found.name, node)


def _changes_argument(
    closure: Closure, passed: Passed, environment: Environment
) -> bool:
    """Return whether a function changes what it is given, or hands it on to one."""
    stack = [(passed.function, passed.place, environment)]
    seen: set[tuple[int, str]] = set()
    while stack:
        chain, place, around = stack.pop()
        found = closure.follow_chain(chain, around)
        function = found.value
        if found.attributes or not isinstance(function, FunctionType):
            continue
        if not closure.boundary.owns_file(function.__code__.co_filename):
            continue
        name = _parameter(function, place)
        if (id(function), name) in seen:
            continue
        seen.add((id(function), name))
        uses = _uses_of(function)
        if name in uses.changed_parameters:
            return True
        cells = dict(
            zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        )
        inside = Environment(function.__globals__, cells, function)
        stack += [(c, p, inside) for given, c, p in uses.forwarded if given == name]
    return False


def _parameter(function: FunctionType, place: int | str) -> str:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    if isinstance(place, str):
        return place
    return names[place] if place < len(names) else ""


def _uses_of(function: FunctionType) -> Uses:
    place = locate(function)
    try:
        return Uses() if place is None else function_uses(place)
    except ScopeError:
        return Uses()


def _add_name(closure: Closure, namespace: Namespace, name: str, node: Node) -> None:
    key = (id(namespace), name)
    closure.found_state.names.add(key)
    users = closure.found_state.mutators.setdefault(key, set())
    users.add(getattr(node.subject, "__name__", ""))


def _change_attribute(closure: Closure, holder: Found, name: str, node: Node) -> None:
    if holder.target is not None:
        return
    value = holder.value
    if holder.attributes:
        _change_member(closure, value, (*holder.attributes, name))
    elif isinstance(value, ModuleType):
        if closure.boundary.owns_module(value):
            _add_name(closure, vars(value), name, node)
    else:
        closure.found_state.add_attribute(value, name)


def _change_member(
    closure: Closure, owner: object, attributes: tuple[str, ...]
) -> None:
    """``owner.a.b = …`` or ``owner.a.append(…)`` changes ``a`` of owner."""
    if isinstance(owner, type):
        for base in owner.__mro__:
            if attributes[0] in vars(base):
                closure.found_state.add_attribute(base, attributes[0])
                return
    closure.found_state.add_attribute(owner, attributes[0])
