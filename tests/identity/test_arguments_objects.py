"""Digests of objects: class code and state, and none of the user's code called."""

from __future__ import annotations

import collections
import copyreg
import dataclasses
import enum
import functools
import operator
import pathlib
import pickle
import random
import threading
import typing

import pytest
from xxhash import xxh3_128_digest

from gridtask.errors import IdentityError
from gridtask.identity.arguments.hasher import ArgumentHasher


def name_code(thing):
    """Digest code by name: what code counts is tested elsewhere."""
    name = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', thing)}"
    return xxh3_128_digest(name.encode())


HASHER = ArgumentHasher(name_code)
digest = HASHER.digest


class Box:
    def __init__(self, **state):
        for name, value in state.items():
            setattr(self, name, value)


class OtherBox(Box):
    pass


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, **state):
        for name, value in state.items():
            setattr(self, name, value)


class MoreSlots(Slots):
    __slots__ = ("__private", "c")

    def set_private(self, value):
        self.__private = value
        return self


class SlotsAndDict(Slots):
    pass


@dataclasses.dataclass
class Point:
    x: object
    y: object = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    x: object
    y: object = 0


class Color(enum.Enum):
    RED = 1
    GREEN = 2
    ALSO_RED = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


Pair = collections.namedtuple("Pair", "left right")


class TypedPair(typing.NamedTuple):
    left: object
    right: object


class Number(int):
    pass


class Text(str):
    pass


class Sequence(list):
    pass


class Mapping(dict):
    pass


class Ordered(collections.OrderedDict):
    pass


class Members(set):
    pass


class Reduced:
    def __init__(self, value):
        self.value = value
        self.cache = object()

    def __reduce__(self):
        return Reduced, (self.value,)


class Stateful:
    def __init__(self, value):
        self.value = value
        self.lock = (x for x in ())

    def __getstate__(self):
        return {"value": self.value}

    def run(self):
        return self.value

    @classmethod
    def make(cls):
        return cls(1)


class Factory(collections.defaultdict):
    pass


class TwoDicts:
    def __init__(self, one, other):
        self.both = one, other

    def __getstate__(self):
        return self.both

    def __setstate__(self, state):
        self.both = state


class Named:
    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return self.name


class Registered:
    def __init__(self, value):
        self.value = value


copyreg.pickle(Registered, lambda value: (Registered, (value.value,)))


class Task:
    """As a task of gridtask's looks to the hasher."""

    __gridtask_task__ = True
    lock = threading.Lock()


def with_attribute(value, **state):
    vars(value).update(state)
    return value


DISTINCT = [
    object(),
    Box(),
    OtherBox(),
    Box(a=1),
    Box(a=2),
    Box(b=1),
    Box(a=1, b=2),
    Box(a=2, b=1),
    Box(a=True),
    Box(a={1}),
    OtherBox(a={1}),
    Slots(),
    Slots(a=1),
    Slots(b=1),
    Slots(a={1}),
    MoreSlots(a=1),
    MoreSlots(a=1, c=1),
    MoreSlots(a=1).set_private(1),
    MoreSlots(a=1).set_private(2),
    SlotsAndDict(a=1),
    SlotsAndDict(a=1, z=1),
    Point(1),
    Point(1, 2),
    Frozen(1),
    Frozen(1, 2),
    Frozen({1}),
    Color.RED,
    Color.GREEN,
    Color,
    Access.READ,
    Access.READ | Access.WRITE,
    Level.LOW,
    Pair(1, 2),
    Pair({1}, 2),
    TypedPair(1, 2),
    TypedPair({1}, 2),
    (1, 2),
    Number(1),
    Number(2),
    with_attribute(Number(1), unit="m"),
    Text("a"),
    with_attribute(Text("a"), unit="m"),
    Sequence([1]),
    Sequence([{1}]),
    with_attribute(Sequence([1]), unit="m"),
    Mapping(a=1, b=2),
    Mapping(a=1, b={2}),
    Ordered(a=1, b=2),
    Ordered(b=2, a=1),
    Members([1]),
    Reduced(1),
    Reduced(2),
    Stateful(1),
    Stateful(2),
    Stateful(1).run,
    Stateful(2).run,
    Stateful.make,
    Factory(int, a={1}),
    Factory(list, a={1}),
    TwoDicts({"a": 1}, {"a": 2}),
    TwoDicts({"a": 2}, {"a": 2}),
    TwoDicts({"a": 1}, {"a": {1}}),
    Named("DISTINCT"),
    Named("Named"),
    Registered(1),
    Registered(2),
    Task(),
    Stateful.run,
    Box,
    ValueError("a"),
    ValueError("b"),
    KeyError("a"),
    operator.itemgetter(1),
    operator.itemgetter(2),
    operator.attrgetter("a"),
    random.Random(1),
    random.Random(2),
    random.random,
    random.randint,
    functools.partial(Box, a={1}),
    type("Sub", (pathlib.PurePosixPath,), {"__module__": __name__})("a"),
]


