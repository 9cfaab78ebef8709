"""A worker runs what was identified: by value, from the snapshot's own sources."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gridtask.identity.snapshot.importer import ModuleSource
from gridtask.identity.snapshot.verification import edited_since_start


def test_functions_closures_and_recursion_of_a_script_run(project):
    """Functions of a script are rebuilt with all that they use."""
    project.write(
        script="""
        import math
        import numpy as np
        FACTOR = 3
        TABLE = np.arange(5)
        def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
        def adder(n):
            def add(x): return x + n
            return add
        def counter():
            n = 0
            def up():
                nonlocal n
                n += 1
                return n
            def now(): return n
            return up, now
        up, now = counter()
        add = adder(10)
        square = lambda x: x * x
        def inner_recursion():
            def count(n): return 0 if n == 0 else 1 + count(n - 1)
            return count
        count = inner_recursion()
        def f(x, n=4):
            up()
            return (fib(10), add(x), square(x), math.floor(2.5) * FACTOR,
                    int(TABLE.sum()), n, count(3), now())
    """
    )
    project.drive()
    assert project.work("f(1)") == ["(55, 11, 1, 6, 10, 4, 3, 1)"]


def test_classes_of_a_script_run_and_pickle_by_name(project):
    """Classes of a script are rebuilt whole, and pickle as ``__main__``'s."""
    project.write(
        script="""
        import enum
        from dataclasses import dataclass, field
        from typing import NamedTuple
        import functools
        class Base:
            def name(self): return "base"
        class C(Base):
            made = 0
            def __init__(self): type(self).made += 1
            def name(self): return "c" + super().name()
            @property
            def p(self): return 5
            @staticmethod
            def s(): return 6
            @classmethod
            def k(cls): return cls.__name__
            @functools.cached_property
            def q(self): return 7
        @dataclass(frozen=True)
        class D:
            a: int
            b: list = field(default_factory=list)
        @dataclass
        class E(D.__mro__[1]):
            c: int = 1
        class Colour(enum.Enum):
            RED = 1
            @property
            def low(self): return self.name.lower()
        class P(NamedTuple):
            x: int
            y: int = 2
        class Other:
            "Reached by arguments only."
            def __init__(self, v): self.v = v
            def twice(self): return helper(self.v)
        def helper(v): return v * 2
        def f(x):
            c = C()
            return (c.name(), c.p, c.s(), c.k(), c.q, D(x), Colour(1), Colour.RED.low,
                    P(x), E(), C.made)
    """
    )
    project.drive()
    shown = project.work(
        "f(3)[:5] + (f(3)[7],)",
        "[type(v).__module__ for v in f(3)[5:9]]",
        "pickle.loads(pickle.dumps(f(3)[5])) == f(3)[5]",
        "pickle.loads(pickle.dumps(f(3)[6])) is f(3)[6]",
        "f(3)[5].__class__ is sys.modules['__main__'].D",
        r"pickle.loads(b'\x80\x04c__main__\nOther\n(I4\ntR.').twice()",
        "hasattr(sys.modules['__main__'], 'missing')",
    )
    assert shown[0] == "('cbase', 5, 6, 'C', 7, 'red')"
    assert shown[1] == "['__main__', '__main__', 'builtins', '__main__']"
    assert shown[2:5] == ["True"] * 3
    assert shown[5] == "8"
    assert shown[6] == "False"


def test_a_base_class_of_a_script_knows_what_was_registered(project):
    """Classes of the script and of Python, whichever the script registered."""
    project.write(
        script="""
            import abc
            class Shape(abc.ABC): pass
            class Own: pass
            Shape.register(Own)
            Shape.register(int)
            def f(x): return isinstance(Own(), Shape), isinstance(x, Shape)
        """,
    )
    project.drive()
    assert project.work("f(1)", "f('a')") == ["(True, True)", "(True, False)"]


def test_top_level_code_never_runs_on_a_worker(project):
    """A script without a guard does its work once, in the driver."""
    project.write(
        script="""
        import os, threading, logging
        with open(os.path.join(os.environ["PROJECT"], "ran"), "a") as file:
            file.write("x")
        LOCK = threading.Lock()
        CONDITION = threading.Condition()
        LOCAL = threading.local()
        LOG = logging.getLogger("user")
        SEEN = {}
        def f(x):
            with LOCK, CONDITION:
                LOG.info("x")
                LOCAL.x = x
                SEEN[x] = len(SEEN)
                return LOCAL.x, SEEN
        f("driver's own")
    """
    )
    project.drive()
    assert project.work("f(1)", "f(2)") == ["(1, {1: 0})", "(2, {1: 0, 2: 1})"]
    assert (project.folder / "ran").read_text() == "x"


