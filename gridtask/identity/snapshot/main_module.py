"""What of ``__main__`` travels: by value, or as statements to run again."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gridtask.errors import IdentityError
from gridtask.identity.closure.callables import is_task
from gridtask.identity.closure.components import Node
from gridtask.identity.closure.definitions import definition
from gridtask.identity.closure.fillers import find_defining
from gridtask.identity.closure.lookup import Namespace
from gridtask.identity.snapshot.settings import find_settings, globals_in
from gridtask.identity.snapshot.transport import dump
from gridtask.identity.source.sources import Source
from gridtask.identity.source.syntax import DEFINITIONS, first_line
from gridtask.identity.source.texts import namespace_sources

if TYPE_CHECKING:
    from gridtask.identity.code import Code

_MAX_EXTRA_BYTES = 64 * 1024
_PRESENT = (types.FunctionType, type)
_PLAIN = (int, float, str, bytes, bool, type(None), tuple, frozenset, complex)


class MainModule:
    """What of ``__main__`` a task needs: pickled, or statements to run again."""

    def __init__(self, code: Code, main: Namespace) -> None:
        self.code = code
        self.main = main
        self.hints = any(closure.hints for closure in code.closures)
        self.shared: dict[int, tuple[str, str]] = {}
        self.failed: dict[str, None] = {}
        self.pickled = b""
        self.statements: list[tuple[str, str]] = []
        self.done: set[str] = set()

    def pack(self) -> None:
        """Pickle what can be; for the rest, add what its statements need."""
        names: list[str] | None = None
        while True:
            found = self._names()
            if found == names:
                break
            names = found
            self.shared = _shared_globals(self.code, self.main)
            for name in names:
                if name not in self.failed and _runs_again(self.code, self.main, name):
                    self._fail(name)
            kept = [n for n in names if n not in self.failed and n in self.main]
            self.pickled, failed = _pickle_main(
                self.code, self.main, kept, self.shared, self.hints
            )
            for name in failed:
                self._fail(name)
        self.statements = list(_statements(self.code, self.main, list(self.failed)))
        self.done = set(names)

    def _is_met(self, value: object) -> bool:
        return any(id(value) in closure.targets for closure in self.code.closures)

    def shared_names(self) -> list[tuple[str, tuple[str, str]]]:
        """Return the globals that are another module's object, and which."""
        rows = [(name, self.shared.get(id(self.main.get(name)))) for name in self.done]
        return [(name, where) for name, where in rows if where is not None]

    def _fail(self, name: str) -> None:
        """Make a global by its statements; these use further names."""
        self.failed[name] = None
        closure = self.code.closures[0]
        definition(closure, self.main, name, "definition", required=False)
        closure.run(Node(name, "root", None))

    def _names(self) -> list[str]:
        names = {n: None for space, n in bindings_of(self.code) if space is self.main}
        for _, unit in find_settings(self.code.closures[0]):
            names.update(dict.fromkeys(globals_in(unit, self.main)))
        for name, value in self.main.items():
            if type(value).__module__ == "__main__" and self._is_met(value):
                names[name] = None
        for closure in self.code.closures:
            for subject in closure.subjects():
                name = _own_name(subject)
                held = self.main.get(name)
                inner = getattr(held, "func", held) if is_task(held) else held
                if inner is subject or held is subject:
                    names[name] = None
        return list(names)


def _own_name(subject: Any) -> str:
    """Return the global name that a function or class of ``__main__`` may have."""
    if not isinstance(subject, _PRESENT) or subject.__module__ != "__main__":
        return ""
    return subject.__qualname__


def pickle_options(
    code: Code, shared: dict[int, tuple[str, str]], hints: bool
) -> bytes | None:
    """Pickle the options, for the walk that verifies on the worker."""
    try:
        return dump(code.options, shared, hints)
    except Exception:
        return None


def bindings_of(code: Code) -> list[tuple[Namespace, str]]:
    found: dict[tuple[int, str], Namespace] = {}
    for closure in code.closures:
        found.update(closure.bindings)
    return [(namespace, name) for (_, name), namespace in found.items()]


def main_names(main: Namespace) -> dict[str, object]:
    names = ("__file__", "__package__", "__doc__")
    plain = {name: main.get(name) for name in names if name in main}
    return {k: v for k, v in plain.items() if type(v) in (str, type(None))}


# -- what of __main__ travels ---------------------------------------------------------
def _pickle_main(
    code: Code,
    main: Namespace,
    names: list[str],
    shared: dict[int, tuple[str, str]],
    hints: bool,
) -> tuple[bytes, list[str]]:
    """Pickle the function and the globals; return what cannot be pickled."""
    # In one pickle: what is ignored must be the very function that travels.
    options = code.options if pickle_options(code, shared, hints) else None

    def attempt(chosen: list[str]) -> bytes:
        held = {name: main[name] for name in chosen}
        return dump((held, code.function, options), shared, hints)

    try:
        return attempt(names), []
    except Exception:
        failed = [name for name in names if not _can_dump(main[name], shared, hints)]
    kept = [name for name in names if name not in failed]
    try:
        return attempt(kept), failed
    except Exception as error:
        msg = (
            f"{code.label!r} cannot be sent to a worker: {error}; define what it "
            "uses in a module that can be imported"
        )
        raise IdentityError(msg) from error


def _can_dump(value: object, shared: dict[int, tuple[str, str]], hints: bool) -> bool:
    try:
        dump(value, shared, hints)
    except Exception:
        return False
    return True


