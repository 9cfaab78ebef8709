"""Edits of state, control flow, and of what cannot matter."""

# ruff: noqa: E501

from __future__ import annotations

from harness import Edit, edit

STATE_AND_LAYOUT: list[Edit] = [
    edit(
        "mutable default as memo",
        True,
        "v * 2",
        "v * 3",
        """
        def h(v, memo={}):
            if v not in memo: memo[v] = v * 2
            return memo[v]
        def f(x): return h(x)
    """,
    ),
    edit(
        "mutable default start",
        True,
        "acc=[0]",
        "acc=[1]",
        """
        def f(x, acc=[0]):
            acc.append(x)
            return list(acc)
    """,
    ),
    edit(
        "mutable default used at import",
        False,
        "h(5)",
        "h(6)",
        """
        def h(v, memo={}):
            memo[v] = v
            return v
        h(5)
        def f(x): return h(x)
    """,
    ),
    edit(
        "counter warm",
        False,
        "for i in range(3): tick()",
        "for i in range(4): tick()",
        """
        N = 0
        def tick():
            global N
            N += 1
        for i in range(3): tick()
        def f(x):
            return x
    """,
    ),
    edit(
        "class attribute counter",
        False,
        "C(); C()",
        "C()",
        """
        class C:
            made = 0
            def __init__(self): C.made += 1
            def v(self): return 5
        def unused():
            C(); C()
        def f(x): return C().v()
    """,
    ),
    edit(
        "memo warmed in the main block",
        False,
        "h(3)",
        "h(4)",
        """
        M = {}
        def h(v):
            if v not in M: M[v] = v * 2
            return M[v]
        def f(x): return h(x)
        if __name__ == '__main__':
            h(3)
    """,
    ),
    edit(
        "memo on the function",
        True,
        "v * 2",
        "v * 3",
        """
        def h(v):
            if v not in h.memo: h.memo[v] = v * 2
            return h.memo[v]
        h.memo = {}
        def f(x): return h(x)
    """,
    ),
    edit(
        "memo on the function warm",
        False,
        "h(5)",
        "h(6)",
        """
        def h(v):
            if v not in h.memo: h.memo[v] = v * 2
            return h.memo[v]
        h.memo = {}
        h(5)
        def f(x): return h(x)
    """,
    ),
    edit(
        "lazy singleton content",
        True,
        "'k': 1",
        "'k': 2",
        """
        _inst = None
        def get():
            global _inst
            if _inst is None: _inst = {'k': 1}
            return _inst
        def f(x): return get()['k']
    """,
    ),
    edit(
        "nonlocal counter closure",
        True,
        "n = 0",
        "n = 10",
        """
        def make():
            n = 0
            def tick():
                nonlocal n
                n += 1
                return n
            return tick
        tick = make()
        def f(x): return tick()
    """,
    ),
    edit(
        "nonlocal counter warm",
        False,
        "tick(); tick()",
        "tick()",
        """
        def make():
            n = 0
            def tick():
                nonlocal n
                n += 1
                return n
            return tick
        tick = make()
        def warm():
            tick(); tick()
        def f(x): return tick() * 0
    """,
    ),
    edit(
        "warm cached_property on a global",
        False,
        "c.area\n        def",
        "c.v\n        def",
        """
        import functools
        class C:
            v = 1
            @functools.cached_property
            def area(self): return 5
        c = C()
        c.area
        def f(x): return c.area
    """,
    ),
    edit(
        "list appended by task: start",
        True,
        "[1]",
        "[2]",
        """
        LOG = [1]
        def f(x):
            LOG.append(x)
            return list(LOG)
    """,
    ),
    edit(
        "state through alias in helper module",
        True,
        "D = {'a': 1}",
        "D = {'a': 2}",
        """
        import m
        def f(x):
            m.D['b'] = x
            return m.D['a']
    """,
        {"m.py": "D = {'a': 1}"},
    ),
    edit(
        "del of a global",
        True,
        "A = 1",
        "A = 2",
        """
        A = 1
        B = A
        del A
        def f(x): return B
    """,
    ),
    edit(
        "global rebound by an unrelated function",
        True,
        "S = 1",
        "S = 2",
        """
        S = 1
        def other():
            global S
            S = 9
        def f(x): return S
    """,
    ),
    edit(
        "logging handler list",
        False,
        "INFO",
        "DEBUG",
        """
        import logging
        logging.basicConfig(level=logging.INFO)
        log = logging.getLogger(__name__)
        def f(x):
            log.info('hi')
            return x
    """,
    ),
    edit(
        "semaphore size",
        False,
        "# a",
        "# b",
        """
        import threading
        S = threading.Semaphore(2)
        E = threading.Event()
        Q = threading.Condition()
        def f(x): # a
            with S, Q: return x
    """,
    ),
    edit(
        "queue object",
        False,
        "# a",
        "# b",
        """
        import queue
        Q = queue.Queue()
        def f(x): # a
            Q.put(x)
            return Q.get()
    """,
    ),
    edit(
        "executor global",
        False,
        "# a",
        "# b",
        """
        from concurrent.futures import ThreadPoolExecutor
        P = ThreadPoolExecutor(2)
        def g(v): return v
        def f(x): # a
            return P.submit(g, x).result()
    """,
    ),
    edit(
        "sqlite connection",
        False,
        "# a",
        "# b",
        """
        import sqlite3
        C = sqlite3.connect(':memory:')
        def f(x): # a
            return C.execute('select 1').fetchone()
    """,
    ),
    edit(
        "socket global",
        False,
        "# a",
        "# b",
        """
        import socket
        S = socket.socket()
        def f(x): # a
            return S.type.name
    """,
    ),
    edit(
        "subprocess global",
        False,
        "# a",
        "# b",
        """
        import subprocess
        P = subprocess.Popen(['true'])
        def f(x): # a
            return P.args
    """,
    ),
    edit(
        "tempfile global",
        False,
        "# a",
        "# b",
        """
        import tempfile
        T = tempfile.TemporaryFile()
        D = tempfile.mkdtemp
        def f(x): # a
            return T.writable()
    """,
    ),
    edit(
        "thread object",
        False,
        "# a",
        "# b",
        """
        import threading
        T = threading.Thread(target=print)
        L = threading.local()
        def f(x): # a
            return T.daemon, hasattr(L, 'q')
    """,
    ),
    edit(
        "weak dictionaries",
        False,
        "# a",
        "# b",
        """
        import weakref
        W = weakref.WeakValueDictionary()
        R = weakref.WeakKeyDictionary()
        def f(x): # a
            return len(W), len(R)
    """,
    ),
    edit(
        "time-stamped import unused",
        False,
        "# a",
        "# b",
        """
        import time, uuid, random
        STARTED = time.time()
        RUN_ID = uuid.uuid4()
        def f(x): # a
            return x
    """,
    ),
    edit(
        "seed call at import",
        True,
        "seed(1)",
        "seed(2)",
        """
        import random
        random.seed(1)
        NOISE = random.random()
        def f(x): return NOISE
    """,
    ),
    edit(
        "numpy seed then table",
        True,
        "seed(1)",
        "seed(2)",
        """
        import numpy as np
        np.random.seed(1)
        T = np.random.rand(3)
        def f(x): return T.sum()
    """,
    ),
    edit(
        "generator object global",
        True,
        "range(3)",
        "range(4)",
        """
        def gen():
            for i in range(3): yield i
        G = gen()
        def f(x): return list(G)
    """,
    ),
    edit(
        "file handle of data",
        True,
        "'w'",
        "'W'",
        """
        import tempfile, os
        H = open(os.devnull, 'r', encoding='utf-8', errors='strict')
        def f(x): return H.mode, 'w'
    """,
    ),
    edit(
        "redefined later",
        True,
        "return 2",
        "return 3",
        """
        def g(): return 1
        def g(): return 2
        def f(x): return g()
    """,
    ),
    edit(
        "first of two definitions",
        False,
        "return 1",
        "return 5",
        """
        def g(): return 1
        def g(): return 2
        def f(x): return g()
    """,
    ),
    edit(
        "conditional branch taken",
        True,
        "return 1",
        "return 5",
        """
        import sys
        if sys.version_info >= (3, 0):
            def g(): return 1
        else:
            def g(): return 2
        def f(x): return g()
    """,
    ),
    edit(
        "conditional branch not taken",
        False,
        "return 2",
        "return 5",
        """
        import sys
        if sys.version_info >= (3, 0):
            def g(): return 1
        else:
            def g(): return 2
        def f(x): return g()
    """,
    ),
    edit(
        "definition in a for loop",
        True,
        "* 10",
        "* 20",
        """
        for n in range(2):
            def g(x, n=n): return n * 10
        def f(x): return g(x)
    """,
    ),
    edit(
        "definition in with and try",
        True,
        "return 1",
        "return 5",
        """
        import contextlib
        with contextlib.nullcontext():
            try:
                def g(): return 1
            finally:
                pass
        def f(x): return g()
    """,
    ),
    edit(
        "name rebound to lambda",
        True,
        "lambda: 4",
        "lambda: 5",
        """
        def g(): return 1
        g = lambda: 4
        def f(x): return g()
    """,
    ),
    edit(
        "default references a global",
        True,
        "N = 3",
        "N = 4",
        """
        N = 3
        def f(x, n=N): return n
    """,
    ),
    edit(
        "default calls a function",
        True,
        "return 3",
        "return 4",
        """
        def three(): return 3
        def f(x, n=three()): return n
    """,
    ),
    edit(
        "keyword-only default object",
        True,
        "C(1)",
        "C(2)",
        """
        class C:
            def __init__(s, v): s.v = v
        def f(x, *, c=C(1)): return c.v
    """,
    ),
    edit(
        "walrus in comprehension",
        True,
        "v * 2",
        "v * 3",
        "def f(x): return [y for v in range(3) if (y := v * 2)]",
    ),
    edit(
        "match class pattern",
        True,
        "P(a=1)",
        "P(a=2)",
        """
        from dataclasses import dataclass
        @dataclass
        class P:
            a: int
        def f(x):
            match P(x):
                case P(a=1): return 'one'
                case _: return 'other'
    """,
    ),
    edit(
        "match class's match_args",
        True,
        "('a', 'b')",
        "('b', 'a')",
        """
        class P:
            __match_args__ = ('a', 'b')
            def __init__(s, a, b): s.a, s.b = a, b
        def f(x):
            match P(x, 2):
                case P(1, _): return 'one'
                case _: return 'other'
    """,
    ),
    edit(
        "match constant by dotted name",
        True,
        "ONE = 1",
        "ONE = 2",
        """
        import cfg
        def f(x):
            match x:
                case cfg.ONE: return 'one'
                case _: return 'other'
    """,
        {"cfg.py": "ONE = 1"},
    ),
    edit(
        "match guard",
        True,
        "> 0",
        "> 1",
        """
        def f(x):
            match x:
                case int(n) if n > 0: return 'pos'
                case _: return 'other'
    """,
    ),
    edit(
        "match mapping rest",
        True,
        "**rest",
        "**more",
        """
        def f(x):
            match {'a': 1, 'b': 2}:
                case {'a': a, **rest}: return sorted(locals())
    """,
    ),
    edit(
        "except type",
        True,
        "except KeyError",
        "except ValueError",
        """
        def f(x):
            try: return {}[x]
            except KeyError: return 'key'
            except Exception: return 'other'
    """,
    ),
    edit(
        "except own exception class",
        True,
        "(ValueError)",
        "(KeyError)",
        """
        class Own(ValueError): pass
        def f(x):
            try: raise Own
            except ValueError: return 'value'
            except KeyError: return 'key'
    """,
    ),
    edit(
        "finally",
        True,
        "r.append(2)",
        "r.append(3)",
        """
        def f(x):
            r = []
            try: r.append(1)
            finally: r.append(2)
            return r
    """,
    ),
    edit(
        "for else",
        True,
        "'none'",
        "'nothing'",
        """
        def f(x):
            for i in range(x):
                if i > 5: break
            else: return 'none'
    """,
    ),
    edit(
        "chained comparison",
        True,
        "0 < x < 2",
        "0 < x < 1",
        "def f(x): return 0 < x < 2",
    ),
    edit(
        "conditional expression swapped",
        True,
        "1 if x else 2",
        "2 if x else 1",
        "def f(x): return 1 if x else 2",
    ),
    edit(
        "starred call",
        True,
        "*[1, 2]",
        "*[2, 1]",
        "def f(x): return max(*[1, 2], key=lambda v: -v), '{}{}'.format(*[1, 2])",
    ),
    edit(
        "unpacking order",
        True,
        "a, b = 1, 2",
        "b, a = 1, 2",
        """
        def f(x):
            a, b = 1, 2
            return a
    """,
    ),
    edit("is against ==", True, "== 1.0", "is True", "def f(x): return x == 1.0"),
    edit(
        "integer against float division",
        True,
        "x // 2",
        "x / 2",
        "def f(x): return x // 2",
    ),
    edit("and against or", True, " and ", " or ", "def f(x): return x and 0"),
    edit("bytes literal", True, "b'\\x00'", "b'\\x01'", "def f(x): return b'\\x00'"),
    edit("unicode escape", True, "\\u00e4", "\\u00f6", "def f(x): return '\\u00e4'"),
    edit("raw string", True, "r'\\n'", "'\\n'", "def f(x): return r'\\n'"),
    edit(
        "large int",
        True,
        "10**30",
        "10**31",
        """
        BIG = 10**30
        def f(x): return BIG
    """,
    ),
    edit(
        "global in lambda in list",
        True,
        "K = 2",
        "K = 3",
        """
        K = 2
        OPS = [lambda v: v * K]
        def f(x): return OPS[0](x)
    """,
    ),
    edit(
        "lambda stored as class attribute",
        True,
        "v + 1",
        "v + 2",
        """
        class C:
            op = staticmethod(lambda v: v + 1)
        def f(x): return C.op(x)
    """,
    ),
    edit(
        "lambda in default in another module",
        True,
        "v + 1",
        "v + 2",
        """
        import m
        def f(x): return m.g(x)
    """,
        {"m.py": "def g(x, op=lambda v: v + 1): return op(x)"},
    ),
    edit(
        "lambda returned by lambda",
        True,
        "y + 1",
        "y + 2",
        """
        g = lambda: lambda y: y + 1
        h = g()
        def f(x): return h(x)
    """,
    ),
    edit(
        "recursive closure",
        True,
        "n - 1",
        "n - 2",
        """
        def make():
            def g(n): return 1 if n <= 0 else n * g(n - 1)
            return g
        g = make()
        def f(x): return g(5)
    """,
    ),
    edit(
        "comprehension condition",
        True,
        "v % 2",
        "v % 3",
        """
        T = {v: v for v in range(9)}
        def f(x): return [v for v in T if v % 2]
    """,
    ),
    edit(
        "dict comprehension value",
        True,
        "v + 1",
        "v + 2",
        "def f(x): return {v: v + 1 for v in range(2)}",
    ),
    edit(
        "set by global statement in called helper",
        True,
        "RATE = 2",
        "RATE = 3",
        """
        RATE = 0
        def init():
            global RATE
            RATE = 2
        def f(x):
            init()
            return RATE
    """,
    ),
    edit(
        "doc used as template by the task",
        True,
        "hello {x}",
        "bye {x}",
        """
        def h(x):
            '''hello {x}'''
            return h.__doc__.format(x=x)
        def f(x): return h(x)
    """,
    ),
    edit(
        "class doc used",
        True,
        "'''one'''",
        "'''two'''",
        """
        class C:
            '''one'''
        def f(x): return C.__doc__
    """,
    ),
    edit(
        "module doc used",
        True,
        "'''one'''",
        "'''two'''",
        """
        '''one'''
        def f(x): return __doc__
    """,
    ),
    edit(
        "function name used",
        True,
        "def g(",
        "def k(",
        """
        def g(x): return x
        H = g if 'g' in globals() else k
        def f(x): return H.__name__
    """,
    ),
    edit(
        "signature used",
        True,
        "b=2",
        "b=3",
        """
        import inspect
        def g(a, b=2): pass
        def f(x): return str(inspect.signature(g))
    """,
    ),
    edit(
        "source read by inspect",
        True,
        "# one",
        "# two",
        """
        import inspect
        def g(a): return a # one
        def f(x): return inspect.getsource(g)
    """,
    ),
    edit(
        "assert message",
        True,
        "'bad'",
        "'worse'",
        """
        def f(x):
            try:
                assert x > 5, 'bad'
            except AssertionError as e: return str(e)
    """,
    ),
    edit(
        "task that calls another task",
        True,
        "x * 2",
        "x * 3",
        """
        from gridtask import grid_task
        @grid_task
        def g(x): return x * 2
        def f(x): return g.func(x)
    """,
    ),
    edit(
        "options of a task called by it",
        False,
        "chunk=2",
        "chunk=3",
        """
        from gridtask import grid_task
        @grid_task(chunk=2)
        def g(x): return x * 2
        def f(x): return g.func(x)
    """,
    ),
    edit(
        "helper of a task called by it",
        True,
        "return 2",
        "return 3",
        """
        from gridtask import grid_task
        def k(): return 2
        @grid_task(memory='1G')
        def g(x): return x * k()
        def f(x): return g.func(x)
    """,
    ),
    edit(
        "options of the decorator",
        False,
        "'chunk': 2",
        "'chunk': 3",
        """
        OPTIONS = {'chunk': 2}
        def f(x): return x
    """,
    ),
    edit(
        "cluster params",
        False,
        "h_vmem=1G",
        "h_vmem=2G",
        """
        OPTIONS = {'cluster_params': ['-l h_vmem=1G']}
        def f(x): return x
    """,
    ),
    edit(
        "retries and memory",
        False,
        "'retries': 1, 'memory': '1G'",
        "'retries': 2, 'memory': '2G'",
        """
        OPTIONS = {'retries': 1, 'memory': '1G'}
        def f(x): return x
    """,
    ),
    edit(
        "number spelled with underscore",
        False,
        "1000",
        "1_000",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "hex literal",
        False,
        "0x10",
        "16",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "trailing comma",
        False,
        "'n': n}",
        "'n': n,}",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "black layout",
        False,
        "    values = [helpers.g(v, k='a') for v in range(n)]",
        '    values = [\n                helpers.g(\n                    v,\n                    k="a",\n                )\n                for v in range(n)\n            ]',
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "backslash continuation",
        False,
        "sum(values) + SIZE",
        "sum(values) \\\n                + SIZE",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "extra parentheses in a condition",
        False,
        "if total > 5:",
        "if (total > 5):",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "one-line if",
        False,
        "if total > 5:\n                return {'total': total, 'n': n}",
        "if total > 5: return {'total': total, 'n': n}",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "methods reordered",
        False,
        "    def one(self): return 1\n            def two(self): return 2",
        "    def two(self): return 2\n            def one(self): return 1",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "docstring added to a method",
        False,
        "def one(self): return 1",
        "def one(self):\n                'One.'\n                return 1",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "type hints everywhere",
        False,
        "def g(v, k):",
        "def g(v: int, k: str) -> int:",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "hint of a local variable",
        False,
        "    t = Tool()",
        "    t: Tool = Tool()",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "unused import",
        False,
        "class Tool:",
        "import os, json\n        class Tool:",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "unused from-import of own module",
        False,
        "import helpers",
        "import helpers\n        import extra",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """,
            "extra.py": "Z = 1",
        },
    ),
    edit(
        "unused function added",
        False,
        "SIZE = 1000",
        "SIZE = 1000\n        def unused(): return SIZE",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "unused class added",
        False,
        "class Tool:",
        "class Other:\n            def one(self): return 3\n        \n        class Tool:",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "unused global added",
        False,
        "SIZE = 1000",
        "SIZE = 1000\n        OTHER = [1, 2, 3]",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "comment after code",
        False,
        "t.one() + len(k)",
        "t.one() + len(k)  # changed",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "print at import",
        False,
        "SIZE = 1000",
        "SIZE = 1000\n        print('loaded')",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "main block added",
        False,
        "    return None\n",
        "    return None\n\nif __name__ == '__main__':\n    print(f(1))\n",
        "\nimport helpers\n\nSIZE = 1000\n\ndef f(x, n=2):\n    values = [helpers.g(v, k='a') for v in range(n)]\n    total = sum(values) + SIZE + 0x10\n    if total > 5:\n        return {'total': total, 'n': n}\n    return None\n",
        {
            "helpers.py": "\nclass Tool:\n    def one(self): return 1\n    def two(self): return 2\n\ndef g(v, k):\n    t = Tool()\n    return v * t.one() + len(k)\n"
        },
    ),
    edit(
        "__all__ added",
        False,
        "class Tool:",
        "__all__ = ['g']\n        class Tool:",
        """
        import helpers

        SIZE = 1000

        def f(x, n=2):
            values = [helpers.g(v, k='a') for v in range(n)]
            total = sum(values) + SIZE + 0x10
            if total > 5:
                return {'total': total, 'n': n}
            return None
    """,
        {
            "helpers.py": """
        class Tool:
            def one(self): return 1
            def two(self): return 2

        def g(v, k):
            t = Tool()
            return v * t.one() + len(k)
    """
        },
    ),
    edit(
        "__version__ changed",
        False,
        "__version__ = '1'",
        "__version__ = '2'",
        """
        __version__ = '1'
        def f(x): return x
    """,
    ),
    edit(
        "author string",
        False,
        "'me'",
        "'you'",
        """
        __author__ = 'me'
        def f(x): return x
    """,
    ),
    edit(
        "module docstring",
        False,
        "'''One.'''",
        "'''Two.'''",
        """
        '''One.'''
        def f(x): return x
    """,
    ),
    edit(
        "module docstring in a helper",
        False,
        "'''One.'''",
        "'''Two.'''",
        """
        import m
        def f(x): return m.g()
    """,
        {
            "m.py": """
        '''One.'''
        def g(): return 1
    """
        },
    ),
    edit(
        "future import added in helper",
        False,
        "def g(",
        "from __future__ import annotations\ndef g(",
        """
        import m
        def f(x): return m.g()
    """,
        {"m.py": "def g(a: int = 1): return a"},
    ),
    edit(
        "type alias only in hints",
        False,
        "Vec = list[int]",
        "Vec = list[float]",
        """
        Vec = list[int]
        def f(x: Vec) -> Vec: return x
    """,
    ),
    edit(
        "overload added",
        False,
        "def g(x): return x",
        "@overload\n        def g(x: int) -> int: ...\n        @overload\n        def g(x: str) -> str: ...\n        def g(x): return x",
        """
        from typing import overload
        def g(x): return x
        def f(x): return g(x)
    """,
    ),
    edit(
        "TypeVar only in hints",
        False,
        "'T'",
        "'T', bound=int",
        """
        from typing import TypeVar
        T = TypeVar('T')
        def f(x: T) -> T: return x
    """,
    ),
    edit(
        "TYPE_CHECKING block",
        False,
        "    import decimal",
        "    import fractions",
        """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            import decimal
        def f(x: 'decimal.Decimal'): return x
    """,
    ),
    edit(
        "Protocol only in hints",
        False,
        "def go(self): ...",
        "def run(self): ...",
        """
        from typing import Protocol
        class P(Protocol):
            def go(self): ...
        def f(x: P): return x
    """,
    ),
    edit(
        "dataclass docstring",
        False,
        "'''One.'''",
        "'''Two.'''",
        """
        from dataclasses import dataclass
        @dataclass
        class C:
            '''One.'''
            a: int = 1
        def f(x): return C(x).a
    """,
    ),
    edit(
        "comment in a class body",
        False,
        "# one",
        "# two",
        """
        class C:
            # one
            a = 1
        def f(x): return C.a
    """,
    ),
    edit(
        "import moved into a group",
        False,
        "import a, b",
        "import b\n        import a",
        """
        import a, b
        def f(x): return a.K + b.K
    """,
        {"a.py": "K = 1", "b.py": "K = 2"},
    ),
    edit(
        "from-import instead of two",
        False,
        "from m import K\n        from m import L",
        "from m import K, L",
        """
        from m import K
        from m import L
        def f(x): return K + L
    """,
        {
            "m.py": """
        K = 1
        L = 2
    """
        },
    ),
    edit(
        "alias of an import renamed",
        False,
        "import m as a",
        "import m",
        """
        import m as a
        M = 0
        def f(x): return 5
    """,
        {"m.py": "K = 1"},
    ),
    edit(
        "helper moved to another module",
        False,
        "from a import g",
        "from b import g",
        """
        from a import g
        def f(x): return g(x)
    """,
        {"a.py": "def g(x): return x + 1", "b.py": "def g(x): return x + 1"},
    ),
    edit(
        "class moved to another module",
        False,
        "from a import C",
        "from b import C",
        """
        from a import C
        def f(x): return C().g(x)
    """,
        {
            "a.py": """
        class C:
            def g(self, x): return x + 1
    """,
            "b.py": """
        class C:
            def g(self, x): return x + 1
    """,
        },
    ),
    edit(
        "constant moved to another module",
        False,
        "from a import K",
        "from b import K",
        """
        from a import K
        def f(x): return K
    """,
        {"a.py": "K = 3", "b.py": "K = 3"},
    ),
    edit(
        "constant computed otherwise",
        False,
        "K = 6",
        "K = 2 * 3",
        """
        K = 6
        def f(x): return K
    """,
    ),
    edit(
        "table built otherwise",
        False,
        "T = [0, 1, 4]",
        "T = [i * i for i in range(3)]",
        """
        T = [0, 1, 4]
        def f(x): return T[x]
    """,
    ),
    edit(
        "dict built otherwise",
        False,
        "dict(a=1)",
        "{'a': 1}",
        """
        T = dict(a=1)
        def f(x): return T['a']
    """,
    ),
    edit(
        "unused key order of kwargs",
        False,
        "a=1, b=2",
        "b=2, a=1",
        """
        T = dict(a=1, b=2)
        def f(x): return T['a']
    """,
    ),
    edit(
        "unused module edited",
        False,
        "K = 1",
        "K = 2",
        """
        import m
        def f(x): return x
    """,
        {"m.py": "K = 1"},
    ),
    edit(
        "unrelated test file",
        False,
        "def test(): pass",
        "def test(): assert 1",
        "def f(x): return x",
        {"test_it.py": "def test(): pass"},
    ),
    edit(
        "data file unrelated",
        False,
        "hello",
        "bye",
        "def f(x): return x",
        {"notes.txt": "hello"},
    ),
    edit(
        "another task in the script",
        False,
        "return x * 5",
        "return x * 6",
        """
        from gridtask import grid_task
        @grid_task
        def other(x): return x * 5
        def f(x): return x
    """,
    ),
    edit(
        "empty lines and form feed",
        False,
        "\n        def f",
        "\n        \x0c\n        \n        \n        def f",
        """
        A = 1
        def f(x): return A
    """,
    ),
    edit("string prefix u", False, "'a'", "u'a'", "def f(x): return 'a'"),
    edit(
        "string by concatenation of literals",
        False,
        "'ab'",
        "('a'\n         'b')",
        "def f(x): return 'ab'",
    ),
    edit(
        "triple quotes",
        False,
        "'ab'",
        "'''ab'''",
        """
        S = 'ab'
        def f(x): return S
    """,
    ),
    edit("escape spelling", False, "'\\x41'", "'A'", "def f(x): return '\\x41'"),
    edit("float spelling", False, "1000.0", "1e3", "def f(x): return 1000.0"),
    edit(
        "implicit return",
        False,
        "    return None",
        "    return None  # end",
        """
        def f(x):
            if x > 5: return 1
            return None
    """,
    ),
    edit(
        "semicolon",
        False,
        "a = 1; return a",
        "a = 1\n            return a",
        """
        def f(x):
            a = 1; return a
    """,
    ),
    edit(
        "pass and ellipsis in a class",
        False,
        "    pass",
        "    ...",
        """
        class C:
            pass
        def f(x): return C.__name__
    """,
    ),
    edit(
        "lambda parentheses",
        False,
        "lambda v: v + 1",
        "(lambda v: (v + 1))",
        """
        G = lambda v: v + 1
        def f(x): return G(x)
    """,
    ),
    edit(
        "global renamed nowhere used",
        False,
        "OLD",
        "NEW",
        """
        OLD = 3
        def f(x): return x
    """,
    ),
    edit(
        "elif for nested if",
        True,
        "elif x > 0",
        "elif x > 1",
        """
        def f(x):
            if x > 5: return 1
            elif x > 0: return 2
            return 3
    """,
    ),
    edit(
        "decorator spacing",
        False,
        "@deco\n        def",
        "@deco\n        \n        # comment\n        def",
        """
        def deco(g): return g
        @deco
        def h(x): return x
        def f(x): return h(x)
    """,
    ),
    Edit(
        "CRLF line ends",
        False,
        {
            "task.py": "import m\n\n\ndef f(x):\n    return m.g(x)\n",
            "m.py": "K = 'ä'\n\n\ndef g(x):\n    # one\n    if x:\n        return K\n    return 2\n",
        },
        {
            "task.py": "import m\r\n\r\n\r\ndef f(x):\r\n    return m.g(x)\r\n",
            "m.py": "K = 'ä'\r\n\r\n\r\ndef g(x):\r\n    # one\r\n    if x:\r\n        return K\r\n    return 2\r\n",
        },
    ),
    Edit(
        "CR line ends in a string stay",
        True,
        {"task.py": "S = '''a\nb'''\ndef f(x): return S"},
        {"task.py": "S = '''a\n\nb'''\ndef f(x): return S"},
    ),
    Edit(
        "byte order mark",
        False,
        {
            "task.py": "import m\n\n\ndef f(x):\n    return m.g(x)\n",
            "m.py": "K = 'ä'\n\n\ndef g(x):\n    # one\n    if x:\n        return K\n    return 2\n",
        },
        {
            "m.py": "\ufeffK = 'ä'\n\n\ndef g(x):\n    # one\n    if x:\n        return K\n    return 2\n"
        },
    ),
    Edit(
        "coding cookie",
        False,
        {
            "task.py": "import m\n\n\ndef f(x):\n    return m.g(x)\n",
            "m.py": "K = 'ä'\n\n\ndef g(x):\n    # one\n    if x:\n        return K\n    return 2\n",
        },
        {
            "m.py": "# -*- coding: utf-8 -*-\nK = 'ä'\n\n\ndef g(x):\n    # one\n    if x:\n        return K\n    return 2\n"
        },
    ),
    Edit(
        "tabs",
        False,
        {
            "task.py": "import m\n\n\ndef f(x):\n    return m.g(x)\n",
            "m.py": "K = 'ä'\n\n\ndef g(x):\n    # one\n    if x:\n        return K\n    return 2\n",
        },
        {
            "m.py": "K = 'ä'\n\n\ndef g(x):\n\t# one\n\tif x:\n\t\treturn K\n\treturn 2\n"
        },
    ),
    Edit(
        "no newline at the end",
        False,
        {
            "task.py": "import m\n\n\ndef f(x):\n    return m.g(x)\n",
            "m.py": "K = 'ä'\n\n\ndef g(x):\n    # one\n    if x:\n        return K\n    return 2\n",
        },
        {
            "m.py": "K = 'ä'\n\n\ndef g(x):\n    # one\n    if x:\n        return K\n    return 2"
        },
    ),
    Edit(
        "module becomes package",
        False,
        {
            "task.py": "import m\n\n\ndef f(x):\n    return m.g(x)\n",
            "m.py": "K = 'ä'\n\n\ndef g(x):\n    # one\n    if x:\n        return K\n    return 2\n",
        },
        {
            "m.py": "",
            "m/__init__.py": "K = 'ä'\n\n\ndef g(x):\n    # one\n    if x:\n        return K\n    return 2\n",
        },
    ),
    Edit(
        "package split",
        False,
        {
            "task.py": "from p import g\ndef f(x): return g(x)",
            "p/__init__.py": "def g(x): return h(x) + 1\ndef h(x): return x",
        },
        {
            "p/__init__.py": "from .a import g",
            "p/a.py": "from p.b import h\ndef g(x): return h(x) + 1",
            "p/b.py": "def h(x): return x",
        },
    ),
    Edit(
        "helper inlined into the task's module",
        False,
        {
            "task.py": "from a import g\ndef f(x): return g(x)",
            "a.py": "def g(x): return x + 1",
        },
        {"task.py": "def g(x): return x + 1\ndef f(x): return g(x)", "a.py": ""},
    ),
    Edit(
        "main block becomes a function",
        False,
        {"task.py": "def f(x): return x\nif __name__ == '__main__':\n    print(1)"},
        {
            "task.py": "def f(x): return x\ndef cli():\n    print(1)\nif __name__ == '__main__':\n    cli()"
        },
    ),
    Edit(
        "stale bytecode lies around",
        False,
        {
            "task.py": "import m\n\n\ndef f(x):\n    return m.g(x)\n",
            "m.py": "K = 'ä'\n\n\ndef g(x):\n    # one\n    if x:\n        return K\n    return 2\n",
        },
        {
            "m.py": "K = 'ä'\n\n\ndef g(x):\n    # one\n    if x:\n        return K\n    return 2\n",
            "extra.py": "x = 1",
        },
    ),
    edit(
        "memo on a function, start content",
        True,
        "{1: 5}",
        "{1: 6}",
        """
        def h(v):
            if v not in h.memo: h.memo[v] = v * 2
            return h.memo[v]
        h.memo = {1: 5}
        def f(x): return h(x)
    """,
    ),
    edit(
        "counter on a function",
        True,
        "h.n = 5",
        "h.n = 6",
        """
        def h():
            h.n += 1
            return h.n
        h.n = 5
        def f(x): return h()
    """,
    ),
    edit(
        "instance counter by the task",
        True,
        "C(5)",
        "C(6)",
        """
        class C:
            def __init__(s, n): s.n = n
        c = C(5)
        def f(x):
            c.n += 1
            return c.n
    """,
    ),
    edit(
        "instance counter by the task, set later",
        True,
        "c.n = 5",
        "c.n = 6",
        """
        class C: pass
        c = C()
        c.n = 5
        def f(x):
            c.n += 1
            return c.n
    """,
    ),
    edit(
        "instance list by the task",
        True,
        "[5]",
        "[6]",
        """
        class C:
            def __init__(s, n): s.n = n
        c = C([5])
        def f(x):
            c.n.append(x)
            return c.n
    """,
    ),
    edit(
        "class attribute set outside, memo",
        True,
        "{1: 5}",
        "{1: 6}",
        """
        class C:
            pass
        C.memo = {1: 5}
        def f(x):
            C.memo[7] = x
            return C.memo
    """,
    ),
    edit(
        "class attribute memo within",
        True,
        "{1: 5}",
        "{1: 6}",
        """
        class C:
            memo = {1: 5}
            @classmethod
            def get(cls, v):
                cls.memo.setdefault(v, v)
                return cls.memo[v]
        def f(x): return C.get(x)
    """,
    ),
    edit(
        "class counter set outside",
        True,
        "C.n = 5",
        "C.n = 6",
        """
        class C:
            n = 0
            def go(self):
                C.n += 1
                return C.n
        C.n = 5
        def f(x): return C().go()
    """,
    ),
    edit(
        "instance self counter",
        True,
        "C(5)",
        "C(6)",
        """
        class C:
            def __init__(s, n): s.n = n
            def go(s):
                s.n += 1
                return s.n
        c = C(5)
        def f(x): return c.go()
    """,
    ),
    edit(
        "simple namespace state",
        True,
        "n=5",
        "n=6",
        """
        from types import SimpleNamespace
        S = SimpleNamespace(n=5)
        def f(x):
            S.n += 1
            return S.n
    """,
    ),
    edit(
        "module attribute state",
        True,
        "N = 5",
        "N = 6",
        """
        import m
        def f(x):
            m.N += 1
            return m.N
    """,
        {"m.py": "N = 5"},
    ),
    edit(
        "module attribute state set by the script",
        True,
        "m.N = 5",
        "m.N = 6",
        """
        import m
        m.N = 5
        def f(x):
            m.N += 1
            return m.N
    """,
        {"m.py": "N = 0"},
    ),
    edit(
        "global state set by a call result",
        True,
        "make(5)",
        "make(6)",
        """
        def make(n): return {'n': n}
        S = make(5)
        def f(x):
            S['k'] = x
            return S['n']
    """,
    ),
    edit(
        "state from a data file",
        True,
        '{"n": 5}',
        '{"n": 6}',
        """
        import json, os
        with open(os.path.join(os.path.dirname(__file__), 'd.json')) as fh:
            S = json.load(fh)
        def f(x):
            S['k'] = x
            return S['n']
    """,
        {"d.json": '{"n": 5}'},
    ),
    edit(
        "closure cell state parameter",
        True,
        "make(5)",
        "make(6)",
        """
        def make(n):
            def tick():
                nonlocal n
                n += 1
                return n
            return tick
        t = make(5)
        def f(x): return t()
    """,
    ),
    edit(
        "frompyfunc in a dict",
        True,
        "v + 1",
        "v + 2",
        """
        import numpy as np
        G = {'a': np.frompyfunc(lambda v: v + 1, 1, 1), 'b': np.sin}
        def f(x): return int(G['a'](x))
    """,
    ),
    edit(
        "ABC register by decorator",
        True,
        "@P.register\n        class C",
        "class C",
        """
        import abc
        class P(abc.ABC): pass
        @P.register
        class C: pass
        def f(x): return isinstance(C(), P)
    """,
    ),
    edit(
        "isinstance of registered builtin",
        True,
        "P.register(int)",
        "P.register(str)",
        """
        import abc
        class P(abc.ABC): pass
        P.register(int)
        def f(x): return isinstance(x, P)
    """,
    ),
    edit(
        "register with a standard ABC",
        True,
        "Sequence.register(C)",
        "Set.register(C)",
        """
        from collections.abc import Sequence, Set
        class C: pass
        Sequence.register(C)
        def f(x): return isinstance(C(), Sequence)
    """,
    ),
    edit(
        "monkeypatched class of a third party, static",
        True,
        "return 7",
        "return 8",
        """
        import numpy as np, string
        class F: pass
        def fake(*a): return 7
        string.Formatter.get_value = staticmethod(fake)
        def f(x): return string.Formatter().format('{0}', x)
    """,
    ),
    edit(
        "unpatched class of third party",
        False,
        "# a",
        "# b",
        """
        import string, textwrap
        def f(x): # a
            return textwrap.TextWrapper(width=5).fill('a b c'), string.Formatter().format('{0}', x)
    """,
    ),
    edit(
        "class getsource",
        True,
        "# one",
        "# two",
        """
        import inspect
        class C:
            a = 1 # one
        def f(x): return inspect.getsource(C)
    """,
    ),
    edit(
        "type statement-like alias used",
        True,
        "list[int]",
        "list[str]",
        """
        from typing import get_args
        A = list[int]
        def f(x): return str(get_args(A))
    """,
    ),
    edit(
        "NewType",
        True,
        "'Id'",
        "'Uid'",
        """
        from typing import NewType
        Id = NewType('Id', int)
        def f(x): return Id.__name__
    """,
    ),
    edit(
        "getattr with default on config",
        True,
        "A = 1",
        "A = 2",
        """
        import cfg
        def f(x): return getattr(cfg, 'A', 0)
    """,
        {"cfg.py": "A = 1"},
    ),
    edit(
        "hasattr on config",
        True,
        "A = 1",
        "B = 1",
        """
        import cfg
        def f(x): return hasattr(cfg, 'A')
    """,
        {"cfg.py": "A = 1"},
    ),
    edit(
        "name appears in a module only now",
        True,
        "# nothing",
        "A = 1",
        """
        import cfg
        def f(x):
            try: return cfg.A
            except AttributeError: return 'none'
    """,
        {"cfg.py": "# nothing"},
    ),
    edit(
        "builtin shadowed by the module",
        True,
        "# nothing",
        "def len(v): return 9",
        """
        # nothing
        def f(x): return len([x])
    """,
    ),
    edit(
        "builtin shadowed in helper module",
        True,
        "# nothing",
        "def max(*v): return 9",
        """
        import m
        def f(x): return m.g(x)
    """,
        {
            "m.py": """
        # nothing
        def g(x): return max(x, 2)
    """
        },
    ),
    edit(
        "method added to a subclass shadows",
        True,
        "    pass",
        "    def g(self): return 2",
        """
        class A:
            def g(self): return 1
        class B(A):
            pass
        def f(x): return B().g()
    """,
    ),
    edit(
        "dunder in base appears",
        True,
        "    pass",
        "    def __eq__(self, o): return True\n            __hash__ = None",
        """
        class A:
            pass
        class B(A):
            def __init__(self): self.v = 1
        def f(x): return B() == B()
    """,
    ),
    edit(
        "submodule shadows attribute",
        True,
        "from .g import g",
        "from .k import k as g",
        """
        import p
        def f(x): return p.g()
    """,
        {
            "p/__init__.py": "from .g import g",
            "p/g.py": "def g(): return 1",
            "p/k.py": "def k(): return 2",
        },
    ),
    edit(
        "relative import beyond",
        True,
        "K = 1",
        "K = 2",
        """
        from p.q.r import g
        def f(x): return g()
    """,
        {
            "p/__init__.py": "",
            "p/cfg.py": "K = 1",
            "p/q/__init__.py": "",
            "p/q/r.py": """
        from ..cfg import K
        from .. import cfg
        def g(): return cfg.K, K
    """,
        },
    ),
    edit(
        "fields of a dataclass are no addresses",
        False,
        "# one",
        "# two",
        """
        from dataclasses import dataclass, field
        from typing import ClassVar
        class Unit: pass
        @dataclass
        class C:
            a: int = field(default=1, metadata={'unit': Unit()})
            k: ClassVar[int] = 2  # one
        def f(x): return C(x).a + C.k
    """,
    ),
    edit(
        "one more lambda around a lambda",
        True,
        "lambda: lambda: 7",
        "lambda: lambda: lambda: 7",
        "g = lambda: lambda: 7\ndef f(x): return callable(g()())  if callable(g()) else 0",
    ),
]
