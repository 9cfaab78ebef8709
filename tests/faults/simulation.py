"""A folder of the store with everybody at work at the same time.

The real code of writers, readers, removals, compactions and sweeps runs on a
`VirtualFolder`, in an order that a seed decides. What each did is noted, so
that every look of a reader can be judged:

* lost: a committed result that nobody deleted was not found,
* wrong: a value is not the one that was written,
* resurrected: a result was found whose deletion had been acknowledged before.
"""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path
from types import SimpleNamespace

from interleaving import Interleaving
from virtualfs import VirtualFolder

from gridtask.store import compaction, files
from gridtask.store import writer as writer_module
from gridtask.store.folder import Folder
from gridtask.store.loading import LoadError
from gridtask.store.record import Kind
from gridtask.store.segment import SegmentWriter
from gridtask.store.values import encode
from gridtask.store.writer import RecordWriter

PATH = Path("/virtual/f/task~00000000")
N_KEYS = 6
KEYS = [i.to_bytes(16, "little") for i in range(N_KEYS)]
DAY = 86_400.0


CASTS = (
    {"compactor": 2, "sweeper": 2, "fresh_reader": 3, "feeder": 1},
    {"compactor": 3, "sweeper": 2, "remover": 2, "fresh_reader": 1, "feeder": 1},
    {"compactor": 2, "sweeper": 2, "writer": 2, "reader": 1},
    {"compactor": 2, "sweeper": 1, "expirer": 1, "reader": 1, "feeder": 1},
    {"compactor": 3, "sweeper": 2, "writer": 2, "remover": 1, "fresh_reader": 2},
)
"""Who is at work in a schedule, and how many at most of each."""


