"""Pairs of arguments, as expressions, and the keys of calls with them.

As a program it prints the key of each, or why there is none: run with another hash
seed, it must print the same.
"""

# ruff: noqa: F401

from __future__ import annotations

import array
import ast
import collections
import contextvars
import ctypes
import dataclasses
import datetime as dt
import decimal
import email.message
import enum
import fractions
import functools
import io
import ipaddress
import itertools
import json
import logging
import math
import operator
import os
import pathlib
import random
import re
import string
import struct
import sys
import threading
import time
import types
import typing
import uuid
import warnings
import weakref
import zoneinfo
from decimal import Decimal as D
from fractions import Fraction as F

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import scipy.sparse as sp
import scipy.stats as st

from gridtask import grid_task
from gridtask.errors import IdentityError

Z = zoneinfo.ZoneInfo
nan = float("nan")


def fn(v, k=1):
    return v + k


def fn2(v, k=2):
    return v + k


def outer(n):
    def inner(v):
        return v + n

    return inner


class P:
    def __init__(self, **kw):
        self.__dict__.update(kw)

    def go(self):
        return 1

    def other(self):
        return 2


class Q(P):
    pass


class S:
    __slots__ = ("a", "b")

    def __init__(self, a=None):
        self.a = a


class Red:
    def __init__(self, a):
        self.a = a
        self.tmp = object()

    def __reduce__(self):
        return (Red, (self.a,))


class GS:
    def __init__(self, a, cache=None):
        self.a = a
        self.cache = cache

    def __getstate__(self):
        return {"a": self.a}


class Prop:
    def __init__(self, a):
        self._a = a

    @functools.cached_property
    def big(self):
        return self._a * 2


class Eq:
    def __init__(self, a):
        self.a = a

    def __eq__(self, o):
        return True

    def __hash__(self):
        return 1


class E(enum.Enum):
    A = 1
    B = 2


class E2(enum.Enum):
    A = 1


class Fl(enum.Flag):
    X = 1
    Y = 2
    Z = 4


class SE(enum.StrEnum):
    A = "a"


class IE(enum.IntEnum):
    A = 1


class NT(typing.NamedTuple):
    a: int = 0
    b: int = 0


NT2 = collections.namedtuple("NT2", "a b")


@dataclasses.dataclass
class DC:
    a: object = 0
    b: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class DF:
    a: object = 0


@dataclasses.dataclass
class DR:
    a: object = 0
    note: str = dataclasses.field(default="", repr=False, compare=False)


@attrs.define
class AT:
    a: object = 0


@attrs.frozen
class AF:
    a: object = 0


class MyInt(int):
    pass


class MyStr(str):
    pass


class MyDict(dict):
    pass


class MyList(list):
    pass


class MyTuple(tuple):
    pass


class MyFloat(float):
    pass


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    pass


def warm(o, name):
    getattr(o, name)
    return o


def rec_list():
    a = [1]
    a.append(a)
    return a


def rec_list2():
    a = [2]
    a.append(a)
    return a


def rec_dict():
    a = {}
    a["self"] = a
    return a


def shared():
    x = [1]
    return [x, x]


def ring(n):
    first = node = P(i=0)
    for i in range(1, n):
        node.next = P(i=i)
        node = node.next
    node.next = first
    return first


def setattrs(o, **kw):
    for k, v in kw.items():
        setattr(o, k, v)
    return o


def ro(a):
    a.flags.writeable = False
    return a


def drawn(g, n):
    g.random(n)
    return g


def advanced(i, n=1):
    for _ in range(n):
        next(i)
    return i


def frame(**kw):
    return pd.DataFrame(kw)


def withattrs(d, **kw):
    d.attrs.update(kw)
    return d


@grid_task
def f(x):
    return x


