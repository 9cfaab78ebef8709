"""What the cache alone tells of a task's code: its versions, and what they left.

The command has no script at hand. For it the code of a task is the one that
was used last.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from gridtask.caches.filters import newest_code
from gridtask.errors import GridTaskError
from gridtask.lazy import lazy
from gridtask.store.record import Kind
from gridtask.why.other_keys import can_stand_for
from gridtask.why.rules import (
    NOT_KEPT,
    UNNAMED,
    Change,
    Reason,
    Rule,
    compare_manifests,
    day,
)
from gridtask.why.versions import Acceptance, CodeVersion, CodeVersions

if TYPE_CHECKING:
    from gridtask.caches.summaries import CallSummary
    from gridtask.store.store import Folder

SHOWN = 8
"""Digits of a code's digest that are shown; as many as enter the records."""


class NothingToAccept(GridTaskError):
    """There are no two versions of a task's code of which one can stand for another."""


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """One version of a task's code, in short.

    Attributes
    ----------
    task, code : str
        The task's name; the first 16 hexadecimal digits of the code's digest.
    first_used_at : float or None
        POSIX seconds; None for a version that was not kept.
    results, failed : int
        What it has computed.
    distributions : dict of str to str
        Versions of Python and of what was imported then.
    since : str or None
        The version before it.
    changes : list of Change
        What has changed since then.
    accepts : list of str
        Versions whose results count for this one.
    """

    task: str
    code: str
    first_used_at: float | None
    results: int
    failed: int
    distributions: dict[str, str]
    since: str | None
    changes: list[Change]
    accepts: list[str]