class Simulation:
    """One schedule.

    Attributes
    ----------
    faults : list of str
        What readers saw that must not be.
    n_looks : int
        How often readers looked.
    """

    def __init__(self, seed: int, monkeypatch) -> None:
        self._draw = random.Random(seed)
        monkeypatch.setattr(os, "urandom", self._draw.randbytes)
        self.interleaving = Interleaving(self._draw)
        lost_replies = self._draw.choice((0.0, 0.0, 0.02))
        self._folder = VirtualFolder(self._draw, self.interleaving, lost_replies)
        self._folder.install(monkeypatch)
        clock = SimpleNamespace(monotonic=lambda: self._folder.now)
        monkeypatch.setattr(writer_module, "time", clock)
        monkeypatch.setattr(RecordWriter, "_start_timer", lambda writer: None)
        # Descriptors may be closed early, so that files are opened again.
        monkeypatch.setattr(files, "MAX_OPEN_FILES", self._draw.choice((0, 3, 64)))
        # The lock spares work; nothing may depend on it.
        monkeypatch.setattr(
            compaction, "LOCK_SECONDS", self._draw.choice((-1.0, -1.0, 3600.0))
        )
        self._written: list[tuple[int, str]] = []
        self._committed: set[bytes] = set()
        self._doomed: set[bytes] = set()
        self._deleted: set[bytes] = set()
        self._n_writing = 0
        self.faults: list[str] = []
        self.n_looks = 0

    def run(self) -> None:
        """Prepare the folder, let all work, then look once more."""
        self._prepare()
        self._add_actors()
        self.interleaving.run()
        self.faults += [f"{who}: {error!r}" for who, error in self.interleaving.errors]
        self._look(Folder(PATH, "task"), "the last reader")
        self._clean_up()
        self._look(Folder(PATH, "task"), "a reader after the clean-up")

    def figures(self) -> dict[str, int]:
        """Return what has happened, and how often."""
        steps = self.interleaving
        return {"steps": steps.n_steps, "killed": steps.n_killed, "looks": self.n_looks}

    def _add_actors(self) -> None:
        """Choose who is at work: all, or some, who then meet more often."""
        draw = self._draw
        numbers = dict(draw.choice(CASTS))
        mortality = draw.choice((0.0, 0.005))
        for role, most in numbers.items():
            for i in range(draw.randint(1, most)):
                is_mortal = role in ("compactor", "writer")
                work = getattr(self, f"_{role}")
                self.interleaving.add(
                    f"{role} {i}", work, mortality=mortality if is_mortal else 0.0
                )
        self.interleaving.add("clock", self._clock)

    # -- before and after

    def _prepare(self) -> None:
        """Fill the folder: sealed and left segments, deletions, old ones too."""
        for i in range(self._draw.randint(3, 7)):
            self._make_segment(f"old{i}", is_sealed=self._draw.random() < 0.8)
        folder = Folder(PATH, "task")
        folder.refresh()
        for _ in range(self._draw.randint(0, 2)):
            self._delete(folder, folder.find([self._draw.choice(KEYS)]))
        if self._draw.random() < 0.5:
            for name in self._folder.names():
                if name.startswith("rm."):
                    self._folder.set_times(name, self._folder.now - 40 * DAY)
        if self._draw.random() < 0.5:
            folder.compact(min_files=1)
            for _ in range(2):
                self._make_segment(f"late{self._draw.random()}", is_sealed=True)
        self._folder.add_free_places(self._draw.randint(0, 6))

    def _make_segment(self, stem: str, *, is_sealed: bool) -> None:
        """Write a segment, as a worker did long ago."""
        begun_at = self._folder.now - self._draw.choice((2 * DAY, 20 * DAY))
        now_ns = int(begun_at * 1e9)
        segment = SegmentWriter.create(PATH / f"{stem}.seg")
        segment.append(Kind.META, meta={"task": "task"}, t_end_ns=now_ns)
        for _ in range(self._draw.randint(0, 3)):
            number, ident, encoded = self._new_value()
            segment.append(
                Kind.OK, encoded.parts, key=KEYS[number], code=ident, t_end_ns=now_ns
            )
            self._committed.add(ident)
        segment.seal() if is_sealed else segment.close()
        self._folder.set_times(f"{stem}.seg", begun_at + 60)

    def _new_value(self):
        """Return a call's number, an id of the value (kept as code), and the value."""
        number = self._draw.randrange(N_KEYS)
        ident = len(self._written).to_bytes(8, "little")
        value = f"{number} {len(self._written)}"
        self._written.append((number, value))
        return number, ident, encode(value)

    def _clean_up(self) -> None:
        """Compact and sweep as long as there is something to do."""
        self._folder.lost_replies = 0.0
        folder = Folder(PATH, "task")
        for _ in range(4):
            self._folder.now += 1.1 * DAY
            folder.refresh()
            folder.sweep()
            folder.compact(min_files=1)
        folder.refresh()
        names = self._folder.names()
        if len(names) > 2:
            self.faults.append(f"left: {names}")
        for _, file in folder._files.current():
            uids = [(origin, seq) for origin, seq, *_ in file.identities()]
            if len(uids) != len(set(uids)):
                self.faults.append(f"repeated: {file.path} has records twice")

    # -- actors

    def _compactor(self) -> None:
        for _ in range(self._draw.randint(1, 6)):
            folder = Folder(PATH, "task")
            folder.refresh()
            folder.compact(min_files=1)

    def _feeder(self) -> None:
        """Put whole segments there, so that there is always some to compact."""
        for i in range(self._draw.randint(2, 10)):
            self._wait(40)
            self.interleaving.is_paused = True
            self._make_segment(f"fed{i}", is_sealed=True)
            self.interleaving.is_paused = False

    def _sweeper(self) -> None:
        folder = Folder(PATH, "task")
        for _ in range(self._draw.randint(2, 8)):
            folder.refresh()
            folder.sweep()

    def _writer(self) -> None:
        writer = Folder(PATH, "task").writer("run.1")
        for _ in range(self._draw.randint(1, 4)):
            idents = []
            with self._writing():
                for _ in range(self._draw.randint(1, 2)):
                    number, ident, encoded = self._new_value()
                    writer.put(KEYS[number], ident, encoded)
                    idents.append(ident)
                writer.sync()
                self._committed.update(idents)
            self.interleaving.step()
        writer.close()

    @contextlib.contextmanager
    def _writing(self):
        """Note that a writer is between two system calls."""
        self._n_writing += 1
        try:
            yield
        finally:
            self._n_writing -= 1

    def _remover(self) -> None:
        folder = Folder(PATH, "task")
        for _ in range(self._draw.randint(1, 3)):
            folder.refresh()
            self._delete(folder, folder.find([self._draw.choice(KEYS)]))

    def _delete(self, folder: Folder, numbers: list[int]) -> None:
        """Delete results, and note which when that is acknowledged."""
        chosen = folder._index.with_copies([n for n in numbers if n >= 0])
        with self._deleting(folder, chosen):
            folder.remove(numbers)

    def _expirer(self) -> None:
        folder = Folder(PATH, "task")
        folder.refresh()
        now = self._folder.now
        with self._deleting(folder, folder.older(10 * DAY, now)):
            folder.remove_older(10 * DAY, now)

    @contextlib.contextmanager
    def _deleting(self, folder: Folder, numbers: list[int]):
        """Note what may be gone from now on, and what must be gone afterwards."""
        entries = [folder.entry(number) for number in numbers]
        self._doomed.update(entry.code for entry in entries)
        yield
        self._deleted.update(entry.uid for entry in entries)

    def _reader(self) -> None:
        folder = Folder(PATH, "task")
        for _ in range(self._draw.randint(2, 8)):
            self._look(folder, "a reader that goes on")
            self._wait(40)

    def _fresh_reader(self) -> None:
        for _ in range(self._draw.randint(2, 8)):
            self._look(Folder(PATH, "task"), "a fresh reader")
            self._wait(40)

    def _wait(self, most: int) -> None:
        """Let others go on for some steps."""
        for _ in range(self._draw.randint(1, most)):
            self.interleaving.step()

    def _clock(self) -> None:
        """Let time go by, more than the grace for replaced files.

        Not while a listing is going on, which takes less time than that, nor
        while a writer is between two system calls.
        """
        while self.interleaving.n_alive > 1:
            self._wait(20)
            if not self._folder.n_listings:
                longest = 130.0 if self._n_writing else 25 * 3600.0
                seconds = self._draw.choice((20.0, 130.0, 130.0, 3700.0, longest))
                self._folder.now += min(seconds, longest)

    # -- judging

    def _look(self, folder: Folder, who: str) -> None:
        """Look up and load all keys, and judge what is found."""
        self.n_looks += 1
        committed, deleted = set(self._committed), set(self._deleted)
        folder.refresh()
        numbers = folder.find(KEYS)
        there = [i for i in range(N_KEYS) if numbers[i] >= 0]
        uids = {i: folder.entry(numbers[i]).uid for i in there}
        loaded = folder.load([numbers[i] for i in there])
        values = {
            i: value
            for i, value in zip(there, loaded, strict=True)
            if not isinstance(value, LoadError)
        }
        for ident in committed - self._doomed:
            number, _ = self._written[int.from_bytes(ident, "little")]
            if number not in values:
                self.faults.append(f"lost: {who} did not find call {number}")
        for i, value in values.items():
            if (i, value) not in self._written:
                self.faults.append(f"wrong: {who} found {value!r} for call {i}")
            if uids[i] in deleted:
                self.faults.append(f"resurrected: {who} found call {i}")
