"""What a task's own code changes at run time: state, not configuration.

A memo dictionary or a counter must not change the identity of the task that
fills it. Names that the closure's code rebinds, containers that it changes and
attributes that it sets count by the statements that define them, not by value.
"""

from __future__ import annotations

import array
import collections
import weakref
from collections.abc import Mapping

IMPORT_HOOKS = frozenset({"__init_subclass__", "__set_name__", "__class_getitem__"})
"""Methods that run when classes are made: what they fill is configuration."""
_CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__"})
_CONTAINERS = (
    dict,
    list,
    set,
    bytearray,
    collections.deque,
    array.array,
    weakref.WeakKeyDictionary,
    weakref.WeakValueDictionary,
    weakref.WeakSet,
)


def is_container(value: object) -> bool:
    """Return whether ``append``, ``update``, ``next`` and the like change `value`."""
    if isinstance(value, _CONTAINERS) or hasattr(type(value), "__next__"):
        return True
    return any(base.__name__ == "ndarray" for base in type(value).__mro__)


class State:
    """What is state, by the ids of what holds it.

    Attributes
    ----------
    names : set of (int, str)
        Global names, by their namespace's id.
    cells : set of int
        Closure cells.
    contents : set of int
        Containers whose content changes.
    attributes : set of (int, str)
        Attributes of classes, functions and instances.
    mutators : dict of (int, str) to set of str
        The functions that change a global name.
    """

    def __init__(self) -> None:
        self.names: set[tuple[int, str]] = set()
        self.cells: set[int] = set()
        self.contents: set[int] = set()
        self.attributes: set[tuple[int, str]] = set()
        self.mutators: dict[tuple[int, str], set[str]] = {}
        self.kept: list[object] = []

    def is_within(self, other: State) -> bool:
        """Return whether `other` holds all of this."""
        return (
            self.names <= other.names
            and self.cells <= other.cells
            and self.contents <= other.contents
            and self.attributes <= other.attributes
        )

    def union(self, other: State) -> State:
        """Return what either holds."""
        both = State()
        for state in (self, other):
            both.names |= state.names
            both.cells |= state.cells
            both.contents |= state.contents
            both.attributes |= state.attributes
            for key, users in state.mutators.items():
                both.mutators.setdefault(key, set()).update(users)
            both.kept += state.kept
        return both

    def add_content(self, value: object) -> bool:
        """Note that the content of a container changes; False if it is none."""
        if not is_container(value):
            return False
        self.contents.add(id(value))
        self.kept.append(value)
        return True

    def add_attribute(self, owner: object, name: str) -> None:
        """Note that code sets an attribute."""
        self.attributes.add((id(owner), name))
        self.kept.append(owner)


def counts_as_called(method: str | None, used: Mapping[str, object]) -> bool:
    """Return whether the closure's code may call a method by this name.

    Methods that nothing names are called, if at all, while the user sets
    things up: what they change is configuration.
    """
    if method is None:
        return True
    if method in IMPORT_HOOKS or method in _CONSTRUCTORS:
        return False
    return method in used or (method.startswith("__") and method.endswith("__"))
