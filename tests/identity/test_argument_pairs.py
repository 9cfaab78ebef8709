"""Keys of calls with pairs of arguments that are equal, different, or no arguments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

for _name in ("attrs", "pandas", "polars", "pyarrow", "scipy"):
    pytest.importorskip(_name)

_HERE = Path(__file__).parent
sys.path.insert(0, str(_HERE))
from argument_pairs import DIFFERENT, EQUAL, REFUSED  # noqa: E402

sys.path.remove(str(_HERE))


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Return the pairs of keys that two processes find, with other hash seeds."""
    found = []
    for seed in ("1", "7"):
        cache = tmp_path_factory.mktemp("pairs")
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(_HERE / "argument_pairs.py")],
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "GRIDTASK_BACKEND": "serial",
                "GRIDTASK_CACHE": str(cache),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stderr
        found.append(json.loads(done.stdout))
    return found


def rows_of(keys, pairs, start):
    """Yield pairs of expressions with their keys in the first process."""
    for pair, found in zip(pairs, keys[0][start:], strict=False):
        if "unmade" not in found:
            yield pair, found


def test_keys_are_the_same_in_another_process(keys):
    """Neither hash seeds nor addresses are in a key."""
    every = [*EQUAL, *DIFFERENT, *((one, one) for one in REFUSED)]
    pairs = zip(every, *keys, strict=True)
    assert [pair for pair, one, other in pairs if one != other] == []


def test_equal_arguments_have_one_key(keys):
    """How a value was made, and what it caches, does not count."""
    rows = rows_of(keys, EQUAL, 0)
    assert [pair for pair, (one, other) in rows if one != other] == []


def test_different_arguments_have_different_keys(keys):
    """Types, order, names, states and code of arguments count."""
    rows = list(rows_of(keys, DIFFERENT, len(EQUAL)))
    assert [pair for pair, (one, other) in rows if one == other] == []
    assert len(rows) > 240


def test_what_has_no_value_is_refused(keys):
    """What runs, waits or is open is no argument."""
    rows = rows_of(keys, [(one, one) for one in REFUSED], len(EQUAL) + len(DIFFERENT))
    assert [pair for pair, found in rows if found != ["refused", "refused"]] == []
