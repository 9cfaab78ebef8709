"""The ``gridtask`` command: one module a verb, `command` around them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from gridtask import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Its arguments; those of this process by default.

    Returns
    -------
    int
        Exit status: 0 done, 1 failed or not found, 2 wrong usage or
        settings, 3 corruption found, 4 scheduler not reachable, 130
        interrupted.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments == ["--version"]:  # so often asked by scripts that it must be quick
        show_version()
        return 0
    from gridtask.cli.command import run

    return run(arguments)


def show_version() -> None:
    """Print the version that is installed."""
    print(f"gridtask {__version__}")
