"""Results over all combinations of some axes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    import numpy as np

R = TypeVar("R")


class Grid(Sequence[R]):
    """Results over all combinations of the axes, the last one fastest.

    Attributes
    ----------
    axes : dict of str to list
        The values of each axis.
    shape : tuple of int
        Their numbers.

    Examples
    --------
    >>> import tempfile
    >>> from gridtask import grid_task
    >>> @grid_task(backend="serial", cache_dir=tempfile.mkdtemp())
    ... def area(width, height):
    ...     return width * height
    >>> grid = area.grid(width=[1, 2], height=[10, 20, 30])
    >>> grid.shape
    (2, 3)
    >>> grid.array()
    array([[10, 20, 30],
           [20, 40, 60]])
    >>> grid.records()[-1]
    {'width': 2, 'height': 30, 'result': 60}
    """

    def __init__(self, axes: dict[str, list[Any]], results: list[R]) -> None:
        self.axes = axes
        self.shape = tuple(len(values) for values in axes.values())
        self._results = results

    def __repr__(self) -> str:
        shape = ", ".join(f"{name}: {len(v)}" for name, v in self.axes.items())
        return f"<gridtask.Grid {shape}>"

    def __len__(self) -> int:
        return len(self._results)

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> list[R]: ...
    def __getitem__(self, index: int | slice) -> R | list[R]:
        return self._results[index]

    def array(self) -> np.ndarray[Any, Any]:
        """Return numeric results as one array: grid shape + result shape.

        Raises
        ------
        TypeError
            If a result is not numeric.
        ValueError
            If results differ in shape.
        """
        import numpy as np

        parts = [np.asarray(result) for result in self._results]
        for index, part in enumerate(parts):
            if part.dtype.kind not in "biufc":
                msg = (
                    f"result {index} is of type {type(self._results[index]).__name__}, "
                    "not numeric; take what you need from the results, or records()"
                )
                raise TypeError(msg)
            if part.shape != parts[0].shape:
                msg = (
                    f"result {index} has the shape {part.shape}, result 0 has "
                    f"{parts[0].shape}: array() needs equal shapes"
                )
                raise ValueError(msg)
        if not parts:
            return np.empty(self.shape)
        return np.stack(parts).reshape(self.shape + parts[0].shape)

    def records(self) -> list[dict[str, Any]]:
        """Return a dict of the axes' values and ``result`` for each call.

        ``pandas.DataFrame(grid.records())`` makes a table of it.

        Raises
        ------
        ValueError
            If an axis is named ``result``.
        """
        if "result" in self.axes:
            msg = "an axis is named 'result', which records() needs for the results"
            raise ValueError(msg)
        combinations = itertools.product(*self.axes.values())
        return [
            {**dict(zip(self.axes, values, strict=True)), "result": result}
            for values, result in zip(combinations, self._results, strict=True)
        ]
