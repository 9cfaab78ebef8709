"""How decimal and numpy are set to compute, in this thread and at this moment.

Whoever has set them, results depend on it: what differs from the libraries' own
defaults counts for all code, and holds on a worker.
"""

from __future__ import annotations

import sys
from typing import Any

Ambient = dict[str, dict[str, Any]]
"""Settings of each library by name, of plain types."""

_DECIMAL = {
    "prec": 28,
    "rounding": "ROUND_HALF_EVEN",
    "Emin": -999999,
    "Emax": 999999,
    "capitals": 1,
    "clamp": 0,
    "traps": ["DivisionByZero", "InvalidOperation", "Overflow"],
}
_ERRORS = {"divide": "warn", "invalid": "warn", "over": "warn", "under": "ignore"}


def read_ambient() -> Ambient:
    """Return the settings that are not the defaults, of what is loaded."""
    found: Ambient = {}
    decimal, numpy = sys.modules.get("decimal"), sys.modules.get("numpy")
    if decimal is not None:
        context = decimal.getcontext()
        held = {name: getattr(context, name) for name in _DECIMAL if name != "traps"}
        traps = [signal.__name__ for signal, is_on in context.traps.items() if is_on]
        found["decimal"] = {**held, "traps": sorted(traps)}
    if numpy is not None and hasattr(numpy, "geterr"):  # else half imported
        found["numpy"] = dict(sorted(numpy.geterr().items()))
    defaults = {"decimal": _DECIMAL, "numpy": _ERRORS}
    return {name: held for name, held in found.items() if held != defaults[name]}


def set_ambient(ambient: Ambient) -> None:
    """Set what another process has read (on a worker)."""
    if "decimal" in ambient:
        import decimal

        held = dict(ambient["decimal"])
        traps = [getattr(decimal, name) for name in held.pop("traps")]
        decimal.setcontext(decimal.Context(**held, flags=[], traps=traps))
    if "numpy" in ambient:
        import numpy as np

        np.seterr(**ambient["numpy"])
