"""What an examination finds, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing, nothing to do."""
    WARNING = "warning"
    """Works, but less well than it could; has a remedy."""
    PROBLEM = "problem"
    """Maps will fail; has a remedy."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    section : str
        ``python``, ``cache``, ``grid engine``, ``job`` or ``profile``.
    level : Level
    text : str
        What was found.
    remedy : str
        What to do about it; empty where nothing is to be done.
    facts : mapping
        The same as values, for programs.
    """

    section: str
    level: Level
    text: str
    remedy: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


def ok(section: str, text: str, **facts: object) -> Finding:
    """Return a finding that all is well."""
    return Finding(section, Level.OK, text, facts=facts)


def note(section: str, text: str, **facts: object) -> Finding:
    """Return a finding that is worth knowing."""
    return Finding(section, Level.NOTE, text, facts=facts)


def warning(section: str, text: str, remedy: str, **facts: object) -> Finding:
    """Return a finding that should be mended."""
    return Finding(section, Level.WARNING, text, remedy, facts)


def problem(section: str, text: str, remedy: str, **facts: object) -> Finding:
    """Return a finding that must be mended."""
    return Finding(section, Level.PROBLEM, text, remedy, facts)
