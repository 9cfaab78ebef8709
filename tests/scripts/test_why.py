"""Why calls are computed again, and accepted edits, in scripts of their own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HELPERS = """
    def scale(x):
        y = 2
        return x * y
"""

PROGRAM = """
    import sys
    from gridtask import grid_task
    import cfg, helpers

    @grid_task
    def scaled(x, n=100):
        with open("marks", "a") as file:
            file.write(f"{x},{n} ")
        return helpers.scale(x) + cfg.ALPHA + n

    if __name__ == "__main__":
        print(eval(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def on_serial(no_settings, monkeypatch):
    """Compute in the scripts' own processes."""
    monkeypatch.setenv("GRIDTASK_BACKEND", "serial")


@pytest.fixture
def program(project):
    """A script with a task that uses a helper and a constant of other modules."""
    project.write("helpers.py", HELPERS)
    project.write("cfg.py", "ALPHA = 2\n")
    project.write("program.py", PROGRAM)
    return project


def ask(project, expression):
    """Run the script: it prints the value of an expression."""
    return project.run("program.py", expression).stdout.strip()


def edit(project, name, old, new):
    """Replace text in a file of the project."""
    path = project.folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def gridtask(project, *argv):
    """Run the command in the project's folder."""
    return subprocess.run(
        [sys.executable, "-m", "gridtask", *argv],
        cwd=project.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def rule(project, call="scaled.why(1)"):
    """Return the rule that the script gives for a call."""
    return ask(project, f"{call}.rule.value")


def test_result_that_is_there_is_reused(program):
    """The first rule."""
    ask(program, "scaled.map([1])")
    assert rule(program) == "result is there"


def test_edited_helper_is_shown_with_its_difference(program):
    """Two modules away, with the lines that changed."""
    ask(program, "scaled.map([1])")
    edit(program, "helpers.py", "y = 2", "y = 3")
    said = ask(program, "scaled.why(1)").splitlines()
    assert "the code has changed since its result" in said[0]
    assert [line.strip() for line in said[1:]] == [
        "`helpers.scale` changed:",
        "@@ -1,3 +1,3 @@",
        "def scale(x):",
        "-    y = 2",
        "+    y = 3",
        "return x * y",
    ]


def test_changed_global_is_shown_with_both_values(program):
    """A constant of another module."""
    ask(program, "scaled.map([1])")
    edit(program, "cfg.py", "2", "3")
    said = ask(program, "scaled.why(1)")
    assert said.splitlines()[1:] == ["  `cfg.ALPHA` 2 → 3"]


def test_changed_default_is_code_and_argument(program):
    """The call has another argument then, and the function another default."""
    ask(program, "scaled.map([1])")
    edit(program, "program.py", "n=100", "n=200")
    assert rule(program, "scaled.why(1, 100)") == "code changed"
    said = ask(program, "scaled.why(1)")
    assert "argument `n` 100 → 200" in said
    assert "`scaled.n` 100 → 200" in said


def test_changed_argument_names_the_nearest_call(program):
    """Of all earlier calls the one that differs least."""
    ask(program, "scaled.map([1, 2], [50, 100])")
    said = ask(program, "scaled.why(2, 200)")
    assert "the nearest earlier call is scaled(x=2, n=100)" in said
    assert said.splitlines()[1:] == ["  argument `n` 100 → 200"]


def test_renamed_helper_is_named(program):
    """It has another name, and its caller another text."""
    ask(program, "scaled.map([1])")
    edit(program, "helpers.py", "scale", "stretch")
    edit(program, "program.py", "helpers.scale", "helpers.stretch")
    said = ask(program, "scaled.why(1)")
    assert "`helpers.scale` is called `helpers.stretch` now" in said
    assert "+    return helpers.stretch(x)" in said


def test_removed_result_tells_when(program):
    """forget leaves a record of itself."""
    ask(program, "[scaled.map([1]), scaled.forget(1)]")
    assert "its result was removed on 20" in ask(program, "scaled.why(1)")
    assert "1 x result removed on 20" in ask(program, "scaled.plan([1])")
    ask(program, "scaled.map([1])")
    assert rule(program) == "result is there"


def test_failed_call_tells_its_error(program):
    """What failed runs again."""
    ask(program, "scaled.map(['a'], [None], return_exceptions=True)")
    said = ask(program, "scaled.why('a', None)")
    assert "it failed on 20" in said
    assert "TypeError" in said
    assert "1 x failed before" in ask(program, "scaled.plan(['a'], [None])")


def test_other_ignored_parameters_are_told(program):
    """The same code and arguments, but other parameters counted."""
    ask(program, "scaled.map([1])")
    ignoring = "scaled.options(ignore=['n'])"
    assert rule(program, f"{ignoring}.why(1)") == "ignored parameters changed"
    said = ask(program, f"{ignoring}.plan([1])")
    assert "1 x ignored parameters changed" in said


def test_changed_version_is_told(program):
    """A version given by hand stands for the code."""
    ask(program, "scaled.options(version='1').map([1])")
    said = ask(program, "scaled.options(version='2').why(1)")
    assert said.splitlines()[1:] == ["  `version` '1' → '2'"]


def test_first_call_was_never_computed(program):
    """A task without results."""
    assert ask(program, "scaled.why(1)").endswith("scaled has no results yet")
    assert not list(program.folder.glob(".gridtask/f/*/*"))


def test_arguments_that_are_not_kept_are_not_shown(program):
    """show_args=False keeps them out of answers too."""
    hiding = "scaled.options(show_args=False)"
    ask(program, f"{hiding}.map([12345])")
    said = ask(program, f"{hiding}.why(67890)")
    assert "never computed with these arguments" in said
    assert "12345" not in said
    assert "67890" not in said


def test_plan_counts_the_rules(program):
    """Each with the component that changed."""
    ask(program, "scaled.map([1, 2])")
    edit(program, "cfg.py", "2", "3")
    said = ask(program, "scaled.plan([1, 2, 3])")
    assert "  2 x code changed: `cfg.ALPHA` 2 → 3\n" in said
    assert "  1 x never computed with these arguments\n" in said


@pytest.fixture
def waiting(program, monkeypatch):
    """The script with calls that wait, in another process, for a file `go`."""
    monkeypatch.setenv("GRIDTASK_BACKEND", "local")
    edit(
        program,
        "program.py",
        "    with open",
        "    import os, time\n"
        "    while not os.path.exists('go'):\n"
        "        time.sleep(0.02)\n"
        "    with open",
    )
    yield program
    (program.folder / "go").touch()


def test_calls_in_flight_are_told(waiting):
    """They are adopted, not computed again."""
    ask(waiting, "scaled.submit(1).key")
    assert rule(waiting) == "in flight"
    (waiting.folder / "go").touch()
    assert ask(waiting, "scaled.map([1])") == "[104]"


def test_each_version_is_kept_once(program):
    """Reruns, and further calls of the same code, write no other."""
    ask(program, "scaled.map([1])")
    before = sorted(program.folder.glob(".gridtask/f/*/*"))
    ask(program, "scaled.map([1])")
    assert sorted(program.folder.glob(".gridtask/f/*/*")) == before
    ask(program, "[scaled.map([2]), scaled(3)]")
    (kept,) = program.folder.glob(".gridtask/f/*/code.*")
    assert kept in before


def test_direct_call_keeps_its_version(program):
    """A call here is explained like those of a map."""
    ask(program, "scaled(1)")
    edit(program, "cfg.py", "2", "3")
    assert "`cfg.ALPHA` 2 → 3" in ask(program, "scaled.why(1)")


def test_version_kept_by_a_map_has_its_source(program):
    """What the workers ran can be looked at when the run file is gone."""
    ask(program, "scaled.map([1])")
    program.write(
        "look.py",
        """
        from pathlib import Path
        from gridtask.store.store import Store
        from gridtask.why.versions import CodeVersions
        folder = Store.open(Path(".gridtask")).folder("scaled")
        folder.refresh()
        versions = CodeVersions(folder)
        (digest,) = versions.digests()
        version = versions.get(digest)
        print(b"return x * y" in version.snapshot, version.distributions["gridtask"])
        """,
    )
    said = program.run("look.py").stdout.split()
    assert said[0] == "True"
    assert said[1][0].isdigit()


# ------------------------------------------------------------------- accepted edits


@pytest.fixture
def edited(program):
    """The script after an edit: computed before, planned since."""
    ask(program, "scaled.map([1, 2])")
    edit(program, "helpers.py", "y = 2", "y = 1 + 1")
    assert "2 to submit" in ask(program, "scaled.plan([1, 2])")
    return program


def accept(project, *argv):
    """Accept by the command."""
    done = gridtask(project, "accept", "scaled", "--yes", *argv)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_accepted_edit_keeps_the_results(edited):
    """Map, plan, submit and direct calls reuse them; only new calls run."""
    said = accept(edited)
    assert "+    y = 1 + 1" in said
    assert ask(edited, "scaled.map([1, 2, 3])") == "[104, 106, 108]"
    assert ask(edited, "scaled.submit_map([1, 2]).results()") == "[104, 106]"
    assert ask(edited, "scaled(1)") == "104"
    assert "2 cached" in ask(edited, "scaled.plan([1, 2])")
    assert edited.marks() == ["1,100", "2,100", "3,100"]


def test_why_shows_an_accepted_edit(edited):
    """With what was accepted."""
    accept(edited)
    said = ask(edited, "scaled.why(1)")
    assert "is reused: the edit since code" in said
    assert "+    y = 1 + 1" in said
    assert rule(edited) == "accepted"


def test_revoked_edit_counts_again(edited):
    """The results stay, but are those of other code."""
    accept(edited)
    assert "revoked" in accept(edited, "--revoke")
    assert rule(edited) == "code changed"
    ask(edited, "scaled.map([1, 2])")
    assert edited.marks() == ["1,100", "1,100", "2,100", "2,100"]
    assert "nothing was accepted" in accept(edited, "--revoke")


def test_accepted_results_stay_those_of_the_old_code(edited):
    """Back on the old version nothing is lost."""
    accept(edited)
    ask(edited, "scaled.map([1, 2])")
    edit(edited, "helpers.py", "y = 1 + 1", "y = 2")
    assert rule(edited) == "result is there"


def test_another_edit_is_not_accepted(edited):
    """What was accepted is one edit, not all that follow."""
    accept(edited)
    edit(edited, "cfg.py", "2", "5")
    assert rule(edited) == "code changed"
    assert ask(edited, "scaled.map([1])") == "[107]"


def test_two_accepted_edits_add_up(edited):
    """Results count across both."""
    accept(edited)
    edit(edited, "helpers.py", "y = 1 + 1", "y = 4 - 2")
    ask(edited, "scaled.map([3])")
    edit(edited, "helpers.py", "y = 4 - 2", "y = 1 + 1")
    edit(edited, "helpers.py", "y = 1 + 1", "y = 4 - 2")
    accept(edited)
    assert "3 cached" in ask(edited, "scaled.plan([1, 2, 3])")


def test_accepted_calls_in_flight_are_adopted(waiting):
    """What was submitted before the edit is not computed again."""
    (waiting.folder / "go").touch()
    ask(waiting, "scaled.map([1])")
    (waiting.folder / "go").unlink()
    ask(waiting, "scaled.submit(2).key")
    edit(waiting, "helpers.py", "y = 2", "y = 1 + 1")
    ask(waiting, "scaled.plan([1])")
    accept(waiting)
    assert "1 in flight" in ask(waiting, "scaled.plan([1, 2])")
    (waiting.folder / "go").touch()
    assert ask(waiting, "scaled.map([1, 2])") == "[104, 106]"
    assert waiting.marks() == ["1,100", "2,100"]


def test_accepted_results_are_not_stale(edited):
    """ls and rm leave them out, as long as they count."""
    ask(edited, "scaled.map([3])")
    assert len(stale_calls(edited)) == 2
    accept(edited)
    assert stale_calls(edited) == []


def stale_calls(project):
    """Return what `gridtask ls scaled --stale` lists."""
    return gridtask(project, "ls", "scaled", "--stale", "--json").stdout.splitlines()


def test_new_parameter_with_a_default_can_be_accepted(program):
    """Calls that have the default are those from before; others are new."""
    ask(program, "scaled.map([1, 2])")
    edit(program, "program.py", "n=100)", "n=100, b=0)")
    ask(program, "scaled.plan([1])")
    accept(program)
    assert ask(program, "scaled.map([1, 2])") == "[104, 106]"
    assert len(program.marks()) == 2
    ask(program, "scaled.map([{'x': 1, 'b': 1}])")
    assert len(program.marks()) == 3


def test_new_parameter_without_a_default_is_refused(program):
    """Earlier calls did not have it."""
    ask(program, "scaled.map([1, 2])")
    edit(program, "program.py", "(x, n=100)", "(x, b, n=100)")
    ask(program, "scaled.map([1], [2])")
    done = gridtask(program, "accept", "scaled", "--yes")
    assert done.returncode == 1
    assert "only parameters with a default" in done.stderr


def test_refresh_computes_what_was_accepted(edited):
    """Anew means by the code as it is."""
    accept(edited)
    ask(edited, "scaled.map([1, 2], refresh=True)")
    assert len(edited.marks()) == 4
    assert rule(edited) == "result is there"


def test_forgotten_call_is_not_taken_from_accepted_code(edited):
    """forget drops what the next map would reuse."""
    accept(edited)
    assert ask(edited, "scaled.forget(1)") == "True"
    assert ask(edited, "scaled.forget(1)") == "False"
    ask(edited, "scaled.map([1, 2])")
    assert edited.marks() == ["1,100", "1,100", "2,100"]


def test_edit_that_is_not_known_cannot_be_accepted(program):
    """The command says how to make it known."""
    ask(program, "scaled.map([1])")
    done = gridtask(program, "accept", "scaled", "--yes")
    assert done.returncode == 1
    assert ".plan(" in done.stderr


def test_accept_asks_first(edited):
    """Without a terminal and without --yes nothing changes."""
    done = gridtask(edited, "accept", "scaled")
    assert done.returncode == 1
    assert "add --yes" in done.stderr
    assert rule(edited) == "code changed"


def test_versions_can_be_named(edited):
    """By the first digits of their digests."""
    listed = gridtask(edited, "why", "scaled", "--json").stdout.splitlines()
    old, new = (json.loads(line)["code"] for line in listed)
    accept(edited, new[:6], old[:6])
    assert rule(edited) == "code changed"
    accept(edited, old[:6], new[:6])
    assert rule(edited) == "accepted"
    done = gridtask(edited, "accept", "scaled", "--yes", "zz")
    assert done.returncode == 1
    assert old[:8] in done.stderr


# ----------------------------------------------------------------------- the command


def test_command_lists_the_versions_of_a_task(edited):
    """Each with its results and what changed."""
    said = gridtask(edited, "why", "scaled").stdout.splitlines()
    assert said[0].endswith(", 2 results")
    assert "+    y = 1 + 1" in "\n".join(said)
    listed = gridtask(edited, "why", "scaled", "--json").stdout.splitlines()
    first, second = map(json.loads, listed)
    assert (first["results"], second["results"]) == (2, 0)
    assert [change["name"] for change in second["changes"]] == ["helpers.scale"]
    assert second["since"] == first["code"]
    assert first["distributions"]["python"].startswith("3.")


def test_command_explains_a_call(edited):
    """By the code that was used last."""
    key = json.loads(gridtask(edited, "ls", "scaled", "--json").stdout.split("\n")[0])
    said = gridtask(edited, "why", key["key"][:12]).stdout
    assert "the code has changed since its result" in said
    accept(edited)
    row = json.loads(gridtask(edited, "why", key["key"], "--json").stdout)
    assert (row["rule"], row["reused"]) == ("accepted", True)
    ask(edited, "scaled.forget(1)")
    row = json.loads(gridtask(edited, "why", key["key"], "--json").stdout)
    assert row["rule"] in ("result removed", "accepted")


def test_command_knows_a_removed_call(program):
    """As long as the files tell of it."""
    key = ask(program, "[scaled.map([1]), scaled.key(1), scaled.forget(1)][1]")
    row = json.loads(gridtask(program, "why", key[:8], "--json").stdout)
    assert (row["rule"], row["reused"]) == ("result removed", False)


def test_command_does_not_know_every_key(program):
    """Exit status 1, and the key in the message."""
    ask(program, "scaled.map([1])")
    done = gridtask(program, "why", "0bad0bad")
    assert done.returncode == 1
    assert "0bad0bad" in done.stderr


def test_task_of_which_only_code_is_left_is_not_listed(program):
    """What remains of removed results is of no interest to `ls`."""
    ask(program, "scaled.map([1])")
    gridtask(program, "rm", "--older", "0s", "--yes")
    assert gridtask(program, "ls", "--json").stdout == ""


def test_damaged_version_is_no_obstacle(program):
    """Maps go on; what had changed is not known any more."""
    ask(program, "scaled.map([1])")
    (kept,) = program.folder.glob(".gridtask/f/*/code.*")
    content = kept.read_bytes()
    kept.write_bytes(content.replace(b"return x * y", b"return y * x"))
    edit(program, "cfg.py", "2", "3")
    said = ask(program, "scaled.why(1)")
    assert "the code has changed since scaled(x=1, n=100)" in said
    assert "that version was not kept" in said
    assert ask(program, "scaled.map([1])") == "[105]"
    assert gridtask(program, "why", "scaled").returncode == 0
