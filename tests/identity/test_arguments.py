"""Digests of values: the traps that other caches fall into, paths, speed paths."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import fractions
import functools
import os
import pathlib
import re
import subprocess
import sys
import threading
import types
import uuid
import zoneinfo
from concurrent.futures import ThreadPoolExecutor

import pytest
from xxhash import xxh3_128_digest

from gridtask.errors import IdentityError
from gridtask.identity.arguments.hasher import ArgumentHasher, call_keys


def name_code(thing):
    """Digest code by name: what code counts is tested elsewhere."""
    name = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', thing)}"
    return xxh3_128_digest(name.encode())


HASHER = ArgumentHasher(name_code)
digest = HASHER.digest

UTC = datetime.UTC
DISTINCT = [
    None,
    False,
    True,
    0,
    1,
    -1,
    2**40,
    2**3000,
    0.0,
    -0.0,
    1.0,
    float("inf"),
    float("nan"),
    1j,
    complex(-0.0, 1.0),
    "",
    "a",
    "1",
    "\ud800",
    b"",
    b"a",
    bytearray(b"a"),
    array.array("b", b"a"),
    array.array("B", b"a"),
    array.array("u", "a"),
    [],
    [1],
    [True],
    [1.0],
    [[1]],
    [1, 2],
    [2, 1],
    (),
    (1,),
    ([1],),
    (1, 2),
    ((1,), 2),
    (1, (2,)),
    {},
    {"a": 1},
    {"a": 2},
    {"b": 1},
    {1: "a"},
    {True: "a"},
    {"1": "a"},
    {1: "a", "b": 2},
    {(1,): 2},
    {"a": {1}},
    set(),
    {1},
    {"1"},
    {True},
    {1, 2},
    {1, "1"},
    {(1,)},
    frozenset(),
    frozenset({1}),
    {frozenset({1})},
    ...,
    NotImplemented,
    range(3),
    range(0, 3, 2),
    range(0, 4, 2),
    slice(3),
    slice(0, 3),
    collections.OrderedDict(a=1, b=2),
    collections.OrderedDict(b=2, a=1),
    collections.defaultdict(int, a=1),
    collections.defaultdict(list, a=1),
    collections.Counter(a=1),
    collections.deque([1]),
    collections.deque([1], maxlen=2),
    types.SimpleNamespace(a=1),
    types.MappingProxyType({"a": 1}),
    functools.partial(len),
    functools.partial(len, [1]),
    functools.partial(sorted, key=len),
    datetime.date(2020, 1, 2),
    datetime.datetime(2020, 1, 2),
    datetime.datetime(2020, 1, 2, fold=1),
    datetime.datetime(2020, 1, 2, tzinfo=UTC),
    datetime.datetime(2020, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    datetime.time(1, 2),
    datetime.time(1, 2, tzinfo=UTC),
    datetime.timedelta(days=1),
    datetime.timedelta(microseconds=1),
    UTC,
    datetime.timezone(datetime.timedelta(hours=1)),
    datetime.timezone(datetime.timedelta(hours=1), "one"),
    decimal.Decimal("1"),
    decimal.Decimal("1.0"),
    decimal.Decimal("NaN"),
    fractions.Fraction(1, 2),
    uuid.UUID(int=1),
    pathlib.PurePosixPath("a"),
    pathlib.Path("a"),
    pathlib.PureWindowsPath("a"),
    re.compile("a"),
    re.compile(b"a"),
    re.compile("a", re.IGNORECASE),
    len,
    sorted,
    "a".join,
    "b".join,
    [1].count,
    int,
    bool,
    collections.OrderedDict,
    list[int],
    object(),
]


def test_distinct_values_have_distinct_digests():
    """No two values that differ in type or content share a digest."""
    seen = {}
    for value in DISTINCT:
        found = digest(value)
        assert len(found) == 16
        assert found not in seen, (value, seen.get(found))
        seen[found] = value


def test_a_digest_is_repeatable():
    """The same value has the same digest each time."""
    assert [digest(value) for value in DISTINCT] == [digest(v) for v in DISTINCT]


@pytest.mark.parametrize("wrap", [list, tuple], ids=["list", "tuple"])
def test_equal_parts_need_not_be_one_object(wrap):
    """A value that holds one object twice equals one that holds two equal ones."""
    text = "".join(["long", " ", "text"])
    again = "".join(["long", " ", "text"])
    assert text is not again
    for one, other in [(text, again), ((1, text), (1, again)), ([text], [again])]:
        assert digest(wrap([one, one])) == digest(wrap([one, other]))
    assert digest(wrap([{1, 2}] * 2)) == digest(wrap([{1, 2}, {2, 1}]))


def test_dict_order_does_not_count():
    """Dicts, at any depth and with keys of any types, ignore their order."""
    first = {"a": 1, "b": {"c": [1], "d": {3, "x"}}, "e": {1: 2, "1": 3, None: 4}}
    other = {"e": {None: 4, "1": 3, 1: 2}, "b": {"d": {"x", 3}, "c": [1]}, "a": 1}
    assert digest(first) == digest(other)
    assert digest([{"a": 1, "b": 2}]) == digest([{"b": 2, "a": 1}])
    assert digest({2: 1, 1: 2}) == digest({1: 2, 2: 1})


def test_boundaries_between_items_count():
    """What stands in one item cannot be taken for parts of two."""
    values = [["ab", "c"], ["a", "bc"], ["abc"], ["a", "b", "c"], [["ab"], "c"]]
    nested = [[*value, {1}] for value in values]
    assert len({digest(value) for value in values + nested}) == 10


def test_members_are_not_mixed_up():
    """Two dicts that swap the values of two keys differ."""
    assert digest({"x": {1}, "y": {2}}) != digest({"x": {2}, "y": {1}})
    assert digest({"x": 1, "y": 2}) != digest({"x": 2, "y": 1})


def test_mixed_sets_and_keys():
    """Sets and dicts of types that have no common order can be digested."""
    items = [1, "a", None, (1, "b"), frozenset({2, "c"})]
    turned = items[::-1]
    assert digest(set(items)) == digest(set(turned))
    assert digest(dict.fromkeys(items)) == digest(dict.fromkeys(turned))


def test_keys_that_are_not_equal_to_themselves():
    """Two NaN keys of one dict are two pairs, in any order."""
    one, other = float("nan"), float("nan")
    assert digest({one: 1, other: 2}) == digest({other: 2, one: 1})
    assert digest({one: 1, other: 2}) != digest({one: 1})


def test_nan_and_zero_by_their_bits():
    """Floats count by their bits."""
    assert digest([float("nan")]) == digest([float("nan")])
    assert digest([0.0]) != digest([-0.0])
    assert digest({0.0}) != digest({-0.0})


@pytest.mark.parametrize("n_items", [999, 1000, 70_000])
@pytest.mark.parametrize("item", [1, 1.0, "a", b"a", None, (1,), {"a": 1}])
def test_long_sequences(item, n_items):
    """Long lists count by all items and their types, whichever way they are read."""
    items = [item] * n_items
    assert digest(items) == digest(list(items))
    assert digest(items) != digest(tuple(items))
    assert digest(items) != digest(items[:-1])
    for other in (True, 2, 1.5, "b", {1}, [1]):
        assert digest([*items[:-1], other]) != digest(items)


def test_long_sequences_of_numbers_keep_types():
    """True is not 1 is not 1.0, also deep in a long list."""
    ones = [1] * 5000
    found = {digest([*ones, last]) for last in (1, True, 1.0, "1", None)}
    assert len(found) == 5


def test_dicts_in_long_sequences_are_sorted():
    """The short cut for long lists is not taken where dicts are among the items."""
    first = [1] * 2000 + [{"a": 1, "b": 2}]
    other = [1] * 2000 + [{"b": 2, "a": 1}]
    assert digest(first) == digest(other)
    texts = ["a"] * 2000
    assert digest([*texts, {"a": 1, "b": 2}]) == digest([*texts, {"b": 2, "a": 1}])


def test_cycles():
    """A value that contains itself has a digest that says where."""
    one, other = [1], [1]
    one.append(one)
    other.append(other)
    assert digest(one) == digest(other)
    deeper = [1, [1]]
    deeper[1].append(deeper)
    longer = [1]
    longer += [longer, longer]
    assert len({digest(one), digest(deeper), digest(longer), digest([1])}) == 4
    through_dict = {"a": [], "b": 1}
    through_dict["a"].append(through_dict)
    assert digest(through_dict) == digest(through_dict)


def test_sharing_inside_cycles_does_not_count():
    """One part twice equals two equal parts, also where they lead back up."""
    shared, copied = [], []
    part = [shared]
    shared += [part, part]
    copied += [[copied], [copied]]
    assert digest(shared) == digest(copied)


def test_entangled_objects_are_refused_in_time(monkeypatch):
    """Objects that all refer to each other give an error, not a hang."""
    monkeypatch.setattr("gridtask.identity.arguments.walk._MAX_REPEATS", 1000)
    lists = [[] for _ in range(12)]
    for one in lists:
        one.extend(lists)
    with pytest.raises(IdentityError, match="__gridtask_hash__"):
        digest(lists)


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: (x,), lambda x: {"k": x}])
def test_deep_nesting(wrap):
    """Nesting is not limited by the interpreter's recursion limit."""
    depth = 5 * sys.getrecursionlimit()
    one = other = 1
    for _ in range(depth):
        one, other = wrap(one), wrap(other)
    assert digest(one) == digest(other)
    assert digest(one) != digest(wrap(one))


