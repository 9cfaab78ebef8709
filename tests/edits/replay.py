"""Run many small projects, each in a process of its own, through the real cache.

Reads rows of ``[folder, cache, style]`` as JSON and writes one outcome for each.
The processes are forked from this one before it has seen any project: they share
its hash seed and what is installed, nothing else.

A project's ``task.py`` defines ``f``, and may define ``OPTIONS`` (of `grid_task`)
and ``ARGS`` (of the call, by default ``(1,)``). In the style ``module`` another
script imports it, in the style ``script`` it is the script, and decorated.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import re
import signal
import sys
import traceback
import types

SEEN_BY_ALL = ("numpy", "cloudpickle", "dataclasses", "enum", "typing", "asyncio")
PARTS = ("gridtask", "gridtask.identity", "gridtask.store", "gridtask.backends")
NOT_COMMON = ("__main__", "frames", "tables", "tensors")
"""What runs, and what needs pandas and the like to be there."""
PATIENCE_SECONDS = 300  # other work may want the cores
MODULE = """
import task
from gridtask import grid_task

f = grid_task(**{"name": "f", **getattr(task, "OPTIONS", {})})(task.f)
ARGS = getattr(task, "ARGS", (1,))
"""
RUN = """
ARGS = globals().get("ARGS", (1,))
OUTCOME = {"key": f.key(*ARGS), "refused": "", "kept": True}
run = f.submit_map(*[[a] for a in ARGS])
OUTCOME["reused"] = bool(run.progress().cached)
try:
    OUTCOME["result"] = repr(run.results()[0])
except Exception as error:
    OUTCOME["kept"] = False
    OUTCOME["result"] = repr(getattr(error, "__cause__", None) or error)
"""


def main() -> None:
    """Run all rows, as many at once as there are cores."""
    import_common()
    os.fsync = os.fdatasync = lambda file: None  # no machine will crash here
    gc.freeze()
    rows = json.load(sys.stdin)
    n_at_once = len(os.sched_getaffinity(0))
    running: dict[int, int] = {}
    outcomes = [os.path.join(row[0], "outcome.json") for row in rows]
    for number, row in enumerate(rows):
        if len(running) >= n_at_once:
            running.pop(os.wait()[0])
        pid = os.fork()
        if not pid:
            run_alone(*row, outcomes[number])
        running[pid] = number
    for pid in running:
        os.waitpid(pid, 0)
    json.dump([read_outcome(path) for path in outcomes], sys.stdout)


def read_outcome(path: str) -> dict[str, object]:
    """Return what came of a project; one that died is refused."""
    try:
        with open(path) as file:
            return dict(json.load(file))
    except FileNotFoundError:
        return {"refused": "it died, or hung", "key": "", "result": ""}


def import_common() -> None:
    """Import once for all what most projects need, and all of gridtask."""
    for name in SEEN_BY_ALL:
        importlib.import_module(name)
    for part in PARTS:
        path = importlib.import_module(part).__path__
        for module in pkgutil.iter_modules(path, f"{part}."):
            if module.name.rpartition(".")[2] not in NOT_COMMON:
                importlib.import_module(module.name)


def run_alone(folder: str, cache: str, style: str, outcome: str) -> None:
    """Run a project in this process, write what came of it, and end."""
    signal.alarm(PATIENCE_SECONDS)
    os.chdir(folder)
    sys.stdout = sys.stderr = open("printed", "w")  # noqa: SIM115
    backend = os.environ.get("EDITS_BACKEND", "serial")
    os.environ.update(GRIDTASK_BACKEND=backend, GRIDTASK_CACHE=cache)
    sys.path.insert(0, folder)
    try:
        found = run_main(folder, style)
    except BaseException:
        found = {"refused": traceback.format_exc(), "key": "", "result": ""}
    found["result"] = re.sub(r" at 0x[0-9a-f]+", "", found["result"])
    with open(outcome, "w") as file:
        json.dump(found, file)
    sys.stdout.flush()
    os._exit(0)


def run_main(folder: str, style: str) -> dict[str, object]:
    """Run the project's script as ``__main__``."""
    name, text = "run.py", MODULE + RUN
    if style == "script":
        name = "task.py"
        with open(name, newline="") as file:
            text = decorate(file.read())
    path = os.path.join(folder, name)
    with open(path, "w", newline="") as file:
        file.write(text)
    sys.argv[:] = [path]
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=path, __builtins__=__builtins__)
    sys.modules["__main__"] = main
    exec(compile(text, path, "exec", dont_inherit=True), vars(main))
    return vars(main)["OUTCOME"]


def decorate(text: str) -> str:
    """Decorate ``f`` where it is defined, and run it where a script would."""
    end = "\r\n" if "\r\n" in text else "\n"
    made = '__import__("gridtask").grid_task(**{"name": "f", **OPTIONS})'
    options = "OPTIONS = globals().get('OPTIONS', {})"
    text, n_found = re.subn(
        r"^(?=(?:@.*\r?\n)*(?:async )?def f\()",
        f"{options}{end}@{made}{end}",
        text,
        count=1,
        flags=re.MULTILINE,
    )
    if not n_found:
        text += f"{end}{options}{end}f = {made}(f){end}"
    run = "".join(f"    {line}\n" for line in RUN.strip().split("\n"))
    return text + f"\nif __name__ == '__main__':\n{run}".replace("\n", end)


if __name__ == "__main__":
    main()
