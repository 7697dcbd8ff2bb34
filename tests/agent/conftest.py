"""A master's end and an agent as a program, for the tests that kill it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.masters import Master
from tests.agent.programs import AgentProgram


@pytest.fixture
async def master() -> AsyncIterator[Master]:
    made = Master()
    made.port = await made.server.start("127.0.0.1", 0)
    yield made
    await made.server.close()


@pytest.fixture
async def agent(master: Master, tmp_path: Path) -> AsyncIterator[AgentProgram]:
    made = AgentProgram(master, tmp_path)
    await made.registered()
    yield made
    await made.cleanup()
