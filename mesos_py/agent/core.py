"""The agent's core: which row handles what, and the few things every row needs.

Owned parts are called (state, updates, timers, registration, collector, built-in executors); peers are sent to (the
master, custom executors, and the rim: containers, disk, process; see words.py). Nothing here waits or fails.

Mesos: src/slave/slave.cpp.
"""

from __future__ import annotations

from itertools import islice
from typing import Protocol

from mesos_py.agent import events, gc, registration, specs, words
from mesos_py.agent.api_containers import ApiContainers
from mesos_py.agent.calls import (
    api_containers,
    checks,
    containers,
    endings,
    executors,
    frameworks,
    kills,
    recovery,
    room,
    tasks,
)
from mesos_py.agent.checkpoint import facts
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.isolators import network
from mesos_py.agent.entities import Executor, Task
from mesos_py.agent.gc import Collector
from mesos_py.agent.lifecycle import TERMINAL
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.registration import RECONNECTING, Phase, Registration
from mesos_py.agent.state import State
from mesos_py.agent.updates import RetryUpdate, Taken, Updates
from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Event, Frame, Tick
from mesos_py.machine.table import Table, run
from mesos_py.machine.timers import Timers
from mesos_py.machine.values import Nanos
from mesos_py.wire import internal
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.checkpoint import Kind
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.ids import ExecutorID, FrameworkID, TaskID
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.resource import Resource, TaskResourceLimitation
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskState, TaskStatus

TIMERS_PER_FRAME = 200  # due timers handled in one frame; the rest have the next one, which comes at once

_NOT_FIXED = ~((0xF000 << 64) | (0xC000 << 48))  # version and variant of a UUID
_FIXED = (0x4000 << 64) | (0x8000 << 48)

retries = Table("update retries")


@retries.on(RetryUpdate)
def retry_update(agent: Agent, event: Event, out: Frame) -> None:
    """The head of the stream is sent again."""
    agent.updates.retry(event.body, out)


ROWS = Table.merge(
    registration.rows,
    retries,
    tasks.rows,
    kills.rows,
    frameworks.rows,
    executors.rows,
    endings.rows,
    containers.rows,
    api_containers.rows,
    checks.rows,
    recovery.rows,
    room.rows,
    gc.rows,
)


class Rng(Protocol):
    """Where ids and random delays come from."""

    def getrandbits(self, k: int, /) -> int: ...

    def random(self) -> float: ...


