"""What a piece of code uses from outside, and what it changes there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gridtask.identity.source.sources import Imported


class Chain(NamedTuple):
    """A dotted use of an outside name: ``np.random.rand``.

    Attributes
    ----------
    kind : str
        ``"global"``, ``"free"`` (a closure cell) or ``"import"`` (bound by an
        import statement inside the function).
    root : str or Imported
        The name, or what the import statement binds.
    attributes : tuple of str
        What follows it.
    """

    kind: str
    root: str | Imported
    attributes: tuple[str, ...]


class Change(NamedTuple):
    """Something outside that the code changes.

    Attributes
    ----------
    chain : Chain
        The object changed.
    how : str
        ``"rebind"`` the name, set an ``"attribute"`` (the chain's last), or
        change what the container holds (``"content"``).
    """

    chain: Chain
    how: str


class Passed(NamedTuple):
    """Something outside that the code hands to a function.

    Attributes
    ----------
    function : Chain
        Which is called.
    place : int or str
        The position of the argument, or its keyword.
    argument : Chain
        What it is given.
    """

    function: Chain
    place: int | str
    argument: Chain


class Uses:
    """What a piece of code uses from outside.

    Attributes
    ----------
    chains : list of Chain
        In order of first use, without repetition.
    changes : list of Change
        What it changes.
    changed_parameters : set of str
        Parameters whose value the function changes in place.
    changed_members : set of (str, str)
        Attributes of its first parameter that it changes, and how.
    passed : list of Passed
        What it hands to functions.
    forwarded : set of (str, Chain, int or str)
        Parameters that it hands on: which, to what function, in which place.
    attributes : set of str
        All attribute names that occur.
    flags : set of str
        ``"module"`` (globals, eval, exec), ``"subclasses"``, ``"reflection"``,
        ``"source"`` (its text as data),
        ``"dynamic import"``, ``"formula"`` (a text that may name globals).
    is_setup : bool
        These are statements of a module: what they call, they call on import.
    """

    def __init__(
        self, chains: Iterable[Chain] = (), attributes: Iterable[str] = ()
    ) -> None:
        self.chains = list(chains)
        self.changes: list[Change] = []
        self.changed_parameters: set[str] = set()
        self.changed_members: set[tuple[str, str]] = set()
        self.passed: list[Passed] = []
        self.forwarded: set[tuple[str, Chain, int | str]] = set()
        self.attributes = set(attributes)
        self.flags: set[str] = set()
        self.is_setup = False
