"""Where the top-level statements of a text begin, found without parsing it.

A task seldom uses all of a module: only the statements that hold what it uses
are worth a syntax tree. The pieces found here are whole statements, one or more
each, except where a bracket's content stands in the first column: there a piece
cannot be parsed, and the whole text must be.
"""

from __future__ import annotations

import bisect
import re

_FIRST = r"(?!(?:else|elif|except|finally)\b)[^\s#)\]}]"
_START = re.compile(rf"\n(?={_FIRST})")
_TRIPLE = re.compile(
    r'''"""[^"\\]*+(?:"(?!"")[^"\\]*+)*+"""'''
    r"""|'''[^'\\]*+(?:'(?!'')[^'\\]*+)*+'''"""
    r'''|"""'''
    r"""|'''"""
)
"""A text in triple quotes without a backslash, or what begins another one."""
_TOKEN = (
    r'"""(?:[^"\\]+|\\.|"(?!""))*+"""'
    r"|'''(?:[^'\\]+|\\.|'(?!''))*+'''"
    r'|"(?:[^"\\\n]+|\\.)*+"'
    r"|'(?:[^'\\\n]+|\\.)*+'"
    r"|#[^\n]*"
    r"|\\\n"
    rf"|\n(?={_FIRST})"
    r"""|["']"""
)


class Outline:
    """The pieces of a text, by number.

    Parameters
    ----------
    text : str
        A module's source.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        offsets = _starts(text)
        # What is decorated begins with its first decorator.
        is_inner = [False, *(text.startswith("@", offset) for offset in offsets)]
        self._offsets = [
            offset for offset, skip in zip(offsets, is_inner, strict=False) if not skip
        ]
        self._lines: list[int] = []
        line, last = 1, 0
        for offset in self._offsets:
            line += text.count("\n", last, offset)
            self._lines.append(line)
            last = offset

    def at_line(self, line: int) -> int | None:
        """Return the piece that a line belongs to."""
        number = bisect.bisect_right(self._lines, line) - 1
        return number if number >= 0 else None

    def with_match(self, pattern: re.Pattern[str]) -> list[int]:
        """Return the pieces in which a pattern is found, in order."""
        offsets = (match.start() for match in pattern.finditer(self._text))
        found = (bisect.bisect_right(self._offsets, offset) - 1 for offset in offsets)
        return [number for number in dict.fromkeys(found) if number >= 0]

    def piece(self, number: int) -> str:
        """Return the text of a piece."""
        end = [*self._offsets[number + 1 : number + 2], len(self._text)][0]
        return self._text[self._offsets[number] : end]

    def first_line(self, number: int) -> int:
        """Return the line on which a piece begins."""
        return self._lines[number]


def _starts(text: str) -> list[int]:
    """Return the offsets at which a top-level statement may begin."""
    text = "\n" + text
    spans = _find_spans(text)
    if spans is None:
        return _scan(text)
    found = [match.start() for match in _START.finditer(text)]
    for start, end in reversed(spans):
        first, last = bisect.bisect_right(found, start), bisect.bisect_left(found, end)
        del found[first:last]
    return found


def _find_spans(text: str) -> list[tuple[int, int]] | None:
    """Return where the texts in triple quotes are; None if that is not plain."""
    if "\\\n" in text:
        return None
    spans: list[tuple[int, int]] = []
    last = 0
    for match in _TRIPLE.finditer(text):
        start, end = match.span()
        before = text[max(text.rfind("\n", 0, start), last) : start]
        if end == start + 3 or "#" in before or '"' in before or "'" in before:
            return None
        spans.append((start, end))
        last = end
    return spans


def _scan(text: str) -> list[int]:
    found: list[int] = []
    for match in re.finditer(_TOKEN, text, re.DOTALL):
        token = match[0]
        if token == "\n":
            found.append(match.start())
        elif token in ('"', "'"):  # quotes that newer Pythons nest in f-strings
            return found[:1]
    return found
