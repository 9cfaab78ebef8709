"""What calls print: each call's part apart, on every backend that keeps logs."""

from __future__ import annotations

import pytest

from gridtask import cache

SOURCE = """
    import logging, os, subprocess, sys, time
    from pathlib import Path
    from gridtask import grid_task

    @grid_task(chunk=4, retries=0)
    def talk(n, go_on="go on"):
        print("out", n)
        print("err", n, file=sys.stderr)
        logging.getLogger("mine").warning("log %d", n)
        subprocess.run(["sh", "-c", f"echo child {n}; echo child err {n} >&2"])
        os.write(1, b"fd %d\\n" % n)
        if n == 1:
            raise ValueError("one")
        if n == 3:
            os.abort()
        return n

    @grid_task(chunk=2)
    def wait(n, folder):
        print("begin", n)
        sys.stdout.flush()
        deadline = time.monotonic() + 60
        while not Path(folder, f"go{n}").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        print("end", n)
"""


def lines_of(n: int) -> list[str]:
    """Return what `talk` prints, sorted: two streams come in one file."""
    ours = [f"out {n}", f"err {n}", f"log {n}", f"fd {n}"]
    return sorted([*ours, f"child {n}", f"child err {n}"])


@pytest.fixture(autouse=True)
def keeps_logs(backend: str) -> None:
    """Leave out the backend whose calls print to the user's terminal."""
    if backend == "serial":
        pytest.skip("serial prints where the user sees it")


def test_each_call_has_what_it_printed_itself(write_module):
    """Results, failures and deaths of one array task, also from the cache folder."""
    talk = write_module(SOURCE).talk
    run = talk.submit_map([0, 1, 2, 3])
    run.wait()
    assert run.progress().failed == [1, 3]
    for n in range(3):
        assert sorted(run[n].log().splitlines()) == lines_of(n)
        assert cache().log(run[n].key) == run[n].log()
    died = run[3].log().splitlines()
    assert sorted(died[:6]) == lines_of(3)
    assert "Aborted" in run[3].log()
    assert cache().log(run[3].key) == run[3].log()


def test_error_of_a_dead_call_ends_with_its_own_log(write_module):
    """Not with that of the calls before it."""
    talk = write_module(SOURCE).talk
    *_, error = talk.map([0, 2, 3], return_exceptions=True)
    assert "child 3" in str(error)
    assert "out 2" not in str(error)


def test_running_call_shows_its_part_so_far(write_module, tmp_path):
    """The second call of an array task does not show the first one's."""
    wait = write_module(SOURCE).wait
    run = wait.submit_map([0, 1], common={"folder": str(tmp_path)})
    follow = cache().follow_log(run[0].key)
    assert next(follow) == b"begin 0\n"
    assert run[1].log() == ""
    (tmp_path / "go0").touch()
    assert b"".join(follow) == b"end 0\n"
    second = cache().follow_log(run[1].key)
    assert next(second) == b"begin 1\n"
    assert cache().log(run[1].key) == "begin 1\n"
    (tmp_path / "go1").touch()
    run.wait()
    assert b"".join(second) == b"end 1\n"
    assert [future.log() for future in run] == ["begin 0\nend 0\n", "begin 1\nend 1\n"]
    assert cache().log(run[1].key, whole=True) == "begin 0\nend 0\nbegin 1\nend 1\n"
