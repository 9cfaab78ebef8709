"""Edits of what is found by other names: aliases, fillers, computed imports."""

from __future__ import annotations

from harness import Edit, edit

NAMES_AND_FILLERS: list[Edit] = [
    edit(
        "TypeVar bound read",
        True,
        "int",
        "str",
        """
            from typing import TypeVar
            T = TypeVar('T', bound='int')
            def f(x): return T.__bound__.__forward_arg__
        """,
    ),
    edit(
        "TypeVar constraints",
        True,
        "int, str",
        "int, bytes",
        """
            from typing import TypeVar
            T = TypeVar('T', int, str)
            def f(x): return T.__constraints__
        """,
    ),
    edit(
        "state whose constructor reads a file by helper",
        True,
        "5",
        "6",
        """
            import json, os
            class Store:
                def __init__(self, path):
                    with open(path) as file: self.data = json.load(file)
                    self.hits = 0
                def get(self, k):
                    self.hits += 1
                    return self.data[k]
            S = Store(os.path.join(os.path.dirname(__file__), 'p.json'))
            def f(x): return S.get('a')
        """,
        {"p.json": '{"a": 5}'},
    ),
    edit(
        "state dict whose loader reads a file",
        True,
        "5",
        "6",
        """
            import json, os
            HERE = os.path.dirname(__file__)
            def load():
                with open(os.path.join(HERE, 'p.json')) as file: return json.load(file)
            S = load()
            def f(x):
                S['n'] = x
                return S['a']
        """,
        {"p.json": '{"a": 5}'},
    ),
    edit(
        "memo in a global instance warm",
        False,
        "S.get(3)",
        "S.get(4)",
        """
            class Memo:
                def __init__(self): self.d = {}
                def get(self, k):
                    if k not in self.d: self.d[k] = k * k
                    return self.d[k]
            S = Memo()
            Y = S.get(3)
            def f(x): return S.get(x)
        """,
    ),
    edit(
        "memo in a global instance, lazily set",
        False,
        "S.get(3)",
        "S.get(4)",
        """
            class Memo:
                def __init__(self): self.last = None
                def get(self, k):
                    self.last = k
                    return k * k
            S = Memo()
            Y = S.get(3)
            def f(x): return S.get(x)
        """,
    ),
    edit(
        "memo instance in a module warm",
        False,
        "get(3)",
        "get(4)",
        """
            from m import S
            def f(x): return S.get(x)
            Y = S.get(3)
        """,
        {
            "m.py": """
            class Memo:
                def __init__(self): self.d = {}
                def get(self, k):
                    if k not in self.d: self.d[k] = k * k
                    return self.d[k]
            S = Memo()
        """
        },
    ),
    edit(
        "memo instance's constructor arg",
        True,
        "Memo(2)",
        "Memo(3)",
        """
            class Memo:
                def __init__(self, p): self.d = {}; self.p = p
                def get(self, k):
                    if k not in self.d: self.d[k] = k ** self.p
                    return self.d[k]
            S = Memo(2)
            def f(x): return S.get(x+1)
        """,
    ),
    edit(
        "memo instance preset",
        True,
        "S.d[2] = 7",
        "S.d[2] = 8",
        """
            class Memo:
                def __init__(self): self.d = {}
                def get(self, k):
                    if k not in self.d: self.d[k] = k ** 2
                    return self.d[k]
            S = Memo()
            S.d[2] = 7
            def f(x): return S.get(x+1)
        """,
    ),
    edit(
        "memo instance preset by method",
        True,
        "S.put(2, 7)",
        "S.put(2, 8)",
        """
            class Memo:
                def __init__(self): self.d = {}
                def put(self, k, v): self.d[k] = v
                def get(self, k):
                    if k not in self.d: self.d[k] = k ** 2
                    return self.d[k]
            S = Memo()
            S.put(2, 7)
            def f(x): return S.get(x+1)
        """,
    ),
    edit(
        "memo instance preset by method in another module",
        True,
        "S.put(2, 7)",
        "S.put(2, 8)",
        """
            from m import S
            import setup
            def f(x): return S.get(x+1)
        """,
        {
            "setup.py": """
            from m import S
            S.put(2, 7)
        """,
            "m.py": """
            class Memo:
                def __init__(self): self.d = {}
                def put(self, k, v): self.d[k] = v
                def get(self, k):
                    if k not in self.d: self.d[k] = k ** 2
                    return self.d[k]
            S = Memo()
        """,
        },
    ),
    edit(
        "registry instance with hit counter",
        True,
        "R.register('a', 1)",
        "R.register('a', 2)",
        """
            class Registry:
                def __init__(self): self.items = {}; self.hits = 0
                def register(self, k, v): self.items[k] = v
                def get(self, k):
                    self.hits += 1
                    return self.items[k]
            R = Registry()
            R.register('a', 1)
            def f(x): return R.get('a')
        """,
    ),
    edit(
        "registry instance by decorator, hit counter",
        True,
        "x * 2",
        "x * 3",
        """
            class Registry:
                def __init__(self): self.items = {}; self.hits = 0
                def register(self, g):
                    self.items[g.__name__] = g
                    return g
                def get(self, k):
                    self.hits += 1
                    return self.items[k]
            R = Registry()
            @R.register
            def double(x): return x * 2
            def f(x): return R.get('double')(x)
        """,
    ),
    edit(
        "memo passed to a helper that fills it, warm",
        False,
        "g(3)",
        "g(4)",
        """
            D = {}
            def put(d, k, v):
                d[k] = v
                return v
            def g(x): return put(D, x, x * 2)
            def f(x): return g(x)
            Y = g(3)
        """,
    ),
    edit(
        "memo through a local alias, warm",
        False,
        "g(3)",
        "g(4)",
        """
            D = {}
            def g(x):
                d = D
                d[x] = x
                return d[x]
            def f(x): return g(x)
            Y = g(3)
        """,
    ),
    edit(
        "memo decorator of own, warm",
        False,
        "g(3)",
        "g(4)",
        """
            def memo(fn):
                cache = {}
                def w(x):
                    if x not in cache: cache[x] = fn(x)
                    return cache[x]
                return w
            @memo
            def g(x): return x * 2
            def f(x): return g(x)
            Y = g(3)
        """,
    ),
    edit(
        "memo decorator class, warm",
        False,
        "g(3)",
        "g(4)",
        """
            class memo:
                def __init__(self, fn): self.fn = fn; self.cache = {}
                def __call__(self, x):
                    if x not in self.cache: self.cache[x] = self.fn(x)
                    return self.cache[x]
            @memo
            def g(x): return x * 2
            def f(x): return g(x)
            Y = g(3)
        """,
    ),
    edit(
        "memo decorator class, function edited",
        True,
        "x * 2",
        "x * 3",
        """
            class memo:
                def __init__(self, fn): self.fn = fn; self.cache = {}
                def __call__(self, x):
                    if x not in self.cache: self.cache[x] = self.fn(x)
                    return self.cache[x]
            @memo
            def g(x): return x * 2
            def f(x): return g(x)
        """,
    ),
    edit(
        "lru_cache method warm",
        False,
        "A().g(3)",
        "A().g(4)",
        """
            import functools
            class A:
                @functools.lru_cache
                def g(self, x): return x
            def f(x): return A().g(x)
            Y = A().g(3)
        """,
    ),
    edit(
        "singleton via module global, warm",
        False,
        "get(3)",
        "get(4)",
        """
            _conn = None
            def get(n):
                global _conn
                if _conn is None: _conn = [n]
                return n
            def f(x): return get(x)
            Y = get(3)
        """,
    ),
    edit(
        "f.__defaults__ set at import",
        True,
        "(3,)",
        "(4,)",
        """
            def g(x, k=1): return x + k
            g.__defaults__ = (3,)
            def f(x): return g(x)
        """,
    ),
    edit(
        "f.__kwdefaults__ set at import",
        True,
        "{'k': 3}",
        "{'k': 4}",
        """
            def g(x, *, k=1): return x + k
            g.__kwdefaults__ = {'k': 3}
            def f(x): return g(x)
        """,
    ),
    edit(
        "f.__code__ replaced",
        True,
        "x + 3",
        "x + 4",
        """
            def g(x): return x + 1
            def h(x): return x + 3
            g.__code__ = h.__code__
            def f(x): return g(x)
        """,
    ),
    edit(
        "FunctionType with other globals",
        True,
        "'K': 3",
        "'K': 4",
        """
            import types
            def g(x): return x + K
            h = types.FunctionType(g.__code__, {'K': 3})
            def f(x): return h(x)
        """,
    ),
    edit(
        "f.__globals__ read",
        True,
        "K = 3",
        "K = 4",
        """
            K = 3
            def g(x): return x
            def f(x): return g.__globals__['K']
        """,
    ),
    edit(
        "frame globals",
        True,
        "K = 3",
        "K = 4",
        """
            import sys
            K = 3
            def f(x): return sys._getframe().f_globals['K']
        """,
    ),
    edit(
        "inspect currentframe globals",
        True,
        "K = 3",
        "K = 4",
        """
            import inspect
            K = 3
            def f(x): return inspect.currentframe().f_globals['K']
        """,
    ),
    edit(
        "sys.modules of name",
        True,
        "K = 3",
        "K = 4",
        """
            import sys
            K = 3
            def f(x): return getattr(sys.modules[__name__], 'K')
        """,
    ),
    edit(
        "module __dict__ subscript",
        True,
        "K = 3",
        "K = 4",
        """
            import cfg
            def f(x): return cfg.__dict__['K']
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "import_module global constant name, unloaded",
        True,
        "K = 3",
        "K = 4",
        """
            import importlib
            NAME = 'cfg'
            def f(x): return importlib.import_module(NAME).K
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "import_module from import, constant",
        True,
        "K = 3",
        "K = 4",
        """
            from importlib import import_module as load
            def f(x): return load('cfg').K
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "import_module alias global",
        True,
        "K = 3",
        "K = 4",
        """
            import importlib as il
            def f(x): return il.import_module('cfg').K
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "import_module in loop over literal list",
        True,
        "K = 3",
        "K = 4",
        """
            import importlib
            def f(x): return [importlib.import_module(n).K for n in ('cfg', 'cfh')]
        """,
        {"cfg.py": "K = 3\n", "cfh.py": "K = 9\n"},
    ),
    edit(
        "import_module by argument of helper",
        True,
        "K = 3",
        "K = 4",
        """
            import importlib
            def get(name): return importlib.import_module(name).K
            def f(x): return get('cfg')
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "import_module by concatenation",
        True,
        "K = 3",
        "K = 4",
        """
            import importlib
            def f(x): return importlib.import_module('pkg.' + 'cfg').K
        """,
        {"pkg/cfg.py": "K = 3\n", "pkg/__init__.py": "A=1\n"},
    ),
    edit(
        "import_module by f-string of arg",
        True,
        "K = 3",
        "K = 4",
        """
            import importlib
            def f(x): return importlib.import_module(f'pkg.m{x}').K
        """,
        {"pkg/m1.py": "K = 3\n", "pkg/__init__.py": "A=1\n"},
    ),
    edit(
        "pkgutil plugins",
        True,
        "K = 3",
        "K = 4",
        """
            import importlib, pkgutil
            import plugins
            load = importlib.import_module
            def names(): return [m.name for m in pkgutil.iter_modules(plugins.__path__)]
            def f(x): return [load(f'plugins.{n}').K for n in names()]
        """,
        {"plugins/a.py": "K = 3\n", "plugins/__init__.py": "A=1\n"},
    ),
    edit(
        "runpy",
        True,
        "K = 3",
        "K = 4",
        """
            import runpy
            def f(x): return runpy.run_module('cfg')['K']
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "pkgutil.resolve_name",
        True,
        "K = 3",
        "K = 4",
        """
            import pkgutil
            def f(x): return pkgutil.resolve_name('cfg:K')
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "pydoc.locate",
        True,
        "K = 3",
        "K = 4",
        """
            import pydoc
            def f(x): return pydoc.locate('cfg.K')
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "exec import string",
        True,
        "K = 3",
        "K = 4",
        """
            def f(x):
                ns = {}
                exec('import cfg; K = cfg.K', ns)
                return ns['K']
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "eval of __import__",
        True,
        "K = 3",
        "K = 4",
        "\ndef f(x): return eval(\"__import__('cfg').K\")\n",
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "spec_from_file_location",
        True,
        "K = 3",
        "K = 4",
        """
            import importlib.util, os
            def f(x):
                p = os.path.join(os.path.dirname(__file__), 'cfg.py')
                s = importlib.util.spec_from_file_location('cfg', p)
                m = importlib.util.module_from_spec(s)
                s.loader.exec_module(m)
                return m.K
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "operator.attrgetter dotted",
        True,
        "K = 3",
        "K = 4",
        """
            import operator, cfg
            G = operator.attrgetter('K')
            def f(x): return G(cfg)
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "module in a dict",
        True,
        "K = 3",
        "K = 4",
        """
            import cfg
            MODS = {'a': cfg}
            def f(x): return MODS['a'].K
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "module as a default",
        True,
        "K = 3",
        "K = 4",
        """
            import cfg
            def f(x, m=cfg): return m.K
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "module as instance attribute",
        True,
        "K = 3",
        "K = 4",
        """
            import cfg
            class A:
                def __init__(self, m): self.m = m
            a = A(cfg)
            def f(x): return a.m.K
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "module as class attribute",
        True,
        "K = 3",
        "K = 4",
        """
            class A:
                import cfg
            def f(x): return A.cfg.K
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "module alias local variable",
        True,
        "K = 3",
        "K = 4",
        """
            import cfg
            def f(x):
                m = cfg
                return m.K
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "module by conditional expression",
        True,
        "K = 3",
        "K = 4",
        """
            import cfg, cfh
            def f(x): return (cfg if x else cfh).K
        """,
        {"cfg.py": "K = 3\n", "cfh.py": "K = 9\n"},
    ),
    edit(
        "LazyLoader global",
        True,
        "K = 3",
        "K = 4",
        """
            import importlib.util, sys
            def lazy(name):
                spec = importlib.util.find_spec(name)
                loader = importlib.util.LazyLoader(spec.loader)
                spec.loader = loader
                m = importlib.util.module_from_spec(spec)
                sys.modules[name] = m
                loader.exec_module(m)
                return m
            cfg = lazy('cfg')
            def f(x): return cfg.K
        """,
        {"cfg.py": "K = 3\n"},
    ),
    edit(
        "state filled by function outside closure",
        True,
        "setup(1)",
        "setup(2)",
        """
            C = {}
            def setup(n): C['a'] = n
            setup(1)
            def f(x):
                C['n'] = x
                return C['a']
        """,
    ),
    edit(
        "state's filler outside closure edited",
        True,
        "= n + 1",
        "= n + 2",
        """
            C = {}
            def setup(n): C['a'] = n + 1
            setup(1)
            def f(x):
                C['n'] = x
                return C['a']
        """,
    ),
    edit(
        "state filled in a third module",
        True,
        "= 5",
        "= 6",
        """
            import store, filler
            def f(x):
                store.C['n'] = x
                return store.C['a']
        """,
        {
            "store.py": "C = {}\n",
            "filler.py": """
            import store
            store.C['a'] = 5
        """,
        },
    ),
    edit(
        "state filled from import in third module",
        True,
        "= 5",
        "= 6",
        """
            import filler
            from store import C
            def f(x):
                C['n'] = x
                return C['a']
        """,
        {
            "store.py": "C = {}\n",
            "filler.py": """
            from store import C
            C['a'] = 5
        """,
        },
    ),
    edit(
        "state filled by registering decorator in third module",
        True,
        "x * 5",
        "x * 6",
        """
            import filler
            from store import C, call
            def f(x): return call('g', x)
        """,
        {
            "store.py": """
            C = {}
            N = {}
            def register(g):
                C[g.__name__] = g
                return g
            def call(name, x):
                N[name] = N.get(name, 0) + 1
                return C[name](x)
        """,
            "filler.py": """
            from store import register
            @register
            def g(x): return x * 5
        """,
        },
    ),
    edit(
        "registry that lookups touch",
        True,
        "x * 5",
        "x * 6",
        """
            import filler
            from store import call
            def f(x): return call('g', x)
        """,
        {
            "store.py": """
            C = {}
            def register(g):
                C[g.__name__] = g
                return g
            def call(name, x):
                g = C.setdefault(name, None)
                return g(x)
        """,
            "filler.py": """
            from store import register
            @register
            def g(x): return x * 5
        """,
        },
    ),
    edit(
        "list popped by task, filled by loop of calls",
        True,
        "range(3)",
        "range(4)",
        """
            Q = []
            def push(v): Q.append(v)
            for i in range(3): push(i)
            def f(x): return Q.pop() + x
        """,
    ),
    edit(
        "global instance from a factory in module",
        True,
        "k=3",
        "k=4",
        """
            from m import make
            T = make(k=3)
            def f(x): return T.value + x
        """,
        {
            "m.py": """
            class V:
                pass
            def make(k):
                v = V()
                v.value = k
                return v
        """
        },
    ),
    edit(
        "run-time config then mutated copy, set by function",
        True,
        "CFG['a'] = 1",
        "CFG['a'] = 2",
        """
            CFG = {}
            def main():
                CFG['a'] = 1
            main()
            def f(x):
                c = CFG.copy()
                c['b'] = x
                return c['a']
        """,
    ),
    edit(
        "class attribute set in a for loop at top",
        True,
        "(1, 2)",
        "(1, 3)",
        """
            class A: total = 0
            for v in (1, 2): A.total += v
            def f(x): return A.total
        """,
    ),
    edit(
        "setattr on a class by decorator",
        True,
        "K=3",
        "K=4",
        """
            def const(**kw):
                def deco(cls):
                    for k, v in kw.items(): setattr(cls, k, v)
                    return cls
                return deco
            @const(K=3)
            class A: pass
            def f(x): return A.K
        """,
    ),
    edit(
        "metaclass property",
        True,
        "3",
        "4",
        """
            class M(type):
                @property
                def K(cls): return 3
            class A(metaclass=M): pass
            def f(x): return A.K
        """,
    ),
    edit(
        "metaclass getattr",
        True,
        "3",
        "4",
        """
            class M(type):
                def __getattr__(cls, n): return 3
            class A(metaclass=M): pass
            def f(x): return A.whatever
        """,
    ),
    edit(
        "dataclass field default_factory lambda in other module",
        True,
        "[3]",
        "[4]",
        """
            from m import D
            def f(x): return D().v
        """,
        {
            "m.py": """
            from dataclasses import dataclass, field
            @dataclass
            class D:
                v: list = field(default_factory=lambda: [3])
        """
        },
    ),
    edit(
        "dataclass __hash__ eq option",
        True,
        "eq=True",
        "eq=False",
        """
            from dataclasses import dataclass
            @dataclass(eq=True)
            class D:
                v: int = 1
            def f(x): return D() == D()
        """,
    ),
    edit(
        "dataclass InitVar",
        True,
        "InitVar[int]",
        "int",
        """
            from dataclasses import dataclass, InitVar, fields
            @dataclass
            class D:
                v: InitVar[int] = 1
            def f(x): return len(fields(D))
        """,
    ),
    edit(
        "dataclass order of inherited",
        True,
        "B, C",
        "C, B",
        """
            class B:
                def g(self): return 1
            class C:
                def g(self): return 2
            class A(B, C): pass
            def f(x): return A().g()
        """,
    ),
    edit(
        "enum member with function via partial",
        True,
        "x + 3",
        "x + 4",
        """
            import enum, functools
            def g(x): return x + 3
            class E(enum.Enum):
                A = functools.partial(g)
            def f(x): return E.A.value(x) if isinstance(E.A, E) else E.A(x)
        """,
    ),
    edit(
        "enum nonmember/property",
        True,
        "self.value + 3",
        "self.value + 4",
        """
            import enum
            class E(enum.Enum):
                A = 1
                @enum.property
                def up(self): return self.value + 3
            def f(x): return E.A.up
        """,
    ),
    edit(
        "StrEnum value",
        True,
        "'a'",
        "'b'",
        """
            import enum
            class E(enum.StrEnum):
                A = 'a'
            def f(x): return str(E.A)
        """,
    ),
    edit(
        "IntFlag unnamed bits",
        True,
        "A | B",
        "A",
        """
            import enum
            class F(enum.IntFlag):
                A = 1
                B = 2
                C = A | B
            def f(x): return F.C.value
        """,
    ),
    edit(
        "generic class param default",
        True,
        "K = 3",
        "K = 4",
        """
            from typing import Generic, TypeVar
            T = TypeVar('T')
            class A(Generic[T]):
                K = 3
            def f(x): return A[int].K
        """,
    ),
    edit(
        "generic alias global of own class",
        True,
        "K = 3",
        "K = 4",
        """
            from typing import Generic, TypeVar
            T = TypeVar('T')
            class A(Generic[T]):
                K = 3
                def __init__(self): self.v = self.K
            AI = A[int]
            def f(x): return AI().v
        """,
    ),
    edit(
        "types.GenericAlias of own class arg",
        True,
        "K = 3",
        "K = 4",
        """
            class A:
                K = 3
            L = list[A]
            def f(x): return L.__args__[0].K
        """,
    ),
    edit(
        "Annotated metadata",
        True,
        "'m', 3",
        "'m', 4",
        """
            from typing import Annotated
            A = Annotated[int, 'm', 3]
            def f(x): return A.__metadata__
        """,
    ),
    edit(
        "Literal",
        True,
        "'a', 'b'",
        "'a', 'c'",
        """
            from typing import Literal, get_args
            L = Literal['a', 'b']
            def f(x): return get_args(L)
        """,
    ),
    edit(
        "Optional own class",
        True,
        "K = 3",
        "K = 4",
        """
            from typing import Optional, get_args
            class A: K = 3
            O = Optional[A]
            def f(x): return get_args(O)[0].K
        """,
    ),
    edit(
        "Callable alias",
        True,
        "[int]",
        "[str]",
        """
            from typing import Callable, get_args
            L = Callable[[int], int]
            def f(x): return str(get_args(L)[0])
        """,
    ),
    edit(
        "ForwardRef evaluated",
        True,
        "int",
        "str",
        """
            import typing
            R = typing.ForwardRef('int')
            def f(x): return R.__forward_arg__
        """,
    ),
    edit(
        "NewType supertype",
        True,
        "int",
        "str",
        """
            from typing import NewType
            U = NewType('U', int)
            def f(x): return U.__supertype__
        """,
    ),
    edit(
        "ParamSpec name",
        True,
        "'P'",
        "'Q'",
        """
            from typing import ParamSpec
            P = ParamSpec('P')
            def f(x): return P.__name__
        """,
    ),
    edit(
        "pep604 union with own class",
        True,
        "K = 3",
        "K = 4",
        """
            class A: K = 3
            U = A | None
            def f(x): return U.__args__[0].K
        """,
    ),
    edit(
        "weakref to function",
        True,
        "x + 3",
        "x + 4",
        """
            import weakref
            def g(x): return x + 3
            R = weakref.ref(g)
            def f(x): return R()(x)
        """,
    ),
    edit(
        "weakref to instance",
        True,
        "A(3)",
        "A(4)",
        """
            import weakref
            class A:
                def __init__(self, v): self.v = v
            a = A(3)
            R = weakref.ref(a)
            def f(x): return R().v
        """,
    ),
    edit(
        "weakref proxy",
        True,
        "A(3)",
        "A(4)",
        """
            import weakref
            class A:
                def __init__(self, v): self.v = v
            a = A(3)
            R = weakref.proxy(a)
            def f(x): return R.v
        """,
    ),
    edit(
        "WeakMethod",
        True,
        "self.v + 3",
        "self.v + 4",
        """
            import weakref
            class A:
                v = 1
                def m(self): return self.v + 3
            a = A()
            R = weakref.WeakMethod(a.m)
            def f(x): return R()()
        """,
    ),
    edit(
        "WeakValueDictionary content",
        True,
        "A(3)",
        "A(4)",
        """
            import weakref
            class A:
                def __init__(self, v): self.v = v
            a = A(3)
            D = weakref.WeakValueDictionary({'a': a})
            def f(x): return D['a'].v
        """,
    ),
    edit(
        "WeakKeyDictionary of functions",
        True,
        "g: 3",
        "g: 4",
        """
            import weakref
            def g(): pass
            D = weakref.WeakKeyDictionary({g: 3})
            def f(x): return D[g]
        """,
    ),
    edit(
        "queue with items",
        True,
        "put(3)",
        "put(4)",
        """
            import queue
            Q = queue.Queue()
            Q.put(3)
            def f(x): return Q.queue[0]
        """,
    ),
    edit(
        "SimpleQueue with items",
        True,
        "put(3)",
        "put(4)",
        """
            import queue
            Q = queue.SimpleQueue()
            Q.put(3)
            def f(x): return Q.get()
        """,
    ),
    edit(
        "contextvar set",
        True,
        "set(3)",
        "set(4)",
        """
            import contextvars
            V = contextvars.ContextVar('V', default=1)
            V.set(3)
            def f(x): return V.get()
        """,
    ),
    edit(
        "threading.local set",
        True,
        "L.v = 3",
        "L.v = 4",
        """
            import threading
            L = threading.local()
            L.v = 3
            def f(x): return L.v
        """,
    ),
    edit(
        "threading.local subclass",
        True,
        "self.v = 3",
        "self.v = 4",
        """
            import threading
            class My(threading.local):
                def __init__(self): self.v = 3
            L = My()
            def f(x): return L.v
        """,
    ),
    edit(
        "map object",
        True,
        "x + 3",
        "x + 4",
        """
            def g(x): return x + 3
            M = map(g, [1, 2])
            def f(x): return list(M)
        """,
    ),
    edit(
        "zip object",
        True,
        "[3]",
        "[4]",
        """
            Z = zip([1], [3])
            def f(x): return list(Z)
        """,
    ),
    edit(
        "chain object",
        True,
        "[3]",
        "[4]",
        """
            import itertools
            Z = itertools.chain([1], [3])
            def f(x): return list(Z)
        """,
    ),
    edit(
        "filter object",
        True,
        "x > 3",
        "x > 4",
        """
            Z = filter(lambda x: x > 3, [4, 5])
            def f(x): return list(Z)
        """,
    ),
    edit(
        "generator expression global",
        True,
        "i + 3",
        "i + 4",
        """
            Z = (i + 3 for i in range(3))
            def f(x): return list(Z)
        """,
    ),
    edit(
        "coroutine function in dict",
        True,
        "x + 3",
        "x + 4",
        """
            import asyncio
            async def g(x): return x + 3
            D = {'g': g}
            def f(x): return asyncio.run(D['g'](x))
        """,
    ),
    edit(
        "argparse parser global",
        True,
        "default=3",
        "default=4",
        """
            import argparse
            P = argparse.ArgumentParser()
            P.add_argument('--k', default=3)
            def f(x): return P.parse_args([]).k
        """,
    ),
    edit(
        "configparser global",
        True,
        "'3'",
        "'4'",
        """
            import configparser
            P = configparser.ConfigParser()
            P['a'] = {'k': '3'}
            def f(x): return P['a']['k']
        """,
    ),
    edit(
        "decimal context at import",
        True,
        "prec = 5",
        "prec = 6",
        """
            import decimal
            decimal.getcontext().prec = 5
            def f(x): return str(decimal.Decimal(1) / 3)
        """,
    ),
    edit(
        "os.environ at import",
        True,
        "'3'",
        "'4'",
        """
            import os
            os.environ['MY_K'] = '3'
            def f(x): return os.environ['MY_K']
        """,
    ),
    edit(
        "np.random.seed at import",
        True,
        "seed(3)",
        "seed(4)",
        """
            import numpy as np
            np.random.seed(3)
            def f(x): return np.random.rand()
        """,
    ),
    edit(
        "random.seed in helper at import",
        True,
        "seed(3)",
        "seed(4)",
        """
            import m, random
            def f(x): return random.random()
        """,
        {
            "m.py": """
            import random
            random.seed(3)
        """
        },
    ),
    edit(
        "sys.path hook order picks module",
        True,
        "'a'",
        "'b'",
        """
            import sys
            from os.path import abspath, dirname, join
            sys.path.insert(0, join(dirname(abspath(__file__)), 'a'))
            import cfg
            def f(x): return cfg.K
        """,
        {"a/cfg.py": "K = 3\n", "b/cfg.py": "K = 4\n"},
    ),
    edit(
        "copyreg registration",
        True,
        "v + 3",
        "v + 4",
        """
            import copyreg, copy
            class A:
                def __init__(self, v): self.v = v
            def red(a): return A, (a.v + 3,)
            copyreg.pickle(A, red)
            def f(x): return copy.copy(A(1)).v
        """,
    ),
    edit(
        "json default codec of class",
        True,
        "x + 3",
        "x + 4",
        """
            import json
            class Enc(json.JSONEncoder):
                def default(self, o): return self.up(1)
                def up(self, x): return x + 3
            def f(x): return json.dumps(object(), cls=Enc)
        """,
    ),
    edit(
        "numpy subclass array_finalize",
        True,
        "= 3",
        "= 4",
        """
            import numpy as np
            class A(np.ndarray):
                def __array_finalize__(self, o): self.k = 3
            def f(x): return np.zeros(2).view(A).k
        """,
    ),
    edit(
        "numpy __array_ufunc__",
        True,
        "return 3",
        "return 4",
        """
            import numpy as np
            class A:
                def __array_ufunc__(self, *a, **k): return 3
            def f(x): return np.add(A(), 1)
        """,
    ),
    edit(
        "pandas apply lambda",
        True,
        "v + 3",
        "v + 4",
        """
            import pandas as pd
            S = pd.Series([1])
            G = lambda v: v + 3
            def f(x): return int(S.map(G)[0])
        """,
    ),
    edit(
        "pandas accessor registered",
        True,
        "+ 3",
        "+ 4",
        """
            import pandas as pd
            @pd.api.extensions.register_series_accessor('mine')
            class M:
                def __init__(self, s): self.s = s
                def up(self): return int(self.s[0]) + 3
            def f(x): return pd.Series([1]).mine.up()
        """,
    ),
    edit(
        "atexit/signal irrelevant",
        False,
        "print(1)",
        "print(2)",
        """
            import atexit
            def bye(): print(1)
            atexit.register(bye)
            def f(x): return x
        """,
    ),
]
