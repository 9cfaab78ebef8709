"""The run file: everything that the workers of a run need, in one sealed file.

It is complete on disk before anything is submitted, so a driver may die at any
moment afterwards. It is a container of the store's records:

=====  ==============================================================
META   JSON for people: task, run, user, host
ARGS   under a digest: bytes that many calls share (see `packing`)
ARGS   under a chunk's key: keys and packed arguments of one array task
ARGS   under `AXES_KEY`: the axes of a grid
CODE   the snapshot of the user's code, and the world it runs in
PLAN   all keys of the run in order, and where each one is computed
=====  ==============================================================
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gridtask import fs
from gridtask.calls.binding import Arguments
from gridtask.claims import upstream
from gridtask.claims.packing import Buffer, Packer, unpack
from gridtask.claims.world import World
from gridtask.errors import ResultUnreadable, StoreError
from gridtask.store import values
from gridtask.store.segment import Entry, Kind, SegmentReader, SegmentWriter

if TYPE_CHECKING:
    from gridtask.plan import ChunkSize, JobRange, Place

RUN_FLAG = 2
"""Flag of a file header: this container is a run file."""

MAP_BYTES = 1 << 20
"""From this size on a shared value is mapped, so that workers share its pages."""

AXES_KEY = b"axes".ljust(16, b"\0")

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


ID_LENGTH = 8
"""Characters of a run's id: base 32, 40 random bits."""


def new_run_id() -> str:
    """Return a new run's id."""
    return "".join(_ALPHABET[byte % 32] for byte in os.urandom(ID_LENGTH))


class RunPlan(NamedTuple):
    """What a run consists of; readable by any later process.

    Attributes
    ----------
    run_id, name
        The run's id, and the name that its user gave it (or None).
    task
        Name of the task's folder in the store.
    parent
        The run that this one continues, else None.
    backend
        Name of the backend that runs its jobs.
    created_at
        POSIX time stamp in seconds.
    user, host, pid, process_start, machine
        The process that published the file, as in `gridtask.claims.claim.Process`.
    code
        The code's digest, 16 bytes.
    keys, positions, done, flying, missing, chunks, jobs
        As in `gridtask.plan.Plan`.
    axes
        The axes of a grid, else None. A plan that was read has None here: their
        classes may be missing where it is read. See `RunFile.axes`.
    cluster_params, memory, time
        The resources of an array task, for messages.
    chunk
        The calls per array task that its user asked for.
    """

    run_id: str
    task: str
    backend: str
    created_at: float
    user: str
    host: str
    pid: int
    process_start: int | None
    machine: str
    code: bytes
    keys: list[bytes]
    positions: Sequence[int]
    done: list[int]
    flying: dict[int, Place]
    missing: list[int]
    chunks: list[int]
    jobs: list[JobRange]
    name: str | None = None
    parent: str | None = None
    axes: dict[str, list[Any]] | None = None
    cluster_params: tuple[str, ...] = ()
    memory: str | None = None
    time: str | None = None
    slots: int = 1
    max_running: int | None = None
    retries: int = 1
    escalate: dict[str, float] = {}  # noqa: RUF012 - nobody changes it
    chunk: ChunkSize = "auto"

    def chunk_keys(self, task: int) -> list[bytes]:
        """Return the keys of array task `task` (from 1) in their order."""
        start = sum(self.chunks[: task - 1])
        indices = self.missing[start : start + self.chunks[task - 1]]
        return [self.keys[i] for i in indices]

    def chunked_keys(self) -> Iterator[list[bytes]]:
        """Yield the keys of each array task, from the first to the last."""
        start = 0
        for size in self.chunks:
            yield [self.keys[i] for i in self.missing[start : start + size]]
            start += size

    def job_name(self, number: int) -> str:
        """Return the name of the run's job `number`; it finds the job again."""
        safe = "".join(c if c.isalnum() and c.isascii() else "_" for c in self.task)
        return f"gt_{self.run_id}_{number}_{safe}"[:60]