EQUAL = [
    ("nan", "float('nan')"),
    ("{'a':1,'b':2}", "{'b':2,'a':1}"),
    ("{1,'a',None,(2,3)}", "{(2,3),None,'a',1}"),
    ("frozenset({'x','y','z'})", "frozenset(['z','y','x'])"),
    ("{E.A:1,E.B:2}", "{E.B:2,E.A:1}"),
    ("rec_list()", "rec_list()"),
    ("rec_dict()", "rec_dict()"),
    ("shared()", "[[1],[1]]"),
    ("ring(3)", "ring(3)"),
    ("collections.Counter('aab')", "collections.Counter('baa')"),
    ("NT(1)", "NT(1,0)"),
    ("types.SimpleNamespace(a=1,b=2)", "types.SimpleNamespace(b=2,a=1)"),
    (
        "dt.datetime(2020,1,1,tzinfo=Z('Europe/Berlin'))",
        "dt.datetime(2020,1,1,tzinfo=Z.no_cache('Europe/Berlin'))",
    ),
    ("dt.timedelta(hours=24)", "dt.timedelta(days=1)"),
    ("F(2,4)", "F(1,2)"),
    ("pathlib.Path('a/b')", "pathlib.Path('a')/'b'"),
    ("pathlib.Path('a//b')", "pathlib.Path('a/b')"),
    ("Fl.X|Fl.Y", "Fl.Y|Fl.X"),
    ("P(a=1,b=2)", "P(b=2,a=1)"),
    ("Red(1)", "Red(1)"),
    ("GS(1,'x')", "GS(1,'y')"),
    ("Prop(1)", "warm(Prop(1),'big')"),
    ("DC(1)", "DC(1,[])"),
    ("outer(1)", "outer(1)"),
    ("functools.partial(functools.partial(fn,1),k=2)", "functools.partial(fn,1,k=2)"),
    ("typing.Optional[int]", "typing.Union[int,None]"),
    ("np.arange(6)[::2]", "np.array([0,2,4])"),
    ("ro(np.zeros(2))", "np.zeros(2)"),
    ("np.broadcast_to(1.0,(3,))", "np.ones(3)"),
    ("np.zeros(3)", "np.zeros(6).reshape(2,3)[0]"),
    ("frame(a=[1,2,3])[1:]", "frame(a=[0,2,3])[1:]"),
    (
        "pl.concat([pl.DataFrame({'a':[1]}),pl.DataFrame({'a':[2]})],rechunk=False)",
        "pl.DataFrame({'a':[1,2]})",
    ),
    ("pa.chunked_array([[1],[2]])", "pa.chunked_array([[1,2]])"),
    ("sp.coo_matrix(([1,2],([0,1],[0,1])))", "sp.coo_matrix(([2,1],([1,0],[1,0])))"),
]
DIFFERENT = [
    ("True", "1"),
    ("1", "1.0"),
    ("0.0", "-0.0"),
    ("np.float64(0.0)", "np.float64(-0.0)"),
    ("1", "np.int64(1)"),
    ("np.int32(1)", "np.int64(1)"),
    ("np.float64(1)", "np.array(1.0)"),
    ("1+0j", "1.0"),
    ("complex(0,-0.0)", "complex(0,0.0)"),
    (
        "struct.unpack('<d', struct.pack('<Q', 0x7ff8000000000001))[0]",
        "struct.unpack('<d', struct.pack('<Q', 0x7ff8000000000002))[0]",
    ),
    ("2**70", "2**70+1"),
    ("float(2**53)", "2**53"),
    ("'1'", "1"),
    ("'a'", "b'a'"),
    ("b'a'", "bytearray(b'a')"),
    ("'é'", "'e\\u0301'"),
    ("'\\ud800'", "'?'"),
    ("None", "'None'"),
    ("...", "None"),
    ("NotImplemented", "None"),
    ("MyInt(1)", "1"),
    ("MyStr('a')", "'a'"),
    ("MyFloat(1)", "1.0"),
    ("[1,2]", "(1,2)"),
    ("[1,[2]]", "[1,2]"),
    ("[[1],[2]]", "[[1,2]]"),
    ("[]", "[[]]"),
    ("()", "((),)"),
    ("{}", "set()"),
    ("{1,2}", "frozenset({1,2})"),
    ("collections.OrderedDict(a=1,b=2)", "collections.OrderedDict(b=2,a=1)"),
    ("collections.OrderedDict(a=1)", "{'a':1}"),
    ("{1:'a'}", "{'1':'a'}"),
    ("{1:'a'}", "{True:'a'}"),
    ("{1:'a'}", "{1.0:'a'}"),
    ("{(1,2):3}", "{(2,1):3}"),
    ("{'a':{'b':1}}", "{'a':{'b':2}}"),
    ("{'a':None}", "{}"),
    ("MyDict(a=1)", "{'a':1}"),
    ("MyList([1])", "[1]"),
    ("MyTuple((1,))", "(1,)"),
    ("rec_list()", "rec_list2()"),
    ("ring(3)", "ring(4)"),
    ("collections.deque([1,2])", "collections.deque([2,1])"),
    ("collections.deque([1],2)", "collections.deque([1],3)"),
    ("collections.Counter('aab')", "collections.Counter('abb')"),
    ("collections.defaultdict(int)", "collections.defaultdict(float)"),
    ("collections.defaultdict(lambda: 1)", "collections.defaultdict(lambda: 2)"),
    ("collections.ChainMap({'a':1},{'b':2})", "collections.ChainMap({'b':2},{'a':1})"),
    ("collections.UserDict(a=1)", "collections.UserDict(a=2)"),
    ("types.MappingProxyType({'a':1})", "{'a':1}"),
    ("range(3)", "range(4)"),
    ("range(0,5,2)", "range(0,6,2)"),
    ("slice(1)", "slice(0,1)"),
    ("[slice(1,2)]", "[slice(1,3)]"),
    ("NT(1,2)", "(1,2)"),
    ("NT(1,2)", "NT2(1,2)"),
    ("array.array('i',[1])", "array.array('l',[1])"),
    ("types.SimpleNamespace(a=1)", "types.SimpleNamespace(a=2)"),
    ("dt.datetime(2020,1,1)", "dt.date(2020,1,1)"),
    (
        "dt.datetime(2020,10,25,2,30,tzinfo=Z('Europe/Berlin'))",
        "dt.datetime(2020,10,25,2,30,tzinfo=Z('Europe/Berlin'),fold=1)",
    ),
    (
        "dt.datetime(2020,1,1,tzinfo=Z('UTC'))",
        "dt.datetime(2020,1,1,tzinfo=dt.timezone.utc)",
    ),
    (
        "dt.datetime(2020,1,1,12,tzinfo=Z('Europe/Berlin'))",
        "dt.datetime(2020,1,1,11,tzinfo=Z('UTC'))",
    ),
    ("dt.time(1)", "dt.time(1,tzinfo=dt.timezone.utc)"),
    ("pd.Timestamp('2020')", "dt.datetime(2020,1,1)"),
    ("pd.Timestamp('2020')", "np.datetime64('2020')"),
    ("np.datetime64('2020','Y')", "np.datetime64('2020','D')"),
    ("np.datetime64('NaT')", "np.timedelta64('NaT')"),
    ("pd.NaT", "None"),
    ("pd.NA", "None"),
    (
        "pd.Timestamp('2020-01-01',unit=None).as_unit('s')",
        "pd.Timestamp('2020-01-01').as_unit('ns')",
    ),
    ("pd.Timedelta(1,'s')", "pd.Timedelta(2,'s')"),
    ("pd.Period('2020','Y')", "pd.Period('2020','M')"),
    ("pd.Interval(0,1)", "pd.Interval(0,1,closed='left')"),
    ("D('1.0')", "D('1.00')"),
    ("D('0')", "D('-0')"),
    ("D('NaN')", "D('sNaN')"),
    ("F(1,2)", "0.5"),
    ("decimal.Context(prec=5)", "decimal.Context(prec=6)"),
    ("pathlib.Path('a')", "'a'"),
    ("pathlib.Path('a')", "pathlib.PurePosixPath('a')"),
    ("re.compile('a')", "re.compile('a',re.I)"),
    ("re.compile('a')", "'a'"),
    ("uuid.UUID(int=1)", "uuid.UUID(int=2)"),
    ("ipaddress.ip_address('1.1.1.1')", "ipaddress.ip_interface('1.1.1.1')"),
    ("string.Template('a')", "string.Template('b')"),
    ("io.StringIO('a')", "io.StringIO('b')"),
    ("io.BytesIO(b'a')", "io.BytesIO(b'b')"),
    ("advanced(io.StringIO('a\\nb'))", "io.StringIO('a\\nb')"),
    ("E.A", "E2.A"),
    ("E.A", "E.B"),
    ("E.A", "1"),
    ("SE.A", "'a'"),
    ("IE.A", "1"),
    ("Fl.X|Fl.Y", "Fl.X"),
    ("Fl(0)", "0"),
    ("re.I", "re.M"),
    ("[E]", "[E2]"),
    ("E", "E2"),
    ("P(a=1)", "P(a=2)"),
    ("P(a=1)", "Q(a=1)"),
    ("P(a=1)", "P(b=1)"),
    ("P(x=1,y=2)", "P(x=2,y=1)"),
    ("S(1)", "S(2)"),
    ("S()", "setattrs(S(), b=None)"),
    ("Red(1)", "Red(2)"),
    ("GS(1)", "GS(2)"),
    ("Eq(1)", "Eq(2)"),
    ("[Eq(1)]", "[Eq(2)]"),
    ("{Eq(1):1}", "{Eq(2):1}"),
    ("DC(1)", "DC(2)"),
    ("DC(1)", "DF(1)"),
    ("DR(1,'a')", "DR(1,'b')"),
    ("setattrs(DC(1), extra=1)", "DC(1)"),
    ("AT(1)", "AT(2)"),
    ("AT(1)", "AF(1)"),
    ("Exception('a')", "Exception('b')"),
    ("ValueError('a')", "TypeError('a')"),
    ("KeyError(1)", "KeyError('1')"),
    ("setattrs(Exception('a'), n=1)", "Exception('a')"),
    ("WithMeta", "P"),
    ("P", "Q"),
    ("P(a=1).go", "P(a=2).go"),
    ("P(a=1).go", "P(a=1).other"),
    ("P().go", "Q().go"),
    ("[1].append", "[2].append"),
    ("'a'.join", "'b'.join"),
    ("{1:2}.get", "{1:3}.get"),
    ("len", "max"),
    ("math.sin", "math.cos"),
    ("np.sin", "np.cos"),
    ("np.add.reduce", "np.add.accumulate"),
    ("np.add.reduce", "np.multiply.reduce"),
    ("np.random.default_rng(1).random", "np.random.default_rng(2).random"),
    ("random.Random(1).random", "random.Random(2).random"),
    ("fn", "fn2"),
    ("outer(1)", "outer(2)"),
    ("lambda v: v", "lambda v: v + 1"),
    ("lambda v, k=1: v", "lambda v, k=2: v"),
    ("functools.partial(fn,1)", "functools.partial(fn,2)"),
    ("functools.partial(fn,k=1)", "functools.partial(fn2,k=1)"),
    ("operator.itemgetter(1)", "operator.itemgetter(2)"),
    ("operator.attrgetter('a')", "operator.attrgetter('b')"),
    ("operator.methodcaller('a',1)", "operator.methodcaller('a',2)"),
    ("functools.lru_cache(fn)", "functools.lru_cache(fn2)"),
    ("np.vectorize(fn)", "np.vectorize(fn2)"),
    ("staticmethod(fn)", "staticmethod(fn2)"),
    ("property(fn)", "property(fn2)"),
    ("json", "math"),
    ("list[int]", "list[str]"),
    ("int|None", "int|str"),
    ("typing.Callable[[int],str]", "typing.Callable[[str],str]"),
    ("typing.Literal[1]", "typing.Literal[True]"),
    ("typing.Annotated[int,1]", "typing.Annotated[int,2]"),
    ("iter([1])", "iter([2])"),
    ("iter([1,2])", "advanced(iter([1,2]))"),
    ("itertools.count(1)", "itertools.count(2)"),
    ("zip([1],[2])", "zip([1],[3])"),
    ("map(fn,[1])", "map(fn2,[1])"),
    ("enumerate('a')", "enumerate('b')"),
    ("reversed([1])", "reversed([2])"),
    ("itertools.cycle([1])", "itertools.cycle([2])"),
    ("ast.parse('a')", "ast.parse('b')"),
    ("email.message.EmailMessage()", "setattrs(email.message.EmailMessage(), x=1)"),
    ("ctypes.c_int(1)", "ctypes.c_int(2)"),
    ("(ctypes.c_int*2)(1,2)", "(ctypes.c_int*2)(1,3)"),
    ("np.zeros(2)", "np.zeros(2,'f4')"),
    ("np.zeros((2,3))", "np.zeros((3,2))"),
    ("np.zeros((2,3))", "np.zeros(6)"),
    ("np.array(1)", "np.array([1])"),
    ("np.arange(4).reshape(2,2)", "np.arange(4).reshape(2,2).T"),
    ("np.zeros(2,'<i4')", "np.zeros(2,'>i4')"),
    ("np.zeros(2,'M8[s]')", "np.zeros(2,'M8[ms]')"),
    ("np.array(['a'])", "np.array([b'a'])"),
    ("np.array(['a'])", "np.array(['a'],'U2')"),
    ("np.array(['a'],object)", "np.array(['a'])"),
    ("np.array([1,'a'],object)", "np.array(['a',1],object)"),
    ("np.array([[]])", "np.array([])"),
    ("np.zeros((0,2))", "np.zeros((0,3))"),
    ("np.zeros(2,'V2')", "np.zeros(2,'S2')"),
    ("np.zeros(1,[('a','i4'),('b','i4')])", "np.zeros(1,[('b','i4'),('a','i4')])"),
    ("np.zeros(1,[('a','i4')])", "np.zeros(1,'i4')"),
    ("np.zeros(1,np.dtype([('a','i4')],metadata={'u':1}))['a']", "np.ones(1,'i4')"),
    ("np.ma.array([1,2],mask=[0,1])", "np.ma.array([1,2],mask=[1,0])"),
    ("np.ma.array([1,2],mask=[0,1])", "np.ma.array([1,2],mask=[0,1],fill_value=3)"),
    ("np.ma.masked", "np.ma.array([1])"),
    ("np.matrix([[1]])", "np.array([[1]])"),
    ("np.rec.array([(1,)],dtype=[('a','i4')])", "np.array([(1,)],dtype=[('a','i4')])"),
    ("np.asfortranarray(np.ones((2,3)))", "np.ones((3,2))"),
    ("np.array([nan])", "np.array([0.0])"),
    ("np.array([0.0])", "np.array([-0.0])"),
    ("np.array([1],'longdouble')", "np.array([1.0])"),
    ("np.array([1],'c8')", "np.array([1],'c16')"),
    ("np.bool_(True)", "True"),
    ("np.str_('a')", "'a'"),
    ("np.dtype('i4')", "np.dtype('i8')"),
    ("np.int32", "np.int64"),
    ("np.random.default_rng(1)", "np.random.default_rng(2)"),
    ("np.random.default_rng(1)", "drawn(np.random.default_rng(1),1)"),
    ("np.random.RandomState(1)", "np.random.RandomState(2)"),
    ("np.random.SeedSequence(1)", "np.random.SeedSequence(1,spawn_key=(1,))"),
    ("random.Random(1)", "random.Random(2)"),
    ("np.random.PCG64(1)", "np.random.PCG64(2)"),
    ("np.poly1d([1,2])", "np.poly1d([1,3])"),
    ("np.poly1d([1,2])", "np.poly1d([1,2],variable='z')"),
    ("np.s_[1:2]", "np.s_[1:3]"),
    ("np.finfo('f4')", "np.finfo('f8')"),
    ("np.array([P(a=1)])", "np.array([P(a=2)])"),
    ("np.array([[1,2],[3,4]])", "np.array([[1,2],[3,5]])"),
    ("np.array([None])", "np.array([nan],object)"),
    ("frame(a=[1])", "frame(b=[1])"),
    ("frame(a=[1],b=[2])", "frame(b=[2],a=[1])"),
    ("frame(a=[1]).set_axis([5])", "frame(a=[1])"),
    ("frame(a=[1])", "frame(a=[1.0])"),
    ("withattrs(frame(a=[1]),u=1)", "frame(a=[1])"),
    ("frame(a=[1])['a']", "frame(a=[1])"),
    (
        "pd.Series(['a','b'],dtype='category')",
        "pd.Series(pd.Categorical(['a','b'],['b','a']))",
    ),
    (
        "pd.Series(pd.Categorical(['a'],['a','b']))",
        "pd.Series(pd.Categorical(['a'],['a']))",
    ),
    (
        "pd.Series(pd.Categorical(['a'],ordered=True))",
        "pd.Series(pd.Categorical(['a']))",
    ),
    ("pd.Series([1,2],name='a')", "pd.Series([1,2],name='b')"),
    ("pd.Series([1,None],dtype='Int64')", "pd.Series([1,None])"),
    ("pd.Series(['a',None],dtype=object)", "pd.Series(['a',nan],dtype=object)"),
    (
        "pd.Series(pd.to_datetime(['2020']))",
        "pd.Series(pd.to_datetime(['2020'])).dt.tz_localize('UTC')",
    ),
    ("pd.Series(pd.arrays.SparseArray([0,1]))", "pd.Series([0,1])"),
    (
        "pd.MultiIndex.from_product([[1],[2,3]],names=['a','b'])",
        "pd.MultiIndex.from_product([[1],[2,3]],names=['a','c'])",
    ),
    ("frame(a=[1]).rename_axis(index='i')", "frame(a=[1])"),
    ("frame(a=[1]).set_flags(allows_duplicate_labels=False)", "frame(a=[1])"),
    ("pd.CategoricalDtype(['a'])", "pd.CategoricalDtype(['a'],ordered=True)"),
    ("pd.offsets.Day(1)", "pd.offsets.Hour(24)"),
    ("pd.DateOffset(days=1)", "pd.DateOffset(days=2)"),
    ("pd.Series(pd.array([1,2],dtype='int64[pyarrow]'))", "pd.Series([1,2])"),
    ("pd.Grouper(key='a')", "pd.Grouper(key='b')"),
    ("frame(a=[1,1]).groupby('a')", "frame(a=[1,2]).groupby('a')"),
    ("pl.Series('a',[1])", "pl.Series('b',[1])"),
    ("pl.DataFrame({'a':[1]})", "pl.DataFrame({'a':[1.0]})"),
    ("pl.DataFrame({'a':[1]})", "pl.DataFrame({'a':[1]}).lazy()"),
    ("pl.col('a')", "pl.col('b')"),
    ("pl.col('a')+1", "pl.col('a')+2"),
    ("pl.Int8", "pl.Int16"),
    ("pl.Series(['a'],dtype=pl.Categorical)", "pl.Series(['a'])"),
    ("pa.array([1])", "pa.array([1],pa.int8())"),
    ("pa.table({'a':[1]})", "pa.table({'b':[1]})"),
    ("pa.table({'a':[1]}).replace_schema_metadata({'k':'v'})", "pa.table({'a':[1]})"),
    ("pa.schema([('a',pa.int8())])", "pa.schema([('a',pa.int16())])"),
    ("pa.scalar(1)", "pa.scalar(2)"),
    ("sp.csr_matrix([[1,0]])", "sp.csc_matrix([[1,0]])"),
    ("sp.csr_matrix([[1,0]])", "sp.csr_array([[1,0]])"),
    ("sp.csr_matrix([[1,0]])", "sp.csr_matrix([[1,0,0]])"),
    ("sp.csr_matrix([[1,0]])", "sp.csr_matrix([[2,0]])"),
    (
        "sp.coo_matrix(([1],([0],[0])),shape=(1,2))",
        "sp.coo_matrix(([1],([0],[1])),shape=(1,2))",
    ),
    (
        "sp.dia_matrix(([[1,2]],[0]),shape=(2,2))",
        "sp.dia_matrix(([[1,3]],[0]),shape=(2,2))",
    ),
    ("sp.lil_matrix([[1]])", "sp.lil_matrix([[2]])"),
    ("sp.dok_matrix([[1]])", "sp.dok_matrix([[2]])"),
    ("sp.bsr_matrix([[1]])", "sp.bsr_matrix([[2]])"),
    ("st.norm(0,1)", "st.norm(0,2)"),
    ("st.norm", "st.expon"),
    ("type('A',(),{'n':1})", "type('A',(),{'n':2})"),
    (
        "dataclasses.make_dataclass('X',['a'])(1)",
        "dataclasses.make_dataclass('X',['a'])(2)",
    ),
    ("collections.namedtuple('X','a')(1)", "collections.namedtuple('Y','a')(1)"),
    ("enum.Enum('X','A').A", "enum.Enum('X','B A').A"),
    ("object()", "1"),
    ("logging.getLogger('a')", "logging.getLogger('b')"),
    ("typing.TypeVar('T')", "typing.TypeVar('U')"),
]
REFUSED = [
    "(i for i in [1])",
    "open(os.devnull)",
    "threading.Lock()",
    "[threading.Thread()]",
    "sys._getframe()",
    "contextvars.copy_context()",
    "(x for x in ())",
    "memoryview(b'ab')",
    "functools.cmp_to_key(fn)",
    "np.frompyfunc(fn, 1, 1)",
    "weakref.ref(P)",
    "compile('a', '', 'eval')",
]


def find_key(expression):
    """Return the key of a call with the value of an expression.

    It is "refused" where there is none, "unmade" where this version of a library
    cannot make the value.
    """
    try:
        value = eval(expression)
    except Exception:
        return "unmade"
    try:
        return f.key(value)
    except IdentityError:
        return "refused"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    every = [*EQUAL, *DIFFERENT, *((one, one) for one in REFUSED)]
    print(json.dumps([[find_key(one), find_key(other)] for one, other in every]))
