"""Many agents that were admitted earlier and come back to a new leader with everything they run.

Run as a program: ``returning_agents.py COUNT --tasks=N --frameworks=N``. It makes its agents, says ``made``, waits for
the leader's HOST:PORT on standard input, and lets all agents find that leader at the same time, as agents do whose
leader is gone. When the last one has been answered it says when that was, as JSON, and answers pings from then on.

Each agent has a connection of its own and does what ``agent/registration.py`` does: it reregisters after a random part
of the back-off, and again with doubling random delays until it is answered.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import sys
import time
from typing import Any

import structlog
import uvloop

from benchmarks.emulated_agents import CAPABILITIES, RESOURCES
from mesos_py import MESOS_VERSION
from mesos_py.agent.options import REGISTER_RETRY_MIN
from mesos_py.algebra.parse import parse_resources
from mesos_py.machine.values import SECOND
from mesos_py.transport.master_link import MasterLink
from mesos_py.wire import internal
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, FrameworkID, TaskID
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import Task, TaskState, TaskStatus
from mesos_py.wire.value import Value

PREDECESSOR = "00000000-0000-4000-8000-000000000000"  # id of the master that admitted the agents
_Type = FrameworkInfo.Capability.Type


def agent_info(number: int, resources: Any) -> AgentInfo:
    """The agent as the registry has it and as it reports itself."""
    agent_id = AgentID(f"{PREDECESSOR}-S{number}")
    return AgentInfo(hostname=f"host-{number}", resources=resources, port=5051, id=agent_id)


def framework_info(number: int) -> FrameworkInfo:
    """The framework as agents remember it and as it subscribes."""
    kinds = (_Type.MULTI_ROLE, _Type.PARTITION_AWARE, _Type.RESERVATION_REFINEMENT)
    return FrameworkInfo(
        user="root", name=f"framework-{number}", id=FrameworkID(f"{PREDECESSOR}-{number:04}"), roles=("*",),
        checkpoint=True, failover_timeout=3600.0,
        capabilities=tuple(FrameworkInfo.Capability(type=kind) for kind in kinds),
    )  # fmt: skip


def report(number: int, resources: Any, tasks: int, frameworks: int) -> internal.ReregisterAgent:
    """What agent ``number`` runs: ``tasks`` tasks of as many frameworks as there are, in turn."""
    info = agent_info(number, resources)
    held = [(number * tasks + n) % frameworks for n in range(tasks)]
    return internal.ReregisterAgent(
        agent=info, pid="slave(1)@127.0.0.1:5051", version=MESOS_VERSION, capabilities=CAPABILITIES,
        tasks=tuple(_task(f"t-{number}-{n}", held[n], info) for n in range(tasks)),
        frameworks=tuple(framework_info(n) for n in sorted(set(held))),
    )  # fmt: skip


def _task(task_id: str, framework: int, agent: AgentInfo) -> Task:
    assert agent.id is not None
    uuid = random.Random(task_id).randbytes(16)
    status = TaskStatus(
        task_id=TaskID(task_id), state=TaskState.TASK_RUNNING, agent_id=agent.id, timestamp=1.7e9, uuid=uuid,
        source=TaskStatus.Source.SOURCE_EXECUTOR,
    )  # fmt: skip
    allocation = Resource.AllocationInfo(role="*")
    resources = tuple(
        Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(value=amount), allocation_info=allocation)
        for name, amount in (("cpus", 0.1), ("mem", 32.0))
    )
    return Task(
        name="t", task_id=TaskID(task_id), framework_id=FrameworkID(f"{PREDECESSOR}-{framework:04}"),
        agent_id=agent.id, state=TaskState.TASK_RUNNING, resources=resources, statuses=(status,),
        status_update_state=TaskState.TASK_RUNNING, status_update_uuid=uuid,
    )  # fmt: skip


class Returning:
    """All agents, and how far they are."""

    def __init__(self, backoff_s: float) -> None:
        self.backoff_s = backoff_s
        self.leader: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.answered = asyncio.Semaphore(0)
        self.sent = 0
        self.connected_at = 0.0
        self.answered_at = 0.0


class ReturningAgent:
    """One agent without a machine."""

    def __init__(self, number: int, all_: Returning, message: internal.ReregisterAgent) -> None:
        self._all, self._message = all_, message
        self._rng = random.Random(number)
        self._retry: asyncio.TimerHandle | None = None
        self._is_answered = False

        async def locate() -> str:
            return await all_.leader

        self.link = MasterLink(locate, self, rng=self._rng)

    def master_connected(self, peer: str, address: str) -> None:
        self._all.connected_at = time.time()
        self._ask_after(self._rng.random() * self._all.backoff_s, peer, 2 * self._all.backoff_s)

    def _ask_after(self, delay_s: float, peer: str, backoff_s: float) -> None:
        self._retry = asyncio.get_running_loop().call_later(delay_s, self._ask, peer, backoff_s)

    def _ask(self, peer: str, backoff_s: float) -> None:
        self._all.sent += 1
        self.link.send(peer, self._message)
        delay_s = max(REGISTER_RETRY_MIN / SECOND, self._rng.random() * backoff_s)
        self._ask_after(delay_s, peer, 2 * backoff_s)

    def master_lost(self, peer: str) -> None:
        raise SystemExit("the master is gone")

    def master_said(self, peer: str, message: Any, size: int) -> None:
        if isinstance(message, internal.Ping):
            self.link.send(peer, internal.Pong())
        elif isinstance(message, internal.AgentReregistered) and not self._is_answered:
            self._is_answered = True
            assert self._retry is not None
            self._retry.cancel()
            self._all.answered_at = time.time()
            self._all.answered.release()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("--tasks", type=int, default=10, help="on each agent")
    parser.add_argument("--frameworks", type=int, default=1)
    parser.add_argument("--backoff", type=float, default=1.0, help="seconds; --registration_backoff_factor")
    options = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    resources = parse_resources(RESOURCES)
    all_ = Returning(options.backoff)
    agents = [
        ReturningAgent(number, all_, report(number, resources, options.tasks, options.frameworks))
        for number in range(options.count)
    ]
    gc.freeze()
    gc.disable()  # no machine has thousands of agents, so none waits for the collector that long
    async with asyncio.TaskGroup() as group:
        for number, agent in enumerate(agents):
            group.create_task(agent.link.run(), name=f"agent {number}")
        print("made", flush=True)
        all_.leader.set_result((await asyncio.to_thread(sys.stdin.readline)).strip())
        for _ in agents:
            await all_.answered.acquire()
        said = {"connected_at": all_.connected_at, "answered_at": all_.answered_at, "sent": all_.sent}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
