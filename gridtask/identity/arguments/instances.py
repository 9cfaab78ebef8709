"""Handlers of objects: their class's code, and their state.

The state is what pickle would send to the worker: the instance's attributes
and slots, or what the class's own ``__reduce_ex__``, ``__reduce__`` or
``__getstate__`` says. Properties, ``__eq__``, ``__repr__``, ``__getattr__``
and other code of the user's is never called for it.
"""

from __future__ import annotations

import collections
import copyreg
import dataclasses
import enum
import functools
import sys
import types
from collections.abc import Callable
from typing import Any, Final

from gridtask.identity.arguments.digests import digest_leaf, digest_node, digest_text
from gridtask.identity.arguments.standard import (
    walk_dict,
    walk_ordered_dict,
    walk_set,
)
from gridtask.identity.arguments.walk import Handler, Refusal, Walk, Walking

_CODE_TYPES: Final = (
    type,
    types.FunctionType,
    types.ModuleType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    functools._lru_cache_wrapper,
    staticmethod,
    classmethod,
    property,
)
_CODE_NAMES: Final = frozenset({"cython_function_or_method", "ufunc"})
_HIDDEN_STATE: Final = frozenset({"random", "numpy.random.mtrand"})
_OBJECT_HEAD_BYTES: Final = object.__basicsize__
_POINTER_BYTES: Final = tuple.__itemsize__
_HOOKS: Final = ("__reduce_ex__", "__reduce__", "__getstate__")
_HARMLESS_HOOKS: Final = (
    *(getattr(object, name) for name in _HOOKS),
    getattr(dataclasses, "_dataclass_getstate", None),  # of slotted, frozen ones
)


def find_object(kind: type) -> Handler:
    """Find the handler of a type that no library handler knows."""
    if find_member(kind, "__gridtask_hash__") is not None:
        return _digest_own
    if find_member(kind, "__gridtask_task__") is not None:
        return _digest_code
    if issubclass(kind, _CODE_TYPES) or kind.__name__ in _CODE_NAMES:
        return _digest_code
    if issubclass(kind, types.MethodType | types.BuiltinFunctionType):
        return _walk_method
    if issubclass(kind, enum.Enum):
        return _walk_enum
    for base, handler in _BASES.items():
        if issubclass(kind, base):
            return _walk_derived(handler)
    if _has_plain_state(kind):
        return walk_instance
    return walk_reduced


def find_member(kind: type, name: str) -> object:
    """Find what a class or its bases define, without calling anything."""
    for base in kind.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return None


def read_state(value: object) -> dict[Any, object]:
    """Read attributes and slots of an instance, but no cached properties."""
    kind = type(value)
    state: dict[Any, object] = {}
    if kind.__dictoffset__:
        state.update(object.__getattribute__(value, "__dict__"))
    for name, slot in _find_slots(kind).items():
        try:
            state[name] = slot.__get__(value)
        except AttributeError:  # never set
            continue
    return drop_cached(kind, state)


def drop_cached(kind: type, state: dict[Any, object]) -> dict[Any, object]:
    """Leave out what a cached property has kept: it follows from the rest."""
    cached = [
        name
        for name in state
        if type(name) is str
        and type(find_member(kind, name)).__name__ == "cached_property"
    ]
    return {k: v for k, v in state.items() if k not in cached} if cached else state


def walk_state(walk: Walk, state: dict[Any, object]) -> Walking:
    """Digest attributes; errors show them as such."""
    digest = walk.plain.digest(state)
    if digest is None:
        digest = yield from walk_dict(walk, state, attributes=True)
    return digest


def _find_slots(kind: type) -> dict[str, types.MemberDescriptorType]:
    slots: dict[str, types.MemberDescriptorType] = {}
    for base in kind.__mro__:
        if "__slots__" in vars(base):
            for name, member in vars(base).items():
                if type(member) is types.MemberDescriptorType:
                    slots.setdefault(name, member)
    return slots


