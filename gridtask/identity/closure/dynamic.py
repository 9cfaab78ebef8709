"""Modules that code imports by names that it makes at run time.

``import_module(NAME)`` or ``f"plugins.{kind}"``: the texts in the task's code and
in the values that it uses say which modules may be meant. One that is named
whole is imported and counts whole, as one that an import statement names. Those
of which a text is the beginning count by their sources, unread by Python: not
all of them would be imported.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from gridtask.identity.closure.callables import locate
from gridtask.identity.closure.components import Node
from gridtask.identity.closure.lookup import Environment, Namespace, absolute_name
from gridtask.identity.closure.specs import find_module
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.mutators import REFLECTIVE, SOURCES
from gridtask.identity.source.sources import Source, imported_names
from gridtask.identity.source.syntax import canonical, is_main_guard
from gridtask.identity.source.texts import read_source
from gridtask.identity.source.uses import Chain

IMPORTERS = frozenset(
    [
        "builtins.__import__",
        "importlib.__import__",
        "importlib.import_module",
        "importlib.machinery.SourceFileLoader",
        "importlib.util.spec_from_file_location",
        "pkgutil.resolve_name",
        "pydoc.locate",
        "runpy.run_module",
        "runpy.run_path",
    ]
)
"""What imports or runs modules that it is told in texts."""
_RUNNERS = frozenset({"builtins.eval", "builtins.exec"})
_LISTERS = frozenset({"__path__", "iter_modules", "walk_packages"})
_DOTTED = re.compile(r"\.*[^\W\d]\w*(?:\.[^\W\d]\w*)*\.?|\.+")
_MAX_LENGTH = 10_000
_MAX_ITEMS = 1_000


def note_outside(closure: Closure, node: Node, name: str, is_known: bool) -> None:
    """Note that code uses a third party's function, by its name.

    Parameters
    ----------
    closure : Closure
        The walk.
    node : Node
        The code's component.
    name : str
        The function's dotted name.
    is_known : bool
        All that it imports is named by constants, and linked.
    """
    last = name.rpartition(".")[2]
    if last in REFLECTIVE or name.startswith("pydoc."):
        closure.flags.add("reflection")
    if last in SOURCES:
        closure.flags.add("source")
    if name in IMPORTERS and not is_known:
        closure.importing.setdefault(id(node), (node, True))
    elif name in _RUNNERS:
        closure.importing.setdefault(id(node), (node, False))


def link_globals(
    closure: Closure, node: Node, chain: Chain, environment: Environment
) -> None:
    """Link ``function.__globals__`` to the whole of the function's module."""
    function = closure.follow_chain(chain, environment).value
    if isinstance(function, FunctionType) and closure.boundary.owns_file(
        function.__code__.co_filename
    ):
        node.link("globals", closure.whole_module(function.__globals__))


def link_imported(closure: Closure) -> None:
    """Link the code that imports by name to the modules that may be meant."""
    texts = set(texts_of(closure))
    for node, is_certain in closure.importing.values():
        namespace = getattr(node.subject, "__globals__", {})
        found = {key for text in texts for key in _named_by(text, namespace)}
        if not _LISTERS.isdisjoint(closure.attributes):
            found |= set(_packages(closure))
        targets = dict(_locate(closure, found, namespace))
        if is_certain and not targets:
            closure.warnings[node.name] = (
                f"{node.name} imports a module whose name is not in the code: all "
                "modules in its folder count; name those it needs with depends=[...]"
            )
            targets = dict(_neighbours(closure, namespace))
        for name, target in targets.items():
            link = (f"imports {name}", target)
            if link not in node.links:
                node.links.append(link)


# -- the texts that may name modules -----------------------------------------------
def texts_of(closure: Closure) -> Iterator[str]:
    """Yield the texts in the code and the plain values of the closure."""
    for subject in list(closure.subjects()):
        if isinstance(subject, FunctionType):
            place = locate(subject)
            tree: Iterable[ast.AST] = ast.walk(place.node) if place is not None else ()
            for part in tree:
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value
            yield from _texts_in([*(subject.__defaults__ or ())])
        else:
            yield from _texts_in(subject)
    for (_, name), namespace in list(closure.bindings.items()):
        yield from _texts_in(namespace.get(name))


def _texts_in(value: object) -> Iterator[str]:
    stack, n_left = [value], _MAX_ITEMS
    while stack and n_left:
        item, n_left = stack.pop(), n_left - 1
        if type(item) is str:
            yield item
        elif type(item) in (list, tuple, set, frozenset):
            stack.extend([*item][:n_left])  # type: ignore[misc]
        elif type(item) is dict:
            stack.extend([*item, *item.values()][:n_left])


