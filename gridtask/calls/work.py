"""What is computed: a task's code under the options that enter its keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from gridtask.calls.binding import Arguments, Calls
from gridtask.printable import arguments_text

if TYPE_CHECKING:
    from gridtask.identity.arguments.hasher import ArgumentHasher
    from gridtask.identity.code import Code


class Work(NamedTuple):
    """What a run computes.

    Attributes
    ----------
    label : str
        The function's name for people.
    task : str
        Name of its folder in the store.
    code : Code
        Its identity and snapshot.
    ignore : frozenset of str
        Parameters that do not enter the key.
    """

    label: str
    task: str
    code: Code
    names: tuple[str, ...]
    ignore: frozenset[str] = frozenset()
    show_args: bool = True

    def keys(self, calls: Sequence[Arguments]) -> list[bytes]:
        """Return the key of each call.

        Raises
        ------
        IdentityError
            If an argument cannot be identified.
        """
        from gridtask.identity.arguments.hasher import call_keys

        names = tuple(n for n in self.names if n not in self.ignore)
        return call_keys(self.code.digest, self.digests(calls, names))

    def digests(self, calls: Sequence[Arguments], names: Sequence[str]) -> list[bytes]:
        """Return the digest of each call's arguments, of those with these names."""
        if isinstance(calls, Calls):
            names = sorted(names)
            return self.hasher().row_digests(names, calls.rows(names))
        return self.hasher().call_digests(names, calls)

    def hasher(self) -> ArgumentHasher:
        """Return what digests arguments of this task."""
        from gridtask.identity.arguments.hasher import ArgumentHasher

        return ArgumentHasher(self.code.code_digest)


def call_text(label: str, arguments: Arguments, show_args: bool = True) -> str:
    """Return a call as text, ``"simulate(seed=3, n=1000)"``."""
    return f"{label}({arguments_text(arguments) if show_args else '…'})"
