"""Shapes of what the master shows against the C++ master's: same keys and JSON types, with tasks and without."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mesos_py.master.views import agents, frameworks, roles, state, tasks
from mesos_py.master.views.context import Context
from mesos_py.master.views.sections import (
    Section,
    json_pieces,
    protobuf_pieces,
    respond,
    subscribed_json,
    subscribed_protobuf,
)
from mesos_py.wire.codec import json as json_codec
from mesos_py.wire.codec import protobuf as protobuf_codec
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.ids import ContainerID
from mesos_py.wire.master_api import Event, Response
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.task import TaskState
from tests import builders
from tests.golden import golden_dir
from tests.golden_compare import differences, read_capture, read_json
from tests.master.busy import busy_world
from tests.master.world import World

#: Of a build we do not have; ``checkpoint`` is v0's word in AgentInfo; pid, leader and domain depend on the set-up.
OURS_LACK = frozenset(("git_sha", "git_branch", "git_tag", "checkpoint", "log_dir"))

FLAGS = {"port": "5050"}


def context(world: World) -> Context:
    info = builders.master_info(pid="master@127.0.0.1:5050")
    return Context(info=info, flags=FLAGS, started_ns=world.now, elected_ns=world.now, leader=info)


def text(pieces: Iterator[bytes]) -> Any:
    return json.loads(b"".join(pieces))


def braced(pieces: Iterator[bytes], end: bytes = b"}") -> Any:
    return json.loads(b"{" + b"".join(pieces) + end)


def all_tasks(world: World) -> Any:
    found = tasks.legacy_list(world.state, framework_id=None, task_id=None, limit=100, offset=0, ascending=False)
    return {"tasks": [json.loads(tasks.task_json(task)) for task in found]}


def all_roles(world: World) -> dict[str, roles.RoleFigures]:
    *_, found = roles.figures(world.state, world.master.options, world.master.registry)
    return found


LEGACY: dict[str, Callable[[World], Any]] = {
    "state": lambda world: text(state.state_pieces(context(world), world.state)),
    "state-summary": lambda world: text(state.summary_pieces(context(world), world.state)),
    "slaves": lambda world: braced(state.slaves_pieces(world.state, full=True)),
    "frameworks": lambda world: braced(state.frameworks_pieces(world.state), b',"unregistered_frameworks":[]}'),
    "tasks": all_tasks,
    "roles": lambda world: {"roles": roles.roles_list(all_roles(world), world.master.registry)},
}

V1: dict[str, Callable[[World], Section]] = {
    "GET_STATE": lambda world: state.get_state(world.state),
    "GET_AGENTS": lambda world: agents.get_agents(world.state),
    "GET_FRAMEWORKS": lambda world: frameworks.get_frameworks(world.state),
    "GET_EXECUTORS": lambda world: frameworks.get_executors(world.state),
    "GET_TASKS": lambda world: tasks.get_tasks(world.state),
}


@pytest.fixture(params=["", ".running"])
def cluster(request: pytest.FixtureRequest) -> tuple[str, World]:
    """The captures' folder suffix and a world like the one they were taken of."""
    if request.param:
        return request.param, busy_world()[0]
    world = World()
    world.agent(resources=(*builders.resources(cpus=64, mem=65536, disk=100_000), builders.ports((31000, 32000))))
    return "", world


@pytest.mark.parametrize("name", LEGACY)
def test_legacy_json_has_the_shape_of_mesos(name: str, cluster: tuple[str, World]) -> None:
    suffix, world = cluster
    theirs = read_json(golden_dir() / f"master{suffix}" / f"{name}.json")
    if name == "state":
        theirs["flags"] = FLAGS
    ours = LEGACY[name](world)
    assert list(differences(ours, theirs, optional=OURS_LACK)) == []


@pytest.mark.parametrize("name", V1)
def test_v1_json_has_the_shape_of_mesos(name: str, cluster: tuple[str, World]) -> None:
    suffix, world = cluster
    theirs = read_json(golden_dir() / f"master_v1{suffix}" / f"{name}.json")
    ours = text(json_pieces(respond(Response.Type[name], V1[name](world))))
    assert list(differences(ours, theirs, optional=OURS_LACK)) == []


@pytest.mark.parametrize("name", V1)
def test_protobuf_says_what_json_says(name: str, cluster: tuple[str, World]) -> None:
    """Both are encodings of the same message."""
    _, world = cluster
    *_, pieces = protobuf_pieces(respond(Response.Type[name], V1[name](world)))
    from_protobuf = protobuf_codec.decode(Response, b"".join(pieces))
    from_json = json_codec.decode(Response, b"".join(json_pieces(respond(Response.Type[name], V1[name](world)))))
    assert from_protobuf == from_json
    assert from_protobuf.type is Response.Type[name]


