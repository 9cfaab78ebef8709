"""What each setting may be, and how it is written in the environment."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

BACKENDS = ("auto", "gridengine", "local", "serial")
_LEAST_MEMORY = 2**20


class Rule(NamedTuple):
    """What one setting may be.

    Attributes
    ----------
    expected : str
        What is legal, for messages: "expected ...".
    check : callable
        ``check(value, base)`` returns the value as `Settings` holds it, or
        raises ValueError with a reason that `expected` does not give. `base`
        is the folder that relative paths are relative to.
    read : callable
        Returns the value that the text of an environment variable means.
    """

    expected: str
    check: Callable[[object, Path], object]
    read: Callable[[str], object] = str


def _text(value: object, base: Path) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def _backend(value: object, base: Path) -> str:
    if value not in BACKENDS:
        raise ValueError
    return str(value)


def _path(value: object, base: Path) -> Path:
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ValueError
    # Not resolved: a path through a link is the name that the user gave.
    return Path(os.path.normpath(base / os.path.expanduser(value)))


def _texts(value: object, base: Path) -> tuple[str, ...]:
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise ValueError
    return tuple(_text(item, base) for item in items)


def _names(value: object, base: Path) -> tuple[str, ...]:
    names = _texts(value, base)
    if bad := [name for name in names if "=" in name or " " in name]:
        msg = f"{bad[0]!r} is not a name"
        raise ValueError(msg)
    return names


def _paths(value: object, base: Path) -> tuple[str, ...]:
    return tuple(str(_path(item, base)) for item in _texts(value, base))


def _native_options(value: object, base: Path) -> tuple[str, ...]:
    options = _texts(value, base)
    resources_of(options)
    return options


def _whole_number(value: object, smallest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < smallest:
        raise ValueError
    return value


def _positive(value: object, base: Path) -> int:
    return _whole_number(value, 1)


def _not_negative(value: object, base: Path) -> int:
    return _whole_number(value, 0)


def _chunk(value: object, base: Path) -> int | str:
    return "auto" if value == "auto" else _whole_number(value, 1)


def _memory(value: object, base: Path) -> str:
    from gridtask.units import parse_memory

    text = _text(value, base)
    if parse_memory(text) < _LEAST_MEMORY:
        msg = f"{text!r} is less than 1M: is its unit missing?"
        raise ValueError(msg)
    return text


def _time(value: object, base: Path) -> str:
    from gridtask.units import parse_time

    text = _text(value, base)
    if not parse_time(text):
        msg = "nothing can run in no time"
        raise ValueError(msg)
    return text


def _flag(value: object, base: Path) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _number(value: object, smallest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    if not (math.isfinite(value) and value >= smallest):
        raise ValueError
    return float(value)


def _seconds(value: object, base: Path) -> float:
    return _number(value, 0.0)


def _factors(value: object, base: Path) -> dict[str, float]:
    if not isinstance(value, Mapping) or not value.keys() <= {"memory", "time"}:
        raise ValueError
    return {name: _number(factor, 1.0) for name, factor in value.items()}


def _template(*names: str) -> Callable[[object, Path], str]:
    """Return a check of native options with the placeholders `names`."""

    def check(value: object, base: Path) -> str:
        from string import Formatter

        text = _text(value, base)
        placeholders = [name for _, name, _, _ in Formatter().parse(text)]
        if bad := [name for name in placeholders if name not in (None, *names)]:
            msg = f"nothing stands for {{{bad[0]}}}"
            raise ValueError(msg)
        resources_of((text,))
        return text

    return check


def _read_number(text: str) -> object:
    try:
        return int(text)
    except ValueError:
        return text


def _read_flag(text: str) -> object:
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False}
    return {**words, "no": False}.get(text.lower(), text)


def _read_names(text: str) -> object:
    return text.replace(",", " ").split()


def _read_options(text: str) -> object:
    return [option.strip() for option in text.split(";") if option.strip()]


def _read_paths(text: str) -> object:
    return [path for path in text.split(os.pathsep) if path]


def _read_factors(text: str) -> object:
    pairs = [pair.partition("=") for pair in text.replace(",", " ").split()]
    return {name: float(factor) for name, _, factor in pairs}


RULES: Mapping[str, Rule] = {
    "backend": Rule("one of " + ", ".join(BACKENDS), _backend),
    "cache_dir": Rule("the path of a folder", _path),
    "cluster_params": Rule(
        "options of qsub as a list of texts, such as ['-l h_vmem=4G']",
        _native_options,
        _read_options,
    ),
    "memory": Rule("a text such as '4G'", _memory),
    "time": Rule("a text such as '00:30:00' or '30m'", _time),
    "slots": Rule("a whole number from 1", _positive, _read_number),
    "max_running": Rule("a whole number from 1", _positive, _read_number),
    "chunk": Rule("a whole number from 1, or 'auto'", _chunk, _read_number),
    "retries": Rule("a whole number from 0", _not_negative, _read_number),
    "escalate": Rule(
        "a table of factors from 1 for memory and time, such as {memory = 2}",
        _factors,
        _read_factors,
    ),
    "env": Rule("a list of names of environment variables", _names, _read_names),
    "third_party": Rule("a list of paths", _paths, _read_paths),
    "show_args": Rule("true or false", _flag, _read_flag),
    "mmap": Rule("true or false", _flag, _read_flag),
}
"""The settings but for the site profile, in the order in which they are shown."""

SITE_RULES: Mapping[str, Rule] = {
    "memory": Rule(
        "options of qsub with {memory_per_slot} or {memory}",
        _template("memory_per_slot", "memory"),
    ),
    "time": Rule("options of qsub with {time}", _template("time")),
    "slots": Rule("options of qsub with {slots}", _template("slots")),
    "max_array_tasks": Rule("a whole number from 1", _positive),
    "fs_latency": Rule("a number of seconds from 0", _seconds),
}
"""The parts of ``[site]``: fields of `gridtask.backends.base.SiteProfile`."""


def resources_of(options: Iterable[str]) -> frozenset[str]:
    """Return what native options set: ``"-l h_vmem"``, ``"-pe"``, ``"-q"``.

    Raises
    ------
    ValueError
        If an option is not quoted as a shell would have it.
    """
    import shlex

    names: set[str] = set()
    words = [word for option in options for word in shlex.split(option)]
    for word, following in itertools.pairwise([*words, ""]):
        if word == "-l":
            parts = following.split(",")
            names.update(f"-l {part.partition('=')[0]}" for part in parts)
        elif word.startswith("-"):
            names.add(word)
    return frozenset(names)
