"""The user's code behind a task: its digest, its manifest and its snapshot."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from xxhash import xxh3_128_digest

from gridtask.identity.closure.boundary import Boundary
from gridtask.identity.closure.callables import is_task
from gridtask.identity.closure.components import (
    Component,
    Node,
    digest_graph,
    text_node,
    write_manifest,
)
from gridtask.identity.closure.state import State
from gridtask.identity.closure.walker import Closure
from gridtask.identity.collection import without_collection
from gridtask.lazy import lazy

_MAX_WALKS = 6
"""Walks until no more state is found; more are needed only by wild code."""

_nested: list[int] = []


class Code:
    """The code of one task as it is now.

    Attributes
    ----------
    digest : bytes
        16 bytes; equal for equal code, wherever it lies and however it is
        formatted.
    label : str
        The function's qualified name.
    function : callable
        The plain function.
    warnings : tuple of str
        What could not be followed, one sentence each.
    """

    def __init__(
        self,
        function: Callable[..., object],
        *,
        depends: Iterable[object] = (),
        ignore_code: Iterable[object] = (),
        version: str | None = None,
        third_party: Iterable[str | os.PathLike[str]] = (),
    ) -> None:
        self.function = function
        self.label = label_of(function)
        self.options: dict[str, Any] = {
            "depends": tuple(depends),
            "ignore_code": tuple(ignore_code),
            "version": version,
            "third_party": tuple(os.path.abspath(path) for path in third_party),
        }
        self._boundary = Boundary(self.options["third_party"])
        self._arguments: dict[int, tuple[object, bytes]] = {}
        self.closures: list[Closure] = []
        with without_collection():
            self._root = self._walk(self._link_root)
            self.digest = digest_graph(self._root)

    def _link_root(self, closure: Closure, root: Node) -> None:
        version = self.options["version"]
        if version is None:
            root.link("function", closure.visit(self.function, self.label))
        else:
            root.add("version of", self.label)
            root.link("version", text_node("version", "version", repr(version)))
        for item in self.options["depends"]:
            from gridtask.identity.closure.depends import link_depend

            link_depend(closure, root, item)

    def _walk(
        self, link: Callable[[Closure, Node], None], *, is_lenient: bool = False
    ) -> Node:
        """Walk until what is state is known, then return the root."""
        state = State()
        hints = sources = False
        ignored = () if is_lenient else self.options["ignore_code"]
        for _ in range(_MAX_WALKS):
            closure = Closure(self._boundary, state, ignored, is_lenient=is_lenient)
            closure.hints, closure.sources = hints, sources
            closure.root = self.function
            root = Node("", "root", None)
            link(closure, root)
            closure.run(root)
            wants_hints = closure.hints_wanted or "reflection" in closure.flags
            wants_sources = "source" in closure.flags
            is_all = wants_hints <= hints and wants_sources <= sources
            if closure.found_state.is_within(state) and is_all:
                break
            state = state.union(closure.found_state)
            hints, sources = hints or wants_hints, sources or wants_sources
        self.closures.append(closure)
        return root

    @lazy
    def manifest(self) -> tuple[Component, ...]:
        """The components behind the digest, sorted by name."""
        return write_manifest(self._root)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be followed, and what is large: a sentence each."""
        found: dict[str, str] = {}
        for closure in self.closures:
            found.update(closure.warnings)
        return tuple(found.values())

    def code_digest(self, thing: object) -> bytes:
        """Return the digest of a function, class or module inside an argument.

        The snapshot will hold its code too.
        """
        known = self._arguments.get(id(thing))
        if known is None:

            def link(closure: Closure, root: Node) -> None:
                root.link("", closure.visit(thing))

            digest = digest_graph(self._walk(link))
            known = self._arguments[id(thing)] = (thing, digest)
        return known[1]

    def _find_uncounted(self) -> None:
        """Walk what does not count, but must be there on a worker."""
        from gridtask.identity.snapshot.settings import find_settings, named_in

        pending: list[object] = [*self.options["ignore_code"]]
        if self.options["version"] is not None:
            pending.append(self.function)
        for closure in self.closures:
            pending += closure.uncounted
        pending += named_in(find_settings(self.closures[0]))

        def link(closure: Closure, root: Node) -> None:
            for thing in pending:
                closure.visit(thing, label_of(thing))

        if pending:
            self._walk(link, is_lenient=True)

    def snapshot(self) -> bytes:
        """Return the code that was identified, for `install` on a worker.

        Raises
        ------
        IdentityError
            If a file changed on disk after it was imported.
        """
        from gridtask.identity.snapshot.freeze import freeze

        self._find_uncounted()
        return freeze(self)


def identify(
    function: Callable[..., object],
    *,
    depends: Iterable[object] = (),
    ignore_code: Iterable[object] = (),
    version: str | None = None,
    third_party: Iterable[str | os.PathLike[str]] = (),
) -> Code:
    """Identify the user's code behind a function.

    Parameters
    ----------
    function : callable
        The plain function: a function, method, partial, builtin, or an
        instance with ``__call__``.
    depends : iterable
        Further functions, classes, modules, files (``"file:PATH"``) and
        distributions (``"dist:NAME"``) that count.
    ignore_code : iterable
        Functions and modules whose code does not count.
    version : str, optional
        Counts in place of the code.
    third_party : iterable of path
        Further folders whose code counts by name only.

    Returns
    -------
    Code
        Digest, manifest and snapshot.

    Raises
    ------
    IdentityError
        If a value that the code uses can be identified neither by its content
        nor by its definition, or a file changed on disk after its import.

    Notes
    -----
    Nothing that a task would not do is done: values are not compared or
    printed, properties not read. Modules imported inside functions are
    imported, if they are the user's.
    """
    return Code(
        function,
        depends=depends,
        ignore_code=ignore_code,
        version=version,
        third_party=third_party,
    )


def label_of(function: object) -> str:
    """Return the name by which people know a callable."""
    if is_task(function):
        function = function.func  # type: ignore[attr-defined]
    name = getattr(function, "__qualname__", None)
    if name is None:
        inner = getattr(function, "func", None)
        name = label_of(inner) if inner is not None else type(function).__qualname__
    return str(name)


def nested_digest(closure: Closure, task: Any) -> bytes:
    """Return the digest of another task that has ``ignore_code`` of its own."""
    if id(task) in _nested:  # tasks that call each other
        return xxh3_128_digest(label_of(task.func).encode())
    options = {k: v for k, v in task.code_options.items() if v is not None}
    _nested.append(id(task))
    try:
        return Code(
            task.func, third_party=closure.boundary.third_party, **options
        ).digest
    finally:
        _nested.remove(id(task))
