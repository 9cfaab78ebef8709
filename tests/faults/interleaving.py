"""Threads of which one runs at a time, and a seed decides which."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

N_STEPS_MAX = 20_000
"""More steps in one schedule are taken to be an endless loop."""


class Killed(BaseException):
    """Ends an actor as SIGKILL would: nothing that it does later counts."""


class Actor:
    """One thread of a schedule."""

    def __init__(self, name: str, work: Callable[[], None], mortality: float) -> None:
        self.name = name
        self.work = work
        self.mortality = mortality
        self.is_dead = False
        self.weight = 1.0
        self.asleep_until = 0.0
        self.go = threading.Lock()
        self.go.acquire()


class Interleaving:
    """Runs actors step by step, in an order drawn from a seed.

    Weights change now and then, so that an actor may stand still for long
    while others go on.

    Attributes
    ----------
    is_paused : bool
        Set to go on without giving way.
    n_steps : int
        How many steps were taken.
    errors : list of (str, BaseException)
        What actors failed with.
    """

    max_steps = N_STEPS_MAX

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._actors: list[Actor] = []
        self._threads: list[threading.Thread] = []
        self._is_running = False
        self._current: Actor | None = None
        self._end = threading.Event()
        self.is_paused = False
        self.n_steps = 0
        self.n_killed = 0
        self.errors: list[tuple[str, BaseException]] = []

    def add(
        self, name: str, work: Callable[[], None], *, mortality: float = 0.0
    ) -> Actor:
        """Add an actor that is killed at each step with some probability."""
        actor = Actor(name, work, mortality)
        self._actors.append(actor)
        if self._is_running:
            self._start(actor)
        return actor

    def run(self) -> None:
        """Run all actors to their ends."""
        self._is_running = True
        for actor in list(self._actors):
            self._start(actor)
        self._hand_over()
        self._end.wait()
        for thread in self._threads:
            thread.join()

    def _start(self, actor: Actor) -> None:
        thread = threading.Thread(target=self._live, args=(actor,), daemon=True)
        self._threads.append(thread)
        thread.start()

    @property
    def me(self) -> Actor | None:
        """The actor that asks, None outside of actors."""
        me = self._current
        is_mine = me is not None and threading.current_thread().name == me.name
        return me if is_mine else None

    def step(self) -> None:
        """Give way to whoever is next. Outside of actors this does nothing."""
        me = self.me
        if me is None or self.is_paused:
            return
        if me.is_dead:
            raise Killed
        self.n_steps += 1
        assert self.n_steps < self.max_steps, "an endless loop"
        if self._draw.random() < me.mortality:
            me.is_dead = True
            self.n_killed += 1
            raise Killed
        following = self._choose()
        if following is not me:
            self._current = following
            following.go.release()
            me.go.acquire()
            if me.is_dead:
                raise Killed

    @property
    def n_alive(self) -> int:
        """How many actors have not come to their ends."""
        return len(self._actors)

    def stall(self) -> None:
        """Let the others go on for long, then go on."""
        if self._current is not None:
            self._current.asleep_until = self._time() + self._draw.randint(20, 500)
        self.step()

    def _time(self) -> float:
        """Return what `Actor.asleep_until` is compared with."""
        return self.n_steps

    def _choose(self) -> Actor:
        """Return the actor that runs next."""
        if self._draw.random() < 0.03:
            for actor in self._actors:
                actor.weight = self._draw.choice((0.001, 0.1, 1.0, 5.0))
        now = self._time()
        awake = [a for a in self._actors if a.asleep_until <= now]
        able = awake or self._actors
        return self._draw.choices(able, [actor.weight for actor in able])[0]

    def _live(self, actor: Actor) -> None:
        """Be an actor's thread."""
        threading.current_thread().name = actor.name
        actor.go.acquire()
        try:
            actor.work()
        except Killed:
            pass
        except BaseException as error:
            self.errors.append((actor.name, error))
        finally:
            self._actors.remove(actor)
            self._hand_over()

    def _hand_over(self) -> None:
        """Let the next actor run, or end the schedule."""
        if self._actors:
            self._current = self._choose()
            self._current.go.release()
        else:
            self._current = None
            self._end.set()
