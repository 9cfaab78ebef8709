"""Components of definitions: the statements and expressions behind a value.

What cannot be digested, and what the task's own code changes, counts by them.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from types import CellType, FunctionType
from typing import Any

from gridtask.identity.closure.components import Node
from gridtask.identity.closure.fillers import find_inside, find_outside
from gridtask.identity.closure.lookup import Environment, Namespace, Target, qualify
from gridtask.identity.closure.searches import (
    Search,
    start_maker_searches,
    start_member_search,
    start_search,
)
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.names import enclosed_uses, statement_uses
from gridtask.identity.source.sources import Place, Source, imported_names
from gridtask.identity.source.syntax import (
    DEFINITIONS,
    FUNCTIONS,
    FunctionNode,
    blocks,
    canonical,
    first_line,
)
from gridtask.identity.source.uses import Chain, Uses

_READERS = frozenset(
    [
        "open",
        "load",
        "loads",
        "read",
        "readlines",
        "read_text",
        "read_bytes",
        "read_csv",
        "loadtxt",
        "genfromtxt",
        "fromfile",
        "reader",
        "DictReader",
    ]
)
"""Functions and methods by which data files are read."""


def definition(
    closure: Closure, namespace: Namespace, name: str, kind: str, required: bool = True
) -> Node | None:
    """Return the component of the statements that define a global name."""
    key = (id(namespace), f"{kind} {name}")
    known = closure.globals.get(key)
    if known is not None:
        return known
    node = Node(qualify(namespace, name), kind, None)
    search = start_search(closure, namespace, name, is_opaque=kind == "definition")
    found = find_inside(search)
    if not found and not required:
        return None
    closure.globals[key] = node
    _add_statements(closure, node, found, namespace)
    _add_imports(closure, node, found, namespace, name)
    _add_outside(closure, node, search)
    if any(_reads_data(unit) for _, unit in found) and name in namespace:
        # What the task changes, it changes in what was read.
        node.link("read", closure.visit(namespace[name], node.name))
    return node


def _add_outside(closure: Closure, node: Node, search: Search) -> bool:
    """Add what other modules do; return whether there is any."""
    rows = find_outside(closure, search)
    for other, outside in rows:
        part = Node(f"{node.name} from outside", node.kind, None)
        node.link("set outside", part)
        closure.modules[str(other.get("__name__"))] = None
        _add_statements(closure, part, outside, other)
    return bool(rows)


def _add_statements(
    closure: Closure,
    node: Node,
    found: list[tuple[Source, ast.stmt]],
    namespace: Namespace,
) -> None:
    node.make_text = functools.partial(_text_of, found)
    for position, (source, unit) in enumerate(found):
        node.add(f"statement {position}", canonical(unit))
        uses = _without_changes(statement_uses(source, unit, [unit]))
        closure.later(
            functools.partial(closure.apply, node, uses, Environment(namespace))
        )


def _add_imports(
    closure: Closure,
    node: Node,
    found: list[tuple[Source, ast.stmt]],
    namespace: Namespace,
    name: str,
) -> None:
    """Count what a name was imported as, before the task's code bound it anew."""
    chains = [
        Chain(
            "import", target if bound == name else target._replace(attribute=name), ()
        )
        for _, unit in found
        for part in ast.walk(unit)
        if isinstance(part, ast.Import | ast.ImportFrom)
        for bound, target in imported_names(part)
        if bound in (name, "*")
    ]
    told = _without_changes(Uses(chains=chains))
    closure.later(lambda: closure.apply(node, told, Environment(namespace)))


def _reads_data(unit: ast.stmt) -> bool:
    """Return whether a statement reads a file: its content is in no code."""
    parts = list(ast.walk(unit))
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    names |= {part.attr for part in parts if isinstance(part, ast.Attribute)}
    return not _READERS.isdisjoint(names)


def attribute_definition(closure: Closure, owner: Any, attribute: str) -> Node | None:
    """Return the component of what sets an attribute that the code changes.

    Parameters
    ----------
    closure : Closure
        The walk.
    owner : function or type
        Its attribute is state.
    attribute : str
        The attribute's name.

    Returns
    -------
    Node or None
        The statements at the top of the owner's module, or of the function
        that makes the owner, that set it or change what it holds.
    """
    module = sys.modules.get(owner.__module__)
    namespace = getattr(owner, "__globals__", vars(module) if module else {})
    node = Node(f"{owner.__qualname__}.{attribute}", "state", None)
    search = start_member_search(closure, namespace, owner, attribute)
    found = find_inside(search)
    is_outside = _add_outside(closure, node, search)
    if not found and not is_outside:
        is_made = "." in owner.__qualname__ and isinstance(owner, FunctionType)
        return _made_attribute(closure, node, owner, attribute) if is_made else None
    _add_statements(closure, node, found, namespace)
    return node


def _made_attribute(
    closure: Closure, node: Node, owner: FunctionType, attribute: str
) -> Node | None:
    """Add the statements around a function that set its attribute."""
    from gridtask.identity.closure.callables import locate

    place = locate(owner)
    if place is None or not place.enclosing:
        return None
    statements = [
        statement
        for statement in _own_statements(place.enclosing[-1])
        if not isinstance(statement, DEFINITIONS)
        and not any(True for block in blocks(statement) if block)
        and any(
            isinstance(part, ast.Attribute)
            and part.attr == attribute
            and not isinstance(part.ctx, ast.Load)
            for part in ast.walk(statement)
        )
    ]
    if not statements:
        return None
    node.add("statements", canonical(*statements))
    uses = enclosed_uses(place, statements)
    chains = [chain for chain in uses.chains if chain.kind == "global"]
    environment = Environment(owner.__globals__)
    closure.later(
        functools.partial(closure.apply, node, Uses(chains=chains), environment)
    )
    return node


