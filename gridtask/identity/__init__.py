"""When are two calls the same? Digests of code and arguments; the snapshot."""
