"""The figures of a report, each readable for one call and for 100,000."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, StrMethodFormatter

from gridtask.caches.traces import WorkerTrace
from gridtask.caches.usage import quantile
from gridtask.report.data import ReportData
from gridtask.report.drawing import (
    FAILED,
    FINISHED,
    INK,
    LINE,
    MARK,
    NARROW,
    QUEUED,
    drawn,
    mark,
    time_unit,
)
from gridtask.report.lanes import Lane, busy_by_host, lanes_of
from gridtask.units import format_size

MAX_LANES, MAX_BARS, MAX_HOSTS = 40, 2000, 30
"""Beyond these the timeline shows how busy each host was, not single calls."""

N_TIMES, N_BINS, N_POINTS = 120, 40, 300
"""Bins of the timeline and of a distribution; points of a curve."""

N_SHADES = 6

THOUSANDS = StrMethodFormatter("{x:,.0f}")

FEWEST = 3
"""So few values are told, not drawn."""

_MIB = 1 << 20

T = TypeVar("T")
Box = list[tuple[float, float]]


def charts_of(data: ReportData) -> dict[str, str]:
    """Return the figures by name; those that would show nothing are left out."""
    if not data.workers:
        return {}
    charts = {"timeline": _timeline(data)}
    if len(data.workers) >= FEWEST:
        charts["waiting"] = _waiting(data)
    seconds = sorted(call.seconds for call in data.calls)
    if len(seconds) >= FEWEST:
        charts["progress"] = _progress(data)
        charts["durations"] = _durations(seconds)
    if len(data.peaks_mb) >= FEWEST:
        charts["memory"] = _memory(data)
    return charts


def has_lanes(data: ReportData) -> bool:
    """Tell whether the timeline has room for a row of each slot."""
    is_few = len(data.workers) <= MAX_BARS
    return is_few and len(lanes_of(data.workers)) <= MAX_LANES


def end_of(data: ReportData) -> float:
    """Return when the last call ended, POSIX seconds."""
    return max(worker.ended_at for worker in data.workers)


# --------------------------------------------------------------------- timeline


def _timeline(data: ReportData) -> str:
    lanes = lanes_of(data.workers)
    n_calls = sum(len(worker.calls) for worker in data.workers)
    if has_lanes(data):
        title = "When each slot of each host was at work"
        height = 1.1 + 0.24 * max(2, len(lanes))
        has_calls = n_calls <= MAX_BARS
        return drawn(
            "timeline", title, height, lambda f: _draw_lanes(f, data, lanes, has_calls)
        )
    start, end = data.submitted_at, end_of(data)
    busy = _few(busy_by_host(data.workers, start, max(end, start + 1e-3), N_TIMES))
    title = "How many array tasks each host ran at a time"
    height = 1.1 + 0.24 * max(2, len(busy))
    return drawn("timeline", title, height, lambda f: _draw_hosts(f, data, busy))


def _draw_lanes(
    figure: Figure, data: ReportData, lanes: Sequence[Lane], has_calls: bool
) -> None:
    """Draw a bar for each worker, in it one for each call or for each failure."""
    axes = figure.add_subplot()
    unit, name = time_unit(end_of(data) - data.submitted_at)
    hulls: list[Box] = []
    done: list[Box] = []
    failed: list[Box] = []
    for row, lane in enumerate(lanes):
        for worker in lane.workers:
            span = (worker.started_at, worker.ended_at)
            hulls.append(_box(span, row, 0.38, data.submitted_at, unit))
            for call in worker.calls:
                if has_calls or call.failed:
                    span = (call.started_at, call.ended_at)
                    box = _box(span, row, 0.28, data.submitted_at, unit)
                    (failed if call.failed else done).append(box)
    alpha = 0.3 if has_calls else 0.85
    _add(axes, hulls, FINISHED, alpha=alpha)
    _add(axes, done, FINISHED, edge=True)
    _add(axes, failed, FAILED, edge=True)
    hosts = [lane.host if lane.number == 0 else "" for lane in lanes]
    axes.set_yticks(range(len(lanes)), hosts)
    _finish_timeline(axes, data, len(lanes), unit, name)


def _draw_hosts(figure: Figure, data: ReportData, busy: dict[str, list[float]]) -> None:
    """Draw a row for each host, the darker the more array tasks it ran."""
    axes = figure.add_subplot()
    start, end = data.submitted_at, end_of(data)
    unit, name = time_unit(end - start)
    width = (end - start) / N_TIMES
    most = max(max(bins) for bins in busy.values()) or 1.0
    shades: dict[int, list[Box]] = {}
    failed = _failed_bins(data, width)
    marks: list[Box] = []

    def box(first: int, last: int, row: float, half: float) -> Box:
        span = (start + first * width, start + last * width)
        return _box(span, row, half, start, unit)

    for row, (host, bins) in enumerate(busy.items()):
        depths = [math.ceil(N_SHADES * value / most) for value in bins]
        for shade, first, last in _stretches(depths):
            shades.setdefault(shade, []).append(box(first, last, row, 0.42))
        times = (i for i in range(N_TIMES) if (host, i) in failed)
        marks += [box(i, i + 1, row + 0.32, 0.1) for i in times]
    for shade, boxes in sorted(shades.items()):
        _add(axes, boxes, FINISHED, alpha=shade / N_SHADES)
    _add(axes, marks, FAILED)
    axes.set_yticks(range(len(busy)), list(busy))
    _finish_timeline(axes, data, len(busy), unit, name)
    axes.set_title(
        f"darkest: {most:.0f} array tasks at once", loc="right", fontsize=9, color=INK
    )


def _stretches(values: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield each stretch of equal numbers but 0: number, start and end."""
    start = 0
    for value, group in itertools.groupby(values):
        end = start + len(list(group))
        if value:
            yield value, start, end
        start = end


