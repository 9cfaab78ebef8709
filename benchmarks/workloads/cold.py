"""No-op calls that are all new, on this machine by two workers."""

from measure import FOLDER, Case, contestant

TITLE = "New calls, two local workers"


def cases(options):
    """Return two sizes."""
    return [_case(n) for n in ((1_000,) if options.quick else (1_000, 10_000))]


def _case(n):
    args = ("compute", FOLDER, n)
    entries = [
        contestant("gridtask", "with_gridtask", *args, role="gridtask"),
        contestant("exca MapInfra", "with_exca", *args),
        contestant("diskcache", "with_diskcache", *args),
        contestant("joblib", "with_joblib", *args),
        contestant("process pool, no cache", "floor", *args, role="other"),
        contestant("chunked pool, one file", "floor", "compute_chunked", *args[1:]),
    ]
    entries[-1].role = "floor"
    target = f"{'1.6' if n == 1_000 else '2'} times as quick as the best peer"
    return Case(f"{n:,} no-op calls", entries, target, ("wall", "cpu"))
