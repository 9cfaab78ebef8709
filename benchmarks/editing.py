"""Two tasks, of which one uses a helper: python editing.py FOLDER N VERB."""

import os
import sys

SOURCE = """
from gridtask import grid_task

def helper(x):
    return x * {factor}

@grid_task(backend="local")
def with_helper(x):
    return helper(x)

@grid_task(backend="local")
def without(x):
    return x * 0.5
"""

folder, n, verb = sys.argv[1], int(sys.argv[2]), sys.argv[3]
os.environ["GRIDTASK_CACHE"] = f"{folder}/cache"
os.makedirs(f"{folder}/source", exist_ok=True)
sys.path.insert(0, f"{folder}/source")
with open(f"{folder}/source/study.py", "w") as file:
    file.write(SOURCE.format(factor=0.25 if verb == "plan" else 0.5))
sys.dont_write_bytecode = True  # the source changes within a second

import study  # noqa: E402 - the path is set above

for task in (study.with_helper, study.without):
    if verb == "plan":
        n_missing = n // 2 if task is study.with_helper else 0
        assert len(task.plan(range(n // 2)).missing) == n_missing
    else:
        task.map(range(n // 2), progress=False)
