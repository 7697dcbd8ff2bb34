"""``examples/executor.py``, started by a real agent for a scheduler of the SDK."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence

from mesos_py import sdk
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import ExecutorID, TaskID
from tests.acceptance.cluster import ROOT, Cluster

PROGRAM = str(ROOT / "examples" / "executor.py")


class Speaker(sdk.Scheduler):
    """Launches what it is given in one executor, and notes what it hears."""

    store = "memory"
    failover_timeout_s = 30.0

    def __init__(self, master: str, data: dict[str, str], act: Callable[[Speaker, sdk.TaskStatus], object]) -> None:
        super().__init__(master=master)
        self._data, self._act = data, act
        self._is_launched = False
        self.said: list[str] = []
        self.ends: dict[str, sdk.TaskStatus] = {}

    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        if self._is_launched:
            return  # another agent's
        self._is_launched = True
        executor = ExecutorInfo(
            type=ExecutorInfo.Type.CUSTOM, executor_id=ExecutorID("echo"),
            resources=sdk.resources(cpus=0.1, mem=32),
            command=CommandInfo(shell=False, value=sys.executable, arguments=(sys.executable, PROGRAM)),
        )  # fmt: skip
        tasks = [
            sdk.TaskInfo(name=name, task_id=TaskID(name), agent_id=offers[0].agent_id, executor=executor,
                         resources=sdk.resources(cpus=0.1, mem=32), data=text.encode())
            for name, text in self._data.items()
        ]  # fmt: skip
        await self.launch(offers[0], tasks)

    async def on_message(self, message: sdk.Event.Message) -> None:
        self.said.append(message.data.decode())

    async def on_update(self, status: sdk.TaskStatus) -> None:
        if sdk.is_end(status.state):
            self.ends[status.task_id] = status
        elif status.state is sdk.TaskState.TASK_RUNNING:
            done = self._act(self, status)
            if asyncio.iscoroutine(done):
                await done
        if len(self.ends) == len(self._data):
            await self.teardown()


def nothing(scheduler: Speaker, status: sdk.TaskStatus) -> None:
    """It goes as it goes."""


async def test_tasks_are_coroutines(cluster: Cluster) -> None:
    """One returns, one raises; both say something on the way."""
    speaker = Speaker(cluster.address, {"good": "a b c", "bad": "x fail"}, nothing)
    await speaker.run()
    ends = {name: end.state.name for name, end in speaker.ends.items()}
    assert ends == {"good": "TASK_FINISHED", "bad": "TASK_FAILED"}
    assert speaker.ends["bad"].message == "ValueError: as it was told"
    assert sorted(speaker.said) == ["a", "b", "c", "fail", "x"]


async def test_a_task_that_is_killed(cluster: Cluster) -> None:
    """Its coroutine is cancelled."""

    async def kill(scheduler: Speaker, status: sdk.TaskStatus) -> None:
        await scheduler.kill(status.task_id)

    speaker = Speaker(cluster.address, {"long": "a " * 1_000}, kill)
    await speaker.run()
    assert speaker.ends["long"].state is sdk.TaskState.TASK_KILLED


async def test_an_executor_that_is_shut_down(cluster: Cluster) -> None:
    """Its tasks are killed, and say so, before it ends."""

    async def shut_down(scheduler: Speaker, status: sdk.TaskStatus) -> None:
        assert status.agent_id is not None
        await scheduler.shutdown(status.agent_id, ExecutorID("echo"))

    speaker = Speaker(cluster.address, {"long": "a " * 1_000}, shut_down)
    await speaker.run()
    assert speaker.ends["long"].state is sdk.TaskState.TASK_KILLED
