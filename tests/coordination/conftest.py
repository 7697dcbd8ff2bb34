"""Ensembles that live as long as the test run, and one path in them for each test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mesos_py.coordination.address import ZooKeeperAddress, parse_address
from tests.coordination.ensemble import Ensemble, missing
from tests.coordination.model import ADDRESS, Model
from tests.coordination.places import MemoryPlace, Place, SqlitePlace, ZooKeeperPlace

_numbers = itertools.count()


def _ensemble(factory: pytest.TempPathFactory, size: int) -> Iterator[Ensemble]:
    why = missing()
    if why is not None:
        pytest.skip(why)
    ensemble = Ensemble(factory.mktemp("zookeeper"), size)
    try:
        ensemble.start()
        yield ensemble
    finally:
        ensemble.stop()


@pytest.fixture(scope="session")
def zookeeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    """One server; nobody stops it."""
    yield from _ensemble(tmp_path_factory, 1)


@pytest.fixture(scope="session")
def quorum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    """Three servers; who stops one starts it again."""
    yield from _ensemble(tmp_path_factory, 3)


@pytest.fixture
def address(zookeeper: Ensemble) -> ZooKeeperAddress:
    """A path of one's own on the single server."""
    made = parse_address(f"zk://{zookeeper.hosts}/test/mesos{next(_numbers)}")
    assert isinstance(made, ZooKeeperAddress)
    return made


@pytest.fixture
def quorum_address(quorum: Ensemble) -> ZooKeeperAddress:
    """A path of one's own on the three servers."""
    made = parse_address(f"zk://{quorum.hosts}/test/mesos{next(_numbers)}")
    assert isinstance(made, ZooKeeperAddress)
    return made


@pytest.fixture(params=["memory", "sqlite", "simulated zookeeper", pytest.param("zookeeper", marks=pytest.mark.zk)])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """Every kind of place, one after the other."""
    made: Place
    if request.param == "memory":
        made = MemoryPlace()
    elif request.param == "sqlite":
        made = SqlitePlace(tmp_path)
    elif request.param == "simulated zookeeper":
        made = ZooKeeperPlace(ADDRESS, model=Model(ADDRESS))
    else:
        made = ZooKeeperPlace(request.getfixturevalue("address"))
    yield made
    await made.close()
