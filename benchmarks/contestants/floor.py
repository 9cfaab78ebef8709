"""The physical floor: what no library can be quicker than, or hardly."""

import tasks


def rerun(folder, n, kind):
    """One file of pickles and one index, a dict of xxh3 keys, values unpickled."""
    import os
    import pickle
    import struct

    import cloudpickle
    import numpy as np
    from xxhash import xxh3_128_digest

    assert cloudpickle
    assert np
    keys = [xxh3_128_digest(pickle.dumps((x,), 5)) for x in range(n)]
    if not os.path.exists(folder):
        os.mkdir(folder)
        index, blob = [], bytearray()
        for x, key in enumerate(keys):
            data = pickle.dumps(tasks.FUNCTIONS[kind](x), 5)
            index.append(struct.pack("<16sQQ", key, len(blob), len(blob) + len(data)))
            blob += data
        for name, data in (("index", b"".join(index)), ("data", blob)):
            with open(f"{folder}/{name}", "wb") as file:
                file.write(data)
    with open(f"{folder}/index", "rb") as file:
        entries = struct.iter_unpack("<16sQQ", file.read())
    places = {key: (start, stop) for key, start, stop in entries}
    with open(f"{folder}/data", "rb") as file:
        data = file.read()
    values = [pickle.loads(data[slice(*places[key])]) for key in keys]
    assert len(values) == n


def compute(folder, n):
    """A process pool without a cache, one call at a time."""
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(2) as pool:
        assert len(list(pool.map(tasks.half, range(n)))) == n


def compute_chunked(folder, n):
    """A process pool without a cache, in chunks; all results in one synced file."""
    import os
    import pickle
    from concurrent.futures import ProcessPoolExecutor

    os.makedirs(folder, exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        results = list(pool.map(tasks.half, range(n), chunksize=max(1, n // 20)))
    with open(f"{folder}/data", "wb") as file:
        file.write(b"".join(pickle.dumps(value, 5) for value in results))
        os.fsync(file.fileno())


def put(folder, n):
    """Write one file from one end to the other, and sync it."""
    import os

    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/data", "wb", buffering=0) as file:
        for x in range(n):
            file.write(tasks.block(x))
        os.fsync(file.fileno())


def get(folder, n):
    """Read it into arrays of their own."""
    import numpy as np

    arrays = [np.empty(655_360) for _ in range(n)]
    with open(f"{folder}/data", "rb", buffering=0) as file:
        for array in arrays:
            file.readinto(memoryview(array).cast("B"))
    assert arrays[3][0] == 1.5


def common(folder, n_bytes, n_calls):
    """Write the array once, and read it once."""
    import os

    import numpy as np

    array = np.arange(n_bytes // 8, dtype=float)
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/data", "wb", buffering=0) as file:
        view = memoryview(array).cast("B")
        while view:
            view = view[file.write(view) :]
    mapped = np.memmap(f"{folder}/data", dtype=float, mode="r")
    assert mapped[::512].sum() > 0


def digest():
    """Return xxh3_128 of an array's memory; of a copy, if it is not contiguous."""
    import numpy as np
    from xxhash import xxh3_128_digest

    def hash_bytes(value):
        if not isinstance(value, np.ndarray):
            return None
        if value.flags.f_contiguous:
            value = value.T
        return xxh3_128_digest(np.ascontiguousarray(value).reshape(-1).view("u1").data)

    return hash_bytes


def cluster(folder, n):
    """A bare array job of 8 chunks, each of which writes one file of results."""
    import os
    import sys
    import time

    os.makedirs(folder)
    code = (
        "import os, pickle, sys, numpy, cloudpickle, xxhash\n"
        f"i = int(os.environ['SGE_TASK_ID']) - 1\n"
        f"results = [x * 0.5 for x in range(i, {n}, 8)]\n"
        f"file = open('{folder}/%d' % i, 'wb')\n"
        "file.write(pickle.dumps(results)); file.flush(); os.fsync(file.fileno())\n"
    )
    with open(f"{folder}/chunk.py", "w") as file:
        file.write(code)
    started = time.perf_counter()
    _submit_array([sys.executable, f"{folder}/chunk.py"])
    first = None
    while len(names := os.listdir(folder)) < 9:
        if len(names) > 1 and first is None:
            first = time.perf_counter() - started
        time.sleep(0.05)
    end = time.perf_counter() - started
    return {"first": end if first is None else first, "all": end}


def cluster_pass():
    """A bare array job of 8 interpreters that do nothing."""
    import sys
    import time

    started = time.perf_counter()
    _submit_array([sys.executable, "-c", "pass"], "-sync", "y")
    return {"all": time.perf_counter() - started}


def _submit_array(argv, *options):
    import subprocess

    qsub = ["qsub", "-terse", "-t", "1-8", "-b", "y", "-shell", "n", *options]
    subprocess.run(
        [*qsub, "-o", "/dev/null", "-j", "y", *argv], check=True, capture_output=True
    )