def test_depth_at_which_the_path_changes():
    """Depths around the limit of the fast path are all different."""
    value, found = 1, set()
    for _ in range(60):
        value = [value]
        found.add(digest(value))
    assert len(found) == 60


def test_shared_parts_are_not_unfolded():
    """A value whose unfolding has 10**40 parts is digested at once."""
    value = [0]
    for _ in range(40):
        value = [value] * 10
    assert digest(value) != digest([value])


def test_plain_children_of_other_values():
    """A plain part counts the same wherever it is."""
    one = [{"b": 1, "a": 2}, {1}]
    other = [{"a": 2, "b": 1}, {1}]
    assert digest(one) == digest(other)


SCRIPT = """
import sys, datetime, decimal, pathlib, types, uuid
from xxhash import xxh3_128_digest
from gridtask.identity.arguments.hasher import ArgumentHasher
def name_code(thing):
    return xxh3_128_digest(thing.__qualname__.encode())
class Model:
    def __init__(self, order):
        for name in order:
            setattr(self, name, {name, name + "x", 1, None})
values = [
    {"b": [1, 2.5, None], "a": "text"},
    {"a", "b", "c", 1, None, ("x", 1)},
    {frozenset("abc"): {"x": {"p", "q", "r"}}, 1: {2}, "k": 3},
    [{1, 2, 3}, frozenset("xyz")],
    Model("abc"),
    {"d": decimal.Decimal("1.5"), "p": pathlib.PurePosixPath("a/b"), "e": ...},
    [datetime.date(2020, 1, 2), uuid.UUID(int=3), range(4), 1j, bytearray(b"x")],
]
hasher = ArgumentHasher(name_code)
print(*(hasher.digest(value).hex() for value in values))
print(*(d.hex() for d in hasher.call_digests(["x", "y"], [{"x": 1, "y": "a"}])))
print(*(d.hex() for d in hasher.call_digests(["x"], [{"x": values[1]}])))
"""
GOLDEN = """
ba6bb7e42aac01a71e69b2403eb735ab
d7534d25eb7629d3df7819db77cefd85
c1a5dc7cc2180167c6be4299a5ec1168
2c1d194fc8fe060d47df3674434cf6be
9e7b604b9762e2e15034b1d23606ac38
66cc644fea1938698167049a73bdda00
003185fd15b7c597697ea4fa82f571fc
3d66fa80b52d71365bd6ef29d6d134bf
80e8e7a6f78588c58410256df5bd3790
"""


