"""Canonical bytes of syntax trees: equal for every formatting and Python.

Node types and sorted fields are written; positions, contexts, docstrings,
annotations and statements without effect are not. Constants are written as
type and value, so that ``1``, ``1.0`` and ``True`` differ. Empty fields are
left out: a field that a newer Python adds changes nothing until it is used.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
ScopeNode = (
    FunctionNode | ast.ClassDef | ast.ListComp | ast.SetComp | ast.DictComp
) | ast.GeneratorExp
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

_DROPPED = {"ctx", "kind", "type_comment", "type_ignores", "returns"}

_NO_NODES = frozenset({"attr", "ctx", "id", "op", "ops"})
"""Fields that hold texts and operators."""
_inner: dict[type, list[str]] = {}
_MAX_DEPTH = 50
_SPECIAL = frozenset(
    {ast.AnnAssign, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda}
)
_Choice = Callable[[ast.AST, object, bool], object]
_Plan = tuple[str, tuple[tuple[str, str, _Choice | None], ...]]
_plans: dict[tuple[type, bool], _Plan] = {}


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


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes directly below a node, but for constants and operators."""
    kind = type(node)
    names = _inner.get(kind)
    if names is None:
        names = _inner[kind] = [name for name in kind._fields if name not in _NO_NODES]
    found: list[ast.AST] = []
    held = node.__dict__
    for name in names:
        value = held.get(name)
        if type(value) is list:
            found += [v for v in value if isinstance(v, ast.AST)]
        elif isinstance(value, ast.AST) and type(value) is not ast.Constant:
            found.append(value)
    return found


def blocks(statement: ast.AST) -> Iterable[list[ast.stmt]]:
    """Yield the lists of statements directly inside a statement."""
    for name in ("body", "orelse", "finalbody"):
        inner = getattr(statement, name, None)
        if isinstance(inner, list):
            yield inner
    for name in ("handlers", "cases"):
        for part in getattr(statement, name, ()):
            yield part.body


_Parts = list["str | _Parts"]


class _Writer:
    """One pass over trees.

    Recursion is shallow: what is nested deeper than `_MAX_DEPTH` is written
    afterwards, into a hole that was left for it.
    """

    def __init__(self, skeleton: bool, hints: bool) -> None:
        self.skeleton = skeleton
        self.hints = hints
        self.holes: list[tuple[_Parts, ast.AST, bool]] = []

    def write(self, trees: Sequence[object], in_class: bool) -> bytes:
        whole: _Parts = []
        for tree in trees:
            if type(tree) is str:
                whole.append(tree)
            else:
                self._value(whole, tree, in_class, 0)
        if not self.holes:
            return "".join(whole).encode("utf-8", "surrogatepass")  # type: ignore[arg-type]
        while self.holes:
            hole, node, inside = self.holes.pop()
            self._node(hole, node, inside, 0)
        return "".join(_flatten(whole)).encode("utf-8", "surrogatepass")

    def _value(self, out: _Parts, value: object, in_class: bool, depth: int) -> None:
        kind = type(value)
        if kind is str:
            out.append(_token(value))  # type: ignore[arg-type]
        elif kind is list:
            out.append(f"[{len(value)}:")  # type: ignore[arg-type]
            for item in value:  # type: ignore[attr-defined]
                self._value(out, item, in_class, depth)
        elif isinstance(value, ast.AST):
            self._node(out, value, in_class, depth)
        else:
            out.append("N" if value is None else _constant(value))

    def _node(self, out: _Parts, node: ast.AST, in_class: bool, depth: int) -> None:
        if depth > _MAX_DEPTH:
            hole: _Parts = []
            out.append(hole)
            self.holes.append((hole, node, in_class))
            return
        kind = type(node)
        if kind in _SPECIAL:
            if kind is ast.AnnAssign and not in_class:
                self._hinted(out, node, depth)
                return
            if in_class and self.skeleton and isinstance(node, DEFINITIONS):
                self._skeleton(out, node, depth)
                return
            in_class = kind is ast.ClassDef or (in_class and kind is ast.AnnAssign)
        head, fields = _plans.get((kind, self.hints)) or _make_plan(kind, self.hints)
        out.append(head)
        held = node.__dict__
        for token, name, choose in fields:
            value = held.get(name)
            if choose is not None:
                value = choose(node, value, in_class)
            if value is None or value == []:
                continue
            out.append(token)
            if isinstance(value, ast.AST):
                self._node(out, value, in_class, depth + 1)
            else:
                self._value(out, value, in_class, depth + 1)
        out.append(")")

    def _hinted(self, out: _Parts, node: Any, depth: int) -> None:
        """Write ``x: int = 1`` as ``x = 1``."""
        out.append("(Assign targets=[1:")
        self._node(out, node.target, False, depth + 1)
        if node.value:
            out.append(" value=")
            self._node(out, node.value, False, depth + 1)
        out.append(")")

    def _skeleton(self, out: _Parts, node: Any, depth: int) -> None:
        out.append(f"(def name={_token(node.name)}")
        if node.decorator_list:
            out.append(" decorators=")
            self._value(out, node.decorator_list, False, depth + 1)
        out.append(")")


