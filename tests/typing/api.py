"""How type checkers of users see gridtask: checked, never run.

What must be refused has a comment that is refused itself where it is not needed.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import assert_type

import gridtask
from gridtask import MISSING, Grid, GridFuture, GridTask, MapError, Plan, Run, grid_task


@grid_task
def square(x: int, offset: float = 0.0) -> float:
    return x * x + offset


@grid_task(memory="4G", retries=2, escalate={"memory": 2})
def names(count: int) -> list[str]:
    return ["a"] * count


class Model:
    """A class one of whose methods is a task."""

    scale = 2.0

    @grid_task
    def scaled(self, x: int) -> float:
        return self.scale * x


def methods() -> None:
    assert_type(Model().scaled(3), float)
    assert_type(Model().scaled.map([1, 2]), list[float])
    assert_type(Model.scaled(Model(), 3), float)
    Model().scaled("3")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def calls() -> None:
    assert_type(square(3), float)
    assert_type(square(x=3, offset=1.0), float)
    assert_type(names(2), list[str])
    square("3")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    square.options(memroy="8G")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    square(3, size=1)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def maps() -> None:
    assert_type(square.map([1, 2]), list[float])
    assert_type(square.map([{"x": 1}], common={"offset": 1.0}), list[float])
    assert_type(names.starmap([(1,)]), list[list[str]])
    assert_type(square.options(memory="8G").map([1]), list[float])
    square.map([1], refresh="yes")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def runs() -> None:
    run = square.submit_map([1, 2], run="squares")
    assert_type(run, Run[float])
    assert_type(run.results(), list[float])
    assert_type(run[0], GridFuture[float])
    future: Future[float] = square.submit(1)
    assert_type(future.result(), float)
    assert_type(gridtask.as_completed(run), Iterator[GridFuture[float]])
    print(run.progress().failed[0] + 1)
    print([value + 1 for value in run.results(wait=False) if value is not MISSING])


def grids() -> None:
    grid = square.grid(x=[1, 2])
    assert_type(grid, Grid[float])
    assert_type(grid.shape, tuple[int, ...])
    assert_type(grid[0], float)


def the_rest() -> None:
    assert_type(square.plan([1]), Plan)
    assert_type(square.key(1), str)
    assert_type(square.forget_all(), int)
    assert_type(square.func(2), float)
    task: GridTask[..., float] = square
    print(task, square.why(1).is_reuse)
    try:
        square.map([1])
    except MapError as error:
        print(error.failures[0], error.results)
