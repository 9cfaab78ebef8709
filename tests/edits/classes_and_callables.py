"""Edits of decorators, classes, descriptors and what functools makes."""

from __future__ import annotations

from harness import Edit, edit

CLASSES_AND_CALLABLES: list[Edit] = [
    edit(
        "class decorator with arguments",
        True,
        "plus(2)",
        "plus(3)",
        """
        def plus(n):
            def deco(cls):
                cls.extra = lambda self, x: x + n
                return cls
            return deco
        @plus(2)
        class C: pass
        def f(x): return C().extra(x)
    """,
    ),
    edit(
        "order of two decorators",
        True,
        "@a\n        @b",
        "@b\n        @a",
        """
        def a(g): return lambda x: g(x) + 1
        def b(g): return lambda x: g(x) * 2
        @a
        @b
        def h(x): return x
        def f(x): return h(x)
    """,
    ),
    edit(
        "class-based decorator",
        True,
        "* 2",
        "* 3",
        """
        class Deco:
            def __init__(self, g): self.g = g
            def __call__(self, x): return self.g(x) * 2
        @Deco
        def h(x): return x + 1
        def f(x): return h(x)
    """,
    ),
    edit(
        "function under class-based decorator",
        True,
        "x + 1",
        "x + 2",
        """
        class Deco:
            def __init__(self, g): self.g = g
            def __call__(self, x): return self.g(x) * 2
        @Deco
        def h(x): return x + 1
        def f(x): return h(x)
    """,
    ),
    edit(
        "wrapper below the task's own decorator",
        True,
        "* 2",
        "* 3",
        """
        import functools
        def twice(g):
            @functools.wraps(g)
            def w(*a): return g(*a) * 2
            return w
        @twice
        def f(x): return x + 1
    """,
    ),
    edit(
        "decorator that returns a constant",
        True,
        "7",
        "8",
        """
        def const(g): return lambda x: 7
        @const
        def f(x): return x
    """,
    ),
    edit(
        "unused inner function body below a decorator that drops it",
        False,
        "return x + 1",
        "return x + 2",
        """
        def const(g): return lambda x: 7
        @const
        def h(x): return x + 1
        def f(x): return h(x)
    """,
    ),
    edit(
        "decorator in another module",
        True,
        "+ 5",
        "+ 6",
        """
        from deco import more
        @more
        def h(x): return x
        def f(x): return h(x)
    """,
        {
            "deco.py": """
        import functools
        def more(g):
            @functools.wraps(g)
            def w(x): return g(x) + 5
            return w
    """
        },
    ),
    edit(
        "decorator option from a global",
        True,
        "N = 2",
        "N = 3",
        """
        N = 2
        def times(n):
            def deco(g): return lambda x: g(x) * n
            return deco
        @times(N)
        def h(x): return x
        def f(x): return h(x)
    """,
    ),
    edit(
        "decorator that registers under a name",
        True,
        "reg('a')",
        "reg('b')",
        """
        R = {}
        def reg(n):
            def deco(g):
                R[n] = g
                return g
            return deco
        @reg('a')
        def h(x): return x
        def f(x): return sorted(R)
    """,
    ),
    edit(
        "decorator attribute on the function",
        True,
        "h.cost = 3",
        "h.cost = 4",
        """
        def tag(h):
            h.cost = 3
            return h
        @tag
        def g(x): return x
        def f(x): return g.cost
    """,
    ),
    edit(
        "metaclass __prepare__",
        True,
        "'bonus': 1",
        "'bonus': 2",
        """
        class M(type):
            @classmethod
            def __prepare__(m, name, bases): return {'bonus': 1}
        class C(metaclass=M): pass
        def f(x): return C.bonus
    """,
    ),
    edit(
        "metaclass __new__ adds a member",
        True,
        "ns['k'] = 1",
        "ns['k'] = 2",
        """
        class M(type):
            def __new__(m, name, bases, ns):
                ns['k'] = 1
                return super().__new__(m, name, bases, ns)
        class C(metaclass=M): pass
        def f(x): return C.k
    """,
    ),
    edit(
        "metaclass __call__",
        True,
        "+ 10",
        "+ 20",
        """
        class M(type):
            def __call__(cls, x): return super().__call__(x + 10)
        class C(metaclass=M):
            def __init__(self, x): self.x = x
        def f(x): return C(x).x
    """,
    ),
    edit(
        "metaclass keyword",
        True,
        "scale=2",
        "scale=3",
        """
        class M(type):
            def __new__(m, n, b, ns, scale=1):
                c = super().__new__(m, n, b, ns)
                c.scale = scale
                return c
            def __init__(c, n, b, ns, scale=1): super().__init__(n, b, ns)
        class C(metaclass=M, scale=2): pass
        def f(x): return C.scale
    """,
    ),
    edit(
        "set_name descriptor",
        True,
        "'_' + n",
        "'__' + n",
        """
        class D:
            def __set_name__(self, owner, n): self.n = '_' + n
            def __get__(self, o, t): return self.n
        class C:
            field = D()
        def f(x): return C().field
    """,
    ),
    edit(
        "descriptor __get__",
        True,
        "* 2",
        "* 3",
        """
        class D:
            def __get__(self, o, t): return o.v * 2
        class C:
            field = D()
            def __init__(self, v): self.v = v
        def f(x): return C(x).field
    """,
    ),
    edit(
        "descriptor __set__ validates",
        True,
        "v + 1",
        "v + 2",
        """
        class D:
            def __set_name__(s, o, n): s.n = '_' + n
            def __get__(s, o, t): return getattr(o, s.n)
            def __set__(s, o, v): setattr(o, s.n, v + 1)
        class C:
            a = D()
        def f(x):
            c = C()
            c.a = x
            return c.a
    """,
    ),
    edit(
        "class_getitem",
        True,
        "(cls, k, 1)",
        "(cls, k, 2)",
        """
        class C:
            def __class_getitem__(cls, k): return (cls, k, 1)
        def f(x): return C[x][2]
    """,
    ),
    edit(
        "init_subclass keyword",
        True,
        "weight=2",
        "weight=3",
        """
        class B:
            def __init_subclass__(cls, weight=1): cls.w = weight
        class C(B, weight=2): pass
        def f(x): return C.w
    """,
    ),
    edit(
        "init_subclass body",
        True,
        "cls.w = 1",
        "cls.w = 2",
        """
        class B:
            def __init_subclass__(cls): cls.w = 1
        class C(B): pass
        def f(x): return C.w
    """,
    ),
    edit(
        "nested function returning class",
        True,
        "v = n",
        "v = n + 1",
        """
        def make(n):
            class K:
                v = n
            return K
        def f(x): return make(x).v
    """,
    ),
    edit(
        "operator overloaded",
        True,
        "self.v + o.v",
        "self.v - o.v",
        """
        class V:
            def __init__(self, v): self.v = v
            def __add__(self, o): return V(self.v + o.v)
        def f(x): return (V(x) + V(2)).v
    """,
    ),
    edit(
        "in-place operator",
        True,
        "self.v += 2",
        "self.v += 3",
        """
        class V:
            def __init__(self, v): self.v = v
            def __iadd__(self, o):
                self.v += 2
                return self
        def f(x):
            v = V(x)
            v += 1
            return v.v
    """,
    ),
    edit(
        "iterator protocol",
        True,
        "range(2)",
        "range(3)",
        """
        class V:
            def __iter__(self): return iter(range(2))
        def f(x): return list(V())
    """,
    ),
    edit(
        "len and bool",
        True,
        "return 0",
        "return 1",
        """
        class V:
            def __len__(self): return 0
        def f(x): return bool(V())
    """,
    ),
    edit(
        "context manager class",
        True,
        "return 4",
        "return 5",
        """
        class V:
            def __enter__(self): return 4
            def __exit__(self, *a): return False
        def f(x):
            with V() as v: return v
    """,
    ),
    edit(
        "mixin order",
        True,
        "A, B",
        "B, A",
        """
        class A:
            def g(self): return 1
        class B:
            def g(self): return 2
        class C(A, B): pass
        def f(x): return C().g()
    """,
    ),
    edit(
        "super chain over modules",
        True,
        "+ 'base'",
        "+ 'BASE'",
        """
        import mid
        class C(mid.Mid):
            def g(self): return super().g() + 'c'
        def f(x): return C().g()
    """,
        {
            "mid.py": """
        from base import Base
        class Mid(Base):
            def g(self): return super().g() + 'mid'
    """,
            "base.py": """
        class Base:
            def g(self): return '' + 'base'
    """,
        },
    ),
    edit(
        "inherited class attribute overridden",
        True,
        "k = 2",
        "k = 3",
        """
        from base import Base
        class C(Base):
            k = 2
        def f(x): return C().g()
    """,
        {
            "base.py": """
        class Base:
            k = 1
            def g(self): return self.k
    """
        },
    ),
    edit(
        "abstract base gains a default",
        True,
        "return 1",
        "return 2",
        """
        import abc
        class P(abc.ABC):
            @abc.abstractmethod
            def g(self): ...
            def h(self): return 1
        class C(P):
            def g(self): return self.h()
        def f(x): return C().g()
    """,
    ),
    edit(
        "virtual subclass registered",
        True,
        "P.register(C)",
        "P.register(D)",
        """
        import abc
        class P(abc.ABC): pass
        class C: pass
        class D: pass
        P.register(C)
        def f(x): return isinstance(C(), P)
    """,
    ),
    edit(
        "isinstance hook",
        True,
        "return True",
        "return False",
        """
        class M(type):
            def __instancecheck__(c, o): return True
        class P(metaclass=M): pass
        def f(x): return isinstance(x, P)
    """,
    ),
    edit(
        "enum alias",
        True,
        "B = 1",
        "B = 2",
        """
        import enum
        class E(enum.Enum):
            A = 1
            B = 1
        def f(x): return [m.name for m in E]
    """,
    ),
    edit(
        "enum auto order",
        True,
        "A = enum.auto()\n            B = enum.auto()",
        "B = enum.auto()\n            A = enum.auto()",
        """
        import enum
        class E(enum.Enum):
            A = enum.auto()
            B = enum.auto()
        def f(x): return E.A.value
    """,
    ),
    edit(
        "enum _generate_next_value_",
        True,
        "name.lower()",
        "name.upper()",
        """
        import enum
        class E(enum.Enum):
            def _generate_next_value_(name, s, c, l): return name.lower()
            Ab = enum.auto()
        def f(x): return E.Ab.value
    """,
    ),
    edit(
        "enum _missing_",
        True,
        "cls.A",
        "cls.B",
        """
        import enum
        class E(enum.Enum):
            A = 5
            B = 6
            @classmethod
            def _missing_(cls, v): return cls.A
        def f(x): return E(x).value
    """,
    ),
    edit(
        "flag boundary",
        True,
        "enum.KEEP",
        "enum.CONFORM",
        """
        import enum
        class F(enum.Flag, boundary=enum.KEEP):
            A = 1
        def f(x): return F(5).value
    """,
    ),
    edit(
        "enum with init",
        True,
        "w * 2",
        "w * 3",
        """
        import enum
        class E(enum.Enum):
            A = (1, 2)
            def __init__(self, v, w): self.area = v * w * 2
        def f(x): return E.A.area
    """,
    ),
    edit(
        "enum member unused",
        True,
        "B = 2",
        "B = 3",
        """
        import enum
        class E(enum.IntEnum):
            A = 1
            B = 2
        def f(x): return sum(E)
    """,
    ),
    edit(
        "dataclass post_init",
        True,
        "self.a + 1",
        "self.a + 2",
        """
        from dataclasses import dataclass, field
        @dataclass
        class C:
            a: int
            b: int = field(init=False)
            def __post_init__(self): self.b = self.a + 1
        def f(x): return C(x).b
    """,
    ),
    edit(
        "dataclass frozen",
        True,
        "frozen=True",
        "frozen=False",
        """
        from dataclasses import dataclass
        @dataclass(frozen=True)
        class C:
            a: int
        def f(x):
            c = C(x)
            try: c.a = 2
            except Exception: pass
            return c.a
    """,
    ),
    edit(
        "dataclass lambda factory",
        True,
        "lambda: [1]",
        "lambda: [2]",
        """
        from dataclasses import dataclass, field
        @dataclass
        class C:
            a: list = field(default_factory=lambda: [1])
        def f(x): return C().a
    """,
    ),
    edit(
        "dataclass field repr",
        True,
        "repr=True",
        "repr=False",
        """
        from dataclasses import dataclass, field
        @dataclass
        class C:
            a: int = field(default=1, repr=True)
        def f(x): return str(C())
    """,
    ),
    edit(
        "dataclass kw_only marker",
        True,
        "_: KW_ONLY\n            b: int = 2",
        "b: int = 2\n            _: KW_ONLY",
        """
        from dataclasses import dataclass, KW_ONLY
        @dataclass
        class C:
            a: int
            _: KW_ONLY
            b: int = 2
        def f(x):
            try: return C(x, 3).b
            except TypeError: return 'no'
    """,
    ),
    edit(
        "dataclass ClassVar",
        True,
        "k: ClassVar[int] = 5",
        "k: int = 5",
        """
        from dataclasses import dataclass, fields
        from typing import ClassVar
        @dataclass
        class C:
            a: int
            k: ClassVar[int] = 5
        def f(x): return [i.name for i in fields(C)]
    """,
    ),
    edit(
        "dataclass inherited default",
        True,
        "a: int = 1",
        "a: int = 2",
        """
        from base import Base
        from dataclasses import dataclass
        @dataclass
        class C(Base):
            b: int = 0
        def f(x): return C().a
    """,
        {
            "base.py": """
        from dataclasses import dataclass
        @dataclass
        class Base:
            a: int = 1
    """
        },
    ),
    edit(
        "dataclass replace",
        True,
        "b=2",
        "b=3",
        """
        from dataclasses import dataclass, replace
        @dataclass
        class C:
            a: int
            b: int = 0
        BASE = C(1, 5)
        def f(x): return replace(BASE, a=x, b=2).b
    """,
    ),
    edit(
        "dataclass field metadata",
        True,
        "'unit': 'm'",
        "'unit': 'cm'",
        """
        from dataclasses import dataclass, field, fields
        @dataclass
        class C:
            a: int = field(default=0, metadata={'unit': 'm'})
        def f(x): return fields(C)[0].metadata['unit']
    """,
    ),
    edit(
        "hint read by own decorator",
        True,
        "a: int",
        "a: str",
        """
        def typed(cls):
            hints = cls.__annotations__.values()
            cls.kinds = [getattr(t, '__name__', t) for t in hints]
            return cls
        @typed
        class C:
            a: int
        def f(x): return C.kinds
    """,
    ),
    edit(
        "pydantic-like base",
        True,
        "a: int",
        "a: float",
        """
        class Model:
            def __init_subclass__(cls):
                cls.fields = {k: v.__name__ for k, v in cls.__annotations__.items()}
        class C(Model):
            a: int
        def f(x): return C.fields
    """,
    ),
    edit(
        "annotations called as converters",
        True,
        "n: int",
        "n: float",
        """
        import typing
        def conv(g):
            kinds = typing.get_type_hints(g)
            def w(x): return g(kinds['n'](x))
            return w
        @conv
        def h(n: int): return n
        def f(x): return str(h(x))
    """,
    ),
    edit(
        "named tuple method",
        True,
        "self.a * 2",
        "self.a * 3",
        """
        from typing import NamedTuple
        class P(NamedTuple):
            a: int
            def g(self): return self.a * 2
        def f(x): return P(x).g()
    """,
    ),
    edit(
        "TypedDict total",
        True,
        "total=True",
        "total=False",
        """
        from typing import TypedDict
        class T(TypedDict, total=True):
            k: int
        def f(x): return sorted(T.__required_keys__)
    """,
    ),
    edit(
        "runtime protocol",
        True,
        "def go(self): ...\n        class C",
        "def run(self): ...\n        class C",
        """
        from typing import Protocol, runtime_checkable
        @runtime_checkable
        class P(Protocol):
            def go(self): ...
        class C:
            def go(self): ...
        def f(x): return isinstance(C(), P)
    """,
    ),
    edit(
        "slots changed",
        True,
        "('a',)",
        "('a', 'b')",
        """
        class C:
            __slots__ = ('a',)
        def f(x):
            c = C()
            try: c.b = 1
            except AttributeError: return 'no'
            return 'yes'
    """,
    ),
    edit(
        "property deleter",
        True,
        "= 1",
        "= 2",
        """
        class C:
            v = 0
            @property
            def p(self): return self.v
            @p.deleter
            def p(self): self.v = 1
        def f(x):
            c = C()
            del c.p
            return c.p
    """,
    ),
    edit(
        "getattribute",
        True,
        "return 3",
        "return 4",
        """
        class C:
            def __getattribute__(self, n): return 3
        def f(x): return C().anything
    """,
    ),
    edit(
        "__call__ of a global instance",
        True,
        "self.k + 1",
        "self.k + 2",
        """
        class C:
            def __init__(self, k): self.k = k
            def __call__(self, x): return x * (self.k + 1)
        model = C(3)
        def f(x): return model(x)
    """,
    ),
    edit(
        "classmethod constructor",
        True,
        "cls(5)",
        "cls(6)",
        """
        class C:
            def __init__(self, v): self.v = v
            @classmethod
            def std(cls): return cls(5)
        def f(x): return C.std().v
    """,
    ),
    edit(
        "class body loop",
        True,
        "range(3)",
        "range(4)",
        """
        class C:
            t = []
            for i in range(3): t.append(i)
        def f(x): return C.t
    """,
    ),
    edit(
        "class body conditional",
        True,
        "k = 1",
        "k = 2",
        """
        FAST = True
        class C:
            if FAST:
                k = 1
            else:
                k = 3
        def f(x): return C.k
    """,
    ),
    edit(
        "class body calls a function",
        True,
        "return 1",
        "return 2",
        """
        def make(): return 1
        class C:
            k = make()
        def f(x): return C.k
    """,
    ),
    edit(
        "nested class in base's module",
        True,
        "rate = 1",
        "rate = 2",
        """
        import m
        def f(x): return m.A.Inner.Deep.rate
    """,
        {
            "m.py": """
        class A:
            class Inner:
                class Deep:
                    rate = 1
    """
        },
    ),
    edit(
        "method replaced by lambda afterwards",
        True,
        "lambda self: 5",
        "lambda self: 6",
        """
        class C:
            def g(self): return 1
        C.g = lambda self: 5
        def f(x): return C().g()
    """,
    ),
    edit(
        "method added by setattr in a loop",
        True,
        "k * 10",
        "k * 20",
        """
        class C: pass
        for k in (1, 2):
            setattr(C, f'get{k}', (lambda k: lambda self: k * 10)(k))
        def f(x): return C().get2()
    """,
    ),
    edit(
        "instance attribute monkeypatched",
        True,
        "c.g = lambda: 5",
        "c.g = lambda: 6",
        """
        class C:
            def g(self): return 1
        c = C()
        c.g = lambda: 5
        def f(x): return c.g()
    """,
    ),
    edit(
        "weakref to own class object",
        True,
        "v = 1",
        "v = 2",
        """
        import weakref
        class C:
            v = 1
        keep = C()
        ref = weakref.ref(keep)
        def f(x): return ref().v
    """,
    ),
    edit(
        "wraps with own state",
        True,
        "k=2",
        "k=3",
        """
        import functools
        def deco(g, k=2):
            @functools.wraps(g)
            def w(x): return g(x) * k
            return w
        @deco
        def h(x): return x
        def f(x): return h(x)
    """,
    ),
    edit(
        "partial of partial",
        True,
        "p, b=2",
        "p, b=3",
        """
        from functools import partial
        def h(a, b, c): return a + b * c
        p = partial(h, 1)
        q = partial(p, b=2)
        def f(x): return q(c=x)
    """,
    ),
    edit(
        "partial in default",
        True,
        "pow, 2",
        "pow, 3",
        """
        from functools import partial
        def f(x, g=partial(pow, 2)): return g(x + 1)
    """,
    ),
    edit(
        "cached_property body via module",
        True,
        "* 2",
        "* 3",
        """
        from m import C
        def f(x): return C(x).area
    """,
        {
            "m.py": """
        from functools import cached_property
        class C:
            def __init__(self, r): self.r = r
            @cached_property
            def area(self): return self.r * 2
    """
        },
    ),
    edit(
        "singledispatch registered in another module",
        True,
        "'INT'",
        "'int'",
        """
        import base, impl
        def f(x): return base.show(x)
    """,
        {
            "base.py": """
        from functools import singledispatch
        @singledispatch
        def show(x): return 'any'
    """,
            "impl.py": """
        from base import show
        @show.register
        def _(x: int): return 'INT'
    """,
        },
    ),
    edit(
        "lru_cache maxsize",
        False,
        "maxsize=10",
        "maxsize=20",
        """
        import functools
        @functools.lru_cache(maxsize=10)
        def h(x): return x
        def f(x): return h(x)
    """,
    ),
    edit(
        "cache warm at import",
        False,
        "h(5)",
        "h(6)",
        """
        import functools
        @functools.cache
        def h(x): return x
        h(5)
        def f(x): return h(x)
    """,
    ),
    edit(
        "reduce table",
        True,
        "mul",
        "add",
        """
        import functools, operator
        PROD = functools.partial(functools.reduce, operator.mul)
        def f(x): return PROD([x, 2, 5])
    """,
    ),
    edit(
        "cmp_to_key",
        True,
        "a - b",
        "b - a",
        """
        import functools
        key = functools.cmp_to_key(lambda a, b: a - b)
        def f(x): return sorted([3, x, 2], key=key)
    """,
    ),
    edit(
        "itemgetter",
        True,
        "itemgetter(0)",
        "itemgetter(1)",
        """
        from operator import itemgetter
        g = itemgetter(0)
        def f(x): return g([x, 5])
    """,
    ),
    edit(
        "attrgetter",
        True,
        "'a'",
        "'b'",
        """
        from operator import attrgetter
        class C: a, b = 1, 2
        g = attrgetter('a')
        def f(x): return g(C)
    """,
    ),
    edit(
        "methodcaller again",
        True,
        "'upper'",
        "'lower'",
        """
        from operator import methodcaller
        g = methodcaller('upper')
        def f(x): return g('aB')
    """,
    ),
    edit(
        "methodcaller on a user class",
        True,
        "return 3",
        "return 4",
        """
        from operator import methodcaller
        class C:
            def go(self): return 3
        g = methodcaller('go')
        def f(x): return g(C())
    """,
    ),
    edit(
        "contextlib suppress",
        True,
        "suppress(KeyError)",
        "suppress(ZeroDivisionError)",
        """
        import contextlib
        quiet = contextlib.suppress(KeyError)
        def f(x):
            try:
                with quiet: return 1 / 0
            except ZeroDivisionError: return 'raised'
            return 'quiet'
    """,
    ),
    edit(
        "asynccontextmanager",
        True,
        "yield 1",
        "yield 2",
        """
        import asyncio, contextlib
        @contextlib.asynccontextmanager
        async def h(): yield 1
        async def go():
            async with h() as v: return v
        def f(x): return asyncio.run(go())
    """,
    ),
    edit(
        "asyncio gather of helpers",
        True,
        "n * 2",
        "n * 3",
        """
        import asyncio
        async def one(n): return n * 2
        async def go(): return await asyncio.gather(one(1), one(2))
        def f(x): return asyncio.run(go())
    """,
    ),
    edit(
        "threadpool map",
        True,
        "v * 2",
        "v * 3",
        """
        from concurrent.futures import ThreadPoolExecutor
        def one(v): return v * 2
        def f(x):
            with ThreadPoolExecutor(2) as pool: return list(pool.map(one, [x, 2]))
    """,
    ),
    edit(
        "generator pipeline",
        True,
        "v % 2",
        "v % 3",
        """
        def odd(vs): return (v for v in vs if v % 2)
        def sq(vs):
            for v in vs: yield v * v
        def f(x): return list(sq(odd(range(6))))
    """,
    ),
    edit(
        "yield from helper",
        True,
        "yield 2",
        "yield 3",
        """
        def inner():
            yield 1
            yield 2
        def outer(): yield from inner()
        def f(x): return list(outer())
    """,
    ),
    edit(
        "itertools with key",
        True,
        "v // 2",
        "v // 3",
        """
        import itertools
        def key(v): return v // 2
        def f(x): return [k for k, g in itertools.groupby(range(6), key)]
    """,
    ),
]