def _make_plan(kind: type[ast.AST], hints: bool) -> _Plan:
    """Say how nodes of a type are written: field by field, sorted by name."""
    choices = {**_CHOICES, **_HINTED} if hints else _CHOICES
    dropped = _DROPPED - {"returns"} if hints else _DROPPED
    fields = tuple(
        (f" {name}=", name, choices.get((kind, name)) or choices.get((None, name)))
        for name in sorted(set(kind._fields) - dropped)
    )
    plan = _plans[kind, hints] = (f"({kind.__name__}", fields)
    return plan


def _choose_statements(node: ast.AST, value: object, in_class: bool) -> object:
    if not isinstance(value, list):
        return value
    return [
        part for part in value if has_effect(part) and (in_class or _has_value(part))
    ]


def _choose_hint(node: ast.AST, value: object, in_class: bool) -> object:
    return value if in_class and not isinstance(node, ast.arg) else None


_CHOICES: dict[tuple[type | None, str], _Choice] = {
    (None, "annotation"): _choose_hint,
    **{(None, name): _choose_statements for name in ("body", "orelse", "finalbody")},
    (ast.JoinedStr, "values"): lambda node, value, in_class: [
        part
        for part in value  # type: ignore[attr-defined]
        if not _is_empty(part)
    ],
    (ast.Delete, "targets"): lambda node, value, in_class: [*_deleted(value)],
    (ast.Global, "names"): lambda node, value, in_class: sorted(value),  # type: ignore[call-overload]
    (ast.Nonlocal, "names"): lambda node, value, in_class: sorted(value),  # type: ignore[call-overload]
    (ast.Constant, "value"): lambda node, value, in_class: _constant(value),
    (ast.MatchSingleton, "value"): lambda node, value, in_class: _constant(value),
}
_HINTED: dict[tuple[type | None, str], _Choice] = {
    (None, "annotation"): lambda node, value, in_class: value,
    **{
        (kind, "body"): lambda node, value, in_class: value
        for kind in DEFINITIONS  # with their docstrings
    },
}


def _flatten(parts: _Parts) -> Iterator[str]:
    stack = [iter(parts)]
    while stack:
        for part in stack[-1]:
            if type(part) is str:
                yield part
            else:
                stack.append(iter(part))
                break
        else:
            stack.pop()


def _deleted(targets: object) -> Iterator[ast.expr]:
    """Yield what is deleted one by one: black takes the parentheses away."""
    for target in targets:  # type: ignore[attr-defined]
        if isinstance(target, ast.Tuple | ast.List):
            yield from _deleted(target.elts)
        else:
            yield target


def _is_empty(part: ast.expr) -> bool:
    """Return whether this is the empty text that Python 3.12 adds to f-strings."""
    return isinstance(part, ast.Constant) and part.value == ""


def _token(text: str) -> str:
    # Constants are tokens already.
    return text if text.startswith("C:") else f"s{len(text)}:{text}"


def _constant(value: object) -> str:
    kind = type(value)
    shown = hex(value) if kind is int else repr(value)  # type: ignore[arg-type]
    return f"C:{kind.__name__}:{len(shown)}:{shown}"


def canonical(
    *trees: object, skeleton: bool = False, in_class: bool = False, hints: bool = False
) -> bytes:
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
    hints : bool
        Count all annotations and docstrings.

    Returns
    -------
    bytes
        Equal exactly if the trees mean the same to the compiler.
    """
    return _Writer(skeleton, hints).write(trees, in_class)


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
    return canonical(*parts, hints=hints)


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
    kept = canonical(body, skeleton=True, in_class=True, hints=hints)
    parameters = canonical(getattr(node, "type_params", None) or None)
    text = f"{docstring(node)!r}" if hints else ""
    return b"\0".join(
        [head, kept, *methods, parameters, text.encode("utf-8", "surrogatepass")]
    )
