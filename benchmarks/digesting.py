"""Time one contestant's digest of one value: python digesting.py MODULE VALUE MB."""

import json
import sys
import time
from importlib import import_module


def make(value, n_mb):
    """Return a value."""
    import numpy as np

    rows = n_mb * 128
    if value == "c_order":
        return np.ones((rows, 1024))
    if value == "f_order":
        return np.ones((1024, rows)).T
    if value == "strided":
        return np.ones((rows, 1024))[:, ::2]
    if value == "ints":
        return list(range(100_000))
    if value == "texts":
        return [f"text {i}" for i in range(100_000)]
    if value == "arrays":
        return {f"name {i}": np.arange(i % 7, i % 7 + 10.0) for i in range(1000)}
    import pandas as pd

    return pd.DataFrame(np.ones((1_000_000, 10)), columns=list("abcdefghij"))


module, value, n_mb = sys.argv[1:]
digest = import_module(f"contestants.{module}").digest()
made = make(value, int(n_mb))
digest([1.0])
started = time.process_time()
digest(made)
print(json.dumps({"digest_ms": (time.process_time() - started) * 1e3}))
