"""Tasks in networks of their own, as the agent's core sees them: what it refuses, and what its statuses say."""

from __future__ import annotations

import pytest

from mesos_py.agent import events, views, words
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskState
from mesos_py.wire.value import Value
from tests import builders
from tests.agent.test_api_containers import Asking
from tests.agent.world import World, framework, task

MAPPING = NetworkInfo.PortMapping(host_port=31000, container_port=80)
ASKED = NetworkInfo(name="n", port_mappings=(MAPPING,))
JOINED = evolve(ASKED, ip_addresses=(NetworkInfo.IPAddress(ip_address="10.9.9.2"),))

def with_ports(begin: int, end: int) -> tuple[Resource, ...]:
    ranges = Value.Ranges(range=(Value.Range(begin=begin, end=end),))
    allocation = Resource.AllocationInfo(role="*")
    ports = Resource(name="ports", type=Value.Type.RANGES, ranges=ranges, allocation_info=allocation)
    return (*task().resources, ports)


PORTS = with_ports(31000, 31001)
CONTAINER = ContainerInfo(type=ContainerInfo.Type.MESOS, network_infos=(ASKED,))
NETWORKS = {"network_cni_config_dir": "/networks", "network_cni_plugins_dir": "/plugins"}


@pytest.mark.parametrize(
    ("options", "resources", "text"),
    [
        ({}, PORTS, "Unknown CNI network 'n'"),
        (NETWORKS, task().resources, "Port mappings require port resources"),
        (NETWORKS, with_ports(1, 9), "Port [31000] not included in resources"),
    ],
)
def test_what_cannot_be_joined_fails_the_task(
    options: dict[str, str], resources: tuple[Resource, ...], text: str
) -> None:
    world = World(**options)
    world.run(task(container=CONTAINER, resources=resources))
    assert world.to_containers(words.LaunchContainer) == []
    world.advance(0)
    (failed,) = world.statuses()
    assert (failed.state, failed.message) == (TaskState.TASK_FAILED, f"Failed to launch container: {text}")


def test_statuses_and_operators_see_the_addresses_of_a_container() -> None:
    """Also after a restart of the agent; the agent's own address is in statuses alone."""
    world = World(**NETWORKS)
    world.run(task(container=CONTAINER, resources=PORTS), by=framework(checkpoint=True))
    world.tell(events.ContainerLaunched(world.executor().container_id, 7, (JOINED,)))
    world = world.restarted(world.executor().container_id, networks=(JOINED,))
    world.exited(0)
    said = [status.container_status for status in world.statuses()]
    assert [None if one is None else one.network_infos for one in said] == [(JOINED,)] * 3


def test_a_group_is_in_the_networks_of_its_executor() -> None:
    """Its ports may be those of any of its tasks."""
    world = World(**NETWORKS)
    world.run_group(
        [task("a", resources=PORTS), task("b")],
        executor=evolve(builders.default_executor(), container=CONTAINER),
        by=framework(checkpoint=True),
    )
    specs = [launch.spec for launch in world.to_containers(words.LaunchContainer)]
    assert [spec.root_container for spec in specs] == [CONTAINER, CONTAINER]
    for number, spec in enumerate(specs):
        world.tell(events.ContainerLaunched(spec.container_id, number, (JOINED,)))
    for again in (world, world.restarted(*[spec.container_id for spec in specs], networks=(JOINED,))):
        shown = views.get_containers(again.agent.state, {}, nested=True).containers
        assert len(shown) == 3
        assert {one.container_status.network_infos for one in shown if one.container_status is not None} == {(JOINED,)}
    (status,) = {status.container_status for status in world.statuses("b")[1:]}
    assert status is not None and status.network_infos == (JOINED,)


def test_a_task_of_a_group_may_have_networks_of_its_own() -> None:
    """With ports among its own resources, and nothing that its executor is told to have."""
    world = World(**NETWORKS)
    world.run_group([task("a", container=CONTAINER), task("b", resources=PORTS)])
    other = world.spec()
    world.advance(0)
    world.launched(other.container_id)
    failed = world.statuses("a")[-1]
    assert failed.message == "Failed to launch container: Port mappings require port resources"

    world = World(**NETWORKS)
    world.run_group([task("a", container=CONTAINER, resources=PORTS), task("b")])
    for number, launch in enumerate(world.to_containers(words.LaunchContainer)):
        networks = (JOINED,) if launch.spec.container is not None else ()
        world.tell(events.ContainerLaunched(launch.spec.container_id, number, networks))
    found = [world.statuses(name)[-1].container_status for name in ("a", "b")]
    assert [None if one is None else one.network_infos for one in found] == [(JOINED,), world.agent.network_infos]
    shown = views.get_containers(world.agent.state, {}, nested=False).containers[0].container_status
    assert shown is not None and shown.network_infos == ()


def test_in_the_hosts_network_there_are_no_addresses_for_operators() -> None:
    world = World()
    world.run(task())
    world.launched()
    (shown,) = views.get_containers(world.agent.state, {}, nested=False).containers
    assert shown.container_status is not None and shown.container_status.network_infos == ()
    status = world.statuses()[-1].container_status
    assert status is not None and status.network_infos == world.agent.network_infos


def test_a_standalone_container_joins_networks_and_what_is_nested_is_in_those_of_its_root() -> None:
    world = Asking(**NETWORKS)
    for resources, text in (((), "Port mappings require port resources"), (PORTS, None)):
        answer = world.ask("launch_container", "s", container=CONTAINER, resources=resources)
        assert (None if answer is None else answer.text) == text
    world.tell(events.ContainerLaunched(world.spec().container_id, 7, (JOINED,)))
    assert world.ask("launch_container", "s", "n") is None
    nested = world.spec()
    assert nested.root_container is None and nested.parent_id is not None
    refused = world.ask("launch_nested_container", "s", "m", container=CONTAINER)
    assert refused.text == "Port mappings require port resources"
    world.tell(events.ContainerLaunched(nested.container_id, 8, (JOINED,)))
    again = world.restarted(nested.parent_id, nested.container_id, networks=(JOINED,))
    for one in (world, again):
        shown = list(views.get_api_containers(one.agent.api_containers.running(nested=True, standalone=True), {}))
        assert [each.container_status.network_infos for each in shown if each.container_status] == [(JOINED,)] * 2


def test_a_network_that_no_agent_knows_is_refused_to_callers() -> None:
    answer = Asking().ask("launch_container", "s", container=CONTAINER)
    assert answer.text == "Unknown CNI network 'n'"
