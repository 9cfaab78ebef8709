"""The parameters of a callable: from plain code, else as `inspect` says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect import Signature

_Parameters = tuple[tuple[str, ...], tuple[str, ...], dict[str, Any], bool]
"""All names, those that may be positional, defaults, and whether that is all."""

_VARIABLE = 0x04 | 0x08
"""Flags of code that takes ``*args`` or ``**kwargs`` (CO_VARARGS, CO_VARKEYWORDS)."""

_VARIADIC: dict[str, Any] = {"VAR_POSITIONAL": (), "VAR_KEYWORD": {}}
"""What a call that gives none has in ``*args`` and ``**kwargs``."""

_ELSEWHERE = frozenset({"__wrapped__", "__signature__"})
"""Attributes of functions whose code does not tell their signature."""


def read_code(function: Callable[..., Any]) -> _Parameters | None:
    """Read the parameters of a plain function from its code: `inspect` is large."""
    if type(function) is not FunctionType or vars(function).keys() & _ELSEWHERE:
        return None
    code = function.__code__
    if code.co_flags & _VARIABLE or code.co_posonlyargcount:
        return None
    n_positional, n_named = code.co_argcount, code.co_kwonlyargcount
    names = code.co_varnames[: n_positional + n_named]
    positional = names[:n_positional]
    last = function.__defaults__ or ()
    defaults = dict(zip(positional[n_positional - len(last) :], last, strict=True))
    return names, positional, {**defaults, **(function.__kwdefaults__ or {})}, True


def read_signature(signature: Signature) -> _Parameters:
    """Read the parameters of anything that can be called."""
    parameters = signature.parameters.values()
    kinds = {p.kind.name for p in parameters}
    return (
        tuple(signature.parameters),
        tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD),
        {
            p.name: _VARIADIC.get(p.kind.name, p.default)
            for p in parameters
            if p.default is not p.empty or p.kind.name in _VARIADIC
        },
        kinds <= {"POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY"},
    )


def takes_names(function: Callable[..., Any], names: Iterable[str]) -> bool:
    """Tell whether a Python function can be called with all arguments by name.

    A wrapper shows the signature of what it wraps, and may take less itself.
    """
    if type(function) is not FunctionType:
        return False
    if not hasattr(function, "__wrapped__"):
        return True
    from inspect import signature

    try:
        signature(function, follow_wrapped=False).bind(**dict.fromkeys(names))
    except TypeError:
        return False
    return True
