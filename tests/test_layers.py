"""The rules that carry the architecture, held over the package's source.

Exceptions stand in the tables of this file, each with its reason.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import gridtask

PACKAGE = Path(gridtask.__file__).parent
SOURCES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text()) for name, path in SOURCES.items()}
MODULES = [name for name in SOURCES if not name.endswith(("__init__", "__main__"))]

MAX_LINES = 400

CHANGES_FILES = {
    "os.rename",
    "os.replace",
    "os.link",
    "os.fsync",
    "os.fdatasync",
    "os.unlink",
    "os.remove",
    "os.truncate",
    "os.ftruncate",
    ".unlink",
    ".rename",
    "shutil.rmtree",
    "shutil.move",
}
"""Calls that publish, sync, rename or remove files."""

STARTS_PROCESSES = {
    "subprocess",
    "multiprocessing",
    "os.fork",
    "os.posix_spawn",
    "os.execv",
    "os.execve",
    "os.execvp",
    "os.system",
    "os.popen",
}

WRITES = {"print", "input", "sys.stdout.write", "sys.stderr.write", "os.write"}
"""Calls that reach the user's terminal."""

ALLOWED_FILE_CHANGES = {
    # Its imports are builtin only: it starts with each local job.
    ("gridtask.backends.supervisor", "os.unlink"),
    # State files of a backend are its own; `fs` belongs to the cache's files.
    ("gridtask.backends.local", ".unlink"),
}

ALLOWED_PRINTS = {
    # The worker's output is its log: that is where its last words go.
    "gridtask.worker.main",
    "gridtask.backends.supervisor",
}


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that are imported anywhere, also inside functions.

    Imports for type checkers do not count.
    """
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree without what is under ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other
                yield from statements(other)
            continue
        yield child
        yield from statements(child)


def is_within(module: str, packages: tuple[str, ...]) -> bool:
    """Tell whether a module is one of these or in one of them."""
    return any(module == p or module.startswith(f"{p}.") for p in packages)


def own_imports(module: str) -> set[str]:
    """Return the modules of this package that a module imports."""
    return {
        name
        for name in imports(TREES[module])
        if name in SOURCES or f"{name}.__init__" in SOURCES
    } - {"gridtask"}


def called_names(tree: ast.AST) -> Iterator[str]:
    """Yield ``os.rename`` and ``.rename`` for a call ``os.rename(...)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            yield name
            if "." in name and not name.startswith(("os.", "fs.", "shutil.")):
                yield "." + name.rpartition(".")[2]


LAYERS = {
    "gridtask.errors": (),
    "gridtask.units": ("gridtask.errors",),
    "gridtask.printable": (),
    "gridtask.lazy": (),
    "gridtask.plan": (),
    "gridtask.why.rules": ("gridtask.printable",),
    "gridtask.permissions": ("gridtask.errors",),
    "gridtask.fs": ("gridtask.errors", "gridtask.units", "gridtask.permissions"),
    "gridtask.store": (
        "gridtask.errors",
        "gridtask.units",
        "gridtask.lazy",
        "gridtask.fs",
        "gridtask.store",
    ),
    "gridtask.identity": (
        "gridtask.errors",
        "gridtask.units",
        "gridtask.lazy",
        "gridtask.identity",
    ),
    "gridtask.backends": ("gridtask.errors", "gridtask.units", "gridtask.backends"),
}
"""What each layer may import of the package."""


@pytest.mark.parametrize("module", SOURCES)
def test_each_layer_imports_only_those_below(module):
    """Identity and store never meet, and backends know neither."""
    for layer, below in LAYERS.items():
        if is_within(module, (layer,)):
            assert {n for n in own_imports(module) if not is_within(n, below)} == set()


def test_folders_point_one_way():
    """No two folders of the package need each other, however indirectly."""
    graph: dict[str, set[str]] = {}
    for module in MODULES:
        folder = module.split(".")[1]
        needed = {name.split(".")[1] for name in own_imports(module)} - {folder}
        graph.setdefault(folder, set()).update(needed)
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


