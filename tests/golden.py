"""Where the golden captures are: real requests and answers of a C++ Mesos, which our words are compared with.

They are not part of the repository. A checkout next to it (`../shared/golden`) is used, or what MESOS_PY_SHARED names.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def golden_dir() -> Path:
    """The folder of captures; skips the calling test, visibly, when there is none."""
    root = Path(__file__).resolve().parents[1]
    shared = Path(os.environ.get("MESOS_PY_SHARED") or root.parent / "shared")
    folder = shared / "golden"
    if not folder.is_dir():
        pytest.skip(f"no golden captures at {folder}")
    return folder
