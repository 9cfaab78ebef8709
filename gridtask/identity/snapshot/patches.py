"""Values that travel for imported modules, set where the worker's differ.

A worker imports the user's modules anew. What somebody has set since their
import (``cfg.SCALE = 3``, a replaced function) would be missing: it travels
with its digest, and the worker sets it if its own is another. What finds them
on the driver is `gridtask.identity.snapshot.patch_finder`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from xxhash import xxh3_128_digest

from gridtask.errors import IdentityError
from gridtask.identity.snapshot.rebuild import resolve

Patch = tuple[str, str, str, object, bytes | None]
"""Kind, module, dotted name, what to compare, and the pickled value.

The kind "call" has a pickled list of arguments that the named function is called with.
"""

MISSING = object()


def shallow_digest(value: object) -> bytes:
    """Digest a value; functions and classes in it count by name."""
    from gridtask.identity.arguments.hasher import ArgumentHasher

    def token(thing: Any) -> bytes:
        name = getattr(thing, "__qualname__", type(thing).__qualname__)
        return xxh3_128_digest(name.encode("utf-8", "surrogatepass"))

    return ArgumentHasher(token).digest(value)


def needs_main(patch: Patch) -> bool:
    """Return whether a patch refers to what is rebuilt of ``__main__``."""
    return patch[4] is not None and b"__main__" in patch[4]


def apply_patches(
    patches: list[Patch], options: dict[str, Any], load: Callable[[bytes], object]
) -> None:
    """Set what differs from the driver's (on the worker).

    Parameters
    ----------
    patches : list of Patch
        From `PatchFinder`.
    options : dict
        How the driver identified: ``ignore_code`` and ``third_party``.
    load : callable
        Unpickles a value.

    Raises
    ------
    IdentityError
        If a value is another than was identified and did not travel, or is
        another even after it was set.
    """
    for kind, module, dotted, expected, pickled in patches:
        *path, name = dotted.split(".")
        owner: Any = importlib.import_module(module)
        for part in path:
            owner = getattr(owner, part)
        if kind == "call":
            for arguments in load(pickled):  # type: ignore[arg-type, attr-defined]
                getattr(owner, name)(*arguments)
        elif kind == "reference":
            setattr(owner, name, resolve(*expected))  # type: ignore[misc]
        elif kind == "set":
            if pickled is None:
                raise _differs(module, dotted)
            setattr(owner, name, load(pickled))
        elif not _is_right(owner, name, kind, expected, options):
            if pickled is not None:
                setattr(owner, name, load(pickled))
            if pickled is None or not _is_right(owner, name, kind, expected, options):
                raise _differs(module, dotted)


def _is_right(
    owner: Any, name: str, kind: str, expected: object, options: dict[str, Any]
) -> bool:
    current = vars(owner).get(name, MISSING)
    if current is MISSING:
        return False
    if kind == "value":
        return shallow_digest(current) == expected
    return _code_digest(current, options) == expected


def _code_digest(value: object, options: dict[str, Any]) -> bytes:
    from gridtask.identity.code import identify

    return identify(len, **options).code_digest(value)


def _differs(module: str, name: str) -> IdentityError:
    return IdentityError(
        f"{module}.{name} is not what was identified when the call was submitted: "
        "importing its module gives another value here, and the value itself "
        "cannot be sent; make it depend on nothing but the code"
    )
