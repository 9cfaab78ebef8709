"""Every block of code in the documentation runs, and prints what the page shows.

The blocks of a page are worked through in order, in an empty folder:

* ``python`` blocks are one script that pauses between them; a ``text`` block is
  what the one before it prints.
* A block with a caption (or behind a comment ``file: NAME``) is a file.
* ``console`` blocks are commands after ``$``, and what they print.

Comments, ``% NAME: VALUE`` or ``<!-- NAME: VALUE -->``, say the rest: ``backend:``
what runs the calls from there on, ``untested:`` why the next block cannot run here.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(
    r"^(?P<ticks>`{3,})(?P<directive>\{[\w-]+\})? *(?P<language>\S*)\s*$"
)
COMMENT = re.compile(r"^(?:%|<!--) *(file|backend|untested): *(.*?) *(?:-->)?$")
FOLDER = "/home/me/project"
"""Where the reader is: what pages call the folder in which they are tried."""

SGE_ROOT = "/opt/sge"
"""The same of the private cell."""

PATIENCE_SECONDS = 120
END_OF_CELL = "\x1e"
PAUSE = f"print({END_OF_CELL!r}, flush=True); __import__('sys').stdin.readline()"
STATUS = re.compile(r"^\d+ (calls: .* in queue|waiting calls\b.*)$")
"""Lines of which more or fewer appear; only the last counts need be as shown."""

ENDED = re.compile(r"/ 0 running / \d+ failed / 0 in queue$")
VOLATILE = (
    (r"\.\.\.|…", r"[\\s\\S]*?"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", r"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d", r"\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,64}\b", r"([0-9a-f]+)"),
    (r"\b(?=[a-z2-7]*\d)[a-z2-7]{8}\b", r"([a-z2-7]{8})"),
    (r"<?\b\d+(?:\.\d+)? (?=(?:s|ms|min|h|B|[kMG]B|[KMG]iB)\b)", r"<?[\\d.]+ "),
    (r"(?<= )\d+(?:\.\d+)? (?:s|ms|min|h|B|[kMG]B|[KMG]iB)\b", r"<?[\\d.]+ \\w+"),
)
"""What differs from run to run where a page shows it, and what may stand there.

A key or a run that a page shows stands for the real one in commands that follow.
"""


@dataclass(frozen=True)
class Block:
    """One block of a page; `comments` hold for it, or from it on."""

    language: str
    line: int
    text: str
    comments: dict[str, str]


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order."""
    comments: dict[str, str] = {}
    lines = iter(enumerate(page.read_text().splitlines(), 1))
    for number, line in lines:
        if comment := COMMENT.match(line):
            comments[comment[1]] = comment[2]
        if not (fence := FENCE.match(line)):
            continue
        is_code = not fence["directive"] or fence["directive"] == "{code-block}"
        text: list[str] = []
        for _, inner in lines:
            if inner == fence["ticks"]:
                break
            text.append(inner)
        while text and text[0].startswith(":"):
            name, _, value = text.pop(0)[1:].partition(": ")
            comments["file"] = value if name == "caption" else comments.get("file", "")
            number += 1
        if is_code:
            yield Block(fence["language"], number, "\n".join(text), comments)
        comments = {}


def needs_cell(page: Path) -> bool:
    return any(b.comments.get("backend") == "gridengine" for b in blocks_of(page))


