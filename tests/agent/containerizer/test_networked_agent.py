"""A whole agent with networks: what its statuses say, checks from inside, and an agent that is killed."""

from __future__ import annotations

import glob
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mesos_py.wire import internal
from mesos_py.wire.health import CheckInfo, HealthCheck
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskGroupInfo, TaskInfo, TaskState, TaskStatus
from mesos_py.wire.value import Value
from tests import builders
from tests.agent.containerizer.harness import needs_crun, until
from tests.agent.containerizer.netting import (
    PORTMAP,
    SLEEPS,
    Bridge,
    fetched,
    in_network,
    needs_networks,
    with_plugin,
)
from tests.agent.masters import Master
from tests.agent.programs import AgentProgram
from tests.agent.test_server import shell
from tests.agent.world import framework, task
from tests.ports import free_port

#: Port mappings are rules of the whole host.
pytestmark = [pytest.mark.root, needs_crun, needs_networks, pytest.mark.xdist_group("networks")]

Networked = tuple[AgentProgram, Bridge, tuple[str, ...]]


@pytest.fixture
async def networked(tmp_path: Path, master: Master) -> AsyncIterator[Networked]:
    """An agent, its network, and its flags for the next run. Nothing is left of the network."""
    bridge = Bridge(tmp_path)
    bridge.describe("net", PORTMAP)
    root = f"mesos-test-{os.getpid()}-{bridge.link}"
    flags = (f"--cgroups_root={root}", *[f"--{name}={value}" for name, value in bridge.flags().items()])
    agent = AgentProgram(master, tmp_path)
    try:
        await agent.registered(*flags)
        yield agent, bridge, flags
    finally:
        await agent.cleanup()
        left = bridge.remains()
        bridge.remove()
    for place in glob.glob(f"/sys/fs/cgroup/*/{root}"):
        os.rmdir(place)
    assert left == []


def address_of(status: TaskStatus) -> str:
    assert status.container_status is not None
    (info,) = status.container_status.network_infos
    assert info.name == "net"
    return info.ip_addresses[0].ip_address or ""


def ports(port: int) -> tuple[Resource, ...]:
    ranges = Value.Ranges(range=(Value.Range(begin=port, end=port),))
    allocation = Resource.AllocationInfo(role="*")
    asked = Resource(name="ports", type=Value.Type.RANGES, ranges=ranges, allocation_info=allocation)
    return (*task().resources, asked)


def server(task_id: str, port: int, inside: int) -> TaskInfo:
    """It is looked at where nobody but itself listens, and ``port`` of the host leads there."""
    mapping = NetworkInfo.PortMapping(host_port=port, container_port=inside)
    serve = f"echo served > index.html; exec python3 -m http.server {inside}"
    http = HealthCheck.HTTPCheckInfo(port=inside)
    health = HealthCheck(type=HealthCheck.Type.HTTP, http=http, delay_seconds=0, interval_seconds=0.1)
    tcp = CheckInfo.Tcp(port=inside)
    check = CheckInfo(type=CheckInfo.Type.TCP, tcp=tcp, delay_seconds=0, interval_seconds=0.1)
    info = shell(task_id, serve, resources=ports(port), container=in_network("net", mapping))
    return evolve(info, health_check=health, check=check)


def is_well(status: TaskStatus) -> bool:
    tcp = None if status.check_status is None else status.check_status.tcp
    return status.healthy is True and tcp is not None and tcp.succeeded is True


async def containers(agent: AgentProgram) -> list[Any]:
    async with aiohttp.ClientSession() as session, session.get(f"http://{agent.address}/containers") as answer:
        return list(await answer.json())


async def test_a_server_and_an_agent_that_is_killed(master: Master, networked: Networked) -> None:
    """1 it is well, and reached; 2 kill -9 of the agent, another one: all of that still; 3 killed, and nothing left."""
    agent, bridge, flags = networked
    port, inside = free_port(), free_port()
    master.run(server("t", port, inside), checkpoint=True)
    await master.met(lambda: any(map(is_well, master.updates)))
    address = address_of(master.updates[-1])
    assert address.rpartition(".")[0] == bridge.subnet
    for place in (f"{address}:{inside}", f"127.0.0.1:{port}"):
        assert await fetched(f"http://{place}/") == "served\n"

    await agent.killed()
    await agent.registered(*flags)
    assert await fetched(f"http://127.0.0.1:{port}/") == "served\n"
    (shown,) = await containers(agent)
    assert shown["status"]["network_infos"][0]["ip_addresses"][0]["ip_address"] == address
    master.kill("t")
    await master.until("t", "KILLED")
    assert {address_of(status) for status in master.updates[1:]} == {address}
    await until(lambda: bridge.remains() == [])


async def test_an_agent_that_is_killed_while_a_plugin_works(master: Master, networked: Networked) -> None:
    """The task has never run; what the plugin had begun is undone by the next agent."""
    agent, bridge, flags = networked
    plugins = with_plugin(bridge.directory, "slow", SLEEPS)
    bridge.describe("net", {"type": "slow"})
    await agent.ended(signal.SIGTERM)
    flags = (*flags[:-1], f"--network_cni_plugins_dir={plugins}")
    await agent.registered(*flags)
    master.run(shell("t", "true", container=in_network("net")), checkpoint=True)
    await until((plugins / "begun").exists)
    await agent.killed()
    await agent.registered(*flags)
    await master.until_ended("t")
    await until(lambda: bridge.remains() == [])


async def test_a_group_is_in_the_network_of_its_executor(master: Master, networked: Networked) -> None:
    """Its members reach each other on their loopback; its end is the end of the network."""
    _, bridge, _ = networked
    port = free_port()
    executor = evolve(builders.default_executor("g"), container=in_network("net"))
    wait = f"until python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}))'; do sleep 0.05; done"
    tasks = (shell("a", f"exec python3 -m http.server --bind 127.0.0.1 {port}"), shell("b", f"{wait} 2>&-"))
    master.say(
        internal.RunTaskGroup(
            framework=framework(user="root", checkpoint=True), executor=executor,
            task_group=TaskGroupInfo(tasks=tasks), launch_executor=True,
        )
    )  # fmt: skip
    await master.until("b", "FINISHED")
    running = [status for status in master.statuses if status.state is TaskState.TASK_RUNNING]
    assert len({address_of(status) for status in running}) == 1
    master.kill("a")
    await master.until("a", "KILLED")
    await until(lambda: bridge.remains() == [])
