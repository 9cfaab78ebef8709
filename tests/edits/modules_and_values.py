"""Edits behind imports, data files, patches and values of all kinds."""

from __future__ import annotations

from harness import Edit, edit

MODULES_AND_VALUES: list[Edit] = [
    edit(
        "module getattr lazy import",
        True,
        "return x * 2",
        "return x * 3",
        """
        import pack
        def f(x): return pack.late(x)
    """,
        {
            "pack/__init__.py": """
        def __getattr__(n):
            import importlib
            if n == 'late':
                return importlib.import_module('pack.impl').late
            raise AttributeError(n)
    """,
            "pack/impl.py": "def late(x): return x * 2",
        },
    ),
    edit(
        "star import with __all__",
        True,
        "['g']",
        "['k']",
        """
        from m import *
        def f(x): return g() if 'g' in globals() else k()
    """,
        {
            "m.py": """
        __all__ = ['g']
        def g(): return 1
        def k(): return 2
    """
        },
    ),
    edit(
        "star import shadows own",
        True,
        "A = 1",
        "A = 3",
        """
        A = 0
        from m import *
        def f(x): return A
    """,
        {"m.py": "A = 1"},
    ),
    edit(
        "re-export through two packages",
        True,
        "x * 2",
        "x * 3",
        """
        from a import g
        def f(x): return g(x)
    """,
        {
            "a/__init__.py": "from a.b import g",
            "a/b/__init__.py": "from .c import g",
            "a/b/c.py": "def g(x): return x * 2",
        },
    ),
    edit(
        "re-export switches source",
        True,
        "from .c import g",
        "from .d import g",
        """
        from a import g
        def f(x): return g(x)
    """,
        {
            "a/__init__.py": "from .c import g",
            "a/c.py": "def g(x): return 1",
            "a/d.py": "def g(x): return 2",
        },
    ),
    edit(
        "import as",
        True,
        "import b as m",
        "import c as m",
        """
        import b as m
        def f(x): return m.g()
    """,
        {"b.py": "def g(): return 1", "c.py": "def g(): return 2"},
    ),
    edit(
        "from import as",
        True,
        "import g as h",
        "import k as h",
        """
        from m import g as h
        def f(x): return h()
    """,
        {
            "m.py": """
        def g(): return 1
        def k(): return 2
    """
        },
    ),
    edit(
        "try import falls back",
        True,
        "return 1",
        "return 2",
        """
        try:
            import not_there_xyz as fast
        except ImportError:
            import slow as fast
        def f(x): return fast.g()
    """,
        {"slow.py": "def g(): return 1"},
    ),
    edit(
        "import now succeeds",
        True,
        "# nothing",
        "def g(): return 5",
        """
        try:
            from maybe import g
        except ImportError:
            def g(): return 1
        def f(x): return g()
    """,
        {"maybe.py": "# nothing"},
    ),
    edit(
        "conditional import by flag",
        True,
        "FAST = True",
        "FAST = False",
        """
        FAST = True
        if FAST:
            import a as impl
        else:
            import b as impl
        def f(x): return impl.g()
    """,
        {"a.py": "def g(): return 1", "b.py": "def g(): return 2"},
    ),
    edit(
        "import in a helper of a helper",
        True,
        "return 1",
        "return 2",
        """
        import h
        def f(x): return h.g()
    """,
        {
            "h.py": """
        def g():
            def inner():
                from deep import k
                return k()
            return inner()
    """,
            "deep.py": "def k(): return 1",
        },
    ),
    edit(
        "namespace package module",
        True,
        "return 1",
        "return 2",
        """
        import ns.sub.m
        def f(x): return ns.sub.m.g()
    """,
        {"ns/sub/m.py": "def g(): return 1"},
    ),
    edit(
        "package init constant",
        True,
        "V = 1",
        "V = 2",
        """
        import p.m
        def f(x): return p.m.g()
    """,
        {
            "p/__init__.py": "V = 1",
            "p/m.py": """
        import p
        def g(): return p.V
    """,
        },
    ),
    edit(
        "circular modules",
        True,
        "+ 3",
        "+ 4",
        """
        import a
        def f(x): return a.g(x)
    """,
        {
            "a.py": """
        import b
        N = 2
        def g(x): return b.h(x)
    """,
            "b.py": """
        import a
        def h(x): return a.N + 3
    """,
        },
    ),
    edit(
        "import_module relative",
        True,
        "return 1",
        "return 2",
        """
        import p.a
        def f(x): return p.a.g()
    """,
        {
            "p/__init__.py": "",
            "p/a.py": """
        import importlib
        def g(): return importlib.import_module('.b', __package__).h()
    """,
            "p/b.py": "def h(): return 1",
        },
    ),
    edit(
        "import_module at import",
        True,
        "return 1",
        "return 2",
        """
        import importlib
        m = importlib.import_module('mod')
        def f(x): return m.g()
    """,
        {"mod.py": "def g(): return 1"},
    ),
    edit(
        "import_module by f-string over a list",
        True,
        "return 1",
        "return 2",
        """
        import importlib
        PLUGINS = {n: importlib.import_module(f'plug_{n}') for n in ('a', 'b')}
        def f(x): return PLUGINS['b'].g()
    """,
        {"plug_a.py": "def g(): return 0", "plug_b.py": "def g(): return 1"},
    ),
    edit(
        "plugin functions collected",
        True,
        "return 1",
        "return 2",
        """
        import importlib
        G = [importlib.import_module(n).g for n in ['pa', 'pb']]
        def f(x): return [g() for g in G]
    """,
        {"pa.py": "def g(): return 0", "pb.py": "def g(): return 1"},
    ),
    edit(
        "getattr dispatch with f-string",
        True,
        "return 1",
        "return 2",
        """
        import ops
        def f(x): return getattr(ops, f'op_{x}')()
    """,
        {"ops.py": "def op_1(): return 1"},
    ),
    edit(
        "getattr dispatch on self",
        True,
        "return 1",
        "return 2",
        """
        class C:
            def run(self, n): return getattr(self, 'do_' + n)()
            def do_a(self): return 1
        def f(x): return C().run('a')
    """,
    ),
    edit(
        "vars of a module",
        True,
        "A = 1",
        "A = 2",
        """
        import cfg
        def f(x): return vars(cfg)['A']
    """,
        {"cfg.py": "A = 1"},
    ),
    edit(
        "module dict",
        True,
        "A = 1",
        "A = 2",
        """
        import cfg
        def f(x): return cfg.__dict__['A']
    """,
        {"cfg.py": "A = 1"},
    ),
    edit(
        "sys.modules of own name",
        True,
        "A = 1",
        "A = 2",
        """
        import sys
        A = 1
        def f(x): return sys.modules[__name__].A
    """,
    ),
    edit(
        "inspect.getmembers",
        True,
        "return 1",
        "return 2",
        """
        import inspect, ops
        def f(x):
            found = inspect.getmembers(ops, inspect.isfunction)
            return [g() for n, g in found]
    """,
        {"ops.py": "def a(): return 1"},
    ),
    edit(
        "string eval in helper module",
        True,
        "A = 1",
        "A = 2",
        """
        import h
        def f(x): return h.ev('A + 1')
    """,
        {
            "h.py": """
        A = 1
        def ev(s): return eval(s)
    """
        },
    ),
    edit(
        "exec with own namespace",
        True,
        "y = 1",
        "y = 2",
        """
        SRC = 'y = 1'
        def f(x):
            ns = {}
            exec(SRC, ns)
            return ns['y']
    """,
    ),
    edit(
        "compiled template",
        True,
        "'{:>4}'",
        "'{:>5}'",
        """
        T = '{:>4}'.format
        def f(x): return T(x)
    """,
    ),
    edit(
        "nested f-string",
        True,
        "'<'",
        "'>'",
        """
        C = '<'
        def f(x): return f"{f'{x:{C}5}'}"
    """,
    ),
    edit(
        "json read at import",
        True,
        '"k": 1',
        '"k": 2',
        """
        import json, pathlib
        CFG = json.loads((pathlib.Path(__file__).parent / 'cfg.json').read_text())
        def f(x): return CFG['k']
    """,
        {"cfg.json": '{"k": 1}'},
    ),
    edit(
        "csv into a list at import",
        True,
        "1,2",
        "1,3",
        """
        import csv, os
        with open(os.path.join(os.path.dirname(__file__), 'd.csv')) as fh:
            ROWS = list(csv.reader(fh))
        def f(x): return ROWS
    """,
        {
            "d.csv": """
        1,2
        3,4
    """
        },
    ),
    edit(
        "configparser at import",
        True,
        "n = 1",
        "n = 2",
        """
        import configparser, os
        CP = configparser.ConfigParser()
        CP.read(os.path.join(os.path.dirname(__file__), 'c.ini'))
        def f(x): return CP['a']['n']
    """,
        {
            "c.ini": """
        [a]
        n = 1
    """
        },
    ),
    edit(
        "toml at import",
        True,
        "n = 1",
        "n = 2",
        """
        import tomllib, pathlib
        CFG = tomllib.loads(pathlib.Path(__file__).with_name('c.toml').read_text())
        def f(x): return CFG['a']['n']
    """,
        {
            "c.toml": """
        [a]
        n = 1
    """
        },
    ),
    edit(
        "environment read at import",
        True,
        "'one'",
        "'two'",
        """
        import os
        os.environ['MY_SETTING'] = 'one'
        S = os.environ.get('MY_SETTING')
        def f(x): return S
    """,
    ),
    edit(
        "argparse defaults at import",
        True,
        "default=3",
        "default=4",
        """
        import argparse
        p = argparse.ArgumentParser()
        p.add_argument('--n', type=int, default=3)
        ARGS_NS = p.parse_args([])
        def f(x): return ARGS_NS.n
    """,
    ),
    edit(
        "numpy load at import",
        True,
        "1 2",
        "1 3",
        """
        import numpy as np, os
        D = np.loadtxt(os.path.join(os.path.dirname(__file__), 'd.txt'))
        def f(x): return D.sum()
    """,
        {"d.txt": "1 2"},
    ),
    edit(
        "global from argparse set on a module",
        True,
        "cfg.SCALE = 3",
        "cfg.SCALE = 4",
        """
        import cfg
        def setup():
            cfg.SCALE = 3
        setup()
        def f(x): return cfg.SCALE * x
    """,
        {"cfg.py": "SCALE = 1"},
    ),
    edit(
        "setattr on config module",
        True,
        "'SCALE', 3",
        "'SCALE', 4",
        """
        import cfg
        setattr(cfg, 'SCALE', 3)
        def f(x): return cfg.SCALE * x
    """,
        {"cfg.py": "SCALE = 1"},
    ),
    edit(
        "config namespace object",
        True,
        "n=1",
        "n=2",
        """
        from types import SimpleNamespace
        CFG = SimpleNamespace(n=1, m=2)
        def f(x): return CFG.n
    """,
    ),
    edit(
        "config class instance in another module",
        True,
        "self.n = 1",
        "self.n = 2",
        """
        from cfg import settings
        def f(x): return settings.n
    """,
        {
            "cfg.py": """
        class S:
            def __init__(self): self.n = 1
        settings = S()
    """
        },
    ),
    edit(
        "chained settings",
        True,
        "lr=1",
        "lr=2",
        """
        import cfg
        def f(x): return cfg.ALL['model'].opt.lr
    """,
        {
            "cfg.py": """
        from types import SimpleNamespace as N
        ALL = {'model': N(opt=N(lr=1))}
    """
        },
    ),
    edit(
        "ChainMap",
        True,
        "'a': 1",
        "'a': 2",
        """
        from collections import ChainMap
        C = ChainMap({}, {'a': 1})
        def f(x): return C['a']
    """,
    ),
    edit(
        "table by comprehension over functions",
        True,
        "v + 1",
        "v + 2",
        """
        def inc(v): return v + 1
        T = {n: inc(n) for n in range(3)}
        def f(x): return T[x]
    """,
    ),
    edit(
        "registry via class decorator",
        True,
        "return 1",
        "return 2",
        """
        R = {}
        def reg(c):
            R[c.__name__.lower()] = c
            return c
        @reg
        class A:
            def go(self): return 1
        def f(x): return R['a']().go()
    """,
    ),
    edit(
        "registry in another module filled by import",
        True,
        "return 1",
        "return 2",
        """
        import registry, impl
        def f(x): return registry.R['a']()
    """,
        {
            "registry.py": """
        R = {}
        def reg(g):
            R[g.__name__] = g
            return g
    """,
            "impl.py": """
        from registry import reg
        @reg
        def a(): return 1
    """,
        },
    ),
    edit(
        "registry entry removed",
        True,
        "@reg\n        def b(): return 2",
        "def b(): return 2",
        """
        R = {}
        def reg(g):
            R[g.__name__] = g
            return g
        @reg
        def a(): return 1
        @reg
        def b(): return 2
        def f(x): return sorted(R)
    """,
    ),
    edit(
        "string to function by globals",
        True,
        "return 1",
        "return 2",
        """
        def op_a(): return 1
        OPS = ['op_a']
        def f(x): return [globals()[n]() for n in OPS]
    """,
    ),
    edit(
        "dispatch list of tuples with lambdas",
        True,
        "x > 0, lambda",
        "x >= 1, lambda",
        """
        RULES = [(lambda x: x > 0, lambda x: 'pos'), (lambda x: True, lambda x: 'neg')]
        def f(x): return next(r(x) for t, r in RULES if t(x))
    """,
    ),
    edit(
        "monkeypatch of stdlib at import",
        True,
        "return 7",
        "return 8",
        """
        import math
        def fake(v): return 7
        math.cbrt2 = fake
        def f(x): return math.cbrt2(x)
    """,
    ),
    edit(
        "monkeypatch of a stdlib class's method",
        True,
        "return 7",
        "return 8",
        """
        import decimal, textwrap
        def fake(self, t): return 7
        textwrap.TextWrapper.fill = fake
        def f(x): return textwrap.TextWrapper().fill('a')
    """,
    ),
    edit(
        "monkeypatch of numpy attribute",
        True,
        "lambda v: 7",
        "lambda v: 8",
        """
        import numpy as np
        np.my_op = lambda v: 7
        def f(x): return np.my_op(x)
    """,
    ),
    edit(
        "builtins patched",
        True,
        "return 7",
        "return 8",
        """
        import builtins
        def helper(): return 7
        builtins.helper_xyz = helper
        def f(x): return helper_xyz()
    """,
    ),
    edit(
        "module swapped in sys.modules",
        True,
        "return 7",
        "return 8",
        """
        import sys, types
        m = types.ModuleType('fake_mod_xyz')
        def g(): return 7
        m.g = g
        sys.modules['fake_mod_xyz'] = m
        import fake_mod_xyz
        def f(x): return fake_mod_xyz.g()
    """,
    ),
    edit(
        "mock patched module function",
        True,
        "x * 7",
        "x * 8",
        """
        import mod
        old = mod.g
        def better(x): return old(x) + x * 7
        mod.g = better
        def f(x): return mod.h(x)
    """,
        {
            "mod.py": """
        def g(x): return x
        def h(x): return g(x)
    """
        },
    ),
    edit(
        "global: compiled regex",
        True,
        "'a+'",
        "'a*'",
        """
        import re
        G = re.compile('a+')
        def f(x): return G.pattern
    """,
    ),
    edit(
        "global: regex flags",
        True,
        "re.I",
        "re.M",
        """
        import re
        G = re.compile('a', re.I)
        def f(x): return bool(G.match('A'))
    """,
    ),
    edit(
        "global: struct",
        True,
        "'<i'",
        "'>i'",
        """
        import struct
        G = struct.Struct('<i')
        def f(x): return G.pack(x)
    """,
    ),
    edit(
        "global: datetime",
        True,
        "2020, 1, 1",
        "2020, 1, 2",
        """
        import datetime as dt
        G = dt.datetime(2020, 1, 1)
        def f(x): return G.day
    """,
    ),
    edit(
        "global: timedelta",
        True,
        "hours=1",
        "hours=2",
        """
        import datetime as dt
        G = dt.timedelta(hours=1)
        def f(x): return G.seconds
    """,
    ),
    edit(
        "global: tz",
        True,
        "hours=1",
        "hours=2",
        """
        import datetime as dt
        G = dt.timezone(dt.timedelta(hours=1))
        def f(x): return str(G)
    """,
    ),
    edit(
        "global: path",
        True,
        "'/a/b'",
        "'/a/c'",
        """
        from pathlib import Path
        G = Path('/a/b')
        def f(x): return str(G)
    """,
    ),
    edit(
        "global: decimal context",
        True,
        "prec=3",
        "prec=4",
        """
        import decimal
        G = decimal.Context(prec=3)
        def f(x): return str(G.divide(decimal.Decimal(1), decimal.Decimal(3)))
    """,
    ),
    edit(
        "global: fraction",
        True,
        "1, 3",
        "1, 4",
        """
        from fractions import Fraction
        G = Fraction(1, 3)
        def f(x): return str(G)
    """,
    ),
    edit(
        "global: frozenset",
        True,
        "1, 2",
        "1, 3",
        """
        G = frozenset([1, 2])
        def f(x): return sorted(G)
    """,
    ),
    edit(
        "global: bytes",
        True,
        "b'a'",
        "b'b'",
        """
        G = b'a'
        def f(x): return G
    """,
    ),
    edit(
        "global: complex",
        True,
        "2j",
        "3j",
        """
        G = 1 + 2j
        def f(x): return G
    """,
    ),
    edit(
        "global: negative zero",
        True,
        "0.0",
        "-0.0",
        """
        G = 0.0
        def f(x): return str(G)
    """,
    ),
    edit(
        "global: range",
        True,
        "0, 9, 2",
        "0, 9, 3",
        """
        G = range(0, 9, 2)
        def f(x): return list(G)
    """,
    ),
    edit(
        "global: slice",
        True,
        "1, 2",
        "1, 3",
        """
        G = slice(1, 2)
        def f(x): return [0, 1, 2, 3][G]
    """,
    ),
    edit(
        "global: Ellipsis",
        True,
        "...",
        "None",
        """
        G = ...
        def f(x): return str(G)
    """,
    ),
    edit(
        "global: bytearray",
        True,
        "b'ab'",
        "b'ac'",
        """
        G = bytearray(b'ab')
        def f(x): return bytes(G)
    """,
    ),
    edit(
        "global: memoryview",
        True,
        "b'ab'",
        "b'ac'",
        """
        G = memoryview(b'ab')
        def f(x): return bytes(G)
    """,
    ),
    edit(
        "global: array module",
        True,
        "[1, 2]",
        "[1, 3]",
        """
        import array
        G = array.array('i', [1, 2])
        def f(x): return list(G)
    """,
    ),
    edit(
        "global: deque maxlen",
        True,
        "maxlen=2",
        "maxlen=3",
        """
        import collections
        G = collections.deque([1, 2, 3], maxlen=2)
        def f(x): return list(G)
    """,
    ),
    edit(
        "global: defaultdict factory",
        True,
        "int",
        "float",
        """
        import collections
        G = collections.defaultdict(int)
        def f(x): return str(G[x])
    """,
    ),
    edit(
        "global: Counter",
        True,
        "'aab'",
        "'abb'",
        """
        import collections
        G = collections.Counter('aab')
        def f(x): return G['a']
    """,
    ),
    edit(
        "global: uuid",
        True,
        "int=1",
        "int=2",
        """
        import uuid
        G = uuid.UUID(int=1)
        def f(x): return str(G)
    """,
    ),
    edit(
        "global: ipaddress",
        True,
        "10.0.0.1",
        "10.0.0.2",
        """
        import ipaddress
        G = ipaddress.ip_address('10.0.0.1')
        def f(x): return str(G)
    """,
    ),
    edit(
        "global: random.Random seeded",
        True,
        "Random(1)",
        "Random(2)",
        """
        import random
        G = random.Random(1)
        def f(x): return G.random()
    """,
    ),
    edit(
        "global: numpy dtype",
        True,
        "'i4'",
        "'i8'",
        """
        import numpy as np
        G = np.dtype('i4')
        def f(x): return G.itemsize
    """,
    ),
    edit(
        "global: numpy structured",
        True,
        "'b'",
        "'c'",
        """
        import numpy as np
        G = np.zeros(1, dtype=[('a', int), ('b', int)])
        def f(x): return G.dtype.names
    """,
    ),
    edit(
        "global: numpy scalar",
        True,
        "float32",
        "float64",
        """
        import numpy as np
        G = np.float32(1)
        def f(x): return G.nbytes
    """,
    ),
    edit(
        "global: numpy ufunc",
        True,
        "np.sin",
        "np.cos",
        """
        import numpy as np
        G = np.sin
        def f(x): return float(G(x))
    """,
    ),
    edit(
        "global: frompyfunc",
        True,
        "v + 1",
        "v + 2",
        """
        import numpy as np
        G = np.frompyfunc(lambda v: v + 1, 1, 1)
        def f(x): return int(G(x))
    """,
    ),
    edit(
        "global: poly1d",
        True,
        "[1, 2]",
        "[1, 3]",
        """
        import numpy as np
        G = np.poly1d([1, 2])
        def f(x): return float(G(x))
    """,
    ),
    edit(
        "global: masked array",
        True,
        "[0, 1]",
        "[1, 0]",
        """
        import numpy as np
        G = np.ma.array([1, 2], mask=[0, 1])
        def f(x): return int(G.sum())
    """,
    ),
    edit(
        "global: rng Generator after use",
        True,
        "(3)",
        "(4)",
        """
        import numpy as np
        G = np.random.default_rng(3)
        def f(x): return float(G.normal())
    """,
    ),
    edit(
        "global: RandomState",
        True,
        "(3)",
        "(4)",
        """
        import numpy as np
        G = np.random.RandomState(3)
        def f(x): return float(G.rand())
    """,
    ),
    edit(
        "global: string.Template",
        True,
        "$a-",
        "$a+",
        """
        import string
        G = string.Template('$a-')
        def f(x): return G.substitute(a=x)
    """,
    ),
    edit(
        "global: builtin method of str",
        True,
        "'-'",
        "'+'",
        """
        G = '-'.join
        def f(x): return G(['a', 'b'])
    """,
    ),
    edit(
        "global: builtin method of dict",
        True,
        "'k': 1",
        "'k': 2",
        """
        G = {'k': 1}.get
        def f(x): return G('k')
    """,
    ),
    edit(
        "global: bound list method",
        True,
        "[1]",
        "[2]",
        """
        G = [1].count
        def f(x): return G(x)
    """,
    ),
    edit(
        "global: type alias",
        True,
        "int",
        "float",
        """
        G = int
        def f(x): return str(G(x))
    """,
    ),
    edit(
        "global: generic alias",
        True,
        "list[int]",
        "list[float]",
        """
        G = list[int]
        def f(x): return str(G)
    """,
    ),
    edit(
        "global: union type",
        True,
        "int | str",
        "int | bytes",
        """
        G = int | str
        def f(x): return isinstance('a', G)
    """,
    ),
    edit(
        "global: callable type",
        True,
        "len",
        "sum",
        """
        G = len
        def f(x): return G([x, 5])
    """,
    ),
    edit(
        "global: tuple with a function",
        True,
        "abs",
        "round",
        """
        G = (abs, -1.5)
        def f(x): return G[0](G[1])
    """,
    ),
    edit(
        "global: dict subclass",
        True,
        "a=1",
        "a=2",
        """
        class D(dict):
            extra = 1
        G = D(a=1)
        def f(x): return G['a']
    """,
    ),
    edit(
        "global: int subclass",
        True,
        "K(1)",
        "K(2)",
        """
        class K(int): pass
        G = K(1)
        def f(x): return int(G)
    """,
    ),
    edit(
        "global: MappingProxy",
        True,
        "'a': 1",
        "'a': 2",
        """
        import types
        G = types.MappingProxyType({'a': 1})
        def f(x): return G['a']
    """,
    ),
    edit(
        "global: key of a dict",
        True,
        "'a'",
        "'b'",
        """
        G = {'a': 1}
        def f(x): return list(G)
    """,
    ),
    edit(
        "global: int key to str key",
        True,
        "{1:",
        "{'1':",
        """
        G = {1: 5}
        def f(x): return [type(k).__name__ for k in G]
    """,
    ),
    edit(
        "global: iterator",
        True,
        "[1, 2]",
        "[3, 2]",
        """
        G = iter([1, 2])
        def f(x): return next(G)
    """,
    ),
    edit(
        "global: itertools.count",
        True,
        "count(5)",
        "count(6)",
        """
        import itertools
        G = itertools.count(5)
        def f(x): return next(G)
    """,
    ),
    edit(
        "global: itertools.cycle",
        True,
        "'ab'",
        "'ba'",
        """
        import itertools
        G = itertools.cycle('ab')
        def f(x): return next(G)
    """,
    ),
    edit(
        "global: cyclic list",
        True,
        "[1]",
        "[2]",
        """
        L = [1]
        L.append(L)
        G = L
        def f(x): return G[0]
    """,
    ),
    edit(
        "global: string.io",
        True,
        "'ab'",
        "'ac'",
        """
        import io
        G = io.StringIO('ab')
        def f(x): return G.getvalue()
    """,
    ),
    edit(
        "global: bytesio",
        True,
        "b'ab'",
        "b'ac'",
        """
        import io
        G = io.BytesIO(b'ab')
        def f(x): return G.getvalue()
    """,
    ),
    edit(
        "global: ast node",
        True,
        "'1+1'",
        "'1+2'",
        """
        import ast
        G = ast.parse('1+1')
        def f(x): return ast.dump(G)
    """,
    ),
    edit(
        "global: code object",
        True,
        "'1+1'",
        "'1+2'",
        """
        G = compile('1+1', 'x', 'eval')
        def f(x): return eval(G)
    """,
    ),
    edit(
        "global: exception instance",
        True,
        "'one'",
        "'two'",
        """
        G = ValueError('one')
        def f(x): return str(G)
    """,
    ),
    edit(
        "global: contextvar default",
        True,
        "default=1",
        "default=2",
        """
        import contextvars
        G = contextvars.ContextVar('v', default=1)
        def f(x): return G.get()
    """,
    ),
    edit(
        "global: operator function",
        True,
        "operator.add",
        "operator.sub",
        """
        import operator
        G = operator.add
        def f(x): return G(x, 5)
    """,
    ),
    edit(
        "global: textwrapper instance",
        True,
        "width=5",
        "width=50",
        """
        import textwrap
        G = textwrap.TextWrapper(width=5)
        def f(x): return G.fill('a b c d e f')
    """,
    ),
    edit(
        "global: json encoder",
        True,
        "indent=1",
        "indent=2",
        """
        import json
        G = json.JSONEncoder(indent=1)
        def f(x): return G.encode([x])
    """,
    ),
    edit(
        "global: thread local",
        True,
        "v = 1",
        "v = 2",
        """
        import threading
        class L(threading.local):
            v = 1
        G = L()
        def f(x): return G.v
    """,
    ),
    edit(
        "global: lazy regex in class",
        True,
        "'a+'",
        "'b+'",
        """
        import re
        class P:
            R = re.compile('a+')
        G = P
        def f(x): return bool(G.R.match('a'))
    """,
    ),
    edit(
        "global: date range list",
        True,
        "day=1",
        "day=2",
        """
        import datetime
        G = [datetime.date(2020, 1, 1).replace(day=1)]
        def f(x): return str(G[0])
    """,
    ),
]
