"""A containerizer of its own for each test, with everything it runs below one temporary directory."""

from __future__ import annotations

import glob
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.containerizer.docker.daemon import Daemon
from tests.agent.containerizer.harness import IS_V2, Harness

CONFINED = "cgroups/cpu,cgroups/mem,cgroups/pids,posix/rlimits"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All on one worker: a sweep for a container looks at every process of the machine, and tests name theirs alike."""
    for item in items:
        if "containerizer" in item.path.parts or item.path.name.startswith("test_fetcher"):
            item.add_marker(pytest.mark.xdist_group("containers"))


def remove_cgroups(harness: Harness) -> None:
    """The tree of a test, which must be empty by now."""
    for place in glob.glob(f"/sys/fs/cgroup/{'' if IS_V2 else '*/'}{harness.cgroups_root}"):
        os.rmdir(place)


@pytest.fixture
async def docked(dockerd: Daemon, tmp_path: Path) -> AsyncIterator[Harness]:
    """A containerizer on it that is ready."""
    harness = Harness(tmp_path)
    await harness.docker(dockerd.socket).recover()
    yield harness
    await harness.containerizer.close()
    dockerd.clear()


@pytest.fixture
async def confined(tmp_path: Path) -> AsyncIterator[Harness]:
    """The same with cgroups: of memory 64 MB where a test says no more."""
    harness = Harness(tmp_path)
    await harness.isolated(isolation=CONFINED).recover()
    yield harness
    await harness.containerizer.close()
    remove_cgroups(harness)


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Harness]:
    """A process containerizer that is ready; everything it runs ends with the test."""
    harness = Harness(tmp_path)
    await harness.process().recover()
    yield harness
    await harness.containerizer.close()
