"""Which outside names a piece of code uses, and which it changes.

Scoping is the compiler's own: it is read from `symtable`, never rebuilt, so
that a comprehension's variable that shadows a global is seen as such.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gridtask.identity.source.flows import Flows, Origin, unwind, unwind_content
from gridtask.identity.source.mutators import (
    CHANGE_FIRST,
    FORMULAS,
    FRAMES,
    IMPORTS,
    MUTATORS,
    REFLECTIVE,
    SOURCES,
)
from gridtask.identity.source.scopes import (
    SCOPES,
    Scope,
    descend,
    inside_parts,
    outside_parts,
)
from gridtask.identity.source.sources import Imported, Place, Source, imported_names
from gridtask.identity.source.syntax import (
    DEFINITIONS,
    FUNCTIONS,
    ScopeNode,
    body_of,
    children,
)
from gridtask.identity.source.uses import Chain, Change, Passed, Uses


def function_uses(place: Place) -> Uses:
    """Return what the function at `place` uses, its defaults left out.

    Raises
    ------
    ScopeError
        If the scopes cannot be told apart; take the whole module then.
    """
    memo = place.source.memo
    known = memo.get(place.node)
    if isinstance(known, Uses):
        return known
    scope = descend(place)
    scope.is_root = True
    assert isinstance(place.node, (*FUNCTIONS, ast.Lambda))
    uses = _Collector(scope, place.unit).collect(body_of(place.node))
    memo[place.node] = uses
    return uses


def statement_uses(source: Source, unit: ast.stmt, nodes: list[ast.AST]) -> Uses:
    """Return what statements or expressions at module level use.

    Parameters
    ----------
    source : Source
        Their text.
    unit : ast.stmt
        The top-level statement that holds them.
    nodes : list of ast.AST
        Where to look.
    """
    scope = Scope(source.table(unit), None, None, is_root=True)
    return _Collector(scope, unit).collect(nodes)


def enclosed_uses(place: Place, nodes: list[ast.AST]) -> Uses:
    """Return what expressions in the scope around `place` use."""
    outer = Place(place.source, place.enclosing[-1], place.enclosing[:-1], place.unit)
    scope = descend(outer)
    scope.is_root = True
    return _Collector(scope, place.unit).collect(nodes)


class _Collector:
    """Walk the code below one scope and note its uses of outside names."""

    def __init__(self, scope: Scope, unit: ast.stmt) -> None:
        self.scope = scope
        self.unit = unit
        self.uses = Uses()
        self.loads: dict[tuple[Scope, str, tuple[str, ...]], None] = {}
        self.changed: list[tuple[Scope, str, tuple[str, ...], str]] = []
        self.flows = Flows()
        self.n_unknown = 0  # uses of import_module less those told a constant
        self.stack: list[tuple[ast.AST, Scope]] = []

    def collect(self, nodes: Iterable[ast.AST]) -> Uses:
        self._push(list(nodes), self.scope)
        while self.stack:
            node, scope = self.stack.pop()
            visit = _VISITORS.get(type(node))
            if visit is None:
                self._push(children(node), scope)
            else:
                visit(self, node, scope)
        self._resolve()
        return self.uses

    def _push(self, nodes: list[ast.AST], scope: Scope) -> None:
        self.stack += [(node, scope) for node in reversed(nodes)]

    # -- names and chains -----------------------------------------------------
    def _load(self, scope: Scope, root: str, attributes: tuple[str, ...]) -> None:
        self.loads[scope, root, attributes] = None
        self.n_unknown += (attributes or (root,))[-1] in IMPORTS
        self.uses.attributes.update(attributes)

    def _note_reflection(self) -> None:
        names = self.uses.attributes.union(root for _, root, _ in self.loads)
        if not REFLECTIVE.isdisjoint(names):
            self.uses.flags.add("reflection")
        if not FRAMES.isdisjoint(names):
            self.uses.flags.add("module")
        if not SOURCES.isdisjoint(names):
            self.uses.flags.add("source")

    def _name(self, node: ast.Name, scope: Scope) -> None:
        if isinstance(node.ctx, ast.Load):
            self._load(scope, node.id, ())
        else:
            self.changed.append((scope, node.id, (), "rebind"))

    def _attribute(self, node: ast.Attribute, scope: Scope) -> None:
        root, attributes, rest = unwind(node)
        self.uses.attributes.update(attributes)
        if "__subclasses__" in attributes:
            self.uses.flags.add("subclasses")
        if root is None:
            self._push([rest], scope)
            self._change_inside(node, scope)
        elif isinstance(node.ctx, ast.Load):
            self._load(scope, root, attributes)
        else:
            self._load(scope, root, attributes[:-1])
            self.changed.append((scope, root, attributes, "attribute"))

    def _change_inside(self, node: ast.Attribute, scope: Scope) -> None:
        # ``D[k].x = 1`` changes what D holds.
        if not isinstance(node.ctx, ast.Load):
            self._content(node.value, scope)

    def _content(self, container: ast.AST, scope: Scope) -> None:
        """Note that what `container` holds is changed."""
        root, attributes, _ = unwind_content(container)
        if root is not None:
            self.changed.append((scope, root, attributes, "content"))

    def _subscript(self, node: ast.Subscript, scope: Scope) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._content(node.value, scope)
        self._push([node.value, node.slice], scope)

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        if isinstance(node.target, ast.Name):
            self._load(scope, node.target.id, ())
            # ``x += …`` on a parameter or a closure's list changes it in place.
            if scope.binding(node.target.id)[0] != "global":
                self.changed.append((scope, node.target.id, (), "content"))
        self._push([node.target, node.value], scope)

    def _assign(self, node: ast.Assign | ast.NamedExpr, scope: Scope) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            self.flows.note_alias(scope, target, node.value)
        self._push([*targets, node.value], scope)

    def _loop(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        self.flows.note_alias(scope, node.target, node.iter, is_item=True)
        self._push(children(node), scope)

    def _call(self, node: ast.Call, scope: Scope) -> None:
        self._note_changes(node, scope)
        self.flows.note_call(scope, node)
        function = node.func
        name = _last_name(function)
        constants: list[object] = [
            argument.value if isinstance(argument, ast.Constant) else None
            for argument in node.args
        ]
        if name in FORMULAS:
            self.uses.flags.add("formula")
        if name in IMPORTS:
            self._dynamic_import(node, constants)
        arguments = list(node.args)
        if isinstance(function, ast.Name) and name == "getattr" and constants[1:2]:
            attribute = constants[1]
            root, attributes, _ = unwind(arguments[0])
            if isinstance(attribute, str):
                self.uses.attributes.add(attribute)
                if root is not None:
                    self._load(scope, root, (*attributes, *attribute.split(".")))
                    arguments = arguments[1:]
        self._push([function, *arguments, *node.keywords], scope)

    def _note_changes(self, node: ast.Call, scope: Scope) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in MUTATORS:
            self._content(function.value, scope)
        name = _last_name(function)
        if name in CHANGE_FIRST and node.args:
            self._content(node.args[0], scope)
        if name in {"setattr", "delattr"} and len(node.args) > 1:
            root, attributes, _ = unwind(node.args[0])
            attribute = node.args[1]
            if root is not None and isinstance(attribute, ast.Constant):
                chain = (*attributes, str(attribute.value))
                self.changed.append((scope, root, chain, "attribute"))
        for keyword in node.keywords:
            if keyword.arg == "out":
                self._content(keyword.value, scope)

    def _dynamic_import(self, node: ast.Call, constants: list[object]) -> None:
        name = constants[0] if constants else None
        target = None
        if isinstance(name, str):
            package = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
            target = _relative_import(name, package)
        if target is not None:
            self.n_unknown -= 1
            self.uses.chains.append(Chain("import", target, ()))

    def _capture(
        self,
        node: ast.MatchAs | ast.MatchStar | ast.MatchMapping | ast.ExceptHandler,
        scope: Scope,
    ) -> None:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name is not None:
            self.changed.append((scope, name, (), "rebind"))
        self._push(children(node), scope)

    # -- scopes ---------------------------------------------------------------
    def _enter(self, node: ScopeNode, scope: Scope) -> None:
        if isinstance(node, DEFINITIONS):
            self.changed.append((scope, node.name, (), "rebind"))
        for decorator in getattr(node, "decorator_list", ()):
            # What dispatches on types reads them from hints.
            if isinstance(decorator, ast.Attribute) and decorator.attr == "register":
                self.uses.flags.add("reflection")
        self._push(outside_parts(node), scope)
        self._push(inside_parts(node), scope.child(node, self.unit))

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for name, target in imported_names(node):
            scope.imports.setdefault(name, []).append(target)
            self.changed.append((scope, name, (), "rebind"))

    def _hinted(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.flows.note_alias(scope, node.target, node.value)
        parts: list[ast.AST] = [] if node.value is None else [node.value]
        is_bare = node.value is None and isinstance(node.target, ast.Name)
        self._push(parts if is_bare else [node.target, *parts], scope)

    # -- at the end, when all imports are known ------------------------------
    def _resolve(self) -> None:
        if self.n_unknown > 0:
            self.uses.flags.add("dynamic import")
        self._note_reflection()
        chains = dict.fromkeys(self.uses.chains)
        for scope, root, attributes in self.loads:
            for chain in self._chains(scope, root, attributes):
                chains[chain] = None
                if chain.kind == "global" and root in {"globals", "eval", "exec"}:
                    self.uses.flags.add("module")
                if chain.attributes[:1] == ("modules",):
                    self.uses.flags.add("module")
        self.uses.chains = list(chains)
        changes: dict[Change, None] = {}
        for scope, root, attributes, how in self.changed:
            kind, owner = scope.binding(root)
            if how == "rebind":
                if kind != "local":
                    chain = Chain(kind, scope.mangle(root), attributes)
                    changes[Change(chain, how)] = None
                continue
            if kind == "local":
                self._change_parameter(owner, root, attributes, how)
            for origin in self._origins(scope, root, attributes):
                inner = "content" if origin.is_item else how
                changes[Change(origin.chain, inner)] = None
        self.uses.changes = list(changes)
        self._resolve_calls()

    def _origins(
        self, scope: Scope, root: str, attributes: tuple[str, ...] = ()
    ) -> Iterator[Origin]:
        """Yield what outside a name may stand for, through local variables."""
        self.flows.count_bindings(self.changed)
        for place, name, rest, is_item in self.flows.follow(scope, root, attributes):
            for chain in self._chains(place, name, rest):
                yield Origin(chain, is_item)

    def _chains(
        self, scope: Scope, root: str, attributes: tuple[str, ...]
    ) -> Iterator[Chain]:
        kind, owner = scope.binding(root)
        root = scope.mangle(root)
        if kind != "local":
            yield Chain(kind, root, attributes)
        elif owner is not None:
            for target in owner.imports.get(root, ()):
                yield Chain("import", target, attributes)

    def _resolve_calls(self) -> None:
        """Note what of the outside, and which parameters, are given to functions."""
        parameters = self._parameters()
        for scope, callee, arguments in self.flows.calls:
            functions: list[Chain] | None = None
            for position, root, attributes in arguments:
                kind, owner = scope.binding(root)
                is_own = owner is self.scope and not attributes and root in parameters
                if kind == "local" and not is_own and not self.flows.knows(owner, root):
                    continue
                if functions is None:
                    functions = [o.chain for o in self._origins(scope, *callee)]
                if is_own:
                    rows = [(root, function, position) for function in functions]
                    self.uses.forwarded.update(rows)
                for origin in self._origins(scope, root, attributes):
                    for function in functions:
                        passed = Passed(function, position, origin.chain)
                        self.uses.passed.append(passed)

    def _parameters(self) -> list[str]:
        node = self.scope.node
        if not isinstance(node, (*FUNCTIONS, ast.Lambda)):
            return []
        given = node.args
        every = (*given.posonlyargs, *given.args, *given.kwonlyargs)
        return [argument.arg for argument in every]

    def _change_parameter(
        self, owner: Scope | None, root: str, attributes: tuple[str, ...], how: str
    ) -> None:
        names = self._parameters() if owner is self.scope else []
        if root in names and how == "content" and not attributes:
            self.uses.changed_parameters.add(root)
        is_first = root in names[:1]
        if is_first and len(attributes) == 1 and how in {"content", "attribute"}:
            self.uses.changed_members.add((attributes[0], how))


def _relative_import(name: str, package: list[ast.expr]) -> Imported | None:
    """Return what ``import_module(name, package)`` names, if that is constant."""
    module = name.lstrip(".")
    level = len(name) - len(module)
    if not level:
        return Imported(module, None, -1)
    if package and isinstance(package[0], ast.Name):
        own = package[0].id in {"__package__", "__name__"}
        return Imported(module, None, level) if own else None
    base = package[0].value if package and isinstance(package[0], ast.Constant) else ""
    parts = str(base).split(".") if base else []
    kept = parts[: len(parts) - level + 1]
    return Imported(".".join([*kept, module]), None, -1) if kept else None


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


_VISITORS: dict[type, Callable[[_Collector, Any, Scope], None]] = {
    ast.Name: _Collector._name,
    ast.Attribute: _Collector._attribute,
    ast.Subscript: _Collector._subscript,
    ast.AugAssign: _Collector._augmented,
    ast.AnnAssign: _Collector._hinted,
    ast.Call: _Collector._call,
    ast.Assign: _Collector._assign,
    ast.NamedExpr: _Collector._assign,
    ast.For: _Collector._loop,
    ast.AsyncFor: _Collector._loop,
    ast.Import: _Collector._import,
    ast.ImportFrom: _Collector._import,
    ast.MatchAs: _Collector._capture,
    ast.MatchStar: _Collector._capture,
    ast.MatchMapping: _Collector._capture,
    ast.ExceptHandler: _Collector._capture,
    **dict.fromkeys(SCOPES, _Collector._enter),
}
