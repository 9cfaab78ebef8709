"""Edits of state, containers and order, where a guess would be wrong."""

from __future__ import annotations

from harness import Edit, edit

SUBTLE: list[Edit] = [
    edit(
        "alias of state local",
        True,
        "{}",
        "{1:2}",
        """
        C={}
        def f(x):
            c=C
            return c.get(x)
    """,
    ),
    edit(
        "state: update from import data",
        True,
        "update(a=1)",
        "update(a=2)",
        """
        C={}
        C.update(a=1)
        def f(x):
            C[x]=1
            return C['a']
    """,
    ),
    edit(
        "state filled by function call",
        True,
        "fill(1)",
        "fill(2)",
        """
        C={}
        def fill(n):
            C['n']=n
        fill(1)
        def f(x): return C['n']
    """,
    ),
    edit(
        "state filled by fn in closure",
        True,
        "C['n']=n*1",
        "C['n']=n*2",
        """
        C={}
        def fill(n):
            C['n']=n*1
        fill(1)
        def f(x):
            fill(x)
            return C['n']
    """,
    ),
    edit(
        "copy().update not state",
        True,
        "'a': 1",
        "'a': 2",
        """
        D={'a': 1}
        def f(x):
            d=D.copy()
            d.update(b=2)
            return d
    """,
    ),
    edit(
        "dict of default opts by **",
        True,
        "'a': 1",
        "'a': 2",
        """
        D={'a': 1}
        def f(x): return {**D, 'b': 2}
    """,
    ),
    edit(
        "D.copy().update chain",
        True,
        "mk(1)",
        "mk(2)",
        """
        def mk(n): return {'a': n}
        D=mk(1)
        def f(x): return D.copy().update(b=2)
    """,
    ),
    edit(
        "D.get(k).append",
        True,
        "'a': [1]",
        "'a': [2]",
        """
        D={'a': [1]}
        def f(x):
            D.get('a').append(2)
            return D
    """,
    ),
    edit(
        "sorted in place local",
        True,
        "[3, 1]",
        "[3, 2]",
        """
        L=[3, 1]
        def f(x):
            l=list(L)
            l.sort()
            return l
    """,
    ),
    edit(
        "np out",
        True,
        "zeros(3)",
        "zeros(4)",
        """
        import numpy as np
        B=np.zeros(3)
        def f(x): return np.add(x,1,out=B)
    """,
    ),
    edit(
        "module rebinding by other fn unreached",
        True,
        "set_scale(5)",
        "set_scale(6)",
        """
        import cfg
        cfg.set_scale(5)
        def f(x): return cfg.scale*x
    """,
        {
            "cfg.py": """
            scale=1
            def set_scale(n):
                global scale
                scale=n
        """
        },
    ),
    edit(
        "method mutating global reached by name only",
        True,
        "B(5)",
        "B(6)",
        """
        class C:
            def __init__(s,n): s.n=n
            def get(s): return s.n
        class B(C): pass
        b=B(5)
        def f(x): return b.get()
    """,
    ),
    edit(
        "class obj in tuple",
        True,
        "return s.n",
        "return s.n+1",
        """
        class C:
            def __init__(s,n): s.n=n
            def get(s): return s.n
        K=(C,1)
        def f(x): return K[0](x).get()
    """,
    ),
    edit(
        "staticmethod object global",
        True,
        "return 1",
        "return 2",
        """
        @staticmethod
        def g(): return 1
        def f(x): return g()
    """,
    ),
    edit(
        "functools.reduce w lambda",
        True,
        "a+b",
        "a-b",
        """
        import functools
        op=lambda a,b: a+b
        def f(x): return functools.reduce(op,[1,2])
    """,
    ),
    edit(
        "wrapper w/ args in third-party cell",
        True,
        "return 1",
        "return 2",
        """
        import functools, contextlib
        @contextlib.contextmanager
        def a():
            yield b()
        def b(): return 1
        def f(x):
            with a() as q: return q
    """,
    ),
    edit(
        "ExitStack contextdecorator",
        True,
        "return 1",
        "return 2",
        """
        import contextlib
        class D(contextlib.ContextDecorator):
            def __enter__(s): return b()
            def __exit__(s,*a): pass
        def b(): return 1
        @D()
        def g(): return 3
        def f(x): return g()
    """,
    ),
    edit(
        "total_ordering",
        True,
        "s.n < o.n",
        "s.n <= o.n",
        """
        import functools
        @functools.total_ordering
        class C:
            def __init__(s,n): s.n=n
            def __lt__(s,o): return s.n < o.n
            def __eq__(s,o): return s.n==o.n
        def f(x): return C(1)>=C(x)
    """,
    ),
    edit(
        "class in function used",
        True,
        "v = 1",
        "v = 2",
        """
        def f(x):
            class L:
                v = 1
            return L.v
    """,
    ),
    edit(
        "nested def doc",
        False,
        "'''a'''",
        "'''b'''",
        """
        def f(x):
            def g():
                '''a'''
                return 1
            return g()
    """,
    ),
    edit(
        "nested hint",
        False,
        "y: int",
        "y: float",
        """
        def f(x):
            def g(y: int) -> int:
                return y
            return g(x)
    """,
    ),
    edit("formatting chain", False, "x+1", "x  +  1", "def f(x): return x+1"),
    edit(
        "semicolons",
        False,
        "a = 1; b = 2",
        "a = 1\n            b = 2",
        """
        def f(x):
            a = 1; b = 2
            return a+b
    """,
    ),
    edit("const expr", True, "2*3", "3*2", "def f(x): return x**(2*3)"),
    edit(
        "import order",
        False,
        "import os\n        import sys",
        "import sys\n        import os",
        """
        import os
        import sys
        def f(x): return os.sep, sys.maxsize
    """,
    ),
    edit(
        "unused param default other fn",
        False,
        "y=1",
        "y=2",
        """
        def g(y=1): return y
        def f(x): return x
    """,
    ),
    edit(
        "function w global decl unused",
        False,
        "N = 1",
        "N = 2",
        """
        N = 1
        def f(x):
            global M
            M = x
            return M
    """,
    ),
    edit(
        "type checking import",
        False,
        "A = 1",
        "A = 2",
        """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from h import A
        def f(x: 'A'): return x
    """,
        {"h.py": "A = 1"},
    ),
    edit(
        "rename local module file unaffected",
        False,
        "Z = 1",
        "Z = 2",
        """
        import h
        def f(x): return h.g(x)
    """,
        {
            "h.py": """
            Z = 1
            def g(x): return x
        """
        },
    ),
    edit(
        "conditional expression global",
        True,
        "A = 1",
        "A = 3",
        """
        A = 1
        B = 2
        def f(x): return A if x else B
    """,
    ),
    edit(
        "del attr",
        True,
        "n = 1",
        "n = 2",
        """
        class C:
            n = 1
        C.m = 5
        del C.m
        def f(x): return C.n
    """,
    ),
    edit(
        "weird: string method on global",
        True,
        "'a,b'",
        "'a,c'",
        """
        S='a,b'
        def f(x): return S.split(',')
    """,
    ),
    edit(
        "bool vs int in container",
        True,
        "[1]",
        "[True]",
        """
        L=[1]
        def f(x): return L
    """,
    ),
    edit(
        "ordereddict",
        True,
        "a=1, b=2",
        "b=2, a=1",
        """
        from collections import OrderedDict as O
        L=O(a=1, b=2)
        def f(x): return L
    """,
    ),
    edit(
        "dict order",
        False,
        "'a': 1, 'b': 2",
        "'b': 2, 'a': 1",
        """
        L={'a': 1, 'b': 2}
        def f(x): return L
    """,
    ),
    edit(
        "set literal order",
        False,
        "{'a', 'b', 'c'}",
        "{'c', 'b', 'a'}",
        """
        L={'a', 'b', 'c'}
        def f(x): return 'a' in L
    """,
    ),
    edit(
        "async comp",
        True,
        "i*2",
        "i*3",
        """
        async def g(): return [i*2 async for i in h()]
        async def h():
            yield 1
        def f(x): return g()
    """,
    ),
]
