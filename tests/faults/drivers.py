"""Several drivers that want the same calls, on one cache and one scheduler.

The real code of planning, claims, the driver's loop, adaptation and retries runs on
a `VirtualDisk` and a `VirtualGrid`, in an order that a seed decides; workers run the
real code, too. Each execution is noted, so that a schedule can be judged:

* repeated: a call was executed again that was neither killed nor lost,
* failed: a driver did not get its results, or wrong ones,
* left: something stays behind that nobody ends.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from interleaving import Killed as Ended
from timeline import Process, Timeline
from virtualdisk import VirtualDisk
from virtualgrid import Client, VirtualGrid

from gridtask import fs, reopen
from gridtask.backends.site import SiteProfile
from gridtask.calls.binding import Calls
from gridtask.calls.work import Work
from gridtask.claims import lock
from gridtask.claims.runfile import RunFile
from gridtask.claims.world import Captured
from gridtask.config import Settings
from gridtask.driver.execution import Execution
from gridtask.driver.pace import cluster_pace
from gridtask.driver.tidying import tidy
from gridtask.errors import Deleted, Killed, NodeLost, StoreError, SubmitError
from gridtask.raised import STORE_UNUSABLE
from gridtask.run import Run
from gridtask.store.store import Store
from gridtask.store.writer import RecordWriter
from gridtask.submission import planning, submit
from gridtask.submission.planning import Order
from gridtask.submission.submit import Submission
from gridtask.terms import Terms
from gridtask.worker import meter
from gridtask.worker.computation import Attempt, Computation
from gridtask.worker.logs import log_path
from gridtask.worker.main import _not_yet_computed

ROOT = Path("/virtual")
PATIENCE_SECONDS = 3 * 3600.0
"""In the time of the simulation; what still goes on then hangs."""

MAX_KILLED = 3
"""So many drivers are killed at most; those after them come to their ends."""

CODE = SimpleNamespace(digest=bytes(16), warnings=(), snapshot=lambda: b"")
WORK = Work("task", "task", CODE, ("n",))


class Drivers:
    """One schedule.

    Attributes
    ----------
    faults : list of str
        What must not be.
    """

    def __init__(self, seed: int, monkeypatch) -> None:
        self._draw = draw = random.Random(seed)
        self.timeline = Timeline(draw, PATIENCE_SECONDS)
        self._disk = VirtualDisk(draw, self.timeline)
        self._grid = VirtualGrid(draw, self.timeline, self._compute)
        self._grid.on_kill = self._note_killed
        self._install(monkeypatch)
        self._mortality = draw.choice((0.0, 0.0, 0.001, 0.004))
        self._n_calls = draw.randint(2, 12)
        self._seconds = draw.choice((0.01, 0.5, 5.0, 40.0))
        self._drivers: list[Process] = []
        self._n_at_work = 0
        self._executions: Counter[int] = Counter()
        self._excused: Counter[int] = Counter()
        self._at_work: dict[Process, int] = {}
        self.n_killed = self.n_left = self.n_cancelled = 0
        self.faults: list[str] = []

    def figures(self) -> dict[str, int]:
        """Return what has happened, and how often."""
        return {"steps": self.timeline.n_steps, "drivers killed": self.n_killed}

    def _install(self, monkeypatch) -> None:
        """Put the simulation into the place of the system."""
        timeline, put = self.timeline, monkeypatch.setattr
        getpid, uname = os.getpid, os.uname
        process = lambda: timeline.process  # noqa: E731
        timeline.install(monkeypatch)
        self._disk.install(monkeypatch)
        put(os, "urandom", self._draw.randbytes)
        put(os, "getpid", lambda: process().pid if process() else getpid())
        host = lambda: SimpleNamespace(nodename=process().host)  # noqa: E731
        put(os, "uname", lambda: host() if process() else uname())
        put(lock, "threading", timeline.threading())
        put(lock, "machine", lambda: f"{process().host:8}")
        put(lock, "start_time", lambda pid: 1 if timeline.find(pid) else None)
        put(RecordWriter, "_start_timer", lambda writer: None)
        for name in ("_peak_resident", "_peak_address_space"):
            put(meter, name, lambda: 100)  # of this process: not for seeds to repeat
        clock = lambda: timeline.now  # noqa: E731
        monkeypatch.setitem(Execution.__init__.__kwdefaults__, "clock", clock)
        monkeypatch.setitem(
            RecordWriter.__init__.__kwdefaults__, "sleep", timeline.sleep
        )
        backend = lambda *args: Client(self._draw, timeline, self._grid)  # noqa: E731
        put(reopen, "open_backend", backend)
        put(submit, "keep_version", lambda *args: None)
        put(planning, "accepted_keys", lambda *args: [])
        world = Captured(cwd=os.getcwd(), sys_path=[], environ={})
        put(submit, "capture", lambda *args, **options: world)

    def run(self) -> None:
        """Let all work, then judge what is left."""
        for _ in range(self._draw.randint(2, 3)):
            self._start_driver(
                self._choose_calls(), self._draw.choice((0.0, 0.0, 20.0))
            )
        start = self.timeline.start
        start("scheduler", partial(self._grid.schedule, lambda: self._n_at_work > 0))
        if self._draw.random() < 0.3:
            start("silence", self._silence)
        if self._draw.random() < 0.3:
            start("fate", self._lose_nodes)
        if self._draw.random() < 0.3:
            start("visitor", self._visit, host="login1")
        self.timeline.run()
        for who, error in self.timeline.errors:
            is_refused = isinstance(error, SubmitError) and self._grid.has_refused
            if not is_refused:
                self.faults.append(f"failed: {who}: {error!r}")
        self._judge()

    # -- who is at work

    def _choose_calls(self) -> list[int]:
        """Return all calls, or a part of them."""
        calls = list(range(self._n_calls))
        if self._draw.random() < 0.3:
            calls = calls[self._draw.randint(0, 1) :: self._draw.randint(1, 2)]
        return calls

    def _start_driver(self, calls: list[int], within: float) -> None:
        """Start a driver; if it is killed, its user starts it again."""
        delay = self._draw.uniform(0.0, within)
        mortality = self._mortality if len(self._drivers) < MAX_KILLED else 0.0
        self._n_at_work += 1

        act = self._draw.choice((self._map, self._map, self._map, self._leave))

        def drive() -> None:
            try:
                self.timeline.sleep(delay)
                act(calls)
            except Ended:
                self.n_killed += 1
                self._start_driver(calls, 40.0)
                raise
            finally:
                self._n_at_work -= 1

        host = self._draw.choice(("login1", "login1", "login2"))
        name = f"driver {len(self._drivers) + 1}"
        driver = self.timeline.start(name, drive, host=host, mortality=mortality)
        self._drivers.append(driver)

    def _map(self, calls: list[int]) -> None:
        """Do what `task.map` does."""
        submission = self._submission(calls)
        run = Run(submission.start(), list, "task")
        self._wait(run)
        values, failed = run._gather()
        tidy(submission.folder)
        self._judge_results(calls, values, failed)

    def _leave(self, calls: list[int]) -> None:
        """Do what `task.submit_map` does, and end; its user starts a map later."""
        self._submission(calls, always_publish=True).start()
        self.n_left += 1
        self._start_driver(calls, 40.0)

    def _visit(self) -> None:
        """Open a run from elsewhere, and wait for it, cancel or retry it."""
        self.timeline.sleep(self._draw.uniform(0.0, 30.0))
        store = Store(ROOT)
        ids = reopen._run_ids(store)
        if not ids:
            return
        run_id = self._draw.choice(ids)
        try:
            run = reopen._reopen(store, Settings(), run_id)
        except FileNotFoundError:
            return  # withdrawn, or over and large
        act = self._draw.choice(("wait", "wait", "cancel", "retry"))
        if act == "cancel":
            self.n_cancelled += 1
            run.cancel()
            return
        if act == "retry":
            run.retry()
        self._wait(run)
        calls = [int.from_bytes(key, "big") for key in run._execution.plan.keys]
        self._judge_results(calls, *run._gather())

    def _wait(self, run: Run) -> None:
        while (delay := run._execution.step()) or not run._execution.is_final:
            self.timeline.sleep(delay)

    def _submission(self, calls: list[int], **order: Any) -> Submission:
        draw = self._draw
        store = Store(ROOT)
        order = Order(
            Calls.of(("n",), [(n,) for n in calls]),
            [n.to_bytes(16, "big") for n in calls],
            **order,
        )
        terms = Terms(
            Client(draw, self.timeline, self._grid),
            cluster_pace(5.0),
            SiteProfile(fs_latency=5.0),
            chunk=draw.choice(("auto", "auto", "auto", 1, 3)),
        )
        folder = store.folder("task")
        return Submission(WORK, terms, store, folder, order, self._say)

    def _say(self, text: str) -> None:
        """Nobody reads it."""

    def _silence(self) -> None:
        for _ in range(self._draw.randint(1, 3)):
            self.timeline.sleep(self._draw.uniform(0.0, 30.0))
            self._grid.fall_silent(self._draw.choice((3.0, 30.0, 50.0)))

    def _lose_nodes(self) -> None:
        for _ in range(self._draw.randint(1, 2)):
            self.timeline.sleep(self._draw.uniform(0.0, 30.0))
            self._grid.lose_node()

    # -- what runs on the nodes

    def _compute(self, request, job_id: str, number: int) -> int:
        """Do what a worker does, from the run file alone."""
        path, file_id = Path(request.argv[-2]), bytes.fromhex(request.argv[-1])
        log = log_path(path.parent, path.stem, number)
        try:
            run_file = RunFile(path, file_id)
            world, _ = run_file.code()
            folder = Store(ROOT).folder(world.task)
            chunk = run_file.chunk(number)
            stem = f"{path.stem}.{number}."
            if any(name.startswith(stem) for name in fs.list_names(folder.path)):
                chunk = _not_yet_computed(chunk, folder)
            with suppress(FileExistsError):
                fs.write_new(log, b"")
            attempt = Attempt(path.stem, number, job_id, "node")
            Computation(self._execute, run_file, world, folder, attempt).run(chunk)
        except (OSError, StoreError):
            return STORE_UNUSABLE
        fs.remove(log)
        return 0

    def _execute(self, n: int) -> int:
        """Be the task's function."""
        self._executions[n] += 1
        self._at_work[self.timeline.process] = n
        self.timeline.sleep(self._draw.uniform(0.5, 1.5) * self._seconds)
        return n * n

    def _note_killed(self, worker: Process) -> None:
        """Excuse that the call is executed again that a worker was in."""
        if worker in self._at_work:
            self._excused[self._at_work[worker]] += 1

    # -- judging

    def _judge_results(self, calls, values, failed) -> None:
        for position, n in enumerate(calls):
            error = failed.get(position)
            if error is None and values[position] != n * n:
                self.faults.append(f"failed: call {n} has {values[position]!r}")
            if error is not None and not self._is_excused(error):
                self.faults.append(f"failed: call {n}: {error!r}")

    def _is_excused(self, error: BaseException) -> bool:
        """Tell whether a call may have been lost more often than it is tried again.

        Or somebody has cancelled it, or one of its run's jobs was not accepted: the
        driver that was to submit that has told why, and has deleted the others.
        """
        n_lost = self._grid.n_lost + self.n_killed  # nodes, or drivers at qsub
        if isinstance(error, NodeLost) and n_lost > 1:
            return True
        is_given_up = self.n_cancelled > 0 or self._grid.has_refused
        return isinstance(error, Deleted | Killed | NodeLost) and is_given_up

    def _judge(self) -> None:
        for n, count in self._executions.items():
            if count > 1 + self._excused[n] + self.n_cancelled:
                self.faults.append(f"repeated: call {n} was executed {count} times")
        names = self._disk.folder(str(ROOT / "runs")).names()
        ended = {name[:-5] for name in names if name.endswith(".done")}
        begun = {name[:-4] for name in names if name.endswith(".run")}
        if begun - ended and not self.n_killed + self.n_left:
            self.faults.append(f"left: the runs {begun - ended} have no end")
        if not self._grid.is_empty:
            self.faults.append("left: there are jobs")