def test_subscribed_event_holds_the_state_in_both_encodings(cluster: tuple[str, World]) -> None:
    _, world = cluster
    *_, pieces = protobuf_pieces(state.get_state(world.state))
    from_protobuf = protobuf_codec.decode(Event, b"".join(subscribed_protobuf(pieces, 15.0)))
    told = subscribed_json(list(json_pieces(state.get_state(world.state))), 15.0)
    from_json = json_codec.decode(Event, b"".join(told))
    assert from_protobuf == from_json
    assert from_json.type is Event.Type.SUBSCRIBED


def lost_world(*, is_back: bool) -> World:
    """Two frameworks, one of them partition-aware, whose agent has been lost, and is back perhaps."""
    world = World()
    agent = world.agent(
        resources=(*builders.resources(cpus=64, mem=65536, disk=100_000), builders.ports((31000, 32000)))
    )
    container = ContainerStatus(
        container_id=ContainerID(value="c"),
        executor_pid=1,
        network_infos=(NetworkInfo(ip_addresses=(NetworkInfo.IPAddress(ip_address="127.0.0.1"),)),),
    )
    reports = []
    for name, capabilities in (("partition", (builders.CAPABILITY.PARTITION_AWARE,)), ("plain", ())):
        scheduler = world.scheduler(name=name, capabilities=capabilities)
        scheduler.launch(builders.task(name, agent.id, cpus=0.1, mem=32))
        agent.update(scheduler.id, name, TaskState.TASK_RUNNING, container_status=container)
        reports += [task.wire() for task in world.state.frameworks[scheduler.id].tasks.values()]
    agent.fall_silent()
    world.advance(100)
    if is_back:
        infos = tuple(framework.info for framework in world.state.frameworks.values())
        agent.reregister(tasks=tuple(reports), frameworks=infos)
        world.settle()
    return world


#: A command task has an executor's id there, and an address a protocol.
OF_THEIR_EXECUTORS = frozenset(("executor_id", "protocol"))


@pytest.mark.parametrize("is_back", [False, True], ids=["unreachable", "reregistered"])
def test_state_of_lost_tasks_has_the_shape_of_mesos(is_back: bool) -> None:
    """And what is counted is as many."""
    name = "state_reregistered" if is_back else "state_agent_unreachable"
    theirs = json.loads(read_capture(golden_dir() / "extras" / f"{name}.txt").body)
    theirs["flags"] = FLAGS
    ours = LEGACY["state"](lost_world(is_back=is_back))
    assert list(differences(ours, theirs, optional=OURS_LACK | OF_THEIR_EXECUTORS)) == []
    counts = ("activated_slaves", "deactivated_slaves", "unreachable_slaves")
    assert [ours[name] for name in counts] == [theirs[name] for name in counts]
    for lists in ("tasks", "unreachable_tasks", "completed_tasks"):
        assert [[task["state"] for task in each[lists]] for each in ours["frameworks"]] == [
            [task["state"] for task in each[lists]] for each in theirs["frameworks"]
        ]


@pytest.mark.parametrize("name", ["GET_TASKS", "GET_AGENTS"])
def test_v1_json_of_lost_tasks_has_the_shape_of_mesos(name: str) -> None:
    theirs = json.loads(read_capture(golden_dir() / "extras" / f"{name}_unreachable.txt").body)
    ours = text(json_pieces(respond(Response.Type[name], V1[name](lost_world(is_back=False)))))
    assert list(differences(ours, theirs, optional=OURS_LACK | OF_THEIR_EXECUTORS)) == []


def test_roles_of_the_v1_api(cluster: tuple[str, World]) -> None:
    suffix, world = cluster
    theirs = read_json(golden_dir() / f"master_v1{suffix}" / "GET_ROLES.json")
    ours = json_codec.to_value(roles.get_roles(all_roles(world), world.master.registry))
    assert list(differences(ours, theirs, optional=frozenset(("resources", "frameworks")))) == []
    if suffix:
        assert [role["name"] for role in ours["get_roles"]["roles"]] == ["*", "eng", "eng/web", "ops"]


def test_registry_has_the_shape_of_mesos() -> None:
    world = World()
    world.agent(resources=builders.resources(cpus=64))
    theirs = read_json(golden_dir() / "master" / "x_registrar_1_registry.json")
    ours = state.registry_object(world.master.registry, context(world).info)
    assert list(differences(ours, theirs, optional=OURS_LACK | {"address", "capabilities", "ranges"})) == []
