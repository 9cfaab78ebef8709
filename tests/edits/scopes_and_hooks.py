"""Edits of scopes, hooks of classes, and values with parts that have no content."""

from __future__ import annotations

from harness import Edit, edit

SCOPES_AND_HOOKS: list[Edit] = [
    edit(
        "class scope name hides a global",
        False,
        "K = 3",
        "K = 4",
        """
            K = 3
            def f(x):
                class A:
                    K = 5
                    v = K
                return A.v
        """,
    ),
    edit(
        "class scope falls back to the global",
        True,
        "K = 3",
        "K = 4",
        """
            K = 3
            def f(x):
                class A:
                    v = K
                return A.v
        """,
    ),
    edit(
        "method sees the global, not the class",
        True,
        "K = 3",
        "K = 4",
        """
            K = 3
            class A:
                K = 5
                def g(self): return K
            def f(x): return A().g()
        """,
    ),
    edit(
        "comprehension in class body sees global",
        True,
        "K = 3",
        "K = 4",
        """
            K = 3
            class A:
                K = 5
                v = [K for _ in range(2)]
            def f(x): return A.v
        """,
    ),
    edit(
        "nested function default from outer local",
        True,
        "k = 3",
        "k = 4",
        """
            def f(x):
                k = 3
                def g(v, w=k): return v + w
                return g(x)
        """,
    ),
    edit(
        "global declared in nested function",
        True,
        "return 3",
        "return 4",
        """
            def make():
                global H
                def H(x): return 3
            make()
            def f(x): return H(x)
        """,
    ),
    edit(
        "except name shadows",
        False,
        "e = 3",
        "e = 4",
        """
            e = 3
            def f(x):
                try: raise ValueError(x)
                except ValueError as e: return str(e)
        """,
    ),
    edit(
        "with name shadows",
        False,
        "h = 3",
        "h = 4",
        """
            import contextlib
            h = 3
            def f(x):
                with contextlib.nullcontext(x) as h: return h
        """,
    ),
    edit(
        "import name shadows",
        False,
        "json = 3",
        "json = 4",
        """
            json = 3
            def f(x):
                import json
                return json.dumps(x)
        """,
    ),
    edit(
        "match capture shadows",
        False,
        "v = 3",
        "v = 4",
        """
            v = 3
            def f(x):
                match x:
                    case v: return v
        """,
    ),
    edit(
        "nested comprehension shadows",
        False,
        "k = 3",
        "k = 4",
        """
            k = 3
            def f(x): return [[k for k in range(j)] for j in range(3)]
        """,
    ),
    edit(
        "first iterable of comprehension is outside",
        True,
        "k = 3",
        "k = 4",
        """
            k = 3
            def f(x): return [k for k in range(k)] if False else [j for j in range(k)]
        """,
    ),
    edit(
        "lambda default is outside",
        True,
        "K = 3",
        "K = 4",
        """
            K = 3
            def f(x): return (lambda K=K: K)()
        """,
    ),
    edit(
        "decorator of nested function",
        True,
        "x + 3",
        "x + 4",
        """
            def deco(g): return lambda x: x + 3
            def f(x):
                @deco
                def inner(x): return x
                return inner(x)
        """,
    ),
    edit(
        "f-string nested format spec",
        True,
        "W = 5",
        "W = 6",
        """
            W = 5
            def f(x): return f'{x:>{W}}'
        """,
    ),
    edit(
        "name only in del",
        False,
        "other = 1",
        "other = 2",
        """
            other = 1
            def f(x):
                y = x
                del y
                return x
        """,
    ),
    edit(
        "star args default helper",
        True,
        "K = 3",
        "K = 4",
        """
            K = 3
            def g(*a, **k): return (a, k, K)
            def f(x): return g(*[x], **{'b': x})
        """,
    ),
    edit(
        "async generator comprehension",
        True,
        "i + 3",
        "i + 4",
        """
            import asyncio
            async def gen():
                for i in range(2): yield i + 3
            async def main(): return [v async for v in gen()]
            def f(x): return asyncio.run(main())
        """,
    ),
    edit(
        "super in classmethod chain",
        True,
        "return 3",
        "return 4",
        """
            class B:
                @classmethod
                def k(cls): return 3
            class A(B):
                @classmethod
                def k(cls): return super().k() + 1
            def f(x): return A.k()
        """,
    ),
    edit(
        "__class__ cell",
        True,
        "K = 3",
        "K = 4",
        """
            class A:
                K = 3
                def g(self): return __class__.K
            def f(x): return A().g()
        """,
    ),
    edit(
        "conditional import at top picks by version",
        True,
        "return 3",
        "return 4",
        """
            import sys
            if sys.version_info >= (3, 8):
                def g(): return 3
            else:
                def g(): return 5
            def f(x): return g()
        """,
    ),
    edit(
        "try/except/else at top",
        True,
        "K = 3",
        "K = 4",
        """
            try:
                import json
            except ImportError:
                K = 9
            else:
                K = 3
            def f(x): return K
        """,
    ),
    edit(
        "globals().update at import",
        True,
        "'K': 3",
        "'K': 4",
        """
            globals().update({'K': 3})
            def f(x): return K
        """,
    ),
    edit(
        "sys.modules attribute set",
        True,
        "K = 3",
        "K = 4",
        """
            import sys
            sys.modules[__name__].K = 3
            def f(x): return K
        """,
    ),
    edit(
        "exec defines helper at import",
        True,
        "x + 3",
        "x + 4",
        """
            exec('def g(x): return x + 3')
            def f(x): return g(x)
        """,
    ),
    edit(
        "type() made class with lambda",
        True,
        "x + 3",
        "x + 4",
        """
            A = type('A', (), {'g': lambda self, x: x + 3})
            def f(x): return A().g(x)
        """,
    ),
    edit(
        "types.new_class",
        True,
        "'K', 3",
        "'K', 4",
        """
            import types
            A = types.new_class('A', (), {}, lambda ns: ns.__setitem__('K', 3))
            def f(x): return A.K
        """,
    ),
    edit(
        "class with __call__ in metaclass args",
        True,
        "v + 3",
        "v + 4",
        """
            class M(type):
                def __call__(cls, v):
                    o = super().__call__()
                    o.v = v + 3
                    return o
            class A(metaclass=M): pass
            def f(x): return A(x).v
        """,
    ),
    edit(
        "__init_subclass__ in a grandparent",
        True,
        "k + 3",
        "k + 4",
        """
            class G:
                def __init_subclass__(cls, k=1, **kw): cls.k = k + 3
            class P(G): pass
            class A(P, k=2): pass
            def f(x): return A.k
        """,
    ),
    edit(
        "__set_name__ default",
        True,
        "'d' + name",
        "'e' + name",
        """
            class D:
                def __set_name__(self, owner, name): self.n = 'd' + name
                def __get__(self, o, t): return self.n
            class A:
                v = D()
            def f(x): return A().v
        """,
    ),
    edit(
        "__slots__ with descriptor override",
        True,
        "return 3",
        "return 4",
        """
            class A:
                __slots__ = ('v',)
                def __getattr__(self, n): return 3
            def f(x): return A().w
        """,
    ),
    edit(
        "__new__ returns other",
        True,
        "return 3",
        "return 4",
        """
            class A:
                def __new__(cls, *a): return 3
            def f(x): return A()
        """,
    ),
    edit(
        "__del__ with side effect",
        True,
        "append(3)",
        "append(4)",
        """
            L = []
            class A:
                def __del__(self): L.append(3)
            def f(x):
                A()
                return list(L)
        """,
    ),
    edit(
        "__format__",
        True,
        "'a'",
        "'b'",
        """
            class A:
                def __format__(self, s): return 'a'
            def f(x): return f'{A()}'
        """,
    ),
    edit(
        "__missing__",
        True,
        "return 3",
        "return 4",
        """
            class D(dict):
                def __missing__(self, k): return 3
            d = D()
            def f(x): return d[x]
        """,
    ),
    edit(
        "__reduce__ of global instance",
        True,
        "A(3)",
        "A(4)",
        """
            class A:
                def __init__(self, v): self.v = v
                def __reduce__(self): return A, (self.v,)
            a = A(3)
            def f(x): return a.v
        """,
    ),
    edit(
        "__getstate__ drops what counts",
        True,
        "A(3)",
        "A(4)",
        """
            class A:
                def __init__(self, v): self.v = v
                def __getstate__(self): return {}
            a = A(3)
            def f(x): return a.v
        """,
    ),
    edit(
        "__reduce__ to a constant name",
        True,
        "A(3)",
        "A(4)",
        """
            class A:
                def __init__(self, v): self.v = v
                def __reduce__(self): return 'a'
            a = A(3)
            def f(x): return a.v
        """,
    ),
    edit(
        "copyreg hides",
        True,
        "A(3)",
        "A(4)",
        """
            import copyreg
            class A:
                def __init__(self, v): self.v = v
            copyreg.pickle(A, lambda o: (A, (0,)))
            a = A(3)
            def f(x): return a.v
        """,
    ),
    edit(
        "instance with file handle and data",
        True,
        "= 3",
        "= 4",
        """
            import os
            class A:
                def __init__(self):
                    self.h = open(os.devnull)
                    self.v = 3
            a = A()
            def f(x): return a.v
        """,
    ),
    edit(
        "instance with lock and set attribute later",
        True,
        "a.v = 3",
        "a.v = 4",
        """
            import threading
            class A:
                def __init__(self):
                    self.h = threading.Lock()
                    self.v = 1
            a = A()
            a.v = 3
            def f(x): return a.v
        """,
    ),
    edit(
        "instance with lock set in loop by another module",
        True,
        "a.v = 3",
        "a.v = 4",
        """
            from m import a
            import conf
            def f(x): return a.v
        """,
        {
            "m.py": """
            import threading
            class A:
                def __init__(self):
                    self.h = threading.Lock()
                    self.v = 1
            a = A()
        """,
            "conf.py": """
            from m import a
            a.v = 3
        """,
        },
    ),
    edit(
        "instance with lock built from computed value",
        True,
        "BASE = 3",
        "BASE = 4",
        """
            import threading
            BASE = 3
            class A:
                def __init__(self, v):
                    self.h = threading.Lock()
                    self.v = v
            def make(): return A(BASE * 2)
            a = make()
            def f(x): return a.v
        """,
    ),
    edit(
        "dict with a lock and data",
        True,
        "'v': 3",
        "'v': 4",
        """
            import threading
            D = {'l': threading.Lock(), 'v': 3}
            def f(x): return D['v']
        """,
    ),
    edit(
        "dict with a lock, filled later",
        True,
        "D['v'] = 3",
        "D['v'] = 4",
        """
            import threading
            D = {'l': threading.Lock()}
            D['v'] = 3
            def f(x): return D['v']
        """,
    ),
    edit(
        "list of open files' names",
        True,
        "'a.txt'",
        "'b.txt'",
        """
            import os
            F = [open(os.path.join(os.path.dirname(__file__), n)) for n in ['a.txt']]
            def f(x):
                F[0].seek(0)
                return F[0].read()
        """,
        {"a.txt": "aa", "b.txt": "bb"},
    ),
    edit(
        "functools.partial with lock arg and data",
        True,
        "v=3",
        "v=4",
        """
            import functools, threading
            def g(x, l, v): return x + v
            H = functools.partial(g, l=threading.Lock(), v=3)
            def f(x): return H(x)
        """,
    ),
    edit(
        "bound method of instance with lock",
        True,
        "A(3)",
        "A(4)",
        """
            import threading
            class A:
                def __init__(self, v):
                    self.l = threading.Lock()
                    self.v = v
                def g(self, x): return x + self.v
            g = A(3).g
            def f(x): return g(x)
        """,
    ),
    edit(
        "closure over lock and value",
        True,
        "make(3)",
        "make(4)",
        """
            import threading
            def make(k):
                l = threading.Lock()
                def g(x):
                    with l: return x + k
                return g
            g = make(3)
            def f(x): return g(x)
        """,
    ),
    edit(
        "closure over instance with lock",
        True,
        "A(3)",
        "A(4)",
        """
            import threading
            class A:
                def __init__(self, v):
                    self.l = threading.Lock()
                    self.v = v
            def make():
                a = A(3)
                def g(x): return x + a.v
                return g
            g = make()
            def f(x): return g(x)
        """,
    ),
    edit(
        "class attribute instance with lock",
        True,
        "A(3)",
        "A(4)",
        """
            import threading
            class A:
                def __init__(self, v):
                    self.l = threading.Lock()
                    self.v = v
            class B:
                a = A(3)
            def f(x): return B.a.v
        """,
    ),
    edit(
        "instance in list with lock",
        True,
        "A(3)",
        "A(4)",
        """
            import threading
            class A:
                def __init__(self, v):
                    self.l = threading.Lock()
                    self.v = v
            L = []
            L.append(A(3))
            def f(x): return L[0].v
        """,
    ),
    edit(
        "instance with lock in an instance",
        True,
        "A(3)",
        "A(4)",
        """
            import threading
            class A:
                def __init__(self, v):
                    self.l = threading.Lock()
                    self.v = v
            class B:
                def __init__(self): self.a = A(3)
            b = B()
            def f(x): return b.a.v
        """,
    ),
    edit(
        "logger adapter extra",
        True,
        "'k': 3",
        "'k': 4",
        """
            import logging
            L = logging.LoggerAdapter(logging.getLogger('a'), {'k': 3})
            def f(x): return L.extra['k']
        """,
    ),
    edit(
        "logging only",
        False,
        "'made {}'",
        "'did {}'",
        """
            import logging
            log = logging.getLogger(__name__)
            log.info('made {}')
            def f(x):
                log.debug('x')
                return x
        """,
    ),
    edit(
        "__all__ reorder",
        False,
        "['f', 'g']",
        "['g', 'f']",
        """
            __all__ = ['f', 'g']
            def g(x): return x
            def f(x): return g(x)
        """,
    ),
    edit(
        "comment between decorators",
        False,
        "# one",
        "# two",
        """
            import functools
            @functools.lru_cache
            # one
            def g(x): return x
            def f(x): return g(x)
        """,
    ),
    edit(
        "class annotation without decorator",
        True,
        "v: int",
        "v: str",
        """
            class A:
                v: int
            def f(x): return A.__annotations__
        """,
    ),
    edit(
        "kw-only marker in unrelated class",
        False,
        "n: int = 1",
        "n: int = 2",
        """
            import dataclasses
            @dataclasses.dataclass
            class U:
                n: int = 1
            def f(x): return x
        """,
    ),
    edit(
        "shebang",
        False,
        "#!/usr/bin/env python",
        "#!/usr/bin/python3",
        """
            #!/usr/bin/env python
            def f(x): return x
        """,
    ),
    edit(
        "license header",
        False,
        "# (c) 2020",
        "# (c) 2021, all",
        """
            # (c) 2020
            def f(x): return x
        """,
    ),
    edit(
        "if TYPE_CHECKING other",
        False,
        "import cfg",
        "import cfg, json",
        """
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                import cfg
            def f(x): return x
        """,
        {"cfg.py": "K=1"},
    ),
    edit(
        "noqa comment on lambda line",
        False,
        "# noqa",
        "# noqa: E731",
        """
            g = lambda x: x + 1  # noqa
            def f(x): return g(x)
        """,
    ),
    edit(
        "constant folding parens",
        False,
        "2 * 3",
        "(2 * 3)",
        "def f(x): return x + 2 * 3",
    ),
    edit(
        "blank doc in nested class",
        False,
        "'''doc'''",
        "'''other'''",
        """
            def f(x):
                class A:
                    '''doc'''
                    v = 1
                return A.v
        """,
    ),
    edit(
        "global statement order",
        False,
        "global a, b",
        "global b, a",
        """
            a = b = 1
            def f(x):
                global a, b
                return x
        """,
    ),
    edit(
        "import alias unify",
        False,
        "import os.path as p",
        "from os import path as p",
        """
            import os.path as p
            def f(x): return p.join('a', 'b')
        """,
    ),
    edit(
        "implicit string concat across lines",
        False,
        "'a' 'b'",
        "('a'\n  'b')",
        "def f(x): return 'a' 'b'",
    ),
]
