"""Edits of what user code registers with classes and functions of others."""

from __future__ import annotations

from harness import Edit, edit

_LISTED = """
        class C:
            def __len__(self): return 3
            def __getitem__(self, i): return 'abc'[i]
            def __contains__(self, x): return x in 'abc'
            def __iter__(self): return iter('abc')
"""

REGISTRATIONS: list[Edit] = [
    edit(
        "a class registered with a base class that the code names",
        True,
        "Sequence.register(C)",
        "Collection.register(C)",
        f"""
        from collections.abc import Collection, Sequence
        {_LISTED}
        Sequence.register(C)
        def f(x): return isinstance(C(), Sequence)
        """,
    ),
    edit(
        "a class registered with a base class that only a third party names",
        True,
        "Sequence.register(C)",
        "Collection.register(C)",
        f"""
        import random
        from collections.abc import Collection, Sequence
        {_LISTED}
        Sequence.register(C)
        def f(x):
            try:
                return len(random.sample(C(), 2))
            except TypeError:
                return 'no sequence'
        """,
    ),
    edit(
        "a class that is not used is registered",
        False,
        "class D: pass",
        "class D: pass\n        numbers.Number.register(D)",
        """
        import numbers
        class C: pass
        class D: pass
        numbers.Number.register(C)
        def f(x): return isinstance(C(), int)
        """,
    ),
    edit(
        "a reducer of a third party's class",
        True,
        "x.numerator, 2",
        "x.numerator, 3",
        """
        import copy, copyreg, fractions
        def change(x): return fractions.Fraction, (x.numerator, 2)
        copyreg.pickle(fractions.Fraction, change)
        def f(x): return copy.copy(fractions.Fraction(x))
        """,
    ),
    edit(
        "a reducer where nothing is copied",
        False,
        "x.numerator, 2",
        "x.numerator, 3",
        """
        import copyreg, fractions
        def change(x): return fractions.Fraction, (x.numerator, 2)
        copyreg.pickle(fractions.Fraction, change)
        def f(x): return x
        """,
    ),
    edit(
        "registered with a dispatcher of Python's library",
        True,
        "return ['C']",
        "return ['D']",
        """
        import pkgutil
        class C: pass
        @pkgutil.iter_importer_modules.register(C)
        def _(importer, prefix=''): return ['C']
        def f(x): return pkgutil.iter_importer_modules(C())
        """,
    ),
    edit(
        "an error handler of codecs",
        True,
        "('?', e.end)",
        "('!', e.end)",
        """
        import codecs
        def handle(e): return ('?', e.end)
        codecs.register_error('mine', handle)
        def f(x): return 'a\u00e9'.encode('ascii', 'mine')
        """,
    ),
    edit(
        "a codec",
        True,
        "s.upper()",
        "s.title()",
        """
        from codecs import CodecInfo, register
        def find(name):
            if name != 'mine':
                return None
            return CodecInfo(lambda s, e='strict': (s.upper().encode(), len(s)), None)
        register(find)
        def f(x): return 'abc'.encode('mine')
        """,
    ),
    edit(
        "an error handler where nothing is encoded",
        False,
        "('?', e.end)",
        "('!', e.end)",
        """
        import codecs
        def handle(e): return ('?', e.end)
        codecs.register_error('mine', handle)
        def f(x): return x + 1
        """,
    ),
    edit(
        "a decimal context under another name",
        True,
        "prec = 5",
        "prec = 6",
        """
        import decimal
        context = decimal.getcontext()
        context.prec = 5
        def f(x): return str(decimal.Decimal(x) / 3)
        """,
    ),
    edit(
        "a decimal context that a function sets",
        True,
        "set_up(5)",
        "set_up(6)",
        """
        import decimal
        def set_up(digits): decimal.getcontext().prec = digits
        set_up(5)
        def f(x): return str(x / 3)
        ARGS = (decimal.Decimal(1),)
        """,
    ),
    edit(
        "a trap of decimal",
        True,
        "traps[decimal.Inexact] = False",
        "traps[decimal.Inexact] = True",
        """
        import decimal
        decimal.getcontext().traps[decimal.Inexact] = False
        def f(x):
            try:
                return str(decimal.Decimal(x) / 3)
            except decimal.Inexact:
                return 'inexact'
        """,
    ),
    edit(
        "numpy's errors, set in a loop",
        True,
        "'ignore'",
        "'raise'",
        """
        import numpy as np
        for kind in ('divide', 'invalid'):
            np.seterr(**{kind: 'ignore'})
        def f(x):
            try:
                return float(np.float64(x) / np.float64(0))
            except FloatingPointError:
                return 'raised'
        """,
    ),
    edit(
        "numpy's errors, set as they are anyhow",
        False,
        "import numpy as np",
        "import numpy as np; np.seterr(divide='warn')",
        """
        import numpy as np
        def f(x): return float(np.float64(x) / np.float64(2))
        """,
    ),
]
