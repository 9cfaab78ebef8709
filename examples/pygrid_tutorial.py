"""What PyGrid's tutorial does, step by step, with gridtask.

python examples/pygrid_tutorial.py

docs/how-to/from-pygrid.md has each function and each key beside gridtask's.
"""

from pathlib import Path

import numpy as np

import gridtask
from gridtask import grid_task


# The function stays as it is; the decorator takes the place of `import pygrid`.
@grid_task(cluster_params=["-l h_vmem=2G"])
def weighted_sum(a, b, weight=2):
    """Return a number: PyGrid would have made an array of it."""
    return a + b * weight


@grid_task
def statistics(sample, data):
    """Return a dict of arrays; `data` is what all calls share."""
    rows = data[sample::10]
    return {"mean": rows.mean(axis=0), "spread": rows.std(axis=0)}


@grid_task(retries=0)
def read_number(path):
    """Fail as long as there is no such file."""
    return int(Path(path).read_text())


args = [{"a": 1, "b": 2}, {"a": 2, "b": 3, "weight": 4}]

print("map(function, args)")
print(weighted_sum.map(args))

print("map(..., use_cluster=False): in this process, for debugging")
print(weighted_sum.map([{"a": 5, "b": 6}], use_cluster=False))

print("map(..., temp_folder='first', interactive=False) returns at once")
weighted_sum.submit_map(args, run="first")

print("get_progress('first'), get_args('first'), get_results('first')")
run = gridtask.open_run("first")  # also from another process, another day
print(len(run.progress().failed), "failed")
print(run.args)
print(run.results())

print("args that all calls share are stored once, arrays as they are")
data = np.arange(3000.0).reshape(1000, 3)
found = statistics.map([{"sample": n} for n in range(3)], common={"data": data})
print(found[0]["mean"])

print("restart('numbers', cluster_params=...)")
path = Path("number.txt")
path.unlink(missing_ok=True)
run = read_number.submit_map([{"path": "number.txt"}], run="numbers", refresh=True)
run.wait()
print(run.failures())
path.write_text("7")
run.retry(cluster_params="-l h_rt=00:10:00")
print(run.results())

print("delete_folder('numbers')")
run.delete()
path.unlink()

print("delete_all_folders('.') asks for each: gridtask rm --below .")
