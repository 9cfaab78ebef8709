"""Settings of third parties that a script's top level makes: a worker repeats them.

``codecs.register(find)`` would be lost, since no other code of a script runs on a
worker. Generators of random numbers are not seeded: all workers would draw the same
numbers.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from gridtask.identity.closure.lookup import Namespace
from gridtask.identity.closure.settings import (
    called_for_effect,
    mentions_settings,
    names_task,
    settings_in,
    simple_statements,
    statements_of,
)
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.sources import Source
from gridtask.identity.source.syntax import DEFINITIONS
from gridtask.identity.source.texts import namespace_sources

_REPEATED = frozenset(
    [
        "filterwarnings",
        "options",
        "rcParams",
        "register",
        "register_error",
        "set_default_dtype",
        "set_option",
        "set_printoptions",
        "setlocale",
        "setrecursionlimit",
        "simplefilter",
    ]
)
_SET = frozenset({"assignment", "call"})
_SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign)


def find_settings(closure: Closure) -> list[tuple[Source, ast.stmt]]:
    """Return the top-level statements of ``__main__`` that a worker repeats."""
    main = vars(sys.modules["__main__"])
    if not mentions_settings(closure, main, closure.outside):
        return []
    return [
        (source, unit)
        for source in namespace_sources(main)
        for unit in source.tree.body
        if _is_repeated(closure, main, unit)
    ]


def _is_repeated(closure: Closure, main: Namespace, unit: ast.stmt) -> bool:
    """Return whether a worker repeats a statement.

    What sets a third party's attribute is repeated where it counts; a function
    that was put there travels by itself.
    """
    if isinstance(unit, _SIMPLE):
        found = list(settings_in(closure, main, unit))
        if any(how in _REPEATED for _, how in found):
            return True
    if id(unit) not in closure.settings or isinstance(unit, DEFINITIONS):
        return False
    steps = [(main, step) for step in simple_statements(unit)]
    for _, step in list(steps):
        for function in called_for_effect(closure.boundary, main, step):
            if names_task(function):
                return False
            held = function.__globals__
            steps += [(held, inner) for inner in statements_of(function)]
    found = [row for held, step in steps for row in settings_in(closure, held, step)]
    if any(how not in _REPEATED | _SET for _, how in found):
        return False
    patched = {f"{module}.{name}" for _, module, name in closure.patched}
    return patched.isdisjoint(owner for owner, _ in found)


def globals_in(unit: ast.stmt, namespace: Namespace) -> Iterator[str]:
    """Yield the global names that a statement uses."""
    for part in ast.walk(unit):
        if isinstance(part, ast.Name) and part.id in namespace:
            yield part.id


def named_in(settings: list[tuple[Source, ast.stmt]]) -> Iterator[object]:
    """Yield the objects that statements of ``__main__`` name."""
    main = vars(sys.modules["__main__"])
    for _, unit in settings:
        yield from (main[name] for name in globals_in(unit, main))
