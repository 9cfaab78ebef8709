"""What is looked for among the statements of modules: a state, and who fills it.

A global or an attribute that the task's code changes was perhaps filled before,
by functions that statements at the top of a module called: directly, through
each other, under other names, wrapped, or as methods.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import (
    BuiltinMethodType,
    CellType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any

from gridtask.errors import IdentityError
from gridtask.identity.closure.by_name import BY_NAME, sets_by_name
from gridtask.identity.closure.callables import callable_parts, is_task, locate
from gridtask.identity.closure.lookup import Namespace
from gridtask.identity.closure.reach import (
    MISSING,
    memory_of,
    method_of,
    resolve,
    setter_of,
)
from gridtask.identity.closure.state import IMPORT_HOOKS, is_container
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.flows import unwind
from gridtask.identity.source.names import function_uses
from gridtask.identity.source.scopes import ScopeError
from gridtask.identity.source.texts import mentions
from gridtask.identity.source.uses import Uses

_AT_BIRTH = IMPORT_HOOKS | {"__init__", "__new__", "__post_init__", "__call__"}
"""Methods, of a class or its metaclass, that run where the class is named."""

_CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__"})
_ADDING = frozenset(
    ["add", "append", "appendleft", "extend", "extendleft", "insert", "update"]
)
_BOUND = (BuiltinMethodType, MethodType, MethodWrapperType)
_METHODS = (FunctionType, staticmethod, classmethod, functools.partialmethod)


@dataclass(slots=True)
class Search:
    """What is looked for, and the functions that fill it.

    Attributes
    ----------
    namespace : dict
        Globals of the module that defines it.
    name : str
        Its global name, or that of the class or function that carries it.
    held : object
        What the name holds, if that has a content.
    attribute : str
        Of a class's or function's attribute: its name.
    is_object : bool
        Methods may fill what is held.
    parts : set of str
        Attributes of what is held that are state.
    is_shared : bool
        More than a memo that one function keeps: what calls have added shows.
    words : set of str
        One of them is in the text of every module that fills it.
    fillers : dict of int to function
        The functions that fill it, by id.
    """

    namespace: Namespace
    name: str
    held: object
    attribute: str = ""
    is_object: bool = False
    parts: set[str] = field(default_factory=set)
    is_shared: bool = False
    words: set[str] = field(default_factory=set)
    fillers: dict[int, FunctionType] = field(default_factory=dict)

    def holds(self, value: object) -> bool:
        """Return whether a value is what is held, a method or a view of it."""
        if self.held is MISSING or value is MISSING:
            return False
        if isinstance(value, _BOUND):
            value = value.__self__
        return memory_of(value) is memory_of(self.held)

    def is_filler(self, value: object) -> bool:
        """Return whether naming `value` may be followed by filling."""
        return any(id(function) in self.fillers for function in functions_in(value))

    def is_changed(
        self, namespace: Namespace, root: object, attributes: tuple[str, ...]
    ) -> bool:
        """Return whether a changed name is this one, or what this one holds."""
        for n in range(len(attributes) + 1):
            owner = resolve(namespace, root, attributes[:n])
            rest = attributes[n:]
            if self.holds(owner) and self.attribute in ("", *rest[:1]):
                return True
            is_module = isinstance(owner, ModuleType) and vars(owner) is self.namespace
            if is_module and rest[:1] == (self.name,) and not self.attribute:
                return True
        is_own = namespace is self.namespace and root == self.name
        return is_own and not attributes and not self.attribute

    def is_named(
        self, namespace: Namespace, root: object, attributes: tuple[str, ...]
    ) -> bool:
        """Return whether a name stands for a filler, or a method that is one."""
        if self.is_filler(resolve(namespace, root, attributes)):
            return True
        if not attributes:
            return False
        owner = resolve(namespace, root, attributes[:-1])
        method = method_of(owner, attributes[-1])
        if method is MISSING:
            method = setter_of(owner, attributes[-1])
            return method is not MISSING and self.is_filler(method)
        is_own = self.is_object and self.holds(owner)
        return self.is_filler(method) or (is_own and method is not MISSING)


def start_search(
    closure: Closure, namespace: Namespace, name: str, *, is_opaque: bool = False
) -> Search:
    """Look for what defines and fills a global.

    What `is_opaque` cannot be read: all that is done to it may matter.
    """
    held = namespace.get(name, MISSING)
    parts = {part for owner, part in closure.state.attributes if owner == id(held)}
    is_object = bool(parts) and not isinstance(held, FunctionType | type)
    is_opaque &= held is not MISSING and not parts
    is_object |= is_opaque
    has_content = is_container(held) or is_object
    search = Search(namespace, name, held if has_content else MISSING, words={name})
    search.is_object = is_object
    search.parts = parts if is_object else set()
    state = closure.state
    is_state = (id(namespace), name) in state.names or id(held) in state.contents
    if is_object or is_state:
        _find_fillers(closure, search)
    search.is_shared |= is_opaque
    return search


def start_member_search(
    closure: Closure, namespace: Namespace, owner: Any, attribute: str
) -> Search:
    """Look for what fills an attribute of a class or function."""
    name = owner.__qualname__.partition(".")[0]
    search = Search(namespace, name, owner, attribute, words={name})
    search.parts = {attribute}
    _find_fillers(closure, search)
    return search


def start_maker_searches(closure: Closure, cell: CellType) -> Iterator[Search]:
    """Look for what makes the functions that share a variable of a closure.

    Calls of them are looked for, too, if they count something: what a call adds
    to a memo it would add later.
    """
    try:
        is_memo = is_container(cell.cell_contents)
    except ValueError:
        is_memo = True
    for namespace in loaded(closure):
        for name, value in list(namespace.items()):
            sharing = [f for f in functions_in(value) if _has_cell(f, cell)]
            if not sharing or closure.is_root(value):
                continue
            search = Search(namespace, name, MISSING, words={name})
            search.is_shared = not is_memo
            if not is_memo:
                search.fillers.update((id(function), function) for function in sharing)
            yield search


def _has_cell(function: FunctionType, cell: CellType) -> bool:
    return any(held is cell for held in function.__closure__ or ())


def loaded(closure: Closure) -> Iterator[Namespace]:
    """Yield the globals of the user's modules that are loaded."""
    for module in list(sys.modules.values()):
        if type(module) is ModuleType and closure.boundary.owns_module(module):
            yield vars(module)


