"""Components of values: what globals, defaults and closures hold.

A value counts by its digest (`gridtask.identity.arguments.hasher`). What cannot be
digested, and what the code itself changes, counts by the statements that
define it.
"""

from __future__ import annotations

import ast
import contextvars
import functools
import io
import reprlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from xxhash import xxh3_128, xxh3_128_digest

from gridtask.errors import IdentityError
from gridtask.identity.closure.components import Colours, Node
from gridtask.identity.closure.definitions import definition
from gridtask.identity.closure.live import LOCKS, LiveHasher
from gridtask.identity.closure.lookup import Environment, Namespace, Target
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.syntax import (
    canonical,
    is_main_guard,
)
from gridtask.identity.source.texts import namespace_sources

_PROCESS = {
    "os": ("environ", "environb"),
    "sys": ("modules", "path", "argv", "meta_path", "stdin", "stdout", "stderr"),
    "matplotlib": ("rcParams",),
    "random": ("_inst",),
    "numpy.random.mtrand": ("_rand",),
}
_MEMORY_FILES = (io.StringIO, io.BytesIO)
_MODULE_HOOKS = ("__getattr__", "__dir__")
_GENERATORS = {("random", "Random"), ("numpy", "Generator"), ("numpy", "RandomState")}
_LARGE_BYTES = 100 << 20
_SHOWN = (int, float, str, bool, bytes, complex, type(None))
_Definition = Callable[[], "Target | None"]


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
    from gridtask.identity.closure.callables import visit_object

    closure.definitions[id(value)] = define
    return visit_object(closure, value, name, None)


def _value(closure: Closure, value: object, name: str, define: _Definition) -> Target:
    define = closure.definitions.pop(id(value), define)
    process = process_state().get(id(value))
    if process is not None:
        closure.outside[".".join(process)] = None
        return closure.remember(value, ".".join(process))
    if isinstance(value, LOCKS):
        return closure.remember(value, f"a {type(value).__name__}")
    logging = sys.modules.get("logging")  # without it there are no loggers
    if logging is not None and isinstance(value, logging.Logger):
        return closure.remember(value, "a logger")
    node = Node(name or type(value).__qualname__, "value", value)
    if type(value) not in _SHOWN:
        # Equal small values are often one object, under many names.
        closure.remember(value, node)
    node.make_text = functools.partial(_show, value)
    if type(value) is contextvars.ContextVar and value in (
        context := contextvars.copy_context()
    ):
        held = context[value]
        closure.later(lambda: node.link("set to", closure.visit(held, node.name)))
    if isinstance(value, io.IOBase) and not isinstance(value, _MEMORY_FILES):
        _define(closure, node, define, "an open file")
    elif type(value).__name__ == "ufunc":
        _define(closure, node, define, "numpy does not say what it calls")
    else:
        closure.later(lambda: _digest(closure, node, value, define))
    return node


def process_state() -> dict[int, tuple[str, str]]:
    """Return the names of objects that differ in every process, by id.

    They count by name, like other attributes of third parties' modules, also
    where user code holds them under a name of its own.
    """
    found: dict[int, tuple[str, str]] = {}
    for module, names in _PROCESS.items():
        held = vars(sys.modules[module]) if module in sys.modules else {}
        present = [name for name in names if held.get(name) is not None]
        # A daemon's sys.stdin is None, and not every None is sys.stdin.
        found.update({id(held[name]): (module, name) for name in present})
    return found


def _digest(closure: Closure, node: Node, value: Any, define: _Definition) -> None:
    _warn(closure, node.name, value)
    if type(value).__dictoffset__ and closure.boundary.owns_class(type(value)):
        closure.instances.append(value)
    counted = _without_state(closure, value)
    made = None if counted is value else define()
    if made is None:  # only the value says how it began
        counted = value
    targets: dict[int, Target] = {}
    subjects: list[object] = []

    def token(thing: object) -> bytes:
        target = targets[id(thing)] = closure.visit(thing, "")
        subjects.append(thing)
        shown = target if isinstance(target, str) else _short(target)
        return xxh3_128_digest(shown.encode("utf-8", "surrogatepass"))

    hasher = LiveHasher(token, closure.boundary)
    try:
        digest = hasher.digest(counted, node.name)
    except Exception as error:
        if isinstance(error, IdentityError) and "changed on disk" in str(error):
            raise
        _define(closure, node, define, str(error))
        return
    if hasher.unread:
        _define(closure, node, define, hasher.unread[0])
    node.add("value", digest)
    if made is not None:
        node.link("defined by", made)
    nodes = {key: part for key, part in targets.items() if isinstance(part, Node)}
    node.links += [("holds", part) for part in nodes.values()]
    if not nodes:
        return

    def content(colours: Colours) -> bytes:
        def colour(thing: object) -> bytes:
            part = nodes.get(id(thing))
            return token(thing) if part is None else colours[id(part)]

        return LiveHasher(colour, closure.boundary).digest(counted, node.name)

    node.content = content
    closure.kept.append(subjects)


def _warn(closure: Closure, name: str, value: Any) -> None:
    """Warn of a value that is large, or changes by itself."""
    if _is_array(value) and value.nbytes > _LARGE_BYTES:
        closure.warnings[name] = (
            f"{name} holds {value.nbytes >> 20} MiB, which are read to identify "
            "every map; pass it as an argument, or leave it out with ignore_code=[...]"
        )
    if _is_generator(value):
        closure.warnings[name] = (
            f"{name} is a random generator: a draw in this process changes what "
            "later calls return, and so counts; make it inside the task, from a seed "
            "that is an argument"
        )


def _is_generator(value: object) -> bool:
    """Return whether this is a generator of random numbers that has a state."""
    return any(
        (base.__module__.partition(".")[0], base.__name__) in _GENERATORS
        for base in type(value).__mro__
    )


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
    node.link("type", closure.visit(type(node.subject)))
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
    if module is not None and closure.boundary.owns_class(type(module)):
        node.link("class", closure.visit(type(module), name))
    sources = namespace_sources(namespace)
    for source in sources:
        node.add("text", canonical([*_without_guard(source.tree)]))
    closure.later(lambda: _expand_module(closure, node, namespace))
    return node


def _without_guard(tree: ast.Module) -> Iterator[ast.stmt]:
    return (unit for unit in tree.body if not is_main_guard(unit))


def _expand_module(closure: Closure, node: Node, namespace: Namespace) -> None:
    environment = Environment(namespace)
    from gridtask.identity.source.uses import Chain

    for name in list(namespace):
        is_dunder = name.startswith("__") and name.endswith("__")
        if not is_dunder or name in _MODULE_HOOKS:
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
