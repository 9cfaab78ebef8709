"""Edits of what calls on import have filled, and of small scientific scripts."""

# ruff: noqa: E501

from __future__ import annotations

from harness import Edit, edit

FILLERS_AND_SCIENCE: list[Edit] = [
    edit(
        "state registry filled by an assignment's call",
        True,
        "3)",
        "4)",
        """
        REG = {}
        def add(k, v):
            REG[k] = v
            return v
        first = add('a', 3)
        def f(x):
            add('seen', x)
            return REG['a'] * x
        """,
    ),
    edit(
        "state filled by a list comprehension statement",
        True,
        "range(3)",
        "range(4)",
        """
        REG = []
        def add(v): REG.append(v)
        [add(i) for i in range(3)]
        def f(x):
            add(x)
            return len(REG)
        """,
    ),
    edit(
        "state filled by assigned comprehension",
        True,
        "(1, 2)",
        "(1, 2, 5)",
        """
        REG = []
        def add(v):
            REG.append(v)
            return v
        _ = [add(i) for i in (1, 2)]
        def f(x):
            add(x)
            return sum(REG)
        """,
    ),
    edit(
        "state filled in a class body",
        True,
        "add(3)",
        "add(4)",
        """
        REG = []
        def add(v):
            REG.append(v)
            return v
        class Setup:
            first = add(3)
        def f(x):
            add(x)
            return sum(REG)
        """,
    ),
    edit(
        "state filled in a condition",
        True,
        "add(3)",
        "add(4)",
        """
        REG = []
        def add(v):
            REG.append(v)
            return v
        if add(3):
            pass
        def f(x):
            add(x)
            return sum(REG)
        """,
    ),
    edit(
        "state filled in a with",
        True,
        "filling(3)",
        "filling(4)",
        """
        import contextlib
        REG = []
        @contextlib.contextmanager
        def filling(v):
            REG.append(v)
            yield
        with filling(3):
            pass
        def f(x):
            with filling(x):
                return sum(REG)
        """,
    ),
    edit(
        "state filled by a default",
        True,
        "add(3)",
        "add(4)",
        """
        REG = []
        def add(v):
            REG.append(v)
            return v
        def other(y=add(3)): return y
        def f(x):
            add(x)
            return sum(REG)
        """,
    ),
    edit(
        "state filled by map",
        True,
        "[1, 2]",
        "[1, 3]",
        """
        REG = []
        def add(v):
            REG.append(v)
            return v
        list(map(add, [1, 2]))
        def f(x):
            add(x)
            return sum(REG)
        """,
    ),
    edit(
        "state filled by a method of an imported instance",
        True,
        "put(3)",
        "put(4)",
        """
        from store import S
        S.put(3)
        def f(x):
            S.put(x)
            return sum(S.rows)
        """,
        {
            "store.py": "\n    class Store:\n        def __init__(self): self.rows = []\n        def put(self, v): self.rows.append(v)\n    S = Store()\n"
        },
    ),
    edit(
        "state filled by method, result assigned",
        True,
        "put(3)",
        "put(4)",
        """
        class Store:
            def __init__(self): self.rows = []
            def put(self, v):
                self.rows.append(v)
                return v
        S = Store()
        first = S.put(3)
        def f(x):
            S.put(x)
            return sum(S.rows)
        """,
    ),
    edit(
        "state filled by a bound method's alias",
        True,
        "put(3)",
        "put(4)",
        """
        class Store:
            def __init__(self): self.rows = []
            def put(self, v): self.rows.append(v)
        S = Store()
        put = S.put
        put(3)
        def f(x):
            put(x)
            return sum(S.rows)
        """,
    ),
    edit(
        "state filled by an alias of the function",
        True,
        "fill(3)",
        "fill(4)",
        """
        REG = []
        def add(v): REG.append(v)
        fill = add
        fill(3)
        def f(x):
            add(x)
            return sum(REG)
        """,
    ),
    edit(
        "state filled by a partial",
        True,
        "add, 3",
        "add, 4",
        """
        import functools
        REG = []
        def add(v): REG.append(v)
        go = functools.partial(add, 3)
        go()
        def f(x):
            add(x)
            return sum(REG)
        """,
    ),
    edit(
        "state filled by a lambda",
        True,
        "+ 3",
        "+ 4",
        """
        REG = []
        put = lambda v: REG.append(v + 3)
        put(1)
        def f(x):
            REG.append(x)
            return sum(REG)
        """,
    ),
    edit(
        "state filled from another module through the package",
        True,
        "add(3)",
        "add(4)",
        """
        import lib
        import setup_it
        def f(x):
            lib.add(x)
            return sum(lib.REG)
        """,
        {
            "lib.py": "REG = []\ndef add(v): REG.append(v)\n",
            "setup_it.py": "import lib\nfirst = lib.add(3)\n",
        },
    ),
    edit(
        "registry of subclasses that the task pops",
        True,
        "return 2",
        "return 3",
        """
        class Base:
            registry = {}
            def __init_subclass__(cls):
                Base.registry[cls.__name__] = cls
        class B(Base):
            def run(self): return 2
        def f(x):
            kind = Base.registry.pop('B')
            return kind().run() * x
        """,
    ),
    edit(
        "registry dict of functions by decorator, task counts in it",
        True,
        "x + 1",
        "x + 2",
        """
        REG = {}
        def register(g):
            REG[g.__name__] = g
            return g
        @register
        def one(x): return x + 1
        def f(x):
            REG['calls'] = 1
            return REG['one'](x)
        """,
    ),
    edit(
        "registry by decorator with arguments, task counts in it",
        True,
        "x + 1",
        "x + 2",
        """
        REG = {}
        def register(name):
            def inner(g):
                REG[name] = g
                return g
            return inner
        @register('one')
        def one(x): return x + 1
        def f(x):
            REG['calls'] = 1
            return REG['one'](x)
        """,
    ),
    edit(
        "registry in an instance by decorator method, task counts",
        True,
        "x + 1",
        "x + 2",
        """
        class Registry:
            def __init__(self):
                self.items = {}
                self.hits = 0
            def add(self, name):
                def inner(g):
                    self.items[name] = g
                    return g
                return inner
            def get(self, name):
                self.hits += 1
                return self.items[name]
        R = Registry()
        @R.add('one')
        def one(x): return x + 1
        def f(x):
            return R.get('one')(x)
        """,
    ),
    edit(
        "class-level plugin list filled by append in another module, task sorts",
        True,
        "x + 1",
        "x + 2",
        """
        from base import PLUGINS
        import plug
        def f(x):
            PLUGINS.sort(key=lambda g: g.__name__)
            return [g(x) for g in PLUGINS]
        """,
        {
            "base.py": "PLUGINS = []\n",
            "plug.py": "from base import PLUGINS\ndef one(x): return x + 1\nPLUGINS.append(one)\n",
        },
    ),
    edit(
        "global counter with start from a constant",
        True,
        "START = 3",
        "START = 4",
        """
        START = 3
        count = START
        def f(x):
            global count
            count += 1
            return count
        """,
    ),
    edit(
        "global counter advanced at import by a helper",
        True,
        "tick(); tick()",
        "tick()",
        """
        count = 0
        def tick():
            global count
            count += 1
            return count
        tick(); tick()
        def f(x): return tick()
        """,
    ),
    edit(
        "global counter advanced by an assigned call",
        True,
        "a = tick(); b = tick()",
        "a = tick()",
        """
        count = 0
        def tick():
            global count
            count += 1
            return count
        a = tick(); b = tick()
        def f(x): return tick()
        """,
    ),
    edit(
        "itertools.count used by class instances at import",
        True,
        "A(); A()",
        "A()",
        """
        import itertools
        ids = itertools.count()
        class A:
            def __init__(self): self.id = next(ids)
        A(); A()
        def f(x): return A().id
        """,
    ),
    edit(
        "itertools.count used by named instances at import",
        True,
        "a, b = A(), A()",
        "a = A()",
        """
        import itertools
        ids = itertools.count()
        class A:
            def __init__(self): self.id = next(ids)
        a, b = A(), A()
        def f(x): return A().id
        """,
    ),
    edit(
        "class counter in init, instances at import",
        True,
        "a, b = A(), A()",
        "a = A()",
        """
        class A:
            n = 0
            def __init__(self):
                A.n += 1
                self.id = A.n
        a, b = A(), A()
        def f(x): return A().id
        """,
    ),
    edit(
        "memo on self in a global with preset",
        True,
        "{0: 1}",
        "{0: 2}",
        """
        class Fact:
            def __init__(self): self.memo = {0: 1}
            def __call__(self, n):
                if n not in self.memo: self.memo[n] = n * self(n - 1)
                return self.memo[n]
        fact = Fact()
        def f(x): return fact(x)
        """,
    ),
    edit(
        "memo dict with two base values",
        True,
        "1: 1}",
        "1: 2}",
        """
        def f(x): return fib(x + 3)
        memo = {0: 0, 1: 1}
        def fib(n):
            if n not in memo: memo[n] = fib(n - 1) + fib(n - 2)
            return memo[n]
        """,
    ),
    edit(
        "memo dict filled with base values in a loop over a table",
        True,
        "(1, 1)",
        "(1, 2)",
        """
        memo = {}
        BASE = [(0, 0), (1, 1)]
        for k, v in BASE: memo[k] = v
        def fib(n):
            if n not in memo: memo[n] = fib(n - 1) + fib(n - 2)
            return memo[n]
        def f(x): return fib(x + 3)
        """,
    ),
    edit(
        "memo dict set by update of a helper's answer",
        True,
        "1: 1}",
        "1: 2}",
        """
        def base(): return {0: 0, 1: 1}
        memo = {}
        memo.update(base())
        def fib(n):
            if n not in memo: memo[n] = fib(n - 1) + fib(n - 2)
            return memo[n]
        def f(x): return fib(x + 3)
        """,
    ),
    edit(
        "memo dict merged by |=",
        True,
        "1: 1}",
        "1: 2}",
        """
        memo = {}
        memo |= {0: 0, 1: 1}
        def fib(n):
            if n not in memo: memo[n] = fib(n - 1) + fib(n - 2)
            return memo[n]
        def f(x): return fib(x + 3)
        """,
    ),
    edit(
        "memo decorator with preset in the closure",
        True,
        "{0: 1}",
        "{0: 2}",
        """
        import functools
        def memoize(g):
            cache = {0: 1}
            @functools.wraps(g)
            def inner(n):
                if n not in cache: cache[n] = g(n)
                return cache[n]
            return inner
        @memoize
        def fact(n): return n * fact(n - 1)
        def f(x): return fact(x)
        """,
    ),
    edit(
        "memo decorator told its start",
        True,
        "memoize({0: 1})",
        "memoize({0: 2})",
        """
        def memoize(start):
            def deco(g):
                cache = dict(start)
                def inner(n):
                    if n not in cache: cache[n] = g(n)
                    return cache[n]
                return inner
            return deco
        @memoize({0: 1})
        def fact(n): return n * fact(n - 1)
        def f(x): return fact(x)
        """,
    ),
    edit(
        "memo decorator told its start, which it fills itself",
        True,
        "memoize({0: 1})",
        "memoize({0: 2})",
        """
        def memoize(cache):
            def deco(g):
                def inner(n):
                    if n not in cache: cache[n] = g(n)
                    return cache[n]
                return inner
            return deco
        @memoize({0: 1})
        def fact(n): return n * fact(n - 1)
        def f(x): return fact(x)
        """,
    ),
    edit(
        "closure counter told its start",
        True,
        "counter(3)",
        "counter(4)",
        """
        def counter(n):
            def tick():
                nonlocal n
                n += 1
                return n
            return tick
        tick = counter(3)
        def f(x): return tick()
        """,
    ),
    edit(
        "closure counter advanced at import",
        True,
        "tick(); tick()",
        "tick()",
        """
        def counter():
            n = 0
            def tick():
                nonlocal n
                n += 1
                return n
            return tick
        tick = counter()
        tick(); tick()
        def f(x): return tick()
        """,
    ),
    edit(
        "generator advanced at import",
        True,
        "next(G); next(G)",
        "next(G)",
        """
        def numbers():
            n = 0
            while True:
                n += 1
                yield n
        G = numbers()
        next(G); next(G)
        def f(x): return next(G)
        """,
    ),
    edit(
        "global list extended in try/else",
        True,
        "[1]",
        "[2]",
        """
        ROWS = []
        try:
            import json
        except ImportError:
            pass
        else:
            ROWS.extend([1])
        def f(x):
            ROWS.append(x)
            return list(ROWS)
        """,
    ),
    edit(
        "numpy buffer that the task writes",
        True,
        "np.zeros(3)",
        "np.ones(3)",
        """
        import numpy as np
        BUF = np.zeros(3)
        def f(x):
            BUF[0] = x
            return BUF.tolist()
        """,
    ),
    edit(
        "numpy buffer filled at import, written by the task",
        True,
        "BUF[1] = 5",
        "BUF[1] = 6",
        """
        import numpy as np
        BUF = np.zeros(3)
        BUF[1] = 5
        def f(x):
            BUF[0] = x
            return BUF.tolist()
        """,
    ),
    edit(
        "numpy buffer changed in place by augmented assign",
        True,
        "BUF += 5",
        "BUF += 6",
        """
        import numpy as np
        BUF = np.zeros(3)
        BUF += 5
        def f(x):
            BUF[0] = x
            return BUF.tolist()
        """,
    ),
    edit(
        "numpy buffer changed by np.multiply out",
        True,
        "BUF, 5",
        "BUF, 6",
        """
        import numpy as np
        BUF = np.ones(3)
        np.multiply(BUF, 5, out=BUF)
        def f(x):
            BUF[0] = x
            return BUF.tolist()
        """,
    ),
    edit(
        "numpy buffer changed by np.copyto",
        True,
        "BUF, 5",
        "BUF, 6",
        """
        import numpy as np
        BUF = np.ones(3)
        np.copyto(BUF, 5)
        def f(x):
            BUF[0] = x
            return BUF.tolist()
        """,
    ),
    edit(
        "data frame gets a column at import, the task adds one",
        True,
        "= 5",
        "= 6",
        """
        import pandas as pd
        D = pd.DataFrame({'a': [1, 2]})
        D['b'] = 5
        def f(x):
            D['c'] = x
            return D.to_dict('list')
        """,
    ),
    edit(
        "data frame loc set at import, the task adds a column",
        True,
        "= 5",
        "= 6",
        """
        import pandas as pd
        D = pd.DataFrame({'a': [1, 2]})
        D.loc[0, 'a'] = 5
        def f(x):
            D['c'] = x
            return D.to_dict('list')
        """,
    ),
    edit(
        "data frame dropna inplace",
        True,
        "0: 'q'",
        "0: 'w'",
        """
        import pandas as pd
        D = pd.DataFrame({0: [1, 2]})
        D.rename(columns={0: 'q'}, inplace=True)
        def f(x):
            return D.to_dict('list')
        """,
    ),
    edit(
        "nested config dict element set by task",
        True,
        "'b': 1",
        "'b': 2",
        """
        CFG = {'a': {'n': 0}, 'b': 1}
        def f(x):
            CFG['a']['n'] = x
            return CFG['b']
        """,
    ),
    edit(
        "nested config dict element set at import in helper",
        True,
        "= 5",
        "= 6",
        """
        CFG = {'a': {'n': 0}, 'b': 1}
        def setup(c): c['a']['m'] = 5
        setup(CFG)
        def f(x):
            CFG['a']['n'] = x
            return CFG['a']['m']
        """,
    ),
    edit(
        "os.environ default read by the task",
        True,
        "'3'",
        "'4'",
        """
        import os
        os.environ.setdefault('MY_N', '3')
        def f(x): return int(os.environ['MY_N']) * x
        """,
    ),
    edit(
        "environment read at import into a constant",
        True,
        "'3'",
        "'4'",
        """
        import os
        os.environ['MY_N'] = '3'
        N = int(os.environ.get('MY_N', '1'))
        def f(x): return N * x
        """,
    ),
    edit(
        "sys.path entry with own package",
        True,
        "return 2",
        "return 3",
        """
        import sys, os
        sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'src'))
        import mylib
        def f(x): return mylib.gain() * x
        """,
        {"src/mylib.py": "def gain(): return 2\n"},
    ),
    edit(
        "import by path with the spec machinery",
        True,
        "return 2",
        "return 3",
        """
        import importlib.util, os
        spec = importlib.util.spec_from_file_location('odd', os.path.join(os.path.dirname(os.path.abspath(__file__)), 'odd-name.py'))
        odd = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(odd)
        def f(x): return odd.gain() * x
        """,
        {"odd-name.py": "def gain(): return 2\n"},
    ),
    edit(
        "filler under a decorator of its own",
        True,
        "add(3)",
        "add(4)",
        """
        REG = []
        def logged(g):
            def inner(*a): return g(*a)
            return inner
        @logged
        def add(v): REG.append(v)
        add(3)
        def f(x):
            add(x)
            return sum(REG)
        """,
    ),
    edit(
        "filler is a method of a temporary",
        True,
        "fill(3)",
        "fill(4)",
        """
        REG = []
        class Loader:
            def fill(self, v): REG.append(v)
        Loader().fill(3)
        def f(x):
            REG.append(x)
            return sum(REG)
        """,
    ),
    edit(
        "filler is a method of what a function returns",
        True,
        "load(3)",
        "load(4)",
        """
        REG = []
        class Loader:
            def load(self, v): REG.append(v)
        def make(): return Loader()
        make().load(3)
        def f(x):
            REG.append(x)
            return sum(REG)
        """,
    ),
    edit(
        "filler is a static method",
        True,
        "fill(3)",
        "fill(4)",
        """
        REG = []
        class Loader:
            @staticmethod
            def fill(v): REG.append(v)
        n = Loader.fill(3)
        def f(x):
            Loader.fill(x)
            return sum(REG)
        """,
    ),
    edit(
        "filler is a class method in another module",
        True,
        "fill(3)",
        "fill(4)",
        """
        from lib import Loader, REG
        n = Loader.fill(3)
        def f(x):
            Loader.fill(x)
            return sum(REG)
        """,
        {
            "lib.py": "REG = []\nclass Loader:\n    @classmethod\n    def fill(cls, v): REG.append(v)\n"
        },
    ),
    edit(
        "filler of a filler in a third module",
        True,
        "setup(3)",
        "setup(4)",
        """
        import lib
        import third
        def f(x):
            lib.add(x)
            return sum(lib.REG)
        """,
        {
            "lib.py": "REG = []\ndef add(v): REG.append(v)\n",
            "second.py": "import lib\ndef setup(v): lib.add(v + 1)\n",
            "third.py": "from second import setup\ndone = setup(3)\n",
        },
    ),
    edit(
        "filler imports inside itself",
        True,
        "setup(3)",
        "setup(4)",
        """
        import lib
        import second
        second.setup(3)
        def f(x):
            lib.REG.append(x)
            return sum(lib.REG)
        """,
        {
            "lib.py": "REG = []\n",
            "second.py": "def setup(v):\n    import lib\n    lib.REG.append(v + 1)\n",
        },
    ),
    edit(
        "filler's own text, outside the closure",
        True,
        "v + 1",
        "v + 2",
        """
        import lib
        import second
        second.setup(3)
        def f(x):
            lib.REG.append(x)
            return sum(lib.REG)
        """,
        {
            "lib.py": "REG = []\n",
            "second.py": "def setup(v):\n    from lib import REG\n    REG.append(v + 1)\n",
        },
    ),
    edit(
        "instance that appends itself on creation",
        True,
        "Rule(3)",
        "Rule(4)",
        """
        RULES = []
        class Rule:
            def __init__(self, k):
                self.k = k
                RULES.append(self)
        first = Rule(3)
        def f(x):
            RULES.sort(key=lambda r: r.k)
            return [r.k * x for r in RULES]
        """,
    ),
    edit(
        "metaclass that registers, task clears hits",
        True,
        "return 2",
        "return 3",
        """
        class Meta(type):
            classes = {}
            hits = []
            def __new__(m, name, bases, ns):
                cls = super().__new__(m, name, bases, ns)
                m.classes[name] = cls
                return cls
        class A(metaclass=Meta):
            def run(self): return 2
        def f(x):
            Meta.classes.setdefault('seen', None)
            return Meta.classes['A']().run() * x
        """,
    ),
    edit(
        "decorator class as registry, called",
        True,
        "return 2",
        "return 3",
        """
        class Registry(dict):
            def __call__(self, name):
                def inner(g):
                    self[name] = g
                    return g
                return inner
        R = Registry()
        @R('one')
        def one(): return 2
        def f(x):
            R['n'] = x
            return R['one']()
        """,
    ),
    edit(
        "dict subclass with a method that adds",
        True,
        "put_in('a', 2)",
        "put_in('a', 3)",
        """
        class Reg(dict):
            def put_in(self, k, v): self[k] = v
        R = Reg()
        first = R.put_in('a', 2)
        def f(x):
            R['n'] = x
            return R['a']
        """,
    ),
    edit(
        "instance method other than put",
        True,
        "insert_row(3)",
        "insert_row(4)",
        """
        class Store:
            def __init__(self): self.rows = []
            def insert_row(self, v):
                self.rows.append(v)
                return v
        S = Store()
        first = S.insert_row(3)
        def f(x):
            S.insert_row(x)
            return sum(S.rows)
        """,
    ),
    edit(
        "instance filled by with",
        True,
        "S.open_as(3)",
        "S.open_as(4)",
        """
        import contextlib
        class Store:
            def __init__(self): self.rows = []
            @contextlib.contextmanager
            def open_as(self, v):
                self.rows.append(v)
                yield
            def add(self, v): self.rows.append(v)
        S = Store()
        with S.open_as(3): pass
        def f(x):
            S.add(x)
            return sum(S.rows)
        """,
    ),
    edit(
        "instance filled by an operator",
        True,
        "S << 3",
        "S << 4",
        """
        class Store:
            def __init__(self): self.rows = []
            def __lshift__(self, v):
                self.rows.append(v)
                return self
        S = Store()
        S << 3
        def f(x):
            S << x
            return sum(S.rows)
        """,
    ),
    edit(
        "instance filled by item",
        True,
        "= 3",
        "= 4",
        """
        class Store:
            def __init__(self): self.rows = {}
            def __setitem__(self, k, v): self.rows[k] = v
            def __getitem__(self, k): return self.rows[k]
        S = Store()
        S['a'] = 3
        def f(x):
            S['n'] = x
            return S['a']
        """,
    ),
    edit(
        "instance filled by attribute protocol",
        True,
        "S.a = 3",
        "S.a = 4",
        """
        class Store:
            def __init__(self): self.__dict__['rows'] = {}
            def __setattr__(self, k, v): self.rows[k] = v
            def __getattr__(self, k): return self.__dict__['rows'][k]
        S = Store()
        S.a = 3
        def f(x):
            S.n = x
            return S.a
        """,
    ),
    edit(
        "defaultdict counts at import",
        True,
        "'aab'",
        "'aabb'",
        """
        from collections import defaultdict
        N = defaultdict(int)
        for c in 'aab': N[c] += 1
        def f(x):
            N['z'] += x
            return dict(N)
        """,
    ),
    edit(
        "Counter updated at import by function",
        True,
        "'aab'",
        "'aabb'",
        """
        from collections import Counter
        N = Counter()
        def count(text):
            for c in text: N[c] += 1
        total = count('aab')
        def f(x):
            count('z')
            return dict(N)
        """,
    ),
    edit(
        "state behind a property of a global instance",
        True,
        "CFG.level = 3",
        "CFG.level = 4",
        """
        class Config:
            _level = 1
            @property
            def level(self): return self._level
            @level.setter
            def level(self, v): self._level = v
        CFG = Config()
        CFG.level = 3
        def f(x):
            r = CFG.level
            CFG.level = r
            return r * x
        """,
    ),
    edit(
        "lazy table on first use with a seed file",
        True,
        "2",
        "3",
        """
        import pathlib
        _T = None
        def table():
            global _T
            if _T is None:
                _T = 5
            return _T
        SEED = int((pathlib.Path(__file__).parent / 'seed.txt').read_text())
        def f(x): return table() * SEED
        """,
        {"seed.txt": "2"},
    ),
    edit(
        "closure cell rebound by a sibling at import",
        True,
        "set_k(3)",
        "set_k(4)",
        """
        def make():
            k = 1
            def get(): return k
            def set_k(v):
                nonlocal k
                k = v
            return get, set_k
        get, set_k = make()
        set_k(3)
        def f(x):
            old = get()
            set_k(old)
            return old * x
        """,
    ),
    edit(
        "function attribute counter at import",
        True,
        "tick(); tick()",
        "tick()",
        """
        def tick():
            tick.n += 1
            return tick.n
        tick.n = 0
        tick(); tick()
        def f(x): return tick()
        """,
    ),
    edit(
        "function attribute registry by decorator",
        True,
        "return 2",
        "return 3",
        """
        def dispatch(k): return dispatch.table[k]()
        dispatch.table = {}
        def case(k):
            def inner(g):
                dispatch.table[k] = g
                return g
            return inner
        @case(1)
        def one(): return 2
        def f(x):
            dispatch.table.setdefault(9, None)
            return dispatch(x)
        """,
    ),
    edit(
        "class attribute list filled by class method at import",
        True,
        "add(3)",
        "add(4)",
        """
        class Pool:
            rows = []
            @classmethod
            def add(cls, v): cls.rows.append(v)
        Pool.add(3)
        def f(x):
            Pool.add(x)
            return sum(Pool.rows)
        """,
    ),
    edit(
        "class attribute list filled by function elsewhere",
        True,
        "fill(3)",
        "fill(4)",
        """
        from lib import Pool
        import second
        def f(x):
            Pool.rows.append(x)
            return sum(Pool.rows)
        """,
        {
            "lib.py": "class Pool:\n    rows = []\n",
            "second.py": "import lib\ndef fill(v): lib.Pool.rows.append(v)\nr = fill(3)\n",
        },
    ),
    edit(
        "class attribute rebound at import by a class method",
        True,
        "configure(3)",
        "configure(4)",
        """
        class App:
            level = 1
            @classmethod
            def configure(cls, v): cls.level = v
        App.configure(3)
        def f(x):
            old = App.level
            App.configure(old)
            return old * x
        """,
    ),
    edit(
        "memo warm by a table that nothing uses",
        False,
        "range(5)]",
        "range(5)]  # more",
        """
        memo = {}
        def sq(v):
            if v not in memo: memo[v] = v * v
            return memo[v]
        TABLE = [sq(i) for i in range(5)]
        def f(x): return sq(x)
        """,
    ),
    edit(
        "memo decorator's warm calls",
        False,
        "sq(5)",
        "sq(6)",
        """
        def memoize(g):
            cache = {}
            def inner(n):
                if n not in cache: cache[n] = g(n)
                return cache[n]
            return inner
        @memoize
        def sq(n): return n * n
        A = sq(5)
        def f(x): return sq(x)
        """,
    ),
    edit(
        "lru_cache warm calls assigned",
        False,
        "sq(5)",
        "sq(6)",
        """
        from functools import lru_cache
        @lru_cache
        def sq(n): return n * n
        A = sq(5)
        def f(x): return sq(x)
        """,
    ),
    edit(
        "print of a state at import",
        False,
        "print(len(memo))",
        "print(sorted(memo), 'x')",
        """
        memo = {}
        def sq(v):
            if v not in memo: memo[v] = v * v
            return memo[v]
        print(len(memo))
        def f(x): return sq(x)
        """,
    ),
    edit(
        "another class beside a class with state",
        False,
        "return 1",
        "return 2",
        """
        class A:
            n = 0
            def tick(self):
                A.n += 1
                return A.n
        class Other:
            def go(self): return 1
        def f(x): return A().tick()
        """,
    ),
    edit(
        "function with a call of the filler in its body",
        False,
        "add(5)",
        "add(6)",
        """
        REG = []
        def add(v): REG.append(v)
        def never(): add(5)
        def f(x):
            add(x)
            return sum(REG)
        """,
    ),
    edit(
        "main function fills in the main block",
        False,
        "add(5)",
        "add(6)",
        """
        REG = []
        def add(v): REG.append(v)
        def main(): add(5)
        def f(x):
            REG.append(x)
            return len(REG) * 0
        if __name__ == '__main__':
            print('x')
        """,
    ),
    edit(
        "pydantic-free settings class with env",
        True,
        "'2'",
        "'3'",
        """
        import os
        class Settings:
            def __init__(self, **env):
                for k, v in env.items(): setattr(self, k.lower(), int(v))
        S = Settings(RATE='2')
        def f(x): return S.rate * x
        """,
    ),
    edit(
        "own descriptor over a class registry",
        True,
        "2.5",
        "3.5",
        """
        class Field:
            registry = {}
            def __init__(self, default): self.default = default
            def __set_name__(self, owner, name):
                self.name = name
                Field.registry.setdefault(owner.__name__, []).append(name)
            def __get__(self, obj, owner=None):
                return self.default if obj is None else obj.__dict__.get(self.name, self.default)
        class Model:
            rate = Field(2.5)
        def f(x): return Model().rate * x
        """,
    ),
    edit(
        "units table built from a string",
        True,
        "km=1000",
        "km=1001",
        """
        UNITS = dict((k, float(v)) for k, v in (p.split('=') for p in 'm=1 km=1000'.split()))
        def f(x): return UNITS['km'] * x
        """,
    ),
    edit(
        "table from zip of two constants",
        True,
        "(1, 2)",
        "(1, 3)",
        """
        KEYS = ('a', 'b')
        VALUES = (1, 2)
        T = dict(zip(KEYS, VALUES))
        def f(x): return T['b'] * x
        """,
    ),
    edit(
        "numpy table by broadcasting helper",
        True,
        "v ** 2",
        "v ** 3",
        """
        import numpy as np
        def curve(v): return v ** 2
        TABLE = curve(np.linspace(0, 1, 5))
        def f(x): return float(TABLE.sum())
        """,
    ),
    edit(
        "numpy legacy seed in the helper module",
        True,
        "seed(1)",
        "seed(2)",
        """
        import noise
        def f(x): return float(noise.draw())
        """,
        {
            "noise.py": "import numpy as np\nnp.random.seed(1)\nTABLE = np.random.rand(3)\ndef draw(): return TABLE.sum()\n"
        },
    ),
    edit(
        "rng made in the function from a constant seed",
        True,
        "SEED = 1",
        "SEED = 2",
        """
        import numpy as np
        SEED = 1
        def f(x): return float(np.random.default_rng([SEED, x]).random())
        """,
    ),
    edit(
        "physical constants class",
        True,
        "6.67e-11",
        "6.68e-11",
        """
        class C:
            G = 6.67e-11
            c: float = 3e8
        def f(x): return C.G * x
        """,
    ),
    edit(
        "constants through two aliases",
        True,
        "K = 2",
        "K = 3",
        """
        import consts as cn
        k = cn.K
        kk = k
        def f(x): return kk * x
        """,
        {"consts.py": "K = 2\n"},
    ),
    edit(
        "ODE right-hand side by name in a dict of strings",
        True,
        "-y * 2",
        "-y * 3",
        """
        def decay(t, y): return -y * 2
        MODELS = {'decay': 'decay'}
        def f(x): return globals()[MODELS['decay']](0, x)
        """,
    ),
    edit(
        "solve_ivp with an event function",
        True,
        "y[0] - 0.5",
        "y[0] - 0.4",
        """
        from scipy.integrate import solve_ivp
        def rhs(t, y): return -y
        def stop(t, y): return y[0] - 0.5
        stop.terminal = True
        def f(x): return round(float(solve_ivp(rhs, (0, 5), [1.0], events=stop, rtol=1e-8).t[-1]), 3)
        """,
    ),
    edit(
        "event function's attribute",
        True,
        "terminal = True",
        "terminal = False",
        """
        from scipy.integrate import solve_ivp
        def rhs(t, y): return -y
        def stop(t, y): return y[0] - 0.5
        stop.terminal = True
        def f(x): return round(float(solve_ivp(rhs, (0, 5), [1.0], events=stop, rtol=1e-8).t[-1]), 3)
        """,
    ),
    edit(
        "pandas pipe of helpers",
        True,
        "d['a'] * 2",
        "d['a'] * 3",
        """
        import pandas as pd
        def add(d): return d.assign(b=d['a'] * 2)
        def f(x): return pd.DataFrame({'a': [x]}).pipe(add)['b'].tolist()
        """,
    ),
    edit(
        "pandas agg by name of a helper table",
        True,
        "'mean'",
        "'max'",
        """
        import pandas as pd
        AGG = {'a': 'mean'}
        def f(x): return pd.DataFrame({'a': [x, 5]}).agg(AGG).tolist()
        """,
    ),
    edit(
        "polars expression constant",
        True,
        "pl.col('a') * 2",
        "pl.col('a') * 3",
        """
        import polars as pl
        EXPR = pl.col('a') * 2
        def f(x): return pl.DataFrame({'a': [x]}).select(EXPR)['a'].to_list()
        """,
    ),
    edit(
        "ctypes structure fields",
        True,
        "c_int16",
        "c_int32",
        """
        import ctypes
        class H(ctypes.Structure):
            _fields_ = [('a', ctypes.c_int16)]
        def f(x): return ctypes.sizeof(H)
        """,
    ),
    edit(
        "namedtuple with defaults keyword",
        True,
        "defaults=(2,)",
        "defaults=(3,)",
        """
        from collections import namedtuple
        P = namedtuple('P', 'a b', defaults=(2,))
        def f(x): return P(x).b
        """,
    ),
    edit(
        "exit code of a context in own class hierarchy",
        True,
        "return True",
        "return False",
        """
        class Quiet:
            def __enter__(self): return self
            def __exit__(self, *e): return True
        def f(x):
            try:
                with Quiet(): raise ValueError
                return 'quiet'
            except ValueError: return 'loud'
        """,
    ),
    edit(
        "own exception's message",
        True,
        "'bad'",
        "'worse'",
        """
        class Bad(Exception):
            def __str__(self): return 'bad'
        def f(x):
            try: raise Bad
            except Bad as e: return str(e)
        """,
    ),
    edit(
        "sorting key by functools.total_ordering",
        True,
        "self.k < o.k",
        "self.k > o.k",
        """
        import functools
        @functools.total_ordering
        class V:
            def __init__(self, k): self.k = k
            def __eq__(self, o): return self.k == o.k
            def __lt__(self, o): return self.k < o.k
        def f(x): return [v.k for v in sorted([V(2), V(1)])]
        """,
    ),
    edit(
        "hash of a key class",
        True,
        "self.k // 10",
        "self.k",
        """
        class K:
            def __init__(self, k): self.k = k
            def __hash__(self): return 1
            def __eq__(self, o): return self.norm() == o.norm()
            def norm(self): return self.k // 10
        def f(x): return len({K(1), K(2)})
        """,
    ),
    edit(
        "bool of a result class",
        True,
        "> 0",
        "> 5",
        """
        class R:
            def __init__(self, v): self.v = v
            def __bool__(self): return self.v > 0
        def f(x): return 'yes' if R(x) else 'no'
        """,
    ),
    edit(
        "format mini-language of a class",
        True,
        "'.1f'",
        "'.2f'",
        """
        class R:
            def __init__(self, v): self.v = v
            def __format__(self, spec): return format(self.v, '.1f')
        def f(x): return f'{R(x / 3):x}'
        """,
    ),
    edit(
        "module __getattr__ table",
        True,
        "'a': 2",
        "'a': 3",
        """
        import lazy
        def f(x): return lazy.a * x
        """,
        {
            "lazy.py": "_T = {'a': 2}\ndef __getattr__(n):\n    try: return _T[n]\n    except KeyError: raise AttributeError(n)\n"
        },
    ),
    edit(
        "import in a method",
        True,
        "return 2",
        "return 3",
        """
        class A:
            def run(self, x):
                from pk.sub import gain
                return gain() * x
        def f(x): return A().run(x)
        """,
        {"pk/__init__.py": "#", "pk/sub.py": "def gain(): return 2\n"},
    ),
    edit(
        "import under a condition in the function",
        True,
        "return 2",
        "return 3",
        """
        def f(x):
            if x > 0:
                import one as m
            else:
                import two as m
            return m.gain() * x
        """,
        {"one.py": "def gain(): return 2\n", "two.py": "def gain(): return 5\n"},
    ),
    edit(
        "helper is replaced on a third-party module",
        True,
        "* 2",
        "* 3",
        """
        import math
        import patch
        def f(x): return math.my_helper(x)
        """,
        {"patch.py": "import math\ndef my(x): return x * 2\nmath.my_helper = my\n"},
    ),
    edit(
        "frompyfunc of a helper two away",
        True,
        "v + 1",
        "v + 2",
        """
        import numpy as np
        def inner(v): return v + 1
        def outer(v): return inner(v) * 2
        U = np.frompyfunc(outer, 1, 1)
        def f(x): return int(U(x))
        """,
    ),
    edit(
        "pipeline of generator helpers",
        True,
        "v % 2",
        "v % 3",
        """
        def numbers(n): yield from range(n)
        def odd(vs): return (v for v in vs if v % 2)
        def square(vs):
            for v in vs: yield v * v
        def f(x): return list(square(odd(numbers(8))))
        """,
    ),
    edit(
        "ExitStack with own managers",
        True,
        "log.append(2)",
        "log.append(3)",
        """
        import contextlib
        class M:
            def __init__(self, log): self.log = log
            def __enter__(self): return self
            def __exit__(self, *e):
                log = self.log
                log.append(2)
        def f(x):
            log = []
            with contextlib.ExitStack() as s:
                s.enter_context(M(log))
            return log
        """,
    ),
    edit(
        "positional only mark",
        True,
        "a, /, b",
        "a, b, /",
        """
        def g(a, /, b): return a + b
        def f(x):
            try: return g(1, b=2)
            except TypeError: return 'no'
        """,
    ),
    edit(
        "star-args order",
        True,
        "*a, x",
        "x, *a",
        """
        def g(*v): return v
        def f(x):
            a = (5, 6)
            return g(*a, x)
        """,
    ),
    edit(
        "dict display order",
        True,
        "'a': 1, **d",
        "**d, 'a': 1",
        """
        def f(x):
            d = {'a': 2}
            return {'a': 1, **d}['a']
        """,
    ),
    edit(
        "lambda table by operator",
        True,
        "operator.add",
        "operator.sub",
        """
        import operator
        OPS = {'+': operator.add}
        def f(x): return OPS['+'](x, 1)
        """,
    ),
    edit(
        "getattr by computed name on an instance",
        True,
        "return 2",
        "return 3",
        """
        class A:
            def do_one(self): return 2
        def f(x): return getattr(A(), 'do_' + 'one')() * x
        """,
    ),
    edit(
        "getattr by table on a module",
        True,
        "return 2",
        "return 3",
        """
        import lib
        NAMES = ['one']
        def f(x): return [getattr(lib, n)() for n in NAMES]
        """,
        {"lib.py": "def one(): return 2\n"},
    ),
    edit(
        "attrgetter over a namespace",
        True,
        "k=2",
        "k=3",
        """
        import operator, types
        NS = types.SimpleNamespace(inner=types.SimpleNamespace(k=2))
        def f(x): return operator.attrgetter('inner.k')(NS) * x
        """,
    ),
    edit(
        "partialmethod's argument",
        True,
        "set_to, 2",
        "set_to, 3",
        """
        from functools import partialmethod
        class A:
            def set_to(self, k): return k
            two = partialmethod(set_to, 2)
        def f(x): return A().two() * x
        """,
    ),
    edit(
        "class-based decorator with state and options",
        True,
        "times=2",
        "times=3",
        """
        class repeat:
            def __init__(self, times): self.times = times
            def __call__(self, g):
                def inner(v):
                    for _ in range(self.times): v = g(v)
                    return v
                return inner
        @repeat(times=2)
        def add(v): return v + 1
        def f(x): return add(x)
        """,
    ),
    edit(
        "stacked decorators' order",
        True,
        "@plus\n        @twice",
        "@twice\n        @plus",
        """
        def plus(g): return lambda v: g(v) + 1
        def twice(g): return lambda v: g(v) * 2
        @plus
        @twice
        def h(v): return v
        def f(x): return h(x)
        """,
    ),
    edit(
        "decorator with optional arguments",
        True,
        "k=2",
        "k=3",
        """
        import functools
        def scaled(g=None, *, k=2):
            if g is None: return functools.partial(scaled, k=k)
            @functools.wraps(g)
            def inner(*a, **kw): return g(*a, **kw) * k
            return inner
        @scaled
        def h(v): return v
        def f(x): return h(x)
        """,
    ),
    edit(
        "singledispatchmethod's branch",
        True,
        "v + 1",
        "v + 2",
        """
        from functools import singledispatchmethod
        class A:
            @singledispatchmethod
            def go(self, v): return v
            @go.register
            def _(self, v: int): return v + 1
        def f(x): return A().go(x)
        """,
    ),
    edit(
        "cached_property's body in a base",
        True,
        "self.k * 2",
        "self.k * 3",
        """
        from functools import cached_property
        class A:
            k = 1
            @cached_property
            def twice(self): return self.k * 2
        class B(A): pass
        def f(x): return B().twice * x
        """,
    ),
    edit(
        "lru_cache table of a helper",
        True,
        "n * 2",
        "n * 3",
        """
        from functools import cache
        @cache
        def table(n): return n * 2
        ROWS = [table(i) for i in range(3)]
        def f(x): return ROWS[x]
        """,
    ),
    edit(
        "__getattr__ of a proxy",
        True,
        "+ 1",
        "+ 2",
        """
        class P:
            def __init__(self, t): self.t = t
            def __getattr__(self, n): return lambda v: getattr(self.t, n)(v) + 1
        class T:
            def go(self, v): return v
        def f(x): return P(T()).go(x)
        """,
    ),
    edit(
        "operator overload in an expression",
        True,
        "+ o.v",
        "- o.v",
        """
        class V:
            def __init__(self, v): self.v = v
            def __add__(self, o): return V(self.v + o.v)
        def f(x): return (V(x) + V(2)).v
        """,
    ),
    edit(
        "task of a static method",
        True,
        "x * 2",
        "x * 3",
        """
        class A:
            @staticmethod
            def go(x): return x * 2
        f = A.go
        """,
    ),
    edit(
        "task of a bound method",
        True,
        "k = 2",
        "k = 3",
        """
        class A:
            def __init__(self):
                self.k = 2
            def go(self, x): return x * self.k
        f = A().go
        """,
    ),
    edit(
        "task of a partial",
        True,
        "k=2",
        "k=3",
        """
        import functools
        def go(x, k): return x * k
        f = functools.partial(go, k=2)
        """,
    ),
    edit(
        "task of a callable instance",
        True,
        "K(2)",
        "K(3)",
        """
        class K:
            def __init__(self, k): self.k = k
            def __call__(self, x): return x * self.k
        f = K(2)
        """,
    ),
    edit(
        "task of a lambda",
        True,
        "x * 2",
        "x * 3",
        """
        f = lambda x: x * 2
        """,
    ),
    edit(
        "task made by a factory",
        True,
        "make(2)",
        "make(3)",
        """
        def make(k):
            def go(x): return x * k
            return go
        f = make(2)
        """,
    ),
    edit(
        "task that calls another one undecorated",
        True,
        "x * 2",
        "x * 3",
        """
        from gridtask import grid_task
        @grid_task
        def inner(x): return x * 2
        def f(x): return inner.func(x) + 1
        """,
    ),
    edit(
        "another task in the same file",
        False,
        "v * 2",
        "v * 3",
        """
        from gridtask import grid_task
        @grid_task
        def other(v): return v * 2
        def f(x): return x
        """,
    ),
    edit(
        "options of another task",
        False,
        "memory='1G'",
        "memory='2G'",
        """
        from gridtask import grid_task
        @grid_task(memory='1G')
        def other(v): return v * 2
        def f(x): return x
        """,
    ),
    edit(
        "logging level at import",
        False,
        "INFO",
        "DEBUG",
        """
        import logging
        logging.basicConfig(level=logging.INFO)
        log = logging.getLogger(__name__)
        def f(x):
            log.debug('at %s', x)
            return x
        """,
    ),
    edit(
        "unused parameter of another function",
        False,
        "def other(a):",
        "def other(a, b=1):",
        """
        def other(a): return a
        def f(x): return x
        """,
    ),
    edit(
        "new method in an unused class",
        False,
        "pass",
        "def go(self): return 1",
        """
        class U:
            pass
        def f(x): return x
        """,
    ),
    edit(
        "unused module constant array",
        False,
        "zeros(3)",
        "zeros(4)",
        """
        import numpy as np
        U = np.zeros(3)
        def f(x): return x
        """,
    ),
    edit(
        "unused import of numpy",
        False,
        "import math",
        "import math\n        import numpy",
        """
        import math
        def f(x): return math.sqrt(x)
        """,
    ),
    edit(
        "overloads",
        False,
        "# overloads",
        "@overload\n        def g(v: int) -> int: ...\n        @overload\n        def g(v: str) -> str: ...",
        """
        from typing import overload
        # overloads
        def g(v): return v
        def f(x): return g(x)
        """,
    ),
    edit(
        "type comment",
        False,
        "k = 2",
        "k = 2  # type: int",
        """
        def f(x):
            k = 2
            return k * x
        """,
    ),
    edit(
        "cache variable renamed in the main block",
        False,
        "print(f)",
        "print(f, f)",
        """
        def f(x): return x
        if __name__ == '__main__':
            print(f)
        """,
    ),
    edit(
        "main block with argparse",
        False,
        "default=2",
        "default=3",
        """
        import argparse
        def f(x): return x
        if __name__ == '__main__':
            p = argparse.ArgumentParser()
            p.add_argument('--n', default=2)
            n = p.parse_args().n
        """,
    ),
    edit(
        "main function that maps",
        False,
        "range(2)",
        "range(3)",
        """
        def f(x): return x
        def main():
            rows = [f(i) for i in range(2)]
            return rows
        if __name__ == '__main__':
            main()
        """,
    ),
    edit(
        "main guard with reversed comparison",
        False,
        "print(1)",
        "print(2)",
        """
        def f(x): return x
        if '__main__' == __name__:
            print(1)
        """,
    ),
    edit(
        "timing global at import",
        False,
        "time.time()",
        "time.perf_counter()",
        """
        import time
        T0 = time.time()
        def f(x): return x
        """,
    ),
    edit(
        "notebook style magic comment",
        False,
        "# In[1]:",
        "# In[2]:",
        """
        # In[1]:
        def f(x): return x
        """,
    ),
    edit(
        "pyi stub beside",
        False,
        "int",
        "float",
        """
        import lib
        def f(x): return lib.g(x)
        """,
        {"lib.py": "def g(x): return x\n", "lib.pyi": "def g(x: int): ...\n"},
    ),
    edit(
        "test of the module",
        False,
        "== 1",
        "== 2",
        """
        def f(x): return x
        """,
        {"test_task.py": "import task\ndef test_f(): assert task.f(1) == 1\n"},
    ),
    edit(
        "conftest and setup files",
        False,
        "1.0",
        "1.1",
        """
        def f(x): return x
        """,
        {"pyproject.toml": "[project]\nname = 'p'\nversion = '1.0'\n"},
    ),
    edit(
        "unused alias",
        False,
        "import numpy as np",
        "import numpy as np, numpy as npy",
        """
        import numpy as np
        def f(x): return int(np.add(x, 1))
        """,
    ),
]
