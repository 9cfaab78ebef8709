"""Components of values: what globals, defaults and closures hold.

A value counts by its digest (`gridtask.identity.arguments`). What cannot be
digested, and what the code itself changes, counts by the statements that
define it.
"""

from __future__ import annotations

import ast
import functools
import io
import logging
import reprlib
import sys
import threading
from collections.abc import Callable, Iterator
from types import CellType
from typing import Any

from xxhash import xxh3_128, xxh3_128_digest

from gridtask.errors import IdentityError
from gridtask.identity.closure import (
    Closure,
    Environment,
    Namespace,
    Target,
    qualify,
)
from gridtask.identity.components import Colours, Node
from gridtask.identity.names import (
    ScopeError,
    Uses,
    enclosed_uses,
    statement_uses,
)
from gridtask.identity.sources import Place, Source, namespace_sources
from gridtask.identity.state import is_container
from gridtask.identity.syntax import (
    DEFINITIONS,
    FUNCTIONS,
    blocks,
    canonical,
    first_line,
    is_main_guard,
)

_LOCKS = (
    type(threading.Lock()),
    type(threading.RLock()),
    threading.Condition,
    threading.Event,
    threading.Semaphore,
    threading.Barrier,
)
_LARGE_BYTES = 100 << 20
_SHOWN = (int, float, str, bool, bytes, complex, type(None))
_Definition = Callable[[], "Target | None"]

__all__ = ["is_container", "visit_value", "visit_with"]


def visit_value(
    closure: Closure, value: object, name: str, origin: tuple[Namespace, str] | None
) -> Target:
    """Make the component of a value that a name holds."""
    if origin is None:
        return _value(closure, value, name, lambda: None)
    namespace, key = origin
    made = _value(
        closure,
        value,
        name,
        lambda: definition(closure, namespace, key, "definition", required=False),
    )
    if isinstance(made, Node):
        closure.globals.setdefault((id(namespace), key), made)
    return made


def visit_with(
    closure: Closure, value: object, name: str, define: _Definition
) -> Target:
    """Return an object's component; `define` says how a value was defined."""
    known = closure.targets.get(id(value))
    if known is not None:
        return known[1]
    from gridtask.identity.callables import visit_object

    closure.definitions[id(value)] = define
    return visit_object(closure, value, name, None)


def _value(closure: Closure, value: object, name: str, define: _Definition) -> Target:
    define = closure.definitions.pop(id(value), define)
    if isinstance(value, _LOCKS):
        return closure.remember(value, f"a {type(value).__name__}")
    if isinstance(value, logging.Logger):
        return closure.remember(value, "a logger")
    node = Node(name or type(value).__qualname__, "value", value)
    if type(value) not in _SHOWN:
        # Equal small values are often one object, under many names.
        closure.remember(value, node)
    node.make_text = functools.partial(_show, value)
    if isinstance(value, io.IOBase):
        _define(closure, node, define, "an open file")
    else:
        closure.later(lambda: _digest(closure, node, value, define))
    return node


def _digest(closure: Closure, node: Node, value: Any, define: _Definition) -> None:
    from gridtask.identity.arguments import ArgumentHasher

    if _is_array(value) and value.nbytes > _LARGE_BYTES:
        closure.warnings[node.name] = (
            f"{node.name} holds {value.nbytes >> 20} MiB, which are read to identify "
            "every map; pass it as an argument, or leave it out with ignore_code=[...]"
        )
    counted = _without_state(closure, value)
    targets: dict[int, Target] = {}
    subjects: list[object] = []

    def token(thing: object) -> bytes:
        target = targets[id(thing)] = closure.visit(thing, "")
        subjects.append(thing)
        shown = target if isinstance(target, str) else _short(target)
        return xxh3_128_digest(shown.encode("utf-8", "surrogatepass"))

    try:
        digest = ArgumentHasher(token).digest(counted, node.name)
    except Exception as error:
        if isinstance(error, IdentityError) and "changed on disk" in str(error):
            raise
        _define(closure, node, define, str(error))
        return
    node.add("value", digest)
    nodes = {key: part for key, part in targets.items() if isinstance(part, Node)}
    node.links += [("holds", part) for part in nodes.values()]
    if not nodes:
        return

    def content(colours: Colours) -> bytes:
        def colour(thing: object) -> bytes:
            part = nodes.get(id(thing))
            return token(thing) if part is None else colours[id(part)]

        return ArgumentHasher(colour).digest(counted, node.name)

    node.content = content
    closure.kept.append(subjects)


def _short(node: Node) -> str:
    return node.name.rpartition(".")[2]


def _without_state(closure: Closure, value: Any) -> object:
    """Leave out the attributes of an instance that the task's code sets."""
    changed = {name for owner, name in closure.state.attributes if owner == id(value)}
    if not changed or not type(value).__dictoffset__:
        return value
    state = object.__getattribute__(value, "__dict__")
    kept = {key: part for key, part in state.items() if key not in changed}
    return [type(value), kept]


