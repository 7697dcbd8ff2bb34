"""A containerizer of its own for each test, with everything it runs below one temporary directory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.containerizer.harness import Harness


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All on one worker: a sweep for a container looks at every process of the machine, and tests name theirs alike."""
    for item in items:
        if "containerizer" in item.path.parts or item.path.name.startswith("test_fetcher"):
            item.add_marker(pytest.mark.xdist_group("containers"))


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Harness]:
    """A process containerizer that is ready; everything it runs ends with the test."""
    harness = Harness(tmp_path)
    await harness.process().recover()
    yield harness
    await harness.containerizer.close()
