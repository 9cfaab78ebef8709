"""Keys that calls have under other versions of the code than the present one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from gridtask.calls.binding import Arguments
from gridtask.why.versions import CodeVersions, Signature, signature_of

if TYPE_CHECKING:
    from gridtask.calls.work import Work
    from gridtask.store.store import Folder


class OtherKeys:
    """The keys of some calls under other versions of their task's code.

    A parameter that a version did not have yet is left out, where the call has
    its default.
    """

    def __init__(self, work: Work, calls: Sequence[Arguments]) -> None:
        self._work = work
        self._calls = calls
        self.signature = signature_of(work)
        self._digests: dict[tuple[str, ...], list[bytes]] = {}
        self._fits: dict[tuple[str, bytes], list[bool]] = {}

    def under(self, digest: bytes, way: Sequence[Signature]) -> list[bytes | None]:
        """Return each call's key under a version; None where it had no such call.

        Parameters
        ----------
        digest : bytes
            The version's digest.
        way : sequence of Signature
            From the present one to that of the version.
        """
        from gridtask.identity.arguments.hasher import call_keys

        left_out = _left_out([self.signature, *way])
        if left_out is None:
            return [None] * len(self._calls)
        keys: list[bytes | None] = [
            *call_keys(digest, self._digests_of(way[-1].counted))
        ]
        for name, default in left_out.items():
            fits = self._have(name, default)
            keys = [key if fit else None for key, fit in zip(keys, fits, strict=True)]
        return keys

    def _digests_of(self, names: tuple[str, ...]) -> list[bytes]:
        if names not in self._digests:
            self._digests[names] = self._work.digests(self._calls, names)
        return self._digests[names]

    def _have(self, name: str, default: bytes) -> list[bool]:
        """Tell of each call whether it has a parameter's default."""
        if (name, default) not in self._fits:
            hasher = self._work.hasher()
            self._fits[name, default] = [
                hasher.digest(call[name]) == default for call in self._calls
            ]
        return self._fits[name, default]


def can_stand_for(newer: Signature, older: Signature) -> bool:
    """Tell whether calls of one signature can have been calls of another."""
    return _left_out([newer, older]) is not None


def _left_out(way: Sequence[Signature]) -> Mapping[str, bytes] | None:
    """Return the parameters that came in on the way, with their defaults.

    None if a call of the first signature cannot be one of the last.
    """
    found: dict[str, bytes] = {}
    for newer, older in pairwise(way):
        if not newer.parameters.keys() >= set(older.counted):
            return None
        for name in newer.counted:
            if name in older.counted:
                continue
            default = newer.parameters[name]
            if default is None or name in older.parameters:
                return None  # its value then is not known
            found[name] = default
    return found if way[0].parameters.keys() >= set(way[-1].counted) else None


def accepted_keys(
    work: Work, folder: Folder, calls: Sequence[Arguments]
) -> Iterator[tuple[bytes, list[bytes | None]]]:
    """Yield versions whose results the user accepted, with the calls' keys there.

    Nothing is read, and nothing digested, if there are none.

    Yields
    ------
    digest : bytes
        The version's digest.
    keys : list of (bytes or None)
        One for each call.
    """
    versions = CodeVersions(folder)
    others: OtherKeys | None = None
    for way in versions.lineages(work.code.digest):
        known = [versions.get(digest) for digest in way[1:]]
        if any(version is None or not version.signatures for version in known):
            continue
        between = [v.signatures[-1] for v in known[:-1] if v is not None]
        others = others or OtherKeys(work, calls)
        for signature in known[-1].signatures if known[-1] is not None else ():
            yield way[-1], others.under(way[-1], [*between, signature])
