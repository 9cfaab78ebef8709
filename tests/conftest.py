"""Fixtures that lend tests a real Grid Engine, and keep them away from any other.

It also makes the modules of this folder importable by its tests.
"""

from __future__ import annotations

import os
import pwd
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

# Tests write a module twice within a second, and of the same size: Python would
# take the first one's byte code for the second one's. Users are not that quick.
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # for the scripts that tests run

# A shell's background jobs ignore what Ctrl-C and Ctrl-\ send, and hand that down.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)

GRIDCELL = Path(__file__).with_name("gridcell.py")
CELL_SLOTS = 4
DEPENDENCIES = ("numpy", "cloudpickle", "xxhash", "tabulate", "rich", "hypothesis")


def pytest_report_header() -> str:
    return "versions: " + ", ".join(
        f"{name} {metadata.version(name)}" for name in DEPENDENCIES
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the cell, so that ``-m "not cluster"`` leaves it out."""
    for item in items:
        if "cell" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cluster)


class Cell:
    """A running private cell: `root` is its folder, `env` what leads to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        lines = self.control("up", "--slots", str(CELL_SLOTS)).splitlines()
        exports = (shlex.split(line)[1].partition("=") for line in lines)
        self.env = {name: value for name, _, value in exports if name != "PATH"}

    @property
    def path(self) -> str:
        """The search path of programs with the cell's own in front."""
        return f"{self.root}/bin{os.pathsep}{os.environ['PATH']}"

    def control(self, verb: str, *args: str) -> str:
        """Run one verb of tests/gridcell.py: ``control("pause", "qmaster")``."""
        argv = [sys.executable, str(GRIDCELL), "--root", str(self.root), verb, *args]
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout


@pytest.fixture(scope="session")
def cell() -> Iterator[Cell]:
    """A private Grid Engine, started once; tests that use it find it by `qsub`.

    Where none can be had the test is skipped with the reason, or fails if
    GRIDTASK_REQUIRE_CLUSTER is 1.
    """
    with tempfile.TemporaryDirectory(prefix="gridtask-") as folder:
        os.chmod(folder, 0o755)  # jobs of other users go through it
        try:
            running = Cell(Path(folder, "cell"))
        except RuntimeError as error:
            reason = f"no Grid Engine cell: {error}"
            if os.environ.get("GRIDTASK_REQUIRE_CLUSTER") == "1":
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)
        try:
            yield running
        finally:
            running.control("down")


@pytest.fixture(autouse=True)
def scheduler_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Show the cell to tests that use it, and to the others no scheduler at all."""
    for name in [name for name in os.environ if name.startswith("SGE_")]:
        monkeypatch.delenv(name)
    if "cell" in request.fixturenames:
        running = request.getfixturevalue("cell")
        for name, value in running.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PATH", running.path)


@dataclass(frozen=True)
class OrdinaryUser:
    """A user without privileges, with a home folder and an interpreter."""

    name: str
    uid: int
    gid: int
    home: Path
    python: Path

    def run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] = os.environ,
        **options: object,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as this user, in the user's home folder."""
        return subprocess.run(
            argv,
            user=self.uid,
            group=self.gid,
            extra_groups=(),
            env={**env, "HOME": str(self.home), "USER": self.name},
            cwd=self.home,
            capture_output=True,
            text=True,
            **options,
        )


@pytest.fixture(scope="session")
def ordinary_user() -> Iterator[OrdinaryUser]:
    """The user `nobody`, for tests that run as root; skipped where that cannot be."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    account = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory(prefix="gridtask-") as folder:
        os.chmod(folder, 0o755)
        home = Path(folder, "home")
        home.mkdir()
        os.chown(home, account.pw_uid, account.pw_gid)
        python = reachable_python(Path(folder, "python"))
        user = OrdinaryUser("nobody", account.pw_uid, account.pw_gid, home, python)
        imported = user.run([str(python), "-P", "-c", "import gridtask, numpy, xxhash"])
        if imported.returncode:
            pytest.skip(f"nobody cannot import gridtask: {imported.stderr.strip()}")
        yield user


def reachable_python(folder: Path) -> Path:
    """Make an environment that others can run, with the packages of this one.

    The interpreter of the tests may lie below a home folder that is closed to
    others; then the system's one of the same version does the same.
    """
    version = "python{}.{}".format(*sys.version_info)
    candidates = [Path(sys.executable).resolve(), Path("/usr/bin", version)]
    base = next((path for path in candidates if is_reachable(path)), None)
    if base is None:
        pytest.skip(f"{candidates[0]} is closed to others, and there is no {version}")
    subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True)
    packages = metadata.distribution("pytest").locate_file("")
    link = folder / "lib" / version / "site-packages" / "tests.pth"
    link.write_text(f"import site; site.addsitedir({str(packages)!r})\n")
    return folder / "bin/python"


def is_reachable(path: Path) -> bool:
    """Whether every user may run `path`."""
    return path.exists() and all(
        part.stat().st_mode & 0o001 for part in (path, *path.parents)
    )


@pytest.fixture
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests away from what they run."""
    for name in list(os.environ):
        if name.startswith("GRIDTASK_") and name != "GRIDTASK_REQUIRE_CLUSTER":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def on_local(no_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let scripts use the processes of this machine."""
    monkeypatch.setenv("GRIDTASK_BACKEND", "local")


@pytest.fixture
def on_cell(cell: Cell, no_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let scripts use the real Grid Engine."""
    monkeypatch.setenv("GRIDTASK_BACKEND", "gridengine")


@pytest.fixture(params=["local", pytest.param("gridengine", marks=pytest.mark.cluster)])
def backend(
    request: pytest.FixtureRequest, no_settings: None, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The name of the backend that the scripts use: one after the other."""
    if request.param == "gridengine":
        running = request.getfixturevalue("cell")
        for name, value in running.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PATH", running.path)
    monkeypatch.setenv("GRIDTASK_BACKEND", request.param)
    return request.param