def run_script(script, seed):
    """Run a script in a fresh process with a hash seed."""
    env = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, env=env, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_digests_of_another_process(seed):
    """Digests are the same in each process, hash seed, version of Python: for ever."""
    assert run_script(SCRIPT, seed).split() == GOLDEN.split()


def test_nothing_heavy_is_imported_for_builtins():
    """Small builtin values need neither numpy nor rare standard modules."""
    script = (
        "import sys\n"
        "from gridtask.identity.arguments.hasher import ArgumentHasher\n"
        "h = ArgumentHasher(lambda thing: bytes(16))\n"
        "h.call_digests(['x'], [{'x': {'a': [1, 'b', {2}]}}])\n"
        "print({'numpy', 'pandas', 'decimal', 'zoneinfo', 'uuid'} & set(sys.modules))"
    )
    assert run_script(script, "0") == "set()\n"


def test_rows_differ_by_every_value_and_name():
    """Calls differ by each value, its type, and the name it is bound to."""
    rows = [{"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": 1, "b": True}, {"a": 1, "b": [2]}]
    found = HASHER.call_digests(["a", "b"], rows)
    found += HASHER.call_digests(["a", "c"], [{"a": 1, "c": 2}])
    found += HASHER.call_digests(["a"], rows[:1])
    found += HASHER.call_digests([], rows[:1])
    assert len(set(found)) == 7


