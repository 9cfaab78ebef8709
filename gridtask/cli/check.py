"""``gridtask check``: is the cache intact, and nobody else's?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gridtask.cli import arguments
from gridtask.cli.errors import CORRUPT
from gridtask.cli.table import counted, say, write_json
from gridtask.printable import printable
from gridtask.units import format_size

if TYPE_CHECKING:
    from gridtask.store.check import Report
    from gridtask.store.inspection import Finding

MAX_LOST = 10
"""Lost results that are named of one file."""

EXAMPLES = """\
examples:
  gridtask check                   headers, indexes and permissions
  gridtask check --read-data       every byte of every result, too
  gridtask check --repair          save what is intact of damaged files
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "check",
        help="look for damage in the cache, and repair it",
        description="Look for what is damaged, unsafe or left behind in the cache. "
        "Exit status 3 if something is damaged that was not repaired. What is lost "
        "is computed again by the next map.",
        examples=EXAMPLES,
    )
    parser.add_argument(
        "--read-data",
        action="store_true",
        help="read all results and compare their checksums",
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="save what is intact of damaged files into new ones; the damaged ones "
        "stay in the trash for 30 days",
    )
    arguments.add_json(parser)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Check, and tell what was found."""
    cache = arguments.cache_of(args)
    if not cache.path.is_dir():
        say(f"nothing to check: there is no cache {cache.path}")
        return 0
    report = cache.check(read_data=args.read_data, repair=args.repair)
    if args.json:
        write_json(map(_row, report.findings))
    else:
        for finding in report.findings:
            _write(finding)
    looked = (
        f"{counted(report.n_files, 'file')}, {counted(report.n_records, 'record')}, "
        f"{format_size(report.n_bytes)}"
    )
    say(f"checked {looked}: {_verdict(report, args.repair)}")
    return CORRUPT if report.is_damaged else 0


def _verdict(report: Report, is_repaired: bool) -> str:
    """Say in a few words what was found, and what to do."""
    if not report.is_damaged:
        is_mended = any(f.is_damage for f in report.findings)
        lost = counted(sum(len(f.lost) for f in report.findings), "call")
        return f"repaired; {lost} to compute again" if is_mended else "no damage"
    left = {f.kind for f in report.findings if f.is_damage and not f.repaired}
    if left == {"permissions"}:
        return "others can write there; run the commands that are named above"
    if is_repaired:
        return "not all damage could be repaired"
    return "damage was found; see what --repair can save"


def _row(finding: Finding) -> dict[str, object]:
    """Return a finding as a JSON object."""
    lost = [{"key": lost.key.hex(), "args": lost.args} for lost in finding.lost]
    names = ("path", "kind", "text", "is_damage", "repaired")
    return {**{name: getattr(finding, name) for name in names}, "lost": lost}


def _write(finding: Finding) -> None:
    """Write a finding for people: the file, what is wrong, what is lost."""
    done = f"; {finding.repaired}" if finding.repaired else ""
    text = finding.text if finding.path in finding.text else _of(finding)
    print(printable(f"{text}{done}"))
    for lost in finding.lost[:MAX_LOST]:
        print(printable(f"  {lost.key.hex()[:8]} ({lost.args})"))
    if len(finding.lost) > MAX_LOST:
        print(f"  and {len(finding.lost) - MAX_LOST} more")


def _of(finding: Finding) -> str:
    return f"{finding.path}: {finding.text}"
