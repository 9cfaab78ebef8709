"""The top-level statements that define a global, or fill what it holds.

What a task's own code changes counts by them, so all of them must be found:
in the module of the name, and in every other module of the user's that is
loaded and sets the name, hands it to a function, or names what fills it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from gridtask.identity.closure.by_name import sets_by_name
from gridtask.identity.closure.lookup import Namespace
from gridtask.identity.closure.reach import MISSING, resolve
from gridtask.identity.closure.searches import Search, loaded, start_search
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.flows import unwind
from gridtask.identity.source.names import statement_uses
from gridtask.identity.source.scopes import SCOPES, ScopeError, outside_parts
from gridtask.identity.source.sources import Source
from gridtask.identity.source.syntax import (
    COMPREHENSIONS,
    DEFINITIONS,
    blocks,
    is_main_guard,
)
from gridtask.identity.source.texts import mentions, namespace_sources
from gridtask.identity.source.uses import Chain, Change

Statements = list[tuple[Source, ast.stmt]]
_READING = frozenset(
    [
        "all",
        "any",
        "bool",
        "dict",
        "enumerate",
        "frozenset",
        "id",
        "isinstance",
        "iter",
        "len",
        "list",
        "max",
        "min",
        "print",
        "repr",
        "set",
        "sorted",
        "str",
        "sum",
        "tuple",
        "type",
        "zip",
    ]
)
"""Builtins that change nothing of what they are given."""


def find_defining(
    closure: Closure, namespace: Namespace, name: str, *, is_opaque: bool = False
) -> Statements:
    """Return the statements of its own module that define or fill a name."""
    search = start_search(closure, namespace, name, is_opaque=is_opaque)
    return [*_in_module(search, namespace)]


def find_outside(
    closure: Closure, search: Search
) -> list[tuple[Namespace, Statements]]:
    """Return the statements of other modules that set or fill a name."""
    found = []
    for other in loaded(closure):
        if other is not search.namespace and mentions(other, search.words):
            rows = [*_in_module(search, other)]
            found += [(other, rows)] if rows else []
    return found


def find_inside(search: Search) -> Statements:
    """Return the statements of the name's own module that define or fill it."""
    return [*_in_module(search, search.namespace)]


def _in_module(
    search: Search, namespace: Namespace
) -> Iterator[tuple[Source, ast.stmt]]:
    for source in namespace_sources(namespace):
        for unit in source.tree.body:
            if not is_main_guard(unit) and _concerns(search, source, unit, namespace):
                yield source, unit


def _concerns(
    search: Search, source: Source, unit: ast.stmt, namespace: Namespace
) -> bool:
    """Return whether a top-level statement defines or fills the name."""
    is_own = namespace is search.namespace
    if isinstance(unit, DEFINITIONS):
        if is_own and unit.name == search.name:
            return not search.attribute  # a class statement counts in any case
    else:
        if is_own and not search.attribute and search.name in filled_by(source, unit):
            return True
        changed = [change.chain for change in changes_of(source, unit)]
        if any(_is_met(search, namespace, chain) for chain in changed):
            return True
        if not search.attribute and sets_by_name(
            search.namespace, search.name, unit, namespace
        ):
            return True
        if is_own and _imports_all(unit):
            return True
    parts = [unit] if search.is_shared else _done_for_effect(search, unit)
    return any(_may_fill(search, node, namespace) for node in _evaluated(parts))


def _imports_all(unit: ast.AST) -> bool:
    """Return whether a statement imports all that a module has."""
    return any(
        isinstance(part, ast.ImportFrom) and part.names[0].name == "*"
        for part in ast.walk(unit)
    )


def _is_met(search: Search, namespace: Namespace, chain: Chain) -> bool:
    """Return whether a changed name is what is looked for, or a view of it."""
    if search.is_changed(namespace, chain.root, chain.attributes):
        return True
    if chain.attributes:
        return search.is_named(namespace, chain.root, chain.attributes)
    return chain.kind == "global" and search.holds(
        namespace.get(str(chain.root), MISSING)
    )


def _done_for_effect(search: Search, unit: ast.stmt) -> Iterator[ast.AST]:
    """Yield expressions whose value is not used, decorators and base classes."""
    stack = [unit]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Expr) and not search.attribute:
            yield node.value
        elif isinstance(node, DEFINITIONS):
            yield from node.decorator_list
            if isinstance(node, ast.ClassDef):
                yield from (*node.bases, *node.keywords)
            continue
        stack.extend(child for block in blocks(node) for child in block)


def _evaluated(parts: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield what runs when statements do: nothing of functions' bodies."""
    stack: list[ast.AST] = [*parts]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, SCOPES) and not isinstance(
            node, (ast.ClassDef, *COMPREHENSIONS)
        ):
            stack += outside_parts(node)
        else:
            stack += ast.iter_child_nodes(node)


def _may_fill(search: Search, node: ast.AST, namespace: Namespace) -> bool:
    """Return whether a part of a statement may fill what is looked for."""
    if isinstance(node, ast.Name | ast.Attribute):
        root, attributes, rest = unwind(node)
        if root is None:  # a method of what a call returned
            is_method = isinstance(node, ast.Attribute) and isinstance(rest, ast.Call)
            return is_method and node.attr in _methods(search)  # type: ignore[union-attr]
        return search.is_named(namespace, root, attributes)
    if isinstance(node, ast.BinOp) and search.is_object:
        return any(_holds(search, v, namespace) for v in (node.left, node.right))
    if not isinstance(node, ast.Call) or search.attribute:
        return False
    root, attributes, _ = unwind(node.func)
    if root in _READING and not attributes and root not in namespace:
        return False
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    return any(_holds(search, value, namespace) for value in [node.func, *given])


def _methods(search: Search) -> set[str]:
    return {f.__name__ for f in search.fillers.values() if "." in f.__qualname__}


def _holds(search: Search, value: ast.expr, namespace: Namespace) -> bool:
    """Return whether an expression gives what is looked for, or a part of it."""
    if isinstance(value, ast.Starred):
        value = value.value
    root, attributes, _ = unwind(value)
    return root is not None and any(
        search.holds(resolve(namespace, root, attributes[:n]))
        for n in range(len(attributes) + 1)
    )


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
