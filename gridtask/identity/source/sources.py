"""Source texts and their syntax trees, and where in them an object was defined.

A source is read once for each (path, modification time, size). Inside a worker
the texts of the snapshot are served instead of what lies on disk.
"""

from __future__ import annotations
import __future__

import ast
import re
import symtable
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import NamedTuple, TypeGuard

from gridtask.errors import IdentityError
from gridtask.identity.source.inlining import IS_INLINING, write_out
from gridtask.identity.source.outline import Outline
from gridtask.identity.source.syntax import (
    COMPREHENSIONS,
    DEFINITIONS,
    ScopeNode,
    blocks,
    first_line,
)
from gridtask.lazy import lazy

_IMPORTS = (ast.Import, ast.ImportFrom)
_IMPORT = re.compile(r"import\b")  # a pattern that begins with text is quick
_DEFINES = ("def ", "class ", "async ", "@")
UNPARSED = (SyntaxError, ValueError, RecursionError)
"""What `ast.parse` raises."""
_Codes = dict[tuple[str, int], list[CodeType]]
"""Code objects by qualified name and first line."""


class Place(NamedTuple):
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


class Imported(NamedTuple):
    """What an import statement binds: a module, or a module's attribute.

    `also` is a submodule that the statement loads besides (``import a.b``
    binds ``a``). A `level` of -1 marks a call of ``import_module``.
    """

    module: str
    attribute: str | None
    level: int
    also: str = ""


