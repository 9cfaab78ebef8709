"""Sizes, times and ages as people and Grid Engine write them.

References
----------
sge_types(5), Son of Grid Engine 8.1.9, "memory_specifier", "time_specifier".
"""

from __future__ import annotations

import math
import re
from typing import Final

_MEMORY: Final = r"(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)([kKmMgGtT]?)"
_MEMORY_FACTORS: Final[dict[str, int]] = {
    "": 1,
    **{letter: 1000 ** (i + 1) for i, letter in enumerate("kmgt")},
    **{letter: 1024 ** (i + 1) for i, letter in enumerate("KMGT")},
}
_CLOCK: Final = r"([0-9]*):([0-9]*):([0-9]*)"
_TIME: Final = r"([0-9]+)([smhdw]?)"
_AGE: Final = r"([0-9]+(?:\.[0-9]+)?)([smhdw])"
_TIME_SECONDS: Final = {
    "": 1,
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86_400,
    "w": 604_800,
}
_SIZE_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def parse_memory(text: str) -> int:
    """Convert a Grid Engine memory specifier to bytes.

    Parameters
    ----------
    text : str
        Decimal, hexadecimal (``0x``) or octal (``0``) integer and an optional
        multiplier. Lower-case ``k m g t`` multiply by powers of 1000,
        upper-case ``K M G T`` by powers of 1024.

    Returns
    -------
    n_bytes : int
        Non-negative number of bytes.

    Raises
    ------
    ValueError
        If `text` is not a memory specifier, e.g. ``"4 GB"``.

    References
    ----------
    sge_types(5), Son of Grid Engine 8.1.9, "memory_specifier".

    Examples
    --------
    >>> parse_memory("4G")
    4294967296
    >>> parse_memory("4g")
    4000000000
    """
    match = re.fullmatch(_MEMORY, text)
    if match is None:
        msg = (
            f"not a memory size: {text!r}; expected a whole number and one of "
            f"k m g t (powers of 1000) or K M G T (powers of 1024), such as '4G'"
        )
        raise ValueError(msg)
    digits, letter = match.groups()
    is_octal = len(digits) > 1 and digits[0] == "0" and digits[1] not in "xX"
    number = int(digits, 8 if is_octal else 0)
    return number * _MEMORY_FACTORS[letter]


def format_memory(n_bytes: int) -> str:
    """Write bytes as the shortest exact Grid Engine memory specifier.

    Parameters
    ----------
    n_bytes : int
        Non-negative number of bytes.

    Returns
    -------
    text : str
        What `parse_memory` reads as exactly `n_bytes`.

    Raises
    ------
    ValueError
        If `n_bytes` is negative.

    Examples
    --------
    >>> format_memory(4294967296)
    '4G'
    >>> format_memory(1000)
    '1000'
    """
    if n_bytes < 0:
        msg = f"a memory size cannot be negative: {n_bytes!r}"
        raise ValueError(msg)
    for letter in "TGMK":
        factor = _MEMORY_FACTORS[letter]
        if n_bytes and n_bytes % factor == 0:
            return f"{n_bytes // factor}{letter}"
    return str(n_bytes)


def parse_time(text: str) -> int:
    """Convert a length of time to seconds.

    Parameters
    ----------
    text : str
        ``HOURS:MINUTES:SECONDS``, where each number may be left out
        (``1::1``), or a whole number of seconds, or a whole number and a unit
        ``s m h d w``; ``m`` are minutes.

    Returns
    -------
    seconds : int
        Not negative.

    Raises
    ------
    ValueError
        If `text` is none of these, e.g. ``"10:00"`` (minutes or hours?).

    References
    ----------
    sge_types(5), Son of Grid Engine 8.1.9, "time_specifier"; the units are
    gridtask's.

    Examples
    --------
    >>> parse_time("00:30:00"), parse_time("30m"), parse_time("1::1")
    (1800, 1800, 3601)
    """
    clock = re.fullmatch(_CLOCK, text)
    if clock is not None and text != "::":
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return hours * 3600 + minutes * 60 + seconds
    match = re.fullmatch(_TIME, text)
    if match is None:
        msg = (
            f"not a length of time: {text!r}; expected HH:MM:SS, a whole number "
            f"of seconds, or one with a unit s m h d w, such as '30m'"
        )
        raise ValueError(msg)
    return int(match[1]) * _TIME_SECONDS[match[2]]


def format_time(seconds: float) -> str:
    """Write seconds as ``HH:MM:SS``, rounded up.

    Parameters
    ----------
    seconds : float
        Not negative, finite.

    Returns
    -------
    text : str
        At least two digits each; hours have as many as they need.

    Raises
    ------
    ValueError
        If `seconds` is negative or not finite.

    Examples
    --------
    >>> format_time(1800)
    '00:30:00'
    """
    whole = math.ceil(_check_seconds(seconds))
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def parse_age(text: str) -> float:
    """Convert an age to seconds.

    Parameters
    ----------
    text : str
        A number, with or without decimals, and a unit: ``s m h d w``; ``m``
        are minutes, months do not exist.

    Returns
    -------
    seconds : float
        Not negative.

    Raises
    ------
    ValueError
        If `text` is anything else; a number without a unit, too.

    Examples
    --------
    >>> parse_age("7d")
    604800.0
    """
    match = re.fullmatch(_AGE, text)
    if match is None:
        msg = (
            f"not an age: {text!r}; expected a number and a unit: s (seconds), "
            f"m (minutes), h (hours), d (days) or w (weeks), such as '7d'"
        )
        raise ValueError(msg)
    return float(match[1]) * _TIME_SECONDS[match[2]]


def format_size(n_bytes: float) -> str:
    """Write a number of bytes for people, in units of powers of 1024.

    Parameters
    ----------
    n_bytes : float
        Number of bytes.

    Returns
    -------
    text : str
        One decimal below 100, and the unit.

    Examples
    --------
    >>> format_size(512), format_size(1536), format_size(4402341478)
    ('512 B', '1.5 KiB', '4.1 GiB')
    """
    number = float(n_bytes)
    power = 0
    while round(abs(number)) >= 1024 and power < len(_SIZE_UNITS) - 1:
        number /= 1024
        power += 1
    digits = 0 if power == 0 or abs(number) >= 99.95 else 1
    return f"{number:.{digits}f} {_SIZE_UNITS[power]}"


def format_duration(seconds: float) -> str:
    """Write a length of time for people, in its two largest units.

    Parameters
    ----------
    seconds : float
        Not negative, finite.

    Returns
    -------
    text : str
        Such as ``"0.25 s"``, ``"42 s"``, ``"3 min 20 s"``, ``"2 d 4 h"``.

    Raises
    ------
    ValueError
        If `seconds` is negative or not finite.

    Examples
    --------
    >>> format_duration(0.25), format_duration(200), format_duration(7200)
    ('0.25 s', '3 min 20 s', '2 h')
    """
    if _check_seconds(seconds) < 9.95:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    for unit, size, smaller, small_size in _DURATIONS:
        if whole >= size:
            rest = whole % size // small_size
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


_DURATIONS: Final = (
    ("d", 86_400, "h", 3600),
    ("h", 3600, "min", 60),
    ("min", 60, "s", 1),
)


def _check_seconds(seconds: float) -> float:
    if not (0 <= seconds < math.inf):
        msg = f"not a length of time: {seconds!r}; expected seconds from 0 on"
        raise ValueError(msg)
    return seconds
