"""What a scheduler double knows of its tasks, and the shapes of tasks it draws from.

A ``Record`` is written before the launch is asked for and changed by nothing but what the master says. A final state
with a uuid is the last word. A final state without one (LOST, GONE, UNKNOWN, DROPPED ... by the master's own knowledge)
closes the record too, but an agent that comes back may open it again: that is what partitions are like for frameworks
that are not partition aware.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import attrs

from mesos_py.machine.values import Nanos
from mesos_py.sim.fate import Fate
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.health import HealthCheck
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, TaskID
from mesos_py.wire.offer import Offer
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import TaskGroupInfo, TaskInfo, TaskState, TaskStatus
from mesos_py.wire.value import Value

S = TaskState
FINAL = {
    S.TASK_FINISHED, S.TASK_FAILED, S.TASK_KILLED, S.TASK_ERROR, S.TASK_LOST, S.TASK_DROPPED, S.TASK_GONE,
    S.TASK_GONE_BY_OPERATOR, S.TASK_UNKNOWN,
}  # fmt: skip

EXECUTOR_NEEDS = (0.1, 32.0)  # cpus, mem
PROBE_NEEDS = (0.1, 32.0)
EXECUTOR_DISK = 10.0

#: what it finds is in the task's fate
HEALTH_CHECK = HealthCheck(
    type=HealthCheck.Type.COMMAND, command=CommandInfo(value="true"), delay_seconds=1.0, interval_seconds=5.0,
    grace_period_seconds=0.0,
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Shape:
    """What a task is: how it is run, what it needs, what becomes of it."""

    #: "command", "custom" or "group"
    kind: str = "command"
    cpus: float = 0.5
    mem: float = 64.0
    #: how many
    ports: int = 0
    fate: Fate = attrs.Factory(Fate)
    #: of a custom executor
    executor: Fate = attrs.Factory(lambda: Fate(executor=1))

    @property
    def needs(self) -> tuple[float, float]:
        """Cpus and mem, its executor's included."""
        extra = (0.0, 0.0) if self.kind == "command" else EXECUTOR_NEEDS
        return self.cpus + extra[0], self.mem + extra[1]


@attrs.define(eq=False)
class Record:
    """One task as its scheduler knows it."""

    id: TaskID
    framework_id: FrameworkID
    agent_id: AgentID
    shape: Shape
    launched_at: Nanos
    is_probe: bool = False
    #: of its own, or one that runs already; a command task has none
    executor_id: str = ""
    #: taken from the offer
    ports: tuple[int, ...] = ()
    #: ACCEPTs that named it, and how many of them were refused because their offers were gone
    asked: int = 1
    refused: int = 0
    #: everything heard, oldest first
    heard: list[TaskStatus] = attrs.Factory(list)
    final: TaskState | None = None
    #: its framework has another id by now
    abandoned: bool = False

    @property
    def is_open(self) -> bool:
        """Not known to have ended."""
        return self.final is None and not self.abandoned

    @property
    def has_finished(self) -> bool:
        return self.final is S.TASK_FINISHED

    @property
    def is_unreachable(self) -> bool:
        """Nobody knows; its agent may be back, and may not."""
        return bool(self.heard) and self.heard[-1].state is S.TASK_UNREACHABLE

    @property
    def was_running(self) -> bool:
        return any(status.state is S.TASK_RUNNING for status in self.heard)

    def hear(self, status: TaskStatus, now: Nanos) -> None:
        """The last word with a uuid stands; without one, the latest does."""
        if status.reason is TaskStatus.Reason.REASON_INVALID_OFFERS:
            self.refused += 1
            if self.refused < self.asked:
                return
        if _is_about_another(status):
            return
        self.heard.append(status)
        state = status.state
        if self.final is not None and any(one.uuid and one.state in FINAL for one in self.heard[:-1]):
            return
        self.final = state if state in FINAL else None


def _is_about_another(status: TaskStatus) -> bool:
    """A second launch under the id was refused; that says nothing about the first."""
    reasons = TaskStatus.Reason
    invalid = (reasons.REASON_TASK_INVALID, reasons.REASON_TASK_GROUP_INVALID)
    return status.state is S.TASK_ERROR and status.reason in invalid and "uplicate" in (status.message or "")


