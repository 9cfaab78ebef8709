"""The store against a dict: a state machine draws what happens."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gridtask import fs
from gridtask.store import compaction, sweep
from gridtask.store.check import check
from gridtask.store.store import Store
from gridtask.store.values import encode

numbers = st.integers(0, 7)
values = st.one_of(
    st.integers(), st.binary(max_size=200), st.lists(st.text(max_size=5), max_size=3)
)


def key_of(i: int) -> bytes:
    """Return the key of call number `i`."""
    return i.to_bytes(16, "little")


class StoreMachine(RuleBasedStateMachine):
    """Two objects for one folder, two writers, and everything that changes it."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.store = Store.open(self.root / "cache")
        self.folders = [self.store.folder("task") for _ in range(2)]
        self.writers = [self.folders[0].writer(f"run.{i}") for i in range(2)]
        self.model: dict[int, object] = {}
        self._limits = compaction.ABANDONED_SECONDS, sweep.GRACE_SECONDS
        sweep.GRACE_SECONDS = -1.0

    @rule(i=numbers, value=values, which=st.booleans())
    def put(self, i, value, which):
        """Write a result: the first of a key counts."""
        self.writers[which].put(key_of(i), bytes(8), encode(value))
        self.model.setdefault(i, value)

    @rule(which=st.booleans())
    def seal(self, which):
        """Seal a segment; the writer begins another one."""
        self.writers[which].close()

    @rule(i=numbers, which=st.booleans())
    def remove(self, i, which):
        """Delete a result."""
        folder = self.folders[which]
        folder.refresh()
        folder.remove(folder.find([key_of(i)]))
        self.model.pop(i, None)

    @rule(which=st.booleans())
    def compact(self, which):
        """Put sealed files together."""
        self.folders[which].refresh()
        self.folders[which].compact(min_files=1)

    @rule(which=st.booleans())
    def sweep(self, which):
        """Remove what was replaced."""
        self.folders[which].refresh()
        self.folders[which].sweep()

    @rule()
    def expire(self):
        """Delete all by age."""
        folder = self.folders[0]
        folder.refresh()
        folder.remove_older(0, fs.server_now(self.store.root) + 60)
        self.model.clear()

    @rule()
    def remove_all(self):
        """Remove the folder; writers begin a new one when they sync."""
        for writer in self.writers:
            writer.close()
        self.store.remove_folder(self.folders[0])
        self.model.clear()

    @rule()
    def forget(self):
        """Look at the folder with new eyes."""
        self.folders[1] = self.store.folder("task")

    @rule()
    def check(self):
        """A check of everything finds nothing."""
        for writer in self.writers:
            writer.sync()
        assert check(self.store.root, read_data=True).findings == []

    @invariant()
    def all_agree(self):
        """Every look finds what the dict has."""
        for folder in self.folders:
            folder.refresh()
            found = folder.find([key_of(i) for i in range(8)])
            there = [i for i in range(8) if found[i] >= 0]
            loaded = folder.load([found[i] for i in there])
            assert dict(zip(there, loaded, strict=True)) == self.model

    def teardown(self):
        """Remove the cache."""
        for writer in self.writers:
            writer.close()
        compaction.ABANDONED_SECONDS, sweep.GRACE_SECONDS = self._limits
        shutil.rmtree(self.root)


class LongStoreMachine(StoreMachine):
    """The same, for longer stories."""


QUICK = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

TestStore = StoreMachine.TestCase
TestStore.settings = QUICK

TestStoreForLong = pytest.mark.faults(LongStoreMachine.TestCase)
TestStoreForLong.settings = settings(QUICK, max_examples=400, stateful_step_count=60)
