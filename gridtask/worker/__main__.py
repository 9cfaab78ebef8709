"""``python -m gridtask.worker RUN_FILE FILE_ID``, as a job calls it."""

import sys

from gridtask.worker.main import main, preload

__all__ = ["main", "preload"]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
