"""Statements at the top of modules that set what third parties' functions give.

What belongs to a third party counts by name. Whether `random.random` was seeded
is nevertheless the user's code: ``random.seed(3)`` at the top of any module of
the user's that is loaded counts for code that uses `random`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from types import ModuleType

from gridtask.identity.closure.components import Node, text_node
from gridtask.identity.closure.lookup import Namespace
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.flows import unwind
from gridtask.identity.source.mutators import ENCODING
from gridtask.identity.source.sources import Source
from gridtask.identity.source.syntax import (
    DEFINITIONS,
    blocks,
    canonical,
    is_main_guard,
)
from gridtask.identity.source.texts import mentions, namespace_sources

_SETTERS = frozenset(
    [
        "seed",
        "manual_seed",
        "set_state",
        "setstate",
        "setlocale",
        "set_default_dtype",
        "putenv",
        "register_error",
        "set_option",
        "set_printoptions",
        "setrecursionlimit",
    ]
)
_FILTERS = frozenset({"simplefilter", "filterwarnings"})
"""Of the module ``warnings``: they matter where a warning becomes an error."""
_HOLDERS = frozenset({"environ", "rcParams"})
"""What is assigned to: ``os.environ[...]``."""
_OPTIONS = "options.display"
"""Of pandas: ``pd.options.display.precision = 3``."""
_OWNERS = frozenset({"random", "numpy", "torch", "os", "locale", "sys", "warnings"})
_OWNERS |= {"pandas", "matplotlib"}
_READERS = {"os.environ": "os.getenv"}
_CODECS = "codecs.register"
_ARGUMENTS = frozenset({"sys.argv", "argparse.ArgumentParser"})
"""What reads the command line, which workers are given, too."""
_ENCODERS = frozenset({"builtins.open", "builtins.str", "builtins.bytes"})


def link_seeds(closure: Closure, root: Node) -> None:
    """Link statements that set up third parties' functions that the code uses."""
    for name, held in closure.ambient.items():
        shown = ", ".join(f"{key}={value!r}" for key, value in held.items())
        root.link(f"setting {name}", text_node(f"setting of {name}", "setting", shown))
    if _ARGUMENTS & {".".join(name.split(".")[:2]) for name in closure.outside}:
        shown = repr(sys.argv[1:])
        root.link("setting sys.argv", text_node("sys.argv[1:]", "setting", shown))
    used = [name for name in closure.outside if name.split(".")[0] in _OWNERS]
    outside, attributes = closure.outside.keys(), closure.attributes.keys()
    if _ENCODERS & outside or ENCODING & attributes:
        used.append("codecs")
    if not used:
        return
    used += ["sys", "warnings"]  # how deep all code recurses, and what raises
    for module in list(sys.modules.values()):
        if type(module) is not ModuleType or not closure.boundary.owns_module(module):
            continue
        if mentions_settings(vars(module)):
            for source in namespace_sources(vars(module)):
                _link_module(closure, root, source, vars(module), used)


def mentions_settings(namespace: Namespace) -> bool:
    """Return whether a module's text may hold such statements."""
    return mentions(namespace, _SETTERS | _FILTERS | _HOLDERS | {"codecs", _OPTIONS})


def _link_module(
    closure: Closure,
    root: Node,
    source: Source,
    namespace: Namespace,
    used: list[str],
) -> None:
    for unit in source.tree.body:
        if is_main_guard(unit):
            continue
        for statement in _simple_statements(unit):
            owners = {owner for owner, _ in settings_in(closure, namespace, statement)}
            if any(_is_within(name, owner) for name in used for owner in owners):
                owner = "".join(sorted(owners)[:1])
                node = Node(f"setting of {owner}", "setting", None)
                node.add("statement", canonical(statement))
                node.make_text = lambda s=statement: _text(source, s)
                root.link(f"setting {owner}", node)
                closure.modules[str(namespace.get("__name__"))] = None
                for part in ast.walk(statement):
                    if isinstance(part, ast.Name):
                        _link_value(closure, node, namespace, part.id)


def _link_value(closure: Closure, node: Node, namespace: Namespace, name: str) -> None:
    """Count what a statement is told by a global: ``seed(SEED)``."""
    value = namespace.get(name)
    if name in namespace and not isinstance(value, ModuleType):
        node.link(name, closure.visit_bound(value, name, (namespace, name)))


def _simple_statements(unit: ast.stmt) -> Iterator[ast.stmt]:
    stack = [unit]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Expr | ast.Assign | ast.AugAssign):
            yield node
        if not isinstance(node, DEFINITIONS):
            stack.extend(child for block in blocks(node) for child in block)


def settings_in(
    closure: Closure, namespace: Namespace, statement: ast.stmt
) -> Iterator[tuple[str, str]]:
    """Yield what of others a statement sets: their dotted name, and by what."""
    for part in ast.walk(statement):
        if isinstance(part, ast.Name | ast.Attribute):
            root, attributes, _ = unwind(part)
            dotted = _dotted(closure, namespace, root, attributes)
            owner, _, last = (dotted or "").rpartition(".")
            is_strict = last in _FILTERS and _names_error(statement)
            if is_strict or last in _SETTERS or dotted == _CODECS:
                yield owner, last
            elif last in _HOLDERS:
                yield "matplotlib" if last == "rcParams" else str(dotted), last
            elif str(dotted).startswith(f"pandas.{_OPTIONS}."):
                yield "pandas", "options"


def _names_error(statement: ast.stmt) -> bool:
    parts = ast.walk(statement)
    return any(isinstance(p, ast.Constant) and p.value == "error" for p in parts)


def _dotted(
    closure: Closure,
    namespace: Namespace,
    root: str | None,
    attributes: tuple[str, ...],
) -> str | None:
    value = namespace.get(root or "")
    if not isinstance(value, ModuleType):
        found = (
            None if value is None else closure.find_import(namespace, str(root), value)
        )
        if found is None:
            return None
        value, attributes = found[0], (found[1], *attributes)
    if closure.boundary.owns_module(value):
        return None
    return ".".join([value.__name__, *attributes])


def _is_within(name: str, owner: str) -> bool:
    is_read = name == _READERS.get(owner)
    return is_read or name == owner or name.startswith(f"{owner}.")


def _text(source: Source, statement: ast.stmt) -> str:
    return "\n".join(source.lines[statement.lineno - 1 : statement.end_lineno])
