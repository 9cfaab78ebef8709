"""What a script defines, used by its tasks and returned by them."""

from __future__ import annotations

import pytest

HEAD = """
    import enum
    import functools
    import logging
    import threading
    from collections import namedtuple
    from dataclasses import dataclass, field
    from typing import NamedTuple

    from gridtask import grid_task

    def mark(name):
        with open("marks", "a") as file:
            file.write(name + "\\n")
"""

KINDS = """
    class Base:
        unit = "m"

        def scaled(self, factor):
            return type(self)(self.length * factor)

    class Length(Base):
        def __init__(self, length):
            self.length = length

        def __eq__(self, other):
            return isinstance(other, Length) and self.length == other.length

        def scaled(self, factor):
            return super().scaled(factor)

    @dataclass(frozen=True)
    class Setup:
        width: int
        tags: list = field(default_factory=list)

    class Colour(enum.Enum):
        RED = 1
        BLUE = 2

    class Row(NamedTuple):
        name: str
        value: float

    Pair = namedtuple("Pair", "left right")

    class Failure(Exception):
        def __init__(self, code, detail):
            super().__init__(f"{code}: {detail}")
            self.code = code

    @grid_task
    def make(kind):
        mark(kind)
        return {
            "length": lambda: Length(2).scaled(3),
            "setup": lambda: Setup(3, ["x"]),
            "colour": lambda: Colour.BLUE,
            "row": lambda: Row("a", 1.5),
            "pair": lambda: Pair(1, Colour.RED),
            "nested": lambda: {"setups": [Setup(1), Setup(2)], Colour.RED: Length(1)},
            "class": lambda: Length,
        }[kind]()

    kinds = "length setup colour row pair nested class".split()
    length, setup, colour, row, pair, nested, cls = make.map(kinds)
    assert isinstance(length, Length) and length.length == 6 and length.unit == "m"
    assert isinstance(setup, Setup) and setup == Setup(3, ["x"])
    assert colour is Colour.BLUE
    assert isinstance(row, Row) and row == ("a", 1.5)
    assert isinstance(pair, Pair) and pair.right is Colour.RED
    assert nested["setups"][1] == Setup(2) and nested[Colour.RED] == Length(1)
    assert cls is Length
    print("all kinds")
"""

VALUES = """
    SCALE = 10
    TABLE = {"one": 1, "many": [1, 2, 3]}
    log = logging.getLogger("simulation")
    lock = threading.Lock()
    guard = threading.RLock()
    square = lambda x: x * x
    memory = {}

    def counter(step):
        total = 0
        def add(n):
            nonlocal total
            total += step * n
            return total
        return add

    add = counter(SCALE)
    half = functools.partial(pow, exp=2)

    @functools.lru_cache
    def remembered(n):
        return n + len(TABLE["many"])

    def traced(function):
        @functools.wraps(function)
        def wrapper(*args):
            log.info("calling")
            return function(*args) + 1000
        return wrapper

    @traced
    def is_even(n):
        return 1 if n == 0 else is_odd(n - 1)

    def is_odd(n):
        return 0 if n == 0 else is_even(n - 1)

    @grid_task
    def use(n, how=lambda x: x + 1):
        mark("use")
        global SCALE
        log.warning("n is %s", n)
        with lock, guard:
            memory[n] = SCALE
        numbers = [square(n), how(n), add(n), half(n), remembered(n)]
        is_script = __file__.endswith("program.py")
        return [*numbers, memory[n], is_even(0), __name__, is_script]

    print(use.map([2]))
    print(use.map([{"n": 2, "how": lambda x: 7 * x}]))
    print(memory, SCALE)
"""

TASKS_THAT_CALL_TASKS = """
    @grid_task
    def low(n):
        mark(f"low-{n}")
        return n + 1

    @grid_task
    def high(n):
        mark(f"high-{n}")
        return low(n) * 10

    @grid_task(chunk=1)
    def tower(n):
        mark(f"tower-{n}")
        return 1 if n == 0 else n * tower(n - 1)

    print(high.map([1, 2]), low.map([1, 2]), tower.map([3]), tower(2))
"""

SLOTS = """
    class Slotted:
        __slots__ = ("a", "_Slotted__b")

        def __init__(self, a):
            self.a = a
            self.__b = [a]

    @dataclass(slots=True)
    class Record:
        name: str
        sizes: list = field(default_factory=list)

    @grid_task
    def make(n):
        mark("made")
        return Slotted(n), Record("r", [n])

    ((slotted, record),) = make.map([5])
    print(isinstance(slotted, Slotted), slotted.a, record == Record("r", [5]))
"""

SINGLETON = """
    class Missing:
        def __reduce__(self):
            return "MISSING"

    MISSING = Missing()

    @grid_task
    def use(n, default=MISSING):
        mark("used")
        return [default is MISSING, MISSING]

    (result,) = use.map([1])
    print(result[0], result[1] is MISSING)
"""

