"""POST /api/v1/executor: streams and refusals, against captures of a C++ agent and its texts."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mesos_py.agent import specs
from mesos_py.wire import executor_api, internal
from mesos_py.wire.codec import protobuf
from mesos_py.wire.ids import ExecutorID, FrameworkID
from tests import builders
from tests.agent.serving import Serving, serving
from tests.agent.world import FRAMEWORK_ID, task
from tests.golden import golden_dir
from tests.golden_compare import differences

PATH = "/api/v1/executor"
UUID = base64.b64encode(bytes(16)).decode()
IDS: dict[str, Any] = {"framework_id": {"value": FRAMEWORK_ID}, "executor_id": {"value": "rec"}}
PREFIX = "Failed to validate Executor::Call: "
WHO = f"executor rec of framework {FRAMEWORK_ID}"


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Serving]:
    """An agent with an executor ``rec`` whose task is queued."""
    async with serving(tmp_path) as world:
        world.run(task("rec-1", executor=builders.executor("rec", resources=()), data=b"data"))
        await asyncio.sleep(0)
        yield world


def status(**fields: Any) -> dict[str, Any]:
    given = {"task_id": {"value": "rec-1"}, "executor_id": {"value": "rec"}, "state": "TASK_RUNNING",
             "source": "SOURCE_EXECUTOR", "uuid": UUID, "timestamp": 1.5}  # fmt: skip
    return {name: value for name, value in (given | fields).items() if value is not None}


class Stream:
    """An executor's event stream, one record per chunk."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> dict[str, Any]:
        chunk = b""
        while True:
            piece, whole = await self.response.content.readchunk()
            assert piece or whole, "the stream has ended"
            chunk += piece
            if whole:
                break
        length, _, record = chunk.partition(b"\n")
        assert int(length) == len(record), "exactly one record in one chunk"
        event: dict[str, Any] = json.loads(record)
        return event


async def subscribe(world: Serving, **fields: Any) -> Stream:
    response = await world.client.post(
        PATH, json={**IDS, "type": "SUBSCRIBE", "subscribe": fields}, headers={"Accept": "application/json"}
    )
    assert response.status == 200, await response.text()
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert "Mesos-Stream-Id" not in response.headers
    return Stream(response)


def captured_events() -> list[dict[str, Any]]:
    lines = (golden_dir() / "extras" / "executor_api_stream.txt").read_text().split("\n")
    return [json.loads(lines[number + 1]) for number, line in enumerate(lines) if " EVENT " in line]


async def test_the_whole_conversation(agent: Serving) -> None:
    """Subscribe, launch, update, messages both ways, kill, shutdown: as captured, event for event."""
    events = []
    stream = await subscribe(agent)
    events += [await stream.next(), await stream.next()]
    code, _ = await agent.call("UPDATE", PATH, **IDS, update={"status": status()})
    assert code == 202
    events.append(await stream.next())
    agent.master(
        internal.FrameworkToExecutor(framework_id=FRAMEWORK_ID, executor_id=ExecutorID("rec"), data=b"hello")
    )
    events.append(await stream.next())
    assert await agent.call("MESSAGE", PATH, **IDS, message={"data": "aGVsbG8="}) == (202, "")
    agent.master(internal.KillTask(framework_id=FRAMEWORK_ID, task_id="rec-1"))  # type: ignore[arg-type]
    events.append(await stream.next())
    killed = status(state="TASK_KILLED", uuid=base64.b64encode(b"k" * 16).decode())
    assert await agent.call("UPDATE", PATH, **IDS, update={"status": killed}) == (202, "")
    events.append(await stream.next())
    agent.master(internal.ShutdownExecutor(framework_id=FRAMEWORK_ID, executor_id=ExecutorID("rec")))
    events.append(await stream.next())
    theirs = captured_events()
    assert [event["type"] for event in events] == [event["type"] for event in theirs]
    lacking = frozenset({"environment", "failover_timeout", "attributes", "domain", "uuid", "network_infos"})
    for ours, captured in zip(events, theirs, strict=True):
        assert list(differences(ours, captured, optional=lacking)) == []
    assert await agent.call("HEARTBEAT", PATH, **IDS) == (202, "")


