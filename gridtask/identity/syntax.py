"""Canonical bytes of syntax trees: equal for every formatting and Python.

Node types and sorted fields are written; positions, contexts, docstrings,
annotations and statements without effect are not. Constants are written as
type and value, so that ``1``, ``1.0`` and ``True`` differ. Empty fields are
left out: a field that a newer Python adds changes nothing until it is used.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
ScopeNode = (
    FunctionNode | ast.ClassDef | ast.ListComp | ast.SetComp | ast.DictComp
) | ast.GeneratorExp
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

_DROPPED = {"ctx", "kind", "type_comment", "type_ignores", "returns"}
_BODIES = {"body", "orelse", "finalbody"}
_ALWAYS = (ast.Constant, ast.MatchSingleton)

_fields: dict[type, tuple[str, ...]] = {}


def _fields_of(node: ast.AST) -> tuple[str, ...]:
    kind = type(node)
    names = _fields.get(kind)
    if names is None:
        names = tuple(sorted(set(kind._fields) - _DROPPED))
        _fields[kind] = names
    return names


def has_effect(statement: ast.AST) -> bool:
    """Return False for ``pass``, docstrings and other lone constants."""
    if isinstance(statement, ast.Pass):
        return False
    return not (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def docstring(node: ast.AST) -> str | None:
    """Return the docstring of a definition or module, as written."""
    body = getattr(node, "body", None)
    if not isinstance(body, list) or not body:
        return None
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        value = first.value.value
        return value if isinstance(value, str) else None
    return None


def is_main_guard(statement: ast.AST) -> bool:
    """Return whether this is ``if __name__ == "__main__":`` without ``else``."""
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    test = statement.test
    if not isinstance(test, ast.Compare) or len(test.comparators) != 1:
        return False
    sides = [test.left, test.comparators[0]]
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    values = [side.value for side in sides if isinstance(side, ast.Constant)]
    is_equal = isinstance(test.ops[0], ast.Eq)
    return is_equal and names == ["__name__"] and values == ["__main__"]


def first_line(node: ast.AST) -> int:
    """Return the first line of a statement, decorators included."""
    line: int = node.lineno  # type: ignore[attr-defined]
    decorators = getattr(node, "decorator_list", None)
    return min([line, *(d.lineno for d in decorators)]) if decorators else line


def blocks(statement: ast.AST) -> Iterable[list[ast.stmt]]:
    """Yield the lists of statements directly inside a statement."""
    for name in ("body", "orelse", "finalbody"):
        inner = getattr(statement, name, None)
        if isinstance(inner, list):
            yield inner
    for name in ("handlers", "cases"):
        for part in getattr(statement, name, ()):
            yield part.body


class _Writer:
    """One pass over trees, with a stack of its own: no recursion limit."""

    def __init__(self, skeleton: bool) -> None:
        self.skeleton = skeleton
        self.out: list[str] = []
        # A token, or a tree with whether it stands directly in a class.
        self.stack: list[tuple[object, bool]] = []

    def write(self, trees: Sequence[object], in_class: bool) -> bytes:
        for tree in reversed(trees):
            self.stack.append((tree, in_class))
        while self.stack:
            item, inside = self.stack.pop()
            if type(item) is str:
                self.out.append(item)
            elif isinstance(item, list):
                self._list(item, inside)
            elif isinstance(item, ast.AST):
                self._node(item, inside)
            else:
                self.out.append("N" if item is None else _constant(item))
        return "".join(self.out).encode("utf-8", "surrogatepass")

    def _list(self, items: list[object], in_class: bool) -> None:
        self.out.append(f"[{len(items)}:")
        for item in reversed(items):
            self.stack.append((_token(item), in_class))

    def _node(self, node: ast.AST, in_class: bool) -> None:
        if in_class and self.skeleton and isinstance(node, DEFINITIONS):
            parts: list[tuple[str, object]] = [("name", node.name)]
            if node.decorator_list:
                parts.append(("decorators", list(node.decorator_list)))
            self._push("def", parts, False)
            return
        if isinstance(node, ast.AnnAssign) and not in_class:
            shown: list[tuple[str, object]] = []
            shown.append(("targets", [node.target]))
            if node.value:
                shown.append(("value", node.value))
            self._push("Assign", shown, False)
            return
        inside = isinstance(node, ast.ClassDef) or (
            in_class and not isinstance(node, (*FUNCTIONS, ast.Lambda))
        )
        self._push(type(node).__name__, list(self._fields(node, inside)), inside)

    def _fields(self, node: ast.AST, in_class: bool) -> Iterable[tuple[str, object]]:
        always = isinstance(node, _ALWAYS)
        for name in _fields_of(node):
            value = getattr(node, name, None)
            if name == "annotation" and not (in_class and not _is_argument(node)):
                continue
            if name in _BODIES and isinstance(value, list):
                value = [
                    part
                    for part in value
                    if has_effect(part) and (in_class or _has_value(part))
                ]
            if name == "values" and isinstance(node, ast.JoinedStr):
                value = [part for part in node.values if not _is_empty(part)]
            if name == "names" and isinstance(node, ast.Global | ast.Nonlocal):
                value = sorted(node.names)
            if always and name == "value":
                yield name, _constant(value)
            elif value is not None and value != []:
                yield name, value

    def _push(
        self, kind: str, fields: list[tuple[str, object]], in_class: bool
    ) -> None:
        self.out.append(f"({kind}")
        self.stack.append((")", False))
        for name, value in reversed(fields):
            self.stack.append((_token(value), in_class))
            self.stack.append((f" {name}=", False))


def _is_empty(part: ast.expr) -> bool:
    """Return whether this is the empty text that Python 3.12 adds to f-strings."""
    return isinstance(part, ast.Constant) and part.value == ""


def _is_argument(node: ast.AST) -> bool:
    return isinstance(node, ast.arg)


def _token(value: object) -> object:
    # Strings on the stack are tokens; names in the tree are quoted first.
    if type(value) is str and not value.startswith("C:"):
        return f"s{len(value)}:{value}"
    return value


def _constant(value: object) -> str:
    kind = type(value)
    shown = hex(value) if kind is int else repr(value)  # type: ignore[arg-type]
    return f"C:{kind.__name__}:{len(shown)}:{shown}"


def canonical(*trees: object, skeleton: bool = False, in_class: bool = False) -> bytes:
    """Return the canonical bytes of syntax trees.

    Parameters
    ----------
    *trees : ast.AST, list or None
        What to write, in order.
    skeleton : bool
        Write definitions that stand directly in a class as their name and
        decorators only.
    in_class : bool
        The trees are statements of a class body: annotations count there.

    Returns
    -------
    bytes
        Equal exactly if the trees mean the same to the compiler.
    """
    return _Writer(skeleton).write(trees, in_class)


def _has_value(node: ast.AST) -> bool:
    return not (isinstance(node, ast.AnnAssign) and node.value is None)


def body_of(node: FunctionNode) -> list[ast.stmt] | list[ast.expr]:
    """Return a function's body without docstring and empty statements."""
    if isinstance(node, ast.Lambda):
        return [node.body]
    return [part for part in node.body if has_effect(part) and _has_value(part)]


