"""``python -m frameworks.marathon_py.shell.cli``."""

from __future__ import annotations

import sys

from frameworks.marathon_py.shell.cli import main

if __name__ == "__main__":
    sys.exit(main())
