"""Bars of what was measured, one picture a workload."""

from __future__ import annotations

from pathlib import Path

from measure import Case

COLOURS = {"gridtask": "#1f6f54", "peer": "#b0b7bd", "floor": "#e3c567"}


def plot(cases: list[Case], path: Path) -> None:
    """Draw the first figure of each case, on a logarithmic axis."""
    from matplotlib.figure import Figure

    cases = [case for case in cases if any(e.samples for e in case.entries)]
    if not cases:
        return
    n_bars = [sum(bool(e.samples) for e in case.entries) for case in cases]
    figure = Figure(
        figsize=(8, 0.3 * sum(n_bars) + 0.8 * len(cases)), layout="constrained"
    )
    axes = figure.subplots(len(cases), squeeze=False, height_ratios=n_bars)[:, 0]
    for ax, case in zip(axes, cases, strict=True):
        figure_name = case.ranked_by[0]
        entries = [e for e in reversed(case.entries) if e.median(figure_name)]
        values = [e.median(figure_name) or 0.0 for e in entries]
        colours = [COLOURS.get(e.role, "#d5d9dc") for e in entries]
        bars = ax.barh([e.name for e in entries], values, color=colours)
        ax.bar_label(bars, [f"{value:.3g}" for value in values], padding=3)
        ax.set(xscale="log", title=f"{case.title}: {figure_name}")
        ax.set_xlim(min(values) / 3, max(values) * 3)
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