def function_bytes(node: FunctionNode, *, hints: bool = False) -> bytes:
    """Return the canonical bytes of a function's own text.

    Decorators and defaults are left out: they act through live objects.

    Parameters
    ----------
    node : ast.AST
        A function definition or a lambda.
    hints : bool
        Count annotations and the docstring too.
    """
    arguments = node.args
    names = [
        [arg.arg for arg in arguments.posonlyargs],
        [arg.arg for arg in arguments.args],
        [arguments.vararg.arg if arguments.vararg else ""],
        [arg.arg for arg in arguments.kwonlyargs],
        [arguments.kwarg.arg if arguments.kwarg else ""],
    ]
    kind = type(node).__name__
    parts: list[object] = [f"C:{kind}:{names!r}", body_of(node)]
    parameters = getattr(node, "type_params", None)
    if parameters:
        parts.append(parameters)
    if hints and not isinstance(node, ast.Lambda):
        parts.append(f"C:{docstring(node)!r}")
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [arg for arg in (arguments.vararg, arguments.kwarg) if arg]
        parts.append([arg.annotation for arg in every])
        parts.append([node.returns])
    return canonical(*parts)


def class_bytes(node: ast.ClassDef, *, hints: bool = False) -> bytes:
    """Return the canonical bytes of a class statement without its methods."""
    body = [
        part
        for part in node.body
        if has_effect(part) and not isinstance(part, DEFINITIONS)
    ]
    # Methods count as live objects, in whatever order they stand; what their
    # decorators told a third party's base class may show nowhere else.
    methods = sorted(
        canonical(part, skeleton=True, in_class=True)
        for part in node.body
        if isinstance(part, DEFINITIONS) and part.decorator_list
    )
    parts: list[object] = [f"C:{node.name}", list(node.decorator_list)]
    parts += [list(node.bases), list(node.keywords)]
    head = canonical(*parts)
    kept = canonical(body, skeleton=True, in_class=True)
    parameters = canonical(getattr(node, "type_params", None) or None)
    text = f"{docstring(node)!r}" if hints else ""
    return b"\0".join(
        [head, kept, *methods, parameters, text.encode("utf-8", "surrogatepass")]
    )
