"""Components of functions and of all else that can be called."""

from __future__ import annotations

import functools
import sys
import types
from typing import Any

from xxhash import xxh3_128_digest

from gridtask.errors import IdentityError
from gridtask.identity.closure.components import Node
from gridtask.identity.closure.lookup import Environment, Namespace, Target, qualify
from gridtask.identity.closure.state import is_container
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.names import function_uses
from gridtask.identity.source.scopes import ScopeError
from gridtask.identity.source.sources import Place
from gridtask.identity.source.syntax import FunctionNode, function_bytes
from gridtask.identity.source.texts import read_source

_BUILTINS = (
    types.BuiltinFunctionType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
)
_MADE_UFUNC = " (vectorized)"
"""How numpy ends the name of what `numpy.frompyfunc` makes of a function."""
_BUILTIN_NAMES = frozenset({"ufunc", "cython_function_or_method"})
_MARKS = frozenset({"__wrapped__", "__final__", "__override__"})
"""Attributes of functions that say nothing new: two are for type checkers."""
PLAIN = (str, bytes, int, float, tuple, list, dict, set, frozenset)
LruCache = functools._lru_cache_wrapper
_Origin = tuple[Namespace, str] | None


def is_task(value: object) -> bool:
    """Return whether `value` is a gridtask task."""
    return any("__gridtask_task__" in vars(base) for base in type(value).__mro__)


def visit_object(closure: Closure, value: Any, name: str, origin: _Origin) -> Target:
    """Make the component of an object that was not met before."""
    if id(value) in closure.ignored:
        return closure.remember(value, f"ignored {_qualname(value)}")
    if is_task(value):
        return _task(closure, value)
    if isinstance(value, types.FunctionType):
        return _visit_function(closure, value, origin)
    # Imported here: many tasks use no classes, and no values.
    if isinstance(value, type):
        from gridtask.identity.closure.members import visit_class

        return visit_class(closure, value)
    from gridtask.identity.closure import values

    if isinstance(value, types.ModuleType):
        return values.visit_module(closure, vars(value))
    if _is_builtin(value):
        return _builtin(closure, value)
    parts = callable_parts(value)
    if parts is not None:
        return _composite(closure, value, parts, name)
    return values.visit_value(closure, value, name, origin)


def _is_builtin(value: object) -> bool:
    if isinstance(value, _BUILTINS):
        return True
    is_named = type(value).__name__ in _BUILTIN_NAMES
    return is_named and not _qualname(value).endswith(_MADE_UFUNC)


def callable_parts(value: Any) -> list[tuple[str, object]] | None:
    """Return what a wrapper of Python's own consists of; None if it is none."""
    if isinstance(value, types.MethodType):
        return [("function", value.__func__), ("self", value.__self__)]
    if isinstance(value, functools.partial) and type(value) is functools.partial:
        keywords = [(f"keyword {k}", v) for k, v in value.keywords.items()]
        positional = [(f"argument {i}", v) for i, v in enumerate(value.args)]
        return [("function", value.func), *positional, *keywords]
    if isinstance(value, staticmethod | classmethod):
        return [("function", value.__func__)]
    if isinstance(value, property):
        accessors = [("get", value.fget), ("set", value.fset), ("del", value.fdel)]
        return [(label, part) for label, part in accessors if part is not None]
    if isinstance(value, functools.cached_property):
        return [("function", value.func)]
    if isinstance(value, LruCache):
        return [("function", value.__wrapped__)]
    if isinstance(value, functools.partialmethod):
        return [
            ("function", value.func),
            ("arguments", value.args),
            ("keywords", value.keywords),
        ]
    if isinstance(value, functools.singledispatchmethod):
        return [("function", value.func), *registry_parts(value.dispatcher)]
    return None


def is_dispatcher(value: object) -> bool:
    """Return whether this is a function of `functools.singledispatch`."""
    is_function = isinstance(value, types.FunctionType)
    return is_function and hasattr(value, "registry") and hasattr(value, "dispatch")


def registry_parts(dispatcher: Any) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for kind, function in dispatcher.registry.items():
        shown = f"{kind.__module__}.{kind.__qualname__}"
        rows += [(f"for {shown}", function), (f"type {shown}", kind)]
    return rows


