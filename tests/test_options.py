"""The decorator's options."""

from __future__ import annotations

import ast
import enum
import inspect
import linecache
import re
import warnings

import pytest

from gridtask import grid_task, options
from gridtask.backends.cluster_params import split
from gridtask.errors import ConfigError
from gridtask.options import IDENTITY_OPTIONS, SETTINGS, check_options


class Colour(enum.Enum):
    """A class that can be iterated."""

    RED = 1


def check(**options):
    """Check options as a decorator does."""
    return check_options(options, stacklevel=2)


@pytest.mark.parametrize("name", [*SETTINGS, *IDENTITY_OPTIONS])
def test_the_decorator_documents_each_option(name):
    """What is checked and what is documented are the same."""
    assert re.search(rf"^    (\w+, )*{name}\b.* : ", grid_task.__doc__, re.MULTILINE)


def test_type_checkers_know_each_option():
    """And no other: what they are told is made for them alone."""
    tree = ast.parse(inspect.getsource(options))
    known = next(c for c in ast.walk(tree) if isinstance(c, ast.ClassDef))
    names = [n.target.id for n in known.body if isinstance(n, ast.AnnAssign)]
    assert sorted(names) == sorted([*SETTINGS, *IDENTITY_OPTIONS])


def test_an_unknown_option_names_the_legal_ones():
    """With the nearest one, if there is one."""
    with pytest.raises(TypeError, match=r"'memroy'; did you mean 'memory'\? The opt"):
        check(memroy="4G")
    with pytest.raises(TypeError, match=r"'xyzzy'\. The options are cluster_params"):
        check(xyzzy=1)


def test_none_is_not_given():
    """None leaves an option to the settings."""
    assert check(memory=None, version=None) == {}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"version": 2}, "version=2"),
        ({"name": ""}, "name=''"),
        ({"ignore": [1]}, r"ignore=\[1\]: expected names of parameters"),
        ({"memory": "4 GB"}, "4 GB"),
        ({"memory": "4096"}, "'4096' is less than 1M: is its unit missing"),
        ({"memory": "0"}, "less than 1M"),
        ({"time": "0"}, "no time"),
        ({"time": "10:00"}, "10:00"),
        ({"slots": 0}, "slots"),
        ({"chunk": 0}, "chunk"),
        ({"chunk": "some"}, "chunk"),
        ({"retries": -1}, "retries"),
        ({"max_running": True}, "max_running"),
        ({"backend": "slurm"}, "slurm"),
        ({"escalate": {"slots": 2}}, "escalate"),
        ({"escalate": {"memory": 0.5}}, "escalate"),
        ({"cluster_params": "-t 1-5"}, "-t"),
        ({"cluster_params": ["-N name", "-terse"]}, "-N, -terse"),
        ({"cluster_params": "-l 'h_vmem"}, "quot"),
        ({"cluster_params": "h_vmem=4G"}, "expected options of qsub"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_at_once(options, said):
    """Before any call is made, with the value."""
    with pytest.raises(ConfigError, match=said):
        check(**options)


@pytest.mark.parametrize("value", ["verbose", ["verbose"], ("verbose",), {"verbose"}])
def test_ignore_takes_one_name_or_several(value):
    """One name needs no list."""
    assert check(ignore=value)["ignore"] == ("verbose",)


@pytest.mark.parametrize("value", [len, "file:a.txt", Colour, inspect])
def test_one_dependency_needs_no_list(value):
    """Functions, texts, modules and classes are one thing, iterable or not."""
    assert check(depends=value)["depends"] == (value,)
    assert check(depends=[value, value])["depends"] == (value, value)


@pytest.mark.parametrize("option", ["-cwd", "-j y", "-S /bin/bash"])
def test_leftovers_of_pygrid_are_ignored_with_a_warning(option):
    """The warning names the user's line."""
    with pytest.warns(UserWarning, match=r"-\w+ ignored") as caught:
        check(cluster_params=[option])
    (warning,) = caught
    assert warning.filename == __file__
    assert "check(cluster_params=[option])" in linecache.getline(
        __file__, warning.lineno
    )


def test_params_that_were_checked_stay_as_they_are():
    """Quotes survive, and the second look does not warn."""
    with pytest.warns(UserWarning, match="-cwd ignored"):
        first = check(cluster_params=["-cwd", "-l 'a=x y'", "-q long.q"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check(**first) == first
    assert split(first["cluster_params"]) == ("-l", "a=x y", "-q", "long.q")
    with pytest.warns(UserWarning, match="-cwd"):
        assert check(cluster_params="-cwd") == {"cluster_params": ()}


@pytest.mark.parametrize("is_called", [True, False])
def test_the_decorator_warns_once_at_the_users_line(is_called):
    """However it is used."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if is_called:
            grid_task(cluster_params="-cwd")(len)
        else:
            grid_task(len, cluster_params="-cwd")
    assert [warning.filename for warning in caught] == [__file__]


def test_an_iterator_of_names_is_kept():
    """The decorator looks at its options more than once."""

    @grid_task(ignore=iter(["verbose"]))
    def f(x, verbose=False):
        return x

    assert f._options["ignore"] == ("verbose",)


def generate(n):
    """Give a result that no cache can hold."""
    yield n


async def wait_for(n):
    """Give another one."""
    return n


@pytest.mark.parametrize(
    ("func", "said"),
    [(generate, "generator function.*return a list"), (wait_for, r"asyncio\.run")],
)
def test_functions_without_a_result_to_keep_are_refused_at_once(func, said):
    """Before a thousand jobs find out one by one."""
    with pytest.raises(TypeError, match=rf"{func.__name__} is an? .*{said}"):
        grid_task(func)
