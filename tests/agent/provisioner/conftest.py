"""A registry that lives as long as the test run, and a store for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mesos_py.agent.provisioner.puller import Limits
from mesos_py.agent.provisioner.store import Store
from tests.agent.provisioner.images import directory, file, layer, layout
from tests.agent.provisioner.registry import Registry
from tests.agent.provisioner.registry import registry as serve

#: What the registry has from the beginning.
PUSHED = "some/thing:1"

#: The machine that runs the tests may have little room.
LIMITS = Limits(free_min=1 << 20, free_inodes_min=100)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serve(tmp_path_factory.mktemp("registry")) as made:
        place = tmp_path_factory.mktemp("pushed")
        layout(place, "a", layer(directory("etc"), file("etc/motd", b"pushed")))
        made.push(place, "a", PUSHED)
        yield made


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(str(tmp_path / "store"), LIMITS)
    made.open()
    await made.recover(())
    yield made
    await made.close()
