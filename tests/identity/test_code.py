"""The identity of code inside one process: state, options, errors, callables."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import math
import os
import sys
import textwrap
import time

import pytest

from gridtask.errors import IdentityError
from gridtask.identity.code import identify


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that writes modules and imports the last one."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = []

    def load(**files: str):
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
            sys.modules.pop(name, None)
            names.append(name)
        importlib.invalidate_caches()
        return importlib.import_module(names[-1])

    yield load
    for name in names:
        sys.modules.pop(name, None)


STATEFUL = {
    "memo": """
        C = {}
        def f(x):
            if x not in C: C[x] = x
            return C[x]
    """,
    "counter": """
        n = 0
        def f(x):
            global n
            n += 1
            return n
    """,
    "a global that is made on first use": """
        def f(x):
            global m
            try: m
            except NameError: m = [1]
            return m
    """,
    "a module that is imported on first use": """
        js = None
        def f(x):
            global js
            import json as js
            return js.dumps(x)
    """,
    "mutable default": """
        def f(x, memo={}, *, more=[]):
            memo[x] = 1
            more.append(x)
            return memo
    """,
    "memo in a decorator": """
        def memo(g):
            cache = {}
            def wrapper(x):
                if x not in cache: cache[x] = g(x)
                return cache[x]
            return wrapper
        @memo
        def h(x): return x
        def f(x): return h(x)
    """,
    "nonlocal counter": """
        def make():
            n = 0
            def up():
                nonlocal n
                n += 1
                return n
            return up
        up = make()
        def f(x): return up()
    """,
    "list shared by closures": """
        def make():
            seen = []
            def add(x): seen.append(x)
            def get(): return seen
            return add, get
        add, get = make()
        def f(x):
            add(x)
            return get()
    """,
    "lru_cache": """
        import functools
        @functools.lru_cache
        def h(x): return x
        def f(x): return h(x)
    """,
    "cached_property": """
        import functools
        class C:
            @functools.cached_property
            def p(self): return 1
        c = C()
        def f(x): return c.p
    """,
    "memo of a class": """
        class C:
            cache = {}
            n = 0
            def get(self, x):
                self.cache[x] = 1
                return x
            @classmethod
            def count(cls): cls.n += 1
        def f(x):
            C.count()
            return C().get(x)
    """,
    "attribute of a class": """
        class C:
            n = 0
        def f(x):
            C.n += 1
            return C.n
    """,
    "attribute of a function": """
        def h(x):
            h.calls += 1
            return x
        h.calls = 0
        def f(x): return h(x)
    """,
    "attribute of an instance": """
        from types import SimpleNamespace
        c = SimpleNamespace(n=0, items=[])
        def f(x):
            c.n += 1
            c.items.append(x)
            return c
    """,
    "iterators": """
        import itertools
        count = itertools.count()
        def f(x): return next(count)
    """,
    "containers": """
        import heapq
        from collections import Counter, defaultdict, deque
        Q, K, D, H, S, N = deque(), Counter(), defaultdict(list), [], set(), {"a": {}}
        def f(x):
            Q.append(x)
            K[x] += 1
            D[x].append(1)
            heapq.heappush(H, x)
            S.add(x)
            N["a"][x] = 1
            N.setdefault(x, []).append(1)
    """,
    "array": """
        import numpy as np
        B = np.zeros(2)
        def f(x):
            B[0] = x
            np.add(B, 1, out=B)
    """,
    "random numbers of modules": """
        import random
        import numpy as np
        def f(x): return random.random() + np.random.rand()
    """,
}


@pytest.mark.parametrize("name", STATEFUL)
def test_running_a_task_does_not_change_its_identity(load, name):
    """What the code itself changes is state: it counts by its definition."""
    module = load(stateful=STATEFUL[name])
    before = identify(module.f)
    module.f(1)
    module.f(2)
    after = identify(module.f)
    assert after.digest == before.digest


def test_the_same_state_in_another_module_is_state_too(load):
    """A memo of another module, by chain or by name, counts by its definition."""
    module = load(
        store="C = {}\nn = 0\n",
        user="import store\nfrom store import C\n"
        "def f(x):\n    store.n += 1\n    C[x] = store.C\n",
    )
    before = identify(module.f).digest
    module.f(1)
    assert identify(module.f).digest == before


@pytest.mark.parametrize(
    "setting",
    ["m.SCALE = 3", "m.C.n = 2", "m.c.k = 2", "m.T['a'] = 1", "m.L.append(1)"],
)
def test_configuration_set_at_run_time_counts(load, setting):
    """What somebody else sets is configuration: its live value counts."""
    module = load(
        configured="""
            SCALE = 1
            T = {}
            L = []
            class C:
                n = 1
                def set(self, n): C.n = n
            c = C()
            c.k = 1
            c.calls = 0
            def f(x):
                c.calls += 1
                return SCALE, C().n, c.k, T, L
        """
    )
    before = identify(module.f).digest
    exec(setting, {"m": module})
    assert identify(module.f).digest != before


def test_a_file_that_changed_after_its_import_is_an_error(load, tmp_path):
    """Warm or not, disk must equal memory; reloading makes it right again."""
    module = load(edited="def f(x): return 1\n")
    before = identify(module.f).digest
    path = tmp_path / "edited.py"
    stamp = path.stat()
    path.write_text("def f(x): return 2\n")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    with pytest.raises(IdentityError, match=r"edited\.py' changed on disk after it"):
        identify(module.f)
    importlib.invalidate_caches()
    sys.modules.pop("edited")
    assert identify(importlib.import_module("edited").f).digest != before


def test_a_file_that_is_gone_is_an_error(load, tmp_path):
    """Without its text a function of a file cannot be identified."""
    module = load(gone="def f(x): return 1\n")
    (tmp_path / "gone.py").unlink()
    with pytest.raises(IdentityError, match="changed on disk"):
        identify(module.f)


def test_a_value_without_digest_or_definition_is_an_error(load):
    """The message names the value and what can be done."""
    module = load(strange="def f(x): return POOL\n")
    module.POOL = (i for i in range(3))
    with pytest.raises(IdentityError, match=r"strange\.POOL.*ignore_code"):
        identify(module.f)


@pytest.mark.parametrize(
    "function",
    [math.sqrt, functools.partial(max, 1), "abc".join, dict, len, [].append],
    ids=str,
)
def test_any_callable_has_an_identity(function):
    """Builtins, partials, bound methods and classes are tasks as well."""
    assert len(identify(function).digest) == 16


def test_different_callables_differ():
    """A builtin counts by its name, a bound method by its object too."""
    functions = [math.sqrt, math.sin, "a".join, "b".join, functools.partial(max, 1)]
    functions.append(functools.partial(max, 2))
    assert len({identify(f).digest for f in functions}) == len(functions)


def test_another_task_counts_by_its_code_without_its_options(load):
    """Options about where a call runs do not enter the caller's identity."""
    text = """
        from gridtask import grid_task
        @grid_task({options})
        def other(x): return x + {n}
        def f(x): return other(x)
    """
    plain = identify(load(tasks=text.format(options="", n=1)).f).digest
    placed = identify(load(tasks=text.format(options="memory='1G'", n=1)).f).digest
    edited = identify(load(tasks=text.format(options="", n=2)).f).digest
    assert plain == placed
    assert plain != edited


