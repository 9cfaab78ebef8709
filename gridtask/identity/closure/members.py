"""Components of classes: the class statement, bases and live members."""

from __future__ import annotations

import abc
import copyreg
import dataclasses
import enum
import functools
import sys
import types
from collections.abc import Iterator
from typing import Any

from gridtask.identity.closure.boundary import in_standard_library
from gridtask.identity.closure.callables import (
    callable_parts,
    changed_on_disk,
    source_text,
)
from gridtask.identity.closure.classes import ENUM_INTERNALS, registered_classes
from gridtask.identity.closure.components import Node
from gridtask.identity.closure.lookup import Target, qualify
from gridtask.identity.closure.registered import is_extended, virtual_bases
from gridtask.identity.closure.walker import Closure
from gridtask.identity.closure.wrappers import is_own_code
from gridtask.identity.source.bytecode_file import imported_codes
from gridtask.identity.source.sources import Place
from gridtask.identity.source.syntax import class_bytes
from gridtask.identity.source.texts import namespace_sources, read_source

_METHODS = (types.FunctionType, staticmethod, classmethod, property)
_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)
_DATACLASS_OPTIONS = ("init", "repr", "eq", "order", "unsafe_hash", "frozen")
# What dataclasses and named tuples compile; their class statement says it all.
_GENERATED = {"<string>", "<factory>"}
_GIVEN = frozenset(
    [
        "__abstractmethods__",
        "__annotate__",
        "__annotations__",
        "__annotations_cache__",
        "__callable_proto_members_only__",
        "__dataclass_fields__",
        "__dataclass_params__",
        "__dict__",
        "__doc__",
        "__firstlineno__",
        "__hash__",
        "__module__",
        "__non_callable_proto_members__",
        "__orig_bases__",
        "__parameters__",
        "__protocol_attrs__",
        "__qualname__",
        "__slotnames__",
        "__slots__",
        "__static_attributes__",
        "__type_params__",
        "__weakref__",
    ]
)
"""Members that Python makes from the class statement."""
_DECLARED = frozenset({"__pydantic_decorators__", "__pydantic_fields__"})
"""What metaclasses of third parties move the declared members to."""
_FIELD_NAMES = ("init", "repr", "hash", "compare", "kw_only")


def visit_class(closure: Closure, cls: type) -> Target:
    """Make the component of a class."""
    name = f"{cls.__module__}.{cls.__qualname__}"
    if not closure.boundary.owns_class(cls):
        return _visit_third_party(closure, cls, name)
    if closure.ignored and closure.ignores_module(cls.__module__):
        return closure.remember(cls, f"ignored {cls.__qualname__}")
    module = sys.modules.get(cls.__module__)
    shown = qualify(vars(module), cls.__qualname__) if module else name
    node = Node(shown, "class", cls)
    closure.remember(cls, node)
    closure.classes.append(node)
    closure.later(lambda: _expand(closure, node, cls))
    return node


def _visit_third_party(closure: Closure, cls: type, name: str) -> Target:
    patched = list(find_patched(closure, cls))
    registered = _own_registered(closure, cls)
    if not patched and not registered:
        return closure.remember(cls, name)
    node = Node(name, "patched class", cls)
    closure.remember(cls, node)
    node.add("name", name)
    for other in registered:
        node.link("registered", closure.visit(other, other.__qualname__))
    for base, key, value in patched:
        label = f"{base.__qualname__}.{key}"
        closure.patched.append((value, base.__module__, label))
        node.link(label, closure.visit(value, label))
    return node


def find_patched(closure: Closure, cls: type) -> Iterator[tuple[type, str, Any]]:
    """Yield the methods that user code has put into a third party's class."""
    for base in cls.__mro__:
        if base.__module__ == "builtins" or closure.boundary.owns_class(base):
            continue
        for key, value in vars(base).items():
            if type(value) not in _METHODS:
                if _holds_class(closure, value):
                    yield base, key, value
                continue
            parts = [part for _, part in callable_parts(value) or [("", value)]]
            if any(_is_written(part) and is_own_code(closure, part) for part in parts):
                yield base, key, value


def _holds_class(closure: Closure, value: object) -> bool:
    """Return whether a third party's descriptor has a class of the user's."""
    if not type(value).__dictoffset__ or isinstance(value, type):
        return False
    held = object.__getattribute__(value, "__dict__").values()
    return any(isinstance(v, type) and closure.boundary.owns_class(v) for v in held)


def is_touched(closure: Closure, value: object) -> bool:
    """Return whether user code has changed a third party's class or dispatcher."""
    if not isinstance(value, type):
        return is_extended(closure, value)
    return any(find_patched(closure, value)) or bool(_own_registered(closure, value))


