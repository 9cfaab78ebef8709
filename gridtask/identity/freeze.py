"""Taking the snapshot, in the driver: what `install` needs on a worker."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import pickle
import sys
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_digest

from gridtask.errors import IdentityError
from gridtask.identity import values
from gridtask.identity.callables import changed_on_disk, is_task
from gridtask.identity.closure import Closure, Namespace, absolute_name
from gridtask.identity.importer import ModuleSource
from gridtask.identity.patches import find_patches
from gridtask.identity.sources import (
    Source,
    cells,
    imported_names,
    namespace_sources,
    read_source,
)
from gridtask.identity.syntax import DEFINITIONS, first_line
from gridtask.identity.transport import dump

if TYPE_CHECKING:
    from gridtask.identity.code import Code

MAGIC = b"gridtask snapshot 1\n"
_MAX_EXTRA_BYTES = 64 * 1024
_PRESENT = (types.FunctionType, type)
_PLAIN = (int, float, str, bytes, bool, type(None), tuple, frozenset, complex)


def freeze(code: Code) -> bytes:
    """Return the snapshot of identified code: magic, checksum, pickled content."""
    main = vars(sys.modules["__main__"])
    travelling = _Main(code, main)
    travelling.pack()
    shared, hints = travelling.shared, travelling.hints
    content = {
        "python": sys.implementation.cache_tag,
        "label": code.label,
        "digest": code.digest,
        "manifest": [(row.name, row.digest) for row in code.manifest],
        "options": _pickle_options(code, shared, hints),
        "sources": [tuple(source) for source in collect_modules(code)],
        "texts": _texts(code, main),
        "main": _main_names(main),
        "imports": _imports(code),
        "patches": find_patches(code, _bindings(code), main, hints),
        "values": travelling.pickled,
        "statements": travelling.statements,
        "extras": _extras(main, travelling.done, shared, hints),
    }
    data = pickle.dumps(content, protocol=5)
    return MAGIC + xxh3_128_digest(data) + data


class _Main:
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

    def _fail(self, name: str) -> None:
        """Make a global by its statements; these use further names."""
        self.failed[name] = None
        closure = self.code.closures[0]
        values.definition(closure, self.main, name, "definition", required=False)
        closure.run()

    def _names(self) -> list[str]:
        names = {n: None for space, n in _bindings(self.code) if space is self.main}
        for closure in self.code.closures:
            for subject in _subjects(closure):
                name = _own_name(subject)
                held = self.main.get(name)
                inner = held.func if is_task(held) else held  # type: ignore[union-attr]
                if inner is subject or held is subject:
                    names[name] = None
        return list(names)


def _own_name(subject: Any) -> str:
    """Return the global name that a function or class of ``__main__`` may have."""
    if not isinstance(subject, _PRESENT) or subject.__module__ != "__main__":
        return ""
    return subject.__qualname__


def _pickle_options(
    code: Code, shared: dict[int, tuple[str, str]], hints: bool
) -> bytes | None:
    """Pickle the options, for the walk that verifies on the worker."""
    try:
        return dump(code.options, shared, hints)
    except Exception:
        return None


def _bindings(code: Code) -> list[tuple[Namespace, str]]:
    found: dict[tuple[int, str], Namespace] = {}
    for closure in code.closures:
        found.update(closure.bindings)
    return [(namespace, name) for (_, name), namespace in found.items()]


def _main_names(main: Namespace) -> dict[str, object]:
    names = ("__file__", "__package__", "__doc__")
    plain = {name: main.get(name) for name in names if name in main}
    return {k: v for k, v in plain.items() if type(v) in (str, type(None))}


def _imports(code: Code) -> list[str]:
    names = {name: None for closure in code.closures for name in closure.modules}
    return [name for name in names if name != "__main__"]


# -- what of __main__ travels ---------------------------------------------------------
def _pickle_main(
    code: Code,
    main: Namespace,
    names: list[str],
    shared: dict[int, tuple[str, str]],
    hints: bool,
) -> tuple[bytes, list[str]]:
    """Pickle the function and the globals; return what cannot be pickled."""
    depends = (code.options["depends"], code.options["ignore_code"])

    def attempt(chosen: list[str]) -> bytes:
        held = {name: main[name] for name in chosen}
        return dump((held, code.function), shared, hints)

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
            f"uses in a module that can be imported (depends: {depends!r})"
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
    for namespace, name in _bindings(code):
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
    for closure in code.closures:
        key = (id(main), name)
        is_state = key in closure.state.names or (
            id(main.get(name)) in closure.state.contents
        )
        if is_state:
            units = list(values.defining(closure, main, name))
            return bool(units) and all(_is_simple(unit) for _, unit in units)
    return name not in main


def _is_simple(unit: ast.stmt) -> bool:
    return isinstance(unit, ast.Assign | ast.AnnAssign | ast.AugAssign)


def _statements(
    code: Code, main: Namespace, names: list[str]
) -> Iterator[tuple[str, str]]:
    """Yield the texts, on their own lines, of the statements to run again."""
    found: dict[int, tuple[int, Source, ast.stmt]] = {}
    order = {id(s): i for i, s in enumerate(namespace_sources(main))}
    for name in names:
        for source, unit in values.defining(code.closures[0], main, name):
            position = order.get(id(source), 0)
            found[id(unit)] = (position, source, unit)
    found = {key: row for key, row in found.items() if not _starts_calls(main, row[2])}
    rows = sorted(found.values(), key=lambda row: (row[0], first_line(row[2])))
    for _, source, unit in rows:
        yield source.filename, source.segment(unit)


def _starts_calls(main: Namespace, unit: ast.stmt) -> bool:
    """Return whether a statement may run tasks: never on a worker."""
    if isinstance(unit, DEFINITIONS):
        return False
    names = {part.id for part in ast.walk(unit) if isinstance(part, ast.Name)}
    return any(is_task(main.get(name)) for name in names)


def _extras(
    main: Namespace, done: set[str], shared: dict[int, tuple[str, str]], hints: bool
) -> dict[str, bytes]:
    """Pickle further classes and functions of ``__main__``: arguments may be some.

    They are rebuilt on the worker only when something asks for them.
    """
    extras: dict[str, bytes] = {}
    own = {
        id(value): ("__main__", name)
        for name, value in main.items()
        if isinstance(value, _PRESENT) and value.__module__ == "__main__"
    }
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


# -- sources ----------------------------------------------------------------------------
def _texts(code: Code, main: Namespace) -> list[tuple[str, bytes]]:
    """Return the texts of ``__main__`` and of notebook cells."""
    sources = [*namespace_sources(main), *cells()]
    for closure in code.closures:
        for subject in _subjects(closure):
            if isinstance(subject, types.FunctionType):
                filename = subject.__code__.co_filename
                if subject.__module__ == "__main__" or filename.startswith("<"):
                    source = read_source(filename)
                    sources += [source] if source is not None else []
    return list({source.filename: source.raw for source in sources}.items())


def _subjects(closure: Closure) -> Iterator[object]:
    for subject, _ in closure.targets.values():
        yield subject


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
    for subject in _subjects(closure):
        if isinstance(subject, types.FunctionType):
            yield str(subject.__globals__.get("__name__"))
        elif isinstance(subject, type):
            yield subject.__module__
    for namespace in closure.bindings.values():
        yield str(namespace.get("__name__"))


def _module_source(boundary: Any, name: str) -> ModuleSource | None:
    module = sys.modules.get(name)
    top = sys.modules.get(name.partition(".")[0])
    if top is not None and not boundary.owns_module(top):
        return None
    if module is not None:
        if not boundary.owns_module(module):
            return None
        filename = vars(module).get("__file__")
        path = vars(module).get("__path__")
        folders = None if path is None else tuple(str(part) for part in path)
    else:
        spec = _find_spec(name)
        if spec is None:
            return None
        filename = spec.origin if spec.has_location else None
        where = spec.submodule_search_locations
        folders = None if where is None else tuple(where)
        known = filename or (folders[0] if folders else "")
        if not known or not boundary.owns_file(known):
            return None
    if filename is None:
        return None if folders is None else ModuleSource(name, None, folders, b"")
    if not filename.endswith(".py"):
        return None  # compiled modules load from their own place
    source = read_source(filename)
    if source is None:
        raise changed_on_disk(filename, name)
    if module is not None:
        _check_module(module, source)
    return ModuleSource(name, filename, folders, source.raw)


def _find_spec(name: str) -> importlib.machinery.ModuleSpec | None:
    if name.partition(".")[0] in sys.stdlib_module_names:
        return None
    parent = name.rpartition(".")[0]
    if parent and parent not in sys.modules:
        return None  # finding it would import the parent
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
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