def test_depends_counts_files_and_distributions(tmp_path):
    """The content of files and the installed version count, if asked for."""
    path = tmp_path / "params.yaml"
    path.write_text("a")
    before = identify(len, depends=[f"file:{path}"]).digest
    path.write_text("b")
    assert identify(len, depends=[f"file:{path}"]).digest != before
    assert identify(len, depends=[path]).digest == identify(
        len, depends=[f"file:{path}"]
    ).digest  # fmt: skip
    assert identify(len, depends=["dist:numpy"]).digest != identify(len).digest


def test_depends_on_what_does_not_exist_is_an_error():
    """A misspelt dependency is not taken for none."""
    with pytest.raises(IdentityError, match="neither a file here nor an installed"):
        identify(len, depends=["dist:not-there-at-all"])
    with pytest.raises(IdentityError, match="cannot be read"):
        identify(len, depends=["file:/not/there"])


def test_a_folder_can_be_declared_third_party(load, tmp_path):
    """Code of such folders counts by name."""
    text = "def g(x): return {n}\n"
    user = "import vendor\ndef f(x): return vendor.g(x)\n"
    paths = [str(tmp_path / "vendor.py")]
    one = load(vendor=text.format(n=1), user=user).f
    before = identify(one, third_party=paths).digest
    two = load(vendor=text.format(n=2), user=user).f
    assert identify(two, third_party=paths).digest == before
    assert identify(two).digest != identify(two, third_party=paths).digest


def test_the_manifest_names_what_counts(load):
    """The manifest lists functions, classes and values by dotted names."""
    module = load(
        cfg="ALPHA = 2\nUNUSED = 3\n",
        shown="import cfg\nN = 4\ndef h(x): return x * cfg.ALPHA\n"
        "def f(x): return h(x) + N\n",
    )
    rows = {row.name: row.text for row in identify(module.f).manifest}
    assert sorted(rows) == ["cfg.ALPHA", "shown.N", "shown.f", "shown.h"]
    assert rows["cfg.ALPHA"] == "2"
    assert rows["shown.h"] == "def h(x): return x * cfg.ALPHA"


def test_two_values_of_one_component_differ_in_its_row_only(load):
    """A changed value is found by comparing two manifests row by row."""
    module = load(rows="N = 4\nM = 5\ndef f(x): return x + N + M\n")
    before = {row.name: row.digest for row in identify(module.f).manifest}
    module.N = 5
    after = {row.name: row.digest for row in identify(module.f).manifest}
    assert [name for name in before if before[name] != after[name]] == ["rows.N"]


def test_values_are_shown_in_full_where_they_are_short(load):
    """What `gridtask why` tells of: contents, or at least how many there are."""
    module = load(
        shown="A = [1, 'a']\nB = {'k': 2.0}\nC = [[1], [2]]\ndef f(): return A, B, C\n"
    )
    texts = {row.name: row.text for row in identify(module.f).manifest}
    assert texts["shown.A"] == "[1, 'a']"
    assert texts["shown.B"] == "{'k': 2.0}"
    assert texts["shown.C"] == "<list of 2>"