def test_globals_are_shared_by_all_functions_of_a_script(project):
    """A global that one function changes is seen changed by another."""
    project.write(
        script="""
        n = 0
        def up():
            global n
            n += 1
        def f(x):
            up()
            return n
    """
    )
    project.drive()
    assert project.work("f(1)", "f(1)", "sys.modules['__main__'].n") == ["1", "2", "2"]


def test_modules_come_from_the_snapshot(project):
    """Edits and deletions after submission do not reach the worker."""
    project.write(
        script="""
            import helpers
            from pack.sub import g
            def f(x):
                import late
                return helpers.h(x), g(x), late.k(x)
        """,
        helpers="def h(x): return 'old', x, __file__[-10:]",
        late="A = 'old'\ndef k(x): return A",
        pack____init__="NAME = 'old'",
        pack__sub="from . import NAME\ndef g(x): return NAME, __name__",
    )
    (project.folder / "pack" / "__init__.py").write_text("NAME = 'old'")
    project.drive()
    (project.folder / "helpers.py").write_text("def h(x): return 'new'")
    (project.folder / "late.py").unlink()
    (project.folder / "pack" / "__init__.py").write_text("NAME = 'new'")
    (project.folder / "script.py").write_text("raise SystemExit")
    assert project.work("f(1)") == [
        "(('old', 1, 'helpers.py'), ('old', 'pack.sub'), 'old')"
    ]


def test_tracebacks_show_the_text_that_ran(project):
    """A traceback on the worker shows the snapshot's lines, not today's."""
    project.write(
        script="""
            import helpers
            def f(x):
                return helpers.h(x)  # the old call
        """,
        helpers="def h(x):\n    raise ValueError(x)  # the old line",
    )
    project.drive()
    (project.folder / "helpers.py").write_text("\n# new\n# new")
    (project.folder / "script.py").write_text("\n\n# new\n# new")
    (shown,) = project.work("trace(f, 1)")
    assert "the old call" in shown
    assert "the old line" in shown
    assert "new" not in shown


def test_what_was_set_at_run_time_travels(project):
    """Globals, class attributes and functions replaced by the driver count."""
    project.write(
        script="""
            import cfg, math
            from cfg import Settings, table
            cfg.SCALE = 5
            Settings.level = 9
            table["x"] = 1
            def better(x): return x + 1000
            cfg.worse = better
            cfg.renamed = math.floor
            def f(x): return cfg.use(x), Settings.level, table is cfg.table, cfg.table
        """,
        cfg="""
            SCALE = 1
            table = {}
            class Settings:
                level = 1
            def worse(x): return x
            def renamed(x): return 0
            def use(x): return worse(x) * SCALE, Settings().level, renamed(2.5)
        """,
    )
    project.drive()
    assert project.work("f(1)") == ["((5005, 9, 2), 9, True, {'x': 1})"]


def test_callables_replaced_at_run_time_travel(project):
    """What was put in a function's place runs, whatever kind of callable it is."""
    project.write(
        script="""
            import functools, mod
            def five(x): return 5
            mod.a = functools.partial(pow, 2)
            mod.b = lambda x: x * 100
            mod.C.get = lambda self: 7
            mod.C.size = property(lambda self: 8)
            mod.d = functools.lru_cache(five)
            def f(x):
                c = mod.C()
                return mod.a(3), mod.b(x), c.get(), c.size, mod.d(x), mod.kept(x)
        """,
        mod="""
            import functools
            def a(x): return 0
            def b(x): return 0
            d = functools.lru_cache(a)
            class C:
                def get(self): return 0
                @property
                def size(self): return 0
            def add(n):
                def wrap(g):
                    @functools.wraps(g)
                    def inner(x): return g(x) + n
                    return inner
                return wrap
            @add(10)
            def kept(x): return x
        """,
    )
    project.drive()
    assert project.work("f(1)") == ["(8, 100, 7, 8, 5, 11)"]


def test_a_registry_of_a_module_holds_the_classes_of_the_script(project):
    """What a script registers in a module is its own class there, not a copy."""
    project.write(
        script="""
            import plugins
            from plugins import REGISTRY
            @plugins.register
            class Mine:
                def get(self): return type(self) is Mine
            @plugins.register
            def hook(x): return x + 1
            plugins.default = hook
            def f(x):
                made = plugins.make("Mine")
                same = REGISTRY is plugins.REGISTRY and plugins.default is hook
                return made.get(), isinstance(made, Mine), plugins.make("hook", 1), same
        """,
        plugins="""
            REGISTRY = {}
            default = None
            def register(thing):
                REGISTRY[thing.__name__] = thing
                return thing
            def make(name, *args): return REGISTRY[name](*args)
        """,
    )
    project.drive()
    assert project.work("f(1)") == ["(True, True, 2, True)"]


