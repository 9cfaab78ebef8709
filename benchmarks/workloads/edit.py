"""Deciding what must run after one helper of two tasks was changed."""

import sys

from measure import FOLDER, HERE, Case, Entry

TITLE = "After an edit"


def cases(options):
    """Return one case; no peer sees that a helper was changed."""
    n = 1_000 if options.quick else 10_000
    argv = [sys.executable, str(HERE / "editing.py"), FOLDER, str(n)]
    entries = [
        Entry("plan after the edit", [*argv, "plan"], "gridtask", [*argv, "fill"]),
        Entry("rerun, nothing edited", [*argv, "rerun"], "floor", [*argv, "fill"]),
    ]
    title = f"{n:,} calls of two tasks, of which one uses the helper"
    return [Case(title, entries, "1.2 of the rerun", keeps_folder=True)]
