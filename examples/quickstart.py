"""Ten minutes in ten seconds: run it twice, and see what the second run does.

    python examples/quickstart.py

Runs on Grid Engine where there is one, else on this machine's processes.
"""

import time

from gridtask import grid_task


@grid_task(memory="1G", time="00:10:00")
def estimate_pi(seed, n_points=200_000):
    """Estimate pi by throwing points at a square."""
    import random

    dice = random.Random(seed)
    hits = sum(dice.random() ** 2 + dice.random() ** 2 < 1 for _ in range(n_points))
    return 4 * hits / n_points


started = time.perf_counter()
estimates = estimate_pi.map([{"seed": seed} for seed in range(20)])
seconds = time.perf_counter() - started

print(f"pi is about {sum(estimates) / len(estimates):.4f}")
print(f"{len(estimates)} results in {seconds:.2f} s; run it again: nothing is computed")
