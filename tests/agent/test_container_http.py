"""Container calls over HTTP: statuses and texts as captured from a C++ agent, waiting, sandboxes that go."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mesos_py.agent import removal
from mesos_py.agent.api.containers import KINDS
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.scripted import RUNS, Outcome
from mesos_py.agent.core import ROWS
from mesos_py.wire import agent_api
from mesos_py.wire.codec import protobuf
from mesos_py.wire.ids import ContainerID
from tests.agent.containerizer.harness import until
from tests.agent.serving import Serving, serving
from tests.agent.world import task
from tests.golden import golden_dir
from tests.golden_compare import differences, read_json

GOLDEN = "agent_v1.running"


def script(spec: ContainerSpec) -> Outcome:
    return Outcome(status=0) if spec.argv[-1] == "true" else RUNS


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path, script=script) as world:
        world.run(task())
        await until(lambda: root_of(world).pid is not None)
        yield world


def root_of(world: Serving) -> Any:
    (executor,) = world.server.core.state.containers.values()
    return executor


def nested(world: Serving, name: str) -> dict[str, Any]:
    return {"value": name, "parent": {"value": root_of(world).container_id}}


async def golden_call(world: Serving, name: str, container_id: dict[str, Any], **fields: Any) -> tuple[int, str, bool]:
    """Status and text, and whether both are as captured."""
    kind = name.removesuffix("_dup").removesuffix("_unknown")
    payload = {kind.lower(): {"container_id": container_id, **fields}}
    status, text = await world.call(kind, **payload)
    theirs = (golden_dir() / GOLDEN / f"{name}.json").read_text()
    their_status = int((golden_dir() / GOLDEN / f"{name}.headers").read_text().split("HTTP/1.1 ")[1].split()[0])
    return status, text, (status, text) == (their_status, theirs)


async def test_a_nested_container_as_captured(agent: Serving) -> None:
    """Launched, launched again, waited for, removed."""
    command = {"command": {"value": "true"}}
    assert (await golden_call(agent, "LAUNCH_NESTED_CONTAINER", nested(agent, "n0"), command={"value": "sleep 3"}))[2]
    assert (await golden_call(agent, "LAUNCH_NESTED_CONTAINER_dup", nested(agent, "n0"), **command))[2]
    assert (await golden_call(agent, "LAUNCH_NESTED_CONTAINER", nested(agent, "n1"), **command))[2]
    assert await golden_call(agent, "WAIT_NESTED_CONTAINER", nested(agent, "n1")) == (
        200, '{"type":"WAIT_NESTED_CONTAINER","wait_nested_container":{"exit_status":0}}', True,
    )  # fmt: skip
    assert (await golden_call(agent, "REMOVE_NESTED_CONTAINER", nested(agent, "n1")))[2]
    for name in ("KILL_CONTAINER_unknown", "WAIT_CONTAINER_unknown"):
        assert (await golden_call(agent, name, {"value": "unknown"}))[2]


async def test_nested_and_standalone_containers_are_shown_when_asked_for(agent: Serving) -> None:
    """With the same keys as there, and in /containers, too."""
    await agent.call("LAUNCH_CONTAINER", launch_container={"container_id": nested(agent, "nested1")})
    await agent.call("LAUNCH_CONTAINER", launch_container={"container_id": {"value": "alone"}})
    _, text = await agent.call("GET_CONTAINERS", get_containers={"show_nested": True})
    (ours,) = [one for one in json.loads(text)["get_containers"]["containers"] if "framework_id" not in one]
    theirs = read_json(golden_dir() / GOLDEN / "GET_CONTAINERS_with_nested.json")["get_containers"]["containers"]
    (captured,) = [one for one in theirs if one["container_id"]["value"] == "nested1"]
    for one in (ours, captured):
        one.pop("resource_statistics")
    assert list(differences(ours, captured)) == []
    assert ours["container_id"] == {"value": "nested1"}
    _, text = await agent.call("GET_CONTAINERS", get_containers={"show_standalone": True})
    assert [one["container_id"]["value"] for one in json.loads(text)["get_containers"]["containers"]][1:] == ["alone"]
    assert len(await agent.get("/containers")) == 1
    shown = await agent.get("/containers?show_nested=true&show_standalone=true")
    assert [one["container_id"] for one in shown][1:] == ["nested1", "alone"]


async def test_whoever_waits_hears_of_the_end_in_both_encodings(agent: Serving) -> None:
    """1 two wait; 2 one gives up; 3 the container is killed; 4 the other is told, in protobuf."""
    await agent.call("LAUNCH_CONTAINER", launch_container={"container_id": {"value": "alone"}})
    container_id = ContainerID(value="alone")
    call = agent_api.Call(
        type=agent_api.Call.Type.WAIT_CONTAINER,
        wait_container=agent_api.Call.WaitContainer(container_id=container_id),
    )
    headers = {"Content-Type": "application/x-protobuf", "Accept": "application/x-protobuf"}

    async def wait() -> bytes:
        async with agent.client.post("/api/v1", data=protobuf.encode(call), headers=headers) as response:
            assert response.status == 200
            return await response.read()

    waiting = agent.server.core.api_containers.waiting
    patient, hasty = asyncio.create_task(wait()), asyncio.create_task(wait())
    await until(lambda: sum(map(len, waiting.values())) == 2)
    hasty.cancel()
    await until(lambda: sum(map(len, waiting.values())) == 1)
    assert await agent.call("KILL_CONTAINER", kill_container={"container_id": {"value": "alone"}}) == (200, "")
    said = protobuf.decode(agent_api.Response, await patient)
    assert said == agent_api.Response(
        type=agent_api.Response.Type.WAIT_CONTAINER,
        wait_container=agent_api.Response.WaitContainer(exit_status=9),
    )
    agent.server.core.check()
    assert waiting == {}


@pytest.mark.parametrize(
    ("call", "wanted", "text"),
    [
        ("launch_nested_container", {"container_id": {"value": "x"}},
         "Expecting 'launch_nested_container.container_id.parent' to be present"),
        ("launch_container", {"container_id": {"value": "a b"}},
         "'launch_container.container_id' is invalid: 'ContainerID.value' 'a b' contains invalid characters"),
        ("wait_container", {"container_id": {"value": "x", "parent": {"value": "a.b"}}},
         ("'wait_container.container_id' is invalid: 'ContainerID.parent' is invalid: 'ContainerID.value' 'a.b' "
         "contains invalid characters")),
        ("kill_container", {"container_id": {"value": ""}}, ("'kill_container.container_id' is invalid: ID must not be "
         "empty")),
        ("remove_container", {"container_id": {"value": ".."}},
         "'remove_container.container_id' is invalid: '..' is disallowed"),
        ("launch_container", {"container_id": {"value": "x" * 243}},
         (f"'launch_container.container_id' is invalid: 'ContainerID.value' '{'x' * 243}' exceeds the maximum length "
         "(242)")),
        ("launch_container", {"container_id": {"value": "x"}, "command": {"environment": {"variables": [
            {"name": "A", "type": "VALUE"}]}}},
         "'launch_container.command' is invalid: Environment variable 'A' of type 'VALUE' must have a value set"),
        ("launch_container", {"container_id": {"value": "x"}, "container": {"type": "DOCKER"}},
         "'launch_container.container' is invalid: DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"),
        ("launch_container", {"container_id": {"value": "x"}, "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "reservations": [
                {"type": "STATIC", "role": "r"}]}]}, "'launch_container.resources' must be unreserved"),
        ("launch_container", {"container_id": {"value": "x"}, "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "revocable": {}}]},
         "'launch_container.resources' must be non-revocable"),
        ("launch_container", {"container_id": {"value": "c", "parent": {"value": "b", "parent": {"value": "a"}}},
                              "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}}]},
         "'launch_container' is invalid: containers nested at the second level or greater cannot specify resources"),
        ("launch_container", {"container_id": {"value": "c", "parent": {"value": "b", "parent": {"value": "a"}}},
                              "limits": {"cpus": {"value": 1}}},
         ("'launch_container' is invalid: containers nested at the second level or greater cannot specify resource "
         "limits")),
        ("launch_nested_container", {
            "container_id": {"value": "c", "parent": {"value": "b", "parent": {"value": "a"}}},
            "container": {"type": "MESOS", "linux_info": {"share_cgroups": False}}},
         ("'launch_nested_container' is invalid: containers nested at the second level or greater cannot set "
         "'share_cgroups' to 'false'")),
        ("launch_nested_container_session", {
            "container_id": {"value": "b", "parent": {"value": "a"}},
            "container": {"type": "MESOS", "linux_info": {"share_cgroups": False}}},
         ("'launch_nested_container_session.container.linux_info' is invalid: 'share_cgroups' cannot be set to 'false' "
         "for nested container sessions")),
    ],
)  # fmt: skip
async def test_senseless_calls(call: str, wanted: dict[str, Any], text: str, agent: Serving) -> None:
    """Mesos' texts."""
    said = await agent.call(call.upper(), **{call: wanted})
    assert said == (400, f"Failed to validate agent::Call: {text}")


