"""Checking a cache folder: what is damaged, unsafe or left behind.

Nothing is changed unless a repair is asked for; that saves what is intact of
a damaged file into a pack, and moves the file to the trash.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from gridtask import fs
from gridtask.errors import UnsafeStoreError
from gridtask.store.compaction import ABANDONED_SECONDS, LOCK, LOCK_SECONDS
from gridtask.store.files import SUFFIXES
from gridtask.store.inspection import Finding, Inspection
from gridtask.store.repair import salvage
from gridtask.store.store import MARKER, Store, parse_marker
from gridtask.store.upkeep import MAX_SECONDS, UNFINISHED

RUN_SUFFIXES = (".run", ".job", ".recut", ".done")

GRACE_NOTE_SECONDS = 86_400.0
"""A replaced file that is still there after so long is worth a note."""


@dataclass
class Report:
    """What a check found.

    Attributes
    ----------
    findings : list of Finding
        In the order in which the cache was gone through.
    n_files, n_records, n_bytes : int
        What was looked at.
    """

    findings: list[Finding] = field(default_factory=list)
    n_files: int = 0
    n_records: int = 0
    n_bytes: int = 0

    @property
    def is_damaged(self) -> bool:
        """Whether something is damaged that was not repaired."""
        return any(f.is_damage and not f.repaired for f in self.findings)


def check(root: str | Path, *, read_data: bool = False, repair: bool = False) -> Report:
    """Check a cache folder.

    Parameters
    ----------
    root : str or Path
        The cache folder. It is not opened as a `Store`, which would mend the
        marker.
    read_data : bool
        Whether to read all results and compare their checksums, too.
    repair : bool
        Whether to save what is intact of damaged files, and to remove what
        dead processes have left.

    Returns
    -------
    report : Report
        All that was found.

    Raises
    ------
    StoreVersionError
        If a newer gridtask made the cache.
    OSError
        If the folder cannot be read at all, or a repair cannot be written.
    """
    return _Check(Store(Path(root).absolute()), read_data, repair).run()


def _now(root: Path) -> float:
    """Return the file server's time; this host's if nothing can be written there."""
    try:
        return fs.server_now(root)
    except OSError:
        return time.time()


class _Check:
    """One check of one cache."""

    def __init__(self, store: Store, read_data: bool, repair: bool) -> None:
        self._store = store
        self._read_data = read_data
        self._repair = repair
        self._report = Report()
        self._now = 0.0

    def run(self) -> Report:
        """Go through the cache."""
        self._now = _now(self._store.root)
        self._check_folder(self._store.root, fs.check_folder)
        self._check_marker()
        for path in (self._store.tasks, self._store.trash):
            self._check_folder(path)
        for folder in self._store.folders():
            self._check_folder(folder.path)
            self._check_task(folder.path, folder.name)
        self._check_folder(self._store.runs)
        self._check_runs()
        return self._report

    def _note(self, finding: Finding) -> None:
        self._report.findings.append(finding)

    def _check_folder(
        self, path: Path, check: Callable[[Path], None] = fs.check_own_folder
    ) -> None:
        """See whether others can write to a folder."""
        try:
            check(path)
        except UnsafeStoreError as error:
            self._note(Finding(str(path), "permissions", str(error)))
        except FileNotFoundError:
            if path == self._store.root:
                raise

    def _check_marker(self) -> None:
        """See whether the marker is there and intact."""
        path = self._store.root / MARKER
        try:
            text = fs.read_file(path)
        except FileNotFoundError:
            fault = "is missing; the next map writes it"
        except OSError as error:
            fault = f"cannot be read: {error}"
        else:
            marker = parse_marker(text)
            if marker is not None:
                self._store.check_format(marker)
                return
            fault = "is damaged; the next map writes it anew"
        finding = Finding(str(path), "marker", f"the marker {fault}")
        if self._repair:
            Store.open(self._store.root)
            finding = replace(finding, repaired="written anew")
        self._note(finding)

    def _check_task(self, path: Path, task: str) -> None:
        """Check the files of a task."""
        names = sorted(fs.list_names(path))
        for name in names:
            if name.endswith(SUFFIXES):
                self._check_file(path / name, task)
            elif name.endswith(UNFINISHED):
                self._check_left(path / name, MAX_SECONDS, "an unfinished pack")
            elif name == LOCK:
                self._check_left(path / name, LOCK_SECONDS, "a dead process's lock")

    def _check_file(self, path: Path, task: str) -> None:
        """Check one file of results; repair it if that is wanted."""
        inspection = Inspection(path, self._read_data)
        findings = list(inspection.run())
        # The writer of a young file may still be at work.
        is_over = inspection.is_finished or self._age(path) >= ABANDONED_SECONDS
        if self._repair and is_over and any(f.is_salvageable for f in findings):
            n_records = salvage(path, task, self._store.trash)
            done = f"{n_records} records saved, the file moved to the trash"
            findings = [replace(finding, repaired=done) for finding in findings]
        self._take(inspection, findings)
        if inspection.replaced and self._age(path) > GRACE_NOTE_SECONDS:
            names = set(fs.list_names(path.parent))
            left = [name for name, _ in inspection.replaced if name in names]
            if left:
                text = f"{len(left)} files that it replaces are left: gridtask gc"
                self._note(Finding(str(path), "replaced", text, is_damage=False))

    def _take(self, inspection: Inspection, findings: list[Finding]) -> None:
        """Add to the report."""
        report = self._report
        report.findings += findings
        report.n_files += 1
        report.n_records += inspection.n_records
        report.n_bytes += inspection.n_bytes

    def _age(self, path: Path) -> float:
        """Return how long ago a file was written, in seconds."""
        try:
            return self._now - fs.modified_at(path)
        except OSError:
            return 0.0

    def _check_left(self, path: Path, seconds: float, what: str) -> None:
        """Note a file that its writer has not removed."""
        if abs(self._age(path)) < seconds:
            return
        finding = Finding(str(path), "left", f"{what} is left", is_damage=False)
        if self._repair:
            with contextlib.suppress(OSError):
                fs.remove(path)
                finding = replace(finding, repaired="removed")
        self._note(finding)

    def _check_runs(self) -> None:
        """Check the files of runs. They are not repaired: jobs may need them."""
        for name in sorted(fs.list_names(self._store.runs)):
            path = self._store.runs / name
            if path.suffix == ".run":
                inspection = Inspection(path, self._read_data)
                found = [replace(f, kind="run file") for f in inspection.run()]
                self._take(inspection, found)
            elif path.suffix in RUN_SUFFIXES:
                self._check_json(path)

    def _check_json(self, path: Path) -> None:
        """See whether a small file of a run can be read."""
        self._report.n_files += 1
        try:
            json.loads(fs.read_file(path))
        except FileNotFoundError:
            return
        except UnsafeStoreError as error:
            self._note(Finding(str(path), "permissions", str(error)))
        except (ValueError, OSError) as error:
            text = f"the file cannot be read ({error}); what it held is found out anew"
            self._note(Finding(str(path), "run file", text))
