"""The Grid Engine cell: who it is, what it offers, what it limits."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gridtask.backends.gridengine_site import Queue, Site
from gridtask.doctor.findings import Finding, note, ok, warning
from gridtask.units import format_time, parse_time

SECTION = "grid engine"

UNLIMITED = ("0", "", "INFINITY", "infinity", "NONE", "none")

MAX_NAMED = 12
"""Queues or environments that are named one by one."""

SLOW_CYCLE = 5
"""Seconds between the scheduler's decisions from which short calls suffer."""


def examine_scheduler(site: Site) -> Iterator[Finding]:
    """Yield what is found of a cell."""
    yield _identity(site)
    yield from _queues(site.queues)
    yield from _environments(site)
    yield from _job_limits(site)
    yield from _policies(site)
    yield _warnings_before_kills(site)


def examine_default_time(site: Site, time: str | None) -> Iterator[Finding]:
    """Yield a warning if tasks ask for more time than any queue allows.

    Grid Engine takes such jobs, and never starts them.
    """
    if time is None or not site.queues:
        return
    most = max(_allowed(queue.limits.get("h_rt", "")) for queue in site.queues)
    if parse_time(time) > most:
        allowed = format_time(most)
        text = f"time = {time!r} is more than any queue allows ({allowed})"
        yield warning(SECTION, f"{text}: jobs would wait for ever", f"time={allowed!r}")


def _allowed(limit: str) -> float:
    """Return the seconds of a queue's limit; it may be none."""
    try:
        return math.inf if limit in UNLIMITED else parse_time(limit)
    except ValueError:
        return math.inf


def _identity(site: Site) -> Finding:
    text = f"{site.family}, {site.version or 'version not told'}"
    hosts = f"{site.hosts} execution host{'' if site.hosts == 1 else 's'}"
    facts = {"family": site.family, "version": site.version, "hosts": site.hosts}
    if not site.version.startswith("SGE 8."):
        text += f", {hosts}; gridtask is tested with Son of Grid Engine 8.1.9"
        return note(SECTION, text, **facts)
    return ok(SECTION, f"{text}, {hosts}", **facts)


def _queues(queues: tuple[Queue, ...]) -> Iterator[Finding]:
    if not queues:
        remedy = "ask the site which queue to use; then cluster_params = ['-q NAME']"
        yield warning(SECTION, "no queue is open to you", remedy)
        return
    for queue in queues[:MAX_NAMED]:
        limits = [
            f"{name} {value}"
            for name, value in queue.limits.items()
            if name in ("h_rt", "s_rt", "h_vmem") and value not in UNLIMITED
        ]
        parts = [f"{queue.slots} slots, {queue.available} free", *limits]
        text = f"queue {queue.name}: {', '.join(parts)}"
        yield ok(SECTION, text, queue=queue.name, slots=queue.slots, **queue.limits)
    if len(queues) > MAX_NAMED:
        yield note(SECTION, f"and {len(queues) - MAX_NAMED} more queues")


def _environments(site: Site) -> Iterator[Finding]:
    names = [
        f"{pe.name} ({pe.allocation_rule}, {pe.slots} slots)"
        for pe in site.environments
    ]
    if len(names) > MAX_NAMED:
        names[MAX_NAMED:] = [f"{len(names) - MAX_NAMED} more"]
    text = f"parallel environments: {', '.join(names) or 'none'}"
    rules = {pe.name: pe.allocation_rule for pe in site.environments}
    yield ok(SECTION, text, environments=rules)


def _job_limits(site: Site) -> Iterator[Finding]:
    """Tell how many jobs and array tasks there may be."""
    names = ("max_aj_tasks", "max_aj_instances", "max_u_jobs", "max_jobs")
    limits = {name: site.configuration.get(name, "") for name in names}
    limits["maxujobs"] = site.scheduler.get("maxujobs", "")
    known = {name: value for name, value in limits.items() if value not in UNLIMITED}
    listed = ", ".join(f"{name} {value}" for name, value in known.items())
    yield ok(SECTION, f"limits: {listed or 'none'}", **known)
    least = _seconds(site.scheduler.get("schedule_interval", ""))
    if least >= SLOW_CYCLE:
        text = (
            f"the scheduler decides every {least} s: array tasks that take less than "
            'that waste their slot; chunk="auto" sees to it'
        )
        yield note(SECTION, text, schedule_interval=least)


def _policies(site: Site) -> Iterator[Finding]:
    """Tell what may refuse or change jobs."""
    jsv = site.configuration.get("jsv_url", "none")
    if jsv.lower() != "none":
        yield note(SECTION, f"a script may change or refuse jobs: {jsv}", jsv_url=jsv)
    if site.quotas:
        text = f"resource quotas: {', '.join(site.quotas)} (qquota shows yours)"
        yield note(SECTION, text, quotas=list(site.quotas))
    if site.configuration.get("enforce_project", "false").lower() == "true":
        remedy = "cluster_params = ['-P PROJECT'] in gridtask.toml"
        yield warning(SECTION, "every job must name its project", remedy)


def _warnings_before_kills(site: Site) -> Finding:
    """Tell whether a worker can be told before it is killed."""
    soft = site.complex("s_rt")
    notify = {queue.limits.get("notify", "") for queue in site.queues} - {""}
    if soft is None or soft.requestable == "NO":
        return note(SECTION, "no soft time limit (s_rt) can be asked for")
    text = "a soft time limit can be asked for: cluster_params='-l s_rt=...'"
    if notify:
        text += f"; with -notify the kill comes {', '.join(sorted(notify))} later"
    return ok(SECTION, text, notify=sorted(notify))


def _seconds(clock: str) -> int:
    """Return the seconds of ``0:0:15``; 0 for what is none."""
    parts = clock.split(":")
    if not all(part.isdigit() for part in parts):
        return 0
    seconds = 0
    for part in parts:
        seconds = 60 * seconds + int(part)
    return seconds