def _composite(
    closure: Closure, value: object, parts: list[tuple[str, object]], name: str
) -> Target:
    kind = type(value).__name__
    node = Node(name or kind, kind, value)
    closure.remember(value, node)

    def expand() -> None:
        for label, part in parts:
            shown = f"{node.name}.{label}"
            node.link(label, closure.visit(part, shown))

    closure.later(expand)
    return node


def _builtin(closure: Closure, value: Any) -> Target:
    name = _qualname(value)
    owner = getattr(value, "__self__", None)
    module = getattr(value, "__module__", None)
    holder = sys.modules.get(module) if isinstance(module, str) else None
    if holder is not None and closure.boundary.owns_module(holder):
        from gridtask.identity.closure.values import extension_file

        return extension_file(closure, holder, name)
    if owner is None or isinstance(owner, types.ModuleType):
        return closure.remember(value, name)
    if isinstance(owner, type):
        is_own = closure.boundary.owns_class(owner)
    else:
        is_own = type(owner) in PLAIN or closure.boundary.owns_class(type(owner))
    if not is_own:
        return closure.remember(value, name)
    # Every access makes a new bound method: do not remember it by its id.
    node = Node(name, "builtin method", value)
    node.add("name", name)
    node.link("self", closure.visit(owner, f"{name}.__self__"))
    return node


def _qualname(value: Any) -> str:
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "?")
    objclass = getattr(value, "__objclass__", None)
    if module is None and isinstance(objclass, type):
        module = objclass.__module__
    return f"{module}.{name}" if isinstance(module, str) else str(name)


def _task(closure: Closure, task: Any) -> Target:
    """Another task counts by its own code, without its options."""
    node = Node(function_name(task.func), "task", task)
    closure.remember(task, node)
    options = dict(task.code_options)
    version = options.get("version")
    if version is not None:
        node.add("version", repr(version))
        node.add("name", function_name(task.func, short=True))
    elif options.get("ignore_code"):
        from gridtask.identity.code import nested_digest

        node.add("code", nested_digest(closure, task))
    else:
        node.link("function", closure.visit(task.func, node.name))
    if version is not None or options.get("ignore_code"):
        closure.uncounted.append(task.func)
    for item in options.get("depends") or ():
        from gridtask.identity.closure.depends import link_depend

        link_depend(closure, node, item)
    return node


def function_name(function: object, *, short: bool = False) -> str:
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    namespace = getattr(function, "__globals__", None)
    if isinstance(namespace, dict) and not short:
        return qualify(namespace, name)
    return str(name)


# -- functions -------------------------------------------------------------------
def _visit_function(
    closure: Closure, function: types.FunctionType, origin: _Origin
) -> Target:
    filename = function.__code__.co_filename
    if closure.ignored and closure.ignores_module(function.__globals__.get("__name__")):
        return closure.remember(function, f"ignored {function.__qualname__}")
    if not closure.boundary.owns_file(filename):
        from gridtask.identity.closure.wrappers import third_party_function

        return third_party_function(closure, function)
    node = Node(function_name(function), "function", function)
    closure.remember(function, node)
    closure.later(lambda: _expand_function(closure, node, function))
    return node


def _expand_function(
    closure: Closure, node: Node, function: types.FunctionType
) -> None:
    code = function.__code__
    names = code.co_freevars
    cells = dict(zip(names, function.__closure__ or (), strict=True))
    environment = Environment(function.__globals__, cells, function)
    place = locate(function)
    node.add("name", code.co_name)
    if place is None:
        from gridtask.identity.source.bytecode import code_bytes, code_uses

        node.add("code object", code_bytes(code))
        closure.apply(node, code_uses(code), environment)
        if closure.hints:
            node.add("docstring", repr(function.__doc__))
            node.link("hints", closure.visit(function.__annotations__))
        changed: set[str] = set()
    else:
        changed = _expand_source(closure, node, place, environment)
    _expand_defaults(closure, node, function, place, changed)
    _expand_attributes(closure, node, function)


def _expand_source(
    closure: Closure, node: Node, place: Place, environment: Environment
) -> set[str]:
    node.add("text", _text_digest(place, hints=closure.hints))
    if closure.sources:
        node.add("source", source_text(place))
    node.make_text = functools.partial(source_text, place)
    try:
        uses = function_uses(place)
    except ScopeError:
        # Scopes that cannot be told apart: all of the module is safe.
        node.link("module", closure.whole_module(environment.namespace))
        return set()
    closure.apply(node, uses, environment)
    if node.member is not None:
        _note_members(closure, node, uses.changed_members)
    return uses.changed_parameters


