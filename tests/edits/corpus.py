"""The edits: each a small project, one change, and whether it can matter."""

from __future__ import annotations

from harness import Edit, edit

PLAIN = """
    import helpers

    LIMIT = 10

    def other(x):
        return x - 1

    def f(x, n=3):
        '''Add up.'''
        total = 0
        for k in range(n):  # some rounds
            total += helpers.scale(x) * k
        return total if total < LIMIT else LIMIT
"""
HELPERS = {
    "helpers.py": """
        import math
        import cfg
        from cfg import BETA

        def deep(x):
            return x * cfg.ALPHA + BETA

        def scale(x):
            return deep(x) * math.pi

        def unused(x):
            return x + 100
    """,
    "cfg.py": """
        ALPHA = 2
        BETA = 5
        UNUSED = 7
    """,
}

BODIES: list[Edit] = [
    edit("body", True, "* k", "* (k + 1)", PLAIN, HELPERS),
    edit("operator", True, "total < LIMIT", "total <= LIMIT", PLAIN, HELPERS),
    edit("default", True, "n=3", "n=4", PLAIN, HELPERS),
    edit("own constant", True, "LIMIT = 10", "LIMIT = 11", PLAIN, HELPERS),
    edit("constant's type", True, "LIMIT = 10", "LIMIT = 10.0", PLAIN, HELPERS),
    edit("one to True", True, "1", "True", "def f(x): return x + 1"),
    edit("zero to minus zero", True, "0.0", "-0.0", "def f(x): return x * 0.0"),
    edit("helper two modules away", True, "* cfg.ALPHA", "- cfg.ALPHA", PLAIN, HELPERS),
    edit("constant two modules away", True, "ALPHA = 2", "ALPHA = 3", PLAIN, HELPERS),
    edit("constant by name", True, "BETA = 5", "BETA = 6", PLAIN, HELPERS),
    edit("string", True, "'a'", "'b'", "def f(x): return x + 'a'"),
    edit("bytes for string", True, "'a'", "b'a'", "def f(x): return 'a'"),
    edit("f-string format", True, ".2f", ".3f", "def f(x): return f'{x:.2f}'"),
    edit("async", True, "def g", "async def g", "def g(): pass\ndef f(x): return g()"),
    edit("parameter kind", True, "x, y", "x, *, y", "def f(x, y=1): return x + y"),
    edit("keyword default", True, "y=1", "y=2", "def f(x, *, y=1): return x + y"),
    edit("assert", True, "x > 0", "x > 1", "def f(x):\n    assert x > 0\n    return x"),
    edit("elif order", True, "x > 1", "x > 2", "def f(x):\n    if x > 1: return 1"),
    edit(
        "match pattern",
        True,
        "case 1",
        "case 2",
        """
        def f(x):
            match x:
                case 1: return 'one'
                case _: return 'many'
        """,
    ),
    edit("star", True, "*y", "**y", "def g(*y): return y\ndef f(x): return g()"),
    edit("global string template", True, "in", "out", "T = 'in'\ndef f(x): return T"),
]

