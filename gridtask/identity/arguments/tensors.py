"""Handlers of scipy's, torch's and jax's types. Imported where these are loaded."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from gridtask.identity.arguments.digests import digest_node, digest_text
from gridtask.identity.arguments.instances import read_state, walk_state
from gridtask.identity.arguments.walk import Handler, Walk, Walking

_COMPRESSED = frozenset({"csr", "csc", "bsr"})


def find_type(kind: type) -> Handler | None:
    """Find the handler of a type of these libraries, or derived from one."""
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and issubclass(kind, sparse.spmatrix | sparse.sparray):
        return _walk_sparse
    torch = sys.modules.get("torch")
    if torch is not None and issubclass(kind, torch.Tensor):
        return _walk_tensor
    if torch is not None and issubclass(kind, torch.Generator):
        return _walk_torch_generator
    jax = sys.modules.get("jax")
    if jax is not None and issubclass(kind, jax.Array):
        return _walk_jax
    return None


def _walk_sparse(walk: Walk, value: Any) -> Walking:
    """Digest a sparse matrix by class, shape and its arrays, in canonical order."""
    kind = value.format
    said = yield "", (kind, tuple(map(int, value.shape)))
    code = walk.digest_code(type(value))
    parts: tuple[Any, ...]
    if kind in _COMPRESSED:
        if not value.has_canonical_format:
            value = value.copy()
            value.sum_duplicates()
        parts = (value.indptr, value.indices, value.data)
    elif kind == "coo":
        if not value.has_canonical_format:
            value = value.copy()
            value.sum_duplicates()
        parts = (tuple(value.coords), value.data)
    elif kind == "dia":
        parts = (value.offsets, value.data)
    elif kind == "lil":
        parts = (value.dtype, value.rows, value.data)
    else:
        parts = (value.dtype, dict(value.items()))
    return digest_node(b"scipy sparse", (code, said, (yield "", parts)))


def _walk_tensor(walk: Walk, tensor: Any) -> Walking:
    """Digest a tensor by dtype, shape and values; not by device or strides."""
    torch = sys.modules["torch"]
    code = walk.digest_code(type(tensor))
    said = yield "", (str(tensor.dtype), str(tensor.layout), tuple(tensor.shape))
    grad = yield ".requires_grad", bool(tensor.requires_grad)
    bare = tensor.detach().cpu()
    if bare.layout != torch.strided:
        return (yield from _walk_sparse_tensor(torch, bare, (code, said, grad)))
    plain = bare.as_subclass(torch.Tensor).resolve_conj().resolve_neg()
    if plain.dtype == torch.bfloat16:
        plain = plain.view(torch.int16)
    content = yield "", np.asarray(plain.numpy(), order="C")
    state = yield from walk_state(walk, read_state(tensor))
    return digest_node(b"tensor", (code, said, grad, content, state))


def _walk_sparse_tensor(torch: Any, tensor: Any, said: tuple[bytes, ...]) -> Walking:
    if tensor.layout == torch.sparse_coo:
        whole = tensor.coalesce()
        parts: tuple[Any, ...] = whole.indices(), whole.values()
    else:
        by_row = tensor.layout in (torch.sparse_csr, torch.sparse_bsr)
        first = tensor.crow_indices() if by_row else tensor.ccol_indices()
        second = tensor.col_indices() if by_row else tensor.row_indices()
        parts = (first, second, tensor.values())
    return digest_node(b"sparse tensor", (*said, (yield "", parts)))


def _walk_torch_generator(walk: Walk, value: Any) -> Walking:
    return digest_node(b"torch generator", ((yield "", value.get_state()),))


def _walk_jax(walk: Walk, array: Any) -> Walking:
    jax = sys.modules["jax"]
    dtype = digest_text(b"dtype", str(array.dtype))
    if jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    return digest_node(b"jax array", (dtype, (yield "", np.asarray(array))))