def test_a_dynamic_import_is_warned_of(load):
    """A module that only arguments name cannot be known: the task is told."""
    module = load(dyn="import importlib\ndef f(x): return importlib.import_module(x)\n")
    (warning,) = identify(module.f).warnings
    assert "dyn.f imports a module whose name is not in the code" in warning


def test_modules_beside_a_dynamic_import_count(load, tmp_path):
    """Any of them may be meant; other files cannot."""
    dynamic = "import importlib\ndef f(x): return importlib.import_module(x).g()\n"
    module = load(plug="def g(): return 1\n", dyn=dynamic)
    before = identify(module.f).digest
    (tmp_path / "notes.txt").write_text("new")
    assert identify(module.f).digest == before
    (tmp_path / "plug.py").write_text("def g(): return 1 + 1\n")
    assert identify(module.f).digest != before


def test_code_digests_of_arguments(load):
    """Functions and classes in arguments count by their code."""
    module = load(args="class C:\n    def g(self): return 1\ndef f(x): return x\n")
    code = identify(module.f)
    before = code.code_digest(module.C)
    assert before == code.code_digest(module.C)
    module = load(args="class C:\n    def g(self): return 2\ndef f(x): return x\n")
    assert identify(module.f).code_digest(module.C) != before


def test_identity_calls_no_code_of_the_user(load):
    """Properties, comparisons, representations and attribute hooks are not run."""
    module = load(
        quiet="""
            def stop(*args): raise SystemExit("called")
            class C:
                def __init__(self): self.n = 1
                __getattr__ = __eq__ = __repr__ = __len__ = __bool__ = stop
                __hash__ = __iter__ = __str__ = stop
                p = property(stop)
            c = C()
            def f(x, c=c): return c.n + x
        """
    )
    code = identify(module.f)
    assert code.manifest
    assert len(code.snapshot()) > 100


def test_fifty_functions_in_twenty_modules_are_identified_quickly(load):
    """A cold walk over a mid-sized project takes tens of milliseconds."""
    files = {}
    for m in range(20):
        below = f"import part{m - 1}\n" if m else ""
        calls = f"part{m - 1}.g0(x)" if m else "x"
        files[f"part{m}"] = below + "".join(
            f"def g{k}(x):\n    y = {calls if k == 0 else 'x'}\n"
            f"    return y + {f'g{k + 1}(x)' if k < 2 else k}\n\n"
            for k in range(3)
        )
    module = load(**files)
    started = time.process_time()
    code = identify(module.g0)
    seconds = time.process_time() - started
    assert len(code.manifest) == 60
    assert seconds < 0.3  # some 0.02 on an idle machine


def test_the_manifest_shows_what_options_add(load, tmp_path):
    """A version, a distribution and a file are components with a text each."""
    module = load(opts="def f(x): return x\n")
    params = tmp_path / "params.yaml"
    params.write_text("alpha: 1\n")
    depends = [f"file:{params}", "dist:numpy"]
    code = identify(module.f, version="a", depends=depends)
    shown = {row.name: row.text for row in code.manifest}
    assert shown["version"] == "'a'"
    assert shown["dist:numpy"] == importlib.metadata.version("numpy")
    assert shown[f"file:{params}"] == "alpha: 1\n"
    params.write_bytes(bytes(range(256)) * 100)
    (row,) = [r for r in identify(module.f, depends=depends).manifest if ":/" in r.name]
    assert row.text.startswith("25,600 bytes (")


MEMOS = {
    "in an instance": """
        class Memo:
            def __init__(self): self.known = {}
            def get(self, x):
                if x not in self.known: self.known[x] = x * x
                return self.known[x]
        MEMO = Memo()
        def f(x): return MEMO.get(x)
    """,
    "through a helper": """
        KNOWN = {}
        def put(d, k, v): d[k] = v
        def f(x):
            put(KNOWN, x, x * x)
            return KNOWN[x]
    """,
    "by another name": """
        KNOWN = {}
        def f(x):
            d = KNOWN
            d[x] = x * x
            return d[x]
    """,
    "inside a table": """
        KNOWN = {"squares": []}
        def f(x):
            rows = KNOWN["squares"]
            rows.append(x * x)
            return rows[-1]
    """,
    "a cached property": """
        import functools
        class C:
            @functools.cached_property
            def table(self): return [1, 2, 3]
        OBJECT = C()
        def f(x): return OBJECT.table[x % 3]
    """,
    "an iterator": """
        import itertools
        COUNT = itertools.count()
        def f(x): return next(COUNT) + x
    """,
}


@pytest.mark.parametrize("where", MEMOS)
def test_a_call_does_not_change_its_task(load, where):
    """What the task keeps while it runs is state: its identity stays."""
    module = load(**{f"memo{abs(hash(where))}": MEMOS[where]})
    before = identify(module.f).digest
    module.f(3)
    assert identify(module.f).digest == before
