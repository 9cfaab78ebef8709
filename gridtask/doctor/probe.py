"""``python -m gridtask.doctor.probe FOLDER``: what a node tells of itself.

Runs as a tiny job. It looks for the file that was written before the job was
submitted, and answers with another one.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import socket
import sys
import time
from pathlib import Path

from gridtask import fs
from gridtask.doctor.folder import mount_of

QUESTION, ANSWER = "question", "answer"

PATIENCE_SECONDS = 10.0
"""How long the node waits for the question to come into sight."""


def main(argv: list[str]) -> int:
    """Answer, in the folder that the command line names."""
    folder = Path(argv[0])
    started = time.monotonic()
    question = folder / QUESTION
    while not question.exists() and time.monotonic() - started < PATIENCE_SECONDS:
        time.sleep(0.05)
    mount = mount_of(folder)
    answer = {
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "sees_question": question.exists(),
        "question_seconds": time.monotonic() - started,
        # Of two clocks read in a row: the node's, and the file server's.
        "clock_skew": time.time() - fs.server_now(folder),
        "address_space": resource.getrlimit(resource.RLIMIT_AS)[0],
        "type": mount.type if mount else None,
        "slots": os.environ.get("NSLOTS"),
    }
    partial = folder / f"{ANSWER}.tmp"
    fs.write_new(partial, json.dumps(answer).encode())
    fs.publish(partial, folder / ANSWER)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
