"""What is kept of instances: one record each, written when it is another than before.

A record names its definition by id and version, which ``deployments.versions`` keeps for as long as an instance has it.
What agents can be asked again, such as messages, is not kept. Records of another form than today's carry another number
(``FORM``), and are read by whoever still knows it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from frameworks.marathon_py.broken import of_record
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.instances import kills, unreachable
from frameworks.marathon_py.instances.instance import (
    Condition,
    Goal,
    HealthResult,
    Instance,
    InstanceTask,
    Placed,
)  # fmt: skip
from frameworks.marathon_py.instances.updates import reschedule
from mesos_py.machine.frame import Frame
from mesos_py.wire.ids import AgentID, TaskID

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon
    from frameworks.marathon_py.definitions.app import App
    from frameworks.marathon_py.definitions.pods import Pod

INSTANCE = "marathon/instance/"
FORM = 1


def settle(m: Marathon, out: Frame) -> None:
    """What has changed in this frame survives."""
    for name in m.touched:
        instance = m.instances.get(name)
        m.keep(f"{INSTANCE}{name}", record(instance) if instance is not None else None, out)


def record(instance: Instance) -> bytes:
    """``restored`` makes the same of it."""
    placed = instance.placed
    kept: list[Any] = [
        FORM, instance.spec_id, instance.spec.version, instance.goal.value, instance.condition.value, instance.since,
        instance.incarnation, instance.active_since, instance.unreachable_since, int(instance.is_killed),
        int(instance.is_ready), instance.healthy,
        None if placed is None else [
            placed.agent_id, placed.hostname, placed.region, placed.zone, dict(placed.attributes),
        ],
        [
            [
                task.container, list(task.host_ports), task.condition.value, task.staged_at, task.started_at,
                task.healthy, list(task.addresses),
            ]
            for task in instance.tasks.values()
        ],
        [[index, *attrs.astuple(found)] for index, found in instance.health.items()], instance.unhealthy_because,
    ]  # fmt: skip
    return json.dumps(kept, separators=(",", ":")).encode()


def restored(name: str, contents: bytes, definition: Callable[[PathId, str], App | Pod | None]) -> Instance | None:
    """As it was kept; None: nobody knows its definition. Raises ValueError."""
    form, *kept = json.loads(contents)
    if form != FORM:
        raise ValueError(f"the record of instance {name} is of form {form}, and {FORM} is what is known here")
    (
        spec_id, version, goal, condition, since, incarnation, active_since, unreachable_since, is_killed, is_ready,
        healthy, placed, tasks, health, unhealthy_because,
    ) = kept  # fmt: skip
    spec = definition(PathId(spec_id), version)
    if spec is None:
        return None
    return Instance(
        name, spec, Goal(goal), Condition(condition), since, incarnation,
        None if placed is None else Placed(AgentID(placed[0]), *placed[1:]),
        {
            container: InstanceTask(
                TaskID(f"{name}.{container}.{incarnation}"), container, tuple(ports), Condition(state), staged, started,
                is_healthy, tuple((address, protocol) for address, protocol in addresses),
            )
            for container, ports, state, staged, started, is_healthy, addresses in tasks
        },
        active_since, healthy, bool(is_ready), unreachable_since, bool(is_killed),
        health={index: HealthResult(*found) for index, *found in health}, unhealthy_because=unhealthy_because,
    )  # fmt: skip


def begin(m: Marathon, tasks: Mapping[TaskID, AgentID | None], out: Frame) -> None:
    """All instances are as they were kept; of ``tasks``, which were asked for, those that are nobody's are killed.
    Raises NotUnderstood: what is not known to be somebody's would be killed."""
    for name in [name for name in m.records if name.startswith(INSTANCE)]:
        with of_record(name):
            instance = restored(name.removeprefix(INSTANCE), m.records[name], m.versions.spec)
        if instance is None:
            m.keep(name, None, out)
        else:
            m.restore(instance, out)
    for instance in list(m.instances.values()):
        _go_on(m, instance, tasks, out)
    for task_id, agent_id in tasks.items():
        if task_id not in m.tasks:
            kills.say(task_id, agent_id, out)


def _go_on(m: Marathon, instance: Instance, tasks: Mapping[TaskID, AgentID | None], out: Frame) -> None:
    """What was never asked for waits for another offer, what was to be killed is, and timers are set."""
    m.touched[instance.id] = None
    left, is_away = instance.open_tasks, instance.unreachable_since is not None
    if left and not is_away and not any(task.id in tasks for task in left):
        if instance.goal is Goal.RUNNING:
            reschedule(m, instance, out)
        else:
            m.forget(instance, out)
    elif is_away:
        unreachable.judge(m, instance, out)
    elif instance.is_killed or instance.goal is Goal.DECOMMISSIONED:
        kills.kill(m, instance, out)

