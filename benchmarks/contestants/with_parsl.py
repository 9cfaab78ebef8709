"""Parsl: its HighThroughputExecutor by 8 jobs of GridEngineProvider."""


def cluster(folder, n):
    """Map no-op calls; its programs must be found on PATH, here and there."""
    import os
    import sys
    import time

    import parsl
    from parsl.addresses import address_by_hostname
    from parsl.config import Config
    from parsl.executors import HighThroughputExecutor
    from parsl.providers import GridEngineProvider

    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    os.environ["PATH"] = path
    started = time.perf_counter()
    provider = GridEngineProvider(
        init_blocks=8,
        max_blocks=8,
        walltime="00:10:00",
        scheduler_options="#$ -l h_vmem=4G",
        worker_init=f"export PATH={path} PYTHONPATH={sys.path[0]}",
    )
    executor = HighThroughputExecutor(
        address=address_by_hostname(), max_workers_per_node=1, provider=provider
    )
    with parsl.load(Config(executors=[executor], run_dir=folder)):

        @parsl.python_app
        def half(x):
            return x * 0.5

        futures = [half(x) for x in range(n)]
        futures[0].result()
        first = time.perf_counter() - started
        assert len([future.result() for future in futures]) == n
        return {"first": first, "all": time.perf_counter() - started}
