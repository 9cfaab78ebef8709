"""Which of several lambdas on a line a code object was compiled from."""

from __future__ import annotations

import ast
from types import CodeType

from gridtask.identity.source.syntax import ScopeNode


def covers(node: ScopeNode, code: CodeType) -> bool:
    """Return whether a code object's columns lie within a lambda."""
    start = (node.lineno, node.col_offset)
    end = (node.end_lineno or 0, node.end_col_offset or 0)
    body = (node.body.lineno, node.body.col_offset)  # type: ignore[union-attr]
    for line, end_line, column, end_column in code.co_positions():
        if None in (line, end_line, column, end_column) or end_column == 0:
            continue
        first, last = (line or 0, column or 0), (end_line or 0, end_column or 0)
        if first < start or last > end:
            return False
        if first >= body:
            return True
    return True


def compiles_to(node: ScopeNode, code: CodeType) -> bool:
    """Return whether a lambda alone is compiled to this code."""
    assert isinstance(node, ast.Lambda)
    outer = compile(ast.Expression(node), "", "eval", dont_inherit=True)
    inner = next(part for part in outer.co_consts if isinstance(part, CodeType))
    return _content(inner) == _content(code)


def _content(code: CodeType) -> tuple[object, ...]:
    """Return what a lambda's text alone decides: not how it reaches its names."""
    constants = [
        _content(part) if isinstance(part, CodeType) else (type(part), repr(part))
        for part in code.co_consts
    ]
    n_arguments = code.co_argcount + code.co_kwonlyargcount
    names = {*code.co_names, *code.co_freevars}
    return code.co_varnames[:n_arguments], constants, names


def extent(node: ScopeNode) -> tuple[int, int]:
    """Return how many lines and columns a lambda spans."""
    lines = (node.end_lineno or 0) - node.lineno
    return lines, (node.end_col_offset or 0) - node.col_offset
