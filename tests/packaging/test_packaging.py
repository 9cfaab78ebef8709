"""What is built from this tree: complete, reproducible, and usable by itself."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path
from types import ModuleType

import pytest

import gridtask

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
API = ROOT / "tests/typing/api.py"
DATE = "1700000000"
SITE_PACKAGES = Path(pytest.__file__).parents[1]


def load(name: str) -> ModuleType:
    """Import a script that lies beside this module."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


wheels = load("wheel")

if not (ROOT / "gridtask").exists():
    pytest.skip("the package is not beside its tests", allow_module_level=True)


@pytest.fixture(scope="session")
def source(tmp_path_factory) -> Path:
    """A copy of the tree, which others may be editing."""
    return wheels.copy_project(tmp_path_factory.mktemp("source"), package=True)


def build(source: Path, folder: Path) -> tuple[Path, Path]:
    """Build wheel and sdist, without a network."""
    pytest.importorskip("build", reason="needs `build`, of the extra test")
    argv = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
    env = {**os.environ, "SOURCE_DATE_EPOCH": DATE}
    done = subprocess.run([*argv, str(source)], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


@pytest.fixture(scope="session")
def built(source, tmp_path_factory) -> tuple[Path, Path]:
    """The wheel and the sdist."""
    return build(source, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def environment(built, tmp_path_factory) -> Path:
    """An environment with the wheel, and the dependencies of this one.

    Its path leads to the folder of the dependencies, but the ``.pth`` files in that
    folder are not followed: an editable installation of the tree is not seen.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{SITE_PACKAGES}\n")
    argv = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python")]
    argv += ["install", "--quiet", "--no-deps", "--no-index", str(built[0])]
    subprocess.run(argv, check=True)
    return folder


def test_wheel_holds_the_package_and_nothing_else(source, built):
    """All modules and the marker of types; no tests, no settings."""
    names = set(zipfile.ZipFile(built[0]).namelist())
    package = {n for n in names if ".dist-info/" not in n}
    expected = {
        str(path.relative_to(source))
        for path in (source / "gridtask").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert package == expected
    assert "gridtask/py.typed" in package


def test_sdist_holds_what_is_needed_to_test_it(built):
    """The tests, the examples they run, the pages they try."""
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in wheels.BESIDE_THE_PACKAGE:
        assert name in names, name
    assert {"tests/gridcell.py", "docs/tutorial.md", "examples/simple.py"} <= names
    assert not [name for name in names if "__pycache__" in name]


def test_builds_are_reproducible(source, built, tmp_path):
    """The same tree makes the same wheel, byte by byte."""
    again, _ = build(source, tmp_path)
    assert again.read_bytes() == built[0].read_bytes()


def test_metadata(built):
    """What an index shows is there, and says what the code says."""
    archive = zipfile.ZipFile(built[0])
    (name,) = [n for n in archive.namelist() if n.endswith("/METADATA")]
    metadata = Parser().parsestr(archive.read(name).decode())
    assert metadata["Name"] == "gridtask"
    assert metadata["Version"] == gridtask.__version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    assert set(metadata.get_all("Provides-Extra")) >= {"report", "docs", "test"}
    assert metadata.get_payload().startswith("# gridtask")


def test_citation_has_the_version():
    """CITATION.cff is of this version."""
    assert f"\nversion: {gridtask.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def run(environment: Path, folder: Path, *argv: str) -> str:
    """Run a program of the environment in a folder where no package lies."""
    env = {n: v for n, v in os.environ.items() if n != "PYTHONPATH"}
    env |= {"GRIDTASK_BACKEND": "local"}
    program, *rest = argv
    done = subprocess.run(
        [environment / "bin" / program, *rest],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_wheel_runs_by_itself(environment, tmp_path):
    """The command, a script on real workers, and no trace of the tree."""
    code = "import gridtask; print(gridtask.__file__)"
    where = run(environment, tmp_path, "python", "-c", code)
    assert where.startswith(str(environment))
    version = run(environment, tmp_path, "gridtask", "--version")
    assert version == f"gridtask {gridtask.__version__}\n"
    (tmp_path / "simple.py").write_text((ROOT / "examples/simple.py").read_text())
    printed = run(environment, tmp_path, "python", "simple.py")
    assert "with c=100: [111, 122, 133]" in printed
    assert "add" in run(environment, tmp_path, "gridtask", "ls")


def test_wheel_passes_tests(source, environment, tmp_path):
    """A part of the suite, with the tree not on the path (`make test-wheel`: all)."""
    without = shutil.ignore_patterns("gridtask", "build", "*.egg-info")
    project = Path(shutil.copytree(source, tmp_path / "project", ignore=without))
    argv = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    argv += ["tests/contract/test_map.py", "-k", "local", "--basetemp", "temporary"]
    assert " passed" in run(environment, project, *argv)


def test_mypy_sees_the_types(environment, tmp_path):
    """A user's strict mypy knows results and signatures from the wheel."""
    pytest.importorskip("mypy", reason="needs mypy, of the extra test")
    argv = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
    argv += ["--python-executable", str(environment / "bin/python"), str(API)]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_pyright_sees_the_types(environment, tmp_path):
    """So does a user's strict pyright."""
    pytest.importorskip("pyright", reason="needs pyright, of the extra test")
    argv = [sys.executable, "-m", "pyright"]
    version = subprocess.run([*argv, "--version"], capture_output=True, text=True)
    if version.returncode:
        pytest.skip(f"pyright cannot run (it needs node): {version.stderr.strip()}")
    (tmp_path / "api.py").write_text(API.read_text())
    settings = '{"enableTypeIgnoreComments": false}'  # those of mypy
    (tmp_path / "pyrightconfig.json").write_text(settings)
    argv += ["--pythonpath", str(environment / "bin/python")]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
