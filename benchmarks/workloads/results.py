"""Large results, put one after another and read back."""

from measure import FOLDER, Case, contestant

TITLE = "Results of 5 MB"


def cases(options):
    """Return putting and getting."""
    n = 40 if options.quick else 200
    return [
        Case(
            f"{n} results of 5 MB: put",
            _entries("put", n),
            "1.2 of one sequential write",
            ("cpu", "wall"),
        ),
        Case(
            f"{n} results of 5 MB: get",
            _entries("get", n, first="put"),
            "1.2 of one sequential read",
            ("wall", "cpu"),
            keeps_folder=True,
        ),
    ]


def _entries(function, n, first=None):
    modules = {
        "gridtask": "with_gridtask",
        "exca MapInfra": "with_exca",
        "diskcache": "with_diskcache",
        "joblib, mapped": "with_joblib",
        "one file": "floor",
    }
    roles = {"gridtask": "gridtask", "one file": "floor"}
    entries = []
    for name, module in modules.items():
        role = roles.get(name, "peer")
        entries.append(contestant(name, module, function, FOLDER, n, role=role))
    if first:
        mapped = ("gridtask, mapped", "with_gridtask", f"{function}_mapped", FOLDER, n)
        entries.insert(1, contestant(*mapped, role="gridtask"))
        for entry in entries:
            module = entry.argv[2]
            entry.first = contestant(entry.name, module, first, FOLDER, n).argv
    return entries
