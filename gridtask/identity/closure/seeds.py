"""Statements at the top of modules that set what third parties' functions give.

What belongs to a third party counts by name. Whether `random.random` was seeded
is nevertheless the user's code: ``random.seed(3)`` at the top of any module of
the user's that is loaded counts for code that uses `random`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType

from gridtask.identity.closure.components import Node, text_node
from gridtask.identity.closure.environment import read_environment
from gridtask.identity.closure.lookup import Environment, Namespace
from gridtask.identity.closure.settings import (
    EXACT,
    called_for_effect,
    mentions_settings,
    names_task,
    settings_in,
    simple_statements,
    statements_of,
)
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.mutators import ENCODING
from gridtask.identity.source.names import statement_uses
from gridtask.identity.source.sources import Source
from gridtask.identity.source.syntax import canonical, is_main_guard
from gridtask.identity.source.texts import mentions, namespace_sources
from gridtask.identity.source.uses import Chain, Uses

_ARGUMENTS = frozenset({"sys.argv", "argparse.ArgumentParser"})
"""What reads the command line, which workers are given, too."""
_READERS = ("os.environ", "os.getenv", "os.path.expandvars")
_WITH_HEAD = (ast.For, ast.While, ast.With)
"""Statements that say what those in them are told."""
_ENCODERS = frozenset({"builtins.open", "builtins.str", "builtins.bytes"})


def link_seeds(closure: Closure, root: Node) -> None:
    """Link statements that set up third parties' functions that the code uses."""
    for name, held in closure.ambient.items():
        shown = ", ".join(f"{key}={value!r}" for key, value in held.items())
        root.link(f"setting {name}", text_node(f"setting of {name}", "setting", shown))
    if _ARGUMENTS & {".".join(name.split(".")[:2]) for name in closure.outside}:
        shown = repr(sys.argv[1:])
        root.link("setting sys.argv", text_node("sys.argv[1:]", "setting", shown))
    used = [name for name in closure.outside if not name.startswith("builtins.")]
    outside, attributes = closure.outside.keys(), closure.attributes.keys()
    if _ENCODERS & outside or ENCODING & attributes:
        used.append("codecs")
    if not used:
        return
    _link_environment(closure, root)
    setters: set[str] = set()
    loaded = [
        vars(module)
        for module in list(sys.modules.values())
        if type(module) is ModuleType and closure.boundary.owns_module(module)
    ]
    holders = [held for held in loaded if mentions_settings(closure, held, used)]
    used += ["sys", "warnings"]  # how deep all code recurses, and what raises
    for namespace in holders:
        setters |= set(_functions_that_set(closure, namespace))
    for namespace in loaded:
        if namespace in holders or mentions(namespace, setters):
            for source in namespace_sources(namespace):
                _link_module(closure, root, source, namespace, used)


def _link_environment(closure: Closure, root: Node) -> None:
    if any(name.startswith(_READERS) for name in closure.outside):
        from gridtask.identity.closure.dynamic import texts_of

        closure.environment = read_environment(texts_of(closure))
        for name, value in closure.environment.items():
            node = Node(f"environment {name}", "setting", None)
            node.add("value", value)  # without a text: it may be a secret
            root.link(node.name, node)


def _functions_that_set(closure: Closure, namespace: Namespace) -> Iterator[str]:
    for name, value in list(namespace.items()):
        if isinstance(value, FunctionType) and value.__globals__ is namespace:
            steps = statements_of(value)
            if any(_owners(closure, namespace, step) for step in steps):
                yield name


def _owners(closure: Closure, namespace: Namespace, statement: ast.stmt) -> set[str]:
    return {owner for owner, _ in settings_in(closure, namespace, statement)}


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
        for statement in simple_statements(unit):
            called = [*called_for_effect(closure.boundary, namespace, statement)]
            places = [(namespace, [statement])]
            places += [(f.__globals__, statements_of(f)) for f in called]
            found = [
                row
                for around, steps in places
                for step in steps
                for row in settings_in(closure, around, step)
            ]
            owners = sorted(
                {o for o, how in found for name in used if _concerns(name, o, how)}
            )
            if owners:
                whole = unit if isinstance(unit, _WITH_HEAD) else statement
                node = _statement_node(closure, source, namespace, unit, whole)
                node.name = f"setting of {owners[0]}"
                root.link(f"setting {owners[0]}", node)
                _link_called(closure, node, called)
                closure.settings[id(unit)] = (source, unit, namespace)


def _statement_node(
    closure: Closure,
    source: Source,
    namespace: Namespace,
    unit: ast.stmt,
    statement: ast.stmt,
) -> Node:
    node = Node("", "setting", None)
    node.add("statement", canonical(statement))
    node.make_text = lambda: _text(source, statement)
    closure.modules[str(namespace.get("__name__"))] = None
    # What it is told by a global counts: ``seed(cfg.SEED)``.
    uses = statement_uses(source, unit, [statement])
    chains = [chain for chain in uses.chains if not _is_task(namespace, chain)]
    told = Uses(chains=chains)
    closure.later(lambda: closure.apply(node, told, Environment(namespace)))
    return node


def _is_task(namespace: Namespace, chain: Chain) -> bool:
    value = namespace.get(str(chain.root))
    return isinstance(value, FunctionType) and names_task(value)


def _link_called(closure: Closure, node: Node, called: list[FunctionType]) -> None:
    """Count of a function that runs tasks, as a script's main, what it sets alone."""
    for function in called:
        if not names_task(function):
            continue
        for step in statements_of(function):
            if _owners(closure, function.__globals__, step):
                node.add("statement", canonical(step))


def _concerns(name: str, owner: str, how: str) -> bool:
    """Return whether what is set of `owner` may matter to code that uses `name`."""
    top = owner.partition(".")[0]
    if how in {"assignment", "call"} and top not in EXACT:
        return name.partition(".")[0] == top
    return name == owner or name.startswith(f"{owner}.")


def _text(source: Source, statement: ast.stmt) -> str:
    return "\n".join(source.lines[statement.lineno - 1 : statement.end_lineno])
