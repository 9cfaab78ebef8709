"""A store of many results: python growing.py FOLDER N VERB."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from gridtask import grid_task
from gridtask.store import values
from gridtask.store.store import Store

folder, n, verb = sys.argv[1], int(sys.argv[2]), sys.argv[3]


@grid_task(backend="serial", cache_dir=folder)
def half(x):
    """Return half."""
    return x * 0.5


def key_of(x):
    """Return any key."""
    return x.to_bytes(16, "little")


def seconds_of(work):
    """Return the CPU seconds of some work."""
    started = time.process_time()
    work()
    return time.process_time() - started


def look_up():
    """Open the store anew and find all keys."""
    part = Store.open(folder).folder("half")
    part.refresh()
    assert min(part.find(keys)) >= 0


if verb == "fill":
    store = Store.open(folder).folder("half")
    writer = store.writer("fill")
    for x in range(n):
        meta = {"args": f"x={x}"}
        writer.put(
            key_of(x), bytes(8), values.encode(x / 2), seconds=0, peak_mb=0, meta=meta
        )
    writer.close()
else:
    keys = [key_of(x) for x in range(n)]
    store = Store.open(folder).folder("half")
    store.refresh()
    command = [str(Path(sys.executable).with_name("gridtask")), "-C", folder, "ls"]
    subprocess.run(command, check=True, capture_output=True)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    half(-time.time())  # the first one also imports what writes
    figures = {
        "lookup": seconds_of(look_up) / n * 1e6,
        "ls": usage.ru_utime + usage.ru_stime,
        "new": seconds_of(lambda: half(time.time())) * 1e3,
        "poll": seconds_of(store.refresh) * 1e3,
    }
    print(json.dumps(figures))
