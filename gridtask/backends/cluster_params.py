"""Cluster params: native qsub options, split into words and merged in layers.

Options pass verbatim. Only what they mean for `memory`, `time` and `slots` is
understood, by way of the site profile: whether a resource is asked for raw
(``-l h_vmem=4G``) or structured (``memory="4G"``), the later layer wins.

References
----------
qsub(1) and sge_types(5), Son of Grid Engine 8.1.9.
"""

from __future__ import annotations

import math
import re
import shlex
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from gridtask.backends.site import SiteProfile
from gridtask.errors import ConfigError
from gridtask.units import format_memory, format_time, parse_memory, parse_time

REFUSED = ("-t", "-N", "-sync", "-terse", "-now", "-b", "-shell", "-o", "-e", "-wd")
"""Options that gridtask sets itself."""

IGNORED = ("-cwd", "-j", "-S")
"""Options that PyGrid's users have; gridtask does by itself what they are for."""

_MODAL = ("-q", "-masterq")
"""Options besides ``-l`` to which ``-soft`` and ``-hard`` apply."""

_VALUED = frozenset(
    [
        *("-a", "-A", "-ac", "-binding", "-c", "-ckpt", "-dl", "-hold_jid", "-js"),
        *("-hold_jid_ad", "-l", "-m", "-M", "-masterq", "-p", "-P", "-pe", "-q", "-r"),
        *("-R", "-tc", "-v", "-w"),
    ]
)
"""Options that take the next word for their value, whatever it is."""

_NEGATIVE = re.compile(r"-\d+")  # the argument of "-p -100" is no option
_MIB = 1024**2

_Group = tuple[str, tuple[str, ...]]


class Layer(Protocol):
    """One layer of options, such as a decorator's.

    Where `memory`, `time` or `slots` are set they are stronger than the layer's
    own cluster params. None is "not set", and so is 1 for `slots`.
    """

    @property
    def cluster_params(self) -> Sequence[str]: ...
    @property
    def memory(self) -> str | None: ...
    @property
    def time(self) -> str | None: ...
    @property
    def slots(self) -> int | None: ...


class Resolved(NamedTuple):
    """What a job is submitted with.

    Attributes
    ----------
    words : tuple of str
        Native options, to be put on the command line as they are.
    memory : str or None
        Memory of one array task, of all its slots; None if not asked for.
    time : str or None
        Time limit, ``HH:MM:SS``; None if not asked for.
    slots : int
        Slots of one array task, at least 1.
    """

    words: tuple[str, ...]
    memory: str | None = None
    time: str | None = None
    slots: int = 1


def split(params: str | Sequence[str], *, stacklevel: int = 1) -> tuple[str, ...]:
    """Split qsub options into words as a shell would, without those ignored.

    Parameters
    ----------
    params : str or sequence of str
        Options such as ``"-l h_vmem=4G"``.
    stacklevel : int
        From the caller to the line that a warning shall name; 1 is the caller's.

    Raises
    ------
    ConfigError
        If quotes do not match, the first word is no option, or an option is one
        that gridtask sets itself; names all of these.
    """
    groups = _checked_groups(params)
    ignored = sorted({option for option, _ in groups if option in IGNORED})
    if ignored:
        text = (
            f"cluster_params: {', '.join(ignored)} ignored, for gridtask sets folder, "
            "output and interpreter of a job itself; leave it out"
        )
        warnings.warn(text, UserWarning, stacklevel=stacklevel + 1)
    kept = (group for group in groups if group[0] not in IGNORED)
    return tuple(word for option, arguments in kept for word in (option, *arguments))


def as_text(words: Sequence[str]) -> str:
    """Return options as a person edits them, ``"-l h_vmem=4G; -q long.q"``."""
    groups = (shlex.join([option, *rest]) for option, rest in _groups(words))
    return "; ".join(groups)


def _checked_groups(params: str | Sequence[str]) -> list[_Group]:
    """Return options with their arguments, none of them refused."""
    texts = [params] if isinstance(params, str) else params
    try:
        words = [word for text in texts for word in _split_text(text)]
    except (ValueError, TypeError) as error:
        msg = (
            f"cluster_params={params!r} cannot be split into words: {error}; expected "
            "qsub options as a shell would take them, such as '-l h_vmem=4G'"
        )
        raise ConfigError(msg) from None
    if words and not _is_option(words[0]):
        msg = (
            f"cluster_params={params!r}: expected options of qsub, such as "
            f"'-l h_vmem=4G', not {words[0]!r}"
        )
        raise ConfigError(msg)
    groups = list(_groups(words))
    refused = sorted({option for option, _ in groups if option in REFUSED})
    if refused:
        msg = (
            f"cluster_params={params!r}: gridtask sets {', '.join(refused)} itself; "
            "leave it out"
        )
        raise ConfigError(msg)
    bare = [option for option, arguments in groups if not arguments]
    if valueless := sorted(_VALUED.intersection(bare)):
        msg = f"cluster_params={params!r}: {', '.join(valueless)} needs a value"
        raise ConfigError(msg)
    return groups


def _split_text(text: object) -> list[str]:
    if not isinstance(text, str):
        msg = f"{text!r} is no string"
        raise TypeError(msg)
    return shlex.split(text)


def _is_option(word: str) -> bool:
    return word.startswith("-") and not _NEGATIVE.fullmatch(word)


