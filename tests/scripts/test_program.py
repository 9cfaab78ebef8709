"""The same program as a script, a module, in a notebook and in the REPL."""

from __future__ import annotations

import os
import pty
import textwrap

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

PROGRAM = """
    from gridtask import grid_task

    with open("top-level", "a") as file:
        file.write("ran\\n")

    @grid_task(cluster_params=["-l h_vmem=4G", "-l h_rt=00:30:00"])
    def simulate(seed, n=1000):
        with open("marks", "a") as file:
            file.write(f"{seed}\\n")
        return seed * n

    results = simulate.map([{"seed": s} for s in range(4)])
    print(results[:3], len(results))
"""

ALL_SEEDS = sorted(map(str, range(4)))


def test_script_without_a_guard_computes_once(project, backend):
    """Top-level code runs in the driver only, and a rerun computes nothing."""
    project.write("program.py", PROGRAM)
    for n_runs in (1, 2):
        done = project.run("program.py")
        assert done.stdout == "[0, 1000, 2000] 4\n"
        assert project.marks() == ALL_SEEDS
        assert len(project.marks("top-level")) == n_runs
    assert "4 calls: 4 cached / 0 finished" in done.stderr


def test_imported_module_finds_the_results_of_the_script(project, on_local):
    """A script run, imported or run by ``-m`` is the same task."""
    project.write("program.py", PROGRAM)
    project.run("program.py")
    imported = project.run("-c", "import program; print(program.results[-1])")
    assert imported.stdout.splitlines()[-1] == "3000"
    project.run("-m", "program")
    assert project.marks() == ALL_SEEDS


def test_imported_module_computes_for_the_script(project, on_local):
    """The workers of a module that was imported do not run its importer."""
    project.write("program.py", PROGRAM)
    user = project.write(
        "user.py",
        """
        import program

        with open("importer", "a") as file:
            file.write("ran\\n")
        print(program.results[1])
        """,
    )
    assert project.run(user.name).stdout.splitlines()[-1] == "1000"
    assert project.marks() == ALL_SEEDS
    assert project.marks("importer") == ["ran"]
    project.run("program.py")
    assert project.marks() == ALL_SEEDS


def test_task_of_a_module_beside_the_script(project, backend):
    """Modules are imported on workers, with the helpers beside them."""
    project.write("settings.py", "SCALE = 3\n")
    project.write("tools/__init__.py", "")
    project.write(
        "tools/shapes.py",
        """
        import settings

        class Box:
            def __init__(self, n):
                self.volume = settings.SCALE * n
        """,
    )
    project.write(
        "tasks.py",
        """
        from gridtask import grid_task
        from tools.shapes import Box

        @grid_task
        def box(n):
            with open("marks", "a") as file:
                file.write(f"{n}\\n")
            return Box(n)
        """,
    )
    script = project.write(
        "program.py",
        """
        from tasks import box
        from tools.shapes import Box

        boxes = box.map([1, 2])
        print([b.volume for b in boxes], all(isinstance(b, Box) for b in boxes))
        """,
    )
    for _ in range(2):
        assert project.run(script.name).stdout == "[3, 6] True\n"
    assert project.marks() == ["1", "2"]
    project.write("settings.py", "SCALE = 5\n")
    assert project.run(script.name).stdout == "[5, 10] True\n"
    assert project.marks() == ["1", "1", "2", "2"]


def test_edited_script_computes_anew_and_the_old_one_is_kept(project, on_local):
    """Going back to the first version finds its results again."""
    script = project.write("program.py", PROGRAM)
    first = script.read_text()
    project.run("program.py")
    script.write_text(first.replace("seed * n", "seed * n + 1"))
    assert project.run("program.py").stdout.startswith("[1, 1001, 2001]")
    assert len(project.marks()) == 2 * len(ALL_SEEDS)
    script.write_text("# a comment\n\n" + first)
    assert project.run("program.py").stdout.startswith("[0, 1000, 2000]")
    assert len(project.marks()) == 2 * len(ALL_SEEDS)


# ------------------------------------------------------------------- notebooks

CELLS = [
    """
from dataclasses import dataclass
from gridtask import grid_task

@dataclass
class Point:
    x: int
    y: int = 0
""",
    """
SHIFT = 10

@grid_task
def place(x):
    with open("marks", "a") as file:
        file.write(f"{x}\\n")
    return Point(x, shift(x))
""",
    """
def shift(x):
    return x + SHIFT
""",
    """
points = place.map([1, 2])
print(points, all(isinstance(p, Point) for p in points))
""",
]


@pytest.fixture
def notebook(project):
    """A running notebook: ``notebook(index)`` runs a cell, again if you like."""
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS]
    client = nbclient.NotebookClient(
        nbformat.v4.new_notebook(cells=cells),
        timeout=60,
        kernel_name="python3",
        resources={"metadata": {"path": str(project.folder)}},
    )

    def run(index: int, source: str | None = None) -> str:
        cell = cells[index]
        cell.source = source if source is not None else cell.source
        client.execute_cell(cell, index)
        outputs = [o for o in cell.outputs if o.get("name") == "stdout"]
        return "".join(output["text"] for output in outputs)

    with client.setup_kernel():
        yield run


