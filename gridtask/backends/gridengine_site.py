"""How a Grid Engine cell is set up, as any of its users may ask.

The commands are those of qconf(1), qstat(1) and qhost(1) that need no rights.
What a command does not say, or another family says differently, is left out.

References
----------
complex(5), queue_conf(5), sge_pe(5), sge_conf(5) and sched_conf(5) of Son of
Grid Engine 8.1.9. The outputs in ``tests/backends/golden`` are from that version.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gridtask.backends.gridengine import GridEngineBackend
from gridtask.errors import SchedulerUnavailable

ASK_SECONDS = 20.0
"""Time limit of one question."""

MAX_QUEUES = 50
"""Queues that are looked at: each is a question of its own."""

FAMILIES = {
    "SGE": "Son of Grid Engine",
    "GE": "Sun Grid Engine",
    "OGS/GE": "Open Grid Scheduler",
    "UGE": "Univa Grid Engine",
    "AGE": "Altair Grid Engine",
    "OCS": "Open Cluster Scheduler",
    "GCS": "Gridware Cluster Scheduler",
}
"""By the first word that the commands of each say of themselves."""

PARALLEL, NO_PES = "pe_list", ("NONE", "")

_CONTINUED = re.compile(r"\\\n\s*")


@dataclass(frozen=True, slots=True)
class Complex:
    """A resource that jobs can ask for: a line of ``qconf -sc``.

    Attributes
    ----------
    requestable, consumable : str
        ``YES NO FORCED``; ``YES NO JOB``, or ``HOST`` in later families.
    """

    name: str
    type: str
    relation: str
    requestable: str
    consumable: str
    default: str


@dataclass(frozen=True, slots=True)
class ParallelEnvironment:
    """How slots of one job are placed: ``qconf -sp``."""

    name: str
    slots: int
    allocation_rule: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue that the user may use: ``qconf -sq`` and ``qstat -g c``.

    Attributes
    ----------
    pes : tuple of str
        Names of its parallel environments, on any of its hosts.
    limits : mapping
        Values such as ``h_rt`` and ``notify``; those of single hosts are left out.
    """

    name: str
    slots: int
    available: int
    pes: tuple[str, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """What a cell says of itself.

    Attributes
    ----------
    version : str
        Such as ``"SGE 8.1.9"``; empty where no command tells.
    configuration, scheduler : mapping
        ``qconf -sconf`` and ``qconf -ssconf``, by name.
    hosts : int
        Execution hosts.
    quotas : tuple of str
        Names of resource quota sets.
    """

    version: str
    configuration: Mapping[str, str]
    scheduler: Mapping[str, str]
    complexes: tuple[Complex, ...]
    queues: tuple[Queue, ...]
    environments: tuple[ParallelEnvironment, ...]
    hosts: int
    quotas: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The full name of the family, or what the commands say."""
        word = self.version.partition(" ")[0]
        return FAMILIES.get(word, word or "unknown family")

    def complex(self, name: str) -> Complex | None:
        """Return the complex of a name, None if there is none."""
        return next((each for each in self.complexes if each.name == name), None)


Ask = Callable[..., str]
"""Returns what a command prints; empty where it fails."""


def look_at_site(ask: Ask | None = None) -> Site:
    """Ask the cell of the environment how it is set up.

    Parameters
    ----------
    ask : callable, optional
        Runs a command; by default those of the cell.

    Raises
    ------
    SchedulerUnavailable
        If there is no answer at all.
    """
    ask = ask or commands()
    configuration = parse_table(ask("qconf", "-sconf"))
    summary = parse_queue_summary(ask("qstat", "-g", "c", "-xml", "-U", _user()))
    if not configuration and not summary:
        msg = (
            "neither qconf -sconf nor qstat -g c gives an answer: the qmaster is not "
            "running, or this host may not ask it"
        )
        raise SchedulerUnavailable(msg)
    queues = tuple(
        _queue(name, counts, parse_table(ask("qconf", "-sq", name)))
        for name, counts in list(summary.items())[:MAX_QUEUES]
    )
    pes = {pe for queue in queues for pe in queue.pes}
    known = [pe for pe in ask("qconf", "-spl").split() if pe in pes or not queues]
    quotas = ask("qconf", "-srqsl")
    return Site(
        version=parse_version(ask("qstat", "-help")),
        configuration=configuration,
        scheduler=parse_table(ask("qconf", "-ssconf")),
        complexes=parse_complexes(ask("qconf", "-sc")),
        queues=queues,
        environments=tuple(
            _environment(name, parse_table(ask("qconf", "-sp", name))) for name in known
        ),
        hosts=len(ask("qconf", "-sel").split()),
        quotas=() if "no resource quota" in quotas else tuple(quotas.split()),
    )


def commands() -> Ask:
    """Return what runs the cell's commands, each with a time limit.

    After one that gave no answer in time the others are not tried.
    """
    backend = GridEngineBackend(ASK_SECONDS)
    hung: list[str] = []

    def ask(*argv: str) -> str:
        if hung:
            return ""
        done = backend._run(argv)
        if done.status is None:
            hung.append(argv[0])
        # qstat -help ends with 0 or 1, depending on the family.
        return done.stdout if done.status in (0, 1) else ""

    return ask


def _user() -> str:
    return GridEngineBackend()._user


def parse_version(text: str) -> str:
    """Return the first line of ``qstat -help`` if it is a version."""
    first = text.strip().partition("\n")[0].strip()
    is_version = re.fullmatch(r"[A-Z/]+ [\w.+-]+.*", first) is not None
    return first if is_version else ""


def parse_table(text: str) -> dict[str, str]:
    """Return the names and values of a table as qconf prints it.

    Examples
    --------
    >>> parse_table("max_aj_tasks 75000\\npe_list  smp \\\\\\n  mpi\\n")
    {'max_aj_tasks': '75000', 'pe_list': 'smp mpi'}
    """
    rows = _CONTINUED.sub(" ", text).splitlines()
    pairs = (row.split(None, 1) for row in rows if not row.startswith("#"))
    return {
        pair[0]: " ".join(pair[1].split())
        for pair in pairs
        if len(pair) == 2 and not pair[0].endswith(":")
    }


def parse_complexes(text: str) -> tuple[Complex, ...]:
    """Return the lines of ``qconf -sc``; heirs add columns at the end."""
    rows = (row.split() for row in text.splitlines() if not row.startswith("#"))
    return tuple(
        Complex(row[0], row[2], row[3], row[4].upper(), row[5].upper(), row[6])
        for row in rows
        if len(row) >= 7
    )


def parse_queue_summary(text: str) -> dict[str, tuple[int, int]]:
    """Return total and free slots of each queue of ``qstat -g c -xml``."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError:
        return {}
    return {
        row.findtext("name", "").strip(): (
            _number(row.findtext("total", "")),
            _number(row.findtext("available", "")),
        )
        for row in root.iter("cluster_queue_summary")
    }


def _queue(name: str, counts: tuple[int, int], table: Mapping[str, str]) -> Queue:
    # "smp mpi,[node1=smp gpu]": what single hosts have comes in brackets.
    words = re.split(r"[\s,\[\]]+", table.get(PARALLEL, ""))
    pes = dict.fromkeys(word.rpartition("=")[2] for word in words)
    limits = {
        limit: value.partition(",[")[0]
        for limit, value in table.items()
        if limit.startswith(("h_", "s_")) or limit == "notify"
    }
    named = tuple(pe for pe in pes if pe.upper() not in NO_PES)
    return Queue(name, *counts, named, limits)


def _environment(name: str, table: Mapping[str, str]) -> ParallelEnvironment:
    rule = table.get("allocation_rule", "")
    return ParallelEnvironment(name, _number(table.get("slots", "")), rule)


def _number(text: str) -> int:
    found = re.match(r"\s*(\d+)", text)
    return int(found[1]) if found else 0