class Source:
    """One source text, of which as little is parsed as is asked for.

    Attributes
    ----------
    filename : str
        As code objects name it.
    text : str
        The text, with ``\\n`` line ends.
    raw : bytes
        The file's bytes.
    """

    def __init__(self, filename: str, text: str, raw: bytes) -> None:
        self.filename = filename
        self.text = text
        self.raw = raw
        self.memo: dict[object, object] = {}
        self._outline = Outline(text)
        self._tree: ast.Module | None = None
        self._pieces: dict[int, list[ast.stmt] | None] = {}
        self._functions: dict[ast.stmt, dict[tuple[int, str], list[Place]]] = {}
        self._classes: dict[ast.stmt, dict[str, list[Place]]] = {}
        self._tables: dict[ast.stmt, symtable.SymbolTable] = {}
        self._codes: dict[ast.stmt | None, _Codes] = {}

    @lazy
    def lines(self) -> list[str]:
        """The text's lines."""
        return self.text.split("\n")

    @lazy
    def flags(self) -> int:
        """What ``from __future__`` imports tell the compiler."""
        return _future_flags(self._import_statements())

    @property
    def tree(self) -> ast.Module:
        """The syntax tree of the whole text.

        Raises
        ------
        IdentityError
            If the file cannot be parsed: it is not what was imported.
        """
        if self._tree is None:
            try:
                self._tree = ast.parse(self.text, self.filename)
            except UNPARSED as error:
                msg = (
                    f"{self.filename!r} changed on disk after it was imported: "
                    f"it cannot be parsed ({error}). Mend it, and run again"
                )
                raise IdentityError(msg) from error
        return self._tree

    def parse_piece(self, number: int) -> list[ast.stmt] | None:
        """Return the statements of a piece of the text; None if it is not whole."""
        if number not in self._pieces:
            before = "\n" * (self._outline.first_line(number) - 1)
            try:
                tree = ast.parse(before + self._outline.piece(number), self.filename)
            except UNPARSED:
                self._pieces[number] = None
            else:
                self._pieces[number] = tree.body
        return self._pieces[number]

    def _units(self, numbers: Iterable[int]) -> list[ast.stmt]:
        """Return the statements of some pieces, or of the text if one is not whole."""
        parts = [None] if self._tree else [self.parse_piece(n) for n in numbers]
        whole = [part for part in parts if part is not None]
        if len(whole) < len(parts):
            return self.tree.body
        return [unit for part in whole for unit in part]

    # -- finding definitions ------------------------------------------------
    def _index(self, unit: ast.stmt) -> dict[tuple[int, str], list[Place]]:
        """Return the functions in a top-level statement by first line and name."""
        known = self._functions.get(unit)
        if known is not None:
            return known
        found: dict[tuple[int, str], list[Place]] = {}
        classes: dict[str, list[Place]] = {}
        stack: list[tuple[ast.stmt, tuple[ScopeNode, ...], str]] = [(unit, (), "")]
        while stack:
            node, enclosing, prefix = stack.pop()
            if isinstance(node, DEFINITIONS):
                place = Place(self, node, enclosing, unit)
                qualname = prefix + node.name
                if isinstance(node, ast.ClassDef):
                    classes.setdefault(qualname, []).append(place)
                    prefix = qualname + "."
                else:
                    line = (first_line(node), node.name)
                    found.setdefault(line, []).append(place)
                    prefix = qualname + ".<locals>."
                enclosing = (*enclosing, node)
            for block in blocks(node):
                stack.extend((child, enclosing, prefix) for child in block)
        self._functions[unit], self._classes[unit] = found, classes
        return found

    def _units_at(self, line: int) -> list[ast.stmt]:
        """Return the top-level statements that a line belongs to."""
        number = self._outline.at_line(line)
        units = self._units([] if number is None else [number])
        return [
            unit for unit in units if first_line(unit) <= line <= (unit.end_lineno or 0)
        ]

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
        from gridtask.identity.source.lambdas import compiles_to, covers, extent

        found = [
            place
            for unit in self._units_at(code.co_firstlineno)
            for place in self._lambdas(unit)
            if place.node.lineno == code.co_firstlineno
        ]
        if len(found) > 1:
            found = [place for place in found if covers(place.node, code)]
        if len(found) > 1:  # nested ones, or without columns (Python 3.12)
            found = [p for p in found if compiles_to(p.node, code)] or found
            found.sort(key=lambda place: extent(place.node))
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
        top = re.escape(cls.__qualname__.partition(".")[0])
        pattern = re.compile(rf"(?:class|def)\s+{top}\b")
        units = self._units(self._outline.with_match(pattern))
        places: list[Place] = []
        for unit in units:
            self._index(unit)
            places += self._classes[unit].get(cls.__qualname__, ())
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
        known = self._tables.get(unit)
        if known is None:
            try:
                known = self._make_table(self.segment(unit), unit)
            except SyntaxError:  # shares a line with another statement
                known = self._make_table(self.text, self.tree)
            self._tables[unit] = known
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

    def _compiled(self, unit: ast.stmt) -> _Codes:
        known = self._codes.get(unit)
        if known is None:
            body = [*self._import_statements(), unit]
            known = self._codes[unit] = self._compile(ast.Module(body, []))
        return known

    def _compiled_alone(self, unit: ast.stmt) -> _Codes:
        return self._compile(ast.Module([unit], []))

    def compile_all(self) -> _Codes:
        """Return all code objects of the text by qualified name and line."""
        known = self._codes.get(None)
        if known is None:
            known = self._codes[None] = self._compile(self.text)
        return known

    def _compile(self, text: str | ast.Module) -> _Codes:
        found: _Codes = {}
        whole = compile(text, self.filename, "exec", self.flags, dont_inherit=True)
        for code in code_objects(whole):
            key = (code.co_qualname, code.co_firstlineno)
            found.setdefault(key, []).append(code)
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
            # Imports inside functions and classes are not the module's own.
            numbers = [
                number
                for number in self._outline.with_match(_IMPORT)
                if not self._outline.piece(number).startswith(_DEFINES)
            ]
            found = [s for s in _statements(self._units(numbers)) if _imports(s)]
            known = self.memo["import statements"] = found
        return known  # type: ignore[return-value]


def _statements(units: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run on import, outermost first."""
    stack = list(reversed(units))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, DEFINITIONS):
            inner = [child for block in blocks(node) for child in block]
            stack.extend(reversed(inner))


def _imports(node: ast.stmt) -> TypeGuard[ast.Import | ast.ImportFrom]:
    return isinstance(node, _IMPORTS)


def code_objects(whole: CodeType) -> Iterator[CodeType]:
    """Yield a code object and all inside of it."""
    stack = [whole]
    while stack:
        code = stack.pop()
        yield code
        stack.extend(c for c in code.co_consts if isinstance(c, CodeType))


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


def _future_flags(statements: Iterable[ast.stmt]) -> int:
    flags = 0
    for node in statements:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                feature = getattr(__future__, alias.name, None)
                flags |= getattr(feature, "compiler_flag", 0)
    return flags