def _define(closure: Closure, node: Node, define: _Definition, why: str) -> None:
    """Count a value by how it was defined; it has no digest."""
    target = define()
    if target is None and closure.is_lenient:
        return
    if target is None:
        msg = (
            f"{node.name}: {why}. A task's code uses it; make it where the task "
            "runs, define it by a statement at the top of its module, or leave the "
            "function that uses it out with ignore_code=[...]"
        )
        raise IdentityError(msg)
    node.add("type", f"{type(node.subject).__module__}.{type(node.subject).__name__}")
    node.link("defined by", target)


def _show(value: Any) -> str:
    if type(value) in _SHOWN:
        return reprlib.repr(value)
    shape = getattr(value, "shape", None) if _is_array(value) else None
    size = f" of shape {shape}" if shape is not None else ""
    if not size and isinstance(value, dict | list | tuple | set | frozenset):
        size = f" of {len(value)}"
        if all(type(part) in _SHOWN for part in _parts(value)):
            return reprlib.repr(value)
    return f"<{type(value).__qualname__}{size}>"


def _parts(value: Any) -> Iterator[object]:
    yield from value
    if isinstance(value, dict):
        yield from value.values()


def _is_array(value: object) -> bool:
    return any(base.__name__ == "ndarray" for base in type(value).__mro__)


# -- definitions ------------------------------------------------------------------
def definition(
    closure: Closure, namespace: Namespace, name: str, kind: str, required: bool = True
) -> Target | None:  # type: ignore[return]
    """Return the component of the statements that define a global name."""
    key = (id(namespace), f"{kind} {name}")
    known = closure.globals.get(key)
    if known is not None:
        return known
    node = Node(qualify(namespace, name), kind, None)
    found = list(defining(closure, namespace, name))
    if not found and not required:
        return None
    closure.globals[key] = node
    node.make_text = functools.partial(_text_of, found)
    for position, (source, unit) in enumerate(found):
        node.add(f"statement {position}", canonical(unit))
        uses = statement_uses(source, unit, [unit])
        uses = _without_changes(uses)
        closure.later(
            functools.partial(closure.apply, node, uses, Environment(namespace))
        )
    return node


def _without_changes(uses: Uses) -> Uses:
    """What a module's own statements fill is configuration, not state."""
    return Uses(chains=uses.chains, attributes=uses.attributes)


def _text_of(found: list[tuple[Source, ast.stmt]]) -> str:
    return "\n".join(
        "\n".join(source.lines[first_line(unit) - 1 : unit.end_lineno])
        for source, unit in found
    )


def defining(
    closure: Closure, namespace: Namespace, name: str
) -> Iterator[tuple[Source, ast.stmt]]:
    users = closure.state.mutators.get((id(namespace), name), set())
    for source in namespace_sources(namespace):
        for unit in source.tree.body:
            if not is_main_guard(unit) and _concerns(source, unit, name, users):
                yield source, unit


def _concerns(source: Source, unit: ast.stmt, name: str, users: set[str]) -> bool:
    """Return whether a top-level statement defines or fills a global name."""
    if isinstance(unit, DEFINITIONS):
        decorators = {
            part.id
            for decorator in unit.decorator_list
            for part in ast.walk(decorator)
            if isinstance(part, ast.Name)
        }
        return unit.name == name or not decorators.isdisjoint(users)
    return name in _filled_by(source, unit)


def _filled_by(source: Source, unit: ast.stmt) -> set[str]:
    key = ("fills", unit)
    known = source.memo.get(key)
    if known is None:
        try:
            changes = statement_uses(source, unit, [unit]).changes
            known = {str(change.chain.root) for change in changes}
        except ScopeError:
            known = {n.id for n in ast.walk(unit) if isinstance(n, ast.Name)}
        source.memo[key] = known
    return known  # type: ignore[return-value]


def cell_definition(
    closure: Closure, cell: CellType, name: str, environment: Environment
) -> Target:
    """Return the component of a closure's variable that the closure changes."""
    from gridtask.identity.callables import locate

    assert environment.function is not None
    place = locate(environment.function)
    nodes = _cell_statements(place, name) if place is not None else []
    if place is None or not nodes:
        # A parameter of the enclosing function: only the value is known.
        try:
            return closure.visit(cell.cell_contents, name)
        except ValueError:
            return "an empty cell"
    node = Node(name, "cell", cell)
    node.add("statements", canonical(*nodes))
    uses = enclosed_uses(place, nodes)
    chains = [chain for chain in uses.chains if chain.kind == "global"]
    closure.later(
        functools.partial(
            closure.apply, node, Uses(chains=chains), Environment(environment.namespace)
        )
    )
    return node


def _cell_statements(place: Place, name: str) -> list[ast.AST]:
    """Return the statements of the enclosing function that bind a variable."""
    for outer in reversed(place.enclosing):
        if not isinstance(outer, FUNCTIONS):
            continue
        arguments = outer.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [arg for arg in (arguments.vararg, arguments.kwarg) if arg]
        if name in {arg.arg for arg in every}:
            return []
        found = [node for node in _own_statements(outer) if _binds(node, name)]
        if found:
            return found
    return []


