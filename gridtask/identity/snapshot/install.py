"""Running what was identified: a worker installs the snapshot.

The user's modules are imported from the snapshot, ``__main__`` is rebuilt by
value, and what was set at run time is set again. Top-level code of a script
never runs on a worker.
"""

from __future__ import annotations

import builtins
import importlib
import io
import os
import pickle
import sys
import types
from collections.abc import Callable
from typing import Any

from xxhash import xxh3_128_digest

from gridtask.errors import IdentityError
from gridtask.identity.closure.ambient import set_ambient
from gridtask.identity.closure.environment import take_environment
from gridtask.identity.snapshot.importer import MAGIC, ModuleSource, SnapshotFinder
from gridtask.identity.snapshot.patches import apply_patches, needs_main
from gridtask.identity.snapshot.verification import verify
from gridtask.identity.source.served import serve

_replaced: list[types.ModuleType] = []
"""Former ``__main__`` modules: their globals must outlive them."""


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, reference: Any) -> Any:
        module, name = reference
        return getattr(importlib.import_module(module), name)


def _load(data: bytes) -> Any:
    return _Unpickler(io.BytesIO(data)).load()


def install(snapshot: bytes) -> Callable[..., object]:
    """Rebuild the identified code in this process and return its function.

    Parameters
    ----------
    snapshot : bytes
        From `gridtask.identity.code.Code.snapshot`.

    Returns
    -------
    callable
        The plain function, without `grid_task`.

    Raises
    ------
    IdentityError
        If the snapshot is damaged or from another Python, or a component is
        not what was identified.
    """
    content = _open(snapshot)
    set_ambient(content["ambient"])
    take_environment(content["environment"])
    for filename, raw in content["texts"]:
        serve(filename, raw)
    finder = SnapshotFinder(ModuleSource(*row) for row in content["sources"])
    finder.install()
    main = _new_main(content["main"])
    for name in content["imports"]:
        _import(name, required=name in finder.sources)
    options = {} if content["options"] is None else _load(content["options"])
    kept = {name: options.get(name, ()) for name in ("ignore_code", "third_party")}
    early = [patch for patch in content["patches"] if not needs_main(patch)]
    late = [patch for patch in content["patches"] if needs_main(patch)]
    apply_patches(early, kept, _load)
    held, function, identified = _load(content["values"])
    vars(main).update(held)
    for filename, text in content["statements"]:
        exec(compile(text, filename, "exec", dont_inherit=True), vars(main))
    take_environment(content["environment"])  # statements may have set it otherwise
    vars(main)["__getattr__"] = _Extras(vars(main), content["extras"])
    apply_patches(late, kept, _load)
    for name, (module, attribute) in content["shared"] if late else ():
        vars(main)[name] = getattr(importlib.import_module(module), attribute)
    if content["edited"] or os.environ.get("GRIDTASK_DEBUG") == "1":
        verify(function, identified, content)
    return function  # type: ignore[no-any-return]


def _open(snapshot: bytes) -> dict[str, Any]:
    n_head = len(MAGIC) + 16
    data = snapshot[n_head:]
    is_intact = (
        snapshot[: len(MAGIC)] == MAGIC
        and xxh3_128_digest(data) == snapshot[len(MAGIC) : n_head]
    )
    if not is_intact:
        msg = (
            f"the code snapshot ({len(snapshot)} bytes) is damaged or not one of this "
            "version of gridtask; submit the calls again"
        )
        raise IdentityError(msg)
    content: dict[str, Any] = pickle.loads(data)
    if content["python"] != sys.implementation.cache_tag:
        msg = (
            f"the code snapshot was made by {content['python']}, this worker is "
            f"{sys.implementation.cache_tag}; use the same Python on driver and worker"
        )
        raise IdentityError(msg)
    return content


def _new_main(names: dict[str, object]) -> types.ModuleType:
    main = types.ModuleType("__main__")
    vars(main).update(names, __builtins__=builtins)
    _replaced.append(sys.modules["__main__"])
    sys.modules["__main__"] = main
    return main


def _import(name: str, *, required: bool) -> None:
    try:
        importlib.import_module(name)
    except ImportError:
        if required:
            raise


class _Extras:
    """Rebuild further names of ``__main__`` when something asks for them."""

    def __init__(self, namespace: dict[str, Any], pickled: dict[str, bytes]) -> None:
        self.namespace = namespace
        self.pickled = pickled

    def __call__(self, name: str) -> Any:
        data = self.pickled.pop(name, None)
        if data is None:
            msg = f"module '__main__' has no attribute {name!r}"
            raise AttributeError(msg)
        value, needed = _load(data)
        self.namespace[name] = value
        for other in needed:
            if other not in self.namespace and other in self.pickled:
                self(other)
        return value
