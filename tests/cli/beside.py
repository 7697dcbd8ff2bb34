"""A program for ``test_beside``: ``python -m tests.cli.beside PORT FOLDER`` serves nothing, and says that it does.

What it was given goes to a file named after its process; one that finds the file ``short`` ends at once.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

if __name__ == "__main__":
    port, folder = sys.argv[1], Path(sys.argv[2])
    (folder / f"{os.getpid()}.pid").write_text(port)
    print(f"ready http://127.0.0.1:{port if port != '0' else 4321}", flush=True)
    if not (folder / "short").exists():
        signal.pause()
