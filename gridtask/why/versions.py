"""The versions of a task's code that its folder in the cache knows.

Each is kept once, as a record under the code's digest, written before the
first result that it computes. Beside them stand the edits that the user has
accepted: a record each, under a key made of the two digests; its removal
revokes it.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import xxhash

from gridtask import __version__
from gridtask.calls.binding import Binder
from gridtask.claims.lock import this_process
from gridtask.errors import IdentityError, warn
from gridtask.store import values
from gridtask.store.record import Entry, Kind
from gridtask.store.store import LoadError
from gridtask.store.writer import RecordWriter

if TYPE_CHECKING:
    from gridtask.calls.work import Work
    from gridtask.store.store import Folder
    from gridtask.why.rules import Row

SNAPSHOT_BYTES = 1 << 20
"""A larger snapshot is not kept: the results of large values are elsewhere."""

_ACCEPTED = b"gridtask accepted 1"

_KEPT: set[tuple[object, ...]] = set()
"""What this process has written down, or found to be."""


class Signature(NamedTuple):
    """What of a call enters its key beside the code.

    Attributes
    ----------
    parameters : dict of str to (bytes or None)
        All parameters in order, with the digests of their defaults; None for
        one that has none, or none that can be identified.
    ignored : tuple of str
        Those that do not count.
    """

    parameters: Mapping[str, bytes | None]
    ignored: tuple[str, ...] = ()

    @property
    def counted(self) -> tuple[str, ...]:
        """The parameters that enter the key."""
        return tuple(n for n in self.parameters if n not in self.ignored)


class CodeVersion(NamedTuple):
    """One version of a task's code.

    Attributes
    ----------
    digest : bytes
        16 bytes.
    manifest : tuple of (str, bytes, str)
        Name, digest and text of each component.
    signatures : tuple of Signature
        Those with which it was used, the latest last.
    first_used_at : float
        POSIX seconds.
    distributions : dict of str to str
        Versions of Python, gridtask, and the imported distributions then.
    snapshot : bytes or None
        The source that the workers ran, if a map was the first to use it.
    """

    digest: bytes
    manifest: tuple[Row, ...]
    signatures: tuple[Signature, ...]
    first_used_at: float
    distributions: Mapping[str, str]
    snapshot: bytes | None = None


class Acceptance(NamedTuple):
    """An edit of the code that the user knows to be harmless.

    Attributes
    ----------
    before, after : bytes
        The digests of the code: results of `before` count for `after`.
    at : float
        POSIX seconds.
    user, host : str
        Who said so, and where.
    """

    before: bytes
    after: bytes
    at: float
    user: str
    host: str


class CodeVersions:
    """The versions of the code of one task.

    Parameters
    ----------
    folder : Folder
        The task's folder, refreshed.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def digests(self) -> list[bytes]:
        """Return the digests of all versions, the one written last at the end."""
        entries = (entry for _, entry in self._numbered())
        versions = [e for e in entries if _is_version(e.key, e.code)]
        versions.sort(key=lambda entry: entry.t_end_ns)
        return [entry.key for entry in versions]

    def get(self, digest: bytes) -> CodeVersion | None:
        """Return a version; None if it is not known, or damaged."""
        (number,) = self._folder.find([digest], Kind.CODE)
        content = self._load(number) if number >= 0 else None
        if content is None:
            return None
        signatures = (Signature(*s) for s in content["signatures"])
        return CodeVersion(
            digest=digest,
            manifest=tuple(content["manifest"]),
            signatures=tuple(signatures),
            first_used_at=content["first_used_at"],
            distributions=content["distributions"],
            snapshot=content["snapshot"],
        )

    def of_result(self, code: bytes) -> bytes | None:
        """Return the digest whose first 8 bytes a result has, if it is known."""
        return next((d for d in self.digests() if d[:8] == code), None)

    def keep(self, work: Work, snapshot: bytes | None = None) -> None:
        """Write down the version that is about to compute, if it is new.

        Raises
        ------
        StoreError
            If it cannot be written; at once, without further attempts.
        """
        signature = signature_of(work)
        known = self.get(work.code.digest)
        if known is None:
            if snapshot is not None and len(snapshot) > SNAPSHOT_BYTES:
                snapshot = None
            known = CodeVersion(
                digest=work.code.digest,
                manifest=manifest_of(work),
                signatures=(),
                first_used_at=time.time(),
                distributions=loaded_distributions(),
                snapshot=snapshot,
            )
        elif known.signatures[-1:] == (signature,):
            return
        others = [s for s in known.signatures if s != signature]
        content = {
            "manifest": known.manifest,
            "signatures": [(dict(s.parameters), s.ignored) for s in others]
            + [(dict(signature.parameters), signature.ignored)],
            "first_used_at": known.first_used_at,
            "distributions": dict(known.distributions),
            "snapshot": known.snapshot,
        }
        self._write(known.digest, known.digest, content)

    # ------------------------------------------------------------ accepted edits

    def acceptances(self, after: bytes | None = None) -> list[Acceptance]:
        """Return the accepted edits, or those that lead to one version."""
        found = []
        for number, entry in self._numbered():
            is_other = after is not None and entry.code != after[:8]
            if is_other or _is_version(entry.key, entry.code):
                continue
            content = self._load(number)
            if content is not None and after in (None, content["after"]):
                found.append(Acceptance(**content))
        return sorted(found, key=lambda acceptance: acceptance.at)

    def lineages(self, digest: bytes) -> Iterator[tuple[bytes, ...]]:
        """Yield the ways from a version to those whose results count for it.

        Each begins with `digest`; the nearest versions come first.
        """
        pending: list[tuple[bytes, ...]] = [(digest,)]
        seen = {digest}
        while pending:
            way = pending.pop(0)
            for acceptance in reversed(self.acceptances(way[-1])):
                if acceptance.before not in seen:
                    seen.add(acceptance.before)
                    pending.append((*way, acceptance.before))
                    yield pending[-1]

    def accept(self, before: bytes, after: bytes) -> Acceptance:
        """Let the results of one version count for another."""
        process = this_process()
        made = Acceptance(before, after, time.time(), process.user, process.host)
        self._write(_acceptance_key(before, after), after, made._asdict())
        return made

    def revoke(self, acceptance: Acceptance) -> None:
        """Take an acceptance back; results computed since stay."""
        key = _acceptance_key(acceptance.before, acceptance.after)
        self._folder.remove(self._folder.find([key], Kind.CODE))

    # ------------------------------------------------------------------ records

    def _numbered(self) -> Iterator[tuple[int, Entry]]:
        for number in self._folder.numbers(Kind.CODE):
            yield number, self._folder.entry(number)

    def _load(self, number: int) -> dict[str, Any] | None:
        """Return what a record holds; None if it is damaged, or of another kind."""
        (content,) = self._folder.load([number])
        if isinstance(content, LoadError) or not isinstance(content, dict):
            return None
        return content

    def _write(self, key: bytes, code: bytes, content: Mapping[str, Any]) -> None:
        """Write a record as a file of its own."""
        folder = self._folder
        about = {"task": folder.name}
        writer = RecordWriter(folder.path, "code", meta=about, sleep=_do_not_wait)
        writer.write(Kind.CODE, values.encode(dict(content)), key, code[:8])
        writer.close()
        folder.refresh()


