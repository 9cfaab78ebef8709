"""Edits of code that is hard to follow: odd scopes, classes and values."""

from __future__ import annotations

from harness import Edit, edit

HARD: list[Edit] = [
    edit(
        "state that a call fills on import",
        True,
        "fill(1)",
        "fill(2)",
        """
        C = {}
        def fill(n): C[n] = n
        fill(1)
        def f(x):
            fill(x)
            return C
    """,
    ),
    edit(
        "call of the task itself",
        False,
        "f(1)",
        "f(2)",
        """
        C = {}
        def f(x):
            C[x] = x
            return C[x]
        f(1)
    """,
    ),
    edit(
        "state of the process under names of the user's",
        False,
        "# a",
        "# b",
        """
        import os, random, sys
        env, out = os.environ, sys.stdout
        path = sys.path
        def g(x, env=os.environ): return env
        def f(x): return env, out, path, g(x), len(sys.modules)  # a
    """,
    ),
    edit(
        "decorator args",
        True,
        "scaled(3)",
        "scaled(4)",
        """
        def scaled(k):
            def deco(g):
                def w(*a): return g(*a)*k
                return w
            return deco
        @scaled(3)
        def h(x): return x
        def f(x): return h(x)
    """,
    ),
    edit(
        "vectorize",
        True,
        "x*2",
        "x*3",
        """
        import numpy as np
        def h(x): return x*2
        g=np.vectorize(h)
        def f(x): return g(x)
    """,
    ),
    edit(
        "vectorize deco",
        True,
        "x*2",
        "x*3",
        """
        import numpy as np
        @np.vectorize
        def h(x): return x*2
        def f(x): return h(x)
    """,
    ),
    edit(
        "class attr function from module",
        True,
        "x*2",
        "x*3",
        """
        import m
        class C:
            get = staticmethod(m.get)
        def f(x): return C.get(x)
    """,
        {"m.py": "def get(x): return x*2"},
    ),
    edit(
        "nested class",
        True,
        "n = 1",
        "n = 2",
        """
        class A:
            class B:
                n = 1
        def f(x): return A.B.n
    """,
    ),
    edit(
        "local class",
        True,
        "n = 1",
        "n = 2",
        """
        def make():
            class B:
                n = 1
            return B
        C=make()
        def f(x): return C.n
    """,
    ),
    edit(
        "local class unused",
        False,
        "m = 1",
        "m = 2",
        """
        def make():
            class D:
                m = 1
            class B:
                n = 1
            return B
        C=make()
        def f(x): return C.n
    """,
    ),
    edit(
        "dataclass slots",
        True,
        "a: int = 1",
        "a: int = 2",
        """
        from dataclasses import dataclass
        @dataclass(slots=True)
        class C:
            a: int = 1
            def g(self): return self.a
        def f(x): return C().g()
    """,
    ),
    edit(
        "dataclass slots method",
        True,
        "self.a + 1",
        "self.a + 2",
        """
        from dataclasses import dataclass
        @dataclass(slots=True)
        class C:
            a: int = 1
            def g(self): return self.a + 1
        def f(x): return C().g()
    """,
    ),
    edit(
        "protocol",
        True,
        "return 1",
        "return 2",
        """
        from typing import Protocol, Generic, TypeVar
        T=TypeVar('T')
        class P(Protocol):
            def g(self) -> int: ...
        class C(Generic[T]):
            def g(self): return 1
        def f(x): return C[int]().g()
    """,
    ),
    edit(
        "protocol same",
        False,
        "# a",
        "# b",
        """
        from typing import Protocol, Generic, TypeVar
        T=TypeVar('T')
        class P(Protocol):
            def g(self) -> int: ...
        class C(P, Generic[T]):
            def g(self): return 1  # a
        def f(x): return C[int]().g(), T
    """,
    ),
    edit(
        "abc",
        False,
        "# a",
        "# b",
        """
        import abc
        class P(abc.ABC):
            @abc.abstractmethod
            def g(self): ...
        class C(P):
            def g(self): return 1  # a
        def f(x): return C().g()
    """,
    ),
    edit(
        "typeddict",
        True,
        "'k'",
        "'l'",
        """
        from typing import TypedDict
        class T(TypedDict):
            k: int
        def f(x): return T(k=1)['k']
    """,
    ),
    edit(
        "enum functional",
        True,
        "RED BLUE",
        "RED GREEN",
        """
        import enum
        E=enum.Enum('E','RED BLUE')
        def f(x): return list(E)
    """,
    ),
    edit(
        "flag",
        True,
        "B = 2",
        "B = 4",
        """
        import enum
        class F(enum.Flag):
            A = 1
            B = 2
        def f(x): return F.A|F.B
    """,
    ),
    edit(
        "enum method",
        True,
        "return 1",
        "return 2",
        """
        import enum
        class F(enum.IntEnum):
            A = 1
            def g(self): return 1
        def f(x): return F.A.g()
    """,
    ),
    edit(
        "enum same",
        False,
        "# a",
        "# b",
        """
        import enum
        class F(enum.StrEnum):
            A = enum.auto()  # a
            B = 'x'
        def f(x): return F.A
    """,
    ),
    edit(
        "namedtuple fn",
        True,
        "'a b'",
        "'a c'",
        """
        from collections import namedtuple
        P=namedtuple('P','a b')
        def f(x): return P(1,2)
    """,
    ),
    edit(
        "namedtuple defaults",
        True,
        "[1]",
        "[2]",
        """
        from collections import namedtuple
        P=namedtuple('P','a b',defaults=[1])
        def f(x): return P(1)
    """,
    ),
    edit(
        "instance deep",
        True,
        "C(1)",
        "C(2)",
        """
        class C:
            def __init__(s,n): s.n=n
        L={'a':[C(1)]}
        def f(x): return L['a'][0].n
    """,
    ),
    edit(
        "class of instance in list",
        True,
        "return 5",
        "return 6",
        """
        class C:
            def g(s): return 5
        L={'a':[C()]}
        def f(x): return L['a'][0].g()
    """,
    ),
    edit(
        "default instance",
        True,
        "return 5",
        "return 6",
        """
        class C:
            def g(s): return 5
        def f(x, c=C()): return c.g()
    """,
    ),
    edit(
        "nested fn default",
        True,
        "y=N",
        "y=N+1",
        """
        N=1
        def f(x):
            def g(y=N): return y
            return g()
    """,
    ),
    edit(
        "nested fn const",
        True,
        "N=1",
        "N=2",
        """
        N=1
        def f(x):
            def g(y=N): return y
            return g()
    """,
    ),
    edit(
        "local class attr hint",
        True,
        "a: int",
        "a: float",
        """
        def f(x):
            from dataclasses import dataclass
            @dataclass
            class C:
                a: int
            return C(x)
    """,
    ),
    edit(
        "class body comp",
        True,
        "N = 3",
        "N = 4",
        """
        N = 3
        class C:
            xs = [i for i in range(N)]
        def f(x): return C.xs
    """,
    ),
    edit(
        "walrus",
        True,
        "N = 3",
        "N = 4",
        """
        N = 3
        def f(x): return [y for i in range(3) if (y := i*N)]
    """,
    ),
    edit(
        "mangled",
        True,
        "_C__h(x): return 1",
        "_C__h(x): return 2",
        """
        def _C__h(x): return 1
        class C:
            def g(self): return __h(1)
        def f(x): return C().g()
    """,
    ),
    edit(
        "reflect doc",
        True,
        "'''one'''",
        "'''two'''",
        """
        def g():
            '''one'''
        def f(x): return g.__doc__
    """,
    ),
    edit(
        "reflect hints",
        True,
        "a: int",
        "a: float",
        """
        import typing
        def g(a: int): pass
        def f(x): return typing.get_type_hints(g)
    """,
    ),
    edit(
        "module doc not",
        False,
        "'''one'''",
        "'''two'''",
        """
        '''one'''
        def f(x): return x
    """,
    ),
    edit(
        "config and state",
        True,
        "scale = 5",
        "scale = 6",
        """
        class Cfg: pass
        cfg=Cfg()
        cfg.scale = 5
        cfg.calls = 0
        def f(x):
            cfg.calls += 1
            return cfg.scale*x
    """,
    ),
    edit(
        "set by function at import",
        True,
        "init(5)",
        "init(6)",
        """
        scale=0
        def init(n):
            global scale
            scale = n
        init(5)
        def f(x): return scale*x
    """,
    ),
    edit(
        "class set by classmethod",
        True,
        "C.set(5)",
        "C.set(6)",
        """
        class C:
            n=0
            @classmethod
            def set(cls, n): cls.n = n
            def g(self): return self.n
        C.set(5)
        def f(x): return C().g()
    """,
    ),
    edit(
        "class registry by init",
        True,
        "A(5)",
        "A(6)",
        """
        class A:
            all=[]
            def __init__(self,n):
                self.n=n
                A.all.append(self)
        A(5)
        def f(x): return sum(a.n for a in A.all)
    """,
    ),
    edit(
        "class registry method",
        True,
        "return 1",
        "return 2",
        """
        class R:
            reg={}
            @classmethod
            def add(cls, g):
                cls.reg[g.__name__]=g
                return g
        @R.add
        def a(): return 1
        def f(x): return R.reg['a']()
    """,
    ),
    edit(
        "standard library by name",
        False,
        "# a",
        "# b",
        """
        import os.path as p, collections.abc, xml.dom
        from os import path, getcwd as g, sep
        def f(x): return p.join(path.join('a','b'), g(), sep), xml.dom.Node  # a
    """,
    ),
    edit(
        "third parties' attributes by name",
        False,
        "# a",
        "# b",
        """
        import numpy as np, sys
        from sys import modules, stdout, argv
        from numpy import random as rng, pi
        from numpy.random import rand
        def f(x):
            return rand(), rng.rand(), pi, np.float64(3), modules, stdout, argv # a
    """,
    ),
    edit(
        "logger attr",
        False,
        "# a",
        "# b",
        """
        import logging
        class C:
            log = logging.getLogger('x')
            def g(self): self.log.info('a')  # a
        def f(x): C().g()
    """,
    ),
    edit(
        "lock in class",
        False,
        "# a",
        "# b",
        """
        import threading
        class C:
            lock = threading.Lock()
            def __init__(self): self.l = threading.RLock()
            def g(self): pass  # a
        c = C()
        def f(x): c.g()
    """,
    ),
    edit(
        "lock in inst config",
        True,
        "C(3)",
        "C(4)",
        """
        import threading
        class C:
            def __init__(self,n): self.l = threading.RLock(); self.n = n
            def g(self): return self.n
        c = C(3)
        def f(x): c.g()
    """,
    ),
    edit(
        "context var",
        False,
        "# a",
        "# b",
        """
        import contextvars, weakref, re, decimal, datetime, pathlib
        V=contextvars.ContextVar('v')
        R=re.compile('a')
        D=decimal.Decimal(1)
        P=pathlib.Path('x')
        W=weakref.WeakValueDictionary()
        def f(x): return V, R, D, P, W  # a
    """,
    ),
    edit(
        "open file",
        True,
        "'a.txt'",
        "'b.txt'",
        """
        import os
        F=open(os.path.join(os.path.dirname(__file__),'a.txt'))
        def f(x): return F.read()
    """,
        {"a.txt": "1", "b.txt": "1"},
    ),
    edit(
        "generator fn",
        True,
        "yield 1",
        "yield 2",
        """
        def g():
            yield 1
        def f(x): return list(g())
    """,
    ),
    edit(
        "async gen",
        True,
        "yield 1",
        "yield 2",
        """
        async def g():
            yield 1
        def f(x): return g()
    """,
    ),
    edit(
        "try star",
        True,
        "return 1",
        "return 2",
        """
        def f(x):
            try: return 1
            except* ValueError: pass
    """,
    ),
    edit(
        "lambda default",
        True,
        "k=2",
        "k=3",
        """
        g = lambda x, k=2: x*k
        def f(x): return g(x)
    """,
    ),
    edit(
        "same line lambdas in call",
        True,
        "lambda: 2",
        "lambda: 3",
        """
        def run(*a): return a[1]
        G = run(lambda: 1, lambda: 2)
        def f(x): return G()
    """,
    ),
    edit(
        "exec method",
        True,
        "return 1",
        "return 2",
        """
        ns={}
        exec('def m(self): return 1', ns)
        class C: pass
        C.m = ns['m']
        def f(x): return C().m()
    """,
    ),
    edit(
        "eval lambda",
        True,
        "x+1",
        "x+2",
        """
        g = eval('lambda x: x+1')
        def f(x): return g(x)
    """,
    ),
    edit(
        "exec uses global",
        True,
        "N=1",
        "N=2",
        """
        N=1
        exec('def g(): return N')
        def f(x): return g()
    """,
    ),
    edit(
        "sys.modules",
        True,
        "A=1",
        "A=2",
        """
        import sys
        A=1
        def f(x): return sys.modules[__name__].A
    """,
    ),
    edit(
        "import module var",
        True,
        "return 1",
        "return 2",
        """
        import importlib
        import mod
        def f(x): return importlib.import_module('mod').g()
    """,
        {"mod.py": "def g(): return 1"},
    ),
    edit(
        "operator.attrgetter on mod",
        True,
        "return 1",
        "return 2",
        """
        import operator, mod
        def f(x): return operator.attrgetter('g')(mod)()
    """,
        {"mod.py": "def g(): return 1"},
    ),
    edit(
        "methodcaller",
        True,
        "return 1",
        "return 2",
        """
        import operator
        class C:
            def g(self): return 1
        h=operator.methodcaller('g')
        def f(x): return h(C())
    """,
    ),
    edit(
        "dict get bound",
        True,
        "'a': 1",
        "'a': 2",
        """
        g={'a': 1}.get
        def f(x): return g('a')
    """,
    ),
    edit(
        "shared helper module alias",
        True,
        "return 1",
        "return 2",
        """
        import pk.a as z
        def f(x): return z.g()
    """,
        {"pk/__init__.py": "X=1", "pk/a.py": "def g(): return 1"},
    ),
    edit(
        "namespace package",
        True,
        "return 1",
        "return 2",
        """
        import np_.a as z
        def f(x): return z.g()
    """,
        {"np_/a.py": "def g(): return 1"},
    ),
    edit(
        "lazy submodule",
        True,
        "return 1",
        "return 2",
        """
        import pk
        def f(x):
            import pk.a
            return pk.a.g()
    """,
        {"pk/__init__.py": "X=1", "pk/a.py": "def g(): return 1"},
    ),
    edit(
        "reexport",
        True,
        "return 1",
        "return 2",
        """
        import pk
        def f(x): return pk.g()
    """,
        {"pk/__init__.py": "from .a import *", "pk/a.py": "def g(): return 1"},
    ),
    edit(
        "module cycle",
        True,
        "return 1",
        "return 2",
        """
        import a
        def f(x): return a.g()
    """,
        {
            "a.py": """
            import b
            def g(): return b.h()
        """,
            "b.py": """
            import a
            def h(): return k() or a.g()
            def k(): return 1
        """,
        },
    ),
    edit(
        "bare module two",
        False,
        "B = 1",
        "B = 2",
        """
        import mod, other
        def f(x): return getattr(mod, x)
    """,
        {"mod.py": "A = 1", "other.py": "B = 1"},
    ),
    edit(
        "setitem on slices",
        False,
        "# a",
        "# b",
        """
        import numpy as np
        B=np.zeros(3)
        def f(x):
            B[:] = x  # a
            return B.sum()
    """,
    ),
    edit(
        "method of user base with super",
        True,
        "return 1",
        "return 2",
        """
        import m
        class C(m.B):
            def g(self): return super().g()
        def f(x): return C().g()
    """,
        {
            "m.py": """
            class B:
                def g(self): return 1
        """
        },
    ),
    edit(
        "descriptor",
        True,
        "return 1",
        "return 2",
        """
        class D:
            def __get__(s,o,t): return 1
        class C:
            d=D()
        def f(x): return C().d
    """,
    ),
    edit(
        "descriptor state",
        True,
        "D(1)",
        "D(2)",
        """
        class D:
            def __init__(s,n): s.n=n
            def __get__(s,o,t): return s.n
        class C:
            d=D(1)
        def f(x): return C().d
    """,
    ),
    edit(
        "partialmethod",
        True,
        "g, 1",
        "g, 2",
        """
        import functools
        class C:
            def g(s,n): return n
            h=functools.partialmethod(g, 1)
        def f(x): return C().h()
    """,
    ),
    edit(
        "singledispatchmethod",
        True,
        "return 1",
        "return 2",
        """
        import functools
        class C:
            @functools.singledispatchmethod
            def g(s,n): return n
            @g.register
            def _(s, n: int): return 1
        def f(x): return C().g(1)
    """,
    ),
    edit(
        "property setter",
        True,
        "v+1",
        "v+2",
        """
        class C:
            @property
            def p(s): return s._p
            @p.setter
            def p(s,v): s._p = v+1
        def f(x):
            c=C(); c.p=x
            return c.p
    """,
    ),
    edit(
        "class getattr",
        True,
        "return 1",
        "return 2",
        """
        class C:
            def __getattr__(s,n): return 1
        c=C()
        def f(x): return c.anything
    """,
    ),
    edit(
        "slots state",
        True,
        "c.a = 1",
        "c.a = 2",
        """
        class C:
            __slots__=('a',)
        c=C()
        c.a = 1
        def f(x): return c.a
    """,
    ),
    edit(
        "type() class",
        True,
        "'n': 1",
        "'n': 2",
        """
        C=type('C',(),{'n': 1})
        def f(x): return C.n
    """,
    ),
    edit(
        "make_dataclass",
        True,
        "('a', int, 1)",
        "('a', int, 2)",
        """
        import dataclasses
        C=dataclasses.make_dataclass('C',[('a', int, 1)])
        def f(x): return C().a
    """,
    ),
    edit(
        "decorated class",
        True,
        "return 1",
        "return 2",
        """
        def add(c):
            def g(self): return 1
            c.g=g
            return c
        @add
        class C: pass
        def f(x): return C().g()
    """,
    ),
    edit(
        "two same-named functions",
        True,
        "return 2",
        "return 3",
        """
        import a, b
        def f(x): return a.g(), b.g()
    """,
        {"a.py": "def g(): return 1", "b.py": "def g(): return 2"},
    ),
    edit(
        "swap same-named",
        True,
        "import a, b",
        "import b as a, a as b",
        """
        import a, b
        def f(x): return a.g(), b.g()
    """,
        {"a.py": "def g(): return 1", "b.py": "def g(): return 2"},
    ),
    edit(
        "pandas",
        True,
        "[1, 2]",
        "[1, 3]",
        """
        import pandas as pd
        D=pd.DataFrame({'a': [1, 2]})
        def f(x): return D.a.sum()
    """,
    ),
    edit(
        "pandas same",
        False,
        "# a",
        "# b",
        """
        import pandas as pd
        D=pd.DataFrame({'a': [1, 2]})
        def f(x): return D.a.sum(), pd.options.display # a
    """,
    ),
    edit(
        "rng seed",
        True,
        "rng(1)",
        "rng(2)",
        """
        import numpy as np
        R=np.random.default_rng(1)
        def f(x): return R.random()
    """,
    ),
    edit(
        "cell memo",
        False,
        "# a",
        "# b",
        """
        def memo(g):
            cache={}
            def w(x):
                if x not in cache: cache[x]=g(x)
                return cache[x]
            return w
        @memo
        def h(x): return x
        h(3)
        def f(x): return h(x) # a
    """,
    ),
    edit(
        "ctypes struct",
        False,
        "# a",
        "# b",
        """
        import ctypes
        class S(ctypes.Structure):
            _fields_=[('a',ctypes.c_int)]
        def f(x): return S(1).a # a
    """,
    ),
    edit(
        "exception class",
        True,
        "code = 1",
        "code = 2",
        """
        class E(Exception):
            code = 1
        def f(x):
            try: raise E
            except E as e: return e.code
    """,
    ),
    edit(
        "lambdas in a conditional",
        True,
        "(lambda: 5)()",
        "(lambda: 6)()",
        "def f(x): return (lambda: 4)() if (lambda: 5)() else 0 if x else 0",
    ),
]

DEEP: list[Edit] = [
    edit(
        "deep expression",
        True,
        "+ 7",
        "+ 8",
        "def f(x): return x" + " + 1" * 900 + " + 7",
    ),
    edit(
        "deep data",
        True,
        "B = 1",
        "B = 2",
        "T = []\nfor i in range(5_000): T = [T]\nB = 1\ndef f(x): return T, B",
    ),
    edit(
        "long chain of functions",
        True,
        "return 77",
        "return 78",
        "".join(f"def f{i}(x): return f{i + 1}(x)\n" for i in range(1000))
        + "def f1000(x): return 77\ndef f(x): return f0(x)",
    ),
]
