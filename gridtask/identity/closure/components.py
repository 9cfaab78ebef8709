"""The graph of what a task's code consists of, and its digest.

Every function, class, value and module that the closure reaches is a
component: its own content, and labelled links to other components. Components
have no identity beyond that, so that moving a function to another module, or
reaching it in another order, changes nothing: the digest is found by
refinement. Each component's digest is computed again with the digests of those
it links to, until no more components are told apart. Cycles need no care.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from xxhash import xxh3_128_digest

SCHEMA = b"gridtask code 1"
"""Enters every code digest; changes when the rules of identity do."""


class Component(NamedTuple):
    """One line of a manifest.

    Attributes
    ----------
    name : str
        ``helpers.scale``, ``cfg.ALPHA``.
    digest : bytes
        16 bytes, of the component alone.
    text : str
        What a person compares: the source text, or the value in short.
    """

    name: str
    digest: bytes
    text: str


class Node:
    """A component under construction.

    Attributes
    ----------
    name : str
        For people; does not enter any digest.
    kind : str
        ``"function"``, ``"class"``, ``"value"`` and so on.
    subject : object
        The object; kept so that its id stays its own.
    parts : list of bytes
        Its own content, each part labelled; order does not count.
    links : list of (str, Node)
        What it uses, by the name by which it does.
    content : callable or None
        Digest of a value that holds functions or classes, given theirs.
    """

    __slots__ = (
        "content",
        "kind",
        "links",
        "make_text",
        "member",
        "name",
        "parts",
        "subject",
    )

    def __init__(self, name: str, kind: str, subject: object) -> None:
        self.name = name
        self.kind = kind
        self.subject = subject
        self.parts: list[bytes] = [kind.encode()]
        self.links: list[tuple[str, Node]] = []
        self.content: Callable[[Colours], bytes] | None = None
        self.make_text: Callable[[], str] | None = None
        self.member: tuple[type, str, bool] | None = None

    def add(self, label: str, content: bytes | str) -> None:
        """Add own content."""
        data = (
            content
            if isinstance(content, bytes)
            else content.encode("utf-8", "surrogatepass")
        )
        name = label.encode("utf-8", "surrogatepass")
        self.parts.append(b"%d:%b%b" % (len(name), name, data))

    def link(self, label: str, target: Node | str) -> None:
        """Add a link to another component, or a name outside the user's code."""
        if isinstance(target, Node):
            self.links.append((label, target))
        else:
            self.add(label, "outside " + target)

    def own_digest(self) -> bytes:
        """Return the digest of the content without what it links to."""
        parts = sorted(self.parts)
        heads = b",".join(b"%d" % len(part) for part in parts)
        return xxh3_128_digest(b"%b;%b" % (heads, b"".join(parts)))


def text_node(name: str, kind: str, text: str) -> Node:
    """Return a component that is nothing but a short text, which people see."""
    node = Node(name, kind, None)
    node.add("text", text)
    node.make_text = lambda: text
    return node


Colours = dict[int, bytes]
"""Digests of nodes by the nodes' ids."""


def reachable(roots: Iterable[Node]) -> list[Node]:
    """Return the nodes that can be reached from `roots`, these first."""
    found: dict[int, Node] = {}
    stack = list(reversed(list(roots)))
    while stack:
        node = stack.pop()
        if id(node) not in found:
            found[id(node)] = node
            stack.extend(target for _, target in reversed(node.links))
    return list(found.values())


def digest_graph(root: Node) -> bytes:
    """Return the digest of all that can be reached from `root`.

    Two graphs have the same digest exactly if following equal labels from the
    roots leads to equal contents, however far.
    """
    nodes = reachable([root])
    colours = {id(node): node.own_digest() for node in nodes}
    n_colours = len(set(colours.values()))
    while True:
        finer = {id(node): _refine(node, colours) for node in nodes}
        n_finer = len(set(finer.values()))
        if n_finer == n_colours:
            break
        colours, n_colours = finer, n_finer
    pairs = sorted({colours[id(node)] + finer[id(node)] for node in nodes})
    return xxh3_128_digest(b"".join([SCHEMA, finer[id(root)], *pairs]))


def _refine(node: Node, colours: Colours) -> bytes:
    parts = [colours[id(node)]]
    if node.content is not None:
        parts.append(node.content(colours))
    links = {
        xxh3_128_digest(label.encode("utf-8", "surrogatepass")) + colours[id(target)]
        for label, target in node.links
    }
    return xxh3_128_digest(b"".join([*parts, *sorted(links)]))


def write_manifest(root: Node) -> tuple[Component, ...]:
    """Return the components that can be reached, sorted by name.

    Names are unique: a second component of the same name gets a number.
    """
    nodes = [node for node in reachable([root]) if node.kind != "root"]
    rows = [
        Component(node.name, _alone(node), node.make_text() if node.make_text else "")
        for node in nodes
    ]
    rows.sort(key=lambda row: (row.name, row.digest))
    seen: dict[str, int] = {}
    named = []
    for row in rows:
        seen[row.name] = seen.get(row.name, 0) + 1
        count = seen[row.name]
        name = row.name if count == 1 else f"{row.name} ({count})"
        named.append(row._replace(name=name))
    return tuple(named)


def _alone(node: Node) -> bytes:
    """Digest a component with the names, not the contents, of its links."""
    names = sorted(
        {f"{label} {target.kind} {_last(target.name)}" for label, target in node.links}
    )
    text = "\0".join(names).encode("utf-8", "surrogatepass")
    return xxh3_128_digest(node.own_digest() + text)


def _last(name: str) -> str:
    return name.rpartition(".")[2]
