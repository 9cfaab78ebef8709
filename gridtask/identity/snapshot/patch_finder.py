"""Finding what a worker has to compare after its imports, and to set if it differs."""

from __future__ import annotations

import re
import sys
import types
from typing import TYPE_CHECKING, Any

from gridtask.identity.closure.callables import callable_parts, is_task
from gridtask.identity.closure.lookup import Namespace
from gridtask.identity.closure.walker import Closure
from gridtask.identity.snapshot.patches import MISSING, Patch, shallow_digest
from gridtask.identity.snapshot.registrations import find_registrations
from gridtask.identity.snapshot.transport import dump, find_reference, look_up

if TYPE_CHECKING:
    from gridtask.identity.code import Code

_LARGE_BYTES = 64 * 1024
"""Larger values travel only if something may have set them after the import."""


class PatchFinder:
    """Finds what a worker has to compare, and to set if it differs.

    Parameters
    ----------
    code : Code
        The identified code.
    hints : bool
        Annotations of functions travel too.
    texts : list of str
        All texts that travel, and the script's.
    main_objects : dict of int to (str, str)
        Functions and classes of ``__main__`` by id: rebuilt only once.
    """

    def __init__(
        self,
        code: Code,
        hints: bool,
        texts: list[str],
        main_objects: dict[int, tuple[str, str]],
    ) -> None:
        self.code = code
        self.main_objects = main_objects
        self.hints = hints
        self.texts = texts
        self.found: list[Patch] = []

    def find(self, bindings: list[tuple[Namespace, str]], main: Namespace) -> None:
        """Find patches of globals, of classes and of third parties' modules."""
        # First: what is registered is part of what the others are compared by.
        for module_name, name, rows in find_registrations(self.code):
            pickled = self._dump(rows)
            if pickled is not None:
                self.found.append(("call", module_name, name, None, pickled))
        states = [closure.state for closure in self.code.closures]
        for namespace, name in bindings:
            module = sys.modules.get(str(namespace.get("__name__")))
            value = namespace.get(name, MISSING)
            if namespace is main or module is None or vars(module) is not namespace:
                continue
            is_state = any(
                (id(namespace), name) in state.names or id(value) in state.contents
                for state in states
            )
            is_left = is_state and not self._is_set_by(main, namespace, name)
            if not is_left and value is not MISSING:
                self._add_global(module.__name__, name, value)
        for closure in list(self.code.closures):
            for node in closure.classes:
                self._add_members(closure, node.subject)
            for value, module_name, name in closure.patched:
                self.found.append(("set", module_name, name, None, self._dump(value)))

    def _is_set_by(self, main: Namespace, namespace: Namespace, name: str) -> bool:
        """Return whether the script sets a module's state: no worker would."""
        from gridtask.identity.closure.fillers import find_outside
        from gridtask.identity.closure.searches import start_search

        for closure in self.code.closures:
            found = find_outside(closure, start_search(closure, namespace, name))
            if any(other is main for other, _ in found):
                return True
        return False

    def _dump(self, value: object) -> bytes | None:
        try:
            return dump(value, self.main_objects, self.hints)
        except Exception:
            return None

    def _add_global(self, module: str, name: str, value: Any) -> None:
        if isinstance(value, types.ModuleType):
            return
        if is_task(value) and find_reference(value) is None:
            self._add_code(module, name, value)
        elif isinstance(value, types.FunctionType | type) or is_task(value):
            self._add_named(module, name, value)
        elif callable_parts(value) is not None:
            self._add_code(module, name, value)
        else:
            self._add_value(module, name, value)

    def _add_named(self, module: str, name: str, value: Any) -> None:
        reference = find_reference(value)
        if reference is None:
            self._add_code(module, name, value)
        elif reference != (module, name, ()):
            self.found.append(("reference", module, name, reference, None))

    def _add_code(self, module: str, name: str, value: Any) -> None:
        """Compare by code: nothing else says whether the import makes the same."""
        digest = self.code.code_digest(value)
        self.found.append(("code", module, name, digest, self._dump(value)))

    def _add_value(self, module: str, name: str, value: Any) -> None:
        try:
            digest = shallow_digest(value)
        except Exception:
            return  # counted by its definition: made by the import
        pickled = self._dump(value)
        if pickled is not None and len(pickled) > _LARGE_BYTES:
            pickled = pickled if self._may_be_set(name) else None
        self.found.append(("value", module, name, digest, pickled))

    def _may_be_set(self, dotted: str) -> bool:
        """Return whether some text seems to set a name from outside its module."""
        name = re.escape(dotted.rpartition(".")[2])
        sets = re.compile(
            rf"\.{name}\b[^=\n]*=(?!=)|\bsetattr\b|\bglobal\b.*\b{name}\b"
        )
        return any(sets.search(text) for text in self.texts)

    def _add_members(self, closure: Closure, cls: Any) -> None:
        if cls.__module__ == "__main__" or "<" in cls.__qualname__:
            return
        if look_up(sys.modules.get(cls.__module__), cls.__qualname__) is None:
            return  # it says that it lies where it does not: it travels by value
        from gridtask.identity.closure.members import is_generated

        for name, value in list(vars(cls).items()):
            is_state = (id(cls), name) in closure.state.attributes
            if is_state or is_generated(closure, cls, name, value):
                continue
            dotted = f"{cls.__qualname__}.{name}"
            parts = [part for _, part in callable_parts(value) or [("", value)]]
            if all(_is_own_method(part, cls, dotted) for part in parts):
                continue
            if (
                callable_parts(value) is not None
                or is_task(value)
                or isinstance(value, types.FunctionType)
            ):
                self._add_code(cls.__module__, dotted, value)
            elif not isinstance(value, type):
                self._add_value(cls.__module__, dotted, value)


def _is_own_method(value: Any, cls: type, dotted: str) -> bool:
    return (
        isinstance(value, types.FunctionType)
        and value.__qualname__ == dotted
        and value.__globals__.get("__name__") == cls.__module__
    )
