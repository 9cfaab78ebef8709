"""Asking before something is lost."""

from __future__ import annotations

import sys

from gridtask.cli.table import say


def confirmed(verb: str, yes: bool) -> bool:
    """Ask on a terminal whether to go on; elsewhere the answer is no.

    Parameters
    ----------
    verb : str
        What is asked: ``"remove"``.
    yes : bool
        The answer, given in advance.
    """
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        say("nothing changed: there is no terminal to ask on; add --yes")
        return False
    print(f"{verb}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    say("nothing changed")
    return False
