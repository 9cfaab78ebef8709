"""exca's MapInfra: one map over all calls.

keep_in_ram=False: values are read once, so a second copy helps nobody.
"""

import typing as tp

import exca
import pydantic
import tasks


class Compute(pydantic.BaseModel):
    """All calls of one kind."""

    kind: str = "float"
    infra: exca.MapInfra = exca.MapInfra(version="1")

    @infra.apply(item_uid=str)
    def process(self, items: tp.Iterable[int]) -> tp.Iterator[tp.Any]:
        """Compute what is missing."""
        function = tasks.FUNCTIONS[self.kind]
        for x in items:
            yield function(x)


def _map(folder, n, kind, cluster):
    infra = {"folder": folder, "cluster": cluster, "keep_in_ram": False, "max_jobs": 2}
    assert len(list(Compute(kind=kind, infra=infra).process(range(n)))) == n


def rerun(folder, n, kind):
    """Map `n` calls in this process."""
    _map(folder, n, kind, None)


def compute(folder, n):
    """Map `n` calls by two processes."""
    _map(folder, n, "float", "processpool")


def put(folder, n):
    """Compute and keep blocks in this process."""
    _map(folder, n, "block", None)


def get(folder, n):
    """Read all blocks and touch each page of them."""
    infra = {"folder": folder, "cluster": None, "keep_in_ram": False}
    values = list(Compute(kind="block", infra=infra).process(range(n)))
    assert sum(float(value[::512].sum()) >= 0 for value in values) == n
