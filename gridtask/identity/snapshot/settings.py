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
from gridtask.identity.closure.seeds import mentions_settings, settings_in
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.sources import Source
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
_SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign)


def find_settings(closure: Closure) -> list[tuple[Source, ast.stmt]]:
    """Return the top-level statements of ``__main__`` that a worker repeats."""
    main = vars(sys.modules["__main__"])
    if not mentions_settings(main):
        return []
    return [
        (source, unit)
        for source in namespace_sources(main)
        for unit in source.tree.body
        if isinstance(unit, _SIMPLE)
        and any(how in _REPEATED for _, how in settings_in(closure, main, unit))
    ]


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
