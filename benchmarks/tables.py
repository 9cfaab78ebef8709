"""Tables for people, of what was measured."""

from __future__ import annotations

from collections.abc import Iterable

from measure import Case, Entry

UNITS = {
    "cpu": "CPU s",
    "wall": "wall s",
    "peak": "peak MB",
    "files": "files",
    "mb": "MB",
    "calls": "fs calls",
    "digest_ms": "CPU ms",
    "driver_extra_mb": "more in the driver, MB",
    "all": "all results, s",
    "first": "first result, s",
    "lookup": "look-up, µs a call",
    "ls": "gridtask ls, CPU s",
    "new": "one new result, ms",
    "poll": "poll, ms",
}


def table(case: Case) -> str:
    """Return a case as a table of Markdown."""
    main = case.ranked_by[0]
    figures = [*case.ranked_by, *_others(case)]
    head = ["", *(UNITS.get(f, f) for f in figures), "to best peer", "to floor"]
    rows = [[_row_name(e), *(_cell(e, f) for f in figures)] for e in case.entries]
    best, floor = best_of(case, "peer", main), best_of(case, "floor", main)
    for row, entry in zip(rows, case.entries, strict=True):
        row += [_ratio(entry, main, best), _ratio(entry, main, floor)]
    lines = [head, ["---"] * len(head), *rows]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    missed = [f"{e.name}: {e.error}" for e in case.entries if e.error]
    notes = [f"Target: {case.target}."] if case.target else []
    notes += [f"Did not run: {'; '.join(missed)}."] if missed else []
    notes += [case.conclude(case)] if case.conclude else []
    return "\n\n".join([f"### {case.title}", text, *notes])


def best_of(case: Case, role: str, figure: str) -> Entry | None:
    """Return the quickest contestant of a role."""
    entries = [e for e in case.entries if e.role == role and e.median(figure)]
    return min(entries, key=lambda e: e.median(figure) or 0.0, default=None)


def _others(case: Case) -> Iterable[str]:
    """Return the figures that some contestant has, beside those ranked by."""
    known = {f for e in case.entries for s in e.samples for f in s}
    return [f for f in UNITS if f in known and f not in case.ranked_by]


def _row_name(entry: Entry) -> str:
    if entry.role == "gridtask":
        return f"**{entry.name}**"
    return f"{entry.name} (floor)" if entry.role == "floor" else entry.name


def _cell(entry: Entry, figure: str) -> str:
    """Return a median with its spread, or without for what does not vary."""
    value = entry.median(figure)
    if value is None:
        return "-"
    if figure in ("files", "calls"):
        return f"{value:,.0f}"
    if figure in ("mb", "peak"):
        return f"{value:.1f}"
    values = [s[figure] for s in entry.samples if figure in s]
    return f"{value:.3g} ({min(values):.3g} to {max(values):.3g})"


def _ratio(entry: Entry, figure: str, other: Entry | None) -> str:
    value = entry.median(figure)
    if value is None or other is None or other is entry:
        return "" if other is not entry else "1"
    return f"{value / (other.median(figure) or 1.0):.2f}"
