"""What became of tasks, and what that means for their instances.

==========================  ===============================  =========================================================
the tasks                   goal RUNNING                     goal DECOMMISSIONED (STOPPED)
==========================  ===============================  =========================================================
start, run, are killed      as the first of them, in the     the same
                            order of ``conditions``
are out of reach            as its strategy says             is forgotten (waits)
                            (``unreachable``)
have all ended              waits for an offer at once,      is forgotten (is kept)
                            with the definition of now
==========================  ===============================  =========================================================

A task that is nobody's (its instance has another one by now, or is gone) is killed. An update is acknowledged when what
it means is kept, and a task is remembered by the session until then.

Source: mesosphere/marathon .../core/instance/update/InstanceUpdater.scala, .../core/task/update/impl/
TaskStatusUpdateProcessorImpl.scala.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.marathon_py import words
from frameworks.marathon_py.instances import failures, health, kills, unreachable
from frameworks.marathon_py.instances.conditions import condition_of, together
from frameworks.marathon_py.instances.instance import Condition, Goal, Instance, InstanceTask, instance_of, spec_of
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.sdk.session.book import is_end
from mesos_py.wire.network import IPProtocol
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskStatus

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

table = Table("updates of Marathon's tasks")


@table.on(MasterEvent.Update)
def update(m: Marathon, event: Event, out: Frame) -> None:
    """The instance is what the table above says."""
    status: TaskStatus = event.body.status
    instance = m.tasks.get(status.task_id)
    if instance is None:
        _stranger(m, status, out)
        return
    task = next(one for one in instance.tasks.values() if one.id == status.task_id)
    _hear(m, instance, task, status, out)
    conditions = [one.condition for one in instance.tasks.values()]
    left = instance.open_tasks
    if not left:
        ended(m, instance, together(conditions), out)
    elif all(one.condition is Condition.UNREACHABLE for one in left):
        unreachable.heard(m, instance, status, out)
    else:
        _is_there(m, instance, together(conditions), out)
    if instance.id in m.instances:
        health.judge(m, instance, out)


def _stranger(m: Marathon, status: TaskStatus, out: Frame) -> None:
    """Whatever has ended need not be known; what goes on must not."""
    name, condition = instance_of(status.task_id), condition_of(status)
    if not (condition.is_terminal or condition is Condition.UNREACHABLE):
        kills.say(status.task_id, status.agent_id, out)
    elif name is not None and name not in m.instances:
        spec_id = spec_of(name)
        assert spec_id is not None, name
        out.change(words.StrangerEnded(name, spec_id, condition.value))
    if is_end(status.state):
        out.send(words.SCHEDULER, words.Forget(status.task_id))


def _hear(m: Marathon, instance: Instance, task: InstanceTask, status: TaskStatus, out: Frame) -> None:
    """The task is as the status says."""
    condition, former = condition_of(status), task.condition
    if condition in (Condition.STAGING, Condition.STARTING) and task.started_at is not None:
        condition = Condition.RUNNING  # what was said before it ran has come late
    task.condition, task.status = condition, status
    if status.healthy is not None:
        task.healthy = status.healthy
    if status.container_status is not None and status.container_status.network_infos:
        task.addresses = tuple(
            (address.ip_address, (address.protocol or IPProtocol.IPv4).name)
            for network in status.container_status.network_infos for address in network.ip_addresses
            if address.ip_address is not None
        )  # fmt: skip
    if condition is Condition.RUNNING and task.started_at is None:
        task.started_at = out.now
    if condition is not former:
        _tell(instance, task, status, out)
    if condition.is_terminal:
        del m.tasks[task.id]
        if is_end(status.state):
            out.send(words.SCHEDULER, words.Forget(task.id))
    m.touched[instance.id] = None


def _tell(instance: Instance, task: InstanceTask, status: TaskStatus, out: Frame) -> None:
    placed = instance.placed
    out.change(words.TaskChanged(
        task.id, instance.spec_id, placed.agent_id if placed is not None else "",
        placed.hostname if placed is not None else "", status.state.name, status.message or "", task.addresses,
        tuple(port for port in task.host_ports if port is not None), instance.spec.version,
    ))  # fmt: skip


def _is_there(m: Marathon, instance: Instance, condition: Condition, out: Frame) -> None:
    was_away = instance.unreachable_since is not None
    instance.unreachable_since = None
    m.become(instance, condition, out)
    if was_away and instance.is_killed:
        kills.kill(m, instance, out)  # what was said before it went may not have reached it


def ended(m: Marathon, instance: Instance, condition: Condition, out: Frame) -> None:
    """It has no task any more: it waits for an offer, or is what else is wanted of it."""
    m.become(instance, condition, out)
    failures.note(m, instance, condition, out)
    if instance.goal is Goal.DECOMMISSIONED:
        m.forget(instance, out)
    elif instance.goal is Goal.RUNNING:
        reschedule(m, instance, out)


def reschedule(m: Marathon, instance: Instance, out: Frame) -> None:
    """It waits for an offer, wherever that comes from. What a deployment replaces stays as it was."""
    current = m.specs.get(instance.spec_id) if instance.spec_id not in m.locked else None
    if current is not None and current is not instance.spec:
        instance.spec = current
        m.recounted[instance.spec_id] = None
    m.clear(instance)
    m.become(instance, Condition.SCHEDULED, out)
