"""How a site spells resources; apart from the backends, for settings alone."""

from __future__ import annotations

from typing import NamedTuple


class SiteProfile(NamedTuple):
    """How a site spells resources: templates of native options.

    Attributes
    ----------
    memory : str
        Options for `memory`, with ``{memory_per_slot}`` or ``{memory}``.
    time : str
        Options for `time`, with ``{time}`` as ``HH:MM:SS``.
    slots : str
        Options for more than one slot, with ``{slots}``.
    max_array_tasks : int or None
        Overrides what the scheduler says.
    fs_latency : float
        Seconds within which a file written on a node is seen on this host.
    """

    memory: str = "-l h_vmem={memory_per_slot}"
    time: str = "-l h_rt={time}"
    slots: str = "-pe smp {slots}"
    max_array_tasks: int | None = None
    fs_latency: float = 60.0
