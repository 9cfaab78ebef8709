"""The top-level statements that define a global, or fill what it holds.

What a task's own code changes counts by them, so all of them must be found:
in the module of the name, and in every other module of the user's that is
loaded and sets the name, hands it to a function, or calls what fills it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

from gridtask.identity.closure.callables import is_task, locate
from gridtask.identity.closure.lookup import Namespace
from gridtask.identity.closure.state import is_container
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.flows import unwind
from gridtask.identity.source.names import function_uses, statement_uses
from gridtask.identity.source.scopes import ScopeError
from gridtask.identity.source.sources import Source
from gridtask.identity.source.syntax import DEFINITIONS, blocks, is_main_guard
from gridtask.identity.source.texts import mentions, namespace_sources
from gridtask.identity.source.uses import Change

Statement = tuple[Source, ast.stmt, Namespace]
_MISSING = object()
_DefinitionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(slots=True)
class _Search:
    """What is looked for: a global name, what it holds, and who fills that."""

    namespace: Namespace
    name: str
    held: object
    words: set[str]
    fillers: list[object] = field(default_factory=list)
    is_object: bool = False

    def holds(self, value: object) -> bool:
        return self.held is not _MISSING and value is self.held

    def is_filler(self, value: object) -> bool:
        value = value.func if is_task(value) else value  # type: ignore[attr-defined]
        return any(value is filler for filler in self.fillers)


def find_defining(
    closure: Closure, namespace: Namespace, name: str
) -> list[tuple[Source, ast.stmt]]:
    """Return the statements of its own module that define or fill a name."""
    search = _start(closure, namespace, name)
    return [(source, unit) for source, unit, _ in _in_module(search, namespace)]


def find_outside(
    closure: Closure, namespace: Namespace, name: str
) -> list[tuple[Namespace, list[tuple[Source, ast.stmt]]]]:
    """Return the statements of other modules that set or fill a name."""
    search = _start(closure, namespace, name)
    found = []
    for other in _loaded(closure, namespace):
        rows = [(s, u) for s, u, _ in _in_module(search, other)]
        if rows:
            found.append((other, rows))
    return found


def _start(closure: Closure, namespace: Namespace, name: str) -> _Search:
    held = namespace.get(name, _MISSING)
    owners = {owner for owner, _ in closure.state.attributes}
    is_object = id(held) in owners and not isinstance(held, FunctionType | type)
    is_shared = is_container(held) or is_object
    search = _Search(namespace, name, held if is_shared else _MISSING, {name})
    search.is_object = is_object
    if is_object or _is_state(closure, namespace, name, held):
        search.fillers = list(_fillers(closure, namespace, name))
        search.words |= {filler.__name__ for filler in search.fillers}  # type: ignore[attr-defined]
    return search


def _is_state(closure: Closure, namespace: Namespace, name: str, held: object) -> bool:
    state = closure.state
    return (id(namespace), name) in state.names or id(held) in state.contents


def _loaded(closure: Closure, namespace: Namespace) -> Iterator[Namespace]:
    """Yield the globals of the user's modules that are loaded, but for one."""
    for module in list(sys.modules.values()):
        if type(module) is not ModuleType or vars(module) is namespace:
            continue
        if closure.boundary.owns_module(module):
            yield vars(module)


def _fillers(closure: Closure, namespace: Namespace, name: str) -> Iterator[object]:
    """Yield the functions that change a global, directly or through each other.

    The task itself is none: scripts call it at will.
    """
    known = closure.state.mutators.get((id(namespace), name), set())
    functions = {
        key: function
        for key, value in list(namespace.items())
        if not closure.is_root(value)
        and isinstance(function := _plain(value), FunctionType)
        and function.__globals__ is namespace
    }
    calls: dict[str, set[str]] = {}
    found = {key for key in functions if key in known}
    for key, function in functions.items():
        changed, calls[key] = _named_in(function)
        if name in changed:
            found.add(key)
    while more := {k for k, used in calls.items() if used & found} - found:
        found |= more
    yield from (functions[key] for key in found)


def _plain(value: Any) -> object:
    return value.func if is_task(value) else value