def test_large_values_of_modules_are_made_by_the_import(project):
    """A table that a module makes itself does not travel, unless it was set."""
    project.write(
        script="""
            import mod
            def f(x): return float(mod.TABLE[-1])
        """,
        mod="import numpy as np\nTABLE = np.arange(100_000.0)\n",
    )
    project.drive()
    assert Path(project.env["SNAPSHOT"]).stat().st_size < 20_000
    assert project.work("f(1)") == ["99999.0"]
    project.write(
        script="""
            import mod
            mod.TABLE = mod.TABLE + 1
            def f(x): return float(mod.TABLE[-1])
        """,
    )
    project.drive()
    assert project.work("f(1)") == ["100000.0"]


def test_a_value_that_is_another_on_the_worker_is_an_error(project):
    """A large table that the import makes anew each time cannot be trusted."""
    project.write(
        script="""
            import mod
            def f(x): return float(mod.TABLE[-1])
        """,
        mod="import numpy as np\nTABLE = np.random.default_rng().random(100_000)\n",
    )
    project.drive()
    with pytest.raises(AssertionError, match=r"mod\.TABLE is not what was identified"):
        project.work("f(1)")


def test_what_is_ignored_is_there_on_the_worker(project):
    """Code that does not count still runs."""
    project.write(
        script="""
        LEVEL = 3
        def shown(): return LEVEL
        def log(x): return shown() + x
        def f(x): return log(x)
    """
    )
    project.drive(options="ignore_code=[log]")
    assert project.work("f(1)") == ["4"]


def test_code_under_a_version_travels(project):
    """With a version the code does not count, and still runs."""
    project.write(
        script="""
        import threading
        LOCAL = threading.local()
        def log(x): return x + 1
        def f(x):
            LOCAL.x = 1
            return log(x)
    """
    )
    project.drive(options="version='1'")
    assert project.work("f(1)") == ["2"]


def test_notebook_cells_travel(project):
    """Functions of cells are found in the texts that the notebook keeps."""
    project.write(
        script="""
        import linecache, sys
        del __file__
        def cell(number, text):
            name = f"/nowhere/ipykernel_7/{number}.py"
            linecache.cache[name] = (len(text), None, text.splitlines(True), name)
            exec(compile(text, name, "exec"), globals())
        cell(1, "SEEN = {}\\nimport math\\n")
        cell(2, "def h(x):\\n    SEEN[x] = 1\\n    return math.sqrt(x)  # in h\\n")
        cell(3, "def f(x):\\n    return h(x), len(SEEN)\\n")
    """
    )
    project.drive()
    shown = project.work("f(4)", "f(9)", "trace(f, -1)")
    assert shown[:2] == ["(2.0, 1)", "(3.0, 2)"]
    assert "# in h" in shown[2]


def test_a_file_edited_after_its_import_is_an_error(project):
    """What is hashed must be what runs: the message says what to do."""
    project.write(
        script="""
            import helpers, os
            def f(x): return helpers.h(x)
            with open(helpers.__file__, "w") as file:
                file.write("def h(x): return 2")
        """,
        helpers="def h(x): return 1",
    )
    error = project.drive(check=False)
    assert "IdentityError" in error
    assert "helpers.py' changed on disk after it was imported" in error
    assert "Restart, or reload" in error


@pytest.mark.parametrize(
    "added",
    ["def h(x): return 2", "h = wrap(h)", "from operator import *; h = neg", "del h"],
)
def test_a_line_added_after_the_import_is_an_error_on_the_worker(project, added):
    """Each function is in its file still, and yet the module would hold another."""
    project.env["GRIDTASK_DEBUG"] = "0"
    project.write(
        script=f"""
            import helpers
            def f(x): return helpers.h(x)
            with open(helpers.__file__, "a") as file:
                file.write({added!r})
        """,
        helpers="""
            def wrap(function): return lambda x: -function(x)
            def h(x): return x
        """,
    )
    project.drive()
    with pytest.raises(AssertionError, match=r"since the script began: .*helpers\.py'"):
        project.work("f(1)")


def test_a_line_added_after_the_import_may_do_no_harm(project):
    """What the function uses is as it was: the file may grow while a script runs."""
    project.env["GRIDTASK_DEBUG"] = "0"
    project.write(
        script="""
            import helpers
            def f(x): return helpers.h(x)
            with open(helpers.__file__, "a") as file:
                file.write("def another(x): return 2")
        """,
        helpers="""
            def h(x): return x
        """,
    )
    project.drive()
    assert project.work("f(1)") == ["1"]


def test_files_older_than_the_process_need_no_second_look(tmp_path):
    """They are what it has imported; only younger ones may differ from it."""
    young = tmp_path / "young.py"
    young.write_text("")
    files = [pytest.__file__, str(young), "/nowhere/else.py", None]
    sources = [ModuleSource("name", file, None, b"") for file in files]
    assert edited_since_start(sources) == [str(young)]


