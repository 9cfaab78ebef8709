"""From what a user writes to calls: forms of arguments, bound to a signature.

A call is a mapping of parameter names to values with all defaults applied, so
that ``f(1)``, ``f(n=1)`` and a left-out default of 1 are one call.
"""

from __future__ import annotations

import itertools
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from operator import itemgetter
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any, overload

from gridtask.calls.parameters import read_code, read_signature, takes_names
from gridtask.lazy import lazy
from gridtask.printable import printable, short_repr

if TYPE_CHECKING:
    from inspect import Signature

Arguments = dict[str, Any]
"""The arguments of one call: every parameter's name and value."""

NO_NAMES: Mapping[str, Any] = MappingProxyType({})
"""The keyword arguments of calls that have none."""


class Calls(Sequence[Arguments]):
    """Many bound calls, in 8 bytes a value.

    Each access makes a dict of its own.

    Parameters
    ----------
    columns : mapping of str to list
        The values of each parameter, call by call.
    n_calls : int
        How many: there may be no parameters.
    """

    def __init__(self, columns: Mapping[str, list[Any]], n_calls: int) -> None:
        self._columns = columns
        self._n_calls = n_calls

    @classmethod
    def of(cls, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Calls:
        """Return the calls with these values of `names`, call by call."""
        columns = {name: list(map(itemgetter(i), rows)) for i, name in enumerate(names)}
        return cls(columns, len(rows))

    @classmethod
    def one(cls, arguments: Arguments) -> Calls:
        """Return a single call."""
        return cls({name: [value] for name, value in arguments.items()}, 1)

    def __len__(self) -> int:
        return self._n_calls

    @overload
    def __getitem__(self, index: int) -> Arguments: ...
    @overload
    def __getitem__(self, index: slice) -> Calls: ...
    def __getitem__(self, index: int | slice) -> Arguments | Calls:
        chosen = range(self._n_calls)[index]
        if isinstance(chosen, range):
            return self.pick(chosen)
        return {name: column[chosen] for name, column in self._columns.items()}

    def __iter__(self) -> Iterator[Arguments]:
        return map(self.__getitem__, range(self._n_calls))

    def pick(self, indices: Collection[int]) -> Calls:
        """Return some of the calls, in the order of `indices`."""
        columns = {
            name: list(map(column.__getitem__, indices))
            for name, column in self._columns.items()
        }
        return Calls(columns, len(indices))

    def rows(self, names: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return the values of some parameters, call by call."""
        if not names:
            return [()] * self._n_calls
        return list(zip(*(self._columns[name] for name in names), strict=True))


class Binder:
    """Binds arguments to a callable's signature, quickly where it is plain.

    Parameters
    ----------
    function : callable
        A callable without a signature (some builtins) is taken as
        ``function(*args, **kwargs)``.
    label : str
        Its name in messages.
    """

    def __init__(self, function: Callable[..., Any], label: str) -> None:
        self.label = label
        self._function = function
        parameters = read_code(function) or read_signature(self.signature)
        self.names, self._positional, self.defaults, self._is_plain = parameters
        self._takes_names = self._is_plain and takes_names(function, self.names)
        # In the signature's order; placeholders are always replaced.
        self._template = {name: self.defaults.get(name) for name in self.names}
        self._required = self._template.keys() - self.defaults.keys()
        # By the number of positional arguments: what follows, if all of it has one.
        self._defaults = {
            n_given: tuple([self.defaults[name] for name in self.names[n_given:]])
            for n_given in range(len(self._positional) + 1)
            if self._is_plain and self._required.isdisjoint(self.names[n_given:])
        }

    @lazy
    def signature(self) -> Signature:
        """The callable's signature."""
        import inspect  # with much else that binding plain calls does not need

        try:
            return inspect.signature(self._function)
        except (ValueError, TypeError):
            return inspect.signature(lambda *args, **kwargs: None)

    def row(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        """Bind one call as `bind`, to the values of `names`."""
        if not kwargs:
            defaults = self._defaults.get(len(args))
            if defaults is not None:
                return (*args, *defaults)
        elif not args and self._is_plain and kwargs.keys() == self._template.keys():
            return tuple([kwargs[name] for name in self.names])
        return tuple(self.bind(args, kwargs).values())

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Arguments:
        """Bind one call.

        Raises
        ------
        TypeError
            If the arguments do not fit the signature.
        """
        if self._is_plain and len(args) <= len(self._positional):
            given = dict(zip(self._positional, args, strict=False))
            if given.keys().isdisjoint(kwargs):
                given.update(kwargs)
                bound = {**self._template, **given}
                if len(bound) == len(self.names) and given.keys() >= self._required:
                    return bound
        exact = self.signature.bind(*args, **kwargs)
        exact.apply_defaults()
        return dict(exact.arguments)

    def call(self, function: Callable[..., Any], arguments: Arguments) -> Any:
        """Call `function` with bound arguments."""
        if self._takes_names:
            return function(**arguments)
        from inspect import BoundArguments

        if type(function) is not FunctionType:
            # What is written in C may refuse its own defaults: numpy's ufuncs do.
            arguments = {
                name: value
                for name, value in arguments.items()
                if name in self._required or not _is_same(value, self._template[name])
            }
        bound = BoundArguments(self.signature, arguments)
        return function(*bound.args, **bound.kwargs)

    def describe(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Return the arguments as text for a message."""
        parts = [short_repr(value) for value in args]
        parts += [f"{printable(n)}={short_repr(v)}" for n, v in kwargs.items()]
        return ", ".join(parts) or "(none)"


def _is_same(value: Any, default: Any) -> bool:
    """Tell whether a value surely is a parameter's default."""
    if value is default:
        return True
    return type(value) is type(default) in (str, int, float, bool) and value == default


def bind_all(
    binder: Binder,
    raw: Iterable[tuple[Sequence[Any], Mapping[str, Any]]],
    common: Mapping[str, Any] | None,
) -> Calls:
    """Bind every call, before anything is submitted.

    Raises
    ------
    TypeError
        Names the index (from 0) and the arguments of the first call that does
        not fit, and how many others do not fit either.
    """
    shared = _common(common)
    rows: list[tuple[Any, ...]] = []
    mistakes: list[str] = []
    for index, (args, kwargs) in enumerate(raw):
        try:
            rows.append(binder.row(args, _with_shared(kwargs, shared)))
        except TypeError as error:
            mistakes.append(
                f"call {index} does not fit {binder.label}{binder.signature}: "
                f"{error}; its arguments: {binder.describe(args, kwargs)}"
            )
    if mistakes:
        more = len(mistakes) - 1
        tail = f" ({more} more calls do not fit either)" if more else ""
        raise TypeError(mistakes[0] + tail)
    return Calls.of(binder.names, rows)


def _with_shared(
    kwargs: Mapping[str, Any], shared: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return a call's keyword arguments with those that all calls share."""
    if not shared:
        return kwargs
    twice = shared.keys() & kwargs.keys()
    if twice:
        msg = f"{_names(twice)} given by the call and by common="
        raise TypeError(msg)
    return {**shared, **kwargs}


def _common(common: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the arguments that all calls share."""
    if common is None:
        return {}
    if not isinstance(common, Mapping):
        msg = f"common={short_repr(common)}: expected a dict of keyword arguments"
        raise TypeError(msg)
    return common


def _check_values(number: int, iterable: object) -> None:
    """Refuse what is no iterable of values, or hardly meant as one."""
    if isinstance(iterable, Mapping) or not isinstance(iterable, Iterable):
        msg = (
            f"argument {number} of map is {short_repr(iterable)}, "
            "not an iterable of values or a list of dicts; "
            "what all calls share goes into common={...}"
        )
        raise TypeError(msg)
    if hasattr(iterable, "columns") and hasattr(iterable, "shape"):
        msg = (
            f"argument {number} of map is a table ({type(iterable).__name__}), "
            "whose items are its columns; give its rows as dicts, such as "
            "table.to_dict('records'), or one of its columns"
        )
        raise TypeError(msg)


def raw_calls(
    iterables: Sequence[Iterable[Any]],
) -> Iterable[tuple[Sequence[Any], Mapping[str, Any]]]:
    """Turn the positional arguments of ``map`` into (args, kwargs) pairs.

    Raises
    ------
    TypeError
        If there is no iterable, or only some items of a single one are dicts.
    ValueError
        If several iterables differ in length.
    """
    if not iterables:
        msg = "map needs what to map over: a list of dicts, or one iterable a parameter"
        raise TypeError(msg)
    for number, iterable in enumerate(iterables):
        _check_values(number, iterable)
    if len(iterables) > 1:
        return [(args, NO_NAMES) for args in _zip_equal(iterables)]
    items = list(iterables[0])
    n_dicts = sum(map(isinstance, items, itertools.repeat(dict)))
    if n_dicts == 0:
        return zip(zip(items), itertools.repeat(NO_NAMES))
    if n_dicts < len(items):
        index = next(i for i, item in enumerate(items) if not isinstance(item, dict))
        msg = (
            f"{n_dicts} of {len(items)} items are dicts of keyword arguments, "
            f"but item {index} is {short_repr(items[index])}; "
            "give all as dicts, or pass dicts that are values by starmap"
        )
        raise TypeError(msg)
    for index, item in enumerate(items):
        wrong = [name for name in item if not isinstance(name, str)]
        if wrong:
            msg = f"item {index} has the key {wrong[0]!r}: parameter names are strings"
            raise TypeError(msg)
    return [((), item) for item in items]


def raw_starmap(
    tuples: Iterable[Sequence[Any]],
) -> list[tuple[Sequence[Any], Mapping[str, Any]]]:
    """Turn the argument of ``starmap`` into (args, kwargs) pairs.

    Raises
    ------
    TypeError
        If an item is not a sequence of positional arguments.
    """
    calls: list[tuple[Sequence[Any], Mapping[str, Any]]] = []
    for index, item in enumerate(tuples):
        if isinstance(item, str | bytes | Mapping) or not isinstance(item, Iterable):
            msg = (
                f"item {index} of starmap is {short_repr(item)}; "
                "expected a tuple of positional arguments"
            )
            raise TypeError(msg)
        calls.append((tuple(item), NO_NAMES))
    return calls


def grid_axes(
    axes: Mapping[str, Iterable[Any]] | None, keywords: Mapping[str, Iterable[Any]]
) -> dict[str, list[Any]]:
    """Return the axes of ``grid`` as lists, in the order given.

    Raises
    ------
    TypeError
        If an axis is not an iterable of values, or given twice.
    """
    if axes is not None and not isinstance(axes, Mapping):
        msg = f"the axes are {short_repr(axes)}; expected a dict of values by parameter"
        raise TypeError(msg)
    twice = (axes or {}).keys() & keywords.keys()
    if twice:
        msg = f"{_names(twice)} given as a keyword and in the dict of axes"
        raise TypeError(msg)
    result: dict[str, list[Any]] = {}
    for name, values in {**(axes or {}), **keywords}.items():
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            msg = (
                f"axis {name} is {short_repr(values)}; expected an iterable of values "
                f"({name}=[...]); what all calls share goes into common={{...}}"
            )
            raise TypeError(msg)
        result[name] = list(values)
    return result


def grid_calls(
    axes: Mapping[str, list[Any]],
) -> list[tuple[Sequence[Any], Mapping[str, Any]]]:
    """Return all combinations of the axes, the last one varying fastest.

    Without axes there is one combination, as in `itertools.product`.
    """
    names = tuple(axes)
    return [
        ((), dict(zip(names, values, strict=True)))
        for values in itertools.product(*axes.values())
    ]


def _zip_equal(iterables: Sequence[Iterable[Any]]) -> list[tuple[Any, ...]]:
    """Zip iterables of equal length; an endless one beside a finite one is told."""
    rows: list[tuple[Any, ...]] = []
    end = object()
    for row in itertools.zip_longest(*iterables, fillvalue=end):
        ended = [number for number, value in enumerate(row) if value is end]
        if ended:
            going = next(n for n, value in enumerate(row) if value is not end)
            msg = (
                f"the iterables differ in length: argument {ended[0]} has {len(rows)} "
                f"items, argument {going} has more; map needs equal lengths"
            )
            raise ValueError(msg)
        rows.append(row)
    return rows


def _names(names: Iterable[str]) -> str:
    """Return names for a sentence: ``'a', 'b' is/are``."""
    listed = sorted(names)
    text = ", ".join(repr(name) for name in listed)
    return f"{text} {'is' if len(listed) == 1 else 'are'}"
