"""What differs between versions of code and between calls, from plain data."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gridtask.printable import arguments_text
from gridtask.why.rules import (
    MAX_CHANGES,
    MAX_DIFF_LINES,
    Change,
    Reason,
    Rule,
    compare_arguments,
    compare_manifests,
    describe_changes,
    find_nearest,
    name_changes,
    split_arguments,
)


def manifest(**texts):
    """Return a manifest with these components; its digests follow the texts."""
    return [(n.replace("__", "."), t.encode(), t) for n, t in texts.items()]


def shown(before, after):
    """Return the changes between two manifests as text."""
    return [str(change) for change in compare_manifests(before, after)]


def test_equal_manifests_have_no_changes():
    """Nothing is said of what is the same."""
    rows = manifest(f="def f(): pass", cfg__A="1")
    assert compare_manifests(rows, list(reversed(rows))) == []


def test_value_is_shown_before_and_after():
    """A short value stands on both sides of an arrow."""
    before, after = manifest(cfg__ALPHA="2", x="1"), manifest(cfg__ALPHA="3", x="1")
    assert shown(before, after) == ["`cfg.ALPHA` 2 → 3"]


def test_source_is_shown_as_a_difference():
    """Of a function the lines that differ are shown, without file names."""
    before = manifest(helpers__scale="def scale(x):\n    return x * 2")
    after = manifest(helpers__scale="def scale(x):\n    return x * 3")
    (text,) = shown(before, after)
    lines = text.splitlines()
    assert lines[0] == "`helpers.scale` changed:"
    assert "    -    return x * 2" in lines
    assert "    +    return x * 3" in lines
    assert not any("---" in line for line in lines)


def test_method_of_one_line_is_source():
    """An indented definition is no value."""
    before = manifest(C__f="    def f(self): return 1")
    after = manifest(C__f="    def f(self): return 2")
    assert shown(before, after)[0].startswith("`C.f` changed:\n")


def test_long_difference_is_cut():
    """The rest of a long difference is counted."""
    body = [f"    a{n} = {{}}" for n in range(100)]
    before = manifest(f="\n".join(["def f():", *(b.format(1) for b in body)]))
    after = manifest(f="\n".join(["def f():", *(b.format(2) for b in body)]))
    (change,) = compare_manifests(before, after)
    assert len(change.diff) == MAX_DIFF_LINES + 1
    assert change.diff[-1].endswith("more lines")


def test_new_and_dropped_components_are_named():
    """What is used now, and what is used no longer."""
    before, after = manifest(f="1", old="def old(): ..."), manifest(f="1", new="7")
    assert shown(before, after) == ["`old` is used no longer", "`new` is new: 7"]


def test_renamed_component_is_no_change_of_content():
    """The same digest under another name is said to be renamed."""
    before, after = manifest(a__scale="def s(): ..."), manifest(b__scale="def s(): ...")
    assert shown(before, after) == ["`a.scale` is called `b.scale` now"]


def test_component_reached_twice_is_told_once():
    """Numbered names of one value are one component."""
    before = [("cfg.A", b"2", "2"), ("cfg.A (2)", b"2", "2")]
    after = [("cfg.A", b"3", "3"), ("cfg.A (2)", b"3", "3")]
    assert shown(before, after) == ["`cfg.A` 2 → 3"]


def test_components_of_one_name_are_paired_by_likeness():
    """Of several lambdas the one that was edited is shown."""
    before = [
        ("<lambda>", b"1", "lambda x: x + 1"),
        ("<lambda> (2)", b"2", "lambda: 0"),
    ]
    after = [("<lambda>", b"2", "lambda: 0"), ("<lambda> (2)", b"3", "lambda x: x + 2")]
    assert shown(before, after) == ["`<lambda>` lambda x: x + 1 → lambda x: x + 2"]
    changed = [
        ("<lambda>", b"9", "lambda: 1"),
        ("<lambda> (2)", b"8", "lambda x: x + 3"),
    ]
    assert shown(before, changed) == [
        "`<lambda>` lambda x: x + 1 → lambda x: x + 3",
        "`<lambda>` lambda: 0 → lambda: 1",
    ]


def test_content_that_the_text_does_not_show():
    """An array of the same shape, and source whose names mean something else."""
    array = "<ndarray of shape (9,)>"
    (change,) = compare_manifests([("X", b"1", array)], [("X", b"2", array)])
    assert str(change) == f"`X` has other content ({array})"
    source = "def f():\n    return g()"
    (change,) = compare_manifests([("f", b"1", source)], [("f", b"2", source)])
    assert "a name in it means something else" in str(change)


def test_control_characters_are_escaped():
    """Source and values of the user never reach the terminal raw."""
    change = Change("x", "'\x1b[31m'", "'\x1b[32m'")
    assert "\x1b" not in str(change)
    change = Change("f", "def f():\n    '\x1b[31m'", "def f():\n    '\x1b[32m'")
    assert "\x1b" not in str(change)


def test_many_changes_are_counted():
    """The first ones are shown, the others counted."""
    changes = [Change(f"x{n}", "1", "2") for n in range(MAX_CHANGES + 3)]
    assert describe_changes(changes)[-1] == "  … and 3 more changes"
    assert name_changes(changes).endswith(f"; and {MAX_CHANGES + 1} more")
    assert name_changes(changes[:1]) == "`x0` 1 → 2"


def test_arguments_are_split_by_the_names_of_the_parameters():
    """Commas and equal signs inside values do not matter."""
    text = "a='x, y=2', b=[1, 2], c={'k': 3}"
    assert split_arguments(text, ["a", "b", "c"]) == {
        "a": "'x, y=2'",
        "b": "[1, 2]",
        "c": "{'k': 3}",
    }


def test_cut_argument_is_left_out():
    """What a text does not say in full is not compared."""
    assert split_arguments("a=1, b='xxxx…", ["a", "b", "c"]) == {"a": "1"}
    assert split_arguments("", ["a"]) == {}


@given(st.dictionaries(st.sampled_from("abcd"), st.integers() | st.booleans()))
def test_split_undoes_the_text(arguments):
    """For plain values the parts are those that the text was made of."""
    expected = {name: repr(value) for name, value in arguments.items()}
    text = arguments_text(arguments)
    found = split_arguments(text, list(arguments))
    assert found == expected or text.endswith("…")


def test_differing_arguments_are_shown():
    """Only those that differ, by value."""
    changes = compare_arguments({"n": "100", "x": "1"}, {"n": "200", "x": "1"})
    assert [str(change) for change in changes] == ["argument `n` 100 → 200"]


def test_arguments_that_look_alike_are_named():
    """Where all texts are equal, those may differ that say little."""
    call = {"n": "100", "x": "array((3,), float64)"}
    (change,) = compare_arguments(call, call)
    assert str(change) == "argument `x` has other content (array((3,), float64))"


def test_nearest_call_differs_least():
    """Of equally near ones the first, which is the latest."""
    calls = [{"a": "1", "b": "9"}, {"a": "1", "b": "2"}, {"a": "7", "b": "2"}]
    assert find_nearest({"a": "1", "b": "2"}, calls) == 1
    assert find_nearest({"a": "1", "b": "3"}, calls) == 0
    assert find_nearest({"a": "1"}, []) is None


def test_reason_reads_as_text():
    """Call, key, the rule's sentence, then the changes."""
    reason = Reason(
        Rule.CODE,
        "f(x=1)",
        "3fa91c02" * 4,
        "the code has changed",
        (Change("a", "1", "2"),),
    )
    assert str(reason) == "f(x=1) [3fa91c02]: the code has changed\n  `a` 1 → 2"
    assert not reason.is_reuse
    assert [rule for rule in Rule if rule.is_reuse] == [
        Rule.RESULT,
        Rule.ACCEPTED,
        Rule.IN_FLIGHT,
    ]
