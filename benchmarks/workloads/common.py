"""One large array that all calls share."""

from measure import FOLDER, Case, contestant

TITLE = "One array common to 100 calls"


def cases(options):
    """Return one case."""
    n_bytes = (64 if options.quick else 1024) << 20
    args = ("common", FOLDER, n_bytes, 100)
    entries = [
        contestant("gridtask", "with_gridtask", *args, role="gridtask"),
        contestant("joblib, no cache", "with_joblib", *args),
        contestant("one write, one read", "floor", *args, role="floor"),
    ]
    target = "written once, at most 64 MB more in the driver"
    figures = ("wall", "cpu", "driver_extra_mb")
    return [Case(f"{n_bytes >> 20} MB, 100 calls", entries, target, figures)]
