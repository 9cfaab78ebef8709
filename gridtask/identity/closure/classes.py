"""Classes that travel by value: those of ``__main__`` and of functions.

A class is rebuilt empty, then filled with its members as they were. What made
them in the driver (decorators, metaclasses, ``__init_subclass__``) has done its
work and does not run again.
"""

from __future__ import annotations

import abc
import enum
import types
from _abc import _get_dump  # type: ignore[import-not-found]
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType)
_AT_BIRTH = ("__slots__", "__orig_bases__", "__module__", "__qualname__")
_NOT_COPIED = frozenset({"__dict__", "__weakref__", "__slots__", "_abc_impl"})
ENUM_INTERNALS = frozenset(
    {
        "__new__",
        "_generate_next_value_",
        "_new_member_",
        "_use_args_",
        "_member_names_",
        "_member_map_",
        "_member_type_",
        "_value2member_map_",
        "_unhashable_values_",
        "_unhashable_values_map_",
        "_hashable_values_",
        "_iter_member_",
        "_value_repr_",
        "_flag_mask_",
        "_all_bits_",
        "_singles_mask_",
        "_inverted_",
        "_boundary_",
    }
)
_REGISTERED = "_abc_impl"
Members = dict[str, Any]


def reduce_class(cls: Any) -> tuple[Any, ...]:
    """Return how pickle rebuilds a class: empty first, for cycles."""
    birth = {name: vars(cls)[name] for name in _AT_BIRTH if name in vars(cls)}
    birth["__qualname__"] = cls.__qualname__
    if issubclass(cls, enum.Enum) and cls.__members__:
        values = {name: member._value_ for name, member in cls.__members__.items()}
        arguments: tuple[Any, ...] = (type(cls), cls.__name__, cls.__bases__)
        state = (_enum_members(cls), _given(cls))
        birth.pop("__slots__", None)
        return make_enum, (*arguments, birth, values), state, None, None, fill_enum
    skeleton = (type(cls), cls.__name__, cls.__bases__, birth)
    return make_class, skeleton, _members(cls), None, None, fill_class


def _members(cls: type) -> Members:
    members = {
        name: value
        for name, value in vars(cls).items()
        if name not in _NOT_COPIED and not isinstance(value, _DESCRIPTORS)
    }
    registered = registered_classes(cls)
    return {**members, _REGISTERED: registered} if registered else members


def registered_classes(cls: type) -> list[type]:
    """Return what was registered as a subclass of an abstract base class."""
    if not isinstance(cls, abc.ABCMeta):
        return []
    references: Iterable[Callable[[], type | None]] = _get_dump(cls)[0]
    return [found for made in references if (found := made()) is not None]


def _enum_members(cls: type[enum.Enum]) -> Members:
    return {
        name: value
        for name, value in _members(cls).items()
        if name not in ENUM_INTERNALS
        and name not in cls.__members__
        and getattr(value, "__module__", None) != "enum"
        and not isinstance(value, types.WrapperDescriptorType | types.BuiltinMethodType)
    }


def _given(cls: type[enum.Enum]) -> dict[str, Members]:
    """Return what ``__init__`` or ``__new__`` gave to each member."""
    return {
        name: {key: v for key, v in vars(member).items() if not _is_internal(key)}
        for name, member in cls.__members__.items()
    }


def _is_internal(name: str) -> bool:
    return name.startswith("_") and name.endswith("_")


def make_class(
    metaclass: Any, name: str, bases: tuple[type, ...], birth: Members
) -> type:
    """Make an empty class without running what the user hooked to it."""
    maker = next(base for base in metaclass.__mro__ if not _constructs_itself(base))
    with _without_hooks(bases):
        made: type = maker.__new__(metaclass, name, bases, dict(birth))
    return made


def _constructs_itself(metaclass: Any) -> bool:
    """Return whether a metaclass's ``__new__`` is not one of Python's own."""
    constructor = metaclass.__new__
    module = getattr(constructor, "__module__", None)
    is_python = isinstance(constructor, types.FunctionType)
    return is_python and module not in {"abc", "enum"}


@contextmanager
def _without_hooks(bases: tuple[type, ...]) -> Iterator[None]:
    hooked = {
        base: vars(base)["__init_subclass__"]
        for parent in bases
        for base in parent.__mro__
        if "__init_subclass__" in vars(base)
        and base.__module__ not in {"builtins", "typing"}
    }
    for base in hooked:
        type.__delattr__(base, "__init_subclass__")
    try:
        yield
    finally:
        for base, hook in hooked.items():
            type.__setattr__(base, "__init_subclass__", hook)


def fill_class(cls: type, members: Members) -> None:
    """Give a rebuilt class its members."""
    for registered in members.pop(_REGISTERED, ()):
        abc.ABCMeta.register(cls, registered)  # type: ignore[arg-type]
    for name, value in members.items():
        type.__setattr__(cls, name, value)


def make_enum(
    metaclass: Any,
    name: str,
    bases: tuple[type, ...],
    birth: Members,
    values: dict[str, object],
) -> type:
    """Make an enumeration with its members by value."""
    namespace = metaclass.__prepare__(name, bases)
    for key, value in {**birth, **values}.items():
        namespace[key] = value
    with _without_hooks(bases):
        made: type = enum.EnumMeta.__new__(metaclass, name, bases, namespace)
    return made


def fill_enum(cls: type[enum.Enum], state: tuple[Members, dict[str, Members]]) -> None:
    """Give a rebuilt enumeration its methods, and its members what they held."""
    fill_class(cls, state[0])
    for name, attributes in state[1].items():
        vars(cls.__members__[name]).update(attributes)