def _has_plain_state(kind: type) -> bool:
    """Whether attributes and slots are all the state that an instance has.

    As pickle decides: the class has no hook of its own, and its instances are
    no larger than attributes and slots make them.
    """
    for name in _HOOKS:
        hook = find_member(kind, name)
        if hook is not vars(object)[name] and hook not in _HARMLESS_HOOKS:
            return False
    return kind not in copyreg.dispatch_table and has_plain_layout(kind)


def has_plain_layout(kind: type) -> bool:
    """Return whether instances are no larger than attributes and slots make them."""
    if kind.__itemsize__:
        return False
    pointers = len(_find_slots(kind))
    pointers += (kind.__dictoffset__ > 0) + (kind.__weakrefoffset__ > 0)
    return kind.__basicsize__ <= _OBJECT_HEAD_BYTES + _POINTER_BYTES * pointers


def _digest_code(walk: Walk, value: object) -> bytes:
    return digest_node(b"code", (walk.digest_code(value),))


def _digest_own(walk: Walk, value: Any) -> bytes:
    """Digest what the object's own ``__gridtask_hash__`` says."""
    try:
        own = type(value).__gridtask_hash__(value)
    except Exception as error:
        msg = f"{type(value).__qualname__}.__gridtask_hash__() raised {error!r}"
        raise Refusal(msg) from error
    if isinstance(own, str):
        said = digest_text(b"own text", own)
    elif isinstance(own, bytes):
        said = digest_leaf(b"own bytes", own)
    else:
        msg = (
            f"{type(value).__qualname__}.__gridtask_hash__() returned a "
            f"{type(own).__name__}; it must return str or bytes"
        )
        raise Refusal(msg)
    digest = digest_node(b"own", (walk.digest_code(type(value)), said))
    return walk.remember(value, digest)


def walk_instance(walk: Walk, value: object) -> Walking:
    code = walk.digest_code(type(value))
    state = yield from walk_state(walk, read_state(value))
    return digest_node(b"instance", (code, state))


def _walk_enum(walk: Walk, value: Any) -> Walking:
    """Digest a member by name and value; names of combined flags vary."""
    code = walk.digest_code(type(value))
    name = "" if isinstance(value, enum.Flag) else value._name_
    said = yield "._value_", value._value_
    return digest_node(b"enum", (code, digest_text(b"name", name), said))


def _walk_method(walk: Walk, value: Any) -> Walking:
    """Digest a bound method by function and object."""
    owner = value.__self__
    if owner is None or isinstance(owner, types.ModuleType):
        return digest_node(b"code", (walk.digest_code(value),))
    if _is_hidden(value):
        name = f"{type(owner).__module__}.{value.__name__}"
        return digest_text(b"module function", name)
    if isinstance(value, types.MethodType):
        function = yield ".__func__", value.__func__
    else:
        function = digest_text(b"name", value.__name__)
    return digest_node(b"method", (function, (yield ".__self__", owner)))


def _is_hidden(method: Any) -> bool:
    """Whether a method is a function such as `random.random`.

    Those are bound to an object of their module, seeded by the system at
    import: another one in each process, and not part of the value.
    """
    module = type(method.__self__).__module__
    if module not in _HIDDEN_STATE:
        return False
    found = vars(sys.modules[module]).get(method.__name__)
    return getattr(found, "__self__", None) is method.__self__


def _walk_derived(base: Callable[..., Any]) -> Handler:
    """Make the handler of classes derived from a builtin type."""

    def walk_derived(walk: Walk, value: object) -> Walking:
        code = walk.digest_code(type(value))
        content = yield from base(walk, value)
        state = yield from walk_state(walk, read_state(value))
        return digest_node(b"derived", (code, content, state))

    return walk_derived


def _walk_scalar(make: Callable[[Any], object]) -> Callable[..., Walking]:
    def walk_scalar(walk: Walk, value: object) -> Walking:
        return (yield "", make(value))

    return walk_scalar