def _own_statements(outer: ast.AST) -> Iterator[ast.AST]:
    stack = [child for block in blocks(outer) for child in block]
    while stack:
        node = stack.pop(0)
        yield node
        if not isinstance(node, DEFINITIONS):
            stack = [child for block in blocks(node) for child in block] + stack


def _binds(node: ast.AST, name: str) -> bool:
    if isinstance(node, DEFINITIONS) or any(True for b in blocks(node) if b):
        return False
    return any(
        isinstance(part, ast.Name)
        and part.id == name
        and not isinstance(part.ctx, ast.Load)
        for part in ast.walk(node)
    )


# -- defaults ---------------------------------------------------------------------
def _default_node(place: Place, name: str) -> ast.expr | None:
    arguments = place.node.args  # type: ignore[union-attr]
    positional = [*arguments.posonlyargs, *arguments.args]
    if arguments.defaults:
        tail = positional[-len(arguments.defaults) :]
        for arg, value in zip(tail, arguments.defaults, strict=True):
            if arg.arg == name:
                return value
    for arg, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if arg.arg == name:
            return value
    return None


def add_default_text(
    closure: Closure, node: Node, place: Place, name: str, namespace: Namespace
) -> None:
    """Count a default that the function changes by its text."""
    target = default_definition(closure, place, name, namespace)
    if target is not None:
        node.link(f"default {name}", target)


def default_definition(
    closure: Closure, place: Place | None, name: str, namespace: Namespace
) -> Target | None:
    """Return the component of a default's expression."""
    expression = _default_node(place, name) if place is not None else None
    if place is None or expression is None:
        return None
    node = Node(f"{getattr(place.node, 'name', '<lambda>')}.{name}", "default", None)
    node.add("expression", canonical(expression))
    if place.enclosing:
        uses = enclosed_uses(place, [expression])
    else:
        uses = statement_uses(place.source, place.unit, [expression])
    chains = [chain for chain in uses.chains if chain.kind == "global"]
    closure.apply(node, Uses(chains=chains), Environment(namespace))
    return node


def class_definition(
    closure: Closure, cls: type, name: str, namespace: Namespace
) -> Target | None:
    """Return the component of the statements that define a class attribute."""
    from gridtask.identity.members import class_places

    places = class_places(cls)
    node = Node(f"{cls.__qualname__}.{name}", "definition", None)
    found = False
    for place in places:
        for statement in place.node.body:  # type: ignore[union-attr]
            if isinstance(statement, ast.stmt) and _binds(statement, name):
                found = True
                node.add("statement", canonical(statement, in_class=True))
                inner = Place(
                    place.source,
                    place.node,
                    (*place.enclosing, place.node),
                    place.unit,
                )
                uses = enclosed_uses(inner, [statement])
                chains = [chain for chain in uses.chains if chain.kind == "global"]
                closure.apply(node, Uses(chains=chains), Environment(namespace))
    if found:
        return node
    # Made from the class statement by a metaclass, or set from outside.
    top = cls.__qualname__.partition(".")[0]
    return definition(closure, namespace, top, "definition", required=False)


# -- modules ----------------------------------------------------------------------
def visit_module(closure: Closure, namespace: Namespace) -> Target:
    """Make the component of a module that code uses as a whole."""
    name = str(namespace.get("__name__"))
    if not closure.boundary.owns_namespace(namespace):
        closure.modules[name] = None
        return name
    known = closure.globals.get((id(namespace), ""))
    if known is not None:
        return known
    node = Node(name, "module", namespace)
    closure.globals[id(namespace), ""] = node
    filename = namespace.get("__file__")
    module = sys.modules.get(name)
    if module is not None and _is_extension(filename):
        return extension_file(closure, module, name)
    closure.modules[name] = None
    sources = namespace_sources(namespace)
    for source in sources:
        node.add("text", canonical([*_without_guard(source.tree)]))
    closure.later(lambda: _expand_module(closure, node, namespace))
    return node


def _without_guard(tree: ast.Module) -> Iterator[ast.stmt]:
    return (unit for unit in tree.body if not is_main_guard(unit))


def _expand_module(closure: Closure, node: Node, namespace: Namespace) -> None:
    environment = Environment(namespace)
    from gridtask.identity.names import Chain

    for name in list(namespace):
        if not (name.startswith("__") and name.endswith("__")):
            chain = Chain("global", name, ())
            node.link(f"global {name}", closure.resolve(chain, environment))


def _is_extension(filename: object) -> bool:
    return isinstance(filename, str) and filename.endswith((".so", ".pyd"))


def extension_file(closure: Closure, module: Any, name: str) -> Target:
    """Return the component of a compiled module of the user's: its bytes."""
    key = (id(vars(module)), "extension")
    known = closure.globals.get(key)
    if known is None:
        known = closure.globals[key] = Node(name, "extension", module)
        hasher = xxh3_128()
        with open(module.__file__, "rb") as file:
            while chunk := file.read(1 << 20):
                hasher.update(chunk)
        known.add("file", hasher.digest())
    return known
