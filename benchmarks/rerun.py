"""Rerun of calls that are all done, as whole processes beside other libraries.

pip install joblib exca
python benchmarks/rerun.py [--calls 10000] [--rounds 7]
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

from timing import alternate, run

CONTESTANTS = {
    "gridtask": "gridtask_map",
    "exca": "exca_mapinfra",
    "joblib": "joblib_memory",
}


def main() -> None:
    """Fill each contestant's cache, then time the reruns in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        commands = {}
        for library, script in CONTESTANTS.items():
            if importlib.util.find_spec(library) is None:
                print(f"{library:10} is not installed")
                continue
            path = Path(__file__).parent / "contestants" / f"{script}.py"
            folder = Path(root, library)
            commands[library] = [sys.executable, str(path), folder, str(options.calls)]
            run(commands[library])
        commands["python -c pass"] = [sys.executable, "-c", "pass"]
        timings = alternate(commands, options.rounds)
        for name, timing in timings.items():
            files = sum(p.is_file() for p in Path(root, name).rglob("*"))
            print(f"{name:16} {timing}, {files} files")


if __name__ == "__main__":
    main()
