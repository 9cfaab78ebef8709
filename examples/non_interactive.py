"""Submit, look how far it is, fetch the results later: also from elsewhere.

python examples/non_interactive.py            # submits and returns at once
python examples/non_interactive.py progress   # asks, from another process
python examples/non_interactive.py results    # waits and fetches
"""

import sys
import time

import gridtask
from gridtask import grid_task


@grid_task(chunk=1)
def add_slowly(a, b, c=0):
    """Return the sum of two or three numbers, after a while."""
    time.sleep(0.5)
    return a + b + c


action = sys.argv[1] if len(sys.argv) > 1 else "submit"
if action == "submit":
    args = [{"a": n, "b": n + 1} for n in range(4)] + [{"a": 1, "b": 2, "c": 3}]
    run = add_slowly.submit_map(args, run="sums")
    print("submitted:", run)
elif action == "progress":
    run = gridtask.open_run("sums")
    progress = run.progress()
    print(progress)
    print("finished so far:", [run.args[index] for index in progress.finished])
elif action == "results":
    run = gridtask.open_run("sums")
    for arguments, result in zip(run.args, run.results(), strict=True):
        print(arguments, "->", result)
else:
    sys.exit(f"unknown action {action!r}: submit, progress or results")
