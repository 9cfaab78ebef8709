"""How the documentation is built: ``make docs``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generated

import gridtask

project = "gridtask"
author = "The gridtask developers"
copyright = "2026, The gridtask developers"
version = release = gridtask.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"gridtask {version}"
html_copy_source = False
html_static_path = ["_static"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False
numpydoc_validation_checks = {"GL08", "PR03", "SS02", "SS03", "SS05", "SS06", "YD01"}
numpydoc_class_members_toctree = False
toc_object_entries_show_parents = "hide"


def setup(app):
    """Fill in what the package itself knows best."""
    app.connect("source-read", generated.fill_in)
    app.connect("autodoc-skip-member", skip_field)


def skip_field(app, what, name, obj, skip, options):
    """Leave out the fields of named tuples: the class's own docstring tells of them."""
    return skip or type(obj).__name__ == "_tuplegetter"
