"""A master's end and an agent as a program, for the tests that kill it; an agent for each way to run tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.agent.containerizer.docker.daemon import Daemon, daemon
from tests.agent.containerizer.harness import until
from tests.agent.kinds import KINDS, Host, forget, host_directory
from tests.agent.masters import Master
from tests.agent.programs import AgentProgram


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one file for which the same agent is kept follow each other, so that it is started once."""
    places: dict[Path, list[int]] = {}
    for place, item in enumerate(items):
        if "kept" in _params(item):
            places.setdefault(item.path, []).append(place)
    for of_file in places.values():
        ordered = sorted([items[place] for place in of_file], key=lambda item: KINDS.index(_params(item)["kept"]))
        for place, item in zip(of_file, ordered, strict=True):
            items[place] = item


def _params(item: pytest.Item) -> dict[str, Any]:
    return item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}


@pytest.fixture
async def master() -> AsyncIterator[Master]:
    made = Master()
    made.port = await made.server.start("127.0.0.1", 0)
    yield made
    await made.server.close()


@pytest.fixture
async def agent(master: Master, tmp_path: Path) -> AsyncIterator[AgentProgram]:
    made = AgentProgram(master, tmp_path)
    try:
        await made.registered()
        yield made
    finally:
        await made.cleanup()


@pytest.fixture(scope="session")
def dockerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One for all tests; each leaves it without containers."""
    with daemon(tmp_path_factory.mktemp("dockerd")) as made:
        yield made


@pytest_asyncio.fixture(params=[kind.param for kind in KINDS], scope="module", loop_scope="module")
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[Host]:
    """One agent for all scenarios of a kind."""
    dockerd = request.getfixturevalue("dockerd") if "docker" in request.param.can else None
    directory = host_directory()
    host = Host(request.param, directory, dockerd)
    try:
        await host.open()
        yield host
    finally:
        await host.close()
        forget(directory)


@pytest_asyncio.fixture(loop_scope="module")
async def host(kept: Host) -> AsyncIterator[Host]:
    """The agent, of whose earlier tasks nothing is left; nor is of those of this test."""
    yield kept
    await until(lambda: not kept.left())
