"""What local variables stand for, and what is handed to functions.

``d = D; d[k] = v`` changes the global ``D``, and so may ``put(D, k, v)``.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gridtask.identity.source.mutators import LOOKUPS, PARTS
from gridtask.identity.source.scopes import Scope
from gridtask.identity.source.uses import Chain

_MAX_ALIASES = 5
_Name = tuple[str, tuple[str, ...]]
"""A root and the attributes that follow it."""
_Changed = tuple[Scope, str, tuple[str, ...], str]


class Origin(NamedTuple):
    """What a local variable stands for: the chain's value, or an item of it."""

    chain: Chain
    is_item: bool


class Flows:
    """The assignments and calls of one piece of code, with their scopes.

    Attributes
    ----------
    aliases : dict
        What a variable was assigned, by its scope's id and its name: scope,
        root, attributes, and whether it is an item of that.
    calls : list
        Scope, the function's name, and the arguments that are names: their
        place or keyword, root and attributes.
    """

    def __init__(self) -> None:
        self.aliases: dict[
            tuple[int, str], list[tuple[Scope, str, tuple[str, ...], bool]]
        ] = {}
        self.calls: list[
            tuple[Scope, _Name, list[tuple[int | str, str, tuple[str, ...]]]]
        ] = []
        self.bindings: Counter[tuple[int, str]] | None = None

    def note_alias(
        self, scope: Scope, target: ast.AST, value: ast.AST, *, is_item: bool = False
    ) -> None:
        """Note that a variable is assigned what another name holds."""
        root, attributes, is_inner = unwind_content(value)
        if root is None or not isinstance(target, ast.Name):
            return
        kind, owner = scope.binding(target.id)
        if kind == "local":
            row = (scope, root, attributes, is_item or is_inner)
            self.aliases.setdefault((id(owner), target.id), []).append(row)

    def knows(self, owner: Scope | None, name: str) -> bool:
        """Return whether a local variable may stand for something else."""
        return (id(owner), name) in self.aliases or (
            owner is not None and name in owner.imports
        )

    def note_call(self, scope: Scope, node: ast.Call) -> None:
        """Note the names that a call hands to a named function."""
        root, attributes, _ = unwind(node.func)
        rows: list[tuple[int | str, str, tuple[str, ...]]] = []
        keywords = {keyword.arg or "": keyword.value for keyword in node.keywords}
        given: list[tuple[int | str, ast.expr]] = [*enumerate(node.args)]
        for place, value in (*given, *keywords.items()):
            name, rest, _ = unwind(value)
            if name is not None:
                rows.append((place, name, rest))
        if root is not None and rows:
            self.calls.append((scope, (root, attributes), rows))

    def count_bindings(self, changed: Iterable[_Changed]) -> None:
        """Count how often each local variable is assigned."""
        if self.bindings is None:
            self.bindings = Counter(
                (id(scope.binding(root)[1]), root)
                for scope, root, _, how in changed
                if how == "rebind"
            )

    def follow(
        self, scope: Scope, root: str, attributes: tuple[str, ...]
    ) -> Iterator[tuple[Scope, str, tuple[str, ...], bool]]:
        """Yield the names that a name may stand for, itself first.

        A variable that is assigned more than once stands for nothing: which
        of its values is meant is not known.
        """
        rows = [(scope, root, attributes, False)]
        for _ in range(_MAX_ALIASES):
            yield from rows
            if not self.aliases:
                return
            rows = [inner for row in rows for inner in self._behind(*row)]

    def _behind(
        self, scope: Scope, root: str, attributes: tuple[str, ...], is_item: bool
    ) -> Iterator[tuple[Scope, str, tuple[str, ...], bool]]:
        owner = scope.binding(root)[1]
        key = (id(owner), root)
        if owner is None or self.bindings is None or self.bindings[key] > 1:
            return
        for place, name, rest, is_inner in self.aliases.get(key, ()):
            either = is_item or is_inner
            yield place, name, rest if either else (*rest, *attributes), either


def unwind(node: ast.AST) -> tuple[str | None, tuple[str, ...], ast.AST]:
    """Return the root and attributes of ``root.a.b``, and what is at its left."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    attributes.reverse()
    root = node.id if isinstance(node, ast.Name) else None
    return root, tuple(attributes), node


def unwind_content(node: ast.AST) -> tuple[str | None, tuple[str, ...], bool]:
    """Return the name that holds a value, and whether the value is inside of it.

    ``D``, ``D.a``, ``D[k].a`` and ``D.get(k)`` are all held by ``D``.
    """
    attributes: tuple[str, ...] = ()
    is_inner = False
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            attributes = (node.attr, *attributes)
            node = node.value
            continue
        if isinstance(node, ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr not in LOOKUPS | PARTS:
                return None, (), False
            node = node.func.value
        else:
            return None, (), False
        attributes, is_inner = (), True
    return node.id, attributes, is_inner