def _own_registered(closure: Closure, cls: type) -> list[type]:
    return [c for c in registered_classes(cls) if closure.boundary.owns_class(c)]


def _is_written(function: object) -> bool:
    """Return whether a function stands in a file: dataclasses make others."""
    code = getattr(function, "__code__", None)
    return isinstance(code, types.CodeType) and not code.co_filename.startswith("<")


def class_places(cls: type) -> list[Place]:
    """Return the class statements that may have made a class."""
    for value in vars(cls).values():
        code = getattr(getattr(value, "__func__", value), "__code__", None)
        if isinstance(code, types.CodeType) and not code.co_filename.startswith("<"):
            source = read_source(code.co_filename)
            places = source.find_class(cls) if source else []
            if places:
                return places
    module = sys.modules.get(cls.__module__)
    sources = namespace_sources(vars(module)) if module else []
    for source in reversed(sources):  # in a notebook the last definition holds
        places = source.find_class(cls)
        if places:
            return places
    return []


def _expand(closure: Closure, node: Node, cls: type) -> None:
    places = class_places(cls)
    node.add("name", cls.__name__)
    _check_edited(cls, places)
    for place in places:
        assert not isinstance(place.node, type(None))
        node.add("statement", class_bytes(place.node, hints=closure.hints))  # type: ignore[arg-type]
        if closure.sources:
            node.add("source", source_text(place))
    if places:
        node.make_text = functools.partial(source_text, places[-1])
    for i, base in enumerate(cls.__bases__):
        node.link(f"base {i}", closure.visit(base, base.__qualname__))
    node.link("metaclass", closure.visit(type(cls), type(cls).__qualname__))
    if issubclass(cls, enum.Enum):
        _expand_enum(closure, node, cls)
    for other in registered_classes(cls):
        node.link("registered", closure.visit(other, other.__qualname__))
    for base_name in virtual_bases(closure, cls):
        node.link("registered with", base_name)
    if (reducer := copyreg.dispatch_table.get(cls)) is not None:
        node.link("copyreg", closure.visit(reducer, f"{node.name} copyreg"))
    _expand_fields(closure, node, cls)
    _add_live_facts(node, cls)
    for name, value in list(vars(cls).items()):
        if not is_generated(closure, cls, name, value):
            _expand_member(closure, node, cls, name, value)


def _check_edited(cls: type, places: list[Place]) -> None:
    """Refuse a class whose statement was edited after it was imported."""
    module = sys.modules.get(cls.__module__)
    for place in places:
        if module is None or getattr(module, "__file__", None) != place.source.filename:
            continue
        codes = imported_codes(module, place.source)
        if codes is None:
            continue
        now = place.source.compile_all().values()
        texts = [code for same in now for code in same]
        before = [code for code in codes if code.co_qualname == cls.__qualname__]
        if not any(code in texts for code in before):
            raise changed_on_disk(place.source.filename, cls.__qualname__)


def _add_live_facts(node: Node, cls: type) -> None:
    """Count what the statement says as the class has it, too.

    The file may have been edited between the import and now.
    """
    members = vars(cls)
    node.add("annotated", repr(list(members.get("__annotations__", ()))))
    slots = sorted(k for k, v in members.items() if type(v) is _SLOTS[0])
    node.add("slots", repr(slots))
    params = members.get("__dataclass_params__")
    flags = [str(getattr(params, key, None)) for key in _DATACLASS_OPTIONS]
    node.add("dataclass", " ".join(flags))


def _expand_member(
    closure: Closure, node: Node, cls: type, name: str, value: Any
) -> None:
    from gridtask.identity.closure.definitions import attribute_definition
    from gridtask.identity.closure.values import visit_with

    is_state = (id(cls), name) in closure.state.attributes
    if is_state or id(value) in closure.state.contents:
        made = attribute_definition(closure, cls, name)
        if made is not None:  # the class statement counts in any case
            node.link(f"state {name}", made)
        return

    shown = f"{node.name}.{name}"
    module = sys.modules.get(cls.__module__)

    def definition() -> Target | None:
        from gridtask.identity.closure.definitions import class_definition

        return class_definition(closure, cls, name, vars(module) if module else {})

    target = visit_with(closure, value, shown, definition)
    node.link(f"member {name}", target)
    _mark_methods(closure, cls, name, value)


