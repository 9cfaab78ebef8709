"""The importer of a worker: the user's modules come from the snapshot."""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
from collections.abc import Iterable, Sequence
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, NamedTuple

from gridtask.identity.source.served import serve

if TYPE_CHECKING:
    import ast

MAGIC = b"gridtask snapshot 1\n"
"""First bytes of every snapshot."""


class ModuleSource(NamedTuple):
    """A module of the user's, as it was identified.

    Attributes
    ----------
    name : str
        Full dotted name.
    filename : str or None
        Its own file; None for a package without ``__init__.py``.
    folders : tuple of str or None
        A package's search path; None for a plain module.
    raw : bytes
        The file's bytes.
    left_out : tuple of int
        First lines of top-level statements that do not run on a worker.
    """

    name: str
    filename: str | None
    folders: tuple[str, ...] | None
    raw: bytes
    left_out: tuple[int, ...] = ()


class SnapshotLoader(importlib.machinery.SourceFileLoader):
    """Load a module's text from the snapshot, its data files from disk."""

    def __init__(self, source: ModuleSource) -> None:
        assert source.filename is not None
        super().__init__(source.name, source.filename)
        self.source = source

    def get_data(self, path: str) -> bytes:
        """Return the text of the module itself, or a data file's bytes."""
        return self.source.raw if path == self.path else super().get_data(path)

    def get_code(self, fullname: str) -> CodeType:
        """Compile the snapshot's text; compiled files on disk are not read."""
        text: bytes | ast.Module = self.source.raw
        if self.source.left_out:
            text = _without(self.source, self.path)
        code: CodeType = compile(text, self.path, "exec", dont_inherit=True)
        return code


def _without(source: ModuleSource, path: str) -> ast.Module:
    """Return a module's tree without the statements that do not run here."""
    import ast

    from gridtask.identity.source.syntax import first_line

    tree = ast.parse(source.raw, path)
    left_out = set(source.left_out)
    tree.body = [unit for unit in tree.body if first_line(unit) not in left_out]
    return tree


class SnapshotFinder:
    """Find the modules of a snapshot; first in `sys.meta_path`.

    Parameters
    ----------
    sources : iterable of ModuleSource
        What the snapshot holds.
    """

    def __init__(self, sources: Iterable[ModuleSource]) -> None:
        self.sources = {source.name: source for source in sources}
        for source in self.sources.values():
            if source.filename is not None:
                serve(source.filename, source.raw)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module that the snapshot holds."""
        source = self.sources.get(fullname)
        if source is None:
            return None
        if source.filename is None:
            spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        else:
            loader = SnapshotLoader(source)
            spec = importlib.machinery.ModuleSpec(
                fullname,
                loader,
                origin=source.filename,
                is_package=source.folders is not None,
            )
            spec.has_location = True
        if source.folders is not None:
            spec.submodule_search_locations = list(source.folders)
        return spec

    def install(self) -> None:
        """Serve these modules from now on, in place of loaded ones."""
        sys.meta_path[:] = [
            finder for finder in sys.meta_path if not isinstance(finder, SnapshotFinder)
        ]
        sys.meta_path.insert(0, self)
        for name in self.sources:
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
