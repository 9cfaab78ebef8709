"""Where names are looked up, and where following them ended."""

from __future__ import annotations

import ast
import importlib
from types import CellType, ModuleType
from typing import Any, NamedTuple

from gridtask.identity.closure.components import Node
from gridtask.identity.source.sources import Imported, Source

Namespace = dict[str, object]
Target = Node | str
Setting = tuple[Source, ast.stmt, Namespace]
"""A statement that sets up a third party, and the globals around it."""
MODULE_NAMES = frozenset(
    ("__name__", "__file__", "__spec__", "__path__", "__package__", "__loader__")
) | {"__cached__", "__builtins__", "__annotations__"}
"""Of every module: where it lies and how it was loaded is no part of what it does."""


class Environment:
    """Where the names of a piece of code are looked up."""

    __slots__ = ("cells", "function", "namespace")

    def __init__(
        self,
        namespace: Namespace,
        cells: dict[str, CellType] | None = None,
        function: Any = None,
    ) -> None:
        self.namespace = namespace
        self.cells = cells or {}
        self.function = function


class Found(NamedTuple):
    """Where following a chain ended.

    Attributes
    ----------
    value : object
        The object there.
    attributes : tuple of str
        What of the chain is left after it.
    namespace, name : dict and str, or None
        The global name that holds it.
    target : Node or str or None
        The answer, where it is not the value.
    """

    value: object
    attributes: tuple[str, ...]
    namespace: Namespace | None = None
    name: str = ""
    target: Target | None = None


def qualify(namespace: Namespace, name: str) -> str:
    """Return the name of a global for people: without ``__main__``."""
    module = namespace.get("__name__")
    return name if module in ("__main__", None) else f"{module}.{name}"


def absolute_name(target: Imported, namespace: Namespace) -> str:
    """Return the full name of the module that an import statement names."""
    if target.level <= 0:
        return target.module
    package = namespace.get("__package__")
    if not isinstance(package, str):
        package = str(namespace.get("__name__", "")).rpartition(".")[0]
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - target.level + 1])
    return f"{base}.{target.module}" if target.module else base


def load_submodule(module: ModuleType, name: str) -> None:
    """Load what ``from package import name`` would, if it is a submodule."""
    if name in vars(module) or not hasattr(module, "__path__"):
        return
    try:
        importlib.import_module(f"{module.__name__}.{name}")
    except ImportError:
        return
