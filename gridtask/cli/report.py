"""``gridtask report``: a run as one HTML page."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from gridtask.cli import arguments
from gridtask.cli.attach import find_run
from gridtask.cli.errors import CommandError
from gridtask.cli.table import say
from gridtask.units import format_size

EXAMPLES = """\
examples:
  gridtask report -o run.html            the latest run
  gridtask report k3f9a2bc -o run.html   the run with this id
  gridtask report "first try" -o -       the page on stdout

Needs matplotlib and jinja2: pip install 'gridtask[report]'
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "report",
        help="write a run's report as one HTML page",
        description="Write the report of a run: states, causes of failures with "
        "logs, timeline, durations, memory, slowest calls, code versions. One page "
        "that needs no other file and no network.",
        examples=EXAMPLES,
    )
    parser.add_argument(
        "run_name",
        nargs="?",
        metavar="RUN",
        help="the run's id or name, see `gridtask runs`; the latest by default",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE.html",
        help="where to write the page; - is stdout",
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Gather, draw and write."""
    _check_packages()
    from gridtask.config import load
    from gridtask.report.data import gather
    from gridtask.report.page import render

    if args.run_name is None:
        args.run_name = _latest_run(args)
    settings = load(Path.cwd(), os.environ).settings
    page = render(gather(find_run(args), settings))
    if args.output == "-":
        print(page)
        return 0
    data = page.encode(errors="backslashreplace")
    Path(args.output).write_bytes(data)
    say(f"{args.output}: run {args.run_name}, {format_size(len(data))}")
    return 0


def _check_packages() -> None:
    """Refuse to begin without what draws the page.

    Raises
    ------
    CommandError
        Names what to install.
    """
    import sys
    from importlib.util import find_spec

    missing = [name for name in ("matplotlib", "jinja2") if find_spec(name) is None]
    if missing:
        msg = (
            f"a report needs {' and '.join(missing)}, which this Python does not have: "
            f"{sys.executable} -m pip install 'gridtask[report]'"
        )
        raise CommandError(msg)


def _latest_run(args: argparse.Namespace) -> str:
    """Return the id of the run that was submitted last.

    Raises
    ------
    CommandError
        If there is no run.
    """
    from gridtask import fs
    from gridtask.claims.runfile import ID_LENGTH

    cache = arguments.cache_of(args)
    store = cache.open_store()
    statuses = fs.list_statuses(store.runs) if store is not None else {}
    times = {
        name[:-4]: status.st_mtime
        for name, status in statuses.items()
        if name.endswith(".run") and len(name) == ID_LENGTH + 4
    }
    if not times:
        msg = f"there is no run in {str(cache.path)!r} to report on"
        raise CommandError(msg)
    return max(times, key=lambda run_id: times[run_id])
