"""jug's hash of values; its tasks need a command of their own to run."""


def digest():
    """Return what digests one value."""
    from jug.hash import hash_one

    return hash_one
