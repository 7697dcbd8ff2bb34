"""One ensemble and one cluster for all of these tests; what a test kills is there again before the next one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.agent.test_full_disk import small
from tests.coordination.ensemble import Ensemble, missing
from tests.faults.cluster import Cluster

__all__ = ["small"]  # a fixture


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups, also where only these tests are asked for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for mark in (
                pytest.mark.acceptance, pytest.mark.zk, pytest.mark.xdist_group("faults"), pytest.mark.timeout(480),
            ):
                item.add_marker(mark)
            # Proxies and sessions outlive a test, and so must their loop; before the mark that every test gets.
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    """Three servers of ZooKeeper."""
    why = missing()
    if why is not None:
        pytest.skip(why)
    made = Ensemble(tmp_path_factory.mktemp("zookeeper"), 3)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(ensemble: Ensemble, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Three masters and two agents."""
    async with Cluster(ensemble, "/faults/mesos", tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(shared: Cluster, request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """The shared one, with everybody there and nothing running."""
    await shared.settle()
    failed = request.session.testsfailed
    yield shared
    if request.session.testsfailed != failed:
        print(shared.logs())
