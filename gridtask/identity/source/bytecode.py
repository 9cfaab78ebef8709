"""Code objects without source: ``exec``, and the plain REPL of old Pythons.

Their digest is valid within one version of Python.
"""

from __future__ import annotations

import dis
import sys
from types import CodeType

from gridtask.identity.source.mutators import REFLECTIVE
from gridtask.identity.source.uses import Chain, Change, Uses

_GLOBAL_LOADS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
_ATTRIBUTE_LOADS = {"LOAD_ATTR", "LOAD_METHOD"}


_HAS_DOCSTRING = 0x4000000
"""A flag of Python 3.13."""


def code_bytes(code: CodeType) -> bytes:
    """Return bytes that say all of a code object but its file, lines and docstring.

    Constants count where they are loaded: a function's docstring is among them,
    and moves the others, but nothing loads it.
    """
    parts = [f"python {sys.version_info[:2]}".encode()]
    stack: list[object] = [code]
    while stack:
        item = stack.pop()
        if isinstance(item, CodeType):
            head = (
                item.co_name,
                item.co_argcount,
                item.co_posonlyargcount,
                item.co_kwonlyargcount,
                item.co_flags & ~_HAS_DOCSTRING,
                item.co_names,
                item.co_varnames,
                item.co_freevars,
                item.co_cellvars,
            )
            parts.append(repr(head).encode("utf-8", "surrogatepass"))
            steps = []
            for step in dis.get_instructions(item):
                is_constant = step.opcode in dis.hasconst
                steps.append((step.opname, None if is_constant else step.arg))
                if is_constant:
                    stack.append(item.co_consts[step.arg or 0])
            parts.append(repr(steps).encode())
        elif isinstance(item, tuple):
            parts.append(b"tuple %d" % len(item))
            stack.extend(item)
        else:
            parts.append(_constant(item).encode("utf-8", "surrogatepass"))
    return b"".join(b"%d:%b" % (len(part), part) for part in parts)


def _constant(value: object) -> str:
    if isinstance(value, frozenset):
        return "frozenset " + repr(sorted(map(_constant, value)))
    return f"{type(value).__name__} {value!r}"


def code_uses(code: CodeType) -> Uses:
    """Return what a code object uses from outside, as far as it tells."""
    uses = Uses()
    stack = [code]
    while stack:
        inner = stack.pop()
        _scan(inner, uses, is_root=inner is code)
        stack.extend(c for c in inner.co_consts if isinstance(c, CodeType))
    uses.chains = list(dict.fromkeys(uses.chains))
    roots = {str(chain.root) for chain in uses.chains}
    if not REFLECTIVE.isdisjoint(uses.attributes | roots):
        uses.flags.add("reflection")
    return uses


def _scan(code: CodeType, uses: Uses, *, is_root: bool) -> None:
    instructions = [i for i in dis.get_instructions(code) if i.opname != "CACHE"]
    for position, instruction in enumerate(instructions):
        name = instruction.argval
        if instruction.opname in _GLOBAL_LOADS:
            chain = Chain("global", name, _attributes(instructions[position + 1 :]))
            uses.chains.append(chain)
            if name in {"globals", "eval", "exec"}:
                uses.flags.add("module")
        elif instruction.opname in {"STORE_GLOBAL", "DELETE_GLOBAL"}:
            uses.changes.append(Change(Chain("global", name, ()), "rebind"))
        elif instruction.opname in {"LOAD_DEREF", "LOAD_CLOSURE"} and is_root:
            if name in code.co_freevars:
                uses.chains.append(Chain("free", name, ()))
        elif instruction.opname in _ATTRIBUTE_LOADS:
            uses.attributes.add(name)


def _attributes(following: list[dis.Instruction]) -> tuple[str, ...]:
    found: list[str] = []
    for instruction in following:
        if instruction.opname not in _ATTRIBUTE_LOADS:
            break
        found.append(instruction.argval)
    return tuple(found)