COSMETICS: list[Edit] = [
    edit("comment", False, "# some rounds", "# a few", PLAIN, HELPERS),
    edit("docstring", False, "'''Add up.'''", "'''Sum.'''", PLAIN, HELPERS),
    edit("docstring removed", False, "'''Add up.'''\n", "\n", PLAIN, HELPERS),
    edit(
        "blank lines",
        False,
        "    LIMIT = 10\n",
        "\n\n\n    LIMIT = 10\n",
        PLAIN,
        HELPERS,
    ),
    edit("spelling of a number", False, "= 10", "= 0xA", PLAIN, HELPERS),
    edit(
        "parentheses", False, "LIMIT else LIMIT", "(LIMIT) else (LIMIT)", PLAIN, HELPERS
    ),
    edit("hint", False, "x, n=3", "x: float, n: int = 3", PLAIN, HELPERS),
    edit("return hint", False, "n=3):", "n=3) -> float:", PLAIN, HELPERS),
    edit("local hint", False, "total = 0", "total: float = 0", PLAIN, HELPERS),
    edit("hint of a constant", False, "LIMIT = 10", "LIMIT: int = 10", PLAIN, HELPERS),
    edit(
        "future annotations",
        False,
        "import helpers",
        "from __future__ import annotations\nimport helpers",
        "import helpers\n\ndef f(x: int): return helpers.scale(x)",
        HELPERS,
    ),
    edit("quotes", False, "'a'", '"a"', "def f(x): return x + 'a'"),
    edit("split string", False, "'ab'", "'a' 'b'", "def f(x): return x + 'ab'"),
    edit("pass added", False, "return x", "pass; return x", "def f(x):\n    return x"),
    edit("other function", False, "x - 1", "x - 2", PLAIN, HELPERS),
    edit("unused helper", False, "x + 100", "x + 200", PLAIN, HELPERS),
    edit("unused constant", False, "UNUSED = 7", "UNUSED = 8", PLAIN, HELPERS),
    edit(
        "new import",
        False,
        "import helpers\n",
        "import helpers, json\n",
        PLAIN,
        HELPERS,
    ),
    edit(
        "main block",
        False,
        "f(1)",
        "f(2)",
        "def f(x): return x\n\nif __name__ == '__main__':\n    print(f(1))",
    ),
    edit("top-level call", False, "f(1)", "f(2)", "def f(x): return x\n\nY = f(1)"),
    edit(
        "a function moves to another module",
        False,
        "never",
        "never there",
        "from a import g\n# never\ndef f(x): return g(x)",
        {"a.py": "def g(x): return x + 1", "b.py": ""},
    ),
    edit(
        "class only in a hint",
        False,
        "size = 1",
        "size = 2",
        """
        class Hinted:
            size = 1

        def f(x: Hinted) -> Hinted:
            y: Hinted = x
            return y
        """,
    ),
    edit(
        "comprehension variable shadows a module",
        False,
        "ALPHA = 2",
        "ALPHA = 3",
        "import cfg\ndef f(x): return [cfg for cfg in range(x)]",
        HELPERS,
    ),
    edit(
        "parameter shadows a global",
        False,
        "cfg = 1",
        "cfg = 2",
        "cfg = 1\ndef f(cfg): return (lambda: cfg)()",
    ),
    edit(
        "order of functions",
        False,
        "def a(x): return 1\ndef b(x): return 2",
        "def b(x): return 2\ndef a(x): return 1",
        "def a(x): return 1\ndef b(x): return 2\ndef f(x): return a(x) + b(x)",
    ),
]
MOVED = Edit(
    "function moves to another module",
    False,
    {
        "task.py": "from a import g\ndef f(x): return g(x)",
        "a.py": "def g(x): return h(x)\ndef h(x): return x + 1",
    },
    {
        "task.py": "from b import g\ndef f(x): return g(x)",
        "a.py": "",
        "b.py": "import c\nfrom c import h\ndef g(x): return h(x)",
        "c.py": "def h(x): return x + 1",
    },
)

