"""The decorator's options: their names, and what each may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gridtask.errors import ConfigError

if TYPE_CHECKING:  # at run time nobody reads it, and making it takes time
    import os
    from collections.abc import Sequence
    from typing import Literal, TypedDict

    class Options(TypedDict, total=False):
        """The options as type checkers see them; `grid_task` tells of each."""

        cluster_params: str | Sequence[str]
        memory: str
        time: str
        slots: int
        max_running: int
        chunk: int | Literal["auto"]
        retries: int
        escalate: Mapping[str, float]
        ignore: Iterable[str]
        ignore_code: Any
        version: str
        depends: Any
        name: str
        backend: str
        cache_dir: str | os.PathLike[str]
        env: Sequence[str]
        show_args: bool
        mmap: bool


IDENTITY_OPTIONS = ("ignore", "ignore_code", "version", "depends", "name")
"""What belongs to the task alone: it says what a call is, not where it runs."""

SETTINGS = (
    "cluster_params",
    "memory",
    "time",
    "slots",
    "max_running",
    "chunk",
    "retries",
    "escalate",
    "backend",
    "cache_dir",
    "env",
    "show_args",
    "mmap",
)
"""Options that settings files and the environment may give as well."""


_UNKEPT = {
    0x20: ("a generator function: its calls give generators", "return a list"),
    0x80: (
        "an async function: its calls give coroutines",
        "decorate one that calls asyncio.run(...)",
    ),
    0x200: ("an async generator: its calls give such", "return a list"),
}
"""Kinds of functions whose results no cache can hold, by their ``co_flags``."""


def check_function(func: object) -> None:
    """Refuse what cannot be a task.

    Raises
    ------
    TypeError
        If it cannot be called, or what its calls return cannot be kept.
    """
    if not callable(func):
        msg = (
            f"grid_task decorates a function or another callable, not {func!r}; "
            "options are given by keyword: @grid_task(memory='4G')"
        )
        raise TypeError(msg)
    flags = getattr(getattr(func, "__code__", None), "co_flags", 0)
    for flag, (what, remedy) in _UNKEPT.items():
        if flags & flag:
            name = getattr(func, "__qualname__", repr(func))
            msg = f"{name} is {what}, which cannot be kept; {remedy}"
            raise TypeError(msg)


def check_options(options: Mapping[str, Any], *, stacklevel: int) -> dict[str, Any]:
    """Return the options if they can be used.

    Parameters
    ----------
    stacklevel : int
        From here to the user's line, for warnings; 1 is the caller's.

    Raises
    ------
    TypeError
        If an option does not exist.
    ConfigError
        If an option has a value that cannot be used.
    """
    legal = (*SETTINGS, *IDENTITY_OPTIONS)
    unknown = [name for name in options if name not in legal]
    if unknown:
        import difflib

        near = difflib.get_close_matches(unknown[0], legal, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        msg = (
            f"grid_task has no option {unknown[0]!r}{hint} "
            f"The options are {', '.join(legal)}"
        )
        raise TypeError(msg)
    checked = {name: value for name, value in options.items() if value is not None}
    for name in ("version", "name"):
        if name in checked and not (isinstance(checked[name], str) and checked[name]):
            msg = f"{name}={checked[name]!r}: expected a text"
            raise ConfigError(msg)
    for name in ("ignore", "ignore_code", "depends"):
        if name in checked:
            checked[name] = _as_tuple(name, checked[name])
    _check_settings(checked)
    if "cluster_params" in checked:
        import shlex

        from gridtask.backends.cluster_params import split

        # Without those ignored: who checks these again does not warn again.
        words = split(checked["cluster_params"], stacklevel=stacklevel + 1)
        checked["cluster_params"] = (shlex.join(words),) if words else ()
    return checked


def _check_settings(options: Mapping[str, Any]) -> None:
    """Refuse values of settings that cannot be used, before any call is made."""
    given = {name: options[name] for name in SETTINGS if name in options}
    if given:
        from gridtask.config import Settings

        Settings().with_options(**given)


def _as_tuple(name: str, value: Any) -> tuple[Any, ...]:
    """Return one thing, or an iterable of things, as a tuple."""
    if name == "ignore" and isinstance(value, str):
        return (value,)
    # A class may be iterable (an Enum): it is one thing all the same.
    if isinstance(value, str | type) or not isinstance(value, Iterable):
        return (value,)
    items = tuple(value)
    if name == "ignore" and not all(isinstance(item, str) for item in items):
        msg = f"ignore={value!r}: expected names of parameters"
        raise ConfigError(msg)
    return items
