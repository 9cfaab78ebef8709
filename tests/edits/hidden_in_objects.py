"""Edits of what hints, names and objects of third parties hide."""

# ruff: noqa: E501

from __future__ import annotations

from harness import Edit, edit

HIDDEN_IN_OBJECTS: list[Edit] = [
    edit(
        "hint of a nested function that a local singledispatch registers",
        True,
        "v: int",
        "v: float",
        """
        import functools
        def f(x):
            @functools.singledispatch
            def g(v): return 0
            @g.register
            def _(v: int): return 1
            return g(x)
        """,
    ),
    edit(
        "hint of a nested function that a local decorator reads",
        True,
        "v: int",
        "v: float",
        """
        def typed(g):
            g.kind = g.__annotations__['v']
            return g
        def f(x):
            @typed
            def g(v: int): return g.kind(v)
            return g(x)
        """,
    ),
    edit(
        "hints of a helper read by vars of inspect",
        True,
        "v: int",
        "v: float",
        """
        import inspect
        def g(v: int): return v
        def f(x): return str(inspect.get_annotations(g))
        """,
    ),
    edit(
        "hints read through typing alias",
        True,
        "v: int",
        "v: float",
        """
        from typing import get_type_hints as hints
        def g(v: int): return v
        def f(x): return str(hints(g))
        """,
    ),
    edit(
        "signature read through an alias of inspect",
        True,
        "v: int",
        "v: float",
        """
        import inspect as ins
        sig = ins.signature
        def g(v: int): return v
        def f(x): return str(sig(g))
        """,
    ),
    edit(
        "docstring read through an own helper two away",
        True,
        "'two'",
        "'three'",
        """
        import texts
        def g():
            'two'
        def f(x): return texts.text_of(g)
        """,
        {
            "texts.py": """
        import inspect
        def text_of(h): return inspect.getdoc(h)
        """
        },
    ),
    edit(
        "docstring of a class as a help text by pydoc",
        True,
        "'two'",
        "'three'",
        """
        import pydoc
        class G:
            'two'
        def f(x): return pydoc.render_doc(G)
        """,
    ),
    edit(
        "docstring of a method as an argparse help",
        True,
        "'two'",
        "'three'",
        """
        import argparse
        class G:
            def run(self):
                'two'
        COMMANDS = {'run': G.run}
        def f(x):
            p = argparse.ArgumentParser(prog='p')
            for name, g in COMMANDS.items():
                p.add_argument('--' + name, help=g.__doc__)
            return p.format_help()
        """,
    ),
    edit(
        "class renamed whose name is in the result",
        True,
        "Foo",
        "Bar",
        """
        class Foo: pass
        def f(x): return type(Foo()).__name__
        """,
    ),
    edit(
        "dataclass renamed whose repr is the result",
        True,
        "Foo",
        "Bar",
        """
        from dataclasses import dataclass
        @dataclass
        class Foo:
            a: int
        def f(x): return repr(Foo(x))
        """,
    ),
    edit(
        "named tuple's typename",
        True,
        "'Foo'",
        "'Bar'",
        """
        from collections import namedtuple
        P = namedtuple('Foo', 'a b')
        def f(x): return repr(P(x, 1))
        """,
    ),
    edit(
        "functional enum's members' order",
        True,
        "'A B'",
        "'B A'",
        """
        import enum
        E = enum.Enum('E', 'A B')
        def f(x): return E.A.value
        """,
    ),
    edit(
        "function renamed in a table whose names are read",
        True,
        "alpha",
        "beta",
        """
        def alpha(x): return x
        TABLE = [alpha]
        def f(x): return [g.__name__ for g in TABLE]
        """,
    ),
    edit(
        "qualname of a nested class read",
        True,
        "Inner",
        "Outer",
        """
        class A:
            class Inner: pass
            made = Inner
        def f(x): return A.made.__qualname__
        """,
    ),
    edit(
        "exception renamed, caught by name",
        True,
        "Bad",
        "Worse",
        """
        class Bad(ValueError): pass
        def g(): raise Bad('x')
        def f(x):
            try: g()
            except ValueError as e: return type(e).__name__
        """,
    ),
    edit(
        "f-string that documents itself",
        True,
        "{a=}",
        "{b=}",
        """
        def f(x):
            a = b = x
            return f'{a=}'
        """,
    ),
    edit(
        "f-string that documents itself, spaces",
        True,
        "{a=}",
        "{a = }",
        """
        def f(x):
            a = x
            return f'{a=}'
        """,
    ),
    edit("f-string conversion", True, "!r", "!s", "def f(x): return f'{str(x)!r}'"),
    edit(
        "nested quotes in an f-string format",
        True,
        ":>5",
        ":<5",
        "def f(x): return f'{x:>5}'",
    ),
    edit(
        "local variable names read from code",
        True,
        "aa",
        "bb",
        """
        def g():
            aa = 1
            return aa
        def f(x): return g.__code__.co_varnames
        """,
    ),
    edit(
        "defaults read from code by inspect",
        True,
        "k=1",
        "k=2",
        """
        import inspect
        def g(k=1): return k
        def f(x): return [p.default for p in inspect.signature(g).parameters.values()]
        """,
    ),
    edit(
        "instance in an object array",
        True,
        "n + 1",
        "n + 2",
        """
        import numpy as np
        class K:
            def __init__(self, n): self.n = n
            def get(self): return self.n + 1
        A = np.array([K(1), K(2)], dtype=object)
        def f(x): return [k.get() for k in A]
        """,
    ),
    edit(
        "instance in a pandas series",
        True,
        "n + 1",
        "n + 2",
        """
        import pandas as pd
        class K:
            def __init__(self, n): self.n = n
            def get(self): return self.n + 1
        S = pd.Series([K(1), K(2)])
        def f(x): return [k.get() for k in S]
        """,
    ),
    edit(
        "functions in a pandas series",
        True,
        "v + 1",
        "v + 2",
        """
        import pandas as pd
        def up(v): return v + 1
        S = pd.Series({'up': up})
        def f(x): return S['up'](x)
        """,
    ),
    edit(
        "functions in an object array, lambdas",
        True,
        "v + 1",
        "v + 2",
        """
        import numpy as np
        A = np.array([lambda v: v + 1, abs], dtype=object)
        def f(x): return A[0](x)
        """,
    ),
    edit(
        "map object in a global",
        True,
        "v + 1",
        "v + 2",
        """
        M = map(lambda v: v + 1, [1, 2, 3])
        def f(x): return sum(M)
        """,
    ),
    edit(
        "filter object in a global",
        True,
        "v > 1",
        "v > 2",
        """
        M = filter(lambda v: v > 1, [1, 2, 3])
        def f(x): return sum(M)
        """,
    ),
    edit(
        "zip object in a global",
        True,
        "[1, 2]",
        "[1, 3]",
        """
        M = zip([1, 2], 'ab')
        def f(x): return list(M)
        """,
    ),
    edit(
        "enumerate object in a global",
        True,
        "start=1",
        "start=2",
        """
        M = enumerate('ab', start=1)
        def f(x): return list(M)
        """,
    ),
    edit(
        "chain of lists in a global",
        True,
        "[3]",
        "[4]",
        """
        import itertools
        M = itertools.chain([1, 2], [3])
        def f(x): return list(M)
        """,
    ),
    edit(
        "islice in a global",
        True,
        ", 3)",
        ", 4)",
        """
        import itertools
        M = itertools.islice([1, 2, 3, 4, 5], 3)
        def f(x): return list(M)
        """,
    ),
    edit(
        "groupby in a global",
        True,
        "v // 2",
        "v // 3",
        """
        import itertools
        M = itertools.groupby(range(7), lambda v: v // 2)
        def f(x): return [k for k, _ in M]
        """,
    ),
    edit(
        "starmap in a global",
        True,
        "a * b",
        "a + b",
        """
        import itertools
        M = itertools.starmap(lambda a, b: a * b, [(1, 2), (3, 4)])
        def f(x): return list(M)
        """,
    ),
    edit(
        "iter of a callable with a sentinel",
        True,
        "3",
        "5",
        """
        L = [1, 2, 3, 4, 5, 6]
        M = iter(L.pop, 3)
        def f(x): return list(M)
        """,
    ),
    edit(
        "reversed list in a global",
        True,
        "[1, 2]",
        "[1, 3]",
        """
        M = reversed([1, 2])
        def f(x): return list(M)
        """,
    ),
    edit(
        "dict view in a global",
        True,
        "'b': 2",
        "'b': 3",
        """
        M = {'a': 1, 'b': 2}.items()
        def f(x): return list(M)
        """,
    ),
    edit(
        "dict keys in a global",
        True,
        "'b'",
        "'c'",
        """
        M = {'a': 1, 'b': 2}.keys()
        def f(x): return list(M)
        """,
    ),
    edit(
        "dict values in a global",
        True,
        ": 2",
        ": 3",
        """
        M = {'a': 1, 'b': 2}.values()
        def f(x): return list(M)
        """,
    ),
    edit(
        "UserDict in a global",
        True,
        ": 2",
        ": 3",
        """
        import collections
        M = collections.UserDict({'a': 2})
        def f(x): return M['a']
        """,
    ),
    edit(
        "UserList subclass in a global",
        True,
        "* 2",
        "* 3",
        """
        import collections
        class L(collections.UserList):
            def total(self): return sum(self.data) * 2
        M = L([1, 2])
        def f(x): return M.total()
        """,
    ),
    edit(
        "queue filled at import",
        True,
        "put(2)",
        "put(3)",
        """
        import queue
        Q = queue.Queue()
        Q.put(2)
        def f(x): return Q.get_nowait()
        """,
    ),
    edit(
        "priority queue filled at import",
        True,
        "(1, 'a')",
        "(3, 'a')",
        """
        import queue
        Q = queue.PriorityQueue()
        for row in [(1, 'a'), (2, 'b')]: Q.put(row)
        def f(x): return Q.get_nowait()
        """,
    ),
    edit(
        "simple queue filled by a function",
        True,
        "range(3)",
        "range(1, 3)",
        """
        import queue
        Q = queue.SimpleQueue()
        def fill():
            for i in range(3): Q.put(i)
        fill()
        def f(x): return Q.get_nowait()
        """,
    ),
    edit(
        "sqlite in memory filled at import",
        True,
        "values (2)",
        "values (3)",
        """
        import sqlite3
        DB = sqlite3.connect(':memory:')
        DB.execute('create table t (a)')
        DB.execute('insert into t values (2)')
        def f(x): return DB.execute('select a from t').fetchall()
        """,
    ),
    edit(
        "sqlite in memory filled by a function at import",
        True,
        "[1, 2]",
        "[1, 3]",
        """
        import sqlite3
        DB = sqlite3.connect(':memory:')
        ROWS = [1, 2]
        def setup(db):
            db.execute('create table t (a)')
            db.executemany('insert into t values (?)', [(r,) for r in ROWS])
        setup(DB)
        def f(x): return DB.execute('select a from t').fetchall()
        """,
    ),
    edit(
        "sqlite function registered at import",
        True,
        "v * 2",
        "v * 3",
        """
        import sqlite3
        DB = sqlite3.connect(':memory:')
        DB.create_function('twice', 1, lambda v: v * 2)
        def f(x): return DB.execute('select twice(4)').fetchone()
        """,
    ),
    edit(
        "sqlite function registered in another module",
        True,
        "v * 2",
        "v * 3",
        """
        import db
        def f(x): return db.DB.execute('select twice(4)').fetchone()
        """,
        {
            "db.py": """
        import sqlite3
        DB = sqlite3.connect(':memory:')
        def twice(v): return v * 2
        DB.create_function('twice', 1, twice)
        """
        },
    ),
    edit(
        "hash object salted at import",
        True,
        "b'pepper'",
        "b'salt'",
        """
        import hashlib
        H = hashlib.sha256(b'start')
        H.update(b'pepper')
        def f(x):
            h = H.copy()
            h.update(str(x).encode())
            return h.hexdigest()
        """,
    ),
    edit(
        "hash object's salt",
        True,
        "b'start'",
        "b'end'",
        """
        import hashlib
        H = hashlib.sha256(b'start')
        def f(x): return H.hexdigest()
        """,
    ),
    edit(
        "hash object salted by a helper",
        True,
        "b'pepper'",
        "b'salt'",
        """
        import hashlib
        H = hashlib.sha256()
        def season(h): h.update(b'pepper')
        season(H)
        def f(x): return H.hexdigest()
        """,
    ),
    edit(
        "hash key of hmac",
        True,
        "b'key'",
        "b'kez'",
        """
        import hmac
        H = hmac.new(b'key', b'm', 'sha256')
        def f(x): return H.hexdigest()
        """,
    ),
    edit(
        "compressor's level",
        True,
        ", 1)",
        ", 9)",
        """
        import zlib, functools
        squeeze = functools.partial(zlib.compress)
        def f(x): return len(squeeze(b'abcabc' * 1000, 1))
        """,
    ),
    edit(
        "ctypes callback of a user's function",
        True,
        "a - b",
        "b - a",
        """
        import ctypes
        CMP = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)
        def order(a, b): return a - b
        ORDER = CMP(order)
        def f(x): return ORDER(3, 1)
        """,
    ),
    edit(
        "ctypes array",
        True,
        "(1, 2, 3)",
        "(1, 2, 4)",
        """
        import ctypes
        A = (ctypes.c_int * 3)(1, 2, 3)
        def f(x): return list(A)
        """,
    ),
    edit(
        "ctypes struct's value",
        True,
        "S(1)",
        "S(2)",
        """
        import ctypes
        class S(ctypes.Structure):
            _fields_ = [('a', ctypes.c_int)]
        V = S(1)
        def f(x): return V.a
        """,
    ),
    edit(
        "ctypes int's value changed at import",
        True,
        "value = 5",
        "value = 6",
        """
        import ctypes
        V = ctypes.c_int(1)
        V.value = 5
        def f(x): return V.value
        """,
    ),
    edit(
        "multiprocessing value",
        True,
        "'i', 3",
        "'i', 4",
        """
        import multiprocessing
        V = multiprocessing.Value('i', 3)
        def f(x): return V.value
        """,
    ),
    edit(
        "shared array of multiprocessing",
        True,
        "[1, 2]",
        "[1, 3]",
        """
        import multiprocessing
        V = multiprocessing.Array('i', [1, 2], lock=False)
        def f(x): return list(V)
        """,
    ),
    edit(
        "xml element built at import",
        True,
        "'two'",
        "'three'",
        """
        import xml.etree.ElementTree as ET
        ROOT = ET.Element('a')
        ET.SubElement(ROOT, 'b').text = 'two'
        def f(x): return ET.tostring(ROOT)
        """,
    ),
    edit(
        "xml parsed at import",
        True,
        "<b>2</b>",
        "<b>3</b>",
        """
        import xml.etree.ElementTree as ET
        ROOT = ET.fromstring('<a><b>2</b></a>')
        def f(x): return ROOT.find('b').text
        """,
    ),
    edit(
        "minidom parsed at import",
        True,
        "<b>2</b>",
        "<b>3</b>",
        """
        import xml.dom.minidom as M
        ROOT = M.parseString('<a><b>2</b></a>')
        def f(x): return ROOT.toxml()
        """,
    ),
    edit(
        "json decoder with a hook",
        True,
        "+ 1",
        "+ 2",
        """
        import json
        def hook(d): return {k: v + 1 for k, v in d.items()}
        DEC = json.JSONDecoder(object_hook=hook)
        def f(x): return DEC.decode('{"a": 1}')
        """,
    ),
    edit(
        "json decoder's parse_float",
        True,
        "float(v) * 2",
        "float(v) * 3",
        """
        import json
        DEC = json.JSONDecoder(parse_float=lambda v: float(v) * 2)
        def f(x): return DEC.decode('1.5')
        """,
    ),
    edit(
        "mock with a return value",
        True,
        "return_value=3",
        "return_value=4",
        """
        from unittest import mock
        M = mock.Mock(return_value=3)
        def f(x): return M()
        """,
    ),
    edit(
        "mock with a side effect",
        True,
        "v + 1",
        "v + 2",
        """
        from unittest import mock
        def up(v): return v + 1
        M = mock.Mock(side_effect=up)
        def f(x): return M(x)
        """,
    ),
    edit(
        "annotated type's metadata",
        True,
        "Scale(3)",
        "Scale(4)",
        """
        from typing import Annotated, get_args
        class Scale:
            def __init__(self, n): self.n = n
        T = Annotated[int, Scale(3)]
        def f(x): return get_args(T)[1].n
        """,
    ),
    edit(
        "literal type's values",
        True,
        "'b'",
        "'c'",
        """
        from typing import Literal, get_args
        T = Literal['a', 'b']
        def f(x): return get_args(T)
        """,
    ),
    edit(
        "new type's base",
        True,
        "int)",
        "float)",
        """
        from typing import NewType
        T = NewType('T', int)
        def f(x): return T.__supertype__(x)
        """,
    ),
    edit(
        "type variable's bound",
        True,
        "bound=int",
        "bound=float",
        """
        from typing import TypeVar
        T = TypeVar('T', bound=int)
        def f(x): return T.__bound__(x)
        """,
    ),
    edit(
        "optional union as a table of types",
        True,
        "int | None",
        "float | None",
        """
        import typing
        T = int | None
        def f(x): return typing.get_args(T)[0](x)
        """,
    ),
    edit(
        "topological sorter built at import",
        True,
        "'c'}",
        "'d'}",
        """
        import graphlib
        G = graphlib.TopologicalSorter({'a': {'b'}, 'b': {'c'}})
        def f(x): return list(G.static_order())
        """,
    ),
    edit(
        "topological sorter filled by add",
        True,
        "'a', 'b'",
        "'b', 'a'",
        """
        import graphlib
        G = graphlib.TopologicalSorter()
        G.add('a', 'b')
        def f(x): return list(G.static_order())
        """,
    ),
    edit(
        "tzinfo subclass",
        True,
        "hours=2",
        "hours=3",
        """
        import datetime as dt
        class Z(dt.tzinfo):
            def utcoffset(self, when): return dt.timedelta(hours=2)
            def dst(self, when): return dt.timedelta(0)
        WHEN = dt.datetime(2020, 1, 1, tzinfo=Z())
        def f(x): return WHEN.isoformat()
        """,
    ),
    edit(
        "zoneinfo key",
        True,
        "Europe/Berlin",
        "Europe/London",
        """
        import zoneinfo, datetime
        Z = zoneinfo.ZoneInfo('Europe/Berlin')
        def f(x): return datetime.datetime(2020, 1, 1, tzinfo=Z).isoformat()
        """,
    ),
    edit(
        "string formatter subclass",
        True,
        "* 2",
        "* 3",
        """
        import string
        class F(string.Formatter):
            def format_field(self, value, spec): return str(value * 2)
        FMT = F()
        def f(x): return FMT.format('{}', x)
        """,
    ),
    edit(
        "template subclass's delimiter",
        True,
        "'%'",
        "'@'",
        """
        import string
        class T(string.Template):
            delimiter = '%'
        TEXT = T('%a @a')
        def f(x): return TEXT.substitute(a=x)
        """,
    ),
    edit(
        "csv dialect registered by name",
        True,
        "';'",
        "','",
        """
        import csv, io
        csv.register_dialect('own', delimiter=';')
        def f(x): return list(csv.reader(io.StringIO('a;b,c'), 'own'))
        """,
    ),
    edit(
        "csv dialect class",
        True,
        "';'",
        "','",
        """
        import csv, io
        class D(csv.excel):
            delimiter = ';'
        def f(x): return list(csv.reader(io.StringIO('a;b,c'), D))
        """,
    ),
    edit(
        "csv dialect class registered by name",
        True,
        "';'",
        "','",
        "\nimport csv, io\nclass D(csv.excel):\n    delimiter = ';'\ncsv.register_dialect('own', D)\ndef f(x): return list(csv.DictReader(io.StringIO('a;b,c\\n1;2,3'), dialect='own'))\n",
    ),
    edit(
        "first day of the week set in calendar",
        True,
        "(6)",
        "(0)",
        """
        import calendar
        calendar.setfirstweekday(6)
        def f(x): return calendar.monthcalendar(2020, 1)[0]
        """,
    ),
    edit(
        "environment set at import, read by the task",
        True,
        "'3'",
        "'4'",
        """
        import os
        os.environ['OWN_SCALE'] = '3'
        def f(x): return int(os.environ['OWN_SCALE']) * x
        """,
    ),
    edit(
        "environment updated at import in another module",
        True,
        "'3'",
        "'4'",
        """
        import os, setup_env
        def f(x): return int(os.getenv('OWN_SCALE_2')) * x
        """,
        {
            "setup_env.py": """
        import os
        os.environ.update(OWN_SCALE_2='3')
        """
        },
    ),
    edit(
        "environment set by a function at import",
        True,
        "'3'",
        "'4'",
        """
        import os
        def prepare(): os.environ.setdefault('OWN_SCALE_3', '3')
        prepare()
        def f(x): return int(os.environ['OWN_SCALE_3']) * x
        """,
    ),
    edit(
        "type of mime added",
        True,
        "'text/a'",
        "'text/b'",
        """
        import mimetypes
        mimetypes.add_type('text/a', '.own')
        def f(x): return mimetypes.guess_type('z.own')
        """,
    ),
    edit(
        "third-party module's constant set",
        True,
        "3.0",
        "4.0",
        """
        import math
        math.tau = 3.0
        def f(x): return math.tau * x
        """,
    ),
    edit(
        "item of a third-party table set",
        True,
        "= 3",
        "= 4",
        """
        import scipy.constants as sc
        sc.physical_constants['own'] = 3
        def f(x): return sc.physical_constants['own']
        """,
    ),
    edit(
        "accessor registered with pandas",
        True,
        "* 2",
        "* 3",
        """
        import pandas as pd
        @pd.api.extensions.register_dataframe_accessor('own')
        class Own:
            def __init__(self, df): self.df = df
            def total(self): return int(self.df.a.sum()) * 2
        def f(x): return pd.DataFrame({'a': [x]}).own.total()
        """,
    ),
    edit(
        "accessor registered with pandas in another module",
        True,
        "* 2",
        "* 3",
        """
        import pandas as pd
        import accessors
        def f(x): return pd.Series([x]).own2.total()
        """,
        {
            "accessors.py": """
        import pandas as pd
        @pd.api.extensions.register_series_accessor('own2')
        class Own:
            def __init__(self, s): self.s = s
            def total(self): return int(self.s.sum()) * 2
        """
        },
    ),
    edit(
        "namespace registered with polars",
        True,
        "* 2",
        "* 3",
        """
        import polars as pl
        @pl.api.register_series_namespace('own')
        class Own:
            def __init__(self, s): self.s = s
            def total(self): return self.s.sum() * 2
        def f(x): return pl.Series([x]).own.total()
        """,
    ),
    edit(
        "yaml constructor registered",
        True,
        "* 2",
        "* 3",
        """
        import yaml
        def build(loader, node): return int(loader.construct_scalar(node)) * 2
        yaml.SafeLoader.add_constructor('!own', build)
        def f(x): return yaml.safe_load('!own 4')
        """,
    ),
    edit(
        "yaml representer registered in another module",
        True,
        "'!p'",
        "'!q'",
        """
        import yaml
        from points import P
        def f(x): return yaml.safe_dump({'p': P(x)})
        """,
        {
            "points.py": """
        import yaml
        class P:
            def __init__(self, n): self.n = n
        def show(dumper, p): return dumper.represent_scalar('!p', str(p.n))
        yaml.SafeDumper.add_representer(P, show)
        """
        },
    ),
    edit(
        "jinja filter registered",
        True,
        "v * 2",
        "v * 3",
        """
        import jinja2
        ENV = jinja2.Environment()
        ENV.filters['twice'] = lambda v: v * 2
        def f(x): return ENV.from_string('{{ 4 | twice }}').render()
        """,
    ),
    edit(
        "jinja templates from a dict",
        True,
        "hello",
        "hullo",
        """
        import jinja2
        ENV = jinja2.Environment(loader=jinja2.DictLoader({'a': 'hello {{ x }}'}))
        def f(x): return ENV.get_template('a').render(x=x)
        """,
    ),
    edit(
        "code swapped into a function",
        True,
        "return 1",
        "return 2",
        """
        def g(): return 0
        def h(): return 1
        g.__code__ = h.__code__
        def f(x): return g()
        """,
    ),
    edit(
        "defaults put into a function",
        True,
        "(3,)",
        "(4,)",
        """
        def g(k=1): return k
        g.__defaults__ = (3,)
        def f(x): return g()
        """,
    ),
    edit(
        "keyword defaults put into a function",
        True,
        "'k': 3",
        "'k': 4",
        """
        def g(*, k=1): return k
        g.__kwdefaults__ = {'k': 3}
        def f(x): return g()
        """,
    ),
    edit(
        "function made of another's code and own globals",
        True,
        "'K': 3",
        "'K': 4",
        """
        import types
        def g(): return K
        h = types.FunctionType(g.__code__, {'K': 3})
        def f(x): return h()
        """,
    ),
    edit(
        "function made with other defaults",
        True,
        "(5,)",
        "(6,)",
        """
        import types
        def g(k): return k
        h = types.FunctionType(g.__code__, globals(), 'h', (5,))
        def f(x): return h()
        """,
    ),
    edit(
        "method type made by hand",
        True,
        "K(1)",
        "K(2)",
        """
        import types
        class K:
            def __init__(self, n): self.n = n
        def get(self): return self.n
        m = types.MethodType(get, K(1))
        def f(x): return m()
        """,
    ),
    edit(
        "property object in a global",
        True,
        "+ 1",
        "+ 2",
        """
        P = property(lambda self: self + 1)
        def f(x): return P.fget(x)
        """,
    ),
    edit(
        "cached_property object in a global",
        True,
        "+ 1",
        "+ 2",
        """
        import functools
        P = functools.cached_property(lambda self: self + 1)
        def f(x): return P.func(x)
        """,
    ),
    edit(
        "user's function behind a weak reference",
        True,
        "v + 1",
        "v + 2",
        """
        import weakref
        def g(v): return v + 1
        R = weakref.ref(g)
        def f(x): return R()(x)
        """,
    ),
    edit(
        "weak value dictionary of functions",
        True,
        "v + 1",
        "v + 2",
        """
        import weakref
        def g(v): return v + 1
        R = weakref.WeakValueDictionary(g=g)
        def f(x): return R['g'](x)
        """,
    ),
    edit(
        "weak method",
        True,
        "return 1",
        "return 2",
        """
        import weakref
        class K:
            def get(self): return 1
        k = K()
        R = weakref.WeakMethod(k.get)
        def f(x): return R()()
        """,
    ),
    edit(
        "context variable set at import",
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
        "context variable set in a copied context",
        True,
        "set, 3",
        "set, 4",
        """
        import contextvars
        V = contextvars.ContextVar('V2', default=1)
        CTX = contextvars.copy_context()
        CTX.run(V.set, 3)
        def f(x): return CTX.run(V.get)
        """,
    ),
    edit(
        "thread local subclass with init",
        True,
        "n = 3",
        "n = 4",
        """
        import threading
        class L(threading.local):
            n = 3
        T = L()
        def f(x): return T.n
        """,
    ),
    edit(
        "mapping proxy of functions",
        True,
        "v + 1",
        "v + 2",
        """
        import types
        M = types.MappingProxyType({'up': lambda v: v + 1})
        def f(x): return M['up'](x)
        """,
    ),
    edit(
        "chain map of modules' dicts",
        True,
        "A = 2",
        "A = 3",
        """
        import collections, cfg
        M = collections.ChainMap({}, vars(cfg))
        def f(x): return M['A']
        """,
        {"cfg.py": "A = 2"},
    ),
    edit(
        "sentinel callable object by operator.call",
        True,
        "return 1",
        "return 2",
        """
        import operator
        class K:
            def __call__(self): return 1
        k = K()
        def f(x): return operator.call(k)
        """,
    ),
    edit(
        "operator.methodcaller with arguments on own class",
        True,
        "k + 1",
        "k + 2",
        """
        import operator
        class K:
            def get(self, k): return k + 1
        GET = operator.methodcaller('get', 4)
        def f(x): return GET(K())
        """,
    ),
    edit(
        "attrgetter on an argument's class",
        True,
        "return 1",
        "return 2",
        """
        import operator
        class K:
            @property
            def size(self): return 1
        SIZE = operator.attrgetter('size')
        ARGS = (K(),)
        def f(x): return SIZE(x)
        """,
    ),
    edit(
        "frozen distribution of scipy",
        True,
        "loc=2",
        "loc=3",
        """
        import scipy.stats
        D = scipy.stats.norm(loc=2)
        def f(x): return float(D.mean())
        """,
    ),
    edit(
        "interpolator made at import",
        True,
        "[0, 1, 4]",
        "[0, 1, 5]",
        """
        import numpy as np
        from scipy.interpolate import interp1d
        I = interp1d([0, 1, 2], [0, 1, 4])
        def f(x): return float(I(1.5))
        """,
    ),
    edit(
        "spline made at import",
        True,
        "4.0]",
        "5.0]",
        """
        from scipy.interpolate import CubicSpline
        S = CubicSpline([0, 1, 2], [0, 1, 4.0])
        def f(x): return float(S(1.5))
        """,
    ),
    edit(
        "KDTree of points made at import",
        True,
        "(1, 1)]",
        "(1, 2)]",
        """
        from scipy.spatial import KDTree
        T = KDTree([(0, 0), (1, 1)])
        def f(x): return float(T.query((1, 1))[0])
        """,
    ),
    edit(
        "scipy distribution subclass",
        True,
        "x * 2",
        "x * 3",
        """
        import scipy.stats
        class D(scipy.stats.rv_continuous):
            def _pdf(self, x): return x * 2
        d = D(a=0, b=1, name='d')
        def f(x): return float(d.pdf(0.5))
        """,
    ),
    edit(
        "sparse matrix's value",
        True,
        "2.0",
        "3.0",
        """
        import scipy.sparse as sp
        M = sp.csr_matrix([[0, 2.0], [0, 0]])
        def f(x): return float(M.sum())
        """,
    ),
    edit(
        "pipeline's parameter",
        True,
        "C=1.0",
        "C=2.0",
        """
        from sklearn.pipeline import make_pipeline
        from sklearn.linear_model import LogisticRegression
        P = make_pipeline(LogisticRegression(C=1.0))
        def f(x): return str(P.get_params()['logisticregression__C'])
        """,
    ),
    edit(
        "function in a function transformer",
        True,
        "a + 1",
        "a + 2",
        """
        import numpy as np
        from sklearn.preprocessing import FunctionTransformer
        def up(a): return a + 1
        T = FunctionTransformer(up)
        def f(x): return T.transform(np.array([[1.0]])).tolist()
        """,
    ),
    edit(
        "own estimator in a pipeline",
        True,
        "X * 2",
        "X * 3",
        """
        import numpy as np
        from sklearn.base import BaseEstimator, TransformerMixin
        from sklearn.pipeline import Pipeline
        class Twice(TransformerMixin, BaseEstimator):
            def fit(self, X, y=None): return self
            def transform(self, X): return X * 2
        P = Pipeline([('twice', Twice())])
        def f(x): return P.fit_transform(np.array([[1.0]])).tolist()
        """,
    ),
    edit(
        "fitted model at import",
        True,
        "[0, 1, 1]",
        "[0, 1, 0]",
        """
        import numpy as np
        from sklearn.tree import DecisionTreeClassifier
        T = DecisionTreeClassifier(random_state=0).fit([[0], [1], [2]], [0, 1, 1])
        def f(x): return T.predict([[2]]).tolist()
        """,
    ),
    edit(
        "fitted forest at import by a seed",
        True,
        "random_state=0",
        "random_state=1",
        """
        import numpy as np
        from sklearn.ensemble import RandomForestRegressor
        R = RandomForestRegressor(n_estimators=2, random_state=0).fit(np.arange(10.).reshape(-1, 1), np.arange(10.))
        def f(x): return R.predict([[4.2]]).tolist()
        """,
    ),
    edit(
        "global sklearn configuration",
        True,
        "'pandas'",
        "'default'",
        """
        import numpy as np, sklearn
        from sklearn.preprocessing import StandardScaler
        sklearn.set_config(transform_output='pandas')
        def f(x): return type(StandardScaler().fit_transform(np.array([[1.0], [2.0]]))).__name__
        """,
    ),
    edit(
        "pandas interval index",
        True,
        "[0, 1, 2]",
        "[0, 1, 3]",
        """
        import pandas as pd
        I = pd.IntervalIndex.from_breaks([0, 1, 2])
        def f(x): return str(list(I))
        """,
    ),
    edit(
        "pandas offset",
        True,
        "MonthEnd(1)",
        "MonthEnd(2)",
        """
        import pandas as pd
        O = pd.offsets.MonthEnd(1)
        def f(x): return str(pd.Timestamp('2020-01-15') + O)
        """,
    ),
    edit(
        "pandas timestamp's zone",
        True,
        "'UTC'",
        "'Europe/Berlin'",
        """
        import pandas as pd
        T = pd.Timestamp('2020-01-15', tz='UTC')
        def f(x): return str(T)
        """,
    ),
    edit(
        "pandas categories' order",
        True,
        "['a', 'b']",
        "['b', 'a']",
        """
        import pandas as pd
        T = pd.CategoricalDtype(['a', 'b'], ordered=True)
        def f(x): return pd.Series(['a', 'b'], dtype=T).max()
        """,
    ),
    edit(
        "pandas frame's attrs",
        True,
        "'unit': 1",
        "'unit': 2",
        """
        import pandas as pd
        D = pd.DataFrame({'a': [1]})
        D.attrs = {'unit': 1}
        def f(x): return D.attrs['unit']
        """,
    ),
    edit(
        "pandas index name",
        True,
        "name='a'",
        "name='b'",
        """
        import pandas as pd
        D = pd.DataFrame({'v': [1]}, index=pd.Index([1], name='a'))
        def f(x): return D.index.name
        """,
    ),
    edit(
        "pandas multi-index of columns, names",
        True,
        "names=['a', 'b']",
        "names=['a', 'c']",
        """
        import pandas as pd
        D = pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([(1, 2)], names=['a', 'b']))
        def f(x): return str(D.columns.names)
        """,
    ),
    edit(
        "pandas column dtype",
        True,
        "'Int64'",
        "'Int32'",
        """
        import pandas as pd
        S = pd.Series([1, None], dtype='Int64')
        def f(x): return str(S.dtype)
        """,
    ),
    edit(
        "pandas frequency of an index",
        True,
        "'D'",
        "'2D'",
        """
        import pandas as pd
        I = pd.date_range('2020', periods=3, freq='D')
        def f(x): return str(I[-1])
        """,
    ),
    edit(
        "group-by object made at import",
        True,
        "'a'",
        "'b'",
        """
        import pandas as pd
        D = pd.DataFrame({"a": [1, 1], "b": [1, 2], "c": [3, 4]})
        G = D.groupby('a')
        def f(x): return G.c.sum().to_dict()
        """,
    ),
    edit(
        "rolling object's window",
        True,
        "rolling(2)",
        "rolling(3)",
        """
        import pandas as pd
        R = pd.Series([1, 2, 3, 4]).rolling(2)
        def f(x): return R.sum().tolist()
        """,
    ),
    edit(
        "polars lazy frame",
        True,
        "> 1",
        "> 2",
        """
        import polars as pl
        L = pl.DataFrame({'a': [1, 2, 3]}).lazy().filter(pl.col('a') > 1)
        def f(x): return L.collect()['a'].to_list()
        """,
    ),
    edit(
        "structured array's field",
        True,
        "'<i4'",
        "'<i8'",
        """
        import numpy as np
        A = np.zeros(2, dtype=[('a', '<i4')])
        def f(x): return str(A.dtype)
        """,
    ),
    edit(
        "memory order of an array",
        True,
        "order='C'",
        "order='F'",
        """
        import numpy as np
        A = np.ones((2, 3), order='C')
        def f(x): return A.flags['C_CONTIGUOUS']
        """,
    ),
    edit(
        "fill value of a masked array",
        True,
        "fill_value=1",
        "fill_value=2",
        """
        import numpy as np
        A = np.ma.array([1, 5], mask=[0, 1], fill_value=1)
        def f(x): return A.filled().tolist()
        """,
    ),
    edit(
        "polynomial object",
        True,
        "[1, 2]",
        "[1, 3]",
        """
        from numpy.polynomial import Polynomial
        P = Polynomial([1, 2])
        def f(x): return float(P(2))
        """,
    ),
    edit(
        "seed sequence",
        True,
        "(5)",
        "(6)",
        """
        import numpy as np
        S = np.random.SeedSequence(5)
        def f(x): return S.generate_state(1).tolist()
        """,
    ),
    edit(
        "bit generator's key",
        True,
        "key=3",
        "key=4",
        """
        import numpy as np
        G = np.random.Generator(np.random.Philox(key=3))
        def f(x): return float(G.random())
        """,
    ),
    edit(
        "memory map of a file made at import",
        True,
        "3.0",
        "4.0",
        """
        import numpy as np, os, tempfile
        P = os.path.join(tempfile.mkdtemp(), 'a.npy')
        np.save(P, np.full(3, 3.0))
        A = np.load(P, mmap_mode='r')
        def f(x): return float(A.sum())
        """,
    ),
    edit(
        "regular expression's scanner",
        True,
        "r'\\d+'",
        "r'\\w+'",
        "\nimport re\nS = re.Scanner([(r'\\d+', lambda s, t: t), (r'.', None)])\ndef f(x): return S.scan('a1b2')\n",
    ),
    edit(
        "scanner's action",
        True,
        "'n' + t",
        "'m' + t",
        "\nimport re\nS = re.Scanner([(r'\\d+', lambda s, t: 'n' + t), (r'.', None)])\ndef f(x): return S.scan('a1b2')\n",
    ),
    edit(
        "match object",
        True,
        "'b'",
        "'c'",
        """
        import re
        M = re.match('(.)', 'b')
        def f(x): return M.group(1)
        """,
    ),
    edit(
        "logger's own filter",
        True,
        "* 2",
        "* 3",
        """
        import logging
        class F(logging.Filter):
            def filter(self, record):
                record.value = record.value * 2
                return True
        FILTER = F()
        def f(x):
            r = logging.makeLogRecord({'value': x})
            FILTER.filter(r)
            return r.value
        """,
    ),
    edit(
        "own logging handler that collects",
        True,
        "* 2",
        "* 3",
        """
        import logging
        class L(logging.Handler):
            def __init__(self):
                super().__init__()
                self.rows = []
            def emit(self, record): self.rows.append(record.getMessage() * 2)
        H = L()
        LOG = logging.getLogger('own.collects')
        LOG.addHandler(H)
        def f(x):
            LOG.warning('a')
            return H.rows[-1]
        """,
    ),
]
