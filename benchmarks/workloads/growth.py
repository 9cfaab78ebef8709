"""One task's store, from a thousand results to a million."""

import math
import sys

from measure import FOLDER, HERE, Case, Entry

TITLE = "Growth of one task's results"

VERBS = {
    "lookup": "look-up of all, µs a call",
    "ls": "gridtask ls, CPU s",
    "new": "one new result, ms",
    "poll": "one poll, ms",
}


def cases(options):
    """Return one case: a row for each size."""
    powers = range(3, 5 if options.quick else 7)
    script = str(HERE / "growing.py")
    entries = []
    for n in [10**power for power in powers]:
        argv = [sys.executable, script, FOLDER, str(n)]
        entries.append(
            Entry(f"{n:,}", [*argv, "look"], "gridtask", first=[*argv, "fill"])
        )
    return [
        Case(
            "CPU by number of results",
            entries,
            "nothing worse than linear, look-up of a call and poll nearly flat",
            tuple(VERBS),
            keeps_folder=True,
            conclude=_exponents,
        )
    ]


def _exponents(case):
    """Say with which power of the number each figure grows, by least squares."""
    found = []
    for verb in VERBS:
        points = [
            (math.log(int(e.name.replace(",", ""))), math.log(value))
            for e in case.entries
            if (value := e.median(verb))
        ]
        if len(points) > 1:
            mean_x = sum(x for x, _ in points) / len(points)
            mean_y = sum(y for _, y in points) / len(points)
            slope = sum((x - mean_x) * (y - mean_y) for x, y in points)
            slope /= sum((x - mean_x) ** 2 for x, _ in points)
            found.append(f"{VERBS[verb].split(',')[0]} {slope:.2f}")
    return f"Fitted exponents: {', '.join(found)}."