class Chunk(NamedTuple):
    """The calls of one array task: keys and packed arguments, in order."""

    keys: list[bytes]
    calls: list[bytes]


class RunFileWriter:
    """Writes a run file beside its final place; `publish` makes it visible."""

    def __init__(self, runs: Path, run_id: str) -> None:
        self.path = runs / f"{run_id}.run"
        self._temporary = runs / f"{run_id}.tmp"
        self._segment = SegmentWriter.create(self._temporary, flags=RUN_FLAG)
        self._packer = Packer(self._store)

    @property
    def file_id(self) -> bytes:
        """The file's own id, which the worker's command line must repeat."""
        return self._segment.file_id

    def pack(self, arguments: Arguments) -> bytes:
        """Pack one call; what is large goes to disk now, once."""
        return self._packer.pack(arguments)

    def copy(self, call: bytes, source: RunFile) -> bytes:
        """Take over a packed call of another run file."""
        return self._packer.copy(call, source.blob)

    def publish(
        self,
        plan: RunPlan,
        packed: Mapping[int, bytes],
        world: World,
        snapshot: bytes,
    ) -> None:
        """Write the rest, sync, and give the file its final name.

        Parameters
        ----------
        packed : mapping of int to bytes
            The packed arguments by index of the call's key in the plan.
        """
        append = self._segment.append
        about = {"task": plan.task, "run": plan.run_id, "user": plan.user}
        append(Kind.META, meta={**about, "host": plan.host, "name": plan.name})
        start = 0
        for task, size in enumerate(plan.chunks, start=1):
            indices = plan.missing[start : start + size]
            start += size
            self._append_chunk(task, plan, indices, packed)
        rest = sorted(packed.keys() - set(plan.missing))
        if rest:
            self._append_chunk(0, plan, rest, packed)
        self._append(Kind.CODE, {"world": world._asdict(), "snapshot": snapshot})
        fields = plan._asdict()
        fields["jobs"] = [(job.first_task, job.n_tasks) for job in plan.jobs]
        fields["flying"] = {index: tuple(at) for index, at in plan.flying.items()}
        del fields["axes"]
        if plan.axes is not None:
            self._append(Kind.ARGS, plan.axes, key=AXES_KEY)
        self._append(Kind.PLAN, fields)
        self._segment.seal()
        fs.publish(self._temporary, self.path)

    def discard(self) -> None:
        """Remove what was written, published or not: nothing was submitted."""
        self._segment.close()
        fs.remove(self._temporary)
        fs.remove(self.path)

    def _append_chunk(
        self, task: int, plan: RunPlan, indices: list[int], packed: Mapping[int, bytes]
    ) -> None:
        keys = [plan.keys[i] for i in indices]
        content = {"keys": keys, "calls": [packed[i] for i in indices]}
        self._append(Kind.ARGS, content, key=_chunk_key(task))

    def _append(self, kind: Kind, content: Any, key: bytes = bytes(16)) -> None:
        encoded = values.encode(content)
        aligned = encoded.has_buffers
        self._segment.append(kind, encoded.parts, key=key, aligned=aligned)

    def _store(self, digest: bytes, parts: Sequence[Buffer]) -> None:
        self._segment.append(Kind.ARGS, parts, key=digest, aligned=True)