def test_the_plan_is_pure():
    """No clock, no random numbers, no files and no processes."""
    allowed = {"__future__", "math", "collections.abc", "dataclasses", "typing"}
    modules = {name for name in imports(TREES["gridtask.plan"]) if name in sys.modules}
    assert modules <= allowed
    assert "open" not in set(called_names(TREES["gridtask.plan"]))


@pytest.mark.parametrize("module", MODULES)
def test_only_fs_changes_files(module):
    """One seam for faults: what is published, synced, renamed or removed."""
    if module == "gridtask.fs":
        return
    found = {(module, n) for n in called_names(TREES[module]) if n in CHANGES_FILES}
    assert found <= ALLOWED_FILE_CHANGES


def test_each_exception_is_still_needed():
    """One that is not would hide the next mistake."""
    for module, name in ALLOWED_FILE_CHANGES:
        assert name in set(called_names(TREES[module]))
    for module in ALLOWED_PRINTS:
        assert WRITES & set(called_names(TREES[module]))


@pytest.mark.parametrize("module", MODULES)
def test_only_backends_start_processes(module):
    """Nobody else knows how jobs are run."""
    if is_within(module, ("gridtask.backends",)):
        return
    used = set(imports(TREES[module])) | set(called_names(TREES[module]))
    assert {n for n in used if is_within(n, tuple(STARTS_PROCESSES))} == set()


@pytest.mark.parametrize("module", MODULES)
def test_only_progress_cli_and_report_print(module):
    """A library does not write to its user's terminal."""
    printers = ("gridtask.progress.display", "gridtask.progress.terminal")
    printers += ("gridtask.cli", "gridtask.report")
    if is_within(module, printers) or module in ALLOWED_PRINTS:
        return
    assert WRITES.isdisjoint(called_names(TREES[module]))


@pytest.mark.parametrize("module", SOURCES)
def test_modules_stay_small(module):
    """A module that grows beyond 400 lines holds more than one noun."""
    assert len(SOURCES[module].read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("module", SOURCES)
def test_functions_stay_small(module):
    """No function is longer than 50 lines, docstring apart."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            body = node.body[1:] or node.body
        elif isinstance(node, ast.FunctionDef):
            body = node.body
        else:
            continue
        assert body[-1].end_lineno - body[0].lineno < 50, node.name


def test_no_public_function_has_the_name_of_a_module():
    """The module, once imported, would hide it."""
    top = {path.stem for path in PACKAGE.iterdir()}
    assert set(gridtask.__all__) & top == set()


def test_all_public_names_exist():
    """What `__all__` promises can be imported, and nothing is promised twice."""
    assert len(set(gridtask.__all__)) == len(gridtask.__all__)
    for name in gridtask.__all__:
        assert getattr(gridtask, name) is not None


HEAVY = ("numpy", "rich", "tabulate", "cloudpickle", "pandas", "subprocess", "asyncio")


def loaded_by(code: str) -> set[str]:
    """Return the heavy modules that are loaded after running code."""
    code += f"\nimport sys; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import gridtask",
        "from gridtask import grid_task\n@grid_task\ndef f(x): pass",
        "import sys; sys.argv[1:] = ['--version']\n"
        "from gridtask.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass",
    ],
    ids=["import", "decorate", "version"],
)
def test_nothing_heavy_at_the_edge(code):
    """Importing, decorating and asking for the version load nothing large."""
    assert loaded_by(code) == set()


def test_the_worker_loads_neither_rich_nor_tabulate():
    """Nor numpy, unless the task's values need it."""
    modules = ("worker.main", "store.store", "identity.snapshot.install")
    code = "\n".join(f"import gridtask.{module}" for module in modules)
    assert loaded_by(code) <= {"cloudpickle", "subprocess"}
