"""Run the tests on the wheel: in an empty environment, the tree out of reach.

make test-wheel                    # all tests
make test-wheel ARGS="-k store"    # some
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
BESIDE_THE_PACKAGE = (
    ".ci",
    "benchmarks",
    "docs",
    "examples",
    "tests",
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "MANIFEST.in",
    "Makefile",
    "README.md",
    "pyproject.toml",
    "setup.cfg",
)
"""What the project has beside its package."""


def copy_project(folder: Path, *, package: bool) -> Path:
    """Copy the project, with its package or without, to an empty folder."""
    for name in (*BESIDE_THE_PACKAGE, *(["gridtask"] if package else [])):
        source = ROOT / name
        if source.is_dir():
            ignore = shutil.ignore_patterns("__pycache__", ".gridtask")
            shutil.copytree(source, folder / name, ignore=ignore)
        elif source.exists():
            shutil.copy(source, folder / name)
    return folder


def build_wheel(folder: Path) -> Path:
    """Build the wheel in a folder of its own and return its path."""
    project = folder / "source"
    project.mkdir()
    copy_project(project, package=True)
    argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "."]
    subprocess.run([*argv, "--wheel-dir", str(folder)], cwd=project, check=True)
    shutil.rmtree(project)
    return next(folder.glob("*.whl"))


def make_environment(folder: Path, wheel: Path, base: str, *more: str) -> Path:
    """Make an environment with the wheel and `more`; return its interpreter."""
    subprocess.run([base, "-m", "venv", str(folder)], check=True)
    python = folder / "bin/python"
    argv = [str(python), "-m", "pip", "install", "--quiet", str(wheel), *more]
    subprocess.run(argv, check=True)
    return python


def run_tests(python: Path, folder: Path, *args: str) -> int:
    """Run the tests where no package lies beside them."""
    folder.mkdir()
    copy_project(folder, package=False)
    env = {name: v for name, v in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [python, "-m", "pytest", *args], cwd=folder, env=env
    ).returncode


def main(args: list[str]) -> int:
    """Build, install, test."""
    with tempfile.TemporaryDirectory(prefix="gridtask-wheel-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # tests of other users go through it
        wheel = build_wheel(folder)
        print(f"testing {wheel.name}", flush=True)
        wanted = Path(f"{wheel}[test]")
        python = make_environment(folder / "environment", wanted, sys.executable)
        return run_tests(python, folder / "project", *args)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