def test_rows_ignore_the_order_of_names():
    """Neither the order of the parameters nor of a row counts."""
    first = HASHER.call_digests(["a", "b"], [{"a": 1, "b": {2}}])
    assert first == HASHER.call_digests(["b", "a"], [{"b": {2}, "a": 1}])


def test_rows_ignore_other_names():
    """Parameters that are not named do not enter the digest."""
    first = HASHER.call_digests(["a"], [{"a": 1, "verbose": True}])
    assert first == HASHER.call_digests(["a"], [{"a": 1, "verbose": False}])


SIZES = [
    1,
    "a",
    "a" * 1024,
    "a" * 1025,
    b"a" * 5000,
    [1] * 64,
    [1] * 65,
    ["a" * 2000],
    {"b": 1, "a": [2]},
    {f"k{i}": [i] for i in range(40)},
    {1, 2},
    [{1}],
    1j,
    decimal.Decimal(1),
]


@pytest.mark.parametrize("value", SIZES, ids=range(len(SIZES)))
def test_rows_do_not_depend_on_what_came_before(value):
    """A call's digest is its own, whatever the other rows are and share."""
    row = {"x": value, "y": 1}
    alone = HASHER.call_digests(["x", "y"], [row])
    others = [{"x": other, "y": 1} for other in SIZES]
    among = HASHER.call_digests(["x", "y"], [*others, row, row])
    assert among[-2:] == alone * 2
    assert len(set(among)) == len(SIZES)


def test_rows_are_all_taken_first():
    """A value that a generator goes on changing counts as it is at the end."""
    shared = []

    def rows():
        for number in range(3):
            shared.append({number})
            yield {"x": shared}

    found = HASHER.call_digests(["x"], rows())
    assert found == HASHER.call_digests(["x"], [{"x": [{0}, {1}, {2}]}] * 3)


def test_shared_values_are_digested_once():
    """What many calls share asks for its code once, however many they are."""
    asked = []

    def code(thing):
        asked.append(thing)
        return name_code(thing)

    shared = [{"f": len}]
    rows = [{"x": shared, "i": number} for number in range(100)]
    assert len(set(ArgumentHasher(code).call_digests(["x", "i"], rows))) == 100
    assert asked == [len]


class Box:
    """Something with attributes."""

    def __init__(self, **state):
        self.__dict__.update(state)


Pair = collections.namedtuple("Pair", "left right")
PATHS = [
    (lambda bad: bad, ""),
    (lambda bad: [0, {1}, bad], "[2]"),
    (lambda bad: (bad,), "[0]"),
    (lambda bad: {"cfg": {"pool": bad}}, "['cfg']['pool']"),
    (lambda bad: {1: bad}, "[1]"),
    (lambda bad: {(1, 2): bad}, "[<tuple>]"),
    (lambda bad: {None: bad, "a": 1}, "[None]"),
    (lambda bad: Box(cfg=Box(pool=[bad])), ".cfg.pool[0]"),
    (lambda bad: Pair(1, bad), ".right"),
    (lambda bad: functools.partial(len, bad), ".args[0]"),
    (lambda bad: functools.partial(len, key=bad), ".keywords['key']"),
    (lambda bad: collections.OrderedDict(a=bad), "['a']"),
    (lambda bad: collections.defaultdict(list, a=bad), "['a']"),
    (lambda bad: collections.deque([bad]), "[0]"),
    (lambda bad: types.SimpleNamespace(hook=bad), "['hook']"),
    (lambda bad: [[[[bad, 1]]], {2}], "[0][0][0][0]"),
]


@pytest.mark.parametrize(("make", "path"), PATHS, ids=[path for _, path in PATHS])
def test_errors_name_the_path(make, path):
    """The message begins with the exact path of what cannot be digested."""
    with pytest.raises(IdentityError) as caught:
        digest(make(threading.Lock()), "args[0]['model']")
    assert str(caught.value).startswith(f"args[0]['model']{path}: cannot digest")
    assert "_thread.lock" in str(caught.value)
    assert "ignore=" in str(caught.value)
    assert "__gridtask_hash__" in str(caught.value)


def test_errors_of_calls_name_row_and_parameter():
    """Of many calls, the message says which one and which argument."""
    rows = [{"n": 1, "model": 1}, {"n": 2, "model": Box(hook=threading.Lock())}]
    with pytest.raises(IdentityError, match=r"^args\[1\]\['model'\]\.hook: cannot"):
        HASHER.call_digests(["n", "model"], rows)