class Agent:
    """One agent. ``info`` has no id unless a former run was admitted."""

    def __init__(
        self, options: AgentOptions, info: AgentInfo, total: Resources, *, work_dir: str, ip: str, port: int, rng: Rng
    ) -> None:
        self.options = options
        #: absolute, without links
        self.work_dir = work_dir
        self.ip = ip
        #: "ip:port", as executors are told
        self.endpoint = f"{ip}:{port}"
        self.pid = f"slave(1)@{ip}:{port}"
        self.network_infos = (
            NetworkInfo(
                ip_addresses=(
                    NetworkInfo.IPAddress(
                        protocol=NetworkInfo.Protocol.IPv6 if ":" in ip else NetworkInfo.Protocol.IPv4, ip_address=ip
                    ),
                )
            ),
        )
        self.state = State(info, total, max_completed_executors=options.max_completed_executors_per_framework)
        self.timers = Timers()
        #: when Tick is wanted next
        self.deadline = self.timers.deadline
        self.updates = Updates(self.timers, self.state)
        self.registration = Registration()
        #: nested and standalone ones, and who waits for any container
        self.api_containers = ApiContainers()
        #: False: the disk is full, and nothing more is begun that would have to be kept
        self.has_room = True
        self.collector = Collector(options.gc_delay, options.gc_disk_headroom)
        self._rng = rng
        self._causes = 0

    # ---- a core

    def apply(self, event: Event, now: Nanos) -> Frame:
        """Everything ``event`` causes."""
        self._causes += 1
        out = Frame(now, self._causes)
        if event.kind is Tick:
            for due in islice(self.timers.due(now), TIMERS_PER_FRAME):
                out.due.append(due)
                run(ROWS, self, due.__class__, Event(due.__class__, due), out)
        else:
            run(ROWS, self, event.kind, event, out)
        if self.registration.phase is RECONNECTING:
            recovery.finish_if_settled(self, out)
        return out

    def check(self) -> None:
        """All invariants; after every frame in tests."""
        self.state.check()
        self.updates.check()
        self.api_containers.check()
        for framework in self.state.frameworks.values():
            for executor in framework.executors.values():
                for task_id in executor.terminated:
                    stream = self.updates.stream(framework.id, task_id)
                    assert framework.terminating or (stream is not None and stream.closing), task_id

    # ---- what rows share

    def hears(self, event: Event) -> bool:
        """Whether a message comes from the leading master and we may act on it."""
        phase = self.registration.phase
        return event.peer == self.registration.peer and phase in (Phase.RUNNING, Phase.DISCONNECTED)

    def take(self, executor: Executor, task: Task, status: TaskStatus, out: Frame) -> Taken:
        """``status`` is complete: it will be delivered, and the task is in the state it says."""
        framework = executor.framework
        if framework.terminating:
            return Taken.LATE
        if status.state in TERMINAL:
            usage = executor.usage or executor.task_usage.pop(task.id, None)
            if usage is not None:
                status = evolve(status, labels=usage.labels)
        taken = self.updates.receive(
            framework.id, executor.id, executor.container_id, framework.info.checkpoint, status, out
        )
        if taken is Taken.NEW:
            self.state.count("slave/valid_status_updates")
            self.state.update_task(executor, task, status, out)
            if status.state in TERMINAL and executor.kind is not Kind.COMMAND:
                self.update_container(executor, out)
        return taken

    def tell_once(
        self, executor: Executor, task: Task, state: TaskState, reason: TaskStatus.Reason, message: str, out: Frame
    ) -> None:
        """The master hears how a task ended, of which nobody acknowledges anything: now, or after it has answered our
        report."""
        status = evolve(self._status(task.id, executor.id, state, reason, message, out), uuid=None)
        update = internal.StatusUpdate(framework_id=executor.framework.id, status=status)
        if self.updates.peer is not None:
            out.send(self.updates.peer, update)
        else:
            self.registration.untold.append(update)

    def end_task(
        self, executor: Executor, task: Task, state: TaskState, reason: TaskStatus.Reason, message: str, out: Frame,
        *, exceeded: tuple[Resource, ...] = (),
    ) -> None:  # fmt: skip
        """Say ourselves how a task of ``executor`` ended, and of which resources it had taken too much."""
        status = self._status(task.id, executor.id, state, reason, message, out)
        if exceeded:
            status = evolve(status, limitation=TaskResourceLimitation(resources=exceeded))
        self.take(executor, task, status, out)

    def drop(
        self,
        framework_id: FrameworkID,
        task_id: TaskID,
        executor_id: ExecutorID | None,
        state: TaskState,
        reason: TaskStatus.Reason,
        message: str,
        out: Frame,
    ) -> None:
        """Say that a task which no executor of ours has will not run here."""
        status = self._status(task_id, executor_id, state, reason, message, out)
        self.updates.receive(framework_id, executor_id or ExecutorID(""), "", False, status, out)
        self.state.remember_dropped(framework_id, task_id)
        self.state.count_end(state)

    def tell_again(self, framework_id: FrameworkID, status: TaskStatus, out: Frame) -> None:
        """An end that a former run has told is told until it is acknowledged."""
        self.updates.receive(framework_id, status.executor_id or ExecutorID(""), "", False, status, out)
        self.state.remember_dropped(framework_id, status.task_id)

    def _status(
        self,
        task_id: TaskID,
        executor_id: ExecutorID | None,
        state: TaskState,
        reason: TaskStatus.Reason,
        message: str,
        out: Frame,
    ) -> TaskStatus:
        return TaskStatus(
            task_id=task_id,
            state=state,
            message=message,
            source=TaskStatus.Source.SOURCE_AGENT,
            reason=reason,
            agent_id=self.state.id,
            executor_id=executor_id,
            timestamp=out.now / 1e9,
            uuid=self.new_uuid(),
        )

    def save(self, executor: Executor, out: Frame) -> None:
        """The executor as it is now survives, if its framework wants that."""
        if executor.checkpoint:
            out.write(facts.ExecutorSaved(executor.framework.id, executor.record()))

    def executor_environment(self, executor: Executor) -> dict[str, str]:
        """What the executor's container learns from us."""
        return specs.executor_environment(
            self.options, self.state.info, self.endpoint, self.pid, executor, self.ip
        )

    def launch(self, spec: ContainerSpec, command: CommandInfo | None, out: Frame) -> None:
        """Run the container, or fail it in the next frame if nobody here can."""
        root = spec.container if network.is_own(spec) else spec.root_container
        problem = specs.unsupported(self.options, spec.container, command, network.named(root))
        problem = problem or network.problem(root, lambda: self._entitled(spec))
        if problem is None:
            out.send(words.CONTAINERS, words.LaunchContainer(spec))
        else:
            failed = events.ContainerLaunchFailed(spec.container_id, problem)
            self.timers.set(("unsupported", spec.container_id), out.now, failed)

    def _entitled(self, spec: ContainerSpec) -> Resources:
        """What those may use who are in the container's networks."""
        executor = self.state.containers.get(spec.container_id if network.is_own(spec) else spec.parent_id or "")
        return Resources.of(spec.resources) if executor is None else executor.used()

    def update_container(self, executor: Executor, out: Frame) -> None:
        """Its container may use what it and its tasks are entitled to now."""
        if not executor.is_over:
            out.send(
                words.CONTAINERS,
                words.UpdateContainer(executor.container_id, *specs.entitlement(self.options, executor)),
            )

    def begin_watching(self, out: Frame) -> None:
        """Recovery is over: the disk is watched from now on."""
        gc.begin(self, out)

    def new_uuid(self) -> bytes:
        """Sixteen bytes of a random (version 4) UUID."""
        return self._uuid().to_bytes(16, "big")

    def new_id(self) -> str:
        """The same as text: a container's id."""
        text = f"{self._uuid():032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _uuid(self) -> int:
        bits = self._rng.getrandbits(128)
        return (bits & _NOT_FIXED) | _FIXED

    def random_part(self, bound: Nanos) -> Nanos:
        """A delay in [0, bound)."""
        return int(self._rng.random() * bound)
