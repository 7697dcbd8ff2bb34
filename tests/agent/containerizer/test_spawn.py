"""How sandboxes are made and what runs in them is found."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from pathlib import Path

import pytest

from mesos_py.agent.containerizer.supervisor.spawn import _GET_FLAGS, _SET_FLAGS, _TOPDIR
from mesos_py.agent.paths import executor_directory, run_directory
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID
from tests.agent.containerizer.harness import Harness


def is_apart(directory: Path, *, make: bool = False) -> bool:
    """Whether the file system puts what is in each of its subdirectories apart; ``make``: from now on."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        flags = int.from_bytes(fcntl.ioctl(fd, _GET_FLAGS, bytes(8))[:4], sys.byteorder)
        if make:
            fcntl.ioctl(fd, _SET_FLAGS, (flags | _TOPDIR).to_bytes(4, sys.byteorder) + bytes(4))
        return bool(flags & _TOPDIR)
    finally:
        os.close(fd)


async def test_sandboxes_of_each_framework_lie_apart_from_what_was_removed_elsewhere(
    real: Harness, tmp_path: Path
) -> None:
    """docs/decisions/sandboxes.md."""
    (tmp_path / "trial").mkdir()
    try:
        is_apart(tmp_path / "trial", make=True)
    except OSError as error:
        pytest.skip(f"the file system of {tmp_path} knows no such directories: {error.strerror}")
    of_executor = executor_directory(str(real.work), AgentID("S"), FrameworkID("F"), ExecutorID("E"))
    real.containerizer.launch(real.shell("c", "true", sandbox=run_directory(of_executor, "c")))
    assert await real.exited("c") == 0
    frameworks = real.work / "slaves" / "S" / "frameworks"
    assert is_apart(frameworks)
    assert not is_apart(frameworks / "F") and not is_apart(frameworks.parent)
    assert stat.S_IMODE(frameworks.stat().st_mode) == 0o755


async def test_what_is_to_be_run_is_looked_for_along_the_path(real: Harness, tmp_path: Path) -> None:
    """A directory that is not there, one without it, a file in the place of a directory, one who may not run."""
    for name in ("without", "may-not", "has"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "may-not" / "it").write_text("#!/bin/sh\nexit 4\n")
    (tmp_path / "has" / "it").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "has" / "it").chmod(0o755)
    path = ":".join(str(tmp_path / name) for name in ("absent", "without", "file", "may-not", "has"))
    real.containerizer.launch(real.spec("c", "it", env={"PATH": path}))
    assert await real.exited("c") == 3 << 8
    real.containerizer.launch(real.spec("d", "it", env={"PATH": path.rpartition(":")[0]}))
    assert await real.failed("d") == "Failed to execute 'it': Permission denied"
    real.containerizer.launch(real.spec("e", "it", env={"PATH": str(tmp_path / "without")}))
    assert await real.failed("e") == "Failed to execute 'it': No such file or directory"
