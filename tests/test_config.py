"""Settings: their layers, their origins, and what is said of mistakes."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from gridtask.backends.site import SiteProfile
from gridtask.config import Loaded, Settings, find_cache, load
from gridtask.errors import ConfigError
from gridtask.settings import RULES, SITE_RULES, resources_of


class World:
    """A home, a project and a working directory two levels below it."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.project = root / "project"
        self.cwd = self.project / "a" / "b"
        self.cwd.mkdir(parents=True)
        self.environ = {"HOME": str(self.home)}

    def write(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def user(self, text: str) -> Path:
        return self.write(self.home / ".config/gridtask/config.toml", text)

    def load(self, **environ: str) -> Loaded:
        return load(self.cwd, {**self.environ, **environ})


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# Layers


def test_defaults_without_any_source(world: World):
    """Nothing is set, nothing has an origin."""
    assert world.load() == Loaded(Settings(), {})


def test_every_setting_has_a_rule():
    """Names, order and defaults of settings and rules agree."""
    assert [*RULES, "site"] == list(Settings._fields)
    assert list(SITE_RULES) == list(SiteProfile._fields)


@pytest.mark.parametrize(
    ("user", "project", "variable", "expected", "origin"),
    [
        (None, None, None, 1, None),
        (2, None, None, 2, "config.toml"),
        (2, 3, None, 3, "gridtask.toml"),
        (None, 3, None, 3, "gridtask.toml"),
        (2, None, 4, 4, "GRIDTASK_SLOTS"),
        (2, 3, 4, 4, "GRIDTASK_SLOTS"),
        (None, 3, 4, 4, "GRIDTASK_SLOTS"),
        (None, None, 4, 4, "GRIDTASK_SLOTS"),
    ],
)
def test_precedence(
    world: World,
    user: int | None,
    project: int | None,
    variable: int | None,
    expected: int,
    origin: str | None,
):
    """Environment, project file, user file, default."""
    if user:
        world.user(f"slots = {user}\n")
    if project:
        world.write(world.project / "gridtask.toml", f"slots = {project}\n")
    loaded = world.load(**({"GRIDTASK_SLOTS": str(variable)} if variable else {}))
    assert loaded.settings.slots == expected
    assert loaded.origins.get("slots", "None").endswith(str(origin))


def test_options_stand_above_everything(world: World):
    """What the decorator or the call says wins; None says nothing."""
    settings = world.load(GRIDTASK_SLOTS="4", GRIDTASK_RETRIES="5").settings
    settings = settings.with_options(slots=8, retries=None, chunk=10)
    assert (settings.slots, settings.retries, settings.chunk) == (8, 5, 10)


def test_layers_are_merged_setting_by_setting(world: World):
    """A project file does not hide what the user file says of other settings."""
    world.user("retries = 7\nslots = 2\n[site]\nmax_array_tasks = 10\n")
    world.write(world.project / "gridtask.toml", "slots = 3\n[site]\nfs_latency = 5\n")
    loaded = world.load()
    assert loaded.settings.retries == 7
    assert loaded.settings.slots == 3
    assert loaded.settings.site == SiteProfile(max_array_tasks=10, fs_latency=5.0)
    assert loaded.origins["site.max_array_tasks"].endswith("config.toml")
    assert loaded.origins["site.fs_latency"].endswith("gridtask.toml")


def test_xdg_config_home(world: World, tmp_path: Path):
    """The user file lies where XDG_CONFIG_HOME says, if that is absolute."""
    world.user("slots = 2\n")
    world.write(tmp_path / "xdg/gridtask/config.toml", "slots = 3\n")
    assert world.load(XDG_CONFIG_HOME=str(tmp_path / "xdg")).settings.slots == 3
    assert world.load(XDG_CONFIG_HOME="xdg").settings.slots == 2


# The project file


def test_nearest_project_file_counts(world: World):
    """A file further up is not read, not even for other settings."""
    world.write(world.project / "gridtask.toml", "slots = 2\nretries = 9\n")
    near = world.write(world.project / "a/gridtask.toml", "slots = 3\n")
    loaded = world.load()
    assert (loaded.settings.slots, loaded.settings.retries) == (3, 1)
    assert loaded.origins == {"slots": str(near)}


def test_table_in_pyproject(world: World):
    """The origin names file and table."""
    path = world.write(
        world.project / "pyproject.toml",
        "[project]\nname = 'x'\n[tool.gridtask]\nbackend = 'local'\n"
        "[tool.gridtask.site]\nslots = '-pe threads {slots}'\n",
    )
    loaded = world.load()
    assert loaded.settings.backend == "local"
    assert loaded.settings.site.slots == "-pe threads {slots}"
    assert loaded.origins["backend"] == f"{path} [tool.gridtask]"


@pytest.mark.parametrize(
    "text",
    [
        "[project]\nname = 'x'\n",
        "[project]\nname = 'uses-gridtask'\n",
        "[project]\nname = broken\n",
        "tool = 'gridtask'\n",
    ],
)
def test_pyproject_of_something_else_is_passed_over(world: World, text: str):
    """The search goes on upward past projects that do not mention the table."""
    world.write(world.cwd / "pyproject.toml", text)
    world.write(world.project / "pyproject.toml", "[tool.gridtask]\nslots = 3\n")
    assert world.load().settings.slots == 3


def test_gridtask_toml_is_stronger_than_pyproject_beside_it(world: World):
    """Of two files in one folder the specific one counts."""
    world.write(world.cwd / "pyproject.toml", "[tool.gridtask]\nslots = 3\n")
    world.write(world.cwd / "gridtask.toml", "slots = 4\n")
    assert world.load().settings.slots == 4


def test_paths_are_relative_to_their_file(world: World):
    """A project file means the same from every folder below it."""
    world.write(
        world.project / "gridtask.toml",
        "cache_dir = 'cache'\nthird_party = ['lib', '/opt/lib']\n",
    )
    settings = world.load().settings
    assert settings.cache_dir == world.project / "cache"
    assert settings.third_party == (str(world.project / "lib"), "/opt/lib")


def test_file_that_another_user_put_into_a_public_folder_is_not_read(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """Settings become options of the user's jobs: not from anybody in /tmp."""
    world.write(world.project / "gridtask.toml", "slots = 3\n")
    world.write(world.project / "pyproject.toml", "[tool.gridtask]\nslots = 4\n")
    (world.project / ".gridtask").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(Path, "stat", owned_by(54321))
    assert world.load().settings.slots == 3
    world.project.chmod(0o1777)
    with pytest.warns(UserWarning, match="uid 54321"):
        assert world.load().settings.slots == 1
    with pytest.warns(UserWarning, match=r"ignoring .*\.gridtask'"):
        assert find_cache(world.cwd, Settings()) == world.cwd / ".gridtask"


def owned_by(uid: int) -> Callable[[Path], os.stat_result]:
    def stat(path: Path, _stat=os.stat) -> os.stat_result:
        result = list(_stat(path))
        result[4] = uid
        return os.stat_result(result)

    return stat


# The environment


@pytest.mark.parametrize(
    ("variable", "text", "name", "expected"),
    [
        ("GRIDTASK_BACKEND", "serial", "backend", "serial"),
        ("GRIDTASK_CACHE", "/scratch/c", "cache_dir", Path("/scratch/c")),
        (
            "GRIDTASK_CLUSTER_PARAMS",
            "-l h_vmem=4G -q 'a b'; -P x;",
            "cluster_params",
            ("-l h_vmem=4G -q 'a b'", "-P x"),
        ),
        ("GRIDTASK_MEMORY", "4G", "memory", "4G"),
        ("GRIDTASK_TIME", "00:30:00", "time", "00:30:00"),
        ("GRIDTASK_MAX_RUNNING", "10", "max_running", 10),
        ("GRIDTASK_CHUNK", "auto", "chunk", "auto"),
        ("GRIDTASK_CHUNK", "7", "chunk", 7),
        ("GRIDTASK_RETRIES", "0", "retries", 0),
        ("GRIDTASK_ESCALATE", "memory=2, time=1.5", "escalate", None),
        ("GRIDTASK_ENV", "A,B C", "env", ("A", "B", "C")),
        ("GRIDTASK_THIRD_PARTY", "/a:/b", "third_party", ("/a", "/b")),
        ("GRIDTASK_SHOW_ARGS", "0", "show_args", False),
        ("GRIDTASK_SHOW_ARGS", "True", "show_args", True),
        ("GRIDTASK_MMAP", "1", "mmap", True),
    ],
)
def test_variables(world: World, variable: str, text: str, name: str, expected: object):
    """Each setting has a variable, and a way to write it in one text."""
    loaded = world.load(**{variable: text})
    if name == "escalate":
        expected = {"memory": 2.0, "time": 1.5}
    assert getattr(loaded.settings, name) == expected
    assert loaded.origins == {name: variable}


def test_relative_cache_in_the_environment_is_below_the_working_directory(world: World):
    """As a shell would have it."""
    settings = world.load(GRIDTASK_CACHE="../c").settings
    assert settings.cache_dir == world.cwd.parent / "c"


def test_empty_variable_is_not_set(world: World):
    """GRIDTASK_BACKEND= switches back to the weaker layers."""
    assert world.load(GRIDTASK_BACKEND="", GRIDTASK_FOO="") == Loaded(Settings(), {})


def test_variables_of_gridtask_that_are_not_settings(world: World):
    """What workers, tests and debugging use is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        world.load(
            GRIDTASK_DEBUG="1",
            GRIDTASK_NESTED="allow",
            GRIDTASK_TASK_ID="3",
            GRIDTASK_JOB_ID="1-2-3",
            GRIDTASK_WORKER="1",
            GRIDTASK_REQUIRE_CLUSTER="1",
        )


@pytest.mark.parametrize(
    ("variable", "near"),
    [("GRIDTASK_BACKND", "GRIDTASK_BACKEND"), ("GRIDTASK_CACHE_DIR", "GRIDTASK_CACHE")],
)
def test_unknown_variable_is_a_warning_with_the_near_name(
    world: World, variable: str, near: str
):
    """Somebody else's variable must not stop a script."""
    with pytest.warns(UserWarning, match=f"{variable} .*did you mean {near}"):
        assert world.load(**{variable: "x"}).settings == Settings()


def test_mistakes_in_the_environment_are_told_at_once(world: World):
    """Each names variable, value and what is legal."""
    with pytest.raises(ConfigError) as caught:
        world.load(
            GRIDTASK_BACKEND="slurm",
            GRIDTASK_SLOTS="four",
            GRIDTASK_SHOW_ARGS="maybe",
            GRIDTASK_ESCALATE="memory",
            GRIDTASK_CLUSTER_PARAMS="-q 'x",
        )
    text = str(caught.value)
    assert "GRIDTASK_BACKEND = 'slurm': expected one of auto, gridengine" in text
    assert "GRIDTASK_SLOTS = 'four': expected a whole number from 1" in text
    assert "GRIDTASK_SHOW_ARGS = 'maybe': expected true or false" in text
    assert "GRIDTASK_ESCALATE = 'memory': expected a table" in text
    assert "(No closing quotation)" in text


# Mistakes in files


def test_all_mistakes_of_a_file_are_told_at_once(world: World):
    """Each names the key, the value, what is legal or the nearest legal name."""
    path = world.write(
        world.project / "gridtask.toml",
        "backnd = 'local'\nslots = true\nqwertyuiop = 1\n"
        "[site]\nfs_latncy = 3\nmemory = '-l h_vmem={mem}'\nfs_latency = -1\n",
    )
    with pytest.raises(ConfigError) as caught:
        world.load()
    first, *lines = str(caught.value).splitlines()
    assert first == f"{path} cannot be used:"
    assert [line.strip() for line in lines] == [
        "backnd: there is no such setting; did you mean backend?",
        "slots = True: expected a whole number from 1",
        f"qwertyuiop: there is no such setting; legal: {', '.join(sorted(LEGAL))}",
        "site.fs_latncy: there is no such setting; did you mean site.fs_latency?",
        "site.memory = '-l h_vmem={mem}': expected options of qsub with"
        " {memory_per_slot} or {memory} (nothing stands for {mem})",
        "site.fs_latency = -1: expected a number of seconds from 0",
    ]


LEGAL = set(Settings._fields)


@pytest.mark.parametrize(
    "text",
    [
        "backend = 3",
        "cache_dir = ''",
        "cluster_params = [1]",
        "cluster_params = ['-q \"x']",
        "memory = 4",
        "memory = 'lots'",
        "time = 'tomorrow'",
        "slots = 0",
        "slots = 1.5",
        "max_running = 0",
        "chunk = 'big'",
        "chunk = 0",
        "retries = -1",
        "escalate = {slots = 2}",
        "escalate = {memory = 0.5}",
        "escalate = {memory = inf}",
        "env = ['A=1']",
        "env = 3",
        "third_party = 3",
        "show_args = 'yes'",
        "site = 3",
        "site.max_array_tasks = 0",
        "site.slots = '-pe smp {'",
        "site.time = ''",
        "site.fs_latency = true",
    ],
)
def test_values_that_cannot_be_used(world: World, text: str):
    """A wrong type or range is an error that names the setting and the value."""
    world.write(world.project / "gridtask.toml", text)
    with pytest.raises(
        ConfigError, match=r"gridtask\.toml cannot be used:\n.* = .*: exp"
    ):
        world.load()


def test_table_that_is_none(world: World):
    """A value where the table of settings should be is named."""
    world.write(world.project / "pyproject.toml", "[tool]\ngridtask = 3\n")
    with pytest.raises(ConfigError, match=r"pyproject\.toml \[tool\.gridtask\] is 3"):
        world.load()


def test_file_that_is_not_toml(world: World):
    """The error names the file and the line."""
    path = world.user("a = 1\nslots = \n")
    with pytest.raises(ConfigError, match=r"not valid TOML.*line 2") as caught:
        world.load()
    assert str(path) in str(caught.value)


def test_file_that_cannot_be_read(world: World):
    """A user file out of reach is not silently left out."""
    path = world.user("slots = 2")
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError, match=r"config\.toml' cannot be read"):
        world.load()


# Options


def test_unknown_option_names_the_legal_ones():
    """A misspelt option is an error of the call."""
    with pytest.raises(TypeError, match=r"unknown option 'slot'; legal.* slots"):
        Settings().with_options(slot=3)


def test_options_that_cannot_be_used():
    """All wrong values are told at once."""
    with pytest.raises(ConfigError, match=r"slots = 0.*\n.*chunk = 'x'"):
        Settings().with_options(slots=0, chunk="x")


def test_options_may_be_python_values(tmp_path: Path):
    """Tuples, paths and single texts stand for lists and texts."""
    settings = Settings().with_options(
        cluster_params="-q long.q", cache_dir=tmp_path, env=("A",)
    )
    assert settings.cluster_params == ("-q long.q",)
    assert settings.cache_dir == tmp_path
    assert settings.env == ("A",)


def test_cluster_params_may_be_none_at_all():
    """An empty list adds nothing; scripts may build theirs."""
    assert Settings().with_options(cluster_params=[]).cluster_params == ()


def test_cluster_params_of_all_layers_are_kept_in_order(world: World):
    """Which of two counts is for the scheduler's adapter, by resource."""
    user = world.user("cluster_params = ['-P x', '-q long.q']")
    loaded = world.load(GRIDTASK_CLUSTER_PARAMS="-q short.q")
    settings = loaded.settings.with_options(cluster_params=["-l h_rt=1:0:0"])
    assert settings.cluster_params == (
        "-P x",
        "-q long.q",
        "-q short.q",
        "-l h_rt=1:0:0",
    )
    assert loaded.origins["cluster_params"] == f"{user} + GRIDTASK_CLUSTER_PARAMS"


def test_later_native_option_takes_the_place_of_a_structured_one():
    """Per resource the later layer wins, however it is written."""
    settings = Settings().with_options(memory="4G", time="1:0:0", slots=4)
    settings = settings.with_options(cluster_params="-l mem_free=1G,h_vmem=8G")
    assert (settings.memory, settings.time, settings.slots) == (None, "1:0:0", 4)
    settings = settings.with_options(cluster_params="-pe mpi 2", time="2:0:0")
    assert (settings.time, settings.slots) == ("2:0:0", 1)
    assert settings.with_options(memory="2G").memory == "2G"


def test_native_option_is_known_by_the_sites_spelling():
    """The site profile says which resource `memory` is."""
    site = SiteProfile(memory="-l mem_free={memory}")
    settings = Settings(site=site, memory="4G")
    assert settings.with_options(cluster_params="-l h_vmem=8G").memory == "4G"
    assert settings.with_options(cluster_params="-l mem_free=8G").memory is None


def test_resources_of_native_options():
    """Resources and other options are told apart."""
    options = ["-l h_vmem=4G,gpu -q 'a.q,b.q'", "-l h_rt=1:0:0", "-R y", "-l"]
    assert resources_of(options) >= {"-l h_vmem", "-l gpu", "-l h_rt", "-q", "-R"}


# The cache folder


def test_cache_folder_is_the_nearest_upward(world: World):
    """Scripts and the command find the same one from anywhere in a project."""
    assert find_cache(world.cwd, Settings()) == world.cwd / ".gridtask"
    (world.project / ".gridtask").mkdir()
    assert find_cache(world.cwd, Settings()) == world.project / ".gridtask"
    world.write(world.project / "a/.gridtask", "a file is no cache folder")
    assert find_cache(world.cwd, Settings()) == world.project / ".gridtask"
    (world.cwd / ".gridtask").mkdir()
    assert find_cache(world.cwd, Settings()) == world.cwd / ".gridtask"


def test_cache_folder_that_is_set(world: World):
    """A set folder is used wherever the script runs."""
    (world.cwd / ".gridtask").mkdir()
    settings = world.load(GRIDTASK_CACHE="/scratch/me").settings
    assert find_cache(world.cwd, settings) == Path("/scratch/me")


def test_toml_is_imported_only_for_a_file(world: World):
    """A rerun without settings files does not pay for the parser."""
    world.write(world.project / "pyproject.toml", "[project]\nname = 'x'\n")
    code = (
        "import sys; from pathlib import Path; from gridtask.config import load\n"
        "load(Path.cwd(), {'HOME': '/nowhere'})\n"
        "print([name for name in ('tomllib', 'difflib') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=world.cwd,
    )
    assert done.stdout == "[]\n"
