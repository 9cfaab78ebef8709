"""Three steps that depend on each other, submitted at once.

    python examples/workflow.py            # submits load -> fit -> summary, returns
    python examples/workflow.py results    # later, from anywhere: waits and fetches

Results of one step are arguments of the next: they go from cache to worker and
never through this script, which need not live while the jobs run.
"""

import sys

import gridtask
from gridtask import grid_task


@grid_task
def load(subject):
    """Return the made-up measurements of a subject."""
    import random

    dice = random.Random(subject)
    return [subject + dice.gauss(0.0, 0.1) for _ in range(1000)]


@grid_task
def fit(data):
    """Return the mean of measurements."""
    return sum(data) / len(data)


@grid_task
def summary(means):
    """Return how many subjects there are, and their mean."""
    return len(means), sum(means) / len(means)


if len(sys.argv) > 1 and sys.argv[1] == "results":
    (result,) = gridtask.open_run("workflow").results()
    print(f"{result[0]} subjects, mean {result[1]:.3f}")
else:
    measured = load.submit_map(range(10))
    fitted = fit.submit_map(measured)  # element by element
    run = summary.submit_map([{"means": fitted}], run="workflow")
    print("submitted:", measured, fitted, run)