CLASSES: list[Edit] = [
    edit(
        "method",
        True,
        "self.n + 1",
        "self.n + 2",
        """
        class C:
            def __init__(self, n): self.n = n
            def get(self): return self.n + 1

        def f(x): return C(x).get()
        """,
    ),
    edit(
        "base class in another module",
        True,
        "x * 2",
        "x * 3",
        """
        import base

        class C(base.Base):
            pass

        def f(x): return C().get(x)
        """,
        {"base.py": "class Base:\n    def get(self, x): return x * 2"},
    ),
    edit(
        "class attribute",
        True,
        "size = 1",
        "size = 2",
        "class C:\n    size = 1\ndef f(x): return C.size * x",
    ),
    edit(
        "property",
        True,
        "return 1",
        "return 2",
        "class C:\n    @property\n    def p(self): return 1\ndef f(x): return C().p",
    ),
    edit(
        "static method",
        True,
        "return 1",
        "return 2",
        "class C:\n    @staticmethod\n    def p(): return 1\ndef f(x): return C.p()",
    ),
    edit(
        "cached property",
        True,
        "return 1",
        "return 2",
        """
        import functools
        class C:
            @functools.cached_property
            def p(self): return 1
        def f(x): return C().p
    """,
    ),
    edit(
        "dataclass default",
        True,
        "n: int = 1",
        "n: int = 2",
        """
        from dataclasses import dataclass
        @dataclass
        class C:
            n: int = 1
        def f(x): return C().n * x
    """,
    ),
    edit(
        "dataclass factory",
        True,
        "return [1]",
        "return [2]",
        """
        from dataclasses import dataclass, field
        def make(): return [1]
        @dataclass
        class C:
            n: list = field(default_factory=make)
        def f(x): return C().n * x
    """,
    ),
    edit(
        "dataclass option",
        True,
        "order=True",
        "order=False",
        """
        from dataclasses import dataclass
        @dataclass(order=True)
        class C:
            n: int
        def f(x): return sorted([C(x), C(1)])
    """,
    ),
    edit(
        "field order",
        True,
        "a: int\n            b: int",
        "b: int\n            a: int",
        """
        from dataclasses import dataclass
        @dataclass
        class C:
            a: int
            b: int
        def f(x): return C(x, 2).a
    """,
    ),
    edit(
        "enum value",
        True,
        "RED = 1",
        "RED = 3",
        """
        import enum
        class Colour(enum.Enum):
            RED = 1
            BLUE = 2
        def f(x): return Colour.RED.value
    """,
    ),
    edit(
        "named tuple default",
        True,
        "b: int = 1",
        "b: int = 2",
        """
        from typing import NamedTuple
        class P(NamedTuple):
            a: int
            b: int = 1
        def f(x): return P(x).b
    """,
    ),
    edit(
        "metaclass",
        True,
        "return 1",
        "return 2",
        """
        class Meta(type):
            def size(cls): return 1
        class C(metaclass=Meta):
            pass
        def f(x): return C.size()
    """,
    ),
    edit(
        "init_subclass registry",
        True,
        "'b'",
        "'c'",
        """
        class Base:
            registry = {}
            def __init_subclass__(cls):
                Base.registry[cls.name] = cls
        class B(Base):
            name = 'b'
        def f(x): return sorted(Base.registry)
    """,
    ),
    edit(
        "subclasses",
        True,
        "return 1",
        "return 2",
        """
        class Base: pass
        class B(Base):
            def get(self): return 1
        def f(x): return [c().get() for c in Base.__subclasses__()]
    """,
    ),
    edit(
        "class docstring",
        False,
        "'''One.'''",
        "'''Two.'''",
        """
        class C:
            '''One.'''
            n = 1
        def f(x): return C().n
    """,
    ),
    edit(
        "method hints",
        False,
        "self, n",
        "self, n: int",
        """
        class C:
            def __init__(self, n): self.n = n
        def f(x): return C(x).n
    """,
    ),
    edit(
        "unused class",
        False,
        "n = 1",
        "n = 2",
        """
        class D:
            n = 1
        class C:
            pass
        def f(x): return C()
    """,
    ),
    edit(
        "order of methods",
        False,
        "def a(self): return 1\n            def b(self): return 2",
        "def b(self): return 2\n            def a(self): return 1",
        """
        class C:
            def a(self): return 1
            def b(self): return 2
        def f(x): return C().a() + C().b()
    """,
    ),
]

