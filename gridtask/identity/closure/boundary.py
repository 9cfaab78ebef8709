"""Which code is the user's own, and which belongs to a third party.

User code is what lies outside the standard library, ``site-packages`` and
``dist-packages``, after symbolic links are resolved: a project that holds its
own ``.venv`` is split rightly, and an editable installation counts as the
user's. gridtask itself never is user code.
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Iterable
from functools import lru_cache
from types import ModuleType

from gridtask.errors import PACKAGE

_PACKAGES = {"site-packages", "dist-packages"}
_GENERATED = "<"


@lru_cache(maxsize=1)
def _standard_folders() -> tuple[str, ...]:
    # As of `sysconfig`, which takes 1 ms to import.
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    platform = os.path.join(sys.base_exec_prefix, sys.platlibdir, version)
    folders = {os.path.dirname(os.__file__), platform, PACKAGE}
    return tuple(os.path.realpath(folder) + os.sep for folder in sorted(folders))


@lru_cache(maxsize=4096)
def _is_installed(filename: str) -> bool:
    real = os.path.realpath(filename)
    if not _PACKAGES.isdisjoint(real.split(os.sep)):
        return True
    return real.startswith(_standard_folders())


class Boundary:
    """Tell user code from third parties' code.

    Parameters
    ----------
    third_party : iterable of str
        Further folders or files whose code is not the user's, relative to
        the working directory or absolute.
    """

    def __init__(self, third_party: Iterable[str] = ()) -> None:
        self.third_party = tuple(os.path.realpath(path) for path in third_party)
        self._files: dict[str, bool] = {}

    def owns_file(self, filename: str) -> bool:
        """Return whether the code in `filename` is the user's."""
        known = self._files.get(filename)
        if known is None:
            known = self._files[filename] = self._decide(filename)
        return known

    def _decide(self, filename: str) -> bool:
        if not filename:
            return False
        if filename.startswith("<frozen "):
            return False
        if filename.startswith(_GENERATED):
            return True
        if _is_installed(filename):
            return False
        if not self.third_party:
            return True
        real = os.path.realpath(filename)
        return not any(
            real == root or real.startswith(root + os.sep) for root in self.third_party
        )

    def owns_module(self, module: ModuleType) -> bool:
        """Return whether `module` is the user's."""
        return self.owns_namespace(vars(module))

    def owns_namespace(self, namespace: dict[str, object]) -> bool:
        """Return whether the module with these globals is the user's."""
        filename = namespace.get("__file__")
        if isinstance(filename, str):
            return self.owns_file(filename)
        if namespace.get("__name__") == "__main__":
            return True
        path = namespace.get("__path__")
        if path is not None:  # a namespace package: a folder without __init__.py
            folders = [str(folder) for folder in path]  # type: ignore[attr-defined]
            return bool(folders) and all(map(self.owns_file, folders))
        name = namespace.get("__name__")
        spec = namespace.get("__spec__")
        return spec is None and name not in sys.builtin_module_names

    def owns_class(self, cls: type) -> bool:
        """Return whether `cls` was written by the user."""
        name = cls.__module__
        if name == "types" and cls.__name__ not in vars(types):
            return True  # from dataclasses.make_dataclass or types.new_class
        module = sys.modules.get(name) if isinstance(name, str) else None
        if module is None:
            return name not in sys.builtin_module_names
        return self.owns_module(module)


def in_standard_library(filename: str) -> bool:
    """Return whether `filename` belongs to Python itself (or to gridtask)."""
    if filename.startswith("<frozen "):
        return True
    real = os.path.realpath(filename)
    installed = not _PACKAGES.isdisjoint(real.split(os.sep))
    return not installed and real.startswith(_standard_folders())
