"""Digests of the values that code uses, as they are in this process.

Arguments travel as pickles, so pickle says what their state is. What a global
or a closure holds need not travel: attributes count as they are, whatever
``__reduce__`` or ``__getstate__`` leave out, and a part that has no content,
such as a lock, does not keep the rest from being read.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from gridtask.errors import IdentityError
from gridtask.identity.arguments.digests import digest_text
from gridtask.identity.arguments.handlers import find_handler
from gridtask.identity.arguments.instances import (
    has_plain_layout,
    walk_instance,
    walk_reduced,
)
from gridtask.identity.arguments.walk import Handler, Walk
from gridtask.identity.closure.boundary import Boundary

LOCKS = (
    type(threading.Lock()),
    type(threading.RLock()),
    threading.Condition,
    threading.Event,
    threading.Semaphore,
    threading.Barrier,
)
_ROOTS = {"abc", "builtins", "typing"}


class LiveHasher:
    """Digests values that code uses.

    Parameters
    ----------
    code_digest : callable
        Returns the digest of a function or class found in a value.
    boundary : Boundary
        Which classes are the user's.

    Attributes
    ----------
    unread : list of str
        Why parts could not be read; they are digested as what type they are.
    """

    def __init__(
        self, code_digest: Callable[[object], bytes], boundary: Boundary
    ) -> None:
        self._code_digest = code_digest
        self._boundary = boundary
        self.unread: list[str] = []

    def digest(self, value: object, path: str) -> bytes:
        """Digest a value; `path` is how messages name it."""
        return Walk(self._code_digest, self._find).digest(value, path)

    def _find(self, kind: type) -> Handler:
        logging = sys.modules.get("logging")  # without it there are no loggers
        if issubclass(kind, LOCKS if logging is None else (*LOCKS, logging.Logger)):
            return _digest_kind
        handler = find_handler(kind)
        if handler not in (walk_reduced, walk_instance):
            return handler
        return walk_instance if self._is_plain(kind) else self._digest_other

    def _is_plain(self, kind: type) -> bool:
        """Whether all of an instance is in attributes that user code sets."""
        return has_plain_layout(kind) and all(
            self._boundary.owns_class(base) or base.__module__ in _ROOTS
            for base in kind.__mro__
        )

    def _digest_other(self, walk: Walk, value: object) -> bytes:
        """Digest another library's object; by its type if it has a part unread.

        What such an object does with its locks and threads is its own affair:
        no other part of it is read then.
        """
        try:
            digest = Walk(self._code_digest, find_handler).digest(value)
        except IdentityError as error:
            if "changed on disk" in str(error):
                raise
            self.unread.append(str(error))
            return _digest_kind(walk, value)
        return walk.remember(value, digest)


def _digest_kind(walk: Walk, value: Any) -> bytes:
    kind = type(value)
    return digest_text(b"unread", f"{kind.__module__}.{kind.__qualname__}")
