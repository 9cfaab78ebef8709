"""Values that travel for imported modules, set where the worker's differ.

A worker imports the user's modules anew. What somebody has set since their
import (``cfg.SCALE = 3``, a replaced function) would be missing: it travels
with its digest, and the worker sets it if its own is another.
"""

from __future__ import annotations

import ast
import importlib
import pickle
import sys
import types
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_digest

from gridtask.errors import IdentityError
from gridtask.identity.arguments import ArgumentHasher
from gridtask.identity.callables import callable_parts, is_task
from gridtask.identity.lookup import Namespace
from gridtask.identity.sources import namespace_sources
from gridtask.identity.transport import dump, find_reference, resolve

if TYPE_CHECKING:
    from gridtask.identity.code import Code

Patch = tuple[str, str, str, object, bytes | None]
"""Kind, module, dotted name, what to compare, and the pickled value."""

_MISSING = object()


def find_patches(
    code: Code, bindings: list[tuple[Namespace, str]], main: Namespace, hints: bool
) -> list[Patch]:
    """Return what a worker has to compare, and to set if it differs."""
    found: list[Patch] = []
    state = {key for closure in code.closures for key in closure.state.names}
    contents = {key for closure in code.closures for key in closure.state.contents}
    for namespace, name in bindings:
        module = sys.modules.get(str(namespace.get("__name__")))
        value = namespace.get(name, _MISSING)
        if namespace is main or module is None or vars(module) is not namespace:
            continue
        is_state = (id(namespace), name) in state or id(value) in contents
        if is_state or value is _MISSING or isinstance(value, types.ModuleType):
            continue
        patch = _make_patch(module.__name__, name, value, namespace, hints)
        found += [patch] if patch else []
    for closure in code.closures:
        for node in closure.classes:
            found += _class_patches(closure, node.subject, hints)
        for value, dotted in closure.patched:
            found.append(_third_party_patch(value, dotted, hints))
    return found


def _make_patch(
    module: str, name: str, value: Any, namespace: Namespace, hints: bool
) -> Patch | None:
    if is_task(value):
        return None
    if isinstance(value, types.FunctionType | type):
        reference = find_reference(value)
        if reference is not None:
            if reference == (module, name, ()):
                return None
            return "reference", module, name, reference, None
        if not isinstance(value, types.FunctionType):
            return None
        if not _is_replaced(value, name, namespace):
            return None
        return "set", module, name, None, dump(value, {}, hints)
    if callable_parts(value) is not None:
        return None
    return _value_patch(module, name, value, hints)


def _value_patch(module: str, name: str, value: Any, hints: bool) -> Patch | None:
    try:
        digest = shallow_digest(value)
    except Exception:
        return None  # counted by its definition: made by the import
    try:
        pickled = dump(value, {}, hints)
    except Exception:
        pickled = None
    return "value", module, name, digest, pickled


def _is_replaced(function: types.FunctionType, name: str, namespace: Namespace) -> bool:
    """Return whether a plain ``def`` of this name was replaced at run time."""
    for source in namespace_sources(namespace):
        for node in source.tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                if not node.decorator_list:
                    return function.__code__.co_firstlineno != node.lineno
                return False
    return False


def _class_patches(closure: Any, cls: Any, hints: bool) -> list[Patch]:
    if cls.__module__ == "__main__" or "<" in cls.__qualname__:
        return []
    found: list[Patch] = []
    from gridtask.identity.members import is_generated

    for name, value in list(vars(cls).items()):
        if is_generated(closure, cls, name, value):
            continue
        if (id(cls), name) in closure.state.attributes:
            continue
        dotted = f"{cls.__qualname__}.{name}"
        if isinstance(value, types.FunctionType):
            is_own = value.__qualname__ == dotted and value.__module__ == cls.__module__
            if not is_own and "<" not in value.__qualname__:
                pickled = dump(value, {}, hints)
                found.append(("set", cls.__module__, dotted, None, pickled))
        elif not isinstance(value, type) and callable_parts(value) is None:
            patch = _value_patch(cls.__module__, dotted, value, hints)
            found += [patch] if patch else []
    return found


def _third_party_patch(value: object, dotted: str, hints: bool) -> Patch:
    module, _, name = dotted.rpartition(".")
    return "set", module, name, None, dump(value, {}, hints)


def shallow_digest(value: object) -> bytes:
    """Digest a value; functions and classes in it count by name."""

    def token(thing: Any) -> bytes:
        name = getattr(thing, "__qualname__", type(thing).__qualname__)
        return xxh3_128_digest(name.encode("utf-8", "surrogatepass"))

    return ArgumentHasher(token).digest(value)


def apply_patches(patches: list[Patch]) -> None:
    """Set what differs from the driver's (on the worker).

    Raises
    ------
    IdentityError
        If a value is another than was identified and did not travel, or is
        another even after it was set.
    """
    for kind, module, dotted, expected, pickled in patches:
        *path, name = dotted.split(".")
        owner: Any = importlib.import_module(module)
        for part in path:
            owner = getattr(owner, part)
        current = vars(owner).get(name, _MISSING)
        if kind == "reference":
            value = resolve(*expected)  # type: ignore[misc]
            if value is not current:
                setattr(owner, name, value)
        elif kind == "set" and pickled is not None:
            setattr(owner, name, pickle.loads(pickled))
        elif current is _MISSING or shallow_digest(current) != expected:
            _set_value(owner, module, dotted, expected, pickled)


def _set_value(
    owner: Any, module: str, dotted: str, expected: object, pickled: bytes | None
) -> None:
    if pickled is not None:
        value = pickle.loads(pickled)
        if shallow_digest(value) == expected:
            setattr(owner, dotted.rpartition(".")[2], value)
            return
    msg = (
        f"{module}.{dotted} is not what was identified when the call was submitted: "
        "importing its module gives another value here, and the value itself "
        "cannot be sent; make it depend on nothing but the code"
    )
    raise IdentityError(msg)
