"""An environment with the unmodified pymesos 0.3.15.

Its dependency http-parser does not compile on Python 3.11, so a Python from 3.7 to 3.10 has to be found: on PATH, or
among pyenv's. The environment is kept between runs.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

VERSION = "0.3.15"
MINORS = (10, 9, 8, 7)
FOLDER = Path(__file__).resolve().parents[2] / ".venv-pymesos"
INSTALL_TIMEOUT_S = 180


def candidates() -> Iterator[str]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in MINORS:
        found = shutil.which(f"python3.{minor}")
        if found:
            yield found
        yield from sorted(str(path) for path in pyenv.glob(f"3.{minor}.*/bin/python"))


def works(python: str, code: str) -> bool:
    try:
        return subprocess.run([python, "-c", code], capture_output=True, timeout=60, check=False).returncode == 0
    except OSError:
        return False


def pymesos_python() -> str:
    """An interpreter that has pymesos; skips the calling test, visibly, where there can be none."""
    python = str(FOLDER / "bin" / "python")
    check = f"import pymesos, http_parser; assert pymesos.__VERSION__ == '{VERSION}'"
    FOLDER.parent.mkdir(exist_ok=True)
    with (FOLDER.parent / ".venv-pymesos.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if works(python, check):
            return python
        base = next((found for found in candidates() if works(found, "import venv, ensurepip")), None)
        if base is None:
            pytest.skip("no Python 3.7 to 3.10 on this machine: pymesos' http-parser does not compile on a newer one")
        shutil.rmtree(FOLDER, ignore_errors=True)
        for command in (
            [base, "-m", "venv", str(FOLDER)],
            [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", f"pymesos=={VERSION}"],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
            if done.returncode != 0:
                pytest.skip(f"pymesos {VERSION} cannot be installed here: {done.stderr.strip()[-300:]}")
        if not works(python, check):
            pytest.skip(f"pymesos {VERSION} does not work with {base}")
    return python
