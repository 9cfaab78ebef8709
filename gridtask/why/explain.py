"""Why calls of the present code are reused or not: what `why` and `plan` ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from gridtask.calls.binding import Arguments
from gridtask.calls.work import call_text
from gridtask.errors import CorruptRecordError
from gridtask.lazy import lazy
from gridtask.printable import arguments_text, printable
from gridtask.store.record import Entry, Kind
from gridtask.why.other_keys import OtherKeys, accepted_keys
from gridtask.why.rules import (
    NOT_KEPT,
    UNNAMED,
    Change,
    Reason,
    Row,
    Rule,
    compare_arguments,
    compare_manifests,
    day,
    find_nearest,
    name_changes,
    split_arguments,
)
from gridtask.why.versions import CodeVersions, manifest_of

if TYPE_CHECKING:
    from gridtask.caches.flights import Flight
    from gridtask.calls.work import Work
    from gridtask.store.store import Folder

N_NEAREST = 1000
"""So many of the latest results are looked through for the nearest call."""

N_VERSIONS = 20
"""So many of the latest versions with results are compared with."""


class Explainer:
    """Finds out why calls of a task, as its code is now, are reused or not.

    Parameters
    ----------
    folder : Folder
        The task's folder, refreshed.
    keys : sequence of bytes
        The calls' keys, where they are known.
    flights : mapping of bytes to Flight
        The task's calls in flight, by key.
    """

    def __init__(
        self,
        work: Work,
        folder: Folder,
        calls: Sequence[Arguments],
        keys: Sequence[bytes] | None = None,
        flights: Mapping[bytes, Flight] | None = None,
    ) -> None:
        self._work = work
        self._folder = folder
        self._calls = calls
        self._keys = work.keys(calls) if keys is None else keys
        self._flights = flights or {}
        self._versions = CodeVersions(folder)

    def reasons(self) -> list[Reason]:
        """Return why each call would or would not be reused."""
        return [self._reason(index) for index in range(len(self._calls))]

    def count(self) -> dict[str, int]:
        """Return why calls without a result must run, and how many for each."""
        counts: Counter[str] = Counter()
        failed = self._folder.find(self._keys, Kind.ERR)
        removed, by_code = self._removed, self._by_code
        edits = {d: name_changes(changes) for d, changes in self._changed.items()}
        for index, key in enumerate(self._keys):
            if failed[index] >= 0:
                counts[Rule.FAILED] += 1
            elif key in removed:
                counts[f"{Rule.REMOVED} on {day(removed[key])[:10]}"] += 1
            elif index in by_code:
                digest, _ = by_code[index]
                counts[f"{Rule.CODE}: {edits[digest]}"] += 1
            elif index in self._by_ignored:
                counts[Rule.IGNORED] += 1
            else:
                counts[f"{Rule.NEVER} with these arguments"] += 1
        return dict(counts.most_common())

    @property
    def has_code_changed(self) -> bool:
        """Whether another version of the code has results of these calls."""
        return bool(self._by_code)

    # ---------------------------------------------------------------- what is known

    @lazy
    def _removed(self) -> dict[bytes, float]:
        return self._folder.removed_at(self._keys)

    @lazy
    def _others(self) -> OtherKeys:
        return OtherKeys(self._work, self._calls)

    @lazy
    def _manifest(self) -> tuple[Row, ...]:
        return manifest_of(self._work)

    @lazy
    def _by_code(self) -> dict[int, tuple[bytes, int]]:
        """The calls with a result of another version: its digest, the record."""
        codes = self._folder.codes()
        digests = [
            digest
            for digest in reversed(self._versions.digests())
            if digest[:8] in codes and digest != self._work.code.digest
        ]
        found: dict[int, tuple[bytes, int]] = {}
        for digest in digests[:N_VERSIONS]:
            for index, number in self._results(digest):
                found.setdefault(index, (digest, number))
            if len(found) == len(self._calls):
                break
        return found

    @lazy
    def _by_ignored(self) -> dict[int, int]:
        """The calls with a result of this code that counted other parameters."""
        return dict(self._results(self._work.code.digest))

    def _results(self, digest: bytes) -> Iterator[tuple[int, int]]:
        """Yield calls that have results of a version, and these results."""
        version = self._versions.get(digest)
        for signature in version.signatures if version is not None else ():
            keys = self._others.under(digest, [signature])
            indices = [index for index, key in enumerate(keys) if key is not None]
            wanted = [key for key in keys if key is not None]
            numbers = self._folder.find(wanted)
            pairs = zip(indices, numbers, strict=True)
            yield from ((index, number) for index, number in pairs if number >= 0)

    @lazy
    def _changed(self) -> dict[bytes, list[Change]]:
        """What has changed since each version that has results of these calls."""
        digests = {digest for digest, _ in self._by_code.values()}
        return {digest: self._changes_since(digest) for digest in digests}

    def _changes_since(self, digest: bytes | None) -> list[Change]:
        version = self._versions.get(digest) if digest is not None else None
        if version is None:
            return []
        return compare_manifests(version.manifest, self._manifest)

    # -------------------------------------------------------------------- one call

    def _reason(self, index: int) -> Reason:
        """Return the first rule that holds of a call."""
        call, key = self._calls[index], self._keys[index]
        rule, text, changes = (
            self._reused(index, key)
            or self._flying(key)
            or self._ended_badly(key)
            or self._changed_code(index)
            or self._changed_arguments(call)
            or (Rule.NEVER, self._never(), [])
        )
        shown = call_text(self._work.label, call, self._work.show_args)
        return Reason(rule, shown, key.hex(), text, tuple(changes))

    def _reused(self, index: int, key: bytes) -> _Answer | None:
        (number,) = self._folder.find([key])
        if number >= 0:
            return Rule.RESULT, f"its result of {self._date(number)} is reused", []
        for digest, keys in accepted_keys(
            self._work, self._folder, [self._calls[index]]
        ):
            (number,) = self._folder.find([keys[0]]) if keys[0] is not None else [-1]
            if number >= 0:
                text = (
                    f"its result of {self._date(number)} is reused: the edit since "
                    f"code {digest.hex()[:8]} was accepted"
                )
                return Rule.ACCEPTED, text, self._changes_since(digest)
        return None

    def _flying(self, key: bytes) -> _Answer | None:
        flight = self._flights.get(key)
        if flight is None:
            return None
        text = f"it is {flight.state} in run {flight.place.run_id}: a map adopts it"
        return Rule.IN_FLIGHT, text, []

    def _ended_badly(self, key: bytes) -> _Answer | None:
        (number,) = self._folder.find([key], Kind.ERR)
        if number >= 0:
            error = printable(str(self._meta(number).get("error", "an error")))
            text = f"it failed on {self._date(number)} with {error}: it runs again"
            return Rule.FAILED, text, []
        if key in self._removed:
            text = f"its result was removed on {day(self._removed[key])}"
            return Rule.REMOVED, text, []
        return None

    def _changed_code(self, index: int) -> _Answer | None:
        if index in self._by_code:
            digest, number = self._by_code[index]
            changes = self._changed[digest]
            text = f"the code has changed since its result of {self._date(number)}"
            return Rule.CODE, text if changes else f"{text}: {UNNAMED}", changes
        if index in self._by_ignored:
            ended = self._date(self._by_ignored[index])
            text = f"since its result of {ended} other parameters are ignored"
            return Rule.IGNORED, text, []
        return None

    def _changed_arguments(self, call: Arguments) -> _Answer | None:
        """Name the nearest earlier call, of this code where there is one."""
        names = self._work.names
        wanted = split_arguments(arguments_text(call), names)
        if not (wanted and self._work.show_args):
            return None
        for entries in self._latest_results():
            texts = [str(self._meta(n).get("args", "")) for n, _ in entries]
            calls = [split_arguments(text, names) for text in texts]
            nearest = find_nearest(wanted, calls)
            if nearest is None or not calls[nearest]:
                continue
            number, entry = entries[nearest]
            changes = compare_arguments(calls[nearest], wanted)
            near = f"{self._work.label}({printable(texts[nearest])})"
            if entry.code == self._work.code.digest[:8]:
                text = f"{Rule.NEVER}; the nearest earlier call is {near}"
                return Rule.ARGUMENT, text, changes
            since = self._changes_since(self._versions.of_result(entry.code))
            if calls[nearest] == wanted and all(c.before == c.after for c in changes):
                text = f"the code has changed since {near} of {self._date(number)}"
                return Rule.CODE, text if since else f"{text}; {NOT_KEPT}", since
            text = f"{Rule.NEVER}; the nearest call of earlier code is {near}"
            return Rule.ARGUMENT, text, [*changes, *since]
        return None

    def _latest_results(self) -> Iterator[list[tuple[int, Entry]]]:
        """Yield the latest results of this code, then those of others."""
        numbers = self._folder.numbers(Kind.OK)
        entries = [(n, self._folder.entry(n)) for n in numbers]
        entries.sort(key=lambda pair: pair[1].t_end_ns, reverse=True)
        code = self._work.code.digest[:8]
        yield [pair for pair in entries if pair[1].code == code][:N_NEAREST]
        yield [pair for pair in entries if pair[1].code != code][:N_NEAREST]

    def _never(self) -> str:
        if not self._folder.numbers(Kind.OK):
            return f"{Rule.NEVER}: {self._work.task} has no results yet"
        return f"{Rule.NEVER} with these arguments and this code"

    def _meta(self, number: int) -> Mapping[str, object]:
        try:
            return self._folder.meta(number)
        except (CorruptRecordError, OSError):
            return {}

    def _date(self, number: int) -> str:
        return day(self._folder.entry(number).t_end_ns / 1e9)


_Answer = tuple[Rule, str, list[Change]]