CALLABLES: list[Edit] = [
    edit(
        "decorator body",
        True,
        "* 2",
        "* 3",
        """
        import functools
        def twice(g):
            @functools.wraps(g)
            def wrapper(*args): return g(*args) * 2
            return wrapper
        @twice
        def h(x): return x
        def f(x): return h(x)
    """,
    ),
    edit(
        "decorated function",
        True,
        "return x + 1",
        "return x + 2",
        """
        import functools
        def twice(g):
            @functools.wraps(g)
            def wrapper(*args): return g(*args) * 2
            return wrapper
        @twice
        def h(x): return x + 1
        def f(x): return h(x)
    """,
    ),
    edit(
        "decorator removed",
        True,
        "@twice",
        "",
        """
        def twice(g):
            return lambda x: g(x) * 2
        @twice
        def h(x): return x + 1
        def f(x): return h(x)
    """,
    ),
    edit(
        "lru_cache",
        True,
        "x + 1",
        "x + 2",
        """
        import functools
        @functools.lru_cache
        def h(x): return x + 1
        def f(x): return h(x)
    """,
    ),
    edit(
        "contextmanager",
        True,
        "yield 1",
        "yield 2",
        """
        import contextlib
        @contextlib.contextmanager
        def h(): yield 1
        def f(x):
            with h() as y: return y
    """,
    ),
    edit(
        "singledispatch",
        True,
        "return 'int'",
        "return 'number'",
        """
        import functools
        @functools.singledispatch
        def h(x): return 'any'
        @h.register(int)
        def _(x): return 'int'
        def f(x): return h(x)
    """,
    ),
    edit(
        "partial's function",
        True,
        "a - b",
        "a + b",
        """
        import functools
        def h(a, b): return a - b
        g = functools.partial(h, 1)
        def f(x): return g(x)
    """,
    ),
    edit(
        "partial's argument",
        True,
        "h, 1",
        "h, 2",
        """
        import functools
        def h(a, b): return a - b
        g = functools.partial(h, 1)
        def f(x): return g(x)
    """,
    ),
    edit(
        "closure value",
        True,
        "adder(1)",
        "adder(2)",
        """
        def adder(n): return lambda x: x + n
        g = adder(1)
        def f(x): return g(x)
    """,
    ),
    edit(
        "one of two lambdas on a line",
        True,
        "y * 2",
        "y * 3",
        "a, b = lambda y: y * 2, lambda y: y * 5\ndef f(x): return a(x)",
    ),
    edit(
        "the other lambda on a line",
        False,
        "y * 5",
        "y * 6",
        "a, b = lambda y: y * 2, lambda y: y * 5\ndef f(x): return a(x)",
    ),
    edit(
        "bound method of an instance",
        True,
        "C(1)",
        "C(2)",
        """
        class C:
            def __init__(self, n): self.n = n
            def get(self, x): return self.n + x
        g = C(1).get
        def f(x): return g(x)
    """,
    ),
    edit(
        "function in a dict",
        True,
        "x * 2",
        "x * 4",
        """
        def a(x): return x * 2
        def b(x): return x * 3
        TABLE = {'a': a, 'b': b}
        def f(x): return TABLE['a'](x)
    """,
    ),
    edit(
        "functions in a dict exchanged",
        True,
        "a, 'b': b",
        "b, 'b': a",
        """
        def a(x): return x * 2
        def b(x): return x * 3
        TABLE = {'a': a, 'b': b}
        def f(x): return TABLE['a'](x)
    """,
    ),
    edit(
        "lambdas in a list exchanged",
        True,
        "lambda x: h(x), lambda x: g(x)",
        "lambda x: g(x), lambda x: h(x)",
        """
        def h(x): return 1
        def g(x): return 2
        TABLE = [lambda x: h(x), lambda x: g(x)]
        def f(x): return TABLE[0](x)
    """,
    ),
    edit(
        "mutual recursion",
        True,
        "n - 1",
        "n - 2",
        """
        def even(n): return n == 0 or odd(abs(n) - 1)
        def odd(n): return n != 0 and even(n - 1)
        def f(x): return even(x)
    """,
    ),
    edit(
        "function by exec",
        True,
        "return 1",
        "return 2",
        """
        exec('def h(x): return 1')
        def f(x): return h(x)
    """,
    ),
    edit(
        "function's attribute",
        True,
        "h.n = 1",
        "h.n = 2",
        """
        def h(x): return x * h.n
        h.n = 1
        def f(x): return h(x)
    """,
    ),
    edit(
        "set of functions",
        False,
        "# here",
        "# there",
        """
        def a(x): return 1
        def b(x): return 2
        ALL = {a, b, print, 'x', 3}  # here
        def f(x): return len(ALL)
    """,
    ),
    edit(
        "third party's bound method",
        False,
        "# here",
        "# there",
        """
        from random import random
        import random as r
        import os, sys
        from os import environ
        import numpy as np
        def f(x):  # here
            np.random.rand()
            n = len(environ) + len(os.environ) + len(sys.path)
            return random() + r.random() + n
    """,
    ),
]