def _without_changes(uses: Uses) -> Uses:
    """What a module's own statements fill is configuration, not state."""
    kept = Uses(chains=uses.chains, attributes=uses.attributes)
    kept.is_setup = True
    return kept


def _text_of(found: list[tuple[Source, ast.stmt]]) -> str:
    return "\n".join(
        "\n".join(source.lines[first_line(unit) - 1 : unit.end_lineno])
        for source, unit in found
    )


def cell_definition(
    closure: Closure, cell: CellType, name: str, environment: Environment
) -> Target:
    """Return the component of a closure's variable that the closure changes."""
    from gridtask.identity.closure.callables import locate

    assert environment.function is not None
    place = locate(environment.function)
    nodes = _cell_statements(place, name) if place is not None else []
    node = Node(name, "cell", cell)
    is_made = _add_makers(closure, node, cell)
    if place is None or not (nodes or is_made):
        # A parameter of the enclosing function: only the value is known.
        try:
            return closure.visit(cell.cell_contents, name)
        except ValueError:
            return "an empty cell"
    if not nodes:
        return node
    node.add("statements", canonical(*nodes))
    uses = enclosed_uses(place, nodes)
    chains = [chain for chain in uses.chains if chain.kind == "global"]
    closure.later(
        functools.partial(
            closure.apply, node, Uses(chains=chains), Environment(environment.namespace)
        )
    )
    return node


def _add_makers(closure: Closure, node: Node, cell: CellType) -> bool:
    """Add the statements that make a closure; return whether there are any."""
    rows = [(s, find_inside(s)) for s in start_maker_searches(closure, cell)]
    for search, found in rows:
        part = Node(f"{node.name} of {search.name}", "maker", None)
        node.link("made by", part)
        _add_statements(closure, part, found, search.namespace)
        _add_outside(closure, part, search)
    return any(found for _, found in rows)


def _cell_statements(place: Place, name: str) -> list[ast.AST]:
    """Return the statements of the enclosing function that bind a variable."""
    for outer in reversed(place.enclosing):
        if not isinstance(outer, FUNCTIONS):
            continue
        arguments = outer.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [arg for arg in (arguments.vararg, arguments.kwarg) if arg]
        if name in {arg.arg for arg in every}:
            return []
        found = [node for node in _own_statements(outer) if _binds(node, name)]
        if found:
            return found
    return []


def _own_statements(outer: ast.AST) -> Iterator[ast.AST]:
    stack = [child for block in blocks(outer) for child in block]
    while stack:
        node = stack.pop(0)
        yield node
        if not isinstance(node, DEFINITIONS):
            stack = [child for block in blocks(node) for child in block] + stack


def _binds(node: ast.AST, name: str) -> bool:
    if isinstance(node, DEFINITIONS) or any(True for b in blocks(node) if b):
        return False
    return any(
        isinstance(part, ast.Name)
        and part.id == name
        and not isinstance(part.ctx, ast.Load)
        for part in ast.walk(node)
    )


# -- defaults ---------------------------------------------------------------------
def _default_node(place: Place, name: str) -> ast.expr | None:
    assert isinstance(place.node, FunctionNode)
    arguments = place.node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    tail = positional[len(positional) - len(arguments.defaults) :]
    rows: list[tuple[ast.arg, ast.expr | None]] = [
        *zip(tail, arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return next((value for arg, value in rows if arg.arg == name), None)


def default_definition(
    closure: Closure, place: Place | None, name: str, namespace: Namespace
) -> Target | None:
    """Return the component of a default's expression."""
    expression = _default_node(place, name) if place is not None else None
    if place is None or expression is None:
        return None
    node = Node(f"{getattr(place.node, 'name', '<lambda>')}.{name}", "default", None)
    node.add("expression", canonical(expression))
    if place.enclosing:
        uses = enclosed_uses(place, [expression])
    else:
        uses = statement_uses(place.source, place.unit, [expression])
    chains = [chain for chain in uses.chains if chain.kind == "global"]
    closure.apply(node, Uses(chains=chains), Environment(namespace))
    return node


def class_definition(
    closure: Closure, cls: type, name: str, namespace: Namespace
) -> Target | None:
    """Return the component of the statements that define a class attribute."""
    from gridtask.identity.closure.members import class_places

    places = class_places(cls)
    node = Node(f"{cls.__qualname__}.{name}", "definition", None)
    found = False
    for place in places:
        for statement in place.node.body:  # type: ignore[union-attr]
            if isinstance(statement, ast.stmt) and _binds(statement, name):
                found = True
                node.add("statement", canonical(statement, in_class=True))
                inner = Place(
                    place.source,
                    place.node,
                    (*place.enclosing, place.node),
                    place.unit,
                )
                uses = enclosed_uses(inner, [statement])
                chains = [chain for chain in uses.chains if chain.kind == "global"]
                closure.apply(node, Uses(chains=chains), Environment(namespace))
    if found:
        return node
    # Made from the class statement by a metaclass, or set from outside.
    top = cls.__qualname__.partition(".")[0]
    return definition(closure, namespace, top, "definition", required=False)
