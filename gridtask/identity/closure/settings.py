"""Which statements set up third parties: ``random.seed(3)``, ``csv.excel.x = 1``.

A statement sets what is not the user's if it assigns to an attribute or an item of
it, or if it calls, and uses no value of, a function whose name says that it sets
something, or a method that changes a container.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator
from functools import lru_cache
from types import FunctionType, ModuleType

from gridtask.errors import IdentityError
from gridtask.identity.closure.boundary import Boundary
from gridtask.identity.closure.callables import is_task, locate
from gridtask.identity.closure.lookup import Namespace
from gridtask.identity.closure.reach import resolve
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.flows import unwind
from gridtask.identity.source.mutators import MUTATORS
from gridtask.identity.source.syntax import DEFINITIONS, blocks
from gridtask.identity.source.texts import raw_texts

SETTERS = frozenset(
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
"""They count wherever they stand in a statement."""
_FILTERS = frozenset({"simplefilter", "filterwarnings"})
"""Of the module ``warnings``: they matter where a warning becomes an error."""
_HOLDERS = frozenset({"rcParams"})
"""What is assigned to: ``rcParams[...]``."""
_ENVIRONMENT = "os.environ"
"""Counts by what it holds, see `gridtask.identity.closure.environment`."""
EXACT = frozenset({"os", "sys"})
"""Of which all code uses something: only what is set itself counts."""
_OPTIONS = "options.display"
"""Of pandas: ``pd.options.display.precision = 3``."""
_CODECS = "codecs.register"
_WORDS = SETTERS | _FILTERS | _HOLDERS | {"codecs", _OPTIONS}
_VERB = re.compile(
    r"(set|add|register|unregister|enable|disable|install|use|config|configure|reset"
    r"|update)(_.*|config)?|set[a-z]+|tzset"
)
"""Names of functions that set something."""
_STATEMENT = re.compile(
    rb"^[ \t]*(\w+)(?=[.\[(])((?:\.\w+|\[[^\n]*?\])*)[ \t]*"
    rb"(?:(\()|[-+*/|&]?=(?!=))",
    re.MULTILINE,
)
_IMPORT = re.compile(rb"^[ \t]*(?:from|import)\b[^\n(]*(?:\([^)]*\))?", re.MULTILINE)
_SILENT = frozenset(
    [
        "asyncio",
        "atexit",
        "builtins",
        "faulthandler",
        "gc",
        "logging",
        "multiprocessing",
        "signal",
        "threading",
        "tracemalloc",
        "warnings",
    ]
)
"""Modules that say how a process runs and reports, not what it computes."""
_Found = tuple[str, str]
"""Of whom something is set, dotted, and by what."""


def mentions_settings(
    closure: Closure, namespace: Namespace, used: Collection[str]
) -> bool:
    """Return whether a module's text may set what is used; nothing is parsed."""
    for text in raw_texts(namespace):
        is_certain, names = _candidates(text)
        dotted = (dotted_name(closure, namespace, *name) for name in names)
        if is_certain or any(name and _is_near(name, used) for name in dotted):
            return True
    return False


def _is_near(name: str, used: Collection[str]) -> bool:
    top = name.partition(".")[0]
    if top in EXACT:
        return any(u.startswith(name) or name.startswith(f"{u}.") for u in used)
    return any(u == top or u.startswith(f"{top}.") for u in used)


@lru_cache(maxsize=4096)
def _candidates(text: bytes) -> tuple[bool, list[tuple[str, tuple[str, ...]]]]:
    """Return whether a text names a setter, and what else its statements may set.

    These are names that it imports, with the attributes that follow.
    """
    if any(word.encode() in text for word in _WORDS):
        return True, []
    imported = set(re.findall(rb"\w+", b" ".join(_IMPORT.findall(text))))
    found: dict[tuple[str, tuple[str, ...]], None] = {}
    for match in _STATEMENT.finditer(text):
        root, rest, is_call = match.groups()
        if root in imported:
            parts = (root + b"." + rest).decode("utf-8", "replace")
            names = re.findall(r"\w+", re.sub(r"\[.*?\]", "", parts))
            if not is_call or _is_setter(names[-1]):
                found[names[0], tuple(names[1:])] = None
    return False, list(found)


def settings_in(
    closure: Closure, namespace: Namespace, statement: ast.stmt
) -> Iterator[_Found]:
    """Yield what of others a statement sets: their dotted name, and by what."""
    yield from _said_by_name(closure, namespace, statement)
    for target in _targets(statement):
        found = _holder(closure, namespace, target)
        if found is not None:
            yield found, "assignment"
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        root, attributes, _ = unwind(statement.value.func)
        dotted = dotted_name(closure, namespace, root, attributes) or ""
        owner, _, last = dotted.rpartition(".")
        is_silent = owner.partition(".")[0] in {*_SILENT, ""}
        if not is_silent and owner != _ENVIRONMENT and _is_setter(last):
            yield owner, "call"


