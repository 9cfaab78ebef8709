"""Errors of single system calls, put in by strace: the k-th fails, for all k."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
import warnings

import pytest

from gridtask.store.folder import Folder

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace"),
]

SCRIPT = textwrap.dedent(
    """
    import os, sys, warnings
    from pathlib import Path
    warnings.simplefilter("ignore")
    from gridtask.store.folder import Folder
    from gridtask.store.values import encode
    from gridtask.store.writer import RecordWriter
    path = Path(sys.argv[1])
    writer = RecordWriter(path, "run.1", sleep=lambda seconds: None)
    def tell(*words):
        os.write(1, (" ".join(map(str, words)) + "\\n").encode())
    try:
        for i in range(6):
            writer.put(i.to_bytes(16, "little"), bytes(8), encode(str(i) * 1000))
            if i % 2:
                writer.sync()
                tell("committed", i - 1, i)
            if i == 3:
                writer.close()
        writer.close()
        folder = Folder(path, "task")
        folder.refresh()
        folder.compact(min_files=1)
        folder.refresh()
        tell("deleting", 0)
        folder.remove(folder.find([bytes(16)]))
        tell("deleted", 0)
    except OSError as error:
        tell("error", error)
    """
)


def run(path, inject: str) -> tuple[list[str], bool]:
    """Run the script with a fault; return what it told, and whether it hit."""
    log = path.with_suffix(".strace")
    call = inject.partition(":")[0]
    command = [
        "strace",
        "-f",
        "-o",
        log,
        "-e",
        f"trace={call}",
        "-e",
        f"inject={inject}",
    ]
    result = subprocess.run(
        [*map(str, command), sys.executable, "-c", SCRIPT, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "ptrace" in result.stderr:
        pytest.skip(f"strace cannot trace here: {result.stderr.strip()}")
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines(), "(INJECTED)" in log.read_text()


def numbers(lines: list[str], what: str) -> set[int]:
    """Return the numbers in the lines that begin with `what`."""
    return {
        int(n)
        for line in lines
        if line.startswith(f"{what} ")
        for n in line.split()[1:]
    }


@pytest.mark.parametrize("error", ["EDQUOT", "EIO", "ESTALE"])
@pytest.mark.parametrize("call", ["pwritev,pwritev2", "fsync", "rename", "unlink"])
def test_no_failed_call_costs_a_committed_result(tmp_path, call, error):
    """What the process said to be committed is there, what is deleted is not."""
    for k in range(1, 60):
        path = tmp_path / f"k{k}"
        lines, is_hit = run(path, f"{call}:error={error}:when={k}")
        if not is_hit:
            break
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            folder = Folder(path, "task")
            folder.refresh()
        found = folder.find([i.to_bytes(16, "little") for i in range(6)])
        there = [i for i in range(6) if found[i] >= 0]
        values = folder.load([found[i] for i in there])
        assert values == [str(i) * 1000 for i in there]
        must = numbers(lines, "committed") - numbers(lines, "deleting")
        assert must <= set(there), f"k={k}: committed results are lost"
        assert not numbers(lines, "deleted") & set(there)
        for line in lines:
            assert not line.startswith("error") or error_text(error) in line
    assert k > 1, f"{call} was never called"
    print(f"{call} {error}: {k - 1} places, 0 lost, 0 wrong")


def error_text(name: str) -> str:
    """Return what the system calls an error."""
    import errno
    import os

    return os.strerror(getattr(errno, name))