async def test_a_chain_of_ids_is_bounded(agent: Serving) -> None:
    """Deeper than anybody nests is a 400, not a crash."""
    container_id: dict[str, Any] = {"value": "x"}
    for _ in range(40):
        container_id = {"value": "x", "parent": container_id}
    status, text = await agent.call("WAIT_CONTAINER", wait_container={"container_id": container_id})
    assert (status, text.endswith("nested too deep")) == (400, True)


async def test_removal_follows_no_link_that_a_task_has_made(tmp_path: Path) -> None:
    """1 a plain one goes; 2 a link in its place, or on the way, is an error and leads nowhere."""
    outside = tmp_path / "outside"
    for place in (tmp_path / "work" / "s" / "containers" / "n" / "deep", outside / "n"):
        place.mkdir(parents=True)
    removal.remove(str(tmp_path / "work"), str(tmp_path / "work/s/containers/n"))
    assert not (tmp_path / "work/s/containers/n").exists()
    removal.remove(str(tmp_path / "work"), str(tmp_path / "work/s/containers/n"))
    os.rmdir(tmp_path / "work/s/containers")
    os.symlink(outside, tmp_path / "work/s/containers")
    with pytest.raises(OSError, match="containers"):
        removal.remove(str(tmp_path / "work"), str(tmp_path / "work/s/containers/n"))
    assert (outside / "n").exists()
    with pytest.raises(ValueError, match="does not lie below"):
        removal.remove(str(tmp_path / "work"), str(outside / "n"))


def test_every_container_call_has_a_row_and_every_call_is_answered() -> None:
    """One that nobody handles would be answered by a crash."""
    types = agent_api.Call.Type
    assert [kind.__name__ for kind in KINDS.values() if kind not in ROWS] == []
    attached = {types.ATTACH_CONTAINER_INPUT, types.ATTACH_CONTAINER_OUTPUT}
    named = {one for one in types if "CONTAINER" in one.name and one is not types.GET_CONTAINERS}
    assert named == {*KINDS, *attached}
