"""Whether a folder's files need to be put together or removed.

Apart from what does it: every map asks, and few must import it.
"""

from __future__ import annotations

from gridtask.store.files import Files

MIN_FILES = 8
"""So many small files may lie in a folder; compaction starts with one more."""

SMALL_FILE = 32 << 20
"""Bytes. Larger files are rewritten only when mostly dead, so that each result
is copied about twice in its life."""

MAX_SECONDS = 86_400.0
"""A compaction that took longer is not published: tombstones that would
concern its copies may be gone."""

UNFINISHED = ".tmp"
"""End of the name of a pack that is being written."""


def may_need_compaction(files: Files, min_files: int) -> bool:
    """Return whether there may be enough to do, without looking at the disk."""
    n_small = sum(file.size < SMALL_FILE for _, file in files.current())
    return n_small > min_files or any(
        is_mostly_dead(files, number) for number, _ in files.current()
    )


def is_mostly_dead(files: Files, number: int) -> bool:
    """Return whether more than half of a large file's bytes are deleted."""
    file = files.index.files[number]
    return file.size >= SMALL_FILE and files.index.dead_bytes(number) > file.size / 2


def has_leftovers(files: Files) -> bool:
    """Return whether there are replaced files, or packs that are not finished."""
    return any(
        name in files.replaced or name.endswith(UNFINISHED) for name in files.names
    )
