"""``gridtask doctor``: is everything here fit for gridtask, and how is the site?"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridtask.cli import arguments
from gridtask.cli.errors import FAILED, UNREACHABLE
from gridtask.cli.question import confirmed
from gridtask.cli.table import Column, counted, say, write_json, write_table
from gridtask.errors import SchedulerUnavailable
from gridtask.printable import printable
from gridtask.units import parse_age

if TYPE_CHECKING:
    from gridtask.backends.gridengine_site import Site
    from gridtask.caches.folder import Cache
    from gridtask.doctor.findings import Finding

COLUMNS = tuple(Column(name) for name in ("section", "level", "text", "remedy"))

JOB_MEMORY, JOB_TIME = "1G", "00:05:00"
"""What the tiny job asks for where no settings do."""

LEAST_LATENCY = 30.0
"""A visibility lag from which the site profile must know."""

EXAMPLES = """\
examples:
  gridtask doctor                  look at everything, with a tiny job on a node
  gridtask doctor --no-job         without the job
  gridtask doctor --write          write the site profile into the settings here
  gridtask doctor --write ~/.config/gridtask/config.toml   for all your projects

Exit status 1 if there is a problem that lets maps fail, 4 if the scheduler is
not reachable; warnings and notes are no failure.
"""


def register(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add this verb to the command."""
    parser = arguments.add_verb(
        verbs,
        "doctor",
        help="check Python, cache folder and cluster; write the site profile",
        description="Check this Python, the cache folder and the Grid Engine cell: "
        "queues, parallel environments, memory, limits. Each warning has its remedy.",
        examples=EXAMPLES,
    )
    parser.add_argument(
        "--no-job", action="store_true", help="submit no job to look at a node"
    )
    parser.add_argument(
        "--wait",
        type=arguments.age,
        default=parse_age("2m"),
        metavar="AGE",
        help="how long the job may wait in the queue (default: 2m)",
    )
    parser.add_argument(
        "--write",
        nargs="?",
        const="",
        metavar="FILE",
        help="write how to ask for memory, time and slots into the site profile: of "
        "FILE, else of the settings file that holds here, else of gridtask.toml",
    )
    arguments.add_json(parser)
    arguments.add_yes(parser)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Look at everything, tell, and write the profile if asked to."""
    examination = _Examination(args)
    shown: list[Finding] = []
    for finding in examination.findings():
        if not args.json and sys.stdout.isatty():
            _write(finding, shown[-1].section if shown else "")
            sys.stdout.flush()
        shown.append(finding)
    if args.json:
        write_json(map(_row, shown))
    elif not sys.stdout.isatty():
        write_table(COLUMNS, [_row(finding) for finding in shown])
    status = _verdict(shown)
    if examination.is_unreachable:
        status = UNREACHABLE
    if args.write is not None and not examination.write(args.write, args.yes):
        return status or FAILED
    return status


class _Examination:
    """What is looked at, in which order."""

    def __init__(self, args: argparse.Namespace) -> None:
        from gridtask import config

        self._args = args
        self._settings = config.load(Path.cwd(), os.environ).settings
        self.is_unreachable = False
        self._values: dict[str, Any] = {}

    def findings(self) -> Iterator[Finding]:
        """Yield all findings."""
        from gridtask import backends
        from gridtask.backends.gridengine_site import commands
        from gridtask.doctor.folder import examine_folder
        from gridtask.doctor.machine import examine_machine

        yield from examine_machine()
        name, why = backends.choose(self._settings.backend, os.environ)
        is_cluster = name == "gridengine"
        site = self._look() if is_cluster else None
        cache = arguments.cache_of(self._args)
        needs_sharing = getattr(site, "hosts", 1) > 1
        yield from examine_folder(cache.path, commands(), needs_sharing)
        if isinstance(site, SchedulerUnavailable):
            self.is_unreachable = True
            yield _unreachable(site)
        elif site is None:
            yield _no_cluster(name, why)
        else:
            yield from self._cluster(site, cache)

    def _look(self) -> Any:
        """Return how the cell is set up, or why it cannot be told."""
        from gridtask.backends.gridengine_site import look_at_site

        try:
            return look_at_site()
        except SchedulerUnavailable as error:
            return error

    def _cluster(self, site: Site, cache: Cache) -> Iterator[Finding]:
        """Yield what is found of a cell."""
        from gridtask.doctor.profile import examine_profile, propose
        from gridtask.doctor.scheduler import examine_default_time, examine_scheduler

        yield from examine_scheduler(site)
        yield from examine_default_time(site, self._settings.time)
        profile = propose(site)
        self._values = dict(profile.values)
        yield from examine_profile(site, profile)
        yield from self._job(cache)
        yield self._compare()

    def _job(self, cache: Cache) -> Iterator[Finding]:
        """Yield what a tiny job finds, under the profile that the cell suggests."""
        from gridtask.backends.cluster_params import merge
        from gridtask.backends.gridengine import GridEngineBackend
        from gridtask.doctor.findings import note
        from gridtask.doctor.folder import scratch_folder
        from gridtask.doctor.job import TinyJob

        if self._args.no_job:
            yield note("job", "no job was submitted (--no-job)")
            return
        wanted = self._settings._replace(
            memory=self._settings.memory or JOB_MEMORY,
            time=self._settings.time or JOB_TIME,
            slots=1,
        )
        site = self._settings.site._replace(**self._values)
        words = merge([wanted], site).words
        if not self._args.json:
            say(f"waiting for a tiny job ({' '.join(words)}) …")
        with scratch_folder(cache.path) as folder:
            job = TinyJob(GridEngineBackend(), folder, words)
            yield from job.run(self._args.wait)
            if job.lag is not None and job.lag > LEAST_LATENCY:
                self._values["fs_latency"] = round(2 * job.lag)

    def _compare(self) -> Finding:
        """Tell whether the settings know what was found."""
        from gridtask.doctor.findings import ok, warning

        site = self._settings.site
        others = {n: v for n, v in self._values.items() if getattr(site, n) != v}
        if not others:
            return ok("profile", "the settings suit this site", **self._values)
        listed = ", ".join(f"{name} = {value!r}" for name, value in others.items())
        text = f"the settings do not suit this site, which wants {listed}"
        return warning("profile", text, "gridtask doctor --write", **self._values)

    def write(self, file: str, yes: bool) -> bool:
        """Write the profile; tell whether that was done."""
        from gridtask import config
        from gridtask.doctor.profile_file import table_of, write_site

        if not self._values:
            say("nothing to write: no cell was looked at")
            return False
        path = Path(file).expanduser() if file else config.project_file(Path.cwd())
        path = path or Path.cwd() / "gridtask.toml"
        loaded = config.load(Path.cwd(), os.environ)
        origin = loaded.origins.get
        replaced = {
            name: getattr(loaded.settings.site, name)
            for name, value in self._values.items()
            if origin(f"site.{name}", "").startswith(str(path))
            and getattr(loaded.settings.site, name) != value
        }
        say(f"{path} [{'.'.join(table_of(path))}]")
        for name, value in self._values.items():
            before = f"   (was {replaced[name]!r})" if name in replaced else ""
            say(f"  {name} = {value!r}{before}")
        if replaced and not confirmed("replace", yes):
            return False
        write_site(path, self._values)
        say("written")
        return True


def _unreachable(error: SchedulerUnavailable) -> Finding:
    from gridtask.doctor.findings import problem

    remedy = (
        "see that SGE_ROOT, SGE_CELL and SGE_QMASTER_PORT are the site's; try qstat"
    )
    return problem("grid engine", f"not reachable: {error}", remedy)


def _no_cluster(name: str, why: str) -> Finding:
    from gridtask.doctor.findings import note

    return note("grid engine", f"not used here: backend {name!r} ({why})", backend=name)


def _row(finding: Finding) -> dict[str, Any]:
    names = ("section", "level", "text", "remedy")
    row = {name: str(getattr(finding, name)) for name in names}
    return {**row, "facts": dict(finding.facts)}


def _write(finding: Finding, section_before: str) -> None:
    """Write a finding for people, under the name of its section."""
    if finding.section != section_before:
        print(finding.section)
    width = max(shutil.get_terminal_size().columns, 40)
    for line in _wrapped(f"  {finding.level:8} ", finding.text, width):
        print(line)
    if finding.remedy:
        for line in _wrapped("           to do: ", finding.remedy, width):
            print(line)


def _wrapped(start: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        printable(text),
        width,
        initial_indent=start,
        subsequent_indent=" " * 11,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _verdict(findings: Iterable[Finding]) -> int:
    """Say how many of the findings matter."""
    levels = [str(finding.level) for finding in findings]
    n_problems, n_warnings = levels.count("problem"), levels.count("warning")
    parts = [
        counted(number, noun)
        for number, noun in ((n_problems, "problem"), (n_warnings, "warning"))
        if number
    ]
    say(", ".join(parts) or "all is well")
    return FAILED if n_problems else 0
