"""Attributes that are computed when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class lazy(Generic[T]):
    """A property that is computed once an instance, without a lock.

    Up to Python 3.11 `functools.cached_property` holds one lock for all instances of
    a class: threads wait for each other's, and a process that is forked meanwhile
    waits for ever. Here, as in later versions, two threads may compute the same.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Compute the value and put it in the place of this."""
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
