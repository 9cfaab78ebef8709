"""Failed calls in a cache, told as a map tells them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gridtask import errors
from gridtask.failures import Circumstances
from gridtask.progress.groups import example_lines, first_line, grouped, report
from gridtask.worker.logs import log_path

if TYPE_CHECKING:
    from gridtask.caches.folder import Cache
    from gridtask.cli.table import Row


def failures_text(cache: Cache, rows: Sequence[Row]) -> str:
    """Return failed calls grouped by cause, with what to do next.

    Parameters
    ----------
    rows : sequence of Row
        The calls, all of them failed.
    """
    count = "1 failed call" if len(rows) == 1 else f"{len(rows)} failed calls"
    groups = grouped((row, *_cause(row)) for row in rows)
    return report(f"{count}:", groups, lambda row, head: _lines(cache, row, head))


def _cause(row: Row) -> tuple[str, str]:
    """Return the type of a call's error, and what may tell it from others."""
    kind, _, message = str(row["error"]).partition(": ")
    if _is_call_error(kind):  # its message is about one call only
        message = row["cause"] or ""
    return kind, first_line(message)


def _is_call_error(kind: str) -> bool:
    found = getattr(errors, kind, None)
    return isinstance(found, type) and issubclass(found, errors.CallError)


def _lines(cache: Cache, row: Row, head: str) -> list[str]:
    """Return what is known of the first call of a group with a heading."""
    details = cache.show(row["key"])
    call = f"{row['task']}({'…' if row['args'] is None else row['args']})"
    where = Circumstances(
        call, row["key"], job=row["job"], host=row["host"], log=_log(cache, row)
    )
    traceback = details.traceback or ""
    first = f"first: {call} [{where.key[:8]}]"
    _, message = _cause(row)
    own = [message] if message != head else []
    return [first, *own, *example_lines(traceback, traceback, where)]


def _log(cache: Cache, row: Row) -> str | None:
    """Return the path of the log of a call's array task, if it is there."""
    number = str(row["job"]).rpartition(".")[2]
    store = cache.open_store()
    if store is None or not row["run"] or not number.isdecimal():
        return None
    path = log_path(store.runs, row["run"], int(number))
    return str(path) if path.exists() else None
