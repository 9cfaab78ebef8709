"""joblib.Memory: one call after another, its messages off."""

import sys

from joblib import Memory

folder, n_calls = sys.argv[1], int(sys.argv[2])


@Memory(folder, verbose=0).cache
def half(x):
    return x * 0.5


assert [half(x) for x in range(n_calls)][10] == 5.0