def _mark_methods(closure: Closure, cls: type, name: str, value: Any) -> None:
    """Note that functions are methods: that says when they run."""
    parts = [part for _, part in callable_parts(value) or [("", value)]]
    for part in parts:
        if not isinstance(part, types.FunctionType):
            continue
        node = closure.visit(part, name)
        if isinstance(node, Node) and node.member is None:
            node.member = (cls, name, isinstance(value, classmethod))


def is_generated(closure: Closure, cls: type, name: str, value: Any) -> bool:
    """Return whether a member follows from the class statement."""
    if isinstance(value, _SLOTS):
        return True
    if issubclass(cls, enum.Enum) and name in ENUM_INTERNALS:
        return True
    is_dunder = name.startswith("__") and name.endswith("__")
    if isinstance(value, types.FunctionType):
        filename = value.__code__.co_filename
        if filename.startswith("<attrs "):
            return True
        if filename in _GENERATED and is_dunder:
            return hasattr(cls, "__dataclass_fields__") or hasattr(cls, "_fields")
        return is_dunder and not closure.boundary.owns_file(filename)
    parts = [part for _, part in callable_parts(value) or ()]
    if is_dunder and parts:
        return all(is_generated(closure, cls, name, part) for part in parts)
    if name in _GIVEN or (is_dunder and _is_derived(closure, cls, name)):
        return True
    if name == "__match_args__" and hasattr(cls, "__dataclass_fields__"):
        return True
    if type(value).__name__ == "_tuplegetter" and hasattr(cls, "_fields"):
        return True
    if issubclass(cls, enum.Enum) and name in cls.__members__:
        return True
    if name == "_abc_impl" or (
        isinstance(cls, abc.ABCMeta) and name.startswith("_abc_")
    ):
        return True
    if name in {"_is_protocol", "_is_runtime_protocol"}:
        return True
    field = getattr(cls, "__dataclass_fields__", {}).get(name)
    return field is not None and value is field.default  # counted as a field


def _is_derived(closure: Closure, cls: type, name: str) -> bool:
    """Return whether a third party's metaclass made a member from the others.

    What it compiles for itself, under such names, has addresses and caches in it.
    """
    metaclass = type(cls)
    if closure.boundary.owns_class(metaclass) or name in _DECLARED:
        return False
    module = sys.modules.get(metaclass.__module__)
    filename = getattr(module, "__file__", None)
    return isinstance(filename, str) and not in_standard_library(filename)


def _expand_enum(closure: Closure, node: Node, cls: type[enum.Enum]) -> None:
    for position, (name, member) in enumerate(cls.__members__.items()):
        state = {
            key: value
            for key, value in vars(member).items()
            if not (key.startswith("_") and key.endswith("_"))
        }
        node.add(f"member {position}", name)
        shown = f"{node.name}.{name}"
        node.link(f"value {position}", closure.visit(member._value_, shown))
        if state:
            node.link(f"state {position}", closure.visit(state, shown))


def _expand_fields(closure: Closure, node: Node, cls: type) -> None:
    """Count a dataclass's live fields: factories, and defaults set elsewhere."""
    fields = vars(cls).get("__dataclass_fields__")
    if not isinstance(fields, dict):
        names = vars(cls).get("_fields")
        if isinstance(names, tuple) and issubclass(cls, tuple):
            node.add("fields", repr(names))
            defaults = getattr(cls, "_field_defaults", {})
            node.link("defaults", closure.visit(defaults, f"{node.name} defaults"))
        return
    for position, (name, field) in enumerate(fields.items()):
        settings = [str(_setting(field, key)) for key in _FIELD_NAMES]
        node.add(f"field {position}", " ".join([name, *settings]))
        if metadata := getattr(field, "metadata", None):
            shown = f"{node.name}.{name} metadata"
            node.link(f"metadata of {name}", closure.visit(dict(metadata), shown))
        for key in ("default", "default_factory"):
            value = getattr(field, key)
            if value is not dataclasses.MISSING:
                label = f"{key} of {name}"
                node.link(label, closure.visit(value, f"{node.name}.{name}"))


def _setting(field: object, key: str) -> bool | None:
    value = getattr(field, key, None)
    return value if isinstance(value, bool) else None  # a mark has no value


def link_subclasses(closure: Closure) -> None:
    """Link each class to its user subclasses: code asks for them."""
    done = closure.subclassed
    for node in list(closure.classes):
        if id(node) in done:
            continue
        done.add(id(node))
        assert isinstance(node.subject, type)
        subclasses: list[type] = type.__subclasses__(node.subject)
        for subclass in subclasses:
            if closure.boundary.owns_class(subclass):
                label = f"subclass {subclass.__qualname__}"
                node.link(label, closure.visit(subclass, subclass.__qualname__))