def _groups(words: Iterable[str]) -> Iterator[_Group]:
    """Yield each option with its arguments."""
    option, arguments = "", list[str]()
    for word in words:
        if _is_option(word):
            if option:
                yield option, tuple(arguments)
            option, arguments = word, []
        else:
            arguments.append(word)
    if option:
        yield option, tuple(arguments)


class _Options:
    """Options by name and mode: what comes later replaces what came before.

    The mode is part of a name, for ``-soft -l`` is not ``-hard -l``.
    """

    def __init__(self) -> None:
        self.resources: dict[tuple[str, str], str] = {}
        self.others: dict[tuple[str, str], tuple[str, ...]] = {}
        self.variables: list[str] = []

    def add(self, groups: Iterable[_Group]) -> None:
        """Put the options of a stronger layer over these."""
        mode = "-hard"
        for option, arguments in groups:
            if option in IGNORED:
                continue
            if option in ("-hard", "-soft"):
                mode = option
            elif option == "-l":
                for name, request in _resources(arguments):
                    self.resources[mode, name] = request
            elif option == "-v":
                self.variables += ["-v", *arguments]
            else:
                key = (mode if option in _MODAL else "-hard", option)
                self.others[key] = arguments

    def value(self, name: str) -> str:
        """Return the value that is asked for of a resource, empty if none is."""
        return self.resources.get(("-hard", name), "").partition("=")[2]

    def words(self) -> list[str]:
        """Return one command line."""
        soft = self._words("-soft")
        soft = ["-soft", *soft, "-hard"] if soft else []
        return [*soft, *self._words("-hard"), *self.variables]

    def _words(self, mode: str) -> list[str]:
        asked = [text for (of, _), text in self.resources.items() if of == mode]
        words = ["-l", ",".join(asked)] if asked else []
        for (of, option), arguments in self.others.items():
            if of == mode:
                words += [option, *arguments]
        return words


def _resources(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield name and text of each resource in the arguments of a ``-l``."""
    for text in ",".join(arguments).split(","):
        if text:
            yield text.partition("=")[0], text


def merge(layers: Iterable[Layer], site: SiteProfile) -> Resolved:
    """Merge layers of options, the weakest first.

    ``-l`` is merged resource by resource, other options are replaced as a
    whole, ``-v`` adds up. Memory is that of an array task: the template's
    ``{memory_per_slot}`` is the share of one slot, rounded up to 1 MiB.

    Raises
    ------
    ConfigError
        If the cluster params of a layer cannot be used.
    """
    options, memory, time, slots = _Options(), None, None, 1
    for layer in layers:
        options.add(_checked_groups(layer.cluster_params))
        # Structured ones stand as templates until all layers are known: the
        # share of a slot depends on the slots of a later layer.
        if layer.memory is not None:
            memory = parse_memory(layer.memory)
            options.add(_template(site.memory))
        if layer.time is not None:
            time = parse_time(layer.time)
            options.add(_template(site.time))
        if layer.slots is not None and layer.slots > 1:
            slots = layer.slots
            options.add(_template(site.slots))
    slots = _raw_slots(options) or slots
    values = _values(memory, time, slots)
    raw_memory, share = _raw(options, site.memory, "{memory")
    if raw_memory:
        n_slots = slots if "{memory_per_slot}" in share else 1
        memory = _read(parse_memory, raw_memory, n_slots)
    raw_time, _ = _raw(options, site.time, "{time}")
    if raw_time:
        time = _read(parse_time, raw_time, 1)
    return Resolved(
        words=tuple(_filled(word, values) for word in options.words()),
        memory=None if memory is None else format_memory(memory),
        time=None if time is None else format_time(time),
        slots=slots,
    )


def _template(text: str) -> list[_Group]:
    return list(_groups(shlex.split(text)))


def _values(memory: int | None, time: int | None, slots: int) -> dict[str, str]:
    """Return what stands for the placeholders of templates."""
    values = {"{slots}": str(slots)}
    if memory is not None:
        n_mib = math.ceil(memory / slots / _MIB)
        values["{memory}"] = format_memory(memory)
        values["{memory_per_slot}"] = format_memory(n_mib * _MIB)
    if time is not None:
        values["{time}"] = format_time(time)
    return values


def _filled(word: str, values: Mapping[str, str]) -> str:
    for placeholder, value in values.items():
        word = word.replace(placeholder, value)
    return word


def _raw_slots(options: _Options) -> int | None:
    """Return the slots asked for raw; the fewest of ``-pe smp 2-4``."""
    environment = options.others.get(("-hard", "-pe"))
    found = re.match(r"\d+", environment[-1]) if environment else None
    return int(found[0]) or None if found else None


def _raw(options: _Options, template: str, placeholder: str) -> tuple[str, str]:
    """Return what is asked for raw of a template's resource, and the template's.

    Both are empty where nothing is, or where the template itself holds.
    """
    for option, arguments in _template(template):
        for name, text in _resources(arguments) if option == "-l" else ():
            raw = options.value(name)
            if placeholder in text and raw and placeholder not in raw:
                return raw, text
    return "", ""


def _read(parse: Callable[[str], int], raw: str, factor: int) -> int | None:
    """Return a raw value as a number; None for what is none, as ``INFINITY``."""
    try:
        return parse(raw) * factor
    except ValueError:
        return None