def test_distinct_objects_have_distinct_digests():
    """No two objects that differ in class or state share a digest."""
    seen = {}
    for value in DISTINCT:
        found = digest(value)
        assert found not in seen, (value, seen.get(found))
        seen[found] = value


@pytest.mark.parametrize(
    "make",
    [
        lambda: Box(a=1, b={"x": {1, "2"}}),
        lambda: Slots(a=[1], b={2}),
        lambda: MoreSlots(a=1).set_private({1}),
        lambda: Point({1}, 2),
        lambda: Frozen({1}, 2),
        lambda: Pair({1}, 2),
        lambda: Mapping(a={1}),
        lambda: Members(["a", "b", "c", 1]),
        lambda: Reduced({"b": 1, "a": 2}),
        lambda: Stateful(1),
        lambda: Color.RED,
        lambda: Access.READ | Access.WRITE,
        lambda: random.Random(3),
        lambda: ValueError("a", {1}),
        lambda: with_attribute(Sequence([{1}]), unit="m"),
    ],
)
def test_pickled_and_read_again(make):
    """What comes out of a pickle has the digest of what went in."""
    value = make()
    again = pickle.loads(pickle.dumps(value))
    assert digest(value) == digest(make()) == digest(again)


def test_order_of_attributes_does_not_count():
    """Attributes may be set in any order, and be interned or not."""
    one, other = Box(a={1}, b=2), Box(b=2, a={1})
    assert digest(one) == digest(other)
    third = Box()
    vars(third)["".join(["a"])] = {1}
    vars(third)["b"] = 2
    assert digest(one) == digest(third)


class Guarded:
    """Fails when any of its own code runs."""

    def __init__(self):
        self.items = {1, 2}

    def fail(self, *args):
        pytest.fail("the user's code was called")

    __eq__ = __hash__ = __repr__ = __str__ = __getattr__ = __bool__ = __len__ = fail
    __iter__ = __contains__ = __getitem__ = __call__ = __index__ = fail
    total = property(fail)


class GuardedSlots:
    """As `Guarded`, with a slot that was never set."""

    __slots__ = ("never", "value")

    def __init__(self):
        self.value = {1}

    fail = Guarded.fail
    __eq__ = __hash__ = __repr__ = __getattr__ = fail


class GuardedItems(list):
    """As `Guarded`, a list."""

    fail = Guarded.fail
    __eq__ = __hash__ = __repr__ = __iter__ = __len__ = __getitem__ = fail


class GuardedMapping(dict):
    """As `Guarded`, a dict."""

    fail = Guarded.fail
    __eq__ = __repr__ = __iter__ = __len__ = __getitem__ = keys = items = values = fail


class GuardedNumber(int):
    """As `Guarded`, an int."""

    fail = Guarded.fail
    __eq__ = __hash__ = __repr__ = __index__ = __int__ = __add__ = __radd__ = fail


@pytest.mark.parametrize(
    "make",
    [
        Guarded,
        GuardedSlots,
        lambda: GuardedItems([1, {2}]),
        lambda: GuardedMapping(a=1, b={2}),
        lambda: GuardedNumber(3),
    ],
)
def test_no_code_of_the_object_is_called(make):
    """Neither properties nor special methods of an object are called."""
    assert digest([make(), 1]) == digest([make(), 1])
    assert digest([1] * 2000 + [make()]) == digest([1] * 2000 + [make()])
    HASHER.call_digests(["x"], [{"x": make()}])


class Sized:
    def __init__(self, size):
        self.size = size

    @functools.cached_property
    def area(self):
        return self.size**2


