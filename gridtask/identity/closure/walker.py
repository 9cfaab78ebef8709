"""The walk over the user's code behind a task: live objects, not files.

Collects the components (`gridtask.identity.closure.components`) that can be reached
from a function: the functions, classes and values that its code names, as they
are bound now. Names are followed through modules one step at a time, so that
only what is used counts; what belongs to third parties counts by name.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import CellType, FunctionType, ModuleType

from gridtask.identity.closure.ambient import read_ambient
from gridtask.identity.closure.boundary import Boundary
from gridtask.identity.closure.components import Node
from gridtask.identity.closure.lookup import (
    MODULE_NAMES,
    Environment,
    Found,
    Namespace,
    Setting,
    Target,
    absolute_name,
    load_submodule,
    qualify,
)
from gridtask.identity.closure.state import State
from gridtask.identity.source.mutators import ENCODING, IMPORTS
from gridtask.identity.source.sources import Imported
from gridtask.identity.source.texts import namespace_sources
from gridtask.identity.source.uses import Chain, Change, Passed, Uses

_MISSING = object()
_SCALARS = (int, float, str, bool, bytes, complex, type(None))


class Closure:
    """One walk. Nothing of it is used for another.

    Parameters
    ----------
    boundary : Boundary
        Which code is the user's.
    state : State
        What is known to be state from an earlier walk.
    ignored : iterable of object
        Functions and modules whose code does not count.
    is_lenient : bool
        Go on where a value cannot be identified: nothing of this walk counts,
        it only finds what a worker needs.
    """

    def __init__(
        self,
        boundary: Boundary,
        state: State,
        ignored: Iterable[object] = (),
        *,
        is_lenient: bool = False,
    ) -> None:
        self.boundary = boundary
        self.state = state
        self.ignored = {id(thing): thing for thing in ignored}
        self.is_lenient = is_lenient
        self.root: object = None
        self.uncounted: list[object] = []
        self.found_state = State()
        self.targets: dict[int, tuple[object, Target]] = {}
        self.globals: dict[tuple[int, str], Node] = {}
        self.bindings: dict[tuple[int, str], Namespace] = {}
        self.modules: dict[str, None] = {}
        self.attributes: dict[str, None] = {}
        self.called: dict[str, None] = {}
        self.flags: set[str] = set()
        self.hints = self.sources = self.hints_wanted = False
        self.warnings: dict[str, str] = {}
        self.classes: list[Node] = []
        self.subclassed: set[int] = set()
        self.virtual: dict[int, list[str]] | None = None
        self.patched: list[tuple[object, str, str]] = []
        self.definitions: dict[int, Callable[[], Target | None]] = {}
        self.kept: list[object] = []
        self.member_changes: list[tuple[type, str, str, str]] = []
        self.changes: list[tuple[Node, Change, Environment]] = []
        self.passed: list[tuple[Node, Passed, Environment]] = []
        self.instances: list[object] = []
        self.importing: dict[int, tuple[Node, bool]] = {}
        self.formulas: dict[int, tuple[Node, Environment]] = {}
        self.outside: dict[str, None] = {}
        self.settings: dict[int, Setting] = {}
        self.environment: dict[str, str] = {}
        self.ambient = read_ambient()
        self._queue: deque[Callable[[], None]] = deque()

    # -- the worklist -----------------------------------------------------------
    def later(self, work: Callable[[], None]) -> None:
        """Put work on the list; recursion would end at Python's limit."""
        self._queue.append(work)

    def run(self, root: Node) -> None:
        """Walk until nothing new is found, then say what is state."""
        from gridtask.identity.closure.changes import find_state

        self._drain()
        if self.outside or not ENCODING.isdisjoint(self.attributes):
            from gridtask.identity.closure.registered import link_reducers
            from gridtask.identity.closure.seeds import link_seeds

            link_seeds(self, root)
            link_reducers(self, root)
            self._drain()
        find_state(self)

    def _drain(self) -> None:
        while self._queue:
            while self._queue:
                self._queue.popleft()()
            if "subclasses" in self.flags:
                from gridtask.identity.closure.members import link_subclasses

                link_subclasses(self)
            if self.importing and not self._queue:
                from gridtask.identity.closure.dynamic import link_imported

                link_imported(self)
            if self.formulas and not self._queue:
                from gridtask.identity.closure.formulas import link_formulas

                link_formulas(self)

    def subjects(self) -> Iterator[object]:
        """Yield the objects that the walk has met."""
        for subject, _ in self.targets.values():
            yield subject

    def is_root(self, value: object) -> bool:
        """Return whether `value` is the task itself, which scripts call at will."""
        from gridtask.identity.closure.callables import is_task

        return value is self.root or is_task(value)

    def ignores_module(self, name: object) -> bool:
        """Return whether a module, or a package around it, is ignored."""
        parts = str(name).split(".")
        packages = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
        return any(id(sys.modules.get(part)) in self.ignored for part in packages)

    def visit(
        self, value: object, name: str = "", origin: tuple[Namespace, str] | None = None
    ) -> Target:
        """Return the component of an object, or its name if it is no user code."""
        from gridtask.identity.closure.callables import visit_object

        known = self.targets.get(id(value))
        if known is not None:
            return known[1]
        return visit_object(self, value, name, origin)

    def remember(self, value: object, target: Target) -> Target:
        """Keep the component of an object for when it comes again."""
        self.targets[id(value)] = (value, target)
        return target

    # -- uses of names ----------------------------------------------------------
    def apply(self, node: Node, uses: Uses, environment: Environment) -> None:
        """Link `node` to all that its code uses."""
        self.attributes.update(dict.fromkeys(uses.attributes))
        if not uses.is_setup:
            self.called.update(dict.fromkeys(uses.attributes))
        self.flags |= uses.flags
        is_known = "dynamic import" not in uses.flags
        for chain in uses.chains:
            shown = [str(chain.root), *chain.attributes]
            label = f"{chain.kind} {'.'.join(shown)}"
            target = self.resolve(chain, environment, node.name)
            node.link(label, target)
            if isinstance(target, str):
                from gridtask.identity.closure.dynamic import note_outside

                self.outside[target] = None
                note_outside(self, node, target, is_known and shown[-1] in IMPORTS)
            if "__globals__" in chain.attributes:
                from gridtask.identity.closure.dynamic import link_globals

                link_globals(self, node, chain, environment)
        if "formula" in uses.flags:
            self.formulas[id(node)] = node, environment
        if "module" in uses.flags:
            node.link("own module", self.whole_module(environment.namespace))
        for change in uses.changes:
            self.changes.append((node, change, environment))
        for passed in uses.passed:
            self.passed.append((node, passed, environment))

    def resolve(self, chain: Chain, environment: Environment, user: str = "") -> Target:
        """Return what a chain leads to."""
        if chain.kind == "free":
            cell = environment.cells.get(str(chain.root))
            if cell is not None and self._is_state_cell(cell):
                from gridtask.identity.closure.definitions import cell_definition

                return cell_definition(self, cell, str(chain.root), environment)
        found = self.follow_chain(chain, environment)
        if found.target is not None:
            return found.target
        origin = None if found.namespace is None else (found.namespace, found.name)
        name = f"{user}.<closure>.{chain.root}" if origin is None else ""
        return self.visit_bound(found.value, name, origin)

    def visit_bound(
        self, value: object, name: str, origin: tuple[Namespace, str] | None
    ) -> Target:
        """Return the component of what a global name holds."""
        if origin is None:
            return self.visit(value, name)
        namespace, key = origin
        is_state = (id(namespace), key) in self.state.names
        if is_state or id(value) in self.state.contents:
            from gridtask.identity.closure.definitions import definition

            made = definition(self, namespace, key, "state")
            assert made is not None
            self.warnings[made.name] = (
                f"{made.name} is changed by the task's own code: it counts by the "
                "statements that define it, not by what it holds; pass what results "
                "depend on as an argument, or name it with depends=[...]"
            )
            return made
        return self.visit(value, qualify(namespace, key), origin)

    def _is_state_cell(self, cell: CellType) -> bool:
        if id(cell) in self.state.cells:
            return True
        try:
            return id(cell.cell_contents) in self.state.contents
        except ValueError:
            return False

    def follow_chain(self, chain: Chain, environment: Environment) -> Found:
        if chain.kind == "global":
            return self._follow_global(str(chain.root), chain.attributes, environment)
        if chain.kind == "import":
            assert isinstance(chain.root, Imported)
            return self._follow_import(chain.root, chain.attributes, environment)
        try:
            value = environment.cells[str(chain.root)].cell_contents
        except (KeyError, ValueError):
            return Found(None, (), target="an empty cell")
        return self.follow(value, chain.attributes)

    def _follow_global(
        self, name: str, attributes: tuple[str, ...], environment: Environment
    ) -> Found:
        namespace = environment.namespace
        if name in namespace or (id(namespace), name) in self.state.names:
            return self.step(namespace, name, attributes)
        value = vars(builtins).get(name, _MISSING)
        if value is _MISSING:
            return Found(None, (), target=f"missing {name}")
        is_own = isinstance(value, FunctionType) and self.boundary.owns_file(
            value.__code__.co_filename
        )
        if is_own:
            return Found(value, attributes)
        return Found(None, (), target=f"builtins.{name}")

    def _follow_import(
        self, target: Imported, attributes: tuple[str, ...], environment: Environment
    ) -> Found:
        """Follow a name that an import statement inside a function binds."""
        name = absolute_name(target, environment.namespace)
        parts = attributes if target.attribute is None else (target.attribute,)
        rest = () if target.attribute is None else attributes
        if not self._may_import(name):
            self.modules[name] = None
            return Found(None, (), target=".".join([name, *parts, *rest]))
        try:
            if target.also:
                importlib.import_module(target.also)
            module = importlib.import_module(name)
        except ImportError:
            return Found(None, (), target=f"missing {name}")
        if target.attribute is not None:
            load_submodule(module, target.attribute)
        return self.follow(module, (*parts, *rest))

    def _may_import(self, name: str) -> bool:
        """Third parties' modules are counted by name: no need to load them."""
        if name in sys.modules:
            return True
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names:
            return False
        from importlib.util import find_spec

        try:
            spec = find_spec(top)
        except (ImportError, ValueError):
            return True
        if spec is None or not spec.has_location or spec.origin is None:
            return True
        return self.boundary.owns_file(spec.origin)

    def follow(self, value: object, attributes: tuple[str, ...]) -> Found:
        """Follow attributes as long as they lead through modules."""
        if not isinstance(value, ModuleType):
            return Found(value, attributes)
        if not self.boundary.owns_module(value):
            return self._follow_third_party(value, attributes)
        if self.ignored and self.ignores_module(value.__name__):
            return Found(None, (), target=".".join(["ignored", *attributes]))
        self.modules[value.__name__] = None
        if type(value) is not ModuleType and self.boundary.owns_class(type(value)):
            return Found(value, ())
        if not attributes or attributes[0] == "__dict__":
            return Found(value, ())
        return self.step(vars(value), attributes[0], attributes[1:])

    def step(
        self, namespace: Namespace, name: str, attributes: tuple[str, ...]
    ) -> Found:
        """Follow one global name of a user's module."""
        self.bindings[id(namespace), name] = namespace
        value = namespace.get(name, _MISSING)
        if (id(namespace), name) in self.state.names:
            return Found(value, attributes, namespace, name)
        if name in MODULE_NAMES:
            return Found(None, (), target=f"module's {name}")
        if value is _MISSING:
            return self._step_missing(namespace, name, attributes)
        if isinstance(value, ModuleType):
            return self.follow(value, attributes)
        if type(value) in _SCALARS:
            return Found(value, attributes, namespace, name)
        elsewhere = self.find_import(namespace, name, value)
        if elsewhere is None:
            return Found(value, attributes, namespace, name)
        return self.follow(elsewhere[0], (elsewhere[1], *attributes))

    def _step_missing(
        self, namespace: Namespace, name: str, attributes: tuple[str, ...]
    ) -> Found:
        module = sys.modules.get(f"{namespace.get('__name__')}.{name}")
        if module is not None:
            return self.follow(module, attributes)
        if "__getattr__" in namespace and namespace.get("__name__") != "__main__":
            whole = sys.modules.get(str(namespace.get("__name__")))
            if whole is not None and vars(whole) is namespace:
                return Found(whole, ())
        return Found(None, (), target=f"missing {name}")

    def find_import(
        self, namespace: Namespace, name: str, value: object
    ) -> tuple[ModuleType, str] | None:
        """Return the module and name that an import statement took a value from."""
        for source in namespace_sources(namespace):
            for target in source.imports().get(name, ()):
                if target.attribute is None:
                    continue
                module = sys.modules.get(absolute_name(target, namespace))
                if module is None or vars(module) is namespace:
                    continue
                if vars(module).get(target.attribute, _MISSING) is value:
                    return module, target.attribute
        return None

    def _follow_third_party(
        self, module: ModuleType, attributes: tuple[str, ...]
    ) -> Found:
        """Count by name, unless user code has put something of its own there."""
        from gridtask.identity.closure.members import is_touched
        from gridtask.identity.closure.wrappers import is_own_code

        dotted = [module.__name__, *attributes]
        value: object = module
        for attribute in attributes:
            if not isinstance(value, ModuleType):
                break
            self.modules[value.__name__] = None
            value = vars(value).get(attribute)
        if isinstance(value, ModuleType):
            self.modules[value.__name__] = None
        elif is_own_code(self, value):
            self.patched.append((value, ".".join(dotted[:-1]), dotted[-1]))
            return Found(value, ())
        elif is_touched(self, value):
            return Found(value, ())
        return Found(None, (), target=".".join(dotted))

    def whole_module(self, namespace: Namespace) -> Target:
        """Return the component of a module that is used as a whole."""
        from gridtask.identity.closure.values import visit_module

        return visit_module(self, namespace)
