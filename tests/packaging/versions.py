"""Run quick tests with the lowest and the newest dependencies, on each Python.

    make test-versions                          # all that can be had here
    make test-versions ARGS="3.11 lowest"       # one of them

The lowest versions are those that pyproject.toml names. A combination for which no
package can be had (numpy 1.26 is older than Python 3.13) is named and left out.
"""

from __future__ import annotations

import glob
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import wheel as wheels

PYTHONS = ("3.11", "3.12", "3.13")
PLACES = ("~/.pyenv/versions/*/bin", "~/.local/share/uv/python/*/bin", "/usr/bin")
TOOLS = ("pytest", "hypothesis", "pexpect", "pandas")
QUICK = (
    "tests/contract/test_map.py",
    "tests/store/test_values.py",
    "tests/store/test_segment.py",
    "tests/store/test_views.py",
    "tests/identity/test_arguments.py",
    "tests/identity/test_arguments_arrays.py",
    "tests/identity/test_arguments_frames.py",
    "tests/identity/test_code.py",
    "tests/cli/test_ls.py",
    "tests/cli/test_table.py",
    "tests/test_packing.py",
    "tests/test_progress.py",
)
"""What dependencies and Python's version matter to."""

ARGS = ("-q", "-m", "not cluster and not faults", "-p", "no:cacheprovider")


def interpreters() -> dict[str, str]:
    """Return an interpreter for each version of Python that is there."""
    found = {}
    for version in PYTHONS:
        paths = (
            path
            for place in PLACES
            for path in glob.glob(f"{os.path.expanduser(place)}/python{version}")
        )
        if path := next(paths, None):
            found[version] = path
    return found


def lowest() -> list[str]:
    """Return the dependencies of pyproject.toml at the versions that it names."""
    project = tomllib.loads((wheels.ROOT / "pyproject.toml").read_text())["project"]
    pairs = (re.split(">=", text) for text in project["dependencies"])
    return [f"{name}=={version}" for name, version in pairs]


def main(args: list[str]) -> int:
    """Test each combination, then say how each ended."""
    outcomes: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="gridtask-versions-") as name:
        folder = Path(name)
        built = wheels.build_wheel(folder)
        for version, base in interpreters().items():
            for which, pins in (("lowest", lowest()), ("newest", [])):
                if args and not {version, which}.issuperset(args):
                    continue
                place = folder / f"{version}-{which}"
                place.mkdir()
                outcomes[f"Python {version}, {which}"] = test(place, built, base, pins)
    for combination, outcome in outcomes.items():
        print(f"{combination}: {outcome}")
    return int("failed" in outcomes.values())


def test(place: Path, built: Path, base: str, pins: list[str]) -> str:
    """Test one combination and return how that ended."""
    try:
        python = wheels.make_environment(place / "env", built, base, *pins, *TOOLS)
    except subprocess.CalledProcessError:
        return "not installed: see above"
    status = wheels.run_tests(python, place / "project", *ARGS, *QUICK)
    return "failed" if status else "passed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
