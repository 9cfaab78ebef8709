"""Finding the user's modules without importing anything."""

from __future__ import annotations

import sys
from typing import NamedTuple

from gridtask.identity.closure.boundary import Boundary


class Found(NamedTuple):
    """Where a module lies: its file, and the folders of a package."""

    filename: str | None
    folders: tuple[str, ...] | None


def find_module(boundary: Boundary, name: str) -> Found | None:
    """Return where a module of the user's lies; None if there is no such.

    Parameters
    ----------
    boundary : Boundary
        Which code is the user's.
    name : str
        The full name. Packages around it are found, not imported.
    """
    module = sys.modules.get(name)
    if module is not None:
        if not boundary.owns_module(module):
            return None
        path = vars(module).get("__path__")
        folders = None if path is None else tuple(str(part) for part in path)
        return Found(vars(module).get("__file__"), folders)
    if name.partition(".")[0] in sys.stdlib_module_names:
        return None
    folders = None
    parent = name.rpartition(".")[0]
    if parent:
        around = find_module(boundary, parent)
        if around is None or around.folders is None:
            return None
        folders = around.folders
    return _ask_finders(boundary, name, folders)


def _ask_finders(
    boundary: Boundary, name: str, folders: tuple[str, ...] | None
) -> Found | None:
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, folders)
        except (ImportError, ValueError, AttributeError):
            continue
        if spec is None:
            continue
        where = spec.submodule_search_locations
        inner = None if where is None else tuple(where)
        filename = spec.origin if spec.has_location else None
        known = filename or (inner[0] if inner else "")
        return Found(filename, inner) if known and boundary.owns_file(known) else None
    return None
