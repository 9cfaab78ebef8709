"""Interleaved actors in a time of their own, in which waiting costs nothing.

Each step takes some milliseconds of that time. Who sleeps is left out until its time
has come; where all sleep, the clock goes on at once.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from types import SimpleNamespace

from interleaving import Actor, Interleaving

STEP_SECONDS = 0.002
"""What a step takes, on average."""

STALLS = (0.05, 0.05, 0.5, 0.5, 5.0)
"""For so long an actor may stand still."""


class Process:
    """What actors belong to: a driver and its threads, a worker, a command."""

    def __init__(self, pid: int, host: str) -> None:
        self.pid = pid
        self.host = host
        self.is_alive = True
        self.actors: list[Actor] = []


class Timeline(Interleaving):
    """An interleaving with a clock.

    Parameters
    ----------
    patience : float
        Seconds after which what still goes on is taken to hang.

    Attributes
    ----------
    now : float
        The clock of all hosts, in POSIX seconds.
    """

    max_steps = 500_000

    def __init__(self, draw: random.Random, patience: float) -> None:
        super().__init__(draw)
        self.now = 1_800_000_000.0
        self._give_up_at = self.now + patience
        self._processes: dict[int, Process] = {}
        self._process_of: dict[Actor, Process] = {}
        self._numbers = itertools.count(1)

    def install(self, monkeypatch) -> None:
        """Let everybody sleep and read the clock here."""
        for name in ("time", "monotonic", "perf_counter"):
            monkeypatch.setattr(time, name, lambda: self.now)
        for name in ("time_ns", "monotonic_ns"):
            monkeypatch.setattr(time, name, lambda: int(self.now * 1e9))
        monkeypatch.setattr(time, "sleep", self.sleep)

    # -- processes

    def start(
        self, name: str, work: Callable[[], None], *, host: str = "", mortality=0.0
    ) -> Process:
        """Start a process whose main thread does `work`."""
        process = Process(next(self._numbers) + 100_000, host)
        self._processes[process.pid] = process

        def live() -> None:
            try:
                work()
            finally:
                self.kill(process)

        self._enter(process, f"{name} ({process.pid})", live, mortality)
        return process

    def _enter(self, process: Process, name: str, work, mortality: float) -> Actor:
        actor = self.add(name, work, mortality=mortality)
        actor.asleep_until = self.now
        process.actors.append(actor)
        self._process_of[actor] = process
        return actor

    @property
    def process(self) -> Process | None:
        """The process that asks, None outside of actors."""
        return self._process_of.get(self.me)

    def find(self, pid: int) -> Process | None:
        """Return a process that lives."""
        process = self._processes.get(pid)
        return process if process and process.is_alive else None

    def kill(self, process: Process) -> None:
        """End a process as SIGKILL would, with all its threads."""
        process.is_alive = False
        for actor in process.actors:
            actor.is_dead = True
            actor.asleep_until = self.now

    # -- time

    def step(self) -> None:
        """Give way, after some milliseconds."""
        if self.me is not None:
            self.now += self._draw.expovariate(1 / STEP_SECONDS)
            assert self.now < self._give_up_at, "it hangs"
        super().step()

    def sleep(self, seconds: float) -> None:
        """Let the others go on for so long."""
        me = self.me
        if me is None:
            self.now += seconds
            return
        me.asleep_until = self.now + seconds
        self.step()

    def stall(self) -> None:
        """Let the others go on for a while."""
        self.sleep(self._draw.choice(STALLS))

    def _time(self) -> float:
        self.now = max(self.now, min(a.asleep_until for a in self._actors))
        return self.now

    # -- what a process uses of `threading`

    def threading(self) -> SimpleNamespace:
        """Return stand-ins for threads and events of a process."""
        thread = lambda target, args, daemon: _Thread(self, target, args)  # noqa: E731
        return SimpleNamespace(Thread=thread, Event=lambda: _Event(self))


class _Thread:
    """A further actor of the same process."""

    def __init__(self, timeline: Timeline, target, args) -> None:
        self._timeline = timeline
        self._work = lambda: target(*args)
        self._has_ended = False

    def start(self) -> None:
        process = self._timeline.process
        name = f"thread {len(process.actors)} of {process.pid}"
        self._timeline._enter(process, name, self._live, 0.0)

    def _live(self) -> None:
        try:
            self._work()
        finally:
            self._has_ended = True

    def join(self) -> None:
        while not self._has_ended:
            self._timeline.sleep(0.01)


class _Event:
    """An event that threads of a process wait for."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._waiting: list[Actor] = []
        self._is_set = False

    def set(self) -> None:
        self._is_set = True
        for actor in self._waiting:
            actor.asleep_until = self._timeline.now

    def wait(self, seconds: float) -> bool:
        if not self._is_set:
            self._waiting.append(self._timeline.me)
            self._timeline.sleep(seconds)
            self._waiting.remove(self._timeline.me)
        return self._is_set
