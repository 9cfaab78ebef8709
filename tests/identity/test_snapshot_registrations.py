"""What a script registers with others is registered on a worker, too."""

from __future__ import annotations


def test_classes_registered_with_base_classes_of_python_are_theirs(project):
    """``Sequence.register(C)`` holds where the code asks, and in Python's library."""
    project.write(
        script="""
            import collections.abc, random
            class C:
                def __len__(self): return 3
                def __getitem__(self, i): return "abc"[i]
            collections.abc.Sequence.register(C)
            def f(x): return isinstance(C(), collections.abc.Sequence)
            def g(x): return len(random.sample(C(), 2))
            f.other = g
        """,
    )
    project.drive()
    assert project.work("f(1), f.other(1)") == ["(True, 2)"]


def test_classes_registered_with_base_classes_of_a_module_are_theirs(project):
    """A module's base class knows the classes that the script registered."""
    project.write(
        script="""
            import base
            @base.P.register
            class C: pass
            def f(x): return isinstance(C(), base.P)
        """,
        base="import abc\nclass P(abc.ABC): pass\n",
    )
    project.drive()
    assert project.work("f(1)") == ["True"]


def test_a_dispatcher_of_a_module_has_what_others_registered(project):
    """Functions that the script or a third module registered are called."""
    project.write(
        script="""
            import base, extra
            class C: pass
            @base.show.register(C)
            def show(x): return "C"
            def f(x): return base.show(C()), base.show(1), base.show("")
        """,
        base="""
            import functools
            @functools.singledispatch
            def show(x): return "any"
        """,
        extra="""
            from base import show
            @show.register(int)
            def _(x): return "int"
        """,
    )
    project.drive()
    assert project.work("f(1)") == ["('C', 'int', 'any')"]


def test_reducers_of_copyreg_are_registered(project):
    """Copies are made as the script has said, of its classes and of others."""
    project.write(
        script="""
            import copy, copyreg, fractions
            class C:
                def __init__(self, n): self.n = n
            copyreg.pickle(C, lambda c: (C, (c.n + 1,)))
            def halve(x): return fractions.Fraction, (x.numerator, 2)
            copyreg.pickle(fractions.Fraction, halve)
            def f(x): return copy.copy(C(x)).n, copy.copy(fractions.Fraction(x))
        """,
    )
    project.drive()
    assert project.work("f(1)") == ["(2, Fraction(1, 1))"]


def test_settings_of_a_script_are_made_on_the_worker(project):
    """What decimal, numpy, codecs and Python were told holds for calls."""
    project.write(
        script="""
            import codecs, decimal, sys
            import numpy as np
            PRECISION = 5
            def handle(error): return MARK, error.end
            MARK = "?"
            codecs.register_error("mine", handle)
            context = decimal.getcontext()
            context.prec = PRECISION
            for kind in ("divide", "over"):
                np.seterr(**{kind: "raise"})
            sys.setrecursionlimit(2345)
            def f(x):
                return str(decimal.Decimal(1) / 3), "a\u00e9".encode("ascii", "mine")
            def g(x): return np.geterr()["divide"], sys.getrecursionlimit()
            f.other = g
        """,
    )
    project.drive()
    assert project.work("f(1)", "f.other(1)") == [
        "('0.33333', b'a?')",
        "('raise', 2345)",
    ]


def test_what_a_script_sets_of_others_is_set_on_the_worker(project):
    """Attributes, registries and the environment, by statements and by functions."""
    project.write(
        script="""
            import calendar, csv, json, os, string
            string.Template.idpattern = "[0-9]+"
            csv.register_dialect("mine", delimiter=";")
            os.environ["GT_ONE"] = "".join(["a", "b"])
            def prepare():
                calendar.setfirstweekday(6)
                os.environ.update(GT_TWO="2")
            prepare()
            loads = json.loads
            def twice(text): return loads(text) * 2
            json.loads = twice
            def f(x):
                rows = list(csv.reader(["a;b"], "mine"))
                return rows, calendar.monthcalendar(2020, 2)[0], json.loads("[1]")
            def g(x): return os.environ["GT_ONE"] + os.environ["GT_TWO"]
            def h(x): return string.Template.idpattern
            f.other = g, h
        """,
    )
    project.drive()
    project.env.pop("GT_ONE", None)
    found = project.work("f(1)", "f.other[0](1)", "f.other[1](1)")
    assert found == [
        "([['a', 'b']], [0, 0, 0, 0, 0, 0, 1], [1, 1])",
        "'ab2'",
        "'[0-9]+'",
    ]


def test_settings_inside_of_other_statements_are_made_on_the_worker(project):
    """Loops and attempts are repeated whole where they do nothing but set."""
    project.write(
        script="""
            import calendar, csv
            for name, mark in {"a": ";", "b": "|"}.items():
                csv.register_dialect(name, delimiter=mark)
            try:
                calendar.setfirstweekday(6)
            except ValueError:
                pass
            def f(x):
                rows = list(csv.reader(["1;2|3"], "a"))
                return rows, calendar.monthcalendar(2020, 2)[0]
        """,
    )
    project.drive()
    assert project.work("f(1)") == ["([['1', '2|3']], [0, 0, 0, 0, 0, 0, 1])"]


def test_what_cannot_be_pickled_is_filled_again(project):
    """A worker repeats what was done to a database, a queue or a context variable."""
    project.write(
        script="""
            import contextvars, queue, sqlite3
            DB = sqlite3.connect(":memory:")
            def prepare(db):
                db.execute("create table t (a)")
                db.execute("insert into t values (3)")
            prepare(DB)
            Q = queue.SimpleQueue()
            def fill():
                for i in (4, 5): Q.put(i)
            fill()
            V = contextvars.ContextVar("V", default=1)
            V.set(6)
            def f(x):
                return DB.execute("select a from t").fetchall(), Q.get(), V.get()
        """,
    )
    project.drive()
    assert project.work("f(1)") == ["([(3,)], 4, 6)"]


def test_modules_that_fill_a_state_are_imported_on_the_worker(project):
    """A module that nothing but the script imports may set another's global."""
    project.write(
        cfg="N = 1",
        more="import cfg; vars(cfg).update(N=7)",
        script="""
            import cfg, more
            def f(x):
                cfg.N += 1
                return cfg.N
        """,
    )
    project.drive()
    assert project.work("f(1)") == ["8"]


def test_a_state_that_travels_is_not_filled_again(project):
    """What fills it may also make something that cannot be pickled, and is left out."""
    project.env["GRIDTASK_DEBUG"] = ""  # the pool is not there to be compared
    project.write(
        script="""
            from concurrent.futures import ThreadPoolExecutor
            L = [1]
            with ThreadPoolExecutor(1) as pool:
                list(pool.map(L.append, [5, 6]))
            def f(x):
                L.append(0)
                return L
        """,
    )
    project.drive()
    assert project.work("f(1)") == ["[1, 5, 6, 0]"]


def test_views_of_dicts_travel(project):
    """Python itself registers their classes: a worker need not."""
    project.write(
        script="""
            KEYS = {"a": 1, "b": 2}.keys()
            def f(x): return sorted(KEYS)
        """,
    )
    project.drive()
    assert project.work("f(1)") == ["['a', 'b']"]


def test_seeds_of_a_script_are_not_repeated(project):
    """Workers that were all seeded alike would draw the same numbers."""
    project.write(
        script="""
            import random
            random.seed(3)
            first = random.random()
            def f(x): return random.random() == first
        """,
    )
    project.drive()
    assert project.work("f(1)") == ["False"]
