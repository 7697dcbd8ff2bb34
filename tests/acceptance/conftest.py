"""One cluster for the tests of a file; all of them on one worker, since they share two cores and the clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cluster import Cluster, destroy, local_cluster


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups, also where only these tests are asked for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "acceptance" in item.path.parts:
            item.add_marker(pytest.mark.acceptance)
            item.add_marker(pytest.mark.xdist_group("acceptance"))
            item.add_marker(pytest.mark.timeout(480))


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """What a test has left running in its directory ends with it, however that went."""
    yield
    destroy(tmp_path)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two agents of 4 cpus."""
    with local_cluster("--agents=2") as running:
        yield running
