"""The scheduler's commands: run with a time limit of our own, their answers judged."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from gridtask.errors import SchedulerUnavailable

_JOB_LIMIT_STATUS = 25
"""Exit status of qsub when ``max_u_jobs`` or ``max_jobs`` is reached."""

_TRANSIENT = re.compile(
    r"unable to (?:contact|send message to)"
    r"|commlib error|got (?:send|select|receive|read) |gdi request"
    r"|jobs are allowed per|try again later",
    re.IGNORECASE,
)
_GONE = re.compile(
    r"does not exist|already in deletion|comprises no tasks|has (?:been )?deleted"
    r"|registered the job"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command printed; `status` is None if its time was up."""

    status: int | None
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """What was said, complaints first."""
        return f"{self.stderr}\n{self.stdout}".strip()

    @property
    def is_hung(self) -> bool:
        """Whether there was no answer."""
        return self.status is None or self.status < 0

    @property
    def is_job_limit(self) -> bool:
        """Whether a submission was refused because there are too many jobs."""
        return self.status == _JOB_LIMIT_STATUS

    @property
    def is_transient(self) -> bool:
        """Whether a refused submission may succeed later without a change."""
        return self.is_job_limit or bool(_TRANSIENT.search(self.text))

    @property
    def is_all_gone(self) -> bool:
        """Whether each line of a qdel tells of something deleted or gone."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        return bool(lines) and all(_GONE.search(line) for line in lines)

    def unavailable(self, argv: Sequence[str]) -> SchedulerUnavailable:
        """Return the error that says how the command ended."""
        how = "gave no answer in time"
        if self.status is not None:
            how = f"ended with status {self.status}: {self.text or 'no message'}"
        return SchedulerUnavailable(f"{' '.join(argv[:6])} {how}")


def run_command(
    argv: Sequence[str], seconds: float, *, interrupted_seconds: float = 0.0
) -> Answer:
    """Run a command; a missing one ends with 127 as in a shell.

    It gets a session of its own: Ctrl-C is for the driver, not for a qsub
    that is on its way, and a wrapper's children end with it.

    Parameters
    ----------
    interrupted_seconds : float
        So long the command may go on after Ctrl-C, so that it can be seen what it
        did; a second one ends the waiting.
    """
    env = {**os.environ, "LC_ALL": "C", "SGE_SINGLE_LINE": "1"}
    try:
        process = subprocess.Popen(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        return Answer(127, "", f"{argv[0]} cannot be run: {error}")
    with process:
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            return Answer(None, stdout, stderr)
        except KeyboardInterrupt:
            with suppress(subprocess.TimeoutExpired):
                process.wait(interrupted_seconds)
            raise
    return Answer(process.returncode, stdout, stderr)
