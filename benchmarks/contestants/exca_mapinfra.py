"""exca's MapInfra: one map over all calls, in this process.

keep_in_ram=False: the values are read once, so a second copy helps nobody.
"""

import sys
import typing as tp

import exca
import pydantic

folder, n_calls = sys.argv[1], int(sys.argv[2])


class Half(pydantic.BaseModel):
    infra: exca.MapInfra = exca.MapInfra(version="1")

    @infra.apply(item_uid=str)
    def process(self, items: tp.Iterable[int]) -> tp.Iterator[float]:
        for x in items:
            yield x * 0.5


infra = {"folder": folder, "cluster": None, "keep_in_ram": False}
assert list(Half(infra=infra).process(range(n_calls)))[10] == 5.0
