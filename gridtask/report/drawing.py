"""Figures as inline SVG that takes its colours from the page.

matplotlib draws with stand-in colours; in the SVG each is replaced with a
variable of the page's style, so one picture serves light and dark.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, LINE = "#010101", "#020202", "#030303"
FINISHED, FAILED, QUEUED, MARK = "#040404", "#050505", "#060606", "#070707"
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    FINISHED: "--finished",
    FAILED: "--failed",
    QUEUED: "--queued",
    MARK: "--mark",
}

WIDE, NARROW = 9.0, 4.8
"""Inches of figures that take the page's width, or half of it."""

STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
}

TIME_UNITS = (
    (2 * 86_400.0, 86_400.0, "d"),
    (7200.0, 3600.0, "h"),
    (180.0, 60.0, "min"),
)

_STARTS_WITH_ID = re.compile(r'(\bid="|url\(#|href="#)')


def drawn(
    name: str,
    title: str,
    height: float,
    draw: Callable[[Figure], None],
    width: float = WIDE,
) -> str:
    """Return a figure as an SVG element.

    Parameters
    ----------
    name : str
        Makes the ids of its parts unique in the page.
    title : str
        What it shows, for those who cannot see it.
    height, width : float
        In inches; the page scales it to its own width.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        mpl.rcParams["svg.hashsalt"] = name
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = _STARTS_WITH_ID.sub(rf"\g<1>{name}-", svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    svg = svg.replace("'DejaVu Sans'", "var(--sans)").replace("DejaVu Sans", "inherit")
    head, _, body = svg.partition(">")
    head = re.sub(r' (?:width|height)="[^"]*"', "", head)
    label = escape(title, quote=True)
    return f'{head} role="img" aria-label="{label}">{body}'


def time_unit(seconds: float) -> tuple[float, str]:
    """Return in which unit a span of time is drawn: its seconds, its name."""
    for least, unit, name in TIME_UNITS:
        if seconds >= least:
            return unit, name
    return (1.0, "s") if seconds >= 0.5 else (0.001, "ms")


def mark(axes: Axes, at: float, text: str, colour: str, level: int = 0) -> None:
    """Mark a value on the horizontal axis; labels of other levels do not meet."""
    axes.axvline(at, color=colour, linewidth=1.4)
    fraction, _ = (axes.transScale + axes.transLimits).transform((at, 1.0))
    axes.annotate(
        text,
        (at, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3 + 13 * level),
        textcoords="offset points",
        color=colour,
        ha="left" if fraction < 0.6 else "right",
        va="bottom",
        fontsize=9,
    )
