"""Run one function of one contestant, as a process of its own.

python child.py CONTESTANT FUNCTION [ARGUMENT ...]

Whole numbers among the arguments are passed as such. What the function returns,
a dict of figures, is printed as the last line.
"""

import sys
from importlib import import_module

name, function, *arguments = sys.argv[1:]
values = [int(text) if text.isdigit() else text for text in arguments]
figures = getattr(import_module(f"contestants.{name}"), function)(*values)
if figures is not None:
    import json

    print(json.dumps(figures))