# -- the functions that fill -------------------------------------------------------
def _find_fillers(closure: Closure, search: Search) -> None:
    """Find the functions that fill, until those that call them are found as well.

    The task itself is none: scripts call it at will.
    """
    known = closure.state.mutators.get((id(search.namespace), search.name), set())
    n_before = -1
    while n_before < len(search.fillers) + len(search.words):
        n_before = len(search.fillers) + len(search.words)
        for namespace in _places(closure, search):
            for key, value in list(namespace.items()):
                if closure.is_root(value):
                    continue
                for function in _defined_in(value, namespace):
                    is_known = namespace is search.namespace and key in known
                    if is_known or _fills(search, function):
                        search.fillers[id(function)] = function
                        search.words |= {key, function.__code__.co_name}
    subjects = [s for s in closure.subjects() if isinstance(s, FunctionType)]
    functions = {id(f): f for f in [*search.fillers.values(), *subjects]}.values()
    n_touching = sum(_touches(search, function) for function in functions)
    search.is_shared = n_touching > 1 or any(
        _accumulates(search, function) for function in functions
    )


def _touches(search: Search, function: FunctionType) -> bool:
    """Return whether a function reads or changes what is looked for by itself."""
    if function.__name__ in _CONSTRUCTORS:
        return False
    uses = _uses_of(function)
    if _changes(search, function, uses):
        return True
    if search.parts:
        return not search.parts.isdisjoint(uses.attributes)
    chains = [*uses.chains, *(change.chain for change in uses.changes)]
    return any(
        search.is_changed(function.__globals__, chain.root, chain.attributes)
        for chain in chains
    )


