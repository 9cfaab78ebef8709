"""Edits of how third parties are set, and of objects with a ``__new__`` of their own."""

# ruff: noqa: E501

from __future__ import annotations

from harness import Edit, edit

SETTINGS: list[Edit] = [
    edit(
        "numpy print options at import",
        True,
        "precision=3",
        "precision=4",
        """
        import numpy as np
        np.set_printoptions(precision=3)
        def f(x): return str(np.array([1/3]))
        """,
    ),
    edit(
        "pandas option at import",
        True,
        "'display.max_rows', 5",
        "'display.max_rows', 50",
        """
        import pandas as pd
        pd.set_option('display.max_rows', 5)
        def f(x): return str(pd.Series(range(20)))
        """,
    ),
    edit(
        "pandas options by attribute",
        True,
        "max_rows = 6",
        "max_rows = 50",
        """
        import pandas as pd
        pd.options.display.max_rows = 6
        def f(x): return str(pd.Series(range(20)))
        """,
    ),
    edit(
        "matplotlib rcParams at import",
        True,
        "'font.size'] = 7",
        "'font.size'] = 8",
        """
        import matplotlib
        matplotlib.rcParams['font.size'] = 7
        def f(x): return matplotlib.rcParams['font.size']
        """,
    ),
    edit(
        "recursion limit at import",
        True,
        "2000",
        "3000",
        """
        import sys
        sys.setrecursionlimit(2000)
        def f(x): return sys.getrecursionlimit()
        """,
    ),
    edit(
        "warnings filter to error at import",
        True,
        "'ignore'",
        "'error'",
        """
        import warnings
        warnings.simplefilter('ignore')
        def f(x):
            try:
                warnings.warn('w')
                return 'fine'
            except UserWarning: return 'raised'
        """,
    ),
    edit(
        "decimal context precision set by a local name",
        True,
        "prec = 5",
        "prec = 6",
        """
        import decimal
        c = decimal.getcontext()
        c.prec = 5
        def f(x): return str(decimal.Decimal(1) / 3)
        """,
    ),
    edit(
        "global instance with a __new__ that asks",
        True,
        "K(2)",
        "K(3)",
        """
        class K:
            def __new__(cls, k):
                self = super().__new__(cls)
                self.k = k
                return self
        ONE = K(2)
        def f(x): return ONE.k * x
        """,
    ),
    edit(
        "global instance of an int with a __new__ that asks",
        True,
        "K(2, 'a')",
        "K(3, 'a')",
        """
        class K(int):
            def __new__(cls, k, name):
                self = super().__new__(cls, k)
                self.name = name
                return self
        ONE = K(2, 'a')
        def f(x): return ONE * x, ONE.name
        """,
    ),
    edit(
        "slots and a __new__ that asks",
        True,
        "K(2)",
        "K(3)",
        """
        class K:
            __slots__ = ('k',)
            def __new__(cls, k):
                self = super().__new__(cls)
                self.k = k
                return self
        ONE = [K(2)]
        def f(x): return ONE[0].k * x
        """,
    ),
    edit(
        "ndarray subclass with a __new__ that asks",
        True,
        "'mm'",
        "'cm'",
        """
        import numpy as np
        class Q(np.ndarray):
            def __new__(cls, data, unit):
                self = np.asarray(data).view(cls)
                self.unit = unit
                return self
            def __array_finalize__(self, obj): self.unit = getattr(obj, 'unit', None)
            def __reduce__(self):
                make, args, state = super().__reduce__()
                return make, args, (*state, self.unit)
            def __setstate__(self, state):
                self.unit = state[-1]
                super().__setstate__(state[:-1])
        ONE = Q([1.0], 'mm')
        def f(x): return ONE.unit
        """,
    ),
    edit(
        "a filter of warnings that raises nothing",
        False,
        "'ignore'",
        "'always'",
        """
        import warnings
        warnings.simplefilter('ignore')
        def f(x):
            warnings.warn('w')
            return x
        """,
    ),
    edit(
        "options of pandas for code without pandas",
        False,
        "5)",
        "50)",
        """
        import pandas as pd
        import math
        pd.set_option('display.max_rows', 5)
        def f(x): return math.sqrt(x)
        """,
    ),
    edit(
        "what a third party's metaclass compiles",
        False,
        "# one",
        "# two",
        """
        import os, sys
        here = os.path.dirname(os.path.abspath(__file__))
        sys.path.insert(0, os.path.join(here, 'site-packages'))
        from models import Model
        # one
        class C(Model):
            a = 1
        def f(x): return C.a * x
        """,
        {
            "site-packages/models.py": """
        class Meta(type):
            def __new__(meta, name, bases, members):
                cls = super().__new__(meta, name, bases, members)
                cls.__compiled__ = {'class': id(cls), 'members': {*members}}
                return cls
        class Model(metaclass=Meta): pass
        """,
        },
    ),
]
