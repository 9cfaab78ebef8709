"""This machine's Python and the packages that gridtask uses."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib import metadata

from gridtask import __version__
from gridtask.doctor.findings import Finding, note, ok, problem

SECTION = "python"
NEEDED = ("numpy", "cloudpickle", "xxhash", "tabulate", "rich")
FOR_REPORTS = ("matplotlib", "jinja2")


def examine_machine() -> Iterator[Finding]:
    """Yield what is found of Python and the packages."""
    version = platform.python_version()
    yield ok(
        SECTION,
        f"{platform.python_implementation()} {version}, {sys.executable}",
        version=version,
        executable=sys.executable,
    )
    found = {name: _version(name) for name in NEEDED}
    if missing := [name for name, at in found.items() if at is None]:
        names = " ".join(missing)
        remedy = f"{sys.executable} -m pip install {names}"
        yield problem(SECTION, f"not installed: {names}", remedy)
    listed = ", ".join(f"{name} {at}" for name, at in found.items() if at)
    yield ok(
        SECTION, f"gridtask {__version__}, {listed}", gridtask=__version__, **found
    )
    found = {name: _version(name) for name in FOR_REPORTS}
    if None in found.values():
        text = "`gridtask report` needs more packages: pip install 'gridtask[report]'"
        yield note(SECTION, text, **found)


def _version(name: str) -> str | None:
    """Return the version of an installed distribution, None if it is not."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
