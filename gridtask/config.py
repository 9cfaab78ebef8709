"""Settings: what holds where the code says nothing, and where it was said.

Layers, the strongest first: ``GRIDTASK_*`` environment variables,
``gridtask.toml`` or ``[tool.gridtask]`` in ``pyproject.toml`` (nearest upward
from the working directory), the user's ``~/.config/gridtask/config.toml``,
defaults. The decorator and the call stand above all of them, by
`Settings.with_options`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gridtask.backends.site import SiteProfile
from gridtask.errors import ConfigError, warn
from gridtask.settings import RULES, SITE_RULES, Rule, resources_of

PREFIX = "GRIDTASK_"

CACHE_NAME = ".gridtask"
"""Name of the cache folder where none is set."""

OTHER_VARIABLES = frozenset(
    PREFIX + name
    for name in ("DEBUG", "JOB_ID", "NESTED", "REQUIRE_CLUSTER", "TASK_ID", "WORKER")
)
"""Environment variables of gridtask that are not settings."""


class Settings(NamedTuple):
    """What holds for a task where neither decorator nor call say otherwise.

    Attributes
    ----------
    backend : str
        ``"auto"``, ``"gridengine"``, ``"local"`` or ``"serial"``.
    cache_dir : Path or None
        Absolute path of the cache folder; None to look for it.
    cluster_params : tuple of str
        Native options of all layers, the weakest first, not yet split.
    memory, time : str or None
        Of one array task, such as ``"4G"`` and ``"00:30:00"``. Where they are
        set, they are stronger than `cluster_params`.
    slots : int
        Processor slots of one array task.
    max_running : int or None
        Array tasks at a time.
    chunk : int or "auto"
        Calls per array task.
    retries : int
        Attempts after the first.
    escalate : dict of str to float
        Factors for ``"memory"`` and ``"time"`` of the next attempt.
    env : tuple of str
        Names of environment variables that travel to the workers.
    third_party : tuple of str
        Absolute paths of code that is not the user's own.
    show_args : bool
        Whether texts of the arguments may be kept in the cache.
    mmap : bool
        Whether large results are read as private views of their files.
    site : SiteProfile
        How the site spells resources.
    """

    backend: str = "auto"
    cache_dir: Path | None = None
    cluster_params: tuple[str, ...] = ()
    memory: str | None = None
    time: str | None = None
    slots: int = 1
    max_running: int | None = None
    chunk: int | Literal["auto"] = "auto"
    retries: int = 1
    escalate: Mapping[str, float] = {}
    env: tuple[str, ...] = ()
    third_party: tuple[str, ...] = ()
    show_args: bool = True
    mmap: bool = False
    site: SiteProfile = SiteProfile()

    def with_options(self, **options: object) -> Settings:
        """Return these settings under a stronger layer of options.

        Options that are None count as not given. `cluster_params` are added
        behind the weaker ones; a resource named there takes the place of a
        weaker layer's `memory`, `time` or `slots` for it.

        Raises
        ------
        TypeError
            If an option is none of the settings.
        ConfigError
            If a value cannot be used; names all that cannot.
        """
        if unknown := sorted(set(options) - set(RULES)):
            msg = f"unknown option {unknown[0]!r}; legal options: {', '.join(RULES)}"
            raise TypeError(msg)
        given = {name: value for name, value in options.items() if value is not None}
        mistakes: list[str] = []
        values = _check(given, RULES, Path.cwd(), mistakes)
        _raise_for("these options", mistakes)
        return _overlay(self, values)


class Loaded(NamedTuple):
    """Settings and their origins.

    Attributes
    ----------
    origins : dict of str to str
        Where a setting was set, by name (``"site.memory"`` for the parts of
        the site profile); those at their defaults are not in it.
    """

    settings: Settings
    origins: dict[str, str]


class _Layer(NamedTuple):
    origin: Mapping[str, str]
    values: dict[str, Any]
    site: dict[str, Any]


def load(cwd: Path, environ: Mapping[str, str]) -> Loaded:
    """Return the settings that hold in `cwd` under the environment `environ`.

    Raises
    ------
    ConfigError
        If a file or a variable has mistakes; names all of that source.

    Warns
    -----
    UserWarning
        For a variable ``GRIDTASK_...`` that means nothing, and for a settings
        file that is not read because anybody could have put it there.
    """
    layers = [
        layer
        for layer in (
            _user_layer(environ),
            _project_layer(cwd.absolute()),
            _environment_layer(cwd.absolute(), environ),
        )
        if layer is not None
    ]
    origins: dict[str, str] = {}
    site: dict[str, Any] = {}
    for layer in layers:
        site.update(layer.site)
    settings = Settings(site=SiteProfile(**site))
    for layer in layers:
        settings = _overlay(settings, layer.values)
        for name in (*layer.values, *(f"site.{part}" for part in layer.site)):
            if name == "cluster_params" and name in origins:
                origins[name] += f" + {layer.origin[name]}"
            else:
                origins[name] = layer.origin[name]
    return Loaded(settings, origins)


def find_cache(cwd: Path, settings: Settings) -> Path:
    """Return the cache folder that holds in `cwd`; it need not exist.

    The one that is set; else ``.gridtask`` in the nearest folder upward from
    `cwd` that has one, else in `cwd`.
    """
    if settings.cache_dir is not None:
        return settings.cache_dir
    cwd = cwd.absolute()
    for folder in (cwd, *cwd.parents):
        candidate = folder / CACHE_NAME
        if os.path.isdir(candidate) and _is_trusted(candidate):
            return candidate
    return cwd / CACHE_NAME


def _overlay(settings: Settings, values: dict[str, Any]) -> Settings:
    """Put checked values above settings."""
    values = dict(values)
    if "cluster_params" in values:
        added: tuple[str, ...] = values["cluster_params"]
        values["cluster_params"] = settings.cluster_params + added
        for name in ("memory", "time", "slots"):
            default = Settings._field_defaults[name]
            if name in values or getattr(settings, name) == default:
                continue
            template = getattr(settings.site, name)
            if resources_of((template,)) & resources_of(added):
                values[name] = default
    return settings._replace(**values)


def _user_layer(environ: Mapping[str, str]) -> _Layer | None:
    base = environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(base):  # to be ignored, says the XDG specification 0.8
        base = os.path.join(environ.get("HOME") or Path.home(), ".config")
    path = Path(base) / "gridtask" / "config.toml"
    data = _read(path)
    return None if data is None else _file_layer(path, _parse(path, data), str(path))


def project_file(cwd: Path) -> Path | None:
    """Return the nearest file upward from `cwd` that holds settings, if any."""
    found = _find_project(cwd.absolute())
    return found[0] if found is not None else None


def _project_layer(cwd: Path) -> _Layer | None:
    found = _find_project(cwd)
    if found is None:
        return None
    path, table = found
    is_own = path.name == "gridtask.toml"
    return _file_layer(path, table, str(path) if is_own else f"{path} [tool.gridtask]")


def _find_project(cwd: Path) -> tuple[Path, object] | None:
    """Read the nearest project file upward from `cwd` that speaks of gridtask."""
    for folder in (cwd, *cwd.parents):
        path = folder / "gridtask.toml"
        data = _read(path)
        if data is not None and _is_trusted(path):
            return path, _parse(path, data)
        path = folder / "pyproject.toml"
        data = _read(path)
        # Looked at first: most do not, and the parser takes time to import.
        if data is None or b"gridtask" not in data or not _is_trusted(path):
            continue
        tools = _parse(path, data).get("tool")
        if isinstance(tools, dict) and "gridtask" in tools:
            return path, tools["gridtask"]
    return None


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        msg = (
            f"the settings in {str(path)!r} cannot be read: {error.strerror};"
            " make the file readable or remove it"
        )
        raise ConfigError(msg) from error


def _parse(path: Path, data: bytes) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{str(path)!r} is not valid TOML: {error}"
        raise ConfigError(msg) from error


def _is_trusted(path: Path) -> bool:
    """Tell whether nobody but its owner can have put a file where it is.

    Settings become options of the user's jobs: one in /tmp must not come from
    another user.
    """
    owner = path.stat().st_uid
    if owner in (0, os.geteuid()) or not path.parent.stat().st_mode & 0o002:
        return True
    msg = (
        f"ignoring {str(path)!r}: it belongs to another user (uid {owner}) in a"
        " folder where everybody may write"
    )
    warn(msg, UserWarning)
    return False


def _file_layer(path: Path, table: object, origin: str) -> _Layer:
    if not isinstance(table, dict):
        msg = f"{origin} is {table!r}; expected a table of settings"
        raise ConfigError(msg)
    table = dict(table)
    mistakes: list[str] = []
    site = table.pop("site", {})
    if not isinstance(site, dict):
        mistakes.append(f"site = {site!r}: expected a table")
        site = {}
    values = _check(table, RULES, path.parent, mistakes, extra=("site",))
    parts = _check(site, SITE_RULES, path.parent, mistakes, prefix="site.")
    _raise_for(origin, mistakes)
    names = (*values, *(f"site.{part}" for part in parts))
    return _Layer(dict.fromkeys(names, origin), values, parts)


def _environment_layer(cwd: Path, environ: Mapping[str, str]) -> _Layer:
    variables = {_variable(name): name for name in RULES}
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for variable in sorted(environ):
        text = environ[variable]
        if not variable.startswith(PREFIX) or variable in OTHER_VARIABLES or not text:
            continue
        if variable not in variables:
            near = _nearest(variable, (*variables, *OTHER_VARIABLES))
            msg = f"the environment variable {variable} means nothing to gridtask{near}"
            warn(msg, UserWarning)
            continue
        name = variables[variable]
        rule = RULES[name]
        try:
            values[name] = rule.check(rule.read(text), cwd)
        except ValueError as error:
            mistakes.append(_mistake(variable, text, rule, error))
    _raise_for("the environment", mistakes)
    return _Layer({name: _variable(name) for name in values}, values, {})


def _variable(name: str) -> str:
    return PREFIX + ("CACHE" if name == "cache_dir" else name.upper())


def _check(
    table: Mapping[str, object],
    rules: Mapping[str, Rule],
    base: Path,
    mistakes: list[str],
    *,
    prefix: str = "",
    extra: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the checked values of a table; what is wrong goes to `mistakes`."""
    values = {}
    for name, value in table.items():
        rule = rules.get(name)
        if rule is None:
            near = _nearest(name, (*rules, *extra), prefix)
            mistakes.append(f"{prefix}{name}: there is no such setting{near}")
            continue
        try:
            values[name] = rule.check(value, base)
        except ValueError as error:
            mistakes.append(_mistake(prefix + name, value, rule, error))
    return values


def _mistake(name: str, value: object, rule: Rule, error: ValueError) -> str:
    reason = f" ({error})" if str(error) else ""
    return f"{name} = {value!r}: expected {rule.expected}{reason}"


def _nearest(name: str, legal: Iterable[str], prefix: str = "") -> str:
    import difflib

    legal = sorted(legal)
    if near := difflib.get_close_matches(name, legal, n=1):
        return f"; did you mean {prefix}{near[0]}?"
    return f"; legal: {', '.join(prefix + each for each in legal)}"


def _raise_for(source: str, mistakes: list[str]) -> None:
    if mistakes:
        lines = "".join(f"\n  {mistake}" for mistake in mistakes)
        msg = f"{source} cannot be used:{lines}"
        raise ConfigError(msg)
