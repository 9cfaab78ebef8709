"""Edits of small pipelines, of classes, and of what imports by names."""

# ruff: noqa: E501

from __future__ import annotations

from harness import Edit, edit

PIPELINE_TASK = """\
from pkg import Model
def f(x): return Model().run(x)
"""
PIPELINE = {
    "pkg/__init__.py": """\
from .model import Model
from .io import load_config
""",
    "pkg/io.py": """\
import json, os
HERE = os.path.dirname(__file__)
def load_config(name='config.json'):
    with open(os.path.join(HERE, name)) as fh:
        return json.load(fh)
CONFIG = load_config()
""",
    "pkg/config.json": '{"rate": 2, "steps": [1, 2], "names": {"a": "one"}}',
    "pkg/model.py": """\
from dataclasses import dataclass, field
import numpy as np
from .kernels import KERNELS
from . import io
@dataclass(frozen=True)
class Params:
    rate: float = io.CONFIG['rate']
    kernel: str = 'gauss'
    steps: tuple = field(default_factory=lambda: tuple(io.CONFIG['steps']))
class Model:
    def __init__(self, params=None): self.params = params or Params()
    def run(self, x):
        k = KERNELS[self.params.kernel]
        return float(sum(k(np.float64(x) * s) for s in self.params.steps) * self.params.rate)
""",
    "pkg/kernels.py": """\
import numpy as np
KERNELS = {}
def kernel(name, **options):
    def deco(g):
        KERNELS[name] = lambda v: g(v, **options)
        return g
    return deco
@kernel('gauss', width=2.0)
def gauss(v, width): return np.exp(-v ** 2 / width)
@kernel('box', width=1.0)
def box(v, width): return float(abs(v) < width)
""",
}
PIPELINES_AND_PROTOCOLS: list[Edit] = [
    edit(
        "pipeline: value in a json of the package",
        True,
        '"rate": 2',
        '"rate": 3',
        PIPELINE_TASK,
        PIPELINE,
    ),
    edit(
        "pipeline: list in a json of the package",
        True,
        "[1, 2]",
        "[1, 3]",
        PIPELINE_TASK,
        PIPELINE,
    ),
    edit(
        "pipeline: option of a registered kernel",
        True,
        "width=2.0",
        "width=2.5",
        PIPELINE_TASK,
        PIPELINE,
    ),
    edit(
        "pipeline: body of a registered kernel",
        True,
        "-v ** 2",
        "-v ** 4",
        PIPELINE_TASK,
        PIPELINE,
    ),
    edit(
        "pipeline: default kernel's name",
        True,
        "'gauss'\n    steps",
        "'box'\n    steps",
        PIPELINE_TASK,
        PIPELINE,
    ),
    edit(
        "pipeline: wrapper in the registering decorator",
        True,
        "g(v, **options)",
        "-g(v, **options)",
        PIPELINE_TASK,
        PIPELINE,
    ),
    edit(
        "pipeline: comment in a kernel's module",
        False,
        "KERNELS = {}",
        "KERNELS = {}  # by name",
        PIPELINE_TASK,
        PIPELINE,
    ),
    edit(
        "pipeline: import sorted in a package",
        False,
        "import json, os",
        "import os\nimport json",
        PIPELINE_TASK,
        PIPELINE,
    ),
    edit(
        "pipeline: docstring for the package",
        False,
        "from .model import Model\nfrom .io",
        "'''A package.'''\nfrom .model import Model\nfrom .io",
        PIPELINE_TASK,
        PIPELINE,
    ),
    edit(
        "pipeline: indentation of the json",
        False,
        '{"rate": 2, ',
        '{"rate": 2,\n  ',
        PIPELINE_TASK,
        PIPELINE,
    ),
    edit(
        "pipeline: order of keys in the json",
        False,
        '{"rate": 2, "steps": [1, 2], ',
        '{"steps": [1, 2], "rate": 2, ',
        PIPELINE_TASK,
        PIPELINE,
    ),
    edit(
        "yaml read at import",
        True,
        "alpha: 1",
        "alpha: 2",
        """
        import yaml, pathlib
        CFG = yaml.safe_load((pathlib.Path(__file__).parent / 'c.yaml').read_text())
        def f(x): return CFG['model']['alpha']
        """,
        {
            "c.yaml": """
        model:
          alpha: 1
          beta: [1, 2]
        """
        },
    ),
    edit(
        "comment in a yaml read at import",
        False,
        "# one",
        "# two",
        """
        import yaml, pathlib
        CFG = yaml.safe_load((pathlib.Path(__file__).parent / 'c.yaml').read_text())
        def f(x): return CFG['model']['alpha']
        """,
        {
            "c.yaml": """
        # one
        model:
          alpha: 1
        """
        },
    ),
    edit(
        "config dataclass tree from yaml",
        True,
        "lr: 0.1",
        "lr: 0.2",
        """
        import yaml, pathlib
        from dataclasses import dataclass, field
        @dataclass
        class Opt:
            lr: float = 0.5
        @dataclass
        class Cfg:
            opt: Opt = field(default_factory=Opt)
            seed: int = 0
            @classmethod
            def read(cls, path):
                raw = yaml.safe_load(pathlib.Path(path).read_text())
                return cls(opt=Opt(**raw['opt']), seed=raw.get('seed', 0))
        CFG = Cfg.read(pathlib.Path(__file__).with_name('c.yaml'))
        def f(x): return CFG.opt.lr * x
        """,
        {
            "c.yaml": """
        opt:
          lr: 0.1
        """
        },
    ),
    edit(
        "config dataclass, default of an inner class",
        True,
        "lr: float = 0.5",
        "lr: float = 0.6",
        """
        from dataclasses import dataclass, field
        @dataclass
        class Opt:
            lr: float = 0.5
        @dataclass
        class Cfg:
            opt: Opt = field(default_factory=Opt)
        def f(x, cfg=Cfg()): return cfg.opt.lr * x
        """,
    ),
    edit(
        "params by importlib.resources at import",
        True,
        "2.5",
        "3.5",
        """
        from importlib import resources
        V = float(resources.files('data').joinpath('v.txt').read_text())
        def f(x): return V * x
        """,
        {"data/__init__.py": "", "data/v.txt": "2.5"},
    ),
    edit(
        "params by runpy at import",
        True,
        "A = 2",
        "A = 3",
        """
        import runpy, pathlib
        P = runpy.run_path(str(pathlib.Path(__file__).with_name('params.txt')))
        def f(x): return P['A'] * x
        """,
        {
            "params.txt": """
        A = 2
        def g(v): return v + 1
        """
        },
    ),
    edit(
        "function from runpy at import",
        True,
        "v + 1",
        "v + 2",
        """
        import runpy, pathlib
        P = runpy.run_path(str(pathlib.Path(__file__).with_name('params.txt')))
        def f(x): return P['g'](x)
        """,
        {
            "params.txt": """
        A = 2
        def g(v): return v + 1
        """
        },
    ),
    edit(
        "function by exec of a file at import",
        True,
        "v + 1",
        "v + 2",
        """
        import pathlib
        exec(pathlib.Path(__file__).with_name('params.txt').read_text())
        def f(x): return g(x)
        """,
        {
            "params.txt": """
        A = 2
        def g(v): return v + 1
        """
        },
    ),
    edit(
        "function by exec of a compiled file at import",
        True,
        "v + 1",
        "v + 2",
        """
        import pathlib
        P = pathlib.Path(__file__).with_name('params.txt')
        exec(compile(P.read_text(), str(P), 'exec'))
        def f(x): return g(x)
        """,
        {
            "params.txt": """
        A = 2
        def g(v): return v + 1
        """
        },
    ),
    edit(
        "coefficients by genfromtxt at import",
        True,
        "1,2",
        "1,3",
        """
        import numpy as np, pathlib
        A = np.genfromtxt(pathlib.Path(__file__).with_name('a.csv'), delimiter=',')
        def f(x): return float(A.sum())
        """,
        {
            "a.csv": """
        1,2
        3,4
        """
        },
    ),
    edit(
        "table by pandas at import, filtered",
        True,
        "b,3",
        "b,4",
        """
        import pandas as pd, pathlib
        T = pd.read_csv(pathlib.Path(__file__).with_name('a.csv')).set_index('k').query('v > 1')
        def f(x): return int(T.loc['b', 'v'])
        """,
        {
            "a.csv": """
        k,v
        a,1
        b,3
        """
        },
    ),
    edit(
        "plugins found by pkgutil at import: a body",
        True,
        "return 1",
        "return 5",
        """
        import plugins
        def f(x): return [p.run() for p in plugins.ALL]
        """,
        {
            "plugins/__init__.py": """
        import importlib, pkgutil
        ALL = [importlib.import_module(f'{__name__}.{m.name}') for m in pkgutil.iter_modules(__path__)]
        """,
            "plugins/a.py": "def run(): return 1",
            "plugins/b.py": "def run(): return 2",
        },
    ),
    Edit(
        "plugins found by pkgutil at import: one more",
        True,
        {
            "task.py": "import plugins\ndef f(x): return [p.run() for p in plugins.ALL]\n",
            "plugins/__init__.py": "import importlib, pkgutil\nALL = [importlib.import_module(f'{__name__}.{m.name}') for m in pkgutil.iter_modules(__path__)]\n",
            "plugins/a.py": "def run(): return 1",
        },
        {"plugins/b.py": "def run(): return 2"},
    ),
    edit(
        "plugins found by pkgutil in the task: a body",
        True,
        "return 1",
        "return 5",
        """
        import importlib, pkgutil
        import plugins
        def f(x): return [importlib.import_module(f'plugins.{m.name}').run() for m in pkgutil.iter_modules(plugins.__path__)]
        """,
        {
            "plugins/__init__.py": "",
            "plugins/a.py": "def run(): return 1",
            "plugins/b.py": "def run(): return 2",
        },
    ),
    Edit(
        "plugins found by pkgutil in the task: one more",
        True,
        {
            "task.py": "import importlib, pkgutil\nimport plugins\ndef f(x): return [importlib.import_module(f'plugins.{m.name}').run() for m in pkgutil.iter_modules(plugins.__path__)]\n",
            "plugins/__init__.py": "",
            "plugins/a.py": "def run(): return 1",
        },
        {"plugins/b.py": "def run(): return 2"},
    ),
    edit(
        "plugin by a computed name in a helper module",
        True,
        "return 1",
        "return 5",
        """
        from loader import load
        def f(x): return load('a').run()
        """,
        {
            "loader.py": """
        import importlib
        def load(name): return importlib.import_module('plugins.' + name)
        """,
            "plugins/__init__.py": "",
            "plugins/a.py": "def run(): return 1",
        },
    ),
    edit(
        "plugin by a name from a table",
        True,
        "return 1",
        "return 5",
        """
        import importlib
        NAMES = {'one': 'impl_a', 'two': 'impl_b'}
        def f(x): return importlib.import_module(NAMES['one']).run()
        """,
        {"impl_a.py": "def run(): return 1", "impl_b.py": "def run(): return 2"},
    ),
    edit(
        "class by a dotted text, split",
        True,
        "return 1",
        "return 5",
        """
        import importlib
        WHERE = 'impl_a:Runner'
        def make(where):
            module, _, name = where.partition(':')
            return getattr(importlib.import_module(module), name)()
        def f(x): return make(WHERE).run()
        """,
        {
            "impl_a.py": """
        class Runner:
            def run(self): return 1
        """
        },
    ),
    edit(
        "class by a dotted text given as an argument",
        True,
        "return 1",
        "return 5",
        """
        import importlib
        ARGS = ('impl_a:Runner',)
        def f(x):
            module, _, name = x.partition(':')
            return getattr(importlib.import_module(module), name)().run()
        """,
        {
            "impl_a.py": """
        class Runner:
            def run(self): return 1
        """
        },
    ),
    edit(
        "pkgutil.resolve_name, again",
        True,
        "return 1",
        "return 5",
        """
        import pkgutil
        def f(x): return pkgutil.resolve_name('impl_a:run')()
        """,
        {"impl_a.py": "def run(): return 1"},
    ),
    edit(
        "pydoc.locate of a user's function",
        True,
        "return 1",
        "return 5",
        """
        import pydoc
        def f(x): return pydoc.locate('impl_a.run')()
        """,
        {"impl_a.py": "def run(): return 1"},
    ),
    edit(
        "text run by timeit in the task",
        True,
        "return 1",
        "return 5",
        """
        import timeit
        def g(): return 1
        def f(x):
            out = []
            timeit.timeit('out.append(g())', globals={'out': out, 'g': g}, number=1)
            return out
        """,
    ),
    edit(
        "exec of a text constant with imports",
        True,
        "return 1",
        "return 5",
        "\nCODE = 'import impl_a\\nr = impl_a.run()'\ndef f(x):\n    d = {}\n    exec(CODE, d)\n    return d['r']\n",
        {"impl_a.py": "def run(): return 1"},
    ),
    edit(
        "subprocess of the own module",
        True,
        "print(1)",
        "print(5)",
        """
        import subprocess, sys, os
        HERE = os.path.dirname(os.path.abspath(__file__))
        def f(x): return subprocess.run([sys.executable, os.path.join(HERE, 'tool.py')], capture_output=True, text=True).stdout
        OPTIONS = {'depends': ['file:tool.py']}
        """,
        {"tool.py": "print(1)"},
    ),
    edit(
        "mixin order of cooperative init",
        True,
        "A, B)",
        "B, A)",
        """
        class Base:
            def __init__(self): self.log = []
        class A(Base):
            def __init__(self): super().__init__(); self.log.append('a')
        class B(Base):
            def __init__(self): super().__init__(); self.log.append('b')
        class K(A, B): pass
        def f(x): return K().log
        """,
    ),
    edit(
        "mixin injected by an init_subclass",
        True,
        "return 1",
        "return 2",
        """
        class Extra:
            def get(self): return 1
        class Base:
            def __init_subclass__(cls, **kw):
                super().__init_subclass__(**kw)
                for k, v in vars(Extra).items():
                    if not k.startswith('__'): setattr(cls, k, v)
        class K(Base): pass
        def f(x): return K().get()
        """,
    ),
    edit(
        "descriptor with a default from its owner's name",
        True,
        "upper",
        "title",
        """
        class Named:
            def __set_name__(self, owner, name): self.text = (owner.__name__ + name).upper()
            def __get__(self, obj, owner): return self.text
        class K:
            ab = Named()
        def f(x): return K().ab
        """,
    ),
    edit(
        "non-data descriptor shadowed by an instance value",
        True,
        "'a': 1",
        "'a': 2",
        """
        class D:
            def __get__(self, obj, owner): return 0
        class K:
            a = D()
        k = K()
        k.__dict__.update({'a': 1})
        def f(x): return k.a
        """,
    ),
    edit(
        "data descriptor that stores by id",
        True,
        "k.a = 1",
        "k.a = 2",
        """
        class D:
            values = {}
            def __get__(self, obj, owner): return self.values[id(obj)]
            def __set__(self, obj, value): self.values[id(obj)] = value
        class K:
            a = D()
        k = K()
        k.a = 1
        def f(x): return k.a
        """,
    ),
    edit(
        "data descriptor that stores by id, comment",
        False,
        "# one",
        "# two",
        """
        class D:
            values = {}
            def __get__(self, obj, owner): return self.values[id(obj)]
            def __set__(self, obj, value): self.values[id(obj)] = value
        class K:
            a = D()
        k = K()
        k.a = 1 # one
        def f(x): return k.a
        """,
    ),
    edit(
        "metaclass that wraps all methods",
        True,
        "+ 1",
        "+ 2",
        """
        class Meta(type):
            def __new__(m, name, bases, space):
                for k, v in list(space.items()):
                    if callable(v) and not k.startswith('__'):
                        space[k] = (lambda g: lambda *a: g(*a) + 1)(v)
                return super().__new__(m, name, bases, space)
        class K(metaclass=Meta):
            def get(self): return 1
        def f(x): return K().get()
        """,
    ),
    edit(
        "metaclass getattr gives class members",
        True,
        "n * 2",
        "n * 3",
        """
        class Meta(type):
            def __getattr__(cls, name):
                if name.startswith('v'): return (lambda n: n * 2)(int(name[1:]))
                raise AttributeError(name)
        class K(metaclass=Meta): pass
        def f(x): return K.v4
        """,
    ),
    edit(
        "metaclass iterates over members",
        True,
        "B = 2",
        "B = 3",
        """
        class Meta(type):
            def __iter__(cls): return iter(sorted(v for k, v in vars(cls).items() if k.isupper()))
        class K(metaclass=Meta):
            A = 1
            B = 2
        def f(x): return list(K)
        """,
    ),
    edit(
        "class body uses a global by the same name",
        True,
        "N = 4",
        "N = 5",
        """
        N = 4
        class K:
            N = N * 2
        def f(x): return K.N
        """,
    ),
    edit(
        "class made in a function with closure",
        True,
        "make(3)",
        "make(4)",
        """
        def make(n):
            class K:
                def get(self): return n
            return K
        K = make(3)
        def f(x): return K().get()
        """,
    ),
    edit(
        "class made in a function, class attribute from its argument",
        True,
        "make(3)",
        "make(4)",
        """
        def make(n):
            class K:
                size = n
            return K
        K = make(3)
        def f(x): return K.size
        """,
    ),
    edit(
        "generic class with a parameter that init_subclass reads",
        True,
        "[int]",
        "[float]",
        """
        import typing
        T = typing.TypeVar('T')
        class Box(typing.Generic[T]):
            def __init_subclass__(cls): cls.kind = typing.get_args(cls.__orig_bases__[0])[0]
        class K(Box[int]): pass
        def f(x): return K.kind(x)
        """,
    ),
    edit(
        "generic base's argument read at call time",
        True,
        "[int]",
        "[float]",
        """
        import typing
        T = typing.TypeVar('T')
        class Box(typing.Generic[T]):
            def make(self, v): return typing.get_args(type(self).__orig_bases__[0])[0](v)
        class K(Box[int]): pass
        def f(x): return K().make(x)
        """,
    ),
    edit(
        "protocol member checked at run time",
        True,
        "def go",
        "def run",
        """
        import typing
        @typing.runtime_checkable
        class P(typing.Protocol):
            def go(self): ...
        class K:
            def run(self): return 1
        def f(x): return isinstance(K(), P)
        """,
    ),
    edit(
        "typed dict's keys read",
        True,
        "b: int",
        "c: int",
        """
        import typing
        class D(typing.TypedDict):
            a: int
            b: int
        def f(x): return sorted(D.__annotations__)
        """,
    ),
    edit(
        "named tuple fields read",
        True,
        "b: int",
        "c: int",
        """
        import typing
        class P(typing.NamedTuple):
            a: int
            b: int
        def f(x): return P._fields
        """,
    ),
    edit(
        "flag composed of others",
        True,
        "R | W",
        "R | X",
        """
        import enum
        class P(enum.Flag):
            R = 1
            W = 2
            X = 4
            RW = R | W
        def f(x): return P.RW.value
        """,
    ),
    edit(
        "enum with a mixed-in function table",
        True,
        "v + 1",
        "v + 2",
        """
        import enum
        from functools import partial
        class Op(enum.Enum):
            UP = partial(lambda v: v + 1)
            def __call__(self, v): return self.value(v)
        def f(x): return Op.UP(x)
        """,
    ),
    edit(
        "enum's member wrapped by enum.member",
        True,
        "v + 1",
        "v + 2",
        """
        import enum
        class Op(enum.Enum):
            @enum.member
            def UP(v): return v + 1
            def __call__(self, v): return self.value(v)
        def f(x): return Op.UP(x)
        """,
    ),
    edit(
        "enum with nonmember",
        True,
        "3)",
        "4)",
        """
        import enum
        class E(enum.Enum):
            A = 1
            size = enum.nonmember(3)
        def f(x): return E.size
        """,
    ),
    edit(
        "str enum's format",
        True,
        "'a1'",
        "'a2'",
        """
        import enum
        class E(enum.StrEnum):
            A = 'a1'
        def f(x): return f'{E.A}'
        """,
    ),
    edit(
        "dataclass kw_only field order in match",
        True,
        "x: int\n    y: int",
        "y: int\n    x: int",
        "\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n    y: int\ndef f(v):\n    match P(x=1, y=2):\n        case P(a, b): return a, b\n",
    ),
    edit(
        "match_args set after the class",
        True,
        "('b', 'a')",
        "('a', 'b')",
        """
        class P:
            def __init__(self): self.a, self.b = 1, 2
        P.__match_args__ = ('b', 'a')
        def f(x):
            match P():
                case P(u, v): return u, v
        """,
    ),
    edit(
        "dataclass with init var",
        True,
        "k * 2",
        "k * 3",
        """
        from dataclasses import dataclass, InitVar
        @dataclass
        class P:
            a: int = 0
            k: InitVar[int] = 2
            def __post_init__(self, k): self.a += k * 2
        def f(x): return P(x).a
        """,
    ),
    edit(
        "dataclass slots and weakref_slot",
        True,
        "slots=True",
        "slots=False",
        """
        from dataclasses import dataclass
        @dataclass(slots=True)
        class P:
            a: int = 0
        def f(x): return hasattr(P(x), '__dict__')
        """,
    ),
    edit(
        "dataclass fields' metadata used by a generic encoder",
        True,
        "'scale': 2",
        "'scale': 3",
        """
        import dataclasses as dc
        @dc.dataclass
        class P:
            a: int = dc.field(default=1, metadata={'scale': 2})
        def encode(p): return {q.name: getattr(p, q.name) * q.metadata.get('scale', 1) for q in dc.fields(p)}
        def f(x): return encode(P(x))
        """,
    ),
    edit(
        "dataclass hash by unsafe_hash",
        True,
        "unsafe_hash=True",
        "frozen=True",
        """
        from dataclasses import dataclass
        @dataclass(unsafe_hash=True)
        class P:
            a: int = 0
        def f(x):
            try: P(x).a = 3
            except AttributeError: return 'frozen'
            return 'free'
        """,
    ),
    edit(
        "attrs validator's bound",
        True,
        "0, 10",
        "0, 1",
        """
        import attrs
        def within(lo, hi):
            def check(inst, attr, v):
                if not lo <= v <= hi: raise ValueError(v)
            return check
        @attrs.define
        class P:
            a: int = attrs.field(default=5, validator=within(0, 10))
        def f(x):
            try: return P().a
            except ValueError: return 'bad'
        """,
    ),
    edit(
        "attrs converter, again",
        True,
        "v * 2",
        "v * 3",
        """
        import attrs
        @attrs.frozen
        class P:
            a: int = attrs.field(converter=lambda v: v * 2)
        def f(x): return P(x).a
        """,
    ),
    edit(
        "attrs default by a method",
        True,
        "return 1",
        "return 2",
        """
        import attrs
        @attrs.define
        class P:
            a = attrs.field()
            @a.default
            def _start(self): return 1
        def f(x): return P().a
        """,
    ),
    edit(
        "singledispatchmethod registered by hint outside the class",
        True,
        "v: int",
        "v: str",
        """
        import functools
        class K:
            @functools.singledispatchmethod
            def go(self, v): return 0
        @K.__dict__['go'].register
        def _(self, v: int): return 1
        def f(x): return K().go(x)
        """,
    ),
    edit(
        "partialmethod over a private method",
        True,
        "k=2",
        "k=3",
        """
        import functools
        class K:
            def _go(self, k): return k
            go = functools.partialmethod(_go, k=2)
        def f(x): return K().go()
        """,
    ),
    edit(
        "class decorator returning a subclass",
        True,
        "+ 1",
        "+ 2",
        """
        def more(cls):
            class Sub(cls):
                def get(self): return super().get() + 1
            return Sub
        @more
        class K:
            def get(self): return 1
        def f(x): return K().get()
        """,
    ),
    edit(
        "total_ordering's one comparison",
        True,
        "<",
        ">",
        """
        import functools
        @functools.total_ordering
        class K:
            def __init__(self, n): self.n = n
            def __eq__(self, o): return self.n == o.n
            def __lt__(self, o): return self.n < o.n
        def f(x): return [k.n for k in sorted([K(2), K(1), K(3)])]
        """,
    ),
    edit(
        "hash and eq of keys in a global dict",
        True,
        "% 2",
        "% 3",
        """
        class K:
            def __init__(self, n): self.n = n
            def __hash__(self): return 0
            def __eq__(self, o): return self.n % 2 == o.n % 2
        D = {K(1): 'one'}
        def f(x): return D.get(K(3)), D.get(K(4))
        """,
    ),
    edit(
        "missing of a dict subclass",
        True,
        "* 2",
        "* 3",
        """
        class D(dict):
            def __missing__(self, key): return key * 2
        T = D(a=1)
        def f(x): return T[x]
        """,
    ),
    edit(
        "array protocol of an own class",
        True,
        "* 2",
        "* 3",
        """
        import numpy as np
        class A:
            def __init__(self, n): self.n = n
            def __array__(self, dtype=None, copy=None): return np.arange(self.n) * 2
        G = A(3)
        def f(x): return np.asarray(G).tolist()
        """,
    ),
    edit(
        "array function protocol",
        True,
        "return 1",
        "return 2",
        """
        import numpy as np
        class A:
            def __array_function__(self, func, types, args, kwargs): return 1
        G = A()
        def f(x): return np.sum(G)
        """,
    ),
    edit(
        "ndarray subclass's finalize",
        True,
        "'m'",
        "'km'",
        """
        import numpy as np
        class U(np.ndarray):
            def __array_finalize__(self, obj): self.unit = 'm'
        G = np.zeros(2).view(U)
        def f(x): return G[:1].unit
        """,
    ),
    edit(
        "ndarray subclass's attribute",
        True,
        "unit = 'm'",
        "unit = 'km'",
        """
        import numpy as np
        class U(np.ndarray): pass
        G = np.zeros(2).view(U)
        G.unit = 'm'
        def f(x): return G.unit
        """,
    ),
    edit(
        "pandas subclass's method",
        True,
        "* 2",
        "* 3",
        """
        import pandas as pd
        class F(pd.DataFrame):
            @property
            def _constructor(self): return F
            def total(self): return int(self['a'].sum()) * 2
        G = F({'a': [1, 2]})
        def f(x): return G[G.a > 0].total()
        """,
    ),
    edit(
        "float subclass's operator",
        True,
        "o * 2",
        "o * 3",
        """
        class U(float):
            def __add__(self, o): return o * 2
        G = U(1.5)
        def f(x): return G + x
        """,
    ),
    edit(
        "exception's own str",
        True,
        "'bad'",
        "'worse'",
        """
        class E(Exception):
            def __str__(self): return 'bad'
        def g(): raise E
        def f(x):
            try: g()
            except Exception as e: return str(e)
        """,
    ),
    edit(
        "generator's send protocol",
        True,
        "v * 2",
        "v * 3",
        """
        def run():
            v = yield
            while True: v = yield v * 2
        def f(x):
            g = run(); next(g)
            return g.send(x)
        """,
    ),
    edit(
        "coroutine driven by hand",
        True,
        "v * 2",
        "v * 3",
        """
        class W:
            def __await__(self):
                v = yield 1
                return v * 2
        async def go(): return await W()
        def f(x):
            c = go(); c.send(None)
            try: c.send(x)
            except StopIteration as e: return e.value
        """,
    ),
    edit(
        "context manager made of a generator method",
        True,
        "yield 1",
        "yield 2",
        """
        import contextlib
        class K:
            @contextlib.contextmanager
            def open(self): yield 1
        def f(x):
            with K().open() as v: return v
        """,
    ),
    edit(
        "async generator helper with a cleanup",
        True,
        "L.append(1)",
        "L.append(2)",
        """
        import asyncio
        async def gen(L):
            try: yield 0
            finally: L.append(1)
        async def go():
            L = []
            g = gen(L)
            async for _ in g: pass
            return L
        def f(x): return asyncio.run(go())
        """,
    ),
    edit(
        "task group of own coroutines",
        True,
        "n + 1",
        "n + 2",
        """
        import asyncio
        async def one(n): return n + 1
        async def go():
            async with asyncio.TaskGroup() as tg:
                ts = [tg.create_task(one(i)) for i in range(2)]
            return [t.result() for t in ts]
        def f(x): return asyncio.run(go())
        """,
    ),
    edit(
        "wrapper with options from a class that is called",
        True,
        "times=2",
        "times=3",
        """
        import functools
        class retry:
            def __init__(self, times): self.times = times
            def __call__(self, g):
                @functools.wraps(g)
                def w(*a): return [g(*a)] * self.times
                return w
        @retry(times=2)
        def g(x): return x
        def f(x): return g(x)
        """,
    ),
    edit(
        "wrapper chosen by a flag at import",
        True,
        "FAST = True",
        "FAST = False",
        """
        FAST = True
        def quick(g): return lambda x: g(x) * 1
        def slow(g): return lambda x: g(x) * 2
        deco = quick if FAST else slow
        @deco
        def g(x): return x + 1
        def f(x): return g(x)
        """,
    ),
    edit(
        "stacked wraps over a user's class instance",
        True,
        "return 1",
        "return 2",
        """
        import functools
        class G:
            __name__ = 'G'
            def __call__(self, x): return 1
        g0 = G()
        @functools.wraps(g0)
        def g(x): return g0(x)
        def f(x): return g(x)
        """,
    ),
    edit(
        "closures over a loop variable, bound in a dict",
        True,
        "n * 10",
        "n * 11",
        """
        OPS = {}
        for n in (1, 2):
            def op(v, n=n): return v + n * 10
            OPS[n] = op
        def f(x): return OPS[2](x)
        """,
    ),
    edit(
        "closures over a loop variable in a factory",
        True,
        "(1, 2)",
        "(1, 3)",
        """
        def ops():
            made = []
            for n in (1, 2):
                made.append(lambda v: v + n)
            return made
        OPS = ops()
        def f(x): return OPS[0](x)
        """,
    ),
    edit(
        "nonlocal rebound by a setter called at import",
        True,
        "set_n(4)",
        "set_n(5)",
        """
        def make():
            n = 1
            def get(): return n
            def set_n(v):
                nonlocal n
                n = v
            return get, set_n
        get, set_n = make()
        set_n(4)
        def f(x): return get()
        """,
    ),
    edit(
        "lambda as default in another module's class",
        True,
        "v + 1",
        "v + 2",
        """
        import lib
        def f(x): return lib.K().go(x)
        """,
        {
            "lib.py": """
        class K:
            def go(self, v, g=lambda v: v + 1): return g(v)
        """
        },
    ),
    edit(
        "match with sequence and star",
        True,
        "[a, *_]",
        "[*_, a]",
        """
        def g(v):
            match v:
                case [a, *_]: return a
        def f(x): return g([1, 2, 3])
        """,
    ),
    edit(
        "match with a dotted enum value",
        True,
        "E.A",
        "E.B",
        """
        import enum
        class E(enum.Enum):
            A = 1
            B = 2
        def f(x):
            match E(x):
                case E.A: return 'a'
                case _: return 'other'
        """,
    ),
    edit(
        "match with own isinstance",
        True,
        "return True",
        "return False",
        """
        class Meta(type):
            def __instancecheck__(cls, v): return True
        class K(metaclass=Meta): pass
        def f(x):
            match x:
                case K(): return 'k'
                case _: return 'other'
        """,
    ),
    edit(
        "operator.attrgetter with a dotted name through a module",
        True,
        "A = 2",
        "A = 3",
        """
        import operator, cfg
        G = operator.attrgetter('inner.A')
        def f(x): return G(cfg)
        """,
        {"cfg.py": "import inner", "inner.py": "A = 2"},
    ),
    edit(
        "method named by a text in a table",
        True,
        "return 1",
        "return 2",
        """
        class K:
            def go_a(self): return 1
        STEPS = ['go_a']
        def f(x): return [getattr(K(), s)() for s in STEPS]
        """,
    ),
    edit(
        "function named by a text in globals, other module",
        True,
        "return 1",
        "return 2",
        """
        import lib
        def f(x): return lib.call('go')
        """,
        {
            "lib.py": """
        def do_go(): return 1
        def call(name): return globals()['do_' + name]()
        """
        },
    ),
    edit(
        "function by vars of a module object in a table",
        True,
        "return 1",
        "return 2",
        """
        import lib
        MODULES = {'lib': lib}
        def f(x): return vars(MODULES['lib'])['go']()
        """,
        {"lib.py": "def go(): return 1"},
    ),
    edit(
        "module held by an instance",
        True,
        "return 1",
        "return 2",
        """
        import lib
        class K:
            def __init__(self, m): self.m = m
            def go(self): return self.m.go()
        k = K(lib)
        def f(x): return k.go()
        """,
        {"lib.py": "def go(): return 1"},
    ),
    edit(
        "module in a class attribute",
        True,
        "return 1",
        "return 2",
        """
        import lib
        class K:
            backend = lib
            def go(self): return self.backend.go()
        def f(x): return K().go()
        """,
        {"lib.py": "def go(): return 1"},
    ),
    edit(
        "module as an argument",
        True,
        "return 1",
        "return 2",
        """
        import lib
        ARGS = (lib,)
        def f(x): return x.go()
        """,
        {"lib.py": "def go(): return 1"},
    ),
    edit(
        "module of a module as default",
        True,
        "return 1",
        "return 2",
        """
        import lib
        def f(x, m=lib): return m.go()
        """,
        {"lib.py": "def go(): return 1"},
    ),
    edit(
        "module held in a closure",
        True,
        "return 1",
        "return 2",
        """
        import lib
        def make(m):
            def go(): return m.go()
            return go
        go = make(lib)
        def f(x): return go()
        """,
        {"lib.py": "def go(): return 1"},
    ),
    edit(
        "package member bound at import of a submodule",
        True,
        "return 1",
        "return 2",
        """
        import pkg
        def f(x): return pkg.sub.go()
        """,
        {"pkg/__init__.py": "from . import sub", "pkg/sub.py": "def go(): return 1"},
    ),
    edit(
        "function hides the submodule of its name",
        True,
        "return 1",
        "return 2",
        """
        from pkg import go
        def f(x): return go()
        """,
        {"pkg/__init__.py": "from .go import go", "pkg/go.py": "def go(): return 1"},
    ),
    edit(
        "module __getattr__ with a table of lazies",
        True,
        "return 1",
        "return 2",
        """
        import pkg
        def f(x): return pkg.go()
        """,
        {
            "pkg/__init__.py": """
        import importlib
        _WHERE = {'go': '.impl'}
        def __getattr__(name):
            if name in _WHERE: return getattr(importlib.import_module(_WHERE[name], __name__), name)
            raise AttributeError(name)
        """,
            "pkg/impl.py": "def go(): return 1",
        },
    ),
    edit(
        "module __getattr__ found by from-import",
        True,
        "return 1",
        "return 2",
        """
        from pkg import go
        def f(x): return go()
        """,
        {
            "pkg/__init__.py": """
        import importlib
        def __getattr__(name):
            if name == 'go': return importlib.import_module('.impl', __name__).go
            raise AttributeError(name)
        """,
            "pkg/impl.py": "def go(): return 1",
        },
    ),
    edit(
        "star import through a computed __all__",
        True,
        "return 1",
        "return 2",
        """
        from pkg import *
        def f(x): return go()
        """,
        {
            "pkg/__init__.py": """
        from . import impl
        from .impl import *
        __all__ = [*impl.__all__]
        """,
            "pkg/impl.py": """
        __all__ = ['go']
        def go(): return 1
        """,
        },
    ),
    edit(
        "star import order of two modules",
        True,
        "import *\nfrom b",
        "import *  \nfrom c",
        "\nfrom a import *\nfrom b import *\ndef f(x): return go()\n",
        {
            "a.py": "def go(): return 1",
            "b.py": "def go(): return 2",
            "c.py": "def go(): return 3",
        },
    ),
    edit(
        "relative import two levels up",
        True,
        "return 1",
        "return 2",
        """
        from pkg.deep.er import go
        def f(x): return go()
        """,
        {
            "pkg/__init__.py": "",
            "pkg/base.py": "def one(): return 1",
            "pkg/deep/__init__.py": "",
            "pkg/deep/er.py": """
        from .. import base
        from ..base import one as uno
        def go(): return uno(), base.one()
        """,
        },
    ),
    edit(
        "namespace package over two folders",
        True,
        "return 1",
        "return 2",
        """
        import sys, os
        HERE = os.path.dirname(os.path.abspath(__file__))
        sys.path += [os.path.join(HERE, 'one'), os.path.join(HERE, 'two')]
        import ns.a, ns.b
        def f(x): return ns.a.go() + ns.b.go()
        """,
        {"one/ns/a.py": "def go(): return 1", "two/ns/b.py": "def go(): return 70"},
    ),
    edit(
        "import of a sibling in a helper's function under try",
        True,
        "return 1",
        "return 2",
        """
        import lib
        def f(x): return lib.go()
        """,
        {
            "lib.py": """
        def go():
            try:
                from fast import run
            except ImportError:
                from slow import run
            return run()
        """,
            "slow.py": "def run(): return 1",
        },
    ),
    edit(
        "version-dependent import",
        True,
        "return 1",
        "return 2",
        """
        import sys
        if sys.version_info >= (3, 11):
            from new import go
        else:
            from old import go
        def f(x): return go()
        """,
        {"new.py": "def go(): return 1", "old.py": "def go(): return 3"},
    ),
    edit(
        "monkeypatch of own module's function at import of a third",
        True,
        "return 5",
        "return 6",
        """
        import lib, patch
        def f(x): return lib.go()
        """,
        {
            "lib.py": "def go(): return 1",
            "patch.py": """
        import lib
        def _go(): return 5
        lib.go = _go
        """,
        },
    ),
    edit(
        "monkeypatch by mock.patch started at import",
        True,
        "return_value=5",
        "return_value=6",
        """
        import lib
        from unittest import mock
        P = mock.patch('lib.go', return_value=5)
        P.start()
        def f(x): return lib.go()
        """,
        {"lib.py": "def go(): return 1"},
    ),
    edit(
        "monkeypatch of a class's method through setattr in a loop",
        True,
        "k * 2",
        "k * 3",
        """
        import lib
        for k in (1, 2):
            setattr(lib.K, f'm{k}', lambda self, k=k: k * 2)
        def f(x): return lib.K().m2()
        """,
        {"lib.py": "class K: pass"},
    ),
    edit(
        "instance's class swapped at import",
        True,
        "return 1",
        "return 2",
        """
        class A:
            def go(self): return 0
        class B:
            def go(self): return 1
        k = A()
        k.__class__ = B
        def f(x): return k.go()
        """,
    ),
    edit(
        "bases swapped at import",
        True,
        "return 1",
        "return 2",
        """
        class A:
            def go(self): return 0
        class B:
            def go(self): return 1
        class K(A): pass
        K.__bases__ = (B,)
        def f(x): return K().go()
        """,
    ),
    edit(
        "lru_cache over a method",
        True,
        "* 2",
        "* 3",
        """
        import functools
        class K:
            @functools.lru_cache
            def go(self, x): return x * 2
        k = K()
        def f(x): return k.go(x)
        """,
    ),
    edit(
        "lru_cache over a partial",
        True,
        "k=2",
        "k=3",
        """
        import functools
        def g(x, k): return x * k
        h = functools.lru_cache(functools.partial(g, k=2))
        def f(x): return h(x)
        """,
    ),
    edit(
        "own cache decorator that pickles arguments",
        True,
        "* 2",
        "* 3",
        """
        import functools, pickle
        def cached(g):
            store = {}
            @functools.wraps(g)
            def w(*a):
                key = pickle.dumps(a)
                if key not in store: store[key] = g(*a)
                return store[key]
            w.store = store
            return w
        @cached
        def h(x): return x * 2
        h(1)
        def f(x): return h(x)
        """,
    ),
    edit(
        "own cache decorator, warm with another value",
        False,
        "h(1)",
        "h(7)",
        """
        import functools, pickle
        def cached(g):
            store = {}
            @functools.wraps(g)
            def w(*a):
                key = pickle.dumps(a)
                if key not in store: store[key] = g(*a)
                return store[key]
            w.store = store
            return w
        @cached
        def h(x): return x * 2
        h(1)
        def f(x): return h(x)
        """,
    ),
    edit(
        "own cache on a class attribute, warm",
        False,
        "Cache.get(1)",
        "Cache.get(7)",
        """
        class Cache:
            seen = {}
            @classmethod
            def get(cls, x):
                if x not in cls.seen: cls.seen[x] = x * 2
                return cls.seen[x]
        Cache.get(1)
        def f(x): return Cache.get(x)
        """,
    ),
    edit(
        "counter of calls by itertools.count for names, warm",
        False,
        "# one",
        "# two",
        """
        import itertools
        IDS = itertools.count()
        def fresh(): return next(IDS)
        def f(x): return x if fresh() is not None else 0 # one
        """,
    ),
]
