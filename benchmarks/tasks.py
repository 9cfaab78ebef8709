"""What is computed: next to nothing, so that only the library's own cost counts."""


def half(x):
    """Return a float."""
    return x * 0.5


def record(x):
    """Return a small dict."""
    return {"seed": x, "score": x * 0.5, "name": "run", "ok": True}


def vector(x):
    """Return an array of 1 kB."""
    import numpy as np

    return np.full(128, x * 0.5)


def block(x):
    """Return an array of 5 MB."""
    import numpy as np

    return np.full(655_360, x * 0.5)


FUNCTIONS = {"float": half, "dict": record, "array": vector, "block": block}
