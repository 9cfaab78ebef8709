"""What ends a verb early, and with which exit status."""

from __future__ import annotations

from gridtask.errors import (
    ConfigError,
    CorruptRecordError,
    GridTaskError,
    SchedulerUnavailable,
)

FAILED, USAGE, CORRUPT, UNREACHABLE, INTERRUPTED = 1, 2, 3, 4, 130
"""Exit statuses other than 0."""


class CommandError(GridTaskError):
    """A verb cannot do what was asked for; its text is all that is shown."""

    status = FAILED


class UsageError(CommandError):
    """The arguments contradict each other or miss something."""

    status = USAGE


def exit_status(error: BaseException) -> int:
    """Return the exit status that says what kind of error ended the command."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, CommandError):
        return error.status
    if isinstance(error, ConfigError):
        return USAGE
    if isinstance(error, CorruptRecordError):
        return CORRUPT
    if isinstance(error, SchedulerUnavailable):
        return UNREACHABLE
    return FAILED
