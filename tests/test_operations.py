"""What a rerun costs, in operations and imports: times would depend on the machine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gridtask.store import sweep
from gridtask.store.store import Store

SCRIPT = """
import json, os, sys
from collections import Counter

CACHE = {cache!r}
counts = Counter()
files = {{}}

def count(name):
    real = getattr(os, name)
    def counted(what, *args, **kwargs):
        path = files.get(what) if isinstance(what, int) else os.fspath(what)
        result = real(what, *args, **kwargs)
        if path is not None and path.startswith(CACHE):
            counts[name] += 1
            if name == "open":
                files[result] = path
        return result
    setattr(os, name, counted)

for name in ("open", "listdir", "scandir", "stat", "lstat", "pread", "preadv"):
    count(name)

from gridtask import grid_task

@grid_task(backend="serial", cache_dir=CACHE, chunk=50)
def half(x):
    return x * 0.5

assert half.map(range(1000), progress=False)[4] == 2.0
print(json.dumps([counts, sorted(sys.modules)]))
"""

NOT_NEEDED = """
asyncio cloudpickle concurrent.futures dataclasses difflib dis hashlib inspect
linecache logging numpy random rich shutil socket subprocess tabulate tempfile
tokenize tomllib
gridtask.claims.runfile gridtask.driver.execution gridtask.identity.closure.members
gridtask.identity.closure.values gridtask.plan gridtask.run
gridtask.store.check gridtask.store.compaction gridtask.store.segment
gridtask.store.sweep gridtask.store.writer gridtask.submission.submit gridtask.terms
gridtask.worker.main
"""
"""Modules that take time to import, and that only new calls need."""


@pytest.fixture(scope="module")
def rerun(tmp_path_factory):
    """Operations on the cache, and modules, of a rerun of 1,000 calls."""
    root = tmp_path_factory.mktemp("rerun")
    script, cache = root / "script.py", root / "cache"
    script.write_text(SCRIPT.format(cache=str(cache)))
    _run(script)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "GRACE_SECONDS", -1.0)
        folder = Store.open(cache).folder("half")
        folder.refresh()
        folder.sweep()
    return json.loads(_run(script).splitlines()[-1])


def test_a_plan_imports_nothing_that_submits(tmp_path):
    """It is asked for after each edit: it should take hardly longer than a rerun."""
    (tmp_path / "script.py").write_text(
        "import sys\nfrom gridtask import grid_task\n"
        f"@grid_task(backend='local', cache_dir={str(tmp_path / 'cache')!r})\n"
        "def half(x):\n    return x * 0.5\n"
        "assert half.plan(range(9)).to_submit == 9\n"
        "print(*sys.modules)\n"
    )
    submits = {"dataclasses", "inspect", "logging", "gridtask.driver.execution"}
    assert submits.isdisjoint(_run(tmp_path / "script.py").split())


def _run(script):
    """Return what a script prints."""
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_rerun_takes_few_operations(rerun):
    """However many results there are: a listing, checks, and a few reads a file."""
    counts, _ = rerun
    print(counts)
    listings = counts.pop("listdir") + counts.pop("scandir", 0)
    assert listings == 1  # of what is open, which counts among those
    assert counts["open"] <= 3
    assert sum(counts.values()) <= 10


def test_a_rerun_imports_only_what_it_needs(rerun):
    """What only a submission needs, and what values do not need, is not imported."""
    _, modules = rerun
    assert sorted(set(NOT_NEEDED.split()) & set(modules)) == []
