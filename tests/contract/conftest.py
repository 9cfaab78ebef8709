"""One suite of tests for all backends: each test here runs on each of them."""

from __future__ import annotations

import importlib
import itertools
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

_numbers = itertools.count()


@pytest.fixture(
    params=["serial", "local", pytest.param("gridengine", marks=pytest.mark.cluster)]
)
def backend(request: pytest.FixtureRequest) -> str:
    """The name of each backend in turn; Grid Engine is the real one of the cell."""
    if request.param == "gridengine":
        request.getfixturevalue("cell")
    return request.param


@pytest.fixture(autouse=True)
def settings(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: object
) -> None:
    """Let tasks find the backend and an empty cache folder in the environment."""
    if backend == "gridengine":
        running = request.getfixturevalue("cell")
        for name, value in running.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PATH", running.path)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("GRIDTASK_BACKEND", backend)
    monkeypatch.setenv("GRIDTASK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def write_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], ModuleType]]:
    """Return a function that writes a module of the user's and imports it."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    made: list[str] = []

    def write(source: str, name: str | None = None) -> ModuleType:
        name = name or f"contract_tasks_{next(_numbers)}"
        (folder / f"{name}.py").write_text(textwrap.dedent(source))
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        made.append(name)
        return importlib.import_module(name)

    yield write
    for name in made:
        sys.modules.pop(name, None)
