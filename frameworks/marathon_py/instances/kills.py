"""Kills: what is to end, and how many at a time.

A kill is repeated until the task has ended: from time to time, after a restart, and when an agent comes back. At most
``kill_chunk_size`` instances are being killed at the same time, the others wait. What is out of reach as a whole cannot
be killed: it is forgotten, and killed as a stranger should it come back.

Source: mesosphere/marathon .../core/task/termination/impl/KillServiceActor.scala.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.marathon_py import words
from frameworks.marathon_py.instances import dues
from frameworks.marathon_py.instances.instance import Goal, Instance
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.scheduler_api import Call

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

table = Table("kills of instances")


def stop(m: Marathon, instance: Instance, out: Frame) -> None:
    """It is to end and to be forgotten; one that has no task is forgotten at once. Residents keep their data."""
    m.want(instance, Goal.STOPPED if instance.spec.is_resident else Goal.DECOMMISSIONED, out)
    _end(m, instance, out)


def wipe(m: Marathon, instance: Instance, out: Frame) -> None:
    """It is to end and to be forgotten, with its data."""
    m.want(instance, Goal.DECOMMISSIONED, out)
    _end(m, instance, out)


def kill(m: Marathon, instance: Instance, out: Frame) -> None:
    """Its tasks are to end, and then its goal decides."""
    _end(m, instance, out)


def _end(m: Marathon, instance: Instance, out: Frame) -> None:
    is_away = instance.unreachable_since is not None
    if instance.open_tasks and not is_away:
        instance.is_killed = True
        if instance.id not in m.killing:
            m.kills[instance.id] = None
        m.touched[instance.id] = None
    elif (is_away and not instance.spec.is_resident) or instance.goal is Goal.DECOMMISSIONED:
        m.forget(instance, out)


def settle(m: Marathon, out: Frame) -> None:
    """Of those that are to be killed, as many are as may be at the same time."""
    while m.kills and len(m.killing) < m.habits.kill_chunk_size:
        instance = m.instances[next(iter(m.kills))]
        del m.kills[instance.id]
        m.killing[instance.id] = None
        _say(instance, out)
    if m.killing and "kills" not in m.timers:
        m.timers.set("kills", out.now + seconds(m.habits.kill_retry_timeout_s), dues.KillsDue())


@table.on(dues.KillsDue)
def kills_due(m: Marathon, event: Event, out: Frame) -> None:
    """Those that have not ended are killed again, and will be."""
    for name in m.killing:
        _say(m.instances[name], out)


def _say(instance: Instance, out: Frame) -> None:
    for task in instance.open_tasks:
        say(task.id, instance.placed.agent_id if instance.placed is not None else None, out)


def say(task_id: TaskID, agent_id: AgentID | None, out: Frame) -> None:
    out.send(words.SCHEDULER, Call(type=Call.Type.KILL, kill=Call.Kill(task_id=task_id, agent_id=agent_id)))
