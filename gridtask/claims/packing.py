"""Arguments of calls as bytes, with everything large stored only once.

Each call becomes a small pickle. Buffers of `LARGE_BYTES` and more (arrays,
frames, wherever they are nested) and other large values are kept under the
digest of their bytes, so that what a thousand calls share is written once,
whether or not it is the same object.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import xxhash

from gridtask.calls.binding import Arguments
from gridtask.claims import upstream
from gridtask.store import values

if TYPE_CHECKING:
    from gridtask.futures import GridFuture

LARGE_BYTES = 1 << 16
"""From this size on a buffer or a pickle is stored once and referred to."""

Buffer = bytes | bytearray | memoryview
Blob = Callable[[bytes], Buffer]
"""Returns a writable, private copy of the bytes that have a digest."""

_SCALARS = frozenset({int, float, bool, complex, type(None)})
_TEXTS = frozenset({str, bytes})


class Packer:
    """Turns calls into bytes and hands large parts to `store` once each.

    Parameters
    ----------
    store : callable
        ``store(digest, parts)`` keeps the bytes of `parts` under `digest`.
    """

    def __init__(self, store: Callable[[bytes, Sequence[Buffer]], None]) -> None:
        self._store = store
        self._stored: set[bytes] = set()
        self._by_id: dict[int, tuple[Any, _Packed, list[GridFuture[Any]]]] = {}

    def pack(self, arguments: Arguments) -> bytes:
        """Return one call as bytes for `unpack`.

        Raises
        ------
        TypeError
            If an argument cannot be pickled; names its path.
        """
        plain: Arguments = {}
        packed: dict[str, _Packed] = {}
        for name, value in arguments.items():
            kind = type(value)
            if kind in _SCALARS or (kind in _TEXTS and len(value) < LARGE_BYTES):
                plain[name] = value
            else:
                plain[name] = None  # keeps its place in the signature's order
                packed[name] = self._pack_value(name, value)
        return pickle.dumps((plain, packed) if packed else (plain,), protocol=5)

    def _pack_value(self, name: str, value: Any) -> _Packed:
        """Pickle a value once per object; the caller's object is kept alive."""
        known = self._by_id.get(id(value))
        if known is not None:
            upstream.note(known[2])
            return known[1]
        with upstream.Collecting() as inputs:
            data, raws = values.dump(value, f"the argument {name!r}")
        upstream.note(inputs)
        buffers = [
            self._keep(raw) if raw.nbytes >= LARGE_BYTES else bytearray(raw)
            for raw in raws
        ]
        if len(data) >= LARGE_BYTES:
            packed: _Packed = (self._keep(data), None, buffers)
        else:
            packed = (None, data, buffers)
        self._by_id[id(value)] = (value, packed, inputs)
        return packed

    def copy(self, call: bytes, blob: Blob) -> bytes:
        """Take over a call that is packed already, with its large parts."""
        for digest in digests_of(call):
            if digest not in self._stored:
                self._keep(blob(digest))
        return call

    def _keep(self, data: Buffer) -> bytes:
        """Store bytes unless they are stored already; return their digest."""
        digest = xxhash.xxh3_128_digest(data)
        if digest not in self._stored:
            self._store(digest, [data])
            self._stored.add(digest)
        return digest


_Packed = tuple[bytes | None, bytes | None, list[bytes | bytearray]]
"""(digest of the pickle, or the pickle itself, and its buffers: the digest of a
large one, a small one itself as a bytearray)."""


def digests_of(data: bytes) -> list[bytes]:
    """Return the digests of the large parts that a packed call refers to."""
    _, *rest = pickle.loads(data)
    found: list[bytes] = []
    for packed in rest:
        for digest, pickled, buffers in packed.values():
            found += [digest] if pickled is None else []
            found += [b for b in buffers if not isinstance(b, bytearray)]
    return found


def unpack(data: bytes, blob: Blob) -> Arguments:
    """Return the arguments of a call, objects of its own each time."""
    plain, *rest = pickle.loads(data)
    arguments: Arguments = plain
    for packed in rest:
        for name, (digest, pickled, buffers) in packed.items():
            content = blob(digest) if pickled is None else pickled
            arguments[name] = values.load(
                content, [b if isinstance(b, bytearray) else blob(b) for b in buffers]
            )
    return arguments