def _accumulates(search: Search, function: FunctionType) -> bool:
    """Return whether each call adds something, as to a counter or a list."""
    try:
        place = locate(function)
    except IdentityError:
        return True
    names = search.parts or {search.name}
    for node in ast.walk(place.node) if place is not None else ():
        target: ast.AST | None = None
        if isinstance(node, ast.AugAssign):
            target = node.target
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            target = node.func.value if node.func.attr in _ADDING else None
        elif isinstance(node, ast.Call) and node.args:
            is_next = isinstance(node.func, ast.Name) and node.func.id == "next"
            target = node.args[0] if is_next else None
        if target is not None:
            root, attributes, _ = unwind(target)
            if not names.isdisjoint({root, *attributes}):
                return True
    return False


def _places(closure: Closure, search: Search) -> Iterator[Namespace]:
    yield search.namespace
    for namespace in loaded(closure):
        if namespace is not search.namespace and mentions(namespace, search.words):
            yield namespace


def _defined_in(value: Any, namespace: Namespace) -> Iterator[FunctionType]:
    """Yield the functions of a module behind one of its global names."""
    if isinstance(value, type):
        members = list(vars(value).values())
        found = [f for member in members for f in functions_in(member)]
    else:
        found = [*functions_in(value)]
    for function in found:
        if function.__globals__ is namespace:
            yield function


def _fills(search: Search, function: FunctionType) -> bool:
    """Return whether a function changes what is looked for, or calls who does."""
    if id(function) in search.fillers:
        return True
    uses = _uses_of(function)
    if not search.attribute and _sets_by_name(search, function):
        return True
    return _changes(search, function, uses) or any(
        chain.kind != "free"
        and search.is_named(function.__globals__, chain.root, chain.attributes)
        for chain in uses.chains
    )


def _sets_by_name(search: Search, function: FunctionType) -> bool:
    if BY_NAME.isdisjoint(function.__code__.co_names):
        return False
    try:
        place = locate(function)
    except IdentityError:
        return True
    return place is not None and sets_by_name(
        search.namespace, search.name, place.node, function.__globals__
    )


def _changes(search: Search, function: FunctionType, uses: Uses) -> bool:
    """Return whether a function changes what is looked for by itself."""
    changed = [change.chain for change in uses.changes]
    changed += [passed.argument for passed in uses.passed]
    if any(
        chain.kind != "free"
        and search.is_changed(function.__globals__, chain.root, chain.attributes)
        for chain in changed
    ):
        return True
    own = {name for name, _ in uses.changed_members}
    if not (own or uses.changed_parameters) or not _is_method(function, search.held):
        return False
    return search.attribute in own if search.attribute else True


def _is_method(function: FunctionType, owner: object) -> bool:
    """Return whether a function is a method of a class or object."""
    return function in functions_in(method_of(owner, function.__name__))


def _uses_of(function: FunctionType) -> Uses:
    try:
        place = locate(function)
        return Uses() if place is None else function_uses(place)
    except (ScopeError, IdentityError):  # it is perhaps not called at all
        return Uses()


def functions_in(value: Any) -> Iterator[FunctionType]:
    """Yield the functions that run when a value is called, wrapped ones too."""
    stack, seen = [value], set()
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if is_task(item):
            stack.append(item.func)
        elif isinstance(item, FunctionType):
            yield item
            stack += _held_by(item)
        elif isinstance(item, type):
            metaclass: type = type(item)
            classes = [*item.__mro__, *metaclass.__mro__]
            stack += [vars(c)[n] for c in classes for n in _AT_BIRTH & vars(c).keys()]
        else:
            parts = callable_parts(item)
            method = method_of(item, "__call__") if parts is None else MISSING
            stack += [part for _, part in parts or ()]
            stack += [method] if method is not MISSING else []


def _held_by(function: FunctionType) -> Iterator[object]:
    """Yield the callables that a wrapper holds."""
    for cell in function.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:
            continue
        if callable(value):
            yield value
    if "__wrapped__" in vars(function):
        yield vars(function)["__wrapped__"]
