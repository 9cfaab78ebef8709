"""The slots of this machine that the local jobs of one folder share.

Supervisors import this module: like theirs, its imports are builtin only.
"""

from __future__ import annotations

import _socket
import errno
import os

Slot = _socket.socket
"""One that is taken; closed, it is free."""


class Slots:
    """The slots that the jobs of one folder have on this machine, all together.

    Else a hundred small jobs would run a hundred processes at a time.

    A slot is an abstract socket address: bound to one process at a time, and
    free again when that ends, however it ends. So is the place of the next in
    line, without which nobody takes slots: who waits for several of them, or
    came later, is not overtaken for ever by those who have some already.

    Parameters
    ----------
    folder : str
        The folder of the jobs' state files.
    n_slots : int
        Number of slots; with 0 they are not counted.

    References
    ----------
    unix(7), "Abstract sockets".
    """

    def __init__(self, folder: str, n_slots: int) -> None:
        status = os.stat(folder)
        name = f"\0gridtask-{os.geteuid()}-{status.st_dev:x}-{status.st_ino:x}-"
        self._prefix = name.encode()
        self._n_slots = n_slots
        self._place: Slot | None = None

    @property
    def is_next(self) -> bool:
        """Whether this process waits and nobody waits before it."""
        return self._place is not None

    def take(self, number: int) -> list[Slot] | None:
        """Return `number` slots, to be closed, or None if one has to wait."""
        if not self._n_slots:
            return []
        self._place = self._place or self._bind("next")
        if self._place is None:
            return None
        taken: list[Slot] = []
        for index in range(self._n_slots):
            slot = self._bind(str(index))
            if slot is not None:
                taken.append(slot)
            if len(taken) == min(number, self._n_slots):
                self.leave()
                return taken
        for slot in taken:
            slot.close()
        return None

    def leave(self) -> None:
        """Wait no more."""
        if self._place is not None:
            self._place.close()
            self._place = None

    def _bind(self, name: str) -> Slot | None:
        address = Slot(_socket.AF_UNIX, _socket.SOCK_DGRAM)
        try:
            address.bind(self._prefix + name.encode())
        except OSError as error:
            # Where abstract addresses are forbidden, slots cannot be counted.
            if error.errno == errno.EADDRINUSE:
                address.close()
                return None
        return address