class Reader:
    """Somebody who works through a page."""

    def __init__(self, page: Path, folder: Path, cell: Callable[[], Any]) -> None:
        self.page, self.folder, self._cell = page, folder, cell
        self.env = {**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
        self.env.pop("GRIDTASK_REQUIRE_CLUSTER", None)
        self.env["GRIDTASK_BACKEND"] = "local"
        self.env["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._process: subprocess.Popen[str] | None = None
        self._cells = [b for b in blocks_of(page) if is_cell(b)]
        self._printed: str | None = None
        self._real: dict[str, str] = {}
        self._paths = {str(folder): FOLDER}

    def read(self, block: Block) -> None:
        """Do what a block says."""
        if "backend" in block.comments:
            self._use(block.comments["backend"])
        if "untested" in block.comments:
            assert block.comments["untested"], "say why it is not tested"
        elif "file" in block.comments:
            (self.folder / block.comments["file"]).write_text(
                block.text.lstrip("\n") + "\n"
            )
        elif is_cell(block):
            self._printed = self._run_cell()
        elif block.language == "console":
            self._run_commands(block)
        elif block.language == "text":
            assert self._printed is not None, "no python block stands before this text"
            self._compare(block.text, self._printed)
            self._printed = None
        else:
            msg = f"nobody tries blocks of {block.language or 'no language'!r}"
            raise AssertionError(msg)

    def _use(self, backend: str) -> None:
        self.env.pop("GRIDTASK_BACKEND", None)
        if backend == "gridengine":
            cell = self._cell()
            self._paths[str(cell.root)] = SGE_ROOT
            self.env |= cell.env
            self.env["PATH"] = f"{cell.root}/bin:{self.env['PATH']}"
        elif backend != "auto":
            self.env["GRIDTASK_BACKEND"] = backend

    def _run_cell(self) -> str:
        """Let the page's script go on to its next pause; return what it printed."""
        if self._process is None:
            self._process = self._start_script()
        else:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        printed = []
        for line in self._process.stdout:
            if END_OF_CELL in line:
                return "".join(printed)
            printed.append(line)
        msg = f"the block ended the script:\n{''.join(printed)}"
        raise AssertionError(msg)

    def _start_script(self) -> subprocess.Popen[str]:
        """Start the python blocks as one script, on their lines of the page."""
        lines: list[str] = []
        for block in self._cells:
            lines += (
                [""] * (block.line - len(lines)) + block.text.splitlines() + [PAUSE]
            )
        script = self.folder / f"{self.page.stem}.py"
        script.write_text("\n".join(lines))
        return subprocess.Popen(
            [sys.executable, script.name],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _run_commands(self, block: Block) -> None:
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            while command.endswith("\\"):
                more, _, expected = expected.partition("\n")
                command = f"{command[:-1]}{more}"
            if assigned := re.fullmatch(r"export (\w+)=(\S*)", command):
                self.env[assigned[1]] = assigned[2]
                continue
            for shown, real in self._real.items():
                command = command.replace(shown, real)
            status, printed = self._run(command)
            assert status == 0 or expected, f"{command} failed:\n{printed}"
            self._compare(expected, printed)

    def _run(self, command: str) -> tuple[int, str]:
        """Run a command; gridtask's own shows its tables as on a terminal."""
        if not command.startswith("gridtask"):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=PATIENCE_SECONDS,
            )
            return done.returncode, done.stdout
        return run_on_terminal(command, self.folder, {**self.env, "TERM": "dumb"})

    def _compare(self, expected: str, printed: str) -> None:
        for real, shown in self._paths.items():
            printed = printed.replace(real, shown)
        shown = [line.rstrip() for line in expected.splitlines()]
        lines = [line.rstrip() for line in printed.splitlines()]
        lines = [n for n in lines if not STATUS.match(n) or n in shown]
        wanted = [n for n in shown if not STATUS.match(n) or ENDED.search(n)]
        lines = [n for n in lines if not STATUS.match(n) or ENDED.search(n)]
        pattern, names = as_pattern("\n".join(wanted).strip())
        match = re.fullmatch(pattern, "\n".join(lines).strip())
        assert match, (
            f"the page shows\n\n{expected}\n\nbut this was printed:\n\n{printed}"
        )
        self._real |= dict(zip(names, match.groups(), strict=True))

    def close(self) -> None:
        """End the page's script."""
        if self._process is not None:
            output, _ = self._process.communicate("\n", timeout=PATIENCE_SECONDS)
            assert self._process.returncode == 0, output

    def stop(self) -> None:
        """Leave nothing behind."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def is_cell(block: Block) -> bool:
    """Whether a block belongs to the page's script."""
    return block.language == "python" and not block.comments.keys() & {
        "file",
        "untested",
    }


def as_pattern(expected: str) -> tuple[str, list[str]]:
    """Return what matches a text, and the text of each of its groups."""
    either = re.compile("|".join(f"({volatile})" for volatile, _ in VOLATILE))
    pattern, names, end = "", [], 0
    for found in either.finditer(expected):
        pattern += escaped(expected[end : found.start()])
        instead = VOLATILE[found.lastindex - 1][1].replace("\\\\", "\\")
        pattern += instead
        if instead.startswith("("):
            names.append(found[0])
        end = found.end()
    return pattern + escaped(expected[end:]), names


def escaped(text: str) -> str:
    """Return a pattern for a text, with any white space for white space."""
    return r"\s+".join(re.escape(part) for part in re.split(r"\s+", text))


def run_on_terminal(command: str, folder: Path, env: dict[str, str]) -> tuple[int, str]:
    """Run a command whose output is a terminal of 80 columns; nobody types."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env={**env, "COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    chunks = []
    try:
        while chunk := os.read(leader, 65536):
            chunks.append(chunk)
    except OSError:  # the last one that wrote to it has ended
        pass
    finally:
        os.close(leader)
    status = process.wait(timeout=PATIENCE_SECONDS)
    return status, b"".join(chunks).decode().replace("\r\n", "\n")


UNTRIED = [
    pytest.param(
        block.comments["untested"], id=f"{page.relative_to(ROOT)}:{block.line}"
    )
    for page in PAGES
    for block in blocks_of(page)
    if "untested" in block.comments
]


@pytest.mark.parametrize("reason", UNTRIED)
def test_blocks_that_cannot_be_tried(reason):
    """Each says why: the summary of the tests lists them."""
    pytest.skip(reason)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=str(page.relative_to(ROOT)),
            marks=[pytest.mark.cluster] if needs_cell(page) else [],
        )
        for page in PAGES
        if any("untested" not in b.comments for b in blocks_of(page))
    ],
)
def test_blocks(page, tmp_path, monkeypatch, request):
    """Each block runs, one after the other, and prints what the page shows."""
    for name in [name for name in os.environ if name.startswith("GRIDTASK_")]:
        if name != "GRIDTASK_REQUIRE_CLUSTER":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "project"
    folder.mkdir()
    reader = Reader(page, folder, lambda: request.getfixturevalue("cell"))
    try:
        for block in blocks_of(page):
            try:
                reader.read(block)
            except AssertionError as error:
                error.add_note(f"{page.relative_to(ROOT)}:{block.line}")
                raise
        reader.close()
    finally:
        reader.stop()