def _shared_globals(code: Code, main: Namespace) -> dict[int, tuple[str, str]]:
    """Return the objects that a worker has as globals of imported modules."""
    shared: dict[int, tuple[str, str]] = {}
    for namespace, name in bindings_of(code):
        value = namespace.get(name)
        if isinstance(value, (*_PLAIN, *_PRESENT, types.ModuleType)) or is_task(value):
            continue
        module = sys.modules.get(str(namespace.get("__name__")))
        if namespace is main:
            found = code.closures[0].find_import(main, name, value)
            if found is not None and not code.closures[0].boundary.owns_module(
                found[0]
            ):
                shared[id(value)] = (found[0].__name__, found[1])
        elif module is not None and vars(module) is namespace:
            shared[id(value)] = (module.__name__, name)
    return shared


def _runs_again(code: Code, main: Namespace, name: str) -> bool:
    """Return whether a global is made by its statement: state starts afresh."""
    if _is_state(code, main, name):
        units = find_defining(code.closures[0], main, name)
        return bool(units) and all(_is_simple(unit, name) for _, unit in units)
    return name not in main


def _is_state(code: Code, main: Namespace, name: str) -> bool:
    held = id(main.get(name))
    return any(
        (id(main), name) in closure.state.names or held in closure.state.contents
        for closure in code.closures
    )


def _is_simple(unit: ast.stmt, name: str) -> bool:
    """Return whether a statement sets a name, or a part of it, and no more."""
    if not isinstance(unit, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return False
    targets = unit.targets if isinstance(unit, ast.Assign) else [unit.target]
    names = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
    return name in names


def _statements(
    code: Code, main: Namespace, names: list[str]
) -> Iterator[tuple[str, str]]:
    """Yield the texts, on their own lines, of the statements to run again."""
    found: dict[int, tuple[int, Source, ast.stmt]] = {}
    order = {id(s): i for i, s in enumerate(namespace_sources(main))}
    for name in names:
        # Of what is no state all that was done to it is done again.
        is_opaque = not _is_state(code, main, name)
        rows_of = find_defining(code.closures[0], main, name, is_opaque=is_opaque)
        for source, unit in rows_of:
            if _fills_what_travels(code, main, unit, names):
                continue
            position = order.get(id(source), 0)
            found[id(unit)] = (position, source, unit)
    found = {key: row for key, row in found.items() if not _starts_calls(main, row[2])}
    for source, unit in find_settings(code.closures[0]):
        found[id(unit)] = (order.get(id(source), 0), source, unit)
    rows = sorted(found.values(), key=lambda row: (row[0], first_line(row[2])))
    texts = ((source.filename, source.segment(unit)) for _, source, unit in rows)
    yield from dict.fromkeys(texts)  # statements of one line are one text


def _fills_what_travels(
    code: Code, main: Namespace, unit: ast.stmt, names: list[str]
) -> bool:
    """Return whether a statement names a state that travels already filled."""
    held = {part.id for part in ast.walk(unit) if isinstance(part, ast.Name)}
    return any(
        name in main and _is_state(code, main, name) for name in held - set(names)
    )


def _starts_calls(main: Namespace, unit: ast.stmt) -> bool:
    """Return whether a statement may run tasks: never on a worker."""
    if isinstance(unit, DEFINITIONS):
        return False
    names = {part.id for part in ast.walk(unit) if isinstance(part, ast.Name)}
    return any(is_task(main.get(name)) for name in names)


def own_objects(main: Namespace) -> dict[int, tuple[str, str]]:
    """Return the functions and classes of ``__main__`` by id, with their names."""
    return {
        id(value): ("__main__", name)
        for name, value in main.items()
        if isinstance(value, _PRESENT) and value.__module__ == "__main__"
    }


def pickle_extras(
    main: Namespace, done: set[str], shared: dict[int, tuple[str, str]], hints: bool
) -> dict[str, bytes]:
    """Pickle further classes and functions of ``__main__``: arguments may be some.

    They are rebuilt on the worker only when something asks for them.
    """
    extras: dict[str, bytes] = {}
    own = own_objects(main)
    for name, value in list(main.items()):
        if name in done or (id(value) not in own and not is_task(value)):
            continue
        others = {key: ref for key, ref in own.items() if key != id(value)}
        try:
            data = dump((value, _needed(value)), {**shared, **others}, hints)
        except Exception:
            continue
        extras[name] = data
    for name in {n for data in list(extras) for n in _needed(main[data])}:
        if name in done or name in extras or name not in main:
            continue
        if _can_dump(main[name], {**shared, **own}, hints):
            data = dump((main[name], ()), {**shared, **own}, hints)
            if len(data) <= _MAX_EXTRA_BYTES:
                extras[name] = data
    return extras


def _needed(value: Any) -> tuple[str, ...]:
    """Return the global names that functions in `value` may use."""
    found: dict[str, None] = {}
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if is_task(item):
            stack.append(item.func)
        elif isinstance(item, type):
            stack.extend(vars(item).values())
        elif isinstance(item, types.FunctionType):
            stack.append(item.__code__)
        elif isinstance(item, types.CodeType):
            found.update(dict.fromkeys(item.co_names))
            stack.extend(item.co_consts)
        elif isinstance(item, staticmethod | classmethod):
            stack.append(item.__func__)
        elif isinstance(item, property):
            stack.extend([item.fget, item.fset, item.fdel])
    return tuple(found)
