"""Which handler digests which type.

Libraries are never imported for it: a value of theirs can only exist where
they are loaded, and only then is the module of their handlers imported.
"""

from __future__ import annotations

import importlib
from typing import Final

from gridtask.identity.arguments.instances import find_member, find_object
from gridtask.identity.arguments.standard import find_standard
from gridtask.identity.arguments.walk import Handler

_LIBRARIES: Final = {
    "numpy": "arrays",
    "pandas": "frames",
    "polars": "tables",
    "pyarrow": "tables",
    "scipy": "tensors",
    "torch": "tensors",
    "jax": "tensors",
    "jaxlib": "tensors",
}


def find_handler(kind: type) -> Handler:
    """Find the handler of a type; every type has one."""
    handler = find_standard(kind)
    if handler is None and find_member(kind, "__gridtask_hash__") is None:
        handler = _find_library(kind)
    return handler or find_object(kind)


def _find_library(kind: type) -> Handler | None:
    """Find the handler of a type that is, or is derived from, a library's."""
    for base in kind.__mro__:
        module = _LIBRARIES.get(base.__module__.partition(".")[0])
        if module is not None:
            handlers = importlib.import_module(f"gridtask.identity.arguments.{module}")
            handler: Handler | None = handlers.find_type(kind)
            if handler is not None:
                return handler
    return None
