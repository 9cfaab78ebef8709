"""A simulated Grid Engine: as many slots as wanted, on one machine.

`qsub`, `qstat`, `qacct`, `qdel` and `qconf` are this file under other names, on
PATH. They put into words what one process, the cell, does: it "runs" array
tasks by computing their calls in batches with the library's own worker code,
each into a segment of its own, and says of each that it runs for as long as its
calls are said to take.

    python simgrid.py serve ROOT --slots 1000 --seconds 2

While there is a file ROOT/hang no command answers; with ROOT/idle array tasks do
nothing while they run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from pathlib import Path
from xml.sax.saxutils import escape

ROOT_VARIABLE = "SIMGRID_ROOT"
COMMANDS = ("qsub", "qstat", "qacct", "qdel", "qconf", "qalter")
TICK_SECONDS = 0.02

BUSY_SECONDS = 3.0
"""So long after a qdel a busy cell deletes, one with a file `busy`."""


def lay_out(root: Path) -> None:
    """Make the folders of a cell, and its commands."""
    for name in ("bin", "jobs", "accepted", "deleted", "postponed", "default/common"):
        (root / name).mkdir(parents=True)
    script = f'#!/bin/sh\nexec {sys.executable} -S -E {__file__} "$0" "$@"\n'
    for name in COMMANDS:
        path = root / "bin" / name
        path.write_text(script)
        path.chmod(0o755)
    (root / "default/common/accounting").touch()
    _publish(root / "qstat.xml", _listing({}))


def environment(root: Path) -> dict[str, str]:
    """Return the variables by which programs find the cell instead of another."""
    path = f"{root}/bin{os.pathsep}{os.environ['PATH']}"
    return {"SGE_ROOT": str(root), ROOT_VARIABLE: str(root), "PATH": path}


def commands(root: Path) -> list[list[str]]:
    """Return the argument lists of all commands that were run so far."""
    path = root / "commands"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


# -------------------------------------------------------------------- the commands


def main() -> None:
    """Be the command by whose name this was started, or the cell."""
    name, *argv = sys.argv[1:]
    name = os.path.basename(name)
    if name == "serve":
        serve(argv)
        return
    root = Path(os.environ[ROOT_VARIABLE])
    with open(root / "commands", "a") as log:
        log.write(json.dumps([name, *argv]) + "\n")
    while (root / "hang").exists():
        time.sleep(TICK_SECONDS)
    sys.exit(globals()[name](root, argv))


def qsub(root: Path, argv: list[str]) -> int:
    """Accept an array job, once the cell lists it."""
    job = {"name": argv[argv.index("-N") + 1], "argv": argv[-2:]}
    first, _, last = argv[argv.index("-t") + 1].partition("-")
    job |= {"first": int(first), "last": int(last), "user": os.geteuid()}
    for number in itertools.count(1):
        try:
            with open(root / "jobs" / str(number), "x") as file:
                file.write(json.dumps(job) + "\n")
        except FileExistsError:
            continue
        while not (root / "accepted" / str(number)).exists():
            time.sleep(TICK_SECONDS)
        print(f"{number}.{first}-{last}:1")
        return 0
    raise AssertionError


def qstat(root: Path, argv: list[str]) -> int:
    """Print what the cell has listed."""
    if "-g" in argv:
        slots = (root / "slots").read_text()
        print(
            f"<job_info><cluster_queue_summary><total>{slots}</total>"
            "</cluster_queue_summary></job_info>"
        )
        return 0
    print((root / "qstat.xml").read_text())
    return 0


def qconf(root: Path, argv: list[str]) -> int:
    """Print the one setting that is asked for."""
    print("max_aj_tasks                 75000")
    return 0


def qacct(root: Path, argv: list[str]) -> int:
    """Refuse: the accounting file can be read."""
    print("error: job id not found", file=sys.stderr)
    return 1


def qdel(root: Path, argv: list[str]) -> int:
    """Ask the cell to forget array tasks."""
    for target in argv:
        job, _, span = target.partition(".")
        (root / "deleted" / f"{job}.{span}").touch()
        print(f"tester has registered the job-array task {target} for deletion")
    return 0


def qalter(root: Path, argv: list[str]) -> int:
    """Hold a job back until a time, once the cell has taken note of it."""
    until = time.mktime(time.strptime(argv[1], "%Y%m%d%H%M.%S"))
    note = root / "postponed" / f"{argv[2]}.{until}"
    note.touch()
    while note.exists():
        time.sleep(TICK_SECONDS)
    return 0


# ------------------------------------------------------------------------ the cell


class Job:
    """An array job: which tasks wait, and until when the others run."""

    def __init__(self, number: str, spec: dict[str, object]) -> None:
        self.number = number
        self.name = str(spec["name"])
        self.argv = spec["argv"]
        self.waiting = list(range(spec["first"], spec["last"] + 1))[::-1]
        self.running: dict[int, float] = {}
        self.last = spec["last"]
        self.not_before = 0.0


class Workers:
    """Computes array tasks in this process, as workers on nodes would."""

    def __init__(self) -> None:
        self._runs: dict[str, tuple[object, ...]] = {}

    def compute(self, job: Job, task: int) -> None:
        """Write the results of one array task."""
        from gridtask.claims.runfile import RunFile
        from gridtask.identity.snapshot.install import install
        from gridtask.store.store import Store
        from gridtask.worker.computation import Attempt, Computation

        path = Path(job.argv[0])
        if job.argv[0] not in self._runs:
            run_file = RunFile(path, bytes.fromhex(job.argv[1]))
            world, snapshot = run_file.code()
            store = Store.open(path.parent.parent, create=False)
            self._runs[job.argv[0]] = (run_file, world, install(snapshot), store)
        run_file, world, function, store = self._runs[job.argv[0]]
        attempt = Attempt(path.stem, task, job.number, f"node{task % 100:03}")
        folder = store.folder(world.task)
        chunk = run_file.chunk(task)
        Computation(function, run_file, world, folder, attempt).run(chunk)


def serve(argv: list[str]) -> None:
    """Run a cell until it is killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--slots", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args(argv)
    root = options.root
    _publish(root / "slots", str(options.slots))
    jobs: dict[str, Job] = {}
    workers = Workers()
    while True:
        changed = _accept(root, jobs)
        changed |= _end(root, jobs)
        changed |= _delete(root, jobs)
        _postpone(root, jobs)
        started = _start(jobs, options.slots, options.seconds)
        if changed or started:
            _publish(root / "qstat.xml", _listing(jobs))
        for number in jobs:
            (root / "accepted" / number).touch()
        for job, task in () if (root / "idle").exists() else started:
            workers.compute(job, task)
        if not started:
            time.sleep(TICK_SECONDS)


