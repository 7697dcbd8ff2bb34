"""An agent's core with everything around it played by the test: master, containerizer, clock.

Every frame is checked: the core's invariants hold after it, and what it has written can be read. What the core said is
sorted by whom it was said to.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from mesos_py.agent import events, words
from mesos_py.agent.calls.containers import LAST_WORDS
from mesos_py.agent.checkpoint import records as checkpoint
from mesos_py.agent.checkpoint import recovery
from mesos_py.agent.containerizer import ContainerSpec, KnownContainer
from mesos_py.agent.core import Agent
from mesos_py.agent.entities import Executor
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.registration import Phase
from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Close, Event, Frame, Send, Tick
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.wire import executor_api, internal
from mesos_py.wire.checkpoint import AgentState
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, TaskID
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import KillPolicy, TaskGroupInfo, TaskInfo, TaskState, TaskStatus
from mesos_py.wire.value import DurationInfo
from tests import builders

M = TypeVar("M")

MASTER = "master-1"
AGENT_ID = AgentID("m-S0")
FRAMEWORK_ID = FrameworkID("m-0000")
BOOT_ID = "boot-1"
START: Nanos = 1_700_000_000 * SECOND

PARTITION_AWARE = builders.CAPABILITY.PARTITION_AWARE
TASK_KILLING_STATE = builders.CAPABILITY.TASK_KILLING_STATE


def framework(**fields: Any) -> FrameworkInfo:
    return builders.framework_info(framework_id=FRAMEWORK_ID, **{"checkpoint": False} | fields)


def task(task_id: str = "t", **fields: Any) -> TaskInfo:
    """A task whose resources are allocated to ``*``."""
    resources = (builders.scalar("cpus", 1, "*"), builders.scalar("mem", 32, "*"))
    return builders.task(task_id, AGENT_ID, **{"resources": resources} | fields)


def custom_task(task_id: str = "t", executor_id: str = "e", **fields: Any) -> TaskInfo:
    return task(task_id, **{"executor": builders.executor(executor_id)} | fields)


def kill_policy(seconds: float) -> KillPolicy:
    return KillPolicy(grace_period=DurationInfo(nanoseconds=int(seconds * SECOND)))


class World:
    """One agent, registered unless told otherwise."""

    def __init__(
        self, *, registered: bool = True, seed: int = 1, records: Mapping[checkpoint.Key, bytes] | None = None,
        **options: Any,
    ) -> None:  # fmt: skip
        self._options, self._seed = options, seed
        #: what has been written
        self.records = dict(checkpoint.records_of(AgentState(boot_id=BOOT_ID)) if records is None else records)
        given: dict[str, Any] = {"master": "127.0.0.1:5050", "work_dir": "/w", "switch_user": False} | options
        info = builders.agent_info("host", cpus=64, mem=65536)
        total = Resources.of(info.resources)
        self.agent = Agent(
            AgentOptions(**given), info, total, work_dir="/w", ip="10.0.0.1", port=5051, rng=random.Random(seed)
        )
        self.now = START
        #: the last frame
        self.frame = Frame(self.now)
        #: every status update sent to the master, in order
        self.said: list[internal.StatusUpdate] = []
        self._pids = 1000
        if registered:
            self.register()

    # ---- acting

    def apply(self, kind: Any, body: Any = None, peer: str | None = None) -> Frame:
        self.frame = self.agent.apply(Event(kind, body, peer), self.now)
        self.agent.check()
        for key, contents in checkpoint.changes(self.frame.writes).items():
            self.records.pop(key, None)
            if contents is not None:
                self.records[key] = contents
        checkpoint.state_of(self.records)
        self.said += self.to_master(internal.StatusUpdate)
        return self.frame

    def tell(self, body: Any, peer: str | None = None) -> Frame:
        """An event whose kind is its class."""
        return self.apply(type(body), body, peer)

    def master(self, message: Any) -> Frame:
        return self.tell(message, MASTER)

    def register(self) -> None:
        self.tell(events.Recovered())
        self.tell(events.MasterConnected(MASTER, "127.0.0.1:5050"))
        self.advance(self.agent.options.registration_backoff_factor)
        self.master(internal.AgentRegistered(agent_id=AGENT_ID, total_ping_timeout_seconds=75.0))
        assert self.agent.registration.phase is Phase.RUNNING

    def restarted(
        self, *running: str, signalled: Sequence[str] = (), boot_id: str = BOOT_ID,
        networks: tuple[NetworkInfo, ...] = (), data: bytes | None = None, **options: Any,
    ) -> World:  # fmt: skip
        """The agent was killed after the last frame; the next one has recovered but has no master yet.

        ``running`` names the containers that run, in these ``networks``; of those it expects beyond them, the test
        tells what came.
        """
        world = type(self)(registered=False, seed=self._seed + 1, records=self.records, **{**self._options, **options})
        world.follow(self)
        state = recovery.settled(checkpoint.state_of(world.records), boot_id)
        world.records = checkpoint.records_of(state)
        known = tuple(
            KnownContainer(
                container_id=one, pid=7, sandbox="/s", is_signalled=one in signalled, network_infos=networks, data=data
            )
            for one in running
        )
        world.tell(events.Recovered(known, state))
        return world

    def follow(self, former: World) -> None:
        """Time has gone on."""
        self.now = former.now

    def register_again(self, peer: str = MASTER) -> internal.ReregisterAgent:
        """It finds its master; what it reported."""
        self.tell(events.MasterConnected(peer, "127.0.0.1:5050"))
        self.advance(self.agent.options.registration_backoff_factor)
        (report,) = self.to(peer, internal.ReregisterAgent)
        self.tell(internal.AgentReregistered(agent_id=AGENT_ID, total_ping_timeout_seconds=75.0), peer)
        assert self.agent.registration.phase is Phase.RUNNING
        return report

    def advance(self, duration: Nanos) -> None:
        """Let time pass; every timer comes when it is due."""
        end = self.now + duration
        while (deadline := self.agent.deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.apply(Tick)
        self.now = end

    def hang(self, duration: Nanos) -> None:
        """SIGSTOP for so long: what has become due meanwhile is done before anything is read that has come."""
        self.now += duration
        self.apply(Tick)

    def run(self, info: TaskInfo, *, launch: bool = True, by: FrameworkInfo | None = None) -> Frame:
        return self.master(internal.RunTask(framework=by or framework(), task=info, launch_executor=launch))

    def run_group(
        self, tasks: Sequence[TaskInfo], *, launch: bool = True, by: FrameworkInfo | None = None,
        executor: ExecutorInfo | None = None,
    ) -> Frame:  # fmt: skip
        return self.master(
            internal.RunTaskGroup(
                framework=by or framework(),
                executor=executor or builders.default_executor(),
                task_group=TaskGroupInfo(tasks=tuple(tasks)),
                launch_executor=launch,
            )
        )

    def kill(self, task_id: str = "t", policy: KillPolicy | None = None) -> Frame:
        return self.master(
            internal.KillTask(framework_id=FRAMEWORK_ID, task_id=TaskID(task_id), kill_policy=policy)
        )

    def launched(self, container_id: str | None = None) -> Frame:
        """The containerizer has launched it; None: the only executor's."""
        self._pids += 1
        return self.tell(events.ContainerLaunched(container_id or self.executor().container_id, self._pids))

    def exited(self, status: int | None = 0, container_id: str | None = None) -> Frame:
        """It is gone, and whatever it had said has been heard."""
        container_id = container_id or self.executor().container_id
        self.tell(events.ContainerExited(container_id, status))
        if ("last words", container_id) in self.agent.timers:
            self.advance(LAST_WORDS)
        return self.frame

    def acknowledge_all(self) -> None:
        """The framework acknowledges whatever is under way until nothing is."""
        while heads := [stream.pending[0] for stream in self.agent.updates if stream.pending]:
            for status in heads:
                self.acknowledge(status)

    def acknowledge(self, status: TaskStatus) -> Frame:
        assert status.uuid is not None
        return self.master(
            internal.AcknowledgeUpdate(framework_id=FRAMEWORK_ID, task_id=status.task_id, uuid=status.uuid)
        )

    def call(self, payload: Any, *, executor_id: str = "e", peer: str = "x-1", by: str = FRAMEWORK_ID) -> Any:
        """An executor's call; returns what is wrong with it."""
        types = executor_api.Call.Type
        name = type(payload).__name__.lower()
        call = executor_api.Call(
            executor_id=ExecutorID(executor_id),
            framework_id=FrameworkID(by),
            type=types[name.upper()],
            **{name: payload},  # type: ignore[arg-type]
        )
        return self.apply(type(payload), call, peer).reply

    def subscribe(self, peer: str = "x-1", **fields: Any) -> Any:
        return self.call(executor_api.Call.Subscribe(**fields), peer=peer)

    def update(self, task_id: str, state: TaskState, uuid: int = 0, **fields: Any) -> Any:
        """A custom executor's update."""
        return self.call(executor_api.Call.Update(status=status(task_id, state, uuid, **fields)))

    # ---- looking

    def executor(self, executor_id: str | None = None) -> Executor:
        (known,) = self.agent.state.frameworks.values()
        if executor_id is not None:
            return known.executors[ExecutorID(executor_id)]
        (executor,) = known.executors.values()
        return executor

    def to(self, peer: str, kind: type[M]) -> list[M]:
        """What the last frame says to ``peer``, of one kind."""
        return [
            word.message
            for word in self.frame.sends
            if isinstance(word, Send) and word.peer == peer and isinstance(word.message, kind)
        ]

    def to_master(self, kind: type[M]) -> list[M]:
        return self.to(MASTER, kind)

    def to_containers(self, kind: type[M]) -> list[M]:
        return self.to(words.CONTAINERS, kind)

    def events_to(self, peer: str = "x-1") -> list[executor_api.Event]:
        return self.to(peer, executor_api.Event)

    def closed(self) -> list[str]:
        return [word.peer for word in self.frame.sends if isinstance(word, Close)]

    def spec(self) -> ContainerSpec:
        """Of the only container launched in the last frame."""
        (launch,) = self.to_containers(words.LaunchContainer)
        return launch.spec

    def statuses(self, task_id: str = "t") -> list[TaskStatus]:
        """All statuses the agent has for a task: acknowledged ones too."""
        found: list[TaskStatus] = []
        for known in (*self.agent.state.frameworks.values(), *self.agent.state.completed_frameworks.values()):
            for executor in (*known.executors.values(), *known.completed_executors):
                held = [*executor.queued.values(), *executor.launched.values(), *executor.terminated.values()]
                for one in (*held, *executor.completed):
                    if one.id == task_id:
                        found += one.statuses
        return found

    def states(self, task_id: str = "t") -> list[str]:
        return [status.state.name.removeprefix("TASK_") for status in self.statuses(task_id)]


def status(task_id: str, state: TaskState, uuid: int = 0, **fields: Any) -> TaskStatus:
    """As an executor sends it."""
    made = TaskStatus(
        task_id=TaskID(task_id),
        state=state,
        source=TaskStatus.Source.SOURCE_EXECUTOR,
        uuid=(uuid or int(state) + 1).to_bytes(16, "big"),
    )
    return evolve(made, **fields) if fields else made
