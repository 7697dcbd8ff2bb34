"""Hundreds of znodes in one request, on servers that know such requests and on those that do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from kazoo.exceptions import UnimplementedError

from mesos_py.coordination import AccessDenied
from mesos_py.coordination.address import ZooKeeperAddress
from mesos_py.coordination.zookeeper.client import NoNode
from mesos_py.coordination.zookeeper.kazoo_client import READS_PER_REQUEST, KazooClient
from mesos_py.coordination.zookeeper.kazoo_reads import GET_DATA, MultiRead
from mesos_py.coordination.zookeeper.session import READS_IN_FLIGHT, Session
from tests.coordination.places import put
from tests.coordination.test_zookeeper_election import Foreigner

pytestmark = [pytest.mark.zk, pytest.mark.xdist_group("zookeeper")]

COUNT = READS_IN_FLIGHT + READS_PER_REQUEST[GET_DATA] + 1


class OldServer(KazooClient):
    """As if the server were of before 3.6: it does not know the request."""

    asked = 0

    def _request(self, request: Any) -> Any:
        assert isinstance(request, MultiRead)
        self.asked += 1
        answer = self._kazoo.handler.async_result()
        answer.set_exception(UnimplementedError())
        return answer


@pytest.fixture(params=[KazooClient, OldServer], ids=["new", "old"])
async def session(request: pytest.FixtureRequest, address: ZooKeeperAddress) -> AsyncIterator[Session]:
    async with Session(address, timeout_s=10, client=request.param(address, 10)) as made:
        await made.ensure(address.path)
        yield made


async def test_all_of_them_in_order(session: Session) -> None:
    """More than one round and more than one request; empty data, none at all, odd names, no children and many."""
    base = session.address.path
    wanted = {f"{base}/{number}-ü": b"%d" % number if number % 3 else b"" for number in range(COUNT)}
    await session.transact([("create", path, data) for path, data in wanted.items()])
    assert await session.get_many(list(wanted)) == list(wanted.values())
    assert await session.get_many([]) == []
    names = await session.children_of_many([base, next(iter(wanted)), base])
    assert [sorted(each) for each in names] == [
        sorted(path.rpartition("/")[2] for path in wanted), [], sorted(path.rpartition("/")[2] for path in wanted),
    ]
    if isinstance(session.client, OldServer):
        assert session.client.asked == READS_IN_FLIGHT // READS_PER_REQUEST[GET_DATA]  # it is not tried again and again


async def test_what_is_not_there_or_not_ours_is_told(session: Session) -> None:
    """Among many that are."""
    base = session.address.path
    paths = [f"{base}/{number}" for number in range(5)]
    for path in paths:
        await put(session, path, b"x")
    with pytest.raises(NoNode):
        await session.get_many([*paths, f"{base}/no", *paths])
    with pytest.raises(NoNode):
        await session.children_of_many([base, f"{base}/no"])
    async with Foreigner(session.address, "alice:secret") as client:
        await client.make_closed("closed")
    with pytest.raises(AccessDenied):
        await session.get_many([*paths, f"{base}/closed"])