def test_warm_cached_properties_do_not_count():
    """What a cached property has kept is not state."""
    cold, warm = Sized(3), Sized(3)
    assert warm.area == 9
    assert digest(cold) == digest(warm)
    assert digest(cold) != digest(Sized(4))


def test_code_of_the_class_counts():
    """The digest of an instance depends on the digest of its class."""
    codes = {Box: bytes(16), Color: bytes(16), Mapping: bytes(16), Pair: bytes(16)}
    before = ArgumentHasher(lambda thing: codes.get(thing) or name_code(thing))
    after = ArgumentHasher(lambda thing: b"x" * 16)
    for value in (Box(a=1), [Box(a=1)], Color.RED, Mapping(a=1), Pair(1, 2), Box):
        assert before.digest(value) != after.digest(value)
    assert before.digest([1, {"a": {2}}]) == after.digest([1, {"a": {2}}])


def test_code_of_functions_counts():
    """Functions count by their code wherever they stand."""
    before = ArgumentHasher(lambda thing: bytes(16))
    after = ArgumentHasher(lambda thing: b"x" * 16)
    for value in (name_code, {"hook": name_code}, functools.partial(name_code)):
        assert before.digest(value) != after.digest(value)
    assert before.digest(Stateful(1).run) != after.digest(Stateful(1).run)


def test_the_class_is_asked_for_once():
    """A thousand instances ask once for the code of their class."""
    asked = []

    def code(thing):
        asked.append(thing)
        return name_code(thing)

    ArgumentHasher(code).digest([Box(a=number) for number in range(1000)])
    assert asked == [Box]


class Own:
    def __init__(self, said):
        self.said = said
        self.handle = (x for x in ())

    def __gridtask_hash__(self):
        return self.said


def test_own_hash():
    """An object with __gridtask_hash__ counts by what that returns."""
    assert digest(Own("a")) == digest(Own("a"))
    assert len({digest(Own(said)) for said in ("a", "b", b"a", b"b", "")}) == 5


def test_own_hash_is_asked_once_per_object():
    """An object that stands in many calls is asked once."""
    asked = []

    class Asked:
        def __gridtask_hash__(self):
            asked.append(self)
            return "a"

    shared = Asked()
    HASHER.call_digests(["x", "n"], [{"x": shared, "n": n} for n in range(10)])
    assert asked == [shared]


@pytest.mark.parametrize("said", [1, None, "raise"])
def test_own_hash_that_is_wrong(said):
    """Anything but text or bytes, or an error, names the class and the path."""

    class Wrong:
        def __gridtask_hash__(self):
            return said if said != "raise" else 1 / 0

    with pytest.raises(IdentityError, match=r"^x\['k'\]: .*Wrong.__gridtask_hash__"):
        HASHER.digest({"k": Wrong()}, "x")


def test_classes_with_an_own_hash_for_instances():
    """A class that defines __gridtask_hash__ counts itself by its code."""
    assert digest(Own) != digest(Own("a"))


class Node:
    def __init__(self, name, parent=None):
        self.name = name
        self.parent = parent
        self.children = []
        if parent is not None:
            parent.children.append(self)


def make_tree(names):
    root = Node("root")
    for name in names:
        Node(name + "1", Node(name, root))
    return root


def test_objects_that_refer_back():
    """Trees with links to parents are equal if they are built alike."""
    assert digest(make_tree("ab")) == digest(make_tree("ab"))
    assert digest(make_tree("ab")) != digest(make_tree("ba"))
    assert digest(make_tree("ab").children[0]) != digest(make_tree("ab").children[1])


def test_long_chains_of_objects():
    """A list of 20,000 linked objects, forwards and back, is no problem."""

    def make_chain():
        first = node = Node(0)
        for number in range(20_000):
            node = Node(number, node)
        return first

    assert digest(make_chain()) == digest(make_chain())


def test_reduce_that_fails():
    """An object whose own pickling fails names its path and why."""

    class Broken:
        def __reduce__(self):
            msg = "not today"
            raise RuntimeError(msg)

    with pytest.raises(IdentityError, match=r"^x\[0\]: cannot digest .*not today"):
        HASHER.digest([Broken()], "x")


def test_module_functions_with_hidden_state():
    """random.random counts by name: the state behind it differs by process."""
    before = digest([random.random, random.randint])
    random.seed(1)
    assert digest([random.random, random.randint]) == before
    assert digest(random.Random(1).random) != digest(random.Random(2).random)
