"""The three forms of a digest: every other module of the hasher builds on these.

A digest is the xxh3-128 of a first byte that says its form, and then

* ``P``: the pickle of a plain value (see `gridtask.identity.arguments.plain`);
* ``L``: a leaf, a kind and the bytes that say the rest;
* ``N``: a node, a kind and the digests of its children, 16 bytes each.

The kind is preceded by its length, and what follows a kind has one reading
only, so that two values have one digest only by an accident of 128 bits.
None of this may ever change: it would change every key.

References
----------
Y. Collet, xxHash specification 0.2.0, "XXH3 128 bits".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xxhash import xxh3_128, xxh3_128_digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed import ReadableBuffer

DIGEST_BYTES = 16


def start_leaf(kind: bytes) -> bytes:
    """Make what precedes the data of a leaf."""
    return b"L%c%s" % (len(kind), kind)


def digest_leaf(kind: bytes, data: ReadableBuffer = b"") -> bytes:
    """Digest what `data` says of a value of this kind."""
    hasher = xxh3_128(start_leaf(kind))
    hasher.update(data)  # any buffer, without a copy
    return hasher.digest()


def digest_text(kind: bytes, text: str) -> bytes:
    """Digest a text as a leaf; lone surrogates are allowed."""
    return digest_leaf(kind, text.encode("utf-8", "surrogatepass"))


def digest_node(kind: bytes, children: Iterable[bytes]) -> bytes:
    """Digest a value that is made of other values, given by their digests."""
    return xxh3_128_digest(b"N%c%s" % (len(kind), kind) + b"".join(children))