MODULES: list[Edit] = [
    edit(
        "import inside the function",
        True,
        "x * 2",
        "x * 3",
        "def f(x):\n    import late\n    return late.g(x)",
        {"late.py": "def g(x): return x * 2\ndef h(x): return 1"},
    ),
    edit(
        "other name of a module imported inside",
        False,
        "return 1",
        "return 2",
        "def f(x):\n    import late\n    return late.g(x)",
        {"late.py": "def g(x): return x * 2\ndef h(x): return 1"},
    ),
    edit(
        "from-import inside the function",
        True,
        "x * 2",
        "x * 3",
        "def f(x):\n    from pack.late import g as k\n    return [k(y) for y in [x]]",
        {"pack/__init__.py": "A = 1", "pack/late.py": "def g(x): return x * 2"},
    ),
    edit(
        "relative import",
        True,
        "return 1",
        "return 2",
        "from pack.a import g\ndef f(x): return g()",
        {
            "pack/__init__.py": "A = 1",
            "pack/a.py": "from . import b\ndef g(): return b.h()",
            "pack/b.py": "def h(): return 1",
        },
    ),
    edit(
        "submodule by chain",
        True,
        "return 1",
        "return 2",
        "import pack.sub.c\ndef f(x): return pack.sub.c.g()",
        {
            "pack/__init__.py": "A = 1",
            "pack/sub/__init__.py": "B = 1",
            "pack/sub/c.py": "def g(): return 1",
        },
    ),
    edit(
        "getattr on a module",
        True,
        "return 1",
        "return 2",
        "import mod\ndef f(x): return getattr(mod, x)()",
        {"mod.py": "def g(): return 1"},
    ),
    edit(
        "module passed on",
        True,
        "return 1",
        "return 2",
        "import mod\ndef run(m): return m.g()\ndef f(x): return run(mod)",
        {"mod.py": "def g(): return 1"},
    ),
    edit(
        "main block of a whole module",
        False,
        "print(1)",
        "print(2)",
        "import mod\ndef f(x): return getattr(mod, x)",
        {"mod.py": "A = 1\nif __name__ == '__main__':\n    print(1)"},
    ),
    edit(
        "module's getattr",
        True,
        "return 1",
        "return 2",
        "import mod\ndef f(x): return mod.some",
        {"mod.py": "def __getattr__(name): return 1"},
    ),
    edit(
        "globals()",
        True,
        "return 1",
        "return 2",
        "def g(): return 1\ndef f(x): return globals()['g']()",
    ),
    edit(
        "eval",
        True,
        "return 1",
        "return 2",
        "def g(): return 1\ndef f(x): return eval('g()')",
    ),
    edit(
        "import_module with a constant",
        True,
        "A = 1",
        "A = 2",
        "import importlib\ndef f(x): return importlib.import_module('mod').A",
        {"mod.py": "A = 1"},
    ),
    edit(
        "monkeypatch on import",
        True,
        "x * 7",
        "x * 8",
        "import patch, mod\ndef f(x): return mod.g(x)",
        {
            "mod.py": "def g(x): return x",
            "patch.py": "import mod\ndef better(x): return x * 7\nmod.g = better",
        },
    ),
    edit(
        "monkeypatched method",
        True,
        "x * 7",
        "x * 8",
        """
        class C:
            def get(self, x): return x
        def better(self, x): return x * 7
        C.get = better
        def f(x): return C().get(x)
    """,
    ),
    edit(
        "star import",
        True,
        "return 1",
        "return 2",
        "from mod import *\ndef f(x): return g()",
        {"mod.py": "def g(): return 1"},
    ),
    edit(
        "conditional definition",
        True,
        "return 1",
        "return 2",
        """
        try:
            import not_there_at_all
        except ImportError:
            def g(): return 1
        def f(x): return g()
    """,
    ),
    edit(
        "module renamed import",
        False,
        "# x",
        "# y",
        "import mod as m  # x\ndef f(x): return m.A",
        {"mod.py": "A = 1"},
    ),
    edit(
        "data of another name in the same module",
        False,
        "B = 2",
        "B = 3",
        "import mod\ndef f(x): return mod.A",
        {"mod.py": "A = 1\nB = 2"},
    ),
    edit(
        "depends on a function",
        True,
        "return 1",
        "return 2",
        "import mod\nOPTIONS = {'depends': [mod.g]}\ndef f(x): return x",
        {"mod.py": "def g(): return 1"},
    ),
    edit(
        "ignored function",
        False,
        "return 1",
        "return 2",
        "import mod\nOPTIONS = {'ignore_code': [mod.g]}\ndef f(x): return mod.g()",
        {"mod.py": "def g(): return 1"},
    ),
    edit(
        "ignored module",
        False,
        "return 1",
        "return 2",
        "import mod\nOPTIONS = {'ignore_code': [mod]}\ndef f(x): return mod.g()",
        {"mod.py": "def g(): return 1"},
    ),
    edit(
        "version", True, "'1'", "'2'", "OPTIONS = {'version': '1'}\ndef f(x): return x"
    ),
    edit(
        "code under a version",
        False,
        "x + 1",
        "x + 2",
        "OPTIONS = {'version': '1'}\ndef f(x): return x + 1",
    ),
]

