"""Python values as bytes and back.

A payload is ``u32 n_buffers | n_buffers x (u64 offset, u64 length) |
u64 pickle_length | pickle | buffers``, little endian, each buffer at a
multiple of 64 from the payload's start. The pickle has protocol 5, and the
memory of arrays stays outside of it (PEP 574): it is written without a copy,
and read as a view of what was read.
"""

from __future__ import annotations

import io
import pickle
import struct
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType
from typing import Literal, NamedTuple

from gridtask.errors import ResultUnreadable
from gridtask.fs import Buffer

ALIGNMENT = 64
"""Bytes. A cache line, and enough for every numpy dtype and SIMD load."""

_PLAIN = struct.Struct("<IQ")
_COUNT = struct.Struct("<I")
_LENGTH = struct.Struct("<Q")
_NO_BUFFERS = bytes(4)


class Encoded(NamedTuple):
    """A value's payload.

    Attributes
    ----------
    parts : list of bytes-like
        The payload in order, padding included. Parts may be views of the
        value's own memory: write them before the value changes.
    n_bytes : int
        Length of all parts.
    has_buffers : bool
        True if the payload should lie 64-aligned in its file.
    """

    parts: list[Buffer]
    n_bytes: int
    has_buffers: bool


def encode(value: object) -> Encoded:
    """Turn a value into a payload.

    Plain pickle where that works, else cloudpickle; classes and functions of
    ``__main__`` go by name in both, so that they come back as those of the
    reading script.

    Raises
    ------
    TypeError
        If some part of the value cannot be pickled; names the path to it.
    """
    data, raws = dump(value, "the result")
    if not raws:
        return Encoded([_PLAIN.pack(0, len(data)) + data], 12 + len(data), False)
    return _lay_out(data, raws)


def dump(value: object, what: str) -> tuple[bytes, list[memoryview]]:
    """Pickle a value; return the pickle and the memory that lies outside of it.

    Parameters
    ----------
    what : str
        What the value is, for the message of an error.

    Raises
    ------
    TypeError
        If some part of the value cannot be pickled; names the path to it.
    """
    buffers: list[pickle.PickleBuffer] = []
    try:
        data = pickle.dumps(value, 5, buffer_callback=buffers.append)
    except Exception:
        data, buffers = _dump_by_value(value, what)
    if not buffers:
        return data, []
    raws = [buffer.raw() for buffer in buffers]
    if any(raw.readonly for raw in raws):
        # An array that may not be written would come back the same way.
        data, buffers = _dump(value, _make_pickler(thaw=True))
        raws = [buffer.raw() for buffer in buffers]
    return data, raws


def load(data: Buffer, buffers: list[Buffer]) -> object:
    """Return the value of a `dump`; its arrays are views of `buffers`."""
    return pickle.loads(data, buffers=buffers)


def _lay_out(data: bytes, raws: list[memoryview]) -> Encoded:
    """Put the pickle and its buffers at their places."""
    table = bytearray(_COUNT.pack(len(raws)))
    end = 4 + 16 * len(raws) + 8 + len(data)
    body: list[Buffer] = [data]
    for raw in raws:
        pad = -end % ALIGNMENT
        table += struct.pack("<QQ", end + pad, len(raw))
        body += (bytes(pad), raw)
        end += pad + len(raw)
    table += _LENGTH.pack(len(data))
    return Encoded([bytes(table), *body], end, True)


def _dump_by_value(value: object, what: str) -> tuple[bytes, list[pickle.PickleBuffer]]:
    """Pickle with cloudpickle; say which part it is that cannot be."""
    try:
        return _dump(value, _make_pickler(thaw=False))
    except Exception as error:
        if isinstance(error.__cause__, RecursionError):  # no part of it is at fault
            msg = f"{what} cannot be pickled: it is nested too deeply, expected less"
            raise TypeError(msg) from error
        path, part, cause = _find_unpicklable(value, error, what)
        msg = (
            f"{path} cannot be pickled: {part!r:.200} of type"
            f" {type(part).__qualname__} ({cause}). Expected values that pickle:"
            " return the data without open files, locks, connections and generators"
        )
        raise TypeError(msg) from error


PicklerMaker = Callable[
    [io.BytesIO, Callable[[pickle.PickleBuffer], object]], pickle.Pickler
]


def _dump(
    value: object, make_pickler: PicklerMaker
) -> tuple[bytes, list[pickle.PickleBuffer]]:
    """Pickle with a pickler of our own."""
    buffers: list[pickle.PickleBuffer] = []
    file = io.BytesIO()
    make_pickler(file, buffers.append).dump(value)
    return file.getvalue(), buffers


def _make_pickler(*, thaw: bool) -> PicklerMaker:
    """Return a maker of cloudpickle picklers that know ``__main__`` by name.

    With `thaw`, arrays that are read-only are written as if they were not.
    """
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: object) -> object:
            if _is_named_in_main(obj):
                return of_main, (obj.__qualname__,)  # type: ignore[attr-defined]
            if thaw and _is_frozen_array(obj):
                return obj.copy(order="K").__reduce_ex__(5)  # type: ignore[attr-defined]
            return super().reducer_override(obj)

    return lambda file, callback: Pickler(file, 5, buffer_callback=callback)


def _is_named_in_main(obj: object) -> bool:
    """Return whether ``__main__`` has a class or function of `obj`'s name."""
    return (
        isinstance(obj, (type, FunctionType))
        and obj.__module__ == "__main__"
        and isinstance(_look_up(obj.__qualname__), type(obj))
    )


