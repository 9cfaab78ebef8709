"""Names in texts that a third party evaluates among the caller's variables.

``frame.query("x > @LIMIT")`` reads the global ``LIMIT`` of whoever calls it, and
``pandas.eval("A + B")`` all names of its text.
"""

from __future__ import annotations

import re

from gridtask.identity.closure.components import Node
from gridtask.identity.closure.dynamic import texts_of
from gridtask.identity.closure.lookup import Environment
from gridtask.identity.closure.walker import Closure
from gridtask.identity.source.uses import Chain

_WHOLE = frozenset({"pandas.eval", "numexpr.evaluate"})
"""Functions to which any name of a text may be the caller's."""
_NAME = r"([^\W\d]\w*(?:\.[^\W\d]\w*)*)"
_MARKED = re.compile(rf"@\s*{_NAME}")
"""To methods of data frames, names without ``@`` are columns."""
_ANY = re.compile(_NAME)


def link_formulas(closure: Closure) -> None:
    """Link code to the globals that the texts it may evaluate name."""
    texts = set(texts_of(closure))
    pattern = _MARKED if _WHOLE.isdisjoint(closure.outside) else _ANY
    for node, environment in list(closure.formulas.values()):
        names = {name for text in texts for name in pattern.findall(text)}
        for name in sorted(names):
            _link(closure, node, environment, name)


def _link(closure: Closure, node: Node, environment: Environment, name: str) -> None:
    root, *attributes = name.split(".")
    if root not in environment.namespace:
        return
    label = f"formula {name}"
    if any(label == known for known, _ in node.links):
        return
    chain = Chain("global", root, tuple(attributes))
    node.link(label, closure.resolve(chain, environment, node.name))