def _named_by(text: str, namespace: Namespace) -> Iterator[tuple[str, str]]:
    """Yield what a text may name: whole modules, beginnings of names, files."""
    if len(text) > _MAX_LENGTH:
        return
    if text.endswith(".py"):
        yield "file", text
    whole = text.partition(":")[0]
    is_name = _DOTTED.fullmatch(whole) is not None
    for word in _DOTTED.findall(text) if "import" in text else [whole] * is_name:
        level = len(word) - len(word.lstrip("."))
        name = word[level:]
        if level:
            package = str(namespace.get("__package__") or "")
            base = ".".join(package.split(".")[: len(package.split(".")) - level + 1])
            name = f"{base}.{name}" if base else name
        yield ("beginning" if name.endswith(".") or not name else "module"), name
        if "." in name.rstrip("."):
            yield "beginning", name


def _packages(closure: Closure) -> Iterator[tuple[str, str]]:
    for name in closure.modules:
        module = sys.modules.get(name)
        if module is not None and hasattr(module, "__path__"):
            yield "beginning", f"{name}."


# -- the modules --------------------------------------------------------------------
def _locate(
    closure: Closure, found: set[tuple[str, str]], namespace: Namespace
) -> Iterator[tuple[str, Any]]:
    """Yield the components of the user's modules that names lead to."""
    for kind, name in sorted(found):
        if kind == "module":
            yield from _whole(closure, name)
        elif kind == "beginning":
            package, _, start = name.rpartition(".")
            for inner in _submodules(closure, package, start):
                yield inner, _by_text(closure, inner)
        else:
            folder = os.path.dirname(str(namespace.get("__file__", "")))
            source = read_source(os.path.join(folder, name))
            if source is not None:
                yield name, _text_node(closure, name, source)


def _whole(closure: Closure, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the longest part of a dotted name that is a module of the user's."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        part = ".".join(parts[:n])
        if find_module(closure.boundary, part) is None:
            continue
        try:
            module: ModuleType = importlib.import_module(part)
        except Exception:  # the call will tell
            yield part, _by_text(closure, part)
        else:
            if vars(module).get("__name__") != "__main__":
                yield part, closure.whole_module(vars(module))
        return


def _submodules(closure: Closure, package: str, start: str) -> Iterator[str]:
    found = find_module(closure.boundary, package) if package else None
    for folder in (found.folders if found is not None else None) or ():
        for name in sorted(os.listdir(folder) if os.path.isdir(folder) else ()):
            stem, dot, extension = name.partition(".")
            is_package = not dot and os.path.isdir(os.path.join(folder, name))
            is_meant = stem.startswith(start) and stem.isidentifier()
            if (
                is_meant
                and not stem.startswith("__")
                and (extension == "py" or is_package)
            ):
                yield f"{package}.{stem}"


def _by_text(closure: Closure, name: str) -> Node | str:
    """Return the component of a module by its source, and what that imports."""
    found = find_module(closure.boundary, name)
    if found is None or found.filename is None:
        return f"missing {name}"
    source = read_source(found.filename)
    if source is None:
        return f"missing {name}"
    closure.modules[name] = None
    return _text_node(closure, name, source)


def _text_node(closure: Closure, name: str, source: Source) -> Node:
    key = (id(closure), f"text {source.filename}")
    known = closure.globals.get(key)
    if known is not None:
        return known
    node = closure.globals[key] = Node(name, "module text", None)
    body = [unit for unit in source.tree.body if not is_main_guard(unit)]
    node.add("text", canonical(body))
    node.make_text = lambda: source.text
    is_package = source.filename.endswith("__init__.py")
    package = name if is_package else name.rpartition(".")[0]
    for part in ast.walk(source.tree):
        if isinstance(part, ast.Import | ast.ImportFrom):
            for _, target in imported_names(part):
                full = absolute_name(target, {"__package__": package})
                for inner in (full, target.also, f"{full}.{target.attribute}"):
                    if inner and find_module(closure.boundary, inner) is not None:
                        node.link(f"imports {inner}", _by_text(closure, inner))
    return node


def _neighbours(closure: Closure, namespace: Namespace) -> Iterator[tuple[str, Any]]:
    """Yield the modules beside the one that imports what only arguments name."""
    own = str(namespace.get("__file__", ""))
    package = str(namespace.get("__package__") or "")
    folder = os.path.dirname(own)
    for name in sorted(os.listdir(folder) if os.path.isdir(folder) else ()):
        stem, _, extension = name.partition(".")
        main = getattr(sys.modules["__main__"], "__file__", "")
        path = os.path.join(folder, name)
        if extension == "py" and path not in (own, main) and stem.isidentifier():
            full = f"{package}.{stem}" if package else stem
            yield full, _by_text(closure, full)
