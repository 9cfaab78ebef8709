"""Globals that code sets by a text: ``globals()[...] = 1``, ``setattr(cfg, ...)``."""

from __future__ import annotations

import ast
from collections.abc import Container
from types import ModuleType

from gridtask.identity.closure.lookup import Namespace
from gridtask.identity.closure.reach import resolve
from gridtask.identity.source.flows import unwind
from gridtask.identity.source.mutators import MUTATORS

_TABLES = frozenset({"globals", "locals", "vars"})
BY_NAME = _TABLES | {"exec", "setattr", "__dict__"}
"""Names in code that may do so."""


def sets_by_name(
    module: Namespace, name: str, unit: ast.AST, namespace: Namespace
) -> bool:
    """Return whether code may set a global of a module by a text.

    Parameters
    ----------
    module : dict
        The globals of the module.
    name : str
        The global.
    unit : ast.AST
        A statement or function.
    namespace : dict
        The globals around it.
    """
    for part in ast.walk(unit):
        table: ast.AST | None = None
        if isinstance(part, ast.Subscript) and not isinstance(part.ctx, ast.Load):
            table = part.value
        elif isinstance(part, ast.AugAssign):
            table = part.target
        elif isinstance(part, ast.Call):
            function = part.func
            if isinstance(function, ast.Attribute) and function.attr in MUTATORS:
                table = function.value
            elif _is_call_of(part, {"exec"}) and namespace is module:
                return True
            elif _is_call_of(part, {"setattr"}) and len(part.args) > 1:
                key = part.args[1]
                is_meant = not isinstance(key, ast.Constant) or key.value == name
                if is_meant and _is_module(module, part.args[0], namespace):
                    return True
        if table is not None and _is_table(module, table, namespace):
            return True
    return False


def _is_table(module: Namespace, table: ast.AST, namespace: Namespace) -> bool:
    """Return whether an expression gives the globals of the name's module."""
    if isinstance(table, ast.Attribute) and table.attr == "__dict__":
        return _is_module(module, table.value, namespace)
    if not isinstance(table, ast.Call) or not _is_call_of(table, _TABLES):
        return False
    if not table.args:
        return namespace is module
    return _is_module(module, table.args[0], namespace)


def _is_module(module: Namespace, value: ast.AST, namespace: Namespace) -> bool:
    """Return whether an expression gives the name's module."""
    root, attributes, rest = unwind(value)
    if root is None:  # ``sys.modules[__name__]``
        names = {part.id for part in ast.walk(rest) if isinstance(part, ast.Name)}
        return "__name__" in names and namespace is module
    found = resolve(namespace, root, attributes)
    return isinstance(found, ModuleType) and vars(found) is module


def _is_call_of(node: ast.AST, names: Container[str]) -> bool:
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return is_call and node.func.id in names  # type: ignore[attr-defined]
