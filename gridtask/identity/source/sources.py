"""Source texts and their syntax trees, and where in them an object was defined.

A source is read once for each (path, modification time, size). Inside a worker
the texts of the snapshot are served instead of what lies on disk.
"""

from __future__ import annotations
import __future__

import ast
import bisect
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType

from gridtask.identity.source.inlining import IS_INLINING, write_out
from gridtask.identity.source.syntax import (
    COMPREHENSIONS,
    DEFINITIONS,
    ScopeNode,
    blocks,
    first_line,
)

_IMPORTS = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """Where a definition stands in its source.

    Attributes
    ----------
    source : Source
        The text it stands in.
    node : ast.AST
        The definition.
    enclosing : tuple of ast.AST
        The scopes around it, outermost first.
    unit : ast.stmt
        The top-level statement that holds it.
    """

    source: Source
    node: ScopeNode
    enclosing: tuple[ScopeNode, ...]
    unit: ast.stmt


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import statement binds: a module, or a module's attribute.

    `also` is a submodule that the statement loads besides (``import a.b``
    binds ``a``). A `level` of -1 marks a call of ``import_module``.
    """

    module: str
    attribute: str | None
    level: int
    also: str = ""


@dataclass(eq=False)
class Source:
    """One source text, parsed.

    Attributes
    ----------
    filename : str
        As code objects name it.
    text : str
        The text, with ``\\n`` line ends.
    raw : bytes
        The file's bytes.
    tree : ast.Module
        Its syntax tree.
    """

    filename: str
    text: str
    raw: bytes
    tree: ast.Module
    memo: dict[object, object] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.lines = self.text.split("\n")
        self.flags = _future_flags(self.tree)
        self._starts = [first_line(unit) for unit in self.tree.body]
        self._functions: dict[int, dict[tuple[int, str], list[Place]]] = {}
        self._classes: dict[str, list[Place]] = {}
        self._tables: dict[int, symtable.SymbolTable] = {}
        self._codes: dict[int, dict[tuple[str, int], list[CodeType]]] = {}

    # -- finding definitions ------------------------------------------------
    def _index(self, unit: ast.stmt) -> dict[tuple[int, str], list[Place]]:
        """Return the functions in a top-level statement by first line and name."""
        known = self._functions.get(id(unit))
        if known is not None:
            return known
        found: dict[tuple[int, str], list[Place]] = {}
        stack: list[tuple[ast.stmt, tuple[ScopeNode, ...], str]] = [(unit, (), "")]
        while stack:
            node, enclosing, prefix = stack.pop()
            if isinstance(node, DEFINITIONS):
                place = Place(self, node, enclosing, unit)
                qualname = prefix + node.name
                if isinstance(node, ast.ClassDef):
                    self._classes.setdefault(qualname, []).append(place)
                    prefix = qualname + "."
                else:
                    line = (first_line(node), node.name)
                    found.setdefault(line, []).append(place)
                    prefix = qualname + ".<locals>."
                enclosing = (*enclosing, node)
            for block in blocks(node):
                stack.extend((child, enclosing, prefix) for child in block)
        self._functions[id(unit)] = found
        return found

    def _units_at(self, line: int) -> list[ast.stmt]:
        """Return the top-level statements that a line belongs to."""
        last = bisect.bisect_right(self._starts, line)
        first = bisect.bisect_left(self._starts, self._starts[last - 1]) if last else 0
        # The statement before may end on the line on which another starts.
        units = self.tree.body[max(first - 1, 0) : last]
        return [unit for unit in units if line <= (unit.end_lineno or 0)]

    def find_function(self, code: CodeType) -> Place | None:
        """Return where the function with this code object is defined."""
        if code.co_name == "<lambda>":
            return self._find_lambda(code)
        key = (code.co_firstlineno, code.co_name)
        places = [
            place
            for unit in self._units_at(code.co_firstlineno)
            for place in self._index(unit).get(key, ())
        ]
        return places[0] if len(places) == 1 else None

    def _find_lambda(self, code: CodeType) -> Place | None:
        found = [
            place
            for unit in self._units_at(code.co_firstlineno)
            for place in self._lambdas(unit)
            if place.node.lineno == code.co_firstlineno
        ]
        if len(found) > 1:
            found = [place for place in found if _covers(place.node, code)]
        if len(found) > 1:  # nested ones, or without columns (Python 3.12)
            found = [p for p in found if _compiles_to(p.node, code)] or found
            found.sort(key=lambda place: _extent(place.node))
        return found[0] if found else None

    def _lambdas(self, unit: ast.stmt) -> Iterator[Place]:
        stack: list[tuple[ast.AST, tuple[ScopeNode, ...]]] = [(unit, ())]
        while stack:
            node, enclosing = stack.pop()
            if isinstance(node, ast.Lambda):
                yield Place(self, node, enclosing, unit)
            if isinstance(node, (*DEFINITIONS, ast.Lambda, *COMPREHENSIONS)):
                enclosing = (*enclosing, node)
            stack.extend((child, enclosing) for child in ast.iter_child_nodes(node))

    def find_class(self, cls: type) -> list[Place]:
        """Return the class statements that may have made `cls`."""
        for unit in self.tree.body:
            self._index(unit)
        places = self._classes.get(cls.__qualname__, [])
        if len(places) < 2:
            return places
        lines = [
            value.__code__.co_firstlineno
            for value in vars(cls).values()
            if hasattr(value, "__code__")
            and value.__code__.co_filename == self.filename
        ]
        near = [
            place
            for place in places
            if any(
                first_line(place.node) <= line <= (place.node.end_lineno or 0)
                for line in lines
            )
        ]
        return near or places

    # -- the compiler's view -------------------------------------------------
    def segment(self, unit: ast.stmt) -> str:
        """Return a top-level statement's text, on its own line numbers."""
        first = first_line(unit)
        inner = self.lines[first - 1 : unit.end_lineno]
        return "\n" * (first - 1) + "\n".join(inner) + "\n"

    def table(self, unit: ast.stmt) -> symtable.SymbolTable:
        """Return the symbol table of the module, with this statement's scopes."""
        known = self._tables.get(id(unit))
        if known is None:
            try:
                known = self._make_table(self.segment(unit), unit)
            except SyntaxError:  # shares a line with another statement
                known = self._make_table(self.text, self.tree)
            self._tables[id(unit)] = known
        return known

    def _make_table(self, text: str, tree: ast.AST) -> symtable.SymbolTable:
        shown = write_out(text, tree) if IS_INLINING else text
        return symtable.symtable(shown, self.filename, "exec")

    def holds(self, place: Place, code: CodeType) -> bool:
        """Return whether this text compiles to this code object.

        Calls on names that the module imports are compiled differently: as part
        of the module, and by IPython, which compiles each statement by itself.
        """
        key = (code.co_qualname, code.co_firstlineno)
        ways = (self._compiled, self._compiled_alone, lambda _: self.compile_all())
        return any(code in compiled(place.unit).get(key, ()) for compiled in ways)

    def _compiled(self, unit: ast.stmt) -> dict[tuple[str, int], list[CodeType]]:
        known = self._codes.get(id(unit))
        if known is None:
            body = [*self._import_statements(), unit]
            known = self._codes[id(unit)] = self._compile(ast.Module(body, []))
        return known

    def _compiled_alone(self, unit: ast.stmt) -> dict[tuple[str, int], list[CodeType]]:
        return self._compile(ast.Module([unit], []))

    def compile_all(self) -> dict[tuple[str, int], list[CodeType]]:
        """Return all code objects of the text by qualified name and line."""
        known = self._codes.get(0)
        if known is None:
            known = self._codes[0] = self._compile(self.text)
        return known

    def _compile(self, text: str | ast.Module) -> dict[tuple[str, int], list[CodeType]]:
        found: dict[tuple[str, int], list[CodeType]] = {}
        flags = self.flags
        stack = [compile(text, self.filename, "exec", flags, dont_inherit=True)]
        while stack:
            code = stack.pop()
            key = (code.co_qualname, code.co_firstlineno)
            found.setdefault(key, []).append(code)
            stack.extend(c for c in code.co_consts if isinstance(c, CodeType))
        return found

    # -- what the module's own statements do ---------------------------------
    def imports(self) -> dict[str, list[Imported]]:
        """Return what the module's import statements bind, by name."""
        known = self.memo.get("imports")
        if known is None:
            known = self.memo["imports"] = self._find_imports()
        return known  # type: ignore[return-value]

    def _find_imports(self) -> dict[str, list[Imported]]:
        found: dict[str, list[Imported]] = {}
        for statement in self._import_statements():
            for name, target in imported_names(statement):
                found.setdefault(name, []).append(target)
        return found

    def _import_statements(self) -> list[ast.Import | ast.ImportFrom]:
        known = self.memo.get("import statements")
        if known is None:
            found = [s for s in self.statements() if isinstance(s, _IMPORTS)]
            known = self.memo["import statements"] = found
        return known  # type: ignore[return-value]

    def statements(self) -> Iterator[ast.stmt]:
        """Yield the statements that run on import, outermost first."""
        stack = list(reversed(self.tree.body))
        while stack:
            node = stack.pop()
            yield node
            if not isinstance(node, DEFINITIONS):
                inner = [child for block in blocks(node) for child in block]
                stack.extend(reversed(inner))


def imported_names(
    node: ast.Import | ast.ImportFrom,
) -> Iterator[tuple[str, Imported]]:
    """Yield each name that an import statement binds and to what."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            target = Imported(node.module or "", alias.name, node.level)
            yield alias.asname or alias.name, target
        elif alias.asname:
            yield alias.asname, Imported(alias.name, None, 0)
        else:
            name = alias.name.partition(".")[0]
            yield name, Imported(name, None, 0, alias.name)


def _future_flags(tree: ast.Module) -> int:
    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                feature = getattr(__future__, alias.name, None)
                flags |= getattr(feature, "compiler_flag", 0)
    return flags


def _covers(node: ScopeNode, code: CodeType) -> bool:
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


def _compiles_to(node: ScopeNode, code: CodeType) -> bool:
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


def _extent(node: ScopeNode) -> tuple[int, int]:
    lines = (node.end_lineno or 0) - node.lineno
    return lines, (node.end_col_offset or 0) - node.col_offset