class History:
    """The versions of one task's code.

    Parameters
    ----------
    folder : Folder
        The task's folder, refreshed.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.versions = CodeVersions(folder)

    @lazy
    def latest(self) -> bytes | None:
        """The first 8 bytes of the code that was used last."""
        numbers = [
            n for kind in (Kind.OK, Kind.ERR) for n in self._folder.numbers(kind)
        ]
        last_end = max((self._folder.entry(n).t_end_ns for n in numbers), default=0)
        known = self._known()
        if known and known[-1].first_used_at >= last_end / 1e9:
            return known[-1].digest[:8]
        return newest_code(self._folder)

    def summaries(self) -> list[VersionSummary]:
        """Return all versions, the one that was used first at the beginning."""
        results = self._count(Kind.OK)
        failed = self._count(Kind.ERR)
        versions = self._known()
        kept = {version.digest[:8] for version in versions}
        lost = [code for code in {**results, **failed} if code not in kept]
        rows = [self._row(code, None, None, results, failed) for code in lost]
        for before, version in pairwise([None, *versions]):
            assert version is not None
            code = version.digest[:8]
            rows.append(self._row(code, version, before, results, failed))
        return rows

    def _known(self) -> list[CodeVersion]:
        """Return the versions in the order in which they were first used."""
        found = [self.versions.get(digest) for digest in self.versions.digests()]
        known = [version for version in found if version is not None]
        return sorted(known, key=lambda version: version.first_used_at)

    def _row(
        self,
        code: bytes,
        version: CodeVersion | None,
        before: CodeVersion | None,
        results: Counter[bytes],
        failed: Counter[bytes],
    ) -> VersionSummary:
        accepts = self.versions.acceptances(version.digest) if version else []
        return VersionSummary(
            task=self._folder.name,
            code=code.hex(),
            first_used_at=version.first_used_at if version else None,
            results=results[code],
            failed=failed[code],
            distributions=dict(version.distributions) if version else {},
            since=before.digest[:8].hex() if before else None,
            changes=self.changes(before, version),
            accepts=[a.before[:8].hex() for a in accepts],
        )

    def _count(self, kind: Kind) -> Counter[bytes]:
        """Return how many records each version has left."""
        numbers = self._folder.numbers(kind)
        return Counter(self._folder.entry(number).code for number in numbers)

    @staticmethod
    def changes(before: CodeVersion | None, after: CodeVersion | None) -> list[Change]:
        """Return what differs between two versions, nothing if one is not known."""
        if before is None or after is None:
            return []
        return compare_manifests(before.manifest, after.manifest)

    # -------------------------------------------------------------------- one call

    def explain(self, call: CallSummary) -> Reason:
        """Return whether the code that was used last would reuse a call."""
        key = bytes.fromhex(call.key)
        rule, text = self._state(call, key)
        changes: list[Change] = []
        if rule is Rule.RESULT:
            (number,) = self._folder.find([key])
            rule, text, changes = self._of_code(number)
        shown = f"{call.task}({call.args if call.args is not None else '…'})"
        return Reason(rule, shown, call.key, text, tuple(changes))

    def _state(self, call: CallSummary, key: bytes) -> tuple[Rule, str]:
        if call.state == "done":
            return Rule.RESULT, ""
        if call.state == "failed":
            return Rule.FAILED, f"it failed with {call.error}: it runs again"
        if call.state == "damaged":
            return Rule.REMOVED, "its record is damaged: it is computed again"
        return Rule.IN_FLIGHT, f"it is {call.state} in run {call.run}: a map adopts it"

    def _of_code(self, number: int) -> tuple[Rule, str, list[Change]]:
        """Tell whether a result counts for the code that was used last."""
        entry = self._folder.entry(number)
        ended = day(entry.t_end_ns / 1e9)
        if entry.code == self.latest or self.latest is None:
            return Rule.RESULT, f"its result of {ended} is reused", []
        after = self._version(self.latest)
        before = self._version(entry.code)
        changes = self.changes(before, after)
        code = entry.code.hex()[:SHOWN]
        ways = self.versions.lineages(after.digest) if after else ()
        if any(way[-1][:8] == entry.code for way in ways):
            text = (
                f"its result of {ended} is reused: the edit since code {code} was "
                "accepted"
            )
            return Rule.ACCEPTED, text, changes
        text = f"the code has changed since its result of {ended} (code {code})"
        if not changes:
            text += f"; {NOT_KEPT}" if None in (before, after) else f": {UNNAMED}"
        return Rule.CODE, text, changes

    def _version(self, code: bytes) -> CodeVersion | None:
        digest = self.versions.of_result(code)
        return self.versions.get(digest) if digest is not None else None

    def removed(self, digits: str) -> list[Reason]:
        """Return the calls whose results were removed, by the start of their keys."""
        return [
            Reason(
                Rule.REMOVED,
                f"{self._folder.name}(…)",
                key.hex(),
                f"its result was removed on {day(at)}",
            )
            for key, at in self._folder.removed_at().items()
            if key.hex().startswith(digits)
        ]

    # -------------------------------------------------------------- accepted edits

    def choose(
        self, before: str | None = None, after: str | None = None
    ) -> tuple[CodeVersion, CodeVersion]:
        """Return which version shall count for which.

        Parameters
        ----------
        before, after : str, optional
            First digits of their digests; by default the version of the latest
            results that do not count yet, and the one that was used last.

        Raises
        ------
        NothingToAccept
            If there are no such versions, or their calls are others.
        """
        newer = self._named(after) if after else self._version(self.latest or b"")
        if newer is None:
            msg = (
                f"no version of the code of {self._folder.name!r} is kept; map or plan "
                "it once, then `gridtask why` lists them"
            )
            raise NothingToAccept(msg)
        older = self._named(before) if before else self._version_before(newer)
        for signature in older.signatures:
            if can_stand_for(newer.signatures[-1], signature):
                return older, newer
        names = ", ".join(older.signatures[-1].counted)
        others = ", ".join(newer.signatures[-1].counted)
        msg = (
            f"calls of code {_short(newer)}, with the parameters ({others}), cannot be "
            f"calls of code {_short(older)}, with ({names}): only parameters with a "
            "default may have come in between"
        )
        raise NothingToAccept(msg)

    def _version_before(self, newer: CodeVersion) -> CodeVersion:
        """Return the version of the latest results that do not count for another."""
        counting = {way[-1][:8] for way in self.versions.lineages(newer.digest)}
        counting.add(newer.digest[:8])
        numbers = self._folder.numbers(Kind.OK)
        entries = sorted(
            (self._folder.entry(number) for number in numbers),
            key=lambda entry: entry.t_end_ns,
            reverse=True,
        )
        for code in dict.fromkeys(e.code for e in entries if e.code not in counting):
            version = self._version(code)
            if version is not None and version.digest != newer.digest:
                return version
        msg = (
            f"all results of {self._folder.name!r} count for the code that was used "
            f"last ({_short(newer)}). If the edit is later than that, let the script "
            "ask for .why(...) or .plan(...) of a call first: that makes it known here"
        )
        raise NothingToAccept(msg)

    def _named(self, digits: str) -> CodeVersion:
        """Return the version whose digest begins with some digits."""
        found = [d for d in self.versions.digests() if d.hex().startswith(digits)]
        version = self.versions.get(found[0]) if len(found) == 1 else None
        if version is None:
            known = ", ".join(d.hex()[:SHOWN] for d in self.versions.digests())
            msg = (
                f"{len(found)} versions of the code of {self._folder.name!r} begin "
                f"with {digits!r}; there are {known or 'none'}"
            )
            raise NothingToAccept(msg)
        return version

    def revocable(
        self, before: str | None = None, after: str | None = None
    ) -> list[Acceptance]:
        """Return accepted edits, all or those of versions named as for `choose`."""
        return [
            acceptance
            for acceptance in self.versions.acceptances()
            if acceptance.before.hex().startswith(before or "")
            and acceptance.after.hex().startswith(after or "")
        ]


def _short(version: CodeVersion) -> str:
    return version.digest.hex()[:SHOWN]
