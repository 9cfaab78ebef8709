"""Whole processes, measured: with all that they start, in turn, in fresh folders."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
REAP_SECONDS = 30.0
HERE = Path(__file__).parent
FOLDER = "{folder}"
"""Stands for the entry's own folder in an argv."""


@dataclass
class Entry:
    """One contestant in one case.

    Attributes
    ----------
    argv : sequence of str
        The command; `FOLDER` in it is replaced.
    role : str
        ``"gridtask"``, ``"peer"``, ``"floor"``, or ``"other"`` (compared with none).
    first : sequence of str
        What fills the folder once, where it is not the command itself.
    """

    name: str
    argv: Sequence[str]
    role: str = "peer"
    first: Sequence[str] = ()
    samples: list[dict[str, float]] = field(default_factory=list)
    error: str = ""

    def median(self, figure: str) -> float | None:
        """Return the median of a figure over all rounds, if it was measured."""
        values = [s[figure] for s in self.samples if figure in s]
        return statistics.median(values) if values else None


@dataclass
class Case:
    """Contestants that do the same.

    Attributes
    ----------
    title, target : str
        What is done, and what gridtask should reach.
    ranked_by : sequence of str
        Figures that are shown with their spread and ratios: ``"cpu"``,
        ``"wall"`` (seconds), ``"peak"`` (MB), or what the process prints.
    keeps_folder : bool
        True to measure reruns: a first, unmeasured run fills the folder.
    traces : bool
        True to count system calls that touch the folder, where strace is.
    conclude : callable, optional
        Returns a line that follows from the figures.
    """

    title: str
    entries: list[Entry]
    target: str = ""
    ranked_by: Sequence[str] = ("cpu",)
    keeps_folder: bool = False
    traces: bool = False
    conclude: Callable[[Case], str] | None = None


def contestant(
    name: str, module: str, function: str, *args: object, role: str = "peer"
) -> Entry:
    """Return the entry of a contestant's function."""
    argv = [sys.executable, str(HERE / "child.py"), module, function]
    return Entry(name, [*argv, *map(str, args)], role)


def measure(case: Case, n_rounds: int, parent: str | None = None) -> None:
    """Run all contestants of a case in turn, `n_rounds` times.

    What a contestant cannot do is noted in its `error`, and it rests.

    Parameters
    ----------
    parent : str, optional
        Folder in which the contestants' folders are made.
    """
    with tempfile.TemporaryDirectory(dir=parent) as root:
        if case.keeps_folder:
            for entry in case.entries:
                _run_one(entry, root, is_first=True)
        for _ in range(n_rounds):
            for entry in case.entries:
                if not case.keeps_folder:
                    shutil.rmtree(_folder(entry, root), ignore_errors=True)
                _run_one(entry, root)
        for entry in case.entries:
            if entry.samples:
                entry.samples[-1] |= _size(_folder(entry, root))
            if case.traces and entry.samples and shutil.which("strace"):
                if not case.keeps_folder:
                    shutil.rmtree(_folder(entry, root), ignore_errors=True)
                entry.samples[-1] |= _count_calls(entry, root)


def _run_one(entry: Entry, root: str, *, is_first: bool = False) -> None:
    """Run a contestant once."""
    if entry.error:
        return
    argv = entry.first if is_first and entry.first else entry.argv
    sample, error = run(_command(argv, entry, root), cwd=root)
    if error:
        entry.error = error
    elif not is_first:
        entry.samples.append(sample)


def run(
    argv: Sequence[str], cwd: str | None = None, timeout: float = 900
) -> tuple[dict[str, float], str]:
    """Run a command and all that it leaves running; return figures, and an error.

    The CPU seconds are those of all its processes, detached ones too: they
    become children of this one (prctl(2), PR_SET_CHILD_SUBREAPER).
    """
    adopt = partial(ctypes.CDLL(None).prctl, PR_SET_CHILD_SUBREAPER)
    adopt(1)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            argv, stdout=out, stderr=err, cwd=cwd, env=_environment(), text=True
        )
        timer = _kill_after(process, timeout)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime + _reap()
        adopt(0)  # a cell that is started between two commands is none of them
        out.seek(0)
        err.seek(0)
        if process.returncode:
            lines = err.read().strip().splitlines() or [f"status {process.returncode}"]
            return {}, lines[-1]
        figures = {"wall": wall, "cpu": cpu, "peak": usage.ru_maxrss / 1024}
        return figures | _figures(out.read()), ""


def _kill_after(process: subprocess.Popen[str], seconds: float) -> threading.Timer:
    """End a process that takes too long."""
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    return timer


def _reap() -> float:
    """Wait for what a command left running; return its CPU seconds.

    What still runs after a while is ended.
    """
    seconds, deadline = 0.0, time.monotonic() + REAP_SECONDS
    while True:
        try:
            pid, _, usage = os.wait3(os.WNOHANG)
        except ChildProcessError:
            return seconds
        if pid:
            seconds += usage.ru_utime + usage.ru_stime
        elif time.monotonic() > deadline:
            for child in Path("/proc/thread-self/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
        else:
            time.sleep(0.01)


def _environment() -> dict[str, str]:
    """Return this environment without settings of gridtask and of Python."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GRIDTASK_", "PYTHON"))
    }


def _figures(text: str) -> dict[str, float]:
    """Return the figures that a process has printed on its last line."""
    lines = text.strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        return {}
    return json.loads(lines[-1])


def _folder(entry: Entry, root: str) -> Path:
    return Path(root, entry.name.replace(" ", "_").replace("/", "_"))


def _command(argv: Sequence[str], entry: Entry, root: str) -> list[str]:
    return [part.replace(FOLDER, str(_folder(entry, root))) for part in argv]


def _size(folder: Path) -> dict[str, float]:
    """Return how many files and MB lie in a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    if not files:
        return {}
    return {"files": len(files), "mb": sum(p.stat().st_size for p in files) / 1e6}


def _count_calls(entry: Entry, root: str) -> dict[str, float]:
    """Return how many system calls name the folder, or a file below it."""
    with tempfile.NamedTemporaryFile("r", errors="replace") as log:
        argv = ["strace", "-f", "-y", "-qq", "-e", "trace=file,desc", "-o", log.name]
        _, error = run([*argv, *_command(entry.argv, entry, root)], cwd=root)
        mark = str(_folder(entry, root))
        return {} if error else {"calls": sum(mark in line for line in log)}