async def test_environment_as_captured(agent: Serving) -> None:
    """Every variable of the captured executor, and none but PATH beyond."""
    text = (golden_dir() / "extras" / "executor_api_stream.txt").read_text()
    captured = json.loads(text[text.index("{") : text.index("}") + 1])
    core = agent.server.core
    executor = core.state.containers[next(iter(core.state.containers))]
    env = specs.executor_environment(core.options, core.state.info, core.endpoint, core.pid, executor, core.ip)
    ours = dict(specs.custom_executor(core.options, env, executor).env)
    assert set(ours) - {"PATH"} == set(captured)
    for name in ("LIBPROCESS_PORT", "MESOS_CHECKPOINT", "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
                 "MESOS_HTTP_COMMAND_EXECUTOR", "LIBPROCESS_IP"):  # fmt: skip
        assert ours[name] == captured[name]


async def test_protobuf(agent: Serving) -> None:
    """The same in protobuf: records are binary, content types say so."""
    headers = {"Content-Type": "application/x-protobuf", "Accept": "application/x-protobuf"}
    ids: dict[str, Any] = {"framework_id": FrameworkID(FRAMEWORK_ID), "executor_id": ExecutorID("rec")}
    call = executor_api.Call(
        **ids, type=executor_api.Call.Type.SUBSCRIBE, subscribe=executor_api.Call.Subscribe()
    )
    async with agent.client.post(PATH, data=protobuf.encode(call), headers=headers) as response:
        assert response.headers["Content-Type"] == "application/x-protobuf"
        chunk, _ = await response.content.readchunk()
        length, _, record = chunk.partition(b"\n")
        assert int(length) == len(record)
        assert protobuf.decode(executor_api.Event, record).type is executor_api.Event.Type.SUBSCRIBED


@pytest.mark.parametrize(
    ("call", "code", "text"),
    [
        ({**IDS}, 400, PREFIX + "Expecting 'type' to be present"),
        ({**IDS, "type": "SUBSCRIBE"}, 400, PREFIX + "Expecting 'subscribe' to be present"),
        ({**IDS, "type": "UPDATE"}, 400, PREFIX + "Expecting 'update' to be present"),
        ({**IDS, "type": "MESSAGE"}, 400, PREFIX + "Expecting 'message' to be present"),
        ({**IDS, "type": "UPDATE", "update": {"status": status(uuid=None)}}, 400,
         PREFIX + "Expecting 'uuid' to be present"),
        ({**IDS, "type": "UPDATE", "update": {"status": status(executor_id={"value": "x"})}}, 400,
         PREFIX + "ExecutorID in Call: rec does not match ExecutorID in TaskStatus: x"),
        ({**IDS, "type": "UPDATE", "update": {"status": status(source=None)}}, 400,
         PREFIX + f"Received Call from {WHO} with invalid source, expecting 'SOURCE_EXECUTOR'"),
        ({**IDS, "type": "UPDATE", "update": {"status": status(source="SOURCE_AGENT")}}, 400,
         PREFIX + f"Received Call from {WHO} with invalid source, expecting 'SOURCE_EXECUTOR'"),
        ({**IDS, "type": "UPDATE", "update": {"status": status(state="TASK_STAGING")}}, 400,
         PREFIX + f"Received TASK_STAGING from {WHO} which is not allowed"),
        ({**IDS, "type": "UPDATE", "update": {"status": status(uuid="AAAA")}}, 400, PREFIX + "Not a valid UUID"),
        ({**IDS, "type": "UPDATE", "update": {"status": status()}}, 403, "Executor is not subscribed"),
        ({**IDS, "type": "MESSAGE", "message": {"data": ""}}, 403, "Executor is not subscribed"),
        ({**IDS, "framework_id": {"value": "x"}, "type": "MESSAGE", "message": {"data": ""}}, 400,
         "Framework cannot be found"),
        ({**IDS, "executor_id": {"value": "x"}, "type": "MESSAGE", "message": {"data": ""}}, 400,
         "Executor cannot be found"),
        ({**IDS, "executor_id": {"value": "x"}, "type": "SUBSCRIBE", "subscribe": {}}, 400,
         "Executor cannot be found"),
        ({**IDS, "type": "UNKNOWN"}, 501, "501 Not Implemented."),
        ({**IDS, "type": "HEARTBEAT"}, 202, ""),
    ],
)  # fmt: skip
async def test_refusals(call: dict[str, Any], code: int, text: str, agent: Serving) -> None:
    """Mesos' statuses and texts; nothing changes."""
    async with agent.client.post(PATH, json=call) as response:
        assert (response.status, await response.text()) == (code, text)
    agent.server.core.check()
    (executor,) = agent.server.core.state.containers.values()
    assert list(executor.queued) == ["rec-1"]