def keep_version(work: Work, folder: Folder, snapshot: bytes | None = None) -> None:
    """Write down the version of the code, once a process; let no error stop work.

    Parameters
    ----------
    folder : Folder
        The task's folder, refreshed.
    snapshot : bytes, optional
        The source that the workers run.
    """
    use = (folder.path, work.code.digest, work.names, work.ignore)
    if use in _KEPT and folder.find([work.code.digest], Kind.CODE)[0] >= 0:
        return
    _KEPT.add(use)
    try:
        CodeVersions(folder).keep(work, snapshot)
    except Exception as error:  # what is only for people stops no map
        msg = f"the code's version is not kept, `gridtask why` will miss it: {error}"
        warn(msg)


def manifest_of(work: Work) -> tuple[Row, ...]:
    """Return the components of a task's code."""
    return tuple((row.name, row.digest, row.text) for row in work.code.manifest)


def signature_of(work: Work) -> Signature:
    """Return what of a call enters its key now."""
    hasher = work.hasher()
    binder = Binder(work.code.function, work.label)
    defaults: dict[str, bytes | None] = dict.fromkeys(binder.names)
    for name, default in binder.defaults.items():
        with contextlib.suppress(IdentityError):  # then it equals no argument
            defaults[name] = hasher.digest(default)
    return Signature(defaults, tuple(sorted(work.ignore)))


def loaded_distributions() -> dict[str, str]:
    """Return the versions of Python, gridtask and what is imported of others."""
    found = {"python": sys.version.split()[0], "gridtask": __version__}
    for name, module in sorted(sys.modules.items()):
        if "." in name or not isinstance(module, ModuleType):
            continue
        # Not by attribute: a module may have a __getattr__ that imports.
        version, file = (vars(module).get(n) for n in ("__version__", "__file__"))
        if isinstance(version, str) and _is_installed(str(file)):
            found[name] = version
    return found


def _is_installed(file: str) -> bool:
    return "site-packages" in file or "dist-packages" in file


def _is_version(key: bytes, code: bytes) -> bool:
    """Tell the record of a version from that of an accepted edit."""
    return key[:8] == code


def _acceptance_key(before: bytes, after: bytes) -> bytes:
    return xxhash.xxh3_128_digest(_ACCEPTED + before + after)


def _do_not_wait(seconds: float) -> None:
    """What is only for people does not make a map wait for a full disk."""
