"""Reading source texts: from files, notebook cells, or a snapshot."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable

from gridtask.identity.source.served import SERVED
from gridtask.identity.source.sources import UNPARSED, Source

_parsed: dict[str, tuple[object, Source | None]] = {}
_raw: dict[str, tuple[object, bytes]] = {}


def read_source(filename: str) -> Source | None:
    """Return the parsed text of a file or notebook cell, None without one."""
    stamp, raw = _peek(filename)
    if stamp is None:
        return None
    known = _parsed.get(filename)
    if known is not None and known[0] == stamp:
        return known[1]
    source = _parse(filename, raw)
    _parsed[filename] = (stamp, source)
    return source


def _decode(raw: bytes) -> str:
    """Decode a source's bytes; the common case without a tokenizer."""
    head = raw[:400]
    if b"coding" in head or b"\r" in raw or raw.startswith(b"\xef\xbb\xbf"):
        from importlib.util import decode_source

        return decode_source(raw)
    return raw.decode()


def _peek(filename: str) -> tuple[object, bytes | None]:
    """Return what identifies the text's state, and the text if at hand."""
    served = SERVED.get(filename)
    if served is not None:
        return served, served
    stamp = _stamp(filename)
    if stamp is not None:
        return stamp, None
    archive = _find_archive(filename)
    stamp = _stamp(archive) if archive is not None else None
    return (stamp, None) if stamp is not None else _peek_cell(filename)


def _stamp(filename: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(filename)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _find_archive(filename: str) -> str | None:
    """Return the zip file that a module was imported from, if it was one."""
    folder = os.path.dirname(filename)
    while folder not in ("", os.path.dirname(folder)):
        if os.path.isfile(folder):
            return folder
        folder = os.path.dirname(folder)
    return None


def _read(filename: str) -> bytes:
    archive = _find_archive(filename)
    if archive is None:
        with open(filename, "rb") as file:
            return file.read()
    import zipimport

    data: bytes = zipimport.zipimporter(archive).get_data(filename)
    return data


def _peek_cell(filename: str) -> tuple[object, bytes | None]:
    import linecache  # with tokenize and re: for notebooks only

    entry = linecache.cache.get(filename)
    if entry is None or len(entry) != 4 or entry[1] is not None:
        return None, None  # no text, or that of a file that is gone
    text = "".join(entry[2])
    return text, text.encode("utf-8", "surrogatepass")


def _parse(filename: str, raw: bytes | None) -> Source | None:
    try:
        if raw is None:
            raw = _read(filename)
        text = _decode(raw)
        source = Source(filename, text, raw)
        if not filename.endswith(".py"):  # what else is named may hold no Python
            ast.parse(text, filename)
    except (OSError, *UNPARSED):
        return None
    return source


def cells() -> list[Source]:
    """Return the notebook and REPL cells that were run, in order."""
    import linecache

    names = [
        name
        for name, entry in list(linecache.cache.items())
        if len(entry) == 4 and entry[1] is None and name not in SERVED
    ]
    found = [read_source(name) for name in names if _is_cell(name)]
    served = [read_source(name) for name in list(SERVED) if _is_cell(name)]
    return [source for source in [*found, *served] if source is not None]


def _is_cell(name: str) -> bool:
    starts = ("<ipython-input-", "<python-input-", "<stdin>-")
    return name.startswith(starts) or "ipykernel_" in name


def namespace_sources(namespace: dict[str, object]) -> list[Source]:
    """Return the texts whose top-level statements filled a namespace."""
    filename = namespace.get("__file__")
    if isinstance(filename, str):
        source = read_source(filename)
        return [source] if source else []
    is_main = namespace is vars(sys.modules["__main__"])
    return cells() if is_main else []


def mentions(namespace: dict[str, object], words: Iterable[str]) -> bool:
    """Return whether a module's text holds one of these words, without parsing it."""
    sought = [word.encode() for word in words]
    return any(word in raw for raw in raw_texts(namespace) for word in sought)


def raw_texts(namespace: dict[str, object]) -> list[bytes]:
    """Return a module's texts, in bytes, without parsing a file."""
    filename = namespace.get("__file__")
    if not isinstance(filename, str):
        sources = namespace_sources(namespace)
        return [source.text.encode("utf-8", "replace") for source in sources]
    stamp, raw = _peek(filename)
    parsed, known = _parsed.get(filename), _raw.get(filename)
    if raw is None and parsed and parsed[0] == stamp and parsed[1] is not None:
        raw = parsed[1].raw
    elif raw is None and known is not None and known[0] == stamp:
        raw = known[1]
    elif raw is None and stamp is not None:
        try:
            raw = _read(filename)
        except (OSError, ImportError):
            return []
        _raw[filename] = (stamp, raw)
    return [] if raw is None else [raw]
