"""A rerun of calls that are all done: whole processes."""

import sys

from measure import FOLDER, Case, Entry, contestant

TITLE = "Rerun of calls that are all there"

TARGETS = {
    1_000: "no more than the lightest peer",
    10_000: "0.6 of the best peer",
    100_000: "half of exca, 1.6 times the floor, at most 10 file-system calls",
}


def cases(options):
    """Return sizes and kinds of results."""
    sizes = (1_000, 10_000) if options.quick else (1_000, 10_000, 100_000)
    chosen = [(n, "float") for n in sizes]
    chosen += [(sizes[-1], kind) for kind in ("dict", "array")]
    return [_case(n, kind) for n, kind in chosen]


def _case(n, kind):
    args = ("rerun", FOLDER, n, kind)
    entries = [
        contestant("gridtask", "with_gridtask", *args, role="gridtask"),
        contestant("exca CacheDict", "with_exca_cachedict", *args),
        contestant("exca MapInfra", "with_exca", *args),
        contestant("diskcache", "with_diskcache", *args),
        contestant("packed", "floor", *args, role="floor"),
    ]
    if n <= 10_000 and kind == "float":
        entries.insert(4, contestant("joblib", "with_joblib", *args))
        entries.append(Entry("bare Python", [sys.executable, "-c", "pass"], "other"))
    title = f"{n:,} results, each {_words(kind)}"
    target = TARGETS.get(n, "") if kind == "float" else ""
    return Case(title, entries, target, keeps_folder=True, traces=n == 1_000)


def _words(kind):
    return {"float": "a float", "dict": "a small dict", "array": "an array of 1 kB"}[
        kind
    ]