def _failed_bins(data: ReportData, width: float) -> set[tuple[str, int]]:
    """Return on which host in which bin of the time calls have failed."""
    return {
        (worker.host or "-", int((call.ended_at - data.submitted_at) / width))
        for worker in data.workers
        for call in worker.calls
        if call.failed
    }


def _finish_timeline(
    axes: Axes, data: ReportData, n_rows: int, unit: float, name: str
) -> None:
    axes.set_xlim(0, max((end_of(data) - data.submitted_at) / unit, 1e-9) * 1.01)
    axes.set_ylim(n_rows - 0.4, -0.6)
    axes.set_xlabel(f"time since submission ({name})")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)


def _few(busy: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the busiest hosts by name, and the sum of the others."""
    if len(busy) <= MAX_HOSTS:
        return dict(sorted(busy.items()))
    ranked = sorted(busy, key=lambda host: -sum(busy[host]))
    kept, others = sorted(ranked[: MAX_HOSTS - 1]), ranked[MAX_HOSTS - 1 :]
    n_others = len(others)
    means = [
        sum(values) / n_others
        for values in zip(*(busy[host] for host in others), strict=True)
    ]
    return {host: busy[host] for host in kept} | {f"mean of {n_others} others": means}


def _box(
    span: tuple[float, float], row: float, half: float, start: float, unit: float
) -> Box:
    left, right = ((at - start) / unit for at in span)
    return [
        (left, row - half),
        (right, row - half),
        (right, row + half),
        (left, row + half),
    ]


def _add(
    axes: Axes,
    boxes: Sequence[Box],
    colour: str,
    alpha: float = 1.0,
    edge: bool = False,
) -> None:
    """Add rectangles; with an edge so that the thinnest are seen."""
    if boxes:
        axes.add_collection(
            PolyCollection(
                boxes,
                facecolors=colour,
                edgecolors=colour if edge else "none",
                linewidths=0.5 if edge else 0.0,
                alpha=alpha,
            )
        )


# --------------------------------------------------------------------- progress


def _progress(data: ReportData) -> str:
    title = "Calls that have ended, and array tasks at work, over time"
    return drawn("progress", title, 2.6, lambda f: _draw_progress(f, data))


def _draw_progress(figure: Figure, data: ReportData) -> None:
    left, right = figure.subplots(1, 2)
    start = data.submitted_at
    unit, name = time_unit(end_of(data) - start)
    ended = sorted(call.ended_at for call in data.calls)
    points = _thinned(list(enumerate(ended, start=1)))
    times = [0.0, *((at - start) / unit for _, at in points)]
    counts = [0, *(number for number, _ in points)]
    _area(left, times, counts)
    left.set_title("calls that have ended", loc="left", fontsize=10)
    end = max(end_of(data), start + 1e-3)
    busy = busy_by_host(data.workers, start, end, N_TIMES)
    running = [sum(values) for values in zip(*busy.values(), strict=True)]
    width = (end - start) / N_TIMES / unit
    _area(right, [i * width for i in range(N_TIMES + 1)], [*running, 0.0])
    right.set_title("array tasks at work", loc="left", fontsize=10)
    for axes in (left, right):
        axes.set_xlabel(f"time since submission ({name})")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_formatter(THOUSANDS)
        axes.grid(axis="y")


def _area(axes: Axes, times: Sequence[float], counts: Sequence[float]) -> None:
    axes.fill_between(
        times, counts, step="post", color=FINISHED, alpha=0.25, linewidth=0
    )
    axes.step(times, counts, where="post", color=FINISHED, linewidth=1.4)


def _thinned(points: Sequence[T]) -> list[T]:
    """Return about `N_POINTS` of many points, the first and the last among them."""
    step = math.ceil(len(points) / N_POINTS)
    return [*points[:-1:step], *points[-1:]]


# ---------------------------------------------------------------- distributions


def _waiting(data: ReportData) -> str:
    title = "How long each array task waited, and then ran"
    return drawn("waiting", title, 2.6, lambda f: _draw_waiting(f, data))


def _draw_waiting(figure: Figure, data: ReportData) -> None:
    """Stack waiting and running time of the array tasks, by their start."""
    axes = figure.add_subplot()
    workers = _thinned(sorted(data.workers, key=lambda worker: worker.started_at))
    unit, name = time_unit(end_of(data) - data.submitted_at)
    waits = [max(0.0, w.started_at - data.submitted_at) / unit for w in workers]
    runs = [_span(worker) / unit for worker in workers]
    width = len(data.workers) / len(workers)
    numbers = [i * width for i in range(len(workers) + 1)]
    ends = [wait + run for wait, run in zip(waits, runs, strict=True)]
    waits, ends = [*waits, waits[-1]], [*ends, ends[-1]]
    fill: Any = {"step": "post", "linewidth": 0}
    axes.fill_between(numbers, 0, waits, color=QUEUED, label="waiting", **fill)
    axes.fill_between(numbers, waits, ends, color=FINISHED, label="running", **fill)
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, len(data.workers))
    axes.set_xlabel("array tasks, in the order in which they started")
    axes.set_ylabel(f"time since submission ({name})")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.xaxis.set_major_formatter(THOUSANDS)
    axes.grid(axis="y")
    axes.legend(loc="upper left", frameon=False, ncols=2, fontsize=9)


def _span(worker: WorkerTrace) -> float:
    return max(0.0, worker.ended_at - worker.started_at)


def _durations(seconds: Sequence[float]) -> str:
    median, p95 = quantile(seconds, 0.5), quantile(seconds, 0.95)
    unit, name = time_unit(p95)
    values = [value / unit for value in seconds]

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        _histogram(axes, values)
        axes.set_xlabel(f"duration of a call ({name})")
        mark(axes, median / unit, f"median {median / unit:.3g}", INK, level=1)
        mark(axes, p95 / unit, f"95 % {p95 / unit:.3g}", INK)

    title = "Distribution of the calls' durations"
    return drawn("durations", title, 2.8, draw, NARROW)


def _memory(data: ReportData) -> str:
    largest, limit = data.peaks_mb[-1], data.limit_mb
    in_gib = max(largest, limit or 0) >= 2048
    unit, name = (1024, "GiB") if in_gib else (1, "MiB")
    values = [peak / unit for peak in data.peaks_mb]

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        _histogram(axes, values, may_be_log=False)
        axes.set_xlabel(f"peak of the {data.memory_of} ({name})")
        axes.set_xlim(0, max(limit or 0, largest) / unit * 1.05)
        mark(axes, largest / unit, f"largest {format_size(largest * _MIB)}", INK)
        if limit is not None:
            text = f"limit {format_size(limit * _MIB)}"
            mark(axes, limit / unit, text, MARK, level=1)

    title = "Distribution of the calls' peaks of memory"
    return drawn("memory", title, 2.8, draw, NARROW)


def _histogram(axes: Axes, values: Sequence[float], may_be_log: bool = True) -> None:
    """Draw a distribution, over a logarithmic axis where it is wide."""
    least, most = values[0], values[-1]
    positive = max(least, most * 1e-6)
    if may_be_log and most > 50 * quantile(values, 0.5) and positive > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        step = (math.log(most) - math.log(positive)) / N_BINS
        edges = [math.exp(math.log(positive) + i * step) for i in range(N_BINS + 1)]
    else:
        low, width = least, (most - least) / N_BINS
        if width <= most * 1e-4:  # all alike: one bar that can be seen
            width = max(most, 1e-9) * 0.02
            low = least - width * N_BINS / 2
        edges = [low + i * width for i in range(N_BINS + 1)]
    axes.hist(values, bins=edges, color=FINISHED, edgecolor="none", rwidth=0.92)
    axes.set_ylabel("calls")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(THOUSANDS)
    axes.grid(axis="y", color=LINE)
