"""The same project has the same digests on every Python that is installed."""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gridtask

PLACES = (
    "~/.pyenv/versions/*/bin",
    "~/.local/share/uv/python/*/bin",
    "/opt/python/*/bin",
    "/usr/local/bin",
    "/usr/bin",
)
IDENTIFY = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import project
from gridtask.identity.arguments.hasher import ArgumentHasher
from gridtask.identity.code import identify
code = {n: identify(getattr(project, n)).digest.hex() for n in project.TASKS}
arguments = ArgumentHasher(lambda thing: bytes(16))
values = {n: arguments.digest(v).hex() for n, v in project.VALUES.items()}
json.dump({"code": code, "arguments": values}, sys.stdout)
"""
PROJECT = """
import contextlib
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import re
import types
import typing
import uuid
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple

import helpers
from helpers import scale as grow

RULES = [(lambda x: x > 0, lambda x: "pos"), (lambda x: True, lambda x: "neg")]
TABLE = {n: helpers.scale(n) for n in range(3)}
Pair = namedtuple("Pair", "a b", defaults=[2])
STATE = {}

class Colour(enum.Enum):
    RED = enum.auto()
    BLUE = 3

class Mode(enum.Flag):
    A = 1
    B = 2

class Text(enum.StrEnum):
    LEFT = enum.auto()

class Row(typing.NamedTuple):
    a: int
    b: int = 1

class Shape(typing.Protocol):
    def area(self) -> float: ...

@typing.runtime_checkable
class Sized(typing.Protocol):
    def size(self) -> int: ...

T = typing.TypeVar("T")

class Box(Shape, typing.Generic[T]):
    side = 2
    def area(self) -> float:
        return self.side ** 2
    @functools.cached_property
    def corners(self):
        return [(x, y) for x in (0, self.side) for y in (0, self.side)]

@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    rate: float = 0.5
    names: list[str] = dataclasses.field(default_factory=list)
    unit: typing.ClassVar[str] = "m"

CONFIG = Config(rate=0.25)

@functools.singledispatch
def show(x):
    return "any"

@show.register
def _(x: int):
    return f"int {x:>{x}} {'nested ' + f'{x!r}'}"

@contextlib.contextmanager
def opened(n):
    STATE[n] = n
    yield n

def comprehensions(x):
    grow2 = [grow for grow in range(x)]
    return (
        [grow(v) + helpers.OFFSET for v in grow2],
        {v for v in range(3) if v},
        {v: TABLE[v] for v in range(3)},
        sum(v for v in range(3)),
        [lambda: v for v in range(3)],
        [[w for w in range(v)] for v in range(3)],
        [(y := v) for v in range(3)],
        y,
    )

def classes(x):
    return Colour(3), Mode.A | Mode.B, Text.LEFT, Row(1), Pair(1), Box[int]().area()

def configured(x):
    return CONFIG.rate, dataclasses.replace(CONFIG, rate=1).unit, isinstance(x, Sized)

def rules(x):
    return next(result(x) for test, result in RULES if test(x))

def branches(x):
    match x:
        case {"a": [first, *_], **rest}:
            return first, rest
        case Row(a=1) | Pair(2, _):
            return None
    try:
        with opened(x) as y:
            return show(y)
    except* ValueError:
        x += 1
    async def later():
        return [v async for v in helpers.stream() if v]
    return later

TASKS = ["comprehensions", "classes", "configured", "rules", "branches"]
VALUES = {
    "scalars": [1, True, 1.0, -0.0, 1j, "ä", b"a", None, ..., 10**30, float("nan")],
    "containers": [{1, 2}, frozenset("ab"), {"b": 1, "a": 2}, {1: 2, "1": 3}, (1,)],
    "collections": [OrderedDict(a=1), deque([1], 2), Counter("aab"), defaultdict(int)],
    "times": [
        datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc),
        datetime.timedelta(hours=1),
        datetime.date(2020, 1, 2),
    ],
    "numbers": [decimal.Decimal("1.10"), fractions.Fraction(1, 3), range(3), slice(1)],
    "others": [pathlib.PurePosixPath("a/b"), re.compile("a+", re.I), uuid.UUID(int=1)],
    "instances": [CONFIG, Colour.RED, Mode.A, Row(1), Pair(1), Box(), len, rules],
    "namespaces": [types.SimpleNamespace(a=1), functools.partial(rules, 1)],
}
"""
HELPERS = """
OFFSET = 3

