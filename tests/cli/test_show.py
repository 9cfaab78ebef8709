"""`gridtask show`: all that is known of one call."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from gridtask import raised
from gridtask.store import values
from gridtask.store.record import Kind
from gridtask.store.store import Store


class _Calls:
    """Is unpickled by calling a function."""

    def __init__(self, function, arguments):
        self.made_by = function, arguments

    def __reduce__(self):
        return self.made_by


@pytest.fixture
def shown(capsys):
    """Return a function that runs `show --json` and gives the object."""

    def show(cache, key, status=0):
        capsys.readouterr()
        assert cache.run("show", key, "--json") == status
        return json.loads(capsys.readouterr().out)

    return show


def test_a_result_with_all_about_it(cache, shown):
    """Arguments, type, head of the value, code and place are told."""
    about = {"args": "seed=1", "host": "node1", "job": "118.7", "run": "abcdefgh"}
    path = cache.put("simulate", "3fa91c02", value={"mean": 1.5}, code="c0de", **about)
    call = shown(cache, "3fa9")
    assert {name: call[name] for name in about} == about
    assert (call["task"], call["key"]) == ("simulate", "3fa91c02".ljust(32, "0"))
    assert (call["state"], call["type"], call["value"]) == (
        "done",
        "dict",
        ["'mean': 1.5"],
    )
    assert (call["code"], call["is_stale"]) == ("c0de".ljust(16, "0"), False)
    assert (call["seconds"], call["peak_mb"]) == (2.5, 100)
    assert call["file"] == str(path)


def test_people_read_lines(cache, capsys):
    """On a terminal the call itself comes first."""
    cache.put("simulate", "3fa91c02", value=[1, 2], args="seed=1", host="node1")
    assert cache.run("show", "3fa9") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "simulate(seed=1)"
    assert "host:     node1" in lines
    assert lines[-3:] == ["result:", "  1", "  2"]


def test_a_failure_shows_its_traceback(cache, shown):
    """The exception is told as text, without being made again."""
    try:
        raise ValueError("seed\x1b must be even")
    except ValueError as error:
        record = raised.describe_exception(error)
    cache.put("f", "aaaa", failed=True, value=record, error="ValueError: seed")
    call = shown(cache, "aaaa")
    assert (call["state"], call["error"]) == ("failed", "ValueError: seed")
    assert "must be even" in call["traceback"]
    assert call["type"] is None


def test_stale_code_is_told(cache, shown, capsys):
    """A result of an older version of the code is marked."""
    cache.put("f", "aaaa", age=9.0, code="01")
    cache.put("f", "bbbb", age=1.0, code="02")
    assert shown(cache, "aaaa")["is_stale"]
    cache.run("show", "aaaa")
    assert "stale" in capsys.readouterr().out


def test_the_parts_of_the_code_are_told(cache, shown, capsys):
    """What the version consists of, what was imported with it, and since when."""
    cache.put("f", "aaaa", code="c0de")
    content = {
        "manifest": [("f", bytes(16), "def f(): ..."), ("helper", bytes(16), "")],
        "signatures": [],
        "first_used_at": 86400.0,
        "distributions": {"python": "3.11.7", "numpy": "2.0"},
        "snapshot": None,
    }
    code = bytes.fromhex("c0de".ljust(32, "0"))
    writer = Store.open(cache.root).folder("f").writer("code")
    writer.write(Kind.CODE, values.encode(content), code, code[:8])
    writer.close()
    call = shown(cache, "aaaa")
    assert call["components"] == ["f", "helper"]
    assert call["distributions"] == {"python": "3.11.7", "numpy": "2.0"}
    assert call["code_since"] == 86400.0
    cache.run("show", "aaaa")
    lines = capsys.readouterr().out.splitlines()
    assert "code:     c0de000000000000 (since 1970-01-02T00:00:00Z)" in lines
    assert "parts:    f, helper" in lines
    assert "with:     python 3.11.7, numpy 2.0" in lines


def test_a_huge_result_is_not_loaded_to_be_shown(cache, shown, monkeypatch):
    """It is told how large it is, and how to load it."""
    monkeypatch.setattr("gridtask.caches.details.MAX_BYTES", 1000)
    cache.put("f", "aaaa", value="x" * 5000)
    call = shown(cache, "aaaa")
    assert (call["state"], call["type"]) == ("done", None)
    assert call["value"] == ["it takes 4.9 KiB; gridtask.cache(…).load(KEY) loads it"]


def test_a_damaged_large_result_is_told(cache, capsys):
    """What a listing does not read is found when the result itself is shown."""
    path = cache.put("f", "aaaa", value="x" * 3_000_000)
    data = bytearray(path.read_bytes())
    data[2_000_000] ^= 1
    path.write_bytes(data)
    assert cache.run("show", "aaaa") == 3
    assert "damaged" in capsys.readouterr().out


def test_a_class_of_another_script_is_shown_by_what_was_stored(cache, shown, capsys):
    """Scripts define classes that the command cannot know."""
    cache.put("f", "aaaa", value=_Calls(values.of_main, ("Gone",)))
    call = shown(cache, "aaaa")
    assert call["missing"] == ["__main__.Gone"]
    assert cache.run("show", "aaaa") == 0
    assert "missing:  __main__.Gone: not known here" in capsys.readouterr().out


def test_what_cannot_be_made_at_all_is_explained(cache, shown):
    """Nobody is told to remove what the script itself can load."""
    cache.put(
        "f", "aaaa", value=[_Calls(values.of_main, ("Gone",)), _Calls(int, ("x",))]
    )
    call = shown(cache, "aaaa")
    assert call["type"] is None
    assert "of the script that made it" in call["value"][0]
    assert "gridtask rm" not in call["value"][0]


def test_long_values_are_shown_by_their_head(cache, shown):
    """No more than some items, and arrays by their shape."""
    cache.put("f", "aaaa", value=list(range(100)))
    cache.put("f", "bbbb", value=np.zeros((1000, 3)))
    assert shown(cache, "aaaa")["value"][-1] == "… and 90 more"
    assert shown(cache, "bbbb")["value"] == ["array((1000, 3), float64)"]


def test_values_cannot_send_control_sequences(cache, capsys):
    """Neither in the result nor in arguments nor in the name."""
    cache.put(
        "f\x1b[2J", "aaaa", value={"\x1b[2J": "\x07"}, args="x='\x1b'", host="\x1b"
    )
    cache.run("show", "aaaa")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out


def test_a_result_of_a_class_that_is_gone(cache, shown, tmp_path, monkeypatch):
    """It is said which, and shown what was stored."""
    (tmp_path / "gone.py").write_text("class Result:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import gone

    cache.put("f", "aaaa", value=gone.Result(), args="x=1")
    (tmp_path / "gone.py").unlink()
    monkeypatch.delitem(sys.modules, "gone")
    call = shown(cache, "aaaa")
    assert (call["type"], call["args"]) == ("gone.Result", "x=1")
    assert call["missing"] == ["gone.Result"]
    assert call["value"] == ["Result()"]


class Hostile:
    """A value whose text cannot be had."""

    def __repr__(self):
        raise RuntimeError

    def __len__(self):
        raise RuntimeError


def test_a_value_that_cannot_be_shown(cache, shown):
    """Whatever its class does, the command goes on."""
    cache.put("f", "aaaa", value=[Hostile()])
    assert shown(cache, "aaaa")["value"] == ["<Hostile object>"]


def test_a_damaged_record_is_told(cache, shown):
    """Its status is that of corruption."""
    path = cache.put("f", "aaaa", args="x=1")
    data = bytearray(path.read_bytes())
    data[data.index(b"x=1")] ^= 1
    path.write_bytes(data)
    assert shown(cache, "aaaa", status=3)["state"] == "damaged"


@pytest.mark.parametrize(
    ("key", "text"),
    [("ffff", "no call"), ("3fa9", "2 keys"), ("simulate", "is a task")],
)
def test_what_is_no_single_call(filled, key, text, capsys):
    """None, several, or a task: said in one line."""
    assert filled.run("show", key) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert text in line


def test_a_call_in_flight(cache, shown):
    """Where it waits is told, and what its array task has printed."""
    cache.in_flight = {"f": ["aaaa"]}
    (cache.root / "runs/abcdefgh.t1.log").write_text("hello\n")
    (cache.root / "runs/abcdefgh.t1.log").chmod(0o600)
    call = shown(cache, "aaaa")
    assert (call["state"], call["job"], call["run"]) == ("queued", "118.1", "abcdefgh")
    assert call["log"] == ["hello"]


def put_with_log(cache, text):
    """Write a result and the log of its array task, as a worker does.

    Its first 100 bytes were not kept, and other calls have printed before and
    after.
    """
    folder = Store.open(cache.root).folder("f")
    about = {"run": "abcdefgh", "job": "118.7"}
    writer = folder.writer("abcdefgh.7", meta=about)
    meta = {**about, "log": (107, 107 + len(text))}
    writer.put(b"\xaa" * 16, b"c0decode", values.encode(1), meta=meta)
    writer.log(b"before\n" + text + b"after\n", meta={**about, "start": 100})
    writer.close()


def test_the_log_kept_with_the_results(cache, capsys):
    """`logs` prints it, escaped; progress bars are left with their last state."""
    put_with_log(cache, b"one\n10%\r20%\r\ntab\there \x1b[31mred")
    assert cache.run("logs", "aaaa") == 0
    assert capsys.readouterr().out == "one\n20%\ntab\there \\x1b[31mred\n"


def test_all_that_an_array_task_has_printed(cache, capsys):
    """`--all` shows what its other calls have printed as well."""
    put_with_log(cache, b"one\n")
    assert cache.run("logs", "aaaa", "--all") == 0
    assert capsys.readouterr().out == "before\none\nafter\n"


def test_another_workers_log_is_not_its_own(cache, capsys):
    """A result whose worker printed nothing has no log."""
    put_with_log(cache, b"one\n")
    cache.put("f", "bbbb")
    assert cache.run("logs", "bbbb") == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "nothing was printed" in captured.err


def test_the_log_of_a_call_that_has_not_begun(cache, capsys):
    """It is empty, since the call waits; who follows it should know."""
    cache.in_flight = {"f": ["aaaa"]}
    assert cache.run("logs", "aaaa") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "waits in the queue" in line


def test_the_log_of_a_failed_array_task(cache, capsys):
    """Where calls failed the log stays beside the run file."""
    (cache.root / "runs/abcdefgh.t7.log").write_text("first\nlast words\nmore\n")
    (cache.root / "runs/abcdefgh.t7.log").chmod(0o600)
    cache.put("f", "aaaa", failed=True, run="abcdefgh", job="118.7", log=(6, 17))
    cache.run("logs", "aaaa")
    assert capsys.readouterr().out == "last words\n"


def test_logs_as_json(cache, capsys):
    """The log as one object, with its control characters in JSON's escapes."""
    put_with_log(cache, b"one\ntwo\n")
    assert cache.run("logs", "aaaa", "--json") == 0
    assert json.loads(capsys.readouterr().out)["log"] == "one\ntwo\n"