async def test_content_types(agent: Serving) -> None:
    """415 with the text of this API, 406 for SUBSCRIBE, 405 for GET."""
    body = json.dumps({**IDS, "type": "SUBSCRIBE", "subscribe": {}}).encode()
    async with agent.client.post(PATH, data=body, headers={"Content-Type": "text/plain"}) as response:
        assert response.status == 415
        assert await response.text() == "Expecting 'Content-Type' of application/json or application/x-protobuf"
    headers = {"Content-Type": "application/json", "Accept": "text/html"}
    async with agent.client.post(PATH, data=body, headers=headers) as response:
        assert response.status == 406
    async with agent.client.get(PATH) as response:
        assert response.status == 405


async def test_a_stream_that_ends_is_noticed_and_replaced(agent: Serving) -> None:
    """Tasks wait while the executor is away; a second stream closes the first."""
    first = await subscribe(agent)
    await first.next()
    await first.next()
    second = await subscribe(agent, unacknowledged_tasks=[{"name": "rec-1", "task_id": {"value": "rec-1"},
                                                           "agent_id": {"value": "m-S0"}}])  # fmt: skip
    assert (await second.next())["type"] == "SUBSCRIBED"
    assert await first.response.content.read() == b""
    second.response.close()
    (executor,) = agent.server.core.state.containers.values()
    while executor.peer is not None:
        await asyncio.sleep(0.005)
    agent.run(task("rec-2", executor=builders.executor("rec", resources=())), launch=False)
    assert list(executor.queued) == ["rec-2"]
    third = await subscribe(agent, unacknowledged_tasks=[{"name": "rec-1", "task_id": {"value": "rec-1"},
                                                          "agent_id": {"value": "m-S0"}}])  # fmt: skip
    assert [(await third.next())["type"], (await third.next())["type"]] == ["SUBSCRIBED", "LAUNCH"]


async def test_sizes_and_odd_input(agent: Serving) -> None:
    """Megabytes of data pass, junk is refused, and the executor is still served."""
    stream = await subscribe(agent)
    await stream.next()
    await stream.next()
    data = base64.b64encode(bytes(3 << 20)).decode()
    assert (await agent.call("UPDATE", PATH, **IDS, update={"status": status(data=data)}))[0] == 202
    assert (await stream.next())["type"] == "ACKNOWLEDGED"
    for body in (b"", b"{", b"[]", b"null", b"{}", b'{"type":"UPDATE"}', b"\xff\xfe"):
        async with agent.client.post(PATH, data=body, headers={"Content-Type": "application/json"}) as response:
            assert response.status == 400
    async with agent.client.post(PATH, data=b"\x01", headers={"Content-Type": "application/x-protobuf"}) as response:
        assert response.status == 400