def _text_digest(place: Place, *, hints: bool) -> bytes:
    key = ("text", place.node, hints)
    known = place.source.memo.get(key)
    if known is None:
        assert isinstance(place.node, FunctionNode)
        known = xxh3_128_digest(function_bytes(place.node, hints=hints))
        place.source.memo[key] = known
    assert isinstance(known, bytes)
    return known


def _note_members(closure: Closure, node: Node, changed: set[tuple[str, str]]) -> None:
    assert node.member is not None
    cls, method, is_class_method = node.member
    for attribute, how in changed:
        if how == "attribute" and not is_class_method:
            how = "own attribute"  # the instance's
        closure.member_changes.append((cls, method, attribute, how))


def _expand_defaults(
    closure: Closure,
    node: Node,
    function: types.FunctionType,
    place: Place | None,
    changed: set[str],
) -> None:
    defaults = default_values(function)
    if not defaults:
        return
    from gridtask.identity.closure import values
    from gridtask.identity.closure.definitions import default_definition

    for name, value in defaults.items():
        define = functools.partial(
            default_definition, closure, place, name, function.__globals__
        )
        target = define() if name in changed and is_container(value) else None
        if target is None:
            shown = f"{node.name}.{name}"
            target = values.visit_with(closure, value, shown, define)
        node.link(f"default {name}", target)


def default_values(function: types.FunctionType) -> dict[str, object]:
    """Return a function's live defaults by the parameters' names."""
    code = function.__code__
    defaults = function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    named = dict(zip(positional[len(positional) - len(defaults) :], defaults))  # noqa: B905
    return {**named, **(function.__kwdefaults__ or {})}


def _expand_attributes(
    closure: Closure, node: Node, function: types.FunctionType
) -> None:
    for name, value in vars(function).items():
        target: Target | None = None
        if name in _MARKS:
            continue
        if id(value) in closure.state.contents and _is_cell_of(function, value):
            continue  # the variable of its closure counts
        if (id(function), name) in closure.state.attributes:
            from gridtask.identity.closure.definitions import attribute_definition

            target = attribute_definition(closure, function, name)
        if target is None:
            target = closure.visit(value, f"{node.name}.{name}")
        node.link(f"attribute {name}", target)


def _is_cell_of(function: types.FunctionType, value: object) -> bool:
    for cell in function.__closure__ or ():
        try:
            if cell.cell_contents is value:
                return True
        except ValueError:
            continue
    return False


def source_text(place: Place) -> str:
    """Return the source lines of a definition."""
    from gridtask.identity.source.syntax import first_line

    node = place.node
    return "\n".join(place.source.lines[first_line(node) - 1 : node.end_lineno])


# -- where a function's text is, and whether it is still that text -----------------
def locate(function: types.FunctionType) -> Place | None:
    """Return where a function is defined; None if it never had a source.

    Raises
    ------
    IdentityError
        If the file no longer holds the code that this process runs.
    """
    code = function.__code__
    module_file = function.__globals__.get("__file__")
    names = [code.co_filename]
    if isinstance(module_file, str) and module_file.endswith(".py"):
        names.append(module_file)
    for filename in dict.fromkeys(names):
        source = read_source(filename)
        if source is None:
            continue
        place = source.find_function(code)
        if place is not None and source.holds(place, code):
            return place
        if place is not None and _is_rewritten(function.__globals__):
            return place
    if _had_no_source(code.co_filename, module_file):
        return None
    raise changed_on_disk(code.co_filename, function.__qualname__)


def changed_on_disk(filename: str, name: str) -> IdentityError:
    """Return the error of a file that was edited after it was imported."""
    return IdentityError(
        f"{filename!r} changed on disk after it was imported: {name!r} is no longer "
        "what this process runs, so a worker would run something else. Restart, or "
        "reload the module (importlib.reload), and run again"
    )


def _had_no_source(filename: str, module_file: object) -> bool:
    if filename.startswith("<"):
        return True
    return isinstance(module_file, str) and module_file.endswith((".pyc", ".so"))


def _is_rewritten(namespace: Namespace) -> bool:
    """Return whether a loader compiles something else than the file's text."""
    loader = namespace.get("__loader__")
    return loader is not None and type(loader).__module__.startswith("_pytest")