STATE: list[Edit] = [
    edit(
        "table filled by a loop",
        True,
        "i * i",
        "i + i",
        """
        T = {}
        for i in range(4):
            T[i] = i * i
        def f(x): return T[x]
    """,
    ),
    edit(
        "memo's own code",
        True,
        "x * 2",
        "x * 3",
        """
        CACHE = {}
        def f(x):
            if x not in CACHE: CACHE[x] = x * 2
            return CACHE[x]
    """,
    ),
    edit(
        "start of a counter",
        True,
        "n = 0",
        "n = 1",
        """
        n = 0
        def f(x):
            global n
            n += 1
            return n
    """,
    ),
    edit(
        "constructor of a memo",
        True,
        "{}",
        "{1: 5}",
        """
        CACHE = {}
        def f(x):
            CACHE.setdefault(x, x)
            return CACHE
    """,
    ),
    edit(
        "registry by decorator",
        True,
        "return 1",
        "return 2",
        """
        REGISTRY = {}
        def register(g):
            REGISTRY[g.__name__] = g
            return g
        @register
        def a(): return 1
        def f(x): return REGISTRY[x]()
    """,
    ),
    edit(
        "attribute set at import",
        True,
        "C.n = 2",
        "C.n = 3",
        """
        class C:
            n = 1
        C.n = 2
        def f(x): return C.n
    """,
    ),
    edit(
        "instance's state",
        True,
        "C(1)",
        "C(2)",
        """
        class C:
            def __init__(self, n): self.n = n
        c = C(1)
        def f(x): return c.n
    """,
    ),
    edit(
        "lock's owner",
        True,
        "x + 1",
        "x + 2",
        """
        import threading, logging
        LOCK = threading.Lock()
        LOG = logging.getLogger(__name__)
        def f(x):
            LOG.info('x')
            with LOCK: return x + 1
    """,
    ),
    edit(
        "what cannot be hashed, by its statement",
        True,
        "range(3)",
        "range(4)",
        """
        gen = (i for i in range(3))
        def f(x): return next(gen)
    """,
    ),
    edit(
        "what a hidden statement uses",
        True,
        "N = 3",
        "N = 4",
        """
        N = 3
        gen = (i for i in range(N))
        def f(x): return sum(gen)
    """,
    ),
    edit(
        "array",
        True,
        "arange(3)",
        "arange(4)",
        "import numpy as np\nA = np.arange(3)\ndef f(x): return A.sum()",
    ),
    edit(
        "array from a function",
        False,
        "range(3)",
        "[0, 1, 2]",
        "import numpy as np\nA = np.array(range(3))\ndef f(x): return A.sum()",
    ),
    edit(
        "logger's name",
        False,
        "'one'",
        "'two'",
        "import logging\nL = logging.getLogger('one')\ndef f(x): L.info('x')",
    ),
    edit(
        "position of a memo",
        False,
        "# top",
        "# top\n",
        "# top\nC = {}\ndef f(x): C[x] = 1",
    ),
]

EDITS = [*BODIES, *COSMETICS, MOVED, *CLASSES, *CALLABLES, *MODULES, *STATE]
