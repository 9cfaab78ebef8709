"""Names of functions and methods that tell what code does to what it holds."""

MUTATORS = frozenset(
    [
        "append",
        "extend",
        "insert",
        "remove",
        "pop",
        "clear",
        "sort",
        "reverse",
        "update",
        "setdefault",
        "popitem",
        "add",
        "discard",
        "difference_update",
        "intersection_update",
        "symmetric_difference_update",
        "appendleft",
        "extendleft",
        "popleft",
        "rotate",
        "move_to_end",
        "subtract",
        "fill",
        "partition",
        "put",
        "resize",
        "itemset",
        "__setitem__",
        "__delitem__",
        "__setattr__",
    ]
)
CHANGE_FIRST = frozenset(
    [
        "next",
        "heappush",
        "heappop",
        "heapify",
        "heapreplace",
        "heappushpop",
        "insort",
        "insort_left",
        "insort_right",
        "shuffle",
    ]
)
LOOKUPS = frozenset({"setdefault", "get", "pop", "__getitem__"}) | {
    "diagonal",
    "ravel",
    "reshape",
    "squeeze",
    "swapaxes",
    "transpose",
    "view",
}
"""Methods that give what a container holds, or a view of an array."""
PARTS = frozenset({"values", "items"})
SOURCES = frozenset({"getsource", "getsourcelines", "findsource"})
REFLECTIVE = frozenset(
    [
        "__annotations__",
        "__doc__",
        "get_type_hints",
        "signature",
        "getdoc",
        "get_annotations",
        "__signature__",
        "getfullargspec",
    ]
)
IMPORTS = frozenset({"import_module", "__import__"})
FRAMES = frozenset({"f_globals", "_getframe", "currentframe"})
FORMULAS = frozenset({"query", "eval", "evaluate"})
"""What may evaluate a text among its caller's variables."""
ENCODING = frozenset({"encode", "decode", "open", "read_text", "write_text"})
"""Methods that use what `codecs` was told, besides builtins of these names."""
