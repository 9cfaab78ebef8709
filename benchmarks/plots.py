"""Bars of what was measured: python plots.py FIGURES.json PICTURE.svg.

A process of its own: the peak memory of a child is at least what its parent holds,
so the one that measures must stay small.
"""

from __future__ import annotations

import json
import statistics
import sys

from matplotlib.figure import Figure

COLOURS = {"gridtask": "#1f6f54", "peer": "#b0b7bd", "floor": "#e3c567"}


def plot(cases: list[dict], path: str) -> None:
    """Draw the first figure of each case, on a logarithmic axis."""
    drawn = [(case, bars) for case in cases if (bars := bars_of(case))]
    if not drawn:
        return
    heights = [len(bars) for _, bars in drawn]
    size = (8, 0.3 * sum(heights) + 0.8 * len(drawn))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(drawn), squeeze=False, height_ratios=heights)[:, 0]
    for ax, (case, bars) in zip(axes, drawn, strict=True):
        names, values, colours = zip(*reversed(bars), strict=True)
        shown = ax.barh(names, values, color=colours)
        ax.bar_label(shown, [f"{value:.3g}" for value in values], padding=3)
        ax.set(xscale="log", title=f"{case['title']}: {case['ranked_by'][0]}")
        ax.set_xlim(min(values) / 3, max(values) * 3)
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def bars_of(case: dict) -> list[tuple[str, float, str]]:
    """Return name, median and colour of each contestant that ran."""
    figure, bars = case["ranked_by"][0], []
    for entry in case["entries"]:
        values = [s[figure] for s in entry["samples"] if figure in s]
        if values:
            colour = COLOURS.get(entry["role"], "#d5d9dc")
            bars.append((entry["name"], statistics.median(values), colour))
    return bars


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        plot(json.load(file)["cases"], sys.argv[2])
