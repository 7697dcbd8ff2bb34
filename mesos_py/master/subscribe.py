"""Change -> what a subscribed operator is told; pure.

Mesos: src/master/master.cpp Subscribers::Subscriber::send, src/common/protobuf_utils.cpp (master::event).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mesos_py.master import changes
from mesos_py.master.entities import Framework
from mesos_py.master.views.agents import agent_message
from mesos_py.wire.master_api import Event, Response
from mesos_py.wire.value import TimeInfo

Type = Event.Type

HEARTBEAT = Event(type=Type.HEARTBEAT)


def event_of(change: Any) -> Event | None:
    """The event that tells ``change``; None: operators are not told."""
    teller = _TELLERS.get(type(change))
    return None if teller is None else teller(change)


def _task_added(change: changes.TaskAdded) -> Event:
    return Event(type=Type.TASK_ADDED, task_added=Event.TaskAdded(task=change.task.wire()))


def _task_updated(change: changes.TaskUpdated) -> Event:
    told = Event.TaskUpdated(framework_id=change.framework_id, status=change.status, state=change.state)
    return Event(type=Type.TASK_UPDATED, task_updated=told)


def _framework_added(change: changes.FrameworkAdded) -> Event:
    return Event(
        type=Type.FRAMEWORK_ADDED, framework_added=Event.FrameworkAdded(framework=_framework(change.framework))
    )


def _framework_updated(change: changes.FrameworkUpdated) -> Event:
    return Event(
        type=Type.FRAMEWORK_UPDATED, framework_updated=Event.FrameworkUpdated(framework=_framework(change.framework))
    )


def _framework_removed(change: changes.FrameworkRemoved) -> Event:
    removed = Event.FrameworkRemoved(framework_info=change.framework.info)
    return Event(type=Type.FRAMEWORK_REMOVED, framework_removed=removed)


def _agent_added(change: changes.AgentAdded) -> Event:
    return Event(type=Type.AGENT_ADDED, agent_added=Event.AgentAdded(agent=agent_message(change.agent)))


def _agent_removed(change: changes.AgentRemoved) -> Event:
    return Event(type=Type.AGENT_REMOVED, agent_removed=Event.AgentRemoved(agent_id=change.agent_id))


#: An agent that becomes unreachable or gone is not told, as in Mesos.
_TELLERS: dict[type, Callable[[Any], Event]] = {
    changes.TaskAdded: _task_added,
    changes.TaskUpdated: _task_updated,
    changes.FrameworkAdded: _framework_added,
    changes.FrameworkUpdated: _framework_updated,
    changes.FrameworkRemoved: _framework_removed,
    changes.AgentAdded: _agent_added,
    changes.AgentRemoved: _agent_removed,
}


def _framework(framework: Framework) -> Response.GetFrameworks.Framework:
    """Who it is, without what it holds."""
    again = framework.reregistered_time_ns or framework.registered_time_ns
    return Response.GetFrameworks.Framework(
        framework_info=framework.info,
        active=framework.active,
        connected=framework.connected,
        recovered=framework.recovered,
        registered_time=TimeInfo(nanoseconds=framework.registered_time_ns),
        reregistered_time=TimeInfo(nanoseconds=again),
        unregistered_time=TimeInfo(nanoseconds=framework.unregistered_time_ns or 0),
    )
