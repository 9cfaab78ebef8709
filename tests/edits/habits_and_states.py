"""Edits that people make all day, and of state beside configuration."""

# ruff: noqa: E501

from __future__ import annotations

from harness import Edit, edit

MODEL = '''\
import numpy as np
import helpers
from helpers import scale

LIMITS = {"low": 1, "high": 9}


def clip(v, low=LIMITS["low"], high=LIMITS["high"]):
    """Keep within bounds."""
    return max(low, min(high, v))


class Model:
    """A model."""

    gain = 2

    def __init__(self, n=3):
        self.n = n

    def run(self, x):
        total = sum(scale(x) * k for k in range(self.n))
        return clip(total * self.gain)


def f(x):
    m = Model(n=4)
    return m.run(x)
'''
HELPERS = {
    "helpers.py": """\
import math

RATE = 2.5

def scale(v):
    return v * RATE + math.sin(v)

def spare(v):
    return v
"""
}
HABITS_AND_STATES: list[Edit] = [
    edit(
        "model: black splits the signature",
        False,
        'def clip(v, low=LIMITS["low"], high=LIMITS["high"]):',
        'def clip(\n    v,\n    low=LIMITS["low"],\n    high=LIMITS["high"],\n):',
        MODEL,
        HELPERS,
    ),
    edit(
        "model: hints added to a signature with defaults",
        False,
        'v, low=LIMITS["low"], high=LIMITS["high"]):',
        'v: float, low: float = LIMITS["low"], high: float = LIMITS["high"]) -> float:',
        MODEL,
        HELPERS,
    ),
    edit(
        "model: hint of a class attribute",
        False,
        "    gain = 2",
        "    gain = 2  # per unit",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: docstring of a used class",
        False,
        "A model.",
        "The model of the paper.",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: docstring added to init",
        False,
        "        self.n = n",
        "        '''Set up.'''\n        self.n = n",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: print at import",
        False,
        "LIMITS = {",
        "print('loading')\nLIMITS = {",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: unused import of numpy removed",
        False,
        "import numpy as np\n",
        "",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: imports of third parties added",
        False,
        "import numpy as np\n",
        "import numpy as np\nimport json\nimport pathlib\n",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: a second task's helper added",
        False,
        "def f(x):",
        "def g(x):\n    return Model(n=9).run(x)\n\n\ndef f(x):",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: a constant that only a comment names",
        False,
        "LIMITS = {",
        "OTHER = 5\nLIMITS = {",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: trailing comma in a dict",
        False,
        '"high": 9}',
        '"high": 9,}',
        MODEL,
        HELPERS,
    ),
    edit(
        "model: dict by lines",
        False,
        '{"low": 1, "high": 9}',
        '{\n    "low": 1,\n    "high": 9,\n}',
        MODEL,
        HELPERS,
    ),
    edit(
        "model: order of entries in a dict",
        False,
        '{"low": 1, "high": 9}',
        '{"high": 9, "low": 1}',
        MODEL,
        HELPERS,
    ),
    edit(
        "model: dict by dict()",
        False,
        '{"low": 1, "high": 9}',
        "dict(low=1, high=9)",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: unused helper of the helpers",
        False,
        "def spare(v):\n    return v",
        "def spare(v):\n    return v + 1",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: helpers' unused constant",
        False,
        "RATE = 2.5",
        "RATE = 2.5\nSPARE = 3",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: helper's constant by another route",
        False,
        "RATE = 2.5",
        "RATE = 5 / 2",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: helper's constant, annotated Final",
        False,
        "RATE = 2.5",
        "from typing import Final\nRATE: Final = 2.5",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: logger added to the helpers",
        False,
        "RATE = 2.5",
        "import logging\nLOG = logging.getLogger(__name__)\nRATE = 2.5",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: main block that plots",
        False,
        "    return m.run(x)\n",
        "    return m.run(x)\n\n\nif __name__ == '__main__':\n    print([f(i) for i in range(3)])\n",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: results saved at the top level",
        False,
        "def f(x):",
        "np.testing.assert_allclose(1.0, 1.0)\n\n\ndef f(x):",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: a class of an exception added",
        False,
        "class Model:",
        "class Bad(Exception):\n    pass\n\n\nclass Model:",
        MODEL,
        HELPERS,
    ),
    edit(
        "model: a subclass added that nobody uses",
        False,
        "def f(x):",
        "class Other(Model):\n    gain = 7\n\n\ndef f(x):",
        MODEL,
        HELPERS,
    ),
    edit(
        "overload by typing added",
        False,
        "def g(v):",
        "import typing\n@typing.overload\ndef g(v: int): ...\n@typing.overload\ndef g(v: str): ...\ndef g(v):",
        "def g(v): return v * 2\ndef f(x): return g(x)",
    ),
    edit(
        "final decorator added",
        False,
        "def g(v):",
        "import typing\n@typing.final\ndef g(v):",
        "def g(v): return v * 2\ndef f(x): return g(x)",
    ),
    edit(
        "bare annotation of a local",
        False,
        "y = x",
        "y: int\n    y = x",
        "def f(x):\n    y = x\n    return y",
    ),
    edit(
        "type alias for hints added",
        False,
        "def g(v",
        "from typing import TypeAlias\nV: TypeAlias = 'int | float'\ndef g(v: V",
        "def g(v): return v * 2\ndef f(x): return g(x)",
    ),
    edit(
        "parameter spec for own decorator",
        False,
        "def deco(g):\n",
        "def deco(g: Callable[P, R]) -> Callable[P, R]:\n",
        "from typing import Callable, ParamSpec, TypeVar\nP = ParamSpec('P')\nR = TypeVar('R')\ndef deco(g):\n    def w(*a, **k): return g(*a, **k)\n    return w\n@deco\ndef h(v): return v\ndef f(x): return h(x)",
    ),
    edit(
        "hint of a decorated helper",
        False,
        "def h(v)",
        "def h(v: int) -> int",
        """
        import functools
        def deco(g):
            @functools.wraps(g)
            def w(*a, **k): return g(*a, **k)
            return w
        @deco
        def h(v): return v
        def f(x): return h(x)
        """,
    ),
    edit(
        "docstring of a decorated helper",
        False,
        "'one'",
        "'two'",
        """
        import functools
        def deco(g):
            @functools.wraps(g)
            def w(*a, **k): return g(*a, **k)
            return w
        @deco
        def h(v):
            'one'
            return v
        def f(x): return h(x)
        """,
    ),
    edit(
        "docstring of an lru_cached helper",
        False,
        "'one'",
        "'two'",
        """
        import functools
        @functools.lru_cache
        def h(v):
            'one'
            return v
        def f(x): return h(x)
        """,
    ),
    edit(
        "docstring of a contextmanager",
        False,
        "'one'",
        "'two'",
        """
        import contextlib
        @contextlib.contextmanager
        def h(v):
            'one'
            yield v
        def f(x):
            with h(x) as y: return y
        """,
    ),
    edit(
        "docstring of a property, again",
        False,
        "'one'",
        "'two'",
        """
        class K:
            @property
            def p(self):
                'one'
                return 1
        def f(x): return K().p
        """,
    ),
    edit(
        "docstring of an enum",
        False,
        "'one'",
        "'two'",
        """
        import enum
        class K(enum.Enum):
            'one'
            A = 1
        def f(x): return K.A.value
        """,
    ),
    edit(
        "docstring of a named tuple",
        False,
        "'one'",
        "'two'",
        """
        import typing
        class K(typing.NamedTuple):
            'one'
            a: int
        def f(x): return K(x).a
        """,
    ),
    edit(
        "docstring of a metaclass",
        False,
        "'one'",
        "'two'",
        """
        class Meta(type):
            'one'
        class K(metaclass=Meta): n = 1
        def f(x): return K.n
        """,
    ),
    edit(
        "docstring of a task with partial",
        False,
        "'one'",
        "'two'",
        """
        import functools
        def g(v, k):
            'one'
            return v + k
        h = functools.partial(g, k=2)
        def f(x): return h(x)
        """,
    ),
    edit(
        "docstring of a function in a table",
        False,
        "'one'",
        "'two'",
        """
        def g(v):
            'one'
            return v
        T = {'g': g}
        def f(x): return T['g'](x)
        """,
    ),
    edit(
        "docstring of a singledispatch branch",
        False,
        "'one'",
        "'two'",
        """
        import functools
        @functools.singledispatch
        def g(v): return 0
        @g.register(int)
        def _(v):
            'one'
            return v
        def f(x): return g(x)
        """,
    ),
    edit(
        "docstring of a vectorized helper",
        False,
        "# one",
        "# two",
        """
        import numpy as np
        @np.vectorize
        def g(v):
            # one
            return v * 2
        def f(x): return g(x)
        """,
    ),
    edit(
        "attribute docstring in a class",
        False,
        "'one'",
        "'two'",
        """
        class K:
            n = 1
            'one'
        def f(x): return K.n
        """,
    ),
    edit(
        "attribute docstring in a dataclass",
        False,
        "'one'",
        "'two'",
        """
        from dataclasses import dataclass
        @dataclass
        class K:
            n: int = 1
            'one'
        def f(x): return K().n
        """,
    ),
    edit(
        "text that stands alone in a function",
        False,
        "'one'",
        "'two'",
        """
        def f(x):
            y = x
            'one'
            return y
        """,
    ),
    edit(
        "ellipsis removed from a body",
        False,
        "    ...\n",
        "",
        "def f(x):\n    ...\n    return x",
    ),
    edit(
        "hint of an instance attribute in init",
        False,
        "self.n = n",
        "self.n: int = n",
        """
        class K:
            def __init__(self, n): self.n = n
        def f(x): return K(x).n
        """,
    ),
    edit(
        "hint of self.attribute without a value",
        False,
        "self.n = n",
        "self.n: int\n        self.n = n",
        "class K:\n    def __init__(self, n):\n        self.n = n\ndef f(x): return K(x).n",
    ),
    edit(
        "import order inside a package's init",
        False,
        "from .a import one\nfrom .b import two",
        "from .b import two\nfrom .a import one",
        "import pkg\ndef f(x): return pkg.one() + pkg.two()",
        {
            "pkg/__init__.py": "from .a import one\nfrom .b import two",
            "pkg/a.py": "def one(): return 1",
            "pkg/b.py": "def two(): return 2",
        },
    ),
    edit(
        "re-export added to a package's init",
        False,
        "from .a import one",
        "from .a import one\nfrom .b import two",
        "import pkg\ndef f(x): return pkg.one()",
        {
            "pkg/__init__.py": "from .a import one",
            "pkg/a.py": "def one(): return 1",
            "pkg/b.py": "def two(): return 2",
        },
    ),
    edit(
        "unicode identifier in another spelling",
        False,
        "ﬁt = 1",
        "fit = 1",
        """
        ﬁt = 1
        def f(x): return fit + x
        """,
    ),
    edit(
        "unicode escapes in a text",
        False,
        "'\\u00e4'",
        "'ä'",
        "def f(x): return '\\u00e4'",
    ),
    edit(
        "text with explicit newline against triple quotes",
        False,
        "'a\\nb'",
        "'''a\nb'''",
        "def f(x): return 'a\\nb'",
    ),
    edit("complex literal spelling", False, "1J", "1j", "def f(x): return 1J"),
    edit("float without a zero", False, ".5", "0.5", "def f(x): return .5"),
    edit(
        "nested with statements in parentheses",
        False,
        "with a() as u, a() as v:",
        "with (a() as u, a() as v):",
        """
        import contextlib
        @contextlib.contextmanager
        def a(): yield 1
        def f(x):
            with a() as u, a() as v: return u + v
        """,
    ),
    edit(
        "except in parentheses",
        False,
        "except ValueError:",
        "except (ValueError):",
        """
        def f(x):
            try: return int(x)
            except ValueError: return 0
        """,
    ),
    edit(
        "assert in parentheses",
        False,
        "assert x > 0, 'm'",
        "assert (x > 0), ('m')",
        """
        def f(x):
            assert x > 0, 'm'
            return x
        """,
    ),
    edit(
        "slice with an empty step",
        False,
        "[1:2]",
        "[1:2:]",
        "def f(x): return 'abc'[1:2]",
    ),
    edit(
        "decorator in parentheses",
        False,
        "@deco",
        "@(deco)",
        """
        def deco(g): return g
        @deco
        def h(v): return v
        def f(x): return h(x)
        """,
    ),
    edit(
        "else-if for elif",
        False,
        "elif x > 1: return 2",
        "else:\n        if x > 1: return 2",
        "def f(x):\n    if x > 2: return 3\n    elif x > 1: return 2",
    ),
    edit(
        "lambda body in parentheses",
        False,
        "lambda v: v + 1",
        "lambda v: (v + 1)",
        """
        G = lambda v: v + 1
        def f(x): return G(x)
        """,
    ),
    edit(
        "two statements on a line split",
        False,
        "a = x; b = a",
        "a = x\n    b = a",
        "def f(x):\n    a = x; b = a\n    return b",
    ),
    edit(
        "positional call with line breaks and comments",
        False,
        "g(x, 1)",
        "g(  # call\n        x,\n        # one\n        1,\n    )",
        "def g(a, b): return a + b\ndef f(x): return g(x, 1)",
    ),
    edit(
        "form feed between functions",
        False,
        "\ndef f",
        "\n\x0c\ndef f",
        "def g(a): return a\ndef f(x): return g(x)",
    ),
    edit(
        "shebang and coding cookie",
        False,
        "def g",
        "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\ndef g",
        "def g(a): return 'ä'\ndef f(x): return g(x)",
    ),
    edit(
        "noqa and type-ignore marks",
        False,
        "return a",
        "return a  # type: ignore  # noqa",
        """
        def g(a): return a
        def f(x): return g(x)
        """,
    ),
    edit(
        "fmt marks",
        False,
        "def g",
        "# fmt: off\ndef g",
        "def g(a): return a\ndef f(x): return g(x)",
    ),
    edit(
        "cell marks of an editor",
        False,
        "def g",
        "# %% [markdown]\n# # Title\n# %%\ndef g",
        "def g(a): return a\ndef f(x): return g(x)",
    ),
    edit(
        "tabs for spaces in a helper",
        False,
        "    return a",
        "\treturn a",
        """
        import lib
        def f(x): return lib.g(x)
        """,
        {
            "lib.py": """
        def g(a):
            return a
        """
        },
    ),
    edit(
        "file renamed with its import",
        False,
        "import lib\n",
        "import lib # x\n",
        "import lib\ndef f(x): return lib.g(x)",
        {"lib.py": "def g(a): return a"},
    ),
    Edit(
        "module renamed together with its users",
        False,
        {
            "task.py": "from lib import g\ndef f(x): return g(x)",
            "lib.py": "def g(a): return a",
        },
        {
            "task.py": "from tools import g\ndef f(x): return g(x)",
            "lib.py": "",
            "tools.py": "def g(a): return a",
        },
    ),
    Edit(
        "package flattened",
        False,
        {
            "task.py": "from pkg.sub.m import g\ndef f(x): return g(x)",
            "pkg/__init__.py": "\n",
            "pkg/sub/__init__.py": "\n",
            "pkg/sub/m.py": "def g(a): return a",
        },
        {
            "task.py": "from m import g\ndef f(x): return g(x)",
            "m.py": "def g(a): return a",
        },
    ),
    Edit(
        "class moved to a new module with its constants",
        False,
        {
            "task.py": "N = 3\nclass K:\n    def get(self): return N\ndef f(x): return K().get()"
        },
        {
            "task.py": "from k import K\ndef f(x): return K().get()",
            "k.py": "N = 3\nclass K:\n    def get(self): return N\n",
        },
    ),
    Edit(
        "relative imports become absolute",
        False,
        {
            "task.py": "from pkg.m import g\ndef f(x): return g(x)",
            "pkg/__init__.py": "\n",
            "pkg/m.py": "from .n import h\ndef g(a): return h(a)",
            "pkg/n.py": "def h(a): return a",
        },
        {"pkg/m.py": "from pkg.n import h\ndef g(a): return h(a)"},
    ),
    Edit(
        "data file beside that nobody reads",
        False,
        {"task.py": "def f(x): return x", "a.csv": "1"},
        {"a.csv": "2", "b.csv": "3"},
    ),
    Edit(
        "new module beside with the name of nothing",
        False,
        {
            "task.py": "import lib\ndef f(x): return lib.g(x)",
            "lib.py": "def g(a): return a",
        },
        {"more.py": "def g(a): return a + 1"},
    ),
    edit(
        "registry in another module: entry of another registry",
        False,
        "'z'",
        "'y'",
        """
        import reg, lib
        def f(x): return reg.A['a'](x)
        """,
        {
            "reg.py": """
        A = {}
        B = {}
        def a(name): return lambda g: A.setdefault(name, g)
        def b(name): return lambda g: B.setdefault(name, g)
        """,
            "lib.py": """
        import reg
        @reg.a('a')
        def one(v): return v
        @reg.b('z')
        def two(v): return v
        """,
        },
    ),
    edit(
        "unrelated mutation of another dict in the task's module",
        False,
        "SEEN['b'] = 1",
        "SEEN['b'] = 2",
        """
        SEEN = {}
        SEEN['b'] = 1
        USED = {}
        USED['a'] = 2
        def f(x): return USED['a']
        """,
    ),
    edit(
        "logging set up at import",
        False,
        "level=logging.INFO",
        "level=logging.DEBUG",
        """
        import logging
        logging.basicConfig(level=logging.INFO)
        LOG = logging.getLogger('h')
        def f(x):
            LOG.debug('x')
            return x
        """,
    ),
    edit(
        "handler and format of a logger",
        False,
        "'%(message)s'",
        "'%(asctime)s %(message)s'",
        """
        import logging, sys
        LOG = logging.getLogger('h2')
        H = logging.StreamHandler(sys.stderr)
        H.setFormatter(logging.Formatter('%(message)s'))
        LOG.addHandler(H)
        def f(x):
            LOG.debug('x')
            return x
        """,
    ),
    edit(
        "results saved by numpy at the top level",
        False,
        "'out1.npy'",
        "'out2.npy'",
        """
        import numpy as np
        def f(x): return float(np.sum(np.ones(x)))
        np.save('out1.npy', np.zeros(2))
        """,
    ),
    edit(
        "folder for output made at import",
        False,
        "'out1'",
        "'out2'",
        """
        import os
        os.makedirs('out1', exist_ok=True)
        def f(x): return os.path.basename('a/b')
        """,
    ),
    edit(
        "plot at the top level",
        False,
        "[1, 2]",
        "[1, 3]",
        """
        import matplotlib
        matplotlib.use('Agg')
        import matplotlib.pyplot as plt
        import numpy as np
        plt.plot([1, 2])
        plt.savefig('a.png')
        def f(x): return float(np.ones(x).sum())
        """,
    ),
    edit(
        "plot style, the task does not plot",
        False,
        "'ggplot'",
        "'bmh'",
        """
        import matplotlib.pyplot as plt
        plt.style.use('ggplot')
        def f(x): return x
        """,
    ),
    edit(
        "path put on sys.path in another order",
        False,
        "'a'",
        "'b'",
        """
        import sys
        sys.path.append('a')
        def f(x): return sys.version_info[0] + x
        """,
    ),
    edit(
        "thread limits in the environment",
        False,
        "'1'",
        "'2'",
        """
        import os
        os.environ['OMP_NUM_THREADS'] = '1'
        def f(x): return os.path.basename('a/b')
        """,
    ),
    edit(
        "warnings silenced",
        False,
        "'ignore'",
        "'default'",
        """
        import warnings
        warnings.filterwarnings('ignore')
        def f(x): return x
        """,
    ),
    edit(
        "atexit hook and signal",
        False,
        "print('a')",
        "print('b')",
        """
        import atexit, signal
        atexit.register(lambda: print('a'))
        def f(x): return x
        """,
    ),
    edit(
        "sleep at import",
        False,
        "0.01",
        "0.02",
        """
        import time
        time.sleep(0.01)
        def f(x): return time.gmtime(0).tm_year
        """,
    ),
    edit(
        "json dumped at the top level",
        False,
        "[1]",
        "[2]",
        """
        import json
        with open('o.json', 'w') as fh: json.dump([1], fh)
        def f(x): return json.dumps(x)
        """,
    ),
    edit(
        "statement with a call for effect on a data frame",
        False,
        "'a.csv'",
        "'b.csv'",
        """
        import pandas as pd
        pd.DataFrame({'a': [1]}).to_csv('a.csv')
        def f(x): return int(pd.Series([x]).sum())
        """,
    ),
    edit(
        "progress display at import",
        False,
        "'load'",
        "'start'",
        """
        import sys
        sys.stderr.write('load')
        sys.stderr.flush()
        def f(x): return sys.maxsize > x
        """,
    ),
    edit(
        "random used at the top level",
        False,
        "randint(1, 2)",
        "randint(1, 3)",
        """
        import random
        print(random.randint(1, 2))
        def f(x): return random.Random(x).random()
        """,
    ),
    edit(
        "lambda assigned becomes def of another's",
        False,
        "G = lambda v: v",
        "G = lambda v: v + 1",
        """
        G = lambda v: v
        def f(x): return (lambda G: G)(x)
        """,
    ),
    edit(
        "closure's unused outer variable",
        False,
        "b = 2",
        "b = 3",
        """
        def make():
            a = 1
            b = 2
            def g(): return a
            return g
        g = make()
        def f(x): return g()
        """,
    ),
    edit(
        "unused default of another function in a loop",
        False,
        "n=2",
        "n=3",
        """
        def other(n=2): return n
        def f(x): return x
        """,
    ),
    edit(
        "exception message of an unused function",
        False,
        "'m'",
        "'n'",
        """
        def other(): raise ValueError('m')
        def f(x): return x
        """,
    ),
    edit(
        "unused method's docstring and hint",
        False,
        "def spare(self):",
        "def spare(self) -> None:\n        'Spare.'",
        "class K:\n    def go(self): return 1\n    def spare(self):\n        pass\ndef f(x): return K().go()",
    ),
    edit(
        "slots order kept, spaces",
        False,
        "('a', 'b')",
        "('a','b')",
        """
        class K:
            __slots__ = ('a', 'b')
        def f(x): return K.__slots__
        """,
    ),
    edit(
        "unused generic type variable",
        False,
        "TypeVar('T')",
        "TypeVar('T', bound=int)",
        """
        from typing import TypeVar
        T = TypeVar('T')
        def g(v: T) -> T: return v
        def f(x): return g(x)
        """,
    ),
    edit(
        "cast for a type checker: alias edited",
        False,
        "Row = dict[str, int]",
        "Row = dict[str, float]",
        """
        from typing import cast
        Row = dict[str, int]
        def g(v) -> 'Row': return v
        def f(x): return g(x)
        """,
    ),
    edit(
        "numpy typing alias",
        False,
        "np.float64]",
        "np.float32]",
        """
        import numpy as np
        import numpy.typing as npt
        A = npt.NDArray[np.float64]
        def f(x: A) -> A: return x
        """,
    ),
    edit(
        "config beside a counter in one object, from json",
        True,
        '"scale": 2',
        '"scale": 3',
        """
        import json, pathlib
        CFG = json.loads(pathlib.Path(__file__).with_name('c.json').read_text())
        def f(x):
            CFG['runs'] = CFG.get('runs', 0) + 1
            return CFG['scale'] * x
        """,
        {"c.json": '{"scale": 2}'},
    ),
    edit(
        "config beside a counter, loaded by a helper",
        True,
        '"scale": 2',
        '"scale": 3',
        """
        import cfg
        CFG = cfg.load()
        def f(x):
            CFG['runs'] = CFG.get('runs', 0) + 1
            return CFG['scale'] * x
        """,
        {
            "cfg.py": """
        import json, pathlib
        def load():
            return json.loads(pathlib.Path(__file__).with_name('c.json').read_text())
        """,
            "c.json": '{"scale": 2}',
        },
    ),
    edit(
        "config beside statistics in an instance, loaded at import",
        True,
        '"scale": 2',
        '"scale": 3',
        """
        import json, pathlib
        class Cfg:
            def __init__(self): self.n = 0
            def load(self, path):
                self.scale = json.loads(path.read_text())['scale']
        cfg = Cfg()
        cfg.load(pathlib.Path(__file__).with_name('c.json'))
        def f(x):
            cfg.n += 1
            return cfg.scale * x
        """,
        {"c.json": '{"scale": 2}'},
    ),
    edit(
        "environment-like settings beside a memo",
        True,
        "'a': 2",
        "'a': 3",
        """
        SET = {'a': 2, 'memo': {}}
        def f(x):
            SET['memo'][x] = 1
            return SET['a'] * x
        """,
    ),
    edit(
        "list mutated through an alias at import",
        True,
        "append(5)",
        "append(6)",
        """
        L = [1]
        K = L
        K.append(5)
        def f(x): return sum(L)
        """,
    ),
    edit(
        "list mutated by a nested function at import",
        True,
        "append(5)",
        "append(6)",
        """
        L = [1]
        def fill():
            def inner(): L.append(5)
            inner()
        fill()
        def f(x):
            L.append(0)
            return sum(L)
        """,
    ),
    edit(
        "list mutated by a lambda at import, also by the task",
        True,
        "append(5)",
        "append(6)",
        """
        L = [1]
        (lambda: L.append(5))()
        def f(x):
            L.append(0)
            return sum(L)
        """,
    ),
    edit(
        "list mutated by a generator at import, also by the task",
        True,
        "append(5)",
        "append(6)",
        """
        L = [1]
        def gen():
            L.append(5)
            yield
        list(gen())
        def f(x):
            L.append(0)
            return sum(L)
        """,
    ),
    edit(
        "list mutated by exec at import, also by the task",
        True,
        "append(5)",
        "append(6)",
        """
        L = [1]
        exec('L.append(5)')
        def f(x):
            L.append(0)
            return sum(L)
        """,
    ),
    edit(
        "list mutated by a comprehension at import, also by the task",
        True,
        "(5, 6)",
        "(5, 7)",
        """
        L = [1]
        _ = [L.append(i) for i in (5, 6)]
        def f(x):
            L.append(0)
            return sum(L)
        """,
    ),
    edit(
        "list mutated by a thread at import, also by the task",
        True,
        "(5,)",
        "(6,)",
        """
        import threading
        L = [1]
        T = threading.Thread(target=L.append, args=(5,))
        T.start(); T.join()
        def f(x):
            L.append(0)
            return sum(L)
        """,
    ),
    edit(
        "list mutated by a pool at import, also by the task",
        True,
        "[5, 6]",
        "[5, 7]",
        """
        from concurrent.futures import ThreadPoolExecutor
        L = [1]
        with ThreadPoolExecutor(1) as p: list(p.map(L.append, [5, 6]))
        def f(x):
            L.append(0)
            return sum(L)
        """,
    ),
    edit(
        "list mutated by functools.reduce at import, also by the task",
        True,
        "[5, 6]",
        "[5, 7]",
        """
        import functools
        L = [1]
        functools.reduce(lambda a, b: L.append(b), [5, 6], None)
        def f(x):
            L.append(0)
            return sum(L)
        """,
    ),
    edit(
        "dict filled by zip in a for, also by the task",
        True,
        "(1, 2)",
        "(1, 3)",
        """
        D = {}
        for D['a'], D['b'] in [(1, 2)]: pass
        def f(x):
            D['c'] = x
            return D['b']
        """,
    ),
    edit(
        "dict filled by with-as, also by the task",
        True,
        "(7)",
        "(8)",
        """
        import contextlib
        D = {}
        with contextlib.nullcontext(7) as D['a']: pass
        def f(x):
            D['c'] = x
            return D['a']
        """,
    ),
    edit(
        "dict filled by operator.setitem, also by the task",
        True,
        "'a', 7",
        "'a', 8",
        """
        import operator
        D = {}
        operator.setitem(D, 'a', 7)
        def f(x):
            D['c'] = x
            return D['a']
        """,
    ),
    edit(
        "dict filled by dict.update, also by the task",
        True,
        "a=7",
        "a=8",
        """
        D = {}
        dict.update(D, a=7)
        def f(x):
            D['c'] = x
            return D['a']
        """,
    ),
    edit(
        "dict filled by its bound method held by name, also by the task",
        True,
        "'a', 7",
        "'a', 8",
        """
        D = {}
        put = D.__setitem__
        put('a', 7)
        def f(x):
            D['c'] = x
            return D['a']
        """,
    ),
    edit(
        "dict filled in place by |= with a helper's answer",
        True,
        "'a': 7",
        "'a': 8",
        """
        import lib
        D = {}
        D |= lib.base()
        def f(x):
            D['c'] = x
            return D['a']
        """,
        {"lib.py": "def base(): return {'a': 7}"},
    ),
    edit(
        "array filled by np.put at import, also by the task",
        True,
        "[7]",
        "[8]",
        """
        import numpy as np
        A = np.zeros(2)
        np.put(A, [0], [7])
        def f(x):
            A[1] = x
            return float(A[0])
        """,
    ),
    edit(
        "array filled by np.add.at at import, also by the task",
        True,
        ", 7)",
        ", 8)",
        """
        import numpy as np
        A = np.zeros(2)
        np.add.at(A, [0], 7)
        def f(x):
            A[1] = x
            return float(A[0])
        """,
    ),
    edit(
        "array filled through a view at import, also by the task",
        True,
        "= 7",
        "= 8",
        """
        import numpy as np
        A = np.zeros(2)
        B = A[:1]
        B[0] = 7
        def f(x):
            A[1] = x
            return float(A[0])
        """,
    ),
    edit(
        "array filled through a reshaped view in a function",
        True,
        "= 7",
        "= 8",
        """
        import numpy as np
        A = np.zeros(4)
        def fill():
            v = A.reshape(2, 2)
            v[0, 0] = 7
        fill()
        def f(x):
            A[3] = x
            return float(A[0])
        """,
    ),
    edit(
        "array filled by a rng's out, also by the task",
        True,
        "rng(7)",
        "rng(8)",
        """
        import numpy as np
        A = np.zeros(4)
        np.random.default_rng(7).random(out=A)
        def f(x):
            A[3] = x
            return float(A[0])
        """,
    ),
    edit(
        "array shuffled at import, also changed by the task",
        True,
        "rng(7)",
        "rng(8)",
        """
        import numpy as np
        A = np.arange(40)
        np.random.default_rng(7).shuffle(A)
        def f(x):
            A[3] = x
            return A.tolist()
        """,
    ),
    edit(
        "array sorted at import by kind, also changed by the task",
        True,
        "A.sort()",
        "A[::-1].sort()",
        """
        import numpy as np
        A = np.array([3, 1, 2])
        A.sort()
        def f(x):
            A[1] = x
            return A.tolist()
        """,
    ),
    edit(
        "global set by globals() at import, rebound by the task",
        True,
        "'N'] = 7",
        "'N'] = 8",
        """
        N = 1
        globals()['N'] = 7
        def f(x):
            global N
            N += 1
            return N
        """,
    ),
    edit(
        "global set by setattr on the module, rebound by the task",
        True,
        "'N', 7",
        "'N', 8",
        """
        import sys
        N = 1
        setattr(sys.modules[__name__], 'N', 7)
        def f(x):
            global N
            N += 1
            return N
        """,
    ),
    edit(
        "global set by a for loop, rebound by the task",
        True,
        "(4, 7)",
        "(4, 8)",
        """
        for N in (4, 7): pass
        def f(x):
            global N
            N += 1
            return N
        """,
    ),
    edit(
        "global set by an import as, rebound by the task",
        True,
        "A = 7",
        "A = 8",
        """
        from cfg import A as N
        def f(x):
            global N
            N += 1
            return N
        """,
        {"cfg.py": "A = 7"},
    ),
    edit(
        "global set by a try's else, rebound by the task",
        True,
        "N = 7",
        "N = 8",
        """
        try: M = 1
        except ValueError: N = 0
        else: N = 7
        def f(x):
            global N
            N += 1
            return N
        """,
    ),
    edit(
        "global set by a walrus, rebound by the task",
        True,
        "(N := 7)",
        "(N := 8)",
        """
        M = (N := 7) + 1
        def f(x):
            global N
            N += 1
            return N
        """,
    ),
    edit(
        "global set by unpacking, rebound by the task",
        True,
        "1, 7",
        "1, 8",
        """
        M, N = 1, 7
        def f(x):
            global N
            N += 1
            return N
        """,
    ),
    edit(
        "global set by a match, rebound by the task",
        True,
        "(1, 7)",
        "(1, 8)",
        """
        match (1, 7):
            case (M, N): pass
        def f(x):
            global N
            N += 1
            return N
        """,
    ),
    edit(
        "default of a pop from a state",
        True,
        "'a', 7",
        "'a', 8",
        """
        D = {}
        def f(x):
            D['b'] = x
            return D.get('a', 7)
        """,
    ),
    edit(
        "deque rotated at import, used as a ring by the task",
        True,
        "rotate(1)",
        "rotate(2)",
        """
        import collections
        R = collections.deque([1, 2, 3])
        R.rotate(1)
        def f(x):
            R.rotate(-1)
            return R[0]
        """,
    ),
    edit(
        "instance's setting through a property setter, counter beside",
        True,
        "k.rate = 7",
        "k.rate = 8",
        """
        class K:
            def __init__(self): self._rate, self.n = 1, 0
            @property
            def rate(self): return self._rate
            @rate.setter
            def rate(self, v): self._rate = v
            def go(self, x):
                self.n += 1
                self._rate = self._rate
                return self._rate * x
        k = K()
        k.rate = 7
        def f(x): return k.go(x)
        """,
    ),
    edit(
        "singleton made on first use with settings from a class attribute",
        True,
        "rate = 7",
        "rate = 8",
        """
        class K:
            rate = 7
            _one = None
            @classmethod
            def get(cls):
                if cls._one is None: cls._one = cls()
                return cls._one
        def f(x): return K.get().rate * x
        """,
    ),
    edit(
        "singleton configured at import",
        True,
        "rate=7",
        "rate=8",
        """
        class K:
            _one = None
            def __new__(cls, **kw):
                if cls._one is None:
                    cls._one = super().__new__(cls)
                    cls._one.kw = kw
                return cls._one
        K(rate=7)
        def f(x): return K().kw['rate'] * x
        """,
    ),
    edit(
        "borg settings shared by instances",
        True,
        "rate=7",
        "rate=8",
        """
        class Borg:
            _shared = {}
            def __init__(self, **kw):
                self.__dict__ = self._shared
                self.__dict__.update(kw)
        Borg(rate=7)
        def f(x): return Borg().rate * x
        """,
    ),
    edit(
        "settings pushed on a stack by a context manager at import",
        True,
        "rate=7",
        "rate=8",
        """
        import contextlib
        STACK = [{}]
        @contextlib.contextmanager
        def using(**kw):
            STACK.append(kw)
            try: yield
            finally: STACK.pop()
        C = using(rate=7)
        C.__enter__()
        def f(x): return STACK[-1].get('rate', 0) * x
        """,
    ),
    edit(
        "observer list filled by subscribe at import",
        True,
        "v + 7",
        "v + 8",
        """
        class Bus:
            def __init__(self): self.subs, self.log = [], []
            def on(self, g): self.subs.append(g)
            def emit(self, v):
                self.log.append(v)
                return [g(v) for g in self.subs]
        bus = Bus()
        bus.on(lambda v: v + 7)
        def f(x): return bus.emit(x)
        """,
    ),
    edit(
        "observer subscribed by a decorator, the bus counts",
        True,
        "v + 7",
        "v + 8",
        """
        class Bus:
            def __init__(self): self.subs, self.n = [], 0
            def on(self, g):
                self.subs.append(g)
                return g
            def emit(self, v):
                self.n += 1
                return [g(v) for g in self.subs]
        bus = Bus()
        @bus.on
        def up(v): return v + 7
        def f(x): return bus.emit(x)
        """,
    ),
    edit(
        "route table by a decorator with a path, the app counts",
        True,
        "v + 7",
        "v + 8",
        """
        class App:
            def __init__(self): self.routes, self.hits = {}, 0
            def route(self, path):
                def deco(g):
                    self.routes[path] = g
                    return g
                return deco
            def call(self, path, v):
                self.hits += 1
                return self.routes[path](v)
        app = App()
        @app.route('/a')
        def a(v): return v + 7
        def f(x): return app.call('/a', x)
        """,
    ),
    edit(
        "state machine's transitions added at import, state moves",
        True,
        "'a', 'b'",
        "'a', 'c'",
        """
        class SM:
            def __init__(self): self.state, self.table = 'a', {}
            def add(self, s, t): self.table[s] = t
            def step(self):
                self.state = self.table.get(self.state, self.state)
                return self.state
        sm = SM()
        sm.add('a', 'b')
        def f(x): return sm.step()
        """,
    ),
    edit(
        "lazily read data file by a cached function, warm",
        True,
        "1,2",
        "1,3",
        """
        import functools, pathlib
        @functools.lru_cache
        def data(): return pathlib.Path(__file__).with_name('a.csv').read_text()
        N = len(data())
        D = data()
        def f(x): return D
        """,
        {"a.csv": "1,2"},
    ),
]
