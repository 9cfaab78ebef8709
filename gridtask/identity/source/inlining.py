"""Scopes of comprehensions that newer Pythons hide.

From Python 3.12 on the compiler inlines list, set and dict comprehensions
(PEP 709), and `symtable` shows their names as the enclosing function's. As
generator expressions, which have the same scopes, they keep their own tables.
"""

from __future__ import annotations

import ast
import sys

IS_INLINING = sys.version_info >= (3, 12)
_INLINED = (ast.ListComp, ast.SetComp, ast.DictComp)
_Edit = tuple[int, int, int, bytes]
"""Line and column in bytes, how many bytes go, and what comes in their place."""


def write_out(text: str, tree: ast.AST) -> str:
    """Rewrite comprehensions as generator expressions on the same lines.

    Parameters
    ----------
    text : str
        Source text, with the lines that `tree` names.
    tree : ast.AST
        What of the text is looked at.

    Returns
    -------
    str
        Good for a symbol table only: a dict comprehension loses its meaning.
    """
    if " for" not in text:
        return text
    found = [node for node in ast.walk(tree) if isinstance(node, _INLINED)]
    if not found:
        return text
    lines = [line.encode("utf-8", "surrogatepass") for line in text.split("\n")]
    edits = [part for node in found for part in _edits_of(node, lines)]
    for line, column, n_bytes, new in sorted(edits, reverse=True):
        old = lines[line]
        lines[line] = old[:column] + new + old[column + n_bytes :]
    return b"\n".join(lines).decode("utf-8", "surrogatepass")


def _edits_of(node: ast.expr, lines: list[bytes]) -> list[_Edit]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    end: _Edit = (node.end_lineno - 1, node.end_col_offset - 1, 1, b")")
    start = (node.lineno - 1, node.col_offset, 1)
    if not isinstance(node, ast.DictComp):
        return [(*start, b"("), end]
    # ``{key: value for …}`` becomes ``(0 if (key) else value for …)``.
    return [(*start, b"(0 if ("), (*_colon_after(node.key, lines), b") else "), end]


def _colon_after(key: ast.expr, lines: list[bytes]) -> tuple[int, int, int]:
    line, column = (key.end_lineno or 0) - 1, key.end_col_offset or 0
    while True:
        found = lines[line][column:].partition(b"#")[0].find(b":")
        if found >= 0:
            return line, column + found, 1
        line, column = line + 1, 0
