"""Where top-level statements begin is found without parsing them."""

from __future__ import annotations

import ast
import linecache
import re
from pathlib import Path

import pytest

from gridtask.identity.source.outline import Outline
from gridtask.identity.source.sources import Source
from gridtask.identity.source.syntax import first_line

TEXTS = {
    "docstring": '"""Doc.\n\nimport a\n"""\nimport b\n',
    "quotes in a comment": '# it\'s """\nimport b\nx = \'"""\'\nimport c\n',
    "prefix": 'x = rb"""\nimport a\n"""\nimport b\n',
    "escapes": 'x = """\\"""\nimport a\n"""\nimport b\n',
    "nested quotes": "x = \"\"\"'''\nimport a\n'''\"\"\"\nimport b\n",
    "empty text": 'x = """"""\nimport b\n',
    "continued line": "from a \\\nimport b\nx = 'a\\\nimport c'\n",
    "else": "if x:\n    import a\nelse:\n    import b\n",
    "try": "try:\n    import a\nexcept E:\n    a = None\nfinally:\n    1\nimport b\n",
    "decorators": "@a(\n    1\n)\n# one\n@b\nasync def f(): pass\nimport b\n",
    "brackets": "from a import (\nb,\nc,\n)\nx = [\n1,\n]\nimport d\n",
    "semicolons": "import a; import b\n",
    "no line end": "import a\nx = 1",
    "empty": "",
}


def imports_of(tree):
    """Return the names that a module's own import statements bind."""
    inner = [tree.body, *(getattr(node, "body", []) for node in tree.body)]
    inner += [getattr(node, "orelse", []) for node in tree.body]
    nodes = [n for block in inner for n in block]
    kinds = (ast.Import, ast.ImportFrom)
    return {a.name for n in nodes if isinstance(n, kinds) for a in n.names}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_imports_are_those_of_the_whole_text(text):
    """What a text in quotes or a comment says is no import; what goes on is."""
    found = Source("m.py", text, text.encode()).imports()
    assert set(found) == imports_of(ast.parse(text))


@pytest.mark.parametrize("path", [ast.__file__, re.__file__, linecache.__file__])
def test_pieces_are_whole_statements(path):
    """Piece by piece, real modules parse to what they parse to as a whole."""
    text = Path(path).read_text()
    outline, source = Outline(text), Source(path, text, text.encode())
    whole = ast.parse(text)
    numbers = {outline.at_line(first_line(unit)) for unit in whole.body}
    pieces = [unit for n in sorted(numbers) for unit in source.parse_piece(n)]
    shown = [ast.dump(unit, include_attributes=True) for unit in pieces]
    assert shown == [ast.dump(unit, include_attributes=True) for unit in whole.body]


def test_unused_statements_are_not_parsed():
    """A statement that nobody asks for costs nothing."""
    text = "import a\n\ndef f():\n    return 1\n\ndef g():\n    return (\n"
    namespace = {}
    exec(
        compile(text.partition("def g")[0].replace("import a", ""), "m.py", "exec"),
        namespace,
    )
    place = Source("m.py", text, text.encode()).find_function(namespace["f"].__code__)
    assert place.node.name == "f"
