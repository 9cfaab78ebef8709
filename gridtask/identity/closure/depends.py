"""What the option ``depends`` adds to a task's identity."""

from __future__ import annotations

import functools
import os
import types

from xxhash import xxh3_128

from gridtask.errors import IdentityError
from gridtask.identity.closure.components import Node, text_node
from gridtask.identity.closure.walker import Closure

_CHUNK_BYTES = 1 << 20
_SHOWN_BYTES = 4096


def link_depend(closure: Closure, node: Node, item: object) -> None:
    """Link what one item of ``depends`` names.

    Parameters
    ----------
    closure : Closure
        The walk.
    node : Node
        The component that depends on it.
    item : object
        A function, class or module; a path or ``"file:params.yaml"``, whose
        content counts; ``"dist:numpy"``, whose installed version counts.

    Raises
    ------
    IdentityError
        If a file or distribution does not exist, or a text is neither.
    """
    if isinstance(item, os.PathLike):
        _link_file(node, os.fspath(item))
    elif isinstance(item, str):
        _link_text(node, item)
    elif isinstance(item, types.ModuleType) and not closure.boundary.owns_module(item):
        name = item.__name__.partition(".")[0]
        version = getattr(item, "__version__", None)
        shown = version if isinstance(version, str) else _version(name)
        _link_version(node, name, shown)
    else:
        name = getattr(item, "__qualname__", type(item).__qualname__)
        node.link(f"depends {name}", closure.visit(item, name))


def _link_text(node: Node, text: str) -> None:
    kind, colon, rest = text.partition(":")
    if colon and kind == "file":
        _link_file(node, rest)
    elif colon and kind == "dist":
        _link_version(node, rest, _version(rest))
    elif os.path.exists(text):
        _link_file(node, text)
    else:
        _link_version(node, text, _version(text))


def _link_version(node: Node, name: str, version: str) -> None:
    shown = f"dist:{name}"
    node.link(shown, text_node(shown, "distribution", version))


def _version(name: str) -> str:
    import importlib.metadata  # with email and socket: only for who asks

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError as error:
        msg = (
            f"depends={name!r}: neither a file here nor an installed distribution; "
            "give a function, a class, a module, 'file:PATH' or 'dist:NAME'"
        )
        raise IdentityError(msg) from error


def _link_file(node: Node, path: str) -> None:
    part = Node(f"file:{path}", "file", path)
    try:
        names = _files(path)
        for name in names:
            part.add(os.path.relpath(name, path), _digest_file(name))
        part.make_text = functools.partial(_show_files, names, part.own_digest())
    except OSError as error:
        msg = f"depends='file:{path}' cannot be read: {error}; give an existing file"
        raise IdentityError(msg) from error
    node.link(f"file {path}", part)


def _show_files(names: list[str], digest: bytes) -> str:
    """Return a small text file's text; of others the size, and a digest to compare."""
    try:
        n_bytes = sum(map(os.path.getsize, names))
        if len(names) == 1 and n_bytes <= _SHOWN_BYTES:
            with open(names[0], encoding="utf-8") as file:
                return file.read()
    except UnicodeError:
        pass
    except OSError:
        return f"could not be read again ({digest.hex()[:8]})"
    files = "" if len(names) == 1 else f"{len(names)} files, "
    return f"{files}{n_bytes:,} bytes ({digest.hex()[:8]})"


def _files(path: str) -> list[str]:
    if not os.path.isdir(path):
        return [path]
    return sorted(
        os.path.join(folder, name)
        for folder, _, names in os.walk(path)
        for name in names
    )


def _digest_file(path: str) -> bytes:
    hasher = xxh3_128()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            hasher.update(chunk)
    return hasher.digest()
