"""Edits of what classes carry, of hints inside functions, and of names in texts."""

# ruff: noqa: E501

from __future__ import annotations

from harness import Edit, edit

MEMBERS_AND_TEXTS: list[Edit] = [
    edit(
        "pandas query with a global",
        True,
        "LIMIT = 1",
        "LIMIT = 2",
        """
        import pandas as pd
        LIMIT = 1
        def f(x):
            d = pd.DataFrame({'a': [1, 2, 3]})
            return len(d.query('a > @LIMIT'))
        """,
    ),
    edit(
        "pandas eval with a global",
        True,
        "SCALE = 2",
        "SCALE = 3",
        """
        import pandas as pd
        SCALE = 2
        def f(x):
            d = pd.DataFrame({'a': [1, 2, 3]})
            return d.eval('a * @SCALE').tolist()
        """,
    ),
    edit(
        "pandas query with a global function",
        True,
        "v + 1",
        "v + 2",
        """
        import pandas as pd
        def shift(v): return v + 1
        QUERY = 'a > @shift(1)'
        def f(x):
            d = pd.DataFrame({'a': [1, 2, 3]})
            return len(d.query(QUERY))
        """,
    ),
    edit(
        "pd.eval with a global frame",
        True,
        "[1, 2]",
        "[1, 3]",
        """
        import pandas as pd
        A = pd.Series([1, 2])
        def f(x):
            return pd.eval('A + 1').tolist()
        """,
    ),
    edit(
        "module with a class of its own: property",
        True,
        "return 2",
        "return 3",
        """
        import cfg
        def f(x): return cfg.alpha * x
        """,
        {
            "cfg.py": "\n    import sys, types\n    class _M(types.ModuleType):\n        @property\n        def alpha(self): return 2\n    sys.modules[__name__].__class__ = _M\n"
        },
    ),
    edit(
        "module with a class of its own: __getattr__",
        True,
        "return 2",
        "return 3",
        """
        import cfg
        def f(x): return cfg.alpha * x
        """,
        {
            "cfg.py": "\n    import sys, types\n    class _M(types.ModuleType):\n        def __getattr__(self, name):\n            if name != 'alpha': raise AttributeError(name)\n            return 2\n    sys.modules[__name__].__class__ = _M\n"
        },
    ),
    edit(
        "module with a class of its own: callable",
        True,
        "x + 2",
        "x + 3",
        """
        import cfg
        def f(x): return cfg(x)
        """,
        {
            "cfg.py": "\n    import sys, types\n    class _M(types.ModuleType):\n        def __call__(self, x): return x + 2\n    sys.modules[__name__].__class__ = _M\n"
        },
    ),
    edit(
        "nested singledispatch by hint",
        True,
        "v: int",
        "v: str",
        """
        from functools import singledispatch
        def f(x):
            @singledispatch
            def show(v): return 'any'
            @show.register
            def _(v: int): return 'special'
            return show(x)
        """,
    ),
    edit(
        "nested function's hint read by a decorator",
        True,
        "v: int",
        "v: str",
        """
        def convert(g):
            kind = g.__annotations__['v']
            return lambda v: kind(v) * 2
        def f(x):
            @convert
            def h(v: int): return v
            return h(x)
        """,
    ),
    edit(
        "local class's method hint read",
        True,
        "v: int",
        "v: str",
        """
        import typing
        def f(x):
            class C:
                def h(self, v: int): return v
            return str(typing.get_type_hints(C.h)['v'])
        """,
    ),
    edit(
        "local class with singledispatchmethod",
        True,
        "v: int",
        "v: str",
        """
        from functools import singledispatchmethod
        def f(x):
            class C:
                @singledispatchmethod
                def show(self, v): return 'any'
                @show.register
                def _(self, v: int): return 'special'
            return C().show(x)
        """,
    ),
    edit(
        "nested docstring read",
        True,
        "'''a'''",
        "'''b'''",
        """
        def f(x):
            def g():
                '''a'''
            return g.__doc__
        """,
    ),
    edit(
        "nested docstring read by helper",
        True,
        "'''a'''",
        "'''b'''",
        """
        def doc_of(g): return g.__doc__
        def f(x):
            def g():
                '''a'''
            return doc_of(g)
        """,
    ),
    edit(
        "jinja template",
        True,
        "a {{ x }}",
        "b {{ x }}",
        """
        import jinja2
        T = jinja2.Template('a {{ x }}')
        def f(x): return T.render(x=x)
        """,
    ),
    edit(
        "jinja environment filter",
        True,
        "v * 2",
        "v * 3",
        """
        import jinja2
        ENV = jinja2.Environment()
        ENV.filters['twice'] = lambda v: v * 2
        def f(x): return ENV.from_string('{{ x | twice }}').render(x=x)
        """,
    ),
    edit(
        "scipy frozen distribution",
        True,
        "scale=2",
        "scale=3",
        """
        from scipy import stats
        D = stats.norm(loc=0, scale=2)
        def f(x): return float(D.cdf(x))
        """,
    ),
    edit(
        "scipy frozen distribution of a constant",
        True,
        "SD = 2",
        "SD = 3",
        """
        from scipy import stats
        SD = 2
        D = stats.norm(loc=0, scale=SD)
        def f(x): return float(D.cdf(x))
        """,
    ),
    edit(
        "scipy interpolator",
        True,
        "4.0]",
        "5.0]",
        """
        import numpy as np
        from scipy.interpolate import interp1d, CubicSpline
        Y = np.array([0.0, 1.0, 4.0])
        G = interp1d(np.arange(3.0), Y)
        def f(x): return float(G(1.5))
        """,
    ),
    edit(
        "scipy cubic spline",
        True,
        "4.0]",
        "5.0]",
        """
        import numpy as np
        from scipy.interpolate import CubicSpline
        G = CubicSpline(np.arange(3.0), [0.0, 1.0, 4.0])
        def f(x): return float(G(1.5))
        """,
    ),
    edit(
        "scipy KD tree",
        True,
        "4.0]",
        "5.0]",
        """
        import numpy as np
        from scipy.spatial import cKDTree
        G = cKDTree(np.array([[0.0], [4.0]]))
        def f(x): return float(G.query([[1.0 + x]])[0][0] + G.data.sum())
        """,
    ),
    edit(
        "scipy sparse",
        True,
        "[1, 2]",
        "[1, 3]",
        """
        import scipy.sparse as sp
        M = sp.csr_matrix(([1, 2], ([0, 1], [1, 0])), shape=(2, 2))
        def f(x): return float(M.sum() * x)
        """,
    ),
    edit(
        "scipy integrate of own function",
        True,
        "v * 2",
        "v * 3",
        """
        from scipy.integrate import quad, solve_ivp
        def rate(v): return v * 2
        def f(x): return round(quad(rate, 0, x)[0], 6)
        """,
    ),
    edit(
        "scipy minimize with args",
        True,
        "TARGET = 2",
        "TARGET = 3",
        """
        from scipy.optimize import minimize_scalar
        TARGET = 2
        def loss(v, k): return (v - k * TARGET) ** 2
        def f(x): return round(float(minimize_scalar(loss, args=(1,)).x), 4)
        """,
    ),
    edit(
        "scipy rv_continuous subclass",
        True,
        "3 * v",
        "4 * v",
        """
        from scipy import stats
        class Mine(stats.rv_continuous):
            def _cdf(self, v): return 3 * v
        D = Mine(a=0, b=1/4, name='mine')
        def f(x): return float(D.cdf(0.1))
        """,
    ),
    edit(
        "attrs factory",
        True,
        "[1]",
        "[2]",
        """
        import attr
        def start(): return [1]
        @attr.s
        class C:
            a = attr.ib(factory=start)
        def f(x): return C().a
        """,
    ),
    edit(
        "attrs define default",
        True,
        "a: int = 1",
        "a: int = 2",
        """
        from attrs import define, field
        @define
        class C:
            a: int = 1
        def f(x): return C().a + x
        """,
    ),
    edit(
        "attrs converter",
        True,
        "v * 2",
        "v * 3",
        """
        from attrs import define, field
        def conv(v): return v * 2
        @define
        class C:
            a: int = field(converter=conv)
        def f(x): return C(x).a
        """,
    ),
    edit(
        "attrs validator lambda",
        True,
        "v < 5",
        "v < 0",
        """
        from attrs import define, field
        def check(self, attribute, v):
            assert v < 5
        @define
        class C:
            a: int = field(validator=check)
        def f(x): return C(x).a
        """,
    ),
    edit(
        "attrs instance global",
        True,
        "C(3)",
        "C(4)",
        """
        from attrs import define, frozen
        @frozen
        class C:
            a: int
        K = C(3)
        def f(x): return K.a * x
        """,
    ),
    edit(
        "ini config at import",
        True,
        "rate: 2",
        "rate: 3",
        """
        import configparser, pathlib
        CFG = configparser.ConfigParser()
        CFG.read(pathlib.Path(__file__).parent / 'cfg.ini')
        def f(x): return CFG.getint('model', 'rate') * x
        """,
        {"cfg.ini": "[model]\nrate: 2\n"},
    ),
    edit(
        "toml config into dataclass",
        True,
        "rate = 2",
        "rate = 3",
        """
        import tomllib, pathlib, dataclasses
        @dataclasses.dataclass(frozen=True)
        class Config:
            rate: int
            tags: list = dataclasses.field(default_factory=list)
        CFG = Config(**tomllib.loads((pathlib.Path(__file__).parent / 'cfg.toml').read_text()))
        def f(x): return CFG.rate * x
        """,
        {"cfg.toml": "rate = 2\n"},
    ),
    edit(
        "json read by a cached loader",
        True,
        '"rate": 2',
        '"rate": 3',
        """
        import json, pathlib, functools
        HERE = pathlib.Path(__file__).parent
        def load(): return json.loads((HERE / 'cfg.json').read_text())
        CFG = load()
        def f(x): return CFG['rate'] * x
        """,
        {"cfg.json": '{"rate": 2}'},
    ),
    edit(
        "importlib.resources at import",
        True,
        "2",
        "3",
        """
        import pack
        def f(x): return pack.RATE * x
        """,
        {
            "pack/__init__.py": "from importlib import resources\nRATE = float(resources.files(__name__).joinpath('rate.txt').read_text())\n",
            "pack/rate.txt": "2",
        },
    ),
    edit(
        "dunder class attribute from a constant",
        True,
        "GAIN = 2",
        "GAIN = 3",
        """
        GAIN = 2
        class A:
            __gain__ = GAIN
        def f(x): return A.__gain__ * x
        """,
    ),
    edit(
        "dunder class attribute from a helper",
        True,
        "return 2",
        "return 3",
        """
        def gain(): return 2
        class A:
            __gain__ = gain()
            def run(self, x): return self.__gain__ * x
        def f(x): return A().run(x)
        """,
    ),
    edit(
        "dunder attribute set from outside",
        True,
        "= 2",
        "= 3",
        """
        class A:
            def run(self, x): return self.__gain__ * x
        A.__gain__ = 2
        def f(x): return A().run(x)
        """,
    ),
    edit(
        "dunder global",
        True,
        "__gain__ = 2",
        "__gain__ = 3",
        """
        __gain__ = 2
        def f(x): return __gain__ * x
        """,
    ),
    edit(
        "dunder global of a module",
        True,
        "'1.0'",
        "'1.1'",
        """
        import lib
        def f(x): return lib.__version__ * x
        """,
        {"lib.py": "__version__ = '1.0'\n"},
    ),
    edit(
        "version string is used in a from-import",
        True,
        "'1.0'",
        "'1.1'",
        """
        from lib import __version__ as v
        def f(x): return v * x
        """,
        {"lib.py": "__version__ = '1.0'\n"},
    ),
    edit(
        "__author__ of the task's module is used",
        True,
        "'me'",
        "'you'",
        """
        __author__ = 'me'
        def f(x): return __author__
        """,
    ),
    edit(
        "class body uses a loop over names",
        True,
        "('a', 'b')",
        "('a', 'c')",
        """
        class A:
            for n in ('a', 'b'):
                locals()[n] = len(n)
        def f(x): return sorted(k for k in vars(A) if len(k) == 1)
        """,
    ),
    edit(
        "property made by a factory",
        True,
        "v * 2",
        "v * 3",
        """
        def scaled(name):
            def get(self):
                v = getattr(self, name)
                return v * 2
            return property(get)
        class A:
            def __init__(self, v): self._v = v
            v = scaled('_v')
        def f(x): return A(x).v
        """,
    ),
    edit(
        "descriptor's argument",
        True,
        "Scaled(2)",
        "Scaled(3)",
        """
        class Scaled:
            def __init__(self, k): self.k = k
            def __set_name__(self, owner, name): self.name = '_' + name
            def __get__(self, obj, owner=None): return getattr(obj, self.name) * self.k
            def __set__(self, obj, v): setattr(obj, self.name, v)
        class A:
            v = Scaled(2)
        def f(x):
            a = A()
            a.v = x
            return a.v
        """,
    ),
    edit(
        "Protocol default method",
        True,
        "return 2",
        "return 3",
        """
        from typing import Protocol
        class P(Protocol):
            def gain(self) -> int: return 2
        class A(P): pass
        def f(x): return A().gain() * x
        """,
    ),
    edit(
        "Generic class method",
        True,
        "* 2",
        "* 3",
        """
        from typing import Generic, TypeVar
        T = TypeVar('T')
        class Box(Generic[T]):
            def __init__(self, v: T): self.v = v
            def get(self): return self.v * 2
        def f(x): return Box[int](x).get()
        """,
    ),
    edit(
        "__class_getitem__ own body",
        True,
        "* 2",
        "* 3",
        """
        class A:
            def __class_getitem__(cls, k): return k * 2
        def f(x): return A[x]
        """,
    ),
    edit(
        "generic hint parameter changed",
        False,
        "Box[int]",
        "Box[float]",
        """
        from typing import Generic, TypeVar
        T = TypeVar('T')
        class Box(Generic[T]):
            def __init__(self, v): self.v = v
        def make(v) -> Box[int]: return Box(v)
        def f(x): return make(x).v
        """,
    ),
    edit(
        "enum auto inserted",
        True,
        "A = auto()",
        "Z = auto()\n            A = auto()",
        """
        from enum import Enum, auto
        class K(Enum):
            A = auto()
            B = auto()
        def f(x): return K.B.value * x
        """,
    ),
    edit(
        "enum property of members",
        True,
        "* 2",
        "* 3",
        """
        from enum import Enum
        class K(Enum):
            A = 1
            @property
            def twice(self): return self.value * 2
        def f(x): return K.A.twice * x
        """,
    ),
    edit(
        "enum label dictionary",
        True,
        "'low'",
        "'lo'",
        """
        from enum import Enum
        class K(Enum):
            A = 1
        LABEL = {K.A: 'low'}
        def f(x): return LABEL[K(x)]
        """,
    ),
    edit(
        "enum docstring",
        False,
        "'''Kinds.'''",
        "'''The kinds.'''",
        """
        from enum import Enum
        class K(Enum):
            '''Kinds.'''
            A = 1
        def f(x): return K(x).name
        """,
    ),
    edit(
        "NamedTuple method",
        True,
        "* 2",
        "* 3",
        """
        from typing import NamedTuple
        class P(NamedTuple):
            a: int
            b: int = 1
            def area(self): return self.a * self.b * 2
        def f(x): return P(x).area()
        """,
    ),
    edit(
        "NamedTuple default by constant",
        True,
        "B = 1",
        "B = 2",
        """
        from typing import NamedTuple
        B = 1
        class P(NamedTuple):
            a: int
            b: int = B
        def f(x): return P(x).b
        """,
    ),
    edit(
        "dataclass default by constant",
        True,
        "B = 1",
        "B = 2",
        """
        from dataclasses import dataclass
        B = 1
        @dataclass
        class P:
            a: int
            b: int = B
        def f(x): return P(x).b
        """,
    ),
    edit(
        "dataclass factory's helper",
        True,
        "[1, 2]",
        "[1, 3]",
        """
        from dataclasses import dataclass, field
        def start(): return [1, 2]
        @dataclass
        class P:
            b: list = field(default_factory=start)
        def f(x): return P().b
        """,
    ),
    edit(
        "dataclass asdict of nested",
        True,
        "k: int = 1",
        "k: int = 2",
        """
        from dataclasses import dataclass, field, asdict
        @dataclass
        class In:
            k: int = 1
        @dataclass
        class Out:
            i: In = field(default_factory=In)
        def f(x): return asdict(Out())
        """,
    ),
    edit(
        "dataclass slots and post_init",
        True,
        "+ 1",
        "+ 2",
        """
        from dataclasses import dataclass, field
        @dataclass(slots=True)
        class P:
            a: int
            b: int = field(init=False)
            def __post_init__(self): self.b = self.a + 1
        def f(x): return P(x).b
        """,
    ),
    edit(
        "dataclass config global with replaced field",
        True,
        "n=3",
        "n=4",
        """
        from dataclasses import dataclass, replace
        @dataclass(frozen=True)
        class C:
            n: int = 1
        CFG = replace(C(), n=3)
        def f(x): return CFG.n * x
        """,
    ),
    edit(
        "dataclass config updated by argparse",
        True,
        "default=3",
        "default=4",
        """
        import argparse
        from dataclasses import dataclass
        @dataclass
        class C:
            n: int = 1
        CFG = C()
        def setup(argv):
            p = argparse.ArgumentParser()
            p.add_argument('--n', type=int, default=3)
            a = p.parse_args(argv)
            CFG.n = a.n
        setup([])
        def f(x): return CFG.n * x
        """,
    ),
    edit(
        "argparse into globals by update",
        True,
        "default=3",
        "default=4",
        """
        import argparse
        p = argparse.ArgumentParser()
        p.add_argument('--n', type=int, default=3)
        globals().update(vars(p.parse_args([])))
        def f(x): return n * x
        """,
    ),
    edit(
        "argparse help text",
        False,
        "help='rounds'",
        "help='number of rounds'",
        """
        import argparse
        p = argparse.ArgumentParser()
        p.add_argument('--n', type=int, default=3, help='rounds')
        N = p.parse_args([]).n
        def f(x): return N * x
        """,
    ),
    edit(
        "function on an instance of a user's estimator",
        True,
        "x * 2",
        "x * 3",
        """
        import numpy as np
        class Estimator:
            def __init__(self, k=1): self.k = k
            def fit(self, X):
                self.mean_ = X.mean()
                return self
            def predict(self, x): return x * 2 + self.mean_
        M = Estimator().fit(np.arange(4.0))
        def f(x): return float(M.predict(x))
        """,
    ),
    edit(
        "estimator's training data",
        True,
        "arange(4.0)",
        "arange(5.0)",
        """
        import numpy as np
        class Estimator:
            def __init__(self, k=1): self.k = k
            def fit(self, X):
                self.mean_ = X.mean()
                return self
            def predict(self, x): return x * 2 + self.mean_
        M = Estimator().fit(np.arange(4.0))
        def f(x): return float(M.predict(x))
        """,
    ),
    edit(
        "estimator's training data, and the task fits again",
        True,
        "arange(4.0)",
        "arange(5.0)",
        """
        import numpy as np
        class Estimator:
            def __init__(self, k=1): self.k = k
            def fit(self, X):
                self.mean_ = X.mean()
                return self
            def predict(self, x): return x * 2 + self.mean_
            def refit(self, X):
                old = self.mean_
                self.fit(X)
                return old
        M = Estimator().fit(np.arange(4.0))
        def f(x): return float(M.refit(np.arange(2.0)))
        """,
    ),
    edit(
        "estimator fit inside the task",
        True,
        "X.mean()",
        "X.max()",
        """
        import numpy as np
        class Estimator:
            def fit(self, X):
                self.mean_ = X.mean()
                return self
        def f(x): return float(Estimator().fit(np.arange(4.0)).mean_)
        """,
    ),
    edit(
        "exec of a file at import",
        True,
        "return 2",
        "return 3",
        """
        import os
        exec(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'defs.txt')).read())
        def f(x): return gain() * x
        """,
        {"defs.txt": "def gain(): return 2\n"},
    ),
    edit(
        "exec of a file into a dict",
        True,
        "return 2",
        "return 3",
        """
        import os
        NS = {}
        exec(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'defs.txt')).read(), NS)
        def f(x): return NS['gain']() * x
        """,
        {"defs.txt": "def gain(): return 2\n"},
    ),
    edit(
        "expression string eval'ed with own names",
        True,
        "a * 2",
        "a * 3",
        """
        EXPR = 'a * 2'
        def f(x): return eval(EXPR, {'a': x})
        """,
    ),
    edit(
        "lambdify like",
        True,
        "'x**2'",
        "'x**3'",
        """
        def lambdify(e): return eval('lambda x: ' + e)
        G = lambdify('x**2')
        def f(x): return G(x + 1)
        """,
    ),
    edit(
        "lambdify of a helper in the expression",
        True,
        "v + 1",
        "v + 2",
        """
        def shift(v): return v + 1
        G = eval('lambda x: shift(x)')
        def f(x): return G(x)
        """,
    ),
    edit(
        "relative import up two levels",
        True,
        "return 2",
        "return 3",
        """
        import top.mid.low.leaf
        def f(x): return top.mid.low.leaf.run(x)
        """,
        {
            "top/__init__.py": "",
            "top/consts.py": "def gain(): return 2\n",
            "top/mid/__init__.py": "#",
            "top/mid/low/__init__.py": "#",
            "top/mid/low/leaf.py": "from ...consts import gain as g\ndef run(x): return g() * x\n",
        },
    ),
    edit(
        "from dot import module as alias",
        True,
        "return 2",
        "return 3",
        """
        from pk import user
        def f(x): return user.run(x)
        """,
        {
            "pk/__init__.py": "#",
            "pk/helpers.py": "def gain(): return 2\n",
            "pk/user.py": "from . import helpers as h\ndef run(x): return h.gain() * x\n",
        },
    ),
    edit(
        "circular import resolved in the function",
        True,
        "return 2",
        "return 3",
        """
        import a
        def f(x): return a.run(x)
        """,
        {
            "a.py": "import b\ndef gain(): return 2\ndef run(x): return b.go(x)\n",
            "b.py": "def go(x):\n    from a import gain\n    return gain() * x\n",
        },
    ),
    edit(
        "star import of a package with __all__ of submodules",
        True,
        "return 2",
        "return 3",
        """
        from pk import *
        def f(x): return one.gain() * x
        """,
        {
            "pk/__init__.py": "__all__ = ['one']\n",
            "pk/one.py": "def gain(): return 2\n",
        },
    ),
    edit(
        "__all__ decides what a star import takes",
        True,
        "['gain']",
        "['other']",
        """
        gain = lambda: 1
        from lib import *
        def f(x): return gain() * x
        """,
        {"lib.py": "__all__ = ['gain']\ndef gain(): return 2\ndef other(): return 3\n"},
    ),
    edit(
        "platform branch",
        True,
        "'linux'",
        "'win32'",
        """
        import sys
        if sys.platform == 'linux':
            def gain(): return 2
        else:
            def gain(): return 3
        def f(x): return gain() * x
        """,
    ),
    edit(
        "version branch inside the helper",
        True,
        "(3, 8)",
        "(4, 8)",
        """
        import sys
        def gain(): return 2 if sys.version_info > (3, 8) else 3
        def f(x): return gain() * x
        """,
    ),
    edit(
        "fallback of an optional dependency",
        True,
        "v * 2",
        "v * 3",
        """
        try:
            from not_there_at_all import fast
        except ImportError:
            def fast(v): return v * 2
        def f(x): return fast(x)
        """,
    ),
    edit(
        "flag of an optional dependency",
        True,
        "return 1",
        "return 2",
        """
        try:
            import not_there_at_all as dep
            HAVE = True
        except ImportError:
            dep = None
            HAVE = False
        def f(x):
            if HAVE: return dep.go(x)
            return 1
        """,
    ),
    edit(
        "lazy loader of submodules (PEP 562)",
        True,
        "return 2",
        "return 3",
        """
        import pk
        def f(x): return pk.one.gain() * x
        """,
        {
            "pk/__init__.py": "import importlib\n_sub = {'one'}\ndef __getattr__(n):\n    if n in _sub: return importlib.import_module(f'{__name__}.{n}')\n    raise AttributeError(n)\n",
            "pk/one.py": "def gain(): return 2\n",
        },
    ),
    edit(
        "subclass of a third-party class",
        True,
        "* 2",
        "* 3",
        """
        import collections
        class D(collections.UserDict):
            def __missing__(self, k): return k * 2
        def f(x): return D()[x]
        """,
    ),
    edit(
        "subclass of ndarray with a method",
        True,
        "* 2",
        "* 3",
        """
        import numpy as np
        class A(np.ndarray):
            def twice(self): return self * 2
        def f(x): return np.arange(3).view(A).twice().tolist()
        """,
    ),
    edit(
        "subclass of ast.NodeVisitor",
        True,
        "+ 1",
        "+ 2",
        """
        import ast
        class V(ast.NodeVisitor):
            n = 0
            def visit_Name(self, node): self.n = self.n + 1
        def f(x):
            v = V()
            v.visit(ast.parse('a + b'))
            return v.n
        """,
    ),
    edit(
        "subclass of json.JSONEncoder",
        True,
        "'set'",
        "'SET'",
        """
        import json
        class Enc(json.JSONEncoder):
            def default(self, o): return 'set'
        def f(x): return json.dumps({1}, cls=Enc) if False else json.dumps([{x}], cls=Enc)
        """,
    ),
    edit(
        "subclass of threading.Thread",
        True,
        "* 2",
        "* 3",
        """
        import threading
        class T(threading.Thread):
            def __init__(self, x):
                super().__init__()
                self.x = x
            def run(self): self.y = self.x * 2
        def f(x):
            t = T(x)
            t.start(); t.join()
            return t.y
        """,
    ),
    edit(
        "vectorize with otypes",
        True,
        "otypes=[int]",
        "otypes=[float]",
        """
        import numpy as np
        U = np.vectorize(lambda v: v + 1, otypes=[int])
        def f(x): return repr(U([x]))
        """,
    ),
    edit(
        "piecewise of lambdas",
        True,
        "-v",
        "-2 * v",
        """
        import numpy as np
        CASES = [lambda v: -v, lambda v: v]
        def f(x): return np.piecewise(np.array([-1., 1.]), [np.array([True, False]), np.array([False, True])], CASES).tolist()
        """,
    ),
    edit(
        "async helpers run by asyncio",
        True,
        "v + 1",
        "v + 2",
        """
        import asyncio
        async def one(v):
            await asyncio.sleep(0)
            return v + 1
        async def all_of(n): return await asyncio.gather(*(one(i) for i in range(n)))
        def f(x): return asyncio.run(all_of(3))
        """,
    ),
    edit(
        "async context manager and iterator",
        True,
        "yield i * 2",
        "yield i * 3",
        """
        import asyncio, contextlib
        @contextlib.asynccontextmanager
        async def ctx():
            yield 5
        async def rows(n):
            for i in range(n): yield i * 2
        async def main():
            async with ctx() as c:
                return [r + c async for r in rows(3)]
        def f(x): return asyncio.run(main())
        """,
    ),
    edit(
        "match on own dataclasses",
        True,
        "a * 2",
        "a * 3",
        """
        from dataclasses import dataclass
        @dataclass
        class Circle:
            a: int
        @dataclass
        class Square:
            a: int
        def area(s):
            match s:
                case Circle(a=a): return a * 2
                case Square(a): return a
        def f(x): return area(Circle(x))
        """,
    ),
    edit(
        "match value pattern from a class",
        True,
        "RED = 1",
        "RED = 2",
        """
        class Color:
            RED = 1
        def f(x):
            match x:
                case Color.RED: return 'red'
                case _: return 'other'
        """,
    ),
    edit(
        "match or-pattern",
        True,
        "1 | 2",
        "2 | 3",
        """
        def f(x):
            match x:
                case 1 | 2: return 'low'
                case _: return 'high'
        """,
    ),
    edit(
        "methodcaller on a module",
        True,
        "return 2",
        "return 3",
        """
        import lib, operator
        def f(x): return operator.methodcaller('one')(lib)
        """,
        {"lib.py": "def one(): return 2\n"},
    ),
    edit(
        "closures in a loop share a variable",
        True,
        "range(3)",
        "range(4)",
        """
        G = [lambda: i for i in range(3)]
        def f(x): return G[0]()
        """,
    ),
    edit(
        "closures in a loop bind a default",
        True,
        "i=i",
        "i=i*2",
        """
        G = [lambda i=i: i for i in range(3)]
        def f(x): return G[x]()
        """,
    ),
    edit(
        "super() with arguments",
        True,
        "super(B, self)",
        "super(A, self)",
        """
        class Root:
            def go(self): return 1
        class A(Root):
            def go(self): return 2
        class B(A):
            def go(self): return super(B, self).go()
        def f(x): return B().go()
        """,
    ),
    edit(
        "del with parentheses",
        False,
        "del (a, b)",
        "del a, b",
        """
        def f(x):
            a = b = x
            del (a, b)
            return x
        """,
    ),
    edit(
        "black on a long call",
        False,
        "g(x, 1, k=2)",
        "g(\n                x,\n                1,\n                k=2,\n            )",
        """
        def g(a, b, k): return a + b + k
        def f(x):
            return g(x, 1, k=2)
        """,
    ),
    edit(
        "black on a subscript and lambda",
        False,
        "lambda v:v [0]",
        "lambda v: v[0]",
        """
        KEY = lambda v:v [0]
        def f(x): return sorted([(2, x), (1, x)], key=KEY)
        """,
    ),
    edit(
        "empty parentheses of a class",
        False,
        "class A():",
        "class A:",
        """
        class A():
            k = 2
        def f(x): return A.k * x
        """,
    ),
    edit(
        "numbers in lower case",
        False,
        "0XFF + 1E3 + 2J.real",
        "0xff + 1e3 + 2j.real",
        """
        def f(x): return 0XFF + 1E3 + 2J.real
        """,
    ),
    edit(
        "1e3 for 1000.0",
        False,
        "1000.0",
        "1e3",
        """
        def f(x): return 1000.0 * x
        """,
    ),
    edit(
        "1_000 for 1000",
        False,
        "1000",
        "1_000",
        """
        K = 1000
        def f(x): return K * x
        """,
    ),
    edit(
        "tuple parentheses",
        False,
        "return x, 1",
        "return (x, 1)",
        """
        def f(x): return x, 1
        """,
    ),
    edit(
        "parenthesised with",
        False,
        "with open_it() as a, open_it() as b:",
        "with (open_it() as a, open_it() as b):",
        """
        import contextlib
        def open_it(): return contextlib.nullcontext(2)
        def f(x):
            with open_it() as a, open_it() as b:
                return a + b
        """,
    ),
    edit(
        "module docstring becomes a comment",
        False,
        "'''Old.'''",
        "# New.",
        """
        '''Old.'''
        def f(x): return x
        """,
    ),
    edit(
        "isort at the top",
        False,
        "import os\n        import sys\n        import json",
        "import json\n        import os\n        import sys",
        """
        import os
        import sys
        import json
        def f(x): return os.path.basename(json.dumps(x)) + sys.byteorder
        """,
    ),
    edit(
        "from-import in parentheses",
        False,
        "from lib import a, b",
        "from lib import (\n            a,\n            b,\n        )",
        """
        from lib import a, b
        def f(x): return a() + b()
        """,
        {"lib.py": "def a(): return 1\ndef b(): return 2\n"},
    ),
    edit(
        "docstring with quotes changed",
        False,
        '"""A."""',
        "'''B'''",
        'def g():\n    """A."""\n    return 1\ndef f(x): return g()\n',
    ),
    edit(
        "docstring of a property",
        False,
        "'''The k.'''",
        "'''K.'''",
        """
        class A:
            @property
            def k(self):
                '''The k.'''
                return 2
        def f(x): return A().k
        """,
    ),
    edit(
        "docstring of a dataclass that is used",
        False,
        "'''Config.'''",
        "'''Configuration.'''",
        """
        from dataclasses import dataclass
        @dataclass
        class C:
            '''Config.'''
            a: int = 1
        def f(x): return C().a
        """,
    ),
    edit(
        "docstring of a class of an argument",
        False,
        "'''Config.'''",
        "'''Configuration.'''",
        """
        class C:
            '''Config.'''
            def __init__(self): self.a = 1
        ARGS = (C(),)
        def f(x): return x.a
        """,
    ),
    edit(
        "f-string quotes",
        False,
        "f'{x}'",
        'f"{x}"',
        """
        def f(x): return f'{x}'
        """,
    ),
    edit(
        "f-strings joined",
        False,
        "f'{x}-{x}'",
        "f'{x}-' f'{x}'",
        """
        def f(x): return f'{x}-{x}'
        """,
    ),
    edit(
        "blank f-string part",
        False,
        "f'{x}'",
        "f'{x}' ''",
        """
        def f(x): return f'{x}'
        """,
    ),
    edit(
        "order of unrelated decorators registry",
        False,
        "def b(): return 1\n        @reg\n        def c(): return 2",
        "def c(): return 2\n        @reg\n        def b(): return 1",
        """
        R = {}
        def reg(g):
            R[g.__name__] = g
            return g
        @reg
        def b(): return 1
        @reg
        def c(): return 2
        def f(x): return R['b']() * x
        """,
    ),
]
