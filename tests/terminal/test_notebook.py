"""A map in a real notebook: its status, its failures and Ctrl-C's place."""

from __future__ import annotations

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

CELL = """\
import time
from gridtask import grid_task

@grid_task(chunk=1)
def simulate(n):
    time.sleep(0.5)
    if n == 3:
        raise ValueError("bad seed")
    return n

simulate.map(range(6))
"""


class Client(nbclient.NotebookClient):
    """A client that remembers what a cell has displayed."""

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] in ("display_data", "update_display_data"):
            text = msg["content"]["data"]["text/plain"]
            self.displayed.append((msg["msg_type"], text))
        return super().process_message(msg, cell, cell_index)


@pytest.fixture
def run(desk, on_local):
    """Run a cell in the user's folder; return it, and what it displayed."""

    def run(source):
        cell = nbformat.v4.new_code_cell(source)
        client = Client(
            nbformat.v4.new_notebook(cells=[cell]),
            timeout=60,
            kernel_name="python3",
            allow_errors=True,
            resources={"metadata": {"path": str(desk.folder)}},
        )
        client.displayed = []
        client.execute()
        return cell, client.displayed

    return run


def test_one_place_of_the_output_is_updated(run):
    """From the first counts to the last, with a bar in between."""
    cell, displayed = run(CELL)
    (first, text), *updates = displayed
    assert first == "display_data"
    assert text.startswith("6 calls: 0 cached / 0 finished")
    assert "─" in text
    assert {kind for kind, _ in updates} == {"update_display_data"}
    last = "6 calls: 0 cached / 5 finished / 0 running / 1 failed / 0 in queue"
    assert updates[-1][1] == last
    shown = [o.data["text/plain"] for o in cell.outputs if "data" in o]
    assert shown == [last]


def test_the_traceback_is_short(run):
    """The user's line and the failures, not the source of gridtask."""
    cell, _ = run(CELL)
    (error,) = [o for o in cell.outputs if o.output_type == "error"]
    text = "\n".join(error.traceback)
    assert "line 11, in <module>" in text
    assert "simulate.map(range(6))" in text
    assert "MapError: 1 of 6 calls failed:" in text
    assert "1 x ValueError: bad seed" in text
    assert len(text.splitlines()) < 12
