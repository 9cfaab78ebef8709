"""The page: what was gathered, put into words, figures and HTML."""

from __future__ import annotations

import time
from dataclasses import asdict
from importlib import resources
from typing import Any

from gridtask import __version__
from gridtask.caches.usage import quantile
from gridtask.report.data import ReportData
from gridtask.units import format_duration, format_size

_MIB = 1 << 20


def render(data: ReportData) -> str:
    """Return the page as HTML.

    Raises
    ------
    ImportError
        If matplotlib or jinja2 is not installed.
    """
    import jinja2
    from markupsafe import Markup

    from gridtask.report.charts import charts_of

    source = resources.files("gridtask.report").joinpath("page.html")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(source.read_text(encoding="utf-8"))
    charts = dict.fromkeys(("timeline", "progress", "waiting", "durations", "memory"))
    # Drawn by matplotlib, which escapes the names that it writes.
    charts |= {name: Markup(svg) for name, svg in charts_of(data).items()}
    return template.render(
        task=data.task,
        run=data.run_id,
        name=data.name,
        version=__version__,
        made=_date(data.made_at),
        verdict=_verdict(data),
        n_calls=data.n_calls,
        counts={s: n for s, n in data.counts.items() if n or s in SHOWN_STATES},
        facts=_facts(data),
        failures=data.failures,
        n_more_groups=data.n_more_groups,
        charts=charts,
        slowest=[_slow_call(asdict(call)) for call in data.slowest],
        versions=[_version(version, data) for version in data.versions],
        **_texts(data),
    )


SHOWN_STATES = ("finished", "failed")
"""States that are shown although no call is in them."""


def _verdict(data: ReportData) -> str:
    """Return the run in one sentence."""
    counts, n_calls = data.counts, data.n_calls
    n_open = counts["running"] + counts["queued"]
    if n_open:
        return f"Not over yet: {n_open:,} of {n_calls:,} calls are running or in queue."
    if counts["failed"]:
        return f"Over: {counts['failed']:,} of {n_calls:,} calls failed."
    if counts["cached"] == n_calls:
        return "Over: every result was in the cache."
    return "Over: every call has its result."


def _facts(data: ReportData) -> list[tuple[str, str]]:
    """Return when and how the run was submitted."""
    facts = [("submitted (UTC)", _date(data.submitted_at))]
    if data.workers:
        seconds = max(w.ended_at for w in data.workers) - data.submitted_at
        hosts = len({worker.host for worker in data.workers})
        computed = sum(call.seconds for call in data.calls)
        facts += [
            ("took", format_duration(max(0.0, seconds))),
            ("computing time", format_duration(computed)),
            ("hosts", f"{hosts:,}"),
        ]
    return [*facts, *data.about.items()]


def _texts(data: ReportData) -> dict[str, str]:
    """Return the sentences beside the figures."""
    names = ("timeline_text", "waiting_text", "durations_text", "memory_text")
    if not data.workers:
        return dict.fromkeys(names, "")
    texts = (_timeline_text(data), _waiting_text(data), _durations_text(data))
    return dict(zip(names, (*texts, _memory_text(data)), strict=True))


def _timeline_text(data: ReportData) -> str:
    from gridtask.report.charts import has_lanes

    if not has_lanes(data):
        return (
            "A row is a host, the darker the more array tasks it ran at that time; red "
            "below it are failed calls."
        )
    return (
        "A bar is an array task on a node; red are failed calls. Rows of a host are "
        "its slots, filled from the first: which one it was is not recorded."
    )


def _waiting_text(data: ReportData) -> str:
    waits = sorted(max(0.0, w.started_at - data.submitted_at) for w in data.workers)
    spans = sum(worker.ended_at - worker.started_at for worker in data.workers)
    computed = sum(call.seconds for call in data.calls)
    text = (
        f"The first array task began its first call after {format_duration(waits[0])}"
    )
    if len(waits) > 1:
        text += f", half of them after {format_duration(quantile(waits, 0.5))}"
    share = 100 * computed / spans if spans > 0 else 100.0
    return text + (
        f". Of the time that array tasks held a slot from their first call on, "
        f"{min(share, 100):.0f} % went into calls."
    )


def _durations_text(data: ReportData) -> str:
    seconds = sorted(call.seconds for call in data.calls)
    if len(seconds) == 1:
        return f"One call, {_short(seconds[0])}."
    median, p95 = quantile(seconds, 0.5), quantile(seconds, 0.95)
    return (
        f"Median {_short(median)}, 95 % within {_short(p95)}, "
        f"longest {_short(seconds[-1])}."
    )


def _memory_text(data: ReportData) -> str:
    if not data.peaks_mb:
        return "Not measured."
    kind = "Address space" if data.memory_of == "address space" else "Resident memory"
    text = f"{kind} of the worker until a call's end: "
    text += f"largest {format_size(data.peaks_mb[-1] * _MIB)}"
    if data.limit_mb is None:
        return text + "; no limit was asked for."
    share = 100 * data.peaks_mb[-1] / data.limit_mb
    return (
        text + f", {share:.0f} % of the {format_size(data.limit_mb * _MIB)} asked for."
    )


def _slow_call(call: dict[str, Any]) -> dict[str, Any]:
    memory = format_size(call["memory_mb"] * _MIB) if call["memory_mb"] else "-"
    return {**call, "duration": _short(call["seconds"]), "memory": memory}


def _version(version: Any, data: ReportData) -> dict[str, Any]:
    """Return a version of the code as its row."""
    changes = [change.summary for change in version.changes]
    more = len(changes) - MAX_CHANGES
    listed = "; ".join(changes[:MAX_CHANGES]) + (
        f"; and {more} more" if more > 0 else ""
    )
    pairs = version.distributions.items()
    return {
        "code": version.code[:8],
        "is_this": version.code[:8] == data.about.get("code"),
        "first_used": _date(version.first_used_at) if version.first_used_at else "-",
        "results": version.results,
        "failed": version.failed,
        "distributions": ", ".join(f"{name} {at}" for name, at in pairs) or "-",
        "changes": listed or "-",
    }


MAX_CHANGES = 6
"""Changes of a version that are listed."""


def _short(seconds: float) -> str:
    """Return a duration, also one below a hundredth of a second."""
    if seconds < 0.0995:
        return f"{1000 * seconds:.2g} ms"
    return format_duration(seconds)


def _date(timestamp: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(timestamp))