def _is_frozen_array(obj: object) -> bool:
    """Return whether `obj` is a numpy array that cannot be written."""
    import numpy as np

    return type(obj) is np.ndarray and not obj.flags.writeable


def _look_up(qualname: str) -> object:
    """Return what `qualname` names in ``__main__``; None if nothing."""
    found: object = sys.modules.get("__main__")
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found


def of_main(qualname: str) -> object:
    """Return the class or function of ``__main__`` with this name.

    Pickles refer to this function: it must stay where it is.

    Raises
    ------
    AttributeError
        If the running script has none.
    """
    found = _look_up(qualname)
    if found is None:
        msg = f"module '__main__' has no attribute {qualname!r}"
        raise AttributeError(msg)
    return found


def _find_unpicklable(
    value: object, error: Exception, path: str
) -> tuple[str, object, Exception]:
    """Follow a failure of pickle down to the smallest part that fails."""
    seen: set[int] = set()
    while id(value) not in seen:
        seen.add(id(value))
        for step, part in _parts_of(value):
            try:
                _dump(part, _make_pickler(thaw=False))
            except Exception as part_error:
                path, value, error = path + step, part, part_error
                break
    return path, value, error


def _parts_of(value: object) -> Iterator[tuple[str, object]]:
    """Yield the parts of a value and how they are reached."""
    if isinstance(value, dict):
        yield from ((f"[{key!r:.80}]", part) for key, part in list(value.items()))
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{i}]", part) for i, part in enumerate(value))
    elif isinstance(value, (set, frozenset)):
        yield from ((f"{{{part!r:.80}}}", part) for part in value)
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict) and not isinstance(value, type):
        yield from ((f".{name}", part) for name, part in list(attributes.items()))


def decode(payload: Buffer) -> object:
    """Turn a payload back into its value.

    Parameters
    ----------
    payload : bytes-like
        Arrays are views of it, and writable if it is.

    Raises
    ------
    ResultUnreadable
        If a class, function or module that the value needs is missing, or its
        unpickling fails otherwise.
    """
    return Decoder().decode(memoryview(payload))


class Decoder:
    """Decodes many payloads; quick for runs of arrays of one kind.

    Payloads of arrays of one dtype, shape and order differ only in the memory
    behind their pickle. So when all before it equals the last one, and that
    was a plain array, the next is made directly.
    """

    def __init__(self) -> None:
        self._head = b""
        self._n_bytes = -1
        self._make: Callable[..., object] | None = None

    def decode(self, payload: Buffer) -> object:
        """Do as the function `decode`."""
        try:
            if len(payload) == self._n_bytes and self._make is not None:
                head = self._head
                if bytes(payload[: len(head)]) == head:
                    return self._make(buffer=payload)
            if payload[:4] == _NO_BUFFERS:
                return pickle.loads(payload[12:])
            return self._decode_with_buffers(memoryview(payload))
        except MemoryError:
            raise
        except Exception as error:
            raise ResultUnreadable(_explain(error)) from error

    def _decode_with_buffers(self, payload: memoryview) -> object:
        """Rebuild a value around its buffers."""
        start, end, places = _table(payload)
        buffers = [payload[offset : offset + length] for offset, length in places]
        value = pickle.loads(payload[start:end], buffers=buffers)
        self._head, self._n_bytes = bytes(payload[:end]), len(payload)
        self._make = _maker_like(value, places)
        return value


def split(payload: memoryview) -> tuple[memoryview, list[memoryview]]:
    """Return a payload's pickle and its buffers."""
    start, end, places = _table(payload)
    return payload[start:end], [payload[at : at + length] for at, length in places]


def _table(payload: memoryview) -> tuple[int, int, list[tuple[int, int]]]:
    """Return where a payload's pickle starts and ends, and its buffers' places."""
    (n_buffers,) = _COUNT.unpack_from(payload)
    numbers = struct.unpack_from(f"<{2 * n_buffers + 1}Q", payload, 4)
    start = 4 + 8 * len(numbers)
    places = list(zip(numbers[:-1:2], numbers[1:-1:2], strict=True))
    return start, start + numbers[-1], places


def _maker_like(
    value: object, places: list[tuple[int, int]]
) -> Callable[..., object] | None:
    """Return a maker of arrays like `value`, if it is just one writable array."""
    if len(places) != 1 or type(value).__module__ != "numpy":
        return None
    import numpy as np

    offset, n_bytes = places[0]
    if type(value) is not np.ndarray or not n_bytes or value.nbytes != n_bytes:
        return None
    if not value.flags.writeable:
        return None
    order: Literal["C", "F"] = "C" if value.flags.c_contiguous else "F"
    make: Callable[..., object] = np.ndarray
    return partial(make, value.shape, value.dtype, offset=offset, order=order)


def _explain(error: Exception) -> str:
    """Say why a stored value cannot be loaded, and what to do."""
    if isinstance(error, ModuleNotFoundError):
        cause = f"it needs the module {error.name!r}, which cannot be imported here"
    elif isinstance(error, AttributeError) and "__main__" in str(error):
        return (
            "the stored result cannot be loaded: it needs a class or function of the"
            " script that made it, which is gone from there, or this is another"
            f" script ({error}). Expected to be loaded where that script defines it;"
            " classes in a module can be loaded everywhere"
        )
    elif isinstance(error, AttributeError):
        cause = f"it needs a class or function that is gone: {error}"
    else:
        cause = f"{type(error).__name__}: {error}"
    return (
        f"the stored result cannot be loaded: {cause}. Expected the modules and"
        " classes that the call returned; make them importable, or remove the"
        " result with: gridtask rm KEY"
    )
