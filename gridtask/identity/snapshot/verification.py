"""Whether a worker holds what was identified, where files changed meanwhile.

The driver has compared each function with its file, but not what else a module does
when it is imported: a line added at its end may put something else in its place.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import reduce
from types import FunctionType
from typing import TYPE_CHECKING, Any

from gridtask.errors import IdentityError

if TYPE_CHECKING:
    from gridtask.identity.code import Code
    from gridtask.identity.snapshot.importer import ModuleSource


def edited_since_start(sources: Iterable[ModuleSource]) -> list[str]:
    """Return the files that may have changed after this process imported them."""
    started_at = _started_at()
    edited = []
    for source in sources:
        with suppress(OSError, ValueError):  # inside an archive, or none
            status = os.stat(source.filename or "")
            changed_at = max(status.st_mtime, status.st_ctime)
            if changed_at.is_integer():  # some file systems count whole seconds
                changed_at += 1.0
            if changed_at > started_at:
                edited.append(str(source.filename))
    return edited


def _started_at() -> float:
    """Return until when this process can have imported nothing of a script's.

    It is the end of the clock tick in which the process began: an interpreter takes
    longer than one, 10 ms, to get ready.

    Returns
    -------
    time : float
        POSIX time stamp in seconds.

    References
    ----------
    proc_pid_stat(5): field 22, clock ticks after the boot.
    """
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    began = (ticks + 1) / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + began


def brought_along(code: Code) -> list[tuple[str, str, bytes]]:
    """Return what of modules the arguments use: its module, name and digest."""
    found: dict[tuple[str, str], object] = {}
    for closure in code.closures[1:]:
        for subject in () if closure.is_lenient else closure.subjects():
            if isinstance(subject, FunctionType | type):
                place = subject.__module__, subject.__qualname__
                with suppress(Exception):
                    if place[0] != "__main__" and _find(*place) is subject:
                        found[place] = subject
    return [(*place, code.code_digest(thing)) for place, thing in found.items()]


def _find(module: str, qualname: str) -> object:
    owner = sys.modules.get(module) or importlib.import_module(module)
    return reduce(getattr, qualname.split("."), owner)


def verify(
    function: Callable[..., object],
    options: dict[str, Any] | None,
    content: dict[str, Any],
) -> None:
    """Identify the rebuilt function, and what arguments use, and compare.

    Parameters
    ----------
    function : callable
        What a worker has rebuilt.
    options : dict or None
        How it was identified; None if that could not travel.
    content : dict
        The snapshot's.

    Raises
    ------
    IdentityError
        If something is not what was identified.
    """
    differing = list(_differing(function, options, content)) if options else []
    if not differing:
        return
    remedy = "Please report this"
    if content["edited"]:
        files = ", ".join(map(repr, content["edited"]))
        remedy = (
            f"Changed on disk since the script began: {files}. Restart it, or reload "
            "the module (importlib.reload), and run again"
        )
    msg = (
        f"{content['label']!r} was rebuilt as something else than was identified; "
        f"different are: {', '.join(differing)}. {remedy}"
    )
    raise IdentityError(msg)


def _differing(
    function: Callable[..., object], options: dict[str, Any], content: dict[str, Any]
) -> Iterator[str]:
    """Yield the names of what differs."""
    from gridtask.identity.code import identify

    code = identify(function, **options)
    if code.digest != content["digest"]:
        expected = dict(content["manifest"])
        found = {row.name: row.digest for row in code.manifest}
        names = sorted(expected.keys() | found.keys())
        parts = [name for name in names if expected.get(name) != found.get(name)]
        yield from parts or ["only the links between them"]
    for module, name, digest in content["brought"]:
        try:
            is_same = code.code_digest(_find(module, name)) == digest
        except (AttributeError, ImportError):
            is_same = False
        if not is_same:
            yield f"{module}.{name}"
