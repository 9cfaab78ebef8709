"""On a slow network file system: every operation is a round trip."""

from measure import FOLDER, Case, contestant

TITLE = "On a slow network file system"

PEERS = {"exca MapInfra": "with_exca", "joblib": "with_joblib"}


def cases(options):
    """Return a rerun, new calls, and a poll, in the folder that was given."""
    if not options.folder:
        print("network: needs --folder, on such a file system\n")
        return []
    n = 100 if options.quick else 1_000
    return [
        _case(f"Rerun of {n:,} calls", "rerun", n, "float", keeps_folder=True),
        _case(f"{n:,} new calls", "compute", n),
        Case(
            f"Look once at a run of {n:,} calls",
            [_poll(n)],
            ranked_by=("wall", "cpu"),
            keeps_folder=True,
            traces=True,
        ),
    ]


def _case(title, function, *args, keeps_folder=False):
    args = (function, FOLDER, *args)
    entries = [contestant("gridtask", "with_gridtask", *args, role="gridtask")]
    entries += [contestant(name, module, *args) for name, module in PEERS.items()]
    ranked_by = ("wall", "cpu")
    return Case(title, entries, "", ranked_by, keeps_folder, traces=True)


def _poll(n):
    entry = contestant("gridtask", "with_gridtask", "poll", FOLDER, role="gridtask")
    entry.first = contestant("", "with_gridtask", "start_run", FOLDER, n).argv
    return entry
