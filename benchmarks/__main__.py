"""Measure gridtask beside its peers and the physical floor.

python benchmarks [--quick] [--only warm cold ...] [--folder ON_A_NETWORK]

The first call makes an environment of its own, build/bench/venv. Tables go to the
terminal; tables, figures (JSON) and plots to build/bench.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import venv
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from measure import Case

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "build" / "bench"
PYTHON = OUT / "venv" / "bin" / "python"

WORKLOADS = (
    "warm",
    "cold",
    "identity",
    "common",
    "results",
    "start",
    "edit",
    "cluster",
    "growth",
    "network",
)


def main() -> None:
    """Make the environment, and go on in it."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small, three rounds")
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--rounds", type=int, help="of each contestant")
    parser.add_argument("--folder", help="on a slow file system, for `network`")
    options = parser.parse_args()
    if Path(sys.prefix) != PYTHON.parent.parent:
        make_environment()
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    options.rounds = options.rounds or (3 if options.quick else 5)
    measure_all(options)


def make_environment() -> None:
    """Install the peers, once, and the project as it is now."""
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet"]
    if not PYTHON.exists():
        venv.create(PYTHON.parent.parent, with_pip=True)
        subprocess.run([*pip, "-r", str(HERE / "requirements.txt")], check=True)
    argv = [*pip, "--force-reinstall", "--no-deps", str(HERE.parent)]
    subprocess.run([*pip, str(HERE.parent)], check=True)
    subprocess.run(argv, check=True)


def measure_all(options: argparse.Namespace) -> None:
    """Measure the chosen workloads, show and write what came out."""
    from measure import measure
    from tables import table

    print(f"# {about_machine()}\n", flush=True)
    for name in options.only:
        workload = import_module(f"workloads.{name}")
        cases = workload.cases(options)
        for case in cases:
            parent = options.folder if name == "network" else None
            measure(case, options.rounds, parent)
            print(table(case), end="\n\n", flush=True)
        figures = {"machine": about_machine(), "cases": list(map(as_json, cases))}
        path = OUT / f"{name}.json"
        path.write_text(json.dumps(figures, indent=1))
        texts = [f"## {workload.TITLE}", *map(table, cases)]
        (OUT / f"{name}.md").write_text("\n\n".join(texts) + "\n")
        plot = [sys.executable, HERE / "plots.py", path, path.with_suffix(".svg")]
        subprocess.run(plot, check=True)


def as_json(case: Case) -> dict[str, object]:
    """Return what was measured of a case."""
    entries = [
        {"name": e.name, "role": e.role, "samples": e.samples, "error": e.error}
        for e in case.entries
    ]
    about = {"title": case.title, "target": case.target, "ranked_by": case.ranked_by}
    return about | {"entries": entries}


def about_machine() -> str:
    """Say when and on what this was measured."""
    from importlib.metadata import version

    names = (HERE / "requirements.txt").read_text().split("\n")
    peers = [n for n in names if n and not n.startswith("#")]
    versions = ", ".join(f"{n} {version(n)}" for n in ["numpy", *peers])
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load"
        f" {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, {versions}"
    )


if __name__ == "__main__":
    main()