def _said_by_name(
    closure: Closure, namespace: Namespace, statement: ast.stmt
) -> Iterator[_Found]:
    for root, attributes in _names_in(statement):
        dotted = dotted_name(closure, namespace, root, attributes)
        owner, _, last = (dotted or "").rpartition(".")
        is_strict = last in _FILTERS and _names_error(statement)
        if is_strict or last in SETTERS or dotted == _CODECS:
            yield owner, last
        elif last in _HOLDERS:
            yield "matplotlib", last
        elif str(dotted).startswith(f"pandas.{_OPTIONS}."):
            yield "pandas", "options"


@lru_cache(maxsize=4096)
def _names_in(statement: ast.stmt) -> tuple[tuple[str | None, tuple[str, ...]], ...]:
    """Return the names in a statement that may say a setting."""
    known = SETTERS | _FILTERS | _HOLDERS | {"register"}
    found = [
        unwind(part)[:2]
        for part in ast.walk(statement)
        if isinstance(part, ast.Name | ast.Attribute)
    ]
    # A name without attributes may be imported as another.
    return tuple(
        (root, attributes)
        for root, attributes in dict.fromkeys(found)
        if not attributes or attributes[-1] in known or "options" in attributes
    )


def _is_setter(name: str) -> bool:
    return name in MUTATORS or _VERB.fullmatch(name) is not None


def _targets(statement: ast.stmt) -> Iterator[ast.expr]:
    if isinstance(statement, ast.Assign):
        yield from statement.targets
    elif isinstance(statement, ast.AugAssign | ast.AnnAssign):
        yield statement.target
    elif isinstance(statement, ast.Delete):
        yield from statement.targets


def _holder(closure: Closure, namespace: Namespace, target: ast.expr) -> str | None:
    """Return whose attribute or item is assigned to, if it is not the user's."""
    is_item = False
    while isinstance(target, ast.Subscript):
        target, is_item = target.value, True
    root, attributes, _ = unwind(target)
    if not (attributes or is_item):
        return None
    dotted = dotted_name(closure, namespace, root, attributes)
    if dotted is None or dotted.partition(".")[0] in _SILENT:
        return None
    return None if dotted == _ENVIRONMENT else dotted


def _names_error(statement: ast.stmt) -> bool:
    parts = ast.walk(statement)
    return any(isinstance(p, ast.Constant) and p.value == "error" for p in parts)


def dotted_name(
    closure: Closure,
    namespace: Namespace,
    root: str | None,
    attributes: tuple[str, ...],
) -> str | None:
    """Return the full name of what belongs to a third party, None if it is no such."""
    value = namespace.get(root or "", sys.modules.get(root or ""))
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


# -- functions that are called to set something up ---------------------------------
def simple_statements(unit: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements in a block that hold no others, outside of definitions."""
    stack = [unit]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Expr | ast.Assign | ast.AugAssign | ast.Delete):
            yield node
        if node is unit or not isinstance(node, DEFINITIONS):
            stack.extend(child for block in blocks(node) for child in block)


def called_for_effect(
    boundary: Boundary, namespace: Namespace, statement: ast.stmt
) -> Iterator[FunctionType]:
    """Yield the user's function that a statement calls, and those that this calls."""
    stack, seen = [(namespace, statement)], set()
    while stack:
        around, step = stack.pop()
        if not isinstance(step, ast.Expr) or not isinstance(step.value, ast.Call):
            continue
        root, attributes, _ = unwind(step.value.func)
        function = resolve(around, root, attributes)
        if not isinstance(function, FunctionType) or function in seen:
            continue
        if not boundary.owns_file(function.__code__.co_filename):
            continue
        seen.add(function)
        yield function
        steps = statements_of(function)
        stack += [(function.__globals__, inner) for inner in steps]


def statements_of(function: FunctionType) -> list[ast.stmt]:
    """Return the simple statements of a function's body."""
    try:
        place = locate(function)
    except IdentityError:  # it is not what the task runs
        return []
    return [] if place is None else [*simple_statements(place.node)]


def names_task(function: FunctionType) -> bool:
    """Return whether a function is a script's own main function: it runs tasks."""
    held = function.__globals__
    return any(is_task(held.get(name)) for name in function.__code__.co_names)