def scale(x, by=2):
    return x * by

async def stream():
    yield OFFSET
"""
GENERIC = """
type Vector[T] = list[T]

class Stack[T]:
    def push[S](self, item: T, by: S = 1) -> Vector[T]:
        return [item for _ in range(SIZE)]

def largest[T: (int, float)](values: list[T], key=lambda v: v) -> T:
    return max(values, key=key)

SIZE = 2

def generic(x):
    return largest([v for v in Stack[int]().push(x)]), f"{f"{x}"}", Vector.__name__

TASKS = ["generic"]
VALUES = {}
"""
XXHASH = """
import hashlib

class xxh3_128:
    def __init__(self, data=b""):
        self.reset()
        self.update(data)
    def reset(self):
        self._hasher = hashlib.blake2b(digest_size=16)
    def update(self, data):
        self._hasher.update(data)
    def digest(self):
        return self._hasher.digest()

def xxh3_128_digest(data=b""):
    return xxh3_128(data).digest()
"""


def find_pythons(oldest: int) -> dict[int, str]:
    """Return one interpreter for each minor version of Python 3 that is found."""
    found = {}
    if sys.version_info.minor >= oldest:
        found[sys.version_info.minor] = sys.executable
    for place in PLACES:
        for path in sorted(glob.glob(os.path.expanduser(f"{place}/python3.*"))):
            minor = os.path.basename(path).removeprefix("python3.")
            if minor.isdigit() and int(minor) >= oldest and is_cpython(path, minor):
                found.setdefault(int(minor), path)
    return found


def is_cpython(python: str, minor: str) -> bool:
    """Tell whether an interpreter runs, and is what its name says."""
    program = "import sys; print(sys.implementation.name, sys.version_info.minor)"
    done = subprocess.run(
        [python, "-I", "-c", program], capture_output=True, text=True, check=False
    )
    return done.stdout.split() == ["cpython", minor]


@pytest.fixture
def identify_everywhere(tmp_path):
    """Return a function that identifies a project with every Python that is found.

    xxhash is compiled for one Python; a stand-in serves them all alike here.
    """

    def identify(oldest: int, **sources: str) -> list[dict[str, dict[str, str]]]:
        pythons = find_pythons(oldest)
        if len(pythons) < 2:
            pytest.skip(f"only one Python from 3.{oldest} up is found: {pythons}")
        library = tmp_path / "library"
        shutil.copytree(Path(gridtask.__file__).parent, library / "gridtask")
        (library / "xxhash.py").write_text(XXHASH)
        found = []
        for minor, python in pythons.items():
            folder = tmp_path / f"project-{minor}"
            folder.mkdir()
            for name, text in sources.items():
                (folder / f"{name}.py").write_text(text)
            done = subprocess.run(
                [python, "-I", "-c", IDENTIFY, json.dumps([str(folder), str(library)])],
                env={**os.environ, "PYTHONHASHSEED": str(minor)},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            found.append(json.loads(done.stdout))
        return found

    return identify


def test_digests_are_those_of_every_python(identify_everywhere):
    """Code and arguments have the same digests whatever the Python."""
    first, *others = identify_everywhere(11, project=PROJECT, helpers=HELPERS)
    assert len(set(first["code"].values())) == len(first["code"])
    for other in others:
        assert other == first


def test_new_syntax_counts_alike(identify_everywhere):
    """So do type parameters, ``type`` statements and nested f-strings."""
    first, *others = identify_everywhere(12, project=GENERIC)
    for other in others:
        assert other == first
