"""What every test stands on: messages that nobody may change once they are made."""

from __future__ import annotations

import os

# Before any message class is declared: a core that changes a message it was given fails here, and only here.
os.environ.setdefault("MESOS_PY_FREEZE", "1")
