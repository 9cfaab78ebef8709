"""The compiler's scopes, matched with the nodes of syntax trees.

They are read from `symtable`. Scopes of the same kind and line (several lambdas)
are told apart by the order in which the compiler enters them.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator

from gridtask.identity.source.inlining import IS_INLINING
from gridtask.identity.source.sources import Imported, Place
from gridtask.identity.source.syntax import COMPREHENSIONS, FUNCTIONS, ScopeNode

_NAMES = {
    ast.ListComp: "genexpr" if IS_INLINING else "listcomp",
    ast.SetComp: "genexpr" if IS_INLINING else "setcomp",
    ast.DictComp: "genexpr" if IS_INLINING else "dictcomp",
    ast.GeneratorExp: "genexpr",
    ast.Lambda: "lambda",
}
SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda, *COMPREHENSIONS)


class ScopeError(Exception):
    """The symbol table and the tree do not match."""


class Scope:
    def __init__(
        self,
        table: symtable.SymbolTable,
        node: ast.AST | None,
        parent: Scope | None,
        *,
        is_root: bool = False,
    ) -> None:
        self.table = table
        self.node = node
        self.parent = parent
        self.is_root = is_root
        self.imports: dict[str, list[Imported]] = {}
        self.bindings: dict[str, tuple[str, Scope | None]] = {}

    def child(self, node: ScopeNode, unit: ast.stmt) -> Scope:
        """Return the scope of `node`, which stands directly in this one."""
        key = _key(node)
        tables = [table for table in _children(self.table) if _table_key(table) == key]
        position = 0
        if len(tables) > 1:
            around = unit if self.node is None else self.node
            inner = list(_inner_scopes(around, key))
            position = next(i for i, other in enumerate(inner) if other is node)
        if position >= len(tables):
            raise ScopeError(key)
        return Scope(tables[position], node, self)

    def binding(self, name: str) -> tuple[str, Scope | None]:
        """Return the kind of a name seen from here, and the scope it is local to."""
        known = self.bindings.get(name)
        if known is None:
            known = self.bindings[name] = self._find_binding(name)
        return known

    def _find_binding(self, name: str) -> tuple[str, Scope | None]:
        scope: Scope | None = self
        name = self.mangle(name)
        symbol = self._symbol(name)
        if symbol is None or symbol.is_global():
            return "global", None
        if str(self.table.get_type()) == "module":
            return "global", None
        if symbol.is_local():
            return "local", self
        while scope is not None and not scope.is_root:
            scope = scope.parent
            if scope is None or str(scope.table.get_type()) == "class":
                continue
            outer = scope._symbol(name)
            if outer is not None and outer.is_local():
                return "local", scope
        return "free", None

    def mangle(self, name: str) -> str:
        """Return a private name as the compiler spells it inside a class."""
        if not name.startswith("__") or name.endswith("__"):
            return name
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, ast.ClassDef):
            scope = scope.parent
        if scope is None or not isinstance(scope.node, ast.ClassDef):
            return name
        owner = scope.node.name.lstrip("_")
        return f"_{owner}{name}" if owner else name

    def _symbol(self, name: str) -> symtable.Symbol | None:
        try:
            return self.table.lookup(name)
        except KeyError:
            return None


def _key(node: ScopeNode) -> tuple[str, str, int]:
    if isinstance(node, ast.ClassDef):
        return "class", node.name, node.lineno
    name = node.name if isinstance(node, FUNCTIONS) else _NAMES[type(node)]
    return "function", name, node.lineno


def _table_key(table: symtable.SymbolTable) -> tuple[str, str, int]:
    return str(table.get_type()), table.get_name(), table.get_lineno()


def _children(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        if str(child.get_type()) in {"function", "class"}:
            yield child
        else:  # the scope of type parameters (Python 3.12) lies in between
            yield from _children(child)


def descend(place: Place) -> Scope:
    scope = Scope(place.source.table(place.unit), None, None)
    for node in (*place.enclosing, place.node):
        scope = scope.child(node, place.unit)
    return scope


def _inner_scopes(around: ast.AST, key: tuple[str, str, int]) -> Iterator[ast.AST]:
    """Yield the scopes of a key in the order in which the compiler enters them."""
    is_scope = isinstance(around, SCOPES)
    start = inside_parts(around) if is_scope else [around]
    stack = [(node, False) for node in reversed(start)]
    while stack:
        node, is_entered = stack.pop()
        if is_entered:
            yield node
        elif isinstance(node, SCOPES):
            # Defaults and decorators are evaluated before the scope is entered.
            if _key(node) == key:
                stack.append((node, True))
            stack.extend((part, False) for part in reversed(outside_parts(node)))
        else:
            inner = list(ast.iter_child_nodes(node))
            stack.extend((part, False) for part in reversed(inner))


def outside_parts(node: ast.AST) -> list[ast.AST]:
    """Return the parts of a scope's node that the scope around it evaluates."""
    if isinstance(node, ast.ClassDef):
        return [*node.bases, *node.keywords, *node.decorator_list]
    if isinstance(node, (*FUNCTIONS, ast.Lambda)):
        defaults = [*node.args.defaults, *node.args.kw_defaults]
        decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
        return [part for part in (*defaults, *decorators) if part is not None]
    assert isinstance(node, COMPREHENSIONS)
    return [node.generators[0].iter]


def inside_parts(node: ast.AST) -> list[ast.AST]:
    """Return the parts of a scope's node that belong to the scope itself."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return list(node.body)
    if isinstance(node, ast.Lambda):
        return [node.body]
    assert isinstance(node, COMPREHENSIONS)
    first, *others = node.generators
    elements = [node.value, node.key] if isinstance(node, ast.DictComp) else [node.elt]
    # The compiler looks at a comprehension's loops before its element.
    return [first.target, *first.ifs, *others, *elements]