def _accept(root: Path, jobs: dict[str, Job]) -> bool:
    """Take up jobs that qsub has written down."""
    new = [name for name in os.listdir(root / "jobs") if name not in jobs]
    for name in sorted(new, key=int):
        text = (root / "jobs" / name).read_text()
        if text.endswith("\n"):  # else it is being written
            jobs[name] = Job(name, json.loads(text))
    return bool(new)


def _start(jobs: dict[str, Job], slots: int, seconds: float) -> list[tuple[Job, int]]:
    """Fill the free slots."""
    free = slots - sum(len(job.running) for job in jobs.values())
    started = []
    for job in jobs.values():
        while free > 0 and job.waiting and job.not_before <= time.time():
            task = job.waiting.pop()
            job.running[task] = time.monotonic() + seconds
            started.append((job, task))
            free -= 1
    return started


def _end(root: Path, jobs: dict[str, Job]) -> bool:
    """Free the slots of array tasks whose time is over, and account for them."""
    now, lines = time.monotonic(), []
    for job in jobs.values():
        for task in [task for task, end in job.running.items() if end <= now]:
            del job.running[task]
            lines.append(accounting_line(job, task))
    with open(root / "default/common/accounting", "a") as file:
        file.writelines(lines)
    return bool(lines)


def _delete(root: Path, jobs: dict[str, Job]) -> bool:
    """Forget the array tasks that qdel has named."""
    names = os.listdir(root / "deleted")
    if (root / "busy").exists():
        young = time.time() - BUSY_SECONDS
        names = [n for n in names if (root / "deleted" / n).stat().st_mtime < young]
    for name in names:
        number, _, span = name.partition(".")
        first, _, last = span.partition("-")
        job = jobs.get(number)
        for task in list(range(int(first), int(last) + 1)) if span and job else ():
            job.running.pop(task, None)
            if task in job.waiting:
                job.waiting.remove(task)
        if job and not span:
            job.waiting, job.running = [], {}
        os.unlink(root / "deleted" / name)
    return bool(names)


def _postpone(root: Path, jobs: dict[str, Job]) -> None:
    """Take note of the earliest start times of jobs."""
    for name in os.listdir(root / "postponed"):
        number, _, until = name.partition(".")
        if number in jobs:
            jobs[number].not_before = float(until)
        os.unlink(root / "postponed" / name)


def accounting_line(job: Job, task: int, failed: int = 0, status: int = 0) -> str:
    """Return what accounting(5) would say of an ended array task."""
    import getpass

    now = int(time.time())
    fields = ["all.q", f"node{task % 100:03}", "users", getpass.getuser(), job.name]
    fields += [job.number, "sge", 0, now, now, now, failed, status, 1]
    fields += [0] * 17 + ["NONE", "defaultdepartment", "NONE", 1, task, 1.0, 0, 0]
    fields += ["NONE", 0, "NONE", 0, 0, 0]
    return ":".join(map(str, fields)) + "\n"


def _listing(jobs: dict[str, Job]) -> str:
    """Return what qstat -xml prints: a row for each running array task."""
    rows = []
    for job in jobs.values():
        name = f"<JB_job_number>{job.number}</JB_job_number>"
        name += f"<JB_name>{escape(job.name)}</JB_name>"
        rows += [
            f'<job_list state="running">{name}<state>r</state>'
            f"<queue_name>all.q@node{task % 100:03}</queue_name><slots>1</slots>"
            f"<tasks>{task}</tasks></job_list>"
            for task in job.running
        ]
        if job.waiting:
            span = f"{job.waiting[-1]}-{job.waiting[0]}:1"
            rows.append(
                f'<job_list state="pending">{name}<state>qw</state>'
                f"<queue_name></queue_name><tasks>{span}</tasks></job_list>"
            )
    body = "\n".join(rows)
    return (
        f"<?xml version='1.0'?>\n<job_info><queue_info>{body}</queue_info></job_info>"
    )


def _publish(path: Path, text: str) -> None:
    """Replace a file at once."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text)
    os.replace(temporary, path)


if __name__ == "__main__":
    main()
