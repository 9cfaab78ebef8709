"""Texts that a snapshot provides: in a worker, they count in place of the files."""

from __future__ import annotations

SERVED: dict[str, bytes] = {}
"""The bytes of each file name."""


def serve(filename: str, raw: bytes) -> None:
    """Serve `raw` as the text of `filename` from now on (in a worker)."""
    import linecache  # with tokenize and re: for workers only
    from importlib.util import decode_source

    SERVED[filename] = raw
    lines = decode_source(raw).splitlines(keepends=True)
    # Without a modification time linecache never looks at the disk again.
    linecache.cache[filename] = (len(raw), None, lines, filename)
