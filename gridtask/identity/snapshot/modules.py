"""Collecting the user's modules that travel in a snapshot."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gridtask.identity.closure.boundary import Boundary
from gridtask.identity.closure.callables import changed_on_disk, is_task
from gridtask.identity.closure.lookup import Namespace, absolute_name
from gridtask.identity.closure.specs import find_module
from gridtask.identity.closure.walker import Closure
from gridtask.identity.snapshot.importer import ModuleSource
from gridtask.identity.source.sources import Source, imported_names
from gridtask.identity.source.syntax import DEFINITIONS, first_line
from gridtask.identity.source.texts import read_source

if TYPE_CHECKING:
    from gridtask.identity.code import Code

_RUNS = frozenset({"map", "starmap", "grid", "submit", "submit_map"})


def imports_of(code: Code) -> list[str]:
    names = {name: None for closure in code.closures for name in closure.modules}
    return [name for name in names if name != "__main__"]


def collect_modules(code: Code) -> list[ModuleSource]:
    """Return the user's modules that the code touches or that these import.

    Raises
    ------
    IdentityError
        If a module's file no longer holds what this process imported.
    """
    boundary = code.closures[0].boundary
    names: dict[str, None] = {}
    for closure in code.closures:
        names.update(closure.modules)
        names.update(dict.fromkeys(_touched(closure)))
    found: dict[str, ModuleSource] = {}
    stack = [name for name in names if name != "__main__"]
    while stack:
        name = stack.pop()
        if name in found or name == "__main__" or not name:
            continue
        source = _module_source(boundary, name)
        if source is None:
            continue
        found[name] = source
        stack.append(name.rpartition(".")[0])
        stack.extend(_imported_by(source))
    return sorted(found.values())


def _touched(closure: Closure) -> Iterator[str]:
    for subject in closure.subjects():
        if isinstance(subject, types.FunctionType):
            yield str(subject.__globals__.get("__name__"))
        elif isinstance(subject, type):
            yield subject.__module__
    for namespace in closure.bindings.values():
        yield str(namespace.get("__name__"))


def _module_source(boundary: Boundary, name: str) -> ModuleSource | None:
    module = sys.modules.get(name)
    top = sys.modules.get(name.partition(".")[0])
    if top is not None and not boundary.owns_module(top):
        return None
    found = find_module(boundary, name)
    if found is None:
        return None
    filename, folders = found
    if filename is None:
        return None if folders is None else ModuleSource(name, None, folders, b"")
    if not filename.endswith(".py"):
        return None  # compiled modules load from their own place
    source = read_source(filename)
    if source is None:
        raise changed_on_disk(filename, name)
    if module is not None:
        _check_module(module, source)
    left_out = () if module is None else tuple(_find_left_out(module, source))
    return ModuleSource(name, filename, folders, source.raw, left_out)


def _find_left_out(module: types.ModuleType, source: Source) -> Iterator[int]:
    """Yield the first lines of statements that run tasks, or need their results.

    A script without a guard that another one imports must not submit its calls
    again on every worker.
    """
    lost: set[str] = set()
    for unit in source.tree.body:
        if isinstance(unit, (*DEFINITIONS, ast.Import, ast.ImportFrom)):
            continue
        names = [node for node in ast.walk(unit) if isinstance(node, ast.Name)]
        used = {node.id for node in names if isinstance(node.ctx, ast.Load)}
        if not lost.isdisjoint(used) or _runs_tasks(module, unit):
            lost |= {node.id for node in names if not isinstance(node.ctx, ast.Load)}
            yield first_line(unit)


def _runs_tasks(module: types.ModuleType, unit: ast.stmt) -> bool:
    calls = [node.func for node in ast.walk(unit) if isinstance(node, ast.Call)]
    for function in calls:
        is_method = isinstance(function, ast.Attribute) and function.attr in _RUNS
        owner = function.value if is_method else function  # type: ignore[attr-defined]
        if is_task(_held(module, owner)):
            return True
    return False


def _held(module: types.ModuleType, node: ast.expr) -> object:
    """Return what a dotted name at a module's top level holds, or None."""
    if isinstance(node, ast.Name):
        return vars(module).get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _held(module, node.value)
        if isinstance(owner, types.ModuleType):
            return vars(owner).get(node.attr)
    return None


def _imported_by(source: ModuleSource) -> Iterator[str]:
    """Yield the full names of the modules that a module's text imports."""
    if source.filename is None:
        return
    parsed = read_source(source.filename)
    if parsed is None:
        return
    is_package = source.folders is not None
    package = source.name if is_package else source.name.rpartition(".")[0]
    namespace: Namespace = {"__package__": package}
    for node in ast.walk(parsed.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for _, target in imported_names(node):
                name = absolute_name(target, namespace)
                yield name
                yield f"{name}.{target.attribute}"


def _check_module(module: types.ModuleType, source: Source) -> None:
    """Compare all functions of a module with the text that will travel."""
    loader = vars(module).get("__loader__")
    if loader is None or type(loader).__module__.startswith("_pytest"):
        return
    codes = source.compile_all()
    for code in _codes_of(module):
        if code.co_filename != source.filename:
            continue
        if code not in codes.get((code.co_qualname, code.co_firstlineno), ()):
            raise changed_on_disk(source.filename, code.co_qualname)


def _codes_of(module: types.ModuleType) -> Iterator[types.CodeType]:
    stack: list[Any] = list(vars(module).values())
    seen: set[int] = set()
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if is_task(value):
            stack.append(value.func)
        elif isinstance(value, types.FunctionType):
            yield value.__code__
        elif isinstance(value, type) and value.__module__ == module.__name__:
            stack.extend(vars(value).values())
        elif isinstance(value, staticmethod | classmethod):
            stack.append(value.__func__)
