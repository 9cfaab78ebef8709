"""Whether a file was edited since Python compiled it for the import.

A class keeps no code object of its statement that its text could be compared
with. The ``.pyc`` file says which state of the text was imported, as long as no
other process has imported a later one.
"""

from __future__ import annotations

import marshal
import os
import struct
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER
from types import CodeType, ModuleType

from gridtask.identity.source.sources import Source, code_objects

_HEADER = struct.Struct("<4sLLL")


def imported_codes(module: ModuleType, source: Source) -> list[CodeType] | None:
    """Return the code objects of an older text that a module was imported from.

    Parameters
    ----------
    module : module
        The loaded module.
    source : Source
        Its text as it is now.

    Returns
    -------
    list of CodeType or None
        None if the text is the one imported, or that cannot be told.
    """
    spec = getattr(module, "__spec__", None)
    cached = getattr(spec, "cached", None)
    if cached is None or type(getattr(spec, "loader", None)) is not SourceFileLoader:
        return None
    if sys.dont_write_bytecode or not os.access(os.path.dirname(cached), os.W_OK):
        return None  # Python would not have replaced an older file
    try:
        with open(cached, "rb") as file:
            magic, flags, modified, size = _HEADER.unpack(file.read(_HEADER.size))
            status = os.stat(source.filename)
            now = (int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
            if magic != MAGIC_NUMBER or flags or (modified, size) == now:
                return None
            whole = marshal.load(file)
    except (OSError, struct.error, EOFError, ValueError):
        return None
    return list(code_objects(whole))