def test_a_file_saved_a_moment_before_the_script_is_started_is_no_younger(tmp_path):
    """Save and run: that is what everybody does."""
    asks = """if True:
        import sys
        from gridtask.identity.snapshot.importer import ModuleSource
        from gridtask.identity.snapshot.verification import edited_since_start
        print(edited_since_start([ModuleSource("name", sys.argv[1], None, b"")]))
    """
    saved = tmp_path / "saved.py"
    saved.write_text("")
    done = subprocess.run(
        [sys.executable, "-c", asks, saved], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_function_of_a_module_comes_back_plain(project):
    """A decorated function of a module is installed without its decorator."""
    project.write(
        script="from mod import task\nfrom mod import other\nf = task.func\n",
        mod="""
            from gridtask import grid_task
            @grid_task
            def other(x): return x * 2
            @grid_task(memory="1G")
            def task(x): return other.func(x) + 1
        """,
    )
    project.drive()
    shown = project.work("f(3)", "type(f).__name__", "f.__module__")
    assert shown == ["7", "'function'", "'mod'"]


def test_tasks_of_a_script_call_tasks(project):
    """Another task that a script's task calls travels as a task."""
    project.write(
        script="""
        from gridtask import grid_task
        @grid_task
        def other(x): return x * 2
        @grid_task
        def task(x): return other.func(x) + 1
        f = task.func
    """
    )
    project.drive()
    shown = project.work("f(3)", "type(sys.modules['__main__'].other).__name__")
    assert shown == ["7", "'GridTask'"]


@pytest.mark.parametrize(
    ("define", "call", "expected"),
    [
        ("import math\nf = math.sqrt", "f(4)", "2.0"),
        ("import functools\ndef g(a, b): return a - b\nf = functools.partial(g, 5)",
         "f(3)", "2"),
        ("class C:\n    def __init__(self): self.n = 2\n"
         "    def get(self, x): return self.n * x\nf = C().get", "f(3)", "6"),
        ("class C:\n    def __call__(self, x): return x + 1\nf = C()", "f(3)", "4"),
        ("import numpy as np\nf = np.sin", "f(0.0)", "0.0"),
        ("f = lambda x: x * 2", "f(3)", "6"),
        ("from mod import C\nf = C.make", "f(3)", "('C', 3)"),
        ("import mod\nf = mod.closed", "f(3)", "8"),
    ],
)  # fmt: skip
def test_any_callable_can_be_installed(project, define, call, expected):
    """Builtins, partials, methods and instances travel like functions."""
    project.write(
        script=define + "\n",
        mod="""
            class C:
                @classmethod
                def make(cls, x): return cls.__name__, x
            def adder(n): return lambda x: x + n
            closed = adder(5)
        """,
    )
    project.drive()
    assert project.work(call)[0].replace("np.float64(0.0)", "0.0") == expected


def test_a_damaged_snapshot_is_refused(project):
    """A snapshot whose bytes changed is not run."""
    from gridtask.errors import IdentityError
    from gridtask.identity.snapshot.install import install

    project.write(script="def f(x): return x\n")
    project.drive()
    data = bytearray(Path(project.env["SNAPSHOT"]).read_bytes())
    data[-5] ^= 1
    with pytest.raises(IdentityError, match="damaged"):
        install(bytes(data))


@pytest.mark.parametrize(
    ("define", "use", "expected"),
    [
        ("class K:\n    def __new__(cls, k):\n        self = super().__new__(cls)\n"
         "        self.k = k\n        return self\nONE = K(2)", "ONE.k", "2"),
        ("class K(int):\n    def __new__(cls, k, name):\n"
         "        self = super().__new__(cls, k)\n        self.name = name\n"
         "        return self\nONE = K(2, 'a')", "(ONE + 0, ONE.name)", "(2, 'a')"),
        ("import typing\nId = typing.NewType('Id', int)", "Id.__name__", "'Id'"),
        ("import dataclasses\nP = dataclasses.make_dataclass('P', [('a', int, 1)])",
         "P().a", "1"),
        ("def count():\n    n = 0\n    while True:\n        n += 1\n        yield n\n"
         "G = count()\nnext(G); next(G)", "next(G)", "3"),
        ("import mod\nmod.level = 5", "mod.deepen(x)", "6"),
        ("import string\ndef fake(*a): return 7\n"
         "string.Formatter.get_value = staticmethod(fake)",
         "string.Formatter().format('{0}', x)", "'7'"),
    ],
)  # fmt: skip
def test_what_a_script_defines_is_there_on_a_worker(project, define, use, expected):
    """Objects that pickle alone would not make again, and state that scripts set."""
    project.write(
        script=f"{define}\ndef f(x): return {use}\n",
        mod="""
            level = 0
            def deepen(n):
                global level
                level += n
                return level
        """,
    )
    project.drive()
    assert project.work("f(1)") == [expected]
