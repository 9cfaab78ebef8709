"""Record the picture of the README: what a real terminal shows, drawn as SVG.

    python docs/record.py            # writes docs/_static/terminal.svg

The README's script runs in tmux, which is the terminal here: once with the status
looked at half way, once more, and then `gridtask ls`. Run it where the picture is to
be made: with a Grid Engine (``eval "$(python tests/gridcell.py up)"``), or without.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs/_static/terminal.svg"
COLUMNS, LINES = 100, 40
PROMPT = "$ "
PATIENCE_SECONDS = 180
SLOWER = ("n=1000", "n=200_000")
"""What makes the README's script slow enough to be looked at."""

HALF_WAY = re.compile(r"\b[45]\d ?%")


def tmux(*argv: str) -> str:
    """Run a command of tmux, on a server of our own."""
    command = ["tmux", "-L", f"record{os.getpid()}", *argv]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def screen() -> list[str]:
    """Return the lines of the terminal, with their colours."""
    return tmux("capture-pane", "-e", "-p").rstrip().splitlines()


def wait_until(is_so: Callable[[list[str]], bool]) -> list[str]:
    """Return the first screen of which something holds."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        lines = screen()
        if is_so([re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines]):
            return lines
        if time.monotonic() > give_up_at:
            sys.exit("what was waited for did not come:\n" + "\n".join(lines))
        time.sleep(0.05)


def run(command: str, number: int) -> None:
    """Type a command behind the prompt with this number."""
    wait_until(lambda lines: sum(n.startswith("$") for n in lines) == number)
    tmux("send-keys", command, "Enter")


def record(folder: str) -> list[str]:
    """Type the commands into a terminal; return what it shows, early and late."""
    readme = (ROOT / "README.md").read_text()
    script = readme.partition("```python\n")[2].partition("```")[0]
    Path(folder, "simulate.py").write_text(script.replace(*SLOWER))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = f"PATH={path} PS1='{PROMPT}' bash --norc --noprofile"
    size = ("-x", str(COLUMNS), "-y", str(LINES))
    tmux("new-session", "-d", *size, "-c", folder, "env", "-S", shell)
    try:
        run("python simulate.py", 1)
        early = wait_until(lambda lines: HALF_WAY.search("\n".join(lines)) is not None)
        run("python simulate.py", 2)
        run("gridtask ls", 3)
        late = wait_until(lambda lines: sum(n.startswith("$") for n in lines) == 4)
    finally:
        tmux("kill-server")
    return [*early, "", "… and when all have ended:", "", *late[:-1]]


def draw(lines: list[str]) -> None:
    """Write the picture."""
    with open(os.devnull, "w") as nothing:
        console = Console(record=True, width=COLUMNS, file=nothing)
        console.print(Text.from_ansi("\n".join(lines)), soft_wrap=True)
    PICTURE.parent.mkdir(exist_ok=True)
    console.save_svg(str(PICTURE), title="gridtask", unique_id="gridtask")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        draw(record(folder))
    print(PICTURE)
