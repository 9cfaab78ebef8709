"""Taking the snapshot, in the driver: what `install` needs on a worker."""

from __future__ import annotations

import pickle
import sys
import types
from typing import TYPE_CHECKING

from xxhash import xxh3_128_digest

from gridtask.identity.closure.lookup import Namespace
from gridtask.identity.snapshot.importer import MAGIC
from gridtask.identity.snapshot.main_module import (
    MainModule,
    bindings_of,
    main_names,
    own_objects,
    pickle_extras,
    pickle_options,
)
from gridtask.identity.snapshot.modules import collect_modules, imports_of
from gridtask.identity.snapshot.patch_finder import PatchFinder
from gridtask.identity.snapshot.verification import brought_along, edited_since_start
from gridtask.identity.source.texts import cells, namespace_sources, read_source

if TYPE_CHECKING:
    from gridtask.identity.code import Code


def freeze(code: Code) -> bytes:
    """Return the snapshot of identified code: magic, checksum, pickled content."""
    main = vars(sys.modules["__main__"])
    travelling = MainModule(code, main)
    travelling.pack()
    shared, hints = travelling.shared, travelling.hints
    sources = collect_modules(code)
    edited = edited_since_start(sources)
    texts = _texts(code, main)
    raw = [source.raw for source in sources] + [text for _, text in texts]
    decoded = [text.decode("utf-8", "replace") for text in raw]
    patches = PatchFinder(code, hints, decoded, own_objects(main))
    patches.find(bindings_of(code), main)
    content = {
        "python": sys.implementation.cache_tag,
        "label": code.label,
        "digest": code.digest,
        "manifest": [(row.name, row.digest) for row in code.manifest],
        "options": pickle_options(code, shared, hints),
        "sources": [tuple(source) for source in sources],
        "edited": edited,
        "brought": brought_along(code) if edited else [],
        "texts": texts,
        "main": main_names(main),
        "ambient": code.closures[0].ambient,
        "environment": code.closures[0].environment,
        "imports": imports_of(code),
        "patches": patches.found,
        "values": travelling.pickled,
        "shared": travelling.shared_names(),
        "statements": travelling.statements,
        "extras": pickle_extras(main, travelling.done, shared, hints),
    }
    data = pickle.dumps(content, protocol=5)
    return MAGIC + xxh3_128_digest(data) + data


def _texts(code: Code, main: Namespace) -> list[tuple[str, bytes]]:
    """Return the texts of ``__main__`` and of notebook cells."""
    sources = [*namespace_sources(main), *cells()]
    for closure in code.closures:
        for subject in closure.subjects():
            if isinstance(subject, types.FunctionType):
                filename = subject.__code__.co_filename
                if subject.__module__ == "__main__" or filename.startswith("<"):
                    source = read_source(filename)
                    sources += [source] if source is not None else []
    return list({source.filename: source.raw for source in sources}.items())