def test_errors_of_code_get_the_path():
    """What the code's identity refuses is shown with its place in the argument."""

    def code(thing):
        if thing is run_script:
            return bytes(16)
        msg = "no source"
        raise IdentityError(msg)

    hasher = ArgumentHasher(code)
    with pytest.raises(IdentityError, match=r"^x\['f'\]: no source$"):
        hasher.digest({"a": {1}, "b": run_script, "f": name_code}, "x")


def test_a_hasher_works_after_an_error():
    """An error leaves nothing behind."""
    lock = threading.Lock()
    for _ in range(3):
        with pytest.raises(IdentityError):
            digest([[1, {2}], lock])
    assert digest([[1, {2}]]) == ArgumentHasher(name_code).digest([[1, {2}]])


def test_zones_without_a_name():
    """A time zone read from a file has nothing to go by."""
    path = zoneinfo.TZPATH and pathlib.Path(zoneinfo.TZPATH[0], "UTC")
    if not path or not path.exists():
        pytest.skip("no time zone files here")
    with path.open("rb") as file:
        zone = zoneinfo.ZoneInfo.from_file(file)
    with pytest.raises(IdentityError, match="ZoneInfo without a key"):
        digest(zone)


@pytest.mark.parametrize("bad", [(x for x in ()), open, threading.local(), sys.stdout])
def test_values_without_a_state(bad):
    """Functions count by code; generators, files and the like are refused."""
    if bad is open:
        assert digest(bad)
        return
    with pytest.raises(IdentityError, match="cannot digest"):
        digest(bad)


def test_threads():
    """One hasher may be used by several threads at a time."""
    values = [[n, {n, str(n)}, {"k": [n] * 50, "s": Box(a=n)}] for n in range(200)]
    expected = [digest(value) for value in values]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert list(pool.map(digest, values)) == expected


def test_values_are_not_changed():
    """Digesting leaves a value as it was: same order, same objects."""
    value = {"b": {"d": 1, "c": 2}, "a": [3, {"y": 1, "x": 2}]}
    before = repr(value)
    digest(value)
    HASHER.call_digests(["v"], [{"v": value}])
    assert repr(value) == before


def test_long_texts_of_any_kind():
    """Texts and bytes of all lengths count by all their characters."""
    texts = ["a" * 100_000, "a" * 100_001, "\xe9" * 100_000, "\ud800" * 100_000]
    texts += [text.encode("utf-8", "surrogatepass") for text in texts]
    texts += [[text] for text in texts]
    assert len({digest(text) for text in texts}) == len(texts)


def test_call_keys():
    """A key depends on both digests and their order."""
    code, args = bytes(16), b"x" * 16
    keys = {*call_keys(code, [code, args]), *call_keys(args, [code, args])}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {16}
    assert call_keys(code, [args])[0].hex() == "0e7003ef6eea3214b94092de67c925fb"


def test_code_digests_must_have_16_bytes():
    """A code digest of another length would make digests ambiguous."""
    with pytest.raises(ValueError, match="16 bytes, not 3"):
        ArgumentHasher(lambda thing: b"abc").digest(len)


def test_rows_of_dicts_differ_by_where_their_values_stand():
    """The same keys and values in another nesting are another call."""
    values = [
        {"a": {"b": 1}, "c": 2},
        {"a": {"b": 1, "c": 2}},
        {"a": 1, "b": {"c": 2}},
        {"a": 1, "b": 2},
        {"a": 1, "b": [2]},
        {"a": {}, "b": 1},
        {"a": 1, "b": {}},
        {"a": 1},
        {1: 1},
        {"1": 1},
        {},
        [],
        None,
    ]
    found = HASHER.call_digests(["x"], [{"x": value} for value in values])
    found += HASHER.call_digests(["x", "y"], [{"x": {"a": 1}, "y": {}}])
    found += HASHER.call_digests(["x", "y"], [{"x": {}, "y": {"a": 1}}])
    assert len(set(found)) == len(values) + 2


def test_rows_of_dicts_ignore_the_order_of_keys():
    """Dicts whose keys stand in another order are the same, one by one and many."""
    one, other = {"a": 1, "b": {"c": 2, "d": [{"e": 3, "f": 4}]}}, {}
    other["b"] = {"d": [{"f": 4, "e": 3}], "c": 2}
    other["a"] = 1
    many = HASHER.call_digests(["x"], [{"x": one}, {"x": other}])
    alone = HASHER.call_digests(["x"], [{"x": other}])
    assert many == alone * 2