def test_notebook_reuses_results_and_sees_edited_cells(project, notebook, backend):
    """A cell run again reuses; an edited one, a helper's too, computes anew."""
    for index in range(3):
        notebook(index)
    first = "[Point(x=1, y=11), Point(x=2, y=12)] True\n"
    assert notebook(3) == first
    assert notebook(3) == first
    assert project.marks() == ["1", "2"]
    notebook(2, "def shift(x):\n    return 2 * x + SHIFT")
    assert notebook(3) == "[Point(x=1, y=12), Point(x=2, y=14)] True\n"
    assert project.marks() == ["1", "1", "2", "2"]
    notebook(2, CELLS[2].strip())
    assert notebook(3) == first
    assert project.marks() == ["1", "1", "2", "2"]


def test_notebook_results_are_of_the_class_of_the_cell_as_it_is_now(
    project, notebook, on_local
):
    """A class defined again, unchanged, is the class of results read afterwards."""
    for index in range(4):
        notebook(index)
    notebook(0)
    assert notebook(3).endswith("True\n")
    assert project.marks() == ["1", "2"]


def test_notebook_runs_again_in_a_new_kernel(project, notebook, on_local):
    """Another kernel finds the results of the first."""
    for index in range(4):
        notebook(index)
    again = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source.strip()) for source in CELLS]
    )
    resources = {"metadata": {"path": str(project.folder)}}
    nbclient.NotebookClient(again, timeout=60, resources=resources).execute()
    texts = [o["text"] for o in again.cells[3].outputs if o.get("name") == "stdout"]
    assert texts == ["[Point(x=1, y=11), Point(x=2, y=12)] True\n"]
    assert project.marks() == ["1", "2"]


def test_notebook_cell_that_imports_what_its_task_calls(project, notebook, on_local):
    """IPython compiles each statement of a cell by itself."""
    source = """
        import math
        from gridtask import grid_task
        @grid_task
        def root(n):
            return math.sqrt(n)
        print(root.map([4, 9]))
    """
    assert notebook(0, textwrap.dedent(source)) == "[2.0, 3.0]\n"


# ---------------------------------------------------------------------- the REPL

TYPED = """\
from gridtask import grid_task
class Pair(tuple):
    pass

def helper(n):
    return n + 1

@grid_task
def double(n):
    with open("marks", "a") as file:
        _ = file.write(f"{n}\\n")
    return Pair((n, helper(n)))

pairs = double.map([3, 4])
print("got", pairs, [type(p) is Pair for p in pairs])
pairs = double.map([3, 4])
print("again", pairs)
"""


@pytest.mark.parametrize("flags", [["-i", "-q"], ["-"]], ids=["interactive", "stdin"])
def test_repl_computes_once(project, backend, flags):
    """What was typed has no file, and is identified and reused all the same."""
    for _ in range(2):
        process = project.start(*flags, stdin=-1)
        stdout, stderr = process.communicate(TYPED, timeout=60)
        assert "got [(3, 4), (4, 5)] [True, True]" in stdout, stderr
        assert "again [(3, 4), (4, 5)]" in stdout, stderr
    assert project.marks() == ["3", "4"]


def test_repl_on_a_terminal(project, on_local):
    """The interpreter at a prompt, with a task that is edited and typed again."""
    typed = TYPED.replace("print(", "print('said:', ")
    edited = typed.replace("helper(n))", "-helper(n))").replace("got", "new")
    output = type_at_prompt(project, typed + edited + "exit()\n")
    assert "said: got [(3, 4), (4, 5)] [True, True]" in output
    assert "said: new [(3, -4), (4, -5)] [True, True]" in output
    assert project.marks() == ["3", "3", "4", "4"]


def type_at_prompt(project, text):
    """Feed lines to ``python`` on a terminal of its own; return what it showed."""
    leader, follower = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "PYTHON_BASIC_REPL": "1"}
    ends = {"stdin": follower, "stdout": follower, "stderr": follower}
    process = project.start("-q", env=env, start_new_session=True, **ends)
    os.close(follower)
    os.write(leader, text.encode())
    output = b""
    while chunk := read_terminal(leader):
        output += chunk
    os.close(leader)
    assert process.wait(timeout=60) == 0, output.decode()
    return output.decode().replace("\r\n", "\n")


def read_terminal(leader):
    """Return what a terminal shows next; empty when its last process has gone."""
    try:
        return os.read(leader, 65536)
    except OSError:  # EIO, says pty(7) of the last close of the other side
        return b""


def test_python_is_the_one_of_the_driver(project, backend):
    """Workers run the interpreter that the script runs."""
    project.write(
        "program.py",
        """
        import sys
        from gridtask import grid_task

        @grid_task
        def interpreter(n):
            return sys.executable

        print(interpreter(1) == interpreter.map([2])[0] == sys.executable)
        """,
    )
    assert project.run("program.py").stdout == "True\n"
