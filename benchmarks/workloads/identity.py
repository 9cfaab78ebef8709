"""Digests of values: CPU milliseconds, in a process for each contestant."""

import sys

from measure import HERE, Case, Entry

TITLE = "Digests of arguments"
SIZES = (64, 1024)
"""MB of the large arrays: quick, and else."""


def cases(options):
    """Return one case for each value."""
    n_mb = SIZES[not options.quick]
    values = {
        "c_order": f"an array of {n_mb} MB in C order",
        "f_order": f"an array of {n_mb} MB in Fortran's order",
        "strided": f"every second column of {n_mb} MB",
        "ints": "a list of 100,000 ints",
        "texts": "a list of 100,000 texts",
        "arrays": "a dict of 1,000 small arrays",
        "frame": "a data frame of 1,000,000 rows and 10 columns",
    }
    return [_case(title, value, n_mb) for value, title in values.items()]


def _case(title, value, n_mb):
    modules = {
        "gridtask": "with_gridtask",
        "joblib.hash": "with_joblib",
        "jug": "with_jug",
        "dask.tokenize": "with_dask",
        "xxh3_128": "floor",
    }
    roles = {"gridtask": "gridtask", "xxh3_128": "floor"}
    script = str(HERE / "digesting.py")
    entries = [
        Entry(
            name,
            [sys.executable, script, module, value, str(n_mb)],
            roles.get(name, "peer"),
        )
        for name, module in modules.items()
    ]
    if value in ("ints", "texts", "arrays", "frame"):
        entries.pop()
    target = "1.1 of xxh3_128, ahead of all peers"
    return Case(title, entries, target, ("digest_ms",))
