"""dask: tokenize, and dask-jobqueue on Grid Engine."""


def digest():
    """Return what digests one value."""
    from dask.base import tokenize

    return tokenize


def cluster(folder, n):
    """Map no-op calls by 8 jobs of one process each, held for the whole map."""
    import time

    from dask.distributed import Client, as_completed
    from dask_jobqueue import SGECluster

    started = time.perf_counter()
    workers = SGECluster(
        cores=1,
        memory="1GB",
        resource_spec="h_vmem=4G",
        log_directory=folder,
        local_directory=folder,
        dashboard_address=None,
    )
    workers.scale(jobs=8)
    with Client(workers) as client:
        futures = client.map(lambda x: x * 0.5, range(n))  # goes by value
        next(iter(as_completed(futures)))
        first = time.perf_counter() - started
        assert len(client.gather(futures)) == n
        figures = {"first": first, "all": time.perf_counter() - started}
    workers.close()
    return figures
