"""A containerizer of its own for each test, with everything it runs below one temporary directory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.containerizer.harness import Harness


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Harness]:
    """A process containerizer that is ready; everything it runs ends with the test."""
    harness = Harness(tmp_path)
    await harness.process().recover()
    yield harness
    await harness.containerizer.close()
