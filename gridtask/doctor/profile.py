"""The site profile that a cell's set-up suggests: how to ask for resources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gridtask.backends.gridengine_site import Complex, ParallelEnvironment, Site
from gridtask.doctor.findings import Finding, note, ok, warning
from gridtask.units import parse_memory

SECTION = "profile"

LIMITING = ("h_vmem", "s_vmem", "h_data")
"""Memory complexes that end what uses more, the best first (queue_conf(5)).

Not ``h_rss``: Linux does not enforce it.
"""

RESERVING = ("m_mem_free", "mem_free", "virtual_free", "mem_requested", "memory")
"""Usual names of memory complexes that only find a host with room."""

ON_ONE_HOST = "$pe_slots"
"""Allocation rule that gives a job all its slots on one host (sge_pe(5))."""

ENOUGH = 512 << 20
"""Bytes that Python with numpy needs of address space."""

USUAL_NAMES = ("smp", "shm", "shared", "openmp", "omp", "threads", "threaded")


@dataclass(frozen=True, slots=True)
class Profile:
    """What a cell suggests for ``[tool.gridtask.site]``.

    Attributes
    ----------
    memory, time, slots : str or None
        Templates of qsub options; None where the cell has no such resource.
    """

    memory: str | None
    time: str | None
    slots: str | None

    @property
    def values(self) -> dict[str, str]:
        """The settings, by name."""
        named = {"memory": self.memory, "time": self.time, "slots": self.slots}
        return {name: value for name, value in named.items() if value is not None}


def propose(site: Site) -> Profile:
    """Return the profile that suits a cell."""
    requests = [f"{c.name}={_share(c)}" for c in memory_complexes(site)]
    limit = next((n for n in ("h_rt", "s_rt") if _can_ask(site.complex(n))), None)
    environment = choose_environment(site.environments)
    return Profile(
        memory=f"-l {','.join(requests)}" if requests else None,
        time=f"-l {limit}={{time}}" if limit else None,
        slots=f"-pe {environment.name} {{slots}}" if environment else None,
    )


def memory_complexes(site: Site) -> list[Complex]:
    """Return the complexes in which memory is asked for.

    One that limits; one that reserves, where the first is not counted; and all
    that must be asked for.
    """
    memory = [c for c in site.complexes if c.type == "MEMORY" and _can_ask(c)]
    by_name = {c.name: c for c in memory}
    limiting = [by_name[name] for name in LIMITING if name in by_name][:1]
    chosen = list(limiting)
    if not any(_is_counted(c) for c in chosen):
        named = [by_name[name] for name in RESERVING if name in by_name]
        counted = [c for c in named if _is_counted(c)]
        counted += [c for c in memory if _is_counted(c) and c not in named]
        chosen += counted[:1] or ([] if limiting else named[:1])
    chosen += [c for c in memory if c.requestable == "FORCED" and c not in chosen]
    return chosen


def choose_environment(
    environments: Sequence[ParallelEnvironment],
) -> ParallelEnvironment | None:
    """Return the environment that gives slots on one host, None if none does."""
    suited = [
        pe for pe in environments if pe.allocation_rule == ON_ONE_HOST and pe.slots > 0
    ]
    for name in USUAL_NAMES:
        for pe in suited:
            if pe.name.lower() == name:
                return pe
    return suited[0] if suited else None


def examine_profile(site: Site, profile: Profile) -> Iterator[Finding]:
    """Yield what the cell offers of memory, time and slots."""
    yield from _memory(site, profile)
    yield _time(profile)
    yield _slots(site, profile)


def _memory(site: Site, profile: Profile) -> Iterator[Finding]:
    """Tell about memory complexes, one by one."""
    chosen = memory_complexes(site)
    if profile.memory is None:
        yield warning(
            SECTION,
            "no memory complex can be asked for: memory= will not limit anything",
            'set site.memory yourself, such as "-l h_vmem={memory_per_slot}"',
        )
    for each in chosen:
        yield ok(SECTION, f"memory: {describe(each)}", **_facts(each))
    limiting = [c for c in chosen if c.name in LIMITING]
    if chosen and not limiting:
        text = "memory is only reserved: a call that uses more is not stopped by it"
        yield note(SECTION, text)
    for each in limiting:
        if _is_counted(each) and _amount(each.default) < ENOUGH:
            yield warning(
                SECTION,
                f"a job that asks for no {each.name} gets too little for most: "
                f"its default is {each.default}",
                'set a default for all tasks: memory = "4G" in gridtask.toml',
            )


def _time(profile: Profile) -> Finding:
    if profile.time is None:
        remedy = "leave time= out, or set site.time"
        return warning(SECTION, "neither h_rt nor s_rt can be asked for", remedy)
    if "s_rt" in profile.time:
        return note(SECTION, f"time: {profile.time} (h_rt cannot be asked for)")
    return ok(SECTION, f"time: {profile.time}")


def _slots(site: Site, profile: Profile) -> Finding:
    if profile.slots is not None:
        return ok(SECTION, f"slots: {profile.slots} (all on one host)")
    rules = {f"{pe.name} ({pe.allocation_rule})" for pe in site.environments}
    text = "no parallel environment gives slots on one host"
    if rules:
        text += f"; there are {', '.join(sorted(rules))}"
    remedy = (
        f"ask the site for one with allocation_rule {ON_ONE_HOST}; slots=1 till then"
    )
    return warning(SECTION, text, remedy)


def describe(each: Complex) -> str:
    """Return a complex for people: ``"h_vmem, counted per slot, default 4G"``."""
    counted = {"YES": "counted per slot", "JOB": "counted per job", "NO": "not counted"}
    text = counted.get(each.consumable, f"counted per {each.consumable.lower()}")
    forced = ", must be asked for" if each.requestable == "FORCED" else ""
    return f"{each.name}, {text}, default {each.default}{forced}"


def _facts(each: Complex) -> dict[str, object]:
    names = ("name", "consumable", "requestable", "default")
    return {name: getattr(each, name) for name in names}


def _share(each: Complex) -> str:
    """Return what stands for the amount: all, or that of a slot.

    Grid Engine multiplies by the slots, unless the complex counts by job or host.
    """
    return "{memory}" if each.consumable in ("JOB", "HOST") else "{memory_per_slot}"


def _can_ask(each: Complex | None) -> bool:
    # "<=": the job needs no more than there is; load values have ">=".
    return each is not None and each.requestable != "NO" and each.relation == "<="


def _amount(text: str) -> int:
    """Return a complex's default in bytes; 0 for what is none, as ``NONE``."""
    try:
        return parse_memory(text)
    except ValueError:
        return 0


def _is_counted(each: Complex) -> bool:
    return each.consumable != "NO"