def _walk_items(walk: Walk, value: Any) -> Walking:
    base = tuple if isinstance(value, tuple) else list
    items = base(base.__iter__(value))
    digest = walk.plain.digest(items)
    names = find_member(type(value), "_fields")
    if digest is not None or not isinstance(names, tuple) or len(names) != len(items):
        return digest or (yield "", items)
    children = []
    for name, item in zip(names, items, strict=True):
        children.append((yield f".{name}", item))
    return digest_node(b"tuple", children)


def _walk_mapping(walk: Walk, value: Any) -> Walking:
    return (yield from walk_dict(walk, dict(dict.items(value))))


def _walk_ordered(walk: Walk, value: Any) -> Walking:
    items = collections.OrderedDict(collections.OrderedDict.items(value))
    return (yield from walk_ordered_dict(walk, items))


def _walk_factory(walk: Walk, value: Any) -> Walking:
    factory = yield ".default_factory", value.default_factory
    items = yield from _walk_mapping(walk, value)
    return digest_node(b"defaultdict", (factory, items))


def _walk_elements(walk: Walk, value: Any) -> Walking:
    base = set if isinstance(value, set) else frozenset
    return (yield from walk_set(walk, base(base.__iter__(value))))


_BASES: Final[dict[type, Callable[..., Walking]]] = {
    collections.OrderedDict: _walk_ordered,
    collections.defaultdict: _walk_factory,
    dict: _walk_mapping,
    list: _walk_items,
    tuple: _walk_items,
    set: _walk_elements,
    frozenset: _walk_elements,
    int: _walk_scalar(int.__int__),
    float: _walk_scalar(float.__float__),
    complex: _walk_scalar(lambda value: complex(value.real, value.imag)),
    str: _walk_scalar(str.__str__),
    bytes: _walk_scalar(lambda value: bytes(memoryview(value))),
    bytearray: _walk_scalar(lambda value: bytearray(memoryview(value))),
}


def walk_reduced(walk: Walk, value: Any) -> Walking:
    """Digest what pickle would be told to make the object again."""
    code = walk.digest_code(type(value))
    reduced = _reduce(value)
    if isinstance(reduced, str):
        return digest_node(b"global", (code, digest_text(b"name", reduced)))
    maker, args, state, items, pairs = (*reduced, None, None, None)[:5]
    if maker is copyreg.__newobj__:  # type: ignore[attr-defined]
        made = digest_leaf(b"new")
    else:
        made = yield ".__reduce_ex__(4)", maker
    given = yield ".__reduce_ex__(4)", tuple(args)
    kept = yield from _walk_reduced_state(walk, type(value), state)
    listed = yield "", None if items is None else list(items)
    mapped = yield "", None if pairs is None else dict(pairs)
    return digest_node(b"reduced", (code, made, given, kept, listed, mapped))


def _walk_reduced_state(walk: Walk, kind: type, state: Any) -> Walking:
    if type(state) is tuple and len(state) == 2 and type(state[1]) is dict:
        attributes = yield from _walk_reduced_state(walk, kind, state[0])
        slots = yield from walk_state(walk, state[1])
        return digest_node(b"attributes and slots", (attributes, slots))
    if type(state) is not dict:
        return (yield "", state)
    if find_member(kind, "__getstate__") is vars(object)["__getstate__"]:
        state = drop_cached(kind, state)
    return (yield from walk_state(walk, state))


def _reduce(value: Any) -> Any:
    reducer = copyreg.dispatch_table.get(type(value))
    try:
        if reducer is not None:
            return reducer(value)
        reduce_ex: Any = type(value).__reduce_ex__
        return reduce_ex(value, 4)
    except Exception as error:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        msg = (
            f"cannot digest a {kind} ({error}); leave the parameter out of the key "
            f"with ignore=[...], or give the class a method __gridtask_hash__() "
            f"that returns a text or bytes"
        )
        raise Refusal(msg) from error
