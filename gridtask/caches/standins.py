"""Showing values whose classes cannot be found: by what was stored of them."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from reprlib import recursive_repr
from typing import Any

from gridtask.fs import Buffer
from gridtask.store import values

_OF_MAIN = (values.of_main.__module__, values.of_main.__name__)


class StandIn:
    """An object of a class that is not there; shows what it was made of."""

    def __new__(cls, *args: object, **kwargs: object) -> StandIn:
        """Take whatever the class itself would be made with."""
        made = object.__new__(cls)
        made._args, made._kwargs, made._items = args, kwargs, []
        return made

    _args: tuple[object, ...]
    _kwargs: dict[str, object]
    _items: list[object]

    def __init__(self, *args: object, **kwargs: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        """Take attributes; those of slots are the second of a pair, or a list."""
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self._kwargs |= part
            elif part is not None:
                self._args += tuple(part) if isinstance(part, list) else (part,)

    def append(self, item: object) -> None:
        """Be filled as a list is."""
        self._items.append(item)

    def __setitem__(self, key: object, item: object) -> None:
        """Be filled as a dict is."""
        self._items.append((key, item))

    @recursive_repr()
    def __repr__(self) -> str:
        parts = [*map(repr, self._args), *map(repr, self._items)]
        parts += [f"{name}={value!r}" for name, value in self._kwargs.items()]
        return f"{type(self).__qualname__}({', '.join(parts)})"


class _Unpickler(pickle.Unpickler):
    """Makes stand-ins of what cannot be imported.

    Attributes
    ----------
    missing : dict of str to type
        The stand-ins' classes, by module and name.
    """

    def __init__(self, data: Buffer, buffers: list[memoryview]) -> None:
        super().__init__(io.BytesIO(data), buffers=buffers)
        self.missing: dict[str, type[StandIn]] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle names, or a stand-in."""
        if (module, name) == _OF_MAIN:
            return self._of_main
        return self._find(
            lambda: super(_Unpickler, self).find_class(module, name), module, name
        )

    def _of_main(self, qualname: str) -> object:
        return self._find(lambda: values.of_main(qualname), "__main__", qualname)

    def _find(self, find: Callable[[], object], module: str, name: str) -> object:
        try:
            return find()
        except (ImportError, AttributeError):
            names = {"__module__": module, "__qualname__": name}
            made = type(name.rpartition(".")[2], (StandIn,), names)
            return self.missing.setdefault(f"{module}.{name}", made)


def decode(payload: Buffer) -> tuple[object, list[str]]:
    """Turn a payload into its value, as far as its classes can be found.

    Returns
    -------
    value : object
        The value, with stand-ins for objects of classes that are not there.
    missing : list of str
        These classes, with their modules.

    Raises
    ------
    Exception
        Whatever unpickling raises otherwise.
    """
    unpickler = _Unpickler(*values.split(memoryview(payload)))
    value = unpickler.load()
    return value, sorted(unpickler.missing)