HOOKS = """
    COUNT = []
    PLUGINS = {}

    class Plugin:
        def __init_subclass__(cls, /, label, **options):
            super().__init_subclass__(**options)
            PLUGINS[label] = cls

    class First(Plugin, label="first"):
        def run(self, n):
            return n + 1

    class Counted(type):
        def __new__(meta, name, bases, namespace):
            COUNT.append(name)
            return super().__new__(meta, name, bases, namespace)

    class Base(metaclass=Counted):
        pass

    @grid_task
    def use(n):
        mark("used")
        return PLUGINS["first"]().run(n), len(COUNT), Base()

    (result,) = use.map([1])
    print(result[:2], isinstance(result[2], Base))
"""

PLANETS = """
    class Planet(enum.Enum):
        EARTH = (6, 4)
        MARS = (1, 2)
        WORLD = (6, 4)

        def __init__(self, mass, radius):
            self.mass = mass
            self.radius = radius

    class Level(enum.Enum):
        LOW = 1, "not much"

        def __new__(cls, value, label):
            member = object.__new__(cls)
            member._value_ = value
            member.label = label
            return member

    @grid_task
    def use(n):
        mark("used")
        same = Planet["WORLD"] is Planet.EARTH
        return Planet.EARTH.mass, same, Level.LOW.label, Planet.MARS, Level(1)

    (result,) = use.map([1])
    print(result[:3], result[3] is Planet.MARS, result[4] is Level.LOW)
"""

ERRORS = """
    class Failure(Exception):
        def __init__(self, code, detail):
            super().__init__(f"{code}: {detail}")
            self.code = code

    @grid_task
    def fail(n):
        raise Failure(n, "no such thing")

    (error,) = fail.map([4], return_exceptions=True)
    print(isinstance(error, Failure), error.code, error)
    print('raise Failure(n, "no such thing")' in str(error.__cause__))
"""


@pytest.fixture
def program(project):
    """Return a function that writes a script from one of the parts above."""
    return lambda part: project.write("program.py", HEAD + part).name


def test_classes_of_the_script_come_back_as_its_own(project, program, backend):
    """isinstance and equality hold in the run that computed and in the next one."""
    script = program(KINDS)
    for _ in range(2):
        assert project.run(script).stdout == "all kinds\n"
    assert len(project.marks()) == 7


def test_values_of_the_script_are_used_by_its_task(project, program, backend):
    """Constants, lambdas, closures, loggers and locks travel; the driver's stay."""
    script = program(VALUES)
    for _ in range(2):
        lines = project.run(script).stdout.splitlines()
        common = "5, 10, 1001, '__main__', True]"
        assert lines[0] == f"[[4, 3, 20, 4, {common}]"
        assert lines[1] == f"[[4, 14, 20, 4, {common}]"
        assert lines[2] == "{} 10"
    assert project.marks() == ["use", "use"]


def test_tasks_call_tasks(project, program, backend):
    """A task that another one calls is cached for both; recursion works."""
    script = program(TASKS_THAT_CALL_TASKS)
    for _ in range(2):
        assert project.run(script).stdout == "[20, 30] [2, 3] [6] 2\n"
    expected = ["high-1", "high-2", "low-1", "low-2"]
    expected += ["tower-0", "tower-1", "tower-2", "tower-3"]
    assert project.marks() == expected


def test_class_with_slots_comes_back(project, program, on_local):
    """Classes with ``__slots__``, of dataclasses too."""
    for _ in range(2):
        assert project.run(program(SLOTS)).stdout == "True 5 True\n"
    assert project.marks() == ["made"]


def test_singleton_of_the_script_stays_one(project, program, on_local):
    """Pickle knows it by its name alone."""
    for _ in range(2):
        assert project.run(program(SINGLETON)).stdout == "True True\n"
    assert project.marks() == ["used"]


def test_classes_that_register_themselves_are_rebuilt(project, program, on_local):
    """What ``__init_subclass__`` and a metaclass did is done, once."""
    for _ in range(2):
        assert project.run(program(HOOKS)).stdout == "(2, 1) True\n"
    assert project.marks() == ["used"]


def test_enumerations_with_attributes_are_rebuilt(project, program, on_local):
    """Members keep what ``__init__`` or ``__new__`` gave them, and their aliases."""
    for _ in range(2):
        said = project.run(program(PLANETS)).stdout
        assert said == "(6, True, 'not much') True True\n"
    assert project.marks() == ["used"]


def test_exception_of_the_script_comes_back_as_its_own(project, program, backend):
    """With its attributes, and with the line that raised it."""
    lines = project.run(program(ERRORS)).stdout.splitlines()
    assert lines == ["True 4 4: no such thing", "True"]


def test_changed_constant_computes_anew_and_a_counter_does_not(project, on_local):
    """A global that the task reads counts; one that nothing reads does not."""
    source = """
        from gridtask import grid_task

        FACTOR = {factor}
        UNUSED = {unused}

        @grid_task
        def scale(n):
            with open("marks", "a") as file:
                file.write("x\\n")
            return FACTOR * n

        print(scale.map([2]))
    """
    for factor, unused, result, n_computed in [
        (1, 1, 2, 1),
        (1, 2, 2, 1),
        (3, 2, 6, 2),
        (1, 3, 2, 2),
    ]:
        project.write("program.py", source.format(factor=factor, unused=unused))
        assert project.run("program.py").stdout == f"[{result}]\n"
        assert len(project.marks()) == n_computed
