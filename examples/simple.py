"""The sum of two or three numbers, computed wherever the backend says.

python examples/simple.py
"""

from gridtask import grid_task


@grid_task(cluster_params=["-l h_rt=00:10:00", "-l h_vmem=2G"])
def add(a, b, c=0):
    """Return the sum of two or three numbers."""
    return a + b + c


args = [{"a": 1, "b": 2}, {"a": 3, "b": 4, "c": 5}, {"a": 10, "b": 20}]
results = add.map(args)

for arguments, result in zip(args, results, strict=True):
    print(arguments, "->", result)

# What all calls share is given once.
print("with c=100:", add.map([1, 2, 3], [10, 20, 30], common={"c": 100}))
