"""Many agents in one process: they register, run every task by saying TASK_RUNNING, and answer pings.

Each agent has its own connection and speaks the real protocol (``wire/internal.py`` over a WebSocket); only the
machine behind it is missing. Run as a program: ``emulated_agents.py HOST:PORT COUNT [--finish]``; prints ``ready``
once all are registered.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time
from typing import Any

import uvloop

from mesos_py import MESOS_VERSION
from mesos_py.algebra.parse import parse_resources
from mesos_py.transport.master_link import MasterLink
from mesos_py.wire import internal
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.task import TaskState, TaskStatus

RESOURCES = "cpus:16;mem:65536;disk:100000;ports:[31000-32000]"
Type = AgentInfo.Capability.Type
CAPABILITIES = tuple(AgentInfo.Capability(type=kind) for kind in Type if kind is not Type.UNKNOWN)


class EmulatedAgent:
    """One agent without a machine."""

    def __init__(self, number: int, address: str, resources: Any, finish: bool, registered: asyncio.Semaphore) -> None:
        async def locate() -> str:
            return address

        self._info = AgentInfo(hostname=f"host-{number}", resources=resources, port=5051)
        self._agent_id: Any = None
        self._finish = finish
        self._registered = registered
        self._running: dict[str, Any] = {}
        self.link = MasterLink(locate, self, rng=random.Random(number))

    def master_connected(self, peer: str, address: str) -> None:
        self.link.send(
            peer,
            internal.RegisterAgent(
                agent=self._info, pid="slave(1)@127.0.0.1:5051", version=MESOS_VERSION, capabilities=CAPABILITIES
            ),
        )

    def master_lost(self, peer: str) -> None:
        raise SystemExit("the master is gone")

    def master_said(self, peer: str, message: Any, size: int) -> None:
        if isinstance(message, internal.RunTask):
            task = message.task
            self._running[task.task_id] = message.framework.id
            self._update(peer, message.framework.id, task.task_id, TaskState.TASK_RUNNING)
        elif isinstance(message, internal.AcknowledgeUpdate):
            if self._finish and self._running.pop(message.task_id, None) is not None:
                self._update(peer, message.framework_id, message.task_id, TaskState.TASK_FINISHED)
        elif isinstance(message, internal.Ping):
            self.link.send(peer, internal.Pong())
        elif isinstance(message, internal.AgentRegistered):
            self._agent_id = message.agent_id
            self._registered.release()

    def _update(self, peer: str, framework_id: Any, task_id: Any, state: TaskState) -> None:
        status = TaskStatus(
            task_id=task_id, state=state, agent_id=self._agent_id, executor_id=task_id, timestamp=time.time(),
            source=TaskStatus.Source.SOURCE_EXECUTOR, uuid=os.urandom(16),
        )
        self.link.send(peer, internal.StatusUpdate(framework_id=framework_id, status=status, latest_state=state))


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("master")
    parser.add_argument("count", type=int)
    parser.add_argument("--finish", action="store_true", help="finish each task once its TASK_RUNNING is acknowledged")
    options = parser.parse_args()
    resources = parse_resources(RESOURCES)
    registered = asyncio.Semaphore(0)
    agents = [
        EmulatedAgent(number, options.master, resources, options.finish, registered) for number in range(options.count)
    ]
    async with asyncio.TaskGroup() as group:
        for number, agent in enumerate(agents):
            group.create_task(agent.link.run(), name=f"agent {number}")
            if number % 50 == 49:
                await asyncio.sleep(0.01)  # a listen backlog holds 128
        for _ in agents:
            await registered.acquire()
        print("ready", flush=True)


if __name__ == "__main__":
    uvloop.run(main())