@attrs.frozen(kw_only=True)
class Workload:
    """What a framework's tasks are like."""

    kinds: tuple[str, ...] = ("command",)
    run_max_s: float = 120.0
    #: part of the tasks that run until they are killed
    forever: float = 0.3
    fails: float = 0.05
    launch_max_s: float = 1.0
    stubborn: float = 0.1
    cpus_max: float = 1.0
    silent: float = 0.0
    twice: float = 0.0
    flaky: float = 0.0
    #: part of the tasks that are checked, and become unhealthy
    sick: float = 0.0

    def draw(self, task_id: TaskID, rng: random.Random) -> Shape:
        fate = Fate(
            task=task_id,
            launch=round(rng.random() * self.launch_max_s, 3),
            run=None if rng.random() < self.forever else round(0.1 + rng.random() * self.run_max_s, 3),
            exit=rng.choice((0, 0, 0, 1)),
            ignores=15 if rng.random() < self.stubborn else 0,
            fail=int(rng.random() < self.fails),
            sick=round(rng.random() * self.run_max_s, 3) if self.sick and rng.random() < self.sick else None,
        )
        executor = Fate(
            task=task_id,
            executor=1,
            silent=int(rng.random() < self.silent),
            stays=int(rng.random() < self.twice),
            twice=int(rng.random() < self.twice),
            flaky=round(1 + rng.random() * 20, 3) if rng.random() < self.flaky else None,
        )
        cpus = round(0.1 + rng.random() * self.cpus_max, 1)
        ports = rng.choice((0, 0, 1, 3))
        return Shape(kind=rng.choice(self.kinds), cpus=cpus, ports=ports, fate=fate, executor=executor)

    def probe(self, task_id: TaskID) -> Shape:
        """Small, and over at once."""
        cpus, mem = PROBE_NEEDS
        return Shape(cpus=cpus, mem=mem, fate=Fate(task=task_id, run=1.0))


def top(role: str) -> str:
    """The role that has its quota."""
    return role.partition("/")[0]


# ---- as messages


def resources(*, ports: Sequence[int] = (), **scalars: float) -> tuple[Resource, ...]:
    """Scalars by name, and single ports."""
    made = [
        Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(value=amount))
        for name, amount in scalars.items()
    ]
    if ports:
        ranges = Value.Ranges(range=tuple(Value.Range(begin=port, end=port) for port in ports))
        made.append(Resource(name="ports", type=Value.Type.RANGES, ranges=ranges))
    return tuple(made)


def ports_of(offer: Offer) -> list[int]:
    """Every port that is offered, by itself."""
    return [
        port
        for resource in offer.resources if resource.name == "ports" and resource.ranges is not None
        for span in resource.ranges.range
        for port in range(span.begin, span.end + 1)
    ]  # fmt: skip


def fitting(offer: Offer, records: Sequence[Record]) -> list[Record]:
    """Those for which there is room beside the ones before them; they have their ports from now on."""
    free = {resource.name: resource.scalar.value for resource in offer.resources if resource.scalar is not None}
    ports = ports_of(offer)
    found = []
    for record in records:
        cpus, mem = record.shape.needs
        count = record.shape.ports
        if free.get("cpus", 0) >= cpus and free.get("mem", 0) >= mem and count <= len(ports):
            free["cpus"] -= cpus
            free["mem"] -= mem
            record.ports = tuple(ports[:count])
            del ports[:count]
            found.append(record)
    return found


def task_of(record: Record, executor: ExecutorInfo | None = None) -> TaskInfo:
    """A custom executor reads its task's fate from the data, a command is its own."""
    shape = record.shape
    command = shape.fate.command()
    return TaskInfo(
        name=record.id,
        task_id=record.id,
        agent_id=record.agent_id,
        resources=resources(cpus=shape.cpus, mem=shape.mem, ports=record.ports),
        command=None if shape.kind == "custom" else CommandInfo(value=command),
        executor=executor,
        data=command.encode() if shape.kind == "custom" else None,
        health_check=HEALTH_CHECK if shape.fate.sick is not None and shape.kind != "custom" else None,
    )


def executor_of(record: Record, framework_id: FrameworkID) -> ExecutorInfo:
    """The same for all records that share it."""
    is_custom = record.shape.kind == "custom"
    cpus, mem = EXECUTOR_NEEDS
    return ExecutorInfo(
        type=ExecutorInfo.Type.CUSTOM if is_custom else ExecutorInfo.Type.DEFAULT,
        executor_id=ExecutorID(record.executor_id),
        framework_id=framework_id,
        command=CommandInfo(value=record.shape.executor.command()) if is_custom else None,
        resources=resources(cpus=cpus, mem=mem, disk=EXECUTOR_DISK),
    )


def launch_of(records: Sequence[Record], framework_id: FrameworkID) -> tuple[Offer.Operation, ...]:
    """One operation for each task, and one for all tasks of a group."""
    operation = Offer.Operation
    made = []
    groups: dict[str, list[Record]] = {}
    for record in records:
        kind = record.shape.kind
        if kind == "group":
            groups.setdefault(record.executor_id, []).append(record)
            continue
        executor = executor_of(record, framework_id) if kind == "custom" else None
        launch = operation.Launch(task_infos=(task_of(record, executor),))
        made.append(operation(type=operation.Type.LAUNCH, launch=launch))
    for group in groups.values():
        tasks = TaskGroupInfo(tasks=tuple(task_of(record) for record in group))
        launch_group = operation.LaunchGroup(executor=executor_of(group[0], framework_id), task_group=tasks)
        made.append(operation(type=operation.Type.LAUNCH_GROUP, launch_group=launch_group))
    return tuple(made)
