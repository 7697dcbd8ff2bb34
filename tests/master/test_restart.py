"""A master with a work_dir ends and comes back: what it must not forget is there, or it says why it does not lead."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from mesos_py.coordination import Corrupt
from mesos_py.coordination.sqlite import SqliteRecords
from mesos_py.master.options import Options
from mesos_py.master.server import MasterServer
from mesos_py.transport.channel import decode_batch, encode_batch
from mesos_py.wire import internal
from tests import builders
from tests.master.over_http import call
from tests.ports import closed_port
from tests.web.raw import exchange


async def register(master: MasterServer, agent_id: str | None = None) -> str:
    """An agent that registers, or comes back under its id; it stays as long as nobody cuts it off."""
    info = builders.agent_info(agent_id=agent_id)
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(f"http://127.0.0.1:{master.port}/internal/agent")
        word = (
            internal.RegisterAgent(agent=info, pid="slave(1)@127.0.0.1:1", version="1.12.0")
            if agent_id is None
            else internal.ReregisterAgent(agent=info, pid="slave(1)@127.0.0.1:1", version="1.12.0")
        )
        await socket.send_bytes(encode_batch([word]))
        async with asyncio.timeout(60):
            while True:
                for heard in decode_batch(await socket.receive_bytes()):
                    if isinstance(heard, internal.AgentRegistered | internal.AgentReregistered):
                        return str(heard.agent_id)


async def agents(master: MasterServer) -> tuple[list[str], list[str]]:
    """Ids of registered and of recovered agents, as an operator sees them."""
    answer = await exchange(master.port, call("GET_AGENTS"))
    found = json.loads(answer.body)["get_agents"]
    return (
        [agent["agent_info"]["id"]["value"] for agent in found.get("agents", ())],
        [agent["id"]["value"] for agent in found.get("recovered_agents", ())],
    )


async def test_agents_are_known_after_a_restart(tmp_path: Path) -> None:
    """F02: recovered until they come back, registered again then, through several restarts."""
    options = Options(port=0, work_dir=str(tmp_path / "made" / "here"))
    async with MasterServer(options) as master:
        known = await register(master)
    for _ in range(2):
        async with MasterServer(options) as master:
            assert await agents(master) == ([], [known])
            assert await register(master, known) == known
            assert await agents(master) == ([known], [])
            master.core.check()


async def test_without_a_work_dir_nothing_is_kept() -> None:
    """And an agent that comes with an id is taken in all the same."""
    async with MasterServer(Options(port=0)) as master:
        known = await register(master)
    async with MasterServer(Options(port=0)) as master:
        assert await agents(master) == ([], [])
        assert await register(master, known) == known


async def test_two_masters_cannot_share_a_work_dir(tmp_path: Path) -> None:
    """The second is told so, and the first goes on."""
    options = Options(port=0, work_dir=str(tmp_path))
    async with MasterServer(options) as master:
        with pytest.raises(OSError, match="in use by another process"):
            await MasterServer(options).__aenter__()
        known = await register(master)
    async with MasterServer(options) as master:
        assert await agents(master) == ([], [known])


async def test_the_work_dir_of_an_agent_is_refused(tmp_path: Path) -> None:
    """Before anything is made in it, and before the port is taken."""
    (tmp_path / "meta").mkdir()
    with pytest.raises(OSError, match="belongs to an agent; name another one for a master"):
        await MasterServer(Options(port=0, work_dir=str(tmp_path))).__aenter__()
    assert os.listdir(tmp_path) == ["meta"]


async def test_a_damaged_registry_is_not_led_on(tmp_path: Path) -> None:
    """F08: it says so, and leaves nothing running, not even the lock."""
    options = Options(port=0, work_dir=str(tmp_path))
    async with MasterServer(options) as master:
        await register(master)
    file = tmp_path / "registry.db"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    for _ in range(2):
        with pytest.raises(Corrupt, match="puts a backup in its place"):
            await MasterServer(options).__aenter__()
    file.write_bytes(whole)
    async with MasterServer(options) as master:
        assert len((await agents(master))[1]) == 1


async def test_a_master_without_work_learns_that_its_registry_was_taken_over(tmp_path: Path) -> None:
    """By a restore, say, while it has nothing to write: it ends, and nobody gets an answer from it."""
    async with MasterServer(Options(port=0, work_dir=str(tmp_path))) as master:
        records = SqliteRecords(str(tmp_path / "registry.db"))
        await records.replace({})
        await records.close()
        async with asyncio.timeout(60):
            assert await master.wait() == "Fenced: the registry was taken over: by a restore, or by another master"
        assert (await exchange(master.port, call("GET_AGENTS"))).status == 503


async def test_a_registry_that_is_not_used_is_pointed_at(tmp_path: Path) -> None:
    """Who was alone and has rivals now would begin with nothing, and might not notice."""
    async with MasterServer(Options(port=0, work_dir=str(tmp_path))):
        pass
    with closed_port() as port, capture_logs() as said:
        async with MasterServer(Options(port=0, work_dir=str(tmp_path), zk=f"zk://127.0.0.1:{port}/mesos")):
            pass
    (told,) = [line for line in said if "registry" in line]
    assert told["registry"] == str(tmp_path / "registry.db")
    assert "restore" in told["hint"]
