"""The start of a script and of a worker."""

import sys

from measure import Case, Entry

TITLE = "Start of scripts and workers"

DECORATED = """
from gridtask import grid_task
@grid_task
def half(x):
    return x * 0.5
"""
WORKER = """
from importlib import import_module
from gridtask.worker.main import PRELOADED
for name in PRELOADED:
    import_module(name)
import numpy, cloudpickle, xxhash
"""


def cases(options):
    """Return imports, and workers."""
    imports = [
        _entry("gridtask, one task decorated", DECORATED, "gridtask"),
        *(_entry(name, f"import {name}") for name in ("diskcache", "jug")),
        *(_entry(name, f"import {name}") for name in ("joblib", "exca", "parsl")),
        _entry("bare Python", "pass", "floor"),
    ]
    workers = [
        _entry("gridtask's worker and numpy", WORKER, "gridtask"),
        _entry("numpy, cloudpickle", "import numpy, cloudpickle, xxhash", "floor"),
    ]
    return [
        Case("Import", imports, "30 ms more than bare Python"),
        Case("Worker to its first call", workers, "1.1 of the same imports"),
    ]


def _entry(name, code, role="peer"):
    return Entry(name, [sys.executable, "-c", code], role)