class RunFile:
    """A published run file, opened for reading.

    Attributes
    ----------
    latency : float
        Seconds within which the results of other calls come into sight.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    StoreError
        If it is damaged, or not the one with `file_id`.
    UnsafeStoreError
        If somebody else could have written it.
    """

    def __init__(self, path: Path, file_id: bytes | None = None) -> None:
        self.path = path
        self.latency = 0.0
        self._root = path.parent.parent
        self._reader = SegmentReader.open(path)
        if file_id is not None and self._reader.file_id != file_id:
            self.close()
            msg = (
                f"{path} has the id {self._reader.file_id.hex()}, "
                f"expected {file_id.hex()}: the file was replaced after submission"
            )
            raise StoreError(msg)
        self._args: dict[bytes, Entry] = {}
        self._single: dict[int, Entry] = {}
        for entry in self._reader.entries:
            if entry.kind == Kind.ARGS:
                self._args[entry.key] = entry
            else:
                self._single[entry.kind] = entry

    @property
    def file_id(self) -> bytes:
        """The file's own id."""
        return self._reader.file_id

    def plan(self) -> RunPlan:
        """Return the run's plan.

        Raises
        ------
        StoreError
            If there is none, or another version of gridtask wrote it.
        """
        from gridtask.plan import JobRange, Place  # workers read no plan

        fields = self._decode(Kind.PLAN)
        try:
            fields["jobs"] = [JobRange(*job) for job in fields["jobs"]]
            fields["flying"] = {i: Place(*at) for i, at in fields["flying"].items()}
            return RunPlan(**fields)
        except (TypeError, KeyError) as error:
            msg = f"{self.path} was written by another version of gridtask ({error})"
            raise StoreError(msg) from error

    def axes(self) -> dict[str, list[Any]] | None:
        """Return the axes of a grid, None if the run is of no grid."""
        entry = self._args.get(AXES_KEY)
        if entry is None:
            return None
        axes: dict[str, list[Any]] = self._value(entry)
        return axes

    def code(self) -> tuple[World, bytes]:
        """Return the world of the calls and the snapshot of their code."""
        content = self._decode(Kind.CODE)
        return World(**content["world"]), content["snapshot"]

    def chunk(self, task: int) -> Chunk:
        """Return the calls of array task `task`.

        Raises
        ------
        StoreError
            If the run has no such array task.
        """
        entry = self._args.get(_chunk_key(task))
        if entry is None:
            msg = f"{self.path} has no array task {task}"
            raise StoreError(msg)
        return Chunk(**self._value(entry))

    def arguments(self, plan: RunPlan) -> dict[int, bytes]:
        """Return the packed arguments of all calls, by index of their key."""
        index_of = {key: index for index, key in enumerate(plan.keys)}
        tasks = range(0 if _chunk_key(0) in self._args else 1, len(plan.chunks) + 1)
        return {
            index_of[key]: call
            for task in tasks
            for chunk in [self.chunk(task)]
            for key, call in zip(chunk.keys, chunk.calls, strict=True)
        }

    def unpack(self, call: bytes) -> Arguments:
        """Return a call's arguments: objects of its own at each request.

        Raises
        ------
        UpstreamFailed
            If an argument is another call's result, which is not there.
        """
        with upstream.Reading(upstream.Place(self._root, self.latency)):
            return unpack(call, self.blob)

    def blob(self, digest: bytes) -> Buffer:
        """Return a private copy of bytes that calls share."""
        entry = self._args.get(digest)
        if entry is None:
            msg = f"{self.path} has lost an argument of {digest.hex()}: it is damaged"
            raise StoreError(msg)
        if entry.payload_len >= MAP_BYTES:
            return self._reader.map(entry)
        return self._reader.payload(entry)

    def _decode(self, kind: Kind) -> Any:
        entry = self._single.get(kind)
        if entry is None:
            msg = f"{self.path} has no {kind.name} record: it is not a whole run file"
            raise StoreError(msg)
        return self._value(entry)

    def _value(self, entry: Entry) -> Any:
        try:
            return values.decode(self._reader.payload(entry))
        except ResultUnreadable as error:
            msg = f"{self.path} cannot be read: {error}"
            raise StoreError(msg) from error

    def close(self) -> None:
        """Close the file; values that were mapped stay valid."""
        self._reader.close()


def _chunk_key(task: int) -> bytes:
    """Return the record key of array task `task`'s chunk."""
    return b"chunk".ljust(12, b"\0") + task.to_bytes(4, "big")
