"""The walk over a value: containers and objects, cycles, paths for errors.

What a value of some type consists of is said by its *handler*, found by type
(see `handlers`). A handler is called with the walk and the value and either
returns the digest, or is a generator: it yields pairs of a step and a child, is
sent the child's digest, and returns its own. The walk keeps these generators on
a list, so nesting is limited by memory alone.

Sharing does not count: two equal lists are the same as one list twice. A value
that contains itself is digested with a back reference, which counts the steps
up to it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from gridtask.errors import IdentityError
from gridtask.identity.arguments.digests import DIGEST_BYTES, digest_leaf
from gridtask.identity.arguments.plain import CONTAINERS, SCALARS, PlainDigester

Step = int | str | tuple[object]
"""How a child is reached: an index, path text, or a dict key in a tuple."""
Walking = Generator[tuple[Step, object], bytes, bytes]
Handler = Callable[["Walk", object], "bytes | Walking"]

_MAX_REPEATS = 100_000
"""So often may parts of cycles be walked again before the walk gives up."""


class Refusal(Exception):  # becomes an IdentityError with the path
    """A value that cannot be digested; says why."""


class _Frame:
    """A value being walked."""

    __slots__ = ("lowest", "repeated", "step", "value", "walking")

    def __init__(self, value: object, walking: Walking, depth: int) -> None:
        self.value = value
        self.walking = walking
        self.lowest = depth
        self.step: Step = ""


class Walk:
    """Digests values, each part once. For one thread, and while nothing changes.

    Parameters
    ----------
    code_digest : callable
        Returns the digest of a function or class, 16 bytes.
    find_handler : callable
        Returns the handler of a type.
    """

    def __init__(
        self,
        code_digest: Callable[[object], bytes],
        find_handler: Callable[[type], Handler],
    ) -> None:
        self.plain = PlainDigester()
        self._code_digest = code_digest
        self._find_handler = find_handler
        self._handlers: dict[type, Handler] = {}
        self._direct: set[type] = set()
        self._done: dict[int, tuple[object, bytes]] = {}
        self._codes: dict[int, tuple[object, bytes]] = {}
        self._active: dict[int, int] = {}
        self._frames: list[_Frame] = []
        self._cyclic: set[int] = set()
        self._repeats = 0

    def digest(self, value: object, path: str = "") -> bytes:
        """Digest a value of any type.

        Raises
        ------
        IdentityError
            If a part cannot be digested; the message begins with its path,
            which begins with `path`.
        """
        try:
            return self._run(value)
        except Refusal as error:
            place = path + "".join(_write_step(frame.step) for frame in self._frames)
            msg = f"{place or 'value'}: {error}"
            raise IdentityError(msg) from error.__cause__
        finally:
            self._frames.clear()
            self._active.clear()
            self._cyclic.clear()
            self._repeats = 0

    def digest_code(self, thing: object) -> bytes:
        """Digest a function or class; its code counts."""
        known = self._codes.get(id(thing))
        if known is None:
            try:
                known = thing, self._code_digest(thing)
            except IdentityError as error:
                raise Refusal(str(error)) from error
            if len(known[1]) != DIGEST_BYTES:
                msg = f"a code digest has {DIGEST_BYTES} bytes, not {len(known[1])}"
                raise ValueError(msg)
            self._codes[id(thing)] = known
        return known[1]

    def remember(self, value: object, digest: bytes) -> bytes:
        """Keep the digest of an object for when it comes again."""
        self._done[id(value)] = value, digest
        return digest

    def digest_apart(self, value: object) -> bytes:
        """Digest a value that belongs to another but is not a part of it."""
        return Walk(self._code_digest, self._find_handler).digest(value)

    def digest_simple(self, value: object) -> bytes | None:
        """Digest a value that has no parts to walk; None if it may have some."""
        kind = type(value)
        if kind in SCALARS:
            return self.plain.digest_sorted(value)
        known = self._done.get(id(value))
        if known is not None:
            return known[1]
        if kind not in self._direct:
            return None
        try:
            outcome = self._handlers[kind](self, value)
        except Refusal:  # again when it is walked, with the path
            return None
        return outcome if type(outcome) is bytes else None

    def _run(self, value: object) -> bytes:
        frames = self._frames
        result = self._open(value)
        while frames:
            frame = frames[-1]
            try:
                frame.step, child = frame.walking.send(result)  # type: ignore[arg-type]
            except StopIteration as stop:
                result = self._close(frame, stop.value)
            else:
                result = self._open(child)
        assert result is not None
        return result

    def _open(self, value: object) -> bytes | None:
        """Digest a value, or begin to walk it and return None."""
        kind = type(value)
        if kind in SCALARS:
            return self.plain.digest_sorted(value)
        known = self._done.get(id(value))
        if known is not None:
            return known[1]
        depth = self._active.get(id(value))
        if depth is not None:
            return self._refer_back(depth)
        handler = self._handlers.get(kind) or self._learn(kind)
        outcome = handler(self, value)
        if isinstance(outcome, bytes):
            return outcome
        if id(value) in self._cyclic:
            self._count_repeat()
        self._active[id(value)] = len(self._frames)
        self._frames.append(_Frame(value, outcome, len(self._frames)))
        return None

    def _close(self, frame: _Frame, digest: bytes) -> bytes:
        """End a walk; keep the digest unless it depends on what is around it."""
        frames = self._frames
        frames.pop()
        depth = len(frames)
        del self._active[id(frame.value)]
        if frame.lowest < depth:
            frames[-1].lowest = min(frames[-1].lowest, frame.lowest)
            self._cyclic.add(id(frame.value))
            return digest
        return self.remember(frame.value, digest)

    def _refer_back(self, depth: int) -> bytes:
        frame = self._frames[-1]
        frame.lowest = min(frame.lowest, depth)
        return digest_leaf(b"ancestor", b"%d" % (len(self._frames) - depth))

    def _count_repeat(self) -> None:
        self._repeats += 1
        if self._repeats > _MAX_REPEATS:
            msg = (
                "its objects refer to each other in too many ways to be followed; "
                "give their class a method __gridtask_hash__() that returns a text "
                "or bytes that say its state"
            )
            raise Refusal(msg)

    def _learn(self, kind: type) -> Handler:
        from inspect import isgeneratorfunction  # plain values need no handlers

        handler = self._handlers[kind] = self._find_handler(kind)
        if not isgeneratorfunction(handler) and kind not in CONTAINERS:
            self._direct.add(kind)
        return handler


def _write_step(step: Step) -> str:
    """Write a step as Python would: ``[0]``, ``['key']``, ``.name``.

    Only keys of builtin types are shown: the repr of others is the user's code.
    """
    if isinstance(step, int):
        return f"[{step}]"
    if isinstance(step, str):
        return step
    key = step[0]
    return f"[{key!r}]" if type(key) in SCALARS else f"[<{type(key).__name__}>]"
