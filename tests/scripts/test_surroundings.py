"""What surrounds a script: its command line, closed streams, large texts."""

from __future__ import annotations

import importlib
import os
import types

import pytest

import gridtask

ARGUMENTS = """
    import sys

    from gridtask import grid_task

    @grid_task
    def chosen(n):
        with open("marks", "a") as file:
            file.write(f"{n}\\n")
        return sys.argv[1] * n

    print(chosen.map([1, 2]), file=sys.stdout)
"""


def test_command_line_is_the_same_on_workers_and_counts(project, backend):
    """A task that reads it gives what it would give in the script."""
    project.write("program.py", ARGUMENTS)
    for word in ("a", "b", "a"):
        done = project.run("program.py", word)
        assert done.stdout == f"['{word}', '{word * 2}']\n"
    assert project.marks() == ["1", "1", "2", "2"]


def test_closed_stdin_changes_nothing(project, on_local):
    """A daemon's streams are None, and so are many other things."""
    project.write(
        "program.py",
        """
        from gridtask import grid_task

        NOTHING = None

        @grid_task
        def is_none(n):
            with open("marks", "a") as file:
                file.write(f"{n}\\n")
            return NOTHING is None

        assert is_none.map([1, 2]) == [True, True]
        """,
    )
    project.run("program.py", stdin=None, preexec_fn=lambda: os.close(0))
    project.run("program.py")
    assert project.marks() == ["1", "2"]


def test_memory_too_little_to_start_is_told_as_such(project, backend):
    """And not as a module that cannot be imported."""
    project.write(
        "program.py",
        """
        import numpy as np

        from gridtask import grid_task

        @grid_task(memory="40M")
        def total(n):
            return np.arange(n).sum()

        (error,) = total.map([3], return_exceptions=True)
        print(type(error).__name__, error)
        """,
    )
    said = project.run("program.py").stdout
    assert said.startswith("OutOfMemory"), said
    assert "memory=40M was too little" in said
    assert '"80M"' in said


def test_a_module_in_the_way_of_a_standard_one_is_told(monkeypatch):
    """``enum.py`` beside a script breaks what is imported only when it is asked for."""
    monkeypatch.setattr(importlib, "import_module", types.ModuleType)
    with pytest.raises(ImportError, match="grid_task cannot be imported: module"):
        gridtask.__getattr__("grid_task")
