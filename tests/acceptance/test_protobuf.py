"""The same work over protobuf, with messages made and read by google.protobuf: nothing of our codec on this side."""

from __future__ import annotations

import asyncio
import getpass
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mesos_py.wire import scheduler_api
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.recordio import Decoder
from tests.acceptance.cluster import ROOT, Cluster
from tests.wire.twin import twin_class

TYPE = "application/x-protobuf"
T = scheduler_api.Call.Type
EXECUTOR = str(Path(__file__).with_name("protobuf_executor.py"))
COUNT = 5
TASK_RUNNING, TASK_FINISHED = 1, 2


class Framework:
    """Launches COUNT tasks and notes their updates."""

    def __init__(self, cluster: Cluster, session: aiohttp.ClientSession, *, executor: bool) -> None:
        self.url = f"http://{cluster.address}/api/v1/scheduler"
        self.session = session
        self.executor = executor
        self.id = self.stream_id = ""
        self.launched = 0
        self.states: dict[str, list[int]] = {}
        self.data: list[bytes] = []
        self.messages: list[bytes] = []

    def call(self, type: Any) -> Any:
        call = twin_class(scheduler_api.Call)(type=int(type))
        if self.id:
            call.framework_id.value = self.id
        return call

    async def say(self, call: Any) -> None:
        headers = {"Content-Type": TYPE, "Mesos-Stream-Id": self.stream_id}
        async with self.session.post(self.url, data=call.SerializeToString(), headers=headers) as answer:
            assert answer.status == 202, await answer.text()

    async def run(self) -> None:
        subscribe = self.call(T.SUBSCRIBE)
        info = subscribe.subscribe.framework_info
        info.name, info.user = "protobuf", getpass.getuser()
        info.roles.append("*")
        info.capabilities.add().type = FrameworkInfo.Capability.Type.MULTI_ROLE
        headers = {"Content-Type": TYPE, "Accept": TYPE}
        decoder = Decoder()
        async with self.session.post(self.url, data=subscribe.SerializeToString(), headers=headers) as answer:
            assert (answer.status, answer.headers["Content-Type"]) == (200, TYPE)
            self.stream_id = answer.headers["Mesos-Stream-Id"]
            async for piece in answer.content.iter_any():
                for record in decoder.feed(piece):
                    event = twin_class(scheduler_api.Event)()
                    event.ParseFromString(record)
                    assert not event.HasField("error"), event.error.message
                    await self.hear(event)
                    if self.is_done():
                        await self.say(self.call(T.TEARDOWN))
                        return

    async def hear(self, event: Any) -> None:
        if event.HasField("subscribed"):
            self.id = event.subscribed.framework_id.value
        for offer in event.offers.offers:
            await self.answer(offer)
        if event.HasField("update"):
            status = event.update.status
            self.states.setdefault(status.task_id.value, []).append(status.state)
            if status.data:
                self.data.append(status.data)
            if status.HasField("uuid"):
                call = self.call(T.ACKNOWLEDGE)
                call.acknowledge.agent_id.value = status.agent_id.value
                call.acknowledge.task_id.value = status.task_id.value
                call.acknowledge.uuid = status.uuid
                await self.say(call)
            if self.executor and status.state == TASK_RUNNING and status.task_id.value == "task-0":
                call = self.call(T.MESSAGE)
                call.message.agent_id.value = status.agent_id.value
                call.message.executor_id.value = "protobuf"
                call.message.data = b"\x00abc\xff"
                await self.say(call)
        if event.HasField("message"):
            self.messages.append(event.message.data)

    async def answer(self, offer: Any) -> None:
        if self.launched:
            call = self.call(T.DECLINE)
            call.decline.offer_ids.add().value = offer.id.value
            call.decline.filters.refuse_seconds = 3600
        else:
            call = self.call(T.ACCEPT)
            call.accept.offer_ids.add().value = offer.id.value
            launch = call.accept.operations.add(type=1)  # LAUNCH
            for number in range(COUNT):
                task = launch.launch.task_infos.add(name=f"task-{number}")
                task.task_id.value = f"task-{number}"
                task.agent_id.value = offer.agent_id.value
                _scalars(task, cpus=0.1, mem=32)
                if self.executor:
                    task.executor.executor_id.value = "protobuf"
                    task.executor.command.value = f"{sys.executable} {EXECUTOR}"
                    variable = task.executor.command.environment.variables.add(name="PYTHONPATH")
                    variable.value = str(ROOT)
                    _scalars(task.executor, cpus=0.1, mem=32)
                else:
                    task.command.value = "echo protobuf"
            self.launched = COUNT
        await self.say(call)

    def is_done(self) -> bool:
        ended = [states[-1] == TASK_FINISHED for states in self.states.values()]
        return len(ended) == COUNT and all(ended) and (not self.executor or bool(self.messages))


def _scalars(holder: Any, **amounts: float) -> None:
    for name, value in amounts.items():
        resource = holder.resources.add(name=name, type=0)
        resource.scalar.value = value


@pytest.mark.parametrize("executor", [False, True], ids=["commands", "executor"])
async def test_a_scheduler_over_protobuf(cluster: Cluster, executor: bool) -> None:
    """Every task runs and finishes; bytes pass unchanged both ways."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        framework = Framework(cluster, session, executor=executor)
        async with asyncio.timeout(120):
            await framework.run()
    assert framework.is_done()
    assert all(TASK_RUNNING in states for states in framework.states.values())
    if executor:
        assert set(framework.data) == {bytes(range(256))}
        assert framework.messages == [b"\xffcba\x00"]
