"""A master's end of the link for tests of whole agents: it admits everybody and acknowledges every update."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from mesos_py.agent.lifecycle import TERMINAL
from mesos_py.machine.frame import Event
from mesos_py.transport.agent_channel import AgentChannels
from mesos_py.web.request import Request
from mesos_py.web.router import Answer
from mesos_py.web.server import Server
from mesos_py.wire import internal
from mesos_py.wire.ids import TaskID
from mesos_py.wire.task import TaskGroupInfo, TaskInfo, TaskStatus
from tests import builders
from tests.agent.world import AGENT_ID, FRAMEWORK_ID, PARTITION_AWARE, framework, kill_policy

WAIT_S = 60.0  # for something that takes milliseconds; a test never asserts how long it took


class Master:
    """The master's end: admits every agent, acknowledges every update."""

    def __init__(self) -> None:
        self.channels = AgentChannels(self._hear)
        self.server = Server(self._serve)
        self.port = 0
        self.peer = ""
        self.registrations = 0
        #: False: the framework is slow
        self.acknowledges = True
        #: its framework knows of partitions
        self.is_aware = False
        self.states: dict[str, list[str]] = {}
        #: every update as it came, repetitions too
        self.updates: list[TaskStatus] = []
        self.messages: list[str] = []
        #: how tasks ended
        self.ends: dict[str, TaskStatus] = {}
        self.pongs = 0
        #: by executors to their framework
        self.said: list[bytes] = []
        #: of all tasks, each once
        self.statuses: list[TaskStatus] = []
        self.exited: list[internal.ExitedExecutor] = []
        self.reregistrations: list[internal.ReregisterAgent] = []
        self.unregistered: list[internal.UnregisterAgent] = []
        self._heard: dict[bytes | None, None] = {}
        self._changed = asyncio.Event()

    async def _serve(self, request: Request) -> Answer:
        return await self.channels.handle(request.incoming)  # type: ignore[return-value]

    def _hear(self, event: Event) -> None:
        body: Any = event.body
        self.registrations += isinstance(body, internal.RegisterAgent | internal.ReregisterAgent)
        if isinstance(body, internal.RegisterAgent):
            self.say(internal.AgentRegistered(agent_id=AGENT_ID, total_ping_timeout_seconds=75.0), event.peer)
        elif isinstance(body, internal.ReregisterAgent):
            self.reregistrations.append(body)
            self.say(internal.AgentReregistered(agent_id=AGENT_ID, total_ping_timeout_seconds=75.0), event.peer)
        elif isinstance(body, internal.StatusUpdate):
            status = body.status
            self.updates.append(status)
            if status.state in TERMINAL:
                self.ends[status.task_id] = status
            if status.uuid not in self._heard:  # else it is said again
                self._heard[status.uuid] = None
                self.states.setdefault(status.task_id, []).append(status.state.name.removeprefix("TASK_"))
                self.messages.append(status.message or "")
                self.statuses.append(status)
            if self.acknowledges:
                self.say(
                    internal.AcknowledgeUpdate(
                        framework_id=body.framework_id, task_id=status.task_id, uuid=status.uuid or b""
                    )
                )
        elif isinstance(body, internal.ExecutorToFramework):
            self.said.append(body.data)
        elif isinstance(body, internal.Pong):
            self.pongs += 1
        elif isinstance(body, internal.ExitedExecutor):
            self.exited.append(body)
        elif isinstance(body, internal.UnregisterAgent):
            self.unregistered.append(body)
        self._changed.set()

    def say(self, message: Any, peer: str | None = None) -> None:
        self.peer = peer or self.peer
        self.channels.send(self.peer, message)

    def run(self, info: TaskInfo, *, launch: bool = True, checkpoint: bool = False) -> None:
        capabilities = (PARTITION_AWARE,) if self.is_aware else ()
        by = framework(user="root", checkpoint=checkpoint, capabilities=capabilities)
        self.say(internal.RunTask(framework=by, task=info, launch_executor=launch))

    def run_group(self, *tasks: TaskInfo, executor_id: str = "g") -> None:
        """For a framework that checkpoints."""
        self.say(
            internal.RunTaskGroup(
                framework=framework(user="root", checkpoint=True), executor=builders.default_executor(executor_id),
                task_group=TaskGroupInfo(tasks=tasks), launch_executor=True,
            )
        )  # fmt: skip

    def kill(self, task_id: str, seconds: float = 5) -> None:
        policy = kill_policy(seconds)
        self.say(internal.KillTask(framework_id=FRAMEWORK_ID, task_id=TaskID(task_id), kill_policy=policy))

    async def until(self, task_id: str, state: str) -> list[str]:
        """The states of a task, once it has said this one."""
        await self.met(lambda: state in self.states.get(task_id, ()))
        return self.states[task_id]

    async def until_ended(self, task_id: str) -> None:
        """Once it is told how the task ended."""
        await self.met(lambda: task_id in self.ends)

    async def met_soon(self, condition: Callable[[], bool]) -> None:
        """Once this is so, whatever makes it so."""
        async with asyncio.timeout(WAIT_S):
            while not condition():
                await asyncio.sleep(0.01)

    async def met(self, condition: Callable[[], bool]) -> None:
        """Once this is so because of what an agent has said."""
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()