def _named_in(function: FunctionType) -> tuple[set[str], set[str]]:
    """Return the globals that a function changes, and those that it uses."""
    try:
        place = locate(function)
        uses = function_uses(place) if place is not None else None
    except ScopeError:
        uses = None
    if uses is None:
        return set(), set()
    changed = {str(change.chain.root) for change in uses.changes}
    changed |= {str(passed.argument.root) for passed in uses.passed}
    return changed, {str(chain.root) for chain in uses.chains}


def _in_module(search: _Search, namespace: Namespace) -> Iterator[Statement]:
    if namespace is not search.namespace and not mentions(namespace, search.words):
        return
    for source in namespace_sources(namespace):
        for unit in source.tree.body:
            if not is_main_guard(unit) and _concerns(search, source, unit, namespace):
                yield source, unit, namespace


def _concerns(
    search: _Search, source: Source, unit: ast.stmt, namespace: Namespace
) -> bool:
    """Return whether a top-level statement defines or fills the name."""
    if isinstance(unit, DEFINITIONS):
        is_own = unit.name == search.name and namespace is search.namespace
        return is_own or any(
            _is_filling(search, decorator, namespace)
            for decorator in unit.decorator_list
        )
    if namespace is search.namespace and search.name in filled_by(source, unit):
        return True
    changed = [change.chain for change in changes_of(source, unit)]
    if any(_leads_to(search, namespace, c.root, c.attributes) for c in changed):
        return True
    return any(_is_filling(search, value, namespace) for value in _discarded(unit))


def _discarded(unit: ast.stmt) -> Iterator[ast.expr]:
    """Yield the calls that a statement, or one inside of it, makes for their effect.

    Decorators of definitions inside of it are among them.
    """
    stack = [unit]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield node.value
        elif isinstance(node, DEFINITIONS):
            yield from node.decorator_list
            continue
        stack.extend(child for block in blocks(node) for child in block)


def _is_filling(search: _Search, value: ast.expr, namespace: Namespace) -> bool:
    """Return whether a call, or a decorator, may fill what the name holds."""
    for call in ast.walk(value):
        if isinstance(call, ast.Name | ast.Attribute):
            root, attributes, _ = unwind(call)
            held = _resolve(namespace, root, attributes)
            if search.is_filler(held) or search.holds(held):
                return True
            if search.is_object and attributes:
                owner = _resolve(namespace, root, attributes[:-1])
                if search.holds(owner):
                    return True
    return False


def _leads_to(
    search: _Search, namespace: Namespace, root: object, attributes: tuple[str, ...]
) -> bool:
    """Return whether a changed name is this one, or what this one holds."""
    for n in range(len(attributes) + 1):
        if search.holds(_resolve(namespace, str(root), attributes[:n])):
            return True
        owner = _resolve(namespace, str(root), attributes[:n])
        is_module = isinstance(owner, ModuleType) and vars(owner) is search.namespace
        if is_module and attributes[n : n + 1] == (search.name,):
            return True
    return False


def _resolve(
    namespace: Namespace, root: str | None, attributes: tuple[str, ...]
) -> object:
    """Return what a dotted name holds, followed through modules only."""
    value = namespace.get(root or "", _MISSING)
    for attribute in attributes:
        if not isinstance(value, ModuleType):
            return _MISSING
        value = vars(value).get(attribute, _MISSING)
    return value


def filled_by(source: Source, unit: ast.stmt) -> set[str]:
    """Return the global names that a top-level statement binds or changes."""
    key = ("fills", unit)
    known = source.memo.get(key)
    if known is None:
        try:
            known = {str(c.chain.root) for c in changes_of(source, unit)}
        except ScopeError:
            known = {n.id for n in ast.walk(unit) if isinstance(n, ast.Name)}
        source.memo[key] = known
    return known  # type: ignore[return-value]


def changes_of(source: Source, unit: ast.stmt) -> list[Change]:
    """Return what a top-level statement changes."""
    key = ("changes", unit)
    known = source.memo.get(key)
    if known is None:
        known = source.memo[key] = statement_uses(source, unit, [unit]).changes
    return known  # type: ignore[return-value]
