"""Where texts come from, and what is done when they are not what was imported."""

from __future__ import annotations

import importlib
import subprocess
import sys
import zipfile

import pytest

from gridtask.errors import IdentityError
from gridtask.identity.code import identify


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """Return a function that imports a module, which is forgotten at the end."""
    names = []

    def fresh(name: str, place: str = ""):
        monkeypatch.syspath_prepend(str(tmp_path / place))
        importlib.invalidate_caches()
        names.append(name)
        return importlib.import_module(name)

    yield fresh
    for name in names:
        sys.modules.pop(name, None)


def write_archive(path, text):
    """Write a zip file with one module."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("zipped.py", text)


def test_modules_in_zip_files_count_by_their_text(tmp_path, fresh):
    """A module from a zip file is read from there, and travels."""
    write_archive(tmp_path / "a.zip", "K = 1\n\ndef f(x):\n    return x + K\n")
    code = identify(fresh("zipped", "a.zip").f)
    assert [row.name for row in code.manifest] == ["zipped.K", "zipped.f"]
    (tmp_path / "snapshot").write_bytes(code.snapshot())
    program = (
        "import sys; from gridtask.identity.snapshot.install import install; "
        "print(install(open(sys.argv[1], 'rb').read())(5))"
    )
    argv = [sys.executable, "-c", program, str(tmp_path / "snapshot")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == "6\n"


OPTION = """
import dataclasses

@dataclasses.dataclass(order={order})
class Pair:
    a: int

def f(x):
    return sorted([Pair(x), Pair(1)])
"""


def test_a_class_edited_after_its_import_is_not_taken_for_the_new_one(
    tmp_path, fresh, monkeypatch
):
    """What a class was made with counts too: no new process gets its results."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = tmp_path / "edited.py"
    path.write_text(OPTION.format(order=True))
    module = fresh("edited")
    path.write_text(OPTION.format(order=False))
    mixed = identify(module.f).digest
    sys.modules.pop("edited")
    assert identify(fresh("edited").f).digest != mixed


CLASS = "class A:\n    x = {x}  {comment}\n\ndef f(n):\n    return A.x\n"


def test_a_class_edited_after_its_import_is_an_error(tmp_path, fresh, monkeypatch):
    """What Python compiled for the import tells that the statement is another."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "edited_class.py"
    path.write_text(CLASS.format(x=[1], comment=""))
    module = fresh("edited_class")
    before = identify(module.f).digest
    path.write_text(CLASS.format(x=[22], comment=""))
    with pytest.raises(IdentityError, match=r"edited_class\.py' changed on disk.*'A'"):
        identify(module.f)
    path.write_text(CLASS.format(x=[1], comment="# a comment"))
    assert identify(module.f).digest == before


def test_lambdas_of_one_line_are_told_apart(tmp_path, fresh):
    """Also those that are nothing but a constant: Python 3.12 gives no columns."""
    text = "A, B = (lambda: 5), (lambda: 6)\nC = lambda: (lambda: 7)\nD = C()\n"
    (tmp_path / "lambdas.py").write_text(text)
    module = fresh("lambdas")
    digests = {identify(getattr(module, name)).digest for name in "ABCD"}
    assert len(digests) == 4


def test_changed_globals_are_named_once(tmp_path, fresh):
    """A global that the task changes is warned of, with the way out."""
    text = "MEMO = {}\n\ndef f(x):\n    MEMO[x] = x\n    return MEMO.get(x)\n"
    (tmp_path / "stateful.py").write_text(text)
    (warning,) = identify(fresh("stateful").f).warnings
    assert warning.startswith("stateful.MEMO is changed by the task's own code")
    assert "depends=" in warning


def test_identifying_starts_without_what_is_heavy():
    """What few tasks need is imported only for them."""
    program = (
        "import sys, gridtask.identity.code; "
        "heavy = {'cloudpickle', 'importlib.metadata', 'email', 'numpy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


GENERATOR = """
import random
import numpy as np

A = random.Random(5)
B = np.random.default_rng(5)
C = np.random.RandomState(5)

def f(n):
    return A.random() + B.random() + C.rand()

def g(n):
    return random.Random(n).random() + np.random.default_rng(n).random()
"""


def test_a_global_generator_counts_with_its_state(tmp_path, fresh):
    """A draw changes what the next call returns: an equal key would be stale."""
    (tmp_path / "drawing.py").write_text(GENERATOR)
    module = fresh("drawing")
    before = identify(module.f)
    module.f(1)
    after = identify(module.f).digest
    sys.modules.pop("drawing")
    assert after != before.digest == identify(fresh("drawing").f).digest
    assert len(before.warnings) == 3
    assert "make it inside the task, from a seed" in before.warnings[0]


def test_a_generator_made_inside_the_task_is_no_state(tmp_path, fresh):
    """What the warning advises keeps the key, call after call."""
    (tmp_path / "drawing.py").write_text(GENERATOR)
    module = fresh("drawing")
    before = identify(module.g)
    module.g(1)
    assert identify(module.g).digest == before.digest
    assert before.warnings == ()
